"""Several processes at one port: a parent that holds the port and checks nothing, and the workers that it starts.

The port stays open while workers come and go, so nobody who connects is turned away: what waits at it goes to whichever
worker is there. SIGHUP replaces the workers by new ones, one after the other, each old one only when its successor takes
requests; a new version of Vangnet is taken into use like that. A worker that dies is replaced. When the parent ends,
however it ends, its workers finish what is under way and end too.
"""

import contextlib
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

import structlog

log = structlog.get_logger(__name__)

#: Loading ten million listed hashes takes seconds; what takes longer than this is told, and waited for no longer.
_START_S = 120.0
#: A worker that dies at once is not started again at once.
_PAUSE_S = 1.0
_LOOK_S = 0.2
_READY = b"r"


class Parent:
    """A worker's end of the line to its parent."""

    def __init__(self, descriptor: int) -> None:
        self._line = socket.socket(fileno=descriptor)

    def tell_ready(self) -> None:
        """This worker takes requests."""
        with contextlib.suppress(OSError):
            self._line.sendall(_READY)

    def wait_for_end(self) -> None:
        """Returns when the parent is gone."""
        with contextlib.suppress(OSError):
            while self._line.recv(1):
                pass


@dataclass(slots=True)
class _Worker:
    process: subprocess.Popen[bytes]
    line: socket.socket
    started_at: float = field(default_factory=time.monotonic)

    @classmethod
    def start(cls, listener: socket.socket) -> Self:
        ours, theirs = socket.socketpair()
        with theirs:
            inherited = (listener.fileno(), theirs.fileno())
            command = [sys.executable, "-m", "vangnet", "serve", "--only", "gate", "--inherited", *map(str, inherited)]
            process = subprocess.Popen(command, pass_fds=inherited, stdin=subprocess.DEVNULL)
        return cls(process, ours)

    def is_ready_within(self, seconds: float) -> bool:
        readable, _, _ = select.select([self.line], [], [], seconds)
        # An end without a word means that it died.
        return bool(readable) and self.line.recv(1) == _READY

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()


class Workers:
    """The workers, one at each of `listeners`. `run` returns when the parent is told to stop."""

    def __init__(self, listeners: list[socket.socket]) -> None:
        self._listeners = listeners
        self._workers: list[_Worker] = []
        self._leaving: list[_Worker] = []
        self._replace = False
        self._stop = False

    def run(self) -> None:
        """Starts them and sees that they are there, until SIGTERM or SIGINT."""
        with self._obeying():
            self._workers = [_Worker.start(listener) for listener in self._listeners]
            while not self._stop:
                if self._replace:
                    self._replace = False
                    self._replace_all()
                self._start_what_died()
                self._forget_who_left()
                time.sleep(_LOOK_S)
            for worker in [*self._workers, *self._leaving]:
                worker.end()
            for worker in [*self._workers, *self._leaving]:
                worker.process.wait()
                worker.line.close()

    def _replace_all(self) -> None:
        for place, listener in enumerate(self._listeners):
            if self._stop:
                return
            new = _Worker.start(listener)
            if not self._is_ready(new):
                log.error("worker_not_replaced", place=place, problem="its successor does not start")
                new.end()
                self._leaving.append(new)
                return
            old, self._workers[place] = self._workers[place], new
            old.end()
            self._leaving.append(old)
        log.info("workers_replaced", workers=len(self._workers))

    def _is_ready(self, worker: _Worker) -> bool:
        deadline = time.monotonic() + _START_S
        while not self._stop and time.monotonic() < deadline and worker.process.poll() is None:
            if worker.is_ready_within(_LOOK_S):
                return True
        return False

    def _start_what_died(self) -> None:
        for place, worker in enumerate(self._workers):
            if worker.process.poll() is None or time.monotonic() - worker.started_at < _PAUSE_S:
                continue
            log.error("worker_died", place=place, status=worker.process.returncode)
            worker.line.close()
            self._workers[place] = _Worker.start(self._listeners[place])

    def _forget_who_left(self) -> None:
        for worker in [one for one in self._leaving if one.process.poll() is not None]:
            worker.line.close()
            self._leaving.remove(worker)

    @contextlib.contextmanager
    def _obeying(self) -> Iterator[None]:
        def note(number: int, _frame: object) -> None:
            if number == signal.SIGHUP:
                self._replace = True
            else:
                self._stop = True

        before = {one: signal.signal(one, note) for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)
