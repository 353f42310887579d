"""What came in: what could be read of it, what could not and why, and mending that."""

from typing import Annotated

from fastapi import APIRouter, File, Form, Path, Query, UploadFile
from starlette.responses import Response

from vangnet.errors import Conflict, InvalidInput, InvalidTransition, TooLarge
from vangnet.identity.permissions import Permission
from vangnet.reports.model.deliveries import DELIVERY_MAX, TRANSITIONS, DeliveryState
from vangnet.reports.service.intake import deliveries
from vangnet.web.access import needs
from vangnet.web.defanging import as_text, defanged
from vangnet.web.languages import marked
from vangnet.web.ui.report_words import WORDS
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

LARGER_BODIES = {"/deliveries/*/repair": DELIVERY_MAX + 64 * 1024}
DONE = {
    "delivery-mended": marked("The mended form is read in its place. What came stays as it came."),
    "delivery-read-again": marked("It is read once more."),
    "delivery-set-aside": marked("It is set aside. What came stays."),
}
_NOTHING_GIVEN = marked("must be a file or a text: nothing was given")
_PAGE = 50

_Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("/deliveries", dependencies=[needs(Permission.REPORT_READ)])
def list_deliveries(
    visit: Visit,
    *,
    open: bool = False,  # noqa: A002 (the parameter's name in the address)
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
) -> Response:
    """What came in, the newest first; or only what somebody has to look at."""
    with visit.transaction() as conn:
        found = deliveries.list_deliveries(conn, visit.actor, open_only=open, before=before, limit=_PAGE + 1)
        bad = deliveries.count_open(conn, visit.actor)
    return visit.page(
        "reports/deliveries.html",
        found=found[:_PAGE],
        older=found[_PAGE - 1].id if len(found) > _PAGE else None,
        open=open,
        bad=bad,
        first_bad=next((one.id for one in found if one.state in {DeliveryState.PARTLY, DeliveryState.UNREADABLE}), None),
        **WORDS,
    )


@router.get("/deliveries/{delivery_id}", dependencies=[needs(Permission.REPORT_READ)])
def show_delivery(visit: Visit, delivery_id: _Number) -> Response:
    """A delivery, what of it could not be read and why, and its reports."""
    return _delivery_page(visit, delivery_id)


@router.get("/deliveries/{delivery_id}/raw", dependencies=[needs(Permission.REPORT_REPAIR)])
def show_raw(visit: Visit, delivery_id: _Number) -> Response:
    """What came, as text to be read; never rendered, and no address in it can be followed."""
    try:
        with visit.transaction() as conn:
            content = deliveries.raw(conn, visit.actor, keys=visit.keys, delivery_id=delivery_id, now=visit.now)
    except Conflict as error:
        return _delivery_page(visit, delivery_id, problem=visit.say(error))
    return visit.page("reports/raw.html", delivery_id=delivery_id, text=as_text(content), size=len(content))


@router.post("/deliveries/{delivery_id}/repair", dependencies=[needs(Permission.REPORT_REPAIR)])
def repair(
    visit: Visit,
    delivery_id: _Number,
    file: Annotated[UploadFile | None, File()] = None,
    text: Annotated[str, Form(max_length=DELIVERY_MAX)] = "",
) -> Response:
    """Has a mended form read in place of what came."""
    content = file.file.read() if file is not None else b""
    content = content or text.encode("utf-8", "surrogatepass")
    try:
        if not content.strip():
            raise InvalidInput(field="file", problem=_NOTHING_GIVEN)
        with visit.transaction() as conn:
            mended = deliveries.repair(
                conn, visit.actor, keys=visit.keys, delivery_id=delivery_id, content=content, now=visit.now
            )
    except (InvalidInput, Conflict, InvalidTransition, TooLarge) as error:
        return _delivery_page(visit, delivery_id, problem=visit.say(error))
    return visit.redirect(f"/deliveries/{mended.id}", done="delivery-mended")


@router.post("/deliveries/{delivery_id}/again", dependencies=[needs(Permission.REPORT_REPAIR)])
def read_again(visit: Visit, delivery_id: _Number) -> Response:
    """Has it read once more, as it came."""
    try:
        with visit.transaction() as conn:
            deliveries.read_again(conn, visit.actor, delivery_id=delivery_id, now=visit.now)
    except Conflict as error:
        return _delivery_page(visit, delivery_id, problem=visit.say(error))
    return visit.redirect(f"/deliveries/{delivery_id}", done="delivery-read-again")


@router.post("/deliveries/{delivery_id}/set-aside", dependencies=[needs(Permission.REPORT_REPAIR)])
def set_aside(visit: Visit, delivery_id: _Number) -> Response:
    """Somebody looked, and there is nothing to mend."""
    try:
        with visit.transaction() as conn:
            deliveries.set_aside(conn, visit.actor, delivery_id=delivery_id, now=visit.now)
    except Conflict as error:
        return _delivery_page(visit, delivery_id, problem=visit.say(error))
    return visit.redirect(f"/deliveries/{delivery_id}", done="delivery-set-aside")


def _delivery_page(visit: OneVisit, delivery_id: int, *, problem: str | None = None) -> Response:
    with visit.transaction() as conn:
        shown = deliveries.show(conn, visit.actor, keys=visit.keys, delivery_id=delivery_id)
    to_mend = DeliveryState.REPAIRED in TRANSITIONS[shown.delivery.state]
    may_repair = Permission.REPORT_REPAIR in visit.actor.permissions
    return visit.page(
        "reports/delivery.html",
        status=422 if problem else 200,
        one=shown.delivery,
        found=shown,
        problem=problem,
        to_mend=to_mend and may_repair,
        may_read_again=may_repair and DeliveryState.WAITING in TRANSITIONS[shown.delivery.state],
        may_repair=may_repair,
        defanged=defanged,
        **WORDS,
    )
