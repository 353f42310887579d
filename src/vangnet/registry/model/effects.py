"""What a match brings about: the one rule, for every gate and every search. Pure."""

from enum import StrEnum

from vangnet.registry.model.classification import Classification
from vangnet.registry.model.lists import Choice, ListState


class Effect(StrEnum):
    DECIDES = "decides"  #: What matched may be blocked by it.
    HOLDS = "holds"  #: What matched is held for a person; the entry is proposed or disputed.
    COUNTS = "counts"  #: It is counted, and nothing else: the list is on trial.
    NOTHING = "nothing"  #: It does not count.


def effect(
    list_state: ListState,
    *,
    proposed: bool,
    classification: Classification | None,
    choice: Choice,
    distance: int = 0,
    by_window: bool = False,
) -> Effect:
    """What a match of a standing entry brings about here.

    `proposed` is true for an entry that is proposed or disputed. `classification` is None where nobody mapped its category.
    `by_window`: what matched is like a part of the listed picture; that holds, however near.
    """
    if not choice.enabled or classification not in choice.classifications or distance > choice.radius:
        return Effect.NOTHING
    match list_state:
        case ListState.ACTIVE:
            return Effect.HOLDS if proposed or by_window else Effect.DECIDES
        case ListState.TRIAL:
            return Effect.COUNTS
        case ListState.QUARANTINED | ListState.SUSPENDED:
            return Effect.NOTHING
