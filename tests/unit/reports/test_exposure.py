"""What somebody was shown is added up truly, and told to others only where five people or more are in the sum."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vangnet.errors import Conflict, InvalidInput
from vangnet.hashing.model import PARTS
from vangnet.reports.model.looks import (
    BLURRED_SIDE,
    SECONDS_MAX,
    Look,
    LookStep,
    Size,
    Wanted,
    checked_choice,
    checked_why,
    prolonged,
    require_in_order,
    until,
)
from vangnet.reports.rules.assessment.agreement import PAIRS_MIN, agreement
from vangnet.reports.rules.assessment.answers import AssessedClass
from vangnet.reports.rules.assessment.exposure import Fill, Meter, day_of, require_room, seconds_of, sum_of
from vangnet.vault.model import OpenReason

NOW = datetime(2026, 11, 21, 13, 2, 7, tzinfo=UTC)
ANNA = uuid.UUID(int=1)
SECONDS = st.integers(-5, 200)


def look(step: LookStep = LookStep.WHOLE, *, lasts: int = 10, covered: int | None = None, file_id: int = 1) -> Look:
    return Look(
        id=1, file_id=file_id, report_id=1, person_id=ANNA, step=step, reason=OpenReason.ASSESSMENT, at=NOW, shown_at=NOW,
        until_at=NOW + timedelta(seconds=lasts),
        covered_at=None if covered is None else NOW + timedelta(seconds=covered),
    )  # fmt: skip


@given(lasts=st.integers(3, 60), covered=st.none() | st.integers(0, 100), later=SECONDS)
def test_a_look_lasts_until_it_is_covered_and_never_longer_than_its_time(
    lasts: int, covered: int | None, later: int
) -> None:
    spent = seconds_of(look(lasts=lasts, covered=covered), now=NOW + timedelta(seconds=later))
    assert spent == max(0, min(lasts, later, lasts if covered is None else covered))


def test_what_was_never_sent_counts_for_nothing() -> None:
    never = Look(
        id=1, file_id=1, report_id=1, person_id=ANNA, step=LookStep.WHOLE, reason=OpenReason.ASSESSMENT, at=NOW,
        shown_at=None, until_at=None, covered_at=None,
    )  # fmt: skip
    assert day_of([never], now=NOW + timedelta(hours=1)).looks == 0


def test_a_day_tells_sharp_from_blurred_and_counts_a_file_once() -> None:
    looks = [look(LookStep.BLURRED), look(LookStep.PART), look(), look(), look(file_id=2, covered=3)]
    day = day_of(looks, now=NOW + timedelta(hours=1))
    assert (day.looks, day.blurred_seconds, day.sharp_seconds, day.viewed) == (5, 10, 33, 2)


def test_the_budget_proposes_a_break_and_ends_but_for_danger() -> None:
    fills = [Meter(sharp_seconds=seconds, budget_seconds=5400).fill for seconds in (0, 4319, 4320, 5399, 5400)]
    assert fills == [Fill.WITHIN, Fill.WITHIN, Fill.BREAK, Fill.BREAK, Fill.OVER]
    over = Meter(sharp_seconds=5400, budget_seconds=5400)
    require_room(over, danger=True)
    with pytest.raises(Conflict):
        require_room(over, danger=False)


@given(st.dictionaries(st.uuids(), st.tuples(st.integers(0, 99), st.integers(0, 9999)), max_size=9))
def test_fewer_than_five_people_are_never_told(people: dict[uuid.UUID, tuple[int, int]]) -> None:
    found = sum_of(people)
    assert (found is None) is (len(people) < 5)
    if found is not None:
        assert found.people == len(people)
        assert (found.looks, found.sharp_seconds) == tuple(map(sum, zip(*people.values(), strict=True)))


# --- looks ---


@given(st.sampled_from(list(LookStep)), st.integers(0, 9), st.integers(1, 5), st.booleans(), st.sampled_from(list(Size)))
def test_no_look_has_more_pixels_than_its_step_and_size_allow(
    step: LookStep, part: int, blur: int, grey: bool, size: Size
) -> None:
    if (step is LookStep.PART) != (1 <= part <= PARTS):
        with pytest.raises(InvalidInput):
            Wanted(step=step, part=part, blur=blur, grey=grey, size=size)
        return
    asked = Wanted(step=step, part=part, blur=blur, grey=grey, size=size).excerpt
    most = {Size.S: 160, Size.M: 480, Size.L: 1200}[size]
    assert asked.longest_side == (BLURRED_SIDE[blur] if step is LookStep.BLURRED else most)
    assert (asked.part, asked.grey) == (part, grey)
    assert max(BLURRED_SIDE.values()) < 64, "with more pixels it would be no blur"


def test_a_sharp_look_comes_after_a_blurred_one() -> None:
    require_in_order(LookStep.BLURRED, [])
    require_in_order(LookStep.WHOLE, [LookStep.BLURRED])
    for step in (LookStep.PART, LookStep.WHOLE):
        with pytest.raises(Conflict):
            require_in_order(step, [])


@given(st.integers(-10, 1000))
def test_the_server_bounds_the_time_whatever_was_chosen(seconds: int) -> None:
    assert 3 <= (until(NOW, seconds) - NOW).total_seconds() <= SECONDS_MAX


def test_more_time_ends_at_a_minute() -> None:
    assert prolonged(look(lasts=10), now=NOW) == NOW + timedelta(seconds=20)
    assert prolonged(look(lasts=55), now=NOW) == NOW + timedelta(seconds=60)
    for over in (look(covered=1), look(lasts=10)):
        with pytest.raises(Conflict):
            prolonged(over, now=NOW + timedelta(seconds=10))


def test_a_choice_and_a_reason_are_bounded() -> None:
    assert checked_choice(seconds=3, blur=5, size="L").size is Size.L
    for seconds, blur, size in ((2, 3, "S"), (61, 3, "S"), (10, 0, "S"), (10, 6, "S"), (10, 3, "XL")):
        with pytest.raises(InvalidInput):
            checked_choice(seconds=seconds, blur=blur, size=size)
    assert checked_why("  to see   it once more ") == "to see it once more"
    for why in ("", "because", "x" * 301, " " * 40):
        with pytest.raises(InvalidInput):
            checked_why(why)


# --- agreement ---

BASE, NAT = AssessedClass.BASELINE, AssessedClass.NATIONAL


def test_agreement_is_not_told_of_a_few_pairs() -> None:
    assert agreement([(BASE, BASE)] * (PAIRS_MIN - 1)) is None
    assert agreement([(BASE, BASE)] * PAIRS_MIN) is not None


def test_kappa_is_what_cohen_worked_out() -> None:
    # J. Cohen's measure on a table of 50: 20 and 15 agree, 5 and 10 do not: 0.7 observed, 0.5 by chance.
    found = agreement([(BASE, BASE)] * 20 + [(BASE, NAT)] * 5 + [(NAT, BASE)] * 10 + [(NAT, NAT)] * 15)
    assert found is not None
    assert (found.pairs, found.same, found.share) == (50, 35, 0.7)
    assert found.kappa == pytest.approx(0.4)
    assert found.low == pytest.approx(0.5539, abs=0.001)
    assert found.high == pytest.approx(0.8214, abs=0.001)


def test_where_chance_gives_all_of_it_there_is_no_kappa() -> None:
    found = agreement([(BASE, BASE)] * 30)
    assert found is not None
    assert (found.kappa, found.share, found.high) == (None, 1.0, 1.0)
    assert found.low < 0.9
