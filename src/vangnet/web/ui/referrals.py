"""Referrals: what was handed to another party and whether it arrived, what was handed to us, and handing one on."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Path, Query
from starlette.responses import Response

from vangnet.errors import Conflict, InvalidInput, InvalidTransition
from vangnet.handoff.model.referrals import ReferralReason
from vangnet.identity.model import Party
from vangnet.identity.permissions import Permission
from vangnet.identity.service import parties
from vangnet.reports.model.referrals import NOTE_MAX, Arrival, ReferralState, Share
from vangnet.reports.service.desk import showing
from vangnet.reports.service.referral import referred, referring
from vangnet.reports.service.referral.referring import Recipient
from vangnet.web.access import needs
from vangnet.web.defanging import defanged
from vangnet.web.languages import marked
from vangnet.web.ui.follow_up_words import WORDS
from vangnet.web.ui.handoffs import PROBLEM_NAMES
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

DONE = {
    "referral-made": marked("The report is referred. Its receipt, and what became of it, will show here."),
    "referral-again": marked("It is being sent again now."),
    "referral-taken-back": marked("The report is back in our queue."),
}
_PAGE = 100
_ONE_OF = marked("must be one of those that are offered")
#: What is not there yet: somebody looks at these first.
_NOT_THERE = frozenset({Arrival.ON_ITS_WAY, Arrival.REFUSED, Arrival.NO_RECEIPT, Arrival.PREPARED, Arrival.GIVEN_UP})

_Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
_Text = Annotated[str, Form(max_length=4000)]


@router.get("/referrals", dependencies=[needs(Permission.REPORT_READ)])
def list_referrals(visit: Visit) -> Response:
    """What did not arrive first, then what we referred, then what was referred to us."""
    return _list_page(visit)


@router.post("/referrals/{referral_id}/again", dependencies=[needs(Permission.REPORT_REFER)])
def send_again(visit: Visit, referral_id: UUID) -> Response:
    """Has a referral without a receipt sent now."""
    try:
        with visit.transaction() as conn:
            referring.again(conn, visit.actor, referral_id=referral_id, now=visit.now)
    except Conflict as error:
        return _list_page(visit, problem=visit.say(error))
    return visit.redirect("/referrals", done="referral-again")


@router.post("/referrals/{referral_id}/take-back", dependencies=[needs(Permission.REPORT_REFER)])
def take_back(visit: Visit, referral_id: UUID) -> Response:
    """Goes on with a referred report ourselves."""
    try:
        with visit.transaction() as conn:
            referring.take_back(conn, visit.actor, referral_id=referral_id, now=visit.now)
    except InvalidTransition as error:
        return _list_page(visit, problem=visit.say(error))
    return visit.redirect("/referrals", done="referral-taken-back")


@router.get("/reports/{report_id}/refer", dependencies=[needs(Permission.REPORT_REFER)])
def show_form(visit: Visit, report_id: _Number, party: Annotated[UUID | None, Query()] = None) -> Response:
    """To whom a report can be referred, and once that is chosen, what they may have of it."""
    return _form_page(visit, report_id, party_id=party)


@router.post("/reports/{report_id}/refer", dependencies=[needs(Permission.REPORT_REFER)])
def refer(
    *,
    visit: Visit,
    report_id: _Number,
    party: _Text = "",
    reason: _Text = "",
    shares: Annotated[list[str] | None, Form()] = None,
    note: _Text = "",
) -> Response:
    """Hands a report to another party."""
    chosen = frozenset(shares or ())
    party_id = _as_id(party)
    given = {"reason": reason, "note": note}
    try:
        if reason not in set(ReferralReason):
            raise InvalidInput(field="reason", problem=_ONE_OF)
        if party_id is None or not chosen <= set(Share):
            raise InvalidInput(field="shares", problem=_ONE_OF)
        with visit.transaction() as conn:
            referring.refer(
                conn, visit.actor, keys=visit.keys, report_id=report_id, party_id=party_id,
                reason=ReferralReason(reason), shares=frozenset(Share(one) for one in chosen), note=note, now=visit.now,
            )  # fmt: skip
    except InvalidInput as error:
        problems = {error.field: visit.say(error)}
        return _form_page(visit, report_id, party_id=party_id, given=given, chosen=chosen, problems=problems)
    except Conflict as error:
        return _form_page(visit, report_id, party_id=party_id, given=given, chosen=chosen, problem=visit.say(error))
    return visit.redirect("/referrals", done="referral-made")


def _list_page(visit: OneVisit, *, problem: str | None = None) -> Response:
    with visit.transaction() as conn:
        ours = referring.list_referrals(conn, visit.actor, limit=_PAGE)
        theirs = referred.list_received(conn, visit.actor, limit=_PAGE)
        known = _names(parties.list_parties(conn, visit.actor))
    waiting = [one for one in ours if one.referral.state is ReferralState.SENT and one.arrival in _NOT_THERE]
    return visit.page(
        "referrals/list.html",
        status=409 if problem else 200,
        waiting=waiting,
        sent=[one for one in ours if one not in waiting],
        received=theirs,
        parties=known,
        problem=problem,
        problem_names=PROBLEM_NAMES,
        may_refer=Permission.REPORT_REFER in visit.actor.permissions,
        may_work=Permission.REPORT_WORK in visit.actor.permissions,
        **WORDS,
    )


def _form_page(
    visit: OneVisit,
    report_id: int,
    *,
    party_id: UUID | None,
    given: dict[str, str] | None = None,
    chosen: frozenset[str] | None = None,
    problems: dict[str, str] | None = None,
    problem: str | None = None,
) -> Response:
    with visit.transaction() as conn:
        report = showing.get_report(conn, visit.actor, report_id=report_id)
        recipients = referring.list_recipients(conn, visit.actor, now=visit.now)
        before = referring.list_of_report(conn, visit.actor, keys=visit.keys, report_id=report_id)
    recipient: Recipient | None = next((one for one in recipients if one.party.id == party_id), None)
    person = visit.person
    return visit.page(
        "referrals/refer.html",
        status=409 if problem else 422 if problems else 200,
        report=report,
        mine=person is not None and report.claimed_by == person.id,
        recipients=recipients,
        recipient=recipient,
        before=before,
        parties=_names([one.party for one in recipients]),
        shares=_choices(recipient),
        chosen=(recipient.proposed if recipient is not None else frozenset()) if chosen is None else chosen,
        given=given or {"reason": "", "note": ""},
        problems=problems or {},
        problem=problem,
        note_max=NOTE_MAX,
        defanged=defanged,
        **WORDS,
    )


def _choices(recipient: Recipient | None) -> list[Share]:
    """What can be chosen to go along; facts always do."""
    if recipient is None:
        return []
    return [share for share in Share if share in recipient.may_have and share is not Share.FACTS]


def _names(found: list[Party]) -> dict[UUID, str]:
    return {party.id: party.name for party in found}


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
