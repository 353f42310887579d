"""Lists of perceptual hashes as text: 64 hex digits a line, digits in either case. A wrong line is never skipped."""

from collections.abc import Callable
from pathlib import Path

from vangnet import _core
from vangnet.errors import InvalidInput
from vangnet.hashing.model import HASH_BYTES

#: Read at once: large enough to be fast, small enough that a progress bar moves.
_CHUNK_BYTES = 16 * 1024 * 1024


def read_hash_lines(path: Path, *, progress: Callable[[int, int], None] | None = None) -> bytes:
    """The hashes of a file, 32 bytes each, in the order of its lines; `progress` is told (bytes read, bytes in all).

    Raises InvalidInput with the number of the first wrong line, from 1, and never with what stands there; OSError.
    """
    pieces: list[bytes] = []
    lines = 0
    rest = b""
    size = path.stat().st_size
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            whole, newline, rest = (rest + chunk).rpartition(b"\n")
            if newline:
                pieces.append(_parsed(path, whole + newline, before=lines))
                lines += len(pieces[-1]) // HASH_BYTES
            elif len(rest) > _CHUNK_BYTES:
                raise _wrong(path, line=lines + 1, length=len(rest))
            if progress is not None:
                progress(file.tell(), size)
    pieces.append(_parsed(path, rest, before=lines))
    return b"".join(pieces)


def parse_hash_line(line: bytes, *, source: str, number: int) -> bytes:
    """The hash of one line, the `number`th of `source`. Raises InvalidInput."""
    digits = line.rstrip(b"\r\n")
    if not digits:
        raise _wrong(source, line=number, length=0)
    return _parsed(source, digits, before=number - 1)


def _parsed(source: Path | str, text: bytes, *, before: int) -> bytes:
    try:
        return _core.parse_hashes(text)
    except ValueError as error:
        line, length = error.args
        raise _wrong(source, line=before + line + 1, length=length) from None


def _wrong(source: Path | str, *, line: int, length: int) -> InvalidInput:
    return InvalidInput(
        field=f"{source}, line {line}", problem=f"is not 64 hex digits, but {length} bytes of something else"
    )
