"""What can be wrong with an audit trail: a closed set, each with the one sentence that names it. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ProblemKind(StrEnum):
    EVENT_CHANGED = "event-changed"  #: The event is not what was sealed.
    EVENT_REMOVED = "event-removed"  #: A seal is there, its event is not.
    WAITING_REMOVED = "waiting-removed"  #: An event was removed before it was sealed.
    EVENT_INSERTED = "event-inserted"  #: The event is neither sealed nor waiting.
    WAITING_SEALED = "waiting-sealed"  #: The event waits to be sealed although it is.
    SEAL_CHANGED = "seal-changed"  #: The chain breaks at one place: its seal was changed or moved.
    SEALS_CHANGED = "seals-changed"  #: The chain breaks over a stretch: seals were changed or moved.
    SEALS_REMOVED = "seals-removed"  #: Positions are missing.
    SEAL_INSERTED = "seal-inserted"  #: A second seal for a position or for an event, or one before the first.
    TAIL_CUT_OFF = "tail-cut-off"  #: A head says that the chain was longer.
    CHAIN_REWRITTEN = "chain-rewritten"  #: The chain is not what a head says it was.
    HEAD_DAMAGED = "head-damaged"  #: A line in the files of heads that is no head.
    HEAD_FORGED = "head-forged"  #: A head whose signature does not fit.
    HEAD_FOREIGN = "head-foreign"  #: Heads that another key signed.
    HEADS_MISSING = "heads-missing"  #: Something is sealed and no head is there to compare it with.


_SENTENCES = {
    ProblemKind.EVENT_CHANGED: "event {event_id} (position {position}) was changed: it is not what was sealed",
    ProblemKind.EVENT_REMOVED: "event {event_id} (position {position}) was removed: its seal is there, the event is not",
    ProblemKind.WAITING_REMOVED: "event {event_id} was removed while it waited for the sealer",
    ProblemKind.EVENT_INSERTED: (
        "event {event_id} is neither sealed nor waiting: it was put in by hand, or its seal was removed"
    ),
    ProblemKind.WAITING_SEALED: "event {event_id} waits for the sealer although it is sealed, at position {position}",
    ProblemKind.SEAL_CHANGED: "the chain breaks at position {position}: the seal of event {event_id} was changed or moved",
    ProblemKind.SEALS_CHANGED: "the chain breaks from position {position} to {through}: seals were changed or moved",
    ProblemKind.SEALS_REMOVED: "the seals from position {position} to {through} were removed",
    ProblemKind.SEAL_INSERTED: "the seal of event {event_id} at position {position} was put in by hand: there is another",
    ProblemKind.TAIL_CUT_OFF: (
        "the trail ends at position {since}, and is shorter than the head of position {position}, sealed {at} ({head}): "
        "cut off, or restored from an older backup"
    ),
    ProblemKind.CHAIN_REWRITTEN: (
        "the chain differs from the heads of position {position}, sealed {at} ({head}), to {through}: rewritten after "
        "position {since}, or restored from an older backup and continued"
    ),
    ProblemKind.HEAD_DAMAGED: "{head} is no head: the line was damaged",
    ProblemKind.HEAD_FORGED: "{head}, a head of position {position}, was changed or forged: its signature does not fit",
    ProblemKind.HEAD_FOREIGN: (
        "{heads} of the heads, the first being {head}, are signed by another key: that of another installation, or of this "
        "one before its keys were replaced (then that public key is needed too)"
    ),
    ProblemKind.HEADS_MISSING: "there is no head: a trail that was cut off or made anew could not be told from this one",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One finding. Its str is the sentence for people.

    `position` to `through` are places in the chain; `head` is a line in a file of heads, `at` when that head was sealed,
    and `heads` how many show the same; `since` is the last position that is still as a head says.
    """

    kind: ProblemKind
    position: int | None = None
    through: int | None = None
    event_id: int | None = None
    head: str | None = None
    heads: int | None = None
    since: int | None = None
    at: datetime | None = None

    def __str__(self) -> str:
        at = "" if self.at is None else f"{self.at:%Y-%m-%d %H:%M:%S} UTC"
        return _SENTENCES[self.kind].format(
            position=self.position, through=self.through, event_id=self.event_id, head=self.head, heads=self.heads,
            since=self.since, at=at,
        )  # fmt: skip
