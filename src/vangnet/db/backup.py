"""Making a backup, and restoring one into an installation that holds nothing yet.

What leaves PostgreSQL goes through pipes into the sealed file: nothing is on a disk unsealed at any time. A restore is one
transaction, and commits only when the file was read to its end and found whole.
"""

import contextlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO
from uuid import UUID

import pyrage

from vangnet.config import Settings
from vangnet.db import backup_file, backup_key, dumping, loading, migrate
from vangnet.db.backup_file import DUMP, HEADS, BackupReader, Manifest, Progress
from vangnet.db.connection import Connection, connect, translated_errors
from vangnet.db.pool import owner_conninfo
from vangnet.errors import Conflict, DatabaseRefused, DatabaseUnavailable, InvalidInput, StorageFull
from vangnet.keys import Keys

#: Told the name of each step as it begins and how many bytes it will handle, where that is known.
Watch = Callable[[str, int | None], Progress]
_HEADS_IN_MEMORY_BYTES = 16 * 1024 * 1024

#: PostgreSQL writes its log ahead in files of this size, and makes a new one whole.
_LOG_FILE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a restore did."""

    manifest: Manifest
    #: Whether the signature was checked against keys that we had before.
    signature_known: bool
    #: The migrations that the backup did not have yet.
    applied: tuple[str, ...]
    #: How many exported heads of the audit chain were put back; those that were there already are left as they are.
    heads: int


def unwatched(_step: str, _total_bytes: int | None) -> Progress:
    """For who wants no progress told."""
    return lambda _: None


def require_possible(path: Path, recipients: Sequence[str]) -> None:
    """What can be refused before anything is read. Raises Conflict where `path` is there, InvalidInput for a recipient."""
    backup_file.require_free(path)
    for recipient in recipients:
        backup_key.recipient(recipient)


def make(
    settings: Settings,
    signer: Keys,
    path: Path,
    *,
    backup_id: UUID,
    recipients: Sequence[str] = (),
    now: datetime,
    watch: Watch = unwatched,
) -> Manifest:
    """Writes a backup to `path`, sealed to the installation's own key and to `recipients` (age public keys).

    Raises Conflict where `path` is there, InvalidInput, DatabaseRefused, DatabaseUnavailable, StorageFull.
    """
    sealed_to = [backup_key.own_recipient(settings.keys_dir), *map(backup_key.recipient, recipients)]
    with (
        owner_conninfo(settings) as conninfo,
        backup_file.create(path, sealed_to) as file,
        translated_errors(),
        connect(conninfo) as conn,
    ):
        migrate.hold(conn)
        facts = _facts(conn)
        conn.commit()
        # The heads first: a head of a row that the dump does not have would look like a tail cut off.
        with _packed(settings.audit_heads_dir) as heads:
            file.add(HEADS, heads, watch("audit heads", None))
        with dumping.whole_dump(conninfo) as dump:
            file.add(DUMP, dump, watch("database", None))
        return file.finish(signer, backup_id=backup_id, vangnet_version=version("vangnet"), made_at=now, **facts)


def restore(settings: Settings, path: Path, *, identity: Path | None = None, watch: Watch = unwatched) -> Restored:
    """Restores a backup into an installation that holds nothing yet, and brings it up to date.

    It is opened with the key in the keys folder, or with one in the file `identity`. Raises InvalidInput where the file is
    no whole and genuine backup, or no key opens it; Conflict where the installation holds something; DatabaseRefused,
    DatabaseUnavailable, StorageFull. In each of these nothing of the backup is kept.
    """
    with backup_file.read(path) as file, tempfile.SpooledTemporaryFile(_HEADS_IN_MEMORY_BYTES) as heads:
        _require_known_schema(path, file.manifest)
        identities = backup_key.identities(settings.keys_dir, identity)
        known_key = _public_key(settings.keys_dir)
        size_bytes = sum(member.size_bytes for member in file.manifest.members)
        file.verify(known_key, watch("check", size_bytes))
        # Opened before anything is touched, so that a wrong key is told at once.
        file.open(HEADS, identities, heads, lambda _: None)
        with owner_conninfo(settings) as conninfo:
            with _told_as_full(settings):
                _load(conninfo, file, identities, watch("database", size_bytes))
            applied = migrate.upgrade(conninfo)
        heads.seek(0)
        return Restored(
            manifest=file.manifest,
            signature_known=known_key is not None,
            applied=tuple(applied),
            heads=_unpack(heads, settings.audit_heads_dir),
        )


def _facts(conn: Connection) -> dict[str, object]:
    done = migrate.applied(conn)
    if not done:
        raise Conflict(problem="there is nothing to back up: the database is empty")
    kind = None
    if conn.execute("SELECT to_regclass('public.installation')").fetchone() != (None,):
        row = conn.execute("SELECT kind FROM public.installation").fetchone()
        kind = None if row is None else row[0]
    return {
        "installation_kind": kind,
        "schema_revision": done[-1].revision,
        "postgres_major": conn.info.server_version // 10_000,
    }


def _require_known_schema(path: Path, manifest: Manifest) -> None:
    newest = migrate.files()[-1].revision
    if manifest.schema_revision > newest:
        raise InvalidInput(
            field=str(path),
            problem=f"was made by Vangnet {manifest.vangnet_version}, which is newer: its schema is"
            f" {manifest.schema_revision}, and this version knows {newest}",
        )


def _public_key(keys_dir: Path) -> bytes | None:
    # `Keys.open` would make keys where there are none, and new keys are not those of the backup.
    return Keys.open(keys_dir).public_key if (keys_dir / "signing.key").exists() else None


@contextlib.contextmanager
def _told_as_full(settings: Settings) -> Iterator[None]:
    """An embedded server that cannot write its log ahead stops at once, and has no time to say why. Raises StorageFull."""
    try:
        yield
    except DatabaseUnavailable as error:
        if settings.database_url is None and shutil.disk_usage(settings.data_dir).free < _LOG_FILE_BYTES:
            raise StorageFull(problem="the database cannot write") from error
        raise


def _load(conninfo: str, file: BackupReader, identities: Sequence[pyrage.x25519.Identity], progress: Progress) -> None:
    with translated_errors(), connect(conninfo) as conn:
        migrate.hold(conn, alone=True)
        _require_empty(conn)
        loading.load(conn, lambda target: file.open(DUMP, identities, target, progress))
        done = migrate.applied(conn)
        if not done or done[-1].revision != file.manifest.schema_revision:
            raise DatabaseRefused(
                problem="what the backup holds is not what its manifest says, and nothing of it was kept",
                remedy="restore another backup",
            )
        conn.commit()
        conn.execute("ANALYZE")


def _require_empty(conn: Connection) -> None:
    found = conn.execute(
        """
        SELECT count(*) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
        WHERE nspname IN ('public', 'procrastinate') AND NOT EXISTS (
            SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e'
        )
        """
    ).fetchone()
    if found != (0,):
        raise Conflict(
            problem="the database holds something already;"
            " a backup is restored into a new data folder or an empty database only"
        )


@contextlib.contextmanager
def _packed(folder: Path) -> Iterator[IO[bytes]]:
    """The files in `folder` as a tar archive, as a stream."""
    source, target = os.pipe()

    def pack() -> None:
        # Nobody reads any more where sealing failed, which is told there.
        with (
            contextlib.suppress(BrokenPipeError),
            os.fdopen(target, "wb") as stream,
            tarfile.open(fileobj=stream, mode="w|") as archive,
        ):
            for file in sorted(folder.rglob("*")) if folder.is_dir() else []:
                if file.is_file() and not file.is_symlink():
                    archive.add(file, arcname=str(file.relative_to(folder)), recursive=False, filter=_without_account)

    with ThreadPoolExecutor(1) as packer, os.fdopen(source, "rb") as stream:
        packed = packer.submit(pack)
        yield stream
        stream.close()
        packed.result()


def _without_account(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _unpack(archive: IO[bytes], folder: Path) -> int:
    """Puts back the files that are not there; one that is may be newer. Returns how many."""
    count = 0
    with tarfile.open(fileobj=archive, mode="r") as members:
        for member in members:
            target = folder / member.name
            if not target.exists():
                members.extract(member, folder, filter="data")
                count += 1
    return count
