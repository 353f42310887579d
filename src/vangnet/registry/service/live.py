"""The listed hashes in memory, following the stream of changes: what a gate and a search ask.

Each list has an index of its own, so that a list that is suspended stops matching in a moment. What an entry's state is now
is read from the database, not worked out from the changes: so it does no harm to read a change twice, and after any
interruption the index goes on from the last change that it holds. Which lists, categories and choices there are is read
anew whenever one of them changes, and takes effect at once.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
from vangnet.hashing.index import RADIUS, RADIUS_MAX, Index
from vangnet.hashing.model import GUESSED_BITS, Convention
from vangnet.keys import Keys
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.effects import Effect, effect
from vangnet.registry.model.entries import OPAQUE, HashAlgorithm
from vangnet.registry.model.feed import GENESIS
from vangnet.registry.model.lists import Choice, ListState
from vangnet.registry.model.packing import read_index_id
from vangnet.registry.model.pages import Cursor
from vangnet.registry.service.list_indices import ListIndices, as_digest
from vangnet.registry.store import feed as feed_store
from vangnet.registry.store import live as store

#: How long the index waits for a notification before it looks by itself.
_LOOK_S = 0.5
_BACK_OFF_MAX_S = 5.0
#: A list is merged when so much came since its file, and at least a tenth of what is in the file.
_MERGE_FROM = 20_000
#: States in which a list's matches bring something about.
_MATCHING = frozenset({ListState.TRIAL, ListState.ACTIVE})

#: Among what hashes of a convention are looked up.
_LOOKED_UP = dict.fromkeys((Convention.FULL, Convention.SCREEN), (HashAlgorithm.PDQ, HashAlgorithm.PDQ_WINDOW))

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
class Asked:
    """A PDQ hash that is looked up, within how many bits, and whether a part of its picture had to be guessed."""

    hash: bytes = field(repr=False)
    radius: int
    guessed: bool = False


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
        self._stopping = threading.Event()
        self._indices = ListIndices(database, keys, folder, merge_from=merge_from, stopping=self._stopping)
        self._known = _Known()
        self._at = Cursor(position=0, chain=GENESIS)
        self._followed_at: datetime | None = None
        self._problem: str | None = None
        self._loaded = threading.Event()
        self._ending = threading.Event()
        self._waiters: set[Callable[[], None]] = set()
        self._waiters_lock = threading.Lock()
        self._thread = threading.Thread(target=self._follow_until_stopped, name="registry-index", daemon=True)

    def start(self) -> None:
        """Loads and follows in a thread of its own. It is started once."""
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Ends. Whoever waits for changes is woken."""
        self._stopping.set()
        self.hang_up()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        self._indices.join(timeout_s)

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
        return LiveStatus(
            loaded=self._loaded.is_set(),
            sequence=self._at.position,
            followed_at=self._followed_at,
            hashes=self._indices.hashes,
            problem=self._problem,
        )

    # --- looking up ---

    @property
    def conventions(self) -> frozenset[Convention]:
        """The conventions by which PDQ hashes are listed anywhere: in which a picture must be hashed to be found."""
        return self._indices.conventions

    @property
    def choices(self) -> Mapping[UUID, Choice]:
        """What was chosen of each list, as it counts here now."""
        return self._known.choices

    @property
    def widest_radius(self) -> int:
        """The largest radius that was chosen for any list, at least the usual one."""
        return max([RADIUS, *(choice.radius for choice in self._known.choices.values() if choice.enabled)])

    def lookup(
        self,
        hash_: bytes,
        radius: int = RADIUS,
        convention: Convention = Convention.FULL,
        *,
        guessed: bool = False,
        every: bool = False,
    ) -> list[LiveMatch]:
        """The entries within `radius` bits of a PDQ hash, nearest first.

        `guessed`: a part of the picture was not seen. Whole pictures are then found GUESSED_BITS farther, and what that
        brings about is judged as if they were so much nearer. Only lists that match anything now are asked, unless `every`.
        Raises IndexUnusable before everything is loaded, InvalidInput for a hash or radius that is none.
        """
        spare = {HashAlgorithm.PDQ: GUESSED_BITS if guessed else 0, HashAlgorithm.PDQ_WINDOW: 0}
        return _once_each([
            self._match(list_id, state, match.id, algorithm, match.distance, spare=spare[algorithm])
            for list_id, state, index in self._lists(every=every)
            for algorithm in _LOOKED_UP.get(convention, (HashAlgorithm.PDQ,))
            for match in index.lookup(
                hash_,
                min(radius + spare[algorithm], RADIUS_MAX),
                convention=convention,
                windows=algorithm is HashAlgorithm.PDQ_WINDOW,
            )
        ])  # fmt: skip

    def is_any_near(self, asked: Sequence[Asked], convention: Convention = Convention.FULL) -> bool:
        """Whether `lookup` would find an entry of a list that matches anything now, for any of these: all of them at once,
        which takes much less time. Raises as `lookup`."""
        values = b"".join(one.hash for one in asked)
        parts = [one.radius for one in asked]
        wholes = [min(one.radius + (GUESSED_BITS if one.guessed else 0), RADIUS_MAX) for one in asked]
        radii = {HashAlgorithm.PDQ: wholes, HashAlgorithm.PDQ_WINDOW: parts}
        return any(
            any(
                index.lookup_batch(
                    values, radii[algorithm], convention=convention, windows=algorithm is not HashAlgorithm.PDQ
                )
            )
            for _, _, index in self._lists(every=False)
            for algorithm in _LOOKED_UP.get(convention, (HashAlgorithm.PDQ,))
        )

    def find_digest(self, algorithm: HashAlgorithm, value: bytes, *, every: bool = False) -> list[LiveMatch]:
        """The entries with exactly this hash. Raises as `lookup`."""
        name, looked_up = as_digest(algorithm, value)
        return _once_each([
            self._match(list_id, state, id_, algorithm, 0)
            for list_id, state, index in self._lists(every=every)
            for id_ in index.find_digest(name, looked_up)
        ])  # fmt: skip

    def screen(self, algorithm: HashAlgorithm, values: Sequence[bytes], *, threads: int = 1) -> set[bytes]:
        """Those of the hashes that a look-up would find an entry for, PDQ hashes within the widest radius of any list.

        Many at once are screened much faster than they are looked up one by one. Raises as `lookup`.
        """
        found: set[bytes] = set()
        for _, _, index in self._lists(every=False):
            if algorithm is HashAlgorithm.PDQ:
                for windows in (False, True):
                    answers = index.lookup_batch(b"".join(values), self.widest_radius, windows=windows, threads=threads)
                    found.update(value for value, near in zip(values, answers, strict=True) if near)
            else:
                as_listed = [as_digest(algorithm, value)[1] for value in values] if algorithm in OPAQUE else values
                listed = index.has_digests(algorithm.value, as_listed)
                found.update(value for value, is_listed in zip(values, listed, strict=True) if is_listed)
        return found

    def _lists(self, *, every: bool) -> Iterator[tuple[UUID, ListState, Index]]:
        if not self._loaded.is_set():
            raise IndexUnusable(problem="the listed hashes are still being loaded")
        states = self._known.states
        for list_id, index in list(self._indices.by_list.items()):
            state = states.get(list_id, ListState.QUARANTINED)
            if every or state in _MATCHING:
                yield list_id, state, index

    def _match(
        self, list_id: UUID, state: ListState, id_: int, algorithm: HashAlgorithm, distance: int, *, spare: int = 0
    ) -> LiveMatch:
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
            effect=effect(
                state,
                proposed=proposed,
                classification=classification,
                choice=choice,
                distance=max(distance - spare, 0),
                by_window=algorithm is HashAlgorithm.PDQ_WINDOW,
            ),
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
        at = self._at
        with self._database.transaction() as conn:
            end = feed_store.head(conn)
            continues = end == at or feed_store.find_chain(conn, at.position) == at.chain
            follows = continues and end != at and self._loaded.is_set()
            reread = follows and store.has_list_changes(conn, after=at.position, until=end.position)
            read = self._indices.read(conn, at.position, end.position) if follows else ([], [])
        if not continues:
            log.error("the registry does not continue what the index holds: its database was restored; loading anew")
            self._loaded.clear()
        if not self._loaded.is_set():
            self._read_known()
            self._indices.load(self._known.states, end)
            self._loaded.set()
        else:
            if reread:
                self._read_known()
            self._indices.apply(read, end.position)
        self._at = end
        self._followed_at = datetime.now(UTC)
        if self._problem is not None:
            log.info("the index of listed hashes follows again")
        self._problem = None
        self._indices.merge_what_grew(end)

    def _failed(self, error: AppError | psycopg.Error) -> None:
        # A driver's message can quote a row; its type cannot.
        problem = str(error) if isinstance(error, AppError) else f"{type(error).__name__} {error.sqlstate or ''}".strip()
        if problem != self._problem:
            log.error("the index of listed hashes cannot follow the changes", problem=problem)
        self._problem = problem


def _choice(known: _Known, list_id: UUID) -> Choice:
    return known.choices.get(list_id) or Choice(list_id=list_id)


def _once_each(matches: Iterable[LiveMatch]) -> list[LiveMatch]:
    """Each entry once, nearest first; one that is just becoming active, or disputed, may be found twice.

    By its whole picture where that is near, however much nearer a part of it is: only that can decide.
    """
    found: dict[tuple[UUID, int], LiveMatch] = {}
    for match in sorted(matches, key=lambda one: (_by_window(one), one.distance, one.proposed, one.entry_id)):
        found.setdefault((match.list_id, match.entry_id), match)
    return sorted(found.values(), key=lambda one: (one.distance, one.proposed, one.entry_id))


def _by_window(match: LiveMatch) -> bool:
    return match.algorithm is HashAlgorithm.PDQ_WINDOW
