"""Lists: making them, and whether they count. Two people activate; one suspends."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from vangnet.audit.model import Actor
from vangnet.audit.service import record
from vangnet.db import Connection
from vangnet.errors import Conflict, InvalidInput, NotFound
from vangnet.identity.model.parties import GrantedRight, require_known
from vangnet.identity.model.text import checked_line
from vangnet.identity.permissions import Permission
from vangnet.identity.service import grants, parties
from vangnet.keys import Keys
from vangnet.registry.model.changes import ChangeKind, NewChange
from vangnet.registry.model.entries import EntryState
from vangnet.registry.model.lists import (
    PEOPLE_NEEDED,
    QUORUM_MAX,
    Approval,
    ApprovalOf,
    Count,
    HashList,
    ListedCategory,
    ListState,
    QuorumOf,
    counting,
    require_ready,
    step,
)
from vangnet.registry.service.acting import require_person
from vangnet.registry.service.matches import publish_and_revise
from vangnet.registry.service.publishing import publish
from vangnet.registry.store import collisions as collision_store
from vangnet.registry.store import lists as store

REASON_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOverview:
    """A list with all that tells how it is."""

    list: HashList
    categories: tuple[ListedCategory, ...]
    counts: tuple[Count, ...]
    open_collisions: int
    #: Who agreed to activate it, as far as that still counts.
    approved_by: frozenset[str]

    def entries(self, state: EntryState | None = None) -> int:
        """How many entries it has, in one state or in all."""
        return sum(count.entries for count in self.counts if state is None or count.state is state)

    @property
    def unmapped(self) -> tuple[ListedCategory, ...]:
        """The categories of which nobody said what they mean."""
        return tuple(category for category in self.categories if category.classification is None)

    @property
    def not_ready(self) -> str | None:
        """Why it cannot be activated; None where two people can."""
        try:
            require_ready(self.categories, self.counts, open_collisions=self.open_collisions)
        except Conflict as error:
            return error.problem
        return None


def create(
    conn: Connection,
    actor: Actor,
    *,
    keys: Keys,
    name: str,
    supplier_party_id: UUID | None = None,
    quorum: int = 1,
    quorum_of: QuorumOf = QuorumOf.PEOPLE,
    now: datetime,
) -> HashList:
    """A new list, in quarantine. Raises PermissionDenied, InvalidInput, NotFound, Conflict.

    A party supplies lists only with the grant `list_supplier`.
    """
    actor.require(Permission.REGISTRY_CREATE)
    if supplier_party_id is not None:
        require_supplier(conn, supplier_party_id, now=now)
    added = HashList(
        id=uuid.uuid4(),
        name=checked_line(name, field="name"),
        supplier_party_id=supplier_party_id,
        origin_party_id=None,
        origin_list_id=None,
        state=ListState.QUARANTINED,
        state_at=now,
        state_by=actor.label,
        state_reason=None,
        quorum=_checked_quorum(quorum),
        quorum_of=quorum_of,
        created_at=now,
        created_by=actor.label,
    )
    store.add_list(conn, added)
    _record(conn, actor, Permission.REGISTRY_CREATE, added, now=now, quorum=quorum, quorum_of=quorum_of.value)
    change = NewChange(kind=ChangeKind.LIST_ADDED, list_id=added.id, value=added.name)
    publish(conn, actor, keys, changes=[change], now=now)
    return added


def rename(conn: Connection, actor: Actor, *, keys: Keys, list_id: UUID, name: str, now: datetime) -> HashList:
    """Gives a list another name. Raises PermissionDenied, NotFound, InvalidInput, Conflict."""
    actor.require(Permission.REGISTRY_CREATE)
    renamed = replace(load_own(conn, list_id), name=checked_line(name, field="name"))
    store.update_list(conn, renamed)
    _record(conn, actor, Permission.REGISTRY_CREATE, renamed, now=now, renamed=True)
    change = NewChange(kind=ChangeKind.LIST_RENAMED, list_id=list_id, value=renamed.name)
    publish(conn, actor, keys, changes=[change], now=now)
    return renamed


def require_quorum(
    conn: Connection, actor: Actor, *, list_id: UUID, quorum: int, quorum_of: QuorumOf, now: datetime
) -> HashList:
    """Says how many must agree on entries from now on; entries that are active stay so.

    Raises PermissionDenied, NotFound, InvalidInput, Conflict.
    """
    actor.require(Permission.REGISTRY_CREATE)
    changed = replace(load_own(conn, list_id), quorum=_checked_quorum(quorum), quorum_of=quorum_of)
    store.update_list(conn, changed)
    _record(conn, actor, Permission.REGISTRY_CREATE, changed, now=now, quorum=quorum, quorum_of=quorum_of.value)
    return changed


# --- whether it counts ---


def start_trial(conn: Connection, actor: Actor, *, keys: Keys, list_id: UUID, now: datetime) -> HashList:
    """Lets a list match and be counted, and decide nothing. Raises PermissionDenied, NotFound, Conflict."""
    actor.require(Permission.REGISTRY_ACTIVATE)
    found = load_own(conn, list_id)
    return _move(
        conn, actor, keys, found, to=ListState.TRIAL, permission=Permission.REGISTRY_ACTIVATE, reason=None, now=now
    )


def approve_activation(conn: Connection, actor: Actor, *, keys: Keys, list_id: UUID, now: datetime) -> HashList:
    """One of two people's word that a list is to decide; with the second, it does.

    Raises PermissionDenied, NotFound; Conflict, with the reason, where it may not decide yet, or the person agreed before.
    """
    actor.require(Permission.REGISTRY_ACTIVATE)
    person = require_person(actor)
    found = load_own(conn, list_id)
    step(found.state, ListState.ACTIVE)
    require_ready(
        store.list_categories(conn, list_id),
        store.list_counts(conn, [list_id])[list_id],
        open_collisions=collision_store.count_open(conn, [list_id]).get(list_id, 0),
    )
    if not _agreed(conn, list_id, ApprovalOf.ACTIVATE, person, now=now):
        _record(conn, actor, Permission.REGISTRY_ACTIVATE, found, now=now, people=1)
        return found
    return _move(
        conn, actor, keys, found, to=ListState.ACTIVE, permission=Permission.REGISTRY_ACTIVATE, reason=None, now=now
    )


def suspend(conn: Connection, actor: Actor, *, keys: Keys, list_id: UUID, reason: str, now: datetime) -> HashList:
    """Stops a list at once; one person is enough. What was decided by it is marked, and told.

    One that we follow, too: whatever its keeper says, until somebody here lifts that (`subscriptions.lift_suspension`).
    Raises PermissionDenied, NotFound, InvalidInput, Conflict.
    """
    actor.require(Permission.REGISTRY_SUSPEND)
    reason = checked_line(reason, field="reason", longest=REASON_MAX)
    found = store.get_list_for_update(conn, list_id)
    return _move(
        conn, actor, keys, found, to=ListState.SUSPENDED, permission=Permission.REGISTRY_SUSPEND, reason=reason, now=now
    )


def quarantine(conn: Connection, actor: Actor, *, keys: Keys, list_id: UUID, reason: str, now: datetime) -> HashList:
    """Puts a list back where it began. Raises PermissionDenied, NotFound, InvalidInput, Conflict."""
    actor.require(Permission.REGISTRY_SUSPEND)
    reason = checked_line(reason, field="reason", longest=REASON_MAX)
    found = load_own(conn, list_id)
    return _move(
        conn, actor, keys, found, to=ListState.QUARANTINED, permission=Permission.REGISTRY_SUSPEND, reason=reason, now=now
    )


def _move(
    conn: Connection,
    actor: Actor,
    keys: Keys,
    found: HashList,
    *,
    to: ListState,
    permission: Permission,
    reason: str | None,
    now: datetime,
) -> HashList:
    moved = replace(found, state=step(found.state, to), state_at=now, state_by=actor.label, state_reason=reason)
    store.update_list(conn, moved)
    store.remove_approvals(conn, found.id, ApprovalOf.ACTIVATE)
    _record(conn, actor, permission, moved, now=now, before=found.state.value)
    change = NewChange(kind=ChangeKind.LIST_STATE, list_id=found.id, value=to.value, reason=reason)
    if to in {ListState.SUSPENDED, ListState.QUARANTINED}:
        publish_and_revise(conn, actor, keys, changes=[change], now=now)
    else:
        publish(conn, actor, keys, changes=[change], now=now)
    return moved


def _agreed(conn: Connection, list_id: UUID, of: ApprovalOf, person: str, *, now: datetime) -> bool:
    """Keeps the person's word; whether two people have given theirs now. Raises Conflict for the same person again."""
    before = counting(store.list_approvals(conn, list_id, of), now)
    if person in before:
        raise Conflict(problem="you agreed to this already; it takes a second person")
    store.put_approval(conn, Approval(list_id=list_id, of=of, person=person, at=now))
    return len(before) + 1 >= PEOPLE_NEEDED


# --- reading ---


def get(conn: Connection, actor: Actor, list_id: UUID) -> HashList:
    """Raises PermissionDenied, NotFound."""
    actor.require(Permission.REGISTRY_READ)
    return store.get_list(conn, list_id)


def find(conn: Connection, actor: Actor, which: str) -> HashList:
    """The list of this name or id. Raises PermissionDenied, NotFound."""
    actor.require(Permission.REGISTRY_READ)
    found = store.find_list_by_name(conn, which)
    if found is not None:
        return found
    try:
        return store.get_list(conn, UUID(which))
    except ValueError:
        raise NotFound(record="list", key=which) from None


def names(conn: Connection, actor: Actor) -> dict[UUID, str]:
    """The name of every list. Raises PermissionDenied."""
    actor.require(Permission.REGISTRY_READ)
    return {one.id: one.name for one in store.list_lists(conn)}


def overview(conn: Connection, actor: Actor, list_id: UUID, *, now: datetime) -> ListOverview:
    """One list with its counts. Raises PermissionDenied, NotFound."""
    return _overviews(conn, [get(conn, actor, list_id)], now=now)[0]


def overviews(conn: Connection, actor: Actor, *, now: datetime) -> list[ListOverview]:
    """All lists by name, with their counts. Raises PermissionDenied."""
    actor.require(Permission.REGISTRY_READ)
    return _overviews(conn, store.list_lists(conn), now=now)


def days(conn: Connection, actor: Actor, *, list_id: UUID, since: date) -> list[tuple[date, EntryState, int]]:
    """How many entries a list had in each state, for each day on which that changed. Raises PermissionDenied."""
    actor.require(Permission.REGISTRY_READ)
    return store.list_days(conn, list_id, since=since)


def _overviews(conn: Connection, lists: Sequence[HashList], *, now: datetime) -> list[ListOverview]:
    ids = [one.id for one in lists]
    counts = store.list_counts(conn, ids)
    collisions = collision_store.count_open(conn, ids)
    return [
        ListOverview(
            list=one,
            categories=tuple(store.list_categories(conn, one.id)),
            counts=tuple(counts[one.id]),
            open_collisions=collisions.get(one.id, 0),
            approved_by=counting(store.list_approvals(conn, one.id, ApprovalOf.ACTIVATE), now),
        )
        for one in lists
    ]


# --- for the other services ---


def load_own(conn: Connection, list_id: UUID) -> HashList:
    """A list that is kept here, locked. Raises NotFound; Conflict for one that we follow."""
    found = store.get_list_for_update(conn, list_id)
    if found.followed:
        raise Conflict(problem="another installation keeps this list; here, choose what of it counts")
    return found


def require_supplier(conn: Connection, party_id: UUID, *, now: datetime) -> None:
    """Raises NotFound; Conflict where the party may not supply lists today."""
    party = parties.party(conn, party_id)
    require_known(party)
    if not grants.has_right(conn, party, GrantedRight.LIST_SUPPLIER, now=now):
        raise Conflict(problem="the party has no grant `list_supplier` that holds today")


def _checked_quorum(quorum: int) -> int:
    if not 1 <= quorum <= QUORUM_MAX:
        raise InvalidInput(field="quorum", problem=f"must be 1 to {QUORUM_MAX}")
    return quorum


def _record(
    conn: Connection, actor: Actor, permission: Permission, found: HashList, *, now: datetime, **details: object
) -> None:
    record(conn, actor, action=permission, record="list", record_id=found.id, now=now, state=found.state.value, **details)
