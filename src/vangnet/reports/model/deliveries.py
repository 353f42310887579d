"""What came in by one way at one time, before and after it was read: types and pure rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from vangnet.errors import InvalidTransition
from vangnet.reports.formats.reading import UnreadableReason
from vangnet.reports.model.drafts import Source

#: What is kept sealed in the database; larger deliveries are read from the folder that they lie in.
DELIVERY_MAX = 64 * 1024 * 1024
#: In pieces of so many bytes.
PIECE_BYTES = 1024 * 1024


class DeliveryState(StrEnum):
    WAITING = "waiting"  #: It was kept, and is to be read.
    TAKEN = "taken"  #: All of it was read.
    PARTLY = "partly"  #: Some of it was read; what was not is told.
    UNREADABLE = "unreadable"  #: Nothing of it could be read.
    AGAIN = "again"  #: The same bytes came before.
    REPAIRED = "repaired"  #: Somebody mended it; the mended one was read instead.
    SET_ASIDE = "set_aside"  #: Somebody looked, and there is nothing to mend.


TRANSITIONS: Mapping[DeliveryState, frozenset[DeliveryState]] = {
    DeliveryState.WAITING: frozenset({DeliveryState.TAKEN, DeliveryState.PARTLY, DeliveryState.UNREADABLE}),
    DeliveryState.TAKEN: frozenset(),
    DeliveryState.PARTLY: frozenset({DeliveryState.WAITING, DeliveryState.REPAIRED, DeliveryState.SET_ASIDE}),
    DeliveryState.UNREADABLE: frozenset({DeliveryState.WAITING, DeliveryState.REPAIRED, DeliveryState.SET_ASIDE}),
    DeliveryState.AGAIN: frozenset(),
    DeliveryState.REPAIRED: frozenset(),
    DeliveryState.SET_ASIDE: frozenset({DeliveryState.WAITING}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What came in by one way at one time."""

    id: int
    source: Source
    party_id: UUID | None
    #: The hand-off that it came with.
    handoff_id: UUID | None
    #: The number that it shares with whoever handed it over.
    case_number: str | None
    #: Who brought it: an actor's kind and id, never a reporter.
    brought_by: str
    size_bytes: int
    received_at: datetime
    state: DeliveryState
    state_at: datetime
    #: How many reports were read from it, and how many parts could not be.
    reports: int
    bad: int
    replaced_by: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryProblem:
    """A part of a delivery that could not be read."""

    position: int
    reason: UnreadableReason
    where: str = field(repr=False)
    problem: str = field(repr=False)


def moved(current: DeliveryState, requested: DeliveryState) -> DeliveryState:
    """The requested state. Raises InvalidTransition where the table has no such step."""
    if requested not in TRANSITIONS[current]:
        raise InvalidTransition(record="delivery", current=current, requested=requested)
    return requested
