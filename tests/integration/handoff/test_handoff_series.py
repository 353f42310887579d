"""Many hand-offs through a network that breaks: each is taken exactly once, in order, and each is acknowledged."""

from running.fault_proxy import Fault
from running.houses import House, hand_over_under_faults

COUNT = 25


def test_each_handoff_is_taken_once_and_acknowledged_whatever_breaks(hotline: House, police: House, seed: int) -> None:
    faults = hand_over_under_faults(hotline, police, count=COUNT, seed=seed)
    broken = faults.total() - faults[Fault.NONE]
    assert broken >= COUNT / 4, "the series must be one in which much breaks"
