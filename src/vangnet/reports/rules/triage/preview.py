"""What another triage policy would move: the same reports, ordered by both. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from vangnet.reports.model.facts import Facts
from vangnet.reports.model.triage_policy import TriagePolicy
from vangnet.reports.rules.triage.order import Listing, order

#: Reports that a preview names, in each direction.
NAMED_MAX = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A report that would stand elsewhere."""

    report_id: int
    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TriagePreview:
    """What would be different, for as many reports as can be opened."""

    #: Reports that would come above the line, and as many that would fall below it.
    rises: int
    falls: int
    #: The furthest moved first.
    rising: tuple[Moved, ...]
    falling: tuple[Moved, ...]
    #: Reports above the line in both orders.
    stays: int


def preview(
    now_chosen: TriagePolicy, draft: TriagePolicy, facts: Sequence[Facts], now: datetime, *, above: int, taken: int = 0
) -> TriagePreview:
    """What `draft` would move across the line, which is after `above` reports."""
    before = _numbers(order(now_chosen, facts, now, taken=taken))
    after = _numbers(order(draft, facts, now, taken=taken))
    moved = [Moved(report_id=one, before=before[one], after=after[one]) for one in before]
    rising = [one for one in moved if one.after <= above < one.before]
    falling = [one for one in moved if one.before <= above < one.after]

    def furthest(one: Moved) -> tuple[int, int]:
        return -abs(one.after - one.before), one.report_id

    return TriagePreview(
        rises=len(rising),
        falls=len(falling),
        rising=tuple(sorted(rising, key=furthest)[:NAMED_MAX]),
        falling=tuple(sorted(falling, key=furthest)[:NAMED_MAX]),
        stays=sum(one.before <= above and one.after <= above for one in moved),
    )


def _numbers(listing: Listing) -> dict[int, int]:
    return {place.report_id: place.number for place in listing.places}
