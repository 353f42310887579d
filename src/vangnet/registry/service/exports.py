"""Writing a list out, hashes in clear: two people agree, then one of them does it, once."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from vangnet.audit.model import Actor
from vangnet.audit.service import record
from vangnet.db import Connection
from vangnet.errors import Conflict
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.registry.model.entries import STANDING, Category, EntryDraft, EntryState, HashAlgorithm, MediaKind
from vangnet.registry.model.lists import PEOPLE_NEEDED, Approval, ApprovalOf, HashList, counting
from vangnet.registry.service.acting import require_person
from vangnet.registry.service.sealing import EntryCipher
from vangnet.registry.store import entries as entry_store
from vangnet.registry.store import lists as store

_ENTRIES_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Leave to write a list out, once."""

    list: HashList
    #: How many entries it has that stand.
    entries: int


def agree(conn: Connection, actor: Actor, *, list_id: UUID, now: datetime) -> int:
    """One of two people's word that a list is written out; returns of how many people the word is there now.

    Raises PermissionDenied, NotFound; Conflict where the person agreed before.
    """
    actor.require(Permission.REGISTRY_EXPORT)
    person = require_person(actor)
    store.get_list_for_update(conn, list_id)
    before = counting(store.list_approvals(conn, list_id, ApprovalOf.EXPORT), now)
    if person in before:
        raise Conflict(problem="you agreed to this already; it takes a second person")
    store.put_approval(conn, Approval(list_id=list_id, of=ApprovalOf.EXPORT, person=person, at=now))
    record(
        conn, actor, action=Permission.REGISTRY_EXPORT, record="list", record_id=list_id, now=now, people=len(before) + 1
    )
    return len(before) + 1


def begin(conn: Connection, actor: Actor, *, list_id: UUID, format_: str, now: datetime) -> Export:
    """Uses up the agreement of two people, the actor one of them; then `read` gives the entries.

    Raises PermissionDenied, NotFound; Conflict where two did not agree, or not the actor.
    """
    actor.require(Permission.REGISTRY_EXPORT)
    person = require_person(actor)
    found = store.get_list_for_update(conn, list_id)
    agreed = counting(store.list_approvals(conn, list_id, ApprovalOf.EXPORT), now)
    if person not in agreed or len(agreed) < PEOPLE_NEEDED:
        raise Conflict(problem="two people must agree to an export, you one of them")
    store.remove_approvals(conn, list_id, ApprovalOf.EXPORT)
    counts = store.list_counts(conn, [list_id])[list_id]
    entries = sum(count.entries for count in counts if count.state in STANDING)
    record(
        conn, actor, action=Permission.REGISTRY_EXPORT, record="list", record_id=list_id, now=now, format=format_,
        entries=entries, agreed=sorted(agreed),
    )  # fmt: skip
    return Export(list=found, entries=entries)


def read(transaction: Callable[[], AbstractContextManager[Connection]], keys: Keys, export: Export) -> Iterator[EntryDraft]:
    """The entries that stand, in the order of their numbers, as a supplier would give them; disputed ones left out."""
    cipher = EntryCipher(keys)
    after = 0
    categories: dict[int, Category] = {}
    while True:
        with transaction() as conn:
            sealed = entry_store.list_sealed(
                conn,
                list_id=export.list.id,
                states=STANDING - {EntryState.DISPUTED},
                after=after,
                limit=_ENTRIES_AT_ONCE,
            )
            if any(entry.category_id not in categories for entry in sealed):
                categories = {
                    one.id: Category(scheme=one.scheme, name=one.name)
                    for one in store.list_categories(conn, export.list.id)
                }
        for entry in sealed:
            yield EntryDraft(
                media_kind=MediaKind(entry.media_kind),
                # Sub-windows stay here: whoever reads the file did not have the picture in hand.
                hashes=tuple(
                    hash_
                    for hash_ in cipher.open(entry.list_id, entry.sealed)
                    if hash_.algorithm is not HashAlgorithm.PDQ_WINDOW
                ),
                category=categories[entry.category_id],
                reference=entry.reference,
                note=entry.note,
            )
        if len(sealed) < _ENTRIES_AT_ONCE:
            return
        after = sealed[-1].id
