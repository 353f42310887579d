"""Recording deeds. Every service call of Vangnet that changes something ends here, in the same transaction."""

from datetime import datetime

from vangnet.audit import store
from vangnet.audit.model import Actor
from vangnet.db import Connection


def record(
    conn: Connection, actor: Actor, *, action: str, record: str, record_id: object, now: datetime, **details: object
) -> None:
    """Writes one event into the transaction of `conn`; it exists if, and only if, the deed does.

    `action` is the permission that was used (`party:add`); `record` and `record_id` say what was acted upon. `details` hold
    ids, states and counts that fit in JSON: no personal data, no hash, no link.
    """
    store.add_event(conn, actor, action=action, record=record, record_id=str(record_id), at=now, details=details)
