"""Jobs that are enqueued in the transaction that makes them necessary.

`defer` writes to procrastinate's tables by name, so that a service needs to know no task's code. Those tables have a schema
of their own and are made from the SQL that the package brings: a copy of it in our migrations would be a second home.
"""

from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from procrastinate.schema import SchemaManager
from psycopg import sql
from psycopg.types.json import Jsonb

from vangnet.db.connection import Connection


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


def installed_version() -> str:
    """The version of procrastinate whose tables this Vangnet works with."""
    return version("procrastinate")


def recorded_version(conn: Connection) -> str | None:
    """The version of procrastinate that the database's tables belong to, or None where there are none yet."""
    row = conn.execute(
        "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = 'procrastinate'"
    ).fetchone()
    return None if row is None else row[0]


def bring_up_to_date(conn: Connection, runtime_role: str) -> None:
    """Makes or upgrades procrastinate's tables. Needs the owner role; does nothing when they are current."""
    recorded = recorded_version(conn)
    if recorded == installed_version():
        return
    conn.execute("CREATE SCHEMA IF NOT EXISTS procrastinate")
    conn.execute("SET LOCAL search_path TO procrastinate")
    if recorded is None:
        conn.execute(SchemaManager.get_schema())
    else:
        for file in _migrations_after(recorded):
            conn.execute(file.read_bytes())
    role = sql.Identifier(runtime_role)
    for grant in (
        "GRANT USAGE ON SCHEMA procrastinate TO {}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA procrastinate TO {}",
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA procrastinate TO {}",
    ):
        conn.execute(sql.SQL(grant).format(role))
    conn.execute(sql.SQL("COMMENT ON SCHEMA procrastinate IS {}").format(sql.Literal(installed_version())))


def _migrations_after(recorded: str) -> list[Path]:
    """procrastinate names its files `MAJOR.MINOR.PATCH_NN_what.sql` after the release that first carried them."""
    done = tuple(map(int, recorded.split(".")))
    files = sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))
    return [file for file in files if tuple(map(int, file.name.split("_")[0].split("."))) > done]
