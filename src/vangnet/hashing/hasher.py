"""The bytes of a file → its outcome: digests always, and either hashes that count or the reason why there are none."""

from pathlib import Path

from vangnet import _core
from vangnet.hashing import jpeg
from vangnet.hashing.kinds import HEAD_BYTES, recognise
from vangnet.hashing.model import (
    Convention,
    Decoded,
    Digests,
    Hashed,
    Limits,
    MediaFormat,
    Outcome,
    Reason,
    Unhashable,
)
from vangnet.hashing.sandbox import Sandbox

_PIECE_BYTES = 1024 * 1024
_FULL = frozenset({Convention.FULL})
_SCREEN = frozenset({Convention.SCREEN})
_SMALL = frozenset({jpeg.Unread.SMALL, jpeg.Unread.CUTS})


class Hasher:
    """Hashes files in a sandbox, within the sandbox's limits. Any number of threads may call it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    @property
    def limits(self) -> Limits:
        """How much one file may ask for."""
        return self._sandbox.limits

    def hash_bytes(
        self,
        data: bytes,
        conventions: frozenset[Convention] = _FULL,
        *,
        cuts: bool = False,
        windows: bool = False,
    ) -> Outcome:
        """The outcome of the file `data`, with hashes in each of `conventions`; with `cuts`, of its parts that are worth a
        look-up, too, and with `windows`, of those by which crops of it are found once it is listed."""
        kind = recognise(data[:HEAD_BYTES])
        if isinstance(kind, Reason):
            return Unhashable(digests=Digests.of(data), reason=kind)
        digests: list[Digests] = []
        decoded = self._sandbox.decode(
            data, kind, conventions, cuts=cuts, windows=windows, meanwhile=lambda: digests.append(Digests.of(data))
        )
        return self._judge(digests[0], kind, decoded)

    def screen_bytes(self, data: bytes, *, cuts: bool = False) -> Outcome:
        """The outcome of the file `data` in the convention in which it is examined soonest: a JPEG's `full~` where that is
        cheap to come by, else `full`."""
        if recognise(data[:HEAD_BYTES]) is not MediaFormat.JPEG:
            return self.hash_bytes(data, cuts=cuts)
        read = jpeg.read(data, self._sandbox.limits, cuts=cuts)
        if isinstance(read, Decoded):
            return self._judge(Digests.of(data), MediaFormat.JPEG, read)
        # A small picture is decoded whole in less time than its `full~`, which lies less near, takes to be looked up.
        return self.hash_bytes(data, _FULL if read in _SMALL else _SCREEN, cuts=cuts)

    def hash_file(self, path: Path, conventions: frozenset[Convention] = _FULL, *, windows: bool = False) -> Outcome:
        """The same of a file on disk; what is not decoded is never read into memory whole. Raises OSError."""
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            kind = recognise(head)
            if isinstance(kind, MediaFormat):
                most = self._sandbox.limits.bytes
                data = head + file.read(max(most + 1 - len(head), 0))
                if len(data) <= most:
                    return self.hash_bytes(data, conventions, windows=windows)
                head, kind = data, Reason.TOO_LARGE
            digester = _core.Digester()
            while head:
                digester.update(head)
                head = file.read(_PIECE_BYTES)
            md5, sha1, sha256 = digester.finish()
            return Unhashable(digests=Digests(md5=md5, sha1=sha1, sha256=sha256), reason=kind)

    def _judge(self, digests: Digests, media_format: MediaFormat, decoded: Decoded | Reason) -> Outcome:
        if isinstance(decoded, Reason):
            return Unhashable(digests=digests, reason=decoded)
        best = max(transform.quality for frame in decoded.frames for transform in frame.transforms)
        if decoded.damaged or best < self._sandbox.limits.quality:
            reason = Reason.DAMAGED if decoded.damaged else Reason.LOW_QUALITY
            return Unhashable(digests=digests, reason=reason, frames=decoded.frames, frames_total=decoded.frames_total)
        return Hashed(
            digests=digests,
            format=media_format,
            width=decoded.width,
            height=decoded.height,
            frames_total=decoded.frames_total,
            frames=decoded.frames,
        )
