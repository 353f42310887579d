"""The listed hashes in memory, following the stream of changes: what a gate and a search ask.

Each list has an index of its own, so that a list that is suspended stops matching in a moment. What an entry's state is now
is read from the database, not worked out from the changes: so it does no harm to read a change twice, and after any
interruption the index goes on from the last change that it holds. Which lists, categories and choices there are is read
anew whenever one of them changes, and takes effect at once.
"""

import hashlib
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self
from uuid import UUID

import psycopg
import structlog

from vangnet.db import Database
from vangnet.db.connection import connect
from vangnet.errors import AppError, IndexUnusable
from vangnet.hashing.index import RADIUS, Index
from vangnet.hashing.model import Convention
from vangnet.keys import Keys
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.effects import Effect, effect
from vangnet.registry.model.entries import OPAQUE, STANDING, HashAlgorithm, ListedHash
from vangnet.registry.model.feed import GENESIS
from vangnet.registry.model.lists import Choice, ListState
from vangnet.registry.model.packing import index_id, read_index_id, unpack
from vangnet.registry.model.pages import Cursor
from vangnet.registry.service.index_files import IndexFiles
from vangnet.registry.service.sealing import ENTRIES
from vangnet.registry.store import feed as feed_store
from vangnet.registry.store import live as store

#: How many changes are read at once while catching up.
_STEP = 20_000
#: How long the index waits for a notification before it looks by itself.
_LOOK_S = 0.5
_BACK_OFF_MAX_S = 5.0
#: A list is merged when so much came since its file, and at least a tenth of what is in the file.
_MERGE_FROM = 20_000
#: States in which a list's matches bring something about.
_MATCHING = frozenset({ListState.TRIAL, ListState.ACTIVE})

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveMatch:
    """An entry that matches, and what that brings about here."""

    list_id: UUID
    list_state: ListState
    entry_id: int
    category_id: int
    #: None where nobody mapped the category.
    classification: Classification | None
    #: The entry is proposed or disputed: a match only holds.
    proposed: bool
    algorithm: HashAlgorithm
    #: In how many bits the hashes differ; 0 where they are found by equality.
    distance: int
    effect: Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveStatus:
    """How far the index follows. `followed_at`: when it last held everything that there was."""

    loaded: bool
    sequence: int
    followed_at: datetime | None
    hashes: int
    problem: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What counts of each list. Replaced whole, never changed."""

    states: Mapping[UUID, ListState] = field(default_factory=dict)
    classifications: Mapping[int, Classification] = field(default_factory=dict)
    choices: Mapping[UUID, Choice] = field(default_factory=dict)


class LiveIndex:
    """All lists in memory, from `start` to `stop`. Safe to share between threads; not across a fork."""

    def __init__(self, database: Database, keys: Keys, folder: Path, *, merge_from: int = _MERGE_FROM) -> None:
        self._database = database
        self._sealer = keys.sealer(ENTRIES)
        self._files = IndexFiles(folder, keys)
        self._merge_from = merge_from
        self._indices: dict[UUID, Index] = {}
        self._known = _Known()
        self._conventions: frozenset[Convention] = frozenset()
        self._at = Cursor(position=0, chain=GENESIS)
        self._followed_at: datetime | None = None
        self._problem: str | None = None
        self._loaded = threading.Event()
        self._stopping = threading.Event()
        self._ending = threading.Event()
        self._waiters: set[Callable[[], None]] = set()
        self._waiters_lock = threading.Lock()
        self._thread = threading.Thread(target=self._follow_until_stopped, name="registry-index", daemon=True)
        self._merging: threading.Thread | None = None

    def start(self) -> None:
        """Loads and follows in a thread of its own. It is started once."""
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Ends. Whoever waits for changes is woken."""
        self._stopping.set()
        self.hang_up()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        if self._merging is not None:
            self._merging.join(timeout_s)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait_until_loaded(self, timeout_s: float) -> bool:
        """Whether everything was loaded by then."""
        return self._loaded.wait(timeout_s)

    @property
    def sequence(self) -> int:
        """The number of the last change that it holds."""
        return self._at.position

    @property
    def status(self) -> LiveStatus:
        """How it is doing now."""
        indices = list(self._indices.values())
        return LiveStatus(
            loaded=self._loaded.is_set(),
            sequence=self._at.position,
            followed_at=self._followed_at,
            hashes=sum(_hashes_in(index) for index in indices),
            problem=self._problem,
        )

    # --- looking up ---

    @property
    def conventions(self) -> frozenset[Convention]:
        """The conventions by which PDQ hashes are listed anywhere: in which a picture must be hashed to be found."""
        return self._conventions

    @property
    def widest_radius(self) -> int:
        """The largest radius that was chosen for any list, at least the usual one."""
        return max([RADIUS, *(choice.radius for choice in self._known.choices.values() if choice.enabled)])

    def lookup(
        self, hash_: bytes, radius: int = RADIUS, convention: Convention = Convention.FULL, *, every: bool = False
    ) -> list[LiveMatch]:
        """The entries within `radius` bits of a PDQ hash, nearest first.

        Only those of lists that match anything now, unless `every`. Raises IndexUnusable before everything is loaded,
        InvalidInput for a hash or radius that is none.
        """
        return _once_each([
            self._match(list_id, state, match.id, HashAlgorithm.PDQ, match.distance)
            for list_id, state, index in self._lists(every=every)
            for match in index.lookup(hash_, radius, convention=convention)
        ])  # fmt: skip

    def find_digest(self, algorithm: HashAlgorithm, value: bytes, *, every: bool = False) -> list[LiveMatch]:
        """The entries with exactly this hash. Raises as `lookup`."""
        name, looked_up = _as_digest(algorithm, value)
        return _once_each([
            self._match(list_id, state, id_, algorithm, 0)
            for list_id, state, index in self._lists(every=every)
            for id_ in index.find_digest(name, looked_up)
        ])  # fmt: skip

    def _lists(self, *, every: bool) -> Iterator[tuple[UUID, ListState, Index]]:
        if not self._loaded.is_set():
            raise IndexUnusable(problem="the listed hashes are still being loaded")
        states = self._known.states
        for list_id, index in list(self._indices.items()):
            state = states.get(list_id, ListState.QUARANTINED)
            if every or state in _MATCHING:
                yield list_id, state, index

    def _match(self, list_id: UUID, state: ListState, id_: int, algorithm: HashAlgorithm, distance: int) -> LiveMatch:
        entry_id, category_id, proposed = read_index_id(id_)
        known = self._known
        classification = known.classifications.get(category_id)
        choice = _choice(known, list_id)
        return LiveMatch(
            list_id=list_id,
            list_state=state,
            entry_id=entry_id,
            category_id=category_id,
            classification=classification,
            proposed=proposed,
            algorithm=algorithm,
            distance=distance,
            effect=effect(state, proposed=proposed, classification=classification, choice=choice, distance=distance),
        )

    # --- telling others ---

    def call_on_change(self, waiter: Callable[[], None]) -> None:
        """Has `waiter` called, in a thread of ours, whenever the stream grew or sharing changed. It must not block."""
        with self._waiters_lock:
            self._waiters.add(waiter)

    def forget(self, waiter: Callable[[], None]) -> None:
        """Ends that."""
        with self._waiters_lock:
            self._waiters.discard(waiter)

    @property
    def ending(self) -> bool:
        """Whether nobody is to wait any more, because the process ends."""
        return self._ending.is_set()

    def hang_up(self) -> None:
        """Wakes all waiters, for the last time."""
        self._ending.set()
        self.wake_all()

    def wake_all(self) -> None:
        """Calls all waiters now."""
        with self._waiters_lock:
            waiters = list(self._waiters)
        for waiter in waiters:
            waiter()

    # --- following ---

    def _follow_until_stopped(self) -> None:
        pause_s = 0.0
        while not self._stopping.wait(pause_s):
            try:
                with self._database.transaction():
                    pass  # Our own pool first: it brings an embedded server back that somebody killed.
                with connect(self._database.conninfo) as conn:
                    conn.autocommit = True
                    feed_store.listen(conn)
                    self._listen(conn)
            except (AppError, psycopg.Error) as error:
                self._failed(error)
                pause_s = min(_BACK_OFF_MAX_S, max(0.1, 2 * pause_s))
            else:
                pause_s = 0.0

    def _listen(self, conn: psycopg.Connection) -> None:
        self._read_known()
        self._catch_up()
        while not self._stopping.is_set():
            grew = reread = False
            for notification in conn.notifies(timeout=_LOOK_S, stop_after=1):
                grew = True
                reread = reread or not notification.payload
            if grew:
                self.wake_all()
            if reread:
                self._read_known()
            self._catch_up()

    def _read_known(self) -> None:
        with self._database.transaction() as conn:
            store.read_in_one_snapshot(conn)
            known = _Known(
                states=store.list_states(conn),
                classifications=store.list_classifications(conn),
                choices=store.list_choices(conn),
            )
        self._known = known

    def _catch_up(self) -> None:
        """Brings everything up to the end of the stream."""
        with self._database.transaction() as conn:
            end, at = feed_store.head(conn), self._at
            continues = end == at or feed_store.find_chain(conn, at.position) == at.chain
            reread = store.has_list_changes(conn, after=at.position, until=end.position)
        if not continues:
            log.error("the registry does not continue what the index holds: its database was restored; loading anew")
            self._loaded.clear()
        if not self._loaded.is_set():
            self._load(end)
        else:
            if reread:
                self._read_known()
            self._apply(at.position, end.position)
        self._at = end
        self._followed_at = datetime.now(UTC)
        if self._problem is not None:
            log.info("the index of listed hashes follows again")
        self._problem = None
        self._merge_what_grew()

    def _load(self, end: Cursor) -> None:
        self._indices = {}
        self._read_known()
        for list_id in self._known.states:
            index, mark = self._files.find(list_id) or (Index.empty(), Cursor(position=0, chain=GENESIS))
            if not self._holds(mark, end):
                log.warning("index_file_of_another_history", list_id=str(list_id))
                index, mark = Index.empty(), Cursor(position=0, chain=GENESIS)
            self._indices[list_id] = index
            self._conventions |= _conventions_in(index)
            self._apply(mark.position, end.position, list_id=list_id, fresh=mark.position == 0)
        self._loaded.set()

    def _holds(self, mark: Cursor, end: Cursor) -> bool:
        with self._database.transaction() as conn:
            return mark.position <= end.position and feed_store.find_chain(conn, mark.position) == mark.chain

    def _apply(self, after: int, until: int, *, list_id: UUID | None = None, fresh: bool = False) -> None:
        """Puts into the index what changed after `after`, up to `until`, of one list or of all, as it is now."""
        if after == until:
            return
        if not fresh:
            with self._database.transaction() as conn:
                altered = store.list_altered(conn, after=after, until=until, list_id=list_id)
            self._put(altered, known_before=True)
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
            index = self._indices.get(list_id)
            if index is None:
                index = Index.empty()
                self._indices = {**self._indices, list_id: index}
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
        for entry in entries:
            id_ = index_id(entry.id, entry.category_id, proposed=_is_proposed(entry))
            for hash_ in self._opened(entry):
                if hash_.algorithm is HashAlgorithm.PDQ:
                    values, ids = hashes[hash_.convention or Convention.FULL]
                    values += hash_.value
                else:
                    name, value = _as_digest(hash_.algorithm, hash_.value)
                    values, ids = digests[name]
                    values += value
                ids.append(id_)
        self._conventions |= hashes.keys()
        for convention, (values, ids) in hashes.items():
            index.add_hashes(values, ids, convention=convention)
        for name, (values, ids) in digests.items():
            index.add_digests(name, values, ids)

    def _opened(self, entry: store.IndexedEntry) -> tuple[ListedHash, ...]:
        try:
            return unpack(self._sealer.unseal(entry.sealed, entry.list_id.bytes))
        except ValueError as error:
            # Nothing is answered without it: what does not open may be what somebody looks for.
            problem = f"the hashes of entry {entry.id} do not open with the keys of this installation"
            raise IndexUnusable(problem=problem) from error

    def _failed(self, error: AppError | psycopg.Error) -> None:
        # A driver's message can quote a row; its type cannot.
        problem = str(error) if isinstance(error, AppError) else f"{type(error).__name__} {error.sqlstate or ''}".strip()
        if problem != self._problem:
            log.error("the index of listed hashes cannot follow the changes", problem=problem)
        self._problem = problem

    # --- merging ---

    def _merge_what_grew(self) -> None:
        if self._merging is not None and self._merging.is_alive():
            return
        at = self._at
        grown = [(list_id, index) for list_id, index in self._indices.items() if self._is_due(index)]
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


def _choice(known: _Known, list_id: UUID) -> Choice:
    return known.choices.get(list_id) or Choice(list_id=list_id)


def _is_proposed(entry: store.IndexedEntry) -> bool:
    return entry.state != "active"


def _as_digest(algorithm: HashAlgorithm, value: bytes) -> tuple[str, bytes]:
    """Under which name and as which bytes a hash is found by equality.

    Opaque hashes have any length, up to hundreds of kilobytes: the index knows them by their SHA-256.
    """
    return algorithm.value, hashlib.sha256(value).digest() if algorithm in OPAQUE else value


def _once_each(matches: Iterable[LiveMatch]) -> list[LiveMatch]:
    """Each entry once, nearest first; one that is just becoming active, or disputed, may be found twice."""
    found: dict[tuple[UUID, int], LiveMatch] = {}
    for match in sorted(matches, key=lambda one: (one.distance, one.proposed, one.entry_id)):
        found.setdefault((match.list_id, match.entry_id), match)
    return list(found.values())


def _conventions_in(index: Index) -> frozenset[Convention]:
    names = {one.name for one in index.info().lists if one.entries}
    return frozenset(convention for convention in Convention if f"pdq-{convention}" in names)


def _hashes_in(index: Index) -> int:
    info = index.info()
    return sum(one.entries for one in info.lists) + info.additions
