"""A report that was handed to another party: its states, and whether it arrived there. Types and pure rules."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from vangnet.errors import InvalidTransition
from vangnet.handoff.model import SentState
from vangnet.handoff.model.referrals import ReferralOutcome, ReferralReason
from vangnet.reports.model.reports import Closing, ReportState

#: What a colleague writes to the other party has so many characters at most.
NOTE_MAX = 1000


class Share(StrEnum):
    """What of a report goes along with a referral. Media never do."""

    FACTS = "facts"  #: What it is about, when, the signs that were reported, what was found: codes, times and counts.
    ADDRESSES = "addresses"  #: Where something can be found.
    HASHES = "hashes"  #: The hashes of its files, and the reporter's own numbers of them.
    WORDS = "words"  #: The reporter's own words, and the names of files.
    PEOPLE = "people"  #: Who is named, by what each can be known, network addresses with their times, places in full.
    REPORTER = "reporter"  #: Who reported, and how they can be reached.


class ReferralState(StrEnum):
    """How a referral of ours stands."""

    SENT = "sent"  #: The other party has it, or is to get it; its answer is awaited.
    ANSWERED = "answered"  #: It told what became of it.
    RETURNED = "returned"  #: It is not for the other party; the report is back in our queue.
    TAKEN_BACK = "taken_back"  #: We go on with the report ourselves.


#: Where a referral can go from each state. Who answered can still answer otherwise.
TRANSITIONS: Mapping[ReferralState, frozenset[ReferralState]] = {
    ReferralState.SENT: frozenset({ReferralState.ANSWERED, ReferralState.RETURNED, ReferralState.TAKEN_BACK}),
    ReferralState.ANSWERED: frozenset({ReferralState.ANSWERED, ReferralState.RETURNED}),
    ReferralState.RETURNED: frozenset({ReferralState.ANSWERED, ReferralState.RETURNED}),
    ReferralState.TAKEN_BACK: frozenset(),
}


class Arrival(StrEnum):
    """Whether a referral reached the other party."""

    PREPARED = "prepared"  #: It is about to be signed.
    ON_ITS_WAY = "on_its_way"  #: It is being sent; there is no receipt yet.
    ARRIVED = "arrived"  #: The other party's receipt is here.
    REFUSED = "refused"  #: The other party does not take it.
    NO_RECEIPT = "no_receipt"  #: No answer for days; sending stopped.
    GIVEN_UP = "given_up"  #: Somebody decided that it is not sent again.


#: The answer that is told when the work on a referred report ends.
OUTCOMES: Mapping[Closing, ReferralOutcome] = {
    Closing.HANDLED: ReferralOutcome.HANDLED,
    Closing.FORWARDED: ReferralOutcome.FORWARDED,
    Closing.KNOWN: ReferralOutcome.KNOWN,
    Closing.NOTHING_FOUND: ReferralOutcome.NOTHING_FOUND,
    Closing.NOT_FOUND: ReferralOutcome.NOT_FOUND,
    Closing.NOT_OURS: ReferralOutcome.RETURNED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Referral:
    """A report that we handed to another party."""

    id: UUID
    report_id: int
    party_id: UUID
    case_number: str
    #: Which version of the report went.
    version: int
    reason: ReferralReason
    shares: frozenset[Share]
    state: ReferralState
    state_at: datetime
    sent_at: datetime
    #: An actor's kind and id.
    sent_by: str
    note: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedReferral:
    """A report that another party handed to us."""

    party_id: UUID
    #: The other party's own id of it.
    referral_id: UUID
    case_number: str
    reason: ReferralReason
    received_at: datetime
    delivery_id: int
    #: None until it is read.
    report_id: int | None
    report_state: ReportState | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a referred report."""

    party_id: UUID
    referral_id: UUID
    #: We told it; otherwise we were told.
    ours: bool
    outcome: ReferralOutcome
    at: datetime
    handoff_id: UUID


def moved(current: ReferralState, requested: ReferralState) -> ReferralState:
    """The requested state. Raises InvalidTransition where the table has no such step."""
    if requested not in TRANSITIONS[current]:
        raise InvalidTransition(record="referral", current=current, requested=requested)
    return requested


def state_after(outcome: ReferralOutcome) -> ReferralState:
    """How a referral stands after this answer."""
    return ReferralState.RETURNED if outcome is ReferralOutcome.RETURNED else ReferralState.ANSWERED


#: Worst first: as long as one part of a referral did not arrive, it did not arrive.
_WORST = (
    (SentState.REFUSED, Arrival.REFUSED),
    (SentState.UNACKNOWLEDGED, Arrival.NO_RECEIPT),
    (SentState.GIVEN_UP, Arrival.GIVEN_UP),
    (SentState.WAITING, Arrival.ON_ITS_WAY),
    (SentState.ACKNOWLEDGED, Arrival.ARRIVED),
)


def arrival_of(parts: Collection[SentState]) -> Arrival:
    """Whether a referral arrived, by what became of its parts."""
    return next((arrival for state, arrival in _WORST if state in parts), Arrival.PREPARED)
