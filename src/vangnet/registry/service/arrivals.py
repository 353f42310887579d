"""What a page of another installation's stream does to the lists that we follow there.

Everything is taken as the hub says it: entries with their categories and states, lists with theirs. Only which state a list
has here is decided here (`subscriptions.state_here`), and an entry that is near a known-good picture of ours is suspended
here until somebody looked at it. Reading a part of the stream again does no harm: entries are known by
their numbers at the hub, and one that was withdrawn stays so. What does not follow from what came before is refused.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID, uuid4

from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.errors import Conflict
from vangnet.identity.service import parties
from vangnet.keys import Keys
from vangnet.registry.model.changes import ChangeKind, NewChange, NewEntry
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.entries import STANDING, EntryState
from vangnet.registry.model.feed import GENESIS, Addition, AnyChange, Change, Shown
from vangnet.registry.model.lists import HashList, ListState, QuorumOf
from vangnet.registry.model.matches import Against
from vangnet.registry.model.pages import Cursor, Fault, Page
from vangnet.registry.model.subscriptions import SubscribedList, Subscription, state_here
from vangnet.registry.safeguards import Collides
from vangnet.registry.service import known_good
from vangnet.registry.service.matches import publish_and_revise
from vangnet.registry.service.page_contents import draft_of, refuse, told
from vangnet.registry.service.publishing import publish, stays_suspended
from vangnet.registry.service.sealing import EntryCipher
from vangnet.registry.store import collisions, suspensions
from vangnet.registry.store import lists as list_store
from vangnet.registry.store import subscriptions as store
from vangnet.registry.store.collisions import NewCollision

#: Who brings followed lists into their states; another name beside a suspension is a person's, or a safeguard's, here.
FOLLOWER = "system:follow_registry"
_WITHDRAWN_THERE = "withdrawn where the list is kept"


@dataclass(slots=True, kw_only=True)
class _Row:
    """An entry while a page is taken. `id` is ours, None until it is added; `altered`: its state is to be written."""

    id: int | None
    category_id: int
    state: EntryState
    #: Whether it is suspended here, whatever the hub says.
    held: bool = False
    #: What it is at the hub, where it is suspended here on its arrival.
    keeper_state: EntryState | None = None
    altered: bool = False
    reason: str | None = None


class Arrival:
    """One page, or one decision about followed lists, within a transaction. Ends with `finish`."""

    def __init__(
        self, conn: Connection, actor: Actor, keys: Keys, subscribed: Sequence[SubscribedList], *, now: datetime
    ) -> None:
        self._conn = conn
        self._actor = actor
        self._keys = keys
        self._now = now
        self._cipher = EntryCipher(keys)
        self._before = {one.origin_list_id: one for one in subscribed}
        self._lists = dict(self._before)
        self._lifted: set[UUID] = set()
        self._forgotten: set[UUID] = set()
        self._categories: dict[UUID, dict[int, int]] = {}
        self._rows: dict[tuple[UUID, int], _Row] = {}
        self._added: list[tuple[_Row, NewEntry]] = []
        self._added_keys: set[bytes] = set()
        self._altered: list[tuple[UUID, _Row, EntryState, str | None]] = []
        self._counts: dict[UUID, Counter[tuple[int, EntryState]]] = defaultdict(Counter)
        self._list_changes: list[NewChange] = []
        self._collided: dict[tuple[UUID, int], Collides] = {}
        #: How many entries were added, how many of them were stopped here, how many other changes were written.
        self.entries = 0
        self.stopped = 0
        self.changes = 0

    # --- a page ---

    def take(self, page: Page) -> None:
        """Writes what the page says. Raises FeedRefused."""
        changes = [(self._of(group), change) for commit in page.commits for group, change in told(commit)]
        # No picture is added from here on, and that lock goes before all others.
        pictures = known_good.pictures(self._conn, self._keys)
        self._find_rows(changes)
        new = {
            (subscribed.list_id, change.seq): draft_of(change)
            for subscribed, change in changes
            if isinstance(change, Addition) and (subscribed.list_id, change.seq) not in self._rows
        }
        found = pictures.check([draft.hashes for draft in new.values()])
        self._collided = {place: one for place, one in zip(new, found, strict=True) if isinstance(one, Collides)}
        for subscribed, change in changes:
            if isinstance(change, Addition):
                self._add(subscribed, change)
            else:
                self._alter(subscribed.origin_list_id, change)
        self._flush()

    def move(self, origin_ids: Collection[UUID], cursor: Cursor) -> None:
        """Lists that are still arriving were read so far."""
        for origin_id in origin_ids:
            self._lists[origin_id] = replace(self._lists[origin_id], position=cursor.position, chain=cursor.chain)

    def join(self, cursor: Cursor) -> None:
        """Lists that have come as far as the subscription are read together with the others from now on.

        Raises FeedRefused where the hub told two histories.
        """
        for origin_id, one in self._lists.items():
            if one.position != cursor.position:
                continue
            if one.chain != cursor.chain:
                refuse(Fault.FORKED, f"read from the start, its history up to change {cursor.position} is another one")
            self._lists[origin_id] = replace(one, position=None, chain=None)

    def share_only(self, origin_ids: frozenset[UUID], *, subscription: Subscription | None = None) -> None:
        """These lists are shared with us now, and no others. A new one begins to arrive."""
        for origin_id, one in self._lists.items():
            if one.shared and origin_id not in origin_ids:
                self._lists[origin_id] = replace(one, shared=False)
            elif not one.shared and origin_id in origin_ids:
                self._lists[origin_id] = replace(one, shared=True, position=0, chain=GENESIS)
        if subscription is not None:
            for origin_id in sorted(origin_ids - set(self._lists)):
                self._begin(subscription, origin_id)

    # --- decisions of people here ---

    def suspended_here(self, listed: HashList) -> bool:
        """Whether somebody here, and not the hub, suspended the list."""
        return listed.state is ListState.SUSPENDED and listed.state_by != FOLLOWER

    def lift(self, list_id: UUID) -> None:
        """That does not count any more."""
        self._lifted.add(list_id)

    def forget_all(self) -> None:
        """The lists stay here, suspended, and belong to no subscription any more."""
        self._forgotten = set(self._lists)

    def finish(self) -> None:
        """Brings every list into the state that it has here now, and writes what is left to write."""
        for origin_id, one in self._lists.items():
            if origin_id in self._forgotten:
                self._part_with(one)
                continue
            if origin_id not in self._before:
                store.add_subscribed_list(self._conn, one)
            elif one != self._before[origin_id]:
                store.update_subscribed_list(self._conn, one)
            self._settle(one)
        self._flush()

    # --- one change after the other ---

    def _of(self, group: Shown) -> SubscribedList:
        found = self._lists.get(group.list_id)
        if found is None:
            refuse(Fault.CONTRADICTION, "it shows a list that is not followed")
        return found

    def _find_rows(self, told: Iterable[tuple[SubscribedList, AnyChange]]) -> None:
        wanted: dict[UUID, list[int]] = defaultdict(list)
        for subscribed, change in told:
            origin_id = change.seq if isinstance(change, Addition) else change.entry_id
            if origin_id is not None:
                wanted[subscribed.list_id].append(origin_id)
        for list_id, origin_ids in wanted.items():
            found = store.find_local_entries(self._conn, list_id, origin_ids)
            # Behind the lock: a suspension that somebody wrote meanwhile counts.
            held = suspensions.list_suspensions(self._conn, [id_ for id_, _, _ in found.values()])
            for origin_id, (id_, category_id, state) in found.items():
                row = _Row(id=id_, category_id=category_id, state=EntryState(state), held=id_ in held)
                self._rows[list_id, origin_id] = row

    def _add(self, subscribed: SubscribedList, added: Addition) -> None:
        list_id = subscribed.list_id
        if (list_id, added.seq) in self._rows:
            return  # Read again.
        category_id = self._categories_of(list_id).get(added.category_id)
        if category_id is None or added.state not in set(EntryState):
            refuse(Fault.CONTRADICTION, f"entry {added.seq} is of a category or state that was never told")
        draft = draft_of(added)
        key = self._cipher.key(list_id, draft.hashes)
        if key in self._added_keys:
            self._flush()  # One of the same hash was withdrawn before, and that must be written first.
        self._added_keys.add(key)
        row = _Row(id=None, category_id=category_id, state=EntryState(added.state))
        if (list_id, added.seq) in self._collided and row.state in STANDING:
            row.keeper_state, row.state, row.held = row.state, EntryState.SUSPENDED, True
        self._rows[list_id, added.seq] = row
        entry = NewEntry(
            list_id=list_id, category_id=category_id, media_kind=added.media, state=row.state, key_mac=key,
            packed=added.packed, sealed=self._cipher.seal(list_id, added.packed), reference=added.reference,
            note=added.note, added_by=FOLLOWER, origin_id=added.seq,
        )  # fmt: skip
        self._added.append((row, entry))

    def _alter(self, origin_list_id: UUID, change: Change) -> None:
        subscribed = self._lists[origin_list_id]
        match change.kind:
            case ChangeKind.ENTRY_STATE:
                self._alter_entry(subscribed, change)
            case ChangeKind.CATEGORY_ADDED | ChangeKind.CATEGORY_MAPPED:
                self._alter_category(subscribed, change)
            case ChangeKind.LIST_ADDED | ChangeKind.LIST_RENAMED:
                self._rename(subscribed, change.value or "")
            case ChangeKind.LIST_STATE:
                if change.value not in set(ListState):
                    refuse(Fault.CONTRADICTION, f"change {change.seq} is to a state that lists do not have")
                self._lists[origin_list_id] = replace(subscribed, hub_state=ListState(change.value))

    def _alter_entry(self, subscribed: SubscribedList, change: Change) -> None:
        row = self._rows.get((subscribed.list_id, change.entry_id or 0))
        if row is None or change.value not in set(EntryState):
            refuse(Fault.CONTRADICTION, f"change {change.seq} is of an entry, or to a state, that was never told")
        state = EntryState(change.value)
        if row.held:
            if row.id is None:
                self._flush()
            assert row.id is not None  # noqa: S101 (it was just written)
            row.held = stays_suspended(self._conn, row.id, state, by=FOLLOWER, now=self._now)
            if row.held:
                return
        if row.state in {state, EntryState.WITHDRAWN}:
            return
        self._counts[subscribed.list_id].update({(row.category_id, row.state): -1, (row.category_id, state): 1})
        self._altered.append((subscribed.list_id, row, state, change.reason))
        row.state, row.reason, row.altered = state, change.reason, True

    def _alter_category(self, subscribed: SubscribedList, change: Change) -> None:
        list_id = subscribed.list_id
        known = self._categories_of(list_id)
        origin_id = change.category_id or 0
        if change.kind is ChangeKind.CATEGORY_ADDED:
            if origin_id not in known:
                known[origin_id] = store.add_local_category(
                    self._conn, list_id=list_id, origin_id=origin_id, scheme=change.scheme or "", name=change.name or ""
                )
                self._list_changes.append(
                    NewChange(kind=ChangeKind.CATEGORY_ADDED, list_id=list_id, category_id=known[origin_id])
                )
            return
        if origin_id not in known or change.value not in {None, *Classification}:
            refuse(Fault.CONTRADICTION, f"change {change.seq} is of a category, or to a classification, that is not known")
        store.update_local_category(
            self._conn, category_id=known[origin_id], classification=change.value, by=FOLLOWER, at=self._now
        )
        self._list_changes.append(
            NewChange(kind=ChangeKind.CATEGORY_MAPPED, list_id=list_id, category_id=known[origin_id], value=change.value)
        )

    def _categories_of(self, list_id: UUID) -> dict[int, int]:
        if list_id not in self._categories:
            self._categories[list_id] = store.find_local_categories(self._conn, list_id)
        return self._categories[list_id]

    def _rename(self, subscribed: SubscribedList, name: str) -> None:
        listed = list_store.get_list_for_update(self._conn, subscribed.list_id)
        for wanted in (name, f"{name} ({str(subscribed.list_id)[:8]})"):
            if listed.name == wanted:
                return
            try:
                list_store.update_list(self._conn, replace(listed, name=wanted))
            except Conflict:
                continue  # A list of ours, or of another hub, has the name.
            self._list_changes.append(NewChange(kind=ChangeKind.LIST_RENAMED, list_id=subscribed.list_id, value=wanted))
            return

    # --- writing ---

    def _flush(self) -> None:
        """Writes what was gathered, in the order in which one depends on the other."""
        self._write_changes(self._list_changes)
        self._write_states()
        if self._added:
            self._write_entries()
            self._write_states()
        for list_id, counts in self._counts.items():
            list_store.add_counts(self._conn, list_id, counts, now=self._now)
        self._write_changes([
            NewChange(kind=ChangeKind.ENTRY_STATE, list_id=list_id, entry_id=row.id, value=state.value, reason=reason)
            for list_id, row, state, reason in self._altered
        ])  # fmt: skip
        self.entries += len(self._added)
        self.changes += len(self._list_changes) + len(self._altered)
        self._list_changes, self._added, self._added_keys, self._altered = [], [], set(), []
        self._counts.clear()

    def _write_changes(self, changes: Sequence[NewChange]) -> None:
        """Into our own stream. Decisions that rested on what does not stand any more are marked by a job."""
        if any(_ends_something(change) for change in changes):
            publish_and_revise(self._conn, self._actor, self._keys, changes=changes, now=self._now)
        elif changes:
            publish(self._conn, self._actor, self._keys, changes=changes, now=self._now)

    def _write_entries(self) -> None:
        try:
            first = publish(self._conn, self._actor, self._keys, entries=[entry for _, entry in self._added], now=self._now)
        except Conflict:
            refuse(Fault.CONTRADICTION, "it adds an entry with a hash that is on the list already")
        for number, (row, _) in enumerate(self._added, first):
            row.id = number
        self._write_collisions()

    def _write_collisions(self) -> None:
        """Entries that were suspended on arrival wait for somebody here."""
        stopped = [(row, entry) for row, entry in self._added if row.keeper_state is not None]
        found: list[NewCollision] = []
        for row, entry in stopped:
            assert row.id is not None  # noqa: S101 (it was just written)
            assert row.keeper_state is not None  # noqa: S101 (that is how they were chosen)
            suspensions.add_suspension(self._conn, row.id, keeper_state=row.keeper_state, now=self._now)
            one = self._collided[entry.list_id, entry.origin_id or 0]
            found.append(
                NewCollision(entry.list_id, row.id, Against.KNOWN_GOOD, one.known_good_id, one.algorithm, one.distance)
            )
        collisions.add_collisions(self._conn, found, now=self._now)
        self.stopped += len(found)

    def _write_states(self) -> None:
        """The states of entries that are there."""
        rows = {row.id: row for _, row, _, _ in self._altered if row.id is not None and row.altered}
        store.update_entry_states(
            self._conn,
            [(id_, row.state, row.reason or _WITHDRAWN_THERE) for id_, row in rows.items()],
            by=FOLLOWER,
            at=self._now,
        )
        for row in rows.values():
            row.altered = False

    # --- lists ---

    def _begin(self, subscription: Subscription, origin_id: UUID) -> None:
        list_id = uuid4()
        party = parties.party(self._conn, subscription.hub_party_id)
        name = f"{party.name} ({str(list_id)[:8]})"  # Until its first change tells its name.
        list_store.add_list(
            self._conn,
            HashList(
                id=list_id, name=name, supplier_party_id=party.id, origin_party_id=party.id, origin_list_id=origin_id,
                state=ListState.QUARANTINED, state_at=self._now, state_by=FOLLOWER, state_reason=None, quorum=1,
                quorum_of=QuorumOf.PEOPLE, created_at=self._now, created_by=FOLLOWER,
            ),
        )  # fmt: skip
        self._list_changes.append(NewChange(kind=ChangeKind.LIST_ADDED, list_id=list_id, value=name))
        self._lists[origin_id] = SubscribedList(
            subscription_id=subscription.id, origin_list_id=origin_id, list_id=list_id,
            hub_state=ListState.QUARANTINED, shared=True, position=0, chain=GENESIS,
        )  # fmt: skip

    def _settle(self, one: SubscribedList) -> None:
        """Brings a list into the state that it has here now."""
        listed = list_store.get_list_for_update(self._conn, one.list_id)
        suspended_here = self.suspended_here(listed) and one.list_id not in self._lifted
        state = state_here(one.hub_state, shared=one.shared, arriving=one.arriving, suspended_here=suspended_here)
        if not suspended_here and state is not listed.state:
            reason = None if one.shared else "it is not shared with us any more"
            self._write_state(listed, state, reason)

    def _part_with(self, one: SubscribedList) -> None:
        listed = list_store.get_list_for_update(self._conn, one.list_id)
        name = f"{listed.name} (until {self._now:%Y-%m-%d %H:%M:%S})"
        listed = replace(listed, name=name)
        list_store.update_list(self._conn, listed)
        self._list_changes.append(NewChange(kind=ChangeKind.LIST_RENAMED, list_id=one.list_id, value=name))
        if listed.state is not ListState.SUSPENDED:
            self._write_state(listed, ListState.SUSPENDED, "it is followed anew from its start")
        store.remove_subscribed_list(self._conn, one)

    def _write_state(self, listed: HashList, state: ListState, reason: str | None) -> None:
        list_store.update_list(
            self._conn,
            replace(listed, state=state, state_at=self._now, state_by=FOLLOWER, state_reason=reason),
        )
        self._list_changes.append(
            NewChange(kind=ChangeKind.LIST_STATE, list_id=listed.id, value=state.value, reason=reason)
        )


def _ends_something(change: NewChange) -> bool:
    if change.kind is ChangeKind.LIST_STATE:
        return change.value in {ListState.SUSPENDED, ListState.QUARANTINED}
    return change.kind is ChangeKind.ENTRY_STATE and change.value not in STANDING
