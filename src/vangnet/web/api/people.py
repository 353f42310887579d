"""Our own people for programs: who works here. Programs read; inviting and letting go is for people."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from vangnet.identity.model import Language, PersonState
from vangnet.identity.permissions import Permission, Role
from vangnet.identity.service import people
from vangnet.web.access import needs
from vangnet.web.visit import Visit

router = APIRouter(prefix="/api/v1", tags=["People"])


class PersonAnswer(BaseModel):
    """Somebody who works, worked, or is invited to work here."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="The id by which the audit trail names this person.")
    name: str = Field(description="The name.")
    email: str = Field(description="The e-mail address, in small letters.")
    language: Language = Field(description="The language of this person's pages.")
    roles: list[Role] = Field(description="What this person may do.")
    state: PersonState = Field(description="Whether this person is invited, works here, or has left.")
    invited_at: datetime = Field(description="When the last invitation to join was made.")
    joined_at: datetime | None = Field(description="When sign-in was first possible.")
    left_at: datetime | None = Field(description="When this person left.")


@router.get("/people", dependencies=[needs(Permission.PERSON_READ)])
def list_people(visit: Visit) -> list[PersonAnswer]:
    """Everybody: those who work here first, by name."""
    with visit.transaction() as conn:
        return [PersonAnswer.model_validate(person) for person in people.list_people(conn, visit.actor)]


@router.get("/people/{person_id}", dependencies=[needs(Permission.PERSON_READ)])
def get_person(visit: Visit, person_id: UUID) -> PersonAnswer:
    """One person."""
    with visit.transaction() as conn:
        return PersonAnswer.model_validate(people.get_person(conn, visit.actor, person_id))
