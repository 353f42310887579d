"""`vangnet registry export`: a list as a file for somebody else. Two people agree to it first."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from vangnet.cli.installation import now, open_installation
from vangnet.cli.output import say
from vangnet.db import folders
from vangnet.errors import Conflict, InvalidInput
from vangnet.registry.formats import ExportFormat, bundle, csv, vics
from vangnet.registry.model.entries import EntryDraft
from vangnet.registry.service import exports, lists


def export(
    which: Annotated[str, typer.Argument(metavar="LIST", help="The list's name or id.")],
    file: Annotated[Path, typer.Argument(help="The file to write; it must not be there yet.")],
    *,
    format_: Annotated[
        ExportFormat, typer.Option("--format", help="Only a bundle is sealed: the others hold the hashes in clear.")
    ] = ExportFormat.BUNDLE,
    recipient: Annotated[
        list[str] | None, typer.Option(help="For whom a bundle is sealed: the public key of an age identity.")
    ] = None,
    country: Annotated[str, typer.Option(help="Whose categories a VICS file has.")] = "Default",
) -> None:
    """Write a list out, with its hashes, after two people agreed by `vangnet registry list agree-export`."""
    recipients = [bundle.recipient(text) for text in recipient or ()]
    if format_ is ExportFormat.BUNDLE and not recipients:
        raise InvalidInput(field="--recipient", problem="must be given: for whom is the bundle?")
    if os.path.lexists(file):
        raise Conflict(problem=f"`{file}` is there already, and a list is never written over")
    with open_installation() as opened:
        with opened.transaction() as conn:
            found = lists.find(conn, opened.actor, which)
            allowed = exports.begin(conn, opened.actor, list_id=found.id, format_=format_.value, now=now())
        entries = exports.read(opened.transaction, opened.keys, allowed)
        match format_:
            case ExportFormat.BUNDLE:
                count = bundle.write(
                    file, entries, recipients=recipients, signer=opened.keys, list_id=found.id, list_name=found.name,
                    now=now(),
                ).entries  # fmt: skip
            case ExportFormat.CSV | ExportFormat.VICS:
                count = _in_clear(file, entries, format_, country)
    say(f"{count} entries of {found.name} are in {file}.")


def _in_clear(file: Path, entries: Iterator[EntryDraft], format_: ExportFormat, country: str) -> int:
    aside = file.with_name(f".{file.name}.partial")
    try:
        with open(aside, "wb", opener=folders.private) as target:
            if format_ is ExportFormat.CSV:
                count = csv.write(entries, target)
            else:
                count = vics.write(entries, target, country=country)
            target.flush()
            os.fsync(target.fileno())
        aside.rename(file)
    except OSError as error:
        raise InvalidInput(field=str(file), problem=f"cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink()
    return count
