"""What another policy would have changed, told from decisions as they are kept."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from vangnet.gate.model import CheckAnswer, Decision, Door, ListedDecision, MatchKind, Outcome
from vangnet.gate.policy import STARTING, Band, Found, MatchRules, Policy, judge
from vangnet.gate.preview import Cause, Change, Preview, judge_again, preview
from vangnet.hashing.model import Reason
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.effects import Effect

LIST = uuid.UUID(int=7)
OTHER_LIST = uuid.UUID(int=8)
BLOCKING = replace(STARTING, perceptual_blocks=True)


def found(algorithm: str = "sha256", distance: int = 0, **changes: Any) -> Found:
    """What a look-up found."""
    one = Found(
        list_id=LIST, list_name="a list", entry_id=1, classification=Classification.BASELINE, algorithm=algorithm,
        distance=distance, view="original", effect=Effect.DECIDES,
    )  # fmt: skip
    return replace(one, **changes)


def kept(policy: Policy, *matches: Found, version: int = 0, reason: Reason | None = None) -> ListedDecision:
    """The decision that `policy` made of it, as it is kept."""
    judged = judge(policy, matches, reason=reason, complete=True)
    return ListedDecision(
        answer=CheckAnswer(
            check_id=uuid.uuid4(), outcome=judged.outcome, decision=judged.decision, matches=judged.matches, reason=reason
        ),
        door=Door.API, provider_key=None, object_id=None, at=datetime.now(UTC), kept_at=datetime.now(UTC),
        policy_version=version, reported_at=None, revised_at=None, uploaded_at=None, answered_at=None,
    )  # fmt: skip


def tried(draft: Policy, *decisions: ListedDecision, **given_: Any) -> Preview:
    """The preview of it on these."""
    rest: dict[str, Any] = {"policies": {0: STARTING}, "counted": [], "shadow_matches": {}, "before": STARTING} | given_
    return preview(draft, decisions=decisions, **rest)


def test_a_look_alike_that_was_held_would_be_blocked() -> None:
    one = kept(STARTING, found("pdq", 6))
    seen = tried(BLOCKING, one)
    assert seen.changes == (
        Change(
            cause=Cause(classification=Classification.BASELINE, kind=MatchKind.PERCEPTUAL),
            before=Decision.HOLD, after=Decision.BLOCK, checks=1, decisions=(one.answer.check_id,),
        ),
    )  # fmt: skip
    assert (seen.judged, seen.changed) == (1, 1)


def test_what_was_held_because_others_have_yet_to_agree_is_held_again() -> None:
    one = kept(STARTING, found(effect=Effect.HOLDS))
    assert one.answer.decision is Decision.HOLD
    assert tried(BLOCKING, one).changes == ()


def test_a_picture_with_too_little_to_see_is_held_again() -> None:
    one = kept(BLOCKING, found("pdq", 3, trusted=False))
    assert tried(BLOCKING, one, policies={0: BLOCKING}).changes == ()


def test_a_list_on_trial_decides_nothing_under_any_policy() -> None:
    one = kept(STARTING, found("md5"), found(entry_id=2, list_id=OTHER_LIST, effect=Effect.COUNTS))
    assert one.answer.decision is Decision.HOLD
    assert tried(STARTING, one).changes == ()


def test_a_list_that_was_in_the_shadow_by_choice_counts_once_it_is_out() -> None:
    shadowed = replace(STARTING, shadow=frozenset({OTHER_LIST}))
    one = kept(shadowed, found("md5"), found(entry_id=2, list_id=OTHER_LIST))
    seen = tried(STARTING, one, policies={0: shadowed}, before=shadowed, shadow_matches={OTHER_LIST: 12, LIST: 3})
    assert [(change.before, change.after) for change in seen.changes] == [(Decision.HOLD, Decision.BLOCK)]
    # Of what matched that list alone no row was kept: how often is told, and not guessed to what it would come.
    assert seen.unknown == {OTHER_LIST: 12}


def test_a_list_that_goes_into_the_shadow_lets_its_matches_pass() -> None:
    one = kept(STARTING, found())
    draft = replace(STARTING, shadow=frozenset({LIST}))
    assert [(change.before, change.after) for change in tried(draft, one).changes] == [(Decision.BLOCK, Decision.ALLOW)]


def test_what_is_only_counted_is_judged_by_its_reason() -> None:
    draft = replace(STARTING, unhashable={**STARTING.unhashable, Reason.VIDEO: Decision.HOLD}, unavailable=Decision.BLOCK)
    counted = [
        (Outcome.UNHASHABLE, Decision.ALLOW, Reason.VIDEO, 40),
        (Outcome.UNHASHABLE, Decision.HOLD, Reason.DAMAGED, 7),
        (Outcome.UNAVAILABLE, Decision.HOLD, None, 2),
        (Outcome.UNAVAILABLE, Decision.HOLD, Reason.NOT_ISOLATED, 1),
    ]
    seen = tried(draft, counted=counted)
    assert [(change.cause.reason, change.after, change.checks) for change in seen.changes] == [
        (Reason.VIDEO, Decision.HOLD, 40),
        (None, Decision.BLOCK, 3),
    ]
    assert seen.counted == 50


def test_changes_are_told_once_each_with_a_few_decisions() -> None:
    many = [kept(STARTING, found("pdq", distance)) for distance in range(1, 20)]
    (change,) = tried(BLOCKING, *many).changes
    assert (change.checks, len(change.decisions)) == (19, 5)


decided = st.sampled_from(Decision)
rules = st.builds(
    lambda sha256, weak, near, far: MatchRules(
        sha256=sha256, weak_digest=weak, perceptual=(Band(up_to=31, decision=near), Band(up_to=64, decision=far))
    ),
    decided, decided, decided, decided,
)  # fmt: skip
chosen = st.builds(
    lambda each, blocks, shadow: replace(
        STARTING, matches=dict(zip(Classification, each, strict=True)), perceptual_blocks=blocks, shadow=shadow
    ),
    st.tuples(*[rules] * len(Classification)),
    st.booleans(),
    st.frozensets(st.sampled_from([LIST, OTHER_LIST])),
)
matches = st.builds(
    found,
    st.sampled_from(["md5", "sha256", "pdq"]),
    st.integers(0, 64),
    classification=st.sampled_from(Classification),
    list_id=st.sampled_from([LIST, OTHER_LIST]),
    entry_id=st.integers(1, 3),
)


@given(chosen, st.lists(matches, min_size=1, max_size=3), st.sampled_from([None, Reason.DAMAGED, Reason.VIDEO]))
def test_the_policy_that_decided_would_decide_the_same(policy: Policy, some: list[Found], reason: Reason | None) -> None:
    one = kept(policy, *some, reason=reason)
    assert judge_again(policy, one, policy)[0] is one.answer.decision


@given(chosen, chosen, matches)
def test_a_single_match_is_judged_as_if_it_came_today(then: Policy, draft: Policy, match: Found) -> None:
    one = kept(then, match)
    again, _ = judge_again(draft, one, then)
    assert again is judge(draft, [match], reason=None, complete=True).decision
