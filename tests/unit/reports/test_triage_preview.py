"""What another policy would move across the line."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from vangnet.reports.model.drafts import Sign, Source
from vangnet.reports.model.facts import Claim, Facts, Sayer
from vangnet.reports.model.triage_policy import STARTING, Weight
from vangnet.reports.rules.triage.preview import NAMED_MAX, preview

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def facts(number: int, *signs: Sign) -> Facts:
    """A report of which these signs are said."""
    return Facts(
        report_id=number,
        received_at=NOW - timedelta(minutes=number),
        source=Source.API,
        claims=frozenset(Claim(sign, Sayer.COMPANY) for sign in signs),
    )


HARM = [facts(number, Sign.HARM) for number in range(1, 11)]
INFANT = [facts(number, Sign.INFANT) for number in range(11, 21)]


def test_the_same_policy_moves_nothing() -> None:
    found = preview(STARTING, STARTING, [*HARM, *INFANT], NOW, above=10)
    assert (found.rises, found.falls, found.stays) == (0, 0, 10)


def test_what_rises_and_what_falls_is_counted_and_named() -> None:
    draft = replace(STARTING, signs={**STARTING.signs, Sign.INFANT: Weight(evidence=20, consequence=0)})
    found = preview(STARTING, draft, [*HARM, *INFANT], NOW, above=9)
    # Nine places, none of which is one for the oldest.
    assert (found.rises, found.falls, found.stays) == (9, 9, 0)
    assert len(found.rising) == len(found.falling) == NAMED_MAX
    assert all(one.after <= 9 < one.before and one.report_id > 10 for one in found.rising)
    assert all(one.before <= 9 < one.after and one.report_id <= 10 for one in found.falling)


def test_as_many_rise_as_fall_unless_all_are_above() -> None:
    draft = replace(STARTING, oldest_percent=50)
    for above in (0, 5, 13, 20, 100):
        found = preview(STARTING, draft, [*HARM, *INFANT], NOW, above=above)
        assert found.rises == found.falls
        assert found.rises + found.stays == min(above, 20)
