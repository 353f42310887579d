"""The schema: plain SQL files, applied in order by Alembic, each remembered with its digest.

A file that was applied and then edited is refused, and so are a gap and a database that a newer Vangnet wrote: in each of
these the files no longer say what the database holds. Everything here runs as the owner role, except `require_current`.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import psycopg

from vangnet.db import queue
from vangnet.db.connection import Connection, translated_errors
from vangnet.db.embedded import RUNTIME
from vangnet.errors import DatabaseRefused

MIGRATIONS = Path(__file__).parent / "migrations"
#: Two upgrades at once wait for each other on this advisory lock; the number means nothing.
_LOCK = 7_264_001


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationFile:
    """One numbered SQL file."""

    revision: str
    name: str
    sha256: str


def files() -> list[MigrationFile]:
    """Every migration, in order. Raises DatabaseRefused where a number is missing or used twice."""
    found = [
        MigrationFile(revision=path.name[:4], name=path.name, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
        for path in sorted(MIGRATIONS.glob("[0-9]*.sql"))
    ]
    expected = [f"{number:04}" for number in range(1, len(found) + 1)]
    if [file.revision for file in found] != expected:
        raise DatabaseRefused(
            problem="the migration files are not numbered 0001, 0002, … without a gap", remedy="install Vangnet anew"
        )
    return found


def upgrade(conninfo: str) -> list[str]:
    """Applies what is missing, as the owner role, and returns the names of the files applied.

    Raises DatabaseRefused, DatabaseUnavailable.
    """
    with translated_errors(), psycopg.connect(conninfo) as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        missing = _missing(conn)
        if missing:
            _require_runtime_role(conn)
            # Alembic and SQLAlchemy take a third of a second to import, and a command usually finds nothing to do.
            from vangnet.db.alembic_runner import run  # noqa: PLC0415

            run(conn, missing[-1].revision)
        queue.bring_up_to_date(conn, RUNTIME)
    return [file.name for file in missing]


def require_current(conninfo: str) -> None:
    """Raises DatabaseRefused unless the schema is exactly the one this version needs; any role may ask."""
    with translated_errors(), psycopg.connect(conninfo) as conn:
        missing = _missing(conn)
        if missing or queue.recorded_version(conn) != queue.installed_version():
            last = missing[-1].revision if missing else "of the job queue"
            raise DatabaseRefused(
                problem=f"its schema is older than this version of Vangnet, which needs {last}",
                remedy="run `vangnet db migrate` with VANGNET_DATABASE_OWNER_URL set",
            )


def applied(conn: Connection) -> list[MigrationFile]:
    """What was applied to this database, in order."""
    if conn.execute("SELECT to_regclass('public.migration_file')").fetchone() == (None,):
        return []
    rows = conn.execute("SELECT revision, name, sha256 FROM public.migration_file ORDER BY revision").fetchall()
    return [MigrationFile(revision=revision, name=name, sha256=sha256) for revision, name, sha256 in rows]


def _missing(conn: Connection) -> list[MigrationFile]:
    known = files()
    done = applied(conn)
    if len(done) > len(known):
        raise DatabaseRefused(
            problem=f"its schema {done[-1].revision} is newer than this Vangnet, which knows {known[-1].revision}",
            remedy="install the version of Vangnet that wrote it, or a later one",
        )
    for number, (file, was) in enumerate(zip(known, done, strict=False), start=1):
        if was.revision != f"{number:04}":
            raise DatabaseRefused(
                problem=f"migration {number:04} was never applied, but later ones were", remedy="restore a backup"
            )
        if was != file:
            raise DatabaseRefused(
                problem=f"the migration `{was.name}` was edited after it was applied",
                remedy="install Vangnet anew, or put the file back as it was; changes go into a new file",
            )
    return known[len(done) :]


def _require_runtime_role(conn: Connection) -> None:
    if conn.execute("SELECT FROM pg_roles WHERE rolname = %s", [RUNTIME]).fetchone() is None:
        raise DatabaseRefused(
            problem=f"the server has no role `{RUNTIME}`",
            remedy=f"as its administrator: CREATE ROLE {RUNTIME} LOGIN PASSWORD '…'",
        )
