"""The simulation of triage: it does what it says, our way of choosing is the order of the rules, and it sees no truth."""

import json
import random
from array import array
from dataclasses import replace
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from vangnet.cli.simulate import app
from vangnet.reports.model.facts import Sayer
from vangnet.reports.model.triage_policy import STARTING, Equals
from vangnet.reports.rules.desk.missed import MissedShare
from vangnet.reports.rules.triage.order import order
from vangnet.simulation.assumptions import ASSUMED, DAY_S, HOUR_S, Kind, Mark
from vangnet.simulation.caseload import NEVER, START, Caseload, Pattern, make
from vangnet.simulation.triage_queues import Clairvoyant, FirstIn, Ours, SeverityOnly, Waiting
from vangnet.simulation.triage_runs import Chooser, Run, outcome, run, work

#: A desk of which a year has some 37,000 reports, so that a run takes a second.
SMALL = replace(ASSUMED, watch=1, desk=1)


@pytest.fixture(scope="module")
def three_times() -> Run:
    """A small desk with three times the work that it can do."""
    return run(years=1, load=3, seed=21, assumed=SMALL)


# --- the caseload ---


def test_a_caseload_is_that_of_its_seed() -> None:
    first, again, other = (make(SMALL, days=20, load=2, seed=seed) for seed in (4, 4, 5))
    assert first == again
    assert first.arrived != other.arrived


def test_at_load_one_as_much_comes_in_as_can_be_opened() -> None:
    caseload = make(SMALL, days=365, load=1, seed=4)
    assert len(caseload) == pytest.approx(SMALL.opened_a_day * 365, rel=0.02)
    assert list(caseload.arrived) == sorted(caseload.arrived)
    assert caseload.arrived[-1] < caseload.end_s


def test_each_year_has_more_reports_than_the_last() -> None:
    arrived = make(SMALL, days=730, load=1, seed=4).arrived
    first = sum(at < 365 * DAY_S for at in arrived)
    assert (len(arrived) - first) / first == pytest.approx(SMALL.growth_a_year, rel=0.03)


def test_signs_are_there_as_often_as_is_assumed() -> None:
    caseload = make(ASSUMED, days=200, load=3, seed=9)
    for mark in (Mark.DANGER_NOW, Mark.LIVE, Mark.UNSEEN):
        should: list[bool] = []
        should_not: list[bool] = []
        for number in range(len(caseload)):
            kind = tuple(Kind)[caseload.truth[number] - 1] if caseload.truth[number] else None
            rightly = kind is not None and mark in ASSUMED.shown_by[kind]
            (should if rightly else should_not).append(mark in caseload.patterns[caseload.pattern_of[number]].marks)
        assert sum(should) / len(should) == pytest.approx(0.8, abs=0.07)
        assert sum(should_not) / len(should_not) == pytest.approx(0.05, abs=0.005)
    urgent = len(caseload) - caseload.truth.count(0)
    assert urgent / len(caseload) == pytest.approx(0.01, abs=0.001)


def test_marks_that_hang_together_are_as_frequent_one_by_one() -> None:
    caseload = make(replace(SMALL, dependence=1.0, prevalence=0.0), days=300, load=3, seed=9)
    marks = [caseload.patterns[pattern].marks for pattern in caseload.pattern_of]
    assert {len(some) for some in marks} == {0, len(Mark)}
    assert sum(map(bool, marks)) / len(marks) == pytest.approx(0.05, abs=0.005)


# --- our way of choosing ---


@pytest.mark.parametrize("equals", Equals)
@pytest.mark.parametrize("number", range(4))
def test_the_next_report_is_the_first_of_the_order_of_the_rules(equals: Equals, number: int, seed: int) -> None:
    """Reports come in and are opened at random; each time, our heaps and the rules themselves name the same one."""
    chance = random.Random(f"{seed} {number}")  # noqa: S311
    assumed = replace(SMALL, watch=1, desk=0, clock_days=4.0, with_clock=0.7, prevalence=0.2)
    caseload = make(assumed, days=6, load=1.5, seed=chance.randrange(10**6))
    # Many are drawn, so that these are compared as well.
    policy = replace(STARTING, among_equals=equals, drawn_permille=200, oldest_percent=15, backlog_days=2)
    ours = Ours(caseload, policy, chance.random)
    now_s = admitted = taken = 0
    while admitted < len(caseload):
        now_s += chance.choice((60, 600, 4 * HOUR_S))
        while admitted < len(caseload) and caseload.arrived[admitted] <= now_s:
            if ours.admit(admitted) and chance.random() < 0.5:
                ours.looked(admitted, now_s)
            admitted += 1
        for _ in range(chance.randrange(4)):
            chosen = ours.next(now_s)
            waiting = [
                caseload.facts(one, now_s=now_s, drawn=one in ours.drawn, no_danger=one in ours.no_danger)
                for one in range(admitted)
                if ours.opened[one] < 0
            ]
            places = order(policy, waiting, START + timedelta(seconds=now_s), taken=taken).places
            assert chosen == (places[0].report_id if places else None)
            if chosen is not None:
                ours.opened[chosen] = now_s
                taken += 1
    assert taken > 20


def test_our_way_sees_no_truth() -> None:
    """The same reports with other truths: the same order."""
    caseload = make(SMALL, days=20, load=3, seed=8)
    orders = []
    for truth in (caseload.truth, bytes(len(caseload)), bytes([1]) * len(caseload)):
        chance = random.Random(3)  # noqa: S311
        ours = Ours(replace(caseload, truth=truth), STARTING, chance.random)
        called = [ours.admit(number) for number in range(len(caseload))]
        opened = []
        for at in range(caseload.end_s, caseload.end_s + 500):
            number = ours.next(at)
            assert number is not None
            ours.opened[number] = at
            opened.append(number)
        orders.append((called, opened))
    assert orders[0] == orders[1] == orders[2]


# --- what comes of it ---


def test_at_three_times_the_load_ours_is_near_the_bound_and_far_above_today(three_times: Run) -> None:
    fifo, severity, ours, bound = (three_times.outcome(chooser) for chooser in Chooser)
    assert bound.urgent_within_24h == 1.0
    assert ours.urgent_within_24h is not None
    assert ours.urgent_within_24h >= 0.95
    for today in (fifo, severity):
        assert today.urgent_within_24h is not None
        assert today.urgent_within_24h < 0.6
        assert ours.starved < today.starved
        assert ours.clocks_missed < today.clocks_missed


def test_nobody_opens_more_than_there_are_minutes(three_times: Run) -> None:
    most = SMALL.opened_a_day * 365
    for found in three_times.outcomes:
        # Being called away is interrupted work, which is finished later: a handful at the end.
        assert found.opened <= most * 1.02


def test_the_sample_below_the_line_says_what_is_true() -> None:
    """With signs that tell nothing, one in twenty below the line is urgent; over many caseloads the interval holds it."""
    assumed = replace(SMALL, desk=0).with_marks(sensitivity=0.05, false_alarms=0.05).with_prevalence(0.05)
    held = 0
    for seed in range(8):
        missed = run(years=1, load=2, seed=seed, assumed=assumed, beside_ours=()).missed
        assert isinstance(missed.estimated, MissedShare)
        assert missed.truth is not None
        held += missed.estimated.low <= missed.truth <= missed.estimated.high
    assert held >= 7


@pytest.mark.parametrize(("load", "seed"), [(0.95, 34), (1, 21), (3, 33)])
def test_with_signs_that_tell_nothing_ours_is_no_worse_than_first_in_first_out(load: float, seed: int) -> None:
    """At load 1 the queue is as long as can be while nearly all is opened in time; of all loads that is the hardest."""
    assumed = SMALL.with_marks(sensitivity=0.05, false_alarms=0.05)
    found = run(years=1, load=load, seed=seed, assumed=assumed, beside_ours=[Chooser.FIFO])
    fifo, ours = found.outcome(Chooser.FIFO), found.outcome(Chooser.OURS)
    assert (fifo.urgent_within_24h or 0) > 0.99 or load > 1
    assert (ours.urgent_within_24h or 0) >= (fifo.urgent_within_24h or 0)
    assert (ours.danger_within_15_min or 0) >= (fifo.danger_within_15_min or 0)
    assert ours.starved <= fifo.starved


def test_where_all_can_just_be_opened_urgent_reports_do_not_wait_for_the_others(three_times: Run) -> None:
    """The last hours of some do not take the places of those with signs that tell something."""
    found = run(years=1, load=1, seed=21, assumed=SMALL, beside_ours=())
    assert found.outcome(Chooser.OURS).urgent_within_24h == 1.0
    three = three_times.outcome(Chooser.OURS).danger_within_15_min or 0
    assert (found.outcome(Chooser.OURS).danger_within_15_min or 0) > three - 0.03


class EverybodyCalls(FirstIn):
    """First in, first out, and a person is called for each report."""

    def admit(self, number: int) -> bool:
        """Calls somebody."""
        super().admit(number)
        return True


@pytest.mark.parametrize(("lost", "minutes"), [(0, 20), (5, 25)])
def test_the_minutes_of_a_look_are_worked_once_and_never_for_nothing(lost: int, minutes: int) -> None:
    """A thousand reports at once, a look for each, and somebody who is always there."""
    caseload = hand_made([0] * 1000, [0] * 1000)
    waiting = EverybodyCalls(caseload)
    work(caseload, waiting, replace(ASSUMED, watch=1, desk=0, look_lost_minutes=lost))
    done = sum(at >= 0 for at in waiting.opened)
    worked = done * minutes + (1000 - done) * 5
    assert worked == pytest.approx(10 * 24 * 60, abs=2 * minutes)


def hand_made(arrived: list[int], truth: list[int], expires: list[int] | None = None) -> Caseload:
    """A caseload of a few reports, of which nothing can be seen."""
    return Caseload(
        end_s=10 * DAY_S,
        arrived=array("q", arrived),
        patterns=(Pattern(frozenset(), Sayer.COMPANY, False),),
        pattern_of=array("l", [0] * len(arrived)),
        expires=array("q", expires or [NEVER] * len(arrived)),
        truth=bytes(truth),
    )


def test_the_figures_are_counted_as_they_are_described() -> None:
    assumed = replace(ASSUMED, starved_days=2)
    caseload = hand_made([0, 0, 0, 0, 9 * DAY_S + 1], [1, 1, 2, 0, 1], [NEVER, NEVER, 100, 200, NEVER])
    waiting = FirstIn(caseload)
    waiting.opened = [15 * 60, 15 * 60 + 1, DAY_S + 1, -1, -1]
    found = outcome(caseload, Chooser.FIFO, waiting, assumed, STARTING)
    assert found.danger_within_15_min == 1 / 2
    assert found.urgent_within_24h == 2 / 3
    assert found.starved == 1
    assert found.clocks_missed == 2
    assert found.opened == 3


def test_where_nothing_is_urgent_no_share_is_told() -> None:
    caseload = hand_made([0], [0])
    found = outcome(caseload, Chooser.FIFO, FirstIn(caseload), ASSUMED, STARTING)
    assert found.urgent_within_24h is None
    assert found.danger_within_15_min is None


@pytest.mark.parametrize(
    ("way", "expected"), [(FirstIn, [0, 1, 2, 3]), (SeverityOnly, [0, 1, 2, 3]), (Clairvoyant, [2, 1, 0, 3])]
)
def test_who_is_next(way: type[Waiting], expected: list[int]) -> None:
    waiting = way(hand_made([0, 1, 2, 3], [0, 2, 1, 0]))
    for number in range(4):
        waiting.admit(number)
    found = []
    for at in range(10, 14):
        first = waiting.next(at)
        assert first is not None
        waiting.opened[first] = at
        found.append(first)
    assert found == expected
    assert waiting.next(14) is None


def test_people_open_at_their_hours_and_each_so_many_as_the_minutes_allow() -> None:
    caseload = hand_made([0] * 2000, [0] * 2000)
    waiting = FirstIn(caseload)
    work(caseload, waiting, replace(ASSUMED, watch=0, desk=2))
    opened = [at for at in waiting.opened if at >= 0]
    # Ten days of ten hours, two people, three an hour.
    assert len(opened) == 600
    assert {at % DAY_S // HOUR_S for at in opened} == set(range(8, 18))


# --- the command ---


def test_the_command_prints_what_was_asked_for() -> None:
    # In this process: nothing of an installation is touched, and the imports are what takes time.
    done = CliRunner().invoke(app, ["triage", "--years", "1", "--load", "0.2", "--seed", "7", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert [record["policy"] for record in told["policies"]] == ["fifo", "severity", "ours", "bound"]
    names = ["policy", "urgent_within_24h", "danger_within_15_min", "starved", "clocks_missed"]
    assert all(list(record) == names for record in told["policies"])
    assert told["policies"][3]["urgent_within_24h"] == 1.0
    # At a fifth of the load nothing is below the line, so what is missed there is not known.
    assert told["missed_below_the_line"]["share"] is None


def test_the_command_prints_a_table_and_says_what_is_not_known() -> None:
    done = CliRunner().invoke(app, ["triage", "--load", "0.1", "--seed", "7", "--prevalence", "0"])
    assert done.exit_code == 0, done.output
    assert "not known" in done.stdout
    assert "not known" in done.stderr


def test_a_load_that_cannot_be_is_refused() -> None:
    assert CliRunner().invoke(app, ["triage", "--load", "0"]).exit_code == 2
    assert CliRunner().invoke(app, ["triage", "--years", "6"]).exit_code == 2


def test_a_report_of_the_simulation_has_the_number_of_its_place() -> None:
    assert make(SMALL, days=2, load=1, seed=1).facts(1, now_s=0).report_id == 1
