"""How long answers took, told from classes; and how often an alarm may be false, told from a few that were looked at."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
