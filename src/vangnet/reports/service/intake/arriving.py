"""The files that come with a report: examined in isolation, sealed into the vault, and nothing of them left anywhere else.

This happens before the report's transaction: what is durable in the vault and belongs to no report is swept away later.
"""

import io
from dataclasses import dataclass, field
from typing import Protocol

from vangnet import _core
from vangnet.hashing.hasher import Hasher
from vangnet.hashing.model import Convention, Hashed, Unhashable
from vangnet.vault.files import VaultFiles
from vangnet.vault.model import SealedFile

_PIECE_BYTES = 1024 * 1024
_UNKNOWN_TYPE = "application/octet-stream"


class Source(Protocol):
    """Where a file comes from."""

    def read(self, size: int = ..., /) -> bytes:
        """Up to `size` bytes; none at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivedFile:
    """A file that came, as far as a program can tell what it is."""

    #: None where the vault takes nothing in: then there is nothing of it but its hashes.
    sealed: SealedFile | None
    size_bytes: int
    media_type: str
    digests: tuple[tuple[str, bytes], ...] = field(repr=False)
    #: The true hash of its first picture.
    pdq: bytes | None = field(repr=False)
    pdq_quality: int | None
    #: Why it has no hash that counts.
    unhashable: str | None

    @property
    def trusted_pdq(self) -> bytes | None:
        """Its hash where that proves something."""
        return self.pdq if self.unhashable is None else None


class FileTaker:
    """Examines and seals files. Any number of threads may call it."""

    def __init__(self, hasher: Hasher, vault: VaultFiles | None, *, bytes_max: int) -> None:
        self._hasher = hasher
        self._vault = vault
        self._bytes_max = bytes_max

    def take(self, source: Source) -> ArrivedFile:
        """Examines and seals a file. Raises what `source` raises, TooLarge, StorageFull, DataFolderUnusable."""
        data = _up_to(source, self._bytes_max + 1)
        if len(data) > self._bytes_max:
            return self._take_large(data, source)
        sealed = None if self._vault is None else self._vault.seal(io.BytesIO(data))
        outcome = self._hasher.hash_bytes(data)
        frame = outcome.frames[0] if outcome.frames else None
        hash_ = None if frame is None else frame.hashes().get(Convention.FULL)
        digests = outcome.digests
        return ArrivedFile(
            sealed=sealed,
            size_bytes=len(data),
            media_type=f"image/{outcome.format}" if isinstance(outcome, Hashed) else _UNKNOWN_TYPE,
            digests=(("md5", digests.md5), ("sha1", digests.sha1), ("sha256", digests.sha256)),
            pdq=None if hash_ is None else hash_.hash,
            pdq_quality=None if hash_ is None else hash_.quality,
            unhashable=outcome.reason.value if isinstance(outcome, Unhashable) else None,
        )

    def _take_large(self, head: bytes, source: Source) -> ArrivedFile:
        """A file that is never in memory whole, such as a long video: its digests and no more."""
        digested = _Digested(head, source)
        sealed = None if self._vault is None else self._vault.seal(digested)
        digested.drain()
        md5, sha1, sha256 = digested.digester.finish()
        return ArrivedFile(
            sealed=sealed,
            size_bytes=digested.size_bytes,
            media_type=_UNKNOWN_TYPE,
            digests=(("md5", md5), ("sha1", sha1), ("sha256", sha256)),
            pdq=None,
            pdq_quality=None,
            unhashable="too_large",
        )


class _Digested:
    """A source that digests what is read of it."""

    def __init__(self, head: bytes, source: Source) -> None:
        self._head = io.BytesIO(head)
        self._source = source
        self.digester = _core.Digester()
        self.size_bytes = 0

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes; none at the end."""
        piece = self._head.read(size) or self._source.read(size)
        self.digester.update(piece)
        self.size_bytes += len(piece)
        return piece

    def drain(self) -> None:
        """Reads to the end, and keeps nothing."""
        while self.read(_PIECE_BYTES):
            pass


def _up_to(source: Source, most: int) -> bytes:
    pieces = []
    left = most
    while left > 0 and (piece := source.read(min(left, _PIECE_BYTES))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)
