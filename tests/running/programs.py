"""Programs of others that tests use as their users would; where one is missing the test says how to get it."""

import contextlib
import itertools
import os
import random
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from running.states import PATIENCE_S, wait_until


def program(name: str, package: str) -> str:
    """The path of a program from Debian's `package`. Skips the test where it is missing, and fails it in CI."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if found is None:
        words = f"`{name}` is missing: run scripts/test-tools, or apt-get install {package}"
        if os.environ.get("CI") == "true":
            pytest.fail(words)
        pytest.skip(words)
    return found


def run(command: Sequence[str], *, within_s: float = PATIENCE_S) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end and returns what it said."""
    return subprocess.run(
        command, capture_output=True, text=True, errors="replace", timeout=within_s, check=False, stdin=subprocess.DEVNULL
    )


@contextmanager
def running(
    command: Sequence[str], *, ready: Callable[[], bool], log: Path, within_s: float = PATIENCE_S
) -> Iterator[None]:
    """Runs a program that serves, from when it is `ready` until the end of the block. Its words go to `log`."""
    with log.open("ab") as words:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=words, stderr=words)
    try:
        wait_until(lambda: process.poll() is not None or ready(), within_s=within_s, every_s=0.05)
        assert process.poll() is None, log.read_text(errors="replace")[-4000:]
        yield
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that programs may use which give up root's rights at their start."""
    with tempfile.TemporaryDirectory(prefix="vangnet-test-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        yield folder


#: Below those that the kernel takes for connections and for whoever asks for any port: until ours is used, nobody is given
#: it by chance. Each process that runs tests has its own share of them, and begins anywhere in it.
_SHARE = 1000
_FIRST = 20_000 + _SHARE * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_places = itertools.count(random.randrange(_SHARE))  # noqa: S311 (no secret)


def free_port() -> int:
    """A port of this machine on which nobody listens; another one each time."""
    for _ in range(_SHARE):
        port = _FIRST + next(_places) % _SHARE
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("all ports of this process are taken")


def answers(port: int) -> bool:
    """Whether somebody listens on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
