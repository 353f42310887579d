"""One connection of a front door: bytes in and out, and no patience for those who send too slowly or too much.

Every read has an end: a silence, a whole request and its average pace are all limited, so that somebody who sends a byte
now and then holds a thread for a bounded time only. Nothing is reserved for a length that was merely announced.
"""

import contextlib
import os
import socket
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from vangnet import _core
from vangnet.hashing.model import Digests

_PIECE_BYTES = 256 * 1024
#: Open files that wait to be asked for; a client sends one, with one byte, behind each command for it.
_PASSED_MAX = 16
#: The pace is judged only after this long: a short request may well come in one late packet.
_PACE_AFTER_S = 20.0


class Ended(Exception):
    """The connection is of no more use. Not a fault of ours; nobody is left to answer."""


class Late(Ended):
    """The other side sends nothing, or too slowly."""


class Malformed(Exception):
    """What was sent is not the protocol. `problem` quotes nothing of it."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class NoRoom(Exception):
    """All files that are being received at this moment fill the memory set aside for them."""


class Oversized(Exception):
    """More than any file may have, digests or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorLimits:
    """How much one door takes. Every field is a setting of the installation, or follows from one."""

    #: Connections served side by side; whoever comes after them is refused at once.
    connections: int = 128
    #: The longest silence, within a request and between two.
    idle_s: float = 30.0
    #: The longest request.
    request_s: float = 600.0
    #: The least average pace of a request.
    least_bytes_s: int = 1024
    #: A file is kept in memory up to this size; of a larger one only its digests are made.
    keep_bytes: int = 100 * 1024 * 1024
    #: Nothing is received beyond this size.
    most_bytes: int = 4 * 1024 * 1024 * 1024
    #: What all files that are being received may take together.
    memory_bytes: int = 1024 * 1024 * 1024


class Room:
    """The memory that the files being received share. Thread-safe."""

    def __init__(self, total_bytes: int) -> None:
        self._left = total_bytes
        self._lock = threading.Lock()

    def take(self, count: int) -> None:
        """Raises NoRoom where `count` bytes are not left."""
        with self._lock:
            if count > self._left:
                raise NoRoom
            self._left -= count

    def give(self, count: int) -> None:
        """Gives back what was taken."""
        with self._lock:
            self._left += count


class Body:
    """A file as it arrives: kept while it is small enough, else only digested. Leaving it gives its room back."""

    def __init__(self, room: Room, limits: DoorLimits) -> None:
        self._room = room
        self._limits = limits
        self._pieces: list[bytes] = []
        self._kept = 0
        self._digester: _core.Digester | None = None
        self.length = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._drop()

    def add(self, piece: bytes) -> None:
        """The next piece. Raises NoRoom, Oversized."""
        self.length += len(piece)
        if self.length > self._limits.most_bytes:
            raise Oversized
        if self._digester is None and self.length <= self._limits.keep_bytes:
            self._room.take(len(piece))
            self._kept += len(piece)
            self._pieces.append(piece)
            return
        if self._digester is None:
            self._digester = _core.Digester()
            for kept in self._pieces:
                self._digester.update(kept)
            self._drop()
        self._digester.update(piece)

    def data(self) -> bytes | None:
        """The whole file, or None where it was too large to be kept."""
        if self._digester is not None:
            return None
        if len(self._pieces) > 1:
            self._pieces = [b"".join(self._pieces)]
        return self._pieces[0] if self._pieces else b""

    def digests(self) -> Digests:
        """The digests of a file that was not kept; asked for once, at its end."""
        if self._digester is None:
            return Digests.of(self.data() or b"")
        md5, sha1, sha256 = self._digester.finish()
        return Digests(md5=md5, sha1=sha1, sha256=sha256)

    def _drop(self) -> None:
        self._pieces.clear()
        self._room.give(self._kept)
        self._kept = 0


class Wire:
    """A connection, read in the units of a protocol."""

    def __init__(self, connection: socket.socket, limits: DoorLimits) -> None:
        self._socket = connection
        self._limits = limits
        self._buffer = bytearray()
        self._began = time.monotonic()
        self._received = 0
        self._closing = threading.Event()
        #: Whether open files can come with the bytes: only where both sides are on this machine.
        self.is_local = connection.family == socket.AF_UNIX
        self._passed: list[int] = []
        #: Whether it waits for a request, so that closing it breaks off nothing.
        self.idle = False

    @property
    def closing(self) -> bool:
        """Whether the door closes: the present request is the last one."""
        return self._closing.is_set()

    def wait(self) -> bool:
        """Waits for the next request; False where none comes any more."""
        if self._closing.is_set():
            return False
        self._began = time.monotonic()
        self._received = len(self._buffer)
        if self._buffer:
            return True
        self.idle = True
        try:
            # Asked again now that `close_soon` would see that this waits.
            if self._closing.is_set():
                return False
            self._fill(_PIECE_BYTES)
        except Ended:
            return False
        finally:
            self.idle = False
        self._began = time.monotonic()
        return True

    def exactly(self, count: int) -> bytes:
        """The next `count` bytes. Raises Ended, Late."""
        while len(self._buffer) < count:
            self._fill(_PIECE_BYTES)
        return self._take(count)

    def some(self, most: int) -> bytes:
        """What is there, at least one byte and at most `most`. Raises Ended, Late."""
        if not self._buffer:
            self._fill(min(most, _PIECE_BYTES))
        return self._take(min(most, len(self._buffer)))

    def passed(self) -> int | None:
        """The open file that came with what was read so far, for the caller to close; None where none did."""
        return self._passed.pop(0) if self._passed else None

    def until(self, end: bytes, *, most: int) -> bytes:
        """What comes before the next `end`, which is read too. Raises Malformed beyond `most` bytes, Ended, Late."""
        searched = 0
        while (at := self._buffer.find(end, searched)) < 0:
            if len(self._buffer) > most:
                raise Malformed(f"a line or header is longer than {most} bytes")
            searched = max(len(self._buffer) - len(end) + 1, 0)
            self._fill(_PIECE_BYTES)
        if at > most:
            raise Malformed(f"a line or header is longer than {most} bytes")
        line = self._take(at)
        self._take(len(end))
        return line

    def send(self, *pieces: bytes) -> None:
        """Sends all of it. Raises Ended, Late."""
        try:
            self._socket.settimeout(self._limits.request_s)
            for piece in pieces:
                self._socket.sendall(piece)
        except TimeoutError as error:
            raise Late from error
        except OSError as error:
            raise Ended from error

    def close_soon(self) -> None:
        """From another thread: no further request is waited for."""
        self._closing.set()
        if self.idle:
            self.cut()

    def cut(self) -> None:
        """From any thread: ends whatever is under way."""
        self._closing.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def drop_passed(self) -> None:
        """Closes the open files that came and were not asked for."""
        while (descriptor := self.passed()) is not None:
            os.close(descriptor)

    def part(self, *, within_s: float = 1.0) -> None:
        """Ends the connection so that the last answer arrives.

        A socket that is closed with unread bytes resets the connection, and the answer may be lost with it; so what is
        still being sent is read away for a short while.
        """
        ends = time.monotonic() + within_s
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
            while (left := ends - time.monotonic()) > 0:
                self._socket.settimeout(left)
                if not self._socket.recv(_PIECE_BYTES):
                    break

    def _receive(self, most: int) -> bytes:
        if not self.is_local:
            return self._socket.recv(most)
        # Whatever comes must be taken up here: the system drops open files that are not asked for with their byte.
        piece, descriptors, _, _ = socket.recv_fds(self._socket, most, _PASSED_MAX, socket.MSG_CMSG_CLOEXEC)
        for descriptor in descriptors:
            if len(self._passed) < _PASSED_MAX:
                self._passed.append(descriptor)
            else:
                os.close(descriptor)
        return piece

    def _take(self, count: int) -> bytes:
        if count == len(self._buffer):
            taken = bytes(self._buffer)
            self._buffer.clear()
        else:
            taken = bytes(self._buffer[:count])
            del self._buffer[:count]
        return taken

    def _fill(self, most: int) -> None:
        spent = time.monotonic() - self._began
        left = self._limits.idle_s if self.idle else min(self._limits.idle_s, self._limits.request_s - spent)
        too_slow = not self.idle and spent > _PACE_AFTER_S and self._received < spent * self._limits.least_bytes_s
        if left <= 0 or too_slow:
            raise Late
        try:
            self._socket.settimeout(left)
            piece = self._receive(most)
        except TimeoutError as error:
            raise Late from error
        except OSError as error:
            raise Ended from error
        if not piece:
            raise Ended
        self._received += len(piece)
        self._buffer += piece
