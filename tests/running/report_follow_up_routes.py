"""The routes of referrals, evidence and outcomes, said a second time: see `routes`. And records to use them on."""

import itertools
import uuid
from datetime import UTC, datetime, timedelta

import httpx2

from running import desk_routes
from running.changes import Call, Change
from running.sender import Sender
from running.server import RunningServer, console
from vangnet.audit.model import Actor, ActorKind
from vangnet.handoff.model.referrals import ReferralReason
from vangnet.identity.model import Language
from vangnet.identity.permissions import Permission, Role, permissions_of
from vangnet.identity.service import parties
from vangnet.reports.model.clocks import PreservationState, SentHow
from vangnet.reports.model.outcomes import Outcome
from vangnet.reports.model.referrals import Referral, Share
from vangnet.reports.service.desk import desk
from vangnet.reports.service.evidence import dropping, preserving
from vangnet.reports.service.evidence.preserving import AnswerKind
from vangnet.reports.service.referral import outcomes, referring
from vangnet.reports.store import clocks as clock_store
from vangnet.web.access import Rule

_READ, _WORK, _REFER = Permission.REPORT_READ, Permission.REPORT_WORK, Permission.REPORT_REFER
RULES: dict[str, Permission | Rule] = {
    "GET /referrals": _READ,
    "POST /referrals/{referral_id}/again": _REFER,
    "POST /referrals/{referral_id}/take-back": _REFER,
    "GET /reports/{report_id}/refer": _REFER,
    "POST /reports/{report_id}/refer": _REFER,
    "GET /evidence": _WORK,
    "POST /evidence/{clock_id}/draft": _WORK,
    "POST /evidence/{clock_id}/drop": _WORK,
    "POST /evidence/{clock_id}/take-up": _WORK,
    "GET /reports/{report_id}/evidence": _WORK,
    "GET /evidence/requests/{request_id}": _WORK,
    "POST /evidence/requests/{request_id}/answer": _WORK,
    "POST /evidence/requests/{request_id}/drop": _WORK,
    "POST /evidence/requests/{request_id}/letter": _WORK,
    "POST /evidence/requests/{request_id}/renew": _WORK,
    "POST /evidence/requests/{request_id}/sent": _WORK,
    "GET /outcomes": _READ,
    "POST /outcomes/investigations": _WORK,
    "POST /outcomes/investigations/{investigation_id}": _WORK,
    "POST /outcomes/investigations/{investigation_id}/part": _WORK,
    "POST /outcomes/series": _WORK,
    "POST /outcomes/series/{series_id}/take-out": _WORK,
    "POST /outcomes/{outcome_id}/withdraw": _WORK,
}
_numbers = itertools.count(1)


def somebody(server: RunningServer) -> Actor:
    """One of the staff, who acts."""
    person = server.invite(Role.STAFF)
    return Actor(kind=ActorKind.PERSON, id=str(person.id), permissions=permissions_of(frozenset({Role.STAFF})))


def police(server: RunningServer, *, with_basis: bool = True) -> Sender:
    """A police force with an installation, which nothing reaches."""
    sender = Sender(server)
    if with_basis:
        now = datetime.now(UTC)
        with server.transaction() as conn:
            parties.record_legal_basis(
                conn, console(), party_id=sender.party.id, text="Police task", reference="Agreement 2026-1",
                ends_on=(now + timedelta(days=90)).date(), now=now,
            )  # fmt: skip
    return sender


def a_referral(server: RunningServer) -> Referral:
    """A report that was referred, signed, and is not there yet."""
    report_id, ours, to = desk_routes.a_report(server), somebody(server), police(server)
    now = datetime.now(UTC)
    with server.transaction() as conn:
        desk.claim(conn, ours, report_id=report_id, now=now)
        referral = referring.refer(
            conn, ours, keys=server.keys, report_id=report_id, party_id=to.party.id, reason=ReferralReason.INVESTIGATION,
            shares=frozenset(Share), note="hallo", now=now,
        )  # fmt: skip
        referring.send(conn, console(), keys=server.keys, referral_id=referral.id, now=now)
    return referral


def a_clock(server: RunningServer, report_id: int | None = None) -> int:
    """Evidence that somebody else has; the number of its clock."""
    report_id = desk_routes.a_report(server) if report_id is None else report_id
    with server.transaction() as conn:
        return clock_store.list_of_report(conn, report_id)[0].id


def a_request(server: RunningServer, state: PreservationState = PreservationState.DRAFTED) -> int:
    """A request to preserve evidence; its number."""
    ours, clock_id, now = somebody(server), a_clock(server), datetime.now(UTC)
    with server.transaction() as conn:
        request = preserving.draft(conn, ours, keys=server.keys, clock_id=clock_id, language=Language.EN, now=now)
        preserving.save(
            conn, ours, keys=server.keys, preservation_id=request.id, party_id=None, recipient="Host Example",
            text="Dear Sir or Madam,", now=now,
        )  # fmt: skip
        if state is not PreservationState.DRAFTED:
            preserving.mark_sent(conn, ours, keys=server.keys, preservation_id=request.id, how=SentHow.MAIL, now=now)
        if state is PreservationState.SECURED:
            preserving.answer(conn, ours, preservation_id=request.id, kind=AnswerKind.SECURED, now=now)
    return request.id


def an_investigation(server: RunningServer) -> tuple[int, int, int]:
    """An investigation, the report that led to it, and an outcome."""
    ours, report_id, now = somebody(server), desk_routes.a_report(server), datetime.now(UTC)
    with server.transaction() as conn:
        id_ = outcomes.lead_to(conn, ours, keys=server.keys, report_id=report_id, number=uuid.uuid4().hex, now=now)
        outcome_id = outcomes.add(conn, ours, investigation_id=id_, outcome=Outcome.CHILD_SAFE, people=1, now=now)
    return id_, report_id, outcome_id


def a_series(server: RunningServer) -> tuple[int, int]:
    """A series, and a report in it."""
    ours, report_id, now = somebody(server), desk_routes.a_report(server), datetime.now(UTC)
    with server.transaction() as conn:
        return outcomes.put_into_series(
            conn, ours, report_id=report_id, code=f"S-{next(_numbers)}-{report_id}", now=now
        ), report_id


def evidence(server: RunningServer) -> str:
    """The page of evidence, with a clock and a request."""
    a_request(server)
    return "/evidence"


def evidence_of_a_report(server: RunningServer) -> str:
    """The page of what one report points to."""
    return f"/reports/{desk_routes.a_report(server)}/evidence"


def all_outcomes(server: RunningServer) -> str:
    """The page of outcomes, with an investigation and a series."""
    an_investigation(server)
    a_series(server)
    return "/outcomes"


def referrals(server: RunningServer) -> str:
    """The page of referrals, with one that did not arrive."""
    a_referral(server)
    return "/referrals"


def refer_form(server: RunningServer) -> str:
    """The form that refers a report."""
    return f"/reports/{desk_routes.a_report(server)}/refer"


def claimed(server: RunningServer) -> tuple[httpx2.Client, int]:
    """The browser of a colleague, and a report that they have claimed."""
    person, report_id = server.invite(Role.STAFF), desk_routes.a_report(server)
    with server.transaction() as conn:
        desk.claim(conn, desk_routes.actor_of(person), report_id=report_id, now=datetime.now(UTC))
    client = server.client()
    client.cookies.set(server.session_cookie, server.session_of(person).token)
    return client, report_id


def _dropped(server: RunningServer) -> Call:
    clock_id, ours = a_clock(server), somebody(server)
    with server.transaction() as conn:
        dropping.drop(conn, ours, clock_id=clock_id, now=datetime.now(UTC))
    return _staff(server, f"/evidence/{clock_id}/take-up")


def _refer(server: RunningServer) -> Call:
    client, report_id = claimed(server)
    form = {"party": str(police(server).party.id), "reason": "investigation", "shares": ["addresses", "people"]}
    return Call(client=client, path=f"/reports/{report_id}/refer", form=form)


def _staff(server: RunningServer, path: str, **form: str) -> Call:
    return Call(client=server.signed_in(Role.STAFF), path=path, form=form)


def _renewable(server: RunningServer) -> Call:
    request_id = a_request(server, PreservationState.SECURED)
    return _staff(server, f"/evidence/requests/{request_id}/renew")


CHANGES: dict[str, Change] = {
    "POST /reports/{report_id}/refer": Change(action=_REFER, prepare=_refer),
    "POST /referrals/{referral_id}/again": Change(
        action=Permission.HANDOFF_SEND, prepare=lambda server: _staff(server, f"/referrals/{a_referral(server).id}/again")
    ),
    "POST /referrals/{referral_id}/take-back": Change(
        action=_REFER, prepare=lambda server: _staff(server, f"/referrals/{a_referral(server).id}/take-back")
    ),
    "POST /evidence/{clock_id}/draft": Change(
        action=_WORK, prepare=lambda server: _staff(server, f"/evidence/{a_clock(server)}/draft")
    ),
    "POST /evidence/{clock_id}/drop": Change(
        action=_WORK, prepare=lambda server: _staff(server, f"/evidence/{a_clock(server)}/drop")
    ),
    "POST /evidence/{clock_id}/take-up": Change(action=_WORK, prepare=_dropped),
    "POST /evidence/requests/{request_id}/letter": Change(
        action=_WORK,
        prepare=lambda server: _staff(
            server, f"/evidence/requests/{a_request(server)}/letter", recipient="Host Example", text="Dear Sir"
        ),
    ),
    "POST /evidence/requests/{request_id}/sent": Change(
        action=_WORK, prepare=lambda server: _staff(server, f"/evidence/requests/{a_request(server)}/sent", how="portal")
    ),
    "POST /evidence/requests/{request_id}/answer": Change(
        action=_WORK,
        prepare=lambda server: _staff(
            server, f"/evidence/requests/{a_request(server, PreservationState.SENT)}/answer", answer="secured"
        ),
    ),
    "POST /evidence/requests/{request_id}/renew": Change(action=_WORK, prepare=_renewable),
    "POST /evidence/requests/{request_id}/drop": Change(
        action=_WORK, prepare=lambda server: _staff(server, f"/evidence/requests/{a_request(server)}/drop")
    ),
    "POST /outcomes/investigations": Change(
        action=_WORK,
        prepare=lambda server: _staff(
            server, "/outcomes/investigations", report=str(desk_routes.a_report(server)), number="2026-7"
        ),
    ),
    "POST /outcomes/investigations/{investigation_id}": Change(
        action=_WORK,
        prepare=lambda server: _staff(
            server, f"/outcomes/investigations/{an_investigation(server)[0]}", outcome="suspect_identified", people="2"
        ),
    ),
    "POST /outcomes/investigations/{investigation_id}/part": Change(
        action=_WORK,
        prepare=lambda server: _staff(
            server, f"/outcomes/investigations/{(made := an_investigation(server))[0]}/part", report=str(made[1])
        ),
    ),
    "POST /outcomes/{outcome_id}/withdraw": Change(
        action=_WORK, prepare=lambda server: _staff(server, f"/outcomes/{an_investigation(server)[2]}/withdraw")
    ),
    "POST /outcomes/series": Change(
        action=_WORK,
        prepare=lambda server: _staff(
            server, "/outcomes/series", series_report=str(desk_routes.a_report(server)), series="S-77", files="true"
        ),
    ),
    "POST /outcomes/series/{series_id}/take-out": Change(
        action=_WORK,
        prepare=lambda server: _staff(
            server, f"/outcomes/series/{(made := a_series(server))[0]}/take-out", report=str(made[1])
        ),
    ),
}
