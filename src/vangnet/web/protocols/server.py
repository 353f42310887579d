"""Front doors that are no HTTP: a thread a connection, a bounded number of them, and an early no for those beyond it.

Broad `except` of the front doors is here and nowhere else: a fault in one conversation is logged with an incident id, the
client is told that id in its own protocol's error, and all other conversations go on.
"""

import contextlib
import errno
import selectors
import socket
import stat
import threading
import time
import uuid
from datetime import UTC, date, datetime
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Protocol, Self

import structlog

from vangnet.errors import InvalidSettings, PortTaken
from vangnet.gate.model import CheckAnswer, Door
from vangnet.hashing.model import Digests, Reason
from vangnet.web.protocols.wire import Body, DoorLimits, Ended, Late, Room, Wire

_REFUSERS = 16
_REFUSAL_S = 1.0
_BACKLOG = 256
#: What the thread of a connection is called.
THREAD_NAME = "door-connection"


class Examiner(Protocol):
    """What a door asks: the gate. It is never told by an exception that something is wrong with a file."""

    def check(
        self, data: bytes, *, door: Door, provider_key: str | None, object_id: str | None, now: datetime
    ) -> CheckAnswer:
        """The answer for a whole file."""
        ...

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
        ...

    def unavailable(self, *, door: Door, provider_key: str | None, now: datetime) -> CheckAnswer:
        """The answer for a file that was turned away unread."""
        ...


class Inspector:
    """The gate as one door sees it: it belongs to one provider, and reads the clock once a file."""

    def __init__(
        self,
        examiner: Examiner,
        door: Door,
        limits: DoorLimits,
        *,
        room: Room | None = None,
        until: date | None = None,
    ) -> None:
        self._examiner = examiner
        self._door = door
        self._room = Room(limits.memory_bytes) if room is None else room
        #: The last day of the legal basis, where the door needs one.
        self._until = until
        self.limits = limits

    def receive(self) -> Body:
        """Room for a file that arrives."""
        return Body(self._room, self.limits)

    def check_body(self, body: Body) -> CheckAnswer:
        """The answer for a file that arrived whole."""
        data = body.data()
        if data is None:
            return self.check_unread(Reason.TOO_LARGE, body.digests())
        return self.check(data)

    def check(self, data: bytes) -> CheckAnswer:
        """The answer for a file."""
        now = datetime.now(UTC)
        if self._ended(now):
            return self._examiner.unavailable(door=self._door, provider_key=None, now=now)
        return self._examiner.check(data, door=self._door, provider_key=None, object_id=None, now=now)

    def check_unread(self, reason: Reason, digests: Digests | None) -> CheckAnswer:
        """The answer for a file that could not be read as what it is."""
        now = datetime.now(UTC)
        if self._ended(now):
            return self._examiner.unavailable(door=self._door, provider_key=None, now=now)
        return self._examiner.check_unread(
            reason, digests=digests, door=self._door, provider_key=None, object_id=None, now=now
        )

    def _ended(self, now: datetime) -> bool:
        return self._until is not None and now.date() > self._until


class Conversation(Protocol):
    """What is said on one connection."""

    #: What a connection is called in the log.
    name: ClassVar[str]

    def run(self) -> None:
        """Serves requests until there are no more. Raises Ended."""
        ...

    def refuse(self) -> None:
        """Tells a client that came when all places were taken that it should come back later. Raises Ended."""
        ...

    def lose_patience(self) -> None:
        """Tells a client that its request came too slowly. Raises Ended."""
        ...

    def apologise(self, incident: str) -> None:
        """Tells a client that its request was not answered, in a way that it never takes for "clean". Raises Ended."""
        ...


class Opens(Protocol):
    """Makes the conversation of a connection."""

    def __call__(self, wire: Wire) -> Conversation: ...


def listen(address: str, *, setting: str) -> socket.socket:
    """A listening socket at `host:port`, or at a path for a UNIX socket.

    A socket that a killed process left at the path is replaced; anything else there is left alone.
    Raises InvalidSettings, PortTaken.
    """
    return _listen_at_path(Path(address), setting) if address.startswith("/") else _listen_at_port(address, setting)


def _listen_at_port(address: str, setting: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, int(port)))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(host=host, port=int(port), setting=setting) from error
        raise InvalidSettings(problems=f"{setting}: cannot listen there ({error.strerror or error})") from error
    return listener


def _listen_at_path(path: Path, setting: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_dead_socket(path, setting)
        listener.bind(str(path))
        path.chmod(0o660)  # Whoever may upload through it is in our group; others have no business here.
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise InvalidSettings(problems=f"{setting}: cannot listen there ({error.strerror or error})") from error
    except InvalidSettings:
        listener.close()
        raise
    return listener


def _remove_dead_socket(path: Path, setting: str) -> None:
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        raise InvalidSettings(problems=f"{setting}: there is something else at that path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
        else:
            raise InvalidSettings(problems=f"{setting}: another program listens there")


def _written(listener: socket.socket) -> str:
    name = listener.getsockname()
    match listener.family:
        case socket.AF_UNIX:
            return str(name)
        case socket.AF_INET6:
            return f"[{name[0]}]:{name[1]}"
        case _:
            return f"{name[0]}:{name[1]}"


class DoorServer:
    """A listening door. A context manager; leaving it lets requests under way finish."""

    def __init__(self, listener: socket.socket, opens: Opens, limits: DoorLimits, *, grace_s: float = 10.0) -> None:
        self._listener = listener
        #: Where it listens, as the setting would name it.
        self.address = _written(listener)
        self._opens = opens
        self._limits = limits
        self._grace_s = grace_s
        self._places = threading.BoundedSemaphore(limits.connections)
        self._refusers = threading.BoundedSemaphore(_REFUSERS)
        self._lock = threading.Lock()
        self._wires: dict[Wire, threading.Thread] = {}
        self._waker, self._wakes = socket.socketpair()
        self._stopping = threading.Event()
        self._accepting = threading.Thread(target=self._accept_all, name="door", daemon=True)

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Takes no further connection, lets requests under way finish for a while, then cuts them. Once is enough."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._waker.send(b"x")
        self._accepting.join()
        self._listener.close()
        if self._listener.family == socket.AF_UNIX:
            with contextlib.suppress(OSError):
                Path(self.address).unlink()
        ends = time.monotonic() + self._grace_s
        for wire, _ in self._open():
            wire.close_soon()
        for _, thread in self._open():
            thread.join(max(ends - time.monotonic(), 0))
        for wire, thread in self._open():
            wire.cut()
            thread.join(1)
        self._waker.close()
        self._wakes.close()

    def _open(self) -> list[tuple[Wire, threading.Thread]]:
        with self._lock:
            return list(self._wires.items())

    def _accept_all(self) -> None:
        self._listener.setblocking(False)
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wakes, selectors.EVENT_READ)
            while not self._stopping.is_set():
                selector.select()
                try:
                    connection, _ = self._listener.accept()
                except (BlockingIOError, ConnectionAbortedError):
                    continue
                except OSError as error:
                    # Out of file descriptors, mostly: those who wait in the queue may get in when others have left.
                    structlog.get_logger().warning("a door cannot take connections", exc_info=error)
                    self._stopping.wait(0.2)
                    continue
                self._welcome(connection)

    def _welcome(self, connection: socket.socket) -> None:
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._places.acquire(blocking=False):
            wire = Wire(connection, self._limits)
            thread = threading.Thread(target=self._serve, args=(connection, wire), name=THREAD_NAME, daemon=True)
            with self._lock:
                self._wires[wire] = thread
            thread.start()
        elif self._refusers.acquire(blocking=False):
            threading.Thread(target=self._refuse, args=(connection,), name="door-refusal", daemon=True).start()
        else:
            connection.close()

    def _serve(self, connection: socket.socket, wire: Wire) -> None:
        conversation = self._opens(wire)
        try:
            conversation.run()
            wire.part()
        except Late:
            structlog.get_logger().info("a client of a door was too slow", door=conversation.name)
            with contextlib.suppress(Ended):
                conversation.lose_patience()
                wire.part()
        except Ended:
            pass
        except Exception as error:  # noqa: BLE001 (the last stop of a connection)
            incident = uuid.uuid4().hex[:12]
            structlog.get_logger().error("a door failed", door=conversation.name, incident=incident, exc_info=error)
            with contextlib.suppress(Ended):
                conversation.apologise(incident)
                wire.part()
        finally:
            wire.drop_passed()
            connection.close()
            with self._lock:
                del self._wires[wire]
            self._places.release()

    def _refuse(self, connection: socket.socket) -> None:
        wire = Wire(connection, DoorLimits(idle_s=_REFUSAL_S, request_s=_REFUSAL_S))
        try:
            with contextlib.suppress(Ended):
                self._opens(wire).refuse()
                wire.part()
        finally:
            wire.drop_passed()
            connection.close()
            self._refusers.release()
