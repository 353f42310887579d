"""The gate's policy: every cell of the starting set, and what holds whatever a provider chooses."""

import itertools
import json
import uuid
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vangnet.errors import InvalidInput
from vangnet.gate.model import Decision, Outcome
from vangnet.gate.policy import (
    OUR_FAULT,
    REASONS,
    STARTING,
    Found,
    as_document,
    decide_match,
    judge,
    read_document,
    strictest,
)
from vangnet.hashing.model import Reason
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.effects import Effect

ALLOW, HOLD, BLOCK = Decision.ALLOW, Decision.HOLD, Decision.BLOCK
BASELINE, NATIONAL = Classification.BASELINE, Classification.NATIONAL
INVESTIGATIVE, OTHER = Classification.INVESTIGATIVE, Classification.OTHER
LIST = uuid.UUID(int=7)


def found(classification: Classification = BASELINE, algorithm: str = "sha256", distance: int = 0, **changes: Any) -> Found:
    """A match of an active list's active entry."""
    one = Found(
        list_id=LIST, list_name="a list", entry_id=1, classification=classification, algorithm=algorithm,
        distance=distance, view="original", effect=Effect.DECIDES,
    )  # fmt: skip
    return replace(one, **changes)


#: The starting set, written out: classification, hash, distance → decision, before and after perceptual blocking is on.
CELLS = [
    (BASELINE, "sha256", 0, BLOCK, BLOCK),
    (BASELINE, "sha1", 0, HOLD, HOLD),
    (BASELINE, "md5", 0, HOLD, HOLD),
    (BASELINE, "pdq", 0, HOLD, BLOCK),
    (BASELINE, "pdq", 31, HOLD, BLOCK),
    (BASELINE, "pdq", 32, HOLD, HOLD),
    (BASELINE, "pdq", 64, HOLD, HOLD),
    (NATIONAL, "sha256", 0, BLOCK, BLOCK),
    (NATIONAL, "sha1", 0, HOLD, HOLD),
    (NATIONAL, "md5", 0, HOLD, HOLD),
    (NATIONAL, "pdq", 0, HOLD, BLOCK),
    (NATIONAL, "pdq", 31, HOLD, BLOCK),
    (NATIONAL, "pdq", 32, HOLD, HOLD),
    (NATIONAL, "pdq", 64, HOLD, HOLD),
    (INVESTIGATIVE, "sha256", 0, HOLD, HOLD),
    (INVESTIGATIVE, "sha1", 0, HOLD, HOLD),
    (INVESTIGATIVE, "md5", 0, HOLD, HOLD),
    (INVESTIGATIVE, "pdq", 0, HOLD, HOLD),
    (INVESTIGATIVE, "pdq", 31, HOLD, HOLD),
    (INVESTIGATIVE, "pdq", 32, HOLD, HOLD),
    (INVESTIGATIVE, "pdq", 64, HOLD, HOLD),
    (OTHER, "sha256", 0, HOLD, HOLD),
    (OTHER, "sha1", 0, HOLD, HOLD),
    (OTHER, "md5", 0, HOLD, HOLD),
    (OTHER, "pdq", 0, HOLD, HOLD),
    (OTHER, "pdq", 31, HOLD, HOLD),
    (OTHER, "pdq", 32, HOLD, HOLD),
    (OTHER, "pdq", 64, HOLD, HOLD),
]
UNHASHABLE = {
    Reason.NOT_MEDIA: ALLOW,
    Reason.UNSUPPORTED: HOLD,
    Reason.VIDEO: ALLOW,
    Reason.ARCHIVE: ALLOW,
    Reason.DAMAGED: HOLD,
    Reason.TOO_LARGE: HOLD,
    Reason.TOO_SMALL: ALLOW,
    Reason.TIMED_OUT: HOLD,
    Reason.CRASHED: HOLD,
    Reason.LOW_QUALITY: ALLOW,
}


@pytest.mark.parametrize(("classification", "algorithm", "distance", "at_first", "switched_on"), CELLS)
def test_every_cell_of_the_starting_set_is_as_written_here(
    classification: Classification, algorithm: str, distance: int, at_first: Decision, switched_on: Decision
) -> None:
    match = found(classification, algorithm, distance)
    assert decide_match(STARTING, match) is at_first
    assert decide_match(replace(STARTING, perceptual_blocks=True), match) is switched_on


def test_the_table_above_leaves_no_cell_out() -> None:
    kinds = [("sha256", 0), ("sha1", 0), ("md5", 0), ("pdq", 0), ("pdq", 31), ("pdq", 32), ("pdq", 64)]
    assert {cell[:3] for cell in CELLS} == {(one, *kind) for one in Classification for kind in kinds}
    assert set(UNHASHABLE) == set(REASONS) == set(Reason) - OUR_FAULT


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_has_its_own_decision(reason: Reason) -> None:
    judged = judge(STARTING, [], reason=reason, complete=True)
    assert (judged.outcome, judged.decision) == (Outcome.UNHASHABLE, UNHASHABLE[reason])


def test_nothing_found_and_nothing_amiss_is_allowed() -> None:
    judged = judge(STARTING, [], reason=None, complete=True)
    assert (judged.outcome, judged.decision) == (Outcome.NO_MATCH, ALLOW)


@pytest.mark.parametrize("reason", sorted(OUR_FAULT))
def test_what_is_our_own_fault_is_unavailable_and_no_property_of_the_file(reason: Reason) -> None:
    judged = judge(STARTING, [], reason=reason, complete=True)
    assert (judged.outcome, judged.decision) == (Outcome.UNAVAILABLE, HOLD)


@pytest.mark.parametrize("algorithm", ["sha256", "pdq"])
def test_an_entry_that_others_have_yet_to_agree_on_never_blocks(algorithm: str) -> None:
    policy = replace(STARTING, perceptual_blocks=True)
    assert decide_match(policy, found(algorithm=algorithm, effect=Effect.HOLDS)) is HOLD


def test_a_picture_with_too_little_to_see_never_blocks_by_its_looks() -> None:
    policy = replace(STARTING, perceptual_blocks=True)
    assert decide_match(policy, found(algorithm="pdq", trusted=False)) is HOLD


@pytest.mark.parametrize("shadow", [{"effect": Effect.COUNTS}, {"list_id": uuid.UUID(int=8)}])
def test_a_list_in_the_shadow_is_told_and_decides_nothing(shadow: dict[str, Any]) -> None:
    policy = replace(STARTING, shadow=frozenset({uuid.UUID(int=8)}))
    judged = judge(policy, [found(**shadow)], reason=None, complete=True)
    assert (judged.outcome, judged.decision) == (Outcome.NO_MATCH, ALLOW)
    assert [match.shadow for match in judged.matches] == [True]


def test_a_list_in_the_shadow_does_not_weaken_another() -> None:
    policy = replace(STARTING, shadow=frozenset({uuid.UUID(int=8)}))
    judged = judge(policy, [found(list_id=uuid.UUID(int=8)), found()], reason=None, complete=True)
    assert (judged.outcome, judged.decision) == (Outcome.MATCH, BLOCK)


def test_an_entry_is_told_once_by_what_says_most_about_it() -> None:
    by_all = [found(algorithm="md5"), found(algorithm="pdq", distance=3), found(), found(algorithm="sha1")]
    for order in itertools.permutations(by_all):
        judged = judge(STARTING, order, reason=None, complete=True)
        assert [(match.algorithm, judged.decision) for match in judged.matches] == [("sha256", BLOCK)]


def test_a_match_counts_though_the_file_is_damaged() -> None:
    judged = judge(STARTING, [found()], reason=Reason.DAMAGED, complete=True)
    assert (judged.outcome, judged.decision) == (Outcome.MATCH, BLOCK)


def test_what_could_not_be_examined_only_makes_a_match_stricter() -> None:
    policy = replace(STARTING, unhashable=STARTING.unhashable | {Reason.DAMAGED: BLOCK})  # type: ignore[operator]
    judged = judge(policy, [found(algorithm="md5")], reason=Reason.DAMAGED, complete=True)
    assert (judged.outcome, judged.decision) == (Outcome.MATCH, BLOCK)


decisions = st.sampled_from(Decision)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Any policy that may be chosen, as a document."""

    def bands() -> list[dict[str, Any]]:
        ends = [*sorted(draw(st.sets(st.integers(0, 63), max_size=4))), 64]
        return [{"up_to": end, "decision": draw(decisions).value} for end in ends]

    return {
        "matches": {
            one.value: {
                "sha256": draw(decisions).value,
                "weak_digest": draw(decisions).value,
                "perceptual": bands(),
            }
            for one in Classification
        },
        "perceptual_blocks": draw(st.booleans()),
        "unhashable": {reason.value: draw(decisions).value for reason in REASONS},
        "unavailable": draw(st.sampled_from([HOLD, BLOCK])).value,
        "shadow": sorted(str(one) for one in draw(st.sets(st.sampled_from([LIST, uuid.UUID(int=9)])))),
        "report_to": [],
        "report_on": sorted(one.value for one in draw(st.sets(decisions))),
    }


matches = st.builds(
    found,
    classification=st.sampled_from(Classification),
    algorithm=st.sampled_from(["md5", "sha1", "sha256", "pdq"]),
    distance=st.integers(0, 64),
    effect=st.sampled_from([Effect.DECIDES, Effect.HOLDS, Effect.COUNTS]),
    trusted=st.booleans(),
    entry_id=st.integers(1, 3),
)


@given(documents(), st.lists(matches, max_size=4), st.sampled_from([None, *Reason]), st.booleans())
def test_what_holds_whatever_a_provider_chooses(
    document: dict[str, Any], some: list[Found], reason: Reason | None, complete: bool
) -> None:
    policy = read_document(document)
    judged = judge(policy, some, reason=reason, complete=complete)
    counting = [one for one in some if one.effect is not Effect.COUNTS and one.list_id not in policy.shadow]
    # Nothing unlisted is ever allowed where it could not be checked.
    if judged.outcome is Outcome.UNAVAILABLE:
        assert judged.decision is not ALLOW
    if not counting and (not complete or reason in OUR_FAULT):
        assert judged.outcome is Outcome.UNAVAILABLE
    assert (judged.outcome is Outcome.MATCH) == bool(counting)
    assert (judged.outcome is Outcome.NO_MATCH) == (not counting and complete and reason is None)
    # An entry only ever makes it stricter.
    for one in counting:
        without = [other for other in some if other is not one]
        before = judge(policy, without, reason=reason, complete=complete)
        assert strictest([judged.decision, before.decision]) is judged.decision
    if not policy.perceptual_blocks and all(one.algorithm == "pdq" for one in counting) and complete and reason is None:
        assert judged.decision is not BLOCK


@given(documents())
def test_a_policy_survives_being_written_and_read(document: dict[str, Any]) -> None:
    written = as_document(read_document(document))
    assert read_document(json.loads(json.dumps(written))) == read_document(document)


def test_the_starting_set_is_a_policy_that_may_be_chosen() -> None:
    assert read_document(as_document(STARTING)) == STARTING


def _changed(**changes: Any) -> dict[str, Any]:
    return as_document(STARTING) | changes


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ([], "policy"),
        ({}, "policy"),
        (_changed(more=1), "policy"),
        (_changed(unavailable="allow"), "unavailable"),
        (_changed(unavailable="perhaps"), "unavailable"),
        (_changed(perceptual_blocks="no"), "perceptual_blocks"),
        (_changed(unhashable={"video": "allow"}), "unhashable"),
        (_changed(unhashable=as_document(STARTING)["unhashable"] | {"not_isolated": "allow"}), "unhashable"),
        (_changed(matches={}), "matches"),
        (_changed(shadow=["no id"]), "shadow"),
        (_changed(report_on="block"), "report_on"),
    ],
)
def test_a_policy_with_a_cell_missing_or_wrong_is_refused(document: object, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_document(document)
    assert refused.value.field == field


@pytest.mark.parametrize(
    "bands",
    [
        [],
        [{"up_to": 31, "decision": "hold"}],
        [{"up_to": 65, "decision": "hold"}],
        [{"up_to": True, "decision": "hold"}],
        [{"up_to": 31, "decision": "hold"}, {"up_to": 31, "decision": "block"}, {"up_to": 64, "decision": "hold"}],
        [{"up_to": 64}],
    ],
)
def test_distances_that_leave_a_gap_are_refused(bands: list[dict[str, Any]]) -> None:
    document = as_document(STARTING)
    document["matches"]["baseline"]["perceptual"] = bands
    with pytest.raises(InvalidInput):
        read_document(document)
