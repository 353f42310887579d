"""`vangnet index`: building an index of hashes, and looking into one."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from vangnet.cli.output import AsJson, print_record, print_records, progress_bar, say
from vangnet.errors import InvalidInput
from vangnet.hashing.hash_lines import parse_hash_line, read_hash_lines
from vangnet.hashing.index import RADIUS, RADIUS_MAX, Index, IndexBuilder, Match, Progress
from vangnet.hashing.model import HASH_BYTES

app = typer.Typer(help="The index of listed hashes.", no_args_is_help=True)

IndexFile = Annotated[Path, typer.Argument(metavar="INDEX", help="An index file.")]


@app.command()
def build(
    hashes: Annotated[Path, typer.Argument(metavar="HASHES.txt", help="64 hex digits a line.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The index file to write; one that is there is replaced.")],
) -> None:
    """Build an index of perceptual hashes. An entry's id is the number of its line, from 0."""
    builder = IndexBuilder()
    with _shown("reading") as progress:
        try:
            read = read_hash_lines(hashes, progress=progress)
        except OSError as error:
            raise InvalidInput(field=str(hashes), problem=f"cannot be read: {error.strerror or error}") from error
    entries = len(read) // HASH_BYTES
    builder.add_hashes(read, range(entries))
    del read
    with _shown("building") as progress:
        try:
            builder.write(out, progress=progress)
        except OSError as error:
            raise InvalidInput(field=str(out), problem=f"cannot be written: {error.strerror or error}") from error
    say(f"{out}: {entries} entries, {out.stat().st_size} bytes")


@app.command()
def lookup(
    index: IndexFile,
    *,
    radius: Annotated[
        int, typer.Option("--radius", min=0, max=RADIUS_MAX, help="In how many of 256 bits hashes may differ.")
    ] = RADIUS,
    as_json: AsJson = False,
) -> None:
    """Look up hashes: 64 hex digits a line on standard input, an answer a line, nearest entries first."""
    opened = Index.open(index)
    for number, line in enumerate(sys.stdin.buffer, start=1):
        hash_ = parse_hash_line(line, source="standard input", number=number)
        matches = opened.lookup(hash_, radius)
        typer.echo(_as_json(hash_, matches) if as_json else _as_line(hash_, matches))


@app.command()
def info(index: IndexFile, *, as_json: AsJson = False) -> None:
    """Print what an index file holds, without checking all of it."""
    fields = asdict(Index.open(index, verify=False).info())
    lists = fields.pop("lists")
    for beside_the_file in ("verified", "additions", "withdrawals"):
        del fields[beside_the_file]
    if as_json:
        print_record(fields | {"lists": lists}, as_json=True)
        return
    print_record(fields, as_json=False)
    print_records(lists, as_json=False)


@app.command()
def verify(index: IndexFile) -> None:
    """Check every byte of an index file against its checksums."""
    opened = Index.open(index, verify=False)
    with _shown("checking") as progress:
        opened.verify(progress=progress)
    say(f"{index}: whole")


@contextmanager
def _shown(work: str) -> Iterator[Progress]:
    """A progress bar for work that tells how far it is."""
    with progress_bar() as bar:
        task = bar.add_task(work, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _as_json(query: bytes, matches: list[Match]) -> str:
    found = [{"id": match.id, "distance": match.distance} for match in matches]
    return json.dumps({"query": query.hex(), "matches": found})


def _as_line(query: bytes, matches: list[Match]) -> str:
    found = ", ".join(f"entry {match.id} at distance {match.distance}" for match in matches)
    return f"{query.hex()}: {found or 'no match'}"
