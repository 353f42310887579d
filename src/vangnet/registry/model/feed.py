"""The change feed: what may change on a list, how a change is written as bytes, and how changes are chained. Pure.

Every change has a sequence number, without gaps, in the order in which transactions were committed. The changes of one
transaction are a commit; a commit's changes to one list are a group. A reader who may not see a list gets the digest of its
group in place of the group, so that everybody verifies the same chain and nobody learns what is not theirs.

All this is stated for outsiders in docs/explanation/registry-feed.md. A change makes a version 2 beside it, with other
tags: the bytes of a change are made anew whenever it is read, so they must be the same for ever.
"""

import base64
import hashlib
import itertools
import json
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from json import JSONEncoder
from json.encoder import encode_basestring
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from vangnet import _core
from vangnet.registry.model.changes import ChangeKind

#: What goes before the bytes of a group and of a link: no digest can pass for one of another kind.
GROUP_TAG = b"vangnet registry group 1\0"
CHAIN_TAG = b"vangnet registry chain 1\0"
#: What stands before the first commit.
GENESIS = bytes(32)
DIGEST_BYTES = 32
SALT_BYTES = 32

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_COMMIT = struct.Struct(">32sqqq")
_ADDITION_FIELDS = 9
_encode = JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode


class Addition(NamedTuple):
    """An entry that was added; `seq` is its number, too. A NamedTuple, because imports make millions of them.

    `state` is the one that it was added in. `packed` are its hashes, as `packing` writes them.
    """

    seq: int
    list_id: UUID
    category_id: int
    media: str
    state: str
    packed: bytes
    reference: str | None = None
    note: str | None = None
    replaces: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Any other change, as the stream tells it.

    `value` is what holds from now on: the list's name, its state, the category's classification, the entry's state.
    `scheme` and `name` are those of a category that was added. `NAMES` says which fields a kind has; the others are None.
    """

    seq: int
    kind: ChangeKind
    list_id: UUID
    entry_id: int | None = None
    category_id: int | None = None
    value: str | None = None
    scheme: str | None = None
    name: str | None = None
    reason: str | None = field(default=None, repr=False)


AnyChange: TypeAlias = Addition | Change

#: What the change of an addition is called in its line.
ENTRY_ADDED = "entry_added"
#: What a line of each other kind says beside `change` and `seq`: its fields, and where in `Change` they are.
NAMES: Mapping[ChangeKind, Mapping[str, str]] = {
    ChangeKind.LIST_ADDED: {"name": "value"},
    ChangeKind.LIST_RENAMED: {"name": "value"},
    ChangeKind.LIST_STATE: {"reason": "reason", "state": "value"},
    ChangeKind.CATEGORY_ADDED: {"category": "category_id", "name": "name", "scheme": "scheme"},
    ChangeKind.CATEGORY_MAPPED: {"category": "category_id", "classification": "value"},
    ChangeKind.ENTRY_STATE: {"entry": "entry_id", "reason": "reason", "state": "value"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A group that the reader may see. `lines` are its changes as written, each with its line end."""

    list_id: UUID
    salt: bytes = field(repr=False)
    lines: tuple[bytes, ...] = field(repr=False)

    @property
    def digest(self) -> bytes:
        """What the chain is made of."""
        return group_digest(self.list_id, self.salt, b"".join(self.lines))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """A group that the reader may not see."""

    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """The changes of one transaction, numbered `first` to `last`, one group for each list, in the order of their ids."""

    first: int
    last: int
    at: datetime
    groups: tuple[Shown | Hidden, ...]


def line(change: AnyChange) -> bytes:
    """A change as one line of canonical JSON (RFC 8785), with its line end.

    Raises ValueError where a text holds half of a UTF-16 pair.
    """
    return addition_line(change) if isinstance(change, Addition) else _change_line(change)


def addition_line(added: Addition) -> bytes:
    """The line of an addition, put together by hand: four times as fast as the encoder, which a test compares it with."""
    seq, _, category, media, state, packed, reference, note, replaces = added
    hashes = base64.b64encode(packed).decode()
    return (
        f'{{"category":{category},"change":"entry_added","hashes":"{hashes}","media":"{media}",'
        f'"note":{_text(note)},"reference":{_text(reference)},'
        f'"replaces":{"null" if replaces is None else replaces},"seq":{seq},"state":"{state}"}}\n'
    ).encode()


def lines(changes: Iterable[AnyChange]) -> bytes:
    """The lines of changes, one after the other: those of additions four times as fast again."""
    return b"".join(
        _core.addition_lines(list(run)) if kind is Addition else b"".join(map(line, run))  # type: ignore[arg-type]
        for kind, run in itertools.groupby(changes, type)
    )


def read_line(text: bytes, list_id: UUID) -> AnyChange:
    """The change that a line of the group of `list_id` says. Raises ValueError in words of ours."""
    said = json.loads(text)
    kind = said.get("change") if isinstance(said, dict) else None
    if kind == ENTRY_ADDED:
        return _read_addition(said, list_id)
    if kind not in set(ChangeKind):
        raise ValueError("a change of a kind that is not known here")
    names = NAMES[ChangeKind(kind)]
    if set(said) != names.keys() | {"change", "seq"}:
        raise ValueError("a change that has not the fields of its kind")
    if not _is_number(said["seq"]) or not all(_is_of(name, said[name]) for name in names):
        raise ValueError("a change with a field of another type")
    values = {attribute: said[name] for name, attribute in names.items()}
    return Change(seq=said["seq"], kind=ChangeKind(kind), list_id=list_id, **values)


def _read_addition(said: dict[str, Any], list_id: UUID) -> Addition:
    try:
        added = Addition(
            seq=said["seq"],
            list_id=list_id,
            category_id=said["category"],
            media=said["media"],
            state=said["state"],
            packed=base64.b64decode(said["hashes"], validate=True),
            reference=said["reference"],
            note=said["note"],
            replaces=said["replaces"],
        )
    except (KeyError, TypeError, ValueError):
        raise ValueError("an addition that has not the fields of one") from None
    numbers = _is_number(added.seq) and _is_number(added.category_id)
    texts = isinstance(added.media, str) and isinstance(added.state, str)
    may_lack = (added.replaces is None or _is_number(added.replaces)) and all(
        isinstance(text, str | None) for text in (added.reference, added.note)
    )
    if len(said) != _ADDITION_FIELDS or not (numbers and texts and may_lack):
        raise ValueError("an addition with a field of another type")
    return added


def _is_number(value: object) -> bool:
    return type(value) is int  # A truth value is an int, too, and is none of these.


def _is_of(name: str, value: object) -> bool:
    if name in {"category", "entry"}:
        return _is_number(value)
    return isinstance(value, str) or (value is None and name in {"reason", "classification"})


def _change_line(change: Change) -> bytes:
    said: dict[str, object] = {"change": change.kind.value, "seq": change.seq}
    said |= {name: getattr(change, attribute) for name, attribute in NAMES[change.kind].items()}
    return encoded(said) + b"\n"


def encoded(value: object) -> bytes:
    """The canonical JSON of texts, whole numbers, None, and lists and objects of these with ASCII keys."""
    return _encode(value).encode()


def _text(value: str | None) -> str:
    return "null" if value is None else encode_basestring(value)


def group_digest(list_id: UUID, salt: bytes, lines: bytes) -> bytes:
    """The digest of a group: 32 bytes. The salt keeps a reader who may not see the group from guessing what is in it."""
    return hashlib.sha256(GROUP_TAG + list_id.bytes + salt + lines).digest()


def link(before: bytes, *, first: int, last: int, at: datetime, digests: Iterable[bytes]) -> bytes:
    """The chain after a commit: it depends on every change before, their order, and when they were committed."""
    head = _COMMIT.pack(before, first, last, microseconds(at))
    return hashlib.sha256(CHAIN_TAG + head + b"".join(digests)).digest()


def grouped(changes: Sequence[AnyChange]) -> Iterator[tuple[UUID, list[AnyChange]]]:
    """The changes of one transaction by list: the lists in the order of their ids, the changes by number."""
    groups: dict[UUID, list[AnyChange]] = {}
    for change in changes:
        groups.setdefault(change.list_id, []).append(change)
    for list_id in sorted(groups):
        yield list_id, sorted(groups[list_id], key=_seq)


def salt_message(list_id: UUID, last: int) -> bytes:
    """What the hub's own key turns into the salt of the group of `list_id` in the commit that ends at `last`."""
    return list_id.bytes + struct.pack(">q", last)


def microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970-01-01T00:00:00Z, without leap seconds."""
    return (moment - _EPOCH) // _MICROSECOND


def _seq(change: AnyChange) -> int:
    return change.seq
