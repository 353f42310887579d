"""Evidence that others have, and requests to preserve it: their states, and how urgent each is. Types and pure rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from vangnet.errors import InvalidTransition
from vangnet.identity.model import Language
from vangnet.reports.model.regimes import EvidenceKind, Ground, Term

#: From when on a clock is soon, and very soon.
SOON = timedelta(days=7)
VERY_SOON = timedelta(days=1)
#: A request that nobody answered within so many days is asked after.
ANSWERED_WITHIN = timedelta(days=7)
#: So many days before it ends, a preservation is renewed.
RENEWED_BEFORE = timedelta(days=14)


class ClockState(StrEnum):
    """How evidence stands that somebody else has."""

    RUNNING = "running"  #: Nobody asked for it to be kept.
    REQUESTED = "requested"  #: Somebody asked, and there is no answer.
    SECURED = "secured"  #: Whoever has it keeps it.
    EXPIRED = "expired"  #: It is gone; by an assumption only, where that was all that is known.
    DROPPED = "dropped"  #: Somebody decided that it is not needed.


#: Where a clock can go from each state. What an assumption calls gone may be there: it can still be asked for.
CLOCK_STEPS: Mapping[ClockState, frozenset[ClockState]] = {
    ClockState.RUNNING: frozenset({ClockState.REQUESTED, ClockState.EXPIRED, ClockState.DROPPED}),
    ClockState.REQUESTED: frozenset({
        ClockState.SECURED, ClockState.RUNNING, ClockState.EXPIRED, ClockState.DROPPED, ClockState.REQUESTED,
    }),
    ClockState.SECURED: frozenset({ClockState.EXPIRED, ClockState.SECURED, ClockState.REQUESTED, ClockState.RUNNING}),
    ClockState.EXPIRED: frozenset({ClockState.REQUESTED, ClockState.DROPPED}),
    ClockState.DROPPED: frozenset({ClockState.RUNNING}),
}  # fmt: skip


class Urgency(StrEnum):
    """How soon evidence is gone."""

    GONE = "gone"  #: The time is over.
    VERY_SOON = "very_soon"  #: Within a day.
    SOON = "soon"  #: Within a week.
    LATER = "later"  #: There is time.
    UNKNOWN = "unknown"  #: Nobody knows.


class PreservationState(StrEnum):
    """How a request to preserve evidence stands."""

    DRAFTED = "drafted"  #: The letter is written, and was not sent.
    SENT = "sent"  #: It was sent, and there is no answer.
    SECURED = "secured"  #: The answer: it is kept.
    REFUSED = "refused"  #: The answer: it is not kept for us.
    GONE = "gone"  #: The answer: it is not there any more.
    LAPSED = "lapsed"  #: It was kept, and the time for that ended.
    DROPPED = "dropped"  #: It is not needed any more.


PRESERVATION_STEPS: Mapping[PreservationState, frozenset[PreservationState]] = {
    PreservationState.DRAFTED: frozenset({PreservationState.SENT, PreservationState.DROPPED}),
    PreservationState.SENT: frozenset({
        PreservationState.SECURED, PreservationState.REFUSED, PreservationState.GONE, PreservationState.DROPPED,
        PreservationState.LAPSED,
    }),
    # Sent again: a renewal is asked for.
    PreservationState.SECURED: frozenset({PreservationState.SENT, PreservationState.LAPSED, PreservationState.DROPPED}),
    PreservationState.REFUSED: frozenset(),
    PreservationState.GONE: frozenset(),
    PreservationState.LAPSED: frozenset(),
    PreservationState.DROPPED: frozenset(),
}  # fmt: skip


class SentHow(StrEnum):
    """How a letter was sent. Vangnet sends none by itself: it is sent from where the party's letters are sent."""

    MAIL = "mail"  #: By protected e-mail.
    PORTAL = "portal"  #: Through the provider's own portal for authorities.
    POST = "post"  #: On paper.
    OTHER = "other"  #: Otherwise.


class FollowUp(StrEnum):
    """What somebody has to do about a request."""

    SEND = "send"  #: It is drafted: send it.
    ASK_AGAIN = "ask_again"  #: No answer for a week: ask after it.
    RENEW = "renew"  #: It ends soon, and can be renewed.
    ENDS = "ends"  #: It ends soon, and cannot be renewed: have it handed over by then.
    NOTHING = "nothing"  #: Nothing now.


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Evidence that somebody else has, without who that is and what it is about."""

    id: int
    report_id: int
    kind: EvidenceKind
    #: By which term it ends; None where nobody knows.
    regime: str | None
    starts_at: datetime | None
    expires_at: datetime | None
    state: ClockState
    state_at: datetime
    preservation_id: int | None
    #: None after it was erased.
    sealed: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preservation:
    """A request to preserve evidence, without its letter."""

    id: int
    report_id: int
    #: Whom it is sent to, where that is a party we know.
    party_id: UUID | None
    #: By which law.
    law: str
    language: Language
    state: PreservationState
    state_at: datetime
    drafted_at: datetime
    #: An actor's kind and id.
    drafted_by: str
    sent_at: datetime | None
    sent_how: SentHow | None
    secured_until: datetime | None
    renewals: int
    letter: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """Whom a request goes to, and what it says."""

    recipient: str = field(repr=False)
    text: str = field(repr=False)


def clock_moved(current: ClockState, requested: ClockState) -> ClockState:
    """The requested state. Raises InvalidTransition where the table has no such step."""
    if requested not in CLOCK_STEPS[current]:
        raise InvalidTransition(record="clock", current=current, requested=requested)
    return requested


def preservation_moved(current: PreservationState, requested: PreservationState) -> PreservationState:
    """The requested state. Raises InvalidTransition where the table has no such step."""
    if requested not in PRESERVATION_STEPS[current]:
        raise InvalidTransition(record="preservation request", current=current, requested=requested)
    return requested


def urgency(expires_at: datetime | None, now: datetime) -> Urgency:
    """How soon evidence is gone."""
    if expires_at is None:
        return Urgency.UNKNOWN
    left = expires_at - now
    if left <= timedelta(0):
        return Urgency.GONE
    if left <= VERY_SOON:
        return Urgency.VERY_SOON
    return Urgency.SOON if left <= SOON else Urgency.LATER


def may_be_asked_for(clock: Clock, term: Term | None) -> bool:
    """Whether a request makes sense: what a law called gone is gone, what an assumption called gone may be there."""
    if clock.state is ClockState.EXPIRED:
        return term is None or term.ground is Ground.ASSUMPTION
    return clock.state is ClockState.RUNNING


def follow_up(request: Preservation, *, renewals_left: bool, now: datetime) -> FollowUp:
    """What somebody has to do about a request."""
    match request.state:
        case PreservationState.DRAFTED:
            return FollowUp.SEND
        case PreservationState.SENT:
            late = request.sent_at is not None and now - request.sent_at >= ANSWERED_WITHIN
            return FollowUp.ASK_AGAIN if late else FollowUp.NOTHING
        case PreservationState.SECURED:
            if request.secured_until is None or request.secured_until - now > RENEWED_BEFORE:
                return FollowUp.NOTHING
            return FollowUp.RENEW if renewals_left else FollowUp.ENDS
        case _:
            return FollowUp.NOTHING
