"""Doors for tools that were made for Hasher-Matcher-Actioner 1.1: `/status`, `/h` and `/m`; `/c` is in `hma_lists`.

Its words are kept in what goes over the wire and translated here: a bank is a hash list, a signal a hash, a bank's content
an entry. HMA knows no log-in; here the tool shows an API key. A look-up is a check like any other: it is decided by the
policy, counted, and kept where it matches. What is hashed only is neither looked up nor counted.
"""

import re
from datetime import timedelta
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse, Response

from vangnet import _core
from vangnet.audit.model import ActorKind
from vangnet.errors import TooManyAttempts
from vangnet.gate.model import CheckAnswer, CheckMatch, Decision, Door, GivenHash, HashCheck, Outcome
from vangnet.gate.service.gate import Gate
from vangnet.hashing.index import RADIUS
from vangnet.identity.permissions import Permission
from vangnet.web.access import PUBLIC, needs
from vangnet.web.protocols.hma_files import (
    ALGORITHMS,
    ContentType,
    GivenFile,
    HashKind,
    NotChecked,
    UrlText,
    fetched,
    hash_kind,
    kinds_wanted,
    outcome_of,
    refused,
    sent,
    value,
    written,
)
from vangnet.web.visit import OneVisit, Visit

router = APIRouter(tags=["HMA"])

#: A file is limited by the route itself.
LARGER_BODIES: dict[str, int | None] = {"/m/lookup": None, "/h/hash": None}
_STALE = timedelta(seconds=65)
#: A key that seems to try the lists out is told no entries for a while; how long it is, is not said.
_LESS_FOR_S = 60
#: What a list may be called there.
OUR_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
_NOT_IN_NAMES = re.compile(r"[^A-Z0-9_]+")

HashText = Annotated[str, Query(alias="signal", description="The hash, in hexadecimal digits.")]
HashType = Annotated[str, Query(alias="signal_type", description="`pdq` or `video_md5`.")]
Types = Annotated[str | None, Query(description="Only these kinds of hash, separated by commas.")]
ListNames = Annotated[str | None, Query(alias="banks", description="Only these lists, separated by commas.")]


class Compared(BaseModel):
    """Two hashes to be compared."""

    pdq: tuple[str, str] = Field(description="Two PDQ hashes, in hexadecimal digits.")


def list_name_there(name: str, list_id: UUID) -> str:
    """What a list is called over there, in capitals, digits and underscores; no two lists are called the same."""
    if OUR_NAME.fullmatch(name):
        return name
    slug = _NOT_IN_NAMES.sub("_", name.upper()).strip("_")
    return f"_{slug}_{list_id.hex[:8].upper()}"


@router.get("/status", dependencies=[needs(PUBLIC)])
def status(visit: Visit) -> Response:
    """Whether hashes can be looked up."""
    live = visit.site.live
    found = None if live is None else live.status
    if found is None or not found.loaded:
        return PlainTextResponse("INDEX-NOT-LOADED", 503)
    if found.followed_at is not None and visit.now - found.followed_at > _STALE:
        return PlainTextResponse("INDEX-STALE", 503)
    return PlainTextResponse("I-AM-ALIVE")


@router.get("/status/live", dependencies=[needs(PUBLIC)])
def status_live() -> Response:
    """Whether the process answers."""
    return PlainTextResponse("I-AM-ALIVE")


@router.get("/h/hash", dependencies=[needs(Permission.GATE_CHECK)])
def hash_fetched_file(url: UrlText, visit: Visit, content_type: ContentType = None, types: Types = None) -> Response:
    """The hashes of a file at an address. It is not looked up."""
    if url is None:
        raise refused("`url` is missing")
    with fetched(visit, url, content_type) as file:
        return _hashed(visit, file, types)


@router.post("/h/hash", dependencies=[needs(Permission.GATE_CHECK)])
async def hash_file(visit: Visit, types: Types = None) -> Response:
    """The hashes of a file that is sent. It is not looked up."""
    async with sent(visit) as file:
        return await run_in_threadpool(_hashed, visit, file, types)


@router.get("/m/lookup", dependencies=[needs(Permission.GATE_CHECK)])
def look_up_hash(
    *,
    visit: Visit,
    text: HashText = "",
    hash_type: HashType = "pdq",
    only: ListNames = None,
    url: UrlText = None,
    content_type: ContentType = None,
) -> Response:
    """The entries that match a hash, or a file at an address, by list."""
    if url is not None:
        with fetched(visit, url, content_type) as file:
            answer = _checked_file(visit, file)
        return JSONResponse({"pdq": _by_list(_wanted(answer, None, only))})
    kind = hash_kind(hash_type)
    return JSONResponse(_by_list(_wanted(_checked_hash(visit, kind, text), kind, only)))


@router.post("/m/lookup", dependencies=[needs(Permission.GATE_CHECK)])
async def look_up_file(visit: Visit, only: ListNames = None) -> Response:
    """The entries that match a file, by list. The form has one file.

    As there, all stand under `pdq`; what is the same file, by a digest, has the distance 0.
    """
    async with sent(visit) as file:
        answer = await visit.site.checks.run(partial(_checked_file, visit, file))
    if answer is None:
        raise NotChecked
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
    kind = hash_kind(hash_type)
    matches = _wanted(_checked_hash(visit, kind, text), kind, only)
    if include_distance:
        return JSONResponse({"matches": [_as_content(match) for match in matches]})
    return JSONResponse({"matches": [match.entry_id for match in matches]})


@router.post("/m/compare", dependencies=[needs(Permission.GATE_CHECK)])
def compare(asked: Compared) -> Response:
    """Whether two hashes match, and their distance. Looks nothing up."""
    first, second = (value(HashKind.PDQ, text) for text in asked.pdq)
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


def _gate(visit: OneVisit) -> tuple[Gate, str | None]:
    if visit.site.gate is None:
        raise NotChecked
    return visit.site.gate, visit.actor.id if visit.actor.kind is ActorKind.API_KEY else None


def _hashed(visit: OneVisit, file: GivenFile, types: str | None) -> Response:
    kinds = kinds_wanted(file.kind, types)
    return JSONResponse(written(kinds, outcome_of(visit, file)))


def _checked_hash(visit: OneVisit, kind: HashKind, text: str) -> CheckAnswer:
    given = GivenHash(algorithm=ALGORITHMS[kind][0], value=value(kind, text))
    gate, key = _gate(visit)
    check = HashCheck(hashes=(given,))
    (answer,) = gate.check_hashes([check], door=Door.HMA, provider_key=key, now=visit.now)
    return _available(answer)


def _checked_file(visit: OneVisit, file: GivenFile) -> CheckAnswer:
    gate, key = _gate(visit)
    answer = _available(gate.check(file.data, door=Door.HMA, provider_key=key, object_id=None, now=visit.now))
    if answer.outcome is Outcome.UNHASHABLE and answer.decision is not Decision.ALLOW:
        # No match would read as clean there.
        raise refused(f"the file could not be examined as it should be: {answer.reason}", 422)
    return answer


def _available(answer: CheckAnswer) -> CheckAnswer:
    if answer.outcome is Outcome.UNAVAILABLE:
        raise NotChecked
    if answer.withheld:
        # An answer without numbers could be read as no match.
        raise TooManyAttempts(retry_after_s=_LESS_FOR_S)
    return answer


def _wanted(answer: CheckAnswer, kind: HashKind | None, only: str | None) -> list[CheckMatch]:
    """What counts of an answer: of this type or any, of these lists or any, and not merely counted."""
    names = None if only is None else {name.strip() for name in only.split(",")}
    return [
        match
        for match in answer.matches
        if (kind is None or match.algorithm == ALGORITHMS[kind][0])
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
