"""`vangnet gate policy`: what follows from a check; seen, tried on last week's checks, and chosen."""

import json
import sys
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from vangnet.cli.installation import now, open_installation
from vangnet.cli.output import AsJson, print_records, say
from vangnet.errors import InvalidInput
from vangnet.gate.policy import as_document
from vangnet.gate.preview import Change, Preview
from vangnet.gate.service import policies
from vangnet.gate.service.policies import ChosenPolicy
from vangnet.registry.service import lists

app = typer.Typer(help="What follows from a check.", no_args_is_help=True)

_File = Annotated[str, typer.Argument(metavar="FILE", help="A policy as JSON; `-` for standard input.")]


@app.command("show")
def show_policy() -> None:
    """Print the policy as JSON, as `set` takes it."""
    with open_installation() as opened, opened.transaction() as conn:
        chosen = policies.show(conn, opened.actor)
    _print_policy(chosen)


@app.command("preview")
def preview_policy(file: _File, as_json: AsJson = False) -> None:
    """Print what a policy would have changed in the last week. Chooses nothing."""
    document = _read(file)
    with open_installation() as opened, opened.transaction() as conn:
        found = policies.try_out(conn, opened.actor, document=document, now=now())
        names = lists.names(conn, opened.actor)
    print_records(
        [_record(change) for change in found.changes],
        as_json=as_json,
        columns=["because", "was", "would_be", "checks", "decisions"],
    )
    _say_how_much(found, names)


@app.command("set")
def set_policy(file: _File) -> None:
    """Choose another policy. Every cell must be there: change what `show` prints."""
    document = _read(file)
    with open_installation() as opened, opened.transaction() as conn:
        chosen = policies.choose(conn, opened.actor, document=document, now=now())
    _print_policy(chosen)


def _read(file: str) -> object:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        return json.loads(text)
    except OSError as error:
        raise InvalidInput(field=file, problem=f"cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise InvalidInput(field=file, problem="is not JSON") from error


def _print_policy(chosen: ChosenPolicy) -> None:
    typer.echo(json.dumps(as_document(chosen.policy), indent=2))
    if chosen.version == 0:
        say("This is the starting set; nobody chose another yet.")
    else:
        say(f"Policy {chosen.version}, chosen at {chosen.chosen_at} by {chosen.chosen_by}.")


def _record(change: Change) -> dict[str, object]:
    cause = change.cause
    because = [part.value for part in (cause.classification, cause.kind, cause.reason) if part is not None]
    return {
        "because": " ".join(because) or "unavailable",
        "was": change.before,
        "would_be": change.after,
        "checks": change.checks,
        "decisions": [str(one) for one in change.decisions],
    }


def _say_how_much(found: Preview, names: dict[UUID, str]) -> None:
    looked_at = f"Of {found.judged} matches and {found.counted} checks without one"
    say(f"{looked_at}, {found.changed} would have come to something else.")
    for list_id, number in found.unknown.items():
        say(f"{names.get(list_id, list_id)} only counted, in {number} checks: what they would come to is not known.")
