"""A process with the command line imported, which becomes a command in a copy of itself as often as it is asked.

It is started, asked and told to end by `commands.py`.
"""

import importlib
import json
import os
import pkgutil
import signal
import socket
import sys
import traceback
from typing import Any

from vangnet import cli
from vangnet.cli.main import main


def _import_commands() -> None:
    for module in pkgutil.walk_packages(cli.__path__, cli.__name__ + "."):
        importlib.import_module(module.name)
    for name in ("typer.rich_utils", "rich.table", "rich.progress", "rich.json", "structlog.dev"):
        importlib.import_module(name)


def _become(asked: dict[str, Any], streams: list[int]) -> int:
    """Is that command from here on; returns its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    # For as long as the process lives, which goes by `_exit`.
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, buffering=1, encoding="utf-8", errors=errors, closefd=False)  # noqa: SIM115
        for number, mode, errors in ((0, "r", "strict"), (1, "w", "strict"), (2, "w", "backslashreplace"))
    )
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environ"])
    sys.argv = ["vangnet", *asked["arguments"]]
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 (nothing may go on to the loop below)
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _serve(asks: socket.socket) -> None:
    while True:
        message, descriptors, _, _ = socket.recv_fds(asks, 1024 * 1024, 4)
        if not message:
            return
        if os.fork() == 0:
            asks.close()
            *streams, told = descriptors
            code = _become(json.loads(message), streams)
            os.write(told, bytes([code]))
            os._exit(code)
        for descriptor in descriptors:
            os.close(descriptor)


if __name__ == "__main__":
    _import_commands()
    # Whoever asked hears from the command itself how it ended.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(fileno=int(sys.argv[1])) as ours:
        _serve(ours)
