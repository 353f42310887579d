"""The parties we know: other organisations, what is exchanged with them, and on which legal basis."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from vangnet.errors import Conflict, InvalidInput, InvalidTransition
from vangnet.identity.model.text import checked_line

#: A date in a law or an agreement is a day where the parties are, not a day in UTC.
LEGAL_TIME_ZONE = ZoneInfo("Europe/Amsterdam")
#: So many parties that introduced themselves may wait for an answer; more would be somebody filling the table.
MOST_OPEN_PROPOSALS = 20
#: An unanswered introduction is forgotten after so long.
PROPOSAL_LASTS = timedelta(days=30)

PUBLIC_KEY_BYTES = 32


class PartyKind(StrEnum):
    PROVIDER = "provider"  #: Hosts what others upload.
    HOTLINE = "hotline"  #: Takes reports from the public and has material removed.
    POLICE = "police"  #: Investigates, and protects victims.
    AUTHORITY = "authority"  #: Watches over removal, orders it, and can fine.
    PARTNER = "partner"  #: Another organisation, such as a supplier of lists or a research institute.


class PartyState(StrEnum):
    PROPOSED = "proposed"  #: Introduced itself; nobody here compared its key yet, so it counts for nothing.
    KNOWN = "known"  #: Somebody here vouches for it.
    ENDED = "ended"  #: Over: its keys and grants stopped counting. The row stays, for what was exchanged.


TRANSITIONS: dict[PartyState, frozenset[PartyState]] = {
    PartyState.PROPOSED: frozenset({PartyState.KNOWN, PartyState.ENDED}),
    PartyState.KNOWN: frozenset({PartyState.ENDED}),
    PartyState.ENDED: frozenset(),
}


class GrantedRight(StrEnum):
    LIST_SUPPLIER = "list_supplier"  #: May supply entries of a hash list.


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalBasis:
    """Why something may be exchanged with a party, where that is written, and the last day on which it holds."""

    text: str
    reference: str
    ends_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Another organisation. The contact is a person there."""

    id: UUID
    name: str
    kind: PartyKind
    state: PartyState
    contact_name: str | None = field(default=None, repr=False)
    contact_email: str | None = field(default=None, repr=False)
    #: Where its own installation answers, if it has one.
    base_url: str | None = None
    #: The 32 bytes by which its signatures are recognised (Ed25519).
    public_key: bytes | None = None
    #: When it introduced itself, or was added.
    introduced_at: datetime
    #: The actor who vouches for it.
    accepted_by: str | None = None
    accepted_at: datetime | None = None
    ended_by: str | None = None
    ended_at: datetime | None = None
    legal_basis: LegalBasis | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A right that we gave to a party."""

    id: UUID
    party_id: UUID
    right: GrantedRight
    given_by: str
    given_at: datetime
    #: The last day, or None for as long as the party is known.
    until: date | None
    withdrawn_at: datetime | None


def moved(current: PartyState, requested: PartyState) -> PartyState:
    """The requested state. Raises InvalidTransition where the table has no such step."""
    if requested not in TRANSITIONS[current]:
        raise InvalidTransition(record="party", current=current, requested=requested)
    return requested


def require_known(party: Party) -> None:
    """Raises Conflict where nobody vouches for the party, or it has ended."""
    if party.state is not PartyState.KNOWN:
        raise Conflict(problem="the party is not one we know: accept it first, or add it anew")


def legal_day(now: datetime) -> date:
    """Which day it is where the parties are."""
    return now.astimezone(LEGAL_TIME_ZONE).date()


def basis_holds(basis: LegalBasis | None, now: datetime) -> bool:
    """Whether there is a legal basis today. Its last day counts."""
    return basis is not None and legal_day(now) <= basis.ends_on


def checked_basis(*, text: str, reference: str, ends_on: date, now: datetime) -> LegalBasis:
    """A legal basis as it is kept. Raises InvalidInput."""
    if ends_on < legal_day(now):
        raise InvalidInput(field="ends_on", problem="must not be in the past")
    return LegalBasis(
        text=checked_line(text, field="legal_basis", longest=1000),
        reference=checked_line(reference, field="reference", longest=300),
        ends_on=ends_on,
    )


def checked_public_key(public_key: bytes) -> bytes:
    """Raises InvalidInput where it is no Ed25519 public key by its length."""
    if len(public_key) != PUBLIC_KEY_BYTES:
        raise InvalidInput(
            field="public_key", problem=f"must have {PUBLIC_KEY_BYTES} bytes ({PUBLIC_KEY_BYTES * 2} hex digits)"
        )
    return public_key


def grant_holds(grant: Grant, party: Party, now: datetime) -> bool:
    """Whether the grant counts today."""
    in_time = grant.until is None or legal_day(now) <= grant.until
    return party.state is PartyState.KNOWN and grant.withdrawn_at is None and in_time
