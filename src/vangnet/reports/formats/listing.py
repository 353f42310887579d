"""What lies at a path, without reading all of it: by what the same delivery is known, and about how much it is.

Of a file the bytes count; of a folder the names, sizes and times of change of everything in it. No link is followed.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from vangnet.errors import InvalidInput
from vangnet.reports.formats.archives import open_file

_PIECE_BYTES = 1024 * 1024
_ARCHIVE, _DOCUMENT = ".zip", ".xml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What lies there."""

    #: The same for the same delivery.
    digest: bytes = field(repr=False)
    size_bytes: int
    #: About so many reports: archives, and folders with a document.
    reports: int


def list_path(path: Path) -> Listing:
    """What lies at a path. Raises InvalidInput where it cannot be opened at all."""
    if path.is_dir() and not path.is_symlink():
        return _folder(path)
    whole, size = hashlib.sha256(), 0
    with open_file(path) as file:
        while piece := file.read(_PIECE_BYTES):
            whole.update(piece)
            size += len(piece)
    return Listing(digest=whole.digest(), size_bytes=size, reports=1)


def _folder(path: Path) -> Listing:
    whole, size, reports = hashlib.sha256(), 0, 0
    documents: str | None = None
    for folder, name, status in _entries(path):
        whole.update(f"{folder}/{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
        size += status.st_size
        if name.lower().endswith(_ARCHIVE):
            reports += 1
        elif name.lower().endswith(_DOCUMENT) and not (folder == documents or folder.startswith(f"{documents}/")):
            documents = folder
            reports += 1
    return Listing(digest=whole.digest(), size_bytes=size, reports=reports)


def _entries(root: Path) -> Iterator[tuple[str, str, os.stat_result]]:
    """Every file below, in one order: its folder, its name, its status. What cannot be listed is told when it is read."""
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(root / folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            if folder == "":
                raise InvalidInput(field="path", problem=f"cannot be opened: {error.strerror or error}") from error
            continue
        below = []
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                below.append(f"{folder}/{entry.name}".lstrip("/"))
            else:
                yield folder, entry.name, entry.stat(follow_symlinks=False)
        waiting += reversed(below)
