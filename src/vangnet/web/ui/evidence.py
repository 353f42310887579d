"""Evidence: what will be gone first and who has it, and the letters by which it is kept."""

from datetime import datetime, time
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Path
from starlette.responses import Response

from vangnet.errors import Conflict, InvalidInput, InvalidTransition
from vangnet.identity.model.parties import LEGAL_TIME_ZONE
from vangnet.identity.permissions import Permission
from vangnet.reports.model.clocks import PRESERVATION_STEPS, PreservationState, SentHow
from vangnet.reports.model.regimes import TERMS
from vangnet.reports.service.desk import showing
from vangnet.reports.service.evidence import clocks, dropping, preserving
from vangnet.reports.service.evidence.preserving import LETTER_MAX, AnswerKind
from vangnet.reports.service.referral import outcomes, referring
from vangnet.web.access import needs
from vangnet.web.defanging import defanged
from vangnet.web.languages import marked
from vangnet.web.ui.follow_up_words import WORDS
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

DONE = {
    "evidence-dropped": marked("It is not asked for. That can be undone on the report's own page of evidence."),
    "evidence-taken-up": marked("It runs on, and can be asked for."),
    "request-drafted": marked("The letter is drafted. Read it, say whom it goes to, and send it."),
    "request-saved": marked("The letter is kept as you wrote it."),
    "request-sent": marked("It counts as sent. Its answer is asked after in a week."),
    "request-answered": marked("The answer is kept."),
    "request-renewed": marked("The letter asks to renew it now. Read it, and send it."),
    "request-dropped": marked("The request is dropped; its clocks run on."),
}
_PAGE = 100
_ONE_OF = marked("must be one of those that are offered")

_Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
_Text = Annotated[str, Form(max_length=4000)]


@router.get("/evidence", dependencies=[needs(Permission.REPORT_WORK)])
def list_evidence(visit: Visit) -> Response:
    """What will be gone first, and the requests about which something is to be done."""
    return _list_page(visit)


@router.post("/evidence/{clock_id}/draft", dependencies=[needs(Permission.REPORT_WORK)])
def draft_request(visit: Visit, clock_id: _Number, law: _Text = "") -> Response:
    """Drafts a letter to whoever has this evidence."""
    try:
        with visit.transaction() as conn:
            request = preserving.draft(
                conn, visit.actor, keys=visit.keys, clock_id=clock_id, law=law, language=visit.language, now=visit.now
            )
    except (Conflict, InvalidInput) as error:
        return _list_page(visit, problem=visit.say(error))
    return visit.redirect(f"/evidence/requests/{request.id}", done="request-drafted")


@router.post("/evidence/{clock_id}/drop", dependencies=[needs(Permission.REPORT_WORK)])
def drop_clock(visit: Visit, clock_id: _Number) -> Response:
    """Decides that this evidence is not needed."""
    try:
        with visit.transaction() as conn:
            dropping.drop(conn, visit.actor, clock_id=clock_id, now=visit.now)
    except InvalidTransition as error:
        return _list_page(visit, problem=visit.say(error))
    return visit.redirect("/evidence", done="evidence-dropped")


@router.post("/evidence/{clock_id}/take-up", dependencies=[needs(Permission.REPORT_WORK)])
def take_up_clock(visit: Visit, clock_id: _Number) -> Response:
    """Undoes that evidence is not needed."""
    try:
        with visit.transaction() as conn:
            report_id = dropping.take_up(conn, visit.actor, clock_id=clock_id, now=visit.now)
    except InvalidTransition as error:
        return _list_page(visit, problem=visit.say(error))
    return visit.redirect(f"/reports/{report_id}/evidence", done="evidence-taken-up")


@router.get("/reports/{report_id}/evidence", dependencies=[needs(Permission.REPORT_WORK)])
def show_of_report(visit: Visit, report_id: _Number) -> Response:
    """All evidence that one report points to, whatever became of it, and what was asked for."""
    with visit.transaction() as conn:
        report = showing.get_report(conn, visit.actor, report_id=report_id)
        found = clocks.list_of_report(conn, visit.actor, keys=visit.keys, report_id=report_id, now=visit.now)
        requests = preserving.list_of_report(conn, visit.actor, report_id=report_id, now=visit.now)
        series = outcomes.list_series_of(conn, visit.actor, report_id=report_id)
        referrals = referring.list_of_report(conn, visit.actor, keys=visit.keys, report_id=report_id)
        laws = preserving.list_laws(conn)
    return visit.page(
        "evidence/report.html",
        report=report,
        clocks=found,
        requests=requests,
        series=series,
        referrals=referrals,
        laws=laws,
        terms=TERMS,
        defanged=defanged,
        **WORDS,
    )


@router.get("/evidence/requests/{request_id}", dependencies=[needs(Permission.REPORT_WORK)])
def show_request(visit: Visit, request_id: _Number) -> Response:
    """A request with its letter."""
    return _request_page(visit, request_id)


@router.post("/evidence/requests/{request_id}/letter", dependencies=[needs(Permission.REPORT_WORK)])
def save_letter(
    visit: Visit,
    request_id: _Number,
    party: _Text = "",
    recipient: _Text = "",
    text: Annotated[str, Form(max_length=2 * LETTER_MAX)] = "",
) -> Response:
    """Keeps what a person made of the letter, and whom it goes to."""
    try:
        with visit.transaction() as conn:
            preserving.save(
                conn, visit.actor, keys=visit.keys, preservation_id=request_id, party_id=_as_id(party),
                recipient=recipient, text=text, now=visit.now,
            )  # fmt: skip
    except InvalidInput as error:
        given = {"party": party, "recipient": recipient, "text": text}
        return _request_page(visit, request_id, given=given, problems={error.field: visit.say(error)})
    except Conflict as error:
        return _request_page(visit, request_id, problem=visit.say(error))
    return visit.redirect(f"/evidence/requests/{request_id}", done="request-saved")


@router.post("/evidence/requests/{request_id}/sent", dependencies=[needs(Permission.REPORT_WORK)])
def mark_sent(visit: Visit, request_id: _Number, how: _Text = "") -> Response:
    """Says that a person sent the letter, and how."""
    try:
        if how not in set(SentHow):
            raise InvalidInput(field="how", problem=_ONE_OF)
        with visit.transaction() as conn:
            preserving.mark_sent(
                conn, visit.actor, keys=visit.keys, preservation_id=request_id, how=SentHow(how), now=visit.now
            )
    except InvalidInput as error:
        return _request_page(visit, request_id, problems={error.field: visit.say(error)})
    except InvalidTransition as error:
        return _request_page(visit, request_id, problem=visit.say(error))
    return visit.redirect(f"/evidence/requests/{request_id}", done="request-sent")


@router.post("/evidence/requests/{request_id}/answer", dependencies=[needs(Permission.REPORT_WORK)])
def keep_answer(visit: Visit, request_id: _Number, answer: _Text = "", until: _Text = "") -> Response:
    """Keeps what the holder answered."""
    try:
        if answer not in set(AnswerKind):
            raise InvalidInput(field="answer", problem=_ONE_OF)
        with visit.transaction() as conn:
            preserving.answer(
                conn, visit.actor, preservation_id=request_id, kind=AnswerKind(answer), until=_as_end_of(until),
                now=visit.now,
            )  # fmt: skip
    except InvalidInput as error:
        return _request_page(visit, request_id, problems={error.field: visit.say(error)})
    except InvalidTransition as error:
        return _request_page(visit, request_id, problem=visit.say(error))
    return visit.redirect(f"/evidence/requests/{request_id}", done="request-answered")


@router.post("/evidence/requests/{request_id}/renew", dependencies=[needs(Permission.REPORT_WORK)])
def renew(visit: Visit, request_id: _Number) -> Response:
    """Writes the letter that asks to renew what is secured."""
    try:
        with visit.transaction() as conn:
            preserving.redraft(conn, visit.actor, keys=visit.keys, preservation_id=request_id, now=visit.now)
    except Conflict as error:
        return _request_page(visit, request_id, problem=visit.say(error))
    return visit.redirect(f"/evidence/requests/{request_id}", done="request-renewed")


@router.post("/evidence/requests/{request_id}/drop", dependencies=[needs(Permission.REPORT_WORK)])
def drop_request(visit: Visit, request_id: _Number) -> Response:
    """Decides that a request is not needed."""
    try:
        with visit.transaction() as conn:
            preserving.drop(conn, visit.actor, preservation_id=request_id, now=visit.now)
    except InvalidTransition as error:
        return _request_page(visit, request_id, problem=visit.say(error))
    return visit.redirect("/evidence", done="request-dropped")


def _list_page(visit: OneVisit, *, problem: str | None = None) -> Response:
    with visit.transaction() as conn:
        open_clocks = clocks.list_open(conn, visit.actor, keys=visit.keys, limit=_PAGE, now=visit.now)
        counts = clocks.count_by_state(conn, visit.actor)
        unknown = clocks.count_unknown(conn, visit.actor)
        requests = preserving.list_requests(conn, visit.actor, limit=_PAGE, now=visit.now)
        laws = preserving.list_laws(conn)
    return visit.page(
        "evidence/list.html",
        status=409 if problem else 200,
        clocks=open_clocks,
        counts=counts,
        unknown=unknown,
        requests=requests,
        laws=laws,
        terms=TERMS,
        first=next((one for one in open_clocks if one.may_ask and one.clock.preservation_id is None), None),
        problem=problem,
        defanged=defanged,
        **WORDS,
    )


def _request_page(
    visit: OneVisit,
    request_id: int,
    *,
    given: dict[str, str] | None = None,
    problems: dict[str, str] | None = None,
    problem: str | None = None,
) -> Response:
    with visit.transaction() as conn:
        opened = preserving.open_request(conn, visit.actor, keys=visit.keys, preservation_id=request_id, now=visit.now)
        holders = preserving.list_holders(conn, visit.actor)
    request = opened.shown.request
    letter = opened.letter
    kept = {
        "party": str(request.party_id or ""),
        "recipient": letter.recipient if letter is not None else "",
        "text": letter.text if letter is not None else "",
    }
    steps = PRESERVATION_STEPS[request.state]
    return visit.page(
        "evidence/request.html",
        status=409 if problem else 422 if problems else 200,
        request=request,
        shown=opened.shown,
        letter=letter,
        clocks=opened.clocks,
        holders=holders,
        given=given or kept,
        problems=problems or {},
        problem=problem,
        may_send=PreservationState.SENT in steps,
        may_answer=PreservationState.SECURED in steps,
        may_drop=PreservationState.DROPPED in steps,
        **WORDS,
    )


def _as_id(text: str) -> UUID | None:
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(field="party", problem=_ONE_OF) from None


def _as_end_of(text: str) -> datetime | None:
    """The last moment of a day, where the parties are."""
    if not text:
        return None
    try:
        return datetime.combine(datetime.fromisoformat(text).date(), time(23, 59, 59), tzinfo=LEGAL_TIME_ZONE)
    except ValueError:
        raise InvalidInput(field="until", problem=marked("must be a day, such as 2027-01-31")) from None
