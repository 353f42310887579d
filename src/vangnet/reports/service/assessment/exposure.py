"""What people were shown: each person's own figures, and sums of five people or more for others."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.identity.permissions import Permission
from vangnet.reports.model.looks import Look, LookChoice, checked_choice
from vangnet.reports.rules.assessment.exposure import DayOfLooks, Meter, SumOfMany, day_of, sum_of
from vangnet.reports.service.desk.desk import person_of
from vangnet.reports.store import assessments as assessment_store
from vangnet.reports.store import looks as store

#: So many of one's own days are shown, today included; and so many weeks to others.
DAYS = 28
WEEKS = 8
_WEEK = timedelta(days=7)
#: A day of work is one of the people who work here.
_ZONE = ZoneInfo("Europe/Amsterdam")


@dataclass(frozen=True, slots=True, kw_only=True)
class MyExposure:
    """What somebody was shown. For nobody else's eyes."""

    meter: Meter
    #: By day, the newest first; a day without a look is left out.
    days: Sequence[tuple[date, DayOfLooks]]
    choice: LookChoice
    #: Generated pictures that were mixed in: how many were answered, and how many rightly.
    checked: int
    right: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekOfMany:
    """What all of them together were shown in one week; None where they were too few."""

    begins: date
    sum: SumOfMany | None = field(default=None)


def mine(conn: Connection, actor: Actor, *, budget_minutes: int, now: datetime) -> MyExposure:
    """One's own figures. Raises Conflict for a program."""
    person_id = person_of(actor)
    today = _midnight(now)
    looks = store.list_looks(conn, person_id, since=today - timedelta(days=DAYS - 1), until=now + timedelta(seconds=1))
    by_day: dict[date, list[Look]] = {}
    for look in looks:
        by_day.setdefault(look.at.astimezone(_ZONE).date(), []).append(look)
    _, checked, right = assessment_store.count_check_answers(conn, person_id, since=today - timedelta(days=DAYS))
    return MyExposure(
        meter=meter_of(conn, person_id, budget_minutes=budget_minutes, now=now),
        days=[(day, day_of(by_day[day], now=now)) for day in sorted(by_day, reverse=True)],
        choice=choice_of(conn, person_id),
        checked=checked,
        right=right,
    )


def choose(conn: Connection, actor: Actor, *, seconds: int, blur: int, size: str, now: datetime) -> LookChoice:
    """Chooses how one is shown pictures oneself. Raises PermissionDenied, InvalidInput, Conflict for a program."""
    actor.require(Permission.ME_UPDATE)
    person_id = person_of(actor)
    choice = checked_choice(seconds=seconds, blur=blur, size=size)
    store.put_choice(conn, person_id, choice)
    audit.record(conn, actor, action=Permission.ME_UPDATE, record="person", record_id=person_id, now=now, looks=True)
    return choice


def sums(conn: Connection, actor: Actor, *, now: datetime) -> list[WeekOfMany]:
    """Of whole weeks that are over, what everybody together was shown: no person, no desk, no day is told apart.

    Raises PermissionDenied.
    """
    actor.require(Permission.REPORT_LEAD)
    local = now.astimezone(_ZONE)
    monday = local.date() - timedelta(days=local.weekday())
    weeks = []
    for number in range(1, WEEKS + 1):
        begins = monday - number * _WEEK
        since, until = (datetime(at.year, at.month, at.day, tzinfo=_ZONE) for at in (begins, begins + _WEEK))
        found = store.list_sums(conn, since=since, until=until)
        total = sum_of({one.person_id: (one.looks, one.sharp_seconds) for one in found})
        weeks.append(WeekOfMany(begins=begins, sum=total))
    return weeks


# --- for the other services ---


def meter_of(conn: Connection, person_id: UUID, *, budget_minutes: int, now: datetime) -> Meter:
    """How much of today's budget a person has used."""
    looks = store.list_looks(conn, person_id, since=_midnight(now), until=now + timedelta(seconds=1))
    return Meter(sharp_seconds=day_of(looks, now=now).sharp_seconds, budget_seconds=budget_minutes * 60)


def choice_of(conn: Connection, person_id: UUID) -> LookChoice:
    """How a person wants to be shown pictures."""
    return store.find_choice(conn, person_id) or LookChoice()


def _midnight(now: datetime) -> datetime:
    local = now.astimezone(_ZONE)
    return datetime(local.year, local.month, local.day, tzinfo=_ZONE)
