"""How far the work reaches, what stays below that line, and what of it is opened all the same. Pure."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from vangnet.reports.model.facts import Facts
from vangnet.reports.model.triage_policy import AGAINST, TriagePolicy
from vangnet.reports.rules.triage.order import Listing
from vangnet.reports.rules.triage.points import Factor, due_at


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityLine:
    """How far the work reaches."""

    above: int
    below: int
    #: What is in the reports below the line: how many have a sign, an incident with points, unseen files, evidence that
    #: is gone before the time is up, a deadline that is over by then.
    below_with: Mapping[tuple[Factor, str], int]
    overdue_below: int
    oldest_below_at: datetime | None
    #: Listed, and not counted in either: no capacity opens them.
    aside: int


def capacity_line(
    policy: TriagePolicy,
    listing: Listing,
    facts: Mapping[int, Facts],
    *,
    hours: float,
    minutes_each: float,
    until: datetime,
) -> CapacityLine:
    """How far so many hours of work reach, and what is below. `until`: when the hours are over.

    Counted for what waits now: what comes in meanwhile takes places too.
    """
    above = min(len(listing.places), int(hours * 60 / minutes_each))
    below = [facts[place.report_id] for place in listing.places[above:]]
    below_with: dict[tuple[Factor, str], int] = {}
    for one in below:
        kinds = {(Factor.SIGN, claim.sign.value) for claim in one.claims if claim.sign not in AGAINST}
        if policy.incidents[one.incident]:
            kinds.add((Factor.INCIDENT, one.incident.value))
        if one.unseen_items:
            kinds.add((Factor.UNSEEN, ""))
        if one.evidence_expires_at is not None and one.evidence_expires_at <= until:
            kinds.add((Factor.EVIDENCE, ""))
        for kind in kinds:
            below_with[kind] = below_with.get(kind, 0) + 1
    due = [at for one in below if (at := due_at(policy, one)) is not None]
    return CapacityLine(
        above=above,
        below=len(below),
        below_with=dict(sorted(below_with.items(), key=lambda item: (-item[1], item[0]))),
        overdue_below=sum(at <= until for at in due),
        oldest_below_at=min((one.received_at for one in below), default=None),
        aside=len(listing.aside),
    )


def draw_below_line(policy: TriagePolicy, below: Collection[int], chance: Callable[[], float]) -> list[int]:
    """Those below the line that are opened all the same: each by itself with the policy's share.

    Give each report once, when it first falls below the line: what could be drawn again and again would be drawn in the
    end, and the sample would be of old reports. `chance` gives a number from 0 to under 1 that nobody can foresee.
    """
    return [one for one in sorted(below) if chance() * 1000 < policy.drawn_permille]
