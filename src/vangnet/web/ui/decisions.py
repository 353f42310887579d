"""What the gate decided on matches: looked up by upload, entry or state, and one decision with its reasons."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from vangnet.errors import Conflict, InvalidInput
from vangnet.gate.actions import ProviderAction
from vangnet.gate.contest_reasons import ContestReason
from vangnet.gate.model import Decision, Door, ListedDecision, Outcome
from vangnet.gate.service import answering, contesting, decisions, webhooks
from vangnet.hashing.model import Reason
from vangnet.identity.permissions import Permission
from vangnet.identity.service import parties
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.disputes import Dispute
from vangnet.web.access import needs
from vangnet.web.languages import marked
from vangnet.web.ui.registry_disputes import DISPUTE_STATES
from vangnet.web.ui.view_words import VIEW_WORDS
from vangnet.web.ui.webhook import DELIVERY_STATES
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

DONE = {
    "said": marked("It is kept what you did. A correction is kept beside it."),
    "contested": marked("The entry is contested. Whoever keeps the list answers; the answer is shown here."),
}

DECISION_NAMES = {
    Decision.ALLOW: marked("allowed"),
    Decision.HOLD: marked("held"),
    Decision.BLOCK: marked("blocked"),
}
OUTCOME_NAMES = {
    Outcome.MATCH: marked("listed"),
    Outcome.NO_MATCH: marked("not listed"),
    Outcome.UNHASHABLE: marked("could not be examined"),
    Outcome.UNAVAILABLE: marked("the gate could not check"),
}
DOOR_NAMES = {
    Door.API: marked("API"),
    Door.HASHES: marked("API, hashes"),
    Door.CLAMD: marked("clamd"),
    Door.ICAP: marked("ICAP"),
    Door.DUTCH: marked("Dutch hash check"),
    Door.HMA: marked("HMA"),
    Door.SCAN: marked("console"),
    Door.PAST: marked("later, by its listing"),
}
ACTION_NAMES = {
    ProviderAction.NOT_PUBLISHED: marked("it was not published"),
    ProviderAction.REMOVED: marked("it was removed"),
    ProviderAction.UNAVAILABLE: marked("nobody reaches it; it is preserved"),
    ProviderAction.KEPT: marked("it stays, or was released"),
    ProviderAction.ACCOUNT_SUSPENDED: marked("the account is suspended"),
    ProviderAction.ACCOUNT_CLOSED: marked("the account is closed"),
    ProviderAction.REFERRED: marked("police or a hotline was told"),
}
CONTEST_REASONS = {
    ContestReason.OTHER_PICTURE: marked("it only looks like the listed picture"),
    ContestReason.HARMLESS: marked("it is harmless: a logo, a default picture, a screenshot"),
    ContestReason.WRONG_CLASS: marked("it is classified wrongly"),
    ContestReason.OTHER: marked("something else; the note says what"),
}
REASON_NAMES = {
    Reason.NOT_MEDIA: marked("no picture or video"),
    Reason.UNSUPPORTED: marked("a picture format that is not decoded"),
    Reason.VIDEO: marked("a video"),
    Reason.ARCHIVE: marked("an archive"),
    Reason.DAMAGED: marked("damaged"),
    Reason.TOO_LARGE: marked("too large"),
    Reason.TOO_SMALL: marked("too small"),
    Reason.TIMED_OUT: marked("decoding took too long"),
    Reason.CRASHED: marked("the decoder died on it"),
    Reason.LOW_QUALITY: marked("too little to see"),
    Reason.NOT_ISOLATED: marked("no isolated process could be had"),
}
CLASSIFICATION_NAMES = {
    Classification.BASELINE: marked("baseline"),
    Classification.NATIONAL: marked("national"),
    Classification.INVESTIGATIVE: marked("investigative"),
    Classification.OTHER: marked("other"),
}

_WORDS: dict[str, Any] = {
    "decision_names": DECISION_NAMES,
    "outcome_names": OUTCOME_NAMES,
    "door_names": DOOR_NAMES,
    "reason_names": REASON_NAMES,
    "classification_names": CLASSIFICATION_NAMES,
    "action_names": ACTION_NAMES,
    "contest_reasons": CONTEST_REASONS,
    "dispute_states": DISPUTE_STATES,
    **VIEW_WORDS,
}
_PAGE = 50
_LATELY = timedelta(days=1)
_CHOOSE_ONE = marked("must be one of those that are offered")
_Text = Annotated[str, Form(max_length=4000)]


@router.get("/decisions", dependencies=[needs(Permission.GATE_READ)])
def list_decisions(
    visit: Visit,
    *,
    upload: Annotated[str, Query(max_length=200)] = "",
    entry: Annotated[str, Query(max_length=20)] = "",
    decision: Annotated[Decision | None, Query()] = None,
    revised: bool = False,
    later: bool = False,
    open: bool = False,  # noqa: A002 (the parameter's name in the address)
    before: Annotated[UUID | None, Query()] = None,
) -> Response:
    """Matches, the newest first, and what the last day's checks came to; or those that wait for an answer, oldest first."""
    entry_id = int(entry) if entry.isdecimal() else None
    upload = upload if upload.isprintable() else ""
    with visit.transaction() as conn:
        place = None
        if before is not None:
            place = (decisions.get_decision(conn, visit.actor, decision_id=before).decision.at, before)
        if open:
            found = answering.list_open(conn, visit.actor, after=place, limit=_PAGE + 1)
        else:
            found = decisions.list_decisions(
                conn,
                visit.actor,
                object_id=upload.strip(),
                entry_id=entry_id,
                decision=decision,
                revised=revised,
                later=later,
                before=place,
                limit=_PAGE + 1,
            )
        sums = decisions.sum_counts(conn, visit.actor, since=visit.now - _LATELY)
        waiting = answering.count_open(conn, visit.actor)
    asked = {"upload": upload, "entry": entry, "revised": revised, "later": later, "open": open}
    return visit.page(
        "gate/decisions.html",
        found=found[:_PAGE],
        onward=_onward(found, asked),
        asked=asked,
        sums=sums,
        checks=sum(number for *_, number in sums),
        waiting=waiting,
        now=visit.now,
        **_WORDS,
    )


@router.get("/decisions/{check_id}", dependencies=[needs(Permission.GATE_READ)])
def show_decision(visit: Visit, check_id: UUID) -> Response:
    """One decision: what was found, by what, what followed, and who heard of it."""
    return _decision_page(visit, check_id)


@router.post("/decisions/{check_id}/actions", dependencies=[needs(Permission.GATE_ANSWER)])
def say_action(visit: Visit, check_id: UUID, action: _Text = "", reason: _Text = "") -> Response:
    """Keeps what was done about a match."""
    given = {"action": action, "reason": reason}
    try:
        if action not in set(ProviderAction):
            raise InvalidInput(field="action", problem=_CHOOSE_ONE)
        with visit.transaction() as conn:
            answering.say(
                conn, visit.actor, decision_id=check_id, action=ProviderAction(action), reason=reason, now=visit.now
            )
    except InvalidInput as error:
        return _decision_page(visit, check_id, given=given, problems={error.field: visit.say(error)})
    except Conflict as error:
        return _decision_page(visit, check_id, given=given, problems={"action": visit.say(error)})
    return visit.redirect(f"/decisions/{check_id}", done="said")


@router.post("/decisions/{check_id}/dispute", dependencies=[needs(Permission.REGISTRY_DISPUTE)])
def contest_entry(
    visit: Visit, check_id: UUID, entry: _Text = "", contest_reason: _Text = "", note: _Text = ""
) -> Response:
    """Contests one of the entries on which the decision rests."""
    given = {"entry": entry, "contest_reason": contest_reason, "note": note}
    try:
        if contest_reason not in set(ContestReason):
            raise InvalidInput(field="contest_reason", problem=_CHOOSE_ONE)
        if not (entry.isascii() and entry.isdecimal()):
            raise InvalidInput(field="entry", problem=_CHOOSE_ONE)
        with visit.transaction() as conn:
            contesting.contest(
                conn, visit.actor, decision_id=check_id, entry_id=int(entry), reason=ContestReason(contest_reason),
                note=note, keys=visit.keys, now=visit.now,
            )  # fmt: skip
    except InvalidInput as error:
        return _decision_page(visit, check_id, given=given, problems={error.field: visit.say(error)})
    except Conflict as error:
        return _decision_page(visit, check_id, given=given, problems={"entry": visit.say(error)})
    return visit.redirect(f"/decisions/{check_id}", done="contested")


def _onward(found: list[ListedDecision], asked: dict[str, Any]) -> str | None:
    """Where the list goes on."""
    if len(found) <= _PAGE:
        return None
    values = {name: "true" if value is True else value for name, value in asked.items() if value}
    return "/decisions?" + urlencode(values | {"before": found[_PAGE - 1].answer.check_id})


def _decision_page(
    visit: OneVisit,
    check_id: UUID,
    *,
    given: dict[str, str] | None = None,
    problems: dict[str, str] | None = None,
) -> Response:
    with visit.transaction() as conn:
        shown = decisions.get_decision(conn, visit.actor, decision_id=check_id)
        reports = [(parties.party(conn, party_id), handoff_id) for party_id, handoff_id in shown.reports]
        said = answering.list_said(conn, visit.actor, decision_id=check_id)
        contested: Sequence[Dispute] = ()
        if Permission.REGISTRY_READ in visit.actor.permissions:
            contested = contesting.list_disputes(conn, visit.actor, decision_id=check_id)
        told = webhooks.list_deliveries(conn, visit.actor, decision_id=check_id)
    nothing = {"action": "", "reason": "", "entry": "", "contest_reason": "", "note": ""}
    return visit.page(
        "gate/decision.html",
        status=422 if problems else 200,
        one=shown.decision,
        reports=reports,
        said=said,
        contested=contested,
        told_webhook=told,
        given=nothing | (given or {}),
        problems=problems or {},
        may_answer=Permission.GATE_ANSWER in visit.actor.permissions,
        may_contest=Permission.REGISTRY_DISPUTE in visit.actor.permissions,
        late={dispute.id for dispute in contested if dispute.is_late(visit.now)},
        delivery_states=DELIVERY_STATES,
        now=visit.now,
        **_WORDS,
    )
