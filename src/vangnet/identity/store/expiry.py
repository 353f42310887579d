"""Removing what stopped counting."""

from datetime import datetime

from vangnet.db import Connection


def remove_sessions(conn: Connection, *, whole_before: datetime, pending_before: datetime, unseen_since: datetime) -> int:
    """Sessions past a limit: how many."""
    return conn.execute(
        """
        DELETE FROM session
        WHERE (stage = 'whole' AND (created_at < %s OR last_seen_at < %s)) OR (stage <> 'whole' AND created_at < %s)
        """,
        [whole_before, unseen_since, pending_before],
    ).rowcount


def remove_links(conn: Connection, *, now: datetime) -> int:
    """Sign-in links that are used up or too old: how many."""
    return conn.execute("DELETE FROM sign_in_link WHERE expires_at <= %s OR uses_left = 0", [now]).rowcount


def remove_invitations(conn: Connection, *, now: datetime) -> int:
    """Invitations that are too old: how many."""
    return conn.execute("DELETE FROM invitation WHERE expires_at <= %s", [now]).rowcount


def remove_challenges(conn: Connection, *, now: datetime) -> int:
    """Answered passkey challenges that would be refused for their age by now: how many."""
    return conn.execute("DELETE FROM spent_challenge WHERE expires_at <= %s", [now]).rowcount


def remove_attempts(conn: Connection, *, failed_before: datetime) -> int:
    """Failures that are forgotten: how many."""
    return conn.execute("DELETE FROM attempt WHERE last_failed_at < %s", [failed_before]).rowcount


def end_proposals(conn: Connection, *, introduced_before: datetime, now: datetime) -> int:
    """Introductions that nobody answered: how many."""
    return conn.execute(
        """
        UPDATE party SET state = 'ended', ended_at = %s, ended_by = 'system:expiry'
        WHERE state = 'proposed' AND introduced_at < %s
        """,
        [now, introduced_before],
    ).rowcount
