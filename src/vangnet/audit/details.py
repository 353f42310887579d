"""What may be said about a deed, and the one way in which it is written down.

Details are kept as canonical JSON (RFC 8785, of which this is the part without fractions and with ASCII keys): the same
details give the same bytes, whoever writes them, and those bytes are what the chain is made of. Whatever could be written
in two ways is refused here, at the call, because it is a mistake in our own code and must not wait for the database.
"""

from collections.abc import Mapping
from json import JSONEncoder

#: Integers beyond this are rounded by many readers of JSON (RFC 8259, section 6).
INTEGER_MAX = 2**53 - 1
#: A batch's event holds its count and digest, not its members.
DETAILS_MAX_BYTES = 16_384
_DEPTH_MAX = 8

_encode = JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def canonical(details: Mapping[str, object]) -> str:
    """The details as canonical JSON.

    Raises TypeError for a value that is no text, whole number, truth value, None, list or dict of these: bytes, fractions,
    times and addresses are refused because they are personal data, hashes or media by their type, or are written
    differently by different programs. Raises ValueError for a text or number that JSON cannot carry unchanged, and for more
    than DETAILS_MAX_BYTES. The messages name the place, never the value.
    """
    _check(details, "details", 0)
    text = _encode(details)
    size_bytes = len(encodable(text, "details"))
    if size_bytes > DETAILS_MAX_BYTES:
        raise ValueError(f"details hold {size_bytes} bytes of JSON; at most {DETAILS_MAX_BYTES}: give a count and a digest")
    return text


def encodable(text: str, where: str) -> bytes:
    """`text` in UTF-8. Raises ValueError where PostgreSQL could not keep it: the character NUL, half a surrogate pair."""
    if "\0" in text:
        raise ValueError(f"{where} holds the character NUL, which the database cannot keep")
    try:
        return text.encode()
    except UnicodeEncodeError:
        # Not chained: that error's message quotes the text.
        raise ValueError(f"{where} holds half a surrogate pair, which has no form in UTF-8") from None


def _check(value: object, where: str, depth: int) -> None:
    if depth > _DEPTH_MAX:
        raise ValueError(f"{where} is nested more than {_DEPTH_MAX} deep")
    match value:
        case None | bool():
            pass
        case str():
            encodable(value, where)
        case int() if abs(value) > INTEGER_MAX:
            raise ValueError(f"{where} is a number beyond {INTEGER_MAX}, which readers of JSON would round")
        case int():
            pass
        case list() | tuple():
            for number, item in enumerate(value):
                _check(item, f"{where}[{number}]", depth + 1)
        case dict():
            _check_members(value, where, depth)
        case _:
            raise TypeError(
                f"{where} is a {type(value).__name__}; an audit event holds text, whole numbers, truth values, None, and "
                "lists and dicts of these"
            )


def _check_members(members: dict[object, object], where: str, depth: int) -> None:
    for key, item in members.items():
        # Keys outside ASCII are sorted differently by different programs.
        if not (isinstance(key, str) and key.isascii() and "\0" not in key):
            raise TypeError(f"{where} has a key that is not ASCII text")
        _check(item, f"{where}.{key}", depth + 1)
