"""A list as one file for somebody else: sealed for whom it is meant, signed by whoever made it.

A ZIP archive, so that anyone can look at it with what they have:

    entries.csv.age    the entries as in `csv`, sealed to the recipients (https://age-encryption.org/v1)
    manifest.json      what it is: which list, made by whom and when, how many entries, the sealed part's length and SHA-256
    manifest.sig       the maker's signature of the manifest (Ed25519, hex)

Sealing keeps others from reading, the signature from slipping in a list of their own: whoever knows a recipient, which is
no secret, can seal something to it. `age --decrypt` opens the entries without Vangnet.
"""

import contextlib
import errno
import hashlib
import io
import itertools
import json
import os
import queue
import threading
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import pyrage

from vangnet import keys
from vangnet.errors import Conflict, InvalidInput, StorageFull
from vangnet.keys import Keys
from vangnet.registry.formats import csv
from vangnet.registry.formats.reading import CHUNK_BYTES, Row
from vangnet.registry.formats.writing import Writable
from vangnet.registry.model.entries import EntryDraft

#: Raised by one whenever an older Vangnet could not read the file any more.
FORMAT = 1
ENTRIES = "entries.csv.age"
_MANIFEST = "manifest.json"
_SIGNATURE = "manifest.sig"
_SIGNED_AS = b"vangnet list bundle 1\n"
_SMALL_MAX_BYTES = 64 * 1024
_ENCRYPTED = 0x1
_BLOCK = 500
_BROKEN = (zipfile.BadZipFile, EOFError, NotImplementedError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a bundle is, readable without any key."""

    format: int
    list_id: UUID
    list_name: str
    made_at: datetime
    entries: int
    size_bytes: int
    sha256: str
    #: The key that signs for the maker, in hex.
    public_key: str

    def encoded(self) -> bytes:
        """The bytes that are signed."""
        return json.dumps(asdict(self), indent=2, default=str).encode()

    @classmethod
    def decoded(cls, text: bytes) -> Self:
        """Raises ValueError, TypeError or KeyError where it is none."""
        fields: dict[str, Any] = json.loads(text)
        made_at, list_id = datetime.fromisoformat(fields.pop("made_at")), UUID(fields.pop("list_id"))
        manifest = cls(**fields, made_at=made_at, list_id=list_id)
        if not isinstance(manifest.entries, int) or len(bytes.fromhex(manifest.public_key)) != 32:
            raise TypeError("a field of another type than this")
        return manifest


def recipient(text: str) -> pyrage.x25519.Recipient:
    """Somebody to whom a bundle is sealed, as `age-keygen` prints it. Raises InvalidInput."""
    try:
        return pyrage.x25519.Recipient.from_str(text.strip())
    except pyrage.RecipientError:
        raise InvalidInput(field="recipient", problem="must be the public key of an age identity, like age1…") from None


def write(
    path: Path,
    entries: Iterable[EntryDraft],
    *,
    recipients: Sequence[pyrage.x25519.Recipient],
    signer: Keys,
    list_id: UUID,
    list_name: str,
    now: datetime,
) -> Manifest:
    """Writes a new bundle, for this account's eyes alone; where `entries` raises, nothing is left.

    Raises Conflict where there is such a file, InvalidInput where none can be written there, StorageFull.
    """
    if not recipients:
        raise InvalidInput(field="recipient", problem="must be at least one")
    if os.path.lexists(path):
        raise Conflict(problem=f"`{path}` is there already, and a list is never written over")
    aside = path.with_name(f".{path.name}.partial")
    try:
        with open(aside, "wb", opener=_private) as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                count, digest, size_bytes = _seal(archive, entries, recipients)
                manifest = Manifest(
                    format=FORMAT, list_id=list_id, list_name=list_name, made_at=now, entries=count,
                    size_bytes=size_bytes, sha256=digest, public_key=signer.public_key.hex(),
                )  # fmt: skip
                archive.writestr(_MANIFEST, manifest.encoded())
                archive.writestr(_SIGNATURE, signer.sign(_SIGNED_AS + manifest.encoded()).hex())
            file.flush()
            os.fsync(file.fileno())
        aside.rename(path)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull(problem=f"`{path.parent}` has no room for the list") from error
        raise InvalidInput(field=str(path), problem=f"cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink()
    return manifest


@contextlib.contextmanager
def read(path: Path, *, maker: bytes | None = None) -> Iterator["BundleReader"]:
    """Opens a bundle and verifies it whole: its signature, and that by the key `maker` where one is given.

    Raises InvalidInput where it is none, damaged, or made by somebody else.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            yield BundleReader(str(path), archive, maker)
    except _BROKEN as error:
        raise InvalidInput(field=str(path), problem="is cut off, or no bundle of Vangnet") from error
    except OSError as error:
        raise InvalidInput(field=str(path), problem=f"cannot be read: {error.strerror or error}") from error


class BundleReader:
    """A bundle that was verified."""

    def __init__(self, field: str, archive: zipfile.ZipFile, maker: bytes | None) -> None:
        self._field = field
        self._archive = archive
        if any(info.compress_type != zipfile.ZIP_STORED or info.flag_bits & _ENCRYPTED for info in archive.infolist()):
            raise self._refused("was not made by Vangnet: it is compressed or has a password")
        if sorted(archive.namelist()) != sorted([ENTRIES, _MANIFEST, _SIGNATURE]):
            raise self._refused("is no bundle of Vangnet: it does not hold what one does")
        encoded = self._small(_MANIFEST)
        self.manifest = self._manifest(encoded)
        self._verify(encoded, maker)

    def rows(self, identities: Sequence[pyrage.x25519.Identity], *, after: int = 0) -> Iterator[Row]:
        """The rows behind `after`. Raises InvalidInput where no identity opens it, or it is damaged."""
        opened = _Opened(self._archive, identities)
        try:
            yield from csv.read(opened, after=after)
        except pyrage.DecryptError as error:
            raise self._refused("is not opened by any of the keys that were given") from error
        except (OSError, *_BROKEN) as error:
            raise self._refused("is damaged: its entries do not open to their end") from error
        finally:
            opened.close()

    def _manifest(self, encoded: bytes) -> Manifest:
        try:
            found = json.loads(encoded)["format"]
            if found != FORMAT:
                raise self._refused(f"was made by another version of Vangnet: {FORMAT} is the format that is known")
            return Manifest.decoded(encoded)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise self._refused("is damaged: its manifest cannot be read") from error

    def _verify(self, encoded: bytes, maker: bytes | None) -> None:
        key = bytes.fromhex(self.manifest.public_key)
        try:
            signature = bytes.fromhex(self._small(_SIGNATURE).decode("ascii"))
        except ValueError:
            signature = b""
        if not keys.verifies(key, signature, _SIGNED_AS + encoded):
            raise self._refused("is damaged or forged: its signature does not fit its manifest")
        if maker is not None and key != maker:
            raise self._refused(f"was made by another installation: its key is {keys.fingerprint(key)}")
        digest = hashlib.sha256()
        size_bytes = 0
        with self._archive.open(ENTRIES) as sealed:
            while chunk := sealed.read(CHUNK_BYTES):
                digest.update(chunk)
                size_bytes += len(chunk)
        if (size_bytes, digest.hexdigest()) != (self.manifest.size_bytes, self.manifest.sha256):
            raise self._refused("is damaged: its entries are not what its manifest says")

    def _small(self, name: str) -> bytes:
        info = self._archive.getinfo(name)
        if info.file_size > _SMALL_MAX_BYTES:
            raise self._refused(f"is damaged: `{name}` is too long")
        return self._archive.read(info)

    def _refused(self, problem: str) -> InvalidInput:
        return InvalidInput(field=self._field, problem=problem)


# --- the library of age takes the lead both ways: it reads what it seals from us, and writes to us what it opens ---


def _seal(
    archive: zipfile.ZipFile, entries: Iterable[EntryDraft], recipients: Sequence[pyrage.x25519.Recipient]
) -> tuple[int, str, int]:
    source = _Entries(iter(entries))
    with archive.open(zipfile.ZipInfo(ENTRIES), "w", force_zip64=True) as member:
        target = _Written(member)
        try:
            pyrage.encrypt_io(source, target, recipients)
        except (pyrage.EncryptError, OSError) as error:
            # The library turns what went wrong on either side into words.
            raise (source.failure or target.failure or error) from error
    return source.count, target.sha256.hexdigest(), target.size_bytes


class _Entries:
    """The entries as CSV, made while they are read."""

    def __init__(self, entries: Iterator[EntryDraft]) -> None:
        self._entries = entries
        self._text = b""
        self._begun = False
        self.count = 0
        self.failure: Exception | None = None

    def read(self, size: int = -1) -> bytes:
        try:
            if not self._text:
                self._text = self._next()
        except Exception as error:
            self.failure = error
            raise
        taken = self._text if size < 0 else self._text[:size]
        self._text = self._text[len(taken) :]
        return taken

    def _next(self) -> bytes:
        block = list(itertools.islice(self._entries, _BLOCK))
        if self._begun and not block:
            return b""
        text = io.BytesIO()
        self.count += csv.write(block, text, header=not self._begun)
        self._begun = True
        return text.getvalue()


class _Written:
    """A target that remembers what went wrong with it, and measures what it was given."""

    def __init__(self, target: Writable) -> None:
        self._target = target
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
        return len(data)

    def flush(self) -> None:
        pass


class _Opened:
    """What a sealed part holds, to be read piece by piece: another thread opens it, never far ahead, nor onto a disk."""

    def __init__(self, archive: zipfile.ZipFile, identities: Sequence[pyrage.x25519.Identity]) -> None:
        self._pieces: queue.Queue[bytes | Exception | None] = queue.Queue(maxsize=16)
        self._closed = False
        self._ended = False
        self._thread = threading.Thread(target=self._open, args=(archive, identities), name="bundle", daemon=True)
        self._thread.start()

    def read(self, size: int = -1) -> bytes:
        """The next piece, whatever its size; none at the end. Raises what went wrong."""
        del size
        if self._ended:
            return b""
        piece = self._pieces.get()
        if isinstance(piece, bytes):
            return piece
        self._ended = True
        if piece is not None:
            raise piece
        return b""

    def write(self, data: bytes) -> int:
        """For the thread that opens."""
        while not self._closed:
            with contextlib.suppress(queue.Full):
                self._pieces.put(data, timeout=0.1)
                return len(data)
        raise OSError(errno.EPIPE, "nobody reads any more")

    def flush(self) -> None:
        pass

    def close(self) -> None:
        """Ends the other thread."""
        self._closed = True
        self._thread.join()

    def _open(self, archive: zipfile.ZipFile, identities: Sequence[pyrage.x25519.Identity]) -> None:
        ended: Exception | None = None
        try:
            with archive.open(ENTRIES) as sealed:
                pyrage.decrypt_io(sealed, self, identities)
        except (pyrage.DecryptError, OSError, *_BROKEN) as error:
            ended = error
        while not self._closed:
            with contextlib.suppress(queue.Full):
                self._pieces.put(ended, timeout=0.1)
                return


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
