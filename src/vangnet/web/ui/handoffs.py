"""Hand-offs: what was sent, with what has no receipt first, what was received, and a test message.

Each is shown with the words that its kind has for people. What is inside an envelope is shown on its own page only.
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from vangnet.db import Connection
from vangnet.errors import Conflict, InvalidInput
from vangnet.handoff.model import Kind, Outcome, Refusal, SentState
from vangnet.handoff.service import receiving, sending
from vangnet.identity.model import Party, PartyState
from vangnet.identity.permissions import Permission
from vangnet.identity.service import parties
from vangnet.web.access import needs
from vangnet.web.languages import marked
from vangnet.web.ui.view_words import VIEW_WORDS
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

DONE = {
    "message-sent": marked("The message is on its way. Its receipt will show here."),
    "trying-again": marked("It is being sent again now."),
    "given-up": marked("It is not sent again. You can still have it sent."),
}
KIND_NAMES = {
    Kind.INTRODUCTION: marked("introduction"),
    Kind.MATCH_REPORT: marked("match report"),
    Kind.REFERRAL: marked("referral"),
    Kind.REFERRAL_OUTCOME: marked("outcome of a referral"),
    Kind.REGISTRY_DISPUTE: marked("dispute of a listed entry"),
    Kind.REGISTRY_DISPUTE_ANSWER: marked("answer to a dispute"),
    Kind.TEST_MESSAGE: marked("test message"),
}
STATE_NAMES = {
    SentState.WAITING: marked("on its way"),
    SentState.ACKNOWLEDGED: marked("arrived"),
    SentState.REFUSED: marked("refused"),
    SentState.UNACKNOWLEDGED: marked("no receipt"),
    SentState.GIVEN_UP: marked("given up"),
}
OUTCOME_NAMES = {
    Outcome.TAKEN: marked("taken"),
    Outcome.AWAITS_PERSON: marked("taken; somebody there decides"),
}
#: Why a try failed or a hand-off is refused, by the code that is kept.
PROBLEM_NAMES: dict[str, str] = {
    "partner_unreachable": marked("no answer"),
    "partner_refused": marked("the answer was not the recipient's receipt"),
    Refusal.MALFORMED: marked("it could not be read there"),
    Refusal.TOO_LARGE: marked("it is too large"),
    Refusal.UNKNOWN_KIND: marked("they do not take this kind yet"),
    Refusal.BAD_PAYLOAD: marked("its content is not what they ask for"),
    Refusal.WRONG_RECIPIENT: marked("another installation answers at that address"),
    Refusal.BAD_SIGNATURE: marked("our signature does not fit"),
    Refusal.CLOCK_SKEW: marked("one of the two clocks is wrong"),
    Refusal.TOO_OLD: marked("it is too old"),
    Refusal.UNKNOWN_SENDER: marked("they do not know us"),
    Refusal.NOT_ACCEPTED_YET: marked("nobody there accepted us yet"),
    Refusal.ID_REUSED: marked("they took something else under its id"),
    Refusal.RECIPIENT_ENDED: marked("we ended what we had with them"),
}
_PAGE = 50
_WORDS: dict[str, Any] = {
    "kind_names": KIND_NAMES,
    "state_names": STATE_NAMES,
    "outcome_names": OUTCOME_NAMES,
    "problem_names": PROBLEM_NAMES,
    **VIEW_WORDS,
}

_Text = Annotated[str, Form(max_length=4000)]


@router.get("/hand-offs", dependencies=[needs(Permission.HANDOFF_READ)])
def list_handoffs(
    visit: Visit,
    sent_before: Annotated[UUID | None, Query()] = None,
    received_before: Annotated[UUID | None, Query()] = None,
) -> Response:
    """What has no receipt first, then what is over, then what was received."""
    with visit.transaction() as conn:
        waiting = sending.list_without_receipt(conn, visit.actor, limit=_PAGE)
        count = sending.count_without_receipt(conn, visit.actor)
        closed = sending.list_sent(
            conn,
            visit.actor,
            states={SentState.ACKNOWLEDGED, SentState.GIVEN_UP},
            before=_sent_place(conn, visit, sent_before),
            limit=_PAGE + 1,
        )
        received = receiving.list_received(
            conn, visit.actor, before=_received_place(conn, visit, received_before), limit=_PAGE + 1
        )
        known = {party.id: party for party in parties.list_parties(conn, visit.actor)}
    return visit.page(
        "handoffs/list.html",
        waiting=waiting,
        count=count,
        closed=closed[:_PAGE],
        older_sent=closed[_PAGE - 1].id if len(closed) > _PAGE else None,
        received=received[:_PAGE],
        older_received=received[_PAGE - 1].id if len(received) > _PAGE else None,
        parties=known,
        may_send=Permission.HANDOFF_SEND in visit.actor.permissions and any(map(_can_be_sent_to, known.values())),
        **_WORDS,
    )


@router.get("/hand-offs/test-message", dependencies=[needs(Permission.HANDOFF_SEND)])
def show_test_message(visit: Visit, party: str = "") -> Response:
    """The form for a test message."""
    return _test_message_page(visit, given={"party": party, "text": ""}, problems={})


@router.post("/hand-offs/test-message", dependencies=[needs(Permission.HANDOFF_SEND)])
def send_test_message(visit: Visit, party: _Text = "", text: _Text = "") -> Response:
    """Sends a few words to a party, to see that hand-offs arrive."""
    given = {"party": party, "text": text}
    try:
        with visit.transaction() as conn:
            sent = sending.send_test_message(
                conn, visit.actor, party_id=_as_party_id(party), text=text, keys=visit.keys, now=visit.now
            )
    except InvalidInput as error:
        return _test_message_page(visit, given=given, problems={error.field: visit.say(error)})
    except Conflict as error:
        return _test_message_page(visit, given=given, problems={"party": visit.say(error)})
    return visit.redirect(f"/hand-offs/sent/{sent.id}", done="message-sent")


@router.get("/hand-offs/sent/{handoff_id}", dependencies=[needs(Permission.HANDOFF_READ)])
def show_sent(visit: Visit, handoff_id: UUID) -> Response:
    """One hand-off of ours: what became of it, and what was in it."""
    return _sent_page(visit, handoff_id)


@router.post("/hand-offs/sent/{handoff_id}/try-again", dependencies=[needs(Permission.HANDOFF_SEND)])
def try_again(visit: Visit, handoff_id: UUID) -> Response:
    """Sends a hand-off without a receipt again, now."""
    try:
        with visit.transaction() as conn:
            sending.try_again(conn, visit.actor, handoff_id=handoff_id, now=visit.now)
    except Conflict as error:
        return _sent_page(visit, handoff_id, problem=visit.say(error))
    return visit.redirect(f"/hand-offs/sent/{handoff_id}", done="trying-again")


@router.post("/hand-offs/sent/{handoff_id}/give-up", dependencies=[needs(Permission.HANDOFF_SEND)])
def give_up(visit: Visit, handoff_id: UUID) -> Response:
    """Decides that a hand-off without a receipt is not sent again."""
    try:
        with visit.transaction() as conn:
            sending.give_up(conn, visit.actor, handoff_id=handoff_id, now=visit.now)
    except Conflict as error:
        return _sent_page(visit, handoff_id, problem=visit.say(error))
    return visit.redirect(f"/hand-offs/sent/{handoff_id}", done="given-up")


@router.get("/hand-offs/received/{received_id}", dependencies=[needs(Permission.HANDOFF_READ)])
def show_received(visit: Visit, received_id: UUID) -> Response:
    """One hand-off that was taken here, and what was in it."""
    with visit.transaction() as conn:
        taken = receiving.get_received(conn, visit.actor, received_id=received_id)
        envelope = receiving.get_received_envelope(conn, visit.actor, received_id=received_id)
        party = parties.party(conn, taken.party_id)
    return visit.page("handoffs/received.html", taken=taken, envelope=envelope, party=party, **_WORDS)


def _sent_page(visit: OneVisit, handoff_id: UUID, *, problem: str | None = None) -> Response:
    with visit.transaction() as conn:
        sent = sending.get_sent(conn, visit.actor, handoff_id=handoff_id)
        envelope = sending.get_sent_envelope(conn, visit.actor, handoff_id=handoff_id)
        party = parties.party(conn, sent.party_id)
    return visit.page(
        "handoffs/sent.html",
        status=409 if problem else 200,
        sent=sent,
        envelope=envelope,
        party=party,
        problem=problem,
        may_send=Permission.HANDOFF_SEND in visit.actor.permissions,
        **_WORDS,
    )


def _test_message_page(visit: OneVisit, *, given: dict[str, str], problems: dict[str, str]) -> Response:
    with visit.transaction() as conn:
        found = [party for party in parties.list_parties(conn, visit.actor) if _can_be_sent_to(party)]
    return visit.page(
        "handoffs/test_message.html",
        status=422 if problems else 200,
        parties=found,
        given=given,
        problems=problems,
    )


def _can_be_sent_to(party: Party) -> bool:
    return party.state is PartyState.KNOWN and party.base_url is not None and party.public_key is not None


def _as_party_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(field="party", problem=marked("must be one of the parties")) from None


def _sent_place(conn: Connection, visit: OneVisit, last: UUID | None) -> tuple[datetime, UUID] | None:
    if last is None:
        return None
    return sending.get_sent(conn, visit.actor, handoff_id=last).sent_at, last


def _received_place(conn: Connection, visit: OneVisit, last: UUID | None) -> tuple[datetime, UUID] | None:
    if last is None:
        return None
    return receiving.get_received(conn, visit.actor, received_id=last).received_at, last
