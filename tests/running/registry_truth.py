"""What the registry's tables say, worked out the slow way, to compare quick answers with."""

from dataclasses import dataclass, field
from uuid import UUID

from vangnet.db import Database
from vangnet.keys import Keys
from vangnet.registry.model.effects import Effect, effect
from vangnet.registry.model.entries import STANDING, EntryState, HashAlgorithm, ListedHash
from vangnet.registry.model.lists import Choice, ListState
from vangnet.registry.service.sealing import EntryCipher
from vangnet.registry.store import live as store


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueEntry:
    """An entry, opened. `origin_id` is its number at the hub, if it came from one."""

    id: int
    list_id: UUID
    origin_id: int | None
    category_id: int
    state: EntryState
    reference: str | None
    hashes: tuple[ListedHash, ...] = field(repr=False)


class Truth:
    """The registry of an installation as its database has it now."""

    def __init__(self, database: Database, keys: Keys) -> None:
        cipher = EntryCipher(keys)
        with database.transaction() as conn:
            store.read_in_one_snapshot(conn)
            self.states = store.list_states(conn)
            self.classifications = store.list_classifications(conn)
            self.choices = store.list_choices(conn)
            rows = conn.execute(
                "SELECT id, list_id, origin_id, category_id, state, reference, sealed FROM registry_entry ORDER BY id"
            ).fetchall()
        self.entries = [
            TrueEntry(
                id=id_, list_id=list_id, origin_id=origin_id, category_id=category_id, state=EntryState(state),
                reference=reference, hashes=cipher.open(list_id, sealed),
            )
            for id_, list_id, origin_id, category_id, state, reference, sealed in rows
        ]  # fmt: skip

    def matches(self, wanted: ListedHash, radius: int = 31) -> dict[int, tuple[int, Effect]]:
        """Distance and effect of each entry that matches, of all lists."""
        found: dict[int, tuple[int, Effect]] = {}
        for entry in self.entries:
            compared = [_distance(wanted, hash_) for hash_ in entry.hashes]
            distances = [distance for distance in compared if distance is not None and distance <= radius]
            if entry.state in STANDING and distances:
                found[entry.id] = (min(distances), self.effect(entry, min(distances)))
        return found

    def effect(self, entry: TrueEntry, distance: int) -> Effect:
        """What a match of the entry brings about."""
        return effect(
            self.states.get(entry.list_id, ListState.QUARANTINED),
            proposed=entry.state is not EntryState.ACTIVE,
            classification=self.classifications.get(entry.category_id),
            choice=self.choices.get(entry.list_id) or Choice(list_id=entry.list_id),
            distance=distance,
        )


def _distance(wanted: ListedHash, listed: ListedHash) -> int | None:
    """In how many bits they differ; None where they cannot be compared, or digests are not equal."""
    if wanted.algorithm is not listed.algorithm:
        return None
    if wanted.algorithm is not HashAlgorithm.PDQ:
        return 0 if wanted.value == listed.value else None
    if (wanted.convention or "full") != (listed.convention or "full"):
        return None
    return (int.from_bytes(wanted.value, "big") ^ int.from_bytes(listed.value, "big")).bit_count()
