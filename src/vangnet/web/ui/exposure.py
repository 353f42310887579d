"""What one was shown oneself: for one's own eyes. No page, no address and no query shows another person's."""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from vangnet.errors import InvalidInput
from vangnet.reports.model.looks import BLUR_MAX, SECONDS_MAX, SECONDS_MIN, Size
from vangnet.reports.rules.assessment.exposure import Fill
from vangnet.reports.service.assessment import exposure
from vangnet.web.access import SIGNED_IN, needs
from vangnet.web.languages import marked
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

DONE = {"looks-chosen": marked("Pictures are shown to you like this from now on.")}
SIZE_NAMES = {
    Size.S: marked("small: 160 pixels"),
    Size.M: marked("medium: 480 pixels"),
    Size.L: marked("large: 1,200 pixels"),
}
FILL_NAMES = {
    Fill.WITHIN: marked("There is room for today."),
    Fill.BREAK: marked("Most of today's time is used. How about a break?"),
    Fill.OVER: marked("Today's time is used. There is work without pictures."),
}


@router.get("/me/exposure", dependencies=[needs(SIGNED_IN)])
def show_mine(visit: Visit) -> Response:
    """One's own figures."""
    return _page(visit)


@router.post("/me/exposure", dependencies=[needs(SIGNED_IN)])
def choose(
    visit: Visit,
    seconds: Annotated[str, Form(max_length=10)] = "",
    blur: Annotated[str, Form(max_length=10)] = "",
    size: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Chooses how one is shown pictures."""
    try:
        with visit.transaction() as conn:
            exposure.choose(conn, visit.actor, seconds=_number(seconds), blur=_number(blur), size=size, now=visit.now)
    except InvalidInput as error:
        return _page(
            visit, given={"seconds": seconds, "blur": blur, "size": size}, problems={error.field: visit.say(error)}
        )
    return visit.redirect("/me/exposure", done="looks-chosen")


def _page(visit: OneVisit, *, given: dict[str, str] | None = None, problems: dict[str, str] | None = None) -> Response:
    with visit.transaction() as conn:
        mine = exposure.mine(conn, visit.actor, budget_minutes=visit.settings.sharp_minutes_a_day, now=visit.now)
    choice = mine.choice
    return visit.page(
        "assess/exposure.html",
        status=422 if problems else 200,
        mine=mine,
        fill_names=FILL_NAMES,
        size_names=SIZE_NAMES,
        blurs=range(1, BLUR_MAX + 1),
        bounds=(SECONDS_MIN, SECONDS_MAX),
        given=given or {"seconds": str(choice.seconds), "blur": str(choice.blur), "size": choice.size.value},
        problems=problems or {},
        days=exposure.DAYS,
    )


def _number(text: str) -> int:
    """A number out of every bound for what is none."""
    return int(text) if text.isascii() and text.isdecimal() else 0
