"""Fixtures for every test: one PostgreSQL server a run, a template database, and two ways to use it.

`conn` is a transaction as the runtime role that is rolled back after the test. `database` is a database of the test's own,
for what needs commits: threads, workers, notifications, kills.
"""

import itertools
import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import hypothesis
import psycopg
import pytest
from running.commands import Commands

from vangnet.audit.model import Actor, ActorKind
from vangnet.db import Connection, Database, migrate
from vangnet.db.connection import configure
from vangnet.db.embedded import OWNER, RUNTIME, EmbeddedServer
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys

_numbers = itertools.count()

# On a busy machine a time proves nothing.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, help="the seed of the tests that draw at random, as a failing one printed it")


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """A seed, another one each time, printed for a test that fails; `--seed` gives it again."""
    given: int | None = request.config.getoption("--seed")
    seed = random.SystemRandom().randrange(2**32) if given is None else given
    print(f"--seed {seed}")  # noqa: T201 (pytest shows it when the test fails)
    return seed


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("VANGNET_") and not name.startswith("VANGNET_TEST_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """The run's PostgreSQL server, with the database `template` at the newest schema."""
    server = EmbeddedServer(tmp_path_factory.mktemp("postgres"))
    server.acquire()
    try:
        # It is thrown away when the machine goes down under it. A server that is killed loses nothing by this.
        for setting in ("fsync", "full_page_writes"):
            _superuser(server, f"ALTER SYSTEM SET {setting} = off")
        _superuser(server, "SELECT pg_reload_conf()")
        _superuser(server, f"CREATE DATABASE template OWNER {OWNER}")
        migrate.upgrade(server.conninfo(OWNER, "template"))
        yield server
    finally:
        server.release()


@pytest.fixture(scope="session")
def _shared_database(postgres: EmbeddedServer) -> str:
    _superuser(postgres, f"CREATE DATABASE shared TEMPLATE template OWNER {OWNER}")
    return postgres.conninfo(RUNTIME, "shared")


@pytest.fixture
def conn(_shared_database: str) -> Iterator[Connection]:
    """A connection as the runtime role, in a transaction that is rolled back after the test."""
    with psycopg.connect(_shared_database) as connection:
        configure(connection)
        with connection.transaction(force_rollback=True):
            yield connection


@pytest.fixture
def database_name(postgres: EmbeddedServer) -> Iterator[str]:
    """The name of a fresh database at the newest schema, dropped after the test."""
    name = f"test_{next(_numbers)}"
    _superuser(postgres, f"CREATE DATABASE {name} TEMPLATE template OWNER {OWNER}")
    yield name
    _superuser(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(postgres: EmbeddedServer, database_name: str) -> Iterator[Database]:
    """A fresh database, for tests that need commits."""
    with Database(postgres.conninfo(RUNTIME, database_name)) as database:
        yield database


@pytest.fixture(scope="session")
def commands() -> Iterator[Commands]:
    """Runs `vangnet` commands, each in a process of its own."""
    with Commands() as commands:
        yield commands


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """Fresh keys of an installation."""
    return Keys.open(tmp_path / "keys")


@pytest.fixture
def now() -> datetime:
    """A fixed time; rules and services are given the time, they never read a clock."""
    return datetime(2026, 11, 21, 13, 2, 7, tzinfo=UTC)


@pytest.fixture
def administrator() -> Actor:
    """Somebody who may do everything."""
    return Actor(kind=ActorKind.CONSOLE, id="0", permissions=frozenset(Permission))


def _superuser(server: EmbeddedServer, statement: str) -> None:
    with psycopg.connect(server.conninfo("postgres", "postgres"), autocommit=True) as connection:
        connection.execute(statement.encode())
