"""The gate over HTTP: a file, or hashes of files, checked against the lists.

A body is read by hand: it is larger than anything else that is taken, never touches the disk, and is given up when whoever
sends it falls silent. What is too large to be kept in memory is still digested and looked up by its digests.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from pydantic import BaseModel, ConfigDict, Field
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from vangnet.audit.model import ActorKind
from vangnet.errors import InvalidInput, RequestRefused
from vangnet.gate.model import BATCH_MAX, OBJECT_ID_MAX, CheckAnswer, Decision, Door, GivenHash, HashCheck, Outcome
from vangnet.gate.service.gate import Gate
from vangnet.hashing.model import Reason, View
from vangnet.identity.permissions import Permission
from vangnet.web.access import needs
from vangnet.web.protocols.wire import Body, DoorLimits, NoRoom, Oversized
from vangnet.web.visit import OneVisit, Visit

router = APIRouter(prefix="/api/v1", tags=["Gate"])

#: More than what other routes take: files, which are limited here; and ten thousand checks with four hashes each.
LARGER_BODIES: dict[str, int | None] = {"/api/v1/check": None, "/api/v1/check/hashes": 8 * 1024 * 1024}
_RETRY_AFTER_S = 1
_IDLE_S = 30.0

_LENGTHS = {"md5": 16, "sha1": 20, "sha256": 32, "pdq": 32}


class MatchAnswer(BaseModel):
    """A listed entry that was found. Its hash is told to nobody."""

    list: str = Field(description="The list's name.")
    list_id: str = Field(description="The list's id.")
    entry_id: int = Field(description="The entry's number.")
    classification: str = Field(description="What it is classified as.")
    algorithm: str = Field(description="By which hash it was found.")
    distance: int = Field(description="In how many bits the hashes differ; 0 for digests.")
    view: View = Field(description="How the picture was held.")
    shadow: bool = Field(description="It was counted and decided nothing.")


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


class HashesToCheck(BaseModel):
    """The hashes of one file, as hexadecimal digits; at least one."""

    model_config = ConfigDict(extra="forbid")

    md5: str | None = Field(default=None, description="32 digits.")
    sha1: str | None = Field(default=None, description="40 digits.")
    sha256: str | None = Field(default=None, description="64 digits.")
    pdq: str | None = Field(default=None, description="64 digits, by the convention `full`.")
    quality: int | None = Field(default=None, ge=0, le=100, description="Of the PDQ hash, where it is known.")
    object_id: str | None = Field(default=None, max_length=OBJECT_ID_MAX, description="Your own name for the file.")


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


async def _upload(request: Request, content_type: Annotated[str | None, Header()] = None) -> AsyncIterator[Body | None]:
    """The file that was sent; None where there is no room for another one now."""
    site = request.app.state.site
    limits = DoorLimits(keep_bytes=site.settings.media_bytes_max)
    with Body(site.gate_room, limits) as body:
        try:
            sink: _Raw | _Multipart = _Raw(body)
            if (content_type or "").lower().startswith("multipart/form-data"):
                sink = _Multipart(body, content_type or "")
            stream = request.stream()
            while True:
                async with asyncio.timeout(_IDLE_S):
                    piece = await anext(stream, None)
                if piece is None:
                    break
                sink.write(piece)
            sink.end()
        except NoRoom:
            yield None
            return
        except Oversized:
            raise RequestRefused(problem="the file is larger than any that is taken", status=413) from None
        except TimeoutError:
            raise RequestRefused(problem="nothing more came of the file", status=408) from None
        except ClientDisconnect:
            raise RequestRefused(problem="the file broke off", status=400) from None
        yield body


class _Raw:
    """The body is the file."""

    def __init__(self, body: Body) -> None:
        self._body = body

    def write(self, piece: bytes) -> None:
        self._body.add(piece)

    def end(self) -> None:
        pass


class _Multipart:
    """The one field `file` of a form. A form with anything else is refused: which of two files is meant is not guessed."""

    def __init__(self, body: Body, content_type: str) -> None:
        self._body = body
        self._header = b""
        self._value = b""
        self._files = 0
        self._ended = False
        _, options = parse_options_header(content_type)
        if b"boundary" not in options:
            raise InvalidInput(field="Content-Type", problem="must name the boundary of the form")
        self._parser = MultipartParser(
            options[b"boundary"],
            {
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_begin": self._on_part_begin,
                "on_part_data": self._on_part_data,
                "on_end": self._on_end,
            },
        )

    def write(self, piece: bytes) -> None:
        try:
            self._parser.write(piece)
        except MultipartParseError:
            raise _not_one_file() from None

    def end(self) -> None:
        self._parser.finalize()
        if not self._ended or self._files != 1:
            raise _not_one_file()

    def _on_part_begin(self) -> None:
        self._name: bytes | None = None
        self._header = self._value = b""

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._name = parse_options_header(self._value)[1].get(b"name")
        self._header = self._value = b""

    def _on_headers_finished(self) -> None:
        if self._name != b"file" or self._files:
            raise _not_one_file()
        self._files += 1

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._body.add(data[start:end])

    def _on_end(self) -> None:
        self._ended = True


def _not_one_file() -> InvalidInput:
    return InvalidInput(field="body", problem="must be a form with one field, `file`, or the bytes of the file themselves")


@router.post(
    "/check",
    dependencies=[needs(Permission.GATE_CHECK)],
    response_model=CheckedAnswer,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "properties": {"file": {"type": "string", "format": "binary"}},
                        "required": ["file"],
                    }
                },
            },
        }
    },
)
def check_file(
    visit: Visit,
    upload: Annotated[Body | None, Depends(_upload)],
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=OBJECT_ID_MAX,
            description="Your own name for the upload. The same name with another file is refused (409).",
        ),
    ] = None,
) -> Response:
    """Check a file: its bytes as the body, or a form with one field `file`.

    200 says what was found and what to do. 503 says that it could not be checked: that is never the same as not listed; do
    what `decision` says, or ask again after `Retry-After` seconds.
    """
    gate = _gate(visit)
    key = _provider_key(visit)
    name = _checked_name(idempotency_key)
    if upload is None:
        return _answered(gate.unavailable(door=Door.API, provider_key=key, now=visit.now))
    data = upload.data()
    if data is None:
        answer = gate.check_unread(
            Reason.TOO_LARGE, digests=upload.digests(), door=Door.API, provider_key=key, object_id=name, now=visit.now
        )
    else:
        answer = gate.check(data, door=Door.API, provider_key=key, object_id=name, now=visit.now, idempotency_key=name)
    return _answered(answer)


@router.post("/check/hashes", dependencies=[needs(Permission.GATE_CHECK)], response_model=HashAnswers)
def check_hashes(visit: Visit, asked: HashChecks) -> Response:
    """Check many files by hashes that you made yourself.

    What is not given is not looked up: `checked` says by what each was. 503 where one could not be checked.
    """
    checks = [_as_check(number, one) for number, one in enumerate(asked.checks)]
    answers = _gate(visit).check_hashes(checks, door=Door.HASHES, provider_key=_provider_key(visit), now=visit.now)
    status = 503 if any(answer.outcome is Outcome.UNAVAILABLE for answer in answers) else 200
    return _json({"results": [as_json(answer) for answer in answers]}, status)


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
                "entry_id": match.entry_id,
                "classification": match.classification,
                "algorithm": match.algorithm,
                "distance": match.distance,
                "view": match.view,
                "shadow": match.shadow,
            }
            for match in answer.matches
        ],
        "checked": list(answer.checked),
        "index_version": answer.index_version,
        "reason": None if answer.reason is None else answer.reason.value,
    }


def _answered(answer: CheckAnswer) -> Response:
    return _json(as_json(answer), 503 if answer.outcome is Outcome.UNAVAILABLE else 200)


def _json(document: dict[str, Any], status: int) -> Response:
    headers = {"Retry-After": str(_RETRY_AFTER_S)} if status == 503 else None
    return Response(json.dumps(document), status, headers, media_type="application/json")


def _provider_key(visit: OneVisit) -> str | None:
    return visit.actor.id if visit.actor.kind is ActorKind.API_KEY else None


def _checked_name(name: str | None) -> str | None:
    if name is not None and not name.isprintable():
        raise InvalidInput(field="Idempotency-Key", problem="must hold letters, digits and signs only")
    return name


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
    return HashCheck(hashes=tuple(hashes), object_id=_checked_name(asked.object_id))


def _from_hex(text: str, length: int, name: str) -> bytes:
    # Strictly: `fromhex` alone would take spaces.
    if len(text) == 2 * length and text.isascii() and text.isalnum():
        try:
            return bytes.fromhex(text)
        except ValueError:
            pass
    raise InvalidInput(field=name, problem=f"must be {2 * length} hexadecimal digits")
