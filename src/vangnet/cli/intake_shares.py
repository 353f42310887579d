"""One delivery, taken in by several processes side by side: each reads a share of it and takes that in.

A share whose process dies ends the command; given again, it goes on where it was left, because what was taken in is known.
The processes end when the command does, however it ends.
"""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection as Line
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from vangnet.cli.installation import Installation, now, open_installation
from vangnet.errors import AppError, InstallationStopped
from vangnet.hashing.model import Limits
from vangnet.hashing.sandbox import Sandbox
from vangnet.jobs.reports import taker_with
from vangnet.registry.service.live import LiveIndex
from vangnet.reports.formats import bundle
from vangnet.reports.formats.bundle import Bundled
from vangnet.reports.formats.reading import Unreadable
from vangnet.reports.formats.shares import Share
from vangnet.reports.service import deliveries
from vangnet.reports.service.taking import Taken, Taker

#: Ten million listed hashes take seconds; a report that comes before they are loaded is compared by a job.
_LOAD_S = 120.0
#: A process tells so often how far it is.
_TELL_S = 0.25

#: How many more reports were taken in.
Tell = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class _Failed:
    """Why a process could not go on."""

    problem: str


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
    """Takes in what lies at a path, by so many processes. Raises InvalidInput, InstallationStopped."""
    if jobs == 1:
        return _take(opened, path, delivery_id, Share(), tell)
    context = multiprocessing.get_context("spawn")
    lines: dict[Line, BaseProcess] = {}
    try:
        for number in range(jobs):
            ours, theirs = context.Pipe(duplex=False)
            share = Share(number=number, of=jobs)
            process = context.Process(target=_run, args=(theirs, path, delivery_id, share), name=f"intake-{number}")
            process.start()
            theirs.close()
            lines[ours] = process
        return _gathered(lines, tell)
    finally:
        for line, process in lines.items():
            line.close()
            process.terminate()
            process.join()


def _gathered(lines: dict[Line, BaseProcess], tell: Tell) -> Taken:
    reports, bad = 0, []
    waiting = set(lines)
    while waiting:
        for line in wait(list(waiting)):
            assert isinstance(line, Line)  # noqa: S101 (of these)
            try:
                said = line.recv()
            except EOFError:
                raise InstallationStopped(name="a process of the intake") from None
            match said:
                case int():
                    tell(said)
                case Taken():
                    reports += said.reports
                    bad += said.bad
                    waiting.discard(line)
                case _Failed():
                    raise InstallationStopped(name=f"a process of the intake ({said.problem})")
    return Taken(reports=reports, bad=tuple(bad))


# --- in a process of its own ---


def _run(line: Line, path: Path, delivery_id: int, share: Share) -> None:
    # Ctrl-C is for the command, which ends us; and without anybody at the other end there is nobody to work for.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with open_installation() as opened:
            line.send(_take(opened, path, delivery_id, share, lambda more: _tell(line, more)))
    except AppError as error:
        line.send(_Failed(str(error)))


def _tell(line: Line, more: int) -> None:
    try:
        line.send(more)
    except OSError:
        os._exit(1)


def _take(opened: Installation, path: Path, delivery_id: int, share: Share, tell: Tell) -> Taken:
    with opened.transaction() as conn:
        delivery = deliveries.get(conn, opened.actor, delivery_id=delivery_id)
        origin = deliveries.origin_of(conn, delivery)
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
