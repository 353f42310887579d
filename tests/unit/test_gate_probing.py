"""Who seems to try the lists out: the rule, at its edges, and what is remembered."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vangnet.gate.model import CheckAnswer, CheckMatch, Decision, Door, Outcome
from vangnet.gate.probing import Asker, ProbeLimits, Probing, Sign, asker_of, sign_of, withheld

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEY = Asker(key="a key")
UPLOADER = Asker(key="a key", uploader=b"u" * 32)
LIMITS = ProbeLimits(key_matches=10, key_share=0.1, key_variants=8, uploader_matches=4, uploader_variants=3)


def match(distance: int = 4, *, entry_id: int = 1, algorithm: str = "pdq", shadow: bool = False) -> CheckMatch:
    """A match as an answer tells it."""
    return CheckMatch(
        list_id=uuid.UUID(int=7), list_name="a list", entry_id=entry_id, classification="baseline", algorithm=algorithm,
        distance=distance, view="original", shadow=shadow,
    )  # fmt: skip


def answer(*matches: CheckMatch) -> CheckAnswer:
    """The answer of a check that found these."""
    found = any(not one.shadow for one in matches)
    return CheckAnswer(
        check_id=uuid.uuid4(),
        outcome=Outcome.MATCH if found else Outcome.NO_MATCH,
        decision=Decision.HOLD if found else Decision.ALLOW,
        matches=matches,
    )


@pytest.mark.parametrize(
    ("of_uploader", "matches", "checks", "variants", "expected"),
    [
        (True, 3, 3, 2, None),
        (True, 4, 4, 0, Sign.MATCHES),
        (True, 4, 1_000_000, 0, Sign.MATCHES),
        (True, 3, 3, 3, Sign.VARIANTS),
        (False, 9, 9, 7, None),
        (False, 10, 100, 0, Sign.MATCHES),
        (False, 10, 101, 0, None),  # A large platform has many matches, and they are a small part of what it takes.
        (False, 9, 9, 8, Sign.VARIANTS),
    ],
)
def test_the_rule_at_its_edges(of_uploader: bool, matches: int, checks: int, variants: int, expected: Sign | None) -> None:
    found = sign_of(LIMITS, of_uploader=of_uploader, matches=matches, checks=checks, variants=variants)
    assert found is expected


def test_variants_of_one_entry_raise_an_alarm_and_limit() -> None:
    probing = Probing(LIMITS)
    for distance in (4, 4, 6):
        probing.note([answer(match(distance))], asker=UPLOADER, now=NOW)
    assert not probing.is_limited(UPLOADER, now=NOW)
    probing.note([answer(match(8))], asker=UPLOADER, now=NOW)
    assert probing.is_limited(UPLOADER, now=NOW)
    assert not probing.is_limited(KEY, now=NOW)
    (alarm,) = probing.take_alarms()
    assert (alarm.sign, alarm.matches, len(alarm.decisions)) == (Sign.VARIANTS, 4, 4)
    assert not probing.is_limited(UPLOADER, now=NOW + LIMITS.lasts)


def test_what_is_no_look_alike_is_no_variant() -> None:
    probing = Probing(replace(LIMITS, uploader_matches=100))
    for number in range(20):
        exact = match(0, algorithm="sha256"), match(0), match(number, shadow=True), match(5, entry_id=100 + number)
        probing.note([answer(*exact)], asker=UPLOADER, now=NOW)
    assert probing.take_alarms() == []


def test_a_check_that_is_repeated_counts_once() -> None:
    probing = Probing(LIMITS)
    same = answer(match())
    for _ in range(50):
        probing.note([same], asker=UPLOADER, now=NOW)
    assert probing.take_alarms() == []


def test_what_was_before_the_window_is_forgotten() -> None:
    probing = Probing(LIMITS)
    for number in range(20):
        probing.note([answer(match(number))], asker=UPLOADER, now=NOW + number * LIMITS.window)
    assert probing.take_alarms() == []


def test_an_alarm_that_goes_on_is_raised_again_once_a_minute_at_most() -> None:
    probing = Probing(LIMITS)
    for second in range(180):
        probing.note([answer(match(second % 30))], asker=UPLOADER, now=NOW + timedelta(seconds=second))
    assert len(probing.take_alarms()) == 3


def test_whoever_is_lifted_elsewhere_begins_anew() -> None:
    probing = Probing(LIMITS)
    for distance in (4, 6, 8):
        probing.note([answer(match(distance))], asker=UPLOADER, now=NOW)
    probing.follow({})  # It is not written yet: the limit stands.
    assert probing.is_limited(UPLOADER, now=NOW)
    probing.take_alarms()
    probing.follow({UPLOADER: NOW + timedelta(hours=1)})
    probing.follow({})
    assert not probing.is_limited(UPLOADER, now=NOW)
    probing.note([answer(match(10))], asker=UPLOADER, now=NOW)
    assert not probing.is_limited(UPLOADER, now=NOW)


def test_whoever_is_limited_elsewhere_is_limited_here() -> None:
    probing = Probing(LIMITS)
    probing.follow({KEY: NOW + timedelta(minutes=1)})
    assert probing.is_limited(KEY, now=NOW)
    assert not probing.is_limited(KEY, now=NOW + timedelta(minutes=1))


def test_only_uploaders_are_ever_refused_and_only_where_that_was_chosen() -> None:
    until = {KEY: NOW + timedelta(minutes=1), UPLOADER: NOW + timedelta(minutes=1)}
    for chosen in (False, True):
        probing = Probing(replace(LIMITS, refuses_uploaders=chosen))
        probing.follow(until)
        assert probing.refused_for_s(KEY, now=NOW) == 0
        assert (probing.refused_for_s(UPLOADER, now=NOW) > 0) is chosen
        assert probing.refused_for_s(Asker(key="a key", uploader=b"v" * 32), now=NOW) == 0


def test_the_memory_is_bounded() -> None:
    probing = Probing(ProbeLimits(key_matches=10**9, key_variants=10**9))
    for _ in range(300):
        probing.note([answer(match(5)) for _ in range(10)], asker=KEY, now=NOW)
    memory = probing._memory[KEY]
    assert len(memory.seen) <= 1000
    assert memory.matches == 3000


@given(
    st.lists(st.builds(match, distance=st.integers(0, 64), entry_id=st.integers(1, 5), shadow=st.booleans()), max_size=6)
)
def test_what_is_withheld_tells_no_entry_and_changes_no_decision(matches: list[CheckMatch]) -> None:
    whole = answer(*matches)
    told = withheld(whole)
    assert told.withheld
    assert (told.check_id, told.outcome, told.decision) == (whole.check_id, whole.outcome, whole.decision)
    assert {(one.list_id, one.shadow) for one in told.matches} == {(one.list_id, one.shadow) for one in matches}
    assert len({(one.list_id, one.shadow) for one in told.matches}) == len(told.matches)
    for one in told.matches:
        assert (one.entry_id, one.distance, one.view, one.classification) == (0, 0, "", "")
        assert one.algorithm  # By which doors tell whether it is one of theirs: without it they would say "no match".


def test_a_door_without_log_in_is_an_asker_of_its_own() -> None:
    assert asker_of(None, Door.CLAMD) == Asker(key="clamd")
    assert asker_of("a key", Door.CLAMD) == KEY
