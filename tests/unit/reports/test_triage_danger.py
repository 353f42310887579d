"""Who is called for a report of present danger, minute by minute."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vangnet.registry.model.classification import Classification
from vangnet.reports.model.drafts import Incident, Sign, Source
from vangnet.reports.model.facts import AgeClass, CannotOpen, Claim, Facts, Part, Sayer
from vangnet.reports.model.triage_policy import STARTING
from vangnet.reports.rules.desk.danger import alerts, calling

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
WATCH = [UUID(int=number) for number in (11, 12, 13, 14)]
REPORT = Facts(
    report_id=1,
    received_at=NOW,
    source=Source.CYBERTIP,
    claims=frozenset({Claim(Sign.DANGER_NOW, Sayer.ANONYMOUS)}),
)


def test_a_sign_of_present_danger_needs_a_person_within_fifteen_minutes_of_arrival() -> None:
    quiet = replace(REPORT, report_id=2, claims=frozenset())
    (alert,) = alerts(STARTING, [quiet, REPORT])
    assert alert.report_id == REPORT.report_id
    assert alert.due_at == NOW + timedelta(minutes=15)
    assert alert.signs == (Sign.DANGER_NOW,)


def test_what_is_said_calls_where_it_weighs_enough_and_so_does_what_cannot_be_opened() -> None:
    by_points = replace(
        REPORT,
        claims=frozenset({Claim(Sign.MINORS_NEAR, Sayer.POLICE)}),
        unseen_items=1,
        cannot_open=CannotOpen.UNREADABLE,
    )
    (alert,) = alerts(STARTING, [by_points])
    assert alert.signs == ()


def test_an_ordinary_company_report_calls_nobody_whatever_was_found_in_it() -> None:
    found = replace(
        REPORT,
        claims=frozenset(),
        incident=Incident.MATERIAL,
        unseen_items=400,
        same_subject=30,
        parts=frozenset(Part),
        classification=Classification.BASELINE,
        age=AgeClass.INFANT,
        evidence_expires_at=NOW,
    )
    assert alerts(STARTING, [found]) == []


def test_the_earliest_due_is_first() -> None:
    later = replace(REPORT, report_id=2, received_at=NOW + timedelta(minutes=1))
    assert [alert.report_id for alert in alerts(STARTING, [later, REPORT])] == [1, 2]


@pytest.mark.parametrize(
    ("minute", "called", "next_at", "overdue"),
    [
        (0, 1, 5, False),
        (4, 1, 5, False),
        (5, 2, 10, False),
        (10, 3, 15, False),
        (14, 3, 15, False),
        (15, 4, None, True),
        (90, 4, None, True),
    ],
)
def test_the_next_is_called_while_nobody_takes_it(minute: int, called: int, next_at: int | None, overdue: bool) -> None:
    (alert,) = alerts(STARTING, [REPORT])
    told = calling(STARTING, alert, WATCH, NOW + timedelta(minutes=minute))
    assert told.called == tuple(WATCH[:called])
    assert told.next_at == (None if next_at is None else NOW + timedelta(minutes=next_at))
    assert (told.overdue, told.nobody_on_watch) == (overdue, False)


def test_nobody_on_watch_is_told() -> None:
    (alert,) = alerts(STARTING, [REPORT])
    assert calling(STARTING, alert, [], NOW).nobody_on_watch


@given(st.integers(0, 8), st.integers(-5, 60), st.integers(1, 15))
def test_nobody_who_was_called_is_left_out_later(people: int, minute: int, step: int) -> None:
    policy = replace(STARTING, escalate_minutes=step)
    watch = [UUID(int=number) for number in range(people)]
    (alert,) = alerts(policy, [REPORT])
    at = NOW + timedelta(minutes=minute)
    earlier, later = (calling(policy, alert, watch, when) for when in (at, at + timedelta(minutes=1)))
    assert later.called[: len(earlier.called)] == earlier.called
    assert bool(earlier.called) == bool(watch)
    if earlier.next_at is not None:
        after = calling(policy, alert, watch, earlier.next_at)
        assert len(after.called) > len(earlier.called)
