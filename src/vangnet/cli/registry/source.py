"""`vangnet registry source`: services of third parties from which lists are fetched."""

import json
import stat
from pathlib import Path
from typing import Annotated

import typer

from vangnet.cli.installation import now, open_installation
from vangnet.cli.output import AsJson, print_record, print_records, say
from vangnet.errors import InvalidInput
from vangnet.partners import endpoint
from vangnet.registry.model.sources import CREDENTIALS, Feedback, Source, SourceKind
from vangnet.registry.service import lists, sources

app = typer.Typer(help="Third parties from which lists are fetched: NCMEC, StopNCII.", no_args_is_help=True)

_Source = Annotated[str, typer.Argument(metavar="SOURCE", help="The source's name or id.")]
_COLUMNS = ["name", "kind", "list", "state", "fetched_at", "failures", "problem", "id"]


@app.command()
def add(
    kind: Annotated[SourceKind, typer.Argument(help="Whose interface it is.")],
    name: Annotated[str, typer.Argument(help="Your name for it.")],
    *,
    to: Annotated[str, typer.Option("--list", help="The list to fetch into, by its name or id.")],
    base_url: Annotated[str, typer.Option("--url", help="Its address, as the third party gave it.")],
    credentials: Annotated[
        Path,
        typer.Option(help="A JSON file with the credentials, for your eyes alone; what it holds is kept sealed."),
    ],
    as_json: AsJson = False,
) -> None:
    """Fetch a list from a third party, every hour from now on."""
    endpoint.split(base_url)
    given = _read(credentials, kind)
    with open_installation() as opened, opened.transaction() as conn:
        found = lists.find(conn, opened.actor, to)
        added = sources.add(
            conn, opened.actor, keys=opened.keys, kind=kind, name=name, list_id=found.id, base_url=base_url.strip(),
            credentials=given, now=now(),
        )  # fmt: skip
    say(f"{added.name} is fetched into {found.name}. The credentials are sealed; the file is not needed any more.")
    print_record(_record(added, found.name), as_json=as_json)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the sources, and how fetching goes."""
    with open_installation() as opened, opened.transaction() as conn:
        names = lists.names(conn, opened.actor)
        records = [_record(source, names[source.list_id]) for source in sources.list_sources(conn, opened.actor)]
    print_records(records, as_json=as_json, columns=_COLUMNS)


@app.command()
def fetch(which: _Source) -> None:
    """Have a source asked now rather than at the next hour. A worker does it."""
    with open_installation() as opened, opened.transaction() as conn:
        found = sources.find(conn, opened.actor, which)
        sources.fetch_now(conn, opened.actor, source_id=found.id, now=now())
    say(f"{found.name} is asked as soon as a worker is free; `vangnet registry source list` says how it went.")


@app.command()
def stop(which: _Source) -> None:
    """Fetch no more from a source. What was taken stays."""
    with open_installation() as opened, opened.transaction() as conn:
        found = sources.find(conn, opened.actor, which)
        sources.stop(conn, opened.actor, source_id=found.id, now=now())
    say(f"{found.name} is not asked any more; `vangnet registry source resume` goes on where it was.")


@app.command()
def resume(which: _Source) -> None:
    """Fetch from a source again, from where it was."""
    with open_installation() as opened, opened.transaction() as conn:
        found = sources.find(conn, opened.actor, which)
        sources.resume(conn, opened.actor, source_id=found.id, now=now())
    say(f"{found.name} is asked again.")


@app.command()
def tell(
    entry: Annotated[int, typer.Argument(min=1, help="The number of the entry.")],
    disagree: Annotated[
        str | None, typer.Option(metavar="REASON", help="Say that it is wrong, by a reason that the third party offers.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell whom an entry came from that it is right, or why it is not."""
    with open_installation() as opened, opened.transaction() as conn:
        given = sources.give_feedback(
            conn, opened.actor, entry_id=entry, agrees=disagree is None, reason=disagree, now=now()
        )
    print_record(_told(given), as_json=as_json)


@app.command()
def told(which: _Source, as_json: AsJson = False) -> None:
    """List what a source was told of its entries, and whether it took it."""
    with open_installation() as opened, opened.transaction() as conn:
        found = sources.find(conn, opened.actor, which)
        records = [_told(given) for given in sources.list_feedback(conn, opened.actor, source_id=found.id)]
    print_records(records, as_json=as_json)


def _record(source: Source, list_name: str) -> dict[str, object]:
    return {
        "id": source.id,
        "name": source.name,
        "kind": source.kind,
        "list": list_name,
        "url": source.base_url,
        "state": source.state,
        "fetched_at": source.fetched_at,
        "failures": source.failures,
        "problem": source.problem,
        "added_at": source.added_at,
    }


def _told(given: Feedback) -> dict[str, object]:
    return {
        "entry": given.entry_id,
        "agrees": given.agrees,
        "reason": given.reason,
        "state": given.state,
        "problem": given.problem,
        "given_at": given.given_at,
    }


def _read(file: Path, kind: SourceKind) -> dict[str, object]:
    try:
        if stat.S_IMODE(file.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
            raise InvalidInput(field="--credentials", problem="is a file that others can read: run `chmod 600` on it first")
        found = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(field="--credentials", problem=f"cannot be read: {error.strerror or error}") from error
    except ValueError:
        # Not chained: that error quotes what it read.
        raise InvalidInput(
            field="--credentials", problem=f"must be JSON with {', '.join(sorted(CREDENTIALS[kind]))}"
        ) from None
    if not isinstance(found, dict):
        raise InvalidInput(field="--credentials", problem=f"must be JSON with {', '.join(sorted(CREDENTIALS[kind]))}")
    return found
