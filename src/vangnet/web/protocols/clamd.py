"""The door for whoever speaks to ClamAV's server: `INSTREAM` over TCP or a UNIX socket, `FILDES` over the latter.

The protocol is that of clamd(8), section "COMMANDS". Only files that are sent, or handed over opened, are checked: no path
is opened for anybody, because this door has no log-in. What an answer means stands in docs/reference/doors.md; whatever is
not surely allowed is FOUND or an ERROR, never OK.
"""

import contextlib
import os
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from vangnet.config import DoorsNames
from vangnet.gate.model import CheckAnswer, Decision, Outcome
from vangnet.web.protocols.names import name_of
from vangnet.web.protocols.server import THREAD_NAME, Inspector
from vangnet.web.protocols.wire import Body, Malformed, NoRoom, Oversized, Wire

#: A path may follow a command; none is longer.
_COMMAND_BYTES = 8 * 1024
_COMMANDS = "PING VERSION VERSIONCOMMANDS STATS INSTREAM IDSESSION END"
_BY_PATH = frozenset({"SCAN", "CONTSCAN", "MULTISCAN", "ALLMATCHSCAN", "RAWSCAN", "STREAM"})
_READ_BYTES = 1024 * 1024
_OVERLOADED = "stream: Vangnet is overloaded, try again later ERROR"


def words(answer: CheckAnswer, naming: DoorsNames, *, what: str = "stream") -> str:
    """What clamd would say about the file that was sent.

    A file that is held is an ERROR, not FOUND: clients delete or move what is FOUND, and on this nobody decided yet.
    """
    if answer.outcome is Outcome.UNAVAILABLE:
        return f"{what}: Vangnet cannot check now, try again later ERROR"
    match answer.decision:
        case Decision.ALLOW:
            return f"{what}: OK"
        case Decision.HOLD:
            return f"{what}: {name_of(answer, naming)} ERROR"
        case Decision.BLOCK:
            return f"{what}: {name_of(answer, naming)} FOUND"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClamdDoor:
    """What all conversations of the door share."""

    inspector: Inspector
    naming: DoorsNames
    #: The program's version and the index's, as one line.
    version: Callable[[], str]

    def __call__(self, wire: Wire) -> "ClamdConversation":
        return ClamdConversation(self, wire)


class ClamdConversation:
    """One connection: a single command, or a session of many between IDSESSION and END."""

    name: ClassVar[str] = "clamd"

    def __init__(self, door: ClamdDoor, wire: Wire) -> None:
        self._door = door
        self._wire = wire
        self._end = b"\n"
        self._session = False
        self._number = 0

    def run(self) -> None:
        """Serves commands until the client ends. Raises Ended."""
        while self._wire.wait():
            try:
                goes_on = self._obey(self._command())
            except Malformed as fault:
                self._answer(f"{fault.problem} ERROR")
                return
            if not goes_on or not self._session:
                return

    def refuse(self) -> None:
        """The answer at overload. Raises Ended."""
        if self._wire.wait():
            with contextlib.suppress(Malformed):
                self._command()
            self._answer(_OVERLOADED)

    def lose_patience(self) -> None:
        """The answer to a command that does not come to its end. Raises Ended."""
        self._answer("stream: the file was sent too slowly ERROR")

    def apologise(self, incident: str) -> None:
        """The answer after a fault of ours. Raises Ended."""
        self._answer(f"stream: Vangnet failed, incident {incident} ERROR")

    def _command(self) -> str:
        # `z` before a command says that it, and its answer, end with a zero byte; `n` and nothing: with a new line.
        mark = self._wire.exactly(1)
        self._end = b"\0" if mark == b"z" else b"\n"
        line = self._wire.until(self._end, most=_COMMAND_BYTES)
        whole = line if mark in b"zn" else mark + line
        return whole.rstrip(b"\r").decode("ascii", "replace")

    def _obey(self, command: str) -> bool:
        """Whether the conversation can go on."""
        self._number += 1
        word = command.partition(" ")[0]
        match word:
            case "INSTREAM":
                return self._check_stream()
            case "FILDES":
                return self._check_passed()
            case "PING":
                self._answer("PONG")
            case "VERSION":
                self._answer(self._door.version())
            case "VERSIONCOMMANDS":
                self._answer(f"{self._door.version()}| COMMANDS: {_COMMANDS}{' FILDES' * self._wire.is_local}")
            case "STATS":
                self._answer(self._stats())
            case "IDSESSION":
                # Number 1 is the first command after it.
                self._session, self._number = True, 0
            case "END":
                return False
            case _ if word in _BY_PATH:
                self._answer(f"{word}: Vangnet opens no files by their path, send them (clamdscan --stream) ERROR")
            case _:
                self._answer("UNKNOWN COMMAND")
        return True

    def _check_stream(self) -> bool:
        with self._door.inspector.receive() as body:
            try:
                self._receive(body)
            except NoRoom:
                self._answer(_OVERLOADED)
                return False
            except Oversized:
                self._answer("INSTREAM size limit exceeded. ERROR")
                return False
            answer = self._door.inspector.check_body(body)
        self._answer(words(answer, self._door.naming))
        return True

    def _check_passed(self) -> bool:
        if not self._wire.is_local:
            self._answer("fd: open files are handed over on a UNIX socket only, send them (INSTREAM) ERROR")
            return False
        self._wire.exactly(1)  # The byte that it comes with.
        descriptor = self._wire.passed()
        if descriptor is None:
            self._answer("fd: no open file came ERROR")
            return False
        what = f"fd[{descriptor}]"
        # It takes the descriptor, and closes it.
        with os.fdopen(descriptor, "rb", buffering=0) as file, self._door.inspector.receive() as body:
            try:
                problem = self._read(file.fileno(), body)
            except NoRoom:
                problem = "Vangnet is overloaded, try again later"
            except Oversized:
                problem = "it is larger than any file that is taken"
            answer = None if problem is not None else self._door.inspector.check_body(body)
        self._answer(f"{what}: {problem} ERROR" if answer is None else words(answer, self._door.naming, what=what))
        return True

    def _read(self, descriptor: int, body: Body) -> str | None:
        """Why the file cannot be read, or None: all of it, from its beginning, wherever whoever opened it stands."""
        # A pipe or a device could keep us for ever, and is no file.
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return "it is no regular file"
        ends = time.monotonic() + self._door.inspector.limits.request_s
        at = 0
        try:
            while piece := os.pread(descriptor, _READ_BYTES, at):
                body.add(piece)
                at += len(piece)
                if time.monotonic() > ends:
                    return "it was read too slowly"
        except OSError:
            return "it cannot be read"
        return None

    def _stats(self) -> str:
        """What monitoring of clamd asks for, as far as it means anything here: connections stand for threads."""
        limits = self._door.inspector.limits
        live = sum(thread.name == THREAD_NAME for thread in threading.enumerate())
        return (
            "POOLS: 1\n\nSTATE: VALID PRIMARY\n"
            f"THREADS: live {live}  idle 0 max {limits.connections} idle-timeout {limits.idle_s:.0f}\n"
            "QUEUE: 0 items\n\nMEMSTATS: heap N/A mmap N/A used N/A free N/A releasable N/A pools 1 pools_used N/A"
            " pools_total N/A\nEND"
        )

    def _receive(self, body: Body) -> None:
        while left := int.from_bytes(self._wire.exactly(4), "big"):
            while left:
                piece = self._wire.some(left)
                left -= len(piece)
                body.add(piece)

    def _answer(self, text: str) -> None:
        number = f"{self._number}: " if self._session else ""
        self._wire.send(f"{number}{text}".encode() + self._end)
