"""One's own account: the password, the language, the look."""

from dataclasses import replace
from datetime import datetime

from vangnet.audit.model import Actor
from vangnet.audit.service import record
from vangnet.db import Connection
from vangnet.identity.model.attempts import AttemptKind
from vangnet.identity.model.people import Person, Theme
from vangnet.identity.model.sessions import Refused, Session, require_recent
from vangnet.identity.model.text import Language
from vangnet.identity.permissions import Permission
from vangnet.identity.service import attempts, sessions
from vangnet.identity.service.invitations import set_password
from vangnet.identity.service.password_hashes import PASSWORD_HASHES, PasswordHashes
from vangnet.identity.store import credentials, people
from vangnet.identity.store import sessions as session_store


def has_password(conn: Connection, actor: Actor) -> bool:
    """Whether one has a password; not who always came by the identity provider or a link. Raises PermissionDenied."""
    return credentials.find_password_hash(conn, sessions.own_id(actor, Permission.ME_UPDATE)) is not None


def identity_issuers(conn: Connection, actor: Actor) -> list[str]:
    """The identity providers at which one is known. Raises PermissionDenied."""
    return credentials.list_identity_issuers(conn, sessions.own_id(actor, Permission.ME_UPDATE))


def change_password(
    conn: Connection,
    actor: Actor,
    *,
    session: Session,
    current: str,
    new: str,
    now: datetime,
    hashes: PasswordHashes = PASSWORD_HASHES,
) -> Person | Refused:
    """A new password; one's other sessions end. `current` proves who asks; without a password a recent sign-in does.

    Raises PermissionDenied, InvalidInput, Conflict, TooManyAttempts.
    """
    person_id = sessions.own_id(actor, Permission.ME_UPDATE, session)
    person = people.get_person_for_update(conn, person_id)
    known_hash = credentials.find_password_hash(conn, person_id)
    if known_hash is None:
        require_recent(session, now)
    else:
        counted = [attempts.subject(AttemptKind.CODE, str(person_id))]
        attempts.begin(conn, counted, now=now)
        if not hashes.matches(known_hash, current):
            attempts.failed(conn, counted, now=now)
            _record(conn, actor, person, now=now, password="unchanged", outcome="refused")  # noqa: S106
            return Refused()
        attempts.succeeded(conn, counted)
    set_password(conn, person, new, hashes=hashes, now=now)
    ended = session_store.remove_sessions(conn, person_id, but=session.id)
    _record(conn, actor, person, now=now, password="changed", sessions_ended=ended)  # noqa: S106
    return person


def choose(conn: Connection, actor: Actor, *, language: Language, theme: Theme, now: datetime) -> Person:
    """Sets one's language and look. Raises PermissionDenied."""
    person_id = sessions.own_id(actor, Permission.ME_UPDATE)
    person = replace(people.get_person_for_update(conn, person_id), language=language, theme=theme)
    people.update_person(conn, person)
    _record(conn, actor, person, now=now, language=language, theme=theme)
    return person


def _record(conn: Connection, actor: Actor, person: Person, *, now: datetime, **details: object) -> None:
    record(conn, actor, action=Permission.ME_UPDATE, record="person", record_id=person.id, now=now, **details)
