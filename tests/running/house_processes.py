"""Real installations in processes of their own, started by `vangnet serve`, that a test may kill at any moment."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from running.programs import free_port
from running.states import PATIENCE_S, wait_until
from vangnet import config
from vangnet.cli.installation import console_actor, now
from vangnet.config import Settings
from vangnet.db import Database, open_database
from vangnet.db.embedded import EmbeddedServer
from vangnet.identity.permissions import Permission
from vangnet.identity.service import api_keys
from vangnet.keys import Keys
from vangnet.simulation.installations import CAST, Cast, Prepared, introduce_all, prepare


@dataclass(kw_only=True)
class HouseProcess:
    """One installation, its process, and how to kill it."""

    cast: Cast
    settings: Settings
    environ: dict[str, str]
    log: Path
    prepared: Prepared | None = None
    writing_key: str = field(default="", repr=False)
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return self.settings.base_url

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "vangnet", "serve"],
                env=self.environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"{self.cast.kind} stopped by itself; its log:\n{self.log.read_text()[-3000:]}"
        try:
            return httpx2.get(f"{self.url}/readyz", timeout=5, trust_env=False).status_code == httpx2.codes.OK
        except httpx2.TransportError:
            return False

    def kill(self) -> None:
        """The process dies at once, in whatever it does; its database server stays."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def kill_database(self) -> None:
        """The database server dies at once."""
        pid = EmbeddedServer(self.settings.data_dir).running_pid()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)

    def party_id(self, other: "HouseProcess") -> str:
        """The id that this installation gave the other."""
        headers = {"Authorization": f"Bearer {self.writing_key}"}
        found = httpx2.get(f"{self.url}/api/v1/parties", headers=headers, timeout=PATIENCE_S, trust_env=False).json()
        return next(str(party["id"]) for party in found if party["base_url"] == other.url)

    def stop(self) -> None:
        """Stops as Ctrl-C does."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=PATIENCE_S)


@contextmanager
def two_running(folder: Path) -> Iterator[list[HouseProcess]]:
    """A provider and a hotline that know each other, both running."""
    made = [_house(folder, cast) for cast in CAST[:2]]
    with ExitStack() as opened:
        inside = [
            (opened.enter_context(open_database(house.settings)), Keys.open(house.settings.keys_dir), house.url)
            for house in made
        ]
        for house, (database, _, _) in zip(made, inside, strict=True):
            house.prepared = prepare(database, cast=house.cast, base_url=house.url, now=now())
            house.writing_key = _writing_key(database)
        introduce_all(inside, casts=[house.cast for house in made], now=now())
    try:
        for house in made:
            house.start()
        for house in made:
            wait_until(house.answers)
        yield made
    finally:
        for house in made:
            house.stop()


def _writing_key(database: Database) -> str:
    scopes = frozenset({Permission.PARTY_ADD, Permission.PARTY_READ, Permission.HANDOFF_READ})
    with database.transaction() as conn:
        return api_keys.issue(conn, console_actor(), name="writer", scopes=scopes, now=now()).text


def _house(folder: Path, cast: Cast) -> HouseProcess:
    port = free_port()
    ours = {
        "VANGNET_DATA_DIR": str(folder / cast.kind / "data"),
        "VANGNET_KEYS_DIR": str(folder / cast.kind / "keys"),
        "VANGNET_PORT": str(port),
        "VANGNET_LOG_FORMAT": "json",
    }
    environ = {name: value for name, value in os.environ.items() if not name.startswith(config.PREFIX)} | ours
    (folder / cast.kind).mkdir(parents=True)
    return HouseProcess(cast=cast, settings=config.load(ours), environ=environ, log=folder / cast.kind / "serve.log")
