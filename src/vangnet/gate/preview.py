"""What another policy would have changed: decisions of before judged again. Pure.

A match is judged on what is kept of it: list, classification, by which hash, how near. Two things are not kept, and are
read off what was decided then: an entry that others had yet to agree on, or a picture with too little to see, was held
where the policy of then says block, and so it would be held again. What matched lists that only counted has no row; of a
list that is to count from now on, there is no more than how often it matched.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from vangnet.gate.model import CheckMatch, Decision, ListedDecision, MatchKind, Outcome
from vangnet.gate.policy import OUR_FAULT, Found, Policy, judge, kind_of, strictest
from vangnet.hashing.model import Reason
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.effects import Effect

#: Decisions that a change names.
NAMED_MAX = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a check came to what it came to: a kind of match of a classification, a reason, or nothing of the file's."""

    classification: Classification | None = None
    kind: MatchKind | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """So many checks would have come to something else."""

    cause: Cause
    before: Decision
    after: Decision
    checks: int
    #: The newest of them, where they are kept one by one.
    decisions: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a policy would have made of what was checked."""

    #: The largest change first.
    changes: tuple[Change, ...]
    #: Kept decisions that were judged again.
    judged: int
    #: Checks without a match that were.
    counted: int
    #: By list that only counted then and would not now: how many checks matched it. What they would come to is not known.
    unknown: Mapping[UUID, int]

    @property
    def changed(self) -> int:
        """How many checks would have come to something else."""
        return sum(change.checks for change in self.changes)


def preview(
    draft: Policy,
    *,
    decisions: Iterable[ListedDecision],
    policies: Mapping[int, Policy],
    counted: Iterable[tuple[Outcome, Decision, Reason | None, int]],
    shadow_matches: Mapping[UUID, int],
    before: Policy,
) -> Preview:
    """What `draft` would have made of kept decisions, and of checks that are only counted.

    `policies`: those by which the decisions were made, by version. `shadow_matches`: by list, how many checks it matched
    while it only counted; `before` is the policy that holds now, whose shadow says which of them were its own choice.
    """
    checks: dict[tuple[Cause, Decision, Decision], int] = defaultdict(int)
    named: dict[tuple[Cause, Decision, Decision], list[UUID]] = defaultdict(list)
    judged = without_match = 0
    for one in decisions:
        judged += 1
        after, cause = judge_again(draft, one, policies[one.policy_version])
        if after is not one.answer.decision:
            change = (cause, one.answer.decision, after)
            checks[change] += 1
            if len(named[change]) < NAMED_MAX:
                named[change].append(one.answer.check_id)
    for outcome, decided, reason, number in counted:
        without_match += number
        unavailable = outcome is Outcome.UNAVAILABLE or reason is None or reason in OUR_FAULT
        after = draft.unavailable if unavailable or reason is None else draft.unhashable[reason]
        if after is not decided:
            checks[Cause(reason=None if unavailable else reason), decided, after] += number
    changes = [
        Change(cause=cause, before=was, after=after, checks=number, decisions=tuple(named.get((cause, was, after), ())))
        for (cause, was, after), number in checks.items()
    ]
    return Preview(
        changes=tuple(sorted(changes, key=lambda change: (-change.checks, str(change.cause)))),
        judged=judged,
        counted=without_match,
        unknown={one: shadow_matches[one] for one in before.shadow - draft.shadow if one in shadow_matches},
    )


def judge_again(draft: Policy, one: ListedDecision, then: Policy) -> tuple[Decision, Cause]:
    """What `draft` makes of a decision that was made by `then`, and by which match; of a match, the strictest."""
    answer = one.answer
    as_if = judge(then, _found(answer.matches, then, Effect.DECIDES), reason=answer.reason, complete=True)
    weaker = strictest([as_if.decision, answer.decision]) is not answer.decision
    found = _found(answer.matches, then, Effect.HOLDS if weaker else Effect.DECIDES)
    judged = judge(draft, found, reason=answer.reason, complete=True)
    return judged.decision, _cause(found)


def _found(matches: Sequence[CheckMatch], then: Policy, effect: Effect) -> list[Found]:
    return [
        Found(
            list_id=match.list_id,
            list_name=match.list_name,
            entry_id=match.entry_id,
            classification=Classification(match.classification),
            algorithm=match.algorithm,
            distance=match.distance,
            view=match.view,
            # In the shadow by the list's own state, and not by choice: no choice takes it out.
            effect=Effect.COUNTS if match.shadow and match.list_id not in then.shadow else effect,
        )
        for match in matches
    ]


def _cause(found: Sequence[Found]) -> Cause:
    """The match that proves most, of those that counted."""
    order = list(MatchKind)
    first = min(found, key=lambda one: (one.effect is Effect.COUNTS, order.index(one.kind), one.distance))
    return Cause(classification=first.classification, kind=kind_of(first.algorithm))
