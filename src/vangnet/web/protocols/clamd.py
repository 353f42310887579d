"""The door for whoever speaks to ClamAV's server: `INSTREAM` over TCP or a UNIX socket.

The protocol is that of clamd(8), section "COMMANDS". Only files that are sent are checked: no path is opened for anybody,
because this door has no log-in. What an answer means stands in docs/reference/doors.md; whatever is not surely allowed is
FOUND or an ERROR, never OK.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from vangnet.config import DoorsNames
from vangnet.gate.model import CheckAnswer, Decision, Outcome
from vangnet.web.protocols.names import name_of
from vangnet.web.protocols.server import Inspector
from vangnet.web.protocols.wire import Body, Malformed, NoRoom, Oversized, Wire

#: A path may follow a command; none is longer.
_COMMAND_BYTES = 8 * 1024
_COMMANDS = "PING VERSION VERSIONCOMMANDS INSTREAM IDSESSION END"
_BY_PATH = frozenset({"SCAN", "CONTSCAN", "MULTISCAN", "ALLMATCHSCAN", "RAWSCAN", "FILDES", "STREAM"})
_OVERLOADED = "stream: Vangnet is overloaded, try again later ERROR"


def words(answer: CheckAnswer, naming: DoorsNames) -> str:
    """What clamd would say about the file that was sent.

    A file that is held is an ERROR, not FOUND: clients delete or move what is FOUND, and on this nobody decided yet.
    """
    if answer.outcome is Outcome.UNAVAILABLE:
        return "stream: Vangnet cannot check now, try again later ERROR"
    match answer.decision:
        case Decision.ALLOW:
            return "stream: OK"
        case Decision.HOLD:
            return f"stream: {name_of(answer, naming)} ERROR"
        case Decision.BLOCK:
            return f"stream: {name_of(answer, naming)} FOUND"


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
            case "PING":
                self._answer("PONG")
            case "VERSION":
                self._answer(self._door.version())
            case "VERSIONCOMMANDS":
                self._answer(f"{self._door.version()}| COMMANDS: {_COMMANDS}")
            case "IDSESSION":
                # Number 1 is the first command after it.
                self._session, self._number = True, 0
            case "END":
                return False
            case _ if word in _BY_PATH:
                self._answer("Vangnet opens no files by their path, send them (INSTREAM; clamdscan --stream) ERROR")
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

    def _receive(self, body: Body) -> None:
        while left := int.from_bytes(self._wire.exactly(4), "big"):
            while left:
                piece = self._wire.some(left)
                left -= len(piece)
                body.add(piece)

    def _answer(self, text: str) -> None:
        number = f"{self._number}: " if self._session else ""
        self._wire.send(f"{number}{text}".encode() + self._end)
