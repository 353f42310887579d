"""Whether a tree of frozen dataclasses holds what its types say: for what came from elsewhere. Pure.

`model.contents` reads what was sealed here and trusts it. What another installation wrote may hold a number where a text
belongs, and would fail much later, on somebody's page.
"""

import types
import typing
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any


def fits(value: Any, wanted: Any) -> bool:
    """Whether the value, and each in it, is of the type that is wanted."""
    if is_dataclass(wanted) and isinstance(wanted, type):
        return isinstance(value, wanted) and _fields_fit(value, wanted)
    origin, inside = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in {typing.Union, types.UnionType}:
        return any(fits(value, one) for one in inside)
    if origin is not None:
        return _each_fits(value, origin, inside)
    return isinstance(value, wanted) and _plain_fits(value, wanted)


def _fields_fit(value: Any, wanted: type) -> bool:
    hints = typing.get_type_hints(wanted)
    return all(fits(getattr(value, one.name), hints[one.name]) for one in fields(wanted))


def _each_fits(value: Any, origin: Any, inside: Sequence[Any]) -> bool:
    if origin is frozenset:
        return isinstance(value, frozenset) and all(fits(one, inside[0]) for one in value)
    if not isinstance(value, tuple):
        return False
    if origin is tuple and tuple(inside[1:]) != (Ellipsis,):
        return len(value) == len(inside) and all(map(fits, value, inside))
    return all(fits(one, inside[0]) for one in value)


def _plain_fits(value: Any, wanted: Any) -> bool:
    """No truth value for a number, no time without its zone, no text that the database cannot keep."""
    if wanted is int:
        return not isinstance(value, bool)
    if wanted is datetime:
        return value.tzinfo is not None
    return wanted is not str or "\0" not in value
