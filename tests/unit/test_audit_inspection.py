"""How a chain is judged, without a database: what is given to the inspector, and what it says."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vangnet.audit.chain import GENESIS, VANISHED, SealRow, leaf, link
from vangnet.audit.inspection import Inspector
from vangnet.audit.problem import Problem, ProblemKind

_AT_US = 1_795_266_127_000_000


@dataclass
class Trail:
    """A true chain of events 1 to n, to be spoiled."""

    length: int
    rows: list[SealRow] = field(default_factory=list)
    events: dict[int, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        chain = GENESIS
        for number in range(1, self.length + 1):
            self.events[number] = b"event %d" % number
            event_leaf = leaf(self.events[number])
            chain = link(chain, number, _AT_US + number, event_leaf)
            self.rows.append((number, number, event_leaf, chain, _AT_US + number))

    def judged(self, *strays: tuple[int, bytes], batch: int = 7) -> list[Problem]:
        """What the inspector finds, given the rows in batches."""
        found: list[Problem] = []
        inspector = Inspector(found.append)
        for first in range(0, len(self.rows), batch):
            inspector.inspect(self.rows[first : first + batch], self.events)
        for event_id, encoded in strays:
            inspector.inspect_stray(event_id, encoded)
        inspector.finish()
        return found


@given(st.integers(0, 50), st.integers(1, 60))
def test_a_true_chain_has_no_problem_however_it_is_read(length: int, batch: int) -> None:
    assert Trail(length).judged(batch=batch) == []


@given(st.data())
def test_any_row_with_any_other_value_is_found_at_its_place(data: st.DataObject) -> None:
    trail = Trail(data.draw(st.integers(1, 30)))
    place = data.draw(st.integers(0, len(trail.rows) - 1))
    column = data.draw(st.integers(1, 4))
    row: list[Any] = list(trail.rows[place])
    other = {
        1: st.integers(1, 99),
        2: st.binary(max_size=40),
        3: st.binary(max_size=40),
        4: st.none() | st.integers(-(2**63), 2**63 - 1),
    }[column]
    row[column] = data.draw(other.filter(lambda value: value != row[column]))
    trail.rows[place] = (row[0], row[1], row[2], row[3], row[4])
    problems = trail.judged()
    assert {problem.position for problem in problems} == {place + 1}
    if column != 1:
        assert [problem.kind for problem in problems] == [ProblemKind.SEAL_CHANGED]


@given(st.integers(1, 30), st.data())
def test_any_other_event_is_found_at_its_place(length: int, data: st.DataObject) -> None:
    trail = Trail(length)
    event_id = data.draw(st.integers(1, length))
    trail.events[event_id] = data.draw(st.binary(max_size=20).filter(lambda encoded: encoded != trail.events[event_id]))
    assert trail.judged() == [Problem(kind=ProblemKind.EVENT_CHANGED, position=event_id, event_id=event_id)]


def test_an_event_and_its_seal_changed_to_match_break_the_chain_only_there() -> None:
    trail = Trail(9)
    trail.events[4] = b"another event"
    position, event_id, _, chain, at_us = trail.rows[3]
    trail.rows[3] = (position, event_id, leaf(trail.events[4]), chain, at_us)
    assert [(problem.kind, problem.position) for problem in trail.judged()] == [(ProblemKind.SEAL_CHANGED, 4)]


def test_an_event_that_a_later_link_proves_is_not_blamed_for_its_seal() -> None:
    trail = Trail(9)
    position, event_id, _, _, at_us = trail.rows[3]
    trail.rows[3] = (position, event_id, b"l" * 32, b"c" * 32, at_us)
    assert [(problem.kind, problem.position) for problem in trail.judged()] == [(ProblemKind.SEAL_CHANGED, 4)]


def test_a_broken_end_is_named_although_no_link_follows() -> None:
    trail = Trail(9)
    position, event_id, own_leaf, _, at_us = trail.rows[8]
    trail.rows[8] = (position, event_id, own_leaf, b"c" * 32, at_us)
    assert [(problem.kind, problem.position) for problem in trail.judged()] == [(ProblemKind.SEAL_CHANGED, 9)]


def test_neighbours_that_both_break_are_named_as_one_stretch() -> None:
    trail = Trail(9)
    for place in (3, 4, 5):
        position, event_id, own_leaf, chain, at_us = trail.rows[place]
        trail.rows[place] = (position, event_id, own_leaf, chain, (at_us or 0) + 1)
    assert trail.judged() == [Problem(kind=ProblemKind.SEALS_CHANGED, position=4, through=6)]


def test_a_seal_that_follows_a_gap_and_does_not_fit_what_follows_is_part_of_the_break() -> None:
    trail = Trail(9)
    position, event_id, own_leaf, _, at_us = trail.rows[4]
    trail.rows[4] = (position, event_id, own_leaf, b"c" * 32, at_us)
    del trail.rows[3]
    assert trail.judged() == [
        Problem(kind=ProblemKind.SEALS_REMOVED, position=4, through=4),
        Problem(kind=ProblemKind.SEALS_CHANGED, position=5, through=6),
    ]


@pytest.mark.parametrize("true_one_first", [True, False])
def test_of_two_events_with_one_id_the_false_one_is_the_stray(true_one_first: bool) -> None:
    trail = Trail(9)
    true, false = trail.events[4], b"another event"
    trail.events[4] = true if true_one_first else false
    expected = [Problem(kind=ProblemKind.EVENT_INSERTED, event_id=4)]
    assert trail.judged((4, false if true_one_first else true)) == expected


def test_an_event_that_is_there_twice_over_is_named_for_each_copy() -> None:
    trail = Trail(9)
    copies = [(4, trail.events[4])] * 2
    assert trail.judged(*copies) == [Problem(kind=ProblemKind.EVENT_INSERTED, event_id=4)] * 2


def test_events_that_vanished_before_they_were_sealed_are_each_named() -> None:
    trail = Trail(3)
    chain = trail.rows[-1][3]
    for position in (4, 5):
        chain = link(chain, position, _AT_US, VANISHED)
        trail.rows.append((position, position + 100, VANISHED, chain, _AT_US))
    assert [(problem.kind, problem.event_id) for problem in trail.judged()] == [
        (ProblemKind.EVENT_REMOVED, 104),
        (ProblemKind.EVENT_REMOVED, 105),
    ]


def test_more_mismatches_than_are_kept_in_memory_are_all_named() -> None:
    count = 10_050
    trail = Trail(count)
    trail.events = {number: encoded + b"!" for number, encoded in trail.events.items()}
    problems = trail.judged(*((number + 1_000_000, b"stray %d" % number) for number in range(count)))
    assert sum(problem.kind is ProblemKind.EVENT_CHANGED for problem in problems) == count
    assert sum(problem.kind is ProblemKind.EVENT_INSERTED for problem in problems) == count
    assert len(problems) == 2 * count
