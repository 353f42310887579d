"""The table of lists that were chosen for the programs of a party."""

from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.rows import class_row

from vangnet.db import Connection
from vangnet.errors import Conflict
from vangnet.registry.model.proposers import Proposer


def add_proposer(conn: Connection, added: Proposer) -> None:
    """Raises Conflict where it was chosen before."""
    try:
        with conn.transaction():
            conn.execute(
                "INSERT INTO registry_proposer (list_id, party_id, chosen_by, chosen_at) VALUES (%s, %s, %s, %s)",
                [added.list_id, added.party_id, added.chosen_by, added.chosen_at],
            )
    except UniqueViolation as error:
        raise Conflict(problem="that party's programs may propose entries for this list already") from error


def remove_proposer(conn: Connection, list_id: UUID, party_id: UUID | None) -> bool:
    """Whether there was one."""
    done = conn.execute(
        "DELETE FROM registry_proposer WHERE list_id = %s AND party_id IS NOT DISTINCT FROM %s", [list_id, party_id]
    )
    return done.rowcount == 1


def list_proposers(conn: Connection) -> list[Proposer]:
    """All, the oldest first."""
    with conn.cursor(row_factory=class_row(Proposer)) as cursor:
        return cursor.execute("SELECT * FROM registry_proposer ORDER BY chosen_at, list_id").fetchall()


def is_proposer(conn: Connection, list_id: UUID, party_id: UUID | None) -> bool:
    """Whether the list was chosen for the programs of this party."""
    found = conn.execute(
        "SELECT 1 FROM registry_proposer WHERE list_id = %s AND party_id IS NOT DISTINCT FROM %s", [list_id, party_id]
    )
    return found.fetchone() is not None
