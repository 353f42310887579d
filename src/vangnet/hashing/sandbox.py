"""Decoding of hostile files in processes that can do nothing else.

One process a file: a file that takes a decoder over owns a process without rights (`confinement`) that is about to end, and
the next party's upload is decoded elsewhere. Forks are cheap because they come from a small process made for it
(`zygote`), and a few are always forked ahead. Our own process decodes nothing.

A crash, a hang, a lie or a failed fork costs that one file its hash; everything else goes on.
"""

import contextlib
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from vangnet.hashing.confinement import Features, features
from vangnet.hashing.model import Convention, Decoded, Excerpt, Limits, MediaFormat, Pixels, Reason
from vangnet.hashing.wire import FORK, LENGTH, READY, Job, most_answer_bytes, unpack_answer, unpack_pixels

__all__ = ["Features", "Sandbox", "features"]

#: The zygote's start imports the decoders: a third of a second, more on a busy machine.
_START_SECONDS = 60.0
_FORK_SECONDS = 10.0
_DYING_SECONDS = 0.02
#: A zygote that was lost is replaced so often for one file.
_TRIES = 3

_Answer = TypeVar("_Answer", Decoded, Pixels)


class Sandbox:
    """Decodes files, `processes` at a time at most. Any number of threads may call it."""

    def __init__(self, *, limits: Limits | None = None, processes: int | None = None) -> None:
        self.limits = limits or Limits()
        self._processes = processes or os.cpu_count() or 1
        self._turns = threading.BoundedSemaphore(self._processes)
        self._lock = threading.Lock()
        self._zygote: _Zygote | None = None
        self._spare: deque[_Child] = deque()
        self._closed = False

    def __enter__(self) -> Self:
        """Starts the first processes, so that the first file needn't wait for them."""
        self._fork_ahead()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends all processes. A file that is being decoded meanwhile counts as crashed."""
        with self._lock:
            self._closed = True
            self._forget_zygote()

    def decode(
        self,
        data: bytes,
        media_format: MediaFormat,
        conventions: frozenset[Convention],
        *,
        cuts: bool = False,
        windows: bool = False,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> Decoded | Reason:
        """The frames of the file `data`, with their transforms in each of `conventions`; or why there are none.

        With `cuts`, the parts of each that are worth a look-up, too; with `windows`, those of the first by which crops of
        it are found once it is listed.

        `meanwhile` is called once, while the process works, or without one: time that would be spent waiting.
        """
        if len(data) > self.limits.bytes:
            meanwhile()
            return Reason.TOO_LARGE
        job = Job(
            length=len(data),
            format=media_format,
            conventions=conventions,
            pixels=self.limits.pixels,
            frames=self.limits.frames,
            seconds=self.limits.seconds,
            cuts=cuts,
            windows=windows,
        )
        return self._do(data, job, unpack_answer, _Once(meanwhile))

    def cut_out(self, data: bytes, media_format: MediaFormat, excerpt: Excerpt) -> Pixels | Reason:
        """So much of the first picture of the file `data` as is asked for; or why there is none."""
        if len(data) > self.limits.bytes:
            return Reason.TOO_LARGE
        job = Job(
            length=len(data),
            format=media_format,
            conventions=frozenset(),
            pixels=self.limits.pixels,
            frames=1,
            seconds=self.limits.seconds,
            excerpt=excerpt,
        )
        return self._do(data, job, unpack_pixels, _Once(lambda: None))

    def _do(
        self, data: bytes, job: Job, unpack: Callable[[bytes, Job], _Answer | Reason], meanwhile: "_Once"
    ) -> _Answer | Reason:
        with self._turns:
            answer = self._answer(data, job, unpack, meanwhile)
        # After the answer: a fork beside the decoder would slow it down where processors are busy.
        self._fork_ahead()
        return answer

    def _answer(
        self, data: bytes, job: Job, unpack: Callable[[bytes, Job], _Answer | Reason], meanwhile: Callable[[], None]
    ) -> _Answer | Reason:
        answer: _Answer | Reason = Reason.NOT_ISOLATED
        for _ in range(_TRIES):
            child = self._take()
            if child is None:
                break
            with child:
                started = child.start(data, job)
                meanwhile()
                answer = child.answer(job, unpack) if started else Reason.CRASHED
                # Children end with their zygote, which no file can reach: then it wasn't this file's doing.
                if answer is not Reason.CRASHED or child.zygote.outlives():
                    break
        meanwhile()
        return answer

    # --- processes ------------------------------------------------------------------------------------------------

    def _take(self) -> "_Child | None":
        """A child that is ready; None where none can be had."""
        for _ in range(_TRIES):
            with self._lock:
                if self._closed:
                    return None
                try:
                    child = self._spare.popleft() if self._spare else self._fork()
                except OSError:
                    self._forget_zygote()
                    continue
            if child.await_ready():
                return child
            child.close()
        return None

    def _fork_ahead(self) -> None:
        """Asks for the processes that the next files will need; they are made while nobody waits."""
        with self._lock:
            try:
                while not self._closed and len(self._spare) < self._processes:
                    self._spare.append(self._fork())
            except OSError:
                self._forget_zygote()

    def _fork(self) -> "_Child":
        """Asks the zygote for a child, starting a zygote where there is none. Raises OSError."""
        if self._zygote is None or not self._zygote.alive():
            self._forget_zygote()
            self._zygote = _Zygote(self.limits)
        return self._zygote.fork()

    def _forget_zygote(self) -> None:
        while self._spare:
            self._spare.pop().close()
        if self._zygote is not None:
            self._zygote.close()
            self._zygote = None


class _Once:
    """Calls what it was given, the first time it is called."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work: Callable[[], None] | None = work

    def __call__(self) -> None:
        work, self._work = self._work, None
        if work is not None:
            work()


class _Zygote:
    """Our end of the process that children are forked from."""

    def __init__(self, limits: Limits) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [
                sys.executable,
                "-I",
                "-m",
                "vangnet.hashing.zygote",
                str(theirs.fileno()),
                str(limits.memory_bytes),
                str(math.ceil(limits.seconds) + 1),
            ]
            self._process = subprocess.Popen(
                command,
                pass_fds=[theirs.fileno()],
                # No secret of ours is in its environment. Fresh memory is what a new process pays most for: glibc takes it
                # in large pages if told so.
                env={"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1", "LC_ALL": "C.UTF-8"},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        self._control.settimeout(_START_SECONDS)
        try:
            if self._control.recv(1) != READY:
                raise ConnectionError("the decoding process did not start")
        except OSError:
            self.close()
            raise
        self._control.settimeout(_FORK_SECONDS)

    def alive(self) -> bool:
        return self._process.poll() is None

    def outlives(self) -> bool:
        """Whether it is still there after the moment that a dying process takes to be gone."""
        try:
            self._process.wait(_DYING_SECONDS)
        except subprocess.TimeoutExpired:
            return True
        return False

    def fork(self) -> "_Child":
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            file = os.memfd_create("file", os.MFD_CLOEXEC)
            try:
                socket.send_fds(self._control, [FORK], [theirs.fileno(), file])
            except OSError:
                ours.close()
                os.close(file)
                raise
        return _Child(self, ours, file)

    def close(self) -> None:
        self._control.close()
        self._process.kill()
        self._process.wait()


class _Child:
    """Our end of a decoding process, for one file."""

    def __init__(self, zygote: _Zygote, channel: socket.socket, file: int) -> None:
        self.zygote = zygote
        self._channel = channel
        self._file = file
        self._handle: int | None = None
        self._deadline = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the process, whatever it is doing."""
        if self._handle is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
            os.close(self._handle)
            self._handle = None
        os.close(self._file)
        self._channel.close()

    def await_ready(self) -> bool:
        """Whether the process came to be. Then we hold the means to end it."""
        self._channel.settimeout(_FORK_SECONDS)
        try:
            message, descriptors, _, _ = socket.recv_fds(self._channel, 1, 1)
        except OSError:
            return False
        if descriptors:
            self._handle = descriptors[0]
        return message == READY

    def start(self, data: bytes, job: Job) -> bool:
        """Gives the process its file; false where it is gone."""
        self._deadline = time.monotonic() + job.seconds
        try:
            _write(self._file, data)
            self._channel.sendall(job.pack())
        except OSError:
            return False
        return True

    def answer(self, job: Job, unpack: Callable[[bytes, Job], _Answer | Reason]) -> _Answer | Reason:
        """Waits for the answer, as long as the job may take."""
        try:
            return unpack(self._receive(most_answer_bytes(job)), job)
        except TimeoutError:
            return Reason.TIMED_OUT
        except (OSError, ValueError):
            # It ended without an answer, or answered what no honest one would.
            return Reason.CRASHED

    def _receive(self, most: int) -> bytes:
        (length,) = LENGTH.unpack(self._receive_exactly(LENGTH.size))
        if length > most:
            raise ValueError(f"an answer must have at most {most} bytes, not {length}")
        return self._receive_exactly(length)

    def _receive_exactly(self, length: int) -> bytes:
        data = bytearray()
        while len(data) < length:
            self._channel.settimeout(max(self._deadline - time.monotonic(), 0.001))
            piece = self._channel.recv(length - len(data))
            if not piece:
                raise ConnectionError("the process ended without an answer")
            data += piece
        return bytes(data)


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
