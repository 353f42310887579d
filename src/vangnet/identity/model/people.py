"""Our own people: who they are, which jobs they have, and the three states that somebody can be in."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from vangnet.errors import Conflict, InvalidInput, InvalidTransition
from vangnet.identity.model.text import Language
from vangnet.identity.permissions import Role

#: How long an invitation counts.
INVITATION_LASTS = timedelta(days=7)
#: How long somebody whose password is right, but who has no second factor, may still set one up.
ENROLMENT_LASTS = timedelta(days=7)


class Theme(StrEnum):
    SYSTEM = "system"  #: As the device is set.
    LIGHT = "light"  #: Dark letters on a light ground.
    DARK = "dark"  #: Light letters on a dark ground.


class PersonState(StrEnum):
    INVITED = "invited"  #: Has an invitation, and no complete way to sign in yet.
    ACTIVE = "active"  #: Works here and can sign in.
    LEFT = "left"  #: Works here no more; the row stays, because the audit trail names it.


#: Where somebody can go from each state. Who comes back is invited anew, under the same row.
TRANSITIONS: dict[PersonState, frozenset[PersonState]] = {
    PersonState.INVITED: frozenset({PersonState.ACTIVE, PersonState.LEFT}),
    PersonState.ACTIVE: frozenset({PersonState.LEFT}),
    PersonState.LEFT: frozenset({PersonState.INVITED}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who works, worked, or is invited to work for this installation's party."""

    id: UUID
    name: str = field(repr=False)
    email: str = field(repr=False)
    language: Language
    theme: Theme
    roles: frozenset[Role]
    state: PersonState
    invited_at: datetime
    joined_at: datetime | None = None
    left_at: datetime | None = None
    #: Until when a first (or, after a reset, a new) second factor can be set up by somebody who knows the password.
    enrolment_ends_at: datetime | None = None
    #: When an administrator took the second factor away; shown to the person, who should know.
    second_factor_reset_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A link that lets one person in. For the first administrator there is no person yet: they say who they are."""

    id: UUID
    person_id: UUID | None
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """What an invitation gives: the link is shown once, to be passed on by whoever invites."""

    person: Person
    link: str = field(repr=False)
    expires_at: datetime


def moved(current: PersonState, requested: PersonState) -> PersonState:
    """The requested state. Raises InvalidTransition where the table has no such step."""
    if requested not in TRANSITIONS[current]:
        raise InvalidTransition(record="person", current=current, requested=requested)
    return requested


def checked_roles(roles: frozenset[Role]) -> frozenset[Role]:
    """Somebody without a role would see nothing. Raises InvalidInput."""
    if not roles:
        raise InvalidInput(field="roles", problem="must have at least one role")
    return roles


def require_another_administrator(active_administrators: Sequence[UUID], person_id: UUID) -> None:
    """Raises Conflict where this person is the last who can run the installation."""
    if list(active_administrators) == [person_id]:
        raise Conflict(problem="this is the last active administrator: give somebody else that role first")


def enrolment_open(person: Person, now: datetime) -> bool:
    """Whether the password alone still allows to set up a second factor."""
    return person.enrolment_ends_at is not None and now < person.enrolment_ends_at
