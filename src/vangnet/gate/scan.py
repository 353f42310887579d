"""A store of files, gone through: which files there are, in one fixed order, and what each comes to.

Nothing outside the folders is reached: a link is never followed, not even one that is put in a folder's place while the
scan runs, because every part of a path is opened by itself, below the one before. Devices, sockets and pipes are not
opened. What a name holds does not matter: names are bytes here, and shown only through `shown`.

In memory are the names of the folders that lead to the present file, and of what lies in them; nothing grows with the
number of files.
"""

import errno
import os
import stat
import threading
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Protocol, Self
from uuid import UUID

from vangnet import _core
from vangnet.gate.model import OBJECT_ID_MAX, CheckAnswer, Decision, Door, Outcome
from vangnet.hashing.kinds import HEAD_BYTES, recognise
from vangnet.hashing.model import Digests, MediaFormat, Reason

_PIECE_BYTES = 1024 * 1024
#: So many files are under way for each that is worked on: a slow one holds the others up only when they are used up.
_AHEAD = 32
_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LISTED = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: Without waiting for whoever is at the other end, should a pipe be put in the file's place.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Kept(StrEnum):
    """What is kept of a match besides the report."""

    NAMED = "named"  #: A decision, with the file's path as the upload's name.
    NAMELESS = "nameless"  #: A decision without the path; the report has both.
    NOTHING = "nothing"  #: Nothing, and nobody hears of it.


class Unread(StrEnum):
    """Why a file was not read."""

    LINK = "link"  #: A symbolic link. What it leads to is found where it lies, if that is in the folders.
    NOT_A_FILE = "not_a_file"  #: A device, a socket or a pipe.
    GONE = "gone"  #: It was removed while the scan ran.
    REFUSED = "refused"  #: The system did not let it be opened or read. It is in the report.


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a file lies: in which of the folders, and its path below that."""

    folder: int
    path: bytes = field(repr=False)

    def order(self) -> tuple[int, list[bytes]]:
        """Places are gone through in this order."""
        return self.folder, self.path.split(b"/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """By what a changed file is known. The time of the last change to its status cannot be set by whoever owns it."""

    size: int
    modified_ns: int
    changed_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        """The stamp of a file with this status."""
        return cls(size=status.st_size, modified_ns=status.st_mtime_ns, changed_ns=status.st_ctime_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """What one file came to: the gate's answer, or why it was not read."""

    place: Place
    stamp: Stamp | None = None
    answer: CheckAnswer | None = None
    unread: Unread | None = None
    #: What the system said, where it refused.
    problem: str | None = None
    #: An earlier run of the same scan found this out.
    taken_over: bool = False

    @property
    def is_final(self) -> bool:
        """Whether a scan that goes on need not look again while the file stays as it is."""
        return self.answer is not None and self.answer.outcome is not Outcome.UNAVAILABLE

    @property
    def is_to_be_seen(self) -> bool:
        """Whether somebody has to look: a match, also one that only counts; anything not allowed; what was not read."""
        if self.answer is None:
            return self.unread is Unread.REFUSED
        return bool(self.answer.matches) or self.answer.decision is not Decision.ALLOW


# --- finding files ------------------------------------------------------------------------------------------------


class Folders:
    """The folders of a scan, held open: should one be moved meanwhile, the scan stays in it."""

    def __init__(self, paths: Sequence[Path], *, besides: Collection[Path] = ()) -> None:
        """`besides` are files that are left out: those of the scan itself."""
        self.paths = tuple(paths)
        self._besides = {
            Place(folder=number, path=os.fsencode(path.relative_to(root)))
            for number, root in enumerate(paths)
            for path in besides
            if path.is_relative_to(root)
        }
        self._open = ExitStack()
        self._roots: list[int] = []

    def __enter__(self) -> Self:
        """Raises OSError."""
        with ExitStack() as opened:
            for path in self.paths:
                root = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
                opened.callback(os.close, root)
                self._roots.append(root)
            self._open = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def full(self, place: Place) -> bytes:
        """The path by which the caller knows it."""
        return os.fsencode(self.paths[place.folder] / os.fsdecode(place.path))

    def walk(self) -> Iterator[Place | Scanned]:
        """Every file, in order; and what is no file, as not read."""
        for folder in range(len(self._roots)):
            waiting = [self._entries(Place(folder=folder, path=b""))]
            while waiting:
                entry = next(waiting[-1], None)
                match entry:
                    case None:
                        waiting.pop()
                    case Place():
                        if entry not in self._besides:
                            yield entry
                    case Scanned(place=place, unread=None):
                        waiting.append(self._entries(place))
                    case _:
                        yield entry

    def open(self, place: Place) -> BinaryIO:
        """The file, for reading. Raises OSError, also where a link or something else lies there now."""
        descriptor = self._opened(place, _FILE)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))
        return os.fdopen(descriptor, "rb", buffering=0)

    def stamp(self, place: Place) -> Stamp | None:
        """The file's stamp; None where there is no file now."""
        above, _, name = place.path.rpartition(b"/")
        try:
            folder = self._opened(Place(folder=place.folder, path=above), _FOLDER)
            try:
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            finally:
                os.close(folder)
        except OSError:
            return None
        return Stamp.of(status) if stat.S_ISREG(status.st_mode) else None

    def _entries(self, folder: Place) -> Iterator[Place | Scanned]:
        """What lies in a folder. A folder in it comes as something scanned of which nothing is known yet."""
        try:
            descriptor = self._opened(folder, _LISTED)
            try:
                with os.scandir(descriptor) as found:
                    entries = sorted((os.fsencode(entry.name), _what_is(entry)) for entry in found)
            finally:
                os.close(descriptor)
        except OSError as error:
            yield _not_read(folder, error)
            return
        prefix = folder.path + b"/" if folder.path else b""
        for name, what in entries:
            place = Place(folder=folder.folder, path=prefix + name)
            if what == _IS_FILE:
                yield place
            else:
                yield Scanned(place=place, unread=None if what == _IS_FOLDER else Unread(what))

    def _opened(self, place: Place, flags: int) -> int:
        """A descriptor of it, every part of the path opened by itself. Raises OSError."""
        *above, name = place.path.split(b"/")
        at = self._roots[place.folder]
        with ExitStack() as steps:
            for folder in above:
                at = os.open(folder, _FOLDER, dir_fd=at)
                steps.callback(os.close, at)
            return os.open(name or b".", flags, dir_fd=at)


_IS_FILE, _IS_FOLDER = "file", "folder"


#: What lies there now, where that is no file any more.
_NOW = {
    errno.ENOENT: Unread.GONE,
    errno.ELOOP: Unread.LINK,
    errno.ENOTDIR: Unread.GONE,
    errno.ENXIO: Unread.NOT_A_FILE,
}


def _what_is(entry: "os.DirEntry[str]") -> str:
    if entry.is_symlink():
        return Unread.LINK
    if entry.is_dir(follow_symlinks=False):
        return _IS_FOLDER
    return _IS_FILE if entry.is_file(follow_symlinks=False) else Unread.NOT_A_FILE


def _not_read(place: Place, error: OSError) -> Scanned:
    if unread := _NOW.get(error.errno or 0):
        return Scanned(place=place, unread=unread)
    return Scanned(place=place, unread=Unread.REFUSED, problem=error.strerror or type(error).__name__)


def shown(path: bytes) -> str:
    """A path as it can be shown, kept and logged: in one line, without anything that steers a terminal."""
    text = path.decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


# --- what a file comes to -----------------------------------------------------------------------------------------


class Asked(Protocol):
    """The gate, as far as a scan asks it."""

    def check(
        self,
        data: bytes,
        *,
        door: Door,
        provider_key: str | None,
        object_id: str | None,
        now: datetime,
        check_id: UUID | None,
        keep: bool,
    ) -> CheckAnswer:
        """The answer for a file."""
        ...

    def check_unread(
        self,
        reason: Reason,
        *,
        digests: Digests | None,
        door: Door,
        provider_key: str | None,
        object_id: str | None,
        now: datetime,
        check_id: UUID | None,
        keep: bool,
    ) -> CheckAnswer:
        """The answer for a file of which there are only digests."""
        ...


class Stopped(Exception):
    """The scan was told to end while it read a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """Asks the gate about files, each as an upload. Any number of threads may call it."""

    #: The same for every run of a scan: with it, a file that is checked again after a crash is the same decision.
    id: UUID
    folders: Folders
    gate: Asked
    clock: Callable[[], datetime]
    #: Larger pictures are not decoded.
    bytes_max: int
    keep: Kept = Kept.NAMED
    stopping: threading.Event = field(default_factory=threading.Event)

    def examine(self, place: Place) -> Scanned:
        """What the file there comes to. Raises Stopped."""
        try:
            with self.folders.open(place) as file:
                # As it was before it was read: what changes meanwhile is seen as changed the next time.
                stamp = Stamp.of(os.fstat(file.fileno()))
                return Scanned(place=place, stamp=stamp, answer=self._answer(place, stamp, file))
        except OSError as error:
            return _not_read(place, error)

    def _answer(self, place: Place, stamp: Stamp, file: BinaryIO) -> CheckAnswer:
        known = {
            "door": Door.SCAN,
            "provider_key": None,
            "object_id": self._object_id(place) if self.keep is Kept.NAMED else None,
            "now": self.clock(),
            "check_id": self._check_id(place, stamp),
            "keep": self.keep is not Kept.NOTHING,
        }
        read = bytearray(_filled(file, HEAD_BYTES))
        kind = recognise(bytes(read))
        if isinstance(kind, MediaFormat):
            while len(read) <= self.bytes_max and (piece := self._piece(file)):
                read += piece
            if len(read) <= self.bytes_max:
                return self.gate.check(bytes(read), **known)  # type: ignore[arg-type]
            kind = Reason.TOO_LARGE
        # What is not decoded is never in memory whole.
        digester = _core.Digester()
        digester.update(bytes(read))
        while piece := self._piece(file):
            digester.update(piece)
        md5, sha1, sha256_ = digester.finish()
        digests = Digests(md5=md5, sha1=sha1, sha256=sha256_)
        return self.gate.check_unread(kind, digests=digests, **known)  # type: ignore[arg-type]

    def _piece(self, file: BinaryIO) -> bytes:
        if self.stopping.is_set():
            raise Stopped
        return file.read(_PIECE_BYTES)

    def _check_id(self, place: Place, stamp: Stamp) -> UUID:
        told = (place.folder, stamp.size, stamp.modified_ns, stamp.changed_ns)
        return UUID(bytes=sha256(self.id.bytes + repr(told).encode() + place.path).digest()[:16], version=4)

    def _object_id(self, place: Place) -> str:
        name = shown(self.folders.full(place))
        # Of a long one the end says more; the report has all of it.
        return name if len(name) <= OBJECT_ID_MAX else "…" + name[1 - OBJECT_ID_MAX :]


def _filled(file: BinaryIO, length: int) -> bytes:
    """So many bytes, or all that there are: an unbuffered file may give less at once."""
    read = b""
    while len(read) < length and (piece := file.read(length - len(read))):
        read += piece
    return read


def scan_shard(scan: Scan, found: Iterable[Place | Scanned], *, jobs: int) -> Generator[Scanned]:
    """What each of `found` comes to, in the same order, `jobs` of them at once.

    The unit of work of a machine: `found` may be a whole folder, or the part of it that a cluster gave this machine. What
    was scanned already is passed on. Whatever ends it early, the files under way are finished and no others begun.
    """
    waiting: deque[Scanned | Future[Scanned]] = deque()
    with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="scan") as pool:
        try:
            for one in found:
                waiting.append(one if isinstance(one, Scanned) else pool.submit(scan.examine, one))
                while waiting and (len(waiting) > _AHEAD * jobs or _is_done(waiting[0])):
                    yield _result(waiting.popleft())
            while waiting:
                yield _result(waiting.popleft())
        except BaseException:
            scan.stopping.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _is_done(one: Scanned | Future[Scanned]) -> bool:
    return isinstance(one, Scanned) or one.done()


def _result(one: Scanned | Future[Scanned]) -> Scanned:
    return one if isinstance(one, Scanned) else one.result()
