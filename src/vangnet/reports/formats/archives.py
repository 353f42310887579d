"""What lies in a zip archive or a folder that somebody delivered: its members, their names made harmless.

Nothing is unpacked onto a disk, so that a name such as `../../etc/passwd` leads nowhere; names say what belongs together,
and are shown. Before anything is opened the archive's own directory is judged: how many members, how large, how tightly
packed, and whether two of them share the same bytes, which is how a small archive unpacks to petabytes (D. Fifield,
"A better zip bomb", WOOT 2019). Of a folder no link is followed, and nothing but files is opened.
"""

import contextlib
import io
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol, Self

from vangnet.errors import InvalidInput
from vangnet.reports.formats.reading import LINE_MAX, REPLACED, Problems, UnreadableReason, Values
from vangnet.reports.formats.xml import Stopped

_LOCKED = 0x1
_PACKED = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_LOCAL_HEADER_BYTES = 30
#: What the standard library raises on archives that are none, or damaged.
_BROKEN = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, ValueError, LookupError,
    OSError,
)  # fmt: skip
_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one delivery may ask for."""

    #: Files of one archive, or of one folder that is read as a whole.
    members: int = 200_000
    #: The archive's own directory, which is read whole.
    directory_bytes: int = 128 * 1024 * 1024
    #: One file, unpacked.
    member_bytes: int = 16 * 1024 * 1024 * 1024
    #: All files of one archive, unpacked.
    total_bytes: int = 512 * 1024 * 1024 * 1024
    #: How many times larger than packed a file may be …
    ratio: int = 200
    #: … from this size on: drawings of one colour are packed tightly, and are small.
    ratio_from_bytes: int = 64 * 1024 * 1024
    #: Folders inside folders.
    depth: int = 32


class Stream(Protocol):
    """A file of a delivery, opened."""

    def read(self, size: int = ..., /) -> bytes:
        """At most `size` bytes; none at the end. Raises InvalidInput where it is damaged."""

    def close(self) -> None:
        """Ends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file of a delivery."""

    #: Folders and name, what cannot be seen replaced; nothing is opened by it.
    path: str = field(repr=False)
    size_bytes: int
    _open: Callable[[], Stream] = field(repr=False)
    #: What was wrong with its name.
    noted: tuple[str, ...] = ()
    #: Where it lies, when it is an archive in a folder: a delivery of its own, unless a report speaks of it.
    archive: Path | None = field(default=None, repr=False)
    #: Why its bytes are not taken, where they are not.
    refused: tuple[UnreadableReason, str] | None = None

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]

    @property
    def folder(self) -> str:
        """The path of what it lies in; empty at the top."""
        return self.path.rpartition("/")[0]

    @contextlib.contextmanager
    def open(self) -> Iterator[Stream]:
        """Its bytes, while the delivery is open. Raises InvalidInput where it is refused or cannot be opened."""
        if self.refused is not None:
            raise InvalidInput(field="file", problem=self.refused[1])
        stream = self._open()
        try:
            yield stream
        finally:
            stream.close()


def harmless(written: str, *, now: datetime) -> tuple[str, tuple[str, ...]]:
    """A path inside the delivery, whatever the name says, and what was wrong with it."""
    parts = [part for part in written.replace("\\", "/").split("/") if part not in {"", "."}]
    problems = Problems()
    if written.startswith(("/", "\\")) or ".." in parts or _DRIVE.match(written) or "\0" in written:
        problems.note("a file's name points outside of what was delivered; it was read as if it did not")
    values = Values(problems, now=now)
    kept = [line for part in parts if part != ".." and (line := values.line(part.replace("\0", REPLACED)))]
    if not kept:
        problems.note("a file has no name")
        kept = ["unnamed"]
    if sum(map(len, kept)) > 4 * LINE_MAX:
        problems.note(f"a path of more than {4 * LINE_MAX} characters was cut to its name")
        kept = kept[-1:]
    return "/".join(kept), problems.told()


# --- archives ---


@contextlib.contextmanager
def open_zip(archived: Path | bytes, limits: Limits, *, now: datetime) -> Iterator[list[Member]]:
    """The members of an archive, which stays open meanwhile. Raises Stopped where it is not read at all."""
    with contextlib.ExitStack() as stack:
        try:
            source = io.BytesIO(archived) if isinstance(archived, bytes) else open_file(archived)
            file = stack.enter_context(_Guarded(source, limits.directory_bytes))
            archive = stack.enter_context(zipfile.ZipFile(file))
            members = _members(archive, file.size_bytes, limits, now=now)
        except InvalidInput as error:
            raise Stopped(UnreadableReason.NO_FILE, error.problem) from error
        except _BROKEN as error:
            raise Stopped(
                UnreadableReason.BROKEN, "it is no zip archive, or is cut off: ask the sender for a whole one"
            ) from error
        yield members


def _members(archive: zipfile.ZipFile, size_bytes: int, limits: Limits, *, now: datetime) -> list[Member]:
    # A name that ends like a folder's and has bytes is a file all the same.
    infos = [info for info in archive.infolist() if info.file_size or not info.filename.endswith("/")]
    if len(infos) > limits.members:
        raise Stopped(
            UnreadableReason.TOO_LARGE,
            f"it has {len(infos)} files, and {limits.members} is the limit: split it, or raise the limit",
        )
    total = sum(info.file_size for info in infos)
    if total > limits.total_bytes:
        raise Stopped(
            UnreadableReason.TOO_LARGE,
            f"it would unpack to {total} bytes, and {limits.total_bytes} is the limit: split it, or raise the limit",
        )
    if _overlap(archive.infolist(), archive.start_dir):
        raise Stopped(
            UnreadableReason.FORBIDDEN, "its files share the same bytes, which is how zip bombs are made: ask for another"
        )
    if total > limits.ratio_from_bytes and total > limits.ratio * max(size_bytes, 1):
        raise Stopped(
            UnreadableReason.TOO_LARGE,
            f"it would unpack to {total} bytes, more than {limits.ratio} times its own size: ask the sender for another",
        )
    members = []
    for info in infos:
        path, noted = harmless(info.orig_filename, now=now)
        members.append(
            Member(
                path=path,
                size_bytes=info.file_size,
                _open=_opener(archive, info),
                noted=noted,
                refused=_refused(info, limits),
            )
        )
    return members


def _overlap(infos: Sequence[zipfile.ZipInfo], directory_at: int) -> bool:
    """Whether two members, or one and the archive's directory, lie on the same bytes."""
    free_from = 0
    for info in sorted(infos, key=lambda one: one.header_offset):
        if info.header_offset < free_from:
            return True
        free_from = info.header_offset + _LOCAL_HEADER_BYTES + info.compress_size
    return free_from > directory_at


def _refused(info: zipfile.ZipInfo, limits: Limits) -> tuple[UnreadableReason, str] | None:
    if info.flag_bits & _LOCKED:
        return UnreadableReason.LOCKED, "a file has a password: unpack the archive yourself and deliver the folder"
    if info.compress_type not in _PACKED:
        return (
            UnreadableReason.BROKEN,
            "a file is packed in a way that is not read here (stored and deflated are): pack it anew",
        )
    if info.file_size > limits.member_bytes:
        return (
            UnreadableReason.TOO_LARGE,
            f"a file would unpack to {info.file_size} bytes, and {limits.member_bytes} is the limit: deliver it by itself",
        )
    if info.file_size > limits.ratio_from_bytes and info.file_size > limits.ratio * max(info.compress_size, 1):
        return (
            UnreadableReason.TOO_LARGE,
            f"a file would unpack to {info.file_size} bytes, more than {limits.ratio} times what it is packed",
        )
    return None


def _opener(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], Stream]:
    def opened() -> Stream:
        try:
            return _Checked(archive.open(info))  # type: ignore[arg-type]
        except _BROKEN as error:
            raise InvalidInput(field="file", problem="is damaged: ask the sender for a whole one") from error

    return opened


class _Checked:
    """A stream whose damage is told in our words."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes."""
        try:
            return self._stream.read(size)
        except _BROKEN as error:
            raise InvalidInput(field="file", problem="is damaged: ask the sender for a whole one") from error

    def close(self) -> None:
        """Ends it."""
        self._stream.close()


class _Guarded:
    """A file of which no more than a limit is read at a time: an archive's directory is read in one go."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file = file
        self._most = most
        self.size_bytes = file.seek(0, io.SEEK_END)
        file.seek(0)
        self.seek, self.tell, self.close = file.seek, file.tell, file.close

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes. Raises Stopped where that is too much."""
        left = max(self.size_bytes - self._file.tell(), 0)
        size = left if size is None or size < 0 else min(size, left)
        if size > self._most:
            raise Stopped(
                UnreadableReason.TOO_LARGE,
                f"it has a directory of more than {self._most} bytes: split it, or raise the limit",
            )
        return self._file.read(size)

    def seekable(self) -> bool:
        """It is."""
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


# --- folders ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What lies directly in a folder."""

    files: tuple[os.DirEntry[str], ...]
    folders: tuple[os.DirEntry[str], ...]
    #: Links, pipes, devices: never opened.
    others: int


def list_folder(path: Path | str) -> Listed:
    """What lies directly in a folder, by name. Raises InvalidInput where it cannot be listed."""
    files, folders, others = [], [], 0
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry)
                elif entry.is_file(follow_symlinks=False):
                    files.append(entry)
                else:
                    others += 1
    except OSError as error:
        raise InvalidInput(field="folder", problem=f"cannot be read: {error.strerror or 'it is gone'}") from error
    return Listed(
        files=tuple(sorted(files, key=lambda one: one.name)),
        folders=tuple(sorted(folders, key=lambda one: one.name)),
        others=others,
    )


def member_of(entry: os.DirEntry[str], inside: str, limits: Limits, *, now: datetime) -> Member:
    """A file of a folder."""
    try:
        size = entry.stat(follow_symlinks=False).st_size
    except OSError:
        size = 0
    refused = None
    if size > limits.member_bytes:
        problem = f"a file has {size} bytes, and {limits.member_bytes} is the limit: deliver it by itself"
        refused = (UnreadableReason.TOO_LARGE, problem)
    # Bytes of a name that are no UTF-8 come as lone surrogates, which become U+FFFD as all that cannot be seen.
    path, noted = harmless(f"{inside}/{entry.name}".lstrip("/"), now=now)
    return Member(
        path=path,
        size_bytes=size,
        _open=lambda: _Checked(open_file(Path(entry.path))),
        noted=noted,
        archive=Path(entry.path) if path.lower().endswith(".zip") else None,
        refused=refused,
    )


def open_file(path: Path) -> BinaryIO:
    """A file that is one, and no link. Raises InvalidInput."""
    try:
        # Without waiting: a pipe in its place would never answer.
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise InvalidInput(field="file", problem="cannot be opened: it is gone, a link, or not ours to read") from error
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise InvalidInput(field="file", problem="is no file: a folder, pipe or device lies there")
    return os.fdopen(number, "rb")
