"""Two real installations in processes of their own, that a test may kill at any moment.

How long: `SOAK=long` (the figures we claim) or `SOAK=short` (the same in a minute or two, for every change).
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from vangnet import config
from vangnet.cli.installation import now
from vangnet.config import Settings
from vangnet.db import open_database
from vangnet.db.embedded import EmbeddedServer
from vangnet.keys import Keys
from vangnet.simulation.installations import CAST, Cast, Prepared, introduce_all, prepare

LONG = os.environ.get("SOAK", "long") == "long"


def wait_until(happened: Callable[[], bool], what: str, timeout_s: float = 60) -> None:
    """Returns as soon as it happened; fails the test when it does not."""
    deadline = time.monotonic() + timeout_s
    while not happened():
        assert time.monotonic() < deadline, f"{what}: not within {timeout_s:.0f} s"
        time.sleep(0.05)


@dataclass(kw_only=True)
class House:
    """One installation, its process, and how to kill it."""

    cast: Cast
    settings: Settings
    environ: dict[str, str]
    log: Path
    prepared: Prepared | None = None
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

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=60)


@pytest.fixture
def houses(tmp_path: Path) -> Iterator[list[House]]:
    """A provider and a hotline that know each other, both running."""
    made = [_house(tmp_path, cast) for cast in CAST[:2]]
    with ExitStack() as opened:
        inside = [
            (opened.enter_context(open_database(house.settings)), Keys.open(house.settings.keys_dir), house.url)
            for house in made
        ]
        for house, (database, _, _) in zip(made, inside, strict=True):
            house.prepared = prepare(database, cast=house.cast, base_url=house.url, now=now())
        introduce_all(inside, casts=[house.cast for house in made], now=now())
    try:
        for house in made:
            house.start()
        for house in made:
            wait_until(house.answers, f"the {house.cast.kind} answers")
        yield made
    finally:
        for house in made:
            house.stop()


def _house(folder: Path, cast: Cast) -> House:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    ours = {
        "VANGNET_DATA_DIR": str(folder / cast.kind / "data"),
        "VANGNET_KEYS_DIR": str(folder / cast.kind / "keys"),
        "VANGNET_PORT": str(port),
        "VANGNET_LOG_FORMAT": "json",
    }
    environ = {name: value for name, value in os.environ.items() if not name.startswith(config.PREFIX)} | ours
    (folder / cast.kind).mkdir(parents=True)
    return House(cast=cast, settings=config.load(ours), environ=environ, log=folder / cast.kind / "serve.log")
