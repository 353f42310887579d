"""The process that decoding processes are forked from: `python -m vangnet.hashing.zygote FD MEMORY_BYTES CPU_SECONDS`.

It has one thread, no secret and no open file; it loads the decoders once and never sees a byte of anybody's file. On each
request it forks a child, which confines itself, waits for its one job, answers and ends: no two files ever share a process.

A request is one byte with two descriptors: the child's channel, and the memory its file will be written to.
"""

import contextlib
import ctypes
import gc
import os
import signal
import socket
import sys

from vangnet.hashing import media
from vangnet.hashing.confinement import Confinement, drop_user
from vangnet.hashing.wire import JOB_BYTES, LENGTH, READY, Job, pack_answer, pack_pixels

#: Where a child has its channel and its file; every other descriptor is closed.
_CHANNEL_FD = 10
_FILE_FD = 11


def main() -> None:
    """Serves requests until the other side is gone."""
    control = socket.socket(fileno=int(sys.argv[1]))
    media.prepare()
    confinement = Confinement(answer_fd=_CHANNEL_FD, memory_bytes=int(sys.argv[2]), cpu_seconds=int(sys.argv[3]))
    drop_user()
    # Children are never waited for: the kernel takes them away.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What lives now lives for ever: a child's collector must not touch, and so copy, the pages it shares with us.
    gc.collect()
    gc.freeze()
    gc.disable()
    # Free memory goes back to the kernel: a child would copy its pages one by one instead of getting large fresh ones.
    with contextlib.suppress(AttributeError):  # Only glibc has it.
        ctypes.CDLL(None).malloc_trim(0)
    control.sendall(READY)
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1, 2)
        if not message:
            return
        _serve(control, confinement, *descriptors)


def _serve(control: socket.socket, confinement: Confinement, channel: int, file: int) -> None:
    try:
        child = os.fork()
    except OSError:
        child = -1  # The other side finds the channel closed.
    if child == 0:
        _child(control, confinement, channel, file)
    if child > 0:
        try:
            handle = os.pidfd_open(child)
        except OSError:
            pass  # It is gone already.
        else:
            # Through the child's own channel, before the child has been given anything to read.
            # Whoever asked may be gone by now, as when a command ends: then nobody needs the child, and it ends too.
            with contextlib.suppress(BrokenPipeError), socket.socket(fileno=os.dup(channel)) as messenger:
                socket.send_fds(messenger, [READY], [handle])
            os.close(handle)
    os.close(channel)
    os.close(file)


def _child(control: socket.socket, confinement: Confinement, channel: int, file: int) -> None:
    """Never returns."""
    try:
        control.detach()
        os.dup2(channel, _CHANNEL_FD)
        os.dup2(file, _FILE_FD)
        keep = sorted({_CHANNEL_FD, _FILE_FD, *confinement.keep_open()})
        for low, high in zip([-1, *keep], [*keep, 256], strict=True):
            os.closerange(low + 1, high)
        confinement.enter()
        media.warm_up()
        job = Job.unpack(_read(_CHANNEL_FD, JOB_BYTES))
        data = _read(_FILE_FD, job.length)
        if job.excerpt is None:
            answer = pack_answer(media.hash_frames(data, job))
        else:
            answer = pack_pixels(media.cut_out(data, job, job.excerpt))
        answer = LENGTH.pack(len(answer)) + answer
        while answer:
            answer = answer[os.write(_CHANNEL_FD, answer) :]
    finally:
        # Whatever happened: no clean-up, no traceback, no hook runs in a process that hostile bytes may own.
        os._exit(0)


def _read(descriptor: int, length: int) -> bytes:
    data = os.read(descriptor, length)
    while len(data) < length:
        more = os.read(descriptor, length - len(data))
        if not more:
            raise EOFError
        data += more
    return data


if __name__ == "__main__":
    main()
