# ruff: noqa: ARG002 (the gate's own shape)
"""Front doors that run for tests, and what stands behind them: a small gate of digests, real in all it does."""

import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from running.states import PATIENCE_S
from vangnet.gate.model import CheckAnswer, CheckMatch, Decision, Door, Outcome
from vangnet.hashing.kinds import HEAD_BYTES, recognise
from vangnet.hashing.model import Digests, Reason
from vangnet.web.protocols.server import DoorServer, Opens, listen
from vangnet.web.protocols.wire import DoorLimits

#: What nobody may learn from an answer unless it was asked for.
LIST_NAME = "Kanarie list, police"
ENTRY_ID = 4711


@dataclass
class DigestGate:
    """Answers by digests, and by what the first bytes say a file is."""

    #: The decision about each listed file, by its SHA-256.
    listed: dict[bytes, Decision] = field(default_factory=dict)
    #: What the policy says about files that cannot be hashed; where it says nothing they pass.
    policy: dict[Reason, Decision] = field(default_factory=dict)
    #: Says `unavailable` with this decision, whatever is asked.
    out_of_order: Decision | None = None
    #: Raises what no gate should.
    broken: bool = False
    #: A check waits until it is set.
    turn: threading.Event = field(default_factory=threading.Event)
    asked: list[tuple[Door, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.turn.set()

    def list_file(self, data: bytes, decision: Decision = Decision.BLOCK) -> None:
        """From now on `data` is listed."""
        self.listed[Digests.of(data).sha256] = decision

    def check(
        self, data: bytes, *, door: Door, provider_key: str | None, object_id: str | None, now: datetime
    ) -> CheckAnswer:
        """The answer for a whole file."""
        self.asked.append((door, len(data)))
        if not self.turn.wait(PATIENCE_S):
            raise AssertionError("nobody let the check go on")
        if self.broken:
            raise RuntimeError("kanarievogel")
        kind = recognise(data[:HEAD_BYTES])
        return self._answer(Digests.of(data), kind if isinstance(kind, Reason) else None)

    def check_unread(
        self,
        reason: Reason,
        *,
        digests: Digests | None,
        door: Door,
        provider_key: str | None,
        object_id: str | None,
        now: datetime,
    ) -> CheckAnswer:
        """The answer for a file that the door could not hand over whole."""
        return self._answer(digests, reason)

    def unavailable_answer(self) -> CheckAnswer:
        """What is said about a file that nobody looked at."""
        return CheckAnswer(check_id=uuid.uuid4(), outcome=Outcome.UNAVAILABLE, decision=self.out_of_order or Decision.HOLD)

    def unavailable(self, *, door: Door, provider_key: str | None, now: datetime) -> CheckAnswer:
        """The answer for a file that was turned away unread."""
        return self.unavailable_answer()

    def _answer(self, digests: Digests | None, reason: Reason | None) -> CheckAnswer:
        if self.out_of_order is not None:
            return self.unavailable_answer()
        decision = None if digests is None else self.listed.get(digests.sha256)
        if decision is not None:
            match = CheckMatch(
                list_id=uuid.uuid4(),
                list_name=LIST_NAME,
                entry_id=ENTRY_ID,
                classification="baseline",
                algorithm="sha256",
                distance=0,
                view="original",
                shadow=decision is Decision.ALLOW,
            )
            return CheckAnswer(check_id=uuid.uuid4(), outcome=Outcome.MATCH, decision=decision, matches=(match,))
        if reason is not None:
            decided = self.policy.get(reason, Decision.ALLOW)
            return CheckAnswer(check_id=uuid.uuid4(), outcome=Outcome.UNHASHABLE, decision=decided, reason=reason)
        return CheckAnswer(check_id=uuid.uuid4(), outcome=Outcome.NO_MATCH, decision=Decision.ALLOW)


@contextmanager
def open_door(opens: Opens, limits: DoorLimits, *, at: str = "127.0.0.1:0", grace_s: float = 5) -> Iterator[DoorServer]:
    """A door that listens, by default on a free port."""
    with DoorServer(listen(at, setting="VANGNET_TEST_LISTEN"), opens, limits, grace_s=grace_s) as server:
        yield server


def connect(address: str, *, timeout_s: float = PATIENCE_S) -> socket.socket:
    """A connection to a door."""
    if address.startswith("/"):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout_s)
        connection.connect(address)
        return connection
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=timeout_s)


def converse(address: str, *pieces: bytes, timeout_s: float = PATIENCE_S) -> bytes:
    """Sends `pieces`, one packet each, and returns all that the door answers until it ends the connection."""
    with connect(address, timeout_s=timeout_s) as connection:
        for piece in pieces:
            connection.sendall(piece)
        return rest(connection)


def rest(connection: socket.socket) -> bytes:
    """What still comes, until the door ends the connection."""
    answer = bytearray()
    while piece := connection.recv(65536):
        answer += piece
    return bytes(answer)
