"""The sealer: takes committed events in order of their ids and links them into the chain, then exports a signed head.

Any process may try; a lock of the database lets one at a time work. Writers never wait for it and never tell it anything:
it looks by itself a few times a second, because a notification would put all commits in one row (PostgreSQL documentation,
NOTIFY: a lock over the whole database is held through the commit). An event that commits late, with an id lower than what
is sealed already, is simply sealed later: the chain is the order of sealing.

Sealing and exporting are two threads. The folder of heads may be on another machine, and a disk that does not answer stops
a thread for as long as it likes; sealing must not stop with it.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import psycopg
import structlog

from vangnet.audit import heads, store
from vangnet.audit.chain import GENESIS, VANISHED, Head, Seal, leaf, link, microseconds
from vangnet.db import Connection, Database
from vangnet.errors import AppError, DataFolderUnusable
from vangnet.keys import Keys

#: How many events one transaction seals: about a tenth of a second's work.
BATCH_EVENTS = 5_000
#: How long the sealer waits before it looks again. With the time to seal, well within the second that is promised.
POLL_S = 0.3
#: At most one head so often: each waits for a disk, and a verification checks the signature of each.
HEAD_INTERVAL_S = 1.0
#: After failures the sealer looks less often, but never less than this.
BACK_OFF_MAX_S = 5.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What one pass did. `busy`: another sealer was at work. `head_problem`: why no head could be exported."""

    count: int
    head: Head | None
    busy: bool = False
    head_problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SealerStatus:
    """How the sealer is doing, for health pages. `looked_at`: when it last looked for events and could."""

    running: bool
    looked_at: datetime | None = None
    head: Head | None = None
    problem: str | None = None
    head_problem: str | None = None


def seal_batch(database: Database, *, now: datetime, limit: int = BATCH_EVENTS) -> Sealed:
    """Seals at most `limit` waiting events in one transaction. `head` is the end of the chain if anything was sealed.

    Raises DatabaseUnavailable, StorageFull.
    """
    try:
        with database.transaction() as conn:
            return _seal(conn, now, limit)
    except psycopg.errors.UniqueViolation:
        # Ours cannot: it works alone. Somebody put a seal or a waiting mark there by hand, and the rest must go on.
        with database.transaction() as conn:
            found = store.delete_unsealed_twins(conn)
        log.error("audit events waited that are sealed already: the tables were changed by hand", count=found)
        return Sealed(count=0, head=None)


def export_head(database: Database, keys: Keys, folder: Path, *, now: datetime) -> Head | None:
    """Appends the end of the chain to the heads in `folder`, unless it is there already; returns it if it was appended.

    It begins a new file and says so in the log where the chain does not continue the last head: the trail was cut off or
    rewritten, or the database was restored from an older backup. Raises DatabaseUnavailable, DataFolderUnusable.
    """
    try:
        head = _export(database, keys, folder)
    except DataFolderUnusable as error:
        with database.transaction() as conn:
            store.update_export_failed(conn, str(error), now)
        raise
    with database.transaction() as conn:
        store.update_exported(conn, head)
    return head


def seal_once(database: Database, keys: Keys, heads_folder: Path, *, now: datetime) -> Sealed:
    """One pass at the end of a command: seals a batch and exports the head.

    A folder of heads that cannot be written to is told in the log and in the result, and does not undo the command's work;
    the next pass exports what this one could not. Raises DatabaseUnavailable, StorageFull.
    """
    sealed = seal_batch(database, now=now)
    try:
        export_head(database, keys, heads_folder, now=now)
    except AppError as error:
        log.error("the head of the audit trail cannot be exported", problem=str(error))
        return replace(sealed, head_problem=str(error))
    return sealed


class Sealer:
    """Seals in the background from `start` to `stop`, through outages of the database and of the folder of heads."""

    def __init__(
        self,
        database: Database,
        keys: Keys,
        heads_folder: Path,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._keys = keys
        self._heads_folder = heads_folder
        self._clock = clock
        self._stopping = threading.Event()
        self._all_sealed = threading.Event()
        self._to_export = threading.Event()
        self._to_export.set()  # A process that was killed may have sealed what it could not export.
        self._looked_at: datetime | None = None
        self._head: Head | None = None
        self._sealing = _Condition(trouble="the audit trail cannot be sealed", relief="the audit trail is sealed again")
        self._exporting = _Condition(
            trouble="the heads of the audit trail cannot be exported", relief="heads of the audit trail are exported again"
        )
        # Daemons: a disk that never answers must not keep a process from ending.
        self._sealing_thread = threading.Thread(target=self._seal_until_stopped, name="audit-sealer", daemon=True)
        self._exporting_thread = threading.Thread(target=self._export_until_stopped, name="audit-heads", daemon=True)

    def start(self) -> None:
        """Starts. A sealer is started once."""
        self._sealing_thread.start()
        self._exporting_thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Seals what waits, exports the head, and ends; waits at most `timeout_s` for each of the two."""
        self._stopping.set()
        self._sealing_thread.join(timeout_s)
        self._all_sealed.set()
        self._to_export.set()
        self._exporting_thread.join(timeout_s)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def status(self) -> SealerStatus:
        """How it is doing now."""
        return SealerStatus(
            running=self._sealing_thread.is_alive() and self._exporting_thread.is_alive(),
            looked_at=self._looked_at,
            head=self._head,
            problem=self._sealing.problem,
            head_problem=self._exporting.problem,
        )

    def _seal_until_stopped(self) -> None:
        pause_s = 0.0
        while True:
            stopping = self._stopping.wait(pause_s)
            try:
                sealed = seal_batch(self._database, now=self._clock())
            except (AppError, psycopg.Error) as error:
                self._sealing.failed(error)
                if stopping:
                    return
                pause_s = min(BACK_OFF_MAX_S, max(POLL_S, 2 * pause_s))
                continue
            self._sealing.worked()
            self._looked_at = self._clock()
            if sealed.head is not None:
                self._to_export.set()
            full = sealed.count == BATCH_EVENTS
            if stopping and not full:
                return
            pause_s = 0.0 if full else POLL_S

    def _export_until_stopped(self) -> None:
        pause_s = HEAD_INTERVAL_S
        while True:
            self._to_export.wait()
            self._to_export.clear()
            last = self._all_sealed.is_set()
            try:
                self._head = self._export() or self._head
            except (AppError, psycopg.Error) as error:
                self._exporting.failed(error)
                self._to_export.set()
                pause_s = min(BACK_OFF_MAX_S, 2 * pause_s)
            else:
                self._exporting.worked()
                pause_s = HEAD_INTERVAL_S
            if last:
                return
            self._all_sealed.wait(pause_s)

    def _export(self) -> Head | None:
        return export_head(self._database, self._keys, self._heads_folder, now=self._clock())


class _Condition:
    """Whether something works; tells the log when that changes, and not at every try."""

    def __init__(self, *, trouble: str, relief: str) -> None:
        self.problem: str | None = None
        self._trouble = trouble
        self._relief = relief

    def failed(self, error: AppError | psycopg.Error) -> None:
        # A driver's message can quote a row; its type cannot.
        problem = str(error) if isinstance(error, AppError) else f"{type(error).__name__} {error.sqlstate or ''}".strip()
        if problem != self.problem:
            log.error(self._trouble, problem=problem)
        self.problem = problem

    def worked(self) -> None:
        if self.problem is not None:
            log.info(self._relief)
        self.problem = None


def _export(database: Database, keys: Keys, folder: Path) -> Head | None:
    # The head first, the chain second: what was exported is in the chain by then.
    last = heads.find_last(folder, keys.public_key)
    with database.transaction() as conn:
        newest = store.find_last_seal(conn)
        chains = {} if last is None else store.find_chains(conn, [last.head.position])
    continues = last is None or chains.get(last.head.position) == last.head.chain
    if last is not None and not continues:
        log.error(
            "the audit trail does not continue its last exported head: restored from an older backup, or changed by hand",
            head_position=last.head.position,
            trail_position=0 if newest is None else newest.position,
        )
    if newest is None or (last is not None and continues and last.head.position == newest.position):
        return None
    head = Head(position=newest.position, chain=newest.chain, sealed_at=newest.sealed_at)
    # No transaction is open here: the folder may be on a disk that does not answer.
    heads.append(folder, heads.sign(head, keys), apart=not continues)
    return head


def _seal(conn: Connection, now: datetime, limit: int) -> Sealed:
    if not store.try_sealer_lock(conn):
        return Sealed(count=0, head=None, busy=True)
    event_ids = store.take_unsealed(conn, limit)
    if not event_ids:
        return Sealed(count=0, head=None)
    seals = _chained(conn, event_ids, store.find_end(conn) or (0, GENESIS), now)
    store.add_seals(conn, seals)
    end = seals[-1]
    return Sealed(count=len(seals), head=Head(position=end.position, chain=end.chain, sealed_at=end.sealed_at))


def _chained(conn: Connection, event_ids: Sequence[int], end: tuple[int, bytes], now: datetime) -> list[Seal]:
    leaves = {event_id: leaf(encoded) for event_id, encoded in store.read_encoded(conn, event_ids)}
    vanished = len(event_ids) - len(leaves)
    if vanished:
        log.error("audit events vanished before they were sealed: the tables were changed by hand", count=vanished)
    position, chain = end
    sealed_at_us = microseconds(now)
    seals = []
    for event_id in event_ids:
        position += 1
        event_leaf = leaves.get(event_id, VANISHED)
        chain = link(chain, position, sealed_at_us, event_leaf)
        seals.append(Seal(position=position, event_id=event_id, leaf=event_leaf, chain=chain, sealed_at=now))
    return seals
