"""Signed heads: what proves, outside the database, how far the trail went and what it said.

A head is one line of JSON in a file of its day. Files are only ever appended to, so the folder may be one that allows
nothing else. A line that a crash cut off is ended by the next writer and skipped by readers; whoever can cut off a line can
delete it too, so skipping it gives nothing away.
"""

import contextlib
import fcntl
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from vangnet.audit.chain import Head, from_microseconds, head_message, microseconds
from vangnet.errors import DataFolderUnusable
from vangnet.keys import Keys, verifies

SETTING = "VANGNET_AUDIT_HEADS_DIR"
_FORMAT = "vangnet-audit-head-1"
_FILE_NAME = re.compile(r"heads-(\d{4}-\d\d-\d\d)(?:\.(\d+))?\.jsonl")
#: A line has about 400 bytes; the last whole one is within so many of the end, also behind lines of others.
_TAIL_BYTES = 65_536
_CHAIN_BYTES = 32
#: How PostgreSQL's and Python's times end; a number outside is a damaged line, not a crash of ours.
_MICROSECONDS_MAX = 253_402_300_799_999_999


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedHead:
    """A head, and whose signature it bears. The signature may be wrong: ask `genuine`."""

    head: Head
    public_key: bytes
    signature: bytes

    @property
    def genuine(self) -> bool:
        """Whether that key signed exactly this head."""
        return verifies(self.public_key, self.signature, head_message(self.head, self.public_key))


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadLine:
    """One line of a file of heads; `signed` is None where the line is no head. `torn`: a crash cut it off."""

    file: str
    number: int
    signed: SignedHead | None
    torn: bool = False


def sign(head: Head, keys: Keys) -> SignedHead:
    """The head with this installation's signature."""
    return SignedHead(head=head, public_key=keys.public_key, signature=keys.sign(head_message(head, keys.public_key)))


def format_line(signed: SignedHead) -> bytes:
    """The head as a line of a file. The time is there twice: exact for programs, readable for people."""
    line = {
        "format": _FORMAT,
        "position": signed.head.position,
        "chain": signed.head.chain.hex(),
        "sealed_at_us": microseconds(signed.head.sealed_at),
        "sealed_at": signed.head.sealed_at.isoformat(timespec="microseconds"),
        "public_key": signed.public_key.hex(),
        "signature": signed.signature.hex(),
    }
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def parse_line(line: bytes) -> SignedHead:
    """The other way round. Raises ValueError for anything that is not a head; says nothing about its signature."""
    try:
        fields = json.loads(line)
        if not isinstance(fields, dict) or fields.get("format") != _FORMAT:
            raise ValueError("no head")
        position, sealed_at_us = fields["position"], fields["sealed_at_us"]
        if type(position) is not int or type(sealed_at_us) is not int:
            raise ValueError("no whole numbers")
        chain = bytes.fromhex(fields["chain"])
        if not (0 < position < 2**63 and 0 <= sealed_at_us <= _MICROSECONDS_MAX and len(chain) == _CHAIN_BYTES):
            raise ValueError("out of range")
        head = Head(position=position, chain=chain, sealed_at=from_microseconds(sealed_at_us))
        if fields["sealed_at"] != head.sealed_at.isoformat(timespec="microseconds"):
            raise ValueError("two different times")
        return SignedHead(
            head=head, public_key=bytes.fromhex(fields["public_key"]), signature=bytes.fromhex(fields["signature"])
        )
    except (KeyError, TypeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError("no head") from error


def append(folder: Path, signed: SignedHead, *, apart: bool = False) -> Path:
    """Writes the head to the file of its day, or of a later day if there is one, and waits until the disk has it.

    `apart` begins a new file: for a chain that does not continue the heads written before. Raises DataFolderUnusable.
    """
    try:
        folder.mkdir(exist_ok=True)
        path = _file_for(folder, signed.head.sealed_at, apart=apart)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            size_bytes = os.fstat(descriptor).st_size
            torn = size_bytes > 0 and os.pread(descriptor, 1, size_bytes - 1) != b"\n"
            _write_all(descriptor, (b"\n" if torn else b"") + format_line(signed))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if size_bytes == 0:
            _sync_folder(folder)
    except OSError as error:
        raise _unusable(folder, error) from error
    return path


def find_last(folder: Path, public_key: bytes) -> SignedHead | None:
    """The last head that this key signed, in the newest file; None where there is none. Raises DataFolderUnusable."""
    files = list_files(folder)
    if not files:
        return None
    try:
        with files[-1].open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            tail = file.read()
    except OSError as error:
        raise _unusable(folder, error) from error
    for line in reversed(tail.split(b"\n")):
        with contextlib.suppress(ValueError):
            signed = parse_line(line)
            if signed.public_key == public_key and signed.genuine:
                return signed
    return None


def list_files(folder: Path) -> list[Path]:
    """The files of heads, oldest first; none where the folder does not exist. Raises DataFolderUnusable."""
    try:
        names = [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _unusable(folder, error) from error
    return [folder / name for name in sorted((name for name in names if _FILE_NAME.fullmatch(name)), key=_order)]


def sizes(folder: Path) -> dict[Path, int]:
    """The files of heads, oldest first, each with the bytes it has now. Raises DataFolderUnusable."""
    try:
        return {file: file.stat().st_size for file in list_files(folder)}
    except OSError as error:
        raise _unusable(folder, error) from error


def read_lines(file: Path, size_bytes: int) -> Iterator[HeadLine]:
    """Every line in the first `size_bytes` of a file of heads, in order. Raises DataFolderUnusable."""
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                size_bytes -= len(line)
                if size_bytes < 0:
                    return
                try:
                    yield HeadLine(file=file.name, number=number, signed=parse_line(line))
                except ValueError:
                    # A whole line ends with a brace: one that does not was never written to its end.
                    torn = not line.rstrip(b"\n").endswith(b"}")
                    yield HeadLine(file=file.name, number=number, signed=None, torn=torn)
    except OSError as error:
        raise _unusable(file.parent, error) from error


def _file_for(folder: Path, sealed_at: datetime, *, apart: bool) -> Path:
    files = list_files(folder)
    day, series = max([_order(files[-1].name)] if files else [], default=("", 1))
    today = sealed_at.date().isoformat()
    if today > day:
        return folder / f"heads-{today}.jsonl"
    # A clock that was put back does not make us write before what is there.
    series += apart
    return folder / (f"heads-{day}.jsonl" if series == 1 else f"heads-{day}.{series}.jsonl")


def _unusable(folder: Path, error: OSError) -> DataFolderUnusable:
    return DataFolderUnusable(folder=str(folder), problem=error.strerror or str(error), setting=SETTING)


def _order(name: str) -> tuple[str, int]:
    match = _FILE_NAME.fullmatch(name)
    return (match[1], int(match[2] or 1)) if match else ("", 1)


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
