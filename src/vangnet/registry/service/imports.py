"""Reading a source into a list, batch by batch.

What came of some thousand rows and how far the source was read are written in one transaction: a process that is killed
loses nothing and takes nothing twice; it is read on from there. Every row is answered: taken, a duplicate, skipped with the
reason, stopped by a safeguard.
"""

import gc
import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import islice
from uuid import UUID

from vangnet.audit.model import Actor
from vangnet.audit.service import record
from vangnet.db import Connection
from vangnet.errors import Conflict, InvalidInput
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.registry.formats.reading import Row
from vangnet.registry.model.lists import ApprovalOf
from vangnet.registry.model.matches import Batch, BatchProblem, BatchState
from vangnet.registry.service import known_good
from vangnet.registry.service.intake import Intake
from vangnet.registry.service.lists import load_own, require_supplier
from vangnet.registry.service.preparing import PreparedRows, prepare
from vangnet.registry.service.sealing import EntryCipher
from vangnet.registry.store import batches as store
from vangnet.registry.store import lists as list_store

#: Rows of one transaction. While it ends nobody else gets a number, which must not take long; each costs a write to disk.
ROWS_AT_ONCE = 5_000
FORMAT_MAX = 40

Transactions = Callable[[], AbstractContextManager[Connection]]


def start(
    conn: Connection,
    actor: Actor,
    *,
    list_id: UUID,
    format_: str,
    source_digest: bytes,
    party_id: UUID | None = None,
    now: datetime,
) -> Batch:
    """The batch of this source that was not read to its end, to be read on behind its `position`; else a new one.

    `source_digest` is the SHA-256 of the file: only the same file is read on with. `party_id` is on whose behalf it is;
    where nobody is named, the list's supplier's. Raises PermissionDenied, NotFound, Conflict.
    """
    actor.require(Permission.REGISTRY_IMPORT)
    found = load_own(conn, list_id)
    party_id = party_id or found.supplier_party_id
    if party_id is not None:
        require_supplier(conn, party_id, now=now)
    batch = store.find_running(conn, list_id, source_digest)
    resumed = batch is not None
    if batch is None:
        if not 1 <= len(format_) <= FORMAT_MAX:
            raise InvalidInput(field="format", problem=f"must have 1 to {FORMAT_MAX} characters")
        batch = store.add_batch(
            conn, list_id=list_id, party_id=party_id, format_=format_, source_digest=source_digest, by=actor.label,
            now=now,
        )  # fmt: skip
        # Who agreed before saw the list without it.
        list_store.remove_approvals(conn, list_id, ApprovalOf.ACTIVATE)
    _record(conn, actor, batch, now=now, format=format_, resumed=resumed)
    return batch


def take(
    conn: Connection,
    actor: Actor,
    *,
    keys: Keys,
    batch_id: int,
    after: int,
    rows: Sequence[Row] | PreparedRows,
    done: bool = False,
    checkpoint: str | None = None,
    now: datetime,
) -> Batch:
    """Takes the rows that follow the position `after`; with `done`, there are no more.

    `checkpoint` is where a third party's service is to be asked on. Raises PermissionDenied, NotFound; Conflict where the
    batch was read on by somebody else, or is over.
    """
    actor.require(Permission.REGISTRY_IMPORT)
    batch = store.get_batch_for_update(conn, batch_id)
    if batch.state is not BatchState.RUNNING:
        raise Conflict(problem="the batch is over; start a new one")
    if batch.position != after:
        raise Conflict(problem="somebody else reads the same source into this list")
    intake = Intake(conn, actor, keys, batch=batch, now=now)
    if not isinstance(rows, PreparedRows):
        safeguards = known_good.safeguards(conn, keys)
        rows = prepare(rows, list_id=batch.list_id, cipher=EntryCipher(keys), safeguards=safeguards)
    outcome = intake.take(rows)
    batch = replace(
        batch,
        position=after if rows.last is None else rows.last,
        checkpoint=batch.checkpoint if checkpoint is None else checkpoint,
        taken=batch.taken + outcome.taken,
        duplicates=batch.duplicates + outcome.duplicates,
        skipped=batch.skipped + len(outcome.problems),
        collided=batch.collided + outcome.collided,
        withdrawn=batch.withdrawn + outcome.withdrawn,
        state=BatchState.DONE if done else BatchState.RUNNING,
        seen_at=now,
        finished_at=now if done else None,
    )
    store.update_batch(conn, batch)
    if outcome.problems:
        store.add_problems(conn, batch_id, outcome.problems)
    _record(
        conn, actor, batch, now=now, state=batch.state.value, taken=outcome.taken, duplicates=outcome.duplicates,
        skipped=len(outcome.problems), collided=outcome.collided, withdrawn=outcome.withdrawn, digest=outcome.digest,
    )  # fmt: skip
    intake.publish()
    return batch


def run(
    transaction: Transactions,
    actor: Actor,
    *,
    keys: Keys,
    batch: Batch,
    rows: Iterator[Row],
    clock: Callable[[], datetime],
    progress: Callable[[Batch], None] = lambda _: None,
) -> Batch:
    """Takes all `rows`, which begin behind the batch's position, in as many transactions as it needs.

    `progress` is told of each. Raises as `take`, and what reading the source raises; what was taken until then stays.
    """
    with transaction() as conn:
        safeguards = known_good.safeguards(conn, keys)
    cipher = EntryCipher(keys)

    def prepared() -> tuple[PreparedRows, bool]:
        some = list(islice(rows, ROWS_AT_ONCE))
        return prepare(some, list_id=batch.list_id, cipher=cipher, safeguards=safeguards), len(some) < ROWS_AT_ONCE

    # While the server writes a batch, the next is prepared.
    with _rare_collection(), ThreadPoolExecutor(max_workers=1) as ahead:
        coming = ahead.submit(prepared)
        while batch.state is BatchState.RUNNING:
            some, done = coming.result()
            if not done:
                coming = ahead.submit(prepared)
            with transaction() as conn:
                batch = take(
                    conn, actor, keys=keys, batch_id=batch.id, after=batch.position, rows=some, done=done, now=clock()
                )
            progress(batch)
    return batch


@contextmanager
def _rare_collection() -> Iterator[None]:
    """Rows make many objects and no cycles: looking for some again and again takes a third of the time."""
    usual = gc.get_threshold()
    gc.set_threshold(500_000, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def abandon(conn: Connection, actor: Actor, *, batch_id: int, now: datetime) -> Batch:
    """Decides that a source is not read on. What was taken stays. Raises PermissionDenied, NotFound, Conflict."""
    actor.require(Permission.REGISTRY_IMPORT)
    batch = store.get_batch_for_update(conn, batch_id)
    if batch.state is not BatchState.RUNNING:
        raise Conflict(problem="the batch is over already")
    batch = replace(batch, state=BatchState.ABANDONED, finished_at=now)
    store.update_batch(conn, batch)
    _record(conn, actor, batch, now=now, state=batch.state.value)
    return batch


# --- reading ---


def get(conn: Connection, actor: Actor, batch_id: int) -> Batch:
    """Raises PermissionDenied, NotFound."""
    actor.require(Permission.REGISTRY_READ)
    return store.get_batch(conn, batch_id)


def list_batches(conn: Connection, actor: Actor, *, list_id: UUID | None = None, limit: int = 50) -> list[Batch]:
    """The batches of a list, or of all, the newest first. Raises PermissionDenied."""
    actor.require(Permission.REGISTRY_READ)
    return store.list_batches(conn, list_id, limit=limit)


def list_problems(conn: Connection, actor: Actor, *, batch_id: int, after: int = 0, limit: int = 100) -> list[BatchProblem]:
    """The first rows of a batch that were not taken, and why. Raises PermissionDenied."""
    actor.require(Permission.REGISTRY_READ)
    return store.list_problems(conn, batch_id, after=after, limit=limit)


def digest_of(chunks: Iterator[bytes]) -> bytes:
    """The SHA-256 by which a source is known again."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.digest()


def _record(conn: Connection, actor: Actor, batch: Batch, *, now: datetime, **details: object) -> None:
    record(
        conn, actor, action=Permission.REGISTRY_IMPORT, record="list", record_id=batch.list_id, now=now, batch=batch.id,
        position=batch.position, **details,
    )  # fmt: skip
