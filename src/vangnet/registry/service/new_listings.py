"""What was listed, with its hashes in clear: for the gate, which looks it up in uploads that it accepted before.

Not for people: nothing here is told to anybody, and only a gate that keeps accepted uploads asks.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from vangnet.db import Connection
from vangnet.errors import IndexUnusable
from vangnet.hashing.model import Convention
from vangnet.registry.model.entries import STANDING, HashAlgorithm
from vangnet.registry.model.lists import Choice, ListState
from vangnet.registry.service.sealing import EntryCipher
from vangnet.registry.store import lists as list_store
from vangnet.registry.store import live as store
from vangnet.registry.store.live import IndexedEntry

#: The largest number that the database knows.
_NO_END = 2**63 - 1
_DIGESTS = frozenset({HashAlgorithm.MD5, HashAlgorithm.SHA1, HashAlgorithm.SHA256})
#: Of whole pictures and of their parts: an upload may have been a crop.
_PICTURES = frozenset({HashAlgorithm.PDQ, HashAlgorithm.PDQ_WINDOW})


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A standing entry with its digests and its PDQ hashes, those of its sub-windows included."""

    entry_id: int
    list_id: UUID
    digests: tuple[tuple[str, bytes], ...] = field(repr=False)
    pictures: tuple[tuple[Convention, bytes], ...] = field(repr=False)


def choices(conn: Connection) -> Mapping[UUID, Choice]:
    """What this installation lets decide of each list, as the index should know it."""
    return store.list_choices(conn)


def lists_changed(conn: Connection, *, after: int) -> bool:
    """Whether something happened to a list, and not to entries alone, behind that change."""
    return store.has_list_changes(conn, after=after, until=_NO_END)


def counting(conn: Connection) -> dict[UUID, str]:
    """The lists that decide something now, each with a text that is another one when other entries of it count."""
    chosen = store.list_choices(conn)
    found = {}
    for list_id, state in store.list_states(conn).items():
        choice = chosen.get(list_id) or Choice(list_id=list_id)
        if state is not ListState.ACTIVE or not choice.enabled:
            continue
        counted = sorted(
            category.id
            for category in list_store.list_categories(conn, list_id)
            if category.classification in choice.classifications
        )
        # When it was chosen, too: a list that did not count for a moment counts anew, whoever looked in that moment.
        since = [] if choice.chosen_at is None else [choice.chosen_at.isoformat()]
        found[list_id] = " ".join([*since, *map(str, counted)])
    return found


def added(conn: Connection, cipher: EntryCipher, *, list_id: UUID, after: int, until: int, limit: int) -> list[Listing]:
    """The standing entries of a list behind `after`, up to `until`, in order. Raises IndexUnusable."""
    found = store.list_added(conn, after=after, until=until, list_id=list_id, limit=limit)
    return [_listing(cipher, entry) for entry in found]


def altered(conn: Connection, cipher: EntryCipher, *, after: int, until: int) -> list[Listing]:
    """The entries whose state changed in between and that stand now. Raises IndexUnusable."""
    found = store.list_altered(conn, after=after, until=until)
    return [_listing(cipher, entry) for entry in found if entry.state in STANDING]


def _listing(cipher: EntryCipher, entry: IndexedEntry) -> Listing:
    try:
        hashes = cipher.open(entry.list_id, entry.sealed)
    except ValueError as error:
        problem = f"the hashes of entry {entry.id} do not open with the keys of this installation"
        raise IndexUnusable(problem=problem) from error
    return Listing(
        entry_id=entry.id,
        list_id=entry.list_id,
        digests=tuple((hash_.algorithm.value, hash_.value) for hash_ in hashes if hash_.algorithm in _DIGESTS),
        pictures=tuple(
            (hash_.convention or Convention.FULL, hash_.value) for hash_ in hashes if hash_.algorithm in _PICTURES
        ),
    )
