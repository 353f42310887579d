"""`vangnet` as somebody at a terminal gives it: each command in a process of its own, without the half second of imports.

One process has everything imported, and each command is a copy of it with its own arguments, environment, folder and
streams. What only a fresh interpreter shows is tried with one: how it starts, and what it is when it is killed.
"""

import json
import os
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from running import command_process

_WITHIN_S = 120


class Commands:
    """Runs commands until it is closed."""

    def __init__(self) -> None:
        self._asks, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, command_process.__file__, str(theirs.fileno())], pass_fds=[theirs.fileno()]
            )

    def run(
        self, *arguments: object, environ: Mapping[str, str], given: str = "", terminal: int | None = None
    ) -> subprocess.CompletedProcess[str]:
        """What the command wrote, and its exit code; one that was killed has the code -9.

        It reads what is `given`, or from somebody at the other end of `terminal`.
        """
        asked: dict[str, object] = {
            "arguments": [str(one) for one in arguments],
            "environ": dict(environ),
            "folder": str(Path.cwd()),
        }
        told, its_end = os.pipe()
        with (
            os.fdopen(told, "rb", buffering=0) as ended,
            os.fdopen(its_end, "wb") as told_by,
            tempfile.TemporaryFile() as read,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
        ):
            read.write(given.encode())
            read.seek(0)
            stdin = read.fileno() if terminal is None else terminal
            streams = [stdin, out.fileno(), err.fileno(), told_by.fileno()]
            socket.send_fds(self._asks, [json.dumps(asked).encode()], streams)
            told_by.close()
            assert select.select([ended], [], [], _WITHIN_S)[0], "the command did not end in time"
            code = ended.read(1)
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(
                args=["vangnet", *map(str, arguments)],
                returncode=code[0] if code else -9,
                stdout=out.read().decode(),
                stderr=err.read().decode(),
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._asks.close()
        self._process.wait(20)
