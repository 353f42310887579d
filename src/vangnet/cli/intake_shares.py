"""One delivery, taken in by several processes side by side: each reads a share of it and takes that in.

A share whose process dies ends the command; given again, it goes on where it was left, because what was taken in is known.
A process ends when the command does, however that ends.
"""

import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from typing import Any

from vangnet.cli.installation import Installation, now
from vangnet.errors import IntakeStopped
from vangnet.hashing.model import Limits
from vangnet.hashing.sandbox import Sandbox
from vangnet.jobs.reports import taker_with
from vangnet.registry.service.live import LiveIndex
from vangnet.reports.formats import bundle
from vangnet.reports.formats.bundle import Bundled
from vangnet.reports.formats.reading import Unreadable, UnreadableReason
from vangnet.reports.formats.shares import Share
from vangnet.reports.service.intake import deliveries
from vangnet.reports.service.intake.taking import Taken, Taker

#: Ten million listed hashes take seconds; a report that comes before they are loaded is compared by a job.
_LOAD_S = 120.0
#: A process tells so often how far it is.
_TELL_S = 0.25
_PIECE_BYTES = 64 * 1024
#: A report is some ten thousand objects, which go with it: to look for circles among them more often finds none.
_OBJECTS = 20_000

#: How many more reports were taken in.
Tell = Callable[[int], None]


@contextmanager
def opened_taker(opened: Installation, *, processes: int | None = None) -> Iterator[Taker]:
    """What takes reports in, in this process, with the lists in memory."""
    settings = opened.settings
    with ExitStack() as stack:
        live = stack.enter_context(LiveIndex(opened.database, opened.keys, settings.data_dir / "registry-index"))
        sandbox = stack.enter_context(Sandbox(limits=Limits(**settings.media_limits), processes=processes))
        live.wait_until_loaded(_LOAD_S)
        yield taker_with(opened.database, opened.keys, settings, sandbox=sandbox, live=live, clock=now)


def take_bundle(opened: Installation, path: Path, delivery_id: int, *, jobs: int, tell: Tell) -> Taken:
    """Takes in what lies at a path, by so many processes. Raises InvalidInput, IntakeStopped."""
    if jobs == 1:
        return take_share(opened, path, delivery_id, Share(), tell)
    processes: dict[int, subprocess.Popen[bytes]] = {}
    try:
        for number in range(jobs):
            line, process = _start(path, delivery_id, Share(number=number, of=jobs))
            processes[line] = process
        taken = _gathered(processes, tell)
    except BaseException:
        for process in processes.values():
            process.terminate()
        raise
    finally:
        for line, process in processes.items():
            os.close(line)
            process.wait()
    return taken


def _start(path: Path, delivery_id: int, share: Share) -> tuple[int, subprocess.Popen[bytes]]:
    ours, theirs = os.pipe()
    try:
        told = [f"--share={share.number}/{share.of}", f"--delivery={delivery_id}", f"--line={theirs}"]
        command = [sys.executable, "-m", "vangnet", "intake", "bundle", os.fspath(path.absolute()), *told]
        # A session of its own: Ctrl-C is for the command, which ends its processes.
        return ours, subprocess.Popen(command, pass_fds=[theirs], stdin=subprocess.DEVNULL, start_new_session=True)
    finally:
        os.close(theirs)


def _gathered(lines: Iterable[int], tell: Tell) -> Taken:
    reports, bad = 0, []
    with DefaultSelector() as selector:
        for line in lines:
            selector.register(line, EVENT_READ, bytearray())
        while selector.get_map():
            for key, _ in selector.select():
                for said in _said(key.fd, key.data):
                    match said:
                        case {"more": more}:
                            reports += more
                            tell(more)
                        case {"reason": reason, "where": where, "problem": problem}:
                            bad.append(Unreadable(reason=UnreadableReason(reason), where=where, problem=problem))
                        case _:
                            selector.unregister(key.fd)
    return Taken(reports=reports, bad=tuple(bad))


def _said(line: int, before: bytearray) -> list[dict[str, Any]]:
    """The whole lines that a process wrote by now. Raises IntakeStopped where it ended without its last one."""
    piece = os.read(line, _PIECE_BYTES)
    if not piece:
        raise IntakeStopped(problem="one of its processes ended")
    *whole, rest = bytes(before + piece).split(b"\n")
    before[:] = rest
    return [json.loads(one) for one in whole]


# --- in a process of its own ---


def run_share(opened: Installation, path: Path, delivery_id: int, share: Share, line: int) -> None:
    """Takes one share in, and tells the command that started this process what came of it."""
    with os.fdopen(line, "w", encoding="utf-8", buffering=1) as out:

        def tell(**said: object) -> None:
            try:
                out.write(json.dumps(said) + "\n")
            except OSError as error:
                # Nobody is at the other end: there is nobody to work for.
                raise IntakeStopped(problem="the command that asked for it ended") from error

        taken = take_share(opened, path, delivery_id, share, lambda more: tell(more=more))
        for one in taken.bad:
            tell(reason=one.reason, where=one.where, problem=one.problem)
        tell(done=True)


def take_share(opened: Installation, path: Path, delivery_id: int, share: Share, tell: Tell) -> Taken:
    """Takes in a share of what lies at a path, in this process. Raises InvalidInput."""
    with opened.transaction() as conn:
        delivery = deliveries.get(conn, opened.actor, delivery_id=delivery_id)
        origin = deliveries.origin_of(conn, delivery)
    gc.set_threshold(_OBJECTS)
    told_at, more = time.monotonic(), 0

    def note(one: Bundled | Unreadable) -> None:
        nonlocal told_at, more
        more += isinstance(one, Bundled)
        if time.monotonic() - told_at > _TELL_S:
            tell(more)
            told_at, more = time.monotonic(), 0

    with opened_taker(opened, processes=1) as taker:
        taken = taker.take(opened.actor, delivery, bundle.read(path, now=now(), share=share), origin, note)
    tell(more)
    return taken
