"""What a report says, as bytes to be sealed, and back. Pure.

A draft is a tree of frozen dataclasses; what is empty is left out, so that a later version of Vangnet which knows more of a
report still reads what an earlier one wrote. Reading is strict: what was sealed here was written here.
"""

import functools
import json
import types
import typing
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass, replace
from datetime import datetime
from enum import Enum, StrEnum, auto
from typing import Any, TypeVar

from vangnet.reports.model.drafts import ItemDraft, ReportDraft

#: So many items lie in one part: a page of a report with 10,000 files need not open all of them.
ITEMS_A_PART = 200
#: What has no more than this is compressed with the smallest window, of as many bytes (as a power of two).
_LITTLE_BYTES, _LITTLE_WINDOW = 512, 9

_Tree = TypeVar("_Tree")


def as_parts(draft: ReportDraft) -> Iterator[bytes]:
    """The parts of a draft: first all but its items, then the items, ITEMS_A_PART each."""
    yield packed(replace(draft, items=()))
    for start in range(0, len(draft.items), ITEMS_A_PART):
        yield _pack([_writer(ItemDraft)(item) for item in draft.items[start : start + ITEMS_A_PART]])


def read_head(part: bytes) -> ReportDraft:
    """All of a draft but its items. Raises ValueError for what is none."""
    return unpacked(ReportDraft, part)


def read_items(part: bytes) -> list[ItemDraft]:
    """The items of one part. Raises ValueError for what is none."""
    read = _reader(ItemDraft)
    return [read(item) for item in _unpack(part)]


def part_of(position: int) -> tuple[int, int]:
    """In which part the item at this position lies, and where in it."""
    return 1 + position // ITEMS_A_PART, position % ITEMS_A_PART


def packed(tree: Any) -> bytes:
    """A dataclass of plain values, as bytes."""
    return _pack(as_plain(tree))


def is_packed(data: bytes) -> bool:
    """Whether this begins as what `packed` writes does (RFC 1950), and as no text does."""
    return data[:1] in {b"\x18", b"\x78"} and len(data) > 1 and (data[0] * 256 + data[1]) % 31 == 0 and data[1] < 0x20


def unpacked(kind: type[_Tree], data: bytes) -> _Tree:
    """The dataclass that `packed` wrote. Raises ValueError for anything else."""
    return as_tree(kind, _unpack(data))


def as_plain(tree: Any) -> dict[str, Any]:
    """A dataclass as plain JSON values; what has its default is left out."""
    kind: Any = type(tree)
    plain: dict[str, Any] = _writer(kind)(tree)
    return plain


def as_tree(kind: type[_Tree], plain: object) -> _Tree:
    """The dataclass that `as_plain` wrote. Raises ValueError for anything else."""
    wanted: Any = kind
    try:
        tree: _Tree = _reader(wanted)(plain)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"it is no {kind.__name__}") from error
    return tree


_written = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _pack(plain: object) -> bytes:
    data = _written(plain).encode("utf-8", "surrogatepass")
    if len(data) > _LITTLE_BYTES:
        return zlib.compress(data, 1)
    # Most of the time would go into clearing memory that so little data does not need.
    compressor = zlib.compressobj(1, wbits=_LITTLE_WINDOW, memLevel=1)
    return compressor.compress(data) + compressor.flush()


def _unpack(data: bytes) -> Any:
    try:
        return json.loads(zlib.decompress(data).decode("utf-8", "surrogatepass"))
    except zlib.error as error:
        raise ValueError("it is not what was packed here") from error


# --- one function a type, made once ---

_Function = Callable[[Any], Any]


@functools.cache
def _writer(kind: Any) -> _Function:
    """Writes a value of this type as plain JSON."""
    if is_dataclass(kind):
        return _dataclass_writer(kind)
    shape, inside = _shape(kind)
    match shape:
        case _Shape.OPTIONAL:
            one = _writer(inside[0])
            return lambda value: None if value is None else one(value)
        case _Shape.SET:
            one = _writer(inside[0])
            # Any order will do, as long as it is the same each time: equal content is known by its bytes.
            return lambda value: sorted(map(one, value), key=repr)
        case _Shape.LIST:
            one = _writer(inside[0])
            return lambda value: list(map(one, value))
        case _Shape.TUPLE:
            each = [_writer(argument) for argument in inside]
            return lambda value: [write(part) for write, part in zip(each, value, strict=True)]
        case _Shape.PLAIN:
            return _WRITE_PLAIN.get(kind, _as_it_is)


def _dataclass_writer(kind: Any) -> _Function:
    hints = typing.get_type_hints(kind)
    parts = [
        (one.name, one.default if one.default_factory is MISSING else one.default_factory(), _writer(hints[one.name]))
        for one in fields(kind)
    ]

    def write(value: Any) -> dict[str, Any]:
        written = {}
        for name, default, of in parts:
            part = getattr(value, name)
            if part is not default and part != default:
                written[name] = of(part)
        return written

    return write


@functools.cache
def _reader(kind: Any) -> _Function:
    """Reads what `_writer` wrote."""
    if is_dataclass(kind):
        return _dataclass_reader(kind)
    shape, inside = _shape(kind)
    match shape:
        case _Shape.OPTIONAL:
            one = _reader(inside[0])
            return lambda plain: None if plain is None else one(plain)
        case _Shape.SET:
            one = _reader(inside[0])
            return lambda plain: frozenset(map(one, plain))
        case _Shape.LIST:
            one = _reader(inside[0])
            return lambda plain: tuple(map(one, plain))
        case _Shape.TUPLE:
            each = [_reader(argument) for argument in inside]
            return lambda plain: tuple(read(part) for read, part in zip(each, plain, strict=True))
        case _Shape.PLAIN:
            named = isinstance(kind, type) and issubclass(kind, StrEnum)
            return kind if named else _READ_PLAIN.get(kind, _as_it_is)


def _dataclass_reader(kind: Any) -> _Function:
    hints = typing.get_type_hints(kind)
    parts = {one.name: _reader(hints[one.name]) for one in fields(kind)}
    return lambda plain: kind(**{name: parts[name](part) for name, part in plain.items()})


class _Shape(Enum):
    OPTIONAL = auto()
    SET = auto()
    LIST = auto()
    TUPLE = auto()
    PLAIN = auto()


def _shape(kind: Any) -> tuple[_Shape, tuple[Any, ...]]:
    """How a type is built, and of what."""
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if origin in {typing.Union, types.UnionType}:
        return _Shape.OPTIONAL, tuple(one for one in inside if one is not type(None))
    if origin is frozenset:
        return _Shape.SET, inside
    if origin is Sequence or (origin is tuple and inside[1:] == (Ellipsis,)):
        return _Shape.LIST, inside[:1]
    return (_Shape.TUPLE, inside) if origin is tuple else (_Shape.PLAIN, ())


def _as_it_is(value: Any) -> Any:
    return value


_WRITE_PLAIN: Mapping[Any, _Function] = {datetime: datetime.isoformat, bytes: bytes.hex}
_READ_PLAIN: Mapping[Any, _Function] = {datetime: datetime.fromisoformat, bytes: bytes.fromhex}
