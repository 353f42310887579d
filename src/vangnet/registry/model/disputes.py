"""Contesting an entry: who may answer, by when, and what can come of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from vangnet.errors import Conflict, InvalidTransition

#: A dispute is answered by then, or is shown as late.
ANSWERED_WITHIN = timedelta(hours=72)
REASON_MAX = 1000


class DisputeState(StrEnum):
    OPEN = "open"  #: Waits for a reviewer.
    UPHELD = "upheld"  #: The listing stands.
    WITHDRAWN = "withdrawn"  #: The entry was withdrawn.
    CORRECTED = "corrected"  #: The entry was withdrawn and another put in its place.


TRANSITIONS: Mapping[DisputeState, frozenset[DisputeState]] = {
    DisputeState.OPEN: frozenset({DisputeState.UPHELD, DisputeState.WITHDRAWN, DisputeState.CORRECTED}),
    DisputeState.UPHELD: frozenset(),
    DisputeState.WITHDRAWN: frozenset(),
    DisputeState.CORRECTED: frozenset(),
}


def step(current: DisputeState, requested: DisputeState) -> DisputeState:
    """`requested`, where a dispute may go from `current`. Raises InvalidTransition."""
    if requested not in TRANSITIONS[current]:
        raise InvalidTransition(record="dispute", current=current, requested=requested)
    return requested


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """An entry that somebody contests, and what a reviewer answered."""

    id: UUID
    list_id: UUID
    entry_id: int
    #: For which party; None for ourselves.
    by_party: UUID | None
    by_person: str = field(repr=False)
    reason: str = field(repr=False)
    opened_at: datetime
    due_at: datetime
    state: DisputeState
    reviewer: str | None = field(default=None, repr=False)
    answer: str | None = field(default=None, repr=False)
    answered_at: datetime | None
    #: The entry's state before, to which it returns where the listing is upheld.
    entry_state: str
    #: The hand-off with which it came, or with which we sent it on.
    handoff_id: UUID | None

    def is_late(self, now: datetime) -> bool:
        """Whether nobody answered in time."""
        return self.state is DisputeState.OPEN and now > self.due_at


def require_other_reviewer(*, reviewer: str, added_by: str, disputed_by: str) -> None:
    """Raises Conflict where the reviewer listed the entry, or is who contests it."""
    if reviewer == added_by:
        raise Conflict(problem="who listed the entry does not answer the dispute: somebody else must")
    if reviewer == disputed_by:
        raise Conflict(problem="who opened the dispute does not answer it: somebody else must")


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplierRecord:
    """What became of a supplier's entries."""

    #: None for ourselves.
    party_id: UUID | None
    lists: int
    entries: int
    withdrawn: int
    #: Entries that a safeguard stopped.
    stopped: int
    disputed: int
    #: Disputes after which the entry was withdrawn or corrected.
    conceded: int

    @property
    def withdrawn_share(self) -> float:
        """Which part of the entries was withdrawn, 0 to 1."""
        return self.withdrawn / self.entries if self.entries else 0.0
