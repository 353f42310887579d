"""How the hashes of entries are kept: sealed with a key outside the database, and found again by a MAC."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from vangnet import _core
from vangnet.keys import Keys
from vangnet.registry.model.entries import ListedHash
from vangnet.registry.model.packing import key_of, unpack

#: What the hashes of an entry are sealed for; the associated data is the id of its list.
ENTRIES = "registry entries"
_KEYS = "registry entry keys"
_MAC_BYTES = 16


class EntryCipher:
    """Seals, opens and recognises entries. Safe to share between threads."""

    def __init__(self, keys: Keys) -> None:
        self._sealer = keys.sealer(ENTRIES)
        self._mac = keys.mac(_KEYS)

    def key(self, list_id: UUID, hashes: Iterable[ListedHash]) -> bytes:
        """By what the same entry of the same list is found again: 16 bytes."""
        return self._mac(key_of(list_id, hashes))[:_MAC_BYTES]

    def keys(self, list_id: UUID, packed: list[bytes]) -> list[bytes]:
        """The same of many entries, given by their packed hashes."""
        return [code[:_MAC_BYTES] for code in self._mac.each(_core.strongest_hashes(list_id.bytes, packed))]

    def seal(self, list_id: UUID, packed: bytes) -> bytes:
        """Packed hashes as they are kept."""
        return self._sealer.seal(packed, list_id.bytes)

    def seal_many(self, list_id: UUID, packed: Sequence[bytes]) -> list[bytes]:
        """Each of these as `seal` does it, faster."""
        return self._sealer.seal_many(packed, list_id.bytes)

    def open(self, list_id: UUID, sealed: bytes) -> tuple[ListedHash, ...]:
        """The hashes. Raises ValueError where other keys sealed them, for another list, or they were changed."""
        return unpack(self._sealer.unseal(sealed, list_id.bytes))
