"""Hash lists for tests: made-up hashes only, put into the registry as its services do."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from vangnet.audit.model import Actor, ActorKind
from vangnet.db import Database
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.registry.model.changes import ChangeKind, NewChange, NewEntry
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.entries import EntryState, HashAlgorithm, ListedHash
from vangnet.registry.model.lists import ListState
from vangnet.registry.model.packing import pack
from vangnet.registry.service import categories, lists
from vangnet.registry.service.publishing import change_entry, publish
from vangnet.registry.service.sealing import EntryCipher
from vangnet.registry.store import entries as entry_store
from vangnet.registry.store import lists as list_store

ONE = Actor(kind=ActorKind.CONSOLE, id="1", permissions=frozenset(Permission))
OTHER = Actor(kind=ActorKind.CONSOLE, id="2", permissions=frozenset(Permission))


def made_up_hash(dice: random.Random) -> bytes:
    """A PDQ hash of no picture."""
    return dice.randbytes(32)


def near(hash_: bytes, bits: int, dice: random.Random) -> bytes:
    """Another hash, so many bits away."""
    value = int.from_bytes(hash_, "big")
    for bit in dice.sample(range(256), bits):
        value ^= 1 << bit
    return value.to_bytes(32, "big")


@dataclass(kw_only=True)
class TestList:
    """A list of an installation, with one category."""

    __test__ = False

    database: Database = field(repr=False)
    keys: Keys = field(repr=False)
    id: UUID
    category_id: int

    @classmethod
    def create(
        cls, database: Database, keys: Keys, name: str, *, classification: Classification | None = Classification.BASELINE
    ) -> "TestList":
        """A new list whose category is mapped, in quarantine."""
        with database.transaction() as conn:
            made = lists.create(conn, ONE, keys=keys, name=name, now=_now())
        with database.transaction() as conn:
            category_id = list_store.add_category(conn, made.id, scheme="supplier", name="illegal")
            added = NewChange(kind=ChangeKind.CATEGORY_ADDED, list_id=made.id, category_id=category_id)
            publish(conn, ONE, keys, changes=[added], now=_now())
        if classification is not None:
            with database.transaction() as conn:
                categories.map_category(
                    conn, ONE, keys=keys, category_id=category_id, classification=classification, now=_now()
                )
        return cls(database=database, keys=keys, id=made.id, category_id=category_id)

    def add(self, hashes: Sequence[bytes], *, state: EntryState = EntryState.ACTIVE) -> list[int]:
        """Adds an entry for each PDQ hash, in one transaction; returns their numbers."""
        return self.add_entries([(ListedHash(algorithm=HashAlgorithm.PDQ, value=one),) for one in hashes], state=state)

    def add_entries(self, entries: Sequence[tuple[ListedHash, ...]], *, state: EntryState = EntryState.ACTIVE) -> list[int]:
        """Adds entries in one transaction; returns their numbers."""
        cipher = EntryCipher(self.keys)
        new = [
            NewEntry(
                list_id=self.id,
                category_id=self.category_id,
                media_kind="image",
                state=state.value,
                key_mac=cipher.key(self.id, hashes),
                packed=pack(hashes),
                sealed=cipher.seal(self.id, pack(hashes)),
                added_by="console:1",
            )
            for hashes in entries
        ]
        with self.database.transaction() as conn:
            first = publish(conn, ONE, self.keys, entries=new, now=_now())
        return list(range(first, first + len(new)))

    def set_state(self, entry_id: int, state: EntryState) -> None:
        """Brings an entry into another state."""
        with self.database.transaction() as conn:
            entry = entry_store.get_entry_for_update(conn, entry_id)
            change = change_entry(conn, entry, state, by="console:1", reason="a test", now=_now())
            publish(conn, ONE, self.keys, changes=[change], now=_now())

    def activate(self) -> None:
        """Two people activate it; it must have an active entry."""
        for actor in (ONE, OTHER):
            with self.database.transaction() as conn:
                lists.approve_activation(conn, actor, keys=self.keys, list_id=self.id, now=_now())

    def is_active(self) -> bool:
        """Whether it decides."""
        with self.database.transaction() as conn:
            return lists.get(conn, ONE, self.id).state is ListState.ACTIVE

    def suspend(self) -> None:
        """One person suspends it."""
        with self.database.transaction() as conn:
            lists.suspend(conn, ONE, keys=self.keys, list_id=self.id, reason="a test", now=_now())


def _now() -> datetime:
    return datetime.now(UTC)
