"""When an answer stands, who may give one, and what others may see of it."""

import itertools
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vangnet.errors import Conflict, InvalidInput
from vangnet.registry.model.classification import Classification, Scheme
from vangnet.reports.model.facts import AgeClass
from vangnet.reports.rules.assessment.answers import (
    CLASS,
    LISTED,
    NEIGHBOURS_MAX,
    STARTING,
    AssessedClass,
    FileState,
    Given,
    NotAsked,
    Stage,
    as_document,
    checked_answers,
    crossings,
    neighbours,
    read_document,
    require_own,
    settled,
    stage_of,
    visible,
    youngest,
)

ANNA, BRAM, CHRIS, DOOR = (uuid.UUID(int=number) for number in range(1, 5))
CLASSES = st.sampled_from(list(AssessedClass))


def answers(*classes: AssessedClass) -> list[Given]:
    """What Anna, Bram and Chris answered, in that order."""
    return [
        Given(
            id=number, file_id=1, report_id=1, position=0, person_id=person, stage=stage, assessed=assessed,
            answers={CLASS: assessed.value},
        )
        for number, (person, stage, assessed) in enumerate(zip((ANNA, BRAM, CHRIS), Stage, classes, strict=False))
    ]  # fmt: skip


@given(CLASSES)
def test_one_answer_stands_unless_a_list_takes_its_class(assessed: AssessedClass) -> None:
    found = settled(answers(assessed))
    if assessed in LISTED:
        assert (found.state, found.outcome, found.agreed) == (FileState.SECOND, None, None)
    else:
        assert (found.state, found.outcome, found.agreed) == (FileState.STANDS, assessed, None)


@given(st.sampled_from(sorted(LISTED)), CLASSES)
def test_two_stand_where_they_agree_and_else_a_third_decides(first: AssessedClass, second: AssessedClass) -> None:
    found = settled(answers(first, second))
    if first is second:
        assert (found.state, found.outcome, found.agreed) == (FileState.STANDS, first, (ANNA, BRAM))
    else:
        assert (found.state, found.outcome) == (FileState.THIRD, None)


@given(st.sampled_from(sorted(LISTED)), CLASSES, CLASSES)
def test_nothing_goes_on_a_list_on_one_persons_word(
    first: AssessedClass, second: AssessedClass, third: AssessedClass
) -> None:
    if first is second:
        return
    found = settled(answers(first, second, third))
    assert (found.state, found.outcome) == (FileState.STANDS, third)
    on_a_list = third in LISTED and third in {first, second}
    assert (found.agreed is not None) is on_a_list
    if found.agreed is not None:
        assert found.agreed == (ANNA if third is first else BRAM, CHRIS)


def test_each_person_answers_once_and_whoever_works_on_the_report_first() -> None:
    assert stage_of([], ANNA, claimed_by=ANNA) is Stage.FIRST
    assert stage_of([], BRAM, claimed_by=ANNA) is NotAsked.CLAIM_FIRST
    assert stage_of([], BRAM, claimed_by=None) is NotAsked.CLAIM_FIRST
    one = answers(AssessedClass.BASELINE)
    assert stage_of(one, ANNA, claimed_by=ANNA) is NotAsked.ANSWERED
    assert stage_of(one, BRAM, claimed_by=ANNA) is Stage.SECOND
    two = answers(AssessedClass.BASELINE, AssessedClass.OTHER)
    assert stage_of(two, BRAM, claimed_by=ANNA) is NotAsked.ANSWERED
    assert stage_of(two, CHRIS, claimed_by=ANNA) is Stage.THIRD
    assert stage_of(answers(AssessedClass.OTHER), BRAM, claimed_by=ANNA) is NotAsked.STANDS


def test_who_is_still_to_answer_sees_no_other_answer() -> None:
    for count, person in itertools.product((1, 2, 3), (ANNA, BRAM, CHRIS, DOOR)):
        said = answers(*[AssessedClass.BASELINE, AssessedClass.NATIONAL, AssessedClass.BASELINE][:count])
        seen = visible(said, person)
        if isinstance(stage_of(said, person, claimed_by=ANNA), Stage):
            assert seen == ()
        if count == 3:
            assert seen == tuple(said)
    alone = answers(AssessedClass.BASELINE)
    assert visible(alone, ANNA) == tuple(alone)
    both = answers(AssessedClass.BASELINE, AssessedClass.OTHER)
    assert visible(both, ANNA) == visible(both, BRAM) == tuple(both)


def test_only_the_last_answer_is_undone_by_whoever_gave_it() -> None:
    said = answers(AssessedClass.BASELINE, AssessedClass.NATIONAL)
    assert require_own(said, BRAM) is said[1]
    with pytest.raises(Conflict, match="answered after you"):
        require_own(said, ANNA)
    with pytest.raises(Conflict, match="nothing of yours"):
        require_own(said, CHRIS)


def test_what_is_not_illegal_is_kept_as_none_of_the_others() -> None:
    assert {one.classification for one in AssessedClass} == set(Classification)
    assert AssessedClass.NOT_ILLEGAL.classification is Classification.OTHER


def test_the_youngest_age_class_counts() -> None:
    assert youngest([{"age": "pubescent"}, {"age": "infant"}, {}]) is AgeClass.INFANT
    assert youngest([{"age": "unknown"}, {}]) is None


# --- questions ---


def test_questions_are_read_as_they_were_written() -> None:
    assert read_document(as_document(STARTING)) == STARTING


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        {},
        [{"code": "class"}],
        as_document(STARTING[1:]),
        [*as_document(STARTING), as_document(STARTING)[0]],
        [as_document(STARTING)[0] | {"options": as_document(STARTING)[0]["options"][1:]}],
        [*as_document(STARTING), {"code": "a b", "words": "x", "options": as_document(STARTING)[1]["options"]}],
        [*as_document(STARTING), {"code": "a", "words": " ", "options": as_document(STARTING)[1]["options"]}],
        [*as_document(STARTING), {"code": "a", "words": "x", "options": [1, 2]}],
        [*as_document(STARTING), {"code": "a", "words": "x", "options": [{"code": "y", "words": "y"}] * 2}],
        [*as_document(STARTING), {"code": "a", "words": "x", "more": 1, "options": []}],
        as_document(STARTING) * 4,
    ],
)
def test_a_document_that_is_none_is_refused(broken: object) -> None:
    with pytest.raises(InvalidInput) as raised:
        read_document(broken)
    assert raised.value.field == "questions"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
    )
)
def test_no_document_makes_anything_else_than_an_answer(document: object) -> None:
    with pytest.raises(InvalidInput):
        read_document(document)


def test_answers_are_checked_against_what_is_offered() -> None:
    assert checked_answers(STARTING, {"class": "baseline", "age": "", "more": "x"}) == {"class": "baseline"}
    asked = (STARTING[0], read_document([as_document(STARTING)[0], as_document(STARTING)[1] | {"required": True}])[1])
    with pytest.raises(InvalidInput) as raised:
        checked_answers(asked, {"class": "baseline"})
    assert raised.value.field == "age"
    # Where there is nothing punishable in it, nothing more is asked.
    assert checked_answers(asked, {"class": "not_illegal"}) == {"class": "not_illegal"}


# --- like pictures, other schemes ---


@given(st.binary(min_size=32, max_size=32), st.lists(st.integers(0, 60), max_size=20))
def test_the_nearest_are_proposed_and_none_beyond_the_radius(own: bytes, distances: list[int]) -> None:
    others = {
        number: (int.from_bytes(own, "big") ^ ((1 << distance) - 1)).to_bytes(32, "big")
        for number, distance in enumerate(distances)
    }
    expected = sorted((distance, number) for number, distance in enumerate(distances) if distance <= 31)
    assert neighbours(own, others) == [(number, distance) for distance, number in expected[:NEIGHBOURS_MAX]]


def test_every_class_says_what_it_is_elsewhere_or_what_is_lost() -> None:
    for assessed in AssessedClass:
        found = crossings(assessed)
        assert [one.scheme for one in found] == list(Scheme)
        assert all(one.code or one.loses for one in found)
    assert crossings(AssessedClass.BASELINE)[0].code == "1"
    assert crossings(AssessedClass.NOT_ILLEGAL)[0].code == "4"
