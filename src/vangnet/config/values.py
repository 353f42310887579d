"""What settings can be where they are neither text nor a number, and limits as the edges hand them on."""

import ipaddress
from datetime import timedelta
from enum import StrEnum
from typing import TypedDict


class LogFormat(StrEnum):
    AUTO = "auto"  #: Readable on a terminal, JSON otherwise.
    TEXT = "text"  #: Readable lines.
    JSON = "json"  #: One JSON object a line.


class DoorsUse(StrEnum):
    UPLOADS = "uploads"  #: What people store with the provider.
    MAIL = "mail"  #: Mail under way.
    CHAT = "chat"  #: Messages between people.
    FORWARD_PROXY = "forward_proxy"  #: What people fetch or send anywhere.


class FetchFrom(StrEnum):
    NOWHERE = "nowhere"  #: No file is fetched.
    PUBLIC = "public"  #: Addresses that anybody on the internet could ask, at the usual ports.
    ANYWHERE = "anywhere"  #: This machine and private networks, too: for tests, and for closed networks.


class DoorsNames(StrEnum):
    CHECK = "check"  #: The check's number alone: clients show the name to the uploader, who must not learn of lists.
    ENTRY = "entry"  #: The list and the entry's number, for clients whose answers only the provider's staff see.


class ProbingLimits(TypedDict):
    """From when on it is unusual what somebody asks the gate."""

    key_matches: int
    key_share: float
    key_variants: int
    uploader_matches: int
    uploader_variants: int
    lasts: timedelta
    refuses_uploaders: bool


class MediaLimits(TypedDict):
    """What one file that is hashed may ask for: the fields of `hashing.model.Limits`."""

    bytes: int
    pixels: int
    frames: int
    seconds: float
    memory_bytes: int
    quality: int


def listen_address(text: str) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int] | None:
    """The address and port in `127.0.0.1:3310` or `[::1]:3310`; None where it is something else, a path for example."""
    host, _, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        address = ipaddress.ip_address(host[1:-1] if bracketed else host)
    except ValueError:
        return None
    if (address.version == 6) is not bracketed or not (port.isascii() and port.isdecimal() and int(port) < 65536):
        return None
    return address, int(port)
