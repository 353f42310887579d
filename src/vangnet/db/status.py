"""How the database is, without starting or changing anything: what somebody needs to know who is to repair it."""

from dataclasses import dataclass
from pathlib import Path

from vangnet.config import Settings
from vangnet.db import migrate, queue
from vangnet.db.connection import connect, translated_errors
from vangnet.db.embedded import OWNER, EmbeddedServer


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseStatus:
    """None stands for what cannot be known while the server does not run."""

    embedded: bool
    running: bool
    #: The process of an embedded server.
    pid: int | None
    #: Where an embedded server keeps its data.
    folder: Path | None
    postgres_major: int | None
    schema_revision: str | None
    #: The migrations that are still to be applied.
    missing: tuple[str, ...] | None
    job_queue: str | None
    size_bytes: int | None


def status(settings: Settings) -> DatabaseStatus:
    """Raises DatabaseUnavailable where a server of one's own does not answer, DatabaseRefused."""
    if settings.database_url is not None:
        return _asked(settings.database_url.get_secret_value(), None)
    server = EmbeddedServer(settings.data_dir)
    if server.running_pid() is not None:
        return _asked(server.conninfo(OWNER), server)
    return DatabaseStatus(
        embedded=True,
        running=False,
        pid=None,
        folder=server.cluster,
        postgres_major=server.major_version(),
        schema_revision=None,
        missing=None,
        job_queue=None,
        size_bytes=None,
    )


def _asked(conninfo: str, server: EmbeddedServer | None) -> DatabaseStatus:
    with translated_errors(), connect(conninfo) as conn:
        done = migrate.applied(conn)
        size = conn.execute("SELECT pg_database_size(current_database())").fetchone()
        return DatabaseStatus(
            embedded=server is not None,
            running=True,
            pid=None if server is None else server.running_pid(),
            folder=None if server is None else server.cluster,
            postgres_major=conn.info.server_version // 10_000,
            schema_revision=done[-1].revision if done else None,
            missing=tuple(file.name for file in migrate.missing(conn)),
            job_queue=queue.recorded_version(conn),
            size_bytes=None if size is None else size[0],
        )
