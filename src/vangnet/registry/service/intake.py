"""What becomes of the rows of a batch in one transaction: the part of an import that has to be both careful and fast."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.keys import Keys
from vangnet.registry.formats.reading import Withdrawn
from vangnet.registry.model.changes import ChangeKind, NewChange, NewEntry
from vangnet.registry.model.entries import Entry, EntryState
from vangnet.registry.model.lists import HashList, ListState, Opinion, has_quorum
from vangnet.registry.model.matches import Against, Batch, BatchProblem
from vangnet.registry.safeguards import PASSED, Collides, Unfit
from vangnet.registry.service import known_good
from vangnet.registry.service.categories import Categories
from vangnet.registry.service.entries import withdrawal
from vangnet.registry.service.lists import load_own
from vangnet.registry.service.matches import revise_later
from vangnet.registry.service.preparing import Candidate, PreparedRows
from vangnet.registry.service.publishing import change_entry, publish
from vangnet.registry.store import collisions as collision_store
from vangnet.registry.store import entries as entry_store
from vangnet.registry.store import lists as list_store
from vangnet.registry.store.collisions import NewCollision
from vangnet.registry.store.entries import Known


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What became of the rows."""

    taken: int = 0
    duplicates: int = 0
    collided: int = 0
    withdrawn: int = 0
    problems: list[BatchProblem] = field(default_factory=list)
    #: Of the MACs of what was taken: for the audit trail.
    digest: str = ""


class Intake:
    """Takes rows into a list: call `take` once, and `publish` at the transaction's end."""

    def __init__(self, conn: Connection, actor: Actor, keys: Keys, *, batch: Batch, now: datetime) -> None:
        self._conn = conn
        self._actor = actor
        self._keys = keys
        self._batch = batch
        self._now = now
        # In this order everywhere, so that two transactions never wait for each other.
        self._safeguards = known_good.safeguards(conn, keys)
        self._list = load_own(conn, batch.list_id)
        self._categories = Categories(conn, batch.list_id)
        self._entries: list[NewEntry] = []
        self._changes: list[NewChange] = []
        self._collisions: list[tuple[int, Collides]] = []
        # Which of `_entries` a later row takes back.
        self._taken_back: list[int] = []
        self._outcome = Outcome()

    def take(self, rows: PreparedRows) -> Outcome:
        """Decides on every row as if each came by itself, in their order; writes what needs no number yet."""
        rows = rows.checked_by(self._safeguards)
        self._outcome.problems.extend(rows.problems)
        self._outcome.duplicates = rows.duplicates
        withdrawn = _Withdrawals(self._conn, self._list.id, rows.withdrawn)
        known = self._known(rows.candidates, withdrawn)
        usual = EntryState.ACTIVE if self._list.quorum == 1 else EntryState.PROPOSED
        for candidate, finding in zip(rows.candidates, rows.findings, strict=True):
            if candidate.key in known:
                continue
            if isinstance(finding, Unfit):
                self._skip(candidate.row.position, "hashes", problem=finding.problem)
                continue
            if withdrawn.take_back(candidate):
                self._taken_back.append(len(self._entries))
            if finding is PASSED:
                self._add(candidate, usual)
            elif isinstance(finding, Collides):
                self._collisions.append((len(self._entries), finding))
                self._add(candidate, EntryState.SUSPENDED)
        self._withdraw(rows.withdrawn, withdrawn)
        if self._collisions and self._list.state in {ListState.TRIAL, ListState.ACTIVE}:
            self._quarantine()
        outcome = self._outcome
        outcome.taken = len(self._entries)
        outcome.collided = len(self._collisions)
        outcome.digest = hashlib.sha256(b"".join([entry.key_mac for entry in self._entries])).hexdigest()
        return outcome

    def publish(self) -> None:
        """Adds what was taken and writes it into the stream; the last thing in the transaction."""
        if self._categories.changes:
            publish(self._conn, self._actor, self._keys, changes=self._categories.changes, now=self._now)
        if not self._entries and not self._changes:
            return
        first = publish(self._conn, self._actor, self._keys, entries=self._entries, changes=self._changes, now=self._now)
        if self._collisions:
            collision_store.add_collisions(
                self._conn,
                [
                    NewCollision(
                        self._list.id, first + number, Against.KNOWN_GOOD, found.known_good_id, found.algorithm,
                        found.distance,
                    )
                    for number, found in self._collisions
                ],
                now=self._now,
            )  # fmt: skip
        if self._list.quorum > 1 and self._entries:
            entry_store.put_opinions(self._conn, [self._opinion(first + number) for number in range(len(self._entries))])
        if self._changes:
            revise_later(self._conn, first=first + len(self._entries), count=len(self._changes))
        if self._taken_back:
            # They were listed and are not any more: what was withdrawn does not come back with the next file. Nothing can
            # have matched them in between.
            ids = [first + number for number in self._taken_back]
            changes = [self._withdrawal(entry) for entry in entry_store.list_entries_for_update(self._conn, ids)]
            publish(self._conn, self._actor, self._keys, changes=changes, now=self._now)

    # --- one row after the other ---

    def _known(self, candidates: Sequence[Candidate], withdrawn: "_Withdrawals") -> Mapping[bytes, Known]:
        """What of these was listed here before. A party's word is kept, where the list asks for several."""
        known = entry_store.find_by_keys(self._conn, [one.key for one in candidates])
        if not known:
            return known
        again: dict[int, Known] = {}
        for one in candidates:
            found = known.get(one.key)
            if found is None:
                continue
            if found.state is EntryState.WITHDRAWN or withdrawn.is_gone(found.id, at=one.row.position):
                self._skip(
                    one.row.position, "hashes", problem="were listed before and withdrawn here; propose the entry by hand"
                )
            elif found.category_id != self._category_id(one):
                self._skip(
                    one.row.position, "category", problem="contradicts the category under which the same is listed already"
                )
            else:
                self._outcome.duplicates += 1
                if not withdrawn.names(found.id):
                    again[found.id] = found
        if self._list.quorum > 1 and again:
            self._confirm(again)
        return known

    def _add(self, candidate: Candidate, state: EntryState) -> None:
        row = candidate.row
        self._entries.append(
            NewEntry(
                self._list.id, self._category_id(candidate), row.media_kind, state, candidate.key, row.packed,
                candidate.sealed, row.reference, row.note, self._batch.id,
            )
        )  # fmt: skip

    def _category_id(self, candidate: Candidate) -> int:
        category = candidate.row.category
        return self._categories.id_of(category.scheme, category.name)

    def _skip(self, position: int, field_: str, *, problem: str) -> None:
        self._outcome.problems.append(BatchProblem(position=position, field=field_, problem=problem))

    # --- what else changes ---

    def _confirm(self, again: dict[int, Known]) -> None:
        """Another party supplies the same: that is its word for the entry."""
        entry_store.put_opinions(self._conn, [self._opinion(entry_id) for entry_id in again])
        proposed = [entry_id for entry_id, known in again.items() if known.state is EntryState.PROPOSED]
        opinions: dict[int, list[Opinion]] = {entry_id: [] for entry_id in proposed}
        for opinion in entry_store.list_opinions(self._conn, proposed):
            opinions[opinion.entry_id].append(opinion)
        agreed = [
            entry_id
            for entry_id, words in opinions.items()
            if has_quorum(words, quorum=self._list.quorum, of=self._list.quorum_of)
        ]
        for entry in entry_store.list_entries_for_update(self._conn, agreed):
            self._changes.append(
                change_entry(self._conn, entry, EntryState.ACTIVE, by=self._actor.label, reason=None, now=self._now)
            )

    def _opinion(self, entry_id: int) -> Opinion:
        return Opinion(
            entry_id=entry_id, by_party=self._batch.party_id, by_person=self._actor.label, agrees=True, reason=None,
            at=self._now,
        )  # fmt: skip

    def _withdraw(self, rows: Sequence[Withdrawn], withdrawn: "_Withdrawals") -> None:
        for row in rows:
            if not withdrawn.found(row):
                self._skip(row.position, "reference", problem="is not that of an entry on the list")
        self._changes += [self._withdrawal(entry) for entry in withdrawn.entries]
        self._outcome.withdrawn = len(withdrawn.entries) + len(self._taken_back)

    def _withdrawal(self, entry: Entry) -> NewChange:
        return withdrawal(self._conn, self._actor, entry, reason="the supplier withdrew it", now=self._now)

    def _quarantine(self) -> None:
        """A batch that collides puts its list back where it began: what came with it is as doubtful."""
        reason = "entries of a batch are near known-good pictures"
        self._list = _moved(self._list, ListState.QUARANTINED, by=self._actor.label, reason=reason, now=self._now)
        list_store.update_list(self._conn, self._list)
        self._changes.append(
            NewChange(kind=ChangeKind.LIST_STATE, list_id=self._list.id, value=ListState.QUARANTINED.value, reason=reason)
        )


class _Withdrawals:
    """What the rows of a transaction take back: entries that are listed, and entries that an earlier row adds."""

    def __init__(self, conn: Connection, list_id: UUID, rows: Sequence[Withdrawn]) -> None:
        self._first: dict[str, int] = {}
        self._last: dict[str, int] = {}
        for row in rows:
            self._first.setdefault(row.reference, row.position)
            self._last[row.reference] = row.position
        #: Those that are listed, locked.
        self.entries = entry_store.list_by_reference(conn, list_id, self._last) if self._last else []
        self._gone_at = {entry.id: self._first[entry.reference] for entry in self.entries if entry.reference is not None}
        # From which row on each reference is that of an entry.
        self._since = {entry.reference: 0 for entry in self.entries if entry.reference is not None}

    def take_back(self, candidate: Candidate) -> bool:
        """Whether a later row takes back what this one adds."""
        reference = candidate.row.reference
        if reference is None or self._last.get(reference, 0) < candidate.row.position:
            return False
        self._since.setdefault(reference, candidate.row.position)
        return True

    def names(self, entry_id: int) -> bool:
        """Whether a row takes back this entry, which is listed."""
        return entry_id in self._gone_at

    def is_gone(self, entry_id: int, *, at: int) -> bool:
        """Whether a row before the position `at` does."""
        gone_at = self._gone_at.get(entry_id)
        return gone_at is not None and gone_at < at

    def found(self, row: Withdrawn) -> bool:
        """Whether the row takes something back."""
        since = self._since.get(row.reference)
        return since is not None and since < row.position


def _moved(found: HashList, state: ListState, *, by: str, reason: str, now: datetime) -> HashList:
    return replace(found, state=state, state_at=now, state_by=by, state_reason=reason)
