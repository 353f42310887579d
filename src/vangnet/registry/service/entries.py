"""Single entries: proposing, agreeing, withdrawing, correcting, suspending, looking at them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from vangnet.audit.model import Actor
from vangnet.audit.service import record
from vangnet.db import Connection
from vangnet.errors import Conflict, InvalidInput
from vangnet.identity.model.text import checked_line
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.registry.model.changes import NewChange, NewEntry
from vangnet.registry.model.entries import Entry, EntryDraft, EntryState, HashAlgorithm, ListedHash, require_sound
from vangnet.registry.model.lists import HashList, Opinion, has_quorum
from vangnet.registry.model.matches import Against, Collision, Resolution
from vangnet.registry.model.packing import pack
from vangnet.registry.safeguards import Collides, Finding, Unfit
from vangnet.registry.service import known_good
from vangnet.registry.service.acting import require_person
from vangnet.registry.service.categories import Categories
from vangnet.registry.service.lists import REASON_MAX, load_own, require_supplier
from vangnet.registry.service.matches import publish_and_revise, revise_later
from vangnet.registry.service.publishing import change_entry, lift_suspension, publish
from vangnet.registry.service.sealing import EntryCipher
from vangnet.registry.store import collisions as collision_store
from vangnet.registry.store import entries as store
from vangnet.registry.store import known_good as known_good_store
from vangnet.registry.store import lists as list_store
from vangnet.registry.store.collisions import NewCollision


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What came of proposing an entry: the entry, and what a safeguard found of it."""

    entry: Entry
    collides: Collides | None


def propose(
    conn: Connection,
    actor: Actor,
    *,
    keys: Keys,
    list_id: UUID,
    draft: EntryDraft,
    party_id: UUID | None = None,
    waits: bool = False,
    now: datetime,
) -> Listed:
    """Adds an entry by hand. It is active at once where the list asks for nobody else's word, unless it `waits`: then it
    is proposed by nobody whose word counts, and people say whether it belongs there.

    It passes the safeguards first: one that collides is added suspended, and waits for a decision. Raises PermissionDenied,
    NotFound; InvalidInput where a safeguard refuses it; Conflict where it is listed already.
    """
    actor.require(Permission.REGISTRY_PROPOSE)
    require_sound(draft)
    finding = _checked(conn, keys, draft.hashes)
    draft = _with_fit_windows(conn, keys, draft)
    found = load_own(conn, list_id)
    party_id = party_id or found.supplier_party_id
    if party_id is not None:
        require_supplier(conn, party_id, now=now)
    categories = Categories(conn, list_id)
    new = _new(keys, found, categories, draft, finding, by=actor.label)
    if waits and new.state == EntryState.ACTIVE:
        new = new._replace(state=EntryState.PROPOSED.value)
    record(
        conn, actor, action=Permission.REGISTRY_PROPOSE, record="list", record_id=list_id, now=now, state=new.state,
        category=new.category_id, hashes=len(draft.hashes), on_behalf_of=None if party_id is None else str(party_id),
    )  # fmt: skip
    entry_id = _add(conn, actor, keys, categories=categories, new=new, finding=finding, now=now)
    if found.quorum > 1 and not waits:
        store.put_opinions(conn, [_opinion(entry_id, party_id, actor, agrees=True, reason=None, now=now)])
    return Listed(entry=store.get_entry(conn, entry_id), collides=finding if isinstance(finding, Collides) else None)


def give_opinion(
    conn: Connection,
    actor: Actor,
    *,
    keys: Keys,
    entry_id: int,
    agrees: bool,
    reason: str | None = None,
    party_id: UUID | None = None,
    now: datetime,
) -> Entry:
    """Says whether an entry belongs on its list. With enough who agree, and nobody who does not, a proposed one is active.

    An active one of which somebody says that it does not belong there waits for agreement again. Raises PermissionDenied,
    NotFound, InvalidInput, Conflict.
    """
    actor.require(Permission.REGISTRY_PROPOSE)
    require_person(actor)
    if not agrees and not reason:
        raise InvalidInput(field="reason", problem="must be given by who does not agree")
    reason = None if reason is None else checked_line(reason, field="reason", longest=REASON_MAX)
    if party_id is not None:
        require_supplier(conn, party_id, now=now)
    found = load_own(conn, store.get_entry(conn, entry_id).list_id)
    entry = store.get_entry_for_update(conn, entry_id)
    if entry.state is EntryState.WITHDRAWN:
        raise Conflict(problem="the entry was withdrawn")
    store.put_opinions(conn, [_opinion(entry_id, party_id, actor, agrees=agrees, reason=reason, now=now)])
    agreed = has_quorum(store.list_opinions(conn, [entry_id]), quorum=found.quorum, of=found.quorum_of)
    changes = []
    if agreed and entry.state is EntryState.PROPOSED:
        changes.append(change_entry(conn, entry, EntryState.ACTIVE, by=actor.label, reason=None, now=now))
    elif not agrees and entry.state is EntryState.ACTIVE:
        changes.append(change_entry(conn, entry, EntryState.PROPOSED, by=actor.label, reason=reason, now=now))
    record(
        conn, actor, action=Permission.REGISTRY_PROPOSE, record="entry", record_id=entry_id, now=now, agrees=agrees,
        list=str(entry.list_id), agreed=agreed,
    )  # fmt: skip
    if changes:
        publish(conn, actor, keys, changes=changes, now=now)
    return store.get_entry(conn, entry_id)


def withdraw(conn: Connection, actor: Actor, *, keys: Keys, entry_id: int, reason: str, now: datetime) -> Entry:
    """Takes an entry back for good; what was decided by it is marked, and told.

    The supplier's next file does not bring it back. Raises PermissionDenied, NotFound, InvalidInput, InvalidTransition.
    """
    actor.require(Permission.REGISTRY_WITHDRAW)
    reason = checked_line(reason, field="reason", longest=REASON_MAX)
    load_own(conn, store.get_entry(conn, entry_id).list_id)
    entry = store.get_entry_for_update(conn, entry_id)
    change = withdrawal(conn, actor, entry, reason=reason, now=now)
    record(
        conn, actor, action=Permission.REGISTRY_WITHDRAW, record="entry", record_id=entry_id, now=now,
        list=str(entry.list_id), before=entry.state.value,
    )  # fmt: skip
    publish_and_revise(conn, actor, keys, changes=[change], now=now)
    return store.get_entry(conn, entry_id)


def correct(
    conn: Connection, actor: Actor, *, keys: Keys, entry_id: int, draft: EntryDraft, reason: str, now: datetime
) -> Listed:
    """Withdraws an entry and puts another in its place, in one step.

    Raises PermissionDenied, NotFound, Conflict; InvalidInput where a safeguard refuses it.
    """
    actor.require(Permission.REGISTRY_WITHDRAW)
    reason = checked_line(reason, field="reason", longest=REASON_MAX)
    require_sound(draft)
    finding = _checked(conn, keys, draft.hashes)
    draft = _with_fit_windows(conn, keys, draft)
    found = load_own(conn, store.get_entry(conn, entry_id).list_id)
    entry = store.get_entry_for_update(conn, entry_id)
    change = withdrawal(conn, actor, entry, reason=reason, now=now)
    record(
        conn, actor, action=Permission.REGISTRY_WITHDRAW, record="entry", record_id=entry_id, now=now,
        list=str(entry.list_id), before=entry.state.value, corrected=True,
    )  # fmt: skip
    new_id = replacement(conn, actor, keys, found=found, draft=draft, finding=finding, withdrawn=change, now=now)
    return Listed(entry=store.get_entry(conn, new_id), collides=finding if isinstance(finding, Collides) else None)


def suspend(conn: Connection, actor: Actor, *, keys: Keys, entry_id: int, reason: str, now: datetime) -> Entry:
    """Stops an entry at once; one person is enough. It waits for `resolve`.

    One of a list that we follow, too: whatever its keeper says, unless that is that it is withdrawn.
    Raises PermissionDenied, NotFound, InvalidInput, InvalidTransition.
    """
    actor.require(Permission.REGISTRY_SUSPEND)
    reason = checked_line(reason, field="reason", longest=REASON_MAX)
    _load(conn, store.get_entry(conn, entry_id).list_id)
    entry = store.get_entry_for_update(conn, entry_id)
    change = change_entry(conn, entry, EntryState.SUSPENDED, by=actor.label, reason=reason, now=now)
    record(
        conn, actor, action=Permission.REGISTRY_SUSPEND, record="entry", record_id=entry_id, now=now,
        list=str(entry.list_id), before=entry.state.value,
    )  # fmt: skip
    publish_and_revise(conn, actor, keys, changes=[change], now=now)
    return store.get_entry(conn, entry_id)


def resolve(conn: Connection, actor: Actor, *, keys: Keys, entry_id: int, keep: bool, reason: str, now: datetime) -> Entry:
    """Decides on an entry that is suspended: it is kept, and no safeguard stops it for the same again; or it is withdrawn.

    A kept entry is active where enough agree on it, else proposed. One of a list that we follow is here again what it is
    where it is kept; only there it can be withdrawn.

    Raises PermissionDenied, NotFound, InvalidInput, Conflict.
    """
    actor.require(Permission.REGISTRY_RESOLVE)
    require_person(actor)
    reason = checked_line(reason, field="reason", longest=REASON_MAX)
    list_id = store.get_entry(conn, entry_id).list_id
    found = _load(conn, list_id) if keep else load_own(conn, list_id)
    entry = store.get_entry_for_update(conn, entry_id)
    if entry.state is not EntryState.SUSPENDED:
        raise Conflict(problem="the entry is not suspended, so that there is nothing to decide")
    if found.followed:
        changes = lift_suspension(conn, entry, by=actor.label, reason=reason, now=now)
    else:
        state = standing(conn, found, entry) if keep else EntryState.WITHDRAWN
        changes = [change_entry(conn, entry, state, by=actor.label, reason=reason, now=now)]
    resolution = Resolution.KEPT if keep else Resolution.WITHDRAWN
    resolved = collision_store.resolve(conn, entry_id, resolution, by=actor.label, now=now)
    record(
        conn, actor, action=Permission.REGISTRY_RESOLVE, record="entry", record_id=entry_id, now=now,
        list=str(entry.list_id), resolution=resolution.value, collisions=resolved,
    )  # fmt: skip
    if keep:
        publish(conn, actor, keys, changes=changes, now=now)
    else:
        publish_and_revise(conn, actor, keys, changes=changes, now=now)
    return store.get_entry(conn, entry_id)


# --- reading ---


def get(conn: Connection, actor: Actor, entry_id: int) -> Entry:
    """Raises PermissionDenied, NotFound."""
    actor.require(Permission.REGISTRY_READ)
    return store.get_entry(conn, entry_id)


def list_entries(
    conn: Connection,
    actor: Actor,
    *,
    list_id: UUID,
    state: EntryState | None = None,
    after: int = 0,
    limit: int = 100,
) -> list[Entry]:
    """Entries of a list in the order of their numbers, behind `after`. Raises PermissionDenied."""
    actor.require(Permission.REGISTRY_READ)
    return store.list_entries(conn, list_id, state=state, after=after, limit=limit)


def list_opinions(conn: Connection, actor: Actor, entry_id: int) -> list[Opinion]:
    """What was said about an entry. Raises PermissionDenied."""
    actor.require(Permission.REGISTRY_READ)
    return store.list_opinions(conn, [entry_id])


def list_collisions(
    conn: Connection,
    actor: Actor,
    *,
    list_id: UUID | None = None,
    still_open: bool = True,
    after: int = 0,
    limit: int = 100,
) -> list[Collision]:
    """Entries that a safeguard stopped, in the order in which they were found. Raises PermissionDenied."""
    actor.require(Permission.REGISTRY_READ)
    return collision_store.list_collisions(conn, list_id, still_open=still_open, after=after, limit=limit)


def known_good_names(conn: Connection, actor: Actor, collisions: Sequence[Collision]) -> dict[int, tuple[str, str]]:
    """Set and name of the pictures that these entries are near. Raises PermissionDenied."""
    actor.require(Permission.REGISTRY_READ)
    ids = [one.known_good_id for one in collisions if one.known_good_id is not None]
    return known_good_store.list_names(conn, ids)


def count_windows(conn: Connection, actor: Actor, *, keys: Keys, entry_id: int) -> int:
    """By how many parts of its picture an entry is found: a number, of which nobody learns a hash, so there is no event.

    Raises PermissionDenied, NotFound.
    """
    actor.require(Permission.REGISTRY_READ)
    sealed = store.get_sealed(conn, entry_id)
    hashes = EntryCipher(keys).open(sealed.list_id, sealed.sealed)
    return sum(hash_.algorithm is HashAlgorithm.PDQ_WINDOW for hash_ in hashes)


def open_hashes(conn: Connection, actor: Actor, *, keys: Keys, entry_id: int, now: datetime) -> tuple[ListedHash, ...]:
    """An entry's hashes, which are secrets: to contest or correct it. Every look is an event.

    Raises PermissionDenied, NotFound.
    """
    actor.require(Permission.REGISTRY_OPEN)
    sealed = store.get_sealed(conn, entry_id)
    record(
        conn, actor, action=Permission.REGISTRY_OPEN, record="entry", record_id=entry_id, now=now,
        list=str(sealed.list_id),
    )  # fmt: skip
    return EntryCipher(keys).open(sealed.list_id, sealed.sealed)


# --- for the other services ---


def withdrawal(conn: Connection, actor: Actor, entry: Entry, *, reason: str, now: datetime) -> NewChange:
    """Withdraws an entry that the caller locked; what was open about it is decided by that."""
    collision_store.resolve(conn, entry.id, Resolution.WITHDRAWN, by=actor.label, now=now)
    return change_entry(conn, entry, EntryState.WITHDRAWN, by=actor.label, reason=reason, now=now)


def standing(conn: Connection, found: HashList, entry: Entry) -> EntryState:
    """The state of an entry against which nothing speaks any more: active where enough agree on it, else proposed."""
    if found.quorum == 1:
        return EntryState.ACTIVE
    agreed = has_quorum(store.list_opinions(conn, [entry.id]), quorum=found.quorum, of=found.quorum_of)
    return EntryState.ACTIVE if agreed else EntryState.PROPOSED


def checked(conn: Connection, keys: Keys, draft: EntryDraft) -> Finding:
    """What the safeguards find of a draft. Called before anything is locked. Raises InvalidInput where they refuse it."""
    require_sound(draft)
    return _checked(conn, keys, draft.hashes)


def replacement(
    conn: Connection,
    actor: Actor,
    keys: Keys,
    *,
    found: HashList,
    draft: EntryDraft,
    finding: Finding,
    withdrawn: NewChange,
    now: datetime,
) -> int:
    """Puts an entry in the place of the one that `withdrawn` withdraws, as the last thing in a transaction.

    Returns its number.
    """
    categories = Categories(conn, found.id)
    new = _new(keys, found, categories, draft, finding, by=actor.label)
    new = new._replace(replaces=withdrawn.entry_id)
    return _add(conn, actor, keys, categories=categories, new=new, finding=finding, withdrawn=withdrawn, now=now)


def _load(conn: Connection, list_id: UUID) -> HashList:
    """A list, locked where it is kept here. Of one that we follow the follower locks entries first, and so must others."""
    found = list_store.get_list(conn, list_id)
    return found if found.followed else load_own(conn, list_id)


def _checked(conn: Connection, keys: Keys, hashes: Sequence[ListedHash]) -> Finding:
    (finding,) = known_good.safeguards(conn, keys).check([hashes])
    if isinstance(finding, Unfit):
        raise InvalidInput(field="hashes", problem=finding.problem)
    return finding


def _with_fit_windows(conn: Connection, keys: Keys, draft: EntryDraft) -> EntryDraft:
    return replace(draft, hashes=known_good.safeguards(conn, keys).without_unfit_windows(draft.hashes))


def _new(keys: Keys, found: HashList, categories: Categories, draft: EntryDraft, finding: Finding, *, by: str) -> NewEntry:
    cipher = EntryCipher(keys)
    packed = pack(draft.hashes)
    state = EntryState.ACTIVE if found.quorum == 1 else EntryState.PROPOSED
    if isinstance(finding, Collides):
        state = EntryState.SUSPENDED
    return NewEntry(
        found.id,
        categories.id_of(draft.category.scheme, draft.category.name),
        draft.media_kind.value,
        state.value,
        cipher.key(found.id, draft.hashes),
        packed,
        cipher.seal(found.id, packed),
        draft.reference,
        draft.note,
        added_by=by,
    )


def _add(
    conn: Connection,
    actor: Actor,
    keys: Keys,
    *,
    categories: Categories,
    new: NewEntry,
    finding: Finding,
    withdrawn: NewChange | None = None,
    now: datetime,
) -> int:
    if categories.changes:
        publish(conn, actor, keys, changes=categories.changes, now=now)
    changes = [] if withdrawn is None else [withdrawn]
    first = publish(conn, actor, keys, entries=[new], changes=changes, now=now)
    if isinstance(finding, Collides):
        collision = NewCollision(
            new.list_id, first, Against.KNOWN_GOOD, finding.known_good_id, finding.algorithm, finding.distance
        )
        collision_store.add_collisions(conn, [collision], now=now)
    if withdrawn is not None:
        revise_later(conn, first=first + 1, count=1)
    return first


def _opinion(
    entry_id: int, party_id: UUID | None, actor: Actor, *, agrees: bool, reason: str | None, now: datetime
) -> Opinion:
    return Opinion(entry_id=entry_id, by_party=party_id, by_person=actor.label, agrees=agrees, reason=reason, at=now)
