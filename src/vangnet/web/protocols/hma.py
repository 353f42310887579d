"""Reading doors for tools that were made for Hasher-Matcher-Actioner 1.1: `/m`, the reading half of `/c`, and `/status`.

Its words are kept in what goes over the wire and translated here: a bank is a hash list, a signal a hash, a bank's content
an entry. HMA knows no log-in; here the tool shows an API key. A look-up is a check like any other: it is decided by the
policy, counted, and kept where it matches. Nothing is written through these doors and nothing is fetched by URL: a tool
that asks for either hears that it is not taken.
"""

import re
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse, Response

from vangnet import _core
from vangnet.audit.model import ActorKind
from vangnet.errors import NotFound, RequestRefused, Unavailable
from vangnet.gate.model import CheckAnswer, CheckMatch, Door, GivenHash, HashCheck, Outcome
from vangnet.gate.service.gate import Gate
from vangnet.gate.uploads import UnreadableUpload, files_in
from vangnet.hashing.index import RADIUS
from vangnet.identity.permissions import Permission
from vangnet.registry.model.lists import ListState
from vangnet.registry.service import lists
from vangnet.web.access import PUBLIC, needs
from vangnet.web.protocols.wire import Body, DoorLimits, NoRoom, Oversized
from vangnet.web.visit import OneVisit, Visit

router = APIRouter(tags=["HMA"])

#: A file is limited by the route itself.
LARGER_BODIES: dict[str, int | None] = {"/m/lookup": None}
_OUR_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
_NOT_IN_NAMES = re.compile(r"[^A-Z0-9_]+")
#: Its names of what we call algorithms, with the lengths of their values in bytes.
_TYPES = {"pdq": ("pdq", 32), "video_md5": ("md5", 16)}

HashText = Annotated[str, Query(alias="signal", description="The hash, in hexadecimal digits.")]
HashType = Annotated[str, Query(alias="signal_type", description="`pdq` or `video_md5`.")]
ListNames = Annotated[str | None, Query(alias="banks", description="Only these lists, separated by commas.")]


class NotChecked(Unavailable):
    """The gate could not look it up."""

    message = "it could not be checked now; this is not the same as no match"


class Compared(BaseModel):
    """Two hashes to be compared."""

    pdq: tuple[str, str] = Field(description="Two PDQ hashes, in hexadecimal digits.")


def list_name_there(name: str, list_id: UUID) -> str:
    """What a list is called over there, in capitals, digits and underscores; no two lists are called the same."""
    if _OUR_NAME.fullmatch(name):
        return name
    slug = _NOT_IN_NAMES.sub("_", name.upper()).strip("_")
    return f"_{slug}_{list_id.hex[:8].upper()}"


@router.get("/status", dependencies=[needs(PUBLIC)])
def status(visit: Visit) -> Response:
    """Whether hashes can be looked up."""
    live = visit.site.live
    if live is None or not live.status.loaded:
        return PlainTextResponse("INDEX-NOT-LOADED", 503)
    return PlainTextResponse("I-AM-ALIVE")


@router.get("/status/live", dependencies=[needs(PUBLIC)])
def status_live() -> Response:
    """Whether the process answers."""
    return PlainTextResponse("I-AM-ALIVE")


@router.get("/m/lookup", dependencies=[needs(Permission.GATE_CHECK)])
def look_up_hash(visit: Visit, text: HashText, hash_type: HashType = "pdq", only: ListNames = None) -> Response:
    """The entries that match a hash, by list."""
    answer = _checked_hash(visit, hash_type, text)
    return JSONResponse(_by_list(_wanted(answer, hash_type, only)))


@router.post("/m/lookup", dependencies=[needs(Permission.GATE_CHECK)])
async def look_up_file(visit: Visit, only: ListNames = None) -> Response:
    """The entries that match a file, by list. The form has one file.

    As there, all stand under `pdq`; what is the same file, by a digest, has the distance 0.
    """
    request = visit.request
    limits = DoorLimits(keep_bytes=visit.site.settings.media_bytes_max, most_bytes=visit.site.settings.media_bytes_max)
    try:
        with Body(visit.site.gate_room, limits) as body:
            async for piece in request.stream():
                body.add(piece)
            files = files_in(request.headers.get("content-type"), body.data() or b"")
            if len(files) != 1:
                raise RequestRefused(problem="the form must have one file", status=400)
            answer = await run_in_threadpool(_checked_file, visit, files[0].data)
    except Oversized:
        raise RequestRefused(problem="the file is larger than any that is taken", status=413) from None
    except UnreadableUpload:
        raise RequestRefused(problem="the form cannot be read", status=400) from None
    except NoRoom:
        raise NotChecked from None
    return JSONResponse({"pdq": _by_list(_wanted(answer, None, only))})


@router.get("/m/raw_lookup", dependencies=[needs(Permission.GATE_CHECK)])
def look_up_raw(
    visit: Visit,
    text: HashText,
    hash_type: HashType = "pdq",
    only: ListNames = None,
    include_distance: Annotated[bool, Query(description="Whether each match tells its distance.")] = False,
) -> Response:
    """The numbers of the entries that match a hash."""
    matches = _wanted(_checked_hash(visit, hash_type, text), hash_type, only)
    if include_distance:
        return JSONResponse({"matches": [_as_content(match) for match in matches]})
    return JSONResponse({"matches": [match.entry_id for match in matches]})


@router.post("/m/compare", dependencies=[needs(Permission.GATE_CHECK)])
def compare(asked: Compared) -> Response:
    """Whether two hashes match, and their distance. Looks nothing up."""
    first, second = (_value("pdq", text) for text in asked.pdq)
    distance = _core.hamming_distance(first, second)
    return JSONResponse({"pdq": [distance <= RADIUS, {"distance": distance}]})


@router.get("/m/index/status", dependencies=[needs(Permission.GATE_CHECK)])
def index_status(visit: Visit) -> Response:
    """How far the index is."""
    live = visit.site.live
    if live is None:
        raise NotChecked
    found = live.status
    return JSONResponse({"pdq": {"present": found.loaded, "built_to": live.sequence, "size": found.hashes}})


@router.get("/c/banks", dependencies=[needs(Permission.REGISTRY_READ)])
def all_lists(visit: Visit) -> Response:
    """Every list, with whether it matches."""
    return JSONResponse(_lists(visit))


@router.get("/c/bank/{name}", dependencies=[needs(Permission.REGISTRY_READ)])
def one_list(name: str, visit: Visit) -> Response:
    """One list."""
    for one in _lists(visit):
        if one["name"] == name:
            return JSONResponse(one)
    raise NotFound(record="list", key=name)


@router.get("/c/signal_type", dependencies=[needs(Permission.REGISTRY_READ)])
def types() -> Response:
    """The types of hash that are looked up here under its names."""
    return JSONResponse([{"name": name, "enabled_ratio": 1.0} for name in _TYPES])


def _lists(visit: OneVisit) -> list[dict[str, Any]]:
    with visit.transaction() as conn:
        found = lists.overviews(conn, visit.actor, now=visit.now)
    return [
        {
            "name": list_name_there(one.list.name, one.list.id),
            "matching_enabled_ratio": 1.0 if one.list.state is ListState.ACTIVE else 0.0,
        }
        for one in found
    ]


def _gate(visit: OneVisit) -> tuple[Gate, str | None]:
    if visit.site.gate is None:
        raise NotChecked
    return visit.site.gate, visit.actor.id if visit.actor.kind is ActorKind.API_KEY else None


def _checked_hash(visit: OneVisit, hash_type: str, text: str) -> CheckAnswer:
    value = _value(hash_type, text)
    gate, key = _gate(visit)
    check = HashCheck(hashes=(GivenHash(algorithm=_TYPES[hash_type][0], value=value),))
    (answer,) = gate.check_hashes([check], door=Door.HMA, provider_key=key, now=visit.now)
    return _available(answer)


def _checked_file(visit: OneVisit, data: bytes) -> CheckAnswer:
    gate, key = _gate(visit)
    return _available(gate.check(data, door=Door.HMA, provider_key=key, object_id=None, now=visit.now))


def _available(answer: CheckAnswer) -> CheckAnswer:
    if answer.outcome is Outcome.UNAVAILABLE:
        raise NotChecked
    return answer


def _value(hash_type: str, text: str) -> bytes:
    if hash_type not in _TYPES:
        raise RequestRefused(problem=f"`signal_type` must be one of {', '.join(_TYPES)}", status=400)
    digits = 2 * _TYPES[hash_type][1]
    if len(text) == digits and text.isascii() and text.isalnum():
        try:
            return bytes.fromhex(text)
        except ValueError:
            pass
    raise RequestRefused(problem=f"`signal` must be {digits} hexadecimal digits", status=400)


def _wanted(answer: CheckAnswer, hash_type: str | None, only: str | None) -> list[CheckMatch]:
    """What counts of an answer: of this type or any, of these lists or any, and not merely counted."""
    names = None if only is None else {name.strip() for name in only.split(",")}
    return [
        match
        for match in answer.matches
        if (hash_type is None or match.algorithm == _TYPES[hash_type][0])
        and not match.shadow
        and (names is None or list_name_there(match.list_name, match.list_id) in names)
    ]


def _by_list(matches: list[CheckMatch]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for match in matches:
        found.setdefault(list_name_there(match.list_name, match.list_id), []).append(_as_content(match))
    return found


def _as_content(match: CheckMatch) -> dict[str, Any]:
    # The distance is a text there.
    return {"bank_content_id": match.entry_id, "distance": str(match.distance)}
