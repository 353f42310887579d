"""The gate over HTTP: a file, or hashes of files, checked against the lists.

These two are asked more than all other routes together, so they are answered directly (`vangnet.web.direct`), and what is
sent to them is read here.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import to_json
from starlette.responses import Response

from vangnet.audit.model import ActorKind
from vangnet.errors import InvalidInput, RequestRefused, TooManyAttempts, Unavailable
from vangnet.gate.model import BATCH_MAX, OBJECT_ID_MAX, CheckAnswer, Decision, Door, GivenHash, HashCheck, Outcome
from vangnet.gate.service.gate import Gate
from vangnet.gate.uploader_text import uploader_text
from vangnet.hashing.model import Reason
from vangnet.identity.model.text import is_given_name
from vangnet.identity.permissions import Permission
from vangnet.web.access import needs
from vangnet.web.api.upload import pieces, received
from vangnet.web.api.words import SEEN_AS, GivenName, Md5Digits, Percent, Sha1Digits, Sha256Digits, at_least_one
from vangnet.web.direct import DirectRoute
from vangnet.web.protocols.wire import Body
from vangnet.web.visit import OneVisit, Visit

router = APIRouter(prefix="/api/v1", tags=["Gate"], route_class=DirectRoute)

#: More than what other routes take: files, which are limited here; and ten thousand checks with four hashes each.
LARGER_BODIES: dict[str, int | None] = {"/api/v1/check": None, "/api/v1/check/hashes": 8 * 1024 * 1024}
_RETRY_AFTER_S = 1
#: Up to this size, what is asked is read at once.
_SHORT_BYTES = 4096

_LENGTHS = {"md5": 16, "sha1": 20, "sha256": 32, "pdq": 32}


class MatchAnswer(BaseModel):
    """A listed entry that was found. Its hash is told to nobody."""

    list: str = Field(description="The list's name.")
    list_id: str = Field(description="The list's id.")
    entry_id: int | None = Field(description="The entry's number; null where it is withheld, as are the four below.")
    classification: str | None = Field(description="What it is classified as.")
    algorithm: str | None = Field(description="By which hash it was found.")
    distance: int | None = Field(description="In how many bits the hashes differ; 0 for digests.")
    view: str | None = Field(description=SEEN_AS)
    shadow: bool = Field(description="It was counted and decided nothing.")


class UploaderText(BaseModel):
    """What the uploader of a refused file may be told: not why."""

    nl: str = Field(description="In Dutch.")
    en: str = Field(description="In English.")


class CheckedAnswer(BaseModel):
    """The answer to one check."""

    check_id: str = Field(description="The check's id.")
    outcome: Outcome = Field(description="What was found.")
    decision: Decision = Field(description="What your policy says to do.")
    matches: list[MatchAnswer] = Field(description="The entries that were found.")
    checked: list[str] = Field(
        description="By what it was looked up. `pdq:16/40` says that 16 of an animation's 40 pictures were."
    )
    index_version: int = Field(description="The number of the last change to the lists that counted.")
    reason: Reason | None = Field(description="Why it could not be examined as it should be.")
    withheld: bool = Field(
        description="Your key, or the uploader, seems to try the lists out: each list is told once, and no more of it."
    )
    uploader_text: UploaderText | None = Field(
        default=None, description="Only of a refused file, and only where `VANGNET_UPLOADER_HELP_NL` and `_EN` are set."
    )


class HashesToCheck(BaseModel):
    """The hashes of one file, as hexadecimal digits; at least one."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=at_least_one("md5", "sha1", "sha256", "pdq"))

    md5: Md5Digits | None = Field(default=None, description="32 digits.")
    sha1: Sha1Digits | None = Field(default=None, description="40 digits.")
    sha256: Sha256Digits | None = Field(default=None, description="64 digits.")
    pdq: Sha256Digits | None = Field(default=None, description="64 digits, by the convention `full`.")
    quality: Percent | None = Field(default=None, description="Of the PDQ hash, where it is known.")
    object_id: GivenName | None = Field(default=None, max_length=OBJECT_ID_MAX, description="Your own name for the file.")
    uploader: GivenName | None = Field(
        default=None, max_length=OBJECT_ID_MAX, description="Your pseudonym for whoever uploaded it, as in `Uploader`."
    )


class HashChecks(BaseModel):
    """Many files, each by its hashes."""

    model_config = ConfigDict(extra="forbid")

    checks: list[HashesToCheck] = Field(max_length=BATCH_MAX, description=f"At most {BATCH_MAX}.")


class HashAnswers(BaseModel):
    """One answer for each, in the same order."""

    results: list[CheckedAnswer]


def _gate(visit: OneVisit) -> Gate:
    gate = visit.site.gate
    if gate is None:
        raise RequestRefused(problem="this process checks no files: ask one that `vangnet serve` started", status=503)
    return gate


#: What a header can hold without a doubt how it is read (RFC 9110, section 5.5).
_HEADER_PATTERN = "^[!-~]([ -~]*[!-~])?$"
_NAME = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": OBJECT_ID_MAX, "pattern": _HEADER_PATTERN},
    "description": "Your own name for the upload. The same name with another file is refused (409).",
}
_UPLOADER = {
    "name": "Uploader",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": OBJECT_ID_MAX, "pattern": _HEADER_PATTERN},
    "description": "Your pseudonym for whoever uploads: so that one who tries the lists out is limited, and not your key.",
}
_FILE = {"type": "string", "format": "binary"}


@router.post(
    "/check",
    dependencies=[needs(Permission.GATE_CHECK)],
    response_model=CheckedAnswer,
    openapi_extra={
        "parameters": [_NAME, _UPLOADER],
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": {"schema": _FILE},
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "properties": {"file": _FILE},
                        "required": ["file"],
                        "additionalProperties": False,
                    },
                },
            },
        },
    },
)
async def check_file(visit: Visit) -> Response:
    """Check a file: its bytes as the body, or a form with one field `file`.

    200 says what was found and what to do. 503 says that it could not be checked: that is never the same as not listed; do
    what `decision` says, or ask again after `Retry-After` seconds.
    """
    gate, key, name = _gate(visit), _provider_key(visit), _header(visit, "Idempotency-Key")
    uploader = _header(visit, "Uploader")
    if refused_for_s := gate.watch.refused_for_s(provider_key=key, door=Door.API, uploader=uploader, now=visit.now):
        raise TooManyAttempts(retry_after_s=refused_for_s)
    async with received(visit.request, visit.site) as upload:
        answer = None
        if upload is not None:
            answer = await visit.site.checks.run(partial(_checked, visit, upload, name, uploader))
    return _answered(visit, answer or gate.unavailable(door=Door.API, provider_key=key, now=visit.now))


def _checked(visit: OneVisit, upload: Body, name: str | None, uploader: str | None) -> CheckAnswer:
    gate, key, now = _gate(visit), _provider_key(visit), visit.now
    data = upload.data()
    if data is None:
        digests = upload.digests()
        return gate.check_unread(
            Reason.TOO_LARGE,
            digests=digests,
            door=Door.API,
            provider_key=key,
            object_id=name,
            now=now,
            uploader=uploader,
        )
    return gate.check(
        data, door=Door.API, provider_key=key, object_id=name, now=now, idempotency_key=name, uploader=uploader
    )


@router.post(
    "/check/hashes",
    dependencies=[needs(Permission.GATE_CHECK)],
    response_model=HashAnswers,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/HashChecks"}}},
        }
    },
)
async def check_hashes(visit: Visit) -> Response:
    """Check many files by hashes that you made yourself.

    What is not given is not looked up: `checked` says by what each was. 503 where one could not be checked.
    """
    gate, key = _gate(visit), _provider_key(visit)
    content_type = visit.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise InvalidInput(field="Content-Type", problem="must be `application/json`")
    body = b"".join([piece async for piece in pieces(visit.request)])
    if len(body) <= _SHORT_BYTES:
        # Most of them are a digest or two that nobody listed: to hand these to a thread takes longer than to answer them.
        answers = gate.check_unlisted(_checks_of(body), door=Door.HASHES, provider_key=key, now=visit.now)
        if answers is not None:
            return _results(answers)
    answer = await visit.site.checks.run(partial(_hashes_checked, gate, body, key, visit.now))
    if answer is None:
        # Of the gate it is one check that was turned away; how many hashes it had, nobody read.
        gate.unavailable(door=Door.HASHES, provider_key=key, now=visit.now)
        raise _Busy
    return answer


def _hashes_checked(gate: Gate, body: bytes, key: str | None, now: datetime) -> Response:
    return _results(gate.check_hashes(_checks_of(body), door=Door.HASHES, provider_key=key, now=now))


def _checks_of(body: bytes) -> list[HashCheck]:
    """What is asked. Raises RequestValidationError, InvalidInput."""
    try:
        asked = HashChecks.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in found]) from None
    return [_as_check(number, one) for number, one in enumerate(asked.checks)]


def _results(answers: Sequence[CheckAnswer]) -> Response:
    status = 503 if any(answer.outcome is Outcome.UNAVAILABLE for answer in answers) else 200
    return _json({"results": [as_json(answer) for answer in answers]}, status)


class _Busy(Unavailable):
    """As many checks are under way as may be at once."""

    message = "the hashes could not be checked now; this is not the same as not listed"
    hint = "ask again after the seconds that `Retry-After` names"


def as_json(answer: CheckAnswer) -> dict[str, Any]:
    """An answer as programs read it."""
    return {
        "check_id": str(answer.check_id),
        "outcome": answer.outcome.value,
        "decision": answer.decision.value,
        "matches": [
            {
                "list": match.list_name,
                "list_id": str(match.list_id),
                "entry_id": None if answer.withheld else match.entry_id,
                "classification": None if answer.withheld else match.classification,
                "algorithm": None if answer.withheld else match.algorithm,
                "distance": None if answer.withheld else match.distance,
                "view": None if answer.withheld else match.view,
                "shadow": match.shadow,
            }
            for match in answer.matches
        ],
        "checked": list(answer.checked),
        "index_version": answer.index_version,
        "reason": None if answer.reason is None else answer.reason.value,
        "withheld": answer.withheld,
    }


def _answered(visit: OneVisit, answer: CheckAnswer) -> Response:
    document = as_json(answer)
    told = uploader_text(answer, help_nl=visit.settings.uploader_help_nl, help_en=visit.settings.uploader_help_en)
    if told is not None:
        document["uploader_text"] = told
    return _json(document, 503 if answer.outcome is Outcome.UNAVAILABLE else 200)


def _json(document: dict[str, Any], status: int) -> Response:
    headers = {"Retry-After": str(_RETRY_AFTER_S)} if status == 503 else None
    return Response(to_json(document), status, headers, media_type="application/json")


def _provider_key(visit: OneVisit) -> str | None:
    return visit.actor.id if visit.actor.kind is ActorKind.API_KEY else None


def _header(visit: OneVisit, field: str) -> str | None:
    value = visit.request.headers.get(field)
    if value is not None and not (1 <= len(value) <= OBJECT_ID_MAX and value.isascii() and value.isprintable()):
        raise InvalidInput(field=field, problem=f"must have 1 to {OBJECT_ID_MAX} signs of ASCII")
    return value


def _readable(text: str | None, field: str) -> str | None:
    if text is not None and not is_given_name(text):
        raise InvalidInput(field=field, problem="must hold letters, digits and signs only")
    return text


def _as_check(number: int, asked: HashesToCheck) -> HashCheck:
    hashes = []
    for algorithm, length in _LENGTHS.items():
        text = getattr(asked, algorithm)
        if text is not None:
            hashes.append(
                GivenHash(
                    algorithm=algorithm,
                    value=_from_hex(text, length, f"checks[{number}].{algorithm}"),
                    quality=asked.quality if algorithm == "pdq" else None,
                )
            )
    if not hashes:
        raise InvalidInput(field=f"checks[{number}]", problem="must have at least one hash")
    return HashCheck(
        hashes=tuple(hashes),
        object_id=_readable(asked.object_id, f"checks[{number}].object_id"),
        uploader=_readable(asked.uploader, f"checks[{number}].uploader"),
    )


def _from_hex(text: str, length: int, name: str) -> bytes:
    # Strictly: `fromhex` alone would take spaces.
    if len(text) == 2 * length and text.isascii() and text.isalnum():
        try:
            return bytes.fromhex(text)
        except ValueError:
            pass
    raise InvalidInput(field=name, problem=f"must be {2 * length} hexadecimal digits")
