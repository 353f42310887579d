"""Exact intervals of a share: against tables, against their definition in whole fractions, and in trials."""

import math
import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vangnet.proportions import interval, upper_bound


def at_most(found: int, of: int, share: float) -> Fraction:
    """How likely so few are, without any rounding."""
    each = Fraction(share)
    return sum(
        (math.comb(of, number) * each**number * (1 - each) ** (of - number) for number in range(found + 1)), Fraction(0)
    )


@pytest.mark.parametrize(
    ("found", "of", "low", "high"),
    [
        # From the closed forms: 1 - 0.025 ** (1 / n), and 0.025 ** (1 / n).
        (0, 10, 0.0, 0.30850),
        (0, 100, 0.0, 0.03622),
        (10, 10, 0.69150, 1.0),
        # Of the tables of Clopper and Pearson.
        (1, 10, 0.00253, 0.44502),
        (5, 20, 0.08657, 0.49105),
        (1, 100, 0.00025, 0.05446),
    ],
)
def test_the_interval_is_that_of_the_tables(found: int, of: int, low: float, high: float) -> None:
    assert interval(found, of) == (pytest.approx(low, abs=6e-6), pytest.approx(high, abs=6e-6))


@given(st.integers(1, 80).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_at_its_ends_what_was_found_comes_about_in_one_case_of_forty(numbers: tuple[int, int]) -> None:
    found, of = numbers
    low, high = interval(found, of)
    assert 0 <= low <= found / of <= high <= 1
    if found:
        assert float(1 - at_most(found - 1, of, low)) == pytest.approx(0.025, abs=1e-9)
    if found < of:
        assert float(at_most(found, of, high)) == pytest.approx(0.025, abs=1e-9)


@given(st.integers(1, 80).flatmap(lambda of: st.tuples(st.integers(0, of - 1), st.just(of))))
def test_at_the_upper_bound_so_few_come_about_in_one_case_of_twenty(numbers: tuple[int, int]) -> None:
    found, of = numbers
    assert float(at_most(found, of, upper_bound(found, of))) == pytest.approx(0.05, abs=1e-9)


def test_of_nothing_and_of_nothing_but_what_was_found_no_bound_is_known() -> None:
    assert upper_bound(0, 0) == upper_bound(3, 3) == 1.0


def test_the_bounds_hold_as_often_as_they_say() -> None:
    chance, trials = random.Random(20261122), 400  # noqa: S311 (a trial)
    for share, of in ((0.002, 300), (0.01, 300), (0.07, 60), (0.5, 40)):
        counts = [sum(chance.random() < share for _ in range(of)) for _ in range(trials)]
        two_deviations = 2 * math.sqrt(trials * 0.95 * 0.05)
        least = 0.95 * trials - two_deviations
        assert sum(low <= share <= high for low, high in (interval(found, of) for found in counts)) >= least
        assert sum(share <= upper_bound(found, of) for found in counts) >= least


@pytest.mark.parametrize("found", [0, 1, 500_000, 999_999, 1_000_000])
def test_a_million_are_no_trouble(found: int) -> None:
    low, high = interval(found, 1_000_000)
    mirrored = interval(1_000_000 - found, 1_000_000)
    assert low <= found / 1_000_000 <= high
    assert (low, high) == (pytest.approx(1 - mirrored[1], abs=1e-12), pytest.approx(1 - mirrored[0], abs=1e-12))
    assert upper_bound(0, 1_000_000) == pytest.approx(3e-6, rel=0.01)
