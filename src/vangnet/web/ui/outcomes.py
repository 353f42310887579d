"""Outcomes: from reports to investigations to results, and series that turn up again. Nothing is about any one child."""

from typing import Annotated

from fastapi import APIRouter, Form, Path
from starlette.responses import Response

from vangnet.errors import InvalidInput, NotFound
from vangnet.identity.permissions import Permission
from vangnet.reports.model.outcomes import NUMBER_MAX, Outcome
from vangnet.reports.service.referral import outcomes
from vangnet.web.access import needs
from vangnet.web.languages import marked
from vangnet.web.ui.follow_up_words import WORDS
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

DONE = {
    "outcome-added": marked("It is kept, and whoever referred the report is told."),
    "outcome-withdrawn": marked("It does not count any more. Whoever was told of it was told."),
    "investigation-added": marked("The report led to this investigation."),
    "investigation-parted": marked("The report does not belong to this investigation any more."),
    "series-added": marked("The report belongs to the series. Whatever holds one of its files does so too from now on."),
    "series-taken-out": marked("The report was taken out of the series."),
}
_PAGE = 100
_ONE_OF = marked("must be one of those that are offered")
_NO_REPORT = marked("must be the number of a report")
_GIVEN = {"report": "", "number": "", "outcome": "", "people": "", "series_report": "", "series": ""}

_Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
_Text = Annotated[str, Form(max_length=200)]


@router.get("/outcomes", dependencies=[needs(Permission.REPORT_READ)])
def show_outcomes(visit: Visit) -> Response:
    """What reports came to, in numbers, and the series that turn up again."""
    return _page(visit)


@router.post("/outcomes/investigations", dependencies=[needs(Permission.REPORT_WORK)])
def add_investigation(visit: Visit, report: _Text = "", number: _Text = "") -> Response:
    """Writes that a report led to an investigation."""
    try:
        with visit.transaction() as conn:
            outcomes.lead_to(conn, visit.actor, keys=visit.keys, report_id=_as_report(report), number=number, now=visit.now)
    except (InvalidInput, NotFound) as error:
        return _page(visit, given={"report": report, "number": number}, problems=_problems(visit, error, "report"))
    return visit.redirect("/outcomes", done="investigation-added")


@router.post("/outcomes/investigations/{investigation_id}", dependencies=[needs(Permission.REPORT_WORK)])
def add_outcome(visit: Visit, investigation_id: _Number, outcome: _Text = "", people: _Text = "") -> Response:
    """Writes what an investigation came to."""
    try:
        if outcome not in set(Outcome):
            raise InvalidInput(field="outcome", problem=_ONE_OF)
        with visit.transaction() as conn:
            outcomes.add(
                conn, visit.actor, investigation_id=investigation_id, outcome=Outcome(outcome), people=_as_count(people),
                now=visit.now,
            )  # fmt: skip
    except InvalidInput as error:
        given = {"outcome": outcome, "people": people}
        return _page(visit, at=investigation_id, given=given, problems=_problems(visit, error, "outcome"))
    return visit.redirect("/outcomes", done="outcome-added")


@router.post("/outcomes/investigations/{investigation_id}/part", dependencies=[needs(Permission.REPORT_WORK)])
def part(visit: Visit, investigation_id: _Number, report: _Text = "") -> Response:
    """Undoes that a report led to an investigation."""
    try:
        with visit.transaction() as conn:
            outcomes.part_from(
                conn, visit.actor, investigation_id=investigation_id, report_id=_as_report(report), now=visit.now
            )
    except InvalidInput as error:
        return _page(visit, problems=_problems(visit, error, "report"))
    return visit.redirect("/outcomes", done="investigation-parted")


@router.post("/outcomes/{outcome_id}/withdraw", dependencies=[needs(Permission.REPORT_WORK)])
def withdraw(visit: Visit, outcome_id: _Number) -> Response:
    """Undoes an outcome that was written by mistake."""
    with visit.transaction() as conn:
        outcomes.withdraw(conn, visit.actor, outcome_id=outcome_id, now=visit.now)
    return visit.redirect("/outcomes", done="outcome-withdrawn")


@router.post("/outcomes/series", dependencies=[needs(Permission.REPORT_WORK)])
def add_to_series(visit: Visit, series_report: _Text = "", series: _Text = "", files: _Text = "") -> Response:
    """Puts a report into a series, new or known."""
    try:
        with visit.transaction() as conn:
            outcomes.put_into_series(
                conn, visit.actor, report_id=_as_report(series_report, "series_report"), code=series,
                files=files == "true", now=visit.now,
            )  # fmt: skip
    except (InvalidInput, NotFound) as error:
        given = {"series_report": series_report, "series": series}
        return _page(visit, given=given, problems=_problems(visit, error, "series_report"))
    return visit.redirect("/outcomes", done="series-added")


@router.post("/outcomes/series/{series_id}/take-out", dependencies=[needs(Permission.REPORT_WORK)])
def take_out(visit: Visit, series_id: _Number, report: _Text = "") -> Response:
    """Takes a report out of a series."""
    try:
        with visit.transaction() as conn:
            outcomes.take_out_of_series(conn, visit.actor, report_id=_as_report(report), series_id=series_id, now=visit.now)
    except InvalidInput as error:
        return _page(visit, problems=_problems(visit, error, "report"))
    return visit.redirect("/outcomes", done="series-taken-out")


def _page(
    visit: OneVisit,
    *,
    at: int | None = None,
    given: dict[str, str] | None = None,
    problems: dict[str, str] | None = None,
) -> Response:
    with visit.transaction() as conn:
        effect = outcomes.effect(conn, visit.actor)
        investigations = outcomes.list_investigations(conn, visit.actor, keys=visit.keys, limit=_PAGE)
        series = outcomes.list_series(conn, visit.actor, limit=_PAGE)
    return visit.page(
        "outcomes/list.html",
        status=422 if problems else 200,
        effect=effect,
        investigations=investigations,
        series=series,
        at=at,
        given=_GIVEN | (given or {}),
        problems=problems or {},
        number_max=NUMBER_MAX,
        may_work=Permission.REPORT_WORK in visit.actor.permissions,
        **WORDS,
    )


def _problems(visit: OneVisit, error: InvalidInput | NotFound, otherwise: str) -> dict[str, str]:
    return {error.field if isinstance(error, InvalidInput) else otherwise: visit.say(error)}


def _as_report(text: str, field: str = "report") -> int:
    if not text.strip().isascii() or not text.strip().isdigit() or len(text.strip()) > 18:
        raise InvalidInput(field=field, problem=_NO_REPORT)
    return int(text)


def _as_count(text: str) -> int | None:
    if not text.strip():
        return None
    if not text.strip().isascii() or not text.strip().isdigit() or len(text.strip()) > 6:
        raise InvalidInput(field="people", problem=marked("must be a whole number"))
    return int(text)
