"""The schema: plain SQL files, applied in order by Alembic, each remembered with its digest.

A file that was applied and then edited is refused, and so are a gap and a database that a newer Vangnet wrote: in each of
these the files no longer say what the database holds. Everything here runs as the owner role, except `require_current`.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from vangnet.db import queue
from vangnet.db.connection import Connection, connect, translated_errors
from vangnet.db.embedded import OWNER, RUNTIME
from vangnet.errors import DatabaseRefused

MIGRATIONS = Path(__file__).parent / "migrations"
#: Two upgrades at once wait for each other on this advisory lock; the number means nothing.
_LOCK = 7_264_001
#: The oldest major version of a server of one's own that the schema is tested against.
OLDEST_POSTGRES = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationFile:
    """One numbered SQL file."""

    revision: str
    name: str
    sha256: str


def files(folder: Path = MIGRATIONS) -> list[MigrationFile]:
    """Every migration in `folder`, in order. Raises DatabaseRefused where a number is missing or used twice."""
    found = [
        MigrationFile(revision=path.name[:4], name=path.name, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
        for path in sorted(folder.glob("[0-9]*.sql"))
    ]
    expected = [f"{number:04}" for number in range(1, len(found) + 1)]
    if [file.revision for file in found] != expected:
        raise DatabaseRefused(
            problem="the migration files are not numbered 0001, 0002, … without a gap", remedy="install Vangnet anew"
        )
    return found


def upgrade(conninfo: str, *, migrations: Path = MIGRATIONS) -> list[str]:
    """Applies what is missing, as the owner role, and returns the names of the files applied: all of them, or none.

    Raises DatabaseRefused, DatabaseUnavailable, StorageFull.
    """
    with translated_errors(), connect(conninfo) as conn:
        if not missing(conn, migrations) and queue.is_current(conn):
            return []
        hold(conn, alone=True)
        # In the transaction of the first look, the server may still remember that a table was not there.
        conn.commit()
        todo = missing(conn, migrations)
        _require_fit(conn)
        if todo:
            # Alembic and SQLAlchemy take a third of a second to import, and a command usually finds nothing to do.
            from vangnet.db.alembic_runner import run  # noqa: PLC0415

            run(conn, migrations, todo[-1].revision)
        queue.bring_up_to_date(conn, RUNTIME)
    return [file.name for file in todo]


def require_current(conninfo: str) -> None:
    """Checks a server of one's own, as the runtime role: the schema is the one this version needs, and not that role's.

    Raises DatabaseRefused, DatabaseUnavailable.
    """
    with translated_errors(), connect(conninfo) as conn:
        todo = missing(conn)
        if todo or not queue.is_current(conn):
            last = todo[-1].revision if todo else "of the job queue"
            raise DatabaseRefused(
                problem=f"its schema is older than this version of Vangnet, which needs {last}",
                remedy="run `vangnet db migrate` with VANGNET_DATABASE_OWNER_URL set",
            )
        may_change = "SELECT has_table_privilege('public.audit_event', 'UPDATE, DELETE, TRUNCATE')"
        if conn.execute(may_change).fetchone() != (False,):
            raise DatabaseRefused(
                problem="the role in VANGNET_DATABASE_URL may change the audit trail",
                remedy=f"put the role `{RUNTIME}` there, and the owner in VANGNET_DATABASE_OWNER_URL only",
            )


def hold(conn: Connection, *, alone: bool = False) -> None:
    """Keeps the schema as it is until `conn` is closed; `alone`, for who changes it, while nobody else holds it."""
    if alone:
        conn.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
    else:
        conn.execute("SELECT pg_advisory_lock_shared(%s)", [_LOCK])


def applied(conn: Connection) -> list[MigrationFile]:
    """What was applied to this database, in order."""
    if conn.execute("SELECT to_regclass('public.migration_file')").fetchone() == (None,):
        return []
    rows = conn.execute("SELECT revision, name, sha256 FROM public.migration_file ORDER BY revision").fetchall()
    return [MigrationFile(revision=revision, name=name, sha256=sha256) for revision, name, sha256 in rows]


def missing(conn: Connection, migrations: Path = MIGRATIONS) -> list[MigrationFile]:
    """What is still to be applied, in order. Raises DatabaseRefused where files and database contradict each other."""
    known = files(migrations)
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


def _require_fit(conn: Connection) -> None:
    """Raises DatabaseRefused where a server of one's own is not set up as docs/howto/use-your-own-postgresql.md says."""
    if conn.info.server_version < OLDEST_POSTGRES * 10_000:
        raise DatabaseRefused(
            problem=f"the server is PostgreSQL {conn.info.server_version // 10_000}",
            remedy=f"take {OLDEST_POSTGRES} or later",
        )
    if conn.execute("SHOW server_encoding").fetchone() != ("UTF8",):
        raise DatabaseRefused(problem="it does not keep text as UTF-8", remedy="make it anew with ENCODING 'UTF8'")
    if conn.execute("SELECT FROM pg_roles WHERE rolname = %s", [RUNTIME]).fetchone() is None:
        raise DatabaseRefused(
            problem=f"the server has no role `{RUNTIME}`",
            remedy=f"as its administrator: CREATE ROLE {RUNTIME} LOGIN PASSWORD '…'",
        )
    if conn.info.user == RUNTIME:
        raise DatabaseRefused(
            problem=f"the role `{RUNTIME}` must not own the tables, or it could rewrite the audit trail",
            remedy=f"put another role, such as `{OWNER}`, in VANGNET_DATABASE_OWNER_URL",
        )
    may_create = conn.execute(
        """
        SELECT has_schema_privilege('public', 'CREATE') AND has_database_privilege(current_database(), 'CREATE')
        """
    ).fetchone()
    if may_create != (True,):
        raise DatabaseRefused(
            problem="the role in VANGNET_DATABASE_OWNER_URL may not create tables in it",
            remedy="as its administrator: ALTER DATABASE … OWNER TO that role",
        )
