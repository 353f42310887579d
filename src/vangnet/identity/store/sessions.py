"""The tables `session` and `sign_in_link`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row, kwargs_row

from vangnet.db import Connection
from vangnet.identity.model.sessions import Session, SessionStage, SignInMeans


def add_session(conn: Connection, session: Session, digest: bytes) -> None:
    """A new session, known by its token's digest."""
    conn.execute(
        """
        INSERT INTO session (id, digest, person_id, stage, means, created_at, whole_at, last_seen_at, user_agent)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        [
            session.id,
            digest,
            session.person_id,
            session.stage,
            session.means,
            session.created_at,
            session.whole_at,
            session.last_seen_at,
            session.user_agent,
        ],
    )


def find_session(conn: Connection, digest: bytes) -> Session | None:
    """The session with this token's digest, whether it still counts or not."""
    with conn.cursor(row_factory=kwargs_row(_session)) as cursor:
        return cursor.execute("SELECT * FROM session WHERE digest = %s", [digest]).fetchone()


def list_sessions(conn: Connection, person_id: UUID) -> list[Session]:
    """The person's complete sessions, the last used first."""
    with conn.cursor(row_factory=kwargs_row(_session)) as cursor:
        return cursor.execute(
            "SELECT * FROM session WHERE person_id = %s AND stage = 'whole' ORDER BY last_seen_at DESC, id", [person_id]
        ).fetchall()


def update_session(conn: Connection, session: Session, digest: bytes) -> None:
    """The session with a new token and, it may be, a new stage."""
    conn.execute(
        """
        UPDATE session SET digest = %s, stage = %s, means = %s, created_at = %s, whole_at = %s, last_seen_at = %s
        WHERE id = %s
        """,
        [
            digest,
            session.stage,
            session.means,
            session.created_at,
            session.whole_at,
            session.last_seen_at,
            session.id,
        ],
    )


def update_seen(conn: Connection, session_id: UUID, *, now: datetime) -> None:
    """The session was used."""
    conn.execute("UPDATE session SET last_seen_at = %s WHERE id = %s", [now, session_id])


def remove_session(conn: Connection, person_id: UUID, session_id: UUID) -> bool:
    """Whether the person had it."""
    return conn.execute("DELETE FROM session WHERE id = %s AND person_id = %s", [session_id, person_id]).rowcount == 1


def remove_sessions(conn: Connection, person_id: UUID, *, but: UUID | None = None) -> int:
    """How many the person had, `but` that one, which stays."""
    return conn.execute("DELETE FROM session WHERE person_id = %s AND id IS DISTINCT FROM %s", [person_id, but]).rowcount


# --- links made on the console -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInLink:
    """A link that signs one person in, so many times more."""

    id: UUID
    person_id: UUID
    uses_left: int
    expires_at: datetime


def add_link(conn: Connection, link: SignInLink, digest: bytes) -> None:
    """A new link, known by its token's digest."""
    conn.execute(
        "INSERT INTO sign_in_link (id, person_id, digest, uses_left, expires_at) VALUES (%s, %s, %s, %s, %s)",
        [link.id, link.person_id, digest, link.uses_left, link.expires_at],
    )


def find_link_for_update(conn: Connection, digest: bytes) -> SignInLink | None:
    """The link with this token's digest, used up and expired ones included."""
    with conn.cursor(row_factory=class_row(SignInLink)) as cursor:
        return cursor.execute(
            "SELECT id, person_id, uses_left, expires_at FROM sign_in_link WHERE digest = %s FOR UPDATE", [digest]
        ).fetchone()


def update_link_used(conn: Connection, link_id: UUID) -> None:
    """One use less."""
    conn.execute("UPDATE sign_in_link SET uses_left = uses_left - 1 WHERE id = %s", [link_id])


def remove_links(conn: Connection, person_id: UUID) -> None:
    """All of them."""
    conn.execute("DELETE FROM sign_in_link WHERE person_id = %s", [person_id])


def _session(*, stage: str, means: str, digest: bytes, **rest: Any) -> Session:  # noqa: ARG001
    return Session(stage=SessionStage(stage), means=SignInMeans(means), **rest)
