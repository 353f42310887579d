"""The indices of all lists, loaded, brought up to date, and merged; `live` looks hashes up in them.

One thread at a time loads and applies; any number may look up meanwhile.
"""

import hashlib
import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from uuid import UUID

import structlog

from vangnet.db import Connection, Database
from vangnet.errors import AppError, IndexUnusable
from vangnet.hashing.index import Index
from vangnet.hashing.model import Convention
from vangnet.keys import Keys
from vangnet.registry.model.entries import OPAQUE, STANDING, HashAlgorithm, ListedHash
from vangnet.registry.model.feed import GENESIS
from vangnet.registry.model.packing import index_id, unpack
from vangnet.registry.model.pages import Cursor
from vangnet.registry.service.index_files import IndexFiles
from vangnet.registry.service.sealing import ENTRIES
from vangnet.registry.store import feed as feed_store
from vangnet.registry.store import live as store

#: How many changes are read at once while catching up.
_STEP = 20_000

log = structlog.get_logger(__name__)


class ListIndices:
    """One index a list, of what stands on it. `merge_from`: merged when so much came since the file, and a tenth of it."""

    def __init__(self, database: Database, keys: Keys, folder: Path, *, merge_from: int, stopping: threading.Event) -> None:
        self._database = database
        self._sealer = keys.sealer(ENTRIES)
        self._files = IndexFiles(folder, keys)
        self._merge_from = merge_from
        self._stopping = stopping
        self._merging: threading.Thread | None = None
        #: By list. Replaced whole where a list comes, never changed.
        self.by_list: Mapping[UUID, Index] = {}
        #: The conventions by which PDQ hashes are listed anywhere.
        self.conventions: frozenset[Convention] = frozenset()

    @property
    def hashes(self) -> int:
        """How many they hold."""
        return sum(_hashes_in(index) for index in list(self.by_list.values()))

    def join(self, timeout_s: float) -> None:
        """Waits for a merge that is under way."""
        if self._merging is not None:
            self._merging.join(timeout_s)

    def load(self, list_ids: Collection[UUID], end: Cursor) -> None:
        """Holds all that stands on these lists at that moment of the stream. Raises IndexUnusable."""
        self.by_list = {}
        for list_id in list_ids:
            index, mark = self._files.find(list_id) or (Index.empty(), Cursor(position=0, chain=GENESIS))
            if not self._holds(mark, end):
                log.warning("index_file_of_another_history", list_id=str(list_id))
                index, mark = Index.empty(), Cursor(position=0, chain=GENESIS)
            self.by_list = {**self.by_list, list_id: index}
            self.conventions |= _conventions_in(index)
            self._apply(mark.position, end.position, list_id, fresh=mark.position == 0)

    def read(self, conn: Connection, after: int, until: int) -> tuple[list[store.IndexedEntry], list[store.IndexedEntry]]:
        """What changed in between, for `apply`: entries that were altered, and the first of those that were added."""
        return (
            store.list_altered(conn, after=after, until=until),
            store.list_added(conn, after=after, until=until, limit=_STEP),
        )

    def apply(self, read: tuple[list[store.IndexedEntry], list[store.IndexedEntry]], until: int) -> None:
        """Puts in what was read, and what else was added up to `until`. Raises IndexUnusable."""
        altered, added = read
        self._put(altered, known_before=True)
        self._put(added, known_before=False)
        if len(added) == _STEP:
            self._add_all(added[-1].id, until, None)

    def _holds(self, mark: Cursor, end: Cursor) -> bool:
        with self._database.transaction() as conn:
            return mark.position <= end.position and feed_store.find_chain(conn, mark.position) == mark.chain

    def _apply(self, after: int, until: int, list_id: UUID, *, fresh: bool) -> None:
        """Puts into a list's index what changed after `after`, up to `until`, as it is now."""
        if after == until:
            return
        if not fresh:
            with self._database.transaction() as conn:
                altered = store.list_altered(conn, after=after, until=until, list_id=list_id)
            self._put(altered, known_before=True)
        self._add_all(after, until, list_id)

    def _add_all(self, after: int, until: int, list_id: UUID | None) -> None:
        while not self._stopping.is_set():
            with self._database.transaction() as conn:
                added = store.list_added(conn, after=after, until=until, list_id=list_id, limit=_STEP)
            self._put(added, known_before=False)
            if len(added) < _STEP:
                return
            after = added[-1].id

    def _put(self, entries: Iterable[store.IndexedEntry], *, known_before: bool) -> None:
        by_list: dict[UUID, list[store.IndexedEntry]] = defaultdict(list)
        for entry in entries:
            by_list[entry.list_id].append(entry)
        for list_id, its in by_list.items():
            index = self.by_list.get(list_id)
            if index is None:
                index = Index.empty()
                self.by_list = {**self.by_list, list_id: index}
            # What stands is added before what stood is taken away, so that no look-up in between finds nothing.
            self._add(index, [entry for entry in its if entry.state in STANDING])
            if known_before:
                index.withdraw([
                    index_id(entry.id, entry.category_id, proposed=proposed)
                    for entry in its
                    for proposed in (False, True)
                    if entry.state not in STANDING or proposed != _is_proposed(entry)
                ])  # fmt: skip

    def _add(self, index: Index, entries: Iterable[store.IndexedEntry]) -> None:
        hashes: dict[Convention, tuple[bytearray, list[int]]] = defaultdict(lambda: (bytearray(), []))
        digests: dict[str, tuple[bytearray, list[int]]] = defaultdict(lambda: (bytearray(), []))
        windows: tuple[bytearray, list[int]] = (bytearray(), [])
        for entry in entries:
            id_ = index_id(entry.id, entry.category_id, proposed=_is_proposed(entry))
            for hash_ in self._opened(entry):
                if hash_.algorithm is HashAlgorithm.PDQ:
                    values, ids = hashes[hash_.convention or Convention.FULL]
                    values += hash_.value
                elif hash_.algorithm is HashAlgorithm.PDQ_WINDOW:
                    values, ids = windows
                    values += hash_.value
                else:
                    name, value = as_digest(hash_.algorithm, hash_.value)
                    values, ids = digests[name]
                    values += value
                ids.append(id_)
        self.conventions |= hashes.keys()
        for convention, (values, ids) in hashes.items():
            index.add_hashes(values, ids, convention=convention)
        if windows[1]:
            index.add_windows(*windows)
        for name, (values, ids) in digests.items():
            index.add_digests(name, values, ids)

    def _opened(self, entry: store.IndexedEntry) -> tuple[ListedHash, ...]:
        try:
            return unpack(self._sealer.unseal(entry.sealed, entry.list_id.bytes))
        except ValueError as error:
            # Nothing is answered without it: what does not open may be what somebody looks for.
            problem = f"the hashes of entry {entry.id} do not open with the keys of this installation"
            raise IndexUnusable(problem=problem) from error

    # --- merging ---

    def merge_what_grew(self, at: Cursor) -> None:
        """Merges, in a thread of its own, indices to which much came; `at` is what they hold of the stream."""
        if self._merging is not None and self._merging.is_alive():
            return
        grown = [(list_id, index) for list_id, index in self.by_list.items() if self._is_due(index)]
        if grown:
            self._merging = threading.Thread(target=self._merge, args=(grown, at), name="registry-index-merge", daemon=True)
            self._merging.start()

    def _is_due(self, index: Index) -> bool:
        info = index.info()
        since = info.additions + info.withdrawals
        return since >= self._merge_from and since * 10 >= sum(one.entries for one in info.lists)

    def _merge(self, grown: Iterable[tuple[UUID, Index]], at: Cursor) -> None:
        for list_id, index in grown:
            if self._stopping.is_set():
                return
            try:
                merged = self._files.merge(index, list_id, at)
            except AppError as error:
                log.warning("index_not_merged", list_id=str(list_id), problem=str(error))
                continue
            if merged:
                log.info("index_merged", list_id=str(list_id), sequence=at.position)


def _is_proposed(entry: store.IndexedEntry) -> bool:
    return entry.state != "active"


def as_digest(algorithm: HashAlgorithm, value: bytes) -> tuple[str, bytes]:
    """Under which name and as which bytes a hash is found by equality.

    Opaque hashes have any length, up to hundreds of kilobytes: the index knows them by their SHA-256.
    """
    return algorithm.value, hashlib.sha256(value).digest() if algorithm in OPAQUE else value


def _conventions_in(index: Index) -> frozenset[Convention]:
    names = {one.name for one in index.info().lists if one.entries}
    return frozenset(convention for convention in Convention if f"pdq-{convention}" in names)


def _hashes_in(index: Index) -> int:
    info = index.info()
    return sum(one.entries for one in info.lists) + info.additions
