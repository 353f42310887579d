"""The queue: how far the work reaches, what waits and why, what is worked on, what is aside; and the next report."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query
from starlette.responses import Response

from vangnet.db import Connection
from vangnet.errors import Conflict, InvalidInput, InvalidTransition
from vangnet.identity.permissions import Permission
from vangnet.reports.model.drafts import Incident, Source
from vangnet.reports.model.reports import Report
from vangnet.reports.model.wanted import Wanted, pressing, read_wanted
from vangnet.reports.rules.triage.order import Lane
from vangnet.reports.rules.triage.points import Standing
from vangnet.reports.service.desk import assigning, desk, ordering
from vangnet.web.access import needs
from vangnet.web.languages import marked
from vangnet.web.ui.report_words import WORDS
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

DONE = {
    "none-waits": marked("No report waits."),
    "filter-kept": marked("The filter is kept. It is a link above the table."),
    "filter-forgotten": marked("The filter is forgotten."),
    "capacity-chosen": marked("It is kept how much work there is. The line is where that puts it."),
    "reports-assigned": marked("The reports are your colleague's now."),
    "skills-given": marked("It is kept what this colleague can do."),
}
_PAGE = 25
_PAGES = 10
_DOWNLOADED = 1000
_COLUMNS = (
    "number", "report", "lane", "because", "points", "received_at", "due_at", "expires_at", "items", "unseen", "known",
    "language", "source", "incident",
)  # fmt: skip
_WHOLE_NUMBER = marked("must be a whole number")
_NO_COLLEAGUE = marked("must be a colleague who works on reports")

_Code = Annotated[str, Query(max_length=40)]
_Text = Annotated[str, Form(max_length=2000)]


def _given(
    source: _Code = "", language: _Code = "", incident: _Code = "", unseen: _Code = "", clock: _Code = ""
) -> dict[str, str]:
    words = {"source": source, "language": language, "incident": incident, "unseen": unseen, "clock": clock}
    return {name: word for name, word in words.items() if word}


Given = Annotated[dict[str, str], Depends(_given)]


@router.get("/queue", dependencies=[needs(Permission.REPORT_READ)])
def show_queue(visit: Visit, given: Given, page: Annotated[int, Query(ge=1, le=_PAGES)] = 1) -> Response:
    """What waits, in its order; or what a filter wants of it."""
    return _queue_page(visit, given, page=page)


@router.get("/queue/claimed", dependencies=[needs(Permission.REPORT_READ)])
def show_claimed(visit: Visit, mine: bool = False) -> Response:
    """What somebody works on, claimed longest ago first; or only what is one's own."""
    with visit.transaction() as conn:
        found = desk.list_claimed(conn, visit.actor, mine=mine)
        around = _around(conn, visit)
    return visit.page("reports/claimed.html", found=found, mine=mine, **around)


@router.get("/queue/aside", dependencies=[needs(Permission.REPORT_READ)])
def show_aside(visit: Visit) -> Response:
    """What nobody can open now, and why."""
    with visit.transaction() as conn:
        found = desk.list_aside(conn, visit.actor)
        around = _around(conn, visit)
    return visit.page("reports/aside.html", found=found, **around)


@router.get("/queue/reports.csv", dependencies=[needs(Permission.REPORT_READ)])
def download_queue(visit: Visit, given: Given) -> Response:
    """The first thousand as a table for a spreadsheet, without what they say."""
    output = io.StringIO()
    table = csv.writer(output)
    table.writerow(_COLUMNS)
    with visit.transaction() as conn:
        for number, report, lane, standing in _rows(conn, visit, read_wanted(given), _DOWNLOADED):
            because = "; ".join(f"{one.factor}:{one.code}" for one in standing.reasons)
            table.writerow([
                number or "", report.id, lane or "", because, standing.score, report.received_at.isoformat(),
                _iso(standing.due_at), _iso(report.expires_at), report.items, report.unseen, report.known,
                _cell(report.language), report.source, report.incident,
            ])  # fmt: skip
    return Response(
        output.getvalue(), media_type="text/csv", headers={"content-disposition": 'attachment; filename="reports.csv"'}
    )


@router.post("/queue/next", dependencies=[needs(Permission.REPORT_WORK)])
def claim_next(visit: Visit) -> Response:
    """Claims what is to be opened next, and opens it."""
    with visit.transaction() as conn:
        claimed = desk.claim_next(conn, visit.actor, now=visit.now)
    return visit.redirect("/queue", done="none-waits") if claimed is None else visit.redirect(f"/reports/{claimed.id}")


@router.post("/queue/filters", dependencies=[needs(Permission.REPORT_WORK)])
def keep_filter(
    visit: Visit, *, name: _Text = "", source: _Text = "", language: _Text = "", incident: _Text = "", unseen: _Text = "",
    clock: _Text = "",
) -> Response:  # fmt: skip
    """Keeps a filter under a name."""
    given = {"source": source, "language": language, "incident": incident, "unseen": unseen, "clock": clock}
    given = {code: word for code, word in given.items() if word}
    try:
        with visit.transaction() as conn:
            ordering.keep_filter(conn, visit.actor, name=name, given=given, now=visit.now)
    except (InvalidInput, Conflict) as error:
        return _queue_page(visit, given, problems={"name": visit.say(error)})
    return visit.redirect(f"/queue?{urlencode(given)}", done="filter-kept")


@router.post("/queue/filters/{filter_id}/forget", dependencies=[needs(Permission.REPORT_WORK)])
def forget_filter(visit: Visit, filter_id: int) -> Response:
    """Forgets one of one's own filters."""
    with visit.transaction() as conn:
        ordering.forget_filter(conn, visit.actor, filter_id=filter_id, now=visit.now)
    return visit.redirect("/queue", done="filter-forgotten")


@router.post("/queue/capacity", dependencies=[needs(Permission.REPORT_LEAD)])
def choose_capacity(visit: Visit, hours: _Text = "", minutes_each: _Text = "") -> Response:
    """Says how much work there is in a week."""
    try:
        with visit.transaction() as conn:
            ordering.choose_capacity(
                conn, visit.actor, hours=_number("hours", hours), minutes_each=_number("minutes_each", minutes_each),
                now=visit.now,
            )  # fmt: skip
    except InvalidInput as error:
        return _queue_page(visit, {}, problems={error.field: visit.say(error)})
    return visit.redirect("/queue", done="capacity-chosen")


@router.post("/queue/assign", dependencies=[needs(Permission.REPORT_LEAD)])
def assign_all(visit: Visit, reports: Annotated[list[str], Form()] = [], person: _Text = "") -> Response:  # noqa: B006
    """Gives several reports to a colleague: all of them, or none."""
    try:
        with visit.transaction() as conn:
            assigning.assign_all(
                conn, visit.actor, report_ids=[_number("reports", one) for one in reports], person_id=_as_id(person),
                now=visit.now,
            )  # fmt: skip
    except (InvalidInput, Conflict, InvalidTransition) as error:
        return _queue_page(visit, {}, problems={"assign": visit.say(error)})
    return visit.redirect("/queue/claimed", done="reports-assigned")


@router.get("/queue/people", dependencies=[needs(Permission.REPORT_READ)])
def show_people(visit: Visit) -> Response:
    """Who works on reports, and who reads which languages and can do what."""
    return _people_page(visit)


@router.post("/queue/people/{person_id}", dependencies=[needs(Permission.REPORT_LEAD)])
def give_skills(visit: Visit, person_id: UUID, tags: _Text = "") -> Response:
    """Gives a colleague tags in place of those before."""
    try:
        with visit.transaction() as conn:
            assigning.give_skills(conn, visit.actor, person_id=person_id, tags=tags, now=visit.now)
    except InvalidInput as error:
        return _people_page(visit, wrong=person_id, given=tags, problem=visit.say(error))
    return visit.redirect("/queue/people", done="skills-given")


# --- pages ---


def _queue_page(
    visit: OneVisit, given: dict[str, str], *, page: int = 1, problems: dict[str, str] | None = None
) -> Response:
    problems = dict(problems or {})
    wanted = Wanted()
    try:
        wanted = read_wanted(given)
    except InvalidInput as error:
        problems[error.field] = visit.say(error)
    with visit.transaction() as conn:
        found = ordering.Found(reports=(), looked_at=0, to_the_end=True)
        waiting: Sequence[desk.Waiting] = ()
        if wanted.everything:
            waiting = desk.queue(conn, visit.actor, limit=page * _PAGE + 1, now=visit.now)
        else:
            found = ordering.find(conn, visit.actor, wanted=wanted, limit=2 * _PAGE, now=visit.now)
        line = ordering.line(conn, visit.actor, now=visit.now)
        said = ordering.capacity(conn, visit.actor)
        kept = ordering.list_filters(conn, visit.actor)
        colleagues = assigning.colleagues(conn, visit.actor) if _may(visit, Permission.REPORT_LEAD) else []
        skills = assigning.skills(conn, visit.actor) if colleagues else {}
        around = _around(conn, visit)
    return visit.page(
        "reports/queue.html",
        status=422 if problems else 200,
        rows=waiting[(page - 1) * _PAGE : page * _PAGE],
        page=page,
        more=len(waiting) > page * _PAGE and page < _PAGES,
        ends=len(waiting) <= page * _PAGE,
        found=found,
        given=given,
        filtered=bool(given),
        query=urlencode(given),
        kept=[(one, urlencode(one.wanted)) for one in kept],
        line=line,
        said=said,
        colleagues=colleagues,
        skills=skills,
        problems=problems,
        lanes=Lane,
        counted_max=ordering.COUNTED_MAX,
        **around,
    )


def _people_page(visit: OneVisit, *, wrong: UUID | None = None, given: str = "", problem: str | None = None) -> Response:
    with visit.transaction() as conn:
        colleagues = assigning.colleagues(conn, visit.actor)
        skills = assigning.skills(conn, visit.actor)
        around = _around(conn, visit)
    return visit.page(
        "reports/people.html",
        status=422 if problem else 200,
        colleagues=colleagues,
        skills=skills,
        wrong=wrong,
        given=given,
        problem=problem,
        **around,
    )


def _around(conn: Connection, visit: OneVisit) -> dict[str, Any]:
    """What every view of the queue shows: how many there are, who is who, and what one may do."""
    return {
        "counts": ordering.counts(conn, visit.actor),
        "counted_most": ordering.COUNTED_MAX,
        "names": names_of(conn, visit),
        "may_work": _may(visit, Permission.REPORT_WORK),
        "may_lead": _may(visit, Permission.REPORT_LEAD),
        "now": visit.now,
        "pressing": pressing,
        "sources": list(Source),
        "incidents": list(Incident),
        **WORDS,
    }


def names_of(conn: Connection, visit: OneVisit) -> dict[UUID, str]:
    """What those are called who work on reports, for whoever may see who works here."""
    if not _may(visit, Permission.PERSON_READ):
        return {}
    return {person.id: person.name for person in assigning.colleagues(conn, visit.actor)}


def _may(visit: OneVisit, permission: Permission) -> bool:
    return permission in visit.actor.permissions


def _rows(
    conn: Connection, visit: OneVisit, wanted: Wanted, limit: int
) -> list[tuple[int | None, Report, Lane | None, Standing]]:
    if wanted.everything:
        waiting = desk.queue(conn, visit.actor, limit=limit, now=visit.now)
        return [(one.number, one.report, one.lane, one.standing) for one in waiting]
    found = ordering.find(conn, visit.actor, wanted=wanted, limit=limit, now=visit.now)
    return [(None, report, None, standing) for report, standing in found.reports]


def _iso(at: datetime | None) -> str:
    return "" if at is None else at.isoformat()


def _cell(text: str | None) -> str:
    """A text that a spreadsheet does not take for a formula (OWASP, "CSV Injection")."""
    return f"'{text}" if text and not text[0].isalnum() else text or ""


def _number(field: str, text: str) -> int:
    if not (text.isascii() and text.strip().isdecimal() and len(text) < 19):
        raise InvalidInput(field=field, problem=_WHOLE_NUMBER)
    return int(text)


def _as_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(field="person", problem=_NO_COLLEAGUE) from None
