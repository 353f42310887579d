"""`/c` for tools that were made for Hasher-Matcher-Actioner 1.1: lists and what is on them.

Such a tool proposes and never decides: what it adds waits for people, on lists that were chosen for the party that its
key was given to; what it takes back is what nobody agreed on yet; what it makes is a list in quarantine. It may stop a list
or an entry, as anybody may who sees that it is wrong. Hashes are told to nobody: not even those that the tool listed.
"""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from vangnet.db import Connection
from vangnet.errors import Conflict, NotFound
from vangnet.hashing.model import Convention, Digests, Hashed, Reason, Unhashable
from vangnet.identity.permissions import Permission
from vangnet.identity.service import api_keys
from vangnet.registry.model.entries import (
    NOTE_MAX,
    STANDING,
    Category,
    Entry,
    EntryDraft,
    HashAlgorithm,
    ListedHash,
    MediaKind,
)
from vangnet.registry.model.lists import HashList, ListState
from vangnet.registry.service import entries, lists, proposers
from vangnet.web.access import needs
from vangnet.web.protocols.hma import OUR_NAME, list_name_there
from vangnet.web.protocols.hma_files import (
    MEDIA_KINDS,
    ContentType,
    FileKind,
    GivenFile,
    HashKind,
    UrlText,
    fetched,
    outcome_of,
    refused,
    sent,
    value,
    written,
)
from vangnet.web.visit import OneVisit, Visit

router = APIRouter(prefix="/c", tags=["HMA"])

#: A file is limited by the route itself.
LARGER_BODIES: dict[str, int | None] = {"/c/bank/*/content": None}
#: What all of them are called until a curator says what they mean here.
_CATEGORY = Category(scheme="hma", name="content")
_ENABLED, _DISABLED = 1, 0

ListName = Annotated[str, Path(alias="name", max_length=300, description="What the list is called there.")]
EntryNumber = Annotated[int, Path(ge=1, lt=2**40, description="The entry's number.")]


class NewList(BaseModel):
    """A list to make. Whether it matches is for people to say, so what is asked about that is not looked at."""

    name: str = Field(max_length=120, description="Capitals, digits and underscores.")


class ListChange(BaseModel):
    """What is to change of a list; one thing at a time."""

    name: str | None = Field(default=None, max_length=120, description="Another name.")
    enabled: bool | None = Field(default=None, description="False stops the list.")
    enabled_ratio: float | None = Field(default=None, description="0 stops the list.")


class NewHashes(BaseModel):
    """Hashes to propose, as hexadecimal digits; at least one."""

    pdq: str | None = Field(default=None, max_length=64, description="64 digits.")
    video_md5: str | None = Field(default=None, max_length=32, description="32 digits.")
    note: str | None = Field(default=None, max_length=NOTE_MAX, description="For whoever decides on it.")


class EntryChange(BaseModel):
    """What is to change of an entry."""

    disable_until_ts: int = Field(description="0 stops the entry until a person decides on it.")


@router.get("/banks", dependencies=[needs(Permission.REGISTRY_READ)])
def all_lists(visit: Visit) -> Response:
    """Every list, with whether it matches."""
    with visit.transaction() as conn:
        found = lists.overviews(conn, visit.actor, now=visit.now)
    return JSONResponse([_written_list(one.list) for one in found])


@router.post("/banks", dependencies=[needs(Permission.REGISTRY_CREATE)])
def make_list(new: NewList, visit: Visit) -> Response:
    """A new list, in quarantine: it matches when two people activated it. The tool's party may propose entries for it."""
    name = _checked_name(new.name)
    try:
        with visit.transaction() as conn:
            made = proposers.create_list(
                conn, visit.actor, keys=visit.keys, name=name, party_id=_party(conn, visit), now=visit.now
            )
    except Conflict as error:
        raise refused(error.problem, 403) from None
    return JSONResponse(_written_list(made), 201)


@router.get("/bank/{name}", dependencies=[needs(Permission.REGISTRY_READ)])
def one_list(name: ListName, visit: Visit) -> Response:
    """One list."""
    with visit.transaction() as conn:
        return JSONResponse(_written_list(_find(conn, visit, name)))


@router.put("/bank/{name}", dependencies=[needs(Permission.REGISTRY_CREATE)])
def change_list(name: ListName, change: ListChange, visit: Visit) -> Response:
    """Gives a list another name, or stops it. Letting it match takes two people here."""
    ratio = float(change.enabled) if change.enabled is not None else change.enabled_ratio
    if (change.name is None) == (ratio is None):
        raise refused("one thing must be changed: the name, or whether it is enabled")
    with visit.transaction() as conn:
        found = _find(conn, visit, name) if change.name is None else _chosen(conn, visit, name)
        if change.name is not None:
            wanted = _checked_name(change.name)
            changed = lists.rename(conn, visit.actor, keys=visit.keys, list_id=found.id, name=wanted, now=visit.now)
        elif ratio:
            raise refused("two people let a list match, not a program: `vangnet registry list activate`", 403)
        elif found.state is ListState.SUSPENDED:
            changed = found
        else:
            reason = "a program stopped it"
            changed = lists.suspend(conn, visit.actor, keys=visit.keys, list_id=found.id, reason=reason, now=visit.now)
    return JSONResponse(_written_list(changed))


@router.post("/bank/{name}/content", dependencies=[needs(Permission.REGISTRY_PROPOSE)])
async def propose_file(name: ListName, visit: Visit, url: UrlText = None, content_type: ContentType = None) -> Response:
    """Proposes an entry with the hashes of a file, sent or at an address. The file is not kept."""
    if url is not None:
        return await run_in_threadpool(_propose_fetched, visit, name, url, content_type)
    async with sent(visit) as file:
        return await run_in_threadpool(_propose_file, visit, name, file)


@router.post("/bank/{name}/signal", dependencies=[needs(Permission.REGISTRY_PROPOSE)])
def propose_hashes(name: ListName, new: NewHashes, visit: Visit) -> Response:
    """Proposes an entry with hashes that were made elsewhere."""
    given = {kind: text for kind in HashKind if (text := getattr(new, kind.value)) is not None}
    if not given:
        raise refused("no hash was given: `pdq` or `video_md5`")
    algorithms = {HashKind.PDQ: HashAlgorithm.PDQ, HashKind.VIDEO_MD5: HashAlgorithm.MD5}
    hashes = tuple(
        ListedHash(
            algorithm=algorithms[kind],
            value=value(kind, text),
            convention=Convention.FULL if kind is HashKind.PDQ else None,
        )
        for kind, text in given.items()
    )
    media_kind = MediaKind.IMAGE if HashKind.PDQ in given else MediaKind.VIDEO
    draft = EntryDraft(media_kind=media_kind, hashes=hashes, category=_CATEGORY, note=new.note)
    return _propose(visit, name, draft, {kind.value: text.lower() for kind, text in given.items()})


@router.get("/bank/{name}/content/{entry_id}", dependencies=[needs(Permission.REGISTRY_READ)])
def one_entry(name: ListName, entry_id: EntryNumber, visit: Visit) -> Response:
    """One entry, without its hashes."""
    with visit.transaction() as conn:
        found, entry = _find_entry(conn, visit, name, entry_id)
    return JSONResponse(_written_entry(found, entry))


@router.put("/bank/{name}/content/{entry_id}", dependencies=[needs(Permission.REGISTRY_SUSPEND)])
def change_entry(name: ListName, entry_id: EntryNumber, change: EntryChange, visit: Visit) -> Response:
    """Stops an entry until a person decides on it."""
    if change.disable_until_ts != _DISABLED:
        raise refused("an entry is stopped (0) until a person decides on it; nothing else is set here")
    with visit.transaction() as conn:
        found, entry = _find_entry(conn, visit, name, entry_id)
        reason = "a program stopped it"
        entry = entries.suspend(conn, visit.actor, keys=visit.keys, entry_id=entry.id, reason=reason, now=visit.now)
    return JSONResponse(_written_entry(found, entry))


@router.delete("/bank/{name}/content/{entry_id}", dependencies=[needs(Permission.REGISTRY_WITHDRAW)])
def take_entry_back(name: ListName, entry_id: EntryNumber, visit: Visit) -> Response:
    """Takes an entry back on which nobody agreed yet."""
    with visit.transaction() as conn:
        _, entry = _find_entry(conn, visit, name, entry_id)
        proposers.take_back(
            conn, visit.actor, keys=visit.keys, entry_id=entry.id, party_id=_party(conn, visit), now=visit.now
        )
    return JSONResponse({"deleted": 1})


@router.get("/signal_type", dependencies=[needs(Permission.REGISTRY_READ)])
def hash_kinds() -> Response:
    """The kinds of hash that are looked up here under its names."""
    return JSONResponse([{"name": kind.value, "enabled_ratio": 1.0} for kind in HashKind])


@router.get("/signal_type/index", dependencies=[needs(Permission.REGISTRY_READ)])
def hash_kinds_indexed(visit: Visit) -> Response:
    """How far the index follows the lists. Times are places in the stream of changes here."""
    with visit.transaction() as conn:
        listed = sum(one.entries(state) for one in lists.overviews(conn, visit.actor, now=visit.now) for state in STANDING)
    live = visit.site.live
    sequence = 0 if live is None else live.sequence
    found = None if live is None else live.status
    current = found is not None and found.loaded and found.problem is None
    return JSONResponse(
        {
            HashKind.PDQ.value: {
                "db_size": listed,
                "index_size": 0 if found is None else found.hashes,
                "index_out_of_date": not current,
                "newest_db_item": sequence,
                "index_built_to": sequence,
            }
        }
    )


@router.get("/content_type", dependencies=[needs(Permission.REGISTRY_READ)])
def file_kinds() -> Response:
    """The kinds of file that are taken."""
    return JSONResponse([{"name": kind.value, "enabled": True} for kind in FileKind])


# --- what is proposed ---------------------------------------------------------------------------------------------


def _propose_fetched(visit: OneVisit, name: str, url: str, content_type: str | None) -> Response:
    with fetched(visit, url, content_type) as file:
        return _propose_file(visit, name, file)


def _propose_file(visit: OneVisit, name: str, file: GivenFile) -> Response:
    if file.kind is FileKind.VIDEO:
        digests = Digests.of(file.data)
        return _propose(visit, name, _draft(file.kind, digests, ()), {HashKind.VIDEO_MD5.value: digests.md5.hex()})
    outcome = outcome_of(visit, file)
    if isinstance(outcome, Unhashable) and outcome.reason is not Reason.LOW_QUALITY:
        raise refused(f"the file is no picture that can be listed: {outcome.reason}", 422)
    pictures = _pictures(outcome) if isinstance(outcome, Hashed) else ()
    told = written(frozenset({HashKind.PDQ}), outcome) if pictures else {}
    return _propose(visit, name, _draft(file.kind, outcome.digests, pictures), told)


def _pictures(outcome: Hashed) -> tuple[ListedHash, ...]:
    made = outcome.frames[0].hashes()[Convention.FULL]
    return (ListedHash(algorithm=HashAlgorithm.PDQ, value=made.hash, convention=made.convention, quality=made.quality),)


def _draft(kind: FileKind, digests: Digests, pictures: tuple[ListedHash, ...]) -> EntryDraft:
    return EntryDraft(
        media_kind=MEDIA_KINDS[kind],
        hashes=(
            ListedHash(algorithm=HashAlgorithm.SHA256, value=digests.sha256),
            ListedHash(algorithm=HashAlgorithm.SHA1, value=digests.sha1),
            ListedHash(algorithm=HashAlgorithm.MD5, value=digests.md5),
            *pictures,
        ),
        category=_CATEGORY,
    )


def _propose(visit: OneVisit, name: str, draft: EntryDraft, told: dict[str, str]) -> Response:
    with visit.transaction() as conn:
        listed = proposers.propose(
            conn,
            visit.actor,
            keys=visit.keys,
            list_id=_chosen(conn, visit, name).id,
            party_id=_party(conn, visit),
            draft=draft,
            now=visit.now,
        )
    # The hashes are those of what was just sent, by whoever sent it.
    return JSONResponse({"id": listed.entry.id, "signals": told})


# --- finding, and writing -----------------------------------------------------------------------------------------


def _party(conn: Connection, visit: OneVisit) -> UUID | None:
    return api_keys.party_of(conn, visit.actor)


def _chosen(conn: Connection, visit: OneVisit, name: str) -> HashList:
    """A list that was chosen for the party whose program asks: of others it need not know that they are there."""
    for one in proposers.lists_of(conn, visit.actor, party_id=_party(conn, visit)):
        if list_name_there(one.name, one.id) == name:
            return one
    raise NotFound(record="list for this program", key=name)


def _find(conn: Connection, visit: OneVisit, name: str) -> HashList:
    for list_id, named in lists.names(conn, visit.actor).items():
        if list_name_there(named, list_id) == name:
            return lists.get(conn, visit.actor, list_id)
    raise NotFound(record="list", key=name)


def _find_entry(conn: Connection, visit: OneVisit, name: str, entry_id: int) -> tuple[HashList, Entry]:
    found = _find(conn, visit, name)
    entry = entries.get(conn, visit.actor, entry_id)
    if entry.list_id != found.id:
        raise NotFound(record="entry", key=str(entry_id))
    return found, entry


def _checked_name(name: str) -> str:
    if not OUR_NAME.fullmatch(name):
        raise refused("`name` must hold capitals, digits and underscores, and not begin with a digit")
    return name


def _written_list(one: HashList) -> dict[str, Any]:
    ratio = 1.0 if one.state is ListState.ACTIVE else 0.0
    return {"name": list_name_there(one.name, one.id), "matching_enabled_ratio": ratio}


def _written_entry(one: HashList, entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "disable_until_ts": _ENABLED if entry.state in STANDING else _DISABLED,
        "collab_metadata": {},
        "original_media_uri": None,
        "bank": _written_list(one),
        "note": entry.note,
    }
