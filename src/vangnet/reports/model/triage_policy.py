"""The triage policy: what counts for how much, and how the work is shared out. A document that people choose. Pure.

Points are decibans: ten points are ten times (I. J. Good, Probability and the Weighing of Evidence, 1950; the unit is A. M.
Turing's). A sign's points have two parts, and both are declared:

- *evidence*: by how much it raises the odds that a report is urgent when it is said, against when it is not: 10 · log10 of
  the odds ratio, where its sensitivity is taken of all urgent reports, and not only of those that it is about;
- *consequence*: how many times as bad it is if such a report waits, measured against an ordinary one.

Because the one multiplies the other, their logarithms are added. docs/explanation/triage.md says which choice is whose.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import log10
from typing import Any, TypeVar

from vangnet.errors import InvalidInput
from vangnet.registry.model.classification import Classification
from vangnet.reports.model.drafts import Incident, Sign
from vangnet.reports.model.facts import AgeClass, Part, Sayer

#: A single weight may be this many points at most: a million times, and more than anybody knows.
POINTS_MAX = 60

#: Signs that speak against haste: they can only take points away.
AGAINST = frozenset({Sign.MADE_UP, Sign.SPREAD_WIDELY, Sign.SPAM, Sign.FOR_INFORMATION})

_Member = TypeVar("_Member", bound=StrEnum)


class Equals(StrEnum):
    """Which of two reports with as many points goes first."""

    #: Whoever can still be opened in time, and of these whoever waits longest; then the others, the newest first. Where
    #: more comes in than can be opened, this opens as many in time as can be; where not, it is first in, first out.
    IN_TIME = "in_time"
    NEWEST = "newest"  #: The newer one.
    OLDEST = "oldest"  #: The older one.


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """What a sign counts for, in points."""

    evidence: int
    consequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TriagePolicy:
    """Everything that an installation chooses about its order."""

    #: One for each sign that is not AGAINST.
    signs: Mapping[Sign, Weight]
    #: One for each sign AGAINST: taken away, unless a child is said to be in danger now.
    against: Mapping[Sign, int]
    incidents: Mapping[Incident, int]
    #: How far somebody's word counts, in percent of its evidence.
    trust: Mapping[Sayer, int]
    #: What is said of one report hangs together: each sign after the strongest counts for so many percent.
    further_signs_percent: int
    #: At least one file that no list knows.
    unseen: int
    classifications: Mapping[Classification, int]
    ages: Mapping[AgeClass, int]
    #: Other reports of the same subject: for the first, and again each time that their number doubles, up to the last.
    same_subject: int
    same_subject_most: int
    #: Evidence that is gone within so many days, and what that counts for.
    evidence_days: int
    evidence: int
    parts: Mapping[Part, int]
    #: Signs that call a person by day and night, and within how many minutes one has to be there.
    danger: frozenset[Sign]
    danger_minutes: int
    #: After so many minutes the next one is called as well.
    escalate_minutes: int
    #: A report of which so much is said, in points, calls a person too, whichever signs it is.
    danger_points: int
    #: By when a report with such a sign is to be opened. Shown and counted; it moves nothing, so that one late report does
    #: not make others late.
    deadline_hours: Mapping[Sign, int]
    among_equals: Equals
    #: Opened so many hours after it came in, a report is opened in time.
    in_time_hours: int
    #: Its last hours are so many before that time is over. While nothing has waited for more days than `backlog_days`,
    #: such a share of what is opened goes to reports in their last hours, but for the places of the oldest: there are
    #: people enough, so nothing need be late.
    last_hours: int
    last_hours_percent: int
    backlog_days: int
    #: The share of what is opened that goes to those who wait longest.
    oldest_percent: int
    #: The share of what stays below the line that is opened all the same, drawn at random; in thousandths.
    drawn_permille: int


def evidence_points(sensitivity: float, false_alarms: float) -> int:
    """How many points the evidence of a sign is worth that is said of such shares of urgent and of other reports.

    It is the difference between what it weighs when it is said and when it is not, so that nothing said is 0 points. A
    useless sign is worth 0. Raises InvalidInput where a share is none.
    """
    for name, share in (("sensitivity", sensitivity), ("false_alarms", false_alarms)):
        if not 0 <= share <= 1:
            raise InvalidInput(field=name, problem="must be a share from 0 to 1")
    if sensitivity <= false_alarms:
        return 0
    if false_alarms == 0 or sensitivity == 1:
        return POINTS_MAX
    odds_ratio = sensitivity * (1 - false_alarms) / (false_alarms * (1 - sensitivity))
    return min(POINTS_MAX, round(10 * log10(odds_ratio)))


def _weight(evidence: int, consequence: int) -> Weight:
    return Weight(evidence=evidence, consequence=consequence)


#: What holds where nobody chose anything: judgement, not measurement. docs/explanation/triage.md says why, and how the
#: random sample replaces judgement by what was counted.
STARTING = TriagePolicy(
    signs={
        Sign.DANGER_NOW: _weight(9, 10),
        Sign.MINORS_NEAR: _weight(12, 6),
        Sign.EXTORTION: _weight(9, 8),
        Sign.ENTICEMENT: _weight(9, 5),
        Sign.LIVE: _weight(6, 6),
        Sign.SADISTIC: _weight(9, 8),
        Sign.HARM: _weight(8, 6),
        Sign.INFANT: _weight(6, 4),
        Sign.BETWEEN_MINORS: _weight(3, 2),
        Sign.SELF_MADE: _weight(3, 3),
    },
    against={Sign.MADE_UP: 6, Sign.SPREAD_WIDELY: 8, Sign.SPAM: 8, Sign.FOR_INFORMATION: 6},
    incidents={
        Incident.MATERIAL: 0,
        Incident.ENTICEMENT: 10,
        Incident.EXTORTION: 12,
        Incident.LIVE_STREAM: 12,
        Incident.ABUSE: 12,
        Incident.TRAVEL: 12,
        Incident.TRAFFICKING: 12,
        Incident.PAYMENT: 6,
        Incident.UNSOLICITED: 2,
        Incident.MISLEADING: 0,
        Incident.OTHER: 0,
    },
    trust={
        Sayer.ANONYMOUS: 50,
        Sayer.CITIZEN: 70,
        Sayer.COMPANY: 100,
        Sayer.HOTLINE: 110,
        Sayer.POLICE: 120,
        Sayer.AUTHORITY: 100,
        Sayer.OURS: 150,
    },
    further_signs_percent=75,
    unseen=22,
    classifications={
        Classification.BASELINE: 5,
        Classification.NATIONAL: 3,
        Classification.INVESTIGATIVE: 2,
        Classification.OTHER: 0,
    },
    ages={AgeClass.INFANT: 4, AgeClass.PREPUBESCENT: 3, AgeClass.PUBESCENT: 2},
    same_subject=10,
    same_subject_most=20,
    evidence_days=3,
    evidence=3,
    parts={Part.SUBJECT: 2, Part.TRACE: 2, Part.PLACE: 1, Part.MATERIAL: 1},
    danger=frozenset({Sign.DANGER_NOW}),
    danger_minutes=15,
    escalate_minutes=5,
    danger_points=17,
    deadline_hours={Sign.DANGER_NOW: 1, Sign.EXTORTION: 24, Sign.MINORS_NEAR: 24, Sign.LIVE: 24, Sign.ENTICEMENT: 72},
    among_equals=Equals.IN_TIME,
    in_time_hours=24,
    last_hours=8,
    last_hours_percent=80,
    backlog_days=5,
    oldest_percent=10,
    drawn_permille=10,
)


# --- as a document ---


def as_document(policy: TriagePolicy) -> dict[str, Any]:
    """The policy as it is kept, shown and edited: plain texts, lists and numbers."""
    return {
        "signs": {
            sign.value: {"evidence": weight.evidence, "consequence": weight.consequence}
            for sign, weight in policy.signs.items()
        },
        "against": _plain(policy.against),
        "incidents": _plain(policy.incidents),
        "trust": _plain(policy.trust),
        "classifications": _plain(policy.classifications),
        "ages": _plain(policy.ages),
        "parts": _plain(policy.parts),
        "danger": sorted(sign.value for sign in policy.danger),
        "deadline_hours": _plain(policy.deadline_hours),
        "among_equals": policy.among_equals.value,
        **{name: getattr(policy, name) for name in _NUMBERS},
    }


#: The plain numbers of a policy: the least and the most that each may be.
_NUMBERS = {
    "further_signs_percent": (0, 100),
    "unseen": (0, POINTS_MAX),
    "same_subject": (0, POINTS_MAX),
    "same_subject_most": (0, POINTS_MAX),
    "evidence_days": (0, 60),
    "evidence": (0, POINTS_MAX),
    # DSA, article 18, says "promptly"; a quarter of an hour is this project's own promise.
    "danger_minutes": (1, 60),
    "escalate_minutes": (1, 60),
    "danger_points": (1, 10 * POINTS_MAX),
    "in_time_hours": (1, 30 * 24),
    "last_hours": (1, 30 * 24),
    # Never all, so that a report with many points does not wait for all that have few.
    "last_hours_percent": (0, 90),
    "backlog_days": (1, 60),
    # Never none: what is not among the first would then wait for ever, and nobody would know what is in it.
    "oldest_percent": (1, 50),
    "drawn_permille": (1, 200),
}


def read_document(document: object) -> TriagePolicy:
    """The policy that a document says. Every cell must be there, and nothing else. Raises InvalidInput."""
    tables = {"signs", "against", "incidents", "trust", "classifications", "ages", "parts"}
    fields = _mapping(document, "policy", {*tables, *_NUMBERS, "danger", "deadline_hours", "among_equals"})
    numbers = {name: _number(fields[name], name, *limits) for name, limits in _NUMBERS.items()}
    if numbers["escalate_minutes"] > numbers["danger_minutes"]:
        problem = "must not be more than `danger_minutes`, or nobody else is called in time"
        raise InvalidInput(field="escalate_minutes", problem=problem)
    speaking_for = [sign for sign in Sign if sign not in AGAINST]
    signs = _mapping(fields["signs"], "signs", speaking_for)
    deadlines = _mapping(fields["deadline_hours"], "deadline_hours", fields["deadline_hours"])
    return TriagePolicy(
        signs={sign: _read_weight(signs[sign], f"signs.{sign}") for sign in speaking_for},
        against=_points(fields["against"], "against", [sign for sign in Sign if sign in AGAINST]),
        incidents=_points(fields["incidents"], "incidents", Incident),
        trust=_points(fields["trust"], "trust", Sayer, most=200),
        classifications=_points(fields["classifications"], "classifications", Classification),
        ages=_points(fields["ages"], "ages", AgeClass),
        parts=_points(fields["parts"], "parts", Part),
        danger=_danger(fields["danger"]),
        deadline_hours={
            _sign(name, "deadline_hours"): _number(hours, f"deadline_hours.{name}", 1, 24 * 365)
            for name, hours in deadlines.items()
        },
        among_equals=_equals(fields["among_equals"]),
        **numbers,
    )


def _plain(table: Mapping[_Member, int]) -> dict[str, int]:
    return {member.value: number for member, number in table.items()}


def _mapping(document: object, name: str, wanted: Iterable[object]) -> Mapping[str, Any]:
    if not isinstance(document, Mapping):
        raise InvalidInput(field=name, problem="must be a table")
    names = {str(one) for one in wanted}
    if set(document) != names:
        raise InvalidInput(field=name, problem=f"must have exactly these: {', '.join(sorted(names))}")
    return document


def _number(value: object, name: str, least: int, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidInput(field=name, problem=f"must be a whole number from {least} to {most}")
    return value


def _points(document: object, name: str, members: Iterable[_Member], *, most: int = POINTS_MAX) -> dict[_Member, int]:
    wanted = list(members)
    table = _mapping(document, name, wanted)
    return {member: _number(table[member], f"{name}.{member}", 0, most) for member in wanted}


def _read_weight(document: object, name: str) -> Weight:
    fields = _mapping(document, name, {"evidence", "consequence"})
    return Weight(**{part: _number(fields[part], f"{name}.{part}", 0, POINTS_MAX) for part in ("evidence", "consequence")})


def _sign(text: object, name: str) -> Sign:
    if not isinstance(text, str) or text not in {sign for sign in Sign if sign not in AGAINST}:
        raise InvalidInput(field=name, problem="must name signs of urgency")
    return Sign(text)


def _danger(document: object) -> frozenset[Sign]:
    if not isinstance(document, list) or not document:
        raise InvalidInput(field="danger", problem="must be a list of at least one sign: somebody has to be called")
    found = frozenset(_sign(text, "danger") for text in document)
    if Sign.DANGER_NOW not in found:
        raise InvalidInput(field="danger", problem="must have `danger_now`: it is what a reporter says when it cannot wait")
    return found


def _equals(text: object) -> Equals:
    if not isinstance(text, str) or text not in set(Equals):
        raise InvalidInput(field="among_equals", problem=f"must be one of {', '.join(Equals)}")
    return Equals(text)
