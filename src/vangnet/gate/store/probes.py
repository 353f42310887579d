"""The table of who seemed to try the lists out."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from vangnet.db import Connection
from vangnet.errors import NotFound
from vangnet.gate.probing import Alarm, Asker


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """An alarm as it is kept."""

    id: UUID
    #: The id of an API key, or the name of a door without log-in.
    asker: str
    of_uploader: bool
    uploader: bytes | None = field(repr=False)
    #: One of `vangnet.gate.probing.Sign`.
    sign: str
    raised_at: datetime
    last_at: datetime
    limited_until: datetime
    matches: int
    checks: int
    decisions: list[UUID]
    lifted_at: datetime | None
    lifted_by: str | None

    def is_limited(self, now: datetime) -> bool:
        """Whether it is told less than others now."""
        return self.lifted_at is None and self.limited_until > now


_PROBE = """
    SELECT id, asker, of_uploader, uploader, sign, raised_at, last_at, limited_until, matches, checks, decisions,
           lifted_at, lifted_by
    FROM gate_probe
"""


def keep_alarm(conn: Connection, alarm: Alarm, *, id_: UUID, limited_until: datetime) -> UUID:
    """Keeps an alarm; where its asker is limited already, that one goes on. Returns its id."""
    # Two processes that raise it at once: the second adds to the first.
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('gate probe', 0))")
    row = conn.execute(
        """
        UPDATE gate_probe
        SET sign = %(sign)s, last_at = %(at)s, limited_until = greatest(limited_until, %(until)s),
            matches = greatest(matches, %(matches)s), checks = greatest(checks, %(checks)s), decisions = %(decisions)s
        WHERE asker = %(asker)s AND uploader IS NOT DISTINCT FROM %(uploader)s AND of_uploader = %(of_uploader)s
          AND lifted_at IS NULL AND limited_until > %(at)s
        RETURNING id
        """,
        _values(alarm, limited_until),
    ).fetchone()
    if row is not None:
        kept: UUID = row[0]
        return kept
    conn.execute(
        """
        INSERT INTO gate_probe
            (id, asker, of_uploader, uploader, sign, raised_at, last_at, limited_until, matches, checks, decisions)
        VALUES (%(id)s, %(asker)s, %(of_uploader)s, %(uploader)s, %(sign)s, %(at)s, %(at)s, %(until)s, %(matches)s,
                %(checks)s, %(decisions)s)
        """,
        _values(alarm, limited_until) | {"id": id_},
    )
    return id_


def limited(conn: Connection, *, now: datetime) -> dict[Asker, datetime]:
    """Who is limited, until when."""
    rows = conn.execute(
        """
        SELECT asker, uploader, max(limited_until) FROM gate_probe
        WHERE lifted_at IS NULL AND limited_until > %s AND (uploader IS NOT NULL OR NOT of_uploader)
        GROUP BY asker, uploader
        """,
        [now],
    ).fetchall()
    return {Asker(key=key, uploader=uploader): until for key, uploader, until in rows}


def count_limited(conn: Connection, *, now: datetime) -> int:
    """How many are limited."""
    row = conn.execute("SELECT count(*) FROM gate_probe WHERE lifted_at IS NULL AND limited_until > %s", [now]).fetchone()
    return 0 if row is None else row[0]


def list_probes(conn: Connection, *, limit: int) -> list[Probe]:
    """The newest first."""
    with conn.cursor(row_factory=class_row(Probe)) as cursor:
        return cursor.execute(_PROBE + "ORDER BY raised_at DESC, id DESC LIMIT %s", [limit]).fetchall()


def get_probe_for_update(conn: Connection, probe_id: UUID) -> Probe:
    """One, and nobody else changes it until the transaction ends. Raises NotFound."""
    with conn.cursor(row_factory=class_row(Probe)) as cursor:
        found = cursor.execute(_PROBE + "WHERE id = %s FOR UPDATE", [probe_id]).fetchone()
    if found is None:
        raise NotFound(record="probe", key=str(probe_id))
    return found


def update_lifted(conn: Connection, probe_id: UUID, *, lifted_by: str, now: datetime) -> None:
    """Its limit ends."""
    conn.execute("UPDATE gate_probe SET lifted_at = %s, lifted_by = %s WHERE id = %s", [now, lifted_by, probe_id])


def forget_uploaders(conn: Connection, *, before: datetime) -> int:
    """Erases the codes of uploaders in alarms that were raised before then; returns how many."""
    return conn.execute(
        "UPDATE gate_probe SET uploader = NULL WHERE uploader IS NOT NULL AND raised_at < %s", [before]
    ).rowcount


def _values(alarm: Alarm, limited_until: datetime) -> dict[str, object]:
    return {
        "asker": alarm.asker.key,
        "of_uploader": alarm.asker.uploader is not None,
        "uploader": alarm.asker.uploader,
        "sign": alarm.sign.value,
        "at": alarm.at,
        "until": limited_until,
        "matches": alarm.matches,
        "checks": alarm.checks,
        "decisions": list(alarm.decisions),
    }
