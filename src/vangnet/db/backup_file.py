"""The backup file: a ZIP archive of sealed members, and a manifest that anyone can read.

    audit-heads.age      the exported heads of the audit chain, a tar archive    sealed (https://age-encryption.org/v1)
    database.dump.age    the database, in PostgreSQL's custom format             sealed
    manifest.json        what it is, and each member's length and SHA-256
    manifest.sig         the installation's signature of the manifest (Ed25519, hex)

Sealing keeps others from reading, the signature from slipping in a database of their own: whoever knows a recipient, which
is no secret, can seal something to it. Nothing is compressed by the archive; PostgreSQL's format is compressed already.
This module knows nothing of databases.
"""

import contextlib
import errno
import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, Self
from uuid import UUID

import pyrage

from vangnet import keys
from vangnet.db import folders
from vangnet.errors import Conflict, InvalidInput, StorageFull
from vangnet.keys import Keys

#: Raised by one whenever an older Vangnet could not restore the file any more.
FORMAT = 1
HEADS = "audit-heads.age"
DUMP = "database.dump.age"
_MANIFEST = "manifest.json"
_SIGNATURE = "manifest.sig"
_SIGNED_AS = b"vangnet backup manifest\n"
_MANIFEST_MAX_BYTES = 64 * 1024
_CHUNK_BYTES = 1024 * 1024
_ENCRYPTED = 0x1
#: What the standard library raises on an archive that is not one, or not whole.
_BROKEN = (zipfile.BadZipFile, EOFError, NotImplementedError)

#: Told how many bytes were handled since it was last called.
Progress = Callable[[int], object]


class Readable(Protocol):
    """What bytes come from."""

    def read(self, size: int = ..., /) -> bytes:
        """At most `size` bytes; none at the end."""


class Writable(Protocol):
    """Where bytes go."""

    def write(self, data: bytes, /) -> object:
        """Takes all of `data`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One sealed part of the file."""

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup is, readable without any key."""

    format: int
    #: Under this id the making stands in the audit trail.
    backup_id: UUID
    vangnet_version: str
    made_at: datetime
    installation_kind: str | None
    schema_revision: str
    postgres_major: int
    #: The key that signs for the installation, in hex.
    public_key: str
    members: tuple[Member, ...]

    def encoded(self) -> bytes:
        """The bytes that are signed."""
        return json.dumps(asdict(self), indent=2, default=str).encode()

    @classmethod
    def decoded(cls, text: bytes) -> Self:
        """Raises ValueError, TypeError or KeyError where it is none."""
        fields: dict[str, Any] = json.loads(text)
        members = tuple(Member(**member) for member in fields.pop("members"))
        made_at = datetime.fromisoformat(fields.pop("made_at"))
        backup_id = UUID(fields.pop("backup_id"))
        manifest = cls(**fields, backup_id=backup_id, made_at=made_at, members=members)
        bytes.fromhex(manifest.public_key)
        if not isinstance(manifest.schema_revision, str) or not isinstance(manifest.postgres_major, int):
            raise TypeError("a field of another type than this")
        return manifest


class BackupWriter:
    """A backup file under way. It gets its name when it is whole and on the disk."""

    def __init__(self, archive: zipfile.ZipFile, recipients: Sequence[pyrage.x25519.Recipient]) -> None:
        self._archive = archive
        self._recipients = recipients
        self._members: list[Member] = []

    def add(self, name: str, source: Readable, progress: Progress) -> None:
        """Seals what `source` holds. Errors of `source` and of the disk come out as they are."""
        with self._archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as member:
            target = _Written(member, progress)
            reader = _Read(source, lambda _: None)
            try:
                pyrage.encrypt_io(reader, target, self._recipients)
            except (pyrage.EncryptError, OSError) as error:
                # The library turns what went wrong on either side into words.
                raise (reader.failure or target.failure or error) from error
        self._members.append(Member(name=name, size_bytes=target.size_bytes, sha256=target.sha256.hexdigest()))

    def finish(self, signer: Keys, **facts: Any) -> Manifest:
        """Writes and signs the manifest; `facts` are its other fields."""
        manifest = Manifest(format=FORMAT, public_key=signer.public_key.hex(), members=tuple(self._members), **facts)
        encoded = manifest.encoded()
        self._archive.writestr(_MANIFEST, encoded)
        self._archive.writestr(_SIGNATURE, signer.sign(_SIGNED_AS + encoded).hex())
        return manifest


def require_free(path: Path) -> None:
    """Raises Conflict where there is a file of that name."""
    if os.path.lexists(path):
        raise Conflict(problem=f"`{path}` is there already, and a backup is never written over")


@contextlib.contextmanager
def create(path: Path, recipients: Sequence[pyrage.x25519.Recipient]) -> Iterator[BackupWriter]:
    """A new backup file, for this account's eyes alone; where the block raises, nothing is left.

    Raises Conflict where there is such a file, InvalidInput where none can be written there, StorageFull.
    """
    aside = path.with_name(f".{path.name}.partial")
    require_free(path)
    try:
        with open(aside, "wb", opener=folders.private) as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                yield BackupWriter(archive, recipients)
            file.flush()
            os.fsync(file.fileno())
        _name(aside, path)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull(problem=f"`{path.parent}` has no room for the backup") from error
        raise InvalidInput(field=str(path), problem=f"cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink()


@contextlib.contextmanager
def read(path: Path) -> Iterator["BackupReader"]:
    """Opens a backup file. Raises InvalidInput where it is none, or cut off."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield BackupReader(path, archive)
    except _BROKEN as error:
        raise InvalidInput(field=str(path), problem="is cut off, or no backup of Vangnet") from error
    except OSError as error:
        raise InvalidInput(field=str(path), problem=f"cannot be read: {error.strerror or error}") from error


class BackupReader:
    """A backup file that was made before. Nothing in it is believed until `verify` has returned."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self._field = str(path)
        self._archive = archive
        if any(info.compress_type != zipfile.ZIP_STORED or info.flag_bits & _ENCRYPTED for info in archive.infolist()):
            raise self._refused("was not made by Vangnet: it is compressed or has a password")
        self._encoded = self._small(_MANIFEST)
        self.manifest = self._read_manifest()

    def verify(self, known_key: bytes | None, progress: Progress) -> None:
        """Raises InvalidInput unless everything is as it was made and, where we know a key, made by that installation."""
        if known_key is not None and self.manifest.public_key != known_key.hex():
            raise self._refused(
                "was made by another installation than the one whose keys are in VANGNET_KEYS_DIR:"
                f" its key is {keys.fingerprint(bytes.fromhex(self.manifest.public_key))}"
            )
        signature = self._small(_SIGNATURE)
        try:
            genuine = keys.verifies(
                bytes.fromhex(self.manifest.public_key),
                bytes.fromhex(signature.decode("ascii")),
                _SIGNED_AS + self._encoded,
            )
        except ValueError:
            genuine = False
        if not genuine:
            raise self._refused("is damaged or forged: its signature does not fit its manifest")
        for member in self.manifest.members:
            self._verify_member(member, progress)

    def open(self, name: str, identities: Sequence[pyrage.x25519.Identity], target: Writable, progress: Progress) -> None:
        """Writes what the member holds to `target`, whose errors come out as they are. Raises InvalidInput."""
        written = _Written(target, lambda _: None)
        try:
            with self._archive.open(name) as sealed:
                pyrage.decrypt_io(_Read(sealed, progress), written, identities)
        except pyrage.DecryptError as error:
            raise self._refused("is not opened by any of the keys that were given") from error
        except (OSError, *_BROKEN) as error:
            # The library turns what went wrong on either side into words.
            raise (written.failure or self._refused(f"is damaged: `{name}` does not open to its end")) from error

    def _read_manifest(self) -> Manifest:
        try:
            found = json.loads(self._encoded)["format"]
            if found != FORMAT:
                raise self._refused(f"was made by another version of Vangnet: its format is {found}, and {FORMAT} is known")
            manifest = Manifest.decoded(self._encoded)
        except (ValueError, TypeError, KeyError) as error:
            raise self._refused("is damaged: its manifest cannot be read") from error
        named = [HEADS, DUMP]
        if [member.name for member in manifest.members] != named:
            raise self._refused(f"is damaged: its manifest does not name {' and '.join(named)}")
        if sorted(self._archive.namelist()) != sorted([*named, _MANIFEST, _SIGNATURE]):
            raise self._refused("is damaged: it does not hold what its manifest names")
        return manifest

    def _verify_member(self, member: Member, progress: Progress) -> None:
        digest = hashlib.sha256()
        size_bytes = 0
        try:
            with self._archive.open(member.name) as sealed:
                while chunk := sealed.read(_CHUNK_BYTES):
                    digest.update(chunk)
                    size_bytes += len(chunk)
                    progress(len(chunk))
        except _BROKEN as error:
            raise self._refused(f"is damaged: `{member.name}` cannot be read") from error
        if (size_bytes, digest.hexdigest()) != (member.size_bytes, member.sha256):
            raise self._refused(f"is damaged: `{member.name}` is not what its manifest says")

    def _small(self, name: str) -> bytes:
        try:
            info = self._archive.getinfo(name)
            if info.file_size > _MANIFEST_MAX_BYTES:
                raise self._refused(f"is damaged: `{name}` is too long")
            return self._archive.read(info)
        except (KeyError, *_BROKEN) as error:
            raise self._refused(f"is no backup of Vangnet, or damaged: `{name}` cannot be read") from error

    def _refused(self, problem: str) -> InvalidInput:
        return InvalidInput(field=self._field, problem=problem)


class _Read:
    """A source that remembers what went wrong with it."""

    def __init__(self, source: Readable, progress: Progress) -> None:
        self._source = source
        self._progress = progress
        self.failure: Exception | None = None

    def read(self, size: int = -1) -> bytes:
        try:
            data = self._source.read(size)
        except Exception as error:
            self.failure = error
            raise
        self._progress(len(data))
        return data


class _Written:
    """A target that remembers what went wrong with it, and measures what it was given."""

    def __init__(self, target: Writable, progress: Progress) -> None:
        self._target = target
        self._progress = progress
        self.size_bytes = 0
        self.sha256 = hashlib.sha256()
        self.failure: Exception | None = None

    def write(self, data: bytes) -> int:
        try:
            self._target.write(data)
        except Exception as error:
            self.failure = error
            raise
        self.size_bytes += len(data)
        self.sha256.update(data)
        self._progress(len(data))
        return len(data)

    def flush(self) -> None:
        pass


def _name(aside: Path, path: Path) -> None:
    """Gives the finished file its name, never that of a file that appeared meanwhile."""
    try:
        os.link(aside, path)
    except OSError:
        # It is there by now, or the file system knows no hard links, like that of a USB stick.
        require_free(path)
        aside.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
