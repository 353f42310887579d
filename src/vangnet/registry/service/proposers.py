"""What programs do to lists through others' interfaces: they propose, into lists that were chosen for their party, and take
back what still waits. People decide on the rest.
"""

from datetime import datetime
from uuid import UUID

from vangnet.audit.model import Actor
from vangnet.audit.service import record
from vangnet.db import Connection
from vangnet.errors import Conflict, NotFound
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.registry.model.entries import Entry, EntryDraft
from vangnet.registry.model.lists import HashList
from vangnet.registry.model.proposers import Proposer, require_waiting
from vangnet.registry.service import entries, lists
from vangnet.registry.service.entries import Listed
from vangnet.registry.store import entries as entry_store
from vangnet.registry.store import lists as list_store
from vangnet.registry.store import proposers as store


def choose(conn: Connection, actor: Actor, *, list_id: UUID, party_id: UUID | None, now: datetime) -> Proposer:
    """Lets a party's programs, or with None our own, propose entries for a list.

    Raises PermissionDenied, NotFound; Conflict for a list that we follow, a party that may not supply lists, or where it
    was chosen before.
    """
    actor.require(Permission.REGISTRY_CREATE)
    lists.load_own(conn, list_id)
    if party_id is not None:
        lists.require_supplier(conn, party_id, now=now)
    added = _added(conn, actor, list_id, party_id, now=now)
    _record(conn, actor, list_id, party_id, proposes=True, now=now)
    return added


def end(conn: Connection, actor: Actor, *, list_id: UUID, party_id: UUID | None, now: datetime) -> None:
    """Ends that; what was proposed stays as it is. Raises PermissionDenied, NotFound."""
    actor.require(Permission.REGISTRY_CREATE)
    if not store.remove_proposer(conn, list_id, party_id):
        raise NotFound(record="list for programs", key=str(list_id))
    _record(conn, actor, list_id, party_id, proposes=False, now=now)


def list_proposers(conn: Connection, actor: Actor) -> list[Proposer]:
    """Which lists were chosen for whose programs. Raises PermissionDenied."""
    actor.require(Permission.REGISTRY_READ)
    return store.list_proposers(conn)


def lists_of(conn: Connection, actor: Actor, *, party_id: UUID | None) -> list[HashList]:
    """The lists that were chosen for a party's programs. Raises PermissionDenied."""
    actor.require(Permission.REGISTRY_PROPOSE)
    chosen = {one.list_id for one in store.list_proposers(conn) if one.party_id == party_id}
    return [one for one in list_store.list_lists(conn) if one.id in chosen]


def create_list(conn: Connection, actor: Actor, *, keys: Keys, name: str, party_id: UUID | None, now: datetime) -> HashList:
    """A new list in quarantine, chosen for the programs of the party that asks for it.

    Raises PermissionDenied, InvalidInput, Conflict.
    """
    made = lists.create(conn, actor, keys=keys, name=name, supplier_party_id=party_id, now=now)
    _added(conn, actor, made.id, party_id, now=now)
    return made


def propose(
    conn: Connection,
    actor: Actor,
    *,
    keys: Keys,
    list_id: UUID,
    party_id: UUID | None,
    draft: EntryDraft,
    now: datetime,
) -> Listed:
    """Adds an entry that waits for people, also where the list asks for nobody's word but the proposer's.

    Raises as `entries.propose`, and Conflict where the list was not chosen for that party's programs.
    """
    actor.require(Permission.REGISTRY_PROPOSE)
    _require_chosen(conn, list_id, party_id)
    return entries.propose(conn, actor, keys=keys, list_id=list_id, draft=draft, party_id=party_id, waits=True, now=now)


def take_back(conn: Connection, actor: Actor, *, keys: Keys, entry_id: int, party_id: UUID | None, now: datetime) -> Entry:
    """Withdraws an entry on which nobody agreed yet. Raises PermissionDenied, NotFound, Conflict."""
    actor.require(Permission.REGISTRY_WITHDRAW)
    entry = entry_store.get_entry(conn, entry_id)
    _require_chosen(conn, entry.list_id, party_id)
    lists.load_own(conn, entry.list_id)
    require_waiting(entry_store.get_entry_for_update(conn, entry_id))
    return entries.withdraw(
        conn, actor, keys=keys, entry_id=entry_id, reason="the program that proposed it takes it back", now=now
    )


def _require_chosen(conn: Connection, list_id: UUID, party_id: UUID | None) -> None:
    if not store.is_proposer(conn, list_id, party_id):
        raise Conflict(problem="this list was not chosen for the programs of this party")


def _added(conn: Connection, actor: Actor, list_id: UUID, party_id: UUID | None, *, now: datetime) -> Proposer:
    added = Proposer(list_id=list_id, party_id=party_id, chosen_by=actor.label, chosen_at=now)
    store.add_proposer(conn, added)
    return added


def _record(conn: Connection, actor: Actor, list_id: UUID, party_id: UUID | None, *, proposes: bool, now: datetime) -> None:
    record(
        conn, actor, action=Permission.REGISTRY_CREATE, record="list", record_id=list_id, now=now,
        party_id=None if party_id is None else str(party_id), programs_propose=proposes,
    )  # fmt: skip
