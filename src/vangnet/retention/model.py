"""How long what is kept: types and pure rules.

Everything that is kept rests on a basis, and each basis has a term. When a term ends, what it was for is erased, or rests
on another basis with a term of its own. Nothing is erased by terms that nobody chose, and newly chosen ones wait for a
week: an erasure cannot be undone, and a wrong number would be seen by then.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from vangnet.vault.model import Basis

#: So long terms stand before they count; until then those before them do.
WAITS = timedelta(days=7)
#: The longest term: what shall be kept for longer is an archive's.
DAYS_MAX = 36_525


class Kind(StrEnum):
    """What is kept."""

    MEDIUM = "medium"  #: A file in the vault.
    REPORT = "report"  #: What a report says about people: names, accounts, addresses, words.


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """How long something may rest on a basis, and where that is written."""

    #: None: as long as the basis itself holds; somebody ends it.
    days: int | None
    #: On what it rests afterwards; None: it is erased.
    then: Basis | None = None
    #: The law, or the decision of whoever answers for the data.
    source: str


#: The term of each kind and basis. What has none is listed, and neither erased nor forgotten.
Terms: TypeAlias = Mapping[Kind, Mapping[Basis, Term]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenTerms:
    """Terms as somebody chose them."""

    version: int
    terms: Terms
    chosen_by: str
    chosen_at: datetime


class State(StrEnum):
    """How it stands with one thing that is kept."""

    RUNS = "runs"  #: Its term runs.
    OPEN = "open"  #: It is kept as long as its basis holds.
    MOVES = "moves"  #: Its term ended; it rests on another basis now.
    DUE = "due"  #: Its term ended; it is to be erased.
    HELD = "held"  #: Its term ended, but somebody holds it.
    NO_TERM = "no_term"  #: Nobody said how long: a person decides.


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How it stands, and what comes next."""

    state: State
    #: When its term ends, or ended.
    ends_at: datetime | None = None
    #: On what it rests afterwards.
    then: Basis | None = None


def standing(terms: Terms, kind: Kind, basis: Basis, *, since: datetime, held: bool, now: datetime) -> Standing:
    """How it stands with what rests on a basis since then."""
    term = terms.get(kind, {}).get(basis)
    if term is None:
        return Standing(state=State.NO_TERM)
    if term.days is None:
        return Standing(state=State.OPEN)
    ends_at = since + timedelta(days=term.days)
    if now < ends_at:
        state = State.RUNS
    elif held:
        state = State.HELD
    else:
        state = State.DUE if term.then is None else State.MOVES
    return Standing(state=state, ends_at=ends_at, then=term.then)


def ended_since(terms: Terms, kind: Kind, basis: Basis, *, now: datetime) -> datetime | None:
    """What rests on this basis since then or earlier has come to the end of its term; None where no term ends it."""
    term = terms.get(kind, {}).get(basis)
    return None if term is None or term.days is None else now - timedelta(days=term.days)


def longest_days(terms: Terms, kind: Kind, basis: Basis) -> int | None:
    """How long something is kept from the moment it rests on this basis, all that follows included; None: no end is set."""
    term = terms.get(kind, {}).get(basis)
    if term is None or term.days is None:
        return None
    if term.then is None:
        return term.days
    rest = longest_days(terms, kind, term.then)
    return None if rest is None else term.days + rest


def in_force(chosen: Iterable[ChosenTerms], now: datetime) -> ChosenTerms | None:
    """The newest terms that have waited long enough; None where there are none yet, and nothing is erased."""
    counting = [one for one in chosen if one.chosen_at + WAITS <= now]
    return max(counting, key=lambda one: one.version, default=None)
