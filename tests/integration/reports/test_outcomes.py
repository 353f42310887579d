"""What became of reports: investigations, what they came to, and series that turn up again."""

import hashlib
from datetime import timedelta

import pytest
from running.report_desk import CONSOLE, Desk

from vangnet.audit.model import Actor
from vangnet.errors import InvalidInput, NotFound, PermissionDenied
from vangnet.identity.permissions import Role
from vangnet.reports.model.drafts import Incident, ItemDraft, ItemKind, ReportDraft, Reporter, ReporterKind, Source
from vangnet.reports.model.outcomes import Outcome, Series
from vangnet.reports.service.desk import showing
from vangnet.reports.service.referral import outcomes


def report(desk: Desk, reference: str, *contents: bytes) -> int:
    return desk.take(
        ReportDraft(
            source=Source.API,
            reporter=Reporter(kind=ReporterKind.COMPANY, name="Host Example"),
            incident=Incident.MATERIAL,
            reference=reference,
            items=tuple(
                ItemDraft(kind=ItemKind.FILE, hashes=(("sha256", hashlib.sha256(content).digest()),))
                for content in contents
            ),
        )
    )


def put(desk: Desk, person: Actor, report_id: int, code: str = "S-1", *, files: bool = True) -> int:
    with desk.database.transaction() as conn:
        return outcomes.put_into_series(conn, person, report_id=report_id, code=code, files=files, now=desk.now)


def series(desk: Desk) -> list[Series]:
    with desk.database.transaction() as conn:
        return outcomes.list_series(conn, CONSOLE)


def points(desk: Desk, report_id: int) -> int:
    with desk.database.transaction() as conn:
        return showing.get_report(conn, CONSOLE, report_id=report_id).points


def test_a_report_leads_to_an_investigation_and_what_that_came_to_is_counted(desk: Desk) -> None:
    person = desk.person()
    one, other = report(desk, "A-1", b"1"), report(desk, "A-2", b"2")
    with desk.database.transaction() as conn:
        first = outcomes.lead_to(conn, person, keys=desk.keys, report_id=one, number="canary 2026-7", now=desk.now)
        same = outcomes.lead_to(conn, person, keys=desk.keys, report_id=other, number="Canary  2026-7", now=desk.now)
        assert same == first
        outcomes.add(conn, person, investigation_id=first, outcome=Outcome.CHILD_SAFE, people=2, now=desk.now)
        wrong = outcomes.add(conn, person, investigation_id=first, outcome=Outcome.NO_FURTHER_ACTION, now=desk.now)
        outcomes.withdraw(conn, person, outcome_id=wrong, now=desk.now)
        effect = outcomes.effect(conn, CONSOLE)
        (shown,) = outcomes.list_investigations(conn, person, keys=desk.keys)
        (read_only,) = outcomes.list_investigations(conn, desk.person(Role.AUDITOR), keys=desk.keys)
        events = str(conn.execute("SELECT details FROM audit_event").fetchall())
        rows = str(conn.execute("SELECT i::text, o::text FROM report_investigation i, report_outcome o").fetchall())
    assert (effect.reports, effect.led_to_investigation, effect.investigations, effect.with_outcome) == (2, 2, 1, 1)
    assert effect.outcomes == {Outcome.CHILD_SAFE: (1, 2)}
    assert (shown.number, list(shown.reports), [one.outcome for one in shown.outcomes]) == (
        "canary 2026-7", [one, other], [Outcome.CHILD_SAFE],
    )  # fmt: skip
    assert read_only.number is None, "whoever reads only sees counts"
    assert "canary" not in (events + rows).lower()


def test_that_a_report_led_there_can_be_undone(desk: Desk) -> None:
    person, one = desk.person(), report(desk, "A-1", b"1")
    with desk.database.transaction() as conn:
        id_ = outcomes.lead_to(conn, person, keys=desk.keys, report_id=one, number="2026-7", now=desk.now)
        outcomes.part_from(conn, person, investigation_id=id_, report_id=one, now=desk.now)
        assert outcomes.effect(conn, CONSOLE).led_to_investigation == 0
        with pytest.raises(NotFound):
            outcomes.part_from(conn, person, investigation_id=id_, report_id=one, now=desk.now)


def test_how_often_a_known_series_turns_up_again_is_counted(desk: Desk) -> None:
    person = desk.person()
    put(desk, person, report(desk, "A-1", b"1", b"2"))
    put(desk, person, report(desk, "A-2", b"3"))
    assert [(found.code, found.files, found.reports, found.again) for found in series(desk)] == [("S-1", 3, 2, 0)]
    for number in range(3):
        desk.now += timedelta(days=30)
        report(desk, f"B-{number}", b"2", b"other %d" % number)
    report(desk, "B-9", b"something else")
    (found,) = series(desk)
    assert (found.reports, found.again) == (5, 3)
    with desk.database.transaction() as conn:
        members = outcomes.list_members(conn, CONSOLE, series_id=found.id)
        assert [code for _, code in outcomes.list_series_of(conn, CONSOLE, report_id=members[0])] == ["S-1"]


def test_a_report_of_a_known_series_with_files_that_nobody_has_seen_rises(desk: Desk) -> None:
    alone = report(desk, "A-1", b"1")
    before = points(desk, alone)
    put(desk, desk.person(), report(desk, "A-2", b"2", b"3"), files=False)
    put(desk, desk.person(), alone, files=False)
    assert points(desk, alone) > before


def test_a_report_is_taken_out_of_a_series_with_the_files_that_it_alone_brought(desk: Desk) -> None:
    person = desk.person()
    one, other = report(desk, "A-1", b"1", b"2"), report(desk, "A-2", b"2")
    series_id = put(desk, person, one)
    put(desk, person, other)
    risen = points(desk, other)
    with desk.database.transaction() as conn:
        outcomes.take_out_of_series(conn, person, report_id=one, series_id=series_id, now=desk.now)
    (found,) = series(desk)
    assert found.files == 1, "the file that the other report holds as well stays"
    assert found.reports == 2, "the report that was taken out holds that file still"
    assert points(desk, other) == risen


def test_a_series_is_named_by_a_code_and_by_those_who_work_with_reports(desk: Desk) -> None:
    one = report(desk, "A-1", b"1")
    with pytest.raises(InvalidInput, match="no name"):
        put(desk, desk.person(), one, "Anna")
    with pytest.raises(PermissionDenied):
        put(desk, desk.person(Role.AUDITOR), one)
