"""The chain: how an event becomes a leaf, how leaves are linked, and what a head signs. Pure; version 1 of each.

Everything here is stated for outsiders in docs/explanation/audit-trail.md, so that they can write a verifier of their own.
A change makes a version 2 beside it, with other tags; what was sealed under version 1 is checked under version 1 forever.
"""

import hashlib
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

#: What goes before the bytes of an event, of a link and of a head: no digest or signature can pass for one of another kind.
EVENT_TAG = b"vangnet audit event 1\0"
LINK_TAG = b"vangnet audit link 1\0"
HEAD_TAG = b"vangnet audit head 1\0"
#: What stands before the first link.
GENESIS = bytes(32)
#: The leaf of an event that was gone when the sealer came for it. No event has it, so the gap is named forever.
VANISHED = bytes(32)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LINK = struct.Struct(">32sqq32s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """One link of the chain. `leaf` and `chain` are 32 bytes each; positions count from 1."""

    position: int
    event_id: int
    leaf: bytes
    chain: bytes
    sealed_at: datetime


#: A seal as a verification reads it: position, event id, leaf, chain, microseconds of sealing. A hand may have put anything
#: there: no length is sure, and the time may be none.
SealRow: TypeAlias = tuple[int, int, bytes, bytes, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The newest link at some moment: it stands for everything before it."""

    position: int
    chain: bytes
    sealed_at: datetime


def leaf(encoded: bytes) -> bytes:
    """The digest of one event, from its encoding: eight fields in the order of AuditEvent, each its length in bytes
    (unsigned, 4 bytes, big-endian) and then its value.

    id: signed, 8 bytes, big-endian. at: microseconds since 1970-01-01T00:00:00Z, likewise. The other six: UTF-8, `details`
    exactly as `details.canonical` wrote them. (It is also how PostgreSQL sends a row in COPY BINARY, less the number of
    fields: that is why a million events are checked in seconds.)
    """
    return hashlib.sha256(EVENT_TAG + encoded).digest()


def link(before: bytes, position: int, sealed_at_us: int, leaf: bytes) -> bytes:
    """The chain's value at `position`: it depends on everything sealed before, its order, and when it was sealed."""
    return hashlib.sha256(LINK_TAG + _LINK.pack(before, position, sealed_at_us, leaf)).digest()


def head_message(head: Head, public_key: bytes) -> bytes:
    """What is signed: the tag, then the public key, position, chain and time. 32, 8, 32 and 8 bytes."""
    return HEAD_TAG + public_key + struct.pack(">q32sq", head.position, head.chain, microseconds(head.sealed_at))


def microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970-01-01T00:00:00Z, without leap seconds."""
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(count: int) -> datetime:
    """The other way round."""
    return _EPOCH + count * _MICROSECOND
