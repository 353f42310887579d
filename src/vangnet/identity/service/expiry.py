"""Removing what stopped counting some time ago: old sessions, links, invitations, challenges, counts of attempts.

None of it counts any more when it is removed, so nothing is decided here and no event is left.
"""

from datetime import datetime, timedelta

from vangnet.db import Connection
from vangnet.identity.model.attempts import LONGEST_MEMORY
from vangnet.identity.model.parties import PROPOSAL_LASTS
from vangnet.identity.model.sessions import SECOND_FACTOR_WAITS
from vangnet.identity.store import expiry as store


def remove_expired(conn: Connection, *, now: datetime, idle_minutes: int, hours: int) -> int:
    """How many rows there were. `idle_minutes` and `hours` are the limits of a session."""
    return (
        store.remove_sessions(
            conn,
            whole_before=now - timedelta(hours=hours),
            unseen_since=now - timedelta(minutes=idle_minutes),
            pending_before=now - SECOND_FACTOR_WAITS,
        )
        + store.remove_links(conn, now=now)
        + store.remove_invitations(conn, now=now)
        + store.remove_challenges(conn, now=now)
        + store.remove_attempts(conn, failed_before=now - LONGEST_MEMORY)
        + store.end_proposals(conn, introduced_before=now - PROPOSAL_LASTS, now=now)
    )
