"""The one way to write a JSON value as bytes, so that two installations sign and digest the same thing.

It is the JSON Canonicalization Scheme (RFC 8785) for the values that it is asked to write: objects sorted by the UTF-16
units of their keys, no white space, UTF-8. Fractions are refused rather than formatted: what needs one says its unit and
sends a whole number. U+0000 is refused because PostgreSQL cannot keep it in text.
"""

import json
from typing import TypeAlias, cast

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"

#: Objects and arrays in each other. Ours need four.
DEPTH_MAX = 16
#: What a double holds exactly, and so what every JSON reader agrees on (RFC 7493, section 2.2).
INTEGER_MAX = 2**53 - 1


def encode(value: object, *, depth_max: int = DEPTH_MAX) -> bytes:
    """The canonical bytes of `value`. Raises ValueError where it has none; the message quotes nothing of the value."""
    text = json.dumps(_ordered(value, depth_max), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("a text holds half of a UTF-16 pair") from None


def decode(data: bytes) -> Json:
    """The value that `data` is the canonical form of.

    Raises ValueError for anything else, another spelling of the same value included: each value has exactly one.
    """
    try:
        value = json.loads(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None
    if encode(value) != data:
        raise ValueError("it is not in canonical form (RFC 8785)")
    return cast("Json", value)


def _ordered(value: object, depth: int) -> Json:
    match value:
        case None | bool():
            return value
        case int():
            if abs(value) > INTEGER_MAX:
                raise ValueError(f"a number is larger than {INTEGER_MAX}")
            return value
        case str():
            return _text(value)
        case list() | tuple():
            _require_depth(depth)
            return [_ordered(item, depth - 1) for item in value]
        case dict():
            _require_depth(depth)
            if not all(isinstance(key, str) for key in value):
                raise ValueError("a key is not a text")
            return {_text(key): _ordered(value[key], depth - 1) for key in sorted(value, key=_utf16)}
        case _:
            raise ValueError(f"a {type(value).__name__} cannot be written; whole numbers, texts, lists and objects can")


def _text(value: str) -> str:
    if "\0" in value:
        raise ValueError("a text holds the character U+0000")
    return value


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be", errors="surrogatepass")


def _require_depth(depth: int) -> None:
    if depth == 0:
        raise ValueError("it is nested too deeply")
