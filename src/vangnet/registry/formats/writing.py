"""What every writer of a list has in common."""

from typing import Protocol

from vangnet.registry.model.entries import LENGTHS, ListedHash


class Writable(Protocol):
    """Where bytes go."""

    def write(self, data: bytes, /) -> object:
        """Takes all of `data`."""


def hash_text(listed: ListedHash) -> str:
    """The hash as files have it: hex digits where its form is known, else the supplier's own text."""
    return listed.value.hex() if listed.algorithm in LENGTHS else listed.value.decode("ascii")
