"""Index files at rest: sealed on the disk, open only in memory.

A file is sealed in chunks, each bound to its list, its place, and the moment in the stream of changes that the file holds.
It is opened into memory that has no name (`memfd_create`), which no other account can read. What is written while an index
is merged lies for that moment in a folder in memory, for its owner alone. What root can read is told in the threat model.
"""

import contextlib
import math
import os
import re
import shutil
import struct
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import structlog

from vangnet.errors import IndexUnusable, NotFound
from vangnet.hashing.index import Index
from vangnet.keys import Keys, Sealer
from vangnet.registry.model.pages import Cursor

_MAGIC = b"vangnet sealed index 1\n"
_HEAD = struct.Struct(">16s16sq32s")
_CHUNK_BYTES = 4 * 1024 * 1024
_SEALED_MORE = 28  # A nonce and a tag.
_PURPOSE = "registry index"
_IN_MEMORY = Path("/dev/shm")  # noqa: S108 (a folder of our own is made in it, for this account alone)
_PREFIX = "vangnet-index-"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Label:
    """What every chunk of a file is bound to."""

    list_id: UUID
    file_id: bytes
    mark: Cursor

    def packed(self) -> bytes:
        return _HEAD.pack(self.list_id.bytes, self.file_id, self.mark.position, self.mark.chain)

    def associated(self, number: int, *, last: bool) -> bytes:
        return self.packed() + struct.pack(">q?", number, last)


class _Room(threading.local):
    """What a thread opens chunks in, one after the other: fresh memory for each takes longer than opening it."""

    def __init__(self) -> None:
        self.chunk = bytearray(_CHUNK_BYTES + _SEALED_MORE)
        self.plain = bytearray(_CHUNK_BYTES)


class IndexFiles:
    """The sealed files of the indices of one installation: one a list, in `folder`."""

    def __init__(self, folder: Path, keys: Keys) -> None:
        self._folder = folder
        self._sealer: Sealer = keys.sealer(_PURPOSE)
        _remove_left_over()

    def find(self, list_id: UUID) -> tuple[Index, Cursor] | None:
        """A list's index as it was written last, and how much of the stream it holds; None where there is none.

        A file that cannot be read is told in the log and treated as none: everything is in the database, too.
        """
        try:
            with self._path(list_id).open("rb") as file:
                return self._opened(file, list_id)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, IndexUnusable, NotFound) as error:
            log.warning("index_file_unusable", list_id=str(list_id), problem=type(error).__name__)
            return None

    def merge(self, index: Index, list_id: UUID, mark: Cursor) -> bool:
        """Merges an index in memory and seals what came of it to the disk; says whether there was room to.

        `mark` is what the index held of the stream before the call.
        """
        try:
            with _folder_in_memory() as folder:
                if folder is None:
                    return False
                merged = folder / "index"
                index.merge(merged, mark=mark.position)
                with merged.open("rb") as file:
                    merged.unlink()  # It lives on in the mapping.
                    self._seal(file, list_id, mark)
        except OSError as error:
            log.warning("index_not_merged", list_id=str(list_id), problem=error.strerror)
            return False
        return True

    def _path(self, list_id: UUID) -> Path:
        return self._folder / f"{list_id}.sealed"

    def _opened(self, file: BinaryIO, list_id: UUID) -> tuple[Index, Cursor]:
        head = file.read(len(_MAGIC) + _HEAD.size)
        if len(head) < len(_MAGIC) + _HEAD.size or not head.startswith(_MAGIC):
            raise ValueError("not a sealed index")
        list_bytes, file_id, position, chain = _HEAD.unpack_from(head, len(_MAGIC))
        label = _Label(list_id=UUID(bytes=list_bytes), file_id=file_id, mark=Cursor(position=position, chain=chain))
        if label.list_id != list_id:
            raise ValueError("the index of another list")
        descriptor = os.memfd_create("vangnet-index", os.MFD_CLOEXEC)
        try:
            self._unseal(file.fileno(), descriptor, label, begin=len(head))
            return Index.open(Path(f"/proc/self/fd/{descriptor}")), label.mark
        finally:
            os.close(descriptor)

    def _unseal(self, sealed: int, opened: int, label: _Label, *, begin: int) -> None:
        """Opens all chunks, several at once: a start waits for it."""
        step = _CHUNK_BYTES + _SEALED_MORE
        count = math.ceil((os.fstat(sealed).st_size - begin) / step)

        def unseal(number: int) -> None:
            chunk, plain = memoryview(room.chunk), memoryview(room.plain)
            read = os.preadv(sealed, [chunk], begin + number * step)
            last = number == count - 1
            length = self._sealer.unseal_into(chunk[:read], label.associated(number, last=last), plain)
            rest, at = plain[:length], number * _CHUNK_BYTES
            while rest:
                written = os.pwrite(opened, rest, at)
                rest, at = rest[written:], at + written

        room = _Room()
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for _ in pool.map(unseal, range(count)):
                pass  # Whatever was raised is raised here.

    def _seal(self, file: BinaryIO, list_id: UUID, mark: Cursor) -> None:
        label = _Label(list_id=list_id, file_id=os.urandom(16), mark=mark)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, aside = tempfile.mkstemp(dir=self._folder, prefix=".new-")
        try:
            with os.fdopen(descriptor, "wb") as sealed:
                sealed.write(_MAGIC + label.packed())
                number, chunk = 0, file.read(_CHUNK_BYTES)
                while chunk:
                    following = file.read(_CHUNK_BYTES)
                    sealed.write(self._sealer.seal(chunk, label.associated(number, last=not following)))
                    number, chunk = number + 1, following
                sealed.flush()
                os.fsync(sealed.fileno())
            Path(aside).replace(self._path(list_id))
        except BaseException:
            Path(aside).unlink(missing_ok=True)
            raise


def merge_in_memory(index: Index) -> bool:
    """Merges an index that is in memory alone, and stays so; says whether there was room to."""
    try:
        with _folder_in_memory() as folder:
            if folder is None:
                return False
            merged = folder / "index"
            index.merge(merged)
            merged.unlink()  # It lives on in the mapping.
    except OSError as error:
        log.warning("index_not_merged", problem=error.strerror)
        return False
    return True


@contextlib.contextmanager
def _folder_in_memory() -> Iterator[Path | None]:
    """A folder that is in memory and for this account alone; None on a machine that has none."""
    if not (_IN_MEMORY.is_mount() and os.access(_IN_MEMORY, os.W_OK)):
        log.warning("index_not_merged", problem="there is no folder in memory at /dev/shm")
        yield None
        return
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", dir=_IN_MEMORY) as folder:
        yield Path(folder)


def _remove_left_over() -> None:
    """Removes what processes that were killed in the middle of a merge left in memory."""
    if not _IN_MEMORY.is_dir():
        return
    for folder in _IN_MEMORY.glob(f"{_PREFIX}*"):
        found = re.match(rf"{_PREFIX}(\d+)-", folder.name)
        with contextlib.suppress(OSError):
            if found and folder.stat().st_uid == os.geteuid() and not Path(f"/proc/{found[1]}").exists():
                shutil.rmtree(folder)
