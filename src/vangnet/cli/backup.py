"""`vangnet backup` and `vangnet restore`: everything that the installation keeps, sealed in one file."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn, TransferSpeedColumn

from vangnet import config, log
from vangnet.audit import service as audit
from vangnet.audit.sealer import seal_once
from vangnet.cli.installation import console_actor, now, open_installation
from vangnet.cli.output import say
from vangnet.db import backup as backups
from vangnet.db import backup_file, open_database
from vangnet.db.backup import Restored, Watch
from vangnet.db.backup_file import Manifest
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys, fingerprint


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; it must not be there yet.")],
    recipient: Annotated[
        list[str] | None, typer.Option(help="Seal it to this age public key too (age1…). Can be given several times.")
    ] = None,
) -> None:
    """Write everything that this installation keeps into one sealed file."""
    recipients = recipient or []
    backup_id = uuid4()
    with open_installation() as opened:
        opened.actor.require(Permission.BACKUP_MAKE)
        backups.require_possible(file, recipients)
        # Before the data leaves, so that there is no backup of which nobody knows.
        with opened.transaction() as conn:
            audit.record(
                conn, opened.actor, action=Permission.BACKUP_MAKE, record="backup", record_id=backup_id, now=now(),
                recipients=len(recipients),
            )  # fmt: skip
        with _progress() as watch:
            made = backups.make(
                opened.settings, opened.keys, file, backup_id=backup_id, recipients=recipients, now=now(), watch=watch
            )
        keys_dir = opened.settings.keys_dir
    say(f"{file}: {_size(made)} of Vangnet {made.vangnet_version}, schema {made.schema_revision}")
    openers = f"the key in {keys_dir}" + (" or a recipient's" if recipients else "")
    say(f"It opens with {openers} and nothing else: keep a copy of the keys folder elsewhere.")


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `vangnet backup` wrote.")],
    identity: Annotated[
        Path | None, typer.Option(help="A file with an age identity to which the backup was sealed.")
    ] = None,
) -> None:
    """Restore a backup into an installation that holds nothing yet."""
    settings = config.load()
    log.configure(settings)
    with _progress() as watch:
        restored = backups.restore(settings, file, identity=identity, watch=watch)
    with open_database(settings) as database:
        with database.transaction() as conn:
            audit.record(
                conn, console_actor(), action=Permission.BACKUP_RESTORE, record="backup",
                record_id=restored.manifest.backup_id, now=now(), schema=restored.manifest.schema_revision,
            )  # fmt: skip
        # Without the keys that the chain was signed with, sealing waits until they are put back.
        if restored.signature_known:
            seal_once(database, Keys.open(settings.keys_dir), settings.audit_heads_dir, now=now())
    _tell(file, restored, settings.keys_dir)


def _tell(file: Path, restored: Restored, keys_dir: Path) -> None:
    made = restored.manifest
    say(f"restored {file}, made on {made.made_at:%Y-%m-%d %H:%M UTC} by Vangnet {made.vangnet_version}")
    if restored.applied:
        say(f"brought up to date: {', '.join(restored.applied)}")
    if restored.heads:
        say(f"{restored.heads} heads of the audit chain were put back; `vangnet audit verify` checks it against them")
    if not restored.signature_known:
        say(
            f"{keys_dir} holds no keys. Whoever made this backup has the key {fingerprint(bytes.fromhex(made.public_key))}:"
            " compare it. Put the keys folder back before you start Vangnet, or second factors and signatures are lost."
        )


def _size(made: Manifest) -> str:
    return f"{sum(member.size_bytes for member in made.members) / 1_000_000:.1f} MB"


@contextmanager
def _progress() -> Iterator[Watch]:
    """A bar on stderr for each step; silent where stderr is no terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:

        def watch(step: str, total_bytes: int | None) -> backup_file.Progress:
            task = progress.add_task(step, total=total_bytes)
            return lambda count: progress.advance(task, count)

        yield watch
