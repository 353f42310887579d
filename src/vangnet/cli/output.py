"""How commands print: records on stdout, as a table or as JSON; sentences on stderr, so that stdout stays data."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def print_records(records: Sequence[Mapping[str, object]], *, as_json: bool, columns: Sequence[str] | None = None) -> None:
    """Many records: a JSON array, or a table of `columns` (all of them by default)."""
    if as_json:
        _print_json([dict(record) for record in records])
        return
    if not records:
        say("nothing to show")
        return
    shown = list(columns or records[0])
    table = Table(*(name.replace("_", " ") for name in shown), box=None, pad_edge=False, header_style="bold")
    for record in records:
        table.add_row(*(Text(_as_text(record[name])) for name in shown))  # Text: brackets in a name are no markup.
    _stdout().print(table)


def print_record(record: Mapping[str, object], *, as_json: bool) -> None:
    """One record: a JSON object, or a line a field."""
    if as_json:
        _print_json(dict(record))
        return
    table = Table.grid(padding=(0, 2))
    for name, value in record.items():
        table.add_row(f"[bold]{name.replace('_', ' ')}[/bold]", Text(_as_text(value)))
    _stdout().print(table)


def say(sentence: str) -> None:
    """A sentence to the person at the terminal, on stderr."""
    typer.echo(sentence, err=True)


def progress_bar() -> Progress:
    """A progress bar on stderr; silent where stderr is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )


def _stdout() -> Console:
    # Away from a terminal nothing is cut off: scripts read whole lines.
    console = Console(soft_wrap=False, highlight=False)
    return console if console.is_terminal else Console(width=10_000, highlight=False)


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_as_json_value))


def _as_json_value(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return str(value)


def _as_text(value: object) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S UTC")
        case list() | tuple() | set() | frozenset():
            return ", ".join(sorted(map(str, value)))
        case _:
            return str(value)
