"""The table with one row: whose installation this is."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.rows import kwargs_row

from vangnet.db import Connection
from vangnet.errors import Conflict
from vangnet.identity.model.installation import Installation, InstallationKind
from vangnet.identity.model.text import Language


def find_installation(conn: Connection) -> Installation | None:
    """The installation, or None before set-up."""
    with conn.cursor(row_factory=kwargs_row(_installation)) as cursor:
        return cursor.execute("SELECT id, kind, party_name, language, created_at FROM installation").fetchone()


def add_installation(conn: Connection, installation: Installation) -> None:
    """Raises Conflict where there is one already."""
    try:
        with conn.transaction():
            conn.execute(
                "INSERT INTO installation (id, kind, party_name, language, created_at) VALUES (%s, %s, %s, %s, %s)",
                [
                    installation.id,
                    installation.kind,
                    installation.party_name,
                    installation.language,
                    installation.created_at,
                ],
            )
    except UniqueViolation as error:
        raise Conflict(problem="this installation was set up already") from error


def _installation(*, id: UUID, kind: str, party_name: str, language: str, created_at: datetime, **_: Any) -> Installation:  # noqa: A002
    return Installation(
        id=id, kind=InstallationKind(kind), party_name=party_name, language=Language(language), created_at=created_at
    )
