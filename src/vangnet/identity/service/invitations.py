"""Accepting an invitation: the link proves who somebody is, once, and they choose a password."""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime

from vangnet.audit.model import Actor
from vangnet.audit.service import record
from vangnet.db import Connection
from vangnet.errors import InvalidInput
from vangnet.identity.model import passwords
from vangnet.identity.model.people import ENROLMENT_LASTS, Invitation, Person, PersonState, Theme
from vangnet.identity.model.sessions import Client, Refused, SecondFactorNeeded, SessionStage, SignInMeans, actor_of
from vangnet.identity.model.text import Language, checked_email, checked_line
from vangnet.identity.permissions import Permission, Role
from vangnet.identity.service import attempts, sessions
from vangnet.identity.service.installation import find_installation
from vangnet.identity.service.password_hashes import PASSWORD_HASHES, PasswordHashes
from vangnet.identity.service.tokens import digest_of
from vangnet.identity.store import credentials
from vangnet.identity.store import people as store


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAdministrator:
    """Who the first administrator says that they are: nobody could invite them by name."""

    name: str
    email: str
    language: Language


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInvitation:
    """An invitation that counts. `person` is None for the first administrator's."""

    invitation: Invitation
    person: Person | None


def look_up(conn: Connection, *, token: str, client: Client, now: datetime) -> OpenInvitation | Refused:
    """The invitation behind a link, for the page that shows it. Raises TooManyAttempts."""
    invitation = store.find_invitation(conn, digest_of(token))
    if invitation is None or not _counts(conn, invitation, now):
        attempts.token_failed(conn, client.address, now=now)
        return Refused()
    person = None if invitation.person_id is None else store.get_person(conn, invitation.person_id)
    return OpenInvitation(invitation=invitation, person=person)


def accept(
    conn: Connection,
    actor: Actor,
    *,
    token: str,
    password: str,
    newcomer: NewAdministrator | None = None,
    client: Client,
    now: datetime,
    hashes: PasswordHashes = PASSWORD_HASHES,
) -> SecondFactorNeeded | Refused:
    """Uses the invitation up and sets a password. The person joins when they have a second factor too (`factors.py`).

    `newcomer` says who the first administrator is; it is passed over for everybody else, whose invitation says so.
    Raises InvalidInput, Conflict, TooManyAttempts; the invitation still counts then.
    """
    invitation = store.take_invitation(conn, digest_of(token))
    if invitation is None or not _counts(conn, invitation, now):
        attempts.token_failed(conn, client.address, now=now)
        record(conn, actor, action=Permission.ME_ACCEPT, record="person", record_id="unknown", now=now, outcome="refused")
        return Refused()
    if invitation.person_id is None:
        person = _add_first_administrator(conn, newcomer, now=now)
    else:
        person = replace(store.get_person_for_update(conn, invitation.person_id), enrolment_ends_at=now + ENROLMENT_LASTS)
        store.update_person(conn, person)
    set_password(conn, person, password, hashes=hashes, now=now)
    started, session = sessions.begin(
        conn, person, stage=SessionStage.PASSWORD_PROVEN, means=SignInMeans.PASSWORD, client=client, now=now
    )
    record(
        conn,
        actor_of(person, session),
        action=Permission.ME_ACCEPT,
        record="person",
        record_id=person.id,
        now=now,
        invitation=str(invitation.id),
        roles=sorted(person.roles),
    )
    return SecondFactorNeeded(token=started, session=session, person=person)


def set_password(conn: Connection, person: Person, password: str, *, hashes: PasswordHashes, now: datetime) -> None:
    """Checks a new password and keeps its hash. For the use cases of this package. Raises InvalidInput."""
    installation = find_installation(conn)
    party_name = "" if installation is None else installation.party_name
    passwords.check(password, name=person.name, email=person.email, party_name=party_name)
    credentials.set_password_hash(conn, person.id, hashes.hashed(password), now=now)


def _counts(conn: Connection, invitation: Invitation, now: datetime) -> bool:
    if now >= invitation.expires_at:
        return False
    # The first administrator's link is void once there is an administrator, however they came.
    return invitation.person_id is not None or not store.list_active_administrators_for_update(conn)


def _add_first_administrator(conn: Connection, newcomer: NewAdministrator | None, *, now: datetime) -> Person:
    if newcomer is None:
        raise InvalidInput(field="name", problem="must not be empty")
    person = Person(
        id=uuid.uuid4(),
        name=checked_line(newcomer.name, field="name"),
        email=checked_email(newcomer.email),
        language=newcomer.language,
        theme=Theme.SYSTEM,
        roles=frozenset({Role.ADMINISTRATOR}),
        state=PersonState.INVITED,
        invited_at=now,
        enrolment_ends_at=now + ENROLMENT_LASTS,
    )
    store.add_person(conn, person)
    return person
