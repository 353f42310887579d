"""What triage knows of one report: counts, codes and times, and who says so. Never whether it is urgent: that is not known.

Facts are made of a report, its items, its links and its clocks, and made anew when one of these changes. Nothing in them
names a person, a picture or an address.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vangnet.registry.model.classification import Classification
from vangnet.reports.model.drafts import Incident, ReporterKind, Sign, Source


class Sayer(StrEnum):
    """Who says something about a report: whoever reports, or one of our own people."""

    ANONYMOUS = "anonymous"  #: Somebody who gave no name.
    CITIZEN = "citizen"  #: Somebody who gave a way to be reached.
    COMPANY = "company"  #: A provider or platform.
    HOTLINE = "hotline"  #: A hotline.
    POLICE = "police"  #: A police force.
    AUTHORITY = "authority"  #: A regulator.
    OURS = "ours"  #: One of our own people, who looked.


class AgeClass(StrEnum):
    """How old the youngest child seems who was assessed, where that is known (ICCAM's age classes)."""

    INFANT = "infant"  #: ICCAM 2.
    PREPUBESCENT = "prepubescent"  #: ICCAM 3.
    PUBESCENT = "pubescent"  #: ICCAM 4.


class Part(StrEnum):
    """What a report has that work can begin with."""

    SUBJECT = "subject"  #: An account, a mail address, a telephone number: somebody to look for.
    TRACE = "trace"  #: An address on the network together with a time.
    PLACE = "place"  #: A country, or more.
    MATERIAL = "material"  #: The files themselves, and not only their names.


class CannotOpen(StrEnum):
    """Why nobody can open a report now."""

    UNREADABLE = "unreadable"  #: What was delivered could not be read; somebody has to repair it.
    FILES_MISSING = "files_missing"  #: Files that it names did not come.
    NEEDS_ORDER = "needs_order"  #: The law asks for an order before it is opened.
    WAITS = "waits"  #: Somebody else was asked something, and has not answered.


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody says that a sign is there."""

    sign: Sign
    sayer: Sayer


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A report as triage sees it."""

    report_id: int
    #: When it came in, by our clock: a reporter's clock cannot move a report.
    received_at: datetime
    source: Source
    incident: Incident = Incident.OTHER
    #: Who the incident is said by.
    said_by: Sayer = Sayer.ANONYMOUS
    claims: frozenset[Claim] = frozenset()
    #: Files that no list knows and nobody here has classified.
    unseen_items: int = 0
    known_items: int = 0
    #: The gravest that one of its items was classified as.
    classification: Classification | None = None
    age: AgeClass | None = None
    #: Other reports of the same subject.
    same_subject: int = 0
    #: When the next evidence is gone that is still to be had and was not secured. What is gone is not counted here: that it
    #: is gone is a change of the facts.
    evidence_expires_at: datetime | None = None
    parts: frozenset[Part] = frozenset()
    cannot_open: CannotOpen | None = None
    #: One of our own people was called, looked, and says that no child is in danger now. What is said afterwards ends it.
    no_danger: bool = False
    #: It was drawn at random below the line, to be opened all the same.
    drawn: bool = False


def sayer_of(kind: ReporterKind) -> Sayer:
    """Who says what a report says."""
    return Sayer(kind.value)
