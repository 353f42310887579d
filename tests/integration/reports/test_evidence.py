"""Evidence that others have: its clocks, their place in the order, and requests to preserve it."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from psycopg import sql
from running.report_desk import CONSOLE, Desk, desk_on
from running.server import own_database

from vangnet.audit.model import Actor
from vangnet.db.embedded import EmbeddedServer
from vangnet.errors import Conflict, InvalidInput, InvalidTransition
from vangnet.identity.model import InstallationKind, Language
from vangnet.keys import Keys
from vangnet.reports.model.clocks import (
    Clock,
    ClockState,
    FollowUp,
    Preservation,
    PreservationState,
    SentHow,
    Urgency,
)
from vangnet.reports.model.drafts import (
    Incident,
    ItemDraft,
    ItemKind,
    Place,
    ReportDraft,
    Reporter,
    ReporterKind,
    Source,
    Trace,
)
from vangnet.reports.model.regimes import EvidenceKind
from vangnet.reports.service import erasing
from vangnet.reports.service.desk import showing
from vangnet.reports.service.evidence import clocks, dropping, preserving
from vangnet.reports.service.evidence.preserving import AnswerKind
from vangnet.reports.service.triage import placing
from vangnet.reports.store import clocks as clock_store


def draft(desk: Desk, *, age: timedelta = timedelta(days=2), reference: str = "A-1", country: str = "NL") -> ReportDraft:
    at = desk.now - age
    return ReportDraft(
        source=Source.API,
        reporter=Reporter(kind=ReporterKind.COMPANY, name="canary-reporter"),
        incident=Incident.MATERIAL,
        reference=reference,
        places=(Place(country=country),),
        traces=(Trace(address="192.0.2.7", at=at, port=4711), Trace(address="198.51.100.9", at=at)),
        items=(ItemDraft(kind=ItemKind.ADDRESS, address="https://canary.example/1"),),
    )


def clocks_of(desk: Desk, report_id: int) -> list[Clock]:
    with desk.database.transaction() as conn:
        return clock_store.list_of_report(conn, report_id)


def expires_at(desk: Desk, report_id: int) -> datetime | None:
    with desk.database.transaction() as conn:
        return showing.get_report(conn, CONSOLE, report_id=report_id).facts.evidence_expires_at


def expire(desk: Desk) -> None:
    """What the job does every ten minutes."""
    with desk.database.transaction() as conn:
        for report_id in sorted({*clocks.expire(conn, now=desk.now), *preserving.lapse(conn, now=desk.now)}):
            placing.renew(conn, report_id=report_id, now=desk.now)


def drafted(desk: Desk, person: Actor, clock_id: int) -> Preservation:
    with desk.database.transaction() as conn:
        return preserving.draft(conn, person, keys=desk.keys, clock_id=clock_id, language=Language.NL, now=desk.now)


def sent(desk: Desk, person: Actor, clock_id: int) -> Preservation:
    request = drafted(desk, person, clock_id)
    with desk.database.transaction() as conn:
        preserving.save(
            conn, person, keys=desk.keys, preservation_id=request.id, party_id=None, recipient="Toegang Voorbeeld",
            text="Geachte heer, mevrouw", now=desk.now,
        )  # fmt: skip
        return preserving.mark_sent(
            conn, person, keys=desk.keys, preservation_id=request.id, how=SentHow.MAIL, now=desk.now
        )


def answered(desk: Desk, person: Actor, request: Preservation, kind: AnswerKind) -> Preservation:
    with desk.database.transaction() as conn:
        return preserving.answer(conn, person, preservation_id=request.id, kind=kind, now=desk.now)


def customer(desk: Desk, report_id: int) -> Clock:
    return next(clock for clock in clocks_of(desk, report_id) if clock.kind is EvidenceKind.CUSTOMER)


def test_the_clocks_of_a_report_start_when_it_comes_in_and_feed_its_place(desk: Desk) -> None:
    report_id = desk.take(draft(desk))
    assert expires_at(desk, report_id) == desk.now + timedelta(days=28)
    assert [(clock.kind, clock.regime) for clock in clocks_of(desk, report_id)] == [
        (EvidenceKind.CUSTOMER, "nl_access"), (EvidenceKind.CUSTOMER, "nl_access"), (EvidenceKind.HOSTED, None),
    ]  # fmt: skip
    with desk.database.transaction() as conn:
        (first, *_, last) = clocks.list_open(conn, desk.person(), keys=desk.keys, now=desk.now)
        assert clocks.count_unknown(conn, CONSOLE) == 1
    assert (first.urgency, first.holder, first.country, first.may_ask) == (Urgency.LATER, None, "NL", True)
    assert (last.urgency, last.holder, last.term) == (Urgency.UNKNOWN, "canary.example", None)


def test_the_same_report_again_starts_no_clock_twice_and_stops_none(desk: Desk) -> None:
    report_id = desk.take(draft(desk))
    person = desk.person()
    sent(desk, person, customer(desk, report_id).id)
    changed = draft(desk, age=timedelta(days=2))
    before = clocks_of(desk, report_id)
    assert desk.take(ReportDraft(**{n: getattr(changed, n) for n in changed.__slots__} | {"text": "more"})) == report_id
    assert clocks_of(desk, report_id) == before


def test_what_is_over_is_gone_and_moves_the_report_no_more(desk: Desk) -> None:
    report_id = desk.take(draft(desk, age=timedelta(days=29)))
    assert expires_at(desk, report_id) == desk.now + timedelta(days=1)
    desk.now += timedelta(days=1)
    expire(desk)
    assert {clock.state for clock in clocks_of(desk, report_id) if clock.regime} == {ClockState.EXPIRED}
    assert expires_at(desk, report_id) is None
    late = desk.take(draft(desk, age=timedelta(days=90), reference="A-2"))
    assert customer(desk, late).state is ClockState.EXPIRED


def test_what_an_assumption_calls_gone_can_still_be_asked_for(desk: Desk) -> None:
    report_id = desk.take(draft(desk, age=timedelta(days=90)))
    request = sent(desk, desk.person(), customer(desk, report_id).id)
    assert request.state is PreservationState.SENT
    assert ClockState.REQUESTED in {clock.state for clock in clocks_of(desk, report_id)}


def test_a_request_goes_from_draft_to_secured_and_then_presses_no_more(desk: Desk) -> None:
    report_id = desk.take(draft(desk))
    person = desk.person()
    for clock in [one for one in clocks_of(desk, report_id) if one.regime]:
        request = sent(desk, person, clock.id)
        assert expires_at(desk, report_id) == desk.now + timedelta(days=28), "it was only asked for"
        request = answered(desk, person, request, AnswerKind.SECURED)
        assert request.secured_until == desk.now + timedelta(days=90)
    assert expires_at(desk, report_id) is None
    assert [clock.state for clock in clocks_of(desk, report_id) if clock.regime] == [ClockState.SECURED] * 2


def test_the_letter_names_what_is_to_be_kept_and_lies_sealed(desk: Desk) -> None:
    report_id = desk.take(draft(desk))
    person = desk.person()
    request = drafted(desk, person, customer(desk, report_id).id)
    with desk.database.transaction() as conn:
        opened = preserving.open_request(conn, person, keys=desk.keys, preservation_id=request.id, now=desk.now)
        assert opened.letter is not None
        assert "192.0.2.7" in opened.letter.text or "198.51.100.9" in opened.letter.text
        assert f"B-{request.id}" in opened.letter.text
        tables = [row[0] for row in conn.execute("SELECT tablename FROM pg_tables WHERE tablename LIKE 'report%'")]
        select = sql.SQL("SELECT t::text FROM {} t")
        rows = "\n".join(str(row) for name in tables for row in conn.execute(select.format(sql.Identifier(name))))
        events = "\n".join(str(row) for row in conn.execute("SELECT details FROM audit_event"))
    for canary in ("192.0.2.7", "198.51.100.9", "canary", "Geachte"):
        assert canary not in rows
        assert canary not in events


def test_what_one_holder_has_for_a_report_is_asked_for_in_one_letter_and_once(desk: Desk) -> None:
    made = draft(desk)
    at = desk.now - timedelta(days=1)
    more = (*made.traces, Trace(address="192.0.2.7", at=at))
    report_id = desk.take(ReportDraft(**{n: getattr(made, n) for n in made.__slots__} | {"traces": more}))
    person = desk.person()
    mine = next(c for c in clocks_of(desk, report_id) if c.starts_at == at)
    drafted(desk, person, mine.id)
    assert sum(clock.preservation_id is not None for clock in clocks_of(desk, report_id)) == 2
    with pytest.raises(Conflict, match="asked for already"):
        drafted(desk, person, mine.id)


def test_a_refusal_lets_the_clock_run_on_so_that_it_can_be_asked_for_otherwise(desk: Desk) -> None:
    report_id = desk.take(draft(desk))
    person = desk.person()
    clock = customer(desk, report_id)
    refused = answered(desk, person, sent(desk, person, clock.id), AnswerKind.REFUSED)
    assert refused.state is PreservationState.REFUSED
    found = customer(desk, report_id)
    assert (found.state, found.preservation_id) == (ClockState.RUNNING, None)
    assert drafted(desk, person, clock.id).id != refused.id


def test_gone_is_an_answer_too(desk: Desk) -> None:
    report_id = desk.take(draft(desk))
    person = desk.person()
    clock = customer(desk, report_id)
    answered(desk, person, sent(desk, person, clock.id), AnswerKind.GONE)
    assert next(c for c in clocks_of(desk, report_id) if c.id == clock.id).state is ClockState.EXPIRED


def test_what_is_secured_is_renewed_in_time_or_lapses(desk: Desk) -> None:
    report_id = desk.take(draft(desk))
    person = desk.person()
    clock = customer(desk, report_id)
    request = answered(desk, person, sent(desk, person, clock.id), AnswerKind.SECURED)
    desk.now += timedelta(days=80)
    with desk.database.transaction() as conn:
        (shown,) = preserving.list_requests(conn, person, now=desk.now)
        assert shown.follow_up is FollowUp.RENEW
        preserving.redraft(conn, person, keys=desk.keys, preservation_id=request.id, now=desk.now)
        opened = preserving.open_request(conn, person, keys=desk.keys, preservation_id=request.id, now=desk.now)
        assert opened.letter is not None
        assert "langer te bewaren" in opened.letter.text
        preserving.mark_sent(conn, person, keys=desk.keys, preservation_id=request.id, how=SentHow.POST, now=desk.now)
    renewed = answered(desk, person, request, AnswerKind.SECURED)
    assert request.secured_until is not None
    assert (renewed.secured_until, renewed.renewals) == (request.secured_until + timedelta(days=90), 1)
    desk.now += timedelta(days=200)
    expire(desk)
    assert next(c for c in clocks_of(desk, report_id) if c.id == clock.id).state is ClockState.EXPIRED
    with desk.database.transaction() as conn:
        (ended,) = preserving.list_of_report(conn, person, report_id=report_id, now=desk.now)
    assert ended.request.state is PreservationState.LAPSED


def test_a_renewal_that_is_refused_ends_nothing_before_its_time(desk: Desk) -> None:
    report_id = desk.take(draft(desk))
    person = desk.person()
    clock = customer(desk, report_id)
    request = answered(desk, person, sent(desk, person, clock.id), AnswerKind.SECURED)
    with desk.database.transaction() as conn:
        preserving.mark_sent(conn, person, keys=desk.keys, preservation_id=request.id, how=SentHow.MAIL, now=desk.now)
    again = answered(desk, person, request, AnswerKind.REFUSED)
    assert (again.state, again.secured_until) == (PreservationState.SECURED, request.secured_until)
    assert next(c for c in clocks_of(desk, report_id) if c.id == clock.id).state is ClockState.SECURED


def test_a_letter_without_a_recipient_is_not_sent_and_a_sent_one_is_not_changed(desk: Desk) -> None:
    report_id = desk.take(draft(desk))
    person = desk.person()
    request = drafted(desk, person, customer(desk, report_id).id)
    with desk.database.transaction() as conn, pytest.raises(InvalidInput):
        preserving.mark_sent(conn, person, keys=desk.keys, preservation_id=request.id, how=SentHow.MAIL, now=desk.now)
    with desk.database.transaction() as conn, pytest.raises(InvalidTransition):
        preserving.answer(conn, person, preservation_id=request.id, kind=AnswerKind.SECURED, now=desk.now)
    with desk.database.transaction() as conn:
        preserving.drop(conn, person, preservation_id=request.id, now=desk.now)
    assert customer(desk, report_id).preservation_id is None
    with desk.database.transaction() as conn, pytest.raises(Conflict, match="draft another"):
        preserving.save(
            conn, person, keys=desk.keys, preservation_id=request.id, party_id=None, recipient="X", text="x", now=desk.now
        )


def test_evidence_that_nobody_needs_is_dropped(desk: Desk) -> None:
    report_id = desk.take(draft(desk))
    with desk.database.transaction() as conn:
        for clock in clock_store.list_of_report(conn, report_id):
            dropping.drop(conn, desk.person(), clock_id=clock.id, now=desk.now)
    assert {clock.state for clock in clocks_of(desk, report_id)} == {ClockState.DROPPED}


def test_when_a_report_is_erased_nobody_can_tell_any_more_who_had_what(desk: Desk) -> None:
    report_id = desk.take(draft(desk))
    person = desk.person()
    request = sent(desk, person, customer(desk, report_id).id)
    with desk.database.transaction() as conn:
        erasing.erase(conn, CONSOLE, report_id=report_id, now=desk.now)
        assert {clock.sealed for clock in clock_store.list_of_report(conn, report_id)} == {None}
        opened = preserving.open_request(conn, person, keys=desk.keys, preservation_id=request.id, now=desk.now)
        assert opened.letter is None
        shown = clocks.list_of_report(conn, person, keys=desk.keys, report_id=report_id, now=desk.now)
    assert [(one.holder, one.country) for one in shown] == [(None, None)] * 3


def test_police_ask_by_a_law_that_they_choose_and_a_hotline_cannot(
    desk: Desk, postgres: EmbeddedServer, keys: Keys, tmp_path: Path
) -> None:
    with (
        own_database(postgres, "evidence_police") as database,
        desk_on(database, keys, tmp_path / "police", kind=InstallationKind.POLICE) as police,
    ):
        report_id, person = police.take(draft(police)), police.person()
        with database.transaction() as conn:
            laws = [law.code for law in preserving.list_laws(conn)]
            request = preserving.draft(
                conn, person, keys=keys, clock_id=customer(police, report_id).id, law="us_2703_f", language=Language.EN,
                now=police.now,
            )  # fmt: skip
            opened = preserving.open_request(conn, person, keys=keys, preservation_id=request.id, now=police.now)
    assert laws == ["nl_126ni", "us_2703_f", "budapest_16", "voluntary"]
    assert opened.letter is not None
    assert "18 U.S.C. 2703(f)" in opened.letter.text
    report_id = desk.take(draft(desk))
    with desk.database.transaction() as conn, pytest.raises(InvalidInput):
        preserving.draft(
            conn, desk.person(), keys=desk.keys, clock_id=customer(desk, report_id).id, law="us_2703_f",
            language=Language.EN, now=desk.now,
        )  # fmt: skip
