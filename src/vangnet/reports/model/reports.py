"""A report as it is kept and worked on: its states, and what is known of it without opening it. Types and pure rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from vangnet.errors import Conflict, InvalidTransition
from vangnet.registry.model.classification import Classification
from vangnet.reports.model.drafts import Incident, ItemKind, ReporterKind, Source
from vangnet.reports.model.facts import Facts


class ReportState(StrEnum):
    WAITING = "waiting"  #: It stands in the queue.
    CLAIMED = "claimed"  #: One of our people works on it.
    REFERRED = "referred"  #: It was handed to another party, whose answer is awaited.
    ASIDE = "aside"  #: Nobody can open it now. It is listed with the reason.
    DONE = "done"  #: The work on it has ended.


class Closing(StrEnum):
    """How the work on a report ended."""

    HANDLED = "handled"  #: It was assessed, and what follows was done.
    FORWARDED = "forwarded"  #: It is another party's now.
    KNOWN = "known"  #: All that it holds was known and handled before.
    NOTHING_FOUND = "nothing_found"  #: There is nothing punishable in it.
    NOT_FOUND = "not_found"  #: What it points to is not there.
    NOT_OURS = "not_ours"  #: It is not what we are here for.


#: Where a report can go from each state.
TRANSITIONS: Mapping[ReportState, frozenset[ReportState]] = {
    ReportState.WAITING: frozenset({ReportState.CLAIMED, ReportState.ASIDE, ReportState.REFERRED, ReportState.DONE}),
    ReportState.CLAIMED: frozenset({ReportState.WAITING, ReportState.ASIDE, ReportState.REFERRED, ReportState.DONE}),
    ReportState.REFERRED: frozenset({ReportState.WAITING, ReportState.DONE}),
    ReportState.ASIDE: frozenset({ReportState.WAITING, ReportState.CLAIMED, ReportState.DONE}),
    ReportState.DONE: frozenset({ReportState.WAITING}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report without what it says. Its number is what people call it by; it says nothing of its content."""

    id: int
    source: Source
    reporter_kind: ReporterKind
    #: Whose report it is, where that is a party we know.
    party_id: UUID | None
    #: How often it came with other content, the first time included.
    version: int
    incident: Incident
    language: str | None
    country: str | None
    received_at: datetime
    reported_at: datetime | None
    incident_at: datetime | None
    state: ReportState
    state_at: datetime
    closing: Closing | None
    claimed_by: UUID | None
    claimed_at: datetime | None
    opened_at: datetime | None
    items: int
    #: Files that no list knows and nobody here has classified; files that are known.
    unseen: int
    known: int
    #: So many sentences say what of it could not be read.
    problems: int
    facts: Facts = field(repr=False)
    points: int
    rank: int
    due_at: datetime | None
    expires_at: datetime | None
    drawn_at: datetime | None
    group_id: int | None
    case_number: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportItem:
    """One thing that a report holds, without what the report says of it."""

    report_id: int
    position: int
    kind: ItemKind
    file_id: int | None
    #: Whether the file itself came, and not only its name.
    has_bytes: bool
    supplemental: bool
    viewed: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFile:
    """A file that reports hold or name, kept once however often it came in."""

    id: int
    medium_id: UUID | None
    media_type: str | None
    size_bytes: int | None
    pdq_quality: int | None
    #: Why it has no hash that counts.
    unhashable: str | None
    cluster_id: int | None
    first_seen_at: datetime
    recognised_at: datetime | None
    #: The listed entry that it is, or is near to.
    entry_id: int | None
    distance: int | None
    #: What our own people agreed that it is.
    classification: Classification | None
    classified_at: datetime | None

    @property
    def known(self) -> bool:
        """Whether a list knows it, or somebody here classified it: only what is not known stands out as unseen."""
        return self.entry_id is not None or self.classification is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What became of a report at one time."""

    report_id: int
    at: datetime
    was: ReportState | None
    state: ReportState
    closing: Closing | None
    #: An actor's kind and id.
    by: str
    #: A code.
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What one of our people wrote about a report."""

    id: int
    report_id: int
    at: datetime
    by: str
    #: Meant for whoever takes over.
    hand_over: bool
    read_at: datetime | None
    text: str = field(repr=False)


def moved(current: ReportState, requested: ReportState) -> ReportState:
    """The requested state. Raises InvalidTransition where the table has no such step."""
    if requested not in TRANSITIONS[current]:
        raise InvalidTransition(record="report", current=current, requested=requested)
    return requested


def require_claimed_by(report: Report, person_id: UUID) -> None:
    """Raises Conflict unless this person works on the report."""
    if report.state is not ReportState.CLAIMED or report.claimed_by != person_id:
        raise Conflict(problem="the report is not yours: claim it first")
