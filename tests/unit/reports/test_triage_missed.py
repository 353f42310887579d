"""What the random sample says about the reports below the line: the interval, and what is not opened yet."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vangnet.errors import InvalidInput
from vangnet.reports.rules.desk.missed import MissedShare, NotKnown, missed_share


def known(drawn: int, urgent: int, opened: int | None = None) -> MissedShare:
    """The share where something was opened."""
    found = missed_share(drawn=drawn, opened=drawn if opened is None else opened, urgent=urgent)
    assert isinstance(found, MissedShare)
    return found


def test_where_nothing_was_opened_nothing_is_known() -> None:
    assert missed_share(drawn=0, opened=0, urgent=0) == NotKnown(drawn=0)
    assert missed_share(drawn=40, opened=0, urgent=0) == NotKnown(drawn=40)


def test_what_is_not_opened_yet_may_be_either() -> None:
    some, all_ = known(100, 2, opened=90), known(100, 2)
    assert some.low == all_.low
    assert some.high == known(100, 12).high
    assert some.share == 2 / 90


@pytest.mark.parametrize(("drawn", "opened", "urgent"), [(1, 2, 0), (2, 1, 2), (1, 1, -1)])
def test_numbers_that_cannot_be_are_refused(drawn: int, opened: int, urgent: int) -> None:
    with pytest.raises(InvalidInput):
        missed_share(drawn=drawn, opened=opened, urgent=urgent)


@given(st.integers(1, 400).flatmap(lambda drawn: st.tuples(st.just(drawn), st.integers(0, drawn))))
def test_the_share_is_in_its_interval_and_more_urgent_ones_move_both_ends_up(numbers: tuple[int, int]) -> None:
    drawn, urgent = numbers
    found = known(drawn, urgent)
    assert found.low <= found.share <= found.high
    assert found.of(1000)[0] <= found.share * 1000 <= found.of(1000)[1]
    if urgent < drawn:
        more = known(drawn, urgent + 1)
        assert more.low > found.low or math.isclose(more.low, found.low)
        assert more.high >= found.high
