"""`vangnet scan`: a store of files, checked as uploads are."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from vangnet.cli.gate import opened_gate
from vangnet.cli.installation import now, open_installation
from vangnet.cli.output import AsJson, print_records, say
from vangnet.errors import InvalidInput
from vangnet.gate.scan import Folders, Kept, Place, Scan, Scanned, scan_shard, shown
from vangnet.gate.scan_state import Header, Run, ScanState, open_state, own_files, report_record
from vangnet.gate.scan_totals import Totals

#: Without a terminal a sentence says so often how far it is.
_TOLD_EVERY_S = 60.0


def scan(
    paths: Annotated[
        list[Path], typer.Argument(metavar="DIR…", help="Folders to go through.", exists=True, file_okay=False)
    ],
    *,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="FILE",
            dir_okay=False,
            help="Where the report is put when the scan is whole. Beside it lies meanwhile how far it is: the same "
            "command goes on after it was broken off.",
        ),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, max=1024, help="Files at once; by default one a core.")
    ] = None,
    nice: Annotated[int, typer.Option("--nice", min=0, max=19, help="How far it stands back for other programs.")] = 10,
    names: Annotated[
        bool, typer.Option("--names/--no-names", help="Keep a file's path with its decision, and tell it in reports.")
    ] = True,
    keep: Annotated[
        bool, typer.Option("--keep/--no-keep", help="Keep matches as decisions, and report them as the policy says.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Check every file in folders against the lists, as an upload would be, and report what somebody has to look at.

    Nothing is changed, moved or removed. Links are not followed. Ends with status 1 where a file is not allowed, matches,
    or could not be read or checked.
    """
    kept = Kept.NOTHING if not keep else Kept.NAMED if names else Kept.NAMELESS
    roots = _apart(paths)
    with ExitStack() as stack:
        state = None if report is None else stack.enter_context(_state(report.absolute(), roots, kept))
        installation = stack.enter_context(open_installation())
        # After the database server's start, which is to stand back for nobody.
        os.nice(nice)
        jobs = jobs or len(os.sched_getaffinity(0))
        gate = stack.enter_context(opened_gate(installation, at_once=jobs))
        folders = stack.enter_context(Folders(roots, besides=() if report is None else own_files(report.resolve())))
        run = Run(at=now(), index_version=gate.index_version)
        if state is None:
            header = Header(folders=tuple(map(str, roots)), keep=kept, runs=(run,))
        else:
            with _written(report):
                state.begin(run)
            header = state.header
        going = Scan(
            id=header.id,
            folders=folders,
            gate=gate,
            clock=now,
            bytes_max=installation.settings.media_bytes_max,
            keep=kept,
        )
        totals, whole = _go_through(going, state, report, jobs=jobs, as_json=as_json)
        _finish(going, state, report, header=header, totals=totals, whole=whole, as_json=as_json)
    if totals.to_be_seen or not whole:
        raise typer.Exit(1)


def _go_through(
    going: Scan, state: ScanState | None, report: Path | None, *, jobs: int, as_json: bool
) -> tuple[Totals, bool]:
    """What the files came to, and whether it was all of them: Ctrl-C ends it early."""
    totals = Totals()
    if state is not None and state.goes_on:
        say(f"Going on with the scan that began at {state.header.runs[0].at:%Y-%m-%d %H:%M} UTC.")
    found: Iterator[Place | Scanned] = going.folders.walk() if state is None else state.merged(going.folders)
    try:
        with closing(scan_shard(going, found, jobs=jobs)) as results, _progress(going, totals) as tell:
            for scanned in results:
                if state is not None:
                    with _written(report):
                        state.add(scanned)
                totals.add(scanned)
                if scanned.is_to_be_seen and not scanned.taken_over:
                    tell(_line(going.folders, scanned, as_json=as_json))
    except KeyboardInterrupt:
        return totals, False
    return totals, True


def _finish(
    going: Scan,
    state: ScanState | None,
    report: Path | None,
    *,
    header: Header,
    totals: Totals,
    whole: bool,
    as_json: bool,
) -> None:
    runs = [{"at": run.at.isoformat(), "index_version": run.index_version} for run in header.runs]
    summary = totals.summary(folders=[shown(os.fsencode(folder)) for folder in header.folders], runs=runs, now=now())
    if state is not None and whole:
        with _written(report):
            state.write_report(going.folders, summary)
            if not totals.unavailable:
                state.forget()
    if as_json:
        typer.echo(json.dumps({"summary": summary}, ensure_ascii=False))
    else:
        _print_summary(totals)
    _say_ending(totals, header, report, whole=whole, goes_on=state is not None)


def _print_summary(totals: Totals) -> None:
    print_records(totals.outcomes(), as_json=False)
    for title, counts in (
        ("classification", totals.classifications),
        ("not read", totals.unread),
    ):
        if counts:
            print_records([{title: name, "files": count} for name, count in counts.most_common()], as_json=False)
    if totals.entries:
        print_records(
            [
                {"list": name, "entry": entry_id, "files": count}
                for (name, entry_id), count in totals.entries.most_common(10)
            ],
            as_json=False,
        )


def _say_ending(totals: Totals, header: Header, report: Path | None, *, whole: bool, goes_on: bool) -> None:
    first = header.runs[0]
    if totals.taken_over:
        say(
            f"{totals.taken_over:,} of {totals.files:,} files were taken over from earlier runs. They were checked against "
            f"the lists as of change {first.index_version} and later; now it is {header.runs[-1].index_version}."
        )
    if not whole:
        say(
            "The scan was broken off. "
            + ("The same command goes on from here." if goes_on else "Without --report it begins anew.")
        )
        return
    said = f"{totals.files:,} files checked, {totals.to_be_seen:,} to be looked at"
    say(f"{said}." if report is None else f"{said}: see `{report}`.")
    if totals.unavailable and goes_on:
        say(f"{totals.unavailable:,} could not be checked for a reason of ours: give the same command again.")


def _line(folders: Folders, scanned: Scanned, *, as_json: bool) -> str:
    if as_json:
        return json.dumps(report_record(folders, scanned), ensure_ascii=False)
    name = shown(folders.full(scanned.place))
    answer = scanned.answer
    if answer is None:
        return f"{'':<6} {'unread':<11} {scanned.problem or '':<24} {name}"
    because = answer.reason or ""
    if answer.matches:
        because = ", ".join(f"{match.list_name} {match.entry_id}{' (counted)' * match.shadow}" for match in answer.matches)
    return f"{answer.decision:<6} {answer.outcome:<11} {because:<24} {name}"


# --- folders and files of its own ---------------------------------------------------------------------------------


def _apart(paths: Sequence[Path]) -> tuple[Path, ...]:
    """The folders, each once, and none that lies in another."""
    roots = sorted({path.resolve() for path in paths})
    apart = tuple(root for root in roots if not any(root != other and root.is_relative_to(other) for other in roots))
    for inside in sorted(set(roots) - set(apart)):
        say(f"`{shown(os.fsencode(inside))}` lies in another of the folders: it is gone through once.")
    return apart


@contextmanager
def _state(report: Path, roots: tuple[Path, ...], kept: Kept) -> Iterator[ScanState]:
    with _written(report):
        state = open_state(report, folders=roots, keep=kept)
    try:
        yield state
    finally:
        state.close()


@contextmanager
def _written(report: Path | None) -> Iterator[None]:
    """Tells what the system refuses about the report."""
    try:
        yield
    except OSError as error:
        raise InvalidInput(field=f"--report {report}", problem=f"cannot be written: {error.strerror or error}") from error


# --- progress -----------------------------------------------------------------------------------------------------


@contextmanager
def _progress(going: Scan, totals: Totals) -> Iterator[Callable[[str], None]]:
    """Shows how far it is, and gives what prints a line: a bar on a terminal, a sentence a minute elsewhere."""
    ended = Event()
    with ExitStack() as stack:
        threads = [Thread(target=_say_sentences, args=(totals, ended), name="scan-progress", daemon=True)]
        tell: Callable[[str], None] = typer.echo
        if sys.stderr.isatty():
            bar = stack.enter_context(_bar())
            task = bar.add_task("scanning", total=None, rate="")
            threads = [
                Thread(target=_move, args=(bar, task, totals, ended), name="scan-progress", daemon=True),
                Thread(target=_count, args=(bar, task, going, ended), name="scan-count", daemon=True),
            ]
            if sys.stdout.isatty():
                # Both are the same terminal: above the bar, and not into it.
                tell = partial(bar.console.print, markup=False, highlight=False, soft_wrap=True)
        for thread in threads:
            thread.start()
        try:
            yield tell
        finally:
            ended.set()
            for thread in threads:
                thread.join()


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        redirect_stdout=False,
    )


def _move(bar: Progress, task: TaskID, totals: Totals, ended: Event) -> None:
    began = time.monotonic()
    while True:
        last = ended.wait(0.25)
        rate = (totals.files - totals.taken_over) / (time.monotonic() - began)
        bar.update(task, completed=totals.files, rate=f"{rate:,.0f}/s, {totals.to_be_seen:,} to be looked at")
        if last:
            return


def _count(bar: Progress, task: TaskID, going: Scan, ended: Event) -> None:
    """How many files there are is found out beside the scan: the bar has an end once it is known."""
    files = 0
    for one in going.folders.walk():
        if ended.is_set():
            return
        files += isinstance(one, Place)
    bar.update(task, total=files)


def _say_sentences(totals: Totals, ended: Event) -> None:
    began = time.monotonic()
    while not ended.wait(_TOLD_EVERY_S):
        rate = (totals.files - totals.taken_over) / (time.monotonic() - began)
        say(f"{totals.files:,} files, {rate:,.0f} a second, {totals.to_be_seen:,} to be looked at")
