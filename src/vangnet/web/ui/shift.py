"""The start of the day, and present danger: what cannot wait, what is mine, what runs out, what colleagues left."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.responses import Response

from vangnet.db import Connection
from vangnet.errors import Conflict
from vangnet.identity.permissions import Permission
from vangnet.reports.model.wanted import Wanted, pressing
from vangnet.reports.rules.assessment.exposure import Fill
from vangnet.reports.service.assessment import exposure
from vangnet.reports.service.desk import desk, ordering, watching
from vangnet.reports.service.intake import deliveries
from vangnet.web.access import needs
from vangnet.web.defanging import defanged
from vangnet.web.languages import marked
from vangnet.web.ui.queue import names_of
from vangnet.web.ui.report_words import WORDS
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

DONE = {
    "on-watch": marked("You are on watch: you are called when a child may be in danger."),
    "off-watch": marked("You are off watch."),
}
_CLOCKS = 10
_Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("/shift", dependencies=[needs(Permission.REPORT_READ)])
def show_shift(visit: Visit) -> Response:
    """The start of somebody's day: danger first, then what is theirs, what runs out, and what colleagues left."""
    with visit.transaction() as conn:
        found = shift_of(conn, visit)
    return visit.page("reports/shift.html", **found)


def shift_of(conn: Connection, visit: OneVisit) -> dict[str, Any]:
    """What the start of a day shows; also on the start page of a hotline and of police."""
    may_work = Permission.REPORT_WORK in visit.actor.permissions
    return {
        "untaken": watching.untaken(conn, visit.actor, now=visit.now),
        "mine": desk.list_claimed(conn, visit.actor, mine=True) if may_work else [],
        "clocks_found": ordering.find(conn, visit.actor, wanted=Wanted(clock=True), limit=_CLOCKS, now=visit.now),
        "hand_overs": desk.list_hand_overs(conn, visit.actor, keys=visit.keys) if may_work else [],
        "counts": ordering.counts(conn, visit.actor),
        "counted_most": ordering.COUNTED_MAX,
        "bad_deliveries": deliveries.count_open(conn, visit.actor),
        "fill": _fill(conn, visit) if may_work else Fill.WITHIN,
        "fills": Fill,
        **_around(conn, visit),
    }


def _fill(conn: Connection, visit: OneVisit) -> Fill:
    """How much of one's own time for pictures is used today; nobody else is shown this."""
    if visit.person is None:
        return Fill.WITHIN
    budget = visit.settings.sharp_minutes_a_day
    return exposure.meter_of(conn, visit.person.id, budget_minutes=budget, now=visit.now).fill


@router.get("/danger", dependencies=[needs(Permission.REPORT_READ)])
def show_danger(visit: Visit) -> Response:
    """What calls a person and nobody took, whom it called, and who is on watch."""
    return _danger_page(visit)


@router.get("/danger/banner", dependencies=[needs(Permission.REPORT_READ)])
def show_banner(visit: Visit) -> Response:
    """The banner alone, for the script that renews it on a page that stays open."""
    return visit.page("reports/banner.html")


@router.post("/danger/{report_id}/take", dependencies=[needs(Permission.REPORT_WORK)])
def take(visit: Visit, report_id: _Number) -> Response:
    """Takes a report of present danger: nobody else is called for it."""
    try:
        with visit.transaction() as conn:
            desk.claim(conn, visit.actor, report_id=report_id, now=visit.now)
    except Conflict as error:
        return _danger_page(visit, problem=visit.say(error))
    return visit.redirect(f"/reports/{report_id}", done="report-claimed")


@router.post("/danger/watch/join", dependencies=[needs(Permission.REPORT_WORK)])
def join_watch(visit: Visit) -> Response:
    """Goes on watch, after those who are on it."""
    with visit.transaction() as conn:
        watching.join(conn, visit.actor, now=visit.now)
    return visit.redirect("/danger", done="on-watch")


@router.post("/danger/watch/leave", dependencies=[needs(Permission.REPORT_WORK)])
def leave_watch(visit: Visit) -> Response:
    """Goes off watch."""
    with visit.transaction() as conn:
        watching.leave(conn, visit.actor, now=visit.now)
    return visit.redirect("/danger", done="off-watch")


def _danger_page(visit: OneVisit, *, problem: str | None = None) -> Response:
    with visit.transaction() as conn:
        untaken = watching.untaken(conn, visit.actor, now=visit.now)
        watch = watching.watch(conn, visit.actor)
        around = _around(conn, visit)
    return visit.page(
        "reports/danger.html",
        status=409 if problem else 200,
        untaken=untaken,
        watch=watch,
        on_watch=visit.person is not None and visit.person.id in watch,
        problem=problem,
        **around,
    )


def _around(conn: Connection, visit: OneVisit) -> dict[str, Any]:
    names = names_of(conn, visit)
    return {
        "names": names,
        "actors": {f"person:{person_id}": name for person_id, name in names.items()},
        "may_work": Permission.REPORT_WORK in visit.actor.permissions,
        "now": visit.now,
        "pressing": pressing,
        "defanged": defanged,
        **WORDS,
    }
