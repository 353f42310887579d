"""What follows from a check: the provider's own choice, written down. Pure.

Every cell is chosen by itself, and there is one for everything that can come about: each classification by each kind of
match and distance, each reason why a file could not be examined, and the gate being out of order. Nothing falls through to
"allowed". Three rules stand above the choice:

- a gate that could not check never allows;
- a perceptual match blocks only where the provider switched that on; until then, what would block holds;
- an entry that others have yet to agree on, a picture with too little to see, and one that is like a part of what is
  listed or had to be guessed in part, hold at most.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from vangnet.errors import InvalidInput
from vangnet.gate.model import CheckMatch, Decision, MatchKind, Outcome, at_most_held
from vangnet.hashing.index import RADIUS, RADIUS_MAX
from vangnet.hashing.model import Reason
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.effects import Effect

_STRICTNESS = {Decision.ALLOW: 0, Decision.HOLD: 1, Decision.BLOCK: 2}
_PROOF = {MatchKind.SHA256: 0, MatchKind.PERCEPTUAL: 1, MatchKind.WEAK_DIGEST: 2}
_KINDS = {"sha256": MatchKind.SHA256, "sha1": MatchKind.WEAK_DIGEST, "md5": MatchKind.WEAK_DIGEST}
#: Reasons that are the gate's own fault: it could not check, which is another thing than a file that nobody could.
OUR_FAULT = frozenset({Reason.NOT_ISOLATED})
#: Those for which a policy chooses.
REASONS = tuple(reason for reason in Reason if reason not in OUR_FAULT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Up to which distance, in bits and included, which decision."""

    up_to: int
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchRules:
    """What follows from a match with an entry of one classification."""

    sha256: Decision
    weak_digest: Decision
    #: By distance, nearest first; the last band reaches as far as any look-up does.
    perceptual: tuple[Band, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Everything that a provider chooses about its gate."""

    matches: Mapping[Classification, MatchRules]
    #: One decision for each of REASONS.
    unhashable: Mapping[Reason, Decision]
    #: When the gate could not check: `hold` or `block`.
    unavailable: Decision
    #: Whether a perceptual match may block.
    perceptual_blocks: bool
    #: Lists that are only counted here, whatever their state.
    shadow: frozenset[UUID] = frozenset()
    #: The parties that hear of matches, by a signed hand-off; and after which decisions.
    report_to: frozenset[UUID] = frozenset()
    report_on: frozenset[Decision] = frozenset({Decision.BLOCK})


def _rules(sha256: Decision, weak_digest: Decision, near: Decision, far: Decision) -> MatchRules:
    bands = (Band(up_to=RADIUS, decision=near), Band(up_to=RADIUS_MAX, decision=far))
    return MatchRules(sha256=sha256, weak_digest=weak_digest, perceptual=bands)


_ILLEGAL = _rules(Decision.BLOCK, Decision.HOLD, Decision.BLOCK, Decision.HOLD)
_LOOK_AT_IT = _rules(Decision.HOLD, Decision.HOLD, Decision.HOLD, Decision.HOLD)

#: What holds where nobody chose anything. docs/explanation/gate.md says why, cell by cell.
STARTING = Policy(
    matches={
        Classification.BASELINE: _ILLEGAL,
        Classification.NATIONAL: _ILLEGAL,
        Classification.INVESTIGATIVE: _LOOK_AT_IT,
        Classification.OTHER: _LOOK_AT_IT,
    },
    unhashable={
        Reason.NOT_MEDIA: Decision.ALLOW,
        Reason.UNSUPPORTED: Decision.HOLD,
        Reason.VIDEO: Decision.ALLOW,
        Reason.ARCHIVE: Decision.ALLOW,
        Reason.DAMAGED: Decision.HOLD,
        Reason.TOO_LARGE: Decision.HOLD,
        Reason.TOO_SMALL: Decision.ALLOW,
        Reason.TIMED_OUT: Decision.HOLD,
        Reason.CRASHED: Decision.HOLD,
        Reason.LOW_QUALITY: Decision.ALLOW,
    },
    unavailable=Decision.HOLD,
    perceptual_blocks=False,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A listed entry that a look-up found, with everything that a decision depends on."""

    list_id: UUID
    list_name: str
    entry_id: int
    classification: Classification
    algorithm: str
    distance: int
    view: str
    #: What its list and entry let it bring about; never NOTHING.
    effect: Effect
    #: Whether there was enough to see for the hash to be trusted; always for digests.
    trusted: bool = True

    @property
    def kind(self) -> MatchKind:
        """What the match proves."""
        return kind_of(self.algorithm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a check comes to."""

    outcome: Outcome
    decision: Decision
    matches: tuple[CheckMatch, ...] = field(default=())


def kind_of(algorithm: str) -> MatchKind:
    """What a match by this hash proves."""
    return _KINDS.get(algorithm, MatchKind.PERCEPTUAL)


def strictest(decisions: Iterable[Decision]) -> Decision:
    """The strictest of them; of none, ALLOW: so ask it only where something was found or chosen."""
    return max(decisions, key=_STRICTNESS.__getitem__, default=Decision.ALLOW)


def is_shadow(policy: Policy, found: Found) -> bool:
    """Whether the match is only counted."""
    return found.effect is Effect.COUNTS or found.list_id in policy.shadow


def decide_match(policy: Policy, found: Found) -> Decision:
    """What follows from one match that is not in the shadow."""
    rules = policy.matches[found.classification]
    match found.kind:
        case MatchKind.SHA256:
            chosen = rules.sha256
        case MatchKind.WEAK_DIGEST:
            chosen = rules.weak_digest
        case MatchKind.PERCEPTUAL:
            chosen = next(band.decision for band in rules.perceptual if found.distance <= band.up_to)
            if not policy.perceptual_blocks or not found.trusted or at_most_held(found.algorithm, found.view):
                chosen = _at_most_hold(chosen)
    return _at_most_hold(chosen) if found.effect is Effect.HOLDS else chosen


def judge(policy: Policy, found: Sequence[Found], *, reason: Reason | None, complete: bool) -> Judged:
    """What a check comes to.

    `reason`: why the file could not be examined as it should be. `complete`: whether everything that could be looked up
    was. A match is a match in either case; without one, what is missing decides.
    """
    if not found:  # Nearly always, and ten thousand times a batch.
        outcome, decision = _without_match(policy, reason, complete=complete and reason not in OUR_FAULT)
        return Judged(outcome=outcome, decision=decision)
    matches = _one_for_each_entry(policy, found)
    decisions = [decide_match(policy, one) for one in matches if not is_shadow(policy, one)]
    outcome, decision = _without_match(policy, reason, complete=complete and reason not in OUR_FAULT)
    if decisions:
        # What could not be examined can only make it stricter.
        outcome, decision = Outcome.MATCH, strictest([*decisions, decision])
    return Judged(outcome=outcome, decision=decision, matches=tuple(_told(policy, one) for one in matches))


def _without_match(policy: Policy, reason: Reason | None, *, complete: bool) -> tuple[Outcome, Decision]:
    if not complete:
        return Outcome.UNAVAILABLE, policy.unavailable
    if reason is not None:
        return Outcome.UNHASHABLE, policy.unhashable[reason]
    return Outcome.NO_MATCH, Decision.ALLOW


def _one_for_each_entry(policy: Policy, found: Sequence[Found]) -> list[Found]:
    """Each entry once, by what says most about it: the strictest decision, then the best proof, then the least distance.

    What decides goes before what only counts: a list may have ended its trial between two look-ups.
    """

    def says_most(one: Found) -> tuple[bool, int, int, int]:
        return is_shadow(policy, one), -_STRICTNESS[decide_match(policy, one)], _PROOF[one.kind], one.distance

    best: dict[tuple[UUID, int], Found] = {}
    for one in sorted(found, key=says_most):
        best.setdefault((one.list_id, one.entry_id), one)
    return list(best.values())


def _told(policy: Policy, found: Found) -> CheckMatch:
    return CheckMatch(
        list_id=found.list_id,
        list_name=found.list_name,
        entry_id=found.entry_id,
        classification=found.classification.value,
        algorithm=found.algorithm,
        distance=found.distance,
        view=found.view,
        shadow=is_shadow(policy, found),
    )


def _at_most_hold(decision: Decision) -> Decision:
    return Decision.HOLD if decision is Decision.BLOCK else decision


# --- as a document ---


def as_document(policy: Policy) -> dict[str, Any]:
    """The policy as it is kept, shown and edited: plain texts, lists and numbers."""
    return {
        "matches": {
            classification.value: {
                "sha256": rules.sha256.value,
                "weak_digest": rules.weak_digest.value,
                "perceptual": [{"up_to": band.up_to, "decision": band.decision.value} for band in rules.perceptual],
            }
            for classification, rules in policy.matches.items()
        },
        "perceptual_blocks": policy.perceptual_blocks,
        "unhashable": {reason.value: decision.value for reason, decision in policy.unhashable.items()},
        "unavailable": policy.unavailable.value,
        "shadow": sorted(str(list_id) for list_id in policy.shadow),
        "report_to": sorted(str(party_id) for party_id in policy.report_to),
        "report_on": sorted(decision.value for decision in policy.report_on),
    }


def read_document(document: object) -> Policy:
    """The policy that a document says. Every cell must be there, and nothing else. Raises InvalidInput."""
    fields = _mapping(
        document,
        "policy",
        {"matches", "perceptual_blocks", "unhashable", "unavailable", "shadow", "report_to", "report_on"},
    )
    if not isinstance(fields["perceptual_blocks"], bool):
        raise InvalidInput(field="perceptual_blocks", problem="must be true or false")
    unavailable = _decision(fields["unavailable"], "unavailable")
    if unavailable is Decision.ALLOW:
        raise InvalidInput(field="unavailable", problem="must be `hold` or `block`: what was not checked is not allowed")
    matches = _mapping(fields["matches"], "matches", set(Classification))
    reasons = _mapping(fields["unhashable"], "unhashable", set(REASONS))
    return Policy(
        matches={one: _read_rules(matches[one], f"matches.{one}") for one in Classification},
        unhashable={reason: _decision(reasons[reason], f"unhashable.{reason}") for reason in REASONS},
        unavailable=unavailable,
        perceptual_blocks=fields["perceptual_blocks"],
        shadow=_ids(fields["shadow"], "shadow"),
        report_to=_ids(fields["report_to"], "report_to"),
        report_on=frozenset(_decision(one, "report_on") for one in _list(fields["report_on"], "report_on")),
    )


def _read_rules(document: object, name: str) -> MatchRules:
    fields = _mapping(document, name, {"sha256", "weak_digest", "perceptual"})
    bands: list[Band] = []
    for number, band in enumerate(_list(fields["perceptual"], f"{name}.perceptual")):
        where = f"{name}.perceptual[{number}]"
        values = _mapping(band, where, {"up_to", "decision"})
        up_to = values["up_to"]
        before = bands[-1].up_to if bands else -1
        if not isinstance(up_to, int) or isinstance(up_to, bool) or not before < up_to <= RADIUS_MAX:
            raise InvalidInput(
                field=f"{where}.up_to", problem=f"must be a number of bits over {before}, at most {RADIUS_MAX}"
            )
        bands.append(Band(up_to=up_to, decision=_decision(values["decision"], f"{where}.decision")))
    if not bands or bands[-1].up_to != RADIUS_MAX:
        raise InvalidInput(
            field=f"{name}.perceptual", problem=f"must reach up to {RADIUS_MAX} bits, so that no distance is left out"
        )
    return MatchRules(
        sha256=_decision(fields["sha256"], f"{name}.sha256"),
        weak_digest=_decision(fields["weak_digest"], f"{name}.weak_digest"),
        perceptual=tuple(bands),
    )


def _mapping(document: object, name: str, wanted: Iterable[str]) -> Mapping[str, Any]:
    names = {str(one) for one in wanted}
    if not isinstance(document, Mapping) or set(document) != names:
        raise InvalidInput(field=name, problem=f"must have exactly these: {', '.join(sorted(names))}")
    return document


def _list(document: object, name: str) -> list[object]:
    if not isinstance(document, list):
        raise InvalidInput(field=name, problem="must be a list")
    return document


def _decision(text: object, name: str) -> Decision:
    if not isinstance(text, str) or text not in set(Decision):
        raise InvalidInput(field=name, problem=f"must be one of {', '.join(Decision)}")
    return Decision(text)


def _ids(document: object, name: str) -> frozenset[UUID]:
    try:
        return frozenset(UUID(str(one)) for one in _list(document, name))
    except ValueError:
        raise InvalidInput(field=name, problem="must be a list of ids") from None
