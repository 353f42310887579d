"""What a connection is to the rest of Vangnet, how it is made and set up, and how the driver's errors are told."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg_pool import PoolTimeout

from vangnet.errors import DatabaseRefused, DatabaseUnavailable, StorageFull

#: What a store and a service take as their first parameter.
Connection = psycopg.Connection[Any]

#: A server that does not answer by then is told as one that does not answer.
_CONNECT_TIMEOUT_S = 5

#: What a server or the network says on refusing a connection, and how we say it. libpq gives no codes here; its own words
#: are not passed on, because an address with an unescaped `@` or `/` in its password is taken apart in the wrong place.
_REFUSALS = (
    (r"password authentication failed", "it refuses the password, or has no such role"),
    (r"no password supplied", "it asks for a password, and the address has none"),
    (r"no pg_hba.conf entry", "its pg_hba.conf does not let this role in from this machine"),
    (r"FATAL: +role ", "it has no such role, or the role may not log in"),
    (r"FATAL: .*database \"", "it has no such database, or the role may not connect to it"),
    (r"too many (clients|connections)|connection slots", "it has no connection left"),
    (r"starting up", "it is starting"),
    (r"shutting down", "it is stopping"),
    (r"recovery mode", "it is recovering from a crash"),
    (r"certificate", "its certificate cannot be verified"),
    (r"\bSSL\b|sslmode", "it and the address do not agree on TLS"),
    (r"failed to resolve host", "there is no machine of that name"),
    (r"Connection refused|No such file", "nothing listens at that address"),
    (r"timeout|timed out", f"no answer within {_CONNECT_TIMEOUT_S} seconds"),
)


# One message, so that a command that asks the database one thing does not pay for three.
_SET_UP = "SET search_path TO public, procrastinate; SET timezone TO 'UTC'; SET application_name TO 'vangnet'"


def configure(conn: Connection) -> None:
    """Sets up a new connection: our schemas, and times in UTC."""
    conn.execute(_SET_UP)
    conn.commit()


async def configure_for_worker(conn: psycopg.AsyncConnection[Any]) -> None:
    """The same for the connections on which procrastinate, which is asynchronous inside, fetches jobs."""
    await conn.execute(_SET_UP)
    await conn.commit()


def connect(conninfo: str) -> Connection:
    """A connection outside the pool, for what is done once. Raises DatabaseRefused, DatabaseUnavailable."""
    try:
        return psycopg.connect(conninfo, connect_timeout=_CONNECT_TIMEOUT_S)
    except (psycopg.ProgrammingError, ValueError):
        raise DatabaseRefused(
            problem="its address cannot be read",
            remedy="write it like postgresql://role:password@host/database, and %-encode what is special in the password",
        ) from None
    except psycopg.OperationalError as error:
        # Not `from error`: its words are what may hold a part of the password, and a traceback would show them.
        raise DatabaseUnavailable(problem=told(str(error))) from None


def told(said: str) -> str:
    """Why a connection was refused, in our words for what the driver `said`."""
    return next((ours for words, ours in _REFUSALS if re.search(words, said)), "it refuses the connection")


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
