"""Connections to the database, and the one way to open a transaction.

The driver's errors are translated here, once; above this package nobody catches one, except a store that turns a violated
constraint into its own refusal.
"""

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Self

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from vangnet.config import Settings
from vangnet.db import migrate
from vangnet.db.connection import Connection, configure, connect, translated_errors
from vangnet.db.embedded import OWNER, RUNTIME, EmbeddedServer
from vangnet.errors import DatabaseUnavailable, InvalidSettings

#: A request should hear that the database is gone before its client gives up.
_PATIENCE_S = 5.0
_RETRY_S = 0.1


class Database:
    """A pool of connections as the runtime role. Safe to share between threads; not across a fork."""

    def __init__(
        self,
        conninfo: str,
        *,
        server: EmbeddedServer | None = None,
        max_connections: int = 16,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self.conninfo = conninfo
        self._patience_s = patience_s
        self.server = server
        self.max_connections = max_connections
        self._healing = threading.Lock()
        self._counting = threading.Lock()
        self._in_use = 0
        self._closed = False
        self._pool = self._new_pool()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection in a transaction: committed at the end of the block, rolled back if the block raises.

        A server that was restarted, or an embedded one that was killed, is not noticed. Raises DatabaseUnavailable,
        DatabaseRefused, StorageFull.
        """
        with translated_errors(), contextlib.ExitStack() as stack:
            yield self._begin(stack)

    @property
    def in_use(self) -> int:
        """How many connections are in a transaction now."""
        return self._in_use

    def close(self) -> None:
        """Closes the connections, and stops the embedded server if nobody else uses it."""
        with self._healing:
            self._closed = True
            self._pool.close()
            if self.server is not None:
                self.server.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(self, stack: contextlib.ExitStack) -> Connection:
        deadline = time.monotonic() + self._patience_s
        while True:
            pool = self._pool
            try:
                return self._begin_on(pool, stack)
            except psycopg.OperationalError as error:
                # Nothing was asked of the database yet, so that asking another connection is safe.
                if isinstance(error, PoolTimeout) and self._in_use >= self.max_connections:
                    raise
                self._heal(pool, deadline)

    def _begin_on(self, pool: ConnectionPool[Connection], stack: contextlib.ExitStack) -> Connection:
        with contextlib.ExitStack() as attempt:
            conn = pool.getconn()
            attempt.callback(self._put_back, pool, conn)
            with self._counting:
                self._in_use += 1
            # BEGIN is also the check that the connection still works: a check of its own would cost as much as it does.
            attempt.enter_context(conn.transaction())
            stack.push(attempt.pop_all())
            return conn

    def _put_back(self, pool: ConnectionPool[Connection], conn: Connection) -> None:
        with self._counting:
            self._in_use -= 1
        pool.putconn(conn)

    def _heal(self, broken: ConnectionPool[Connection], deadline: float) -> None:
        """Puts a new pool in the place of one whose connections died, as soon as the server answers."""
        if not self._healing.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise DatabaseUnavailable(problem="it is being started again")
        try:
            if self._closed:
                raise DatabaseUnavailable(problem="this program is ending")
            if self._pool is not broken:
                return  # Another thread was first.
            if self.server is not None:
                self.server.acquire()
            self._await_answer(deadline)
            # The old pool would wait longer and longer between its own attempts, and go on after the server is back.
            self._pool = self._new_pool()
        finally:
            self._healing.release()
        broken.close(timeout=1)

    def _await_answer(self, deadline: float) -> None:
        while True:
            try:
                return connect(self.conninfo).close()
            except DatabaseUnavailable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_RETRY_S)

    def _new_pool(self) -> ConnectionPool[Connection]:
        return ConnectionPool(
            self.conninfo,
            min_size=1,
            max_size=self.max_connections,
            timeout=self._patience_s,
            configure=configure,
            open=True,
            name="vangnet",
        )


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


@contextlib.contextmanager
def owner_conninfo(settings: Settings) -> Iterator[str]:
    """Where to connect as the owner of the tables; an embedded server runs inside the block. The schema may be of any age.

    Raises InvalidSettings, DatabaseRefused, DatabaseUnavailable, DataFolderUnusable, StorageFull.
    """
    if settings.database_url is None:
        server = EmbeddedServer(settings.data_dir)
        server.acquire()
        try:
            yield server.conninfo(OWNER)
        finally:
            server.release()
    elif settings.database_owner_url is None:
        raise InvalidSettings(problems="VANGNET_DATABASE_OWNER_URL: this command needs the owner's address of the database")
    else:
        yield settings.database_owner_url.get_secret_value()
