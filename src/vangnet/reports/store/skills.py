"""The table of what people can do."""

from collections import defaultdict
from collections.abc import Collection
from uuid import UUID

from vangnet.db import Connection


def list_skills(conn: Connection) -> dict[UUID, tuple[str, ...]]:
    """Everybody's tags, in order."""
    found: defaultdict[UUID, list[str]] = defaultdict(list)
    for person_id, tag in conn.execute("SELECT person_id, tag FROM report_skill ORDER BY person_id, tag").fetchall():
        found[person_id].append(tag)
    return {person_id: tuple(tags) for person_id, tags in found.items()}


def put_skills(conn: Connection, person_id: UUID, tags: Collection[str]) -> None:
    """Gives somebody these tags in place of those that they had."""
    conn.execute("DELETE FROM report_skill WHERE person_id = %s", [person_id])
    conn.cursor().executemany(
        "INSERT INTO report_skill (person_id, tag) VALUES (%s, %s)", [(person_id, tag) for tag in sorted(tags)]
    )
