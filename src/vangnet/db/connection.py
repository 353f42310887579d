"""What a connection is to the rest of Vangnet, how it is set up, and how the driver's errors are told."""

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg_pool import PoolTimeout

from vangnet.errors import DatabaseUnavailable, StorageFull

#: What a store and a service take as their first parameter.
Connection = psycopg.Connection[Any]


def configure(conn: Connection) -> None:
    """Sets up a new connection: our schemas, and times in UTC."""
    conn.execute("SET search_path TO public, procrastinate")
    conn.execute("SET timezone TO 'UTC'")
    conn.execute("SET application_name TO 'vangnet'")
    conn.commit()


@contextlib.contextmanager
def translated_errors() -> Iterator[None]:
    """The driver's operational errors as ours. No message of the server is passed on: it can quote a row.

    Raises DatabaseUnavailable, StorageFull.
    """
    try:
        yield
    except psycopg.errors.DiskFull as error:
        raise StorageFull(problem="the database cannot write") from error
    except PoolTimeout as error:
        raise DatabaseUnavailable(problem="no connection became free in time") from error
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(problem=f"{type(error).__name__} {error.sqlstate or ''}".strip()) from error
