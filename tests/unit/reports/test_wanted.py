"""What somebody wants to see of the queue, as an address says it, and how near a clock is."""

from datetime import UTC, datetime, timedelta

import pytest

from vangnet.errors import InvalidInput
from vangnet.reports.model.drafts import Incident, Source
from vangnet.reports.model.wanted import Pressing, Wanted, pressing, read_wanted

NOW = datetime(2026, 11, 21, 13, 2, tzinfo=UTC)


def test_a_filter_is_read_as_it_was_written() -> None:
    wanted = Wanted(source=Source.MAIL, language="nl", incident=Incident.EXTORTION, unseen=True, clock=True)
    assert read_wanted(wanted.given()) == wanted
    assert read_wanted({}).everything
    assert not wanted.everything


@pytest.mark.parametrize("given", [{"source": "pigeon"}, {"language": "n"}, {"language": "n1"}, {"incident": "x"}])
def test_what_is_no_code_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        read_wanted(given)


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (timedelta(0), Pressing.GONE),
        (timedelta(days=1), Pressing.VERY_SOON),
        (timedelta(days=1, seconds=1), Pressing.SOON),
        (timedelta(days=3), Pressing.SOON),
        (timedelta(days=3, seconds=1), Pressing.LATER),
    ],
)
def test_a_clock_presses_by_what_is_left(left: timedelta, expected: Pressing) -> None:
    assert pressing(NOW + left, NOW) is expected
