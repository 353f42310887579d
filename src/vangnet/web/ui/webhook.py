"""The webhook: where the provider's own system hears what was decided, its secret, and the log of what was sent."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from vangnet.errors import Conflict, InvalidInput
from vangnet.gate.service import webhooks
from vangnet.gate.webhooks import CHOICES, DeliveryState, Event, Trouble, WebhookState, message_id
from vangnet.identity.permissions import Permission
from vangnet.web.access import needs
from vangnet.web.languages import marked
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

DONE = {
    "webhook-chosen": marked("The webhook is told this from now on."),
    "webhook-off": marked("The webhook is off: nothing is sent any more."),
    "webhook-test": marked("A test is on its way; see below whether it arrived."),
    "webhook-resent": marked("The message is sent again, with the same id."),
}
EVENT_NAMES = {
    Event.BLOCKED: marked("a match was blocked"),
    Event.HELD: marked("a match was held"),
    Event.LATER: marked("an accepted upload is known now"),
    Event.REVISED: marked("a decision no longer stands"),
    Event.TEST: marked("a test"),
}
WEBHOOK_STATES = {
    WebhookState.ON: ("ok", marked("on")),
    WebhookState.OFF: ("muted", marked("off")),
    WebhookState.GONE: ("danger", marked("the receiver said that it wants nothing any more")),
}
DELIVERY_STATES = {
    DeliveryState.WAITING: ("warn", marked("waits")),
    DeliveryState.DELIVERED: ("ok", marked("arrived")),
    DeliveryState.PARKED: ("danger", marked("not sent any more")),
}
#: What a delivery's code means.
PROBLEMS: dict[str, str] = {
    "partner_unreachable": marked("no answer"),
    "partner_refused": marked("the answer was not what was asked for"),
    Trouble.REFUSED: marked("the receiver did not take it"),
    Trouble.GONE: marked("the receiver said that it wants nothing any more"),
    Trouble.SWITCHED_OFF: marked("the webhook was switched off"),
    Trouble.ADDRESS_CHANGED: marked("the webhook got another address"),
}
_PAGE = 50
_Text = Annotated[str, Form(max_length=4000)]
_Events = Annotated[list[str], Form()]
_UNKNOWN_EVENT = marked("must be one or more of those that are offered")


@router.get("/webhook", dependencies=[needs(Permission.GATE_READ)])
def show_webhook(visit: Visit, before: Annotated[UUID | None, Query()] = None) -> Response:
    """How the webhook stands, and the log of deliveries, the newest first."""
    return _page(visit, before=before)


@router.post("/webhook", dependencies=[needs(Permission.GATE_CHOOSE)])
def choose_webhook(visit: Visit, url: _Text = "", events: _Events = []) -> Response:  # noqa: B006
    """Says where to and of what; a new secret is shown this once."""
    given: dict[str, object] = {"url": url, "events": events}
    try:
        if not events or not set(events) <= set(CHOICES):
            raise InvalidInput(field="events", problem=_UNKNOWN_EVENT)
        with visit.transaction() as conn:
            chosen = webhooks.choose(
                conn, visit.actor, url=url, events={Event(one) for one in events}, local=visit.settings.webhook_local,
                keys=visit.keys, now=visit.now,
            )  # fmt: skip
    except InvalidInput as error:
        return _page(visit, given=given, problems={error.field: visit.say(error)})
    if chosen.secret is None:
        return visit.redirect("/webhook", done="webhook-chosen")
    return _secret_page(visit, chosen.secret)


@router.post("/webhook/rotate", dependencies=[needs(Permission.GATE_CHOOSE)])
def rotate_secret(visit: Visit) -> Response:
    """Another secret, shown this once; the one before counts for a day more."""
    try:
        with visit.transaction() as conn:
            chosen = webhooks.rotate(conn, visit.actor, keys=visit.keys, now=visit.now)
    except Conflict as error:
        return _page(visit, problem=visit.say(error))
    return _secret_page(visit, chosen.secret or "")


@router.post("/webhook/off", dependencies=[needs(Permission.GATE_CHOOSE)])
def switch_off(visit: Visit) -> Response:
    """Nothing is sent any more."""
    try:
        with visit.transaction() as conn:
            webhooks.switch_off(conn, visit.actor, now=visit.now)
    except Conflict as error:
        return _page(visit, problem=visit.say(error))
    return visit.redirect("/webhook", done="webhook-off")


@router.post("/webhook/test", dependencies=[needs(Permission.GATE_TELL)])
def send_test(visit: Visit) -> Response:
    """Has a test sent."""
    try:
        with visit.transaction() as conn:
            webhooks.test(conn, visit.actor, now=visit.now)
    except Conflict as error:
        return _page(visit, problem=visit.say(error))
    return visit.redirect("/webhook", done="webhook-test")


@router.get("/webhook/deliveries/{delivery_id}", dependencies=[needs(Permission.GATE_READ)])
def show_delivery(visit: Visit, delivery_id: UUID) -> Response:
    """One message: what it says, and what became of it."""
    return _delivery_page(visit, delivery_id)


@router.post("/webhook/deliveries/{delivery_id}/resend", dependencies=[needs(Permission.GATE_TELL)])
def resend_delivery(visit: Visit, delivery_id: UUID) -> Response:
    """Has it sent again."""
    try:
        with visit.transaction() as conn:
            webhooks.resend(conn, visit.actor, delivery_id=delivery_id, now=visit.now)
    except Conflict as error:
        return _delivery_page(visit, delivery_id, problem=visit.say(error))
    return visit.redirect(f"/webhook/deliveries/{delivery_id}", done="webhook-resent")


def _page(
    visit: OneVisit,
    *,
    before: UUID | None = None,
    given: dict[str, object] | None = None,
    problems: dict[str, str] | None = None,
    problem: str | None = None,
) -> Response:
    with visit.transaction() as conn:
        shown = webhooks.show(conn, visit.actor, now=visit.now)
        place = None
        if before is not None:
            place = (webhooks.get_delivery(conn, visit.actor, delivery_id=before).made_at, before)
        found = webhooks.list_deliveries(conn, visit.actor, before=place, limit=_PAGE + 1)
    webhook = shown.webhook
    now_chosen: dict[str, object] = {"url": "", "events": list(CHOICES)}
    if webhook is not None:
        now_chosen = {"url": webhook.url, "events": list(webhook.events)}
    return visit.page(
        "gate/webhook.html",
        status=422 if problems or problem else 200,
        shown=shown,
        found=found[:_PAGE],
        older=found[_PAGE - 1].id if len(found) > _PAGE else None,
        given=given or now_chosen,
        problems=problems or {},
        problem=problem,
        offered=CHOICES,
        may_choose=Permission.GATE_CHOOSE in visit.actor.permissions,
        may_tell=Permission.GATE_TELL in visit.actor.permissions,
        event_names=EVENT_NAMES,
        webhook_states=WEBHOOK_STATES,
        delivery_states=DELIVERY_STATES,
        problem_names=PROBLEMS,
    )


def _delivery_page(visit: OneVisit, delivery_id: UUID, *, problem: str | None = None) -> Response:
    with visit.transaction() as conn:
        found = webhooks.get_delivery(conn, visit.actor, delivery_id=delivery_id)
    return visit.page(
        "gate/delivery.html",
        status=422 if problem else 200,
        delivery=found,
        message_id=message_id(found.id),
        body=found.body.decode(),
        problem=problem,
        may_tell=Permission.GATE_TELL in visit.actor.permissions,
        event_names=EVENT_NAMES,
        delivery_states=DELIVERY_STATES,
        problem_names=PROBLEMS,
    )


def _secret_page(visit: OneVisit, secret: str) -> Response:
    response = visit.page("gate/webhook_secret.html", secret=secret)
    response.headers["cache-control"] = "no-store"
    return response
