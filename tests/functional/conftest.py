"""Fixtures for tests that use a running installation as people and programs do: over a socket, with nothing replaced.

`server` is one installation for the whole run; its tests share a database, so each makes the records that it needs and none
counts what others may have made. `new_server` is a fresh one for a single test. Everything that both log goes into one
file, which is searched at the end for the values that the factories put in.
"""

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, Protocol, TextIO

import httpx2
import pytest
from running.server import CANARY, RunningServer, own_database, running

from vangnet import log
from vangnet.config import LogFormat, Settings
from vangnet.db.embedded import EmbeddedServer
from vangnet.identity.model import Language
from vangnet.identity.permissions import Role

_numbers = itertools.count(1)


class Visitor(Protocol):
    """Makes a browser in which somebody with these roles is signed in."""

    def __call__(self, *roles: Role, language: Language = Language.EN) -> httpx2.Client: ...


@pytest.fixture(scope="session")
def _log_stream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TextIO]:
    path = tmp_path_factory.mktemp("log") / "functional.log"
    with path.open("w", encoding="utf-8", buffering=1) as stream:
        yield stream
        log.configure(Settings(log_format=LogFormat.JSON, data_dir=path.parent))
    found = [line for line in path.read_text(encoding="utf-8").splitlines() if CANARY in line.lower()]
    assert not found, f"{len(found)} log lines hold a canary, such as {found[0]}"


@pytest.fixture(scope="session")
def logfile(_log_stream: TextIO) -> Path:
    """Where every server of the run logs to. After the last test it is searched for canaries."""
    return Path(_log_stream.name)


@pytest.fixture(autouse=True)
def _logged(_log_stream: TextIO, logfile: Path) -> None:
    """Tests of other folders, run in between, log to places of their own."""
    log.configure(Settings(log_format=LogFormat.JSON, log_level="debug", data_dir=logfile.parent), stream=_log_stream)


@pytest.fixture(scope="session")
def server(postgres: EmbeddedServer, logfile: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The installation that most tests share: a hotline, set up, with its sealer."""
    folder = tmp_path_factory.mktemp("server")
    with own_database(postgres, "functional") as database, running(database, folder, logfile) as started:
        yield started


@pytest.fixture
def start_server(
    postgres: EmbeddedServer, logfile: Path, tmp_path: Path
) -> Iterator[Callable[..., AbstractContextManager[RunningServer]]]:
    """Starts a server of the test's own, with a database of its own; settings are given by name."""
    with own_database(postgres, f"functional_{next(_numbers)}") as database:

        def start(**settings: Any) -> AbstractContextManager[RunningServer]:
            return running(database, tmp_path, logfile, **settings)

        yield start


@pytest.fixture
def new_server(start_server: Callable[..., AbstractContextManager[RunningServer]]) -> Iterator[RunningServer]:
    """A fresh installation for one test."""
    with start_server() as started:
        yield started


@pytest.fixture
def visitor(server: RunningServer) -> Iterator[Visitor]:
    """Browsers in which somebody is signed in: `visitor(Role.STAFF)`."""
    with ExitStack() as clients:
        yield lambda *roles, **options: clients.enter_context(server.signed_in(*roles, **options))


@pytest.fixture
def program(server: RunningServer) -> Iterator[Callable[..., httpx2.Client]]:
    """Programs with an API key: `program(Permission.JOB_READ)`."""
    with ExitStack() as clients:
        yield lambda *scopes: clients.enter_context(server.program(*scopes))


@pytest.fixture
def anonymous(server: RunningServer) -> Iterator[httpx2.Client]:
    """A browser in which nobody is signed in."""
    with server.client() as client:
        yield client
