"""What a store reads as present danger is what the rule of the order says."""

from dataclasses import replace
from datetime import UTC, datetime

from vangnet.reports.model.drafts import Sign, Source
from vangnet.reports.model.facts import Claim, Facts, Sayer
from vangnet.reports.model.triage_policy import STARTING
from vangnet.reports.rules.triage.order import rank
from vangnet.reports.store.watch import DANGER_BELOW

PLAIN = Facts(report_id=1, received_at=datetime(2026, 11, 21, tzinfo=UTC), source=Source.API)
CALLS = replace(PLAIN, claims=frozenset({Claim(Sign.DANGER_NOW, Sayer.ANONYMOUS)}))


def test_what_calls_a_person_has_a_rank_below_the_mark_and_nothing_else_has() -> None:
    assert all(rank(STARTING, CALLS, points) < DANGER_BELOW for points in (-1000, 0, 10_000))
    quiet = (PLAIN, replace(PLAIN, drawn=True))
    assert all(rank(STARTING, facts, points) > DANGER_BELOW for facts in quiet for points in (-1000, 0, 10_000))
