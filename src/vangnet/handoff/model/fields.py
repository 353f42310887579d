"""Reading the documents that cross: strictly, so that each value has one spelling. Raises ValueError in our own words."""

import contextlib
import re
from datetime import UTC, datetime
from uuid import UUID

from vangnet.handoff.model.canonical import Json

#: The version of all this that two installations must share.
PROTOCOL = 1
KEY_BYTES = 32
SIGNATURE_BYTES = 64
DIGEST_BYTES = 32
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


def exactly(value: Json, names: frozenset[str]) -> dict[str, Json]:
    """The object, where it has exactly these fields."""
    if not isinstance(value, dict) or set(value) != names:
        raise ValueError(f"it must have exactly the fields {', '.join(sorted(names))}")
    return value


def require_protocol(value: Json) -> None:
    """Raises unless it is the version that we speak."""
    if value is True or value != PROTOCOL:
        raise ValueError(f"`protocol` must be {PROTOCOL}")


def text(value: Json) -> str:
    """A text."""
    if not isinstance(value, str):
        raise ValueError("a text was expected")
    return value


def uuid_(value: Json) -> UUID:
    """An id in its usual form, in small letters."""
    read = text(value)
    with contextlib.suppress(ValueError):
        found = UUID(read)
        if str(found) == read:
            return found
    raise ValueError("an id must be a UUID in lower case")


def hex_bytes(value: Json, size_bytes: int) -> bytes:
    """So many bytes, written as hexadecimal digits in small letters."""
    read = text(value)
    if re.fullmatch(rf"[0-9a-f]{{{size_bytes * 2}}}", read) is None:
        raise ValueError(f"a key, digest or signature must be {size_bytes * 2} hexadecimal digits in lower case")
    return bytes.fromhex(read)


def instant(value: Json) -> datetime:
    """A time in UTC with six decimals of the second."""
    read = text(value)
    with contextlib.suppress(ValueError):
        found = datetime.strptime(read, _TIME).replace(tzinfo=UTC)
        if written(found) == read:
            return found
    raise ValueError("a time must be like 2026-11-21T13:02:07.000000Z")


def written(at: datetime) -> str:
    """A time as `instant` reads it."""
    return at.astimezone(UTC).strftime(_TIME)
