"""Alembic, told to run our SQL files on a connection that we opened. Imported only when there is something to run."""

from pathlib import Path
from typing import cast

import psycopg
from alembic import command, context, op
from alembic.config import Config
from sqlalchemy import create_engine, pool

from vangnet.db.connection import Connection
from vangnet.db.migrate import files
from vangnet.errors import DatabaseRefused


def run(conn: Connection, migrations: Path, revision: str) -> None:
    """Applies the migrations in that folder up to `revision`, all of them or none, and commits. Raises DatabaseRefused."""
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: conn, poolclass=pool.StaticPool, pool_reset_on_return=None
    )
    config = Config()
    # Alembic reads a % in it as the start of a name to fill in.
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        config.attributes["migrations"] = migrations
        command.upgrade(config, revision)


def apply_file(revision: str) -> None:
    """Runs one SQL file and remembers its digest. Called from the file's Alembic revision. Raises DatabaseRefused."""
    migrations: Path = context.config.attributes["migrations"]
    conn = cast("Connection", op.get_bind().connection.driver_connection)
    file = next(file for file in files(migrations) if file.revision == revision)
    try:
        conn.execute((migrations / file.name).read_bytes())
    except psycopg.OperationalError:
        raise  # The disk is full, the server went away: no fault of the file.
    except psycopg.Error as error:
        raise DatabaseRefused(
            problem=f"the migration `{file.name}` failed ({error.sqlstate}), and nothing of it was kept",
            remedy="install the version of Vangnet from before, and report this",
        ) from error
    conn.execute(
        "INSERT INTO migration_file (revision, name, sha256) VALUES (%s, %s, %s)", [file.revision, file.name, file.sha256]
    )
