"""Reports for programs: what waits in which order and why, and one report, without what it says."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from vangnet.identity.permissions import Permission
from vangnet.reports.model.drafts import Incident, ReporterKind, Source
from vangnet.reports.model.facts import CannotOpen, Sayer
from vangnet.reports.model.reports import Closing, Report, ReportState
from vangnet.reports.model.wanted import Wanted
from vangnet.reports.rules.triage.order import Lane
from vangnet.reports.rules.triage.points import Factor, Standing
from vangnet.reports.service.desk import desk, ordering, showing
from vangnet.web.access import needs
from vangnet.web.api.words import DIGITS
from vangnet.web.visit import Visit

router = APIRouter(prefix="/api/v1", tags=["Reports"])

ReportNumber = Annotated[int, Path(ge=1, le=2**63 - 1, description="The report's number."), DIGITS]
Language = Annotated[
    str | None,
    Query(min_length=2, max_length=3, pattern="^[a-z]+$", description="Only those in this language, by its code."),
]


class ReasonAnswer(BaseModel):
    """One reason why a report stands where it stands."""

    model_config = ConfigDict(from_attributes=True)

    factor: Factor = Field(description="What it is about.")
    code: str = Field(description="Which sign, class or part; of numbers, how many.")
    points: int = Field(description="What it counts for.")
    sayer: Sayer | None = Field(description="Who says so, where somebody does.")


class ReportAnswer(BaseModel):
    """A report without what it says."""

    id: int = Field(description="The report's number.")
    number: int | None = Field(description="Its place in the order, the first being 1; none in a choice of reports.")
    lane: Lane | None = Field(description="By which rule it got that place.")
    source: Source = Field(description="By which way it came in.")
    reporter: ReporterKind = Field(description="Who reports.")
    incident: Incident = Field(description="What it is about, by the reporter's own word.")
    language: str | None = Field(description="In which language it is written.")
    version: int = Field(description="How often it came with other content, the first time included.")
    state: ReportState = Field(description="How it stands.")
    closing: Closing | None = Field(description="How the work on it ended.")
    claimed_by: UUID | None = Field(description="Which of our people works on it.")
    cannot_open: CannotOpen | None = Field(description="Why nobody can open it now.")
    received_at: datetime = Field(description="When it came in.")
    due_at: datetime | None = Field(description="By when it is to be opened.")
    expires_at: datetime | None = Field(description="When the next evidence is gone.")
    items: int = Field(description="How many items it holds.")
    unseen: int = Field(description="How many of its files no list knows.")
    known: int = Field(description="How many of its files are known.")
    danger: bool = Field(description="Whether it calls a person at once.")
    points: int = Field(description="The sum of its reasons.")
    reasons: list[ReasonAnswer] = Field(description="Why it stands where it stands, what counts most first.")


@router.get("/queue", dependencies=[needs(Permission.REPORT_READ)])
def list_reports(
    visit: Visit,
    *,
    source: Annotated[Source | None, Query(description="Only those that came in by this way.")] = None,
    language: Language = None,
    incident: Annotated[Incident | None, Query(description="Only those about this.")] = None,
    unseen: Annotated[bool, Query(description="Only those with files that no list knows.")] = False,
    clock: Annotated[bool, Query(description="Only those with a clock that ends within three days.")] = False,
    limit: Annotated[int, Query(ge=1, le=200, description="At most so many."), DIGITS] = 100,
) -> list[ReportAnswer]:
    """What waits, in the order in which it is to be opened; of a choice, what is among the first five thousand."""
    wanted = Wanted(source=source, language=language, incident=incident, unseen=unseen, clock=clock)
    with visit.transaction() as conn:
        if wanted.everything:
            waiting = desk.queue(conn, visit.actor, limit=limit, now=visit.now)
            return [_answer(one.report, one.standing, number=one.number, lane=one.lane) for one in waiting]
        found = ordering.find(conn, visit.actor, wanted=wanted, limit=limit, now=visit.now)
    return [_answer(report, standing) for report, standing in found.reports]


@router.get("/queue/{report_id}", dependencies=[needs(Permission.REPORT_READ)])
def get_report(visit: Visit, report_id: ReportNumber) -> ReportAnswer:
    """One report, without what it says."""
    with visit.transaction() as conn:
        report = showing.get_report(conn, visit.actor, report_id=report_id)
        return _answer(report, desk.standing_of(conn, visit.actor, report=report, now=visit.now))


def _answer(report: Report, standing: Standing, *, number: int | None = None, lane: Lane | None = None) -> ReportAnswer:
    return ReportAnswer(
        id=report.id, number=number, lane=lane, source=report.source, reporter=report.reporter_kind,
        incident=report.incident, language=report.language, version=report.version, state=report.state,
        closing=report.closing, claimed_by=report.claimed_by, cannot_open=standing.cannot_open,
        received_at=report.received_at, due_at=standing.due_at, expires_at=report.expires_at, items=report.items,
        unseen=report.unseen, known=report.known, danger=standing.danger, points=standing.score,
        reasons=[ReasonAnswer.model_validate(reason) for reason in standing.reasons],
    )  # fmt: skip
