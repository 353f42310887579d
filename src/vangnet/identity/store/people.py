"""The tables `person` and `invitation`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.rows import class_row, kwargs_row

from vangnet.db import Connection
from vangnet.errors import Conflict, NotFound
from vangnet.identity.model.people import Invitation, Person, PersonState, Theme
from vangnet.identity.model.text import Language
from vangnet.identity.permissions import Role

_TAKEN = "somebody with this e-mail address is here already"


def person_row(*, language: str, theme: str, roles: Sequence[str], state: str, **rest: Any) -> Person:
    """A row of `person` as a Person."""
    return Person(
        language=Language(language),
        theme=Theme(theme),
        roles=frozenset(map(Role, roles)),
        state=PersonState(state),
        **rest,
    )


def list_people(conn: Connection) -> list[Person]:
    """Everybody: those who work here first, by name."""
    with conn.cursor(row_factory=kwargs_row(person_row)) as cursor:
        return cursor.execute(
            "SELECT * FROM person ORDER BY array_position(ARRAY['active', 'invited', 'left'], state), lower(name), id"
        ).fetchall()


def get_person(conn: Connection, person_id: UUID) -> Person:
    """Raises NotFound."""
    with conn.cursor(row_factory=kwargs_row(person_row)) as cursor:
        person = cursor.execute("SELECT * FROM person WHERE id = %s", [person_id]).fetchone()
    return _found(person, person_id)


def get_person_for_update(conn: Connection, person_id: UUID) -> Person:
    """Raises NotFound."""
    with conn.cursor(row_factory=kwargs_row(person_row)) as cursor:
        person = cursor.execute("SELECT * FROM person WHERE id = %s FOR UPDATE", [person_id]).fetchone()
    return _found(person, person_id)


def find_by_email(conn: Connection, email: str) -> Person | None:
    """The person with this address, which must be in the form of `checked_email`."""
    with conn.cursor(row_factory=kwargs_row(person_row)) as cursor:
        return cursor.execute("SELECT * FROM person WHERE email = %s", [email]).fetchone()


def list_active_administrators_for_update(conn: Connection) -> list[UUID]:
    """Who can run the installation. Locked, so that two of them who leave at the same moment see each other do so."""
    rows = conn.execute(
        "SELECT id FROM person WHERE state = 'active' AND 'administrator' = ANY (roles) ORDER BY id FOR UPDATE"
    ).fetchall()
    return [row[0] for row in rows]


def add_person(conn: Connection, person: Person) -> None:
    """Raises Conflict where the e-mail address is known already."""
    try:
        with conn.transaction():
            conn.execute(
                """
                INSERT INTO person (
                    id, name, email, language, theme, roles, state,
                    invited_at, joined_at, left_at, enrolment_ends_at, second_factor_reset_at
                ) VALUES (
                    %(id)s, %(name)s, %(email)s, %(language)s, %(theme)s, %(roles)s, %(state)s,
                    %(invited_at)s, %(joined_at)s, %(left_at)s, %(enrolment_ends_at)s, %(second_factor_reset_at)s
                )
                """,
                _values(person),
            )
    except UniqueViolation as error:
        raise Conflict(problem=_TAKEN) from error


def update_person(conn: Connection, person: Person) -> None:
    """Writes every field but the e-mail address, by which a person is known."""
    conn.execute(
        """
        UPDATE person SET
            name = %(name)s, language = %(language)s, theme = %(theme)s, roles = %(roles)s, state = %(state)s,
            invited_at = %(invited_at)s, joined_at = %(joined_at)s, left_at = %(left_at)s,
            enrolment_ends_at = %(enrolment_ends_at)s, second_factor_reset_at = %(second_factor_reset_at)s
        WHERE id = %(id)s
        """,
        _values(person),
    )


# --- invitations ---------------------------------------------------------------------------------------------------


def replace_invitation(conn: Connection, invitation: Invitation, digest: bytes) -> None:
    """The invitation, in place of an older one of the same person."""
    conn.execute("DELETE FROM invitation WHERE person_id IS NOT DISTINCT FROM %s", [invitation.person_id])
    conn.execute(
        "INSERT INTO invitation (id, person_id, digest, expires_at) VALUES (%s, %s, %s, %s)",
        [invitation.id, invitation.person_id, digest, invitation.expires_at],
    )


def find_invitation(conn: Connection, digest: bytes) -> Invitation | None:
    """The invitation with this token's digest, expired or not."""
    with conn.cursor(row_factory=class_row(Invitation)) as cursor:
        return cursor.execute("SELECT id, person_id, expires_at FROM invitation WHERE digest = %s", [digest]).fetchone()


def take_invitation(conn: Connection, digest: bytes) -> Invitation | None:
    """The invitation with this token's digest, which is gone by it: two requests cannot both have it."""
    with conn.cursor(row_factory=class_row(Invitation)) as cursor:
        return cursor.execute(
            "DELETE FROM invitation WHERE digest = %s RETURNING id, person_id, expires_at", [digest]
        ).fetchone()


def remove_invitations_of(conn: Connection, person_id: UUID) -> None:
    """The person leaves, or came in another way."""
    conn.execute("DELETE FROM invitation WHERE person_id = %s", [person_id])


def invitation_expiry(conn: Connection, person_id: UUID) -> datetime | None:
    """Until when the person's open invitation counts; None where there is none."""
    row = conn.execute("SELECT expires_at FROM invitation WHERE person_id = %s", [person_id]).fetchone()
    return None if row is None else row[0]


def _values(person: Person) -> dict[str, object]:
    return {
        "id": person.id,
        "name": person.name,
        "email": person.email,
        "language": person.language,
        "theme": person.theme,
        "roles": sorted(person.roles),
        "state": person.state,
        "invited_at": person.invited_at,
        "joined_at": person.joined_at,
        "left_at": person.left_at,
        "enrolment_ends_at": person.enrolment_ends_at,
        "second_factor_reset_at": person.second_factor_reset_at,
    }


def _found(person: Person | None, person_id: UUID) -> Person:
    if person is None:
        raise NotFound(record="person", key=str(person_id))
    return person
