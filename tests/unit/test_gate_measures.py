"""How long answers took, told from classes; and how often an alarm may be false, told from a few that were looked at."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vangnet.gate.false_alarms import upper_bound
from vangnet.gate.measures import BEYOND_US, ENDS_US, class_of, quantile_s


@pytest.mark.parametrize(
    ("seconds", "up_to"),
    [(0.0, 100), (0.0001, 100), (0.000101, 250), (0.002, 2_000), (30.0, 30_000_000), (30.1, BEYOND_US)],
)
def test_a_time_falls_in_its_class(seconds: float, up_to: int) -> None:
    assert class_of(seconds) == up_to


def test_nothing_has_no_quantile() -> None:
    assert quantile_s({}, 0.5) is None


@given(st.lists(st.floats(0.0001, 29.0), min_size=1, max_size=200), st.sampled_from([0.5, 0.95, 0.99]))
def test_a_quantile_lies_in_the_class_of_the_true_one(times: list[float], share: float) -> None:
    counted: dict[int, int] = {}
    for seconds in times:
        counted[class_of(seconds)] = counted.get(class_of(seconds), 0) + 1
    told = quantile_s(counted, share)
    assert told is not None
    true = next(one for number, one in enumerate(sorted(times), 1) if number >= share * len(times))
    after = ENDS_US[min(ENDS_US.index(class_of(told)) + 1, len(ENDS_US) - 1)]
    assert class_of(told) <= class_of(true) <= after


@pytest.mark.parametrize(("wrong", "looked_at"), [(0, 1), (0, 10), (1, 20), (5, 50), (40, 41), (3, 400)])
def test_with_the_upper_bound_so_few_come_about_in_one_case_of_twenty(wrong: int, looked_at: int) -> None:
    bound = upper_bound(wrong, looked_at)
    likely = sum(
        math.comb(looked_at, number) * bound**number * (1 - bound) ** (looked_at - number) for number in range(wrong + 1)
    )
    assert likely == pytest.approx(0.05, abs=1e-9)


def test_of_nothing_and_of_nothing_but_false_alarms_no_bound_is_known() -> None:
    assert upper_bound(0, 0) == upper_bound(3, 3) == 1.0


def test_the_upper_bound_holds_in_nineteen_of_twenty_trials() -> None:
    chance, share, looked_at, trials = random.Random(20261122), 0.07, 60, 400  # noqa: S311 (a trial)
    covered = sum(
        upper_bound(sum(chance.random() < share for _ in range(looked_at)), looked_at) >= share for _ in range(trials)
    )
    assert covered / trials >= 0.93


def test_a_million_looks_are_no_trouble() -> None:
    assert upper_bound(0, 1_000_000) == pytest.approx(3e-6, rel=0.01)
