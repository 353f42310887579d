"""How often two people who did not know of each other agree. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from vangnet.proportions import interval
from vangnet.reports.rules.assessment.answers import AssessedClass

#: Fewer pairs say nothing.
PAIRS_MIN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How often first and second answers were the same, with the interval in which the true share lies (95 %)."""

    pairs: int
    same: int
    share: float
    low: float
    high: float
    #: Cohen's kappa: agreement beyond what chance gives; None where chance alone gives all of it.
    kappa: float | None


def agreement(pairs: Sequence[tuple[AssessedClass, AssessedClass]]) -> Agreement | None:
    """Of pairs of first and second answers; None where they are too few to say anything.

    Only files that the first person put into a class that a list takes have a second answer, so that kappa says less about
    all files than about these.
    """
    if len(pairs) < PAIRS_MIN:
        return None
    count = len(pairs)
    same = sum(first is second for first, second in pairs)
    low, high = interval(same, count)
    return Agreement(pairs=count, same=same, share=same / count, low=low, high=high, kappa=_kappa(pairs, same / count))


def _kappa(pairs: Sequence[tuple[AssessedClass, AssessedClass]], share: float) -> float | None:
    firsts, seconds = Counter(first for first, _ in pairs), Counter(second for _, second in pairs)
    by_chance = sum(firsts[one] * seconds[one] for one in AssessedClass) / len(pairs) ** 2
    return None if by_chance >= 1 else (share - by_chance) / (1 - by_chance)
