"""Accepted uploads that are kept by their hashes: whether, by which, on which legal basis, how many."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from vangnet.errors import Conflict, InvalidInput
from vangnet.gate.past import DAYS
from vangnet.gate.service import past
from vangnet.identity.permissions import Permission
from vangnet.web.access import needs
from vangnet.web.languages import marked
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

DONE = {
    "past-on": marked("Accepted uploads are kept from now on, until the legal basis ends."),
    "past-off": marked("Nothing is kept of accepted uploads any more; what was kept is erased."),
}
_NO_DAY = marked("must be a day, as 2027-01-31")
_NO_NUMBER = marked("must be a number of days between 1 and 366")
_NOT_TICKED = marked("must be left empty, or the choice above it ticked")
_Text = Annotated[str, Form(max_length=4000)]


@router.get("/past", dependencies=[needs(Permission.GATE_READ)])
def show_past(visit: Visit) -> Response:
    """What is kept."""
    return _page(visit)


@router.post("/past", dependencies=[needs(Permission.GATE_CHOOSE)])
def switch_on(
    visit: Visit,
    *,
    legal_basis: _Text = "",
    reference: _Text = "",
    ends_on: _Text = "",
    days: _Text = "",
    pictures: _Text = "",
    pictures_reason: _Text = "",
) -> Response:
    """Keeps accepted uploads from now on; their perceptual hashes only where that is ticked and has its reason."""
    given = {
        "legal_basis": legal_basis, "reference": reference, "ends_on": ends_on, "days": days,
        "pictures": pictures, "pictures_reason": pictures_reason,
    }  # fmt: skip
    try:
        if pictures_reason.strip() and not pictures:
            raise InvalidInput(field="pictures_reason", problem=_NOT_TICKED)
        with visit.transaction() as conn:
            past.switch_on(
                conn, visit.actor, basis=legal_basis, reference=reference, ends_on=_as_day(ends_on), days=_as_days(days),
                pictures_reason=pictures_reason if pictures else None, now=visit.now,
            )  # fmt: skip
    except InvalidInput as error:
        return _page(visit, given=given, problems={error.field: visit.say(error)})
    return visit.redirect("/past", done="past-on")


@router.post("/past/off", dependencies=[needs(Permission.GATE_CHOOSE)])
def switch_off(visit: Visit) -> Response:
    """Keeps nothing any more, and erases everything."""
    try:
        with visit.transaction() as conn:
            past.switch_off(conn, visit.actor, now=visit.now)
    except Conflict as error:
        return _page(visit, problem=visit.say(error))
    return visit.redirect("/past", done="past-off")


def _page(
    visit: OneVisit,
    *,
    given: dict[str, str] | None = None,
    problems: dict[str, str] | None = None,
    problem: str | None = None,
) -> Response:
    with visit.transaction() as conn:
        shown = past.show(conn, visit.actor, now=visit.now)
    return visit.page(
        "gate/past.html",
        status=422 if problems or problem else 200,
        shown=shown,
        given=given
        or {"legal_basis": "", "reference": "", "ends_on": "", "days": str(DAYS), "pictures": "", "pictures_reason": ""},
        problems=problems or {},
        problem=problem,
        may_choose=Permission.GATE_CHOOSE in visit.actor.permissions,
    )


def _as_day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput(field="ends_on", problem=_NO_DAY) from None


def _as_days(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 366):
        raise InvalidInput(field="days", problem=_NO_NUMBER)
    return int(text)
