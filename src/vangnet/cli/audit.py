"""`vangnet audit`: what was done here, and whether the trail of it is whole."""

import errno
import json
import os
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TextIO

import typer

from vangnet import config, log
from vangnet.audit import service
from vangnet.audit.model import ListedEvent, parse_filter
from vangnet.audit.sealer import export_head, seal_batch
from vangnet.audit.verification import Report
from vangnet.audit.verification import verify as verify_trail
from vangnet.cli.installation import console_actor, now, open_installation
from vangnet.cli.output import AsJson, print_record, print_records, progress_bar, say
from vangnet.config import Settings
from vangnet.db import open_database
from vangnet.errors import InvalidInput
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys, fingerprint

app = typer.Typer(help="The audit trail: list, verify, export.", no_args_is_help=True)

_PUBLIC_KEY_BYTES = 32
_Time = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"], help="In UTC, such as 2026-11-21."),
]


@app.command("list")
def list_events(
    *,
    record: Annotated[str | None, typer.Option(help="Only this record, such as `party` or `party:ID`.")] = None,
    actor: Annotated[str | None, typer.Option(help="Only this actor, such as `person`, `person:ID` or an id.")] = None,
    action: Annotated[str | None, typer.Option(help="Only this action, such as `party:add`.")] = None,
    since: _Time = None,
    until: _Time = None,
    limit: Annotated[int, typer.Option(min=1, max=service.LIST_MAX, help="At most so many.")] = 50,
    before: Annotated[int | None, typer.Option(help="Only events older than the one with this id.")] = None,
    as_json: AsJson = False,
) -> None:
    """List events, newest first. `--since` is included, `--until` is not."""
    wanted = parse_filter(record=record, actor=actor, action=action, since=_in_utc(since), until=_in_utc(until))
    with open_installation() as opened, opened.transaction() as conn:
        events = service.list_events(conn, opened.actor, wanted=wanted, before=before, limit=limit)
    print_records(
        [asdict(event) if as_json else _row(event) for event in events],
        as_json=as_json,
    )
    if len(events) == limit and not as_json:
        say(f"there may be more: go on with --before {events[-1].id}")


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show how far the trail is sealed, what waits, the last exported head, and the key that strangers verify with."""
    with open_installation() as opened, opened.transaction() as conn:
        state = service.chain_state(conn, opened.actor)
    print_record(
        {
            **asdict(state),
            "heads_folder": str(opened.settings.audit_heads_dir),
            "public_key": opened.keys.public_key.hex(),
            "fingerprint": fingerprint(opened.keys.public_key),
        },
        as_json=as_json,
    )


@app.command()
def verify(
    heads_folder: Annotated[
        Path | None,
        typer.Option("--heads", exists=True, file_okay=False, help="A folder with heads; ours by default."),
    ] = None,
    public_key: Annotated[
        list[str] | None,
        typer.Option(help="A public key that signed heads, 64 hex digits; ours by default. Can be given several times."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Verify the whole trail against itself and the heads. Exit code 1 when anything does not fit.

    It changes nothing, so that a stranger can run it: with a copy of the database, of the heads, and the public key.
    """
    settings = config.load()
    log.configure(settings)
    console_actor().require(Permission.AUDIT_READ)
    public_keys = [_key_bytes(text) for text in public_key] if public_key else [_own_public_key(settings)]
    with open_database(settings) as database, progress_bar() as bar:
        started = time.monotonic()
        tasks = {what: bar.add_task(what, total=None) for what in ("seals", "files of heads")}
        report = verify_trail(
            database,
            heads_folder or settings.audit_heads_dir,
            public_keys,
            progress=lambda what, done, total: bar.update(tasks[what], completed=done, total=total),
        )
        elapsed_s = time.monotonic() - started
    if as_json:
        print_record({"ok": report.ok, **_report_record(report)}, as_json=True)
    else:
        _print_report(report, elapsed_s)
    if not report.ok:
        raise typer.Exit(1)


@app.command()
def seal() -> None:
    """Seal what waits now and export the head, without waiting for a running sealer to come round."""
    with open_installation() as opened:
        count = 0
        while (sealed := seal_batch(opened.database, now=now())).count:
            count += sealed.count
        if sealed.busy:
            say("another sealer is at work just now, and seals what waits")
        export_head(opened.database, opened.keys, opened.settings.audit_heads_dir, now=now())
    say(f"sealed {_counted(count, 'event')}")


@app.command()
def export(
    file: Annotated[Path, typer.Argument(dir_okay=False, allow_dash=True, help="The file to write, or - for the output.")],
) -> None:
    """Write everything that is sealed to a file of JSON lines, for somebody who verifies it with means of their own."""
    with open_installation() as opened, opened.transaction() as conn:
        count = _write_lines(file, service.stream_trail(conn, opened.actor))
        waiting = service.chain_state(conn, opened.actor).waiting
    say(f"exported {_counted(count, 'sealed event')}")
    if waiting:
        say(f"not in it: {_counted(waiting, 'event')} not sealed yet")


def _write_lines(file: Path, records: Iterable[Mapping[str, object]]) -> int:
    lines = (json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n" for record in records)
    if str(file) == "-":
        return _count_written(sys.stdout, lines)
    # Aside first: what has the name is whole.
    aside = file.with_name(f"{file.name}.part")
    try:
        if file.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        with aside.open("w", encoding="utf-8") as output:
            count = _count_written(output, lines)
        aside.rename(file)
    except OSError as error:
        raise InvalidInput(field="FILE", problem=f"cannot be written: {error.strerror}: `{file}`") from error
    finally:
        aside.unlink(missing_ok=True)
    return count


def _count_written(output: TextIO, lines: Iterable[str]) -> int:
    count = 0
    for line in lines:
        output.write(line)
        count += 1
    return count


def _row(event: ListedEvent) -> dict[str, object]:
    return {
        "id": event.id,
        "at": event.at,
        "actor": f"{event.actor_kind}:{event.actor_id}",
        "action": event.action,
        "record": f"{event.record}:{event.record_id}",
        "details": json.dumps(event.details, ensure_ascii=False) if event.details else "",
        "position": event.position if event.position is not None else "waits",
    }


def _report_record(report: Report) -> dict[str, object]:
    return {
        "position": report.position,
        "waiting": report.waiting,
        "oldest_waiting_at": report.oldest_waiting_at,
        "heads": report.heads,
        "torn_lines": report.torn_lines,
        "covered_to": report.covered_to,
        "covered_at": report.covered_at,
        "problem_counts": {kind.value: count for kind, count in report.counts.items()},
        "problems": [
            {"sentence": str(problem), **{name: value for name, value in asdict(problem).items() if value is not None}}
            for problem in report.problems
        ],
    }


def _print_report(report: Report, elapsed_s: float) -> None:
    for problem in report.problems:
        typer.echo(str(problem))
    total = report.counts.total()
    if total > len(report.problems):
        typer.echo(f"and {_counted(total - len(report.problems), 'more problem')}")
    typer.echo(
        f"read {_counted(report.position, 'sealed event')} and {_counted(report.heads, 'head')} in {elapsed_s:.1f} s"
        f" ({report.position / max(elapsed_s, 0.001):,.0f} events a second)"
    )
    if report.covered_at is not None:
        typer.echo(f"heads confirm it up to position {report.covered_to:,}, sealed {_time(report.covered_at)}")
    if report.position > report.covered_to:
        typer.echo(f"{_counted(report.position - report.covered_to, 'sealed event')} after that: confirmed by no head")
    if report.waiting:
        since = f", the oldest since {_time(report.oldest_waiting_at)}" if report.oldest_waiting_at is not None else ""
        typer.echo(f"{_counted(report.waiting, 'event')} not sealed yet{since}")
    if report.torn_lines:
        typer.echo(f"{_counted(report.torn_lines, 'line')} of heads cut off by a crash, and skipped")
    typer.echo("ok: the trail is whole" if report.ok else f"NOT OK: {_counted(total, 'problem')}")


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _own_public_key(settings: Settings) -> bytes:
    # Opening keys makes them where there are none, and with new keys every head would look foreign.
    if not settings.keys_dir.is_dir():
        raise InvalidInput(
            field="--public-key", problem=f"is needed: there are no keys of an installation in `{settings.keys_dir}`"
        )
    return Keys.open(settings.keys_dir).public_key


def _key_bytes(text: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != _PUBLIC_KEY_BYTES:
        raise InvalidInput(field="--public-key", problem=f"must be {2 * _PUBLIC_KEY_BYTES} hex digits")
    return key


def _in_utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)
