"""`vangnet retention`: how long what is kept, and erasing what has come to its end."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from vangnet.cli.installation import now, open_installation
from vangnet.cli.output import AsJson, print_records, say
from vangnet.cli.vault import files_of
from vangnet.errors import InvalidInput
from vangnet.retention import service
from vangnet.retention.model import WAITS
from vangnet.retention.terms import as_document

app = typer.Typer(help="How long what is kept, and erasing it.", no_args_is_help=True)

_File = Annotated[str, typer.Argument(metavar="FILE", help="Terms as JSON; `-` for standard input.")]


@app.command("show")
def show() -> None:
    """Print the terms that count, as JSON, as `choose` takes them."""
    with open_installation() as opened, opened.transaction() as conn:
        shown = service.show(conn, opened.actor, now=now())
    typer.echo(json.dumps({} if shown.in_force is None else as_document(shown.in_force.terms), indent=2))
    if shown.in_force is None:
        say("No terms count: nothing is erased by age. `vangnet retention starting` prints a set to start from.")
    if shown.waiting is not None:
        say(f"Version {shown.waiting.version} counts from {shown.counts_at:%Y-%m-%d %H:%M} UTC.")


@app.command("starting")
def starting() -> None:
    """Print the set to start from for this kind of installation, as JSON. A lawyer of yours checks it first."""
    with open_installation() as opened, opened.transaction() as conn:
        terms = service.starting(conn, opened.actor)
    typer.echo(json.dumps(as_document(terms), indent=2))


@app.command("preview")
def preview(file: _File, as_json: AsJson = False) -> None:
    """Print what terms would end now. Changes nothing."""
    document = _read(file)
    with open_installation() as opened, opened.transaction() as conn:
        effects = service.try_out(conn, opened.actor, document=document, now=now())
    print_records(
        [
            {"basis": one.basis, "kept": one.kept, "ended": one.ended, "would_have_ended": one.would_have_ended}
            for one in effects
        ],
        as_json=as_json,
    )


@app.command("choose")
def choose(file: _File) -> None:
    """Choose terms. They count after a week, until when others can be chosen in their place."""
    document = _read(file)
    with open_installation() as opened, opened.transaction() as conn:
        chosen = service.choose(conn, opened.actor, document=document, now=now())
    say(f"Version {chosen.version} is chosen and counts from {chosen.chosen_at + WAITS:%Y-%m-%d %H:%M} UTC.")


@app.command("due")
def due(
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many at most.")] = 100, as_json: AsJson = False
) -> None:
    """Print what has come to its end, what is held all the same, and what has no term."""
    with open_installation() as opened, opened.transaction() as conn:
        found = service.list_due(conn, opened.actor, now=now(), limit=limit)
    print_records(
        [
            {
                "medium": one.keeping.medium_id,
                "needed_by": f"{one.keeping.record} {one.keeping.record_id}",
                "basis": one.keeping.basis,
                "since": one.keeping.since,
                "state": one.standing.state,
                "ended": one.standing.ends_at,
            }
            for one in found
        ],
        as_json=as_json,
    )


@app.command("erase")
def erase() -> None:
    """Erase what has come to its end by the terms that count."""
    moved = ended = erased = 0
    with open_installation() as opened:
        files, more = files_of(opened), True
        while more:
            with opened.transaction() as conn:
                step = service.erase_due(conn, opened.actor, now=now())
            for medium_id in step.erased:
                files.remove(medium_id)
            moved, ended, erased = moved + step.moved, ended + step.ended, erased + len(step.erased)
            more = step.more
    say(f"{erased} media erased; {ended} records need theirs no more; {moved} rest on another basis")


def _read(file: str) -> object:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        return json.loads(text)
    except OSError as error:
        raise InvalidInput(field=file, problem=f"cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise InvalidInput(field=file, problem="is not JSON") from error
