"""What a gate did on a working day, made up, for pictures of its pages."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from running.gate_routes import a_match, a_probe
from running.server import RunningServer
from vangnet.gate.measures import class_of
from vangnet.gate.model import Counted, CountedMatch, Decision, Door, Outcome
from vangnet.gate.service import decisions
from vangnet.gate.store import measures
from vangnet.hashing.model import Reason

_HOURS = 6


def fill(server: RunningServer, *, seed: int = 7) -> None:
    """Six hours of checks, with a quarter of an hour in which nothing was checked."""
    chance = random.Random(seed)  # noqa: S311 (a picture)
    list_id = a_match(server).matches[0].list_id
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    minutes = [now - timedelta(minutes=number) for number in range(60 * _HOURS) if not 110 <= number < 125]
    with server.transaction() as conn:
        decisions.count(
            conn,
            [one for minute in minutes for one in _checks(minute, chance)],
            [one for minute in minutes for one in _matches(minute, list_id, chance)],
        )
        measures.add_latencies(conn, [one for minute in minutes for one in _latencies(minute, chance)])
    a_probe(server)


def _checks(minute: datetime, chance: random.Random) -> Iterator[Counted]:
    alike = {
        (Outcome.NO_MATCH, Decision.ALLOW, None): chance.randint(300, 520),
        (Outcome.UNHASHABLE, Decision.HOLD, Reason.DAMAGED): chance.randint(4, 16),
        (Outcome.UNHASHABLE, Decision.ALLOW, Reason.VIDEO): chance.randint(20, 40),
        (Outcome.MATCH, Decision.BLOCK, None): chance.randint(1, 5),
        (Outcome.UNAVAILABLE, Decision.HOLD, None): 60 if 128 < minute.minute + 120 < 132 else 0,
    }
    for (outcome, decision, reason), checks in alike.items():
        if checks:
            yield Counted(
                minute=minute, provider_key=None, door=Door.CLAMD, outcome=outcome, decision=decision, reason=reason,
                checks=checks,
            )  # fmt: skip


def _matches(minute: datetime, list_id: UUID, chance: random.Random) -> Iterator[CountedMatch]:
    yield CountedMatch(minute=minute, list_id=list_id, decision=Decision.BLOCK, shadow=False, matches=chance.randint(1, 5))
    yield CountedMatch(minute=minute, list_id=list_id, decision=Decision.ALLOW, shadow=True, matches=1)


def _latencies(minute: datetime, chance: random.Random) -> Iterator[tuple[datetime, Door, int, int]]:
    for seconds, answers in ((0.002, 180), (0.008, 150), (0.04, 60), (0.09 + chance.random() / 10, 6)):
        yield minute, Door.CLAMD, class_of(seconds), answers
