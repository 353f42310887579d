"""Our own people: inviting them, what jobs they have, and letting them go."""

import uuid
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from vangnet.audit.model import Actor
from vangnet.audit.service import record
from vangnet.db import Connection
from vangnet.errors import Conflict
from vangnet.identity.model.people import (
    ENROLMENT_LASTS,
    INVITATION_LASTS,
    Invitation,
    Invited,
    Person,
    PersonState,
    Theme,
    checked_roles,
    moved,
    require_another_administrator,
)
from vangnet.identity.model.text import Language, checked_email, checked_line
from vangnet.identity.permissions import Permission, Role
from vangnet.identity.service.tokens import new_token
from vangnet.identity.store import credentials, sessions
from vangnet.identity.store import people as store


def list_people(conn: Connection, actor: Actor) -> list[Person]:
    """Everybody: those who work here first, by name. Raises PermissionDenied."""
    actor.require(Permission.PERSON_READ)
    return store.list_people(conn)


def get_person(conn: Connection, actor: Actor, person_id: UUID) -> Person:
    """Raises PermissionDenied, NotFound."""
    actor.require(Permission.PERSON_READ)
    return store.get_person(conn, person_id)


def find_by_email(conn: Connection, actor: Actor, email: str) -> Person | None:
    """The person with this address. Raises PermissionDenied, InvalidInput."""
    actor.require(Permission.PERSON_READ)
    return store.find_by_email(conn, checked_email(email))


def invitation_expiry(conn: Connection, actor: Actor, person_id: UUID) -> datetime | None:
    """Until when the person's open invitation counts; None where there is none. Raises PermissionDenied."""
    actor.require(Permission.PERSON_READ)
    return store.invitation_expiry(conn, person_id)


def first_administrator_link(conn: Connection, actor: Actor, *, base_url: str, now: datetime) -> str | None:
    """An invitation for the first administrator, in place of an older one; None once there is an active administrator.

    For the first start, when nobody can be asked who that will be: they say so themselves. Raises PermissionDenied.
    """
    actor.require(Permission.PERSON_INVITE)
    if store.list_active_administrators_for_update(conn):
        return None
    return _invite(conn, actor, None, base_url=base_url, now=now)[0]


def invite(
    conn: Connection,
    actor: Actor,
    *,
    name: str,
    email: str,
    roles: frozenset[Role],
    language: Language,
    base_url: str,
    now: datetime,
) -> Invited:
    """Invites a colleague; the link is shown once and passed on by whoever invites.

    Somebody who left comes back under the same row. Raises PermissionDenied, InvalidInput, Conflict.
    """
    actor.require(Permission.PERSON_INVITE)
    email, name, roles = checked_email(email), checked_line(name, field="name"), checked_roles(roles)
    known = store.find_by_email(conn, email)
    if known is None:
        person = Person(
            id=uuid.uuid4(),
            name=name,
            email=email,
            language=language,
            theme=Theme.SYSTEM,
            roles=roles,
            state=PersonState.INVITED,
            invited_at=now,
        )
        store.add_person(conn, person)
    else:
        person = store.get_person_for_update(conn, known.id)
        if person.state is not PersonState.LEFT:
            raise Conflict(problem="somebody with this e-mail address is here already")
        person = replace(
            person,
            name=name,
            language=language,
            roles=roles,
            state=moved(person.state, PersonState.INVITED),
            invited_at=now,
            joined_at=None,
            left_at=None,
            second_factor_reset_at=None,
        )
        store.update_person(conn, person)
    link, expires_at = _invite(conn, actor, person, base_url=base_url, now=now)
    return Invited(person=person, link=link, expires_at=expires_at)


def invite_again(conn: Connection, actor: Actor, *, person_id: UUID, base_url: str, now: datetime) -> Invited:
    """A new invitation in place of the last, for somebody who has not joined yet.

    Raises PermissionDenied, NotFound, Conflict.
    """
    actor.require(Permission.PERSON_INVITE)
    person = store.get_person_for_update(conn, person_id)
    if person.state is not PersonState.INVITED:
        raise Conflict(problem="only somebody who has not joined yet can have a new invitation")
    link, expires_at = _invite(conn, actor, person, base_url=base_url, now=now)
    return Invited(person=person, link=link, expires_at=expires_at)


def change_roles(conn: Connection, actor: Actor, *, person_id: UUID, roles: frozenset[Role], now: datetime) -> Person:
    """Gives a colleague these roles in place of the others; it counts from their next request.

    Raises PermissionDenied, NotFound, InvalidInput, Conflict.
    """
    actor.require(Permission.PERSON_UPDATE)
    administrators = store.list_active_administrators_for_update(conn)
    person = store.get_person_for_update(conn, person_id)
    roles = checked_roles(roles)
    if person.state is PersonState.LEFT:
        raise Conflict(problem="this person has left: invite them anew")
    if Role.ADMINISTRATOR not in roles:
        require_another_administrator(administrators, person_id)
    changed = replace(person, roles=roles)
    store.update_person(conn, changed)
    record(
        conn,
        actor,
        action=Permission.PERSON_UPDATE,
        record="person",
        record_id=person_id,
        now=now,
        roles=sorted(roles),
        roles_before=sorted(person.roles),
    )
    return changed


def reset_second_factor(conn: Connection, actor: Actor, *, person_id: UUID, now: datetime) -> Person:
    """Takes away a colleague's second factors and sessions, so that they set up a new one at their next sign-in.

    For a lost telephone. The password stays and is needed; the person sees on their own page that it happened, and when.
    Raises PermissionDenied, NotFound, Conflict.
    """
    actor.require(Permission.PERSON_UPDATE)
    person = store.get_person_for_update(conn, person_id)
    if person.state is not PersonState.ACTIVE:
        raise Conflict(problem="only somebody who works here has a second factor to set up anew")
    person = replace(person, enrolment_ends_at=now + ENROLMENT_LASTS, second_factor_reset_at=now)
    store.update_person(conn, person)
    _remove_factors(conn, person_id)
    ended = sessions.remove_sessions(conn, person_id)
    record(
        conn,
        actor,
        action=Permission.PERSON_UPDATE,
        record="person",
        record_id=person_id,
        now=now,
        second_factor="reset",
        sessions_ended=ended,
    )
    return person


def leave(conn: Connection, actor: Actor, *, person_id: UUID, now: datetime) -> Person:
    """Lets a colleague go: whatever they signed in with is gone, and so are their sessions, at once.

    Raises PermissionDenied, NotFound, Conflict.
    """
    actor.require(Permission.PERSON_LEAVE)
    administrators = store.list_active_administrators_for_update(conn)
    person = store.get_person_for_update(conn, person_id)
    require_another_administrator(administrators, person_id)
    person = replace(person, state=moved(person.state, PersonState.LEFT), left_at=now, enrolment_ends_at=None)
    store.update_person(conn, person)
    credentials.remove_password(conn, person_id)
    credentials.remove_identities(conn, person_id)
    _remove_factors(conn, person_id)
    store.remove_invitations_of(conn, person_id)
    sessions.remove_links(conn, person_id)
    ended = sessions.remove_sessions(conn, person_id)
    record(
        conn,
        actor,
        action=Permission.PERSON_LEAVE,
        record="person",
        record_id=person_id,
        now=now,
        sessions_ended=ended,
    )
    return person


def _invite(conn: Connection, actor: Actor, person: Person | None, *, base_url: str, now: datetime) -> tuple[str, datetime]:
    """A new invitation's link and when it stops counting."""
    token, digest = new_token()
    invitation = Invitation(
        id=uuid.uuid4(), person_id=None if person is None else person.id, expires_at=now + INVITATION_LASTS
    )
    store.replace_invitation(conn, invitation, digest)
    record(
        conn,
        actor,
        action=Permission.PERSON_INVITE,
        record="person",
        record_id="first administrator" if person is None else person.id,
        now=now,
        invitation=str(invitation.id),
        roles=sorted([Role.ADMINISTRATOR] if person is None else person.roles),
    )
    return f"{base_url}/invitation/{token}", invitation.expires_at


def _remove_factors(conn: Connection, person_id: UUID) -> None:
    credentials.remove_totp(conn, person_id)
    credentials.remove_passkeys(conn, person_id)
    credentials.remove_recovery_codes(conn, person_id)
