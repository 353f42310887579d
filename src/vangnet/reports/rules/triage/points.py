"""How many points a report has, and why. Pure.

The points are a sum, and the sum is shown: what is said, by whom, what was found, what it counts for. What is made of them
is in `order.py`.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from vangnet.reports.model.drafts import Incident, Sign
from vangnet.reports.model.facts import AgeClass, CannotOpen, Claim, Facts, Part, Sayer
from vangnet.reports.model.triage_policy import AGAINST, TriagePolicy


class Factor(StrEnum):
    """What a reason is about."""

    SIGN = "sign"  #: Somebody says that a sign is there.
    INCIDENT = "incident"  #: What the report is about.
    UNSEEN = "unseen"  #: It has files that no list knows.
    CLASSIFICATION = "classification"  #: What one of its items was classified as.
    AGE = "age"  #: The age class of the youngest child.
    SUBJECT = "subject"  #: Other reports have the same subject.
    EVIDENCE = "evidence"  #: Evidence will soon be gone.
    PART = "part"  #: It has what work can begin with.
    AGAINST = "against"  #: Something speaks against haste.


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a report stands where it stands: one summand of its points."""

    factor: Factor
    #: Which sign, class or part; of numbers, how many.
    code: str
    points: int
    #: Who says so, where somebody does.
    sayer: Sayer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What would move a report, were it found; and how far."""

    factor: Factor
    code: str
    #: Points that it would have more.
    points: int
    #: When it comes about by itself.
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a report stands, and why."""

    score: int
    #: The most points first. Their sum is the score.
    reasons: tuple[Reason, ...]
    #: The furthest first.
    would_move: tuple[Move, ...]
    #: It calls a person at once.
    danger: bool
    #: By when it is to be opened, if it has a sign with a deadline.
    due_at: datetime | None
    cannot_open: CannotOpen | None


# --- points ---


#: A summand as it is worked out: points, what about, which one, who says so. Plain, because 100,000 reports are ordered at
#: a time.
_Summand: TypeAlias = tuple[int, Factor, object, Sayer | None]


def score(policy: TriagePolicy, facts: Facts, now: datetime) -> int:
    """A report's points."""
    return sum([summand[0] for summand in _summands(policy, facts, _horizon(policy, now))])


def _horizon(policy: TriagePolicy, now: datetime) -> datetime:
    """Evidence that is gone by then presses now."""
    return now + timedelta(days=policy.evidence_days)


def _summands(policy: TriagePolicy, facts: Facts, horizon: datetime) -> list[_Summand]:
    """Everything that gives a report points, or takes some away."""
    found = _said(policy, facts)
    if facts.unseen_items:
        found.append((policy.unseen, Factor.UNSEEN, facts.unseen_items, None))
    if facts.classification is not None:
        found.append((policy.classifications[facts.classification], Factor.CLASSIFICATION, facts.classification, None))
    if facts.age is not None:
        found.append((policy.ages[facts.age], Factor.AGE, facts.age, None))
    if facts.same_subject:
        # 1, then 2 or 3, then 4 to 7 … others: once, twice, three times the points.
        points = min(policy.same_subject_most, policy.same_subject * facts.same_subject.bit_length())
        found.append((points, Factor.SUBJECT, facts.same_subject, None))
    expires_at = facts.evidence_expires_at
    if expires_at is not None and expires_at <= horizon:
        found.append((policy.evidence, Factor.EVIDENCE, expires_at, None))
    for part in facts.parts:
        found.append((policy.parts[part], Factor.PART, part, None))
    return found


def _said(policy: TriagePolicy, facts: Facts) -> list[_Summand]:
    """What is said of the report: the strongest counts whole, the others in part, because they hang together."""
    said: list[_Summand] = []
    against: list[_Summand] = []
    in_danger = False
    if facts.claims:
        signs, against, in_danger = _by_sign(policy, facts)
        said += signs
    if points := policy.incidents[facts.incident] * policy.trust[facts.said_by] // 100:
        said.append((points, Factor.INCIDENT, facts.incident, facts.said_by))
    if len(said) > 1:
        said.sort(key=lambda one: (-one[0], one[1], one[2]))
        percent = policy.further_signs_percent
        said[1:] = [(points * percent // 100, factor, code, sayer) for points, factor, code, sayer in said[1:]]
    # A child who is said to be in danger is not set back by somebody who says that it is spam.
    return said if in_danger else said + against


def _by_sign(policy: TriagePolicy, facts: Facts) -> tuple[list[_Summand], list[_Summand], bool]:
    """What is claimed, each sign once; what is claimed against haste; and whether one of the signs is of present danger.

    Several who say the same say it once: whoever counts most, and of equals always the same one.
    """
    signs: dict[Sign, _Summand] = {}
    against: dict[Sign, _Summand] = {}
    for claim in facts.claims:
        sign, sayer = claim.sign, claim.sayer
        if sign in AGAINST:
            if sign not in against or sayer > (against[sign][3] or ""):
                against[sign] = (-policy.against[sign], Factor.AGAINST, sign, sayer)
            continue
        weight = policy.signs[sign]
        points = weight.evidence * policy.trust[sayer] // 100 + weight.consequence
        before = signs.get(sign)
        if before is None or (points, sayer) > (before[0], before[3] or ""):
            signs[sign] = (points, Factor.SIGN, sign, sayer)
    return list(signs.values()), list(against.values()), not policy.danger.isdisjoint(signs)


def _told(summand: _Summand) -> Reason:
    points, factor, code, sayer = summand
    text = code.isoformat(timespec="minutes") if isinstance(code, datetime) else str(code)
    return Reason(factor=factor, code=text, points=points, sayer=sayer)


def calls_person(policy: TriagePolicy, facts: Facts) -> bool:
    """Whether a person is called for a report at once, unless one looked already: for what is said of it, and that alone.

    What was found without anybody saying anything (unseen files, an account, a clock) is true of most company reports. It
    moves a report up; but who is called for every second report by night stops coming.
    """
    if facts.no_danger:
        return False
    if any(claim.sign in policy.danger for claim in facts.claims):
        return True
    return sum([summand[0] for summand in _said(policy, facts) if summand[0] > 0]) >= policy.danger_points


def due_at(policy: TriagePolicy, facts: Facts) -> datetime | None:
    """By when a report is to be opened: the earliest deadline of its signs, counted from when it came in."""
    hours = [policy.deadline_hours[claim.sign] for claim in facts.claims if claim.sign in policy.deadline_hours]
    return facts.received_at + timedelta(hours=min(hours)) if hours else None


def standing(policy: TriagePolicy, facts: Facts, now: datetime, *, moves: bool = True) -> Standing:
    """Where a report stands, why, and what would move it; without `moves` not that, which takes most of the time."""
    found = [_told(summand) for summand in _summands(policy, facts, _horizon(policy, now))]
    points = sum(reason.points for reason in found)
    return Standing(
        score=points,
        reasons=tuple(sorted(found, key=lambda reason: (-reason.points, reason.factor, reason.code))),
        would_move=tuple(_moves(policy, facts, now, points)) if moves else (),
        danger=calls_person(policy, facts),
        due_at=due_at(policy, facts),
        cannot_open=facts.cannot_open,
    )


def _moves(policy: TriagePolicy, facts: Facts, now: datetime, points: int) -> list[Move]:
    """What is not known of the report, as if one of our own people had found it, with the points it would have more."""
    others: list[tuple[Factor, str, Facts]] = [
        (Factor.SIGN, sign.value, replace(facts, claims=facts.claims | {Claim(sign, Sayer.OURS)})) for sign in policy.signs
    ]
    others += [
        (Factor.INCIDENT, one.value, replace(facts, incident=one, said_by=Sayer.OURS))
        for one in Incident
        if facts.incident is Incident.OTHER
    ]
    others += [(Factor.PART, part.value, replace(facts, parts=facts.parts | {part})) for part in Part]
    others += [(Factor.AGE, age.value, replace(facts, age=age)) for age in AgeClass if facts.age is None]
    others.append((Factor.UNSEEN, "1", replace(facts, unseen_items=max(1, facts.unseen_items))))
    more = 2 * facts.same_subject if facts.same_subject else 1
    others.append((Factor.SUBJECT, str(more), replace(facts, same_subject=more)))
    if facts.classification is None:
        others += [(Factor.CLASSIFICATION, one.value, replace(facts, classification=one)) for one in policy.classifications]
    found = [
        Move(factor=factor, code=code, points=more)
        for factor, code, other in others
        if (more := score(policy, other, now) - points) > 0
    ]
    if (at := changes_at(policy, facts, now)) is not None:
        found.append(Move(factor=Factor.EVIDENCE, code=str(policy.evidence_days), points=policy.evidence, at=at))
    return sorted(found, key=lambda move: (-move.points, move.factor, move.code))


def changes_at(policy: TriagePolicy, facts: Facts, now: datetime) -> datetime | None:
    """When time alone will give a report other points: evidence begins to press. None where it will not."""
    if facts.evidence_expires_at is None or not policy.evidence:
        return None
    at = facts.evidence_expires_at - timedelta(days=policy.evidence_days)
    return at if at > now else None
