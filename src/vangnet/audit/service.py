"""Recording deeds, and reading what was recorded.

Every service call of Vangnet that changes something ends in `record`, in the same transaction. Nothing here reads a deed's
own record: the trail knows ids, never people.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from vangnet.audit import store
from vangnet.audit.details import canonical, encodable
from vangnet.audit.model import Actor, ChainState, EventFilter, ListedEvent
from vangnet.db import Connection
from vangnet.errors import InvalidInput

#: The permission to read the trail. Its home is `identity/permissions.py`, which lies above this package; a test keeps the
#: two the same.
READ = "audit:read"
#: The longest page of a list.
LIST_MAX = 1_000


def record(
    conn: Connection, actor: Actor, *, action: str, record: str, record_id: object, now: datetime, **details: object
) -> None:
    """Writes one event into the transaction of `conn`; it exists if, and only if, the deed does.

    `action` is the permission that was used (`party:add`); `record` and `record_id` say what was acted upon. `details` hold
    ids, states and counts that fit in JSON: no personal data, no hash, no link. Raises TypeError or ValueError for what an
    event cannot hold: a mistake in the calling code, told before anything is written.
    """
    if now.tzinfo is None:
        raise ValueError("now is a time without a time zone")
    texts = {"actor.id": actor.id, "action": action, "record": record, "record_id": str(record_id)}
    for where, text in texts.items():
        encodable(text, where)
    store.add_event(conn, actor, action=action, record=record, record_id=str(record_id), at=now, details=canonical(details))


def list_events(
    conn: Connection, actor: Actor, *, wanted: EventFilter, before: int | None = None, limit: int = 50
) -> list[ListedEvent]:
    """Events, newest first. The next page begins `before` the id of the last event of this one.

    Raises PermissionDenied; InvalidInput where a filter holds what no event can hold.
    """
    actor.require(READ)
    for name in ("record", "record_id", "actor_id", "action"):
        text = getattr(wanted, name)
        if text is not None and "\0" in text:
            raise InvalidInput(field=name, problem="must not hold the character NUL")
    return store.list_events(conn, wanted, before=before, limit=min(limit, LIST_MAX))


def list_actions(conn: Connection, actor: Actor) -> list[str]:
    """Every action that occurs in the trail, in alphabetical order. Raises PermissionDenied."""
    actor.require(READ)
    return store.list_actions(conn)


def stream_trail(conn: Connection, actor: Actor) -> Iterator[Mapping[str, object]]:
    """Everything that is sealed, in order of position, as an export holds it: docs/howto/verify-the-audit-trail.md.

    One snapshot, so the first work of its transaction. Raises PermissionDenied.
    """
    actor.require(READ)
    store.read_in_one_snapshot(conn)
    return store.stream_trail(conn)


def chain_state(conn: Connection, actor: Actor) -> ChainState:
    """How far the trail is sealed, and what waits. Raises PermissionDenied."""
    actor.require(READ)
    return store.chain_state(conn)
