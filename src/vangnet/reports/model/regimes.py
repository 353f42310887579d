"""How long others keep what could be evidence, and how long they preserve it when asked: data with their sources. Pure.

Each term says whether it is law or this project's assumption. Where no term is known there is none: a clock without a term
is shown as unknown, and nothing is guessed in its place. A changed line raises REGIMES_VERSION, which is written beside
each clock and request that was made with it. A lawyer checks the sources before anybody relies on them;
docs/explanation/evidence-clocks.md says what each means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from vangnet.errors import InvalidInput
from vangnet.identity.model import InstallationKind

#: Raised whenever a line below changes.
REGIMES_VERSION = 1


class EvidenceKind(StrEnum):
    """What somebody else has."""

    REPORTED = "reported"  #: What a provider keeps of what it reported itself: files, accounts, logs.
    CUSTOMER = "customer"  #: Who had a network address at a time, at the access provider.
    ACCOUNT = "account"  #: Whose an account is and when it was used, at the service.
    HOSTED = "hosted"  #: What lies at an address and who put it there, at whoever hosts it.


class Ground(StrEnum):
    """What a term rests on."""

    LAW = "law"  #: A law says so.
    ASSUMPTION = "assumption"  #: This project assumes it; nobody measured it.


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """How long something is kept without anybody asking."""

    code: str
    kind: EvidenceKind
    #: Where whoever has it is: two letters.
    country: str
    days: int
    ground: Ground
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PreservationLaw:
    """By what somebody is asked to preserve something, and how long that holds."""

    code: str
    days: int
    #: How often it can be renewed; None where the law sets no number.
    renewals: int | None
    ground: Ground
    #: Who may ask by it.
    asks: frozenset[InstallationKind]
    source: str


TERMS: Sequence[Term] = (
    Term(
        code="us_2258a_h",
        kind=EvidenceKind.REPORTED,
        country="US",
        days=365,
        ground=Ground.LAW,
        source="18 U.S.C. 2258A(h)(1), as changed by the REPORT Act (Public Law 118-59, 2024): a provider preserves the "
        "content of a CyberTipline report for 1 year after it was submitted",
    ),
    Term(
        code="nl_access",
        kind=EvidenceKind.CUSTOMER,
        country="NL",
        days=30,
        ground=Ground.ASSUMPTION,
        source="no law makes Dutch access providers keep it since the law on data retention was set aside (Rechtbank Den "
        "Haag, 11 March 2015, ECLI:NL:RBDHA:2015:2498); 30 days is a cautious guess: asking too early loses nothing",
    ),
)

PRESERVATION_LAWS: Mapping[str, PreservationLaw] = {
    law.code: law
    for law in (
        PreservationLaw(
            code="nl_126ni",
            days=90,
            renewals=1,
            ground=Ground.LAW,
            asks=frozenset({InstallationKind.POLICE}),
            source="Wetboek van Strafvordering, article 126ni: by order of the public prosecutor, at most 90 days, which "
            "can be renewed once",
        ),
        PreservationLaw(
            code="us_2703_f",
            days=90,
            renewals=1,
            ground=Ground.LAW,
            asks=frozenset({InstallationKind.POLICE}),
            source="18 U.S.C. 2703(f): on request of a governmental entity 90 days, which can be renewed by 90 days",
        ),
        PreservationLaw(
            code="budapest_16",
            days=90,
            renewals=None,
            ground=Ground.LAW,
            asks=frozenset({InstallationKind.POLICE}),
            source="Convention on Cybercrime (Budapest, 2001), articles 16 and 29: at most 90 days, renewed as "
            "the law of the country that is asked allows",
        ),
        PreservationLaw(
            code="voluntary",
            days=90,
            renewals=None,
            ground=Ground.ASSUMPTION,
            asks=frozenset({InstallationKind.HOTLINE, InstallationKind.POLICE}),
            source="no law: a request that nobody has to follow; 90 days is what is asked for",
        ),
    )
}


def find_term(terms: Sequence[Term], kind: EvidenceKind, country: str | None) -> Term | None:
    """The term for this in that country; None where none is known."""
    return next((term for term in terms if term.kind is kind and term.country == country), None)


def term_by_code(code: str) -> Term | None:
    """A term of this version."""
    return next((term for term in TERMS if term.code == code), None)


def laws_for(kind: InstallationKind) -> list[PreservationLaw]:
    """By what such a party may ask."""
    return [law for law in PRESERVATION_LAWS.values() if kind in law.asks]


def checked_law(code: str, kind: InstallationKind) -> PreservationLaw:
    """The law of this code, where such a party may ask by it. Raises InvalidInput."""
    law = PRESERVATION_LAWS.get(code)
    if law is None or kind not in law.asks:
        raise InvalidInput(field="law", problem="must be one of those that are offered")
    return law


def lasts(law: PreservationLaw) -> timedelta:
    """How long it holds, each time."""
    return timedelta(days=law.days)
