"""Hashes of an entry as bytes, and ids as the index has them. Both are kept and exchanged: they never change their form.

Packed: the byte 1 (the form's version), then hash by hash its algorithm's code and its value. A PDQ hash has its
convention and its quality (255: not told) before the value, an opaque one its length (four bytes, big-endian).

An id in the index is 64 bits: whether a match only holds (1), the category (23), the entry (40). So a look-up tells the
entry, its category and with that its classification without a question to the database.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple
from uuid import UUID

from vangnet.hashing.model import Convention
from vangnet.registry.model.entries import LENGTHS, HashAlgorithm, ListedHash

_VERSION = b"\x01"
_NO_QUALITY = 255

#: Never renumbered.
CODES: Mapping[HashAlgorithm, int] = {
    HashAlgorithm.MD5: 1,
    HashAlgorithm.SHA1: 2,
    HashAlgorithm.SHA256: 3,
    HashAlgorithm.PDQ: 4,
    HashAlgorithm.PDQ_WINDOW: 5,
    HashAlgorithm.PHOTODNA: 16,
    HashAlgorithm.TMK_PDQF: 17,
    HashAlgorithm.NETCLEAN: 18,
    HashAlgorithm.VIDENTIFIER: 19,
    HashAlgorithm.SSVH_PDNA: 20,
    HashAlgorithm.SSVH_SAFER_HASH: 21,
    HashAlgorithm.OTHER: 31,
}
_ALGORITHMS = {code: algorithm for algorithm, code in CODES.items()}
#: In the order of their numbers.
CONVENTIONS = (Convention.FULL, Convention.FLOOR512, Convention.THUMBNAIL512)
_HEADS = {algorithm: bytes([CODES[algorithm]]) for algorithm in HashAlgorithm}
_KEY_HEADS = {
    (algorithm, convention): bytes([CODES[algorithm], 0 if convention is None else CONVENTIONS.index(convention)])
    for algorithm in HashAlgorithm
    for convention in (None, *CONVENTIONS)
}
_PDQ_HEADS: dict[tuple[Convention | None, int | None], bytes] = {
    (convention, quality): bytes([
        CODES[HashAlgorithm.PDQ],
        0 if convention is None else CONVENTIONS.index(convention),
        _NO_QUALITY if quality is None else quality,
    ])
    for convention in (None, *CONVENTIONS)
    for quality in (None, *range(101))
}  # fmt: skip
#: The strongest first: what tells whether two entries are the same.
_STRENGTH = (
    HashAlgorithm.SHA256,
    HashAlgorithm.SHA1,
    HashAlgorithm.MD5,
    HashAlgorithm.PDQ,
    HashAlgorithm.PDQ_WINDOW,
    *(algorithm for algorithm in HashAlgorithm if algorithm not in LENGTHS),
)
_RANK = {algorithm: rank for rank, algorithm in enumerate(_STRENGTH)}

CATEGORY_MAX = 2**23 - 1
ENTRY_MAX = 2**40 - 1
_HOLDS_ONLY = 1 << 63


def pack(hashes: Iterable[ListedHash]) -> bytes:
    """The hashes as bytes. They must be sound (`entries.require_sound_hash`)."""
    parts = [_VERSION]
    for hash_ in hashes:
        algorithm = hash_.algorithm
        if algorithm is HashAlgorithm.PDQ:
            parts.append(_PDQ_HEADS[hash_.convention, hash_.quality])
        else:
            parts.append(_HEADS[algorithm])
            if algorithm not in LENGTHS:
                parts.append(len(hash_.value).to_bytes(4, "big"))
        parts.append(hash_.value)
    return b"".join(parts)


def unpack(packed: bytes) -> tuple[ListedHash, ...]:
    """The hashes that were packed. Raises ValueError for anything else, and quotes nothing of it."""
    if packed[:1] != _VERSION:
        raise ValueError("packed hashes begin with a version that is not known here")
    try:
        return tuple(_unpacked(packed))
    except (IndexError, KeyError):
        raise ValueError("packed hashes break off, or have a code that is not known here") from None


def _unpacked(packed: bytes) -> Iterator[ListedHash]:
    at = 1
    while at < len(packed):
        algorithm = _ALGORITHMS[packed[at]]
        at += 1
        convention, quality = None, None
        if algorithm is HashAlgorithm.PDQ:
            convention = CONVENTIONS[packed[at]]
            quality = None if packed[at + 1] == _NO_QUALITY else packed[at + 1]
            at += 2
        length = LENGTHS.get(algorithm)
        if length is None:
            size = packed[at : at + 4]
            at += 4
            length = int.from_bytes(size, "big")
            if len(size) != 4 or not length:
                raise IndexError
        value = packed[at : at + length]
        if len(value) != length:
            raise IndexError
        at += length
        yield ListedHash(algorithm=algorithm, value=value, convention=convention, quality=quality)


def key_of(list_id: UUID, hashes: Iterable[ListedHash]) -> bytes:
    """What tells entries of a list apart: the list and the strongest hash. Kept only as its MAC."""
    best, strongest = len(_RANK), None
    for hash_ in hashes:
        rank = _RANK[hash_.algorithm]
        if rank < best:
            best, strongest = rank, hash_
    if strongest is None:
        raise ValueError("an entry without a hash has no key")
    return list_id.bytes + _KEY_HEADS[strongest.algorithm, strongest.convention] + strongest.value


class IndexId(NamedTuple):
    """What an id of the index says."""

    entry_id: int
    category_id: int
    #: A match only holds: the entry is proposed or disputed.
    proposed: bool


def index_id(entry_id: int, category_id: int, *, proposed: bool) -> int:
    """An entry's id in the index. Raises ValueError beyond 23 bits of categories or 40 of entries."""
    if not (0 < entry_id <= ENTRY_MAX and 0 < category_id <= CATEGORY_MAX):
        raise ValueError("an entry's or category's number does not fit into the index")
    return (_HOLDS_ONLY if proposed else 0) | category_id << 40 | entry_id


def read_index_id(id_: int) -> IndexId:
    """What an id of the index says."""
    return IndexId(id_ & ENTRY_MAX, id_ >> 40 & CATEGORY_MAX, bool(id_ & _HOLDS_ONLY))
