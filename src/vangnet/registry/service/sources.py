"""Services of third parties from which lists are fetched, and what we tell them of their entries.

A job asks what to fetch (`begin`), asks the third party page by page, takes each page in by `imports.take`, and says here
how it ended. Credentials are sealed where they are kept and opened for the job only.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from vangnet.audit.model import Actor
from vangnet.audit.service import record
from vangnet.db import Connection, defer, hasten
from vangnet.errors import Conflict, InvalidInput, NotFound
from vangnet.identity.model.text import checked_line
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.registry.model.sources import (
    FEEDBACK_REASON_MAX,
    DueFeedback,
    Feedback,
    FeedbackState,
    Fetch,
    Source,
    SourceKind,
    SourceState,
    checked_credentials,
)
from vangnet.registry.service import imports
from vangnet.registry.service.lists import load_own
from vangnet.registry.service.sealing import EntryCipher
from vangnet.registry.store import entries as entry_store
from vangnet.registry.store import sources as store

#: The jobs; declared in `vangnet.jobs.tasks`.
FETCH = "fetch_source"
FEEDBACK = "send_source_feedback"
_SEALED_FOR = "registry source"


def add(
    conn: Connection,
    actor: Actor,
    *,
    keys: Keys,
    kind: SourceKind,
    name: str,
    list_id: UUID,
    base_url: str,
    credentials: Mapping[str, object],
    now: datetime,
) -> Source:
    """A service to fetch a list from, every hour from now on. Whether `base_url` can be asked is for whoever calls.

    Raises PermissionDenied, InvalidInput, NotFound, Conflict.
    """
    actor.require(Permission.REGISTRY_IMPORT)
    load_own(conn, list_id)
    secret = json.dumps(checked_credentials(kind, credentials)).encode()
    added = Source(
        id=uuid.uuid4(),
        name=checked_line(name, field="name"),
        kind=kind,
        list_id=list_id,
        base_url=base_url,
        credentials=keys.seal(secret, purpose=_SEALED_FOR),
        state=SourceState.ACTIVE,
        place=None,
        fetched_at=None,
        failures=0,
        problem=None,
        added_by=actor.label,
        added_at=now,
    )
    store.add_source(conn, added)
    _defer(conn, added)
    _record(conn, actor, added, now, kind=kind.value, list_id=str(list_id))
    return added


def fetch_now(conn: Connection, actor: Actor, *, source_id: UUID, now: datetime) -> Source:
    """Has a service asked now rather than at the next hour. Raises PermissionDenied, NotFound, Conflict."""
    actor.require(Permission.REGISTRY_IMPORT)
    source = store.get_source_for_update(conn, source_id)
    if source.state is not SourceState.ACTIVE:
        raise Conflict(problem="the source is stopped")
    _defer(conn, source)
    _record(conn, actor, source, now, asked=True)
    return source


def stop(conn: Connection, actor: Actor, *, source_id: UUID, now: datetime) -> Source:
    """Fetches no more from a service; `resume` goes on where it was. Raises PermissionDenied, NotFound, Conflict."""
    return _move(conn, actor, source_id, SourceState.STOPPED, now)


def resume(conn: Connection, actor: Actor, *, source_id: UUID, now: datetime) -> Source:
    """Fetches from a service again. Raises PermissionDenied, NotFound, Conflict."""
    return _move(conn, actor, source_id, SourceState.ACTIVE, now)


def list_sources(conn: Connection, actor: Actor) -> list[Source]:
    """All services, by name. Raises PermissionDenied."""
    actor.require(Permission.REGISTRY_READ)
    return store.list_sources(conn)


def find(conn: Connection, actor: Actor, which: str) -> Source:
    """A service by its name or id. Raises PermissionDenied, NotFound."""
    actor.require(Permission.REGISTRY_READ)
    found = store.find_source_by_name(conn, which)
    if found is not None:
        return found
    try:
        return store.get_source(conn, UUID(which))
    except ValueError:
        raise NotFound(record="source", key=which) from None


# --- what we tell them ---


def give_feedback(
    conn: Connection, actor: Actor, *, entry_id: int, agrees: bool, reason: str | None = None, now: datetime
) -> Feedback:
    """Tells whom an entry came from that we agree with it or, with a reason, that we do not.

    Raises PermissionDenied, NotFound, InvalidInput, Conflict where it came from no service.
    """
    actor.require(Permission.REGISTRY_PROPOSE)
    entry = entry_store.get_entry(conn, entry_id)
    source = store.find_source_of_list(conn, entry.list_id, store.get_scheme(conn, entry.category_id))
    if source is None or entry.reference is None:
        raise Conflict(problem="the entry did not come from a third party's service")
    if not agrees:
        reason = checked_line(reason or "", field="reason")
        if len(reason) > FEEDBACK_REASON_MAX:
            raise InvalidInput(field="reason", problem=f"must have at most {FEEDBACK_REASON_MAX} characters")
    given = Feedback(
        id=uuid.uuid4(),
        source_id=source.id,
        entry_id=entry_id,
        agrees=agrees,
        reason=None if agrees else reason,
        state=FeedbackState.WAITING,
        problem=None,
        given_by=actor.label,
        given_at=now,
        answered_at=None,
    )
    store.add_feedback(conn, given)
    defer(conn, FEEDBACK, lock=f"entry {entry_id} feedback", feedback_id=str(given.id))
    _record_feedback(conn, actor, given, now, agrees=agrees)
    return given


def list_feedback(conn: Connection, actor: Actor, *, source_id: UUID, limit: int = 100) -> list[Feedback]:
    """What was told to a service, the newest first. Raises PermissionDenied."""
    actor.require(Permission.REGISTRY_READ)
    return store.list_feedback(conn, source_id=source_id, limit=limit)


# --- for the jobs ---


def defer_all(conn: Connection, actor: Actor) -> int:
    """Has every active service asked; says how many."""
    actor.require(Permission.REGISTRY_IMPORT)
    active = [source for source in store.list_sources(conn) if source.state is SourceState.ACTIVE]
    for source in active:
        _defer(conn, source)
    return len(active)


def begin(conn: Connection, actor: Actor, *, source_id: UUID, keys: Keys, now: datetime) -> Fetch | None:
    """What to fetch: the pass that was broken off, else a new one. None where the service is stopped.

    Raises PermissionDenied, NotFound.
    """
    actor.require(Permission.REGISTRY_IMPORT)
    source = store.get_source_for_update(conn, source_id)
    if source.state is not SourceState.ACTIVE:
        return None
    batch = imports.start(
        conn,
        actor,
        list_id=source.list_id,
        format_=source.kind.value,
        source_digest=hashlib.sha256(source.id.bytes).digest(),
        now=now,
    )
    return Fetch(source=source, credentials=_opened(source, keys), batch=batch)


def finish(conn: Connection, actor: Actor, *, source_id: UUID, place: str, now: datetime) -> Source:
    """Keeps that a pass came to its end, and where the next begins."""
    actor.require(Permission.REGISTRY_IMPORT)
    source = replace(
        store.get_source_for_update(conn, source_id), place=place, fetched_at=now, failures=0, problem=None
    )  # fmt: skip
    store.update_source(conn, source)
    _record(conn, actor, source, now, fetched=True)
    return source


def fail(conn: Connection, actor: Actor, *, source_id: UUID, problem: str, now: datetime) -> Source:
    """Keeps that a pass was broken off; `problem` is an error's code. What was taken stays."""
    actor.require(Permission.REGISTRY_IMPORT)
    before = store.get_source_for_update(conn, source_id)
    source = replace(before, failures=before.failures + 1, problem=problem)
    store.update_source(conn, source)
    _record(conn, actor, source, now, problem=problem, failures=source.failures)
    return source


def due_feedback(conn: Connection, actor: Actor, *, feedback_id: UUID, keys: Keys) -> DueFeedback | None:
    """What to send, or None where it was answered."""
    actor.require(Permission.REGISTRY_PROPOSE)
    feedback = store.get_feedback_for_update(conn, feedback_id)
    if feedback.state is not FeedbackState.WAITING:
        return None
    source = store.get_source(conn, feedback.source_id)
    entry = entry_store.get_sealed(conn, feedback.entry_id)
    return DueFeedback(
        feedback=feedback,
        source=source,
        credentials=_opened(source, keys),
        reference=entry.reference or "",
        hashes=EntryCipher(keys).open(entry.list_id, entry.sealed),
    )


def answer_feedback(
    conn: Connection, actor: Actor, *, feedback_id: UUID, state: FeedbackState, problem: str | None = None, now: datetime
) -> Feedback:
    """Keeps whether the third party took it; `problem` is an error's code."""
    actor.require(Permission.REGISTRY_PROPOSE)
    feedback = replace(store.get_feedback_for_update(conn, feedback_id), state=state, problem=problem, answered_at=now)
    store.update_feedback(conn, feedback)
    _record_feedback(conn, actor, feedback, now, state=state.value, problem=problem)
    return feedback


def _move(conn: Connection, actor: Actor, source_id: UUID, state: SourceState, now: datetime) -> Source:
    actor.require(Permission.REGISTRY_IMPORT)
    before = store.get_source_for_update(conn, source_id)
    if before.state is state:
        raise Conflict(problem=f"the source is {state} already")
    source = replace(before, state=state)
    store.update_source(conn, source)
    if state is SourceState.ACTIVE:
        _defer(conn, source)
    _record(conn, actor, source, now, state=state.value)
    return source


def _defer(conn: Connection, source: Source) -> None:
    lock = f"source {source.id}"
    if not hasten(conn, FETCH, lock=lock, source_id=str(source.id)):
        defer(conn, FETCH, lock=lock, source_id=str(source.id))


def _opened(source: Source, keys: Keys) -> dict[str, str]:
    opened: dict[str, str] = json.loads(keys.unseal(source.credentials, purpose=_SEALED_FOR))
    return opened


def _record(conn: Connection, actor: Actor, source: Source, now: datetime, **details: object) -> None:
    record(
        conn, actor, action=Permission.REGISTRY_IMPORT, record="source", record_id=source.id, now=now, **details
    )  # fmt: skip


def _record_feedback(conn: Connection, actor: Actor, feedback: Feedback, now: datetime, **details: object) -> None:
    record(
        conn, actor, action=Permission.REGISTRY_PROPOSE, record="entry", record_id=feedback.entry_id, now=now,
        source=str(feedback.source_id), **details,
    )  # fmt: skip
