"""The desk: how far the work reaches, filters, who is called, what is drawn, who is given what."""

import itertools
from datetime import timedelta
from uuid import UUID

import pytest
from running.report_desk import CONSOLE, Desk

from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.errors import Conflict, InvalidInput, PermissionDenied
from vangnet.identity.permissions import Role
from vangnet.reports.model.drafts import Incident, ItemDraft, ItemKind, ReportDraft, Reporter, ReporterKind, Sign, Source
from vangnet.reports.model.reports import Closing, ReportState
from vangnet.reports.model.triage_policy import STARTING, as_document
from vangnet.reports.model.wanted import Wanted
from vangnet.reports.rules.desk.missed import MissedShare, NotKnown
from vangnet.reports.rules.triage.points import Factor
from vangnet.reports.service.desk import assigning, ordering, sampling, showing, watching
from vangnet.reports.service.desk import desk as desk_service
from vangnet.reports.service.triage import placing, policies

_numbers = itertools.count(1)


def draft(
    *signs: Sign, source: Source = Source.API, incident: Incident = Incident.MATERIAL, language: str | None = None
) -> ReportDraft:
    number = next(_numbers)
    return ReportDraft(
        source=source,
        reporter=Reporter(kind=ReporterKind.COMPANY, name="Host Example"),
        incident=incident,
        reference=f"R-{number}",
        items=(ItemDraft(kind=ItemKind.ADDRESS, address=f"https://pictures.example/{number}"),),
        signs=frozenset(signs),
        language=language,
    )


def chosen(conn: Connection, made: Desk, reports: int) -> None:
    ordering.choose_capacity(conn, CONSOLE, hours=1, minutes_each=60 // reports, now=made.now)


def made_id(actor: Actor) -> UUID:
    return UUID(actor.id)


@pytest.fixture
def made(desk: Desk) -> Desk:
    """A hotline's desk, under a name that is not that of the service."""
    return desk


@pytest.fixture
def desk_of_five(desk: Desk) -> Desk:
    """The same, with five reports that wait."""
    for one in (
        draft(incident=Incident.PAYMENT),
        draft(language="pl"),
        draft(Sign.SPAM),
        draft(Sign.EXTORTION, incident=Incident.EXTORTION),
        draft(Sign.SELF_MADE),
    ):
        desk.take(one)
        desk.now += timedelta(minutes=1)
    return desk


def test_the_line_is_after_as_many_as_the_hours_reach_and_says_what_is_below(desk_of_five: Desk) -> None:
    made = desk_of_five
    with made.database.transaction() as conn:
        chosen(conn, made, 1)
        found = ordering.line(conn, CONSOLE, now=made.now)
        assert found is not None
        assert (found.line.above, found.line.below) == (1, 4)
        counted = ordering.survey(conn, CONSOLE, now=made.now)
    assert counted == found.line
    assert counted.below_with[Factor.INCIDENT, Incident.PAYMENT.value] == 1


def test_what_a_job_counted_is_shown_where_many_wait(desk_of_five: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    made = desk_of_five
    monkeypatch.setattr(ordering, "AT_ONCE_MAX", 4)
    with made.database.transaction() as conn:
        assert ordering.line(conn, CONSOLE, now=made.now) is None
        counted = ordering.survey(conn, CONSOLE, now=made.now)
        later = made.now + timedelta(minutes=3)
        found = ordering.line(conn, CONSOLE, now=later)
        assert found is not None
        assert (found.line, found.counted_at) == (counted, made.now)
        chosen(conn, made, 2)
        assert ordering.line(conn, CONSOLE, now=later) is None, "what was counted for other hours is not shown"


def test_a_filter_finds_what_it_wants_in_the_order_of_the_queue(desk_of_five: Desk) -> None:
    made = desk_of_five
    with made.database.transaction() as conn:
        order = [waiting.report.id for waiting in desk_service.queue(conn, CONSOLE, limit=10, now=made.now)]
        everything = ordering.find(conn, CONSOLE, wanted=Wanted(unseen=False, source=Source.API), limit=10, now=made.now)
        mail = ordering.find(conn, CONSOLE, wanted=Wanted(source=Source.MEDIA_SET), limit=10, now=made.now)
        polish = ordering.find(conn, CONSOLE, wanted=Wanted(language="pl"), limit=10, now=made.now)
        clocks = ordering.find(conn, CONSOLE, wanted=Wanted(clock=True), limit=10, now=made.now)
    assert [report.id for report, _ in everything.reports] == order
    assert (mail.reports, mail.to_the_end, mail.looked_at) == ([], True, 5)
    assert [report.language for report, _ in polish.reports] == ["pl"]
    assert [report.incident for report, _ in clocks.reports] == [Incident.EXTORTION]


def test_a_filter_is_kept_under_a_name_and_forgotten(made: Desk) -> None:
    person, other = made.person(), made.person()
    with made.database.transaction() as conn:
        kept = ordering.keep_filter(conn, person, name=" Polish  ones ", given={"language": "pl"}, now=made.now)
        assert [(one.name, one.wanted) for one in ordering.list_filters(conn, person)] == [
            ("Polish ones", {"language": "pl"})
        ]
        with pytest.raises(InvalidInput, match="of that name"):
            ordering.keep_filter(conn, person, name="Polish ones", given={"unseen": "true"}, now=made.now)
        with pytest.raises(InvalidInput, match="leaves nothing out"):
            ordering.keep_filter(conn, person, name="All", given={}, now=made.now)
        ordering.forget_filter(conn, other, filter_id=kept, now=made.now)
        assert len(ordering.list_filters(conn, person)) == 1, "nobody forgets another's"
        ordering.forget_filter(conn, person, filter_id=kept, now=made.now)
        assert ordering.list_filters(conn, person) == []


# --- danger ---


def test_the_watch_is_called_one_after_the_other_until_somebody_takes_it(made: Desk) -> None:
    first, second, third = made.person(), made.person(), made.person()
    lead = made.person(Role.LEAD)
    with made.database.transaction() as conn:
        for person in (first, second, third):
            watching.join(conn, person, now=made.now)
    report_id = made.take(draft(Sign.DANGER_NOW))
    start = made.now
    with made.database.transaction() as conn:
        assert watching.call(conn, CONSOLE, report_id=report_id, now=start) == start + timedelta(minutes=5)
        assert watching.call(conn, CONSOLE, report_id=report_id, now=start) == start + timedelta(minutes=5)
        (one,) = watching.untaken(conn, CONSOLE, now=start)
        assert [str(person_id) for person_id, _ in one.called] == [first.id]
        assert watching.called(conn, first, now=start).banner is not None
        assert watching.called(conn, second, now=start).banner is None
        later = start + timedelta(minutes=5)
        assert watching.call(conn, CONSOLE, report_id=report_id, now=later) == start + timedelta(minutes=10)
        assert watching.called(conn, second, now=later).banner is not None
        assert watching.called(conn, lead, now=later).banner is None
        overdue = start + timedelta(minutes=15)
        assert watching.call(conn, CONSOLE, report_id=report_id, now=overdue) is None
        shown = watching.called(conn, lead, now=overdue).banner
        assert shown is not None
        assert shown.overdue
        (one,) = watching.untaken(conn, CONSOLE, now=overdue)
        assert [str(person_id) for person_id, _ in one.called] == [first.id, second.id, third.id]
        desk_service.claim(conn, third, report_id=report_id, now=overdue)
        assert watching.untaken(conn, CONSOLE, now=overdue) == []
        assert watching.called(conn, first, now=overdue).banner is None
        assert watching.call(conn, CONSOLE, report_id=report_id, now=overdue) is None


def test_where_nobody_is_on_watch_everybody_is_called_who_can_take_it(made: Desk) -> None:
    person, auditor = made.person(), made.person(Role.AUDITOR)
    report_id = made.take(draft(Sign.DANGER_NOW))
    with made.database.transaction() as conn:
        shown = watching.called(conn, person, now=made.now).banner
        assert shown is not None
        assert shown.nobody_on_watch
        assert watching.called(conn, auditor, now=made.now).banner is None
        again = watching.call(conn, CONSOLE, report_id=report_id, now=made.now)
        assert again == made.now + timedelta(minutes=STARTING.escalate_minutes)


def test_whoever_left_is_not_on_watch(made: Desk) -> None:
    person = made.person()
    with made.database.transaction() as conn:
        watching.join(conn, person, now=made.now)
        assert len(watching.watch(conn, CONSOLE)) == 1
        conn.execute("UPDATE person SET state = 'left', left_at = now() WHERE id = %s", [person.id])
        assert watching.watch(conn, CONSOLE) == []


def test_whoever_has_it_says_that_nobody_is_in_danger_and_it_calls_nobody_any_more(made: Desk) -> None:
    person = made.person()
    report_id = made.take(draft(Sign.DANGER_NOW))
    with made.database.transaction() as conn:
        with pytest.raises(Conflict, match="not yours"):
            watching.say_no_danger(conn, person, report_id=report_id, now=made.now)
        desk_service.claim(conn, person, report_id=report_id, now=made.now)
        watching.say_no_danger(conn, person, report_id=report_id, now=made.now)
        desk_service.release(conn, person, report_id=report_id, now=made.now)
        assert watching.untaken(conn, CONSOLE, now=made.now) == []


# --- what is missed ---


def test_each_report_below_the_line_has_one_chance_to_be_drawn(desk_of_five: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    made = desk_of_five
    monkeypatch.setattr(sampling, "draw_below_line", lambda _policy, _below, _chance: [])
    with made.database.transaction() as conn:
        chosen(conn, made, 2)
        above = ordering.above_line(conn, ordering.capacity(conn, CONSOLE), now=made.now)
        assert sampling.draw(conn, CONSOLE, now=made.now) is False
        given = {row[0] for row in conn.execute("SELECT report_id FROM report_draw")}
        assert len(given) == 3
        assert not given & set(above)
        sampling.draw(conn, CONSOLE, now=made.now)
        assert len(given) == len(conn.execute("SELECT report_id FROM report_draw").fetchall())


def test_a_drawn_report_comes_forward_and_is_closed_with_whether_it_was_urgent(
    desk_of_five: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = desk_of_five
    person = made.person()
    monkeypatch.setattr(sampling, "draw_below_line", lambda _policy, below, _chance: sorted(below)[:1])
    with made.database.transaction() as conn:
        chosen(conn, made, 2)
        assert sampling.missed(conn, CONSOLE, now=made.now).share == NotKnown(drawn=0)
        sampling.draw(conn, CONSOLE, now=made.now)
        (drawn,) = sampling.missed(conn, CONSOLE, now=made.now).to_open
        assert showing.get_report(conn, CONSOLE, report_id=drawn).facts.drawn
        # What calls a person goes before it, and nothing else does.
        claimed = [desk_service.claim_next(conn, person, now=made.now) for _ in range(2)]
        assert [one and one.id for one in claimed][1] == drawn
        with pytest.raises(InvalidInput, match="drawn to learn"):
            desk_service.close(conn, person, report_id=drawn, closing=Closing.HANDLED, now=made.now)
        desk_service.close(conn, person, report_id=drawn, closing=Closing.HANDLED, urgent=True, now=made.now)
        found = sampling.missed(conn, CONSOLE, now=made.now)
    assert isinstance(found.share, MissedShare)
    assert (found.share.drawn, found.share.opened, found.share.urgent, found.to_open) == (1, 1, 1, [])


def test_what_somebody_passed_on_comes_to_them_last_and_to_others_at_once(desk_of_five: Desk) -> None:
    made = desk_of_five
    one, other = made.person(), made.person()
    with made.database.transaction() as conn:

        def next_of(person: Actor) -> int:
            found = desk_service.claim_next(conn, person, now=made.now)
            assert found is not None
            return found.id

        calling = next_of(one)
        desk_service.release(conn, one, report_id=calling, now=made.now)
        assert next_of(one) == calling, "nothing goes before present danger"
        first = next_of(one)
        desk_service.release(conn, one, report_id=first, now=made.now)
        assert desk_service.queue(conn, CONSOLE, limit=1, now=made.now)[0].report.id == first, "it stands where it stood"
        second = next_of(one)
        assert second != first
        assert next_of(other) == first
        desk_service.release(conn, other, report_id=first, now=made.now)
        # Who put it back last is spared; the one before is not any more.
        assert next_of(one) == first
        desk_service.release(conn, one, report_id=first, now=made.now)
        assert [next_of(one) for _ in range(3)][-1] == first, "it comes again where nothing else waits"
        desk_service.release(conn, one, report_id=first, now=made.now)
        desk_service.release(conn, one, report_id=second, now=made.now + timedelta(minutes=1))
        made.now += desk_service.SPARED
        assert next_of(one) == first, "it comes in its order on another day"


# --- the policy, and who is given what ---


def test_a_policy_is_tried_out_chosen_and_places_anew(desk_of_five: Desk) -> None:
    made = desk_of_five
    document = as_document(STARTING)
    document["incidents"] |= {"payment": 50}
    with made.database.transaction() as conn:
        tried = policies.try_out(conn, CONSOLE, document=document, now=made.now)
        assert tried.looked_at == 5
        assert policies.show(conn, CONSOLE).version == 0
        assert policies.choose(conn, CONSOLE, document=document, instead_of=0, now=made.now) == 1
        assert placing.place_anew(conn, now=made.now) == 5
        assert desk_service.queue(conn, CONSOLE, limit=1, now=made.now)[0].report.incident is Incident.PAYMENT
    with pytest.raises(Conflict, match="in the meantime"), made.database.transaction() as conn:
        policies.choose(conn, CONSOLE, document=document, instead_of=0, now=made.now)
    with made.database.transaction() as conn:
        assert [one.version for one in policies.versions(conn, CONSOLE)] == [1]


def test_several_reports_are_given_to_a_colleague_or_none_is(desk_of_five: Desk) -> None:
    made = desk_of_five
    person, auditor, lead = made.person(), made.person(Role.AUDITOR), made.person(Role.LEAD)
    with made.database.transaction() as conn:
        ids = [waiting.report.id for waiting in desk_service.queue(conn, CONSOLE, limit=3, now=made.now)]
        assigning.give_skills(conn, lead, person_id=made_id(person), tags="PL, chat  logs,, pl", now=made.now)
        assert assigning.skills(conn, CONSOLE)[made_id(person)] == ("chat logs", "pl")
        with pytest.raises(InvalidInput, match="colleague who works"):
            assigning.assign_all(conn, lead, report_ids=ids, person_id=made_id(auditor), now=made.now)
        with pytest.raises(PermissionDenied):
            assigning.assign_all(conn, person, report_ids=ids, person_id=made_id(person), now=made.now)
        given = assigning.assign_all(conn, lead, report_ids=ids, person_id=made_id(person), now=made.now)
        assert {report.state for report in given} == {ReportState.CLAIMED}
        assert [report.id for report in desk_service.list_claimed(conn, person, mine=True)] == sorted(ids)
