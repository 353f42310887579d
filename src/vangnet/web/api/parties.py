"""The parties we know for programs: list, add, change, end, grants."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from vangnet.errors import InvalidInput
from vangnet.identity.model import GrantedRight, Party, PartyKind, PartyState
from vangnet.identity.permissions import Permission
from vangnet.identity.service import grants, parties
from vangnet.keys import fingerprint
from vangnet.web.access import needs
from vangnet.web.api.words import AnyName, Line, Name
from vangnet.web.visit import Visit

router = APIRouter(prefix="/api/v1", tags=["Parties"])

_Address = Annotated[str, Field(max_length=1000)]


class LegalBasisBody(BaseModel):
    """Why something may be exchanged with a party."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    text: Line = Field(description="Why something may be exchanged.")
    reference: Line = Field(description="Where that is written: a statute, an agreement.")
    ends_on: date = Field(description="The last day on which it holds, in the Netherlands.")


class PartyAnswer(BaseModel):
    """Another organisation."""

    id: UUID = Field(description="The party's id.")
    name: str = Field(description="Its name.")
    kind: PartyKind = Field(description="What kind of party it is.")
    state: PartyState = Field(description="Whether it introduced itself, is known, or it is over.")
    contact_name: str | None = Field(description="Whom to ask for there.")
    contact_email: str | None = Field(description="Where to write to them.")
    base_url: str | None = Field(description="The address of its own installation.")
    public_key: str | None = Field(description="Its installation's public key (Ed25519), 64 hex digits.")
    fingerprint: str | None = Field(description="The same key as people compare it.")
    introduced_at: datetime = Field(description="When it introduced itself, or was added.")
    accepted_at: datetime | None = Field(description="When somebody here vouched for it.")
    ended_at: datetime | None = Field(description="When it was over.")
    legal_basis: LegalBasisBody | None = Field(description="Why something may be exchanged with it.")


class NewParty(BaseModel):
    """A party to add."""

    model_config = ConfigDict(extra="forbid")

    name: Name = Field(description="Its name.")
    kind: PartyKind = Field(description="What kind of party it is.")
    contact_name: AnyName | None = Field(default=None, description="Whom to ask for there.")
    contact_email: _Address | None = Field(default=None, description="Where to write to them.")
    base_url: _Address | None = Field(default=None, description="The address of its own installation.")
    public_key: _Address | None = Field(default=None, description="Its installation's public key, 64 hex digits.")


class GrantAnswer(BaseModel):
    """A right that was given to a party."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="The grant's id.")
    party_id: UUID = Field(description="The party that it was given to.")
    right: GrantedRight = Field(description="What it allows.")
    given_at: datetime = Field(description="When it was given.")
    until: date | None = Field(description="The last day on which it counts.")
    withdrawn_at: datetime | None = Field(description="When it was taken back.")


class NewGrant(BaseModel):
    """A right to give."""

    model_config = ConfigDict(extra="forbid")

    right: GrantedRight = Field(description="What it allows.")
    until: date | None = Field(default=None, description="The last day on which it counts; none: as long as it is known.")


@router.get("/parties", dependencies=[needs(Permission.PARTY_READ)])
def list_parties(visit: Visit) -> list[PartyAnswer]:
    """All parties: those that wait for an answer first, then those we know, by name."""
    with visit.transaction() as conn:
        return [_answer(party) for party in parties.list_parties(conn, visit.actor)]


@router.post("/parties", status_code=201, dependencies=[needs(Permission.PARTY_ADD)])
def add_party(visit: Visit, new: NewParty) -> PartyAnswer:
    """Adds a party for which the key's owner vouches."""
    with visit.transaction() as conn:
        party = parties.add(
            conn,
            visit.actor,
            name=new.name,
            kind=new.kind,
            contact_name=new.contact_name,
            contact_email=new.contact_email,
            base_url=new.base_url,
            public_key=_key_bytes(new.public_key),
            now=visit.now,
        )
    return _answer(party)


@router.get("/parties/{party_id}", dependencies=[needs(Permission.PARTY_READ)])
def get_party(visit: Visit, party_id: UUID) -> PartyAnswer:
    """One party."""
    with visit.transaction() as conn:
        return _answer(parties.get_party(conn, visit.actor, party_id))


@router.post("/parties/{party_id}/legal-basis", dependencies=[needs(Permission.PARTY_UPDATE)])
def record_legal_basis(visit: Visit, party_id: UUID, basis: LegalBasisBody) -> PartyAnswer:
    """Records why something may be exchanged with the party, in place of an older basis."""
    with visit.transaction() as conn:
        party = parties.record_legal_basis(
            conn,
            visit.actor,
            party_id=party_id,
            text=basis.text,
            reference=basis.reference,
            ends_on=basis.ends_on,
            now=visit.now,
        )
    return _answer(party)


@router.post("/parties/{party_id}/end", dependencies=[needs(Permission.PARTY_END)])
def end_party(visit: Visit, party_id: UUID) -> PartyAnswer:
    """Ends what we have with the party; its keys and grants stop counting at once."""
    with visit.transaction() as conn:
        return _answer(parties.end(conn, visit.actor, party_id=party_id, now=visit.now))


@router.get("/parties/{party_id}/grants", dependencies=[needs(Permission.PARTY_READ)])
def list_grants(visit: Visit, party_id: UUID) -> list[GrantAnswer]:
    """The party's grants, withdrawn ones included, the newest first."""
    with visit.transaction() as conn:
        parties.get_party(conn, visit.actor, party_id)
        return [GrantAnswer.model_validate(grant) for grant in grants.list_grants(conn, visit.actor, party_id)]


@router.post("/parties/{party_id}/grants", status_code=201, dependencies=[needs(Permission.PARTY_GRANT)])
def grant_right(visit: Visit, party_id: UUID, new: NewGrant) -> GrantAnswer:
    """Gives the party a right, in place of an older grant of the same."""
    with visit.transaction() as conn:
        grant = grants.grant(conn, visit.actor, party_id=party_id, right=new.right, until=new.until, now=visit.now)
    return GrantAnswer.model_validate(grant)


@router.post("/grants/{grant_id}/withdraw", dependencies=[needs(Permission.PARTY_GRANT)])
def withdraw_grant(visit: Visit, grant_id: UUID) -> GrantAnswer:
    """Takes a right back."""
    with visit.transaction() as conn:
        grant = grants.withdraw(conn, visit.actor, grant_id=grant_id, now=visit.now)
    return GrantAnswer.model_validate(grant)


def _key_bytes(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise InvalidInput(field="public_key", problem="must have 64 hex digits") from None


def _answer(party: Party) -> PartyAnswer:
    return PartyAnswer(
        id=party.id,
        name=party.name,
        kind=party.kind,
        state=party.state,
        contact_name=party.contact_name,
        contact_email=party.contact_email,
        base_url=party.base_url,
        public_key=None if party.public_key is None else party.public_key.hex(),
        fingerprint=None if party.public_key is None else fingerprint(party.public_key),
        introduced_at=party.introduced_at,
        accepted_at=party.accepted_at,
        ended_at=party.ended_at,
        legal_basis=None if party.legal_basis is None else LegalBasisBody.model_validate(party.legal_basis),
    )
