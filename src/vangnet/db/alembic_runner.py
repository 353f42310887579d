"""Alembic, told to run our SQL files on a connection that we opened. Imported only when there is something to run."""

from typing import cast

from alembic import command, op
from alembic.config import Config
from sqlalchemy import create_engine, pool

from vangnet.db.connection import Connection
from vangnet.db.migrate import MIGRATIONS, files


def run(conn: Connection, revision: str) -> None:
    """Applies the migrations up to `revision`, all of them or none, and commits."""
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: conn, poolclass=pool.StaticPool, pool_reset_on_return=None
    )
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def apply_file(revision: str) -> None:
    """Runs one SQL file and remembers its digest. Called from the file's Alembic revision."""
    conn = cast("Connection", op.get_bind().connection.driver_connection)
    file = next(file for file in files() if file.revision == revision)
    conn.execute((MIGRATIONS / file.name).read_bytes())
    conn.execute(
        "INSERT INTO migration_file (revision, name, sha256) VALUES (%s, %s, %s)", [file.revision, file.name, file.sha256]
    )
