"""Jobs that are enqueued in the transaction that makes them necessary.

`defer` writes to procrastinate's tables by name, so that a service needs to know no task's code. Those tables have a schema
of their own and are made from the SQL that the package brings: a copy of it in our migrations would be a second home.
"""

from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from vangnet.db.connection import Connection
from vangnet.errors import DatabaseRefused


def defer(
    conn: Connection, task: str, *, queue: str = "default", lock: str | None = None, at: datetime | None = None, **args: Any
) -> None:
    """Enqueues a job: it runs if, and only if, the transaction of `conn` is committed.

    Jobs that share a `lock` run one after the other, in order. `at` is the earliest time. `args` must fit in JSON and hold
    ids, never people or addresses: they are shown to administrators when the job fails.
    """
    conn.execute(
        "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(%s, %s, 0, %s, NULL, %s, %s)::procrastinate_job_to_defer_v1])",
        [queue, task, lock, Jsonb(args), at],
    )


def hasten(conn: Connection, task: str, *, lock: str, **args: Any) -> bool:
    """Lets the waiting jobs of this `lock` run now rather than later; says whether `task` with `args` is one of them."""
    conn.execute(
        "UPDATE procrastinate_jobs SET scheduled_at = now() WHERE lock = %s AND status = 'todo' AND scheduled_at > now()",
        [lock],
    )
    found = conn.execute(
        """
        SELECT EXISTS (
            SELECT FROM procrastinate_jobs
            WHERE lock = %s AND task_name = %s AND args = %s AND status IN ('todo', 'doing')
        )
        """,
        [lock, task, Jsonb(args)],
    ).fetchone()
    return found == (True,)


def needed_version() -> str:
    """The release of procrastinate that last changed its tables, of those that the installed one knows."""
    return ".".join(map(str, _release(_migrations()[-1])))


def recorded_version(conn: Connection) -> str | None:
    """The release of procrastinate to which the database's tables belong, or None where there are none yet."""
    row = conn.execute(
        "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = 'procrastinate'"
    ).fetchone()
    return None if row is None else row[0]


def is_current(conn: Connection) -> bool:
    """Whether the tables are those that the installed procrastinate works with."""
    return recorded_version(conn) == needed_version()


def bring_up_to_date(conn: Connection, runtime_role: str) -> None:
    """Makes or upgrades procrastinate's tables. Needs the owner role; does nothing when they are current.

    Raises DatabaseRefused.
    """
    recorded, needed = recorded_version(conn), needed_version()
    if recorded == needed:
        return
    conn.execute("CREATE SCHEMA IF NOT EXISTS procrastinate")
    conn.execute("SET LOCAL search_path TO procrastinate")
    if recorded is None:
        # Imported here, because a command that finds the tables current should not pay for it.
        from procrastinate.schema import SchemaManager  # noqa: PLC0415

        conn.execute(SchemaManager.get_schema())
    else:
        if _numbers(recorded) > _numbers(needed):
            raise DatabaseRefused(
                problem=f"its job queue is of procrastinate {recorded}, newer than this Vangnet's {needed}",
                remedy="install the version of Vangnet that wrote it, or a later one",
            )
        for file in _migrations():
            if _release(file) > _numbers(recorded):
                conn.execute(file.read_bytes())
    role = sql.Identifier(runtime_role)
    for grant in (
        "GRANT USAGE ON SCHEMA procrastinate TO {}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA procrastinate TO {}",
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA procrastinate TO {}",
    ):
        conn.execute(sql.SQL(grant).format(role))
    conn.execute(sql.SQL("COMMENT ON SCHEMA procrastinate IS {}").format(sql.Literal(needed)))


def _migrations() -> list[Path]:
    """procrastinate's own files, in order. Found without importing it: that takes longer than all the rest of a start."""
    spec = find_spec("procrastinate")
    assert spec is not None  # noqa: S101 (a dependency)
    assert spec.origin is not None  # noqa: S101
    return sorted((Path(spec.origin).parent / "sql" / "migrations").glob("*.sql"))


def _release(file: Path) -> tuple[int, ...]:
    """The files are named `MAJOR.MINOR.PATCH_NN_what.sql` after the release that first carried them."""
    return _numbers(file.name.split("_")[0])


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
