"""Connections to the database, and the one way to open a transaction.

The driver's errors are translated here, once; above this package nobody catches one, except a store that turns a violated
constraint into its own refusal.
"""

import contextlib
from collections.abc import Iterator
from typing import Self

from psycopg_pool import ConnectionPool, PoolTimeout

from vangnet.config import Settings
from vangnet.db import migrate
from vangnet.db.connection import Connection, configure, translated_errors
from vangnet.db.embedded import OWNER, RUNTIME, EmbeddedServer

#: A request should hear that the database is gone before its client gives up.
_WAIT_FOR_CONNECTION_S = 5.0


class Database:
    """A pool of connections as the runtime role. Safe to share between threads; not across a fork."""

    def __init__(self, conninfo: str, *, server: EmbeddedServer | None = None, max_connections: int = 16) -> None:
        self.conninfo = conninfo
        self.server = server
        self._pool = ConnectionPool(
            conninfo,
            min_size=1,
            max_size=max_connections,
            timeout=_WAIT_FOR_CONNECTION_S,
            configure=configure,
            check=ConnectionPool.check_connection,
            open=False,
            name="vangnet",
        )
        self._pool.open()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection in a transaction: committed at the end of the block, rolled back if the block raises.

        Raises DatabaseUnavailable, StorageFull.
        """
        with translated_errors(), self._connection() as conn, conn.transaction():
            yield conn

    @contextlib.contextmanager
    def _connection(self) -> Iterator[Connection]:
        try:
            conn = self._pool.getconn()
        except PoolTimeout:
            if self.server is None:
                raise
            # Our own server can be started again; whoever killed it also ended our connections.
            self.server.acquire()
            conn = self._pool.getconn()
        try:
            yield conn
        finally:
            self._pool.putconn(conn)

    def close(self) -> None:
        """Closes the connections, and stops the embedded server if nobody else uses it."""
        self._pool.close()
        if self.server is not None:
            self.server.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_database(settings: Settings) -> Database:
    """The installation's database, embedded or given, with the schema that this version needs.

    An embedded database is brought up to date at once; one of your own only by `vangnet db migrate`, because that takes the
    owner's password. Raises DatabaseRefused, DatabaseUnavailable, DataFolderUnusable, StorageFull.
    """
    if settings.database_url is None:
        server = EmbeddedServer(settings.data_dir)
        server.acquire()
        try:
            migrate.upgrade(server.conninfo(OWNER))
            return Database(server.conninfo(RUNTIME), server=server)
        except BaseException:
            server.release()
            raise
    conninfo = settings.database_url.get_secret_value()
    migrate.require_current(conninfo)
    return Database(conninfo)
