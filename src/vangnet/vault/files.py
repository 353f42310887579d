"""The vault's files: sealed while they are written, opened while they are read. Nothing open is ever on the disk.

Each file has a random key of its own. That key is sealed with one that is derived from the keys folder, and lies in the
database: who has only the files, only the database, or both without the keys folder, has nothing. A file is sealed in
chunks (AES-256-GCM), each bound to its medium, its place, and whether it is the last; so chunks that are changed, swapped,
left out or added are noticed. Memory holds a few chunks, however large the file is.

A file gets its name when it is whole and durable. What is under another name is left over from a process that was killed.
"""

import contextlib
import hashlib
import io
import os
import struct
import tempfile
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID, uuid4

from vangnet.db.folders import make_data_dir, rename, told_as_ours
from vangnet.errors import MediumUnusable, TooLarge
from vangnet.keys import Keys, Sealer
from vangnet.vault.model import Opening, SealedFile

CHUNK_BYTES = 1024 * 1024
#: The parts into which the folder is divided, by the first byte of a medium's id.
PARTS = 256
_MAGIC = b"vangnet sealed medium 1\n"
_HEAD_BYTES = len(_MAGIC) + 16
_SEALED_MORE = 28  # A nonce and a tag.
_KEY_BYTES = 32
_SUFFIX = ".sealed"
_NEW = ".new-"
_WRAPPING = "vault medium key"
_CONTENT = "vault medium content"


class Source(Protocol):
    """Where a file comes from: an upload, a member of an archive, an open file."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; none at the end."""


class VaultFiles:
    """The sealed files of one installation. Safe to share between threads."""

    def __init__(self, folder: Path, keys: Keys, *, bytes_max: int) -> None:
        self._folder = folder
        self._wrapping = keys.sealer(_WRAPPING)
        self._mac = keys.mac(_CONTENT)
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        self._durable_parts: set[Path] = set()

    def seal(self, source: Source) -> SealedFile:
        """Seals what `source` gives into a new file, and returns when that is durable.

        Raises TooLarge, StorageFull, DataFolderUnusable, and what `source` raises; then nothing is left of it.
        """
        medium_id, key = uuid4(), os.urandom(_KEY_BYTES)
        path = self._path(medium_id)
        self._make_part(path.parent)
        with told_as_ours(self._folder):
            descriptor, aside = tempfile.mkstemp(dir=path.parent, prefix=_NEW)
        try:
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                size_bytes, digest = self._write(file, source, medium_id, key)
            with told_as_ours(self._folder):
                rename(Path(aside), path)
        except BaseException:
            Path(aside).unlink(missing_ok=True)
            raise
        return SealedFile(
            medium_id=medium_id,
            size_bytes=size_bytes,
            content_mac=self._mac(digest),
            wrapped_key=self._wrapping.seal(key, medium_id.bytes),
        )

    def open(self, opening: Opening) -> "OpenMedium":
        """The medium, to be read from any place. Raises MediumUnusable where its file or key is not what it was."""
        medium = opening.medium
        try:
            key = self._wrapping.unseal(opening.wrapped_key, medium.id.bytes)
        except ValueError as error:
            problem = "its key does not open with the keys of this installation"
            raise MediumUnusable(medium_id=str(medium.id), problem=problem) from error
        try:
            file = io.FileIO(os.open(self._path(medium.id), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")
        except FileNotFoundError as error:
            raise MediumUnusable(medium_id=str(medium.id), problem="its file is not there") from error
        except OSError as error:
            raise MediumUnusable(medium_id=str(medium.id), problem="its file cannot be read") from error
        return OpenMedium(file, _cipher(key), medium_id=medium.id, size_bytes=medium.size_bytes)

    def is_there(self, medium_id: UUID, size_bytes: int) -> bool:
        """Whether there is a file of the right length. Whether it is whole, only opening it tells."""
        try:
            return self._path(medium_id).stat().st_size == _sealed_bytes(size_bytes)
        except OSError:
            return False

    def remove(self, medium_id: UUID) -> bool:
        """Removes the file of a medium whose key is destroyed already, or that no row knows; whether there was one.

        Raises DataFolderUnusable.
        """
        path = self._path(medium_id)
        with told_as_ours(self._folder):
            try:
                path.unlink()
            except FileNotFoundError:
                return False
            _sync(path.parent)
        return True

    def list_part(self, part: int) -> dict[UUID, float]:
        """The media that have a file in one of the PARTS, and when each was written (by the disk's clock, since 1970)."""
        found = {}
        for entry in self._entries(part):
            with contextlib.suppress(ValueError, FileNotFoundError):
                if entry.name.endswith(_SUFFIX):
                    found[UUID(entry.name.removesuffix(_SUFFIX))] = entry.stat().st_mtime
        return found

    def remove_unfinished(self, part: int, *, before: datetime) -> int:
        """Removes what killed processes began to write in one of the PARTS before then; returns how many."""
        removed = 0
        for entry in self._entries(part):
            with contextlib.suppress(FileNotFoundError):
                if entry.name.startswith(_NEW) and entry.stat().st_mtime < before.timestamp():
                    Path(entry.path).unlink()
                    removed += 1
        return removed

    def _write(self, file: io.FileIO, source: Source, medium_id: UUID, key: bytes) -> tuple[int, bytes]:
        """The size and the digest of what `source` gave. What `source` itself raises is not told as the folder's."""
        cipher, digest = _cipher(key), hashlib.sha256()
        number, size_bytes, chunk = 0, 0, _chunk(source)
        self._append(file, _MAGIC + medium_id.bytes)
        while True:
            size_bytes += len(chunk)
            if size_bytes > self._bytes_max:
                raise TooLarge(limit_bytes=self._bytes_max)
            digest.update(chunk)
            following = _chunk(source) if len(chunk) == CHUNK_BYTES else b""
            self._append(file, cipher.seal(chunk, _bound_to(medium_id, number, last=not following)))
            if not following:
                break
            number, chunk = number + 1, following
        with told_as_ours(self._folder):
            os.fsync(file.fileno())
        return size_bytes, digest.digest()

    def _append(self, file: io.FileIO, content: bytes) -> None:
        rest = memoryview(content)
        with told_as_ours(self._folder):
            while rest:
                rest = rest[file.write(rest) :]

    def _make_part(self, part: Path) -> None:
        """The folder of a part, durable: a file in a folder that a power cut takes away is none."""
        if part in self._durable_parts:
            return
        make_data_dir(self._folder)
        with told_as_ours(self._folder):
            part.mkdir(mode=0o700, exist_ok=True)
            # Also where it is there: whoever made it may have been killed before this.
            _sync(self._folder)
            _sync(self._folder.parent)
        with self._lock:
            self._durable_parts.add(part)

    def _entries(self, part: int) -> Iterator[os.DirEntry[str]]:
        with contextlib.suppress(FileNotFoundError), os.scandir(self._part(part)) as entries:
            yield from entries

    def _part(self, part: int) -> Path:
        return self._folder / f"{part:02x}"

    def _path(self, medium_id: UUID) -> Path:
        return self._part(medium_id.bytes[0]) / f"{medium_id}{_SUFFIX}"


class OpenMedium(io.RawIOBase):
    """A medium while it is open: read from any place, with one chunk of it in memory. For one thread.

    A read raises MediumUnusable where the file is not what was sealed; nothing of a damaged chunk is ever given.
    """

    def __init__(self, file: io.FileIO, cipher: Sealer, *, medium_id: UUID, size_bytes: int) -> None:
        super().__init__()
        self.size_bytes = size_bytes
        self._file = file
        self._cipher = cipher
        self._medium_id = medium_id
        self._at = 0
        self._number, self._chunk = -1, b""
        self._last = max(0, (size_bytes - 1) // CHUNK_BYTES)
        try:
            self._require_whole()
        except BaseException:
            self.close()
            raise

    def __repr__(self) -> str:
        return f"<OpenMedium {self._medium_id}>"

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always: a video is shown from any place on."""
        return True

    def tell(self) -> int:
        """The place of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Goes to a place, counted from the start, from here or from the end. Raises ValueError before the start."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size_bytes}[whence]
        if start + offset < 0:
            raise ValueError("a place before the start")
        self._at = start + offset
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        """Fills `buffer`, or as much of it as there is left. Raises MediumUnusable."""
        if self.closed:
            raise ValueError("the medium is closed")
        view = memoryview(buffer).cast("B")
        filled = 0
        while filled < len(view) and self._at < self.size_bytes:
            number, begin = divmod(self._at, CHUNK_BYTES)
            piece = memoryview(self._chunk_at(number))[begin : begin + len(view) - filled]
            view[filled : filled + len(piece)] = piece
            filled, self._at = filled + len(piece), self._at + len(piece)
        return filled

    def close(self) -> None:
        """Forgets what was open."""
        self._chunk = b""
        self._file.close()
        super().close()

    def _require_whole(self) -> None:
        """The head and the length are right, and the last chunk says that it is the last."""
        if os.pread(self._file.fileno(), _HEAD_BYTES, 0) != _MAGIC + self._medium_id.bytes:
            raise self._unusable("its file is another's, or no sealed medium")
        if os.fstat(self._file.fileno()).st_size != _sealed_bytes(self.size_bytes):
            raise self._unusable("its file is cut off, or longer than it was")
        self._chunk_at(self._last)

    def _chunk_at(self, number: int) -> bytes:
        if number != self._number:
            step = CHUNK_BYTES + _SEALED_MORE
            try:
                sealed = os.pread(self._file.fileno(), step, _HEAD_BYTES + number * step)
                opened = self._cipher.unseal(sealed, _bound_to(self._medium_id, number, last=number == self._last))
            except OSError as error:
                raise self._unusable("its file cannot be read") from error
            except ValueError as error:
                raise self._unusable("its file was changed") from error
            self._number, self._chunk = number, opened
        return self._chunk

    def _unusable(self, problem: str) -> MediumUnusable:
        return MediumUnusable(medium_id=str(self._medium_id), problem=problem)


def _cipher(key: bytes) -> Sealer:
    return Sealer(key, "a medium of the vault")


def _bound_to(medium_id: UUID, number: int, *, last: bool) -> bytes:
    return _MAGIC + medium_id.bytes + struct.pack(">q?", number, last)


def _sealed_bytes(size_bytes: int) -> int:
    """How long the sealed file of so many bytes is. Even nothing has one chunk, which says that it is all."""
    chunks = max(1, -(-size_bytes // CHUNK_BYTES))
    return _HEAD_BYTES + size_bytes + chunks * _SEALED_MORE


def _chunk(source: Source) -> bytes:
    """A whole chunk, or what is left: a source may give less at a time than it was asked for."""
    first = source.read(CHUNK_BYTES)
    if not first or len(first) == CHUNK_BYTES:
        return first
    pieces, size_bytes = [first], len(first)
    while size_bytes < CHUNK_BYTES and (piece := source.read(CHUNK_BYTES - size_bytes)):
        pieces.append(piece)
        size_bytes += len(piece)
    return b"".join(pieces)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
