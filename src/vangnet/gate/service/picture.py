"""What the gate does now and did lately, of all its processes: read from the counts that they write every second."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.gate.measures import quantile_s
from vangnet.gate.model import Decision, Outcome
from vangnet.gate.store import measures as store
from vangnet.hashing.model import Reason
from vangnet.identity.permissions import Permission

#: What the chart covers, and how wide each of its columns is.
COVERED = timedelta(hours=6)
STEP = timedelta(minutes=5)
#: What the figures beside it cover.
LATELY = timedelta(hours=1)
LATENCIES_LAST = timedelta(days=8)
_MINUTE = timedelta(minutes=1)
#: Over so long is said how quick the answers are now.
_NOW = timedelta(minutes=5)


class Came(StrEnum):
    """What a check came to, as the picture tells it: one of the decisions, or that there was no check."""

    ALLOW = "allow"  #: Allowed.
    HOLD = "hold"  #: Held.
    BLOCK = "block"  #: Blocked.
    UNAVAILABLE = "unavailable"  #: The gate could not check.


@dataclass(frozen=True, slots=True, kw_only=True)
class Quickness:
    """Within how many seconds half, nineteen of twenty, and 99 of a hundred answers came; None where there were none."""

    p50_s: float | None
    p95_s: float | None
    p99_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of the chart."""

    begins_at: datetime
    checks: Mapping[Came, int]
    quickness: Quickness

    @property
    def total(self) -> int:
        """All checks of that time."""
        return sum(self.checks.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class ListMatches:
    """How often a list was matched."""

    list_id: UUID
    decisions: Mapping[Decision, int]
    #: Those that only counted.
    shadow: int

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.decisions.values()) + self.shadow


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The gate as it is."""

    at: datetime
    checks_per_s: float
    now: Quickness
    #: Of the last hour.
    came: Mapping[Came, int]
    lists: tuple[ListMatches, ...]
    reasons: tuple[tuple[Reason, Decision, int], ...]
    #: Of the last hours, the oldest first, without a gap.
    columns: tuple[Column, ...]
    #: In which minute anything was checked last.
    last_at: datetime | None


def look(conn: Connection, actor: Actor, *, now: datetime) -> Picture:
    """The picture. Raises PermissionDenied."""
    actor.require(Permission.GATE_READ)
    minute = now.replace(second=0, microsecond=0)
    # Whole steps of the clock, the last of which holds this minute.
    since = minute - timedelta(minutes=minute.minute % (STEP // _MINUTE)) + STEP - COVERED
    last_minutes = store.sum_checks(conn, since=minute - _MINUTE, step=_MINUTE)
    lately = store.sum_checks(conn, since=minute - LATELY, step=_MINUTE)
    return Picture(
        at=now,
        checks_per_s=sum(number for *_, number in last_minutes) / (now - (minute - _MINUTE)).total_seconds(),
        now=_quickness(store.sum_latencies(conn, since=minute - _NOW, step=_MINUTE)),
        came=_came(lately),
        lists=_lists(store.sum_matches(conn, since=minute - LATELY)),
        reasons=tuple(store.sum_reasons(conn, since=minute - LATELY)),
        columns=_columns(conn, since),
        last_at=store.last_minute(conn),
    )


def forget_latencies(conn: Connection, *, now: datetime) -> int:
    """Forgets how long answers took more than eight days ago; returns how many rows."""
    return store.forget_latencies(conn, before=now - LATENCIES_LAST)


def _columns(conn: Connection, since: datetime) -> tuple[Column, ...]:
    checks, latencies = defaultdict(list), defaultdict(list)
    for row in store.sum_checks(conn, since=since, step=STEP):
        checks[row[0]].append(row)
    for latency in store.sum_latencies(conn, since=since, step=STEP):
        latencies[latency[0]].append(latency)
    beginnings = [since + number * STEP for number in range(COVERED // STEP)]
    return tuple(Column(begins_at=at, checks=_came(checks[at]), quickness=_quickness(latencies[at])) for at in beginnings)


def _came(rows: list[tuple[datetime, Outcome, Decision, int]]) -> dict[Came, int]:
    came = dict.fromkeys(Came, 0)
    for _, outcome, decision, number in rows:
        came[Came.UNAVAILABLE if outcome is Outcome.UNAVAILABLE else Came(decision.value)] += number
    return came


def _quickness(rows: list[tuple[datetime, int, int]]) -> Quickness:
    counted: Counter[int] = Counter()
    for _, up_to, answers in rows:
        counted[up_to] += answers
    return Quickness(p50_s=quantile_s(counted, 0.5), p95_s=quantile_s(counted, 0.95), p99_s=quantile_s(counted, 0.99))


def _lists(rows: list[tuple[UUID, Decision, bool, int]]) -> tuple[ListMatches, ...]:
    decided: dict[UUID, Counter[Decision]] = defaultdict(Counter)
    shadow: Counter[UUID] = Counter()
    for list_id, decision, only_counted, number in rows:
        if only_counted:
            shadow[list_id] += number
        else:
            decided[list_id][decision] += number
    found = [
        ListMatches(list_id=one, decisions=dict(decided[one]), shadow=shadow[one]) for one in decided.keys() | shadow.keys()
    ]
    return tuple(sorted(found, key=lambda one: (-one.total, one.list_id)))
