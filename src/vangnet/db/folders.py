"""The data folder: made, checked, locked, and its errors told as ours."""

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from vangnet.errors import DataFolderUnusable, StorageFull

_SETTING = "VANGNET_DATA_DIR"
#: With less, PostgreSQL cannot write its lock file, nor say so in its log.
_LEAST_FREE_BYTES = 64 * 1024


def make_data_dir(folder: Path) -> None:
    """Makes the data folder where it is missing. Raises DataFolderUnusable, StorageFull."""
    with told_as_ours(folder):
        # Somebody else may be making it at this moment.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
        if os.geteuid() == 0 and status.st_uid != 0:
            # What root leaves in it, the account to which it belongs could not use any more.
            raise PermissionError(0, f"it belongs to the account with number {status.st_uid}; run Vangnet as that account")
        if status.st_mode & 0o002:
            raise PermissionError(0, "every account of this machine can write to it")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(0, "this account has no right to write to it")


@contextlib.contextmanager
def told_as_ours(folder: Path) -> Iterator[None]:
    """What the operating system refuses in `folder`, as ours. Raises DataFolderUnusable, StorageFull."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull(problem=f"`{folder}` cannot be written to") from error
        if error.filename is not None and os.fspath(error.filename) != str(folder):
            reason = f"{reason} (`{error.filename}`)"
        raise DataFolderUnusable(folder=str(folder), problem=reason, setting=_SETTING) from error


def open_lock(path: Path) -> int:
    """A descriptor of the lock file, which is made where it is missing. A link in its place is not followed."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)


def lock_now(descriptor: int) -> bool:
    """Whether the lock is now this descriptor's alone (flock(2))."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def rename(whole: Path, name: Path) -> None:
    """Gives what was built aside its name, so that a power cut leaves either nothing or all of it under that name."""
    whole.rename(name)
    folder = os.open(name.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def private(path: str, flags: int) -> int:
    """An opener for files that are this account's alone."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def is_full(folder: Path) -> bool:
    """Whether the disk under `folder` has no room to speak of."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize < _LEAST_FREE_BYTES or (disk.f_files > 0 and disk.f_favail == 0)
