"""One report: why it stands where it stands, what it says, what became of it, and what can be done next.

Whoever may see which reports there are sees the frame; what a report says is opened only for whoever works on reports, and
each opening leaves an event. There is no picture here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Path, Query
from starlette.responses import Response

from vangnet.db import Connection
from vangnet.errors import Conflict, InvalidInput, InvalidTransition, NotFound
from vangnet.identity.permissions import Permission
from vangnet.reports.model.contents import ITEMS_A_PART
from vangnet.reports.model.reports import Closing, Note, Report, ReportState, Step
from vangnet.reports.model.wanted import pressing
from vangnet.reports.service.desk import assigning, desk, sampling, showing, watching
from vangnet.reports.service.desk.showing import ShownReport
from vangnet.web.access import needs
from vangnet.web.defanging import defanged
from vangnet.web.languages import marked
from vangnet.web.ui.audit import ACTOR_NAMES
from vangnet.web.ui.queue import names_of
from vangnet.web.ui.report_words import WORDS
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

DONE = {
    "report-claimed": marked("The report is yours."),
    "report-passed-on": marked("The report is back in the queue. No reason is asked, and it is not counted."),
    "report-closed": marked("The work on this report has ended. You can open it again."),
    "report-reopened": marked("The report waits in the queue again."),
    "report-noted": marked("The note is kept."),
    "report-read": marked("The note is marked as read."),
    "report-given": marked("The report is your colleague's now."),
    "report-no-danger": marked("It calls nobody any more, until something else is said of it."),
}
_CHOOSE_ONE = marked("must be one of those that are offered")
_NO_COLLEAGUE = marked("must be a colleague who works on reports")

_Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
_Text = Annotated[str, Form(max_length=10_000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineStep:
    """A step, and how long the report was in the state that it got by it."""

    step: Step
    lasted: timedelta
    #: It is in that state now.
    lasts: bool


@router.get("/reports/{report_id}", dependencies=[needs(Permission.REPORT_READ)])
def show_report(
    visit: Visit,
    report_id: _Number,
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
    version: Annotated[int | None, Query(ge=1, le=10_000)] = None,
) -> Response:
    """A report; what it says for whoever works on reports."""
    return _report_page(visit, report_id, page=page, version=version)


@router.post("/reports/{report_id}/claim", dependencies=[needs(Permission.REPORT_WORK)])
def claim(visit: Visit, report_id: _Number) -> Response:
    """Claims this one."""
    try:
        with visit.transaction() as conn:
            desk.claim(conn, visit.actor, report_id=report_id, now=visit.now)
    except (Conflict, InvalidTransition) as error:
        return _report_page(visit, report_id, problem=visit.say(error))
    return visit.redirect(f"/reports/{report_id}", done="report-claimed")


@router.post("/reports/{report_id}/pass-on", dependencies=[needs(Permission.REPORT_WORK)])
def pass_on(visit: Visit, report_id: _Number) -> Response:
    """Puts a report back into the queue; no reason is asked."""
    try:
        with visit.transaction() as conn:
            desk.release(conn, visit.actor, report_id=report_id, now=visit.now)
    except (Conflict, InvalidTransition) as error:
        return _report_page(visit, report_id, problem=visit.say(error))
    return visit.redirect("/queue", done="report-passed-on")


@router.post("/reports/{report_id}/close", dependencies=[needs(Permission.REPORT_WORK)])
def close(visit: Visit, report_id: _Number, closing: _Text = "", urgent: _Text = "") -> Response:
    """Ends the work on a report."""
    try:
        if closing not in set(Closing):
            raise InvalidInput(field="closing", problem=_CHOOSE_ONE)
        answer = {"true": True, "false": False}.get(urgent)
        with visit.transaction() as conn:
            desk.close(
                conn, visit.actor, report_id=report_id, closing=Closing(closing), urgent=answer, now=visit.now
            )  # fmt: skip
    except InvalidInput as error:
        return _report_page(visit, report_id, problems={error.field: visit.say(error)}, given={"closing": closing})
    except (Conflict, InvalidTransition) as error:
        return _report_page(visit, report_id, problem=visit.say(error))
    return visit.redirect(f"/reports/{report_id}", done="report-closed")


@router.post("/reports/{report_id}/reopen", dependencies=[needs(Permission.REPORT_WORK)])
def reopen(visit: Visit, report_id: _Number) -> Response:
    """Puts a report back on which the work had ended."""
    try:
        with visit.transaction() as conn:
            desk.reopen(conn, visit.actor, report_id=report_id, now=visit.now)
    except (Conflict, InvalidTransition) as error:
        return _report_page(visit, report_id, problem=visit.say(error))
    return visit.redirect(f"/reports/{report_id}", done="report-reopened")


@router.post("/reports/{report_id}/assign", dependencies=[needs(Permission.REPORT_LEAD)])
def assign(visit: Visit, report_id: _Number, person: _Text = "") -> Response:
    """Gives a report to a colleague, whoever had it."""
    try:
        with visit.transaction() as conn:
            wanted = next((one.id for one in assigning.colleagues(conn, visit.actor) if str(one.id) == person), None)
            if wanted is None:
                raise InvalidInput(field="person", problem=_NO_COLLEAGUE)
            desk.assign(conn, visit.actor, report_id=report_id, person_id=wanted, now=visit.now)
    except InvalidInput as error:
        return _report_page(visit, report_id, problems={error.field: visit.say(error)})
    except (Conflict, InvalidTransition) as error:
        return _report_page(visit, report_id, problem=visit.say(error))
    return visit.redirect(f"/reports/{report_id}", done="report-given")


@router.post("/reports/{report_id}/no-danger", dependencies=[needs(Permission.REPORT_WORK)])
def say_no_danger(visit: Visit, report_id: _Number) -> Response:
    """Says that no child is in danger now: it calls nobody any more."""
    try:
        with visit.transaction() as conn:
            watching.say_no_danger(conn, visit.actor, report_id=report_id, now=visit.now)
    except Conflict as error:
        return _report_page(visit, report_id, problem=visit.say(error))
    return visit.redirect(f"/reports/{report_id}", done="report-no-danger")


@router.post("/reports/{report_id}/notes", dependencies=[needs(Permission.REPORT_WORK)])
def note(visit: Visit, report_id: _Number, text: _Text = "", hand_over: _Text = "") -> Response:
    """Keeps a note; one that hands over is shown at the start of a shift."""
    try:
        with visit.transaction() as conn:
            desk.note(
                conn, visit.actor, keys=visit.keys, report_id=report_id, text=text, hand_over=hand_over == "true",
                now=visit.now,
            )  # fmt: skip
    except InvalidInput as error:
        given = {"text": text, "hand_over": hand_over}
        return _report_page(visit, report_id, problems={error.field: visit.say(error)}, given=given)
    return visit.redirect(f"/reports/{report_id}", done="report-noted")


@router.post("/reports/{report_id}/notes/{note_id}/read", dependencies=[needs(Permission.REPORT_WORK)])
def mark_read(visit: Visit, report_id: _Number, note_id: _Number) -> Response:
    """A note for whoever takes over was read."""
    with visit.transaction() as conn:
        desk.mark_read(conn, visit.actor, note_id=note_id, now=visit.now)
    return visit.redirect(f"/reports/{report_id}", done="report-read")


# --- the page ---


def _report_page(
    visit: OneVisit,
    report_id: int,
    *,
    page: int = 1,
    version: int | None = None,
    given: dict[str, str] | None = None,
    problems: dict[str, str] | None = None,
    problem: str | None = None,
) -> Response:
    may_work = Permission.REPORT_WORK in visit.actor.permissions
    with visit.transaction() as conn:
        frame = showing.show_frame(conn, visit.actor, report_id=report_id)
        report = frame.report
        standing = desk.standing_of(conn, visit.actor, report=report, now=visit.now)
        shown, notes = _content(conn, visit, report, page=page, version=version) if may_work else (None, [])
        names = names_of(conn, visit)
        may_lead = Permission.REPORT_LEAD in visit.actor.permissions
        colleagues = assigning.colleagues(conn, visit.actor) if may_lead else []
        urgent = None if report.drawn_at is None else sampling.answer_of(conn, visit.actor, report_id=report_id)
    return visit.page(
        "reports/report.html",
        status=409 if problem else 422 if problems else 200,
        report=report,
        standing=standing,
        shown=shown,
        notes=notes,
        came=frame.came,
        timeline=timeline(frame.steps, visit.now),
        page=page,
        pages=max(1, -(-report.items // ITEMS_A_PART)),
        version=version or report.version,
        names=names,
        actors={f"person:{person_id}": name for person_id, name in names.items()},
        actor_kinds=ACTOR_NAMES,
        colleagues=colleagues,
        urgent=urgent,
        given={"text": "", "hand_over": "", "closing": ""} | (given or {}),
        problems=problems or {},
        problem=problem,
        may_work=may_work,
        may_lead=may_lead,
        **_steps(visit, report),
        defanged=defanged,
        pressing=pressing,
        now=visit.now,
        **WORDS,
    )


def _content(
    conn: Connection, visit: OneVisit, report: Report, *, page: int, version: int | None
) -> tuple[ShownReport | None, list[Note]]:
    """What a report says, and the notes about it; None where what it says was erased."""
    notes = desk.list_notes(conn, visit.actor, keys=visit.keys, report_id=report.id)
    try:
        shown = showing.open_report(
            conn, visit.actor, keys=visit.keys, report_id=report.id, version=version, page=page, now=visit.now
        )
    except NotFound:
        return None, notes
    return shown, notes


def _steps(visit: OneVisit, report: Report) -> dict[str, Any]:
    """What can be done with the report next, by whoever looks at it."""
    mine = visit.person is not None and report.claimed_by == UUID(str(visit.person.id))
    may_work = Permission.REPORT_WORK in visit.actor.permissions
    return {
        "mine": mine,
        "may_claim": may_work and report.state in {ReportState.WAITING, ReportState.ASIDE},
        "may_end": may_work and mine,
        "may_reopen": may_work and report.state in {ReportState.DONE, ReportState.ASIDE},
        "may_refer": Permission.REPORT_REFER in visit.actor.permissions and report.state is not ReportState.DONE,
        "closings": list(Closing),
    }


def timeline(steps: Sequence[Step], now: datetime) -> list[TimelineStep]:
    """What became of a report, with how long each state lasted."""
    lasted = [later.at - step.at for step, later in pairwise(steps)]
    told = [TimelineStep(step=step, lasted=length, lasts=False) for step, length in zip(steps, lasted, strict=False)]
    return told + [TimelineStep(step=step, lasted=now - step.at, lasts=True) for step in steps[-1:]]
