"""Hand-offs as they are kept and listed: what kinds there are, what becomes of them, and why one is refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from vangnet.errors import InvalidTransition

#: An envelope that we never saw is refused when it is older. Ids need to be remembered only so long.
TAKEN_FOR = timedelta(days=14)
#: How long we keep trying by ourselves; after that a person decides, with days to spare before it is refused as old.
TRIED_FOR = timedelta(days=5)


class Kind(StrEnum):
    INTRODUCTION = "introduction"  #: Who we are, to an installation that may not know us yet.
    MATCH_REPORT = "match_report"  #: Listed material was met at the sender's gate: which entries, which upload; no picture.
    REFERRAL = "referral"  #: A report that the recipient is to go on with, or a part of one; sealed to the recipient.
    REFERRAL_OUTCOME = "referral_outcome"  #: What became of a report that was referred.
    REGISTRY_DISPUTE = "registry_dispute"  #: An entry of a list that the recipient keeps is contested.
    REGISTRY_DISPUTE_ANSWER = "registry_dispute_answer"  #: What came of that, and why.
    TEST_MESSAGE = "test_message"  #: A short text, to see that hand-offs arrive.


class Outcome(StrEnum):
    TAKEN = "taken"  #: It arrived and was acted upon.
    AWAITS_PERSON = "awaits_person"  #: It arrived, and a person there decides what comes of it.


class Refusal(StrEnum):
    MALFORMED = "malformed"  #: Not an envelope, or not in canonical form.
    TOO_LARGE = "too_large"  #: More bytes than an envelope may have.
    UNKNOWN_KIND = "unknown_kind"  #: A kind of hand-off that this installation does not take.
    BAD_PAYLOAD = "bad_payload"  #: The payload is not what its kind asks for.
    WRONG_RECIPIENT = "wrong_recipient"  #: Addressed to another installation.
    BAD_SIGNATURE = "bad_signature"  #: Not signed by the key that it names.
    CLOCK_SKEW = "clock_skew"  #: From the future: one of the two clocks is wrong.
    TOO_OLD = "too_old"  #: Never seen before, and older than ids are remembered.
    UNKNOWN_SENDER = "unknown_sender"  #: From a party that is not known, or no longer.
    NOT_ACCEPTED_YET = "not_accepted_yet"  #: From a party that introduced itself and was not accepted yet.
    ID_REUSED = "id_reused"  #: The same id was taken before, with other content.
    RECIPIENT_ENDED = "recipient_ended"  #: We ended what we had with the recipient; it was never sent.


class SentState(StrEnum):
    WAITING = "waiting"  #: Not acknowledged yet; it is being sent.
    ACKNOWLEDGED = "acknowledged"  #: The recipient's receipt is here.
    REFUSED = "refused"  #: The recipient does not take it; the reason is kept.
    UNACKNOWLEDGED = "unacknowledged"  #: No answer for days; sending stopped, a person decides.
    GIVEN_UP = "given_up"  #: A person decided that it is not sent again.


#: What somebody should look at: sent, and without a receipt.
OPEN = frozenset({SentState.WAITING, SentState.REFUSED, SentState.UNACKNOWLEDGED})

_STEPS: Mapping[SentState, frozenset[SentState]] = {
    SentState.WAITING: frozenset({SentState.ACKNOWLEDGED, SentState.REFUSED, SentState.UNACKNOWLEDGED, SentState.GIVEN_UP}),
    SentState.ACKNOWLEDGED: frozenset(),
    # A person can have it sent again, and a receipt that comes late still proves that it arrived.
    SentState.REFUSED: frozenset({SentState.WAITING, SentState.ACKNOWLEDGED, SentState.GIVEN_UP}),
    SentState.UNACKNOWLEDGED: frozenset({SentState.WAITING, SentState.ACKNOWLEDGED, SentState.GIVEN_UP}),
    SentState.GIVEN_UP: frozenset({SentState.WAITING, SentState.ACKNOWLEDGED}),
}


def step(current: SentState, requested: SentState) -> SentState:
    """`requested`, where a sent hand-off may go from `current`. Raises InvalidTransition."""
    if requested not in _STEPS[current]:
        raise InvalidTransition(record="hand-off", current=current, requested=requested)
    return requested


@dataclass(frozen=True, slots=True, kw_only=True)
class SentHandoff:
    """A hand-off of ours, as it is listed: what became of it, and since when."""

    id: UUID
    party_id: UUID
    case_number: str
    kind: Kind
    sent_at: datetime
    state: SentState
    state_at: datetime
    try_until: datetime
    tries: int
    last_tried_at: datetime | None
    next_try_at: datetime | None
    #: Why the last try failed (an error's code) or why it was refused (a Refusal).
    problem: str | None
    outcome: Outcome | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedHandoff:
    """A hand-off that we took, as it is listed."""

    id: UUID
    party_id: UUID
    sender: bytes = field(repr=False)
    envelope_id: UUID
    case_number: str
    kind: Kind
    sent_at: datetime
    received_at: datetime
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What a job needs to send one hand-off: where to, and the bytes."""

    handoff_id: UUID
    party_id: UUID
    base_url: str = field(repr=False)
    body: bytes = field(repr=False)
    tries: int
