"""A dump, put into an empty database through the driver, in the caller's transaction.

pg_restore turns the dump into a script; running that here rather than by `pg_restore --dbname` or psql means that nothing
commits before the file was read to its end, that no word of an error is shown that quotes a row, that nothing in the file
is taken as a command to psql, and that it works over whatever connection the driver can make, TLS included.
"""

import contextlib
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import IO

import psycopg

from vangnet.db import programs
from vangnet.db.connection import Connection
from vangnet.errors import DatabaseRefused

_COPY_CHUNK_BYTES = 256 * 1024
#: What only some servers understand and none needs: a setting since PostgreSQL 17, words to psql, a note to itself that a
#: later 15 keeps with each column and that this pg_dump takes for an option, and extensions, of which we use none.
_DROPPED = re.compile(
    rb"SET transaction_timeout = |\\(un)?restrict |ALTER TABLE ONLY \S+ ALTER COLUMN \S+ SET \(pg_attver=\d+\);"
    rb"|CREATE EXTENSION |COMMENT ON EXTENSION "
)


def load(conn: Connection, feed: Callable[[IO[bytes]], None]) -> None:
    """Loads the dump that `feed` writes. What `feed` raises comes out as it is.

    Raises DatabaseRefused where the database does not take it, DatabaseUnavailable, StorageFull.
    """
    with _as_script(feed) as script:
        try:
            _run(conn, script)
        except psycopg.OperationalError:
            raise  # The disk is full, the server went away: no fault of the dump.
        except psycopg.Error as error:
            raise DatabaseRefused(
                problem=f"it does not take what the backup holds ({error.sqlstate}), and nothing of it was kept",
                remedy="restore with the version of Vangnet that made the backup, then install this one",
            ) from error


@contextlib.contextmanager
def _as_script(feed: Callable[[IO[bytes]], None]) -> Iterator[Iterable[bytes]]:
    command = [str(programs.binary("pg_restore")), "--no-owner", "--no-tablespaces", "--file=-"]
    with (
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=programs.environment()
        ) as process,
        ThreadPoolExecutor(1) as feeder,
    ):
        assert process.stdin is not None  # noqa: S101 (asked for above)
        assert process.stdout is not None  # noqa: S101
        fed = feeder.submit(_feed, feed, process.stdin)
        try:
            yield process.stdout
        except BaseException as error:
            process.kill()
            reason = fed.exception()
            if reason is not None:
                raise reason from error  # The script broke off because what it is made of did.
            raise
        reason = fed.exception()
        if reason is not None:
            raise reason
        if process.wait() != 0:
            raise _unreadable()


def _feed(feed: Callable[[IO[bytes]], None], target: IO[bytes]) -> None:
    # A broken pipe means that pg_restore ended, which is told where that is noticed.
    with contextlib.suppress(BrokenPipeError), target:
        feed(target)


def _run(conn: Connection, script: Iterable[bytes]) -> None:
    lines = iter(script)
    statements: list[bytes] = []
    for line in lines:
        if line.startswith(b"COPY ") and line.endswith(b" FROM stdin;\n"):
            conn.execute(b"".join(statements))
            statements.clear()
            _copy(conn, line, lines)
        elif not _DROPPED.match(line):
            statements.append(line)
    conn.execute(b"".join(statements))


def _copy(conn: Connection, statement: bytes, lines: Iterator[bytes]) -> None:
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        chunk = bytearray()
        for line in lines:
            if line == b"\\.\n":
                copy.write(chunk)
                return
            chunk += line
            if len(chunk) > _COPY_CHUNK_BYTES:
                copy.write(chunk)
                chunk.clear()
        raise _unreadable()  # The script ends in the middle of a table.


def _unreadable() -> DatabaseRefused:
    return DatabaseRefused(
        problem=f"PostgreSQL {programs.POSTGRES_MAJOR} cannot read to its end what the backup holds",
        remedy="restore another backup, or with the version of Vangnet that made this one",
    )
