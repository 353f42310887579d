"""Entries of hash lists: found by a hash or a picture, and one entry with what is said about it.

What is looked up is a secret, or somebody's picture: it is posted, never in an address, and a picture is hashed in the
sandbox out of memory and forgotten.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import Response

from vangnet.errors import Conflict, IndexUnusable, InvalidInput
from vangnet.hashing.model import Hashed, Unhashable
from vangnet.identity.permissions import Permission
from vangnet.registry.model.entries import HashAlgorithm, ListedHash
from vangnet.registry.service import categories, disputes, entries, lists, lookups
from vangnet.registry.service.live import LiveMatch
from vangnet.web.access import needs
from vangnet.web.languages import marked
from vangnet.web.ui.registry import WORDS
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

DONE = {
    "entry-withdrawn": marked(
        "The entry is withdrawn. It stops counting within a second; what was decided by it is marked."
    ),
    "entry-suspended": marked("The entry is stopped until somebody decides on it."),
    "entry-kept": marked("The entry is kept: the safeguard does not stop it for the same again."),
    "dispute-opened": marked("The entry is contested. Until a reviewer answers, a match by it only holds."),
}
#: A picture of a telephone has ten; what is larger is looked up by its digest.
PICTURE_MAX_BYTES = 32 * 1024 * 1024
LARGER_BODIES = {"/entries": PICTURE_MAX_BYTES + 64 * 1024}
_BY_LENGTH = {
    32: (HashAlgorithm.MD5,),
    40: (HashAlgorithm.SHA1,),
    # 64 digits are either: both are looked up.
    64: (HashAlgorithm.SHA256, HashAlgorithm.PDQ),
}
_HEX = re.compile(r"[0-9a-fA-F]+")
_NO_HASH = marked("Must have 32, 40 or 64 hexadecimal digits: an MD5, a SHA-1, a SHA-256 or a PDQ hash.")
_NOTHING = marked("Must be a hash or a picture.")
_Text = Annotated[str, Form(max_length=4000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What is looked up: a hash as text, or a picture, or why neither could be read."""

    text: str = field(default="", repr=False)
    picture: bytes = field(default=b"", repr=False)
    readable: bool = True


class _InMemory(MultiPartParser):
    """Reads a form without a file of its own on any disk."""

    spool_max_size = 2 * PICTURE_MAX_BYTES


async def _asked(request: Request) -> _Asked:
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        form = await request.form(max_files=0, max_fields=4)
        return _Asked(text=str(form.get("hash", "")))
    try:
        parts = await _InMemory(request.headers, request.stream(), max_files=1, max_fields=4).parse()
    except MultiPartException:
        return _Asked(readable=False)
    picture = parts.get("picture")
    data = await picture.read() if isinstance(picture, UploadFile) else b""
    await parts.close()
    return _Asked(text=str(parts.get("hash", "")), picture=data)


@router.get("/entries", dependencies=[needs(Permission.REGISTRY_LOOK_UP)])
def show_search(visit: Visit) -> Response:
    """The form for a hash or a picture."""
    return _search_page(visit)


@router.post("/entries", dependencies=[needs(Permission.REGISTRY_LOOK_UP)])
def look_up(visit: Visit, asked: Annotated[_Asked, Depends(_asked)]) -> Response:
    """The entries that match what was given."""
    said = None
    try:
        if asked.picture:
            hashes, said = _of_picture(visit, asked.picture)
        else:
            hashes = _of_text(asked)
        if visit.site.live is None:
            raise IndexUnusable(problem="this process has no listed hashes in memory")
        with visit.transaction() as conn:
            found = lookups.look_up(conn, visit.actor, live=visit.site.live, hashes=hashes, now=visit.now)
    except InvalidInput as error:
        return _search_page(visit, problem=visit.say(error))
    return _search_page(visit, found=found, said=said)


@router.get("/entries/{entry_id}", dependencies=[needs(Permission.REGISTRY_READ)])
def show_entry(visit: Visit, entry_id: int) -> Response:
    """One entry: where it is from, how it stands, what is said about it. Its hashes are not shown."""
    return _entry_page(visit, entry_id)


@router.post("/entries/{entry_id}/dispute", dependencies=[needs(Permission.REGISTRY_DISPUTE)])
def open_dispute(visit: Visit, entry_id: int, reason: _Text = "") -> Response:
    """Contests an entry."""
    return _decided(visit, entry_id, disputes.open_dispute, form="dispute", reason=reason, done="dispute-opened")


@router.post("/entries/{entry_id}/suspend", dependencies=[needs(Permission.REGISTRY_SUSPEND)])
def suspend_entry(visit: Visit, entry_id: int, reason: _Text = "") -> Response:
    """Stops an entry at once; one person is enough."""
    return _decided(visit, entry_id, entries.suspend, form="suspend", reason=reason, done="entry-suspended")


@router.post("/entries/{entry_id}/withdraw", dependencies=[needs(Permission.REGISTRY_WITHDRAW)])
def withdraw_entry(visit: Visit, entry_id: int, reason: _Text = "") -> Response:
    """Takes an entry back for good."""
    return _decided(visit, entry_id, entries.withdraw, form="withdraw", reason=reason, done="entry-withdrawn")


@router.post("/entries/{entry_id}/keep", dependencies=[needs(Permission.REGISTRY_RESOLVE)])
def keep_entry(visit: Visit, entry_id: int, reason: _Text = "") -> Response:
    """Decides that an entry that was stopped is right after all."""
    return _decided(visit, entry_id, partial(entries.resolve, keep=True), form="keep", reason=reason, done="entry-kept")


def _decided(
    visit: OneVisit, entry_id: int, decide: Callable[..., object], *, form: str, reason: str, done: str
) -> Response:
    """Does what a form of the entry's page asks for, or shows the page again with what is wrong."""
    try:
        with visit.transaction() as conn:
            decide(conn, visit.actor, keys=visit.keys, entry_id=entry_id, reason=reason, now=visit.now)
    except (InvalidInput, Conflict) as error:
        return _entry_page(visit, entry_id, form=form, reason=reason, problem=visit.say(error))
    return visit.redirect(f"/entries/{entry_id}", done=done)


def _of_text(asked: _Asked) -> list[ListedHash]:
    text = "".join(asked.text.split())
    if not text or not asked.readable:
        raise InvalidInput(field="hash", problem=_NOTHING)
    if len(text) not in _BY_LENGTH or not _HEX.fullmatch(text):
        raise InvalidInput(field="hash", problem=_NO_HASH)
    return [ListedHash(algorithm=algorithm, value=bytes.fromhex(text)) for algorithm in _BY_LENGTH[len(text)]]


def _of_picture(visit: OneVisit, data: bytes) -> tuple[list[ListedHash], str]:
    """The digests of a file and, of each picture in it, its PDQ hash in all views; and what to say of it."""
    if visit.site.gate is None:
        raise IndexUnusable(problem="this process hashes no pictures")
    outcome = visit.site.gate.hasher.hash_bytes(data, cuts=True)
    digests = outcome.digests
    hashes = [
        ListedHash(algorithm=HashAlgorithm.SHA256, value=digests.sha256),
        ListedHash(algorithm=HashAlgorithm.SHA1, value=digests.sha1),
        ListedHash(algorithm=HashAlgorithm.MD5, value=digests.md5),
    ]
    for frame in outcome.frames:
        for transform in (*frame.transforms, *(cut_out.transform for cut_out in frame.cut_outs)):
            hashes += [
                ListedHash(algorithm=HashAlgorithm.PDQ, value=made.hash, convention=made.convention, quality=made.quality)
                for made in transform.views().values()
            ]
    match outcome:
        case Hashed():
            return hashes, marked(
                "The picture was looked up by its digests and by what it looks like, turned, mirrored and without what is "
                "around it, too."
            )
        case Unhashable():
            return hashes, marked("What it looks like could not be told for certain: that nothing is found proves nothing.")


def _search_page(
    visit: OneVisit, *, found: list[LiveMatch] | None = None, said: str | None = None, problem: str | None = None
) -> Response:
    with visit.transaction() as conn:
        names = lists.names(conn, visit.actor) if Permission.REGISTRY_READ in visit.actor.permissions else {}
    response = visit.page(
        "registry/search.html",
        status=422 if problem else 200,
        found=found,
        said=said,
        problem=problem,
        names=names,
        **WORDS,
    )
    response.headers["cache-control"] = "no-store"
    return response


def _entry_page(
    visit: OneVisit, entry_id: int, *, form: str = "", reason: str = "", problem: str | None = None
) -> Response:
    with visit.transaction() as conn:
        entry = entries.get(conn, visit.actor, entry_id)
        found = lists.get(conn, visit.actor, entry.list_id)
        category = next(
            one for one in categories.list_categories(conn, visit.actor, entry.list_id) if one.id == entry.category_id
        )
        windows = entries.count_windows(conn, visit.actor, keys=visit.keys, entry_id=entry_id)
        opinions = entries.list_opinions(conn, visit.actor, entry_id)
        contested = disputes.list_disputes(conn, visit.actor, entry_id=entry_id, still_open=False)
    return visit.page(
        "registry/entry.html",
        status=422 if problem else 200,
        entry=entry,
        list=found,
        category=category,
        windows=windows,
        opinions=opinions,
        contested=contested,
        form=form,
        given=reason,
        problem=problem,
        may={permission.name: permission in visit.actor.permissions for permission in Permission},
        **WORDS,
    )
