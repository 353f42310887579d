"""The order of reports: what holds whatever the policy and the reports are, and the points one by one."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vangnet.registry.model.classification import Classification
from vangnet.reports.model.drafts import Incident, ReporterKind, Sign, Source
from vangnet.reports.model.facts import AgeClass, CannotOpen, Claim, Facts, Part, Sayer, sayer_of
from vangnet.reports.model.triage_policy import AGAINST, STARTING, Equals, TriagePolicy, Weight
from vangnet.reports.rules.desk.capacity import capacity_line, draw_below_line
from vangnet.reports.rules.triage.order import Lane, is_for_oldest, last_hours, next_places, order, rank
from vangnet.reports.rules.triage.points import Factor, changes_at, due_at, score, standing

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
URGENT = [sign for sign in Sign if sign not in AGAINST]

#: Each example draws a whole policy and many reports.
FEW = settings(max_examples=30)


def facts(number: int = 1, **changes: Any) -> Facts:
    """A report of which nothing is known."""
    one = Facts(report_id=number, received_at=NOW - timedelta(days=1), source=Source.CYBERTIP)
    return replace(one, **changes)


def says(*signs: Sign, sayer: Sayer = Sayer.COMPANY) -> frozenset[Claim]:
    """Somebody says that the signs are there."""
    return frozenset(Claim(sign, sayer) for sign in signs)


def any_policy(seed: int) -> TriagePolicy:
    """A policy that nobody would choose: all weights at random. Drawn by one number, because a table of tables is slow."""
    chance = random.Random(seed)  # noqa: S311

    def points(most: int = 60) -> int:
        return chance.choice((0, chance.randint(0, most)))

    danger = frozenset({Sign.DANGER_NOW, *chance.sample(URGENT, chance.randrange(3))})
    return TriagePolicy(
        signs={sign: Weight(evidence=points(), consequence=points()) for sign in URGENT},
        against={sign: points() for sign in AGAINST},
        incidents={incident: points() for incident in Incident},
        trust={sayer: points(200) for sayer in Sayer},
        further_signs_percent=points(100),
        unseen=points(),
        classifications={classification: points() for classification in Classification},
        ages={age: points() for age in AgeClass},
        same_subject=points(),
        same_subject_most=points(),
        evidence_days=points(),
        evidence=points(),
        parts={part: points() for part in Part},
        danger=danger,
        danger_minutes=15,
        escalate_minutes=5,
        danger_points=1 + points(600),
        deadline_hours={sign: 1 + points() for sign in chance.sample(URGENT, 3)},
        among_equals=chance.choice(list(Equals)),
        in_time_hours=1 + chance.randrange(6),
        last_hours=1 + points(30),
        last_hours_percent=points(90),
        backlog_days=1 + chance.randrange(3),
        oldest_percent=1 + points(49),
        drawn_permille=1 + points(199),
    )


POLICIES = st.integers(0, 2**32).map(any_policy)
CLAIMS = st.frozensets(st.builds(Claim, st.sampled_from(Sign), st.sampled_from(Sayer)), max_size=6)


def some_facts(number: int) -> st.SearchStrategy[Facts]:
    """A report of which anything may be known."""
    return st.builds(
        Facts,
        report_id=st.just(number),
        # Few times, so that many are equal, and some have waited for days.
        received_at=st.sampled_from((0, 1, 2, 3, 4, 5, 24, 30, 72)).map(lambda hours: NOW - timedelta(hours=hours)),
        source=st.sampled_from(Source),
        incident=st.sampled_from(Incident),
        said_by=st.sampled_from(Sayer),
        claims=CLAIMS,
        unseen_items=st.integers(0, 3),
        known_items=st.integers(0, 3),
        classification=st.none() | st.sampled_from(Classification),
        age=st.none() | st.sampled_from(AgeClass),
        same_subject=st.integers(0, 9),
        evidence_expires_at=st.none() | st.integers(-5, 70).map(lambda days: NOW + timedelta(days=days)),
        parts=st.frozensets(st.sampled_from(Part)),
        cannot_open=st.none() | st.sampled_from(CannotOpen),
        drawn=st.booleans(),
    )


MANY = st.integers(1, 25).flatmap(lambda number: st.tuples(*(some_facts(one) for one in range(1, number + 1)))).map(list)


# --- what always holds ---


@given(POLICIES, some_facts(1), st.integers(0, 200))
def test_time_alone_never_takes_points_away(policy: TriagePolicy, one: Facts, days: int) -> None:
    assert score(policy, one, NOW + timedelta(days=days)) >= score(policy, one, NOW)


@FEW
@given(POLICIES, MANY, st.data())
def test_a_further_sign_of_urgency_never_moves_a_report_back(
    policy: TriagePolicy, many: list[Facts], data: st.DataObject
) -> None:
    chosen = data.draw(st.sampled_from(many))
    taken = data.draw(st.integers(0, 100))
    further = Claim(data.draw(st.sampled_from(URGENT)), data.draw(st.sampled_from(Sayer)))
    with_it = replace(chosen, claims=chosen.claims | {further})
    assert score(policy, with_it, NOW) >= score(policy, chosen, NOW)
    before = order(policy, many, NOW, taken=taken)
    after = order(policy, [with_it if one is chosen else one for one in many], NOW, taken=taken)
    number = {place.report_id: place.number for place in before.places}
    for place in after.places:
        if place.report_id == chosen.report_id:
            assert place.number <= number[place.report_id]


@FEW
@given(POLICIES, MANY, st.integers(0, 100))
def test_each_report_is_listed_once_in_its_place_or_aside(policy: TriagePolicy, many: list[Facts], taken: int) -> None:
    listing = order(policy, many, NOW, taken=taken)
    listed = [one.report_id for one in listing.places] + [one.report_id for one in listing.aside]
    assert sorted(listed) == sorted(one.report_id for one in many)
    assert [place.number for place in listing.places] == list(range(1, len(listing.places) + 1))
    cannot = {one.report_id: one.cannot_open for one in many if one.cannot_open is not None}
    assert {one.report_id: one.reason for one in listing.aside} == cannot


@FEW
@given(POLICIES, MANY, st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_the_order_in_which_reports_are_given(
    policy: TriagePolicy, many: list[Facts], chance: random.Random
) -> None:
    shuffled = list(many)
    chance.shuffle(shuffled)
    assert order(policy, shuffled, NOW) == order(policy, many, NOW)


@FEW
@given(POLICIES, MANY, st.integers(0, 200))
def test_taking_one_after_the_other_is_taking_the_list(policy: TriagePolicy, many: list[Facts], taken: int) -> None:
    whole = [place.report_id for place in order(policy, many, NOW, taken=taken).places]
    one_by_one: list[int] = []
    left = list(many)
    while places := order(policy, left, NOW, taken=taken + len(one_by_one)).places:
        one_by_one.append(places[0].report_id)
        left = [one for one in left if one.report_id != one_by_one[-1]]
    assert one_by_one == whole


@given(st.integers(1, 50), st.integers(0, 10_000), st.integers(0, 1000))
def test_the_oldest_really_get_their_share(percent: int, taken: int, number: int) -> None:
    policy = replace(STARTING, oldest_percent=percent)
    places = sum(is_for_oldest(policy, slot) for slot in range(taken, taken + number))
    assert abs(places - number * percent / 100) < 1


@settings(max_examples=8)
@given(POLICIES, st.integers(1, 6))
def test_nothing_waits_for_ever(policy: TriagePolicy, waiting: int) -> None:
    """However much of more points comes in, a report is opened after as many shares of the oldest as wait before it."""
    quiet = [facts(number, received_at=NOW - timedelta(days=2)) for number in range(1, waiting + 1)]
    loud = facts(claims=says(*URGENT), unseen_items=5, drawn=True, received_at=NOW)
    left = {one.report_id: one for one in quiet}
    for taken in range(waiting * 100 // policy.oldest_percent + 100):
        for number in (2 * taken, 2 * taken + 1):
            fresh = replace(loud, report_id=1000 + number)
            left[fresh.report_id] = fresh
        del left[order(policy, left.values(), NOW, taken=taken).places[0].report_id]
        if not any(one.report_id in left for one in quiet):
            return
    raise AssertionError("some still wait")


@given(POLICIES, some_facts(1))
def test_the_reasons_add_up(policy: TriagePolicy, one: Facts) -> None:
    found = standing(policy, one, NOW)
    assert sum(reason.points for reason in found.reasons) == found.score == score(policy, one, NOW)
    assert found == standing(policy, one, NOW)
    assert all(move.points > 0 for move in found.would_move)


@given(POLICIES, some_facts(1))
def test_evidence_that_will_count_is_told_with_the_time(policy: TriagePolicy, one: Facts) -> None:
    for move in standing(policy, one, NOW).would_move:
        if move.at is not None:
            assert move.factor is Factor.EVIDENCE
            assert score(policy, one, move.at) == score(policy, one, NOW) + move.points
            assert score(policy, one, move.at - timedelta(seconds=1)) == score(policy, one, NOW)


@FEW
@given(POLICIES, MANY)
def test_what_calls_a_person_goes_before_what_was_drawn_and_that_before_the_rest(
    policy: TriagePolicy, many: list[Facts]
) -> None:
    places = order(policy, many, NOW).places
    rank_of = {Lane.DANGER: 0, Lane.DRAWN: 1, Lane.POINTS: 2}
    ranks = [(rank_of[place.lane], -place.score) for place in places if place.lane in rank_of]
    assert ranks == sorted(ranks)
    # The share for the oldest may name one of these too; nobody else goes before them.
    lanes = [place.lane for place in places if place.lane is not Lane.OLDEST]
    assert Lane.DANGER not in lanes[lanes.count(Lane.DANGER) :]


# --- the last hours ---


def waiting(*hours: int) -> list[Facts]:
    """Reports of which nothing is known, that wait for so long."""
    return [facts(number, received_at=NOW - timedelta(hours=one)) for number, one in enumerate(hours, start=1)]


def numbers(many: list[Facts], **changes: int) -> list[tuple[int, Lane]]:
    """The order, with the lanes, under the starting policy but for the changes; no place is for the oldest but the last."""
    policy = replace(STARTING, oldest_percent=1, **changes)  # type: ignore[arg-type]
    return [(place.report_id, place.lane) for place in order(policy, many, NOW).places]


def test_in_its_last_hours_a_report_overtakes_such_as_have_more_points_while_all_can_be_opened() -> None:
    quiet = waiting(17, 16, 15, 25)
    loud = [facts(number, claims=says(Sign.HARM), received_at=NOW) for number in range(11, 19)]
    # Every second place; 16 hours are its last eight, 15 are not, and after 25 its time is over.
    found = numbers([*quiet, *loud], last_hours_percent=50)
    assert [number for number, _ in found[:6]] == [11, 1, 12, 2, 13, 14]
    assert {number for number, lane in found if lane is Lane.LAST_HOURS} == {1, 2}


def test_where_somebody_waits_for_days_nobody_overtakes_for_their_last_hours() -> None:
    loud = [facts(number, claims=says(Sign.HARM), received_at=NOW) for number in range(11, 19)]
    assert [lane for _, lane in numbers([*waiting(17, 16, 5 * 24 + 1), *loud])].count(Lane.LAST_HOURS) == 0
    assert [lane for _, lane in numbers([*waiting(17, 16, 5 * 24), *loud])].count(Lane.LAST_HOURS) == 2


def test_nobody_overtakes_a_child_in_danger_for_their_last_hours() -> None:
    danger = [facts(number, claims=says(Sign.DANGER_NOW), received_at=NOW) for number in range(11, 19)]
    assert [number for number, _ in numbers([*waiting(17, 16), *danger])] == [*range(11, 19), 1, 2]


# --- read lazily, as a store does ---


class Kept(NamedTuple):
    """A row of a store."""

    id: int
    received_at: datetime
    rank: int


def kept(policy: TriagePolicy, many: list[Facts]) -> list[Kept]:
    """What a store keeps of those that can be opened."""
    ready = [one for one in many if one.cannot_open is None]
    return [Kept(one.report_id, one.received_at, rank(policy, one, score(policy, one, NOW))) for one in ready]


def of_equals(policy: TriagePolicy, row: Kept) -> tuple[int, bool, timedelta, int]:
    """By what a store sorts: rank, and then as the policy says."""
    late = policy.among_equals is Equals.IN_TIME and row.received_at < last_hours(policy, NOW).since
    back = -1 if late or policy.among_equals is Equals.NEWEST else 1
    return row.rank, late, back * (row.received_at - NOW), back * row.id


@FEW
@given(POLICIES, MANY, st.integers(0, 300))
def test_read_lazily_the_order_is_the_same(policy: TriagePolicy, many: list[Facts], taken: int) -> None:
    by_age = sorted(kept(policy, many), key=lambda row: (row.received_at, row.id))
    by_rank = sorted(by_age, key=lambda row: of_equals(policy, row))
    since, until = last_hours(policy, NOW)
    pressed = [row for row in by_age if since <= row.received_at <= until]
    found = next_places(policy, iter(by_rank), iter(by_age), iter(pressed), taken=taken, now=NOW)
    whole = [(place.report_id, place.lane) for place in order(policy, many, NOW, taken=taken).places]
    assert [(row.id, lane) for row, lane in found] == whole


def test_a_page_of_fifty_needs_little_more_than_fifty_rows() -> None:
    rows = kept(STARTING, [facts(number, received_at=NOW - timedelta(minutes=number)) for number in range(1, 2000)])
    read = []

    def line(hours: int) -> Iterator[Kept]:
        for row in sorted(rows, key=lambda one: one.received_at):
            if row.received_at >= NOW - timedelta(hours=hours):
                read.append(row.id)
                yield row

    page = list(islice(next_places(STARTING, line(24), line(1000), line(24), taken=7, now=NOW), 50))
    assert len({row.id for row, _ in page}) == 50
    assert len(read) <= 150


@given(POLICIES, some_facts(1), st.integers(0, 200))
def test_until_time_changes_a_report_its_points_and_its_rank_stay(policy: TriagePolicy, one: Facts, hours: int) -> None:
    points, at = score(policy, one, NOW), changes_at(policy, one, NOW)
    later = NOW + timedelta(hours=hours)
    if at is None or later < at:
        assert score(policy, one, later) == points
    else:
        assert score(policy, one, at) > points
        assert changes_at(policy, one, at) is None


# --- the starting set, one by one ---


def points(one: Facts) -> dict[str, int]:
    """The summands of a report's points."""
    return {f"{reason.factor} {reason.code}": reason.points for reason in standing(STARTING, one, NOW).reasons}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"claims": says(Sign.DANGER_NOW)}, {"sign danger_now": 19}),
        ({"claims": says(Sign.DANGER_NOW, sayer=Sayer.ANONYMOUS)}, {"sign danger_now": 14}),
        ({"claims": says(Sign.DANGER_NOW, Sign.SPAM)}, {"sign danger_now": 19}),
        ({"claims": says(Sign.HARM, Sign.SPAM)}, {"sign harm": 14, "against spam": -8}),
        ({"claims": says(Sign.MINORS_NEAR, Sign.HARM)}, {"sign minors_near": 18, "sign harm": 10}),
        ({"incident": Incident.LIVE_STREAM, "said_by": Sayer.COMPANY}, {"incident live_stream": 12}),
        ({"incident": Incident.OTHER, "said_by": Sayer.POLICE}, {}),
        ({"unseen_items": 3, "known_items": 9}, {"unseen 3": 22}),
        ({"known_items": 9}, {}),
        (
            {"classification": Classification.BASELINE, "age": AgeClass.INFANT},
            {"classification baseline": 5, "age infant": 4},
        ),
        ({"same_subject": 1}, {"subject 1": 10}),
        ({"same_subject": 2}, {"subject 2": 20}),
        ({"same_subject": 900}, {"subject 900": 20}),
        ({"parts": frozenset({Part.SUBJECT, Part.TRACE})}, {"part subject": 2, "part trace": 2}),
        ({"evidence_expires_at": NOW + timedelta(days=3, seconds=1)}, {}),
        ({"evidence_expires_at": NOW + timedelta(days=3)}, {"evidence 2026-11-25T12:00+00:00": 3}),
    ],
)
def test_the_starting_points(changes: dict[str, Any], expected: dict[str, int]) -> None:
    assert points(facts(**changes)) == expected


def test_several_who_say_the_same_say_it_once_and_the_most_trusted_counts() -> None:
    company, police = says(Sign.HARM), says(Sign.HARM, sayer=Sayer.POLICE)
    assert score(STARTING, facts(claims=company | police), NOW) == score(STARTING, facts(claims=police), NOW)
    (reason,) = standing(STARTING, facts(claims=company | police), NOW).reasons
    assert reason.sayer is Sayer.POLICE


def test_it_says_what_would_move_a_report() -> None:
    moves = {(move.factor, move.code): move.points for move in standing(STARTING, facts(), NOW).would_move}
    assert moves[Factor.UNSEEN, "1"] == 22
    assert moves[Factor.SIGN, "danger_now"] == 23
    assert (Factor.SIGN, "spam") not in moves
    known = {(move.factor, move.code) for move in standing(STARTING, facts(unseen_items=2), NOW).would_move}
    assert (Factor.UNSEEN, "1") not in known


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (facts(), False),
        (facts(claims=says(Sign.DANGER_NOW, sayer=Sayer.ANONYMOUS)), True),
        (facts(claims=says(Sign.MINORS_NEAR)), True),  # 18.
        (facts(claims=says(Sign.MINORS_NEAR, sayer=Sayer.ANONYMOUS)), False),  # 12.
        (facts(claims=says(Sign.LIVE)), False),  # 12.
        (facts(claims=says(Sign.LIVE) | says(Sign.ENTICEMENT)), True),  # 14 and three quarters of 12.
        (facts(claims=says(Sign.LIVE), unseen_items=1, same_subject=9), False),  # What was found calls nobody.
    ],
)
def test_what_calls_a_person(one: Facts, expected: bool) -> None:
    assert standing(STARTING, one, NOW).danger is expected


def test_what_is_found_calls_nobody_without_a_word() -> None:
    found = facts(unseen_items=400, same_subject=40, parts=frozenset(Part), age=AgeClass.INFANT)
    assert not standing(STARTING, found, NOW).danger
    assert standing(STARTING, found, NOW).score > STARTING.danger_points


def test_who_looked_and_found_no_danger_ends_the_call_and_takes_no_points() -> None:
    one = facts(claims=says(Sign.DANGER_NOW))
    looked = replace(one, no_danger=True)
    assert not standing(STARTING, looked, NOW).danger
    assert score(STARTING, looked, NOW) == score(STARTING, one, NOW)


def test_the_deadline_is_that_of_the_most_pressing_sign() -> None:
    assert due_at(STARTING, facts(claims=says(Sign.INFANT))) is None
    one = facts(claims=says(Sign.ENTICEMENT, Sign.EXTORTION))
    assert due_at(STARTING, one) == one.received_at + timedelta(hours=24)


def test_among_equals_the_policy_says_who_goes_first() -> None:
    hours = {1: 200, 2: 25, 3: 24, 4: 7, 5: 0}
    many = [facts(number, received_at=NOW - timedelta(hours=age)) for number, age in hours.items()]
    for chosen, expected in {
        Equals.NEWEST: [5, 4, 3, 2, 1],
        Equals.OLDEST: [1, 2, 3, 4, 5],
        # 24 hours are in time, and go first: it is their last moment.
        Equals.IN_TIME: [3, 4, 5, 2, 1],
    }.items():
        places = order(replace(STARTING, among_equals=chosen, last_hours_percent=0), many, NOW).places
        assert [place.report_id for place in places] == expected


def test_every_reporter_is_a_sayer() -> None:
    assert [sayer_of(kind).value for kind in ReporterKind] == [kind.value for kind in ReporterKind]


# --- the line, and below it ---


def test_the_line_falls_where_the_hours_end_and_says_what_is_below() -> None:
    many = [facts(number, received_at=NOW - timedelta(days=number)) for number in range(1, 200)]
    many[150] = replace(many[150], evidence_expires_at=NOW + timedelta(days=5), incident=Incident.TRAVEL)
    many[160] = replace(many[160], claims=says(Sign.SELF_MADE, sayer=Sayer.ANONYMOUS), unseen_items=1)
    many[170] = replace(many[170], cannot_open=CannotOpen.UNREADABLE)
    listing = order(replace(STARTING, oldest_percent=1), many, NOW)
    week = NOW + timedelta(days=7)
    by_id = {one.report_id: one for one in many}
    line = capacity_line(STARTING, listing, by_id, hours=40, minutes_each=30, until=week)
    assert (line.above, line.below, line.aside) == (80, 118, 1)
    assert line.below_with == {}
    none = capacity_line(STARTING, listing, by_id, hours=0, minutes_each=30, until=week)
    assert (none.above, none.below) == (0, 198)
    assert none.below_with == {
        (Factor.EVIDENCE, ""): 1, (Factor.INCIDENT, "travel"): 1, (Factor.SIGN, "self_made"): 1, (Factor.UNSEEN, ""): 1,
    }  # fmt: skip
    assert none.oldest_below_at == NOW - timedelta(days=199)
    all_ = capacity_line(STARTING, listing, by_id, hours=1000, minutes_each=30, until=week)
    assert (all_.above, all_.below, all_.oldest_below_at) == (198, 0, None)


def test_deadlines_that_are_over_below_the_line_are_counted() -> None:
    late = facts(claims=says(Sign.ENTICEMENT), received_at=NOW - timedelta(days=5))
    listing = order(STARTING, [late], NOW)
    line = capacity_line(STARTING, listing, {late.report_id: late}, hours=0, minutes_each=30, until=NOW)
    assert line.overdue_below == 1


def test_about_one_in_a_hundred_below_the_line_is_drawn_whoever_it_is() -> None:
    chance = random.Random(7)  # noqa: S311
    below = list(range(100_000))
    drawn = draw_below_line(STARTING, below, chance.random)
    assert 850 < len(drawn) < 1150  # Five standard deviations.
    assert 0.45 < sum(one < 50_000 for one in drawn) / len(drawn) < 0.55
    assert draw_below_line(STARTING, below, lambda: 0.999) == []
