"""What every reader of a list yields, and how the values in it are checked.

A problem says what is wrong with a value, never the value: a listed hash is a secret, and problems are stored and shown.
"""

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from vangnet.errors import InvalidInput
from vangnet.hashing.model import Convention
from vangnet.registry.model.entries import (
    HASHES_MAX,
    LENGTHS,
    OPAQUE_MAX_BYTES,
    REFERENCE_MAX,
    Category,
    EntryDraft,
    HashAlgorithm,
    ListedHash,
    MediaKind,
)

#: How much of a file is read at a time.
CHUNK_BYTES = 256 * 1024
#: `full~` only screens: what lies near a picture's hash is no hash of it that may be listed.
LISTED_CONVENTIONS = {
    "": Convention.FULL,
    **{convention.value: convention for convention in Convention if convention is not Convention.SCREEN},
}
_QUALITIES: dict[str, int | None] = {"": None, **{str(quality): quality for quality in range(101)}}
_PDQ = HashAlgorithm.PDQ
_PDQ_BYTES = LENGTHS[_PDQ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A row that can be an entry. `position` counts from 1: the line after the header, or the item in its array."""

    position: int
    draft: EntryDraft


class Packed(NamedTuple):
    """The same, sound and with its hashes packed as they are kept. A NamedTuple, because imports make millions of them."""

    position: int
    media_kind: MediaKind
    category: Category
    reference: str | None
    note: str | None
    packed: bytes

    def __repr__(self) -> str:
        return f"Packed(position={self.position})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A row that cannot. Where `field` is `file`, reading went no further."""

    position: int
    field: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """A row by which the supplier takes an entry back, named by its own reference."""

    position: int
    reference: str = field(repr=False)


Row = Taken | Packed | Skipped | Withdrawn

_NOT_UTF8 = "\N{REPLACEMENT CHARACTER}"

#: The field of the row that says that a file broke off.
FILE = "file"


class Readable(Protocol):
    """What bytes come from."""

    def read(self, size: int = ..., /) -> bytes:
        """At most `size` bytes; none at the end."""


class Refused(Exception):
    """A value that cannot be taken; becomes the row's Skipped."""

    def __init__(self, field_: str, problem: str) -> None:
        super().__init__(field_, problem)
        self.field = field_
        self.problem = problem


def chunks(stream: Readable) -> Iterator[bytes]:
    """The file's text in UTF-8 without its mark, whichever of UTF-8 and UTF-16 it was written in."""
    head = b""
    while len(head) < 4 and (more := stream.read(CHUNK_BYTES)):
        head += more
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise InvalidInput(field=FILE, problem="is written in UTF-32; UTF-8 and UTF-16 are read")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        # What is no UTF-16 becomes U+FFFD, which no hash holds: it spoils its own row, not the file.
        decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")
        yield decoder.decode(head).encode("utf-8", errors="replace")
        while more := stream.read(CHUNK_BYTES):
            yield decoder.decode(more).encode("utf-8", errors="replace")
        yield decoder.decode(b"", final=True).encode("utf-8", errors="replace")
        return
    yield head.removeprefix(codecs.BOM_UTF8)
    while more := stream.read(CHUNK_BYTES):
        yield more


def listed(algorithm: HashAlgorithm, text: str, *, field: str) -> ListedHash:
    """A hash as it stands in a file: hex digits where its form is known, else the supplier's text as it is.

    Raises Refused.
    """
    size = LENGTHS.get(algorithm)
    value = _opaque(text, field) if size is None else _hex(text, size, field)
    return ListedHash(algorithm=algorithm, value=value)


def pdq(text: str, *, convention: str, quality: str, field: str) -> ListedHash:
    """A PDQ hash with how the picture was brought to size before, and its quality where it is known. Raises Refused."""
    value = _hex(text, _PDQ_BYTES, field)
    known = LISTED_CONVENTIONS.get(convention)
    if known is None:
        raise Refused("pdq_convention", problem=f"must be one of {', '.join(name for name in LISTED_CONVENTIONS if name)}")
    told = _QUALITIES.get(quality, -1)
    if told == -1:
        raise Refused("pdq_quality", problem="must be a whole number from 0 to 100")
    return ListedHash(algorithm=_PDQ, value=value, convention=known, quality=told)


def other(name: str, text: str, *, field: str) -> ListedHash:
    """A hash of a kind that has no name here: kept with the supplier's name for it. Raises Refused."""
    return listed(HashAlgorithm.OTHER, f"{name.strip().replace(' ', '_')}={text}", field=field)


def other_parts(hash_: ListedHash) -> tuple[str, str]:
    """Name and text of what `other` made."""
    name, found, text = hash_.value.decode("ascii").partition("=")
    return (name, text) if found else ("other", name)


def line(text: str, *, field: str, most: int = REFERENCE_MAX) -> str:
    """A short text without control characters. Raises Refused."""
    if len(text) > most:
        raise Refused(field, problem=f"must have at most {most} characters, not {len(text)}")
    if _NOT_UTF8 in text:
        raise Refused(field, problem="is not written in UTF-8")
    if not text.isprintable():
        raise Refused(field, problem="must hold letters, digits and signs on one line")
    return text


def required(hashes: Sequence[ListedHash]) -> tuple[ListedHash, ...]:
    """The hashes of a row, each once. There must be one, and no two that contradict each other. Raises Refused."""
    if not hashes:
        raise Refused("hash", problem="is missing: a row needs at least one")
    if len(hashes) == 1:
        return (hashes[0],)
    if len(hashes) > HASHES_MAX:
        raise Refused("hash", problem=f"must be at most {HASHES_MAX} times in a row, not {len(hashes)}")
    found: dict[tuple[HashAlgorithm, Convention | None, bytes | None], ListedHash] = {}
    for each in hashes:
        # A picture has one hash of a kind (PDQ: a convention). `other` is many kinds, told apart by what they hold.
        other = each.value if each.algorithm is HashAlgorithm.OTHER else None
        before = found.setdefault((each.algorithm, each.convention, other), each)
        if before.value != each.value:
            raise Refused(each.algorithm.value, problem="is given twice, with different values")
    return tuple(found.values())


def _hex(text: str, size: int, field: str) -> bytes:
    if len(text) != size * 2:
        raise Refused(field, problem=f"must have {size * 2} hex digits, not {len(text)} characters")
    try:
        value = bytes.fromhex(text)
    except ValueError:
        raise Refused(field, problem="must have hex digits only") from None
    if len(value) != size:
        # `fromhex` passes over spaces between bytes.
        raise Refused(field, problem="must have hex digits only")
    return value


def _opaque(text: str, field: str) -> bytes:
    if len(text) > OPAQUE_MAX_BYTES:
        raise Refused(field, problem=f"must have at most {OPAQUE_MAX_BYTES} characters, not {len(text)}")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise Refused(field, problem="must hold ASCII letters, digits and signs without spaces")
    return text.encode("ascii")
