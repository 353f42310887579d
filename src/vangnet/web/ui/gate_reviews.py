"""False alarms, as people of the provider find them, and who seems to try the lists out."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form
from starlette.responses import Response

from vangnet.db import Connection
from vangnet.errors import Conflict, InvalidInput
from vangnet.gate.model import Door
from vangnet.gate.policy import kind_of
from vangnet.gate.probing import Sign
from vangnet.gate.service import probes, reviews
from vangnet.identity.permissions import Permission
from vangnet.identity.service import api_keys
from vangnet.web.access import needs
from vangnet.web.languages import marked
from vangnet.web.ui.decisions import CLASSIFICATION_NAMES, DECISION_NAMES, DOOR_NAMES
from vangnet.web.ui.gate_policy import KIND_NAMES
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

DONE = {
    "marked-right": marked("It is kept: the alarm was right."),
    "marked-wrong": marked("It is kept: a false alarm. Contest the entry below, so that it stops others too."),
    "limit-lifted": marked("The limit ends within two seconds, at every gate."),
}
SIGN_NAMES = {
    Sign.MATCHES: marked("unusually many matches"),
    Sign.VARIANTS: marked("many different look-alikes of one entry"),
}
_SHOWN = 25


@router.get("/gate/review", dependencies=[needs(Permission.GATE_READ)])
def list_waiting(visit: Visit) -> Response:
    """What was held or blocked and nobody looked at, what was a false alarm, and how often lists give one."""
    return _review_page(visit)


@router.post("/gate/review/{check_id}", dependencies=[needs(Permission.GATE_REVIEW)])
def mark_one(visit: Visit, check_id: UUID, false_alarm: Annotated[str, Form(max_length=10)] = "") -> Response:
    """Says whether one was a false alarm."""
    try:
        if false_alarm not in {"true", "false"}:
            raise InvalidInput(field="false_alarm", problem=marked("must be one of those that are offered"))
        wrong = false_alarm == "true"
        with visit.transaction() as conn:
            reviews.mark(conn, visit.actor, decision_id=check_id, false_alarm=wrong, now=visit.now)
    except (InvalidInput, Conflict) as error:
        return _review_page(visit, problem=visit.say(error), status=422 if isinstance(error, InvalidInput) else 409)
    return visit.redirect("/gate/review", done="marked-wrong" if wrong else "marked-right")


@router.get("/gate/probes", dependencies=[needs(Permission.GATE_READ)])
def list_probes(visit: Visit) -> Response:
    """Who seemed to try the lists out, and who is told less now."""
    return _probes_page(visit)


@router.post("/gate/probes/{probe_id}/lift", dependencies=[needs(Permission.GATE_LIFT)])
def lift_limit(visit: Visit, probe_id: UUID) -> Response:
    """Ends a limit."""
    try:
        with visit.transaction() as conn:
            probes.lift(conn, visit.actor, probe_id=probe_id, now=visit.now)
    except Conflict as error:
        return _probes_page(visit, problem=visit.say(error))
    return visit.redirect("/gate/probes", done="limit-lifted")


def _review_page(visit: OneVisit, *, problem: str | None = None, status: int = 200) -> Response:
    with visit.transaction() as conn:
        waiting = reviews.waiting(conn, visit.actor, limit=_SHOWN, now=visit.now)
        count = reviews.count_waiting(conn, visit.actor, now=visit.now)
        wrong = reviews.false_alarms(conn, visit.actor, limit=_SHOWN)
        rates = reviews.rates(conn, visit.actor)
    return visit.page(
        "gate/review.html",
        status=status,
        waiting=waiting,
        count=count,
        counted_max=reviews.COUNTED_MAX,
        wrong=wrong,
        rates=rates,
        problem=problem,
        may_mark=Permission.GATE_REVIEW in visit.actor.permissions,
        kind_of=kind_of,
        kind_names=KIND_NAMES,
        classification_names=CLASSIFICATION_NAMES,
        decision_names=DECISION_NAMES,
        days=reviews.LOOK_BACK.days,
    )


def _probes_page(visit: OneVisit, *, problem: str | None = None) -> Response:
    with visit.transaction() as conn:
        found = probes.list_probes(conn, visit.actor)
        askers = _askers(conn, visit)
    return visit.page(
        "gate/probes.html",
        status=409 if problem else 200,
        found=found,
        askers=askers,
        now=visit.now,
        problem=problem,
        may_lift=Permission.GATE_LIFT in visit.actor.permissions,
        sign_names=SIGN_NAMES,
        decision_names=DECISION_NAMES,
    )


def _askers(conn: Connection, visit: OneVisit) -> dict[str, str]:
    """Doors by their names, and keys by theirs for whoever may see those."""
    named = {door.value: name for door, name in DOOR_NAMES.items() if isinstance(door, Door)}
    if Permission.KEY_READ in visit.actor.permissions:
        named |= {str(key.id): key.name for key in api_keys.list_keys(conn, visit.actor)}
    return named
