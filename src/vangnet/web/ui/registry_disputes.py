"""Disputes about listed entries, and where our lists come from: installations that we follow, services that we ask."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form
from starlette.responses import Response

from vangnet.errors import Conflict, InvalidInput
from vangnet.identity.permissions import Permission
from vangnet.identity.service import parties
from vangnet.registry.model.disputes import DisputeState
from vangnet.registry.model.sources import SourceKind, SourceState
from vangnet.registry.model.subscriptions import SubscriptionState
from vangnet.registry.service import disputes, lists, sources, subscriptions
from vangnet.web.access import needs
from vangnet.web.languages import marked
from vangnet.web.ui.registry import WORDS
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

DONE = {
    "dispute-upheld": marked("The listing stands, and whoever contested it is told why."),
    "dispute-conceded": marked("The entry is withdrawn, and whoever contested it is told why."),
}
DISPUTE_STATES = {
    DisputeState.OPEN: ("warn", marked("waits for an answer")),
    DisputeState.UPHELD: ("ok", marked("the listing stands")),
    DisputeState.WITHDRAWN: ("muted", marked("the entry was withdrawn")),
    DisputeState.CORRECTED: ("muted", marked("the entry was corrected")),
}
SUBSCRIPTION_STATES = {
    SubscriptionState.FOLLOWING: ("ok", marked("following")),
    SubscriptionState.BROKEN: ("danger", marked("broken off: a page did not count")),
    SubscriptionState.STOPPED: ("muted", marked("stopped")),
}
SOURCE_STATES = {
    SourceState.ACTIVE: ("ok", marked("asked every hour")),
    SourceState.STOPPED: ("muted", marked("stopped")),
}
SOURCE_KINDS = {
    SourceKind.NCMEC: "NCMEC",
    SourceKind.STOPNCII: "StopNCII",
}
PROBLEMS = {
    "partner_unreachable": marked("no answer"),
    "partner_refused": marked("the answer was not what was asked for"),
}
_Text = Annotated[str, Form(max_length=4000)]


@router.get("/disputes", dependencies=[needs(Permission.REGISTRY_READ)])
def list_disputes(visit: Visit) -> Response:
    """What waits for an answer, the most urgent first, and what was answered."""
    return _disputes_page(visit)


@router.post("/disputes/{dispute_id}/answer", dependencies=[needs(Permission.REGISTRY_ANSWER)])
def answer_dispute(visit: Visit, dispute_id: UUID, outcome: _Text = "", reason: _Text = "") -> Response:
    """Answers a dispute: the listing stands, or the entry is withdrawn."""
    try:
        chosen = _as_outcome(outcome)
        with visit.transaction() as conn:
            disputes.answer(
                conn, visit.actor, keys=visit.keys, dispute_id=dispute_id, outcome=chosen, reason=reason, now=visit.now
            )
    except (InvalidInput, Conflict) as error:
        return _disputes_page(visit, dispute_id=dispute_id, given=reason, problem=visit.say(error))
    upheld = chosen is DisputeState.UPHELD
    return visit.redirect("/disputes", done="dispute-upheld" if upheld else "dispute-conceded")


@router.get("/subscriptions", dependencies=[needs(Permission.REGISTRY_READ)])
def list_subscriptions(visit: Visit) -> Response:
    """Whose lists we follow and which services we ask, and how that goes."""
    with visit.transaction() as conn:
        followed = subscriptions.list_subscriptions(conn, visit.actor)
        asked = sources.list_sources(conn, visit.actor)
        names = lists.names(conn, visit.actor)
        known = {subscription.hub_party_id: parties.party(conn, subscription.hub_party_id) for subscription, _ in followed}
    return visit.page(
        "registry/subscriptions.html",
        followed=followed,
        asked=asked,
        names=names,
        parties=known,
        subscription_states=SUBSCRIPTION_STATES,
        source_states=SOURCE_STATES,
        source_kinds=SOURCE_KINDS,
        problem_names=PROBLEMS,
        **WORDS,
    )


def _disputes_page(
    visit: OneVisit, *, dispute_id: UUID | None = None, given: str = "", problem: str | None = None
) -> Response:
    with visit.transaction() as conn:
        waiting = disputes.list_disputes(conn, visit.actor, limit=100)
        everything = disputes.list_disputes(conn, visit.actor, still_open=False, limit=100)
        names = lists.names(conn, visit.actor)
    return visit.page(
        "registry/disputes.html",
        status=422 if problem else 200,
        waiting=waiting,
        answered=[found for found in everything if found.state is not DisputeState.OPEN],
        late={found.id for found in waiting if found.is_late(visit.now)},
        names=names,
        dispute_id=dispute_id,
        given=given,
        problem=problem,
        may_answer=Permission.REGISTRY_ANSWER in visit.actor.permissions,
        dispute_states=DISPUTE_STATES,
        **WORDS,
    )


def _as_outcome(text: str) -> DisputeState:
    if text not in {DisputeState.UPHELD, DisputeState.WITHDRAWN}:
        raise InvalidInput(field="outcome", problem=marked("must be one of those that are offered"))
    return DisputeState(text)
