"""The table `api_key`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import kwargs_row

from vangnet.db import Connection
from vangnet.errors import NotFound
from vangnet.identity.model.api_keys import ApiKey
from vangnet.identity.permissions import Permission


def add_key(conn: Connection, key: ApiKey, digest: bytes) -> None:
    """A new key, known by its prefix and its secret's digest."""
    conn.execute(
        """
        INSERT INTO api_key (id, prefix, digest, name, party_id, scopes, issued_at, issued_by, expires_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        [
            key.id,
            key.prefix,
            digest,
            key.name,
            key.party_id,
            sorted(key.scopes),
            key.issued_at,
            key.issued_by,
            key.expires_at,
        ],
    )


def list_keys(conn: Connection) -> list[ApiKey]:
    """All keys, the newest first."""
    with conn.cursor(row_factory=kwargs_row(_key)) as cursor:
        return cursor.execute("SELECT * FROM api_key ORDER BY issued_at DESC, id").fetchall()


def list_keys_of_party(conn: Connection, party_id: UUID) -> list[ApiKey]:
    """The party's keys, the newest first."""
    with conn.cursor(row_factory=kwargs_row(_key)) as cursor:
        return cursor.execute(
            "SELECT * FROM api_key WHERE party_id = %s ORDER BY issued_at DESC, id", [party_id]
        ).fetchall()


def get_key_for_update(conn: Connection, key_id: UUID) -> ApiKey:
    """Raises NotFound."""
    with conn.cursor(row_factory=kwargs_row(_key)) as cursor:
        key = cursor.execute("SELECT * FROM api_key WHERE id = %s FOR UPDATE", [key_id]).fetchone()
    if key is None:
        raise NotFound(record="API key", key=str(key_id))
    return key


def find_party_id(conn: Connection, key_id: UUID) -> UUID | None:
    """The party that a key was given to; None for one of ours."""
    found = conn.execute("SELECT party_id FROM api_key WHERE id = %s", [key_id]).fetchone()
    return None if found is None else found[0]


def find_key(conn: Connection, prefix: str, digest: bytes) -> ApiKey | None:
    """The key with this prefix and this secret's digest, whether it counts or not."""
    with conn.cursor(row_factory=kwargs_row(_key)) as cursor:
        return cursor.execute("SELECT * FROM api_key WHERE prefix = %s AND digest = %s", [prefix, digest]).fetchone()


def update_revoked(conn: Connection, key_id: UUID, *, now: datetime) -> None:
    """The key counts no more."""
    conn.execute("UPDATE api_key SET revoked_at = %s WHERE id = %s", [now, key_id])


def update_used(conn: Connection, key_id: UUID, *, now: datetime) -> None:
    """The key was used."""
    conn.execute("UPDATE api_key SET last_used_at = %s WHERE id = %s", [now, key_id])


def _key(*, scopes: Sequence[str], digest: bytes, **rest: Any) -> ApiKey:  # noqa: ARG001
    return ApiKey(scopes=frozenset(map(Permission, scopes)), **rest)
