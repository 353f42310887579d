"""The tables of the vault: media, the keys that open them, why each is kept, and whether anything is taken in."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import class_row, kwargs_row

from vangnet.db import Connection
from vangnet.errors import NotFound
from vangnet.vault.model import (
    Basis,
    EraseReason,
    HoldReason,
    Keeping,
    Medium,
    MediumState,
    SealedFile,
    VaultChoice,
)

_MEDIUM = """
    SELECT id, state, size_bytes, media_type, put_at, hold, held_at, held_by, erased_at, erase_reason FROM vault_medium
"""
_KEEPING = "SELECT id, medium_id, record, record_id, basis, since, ended_at FROM vault_keeping "
_RESTING = """
    SELECT k.id, k.medium_id, k.record, k.record_id, k.basis, k.since, k.ended_at
    FROM vault_keeping k JOIN vault_medium m ON m.id = k.medium_id
    WHERE k.basis = %s AND k.since <= %s AND k.ended_at IS NULL
"""
_HELD, _NOT_HELD = "AND m.hold IS NOT NULL ", "AND m.hold IS NULL "
_OLDEST_FIRST = "ORDER BY k.since, k.id LIMIT %s"

# --- choice ---


def find_choice(conn: Connection) -> VaultChoice | None:
    """What holds."""
    with conn.cursor(row_factory=class_row(VaultChoice)) as cursor:
        return cursor.execute(
            """
            SELECT version, enabled, basis, reference, chosen_by, chosen_at FROM vault_choice
            ORDER BY version DESC LIMIT 1
            """
        ).fetchone()


def add_choice(
    conn: Connection, *, enabled: bool, basis: str | None, reference: str | None, chosen_by: str, now: datetime
) -> None:
    """Keeps a choice as the next version."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('vault choice', 0))")
    conn.execute(
        """
        INSERT INTO vault_choice (version, enabled, basis, reference, chosen_by, chosen_at)
        SELECT coalesce(max(version), 0) + 1, %s, %s, %s, %s, %s FROM vault_choice
        """,
        [enabled, basis, reference, chosen_by, now],
    )


# --- turns ---


def share_files(conn: Connection) -> None:
    """Until the transaction ends nobody removes files that no row knows."""
    conn.execute("SELECT pg_advisory_xact_lock_shared(hashtextextended('vault files', 0))")


def take_files(conn: Connection) -> None:
    """Until the transaction ends nobody makes a row for a file that has none."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('vault files', 0))")


def lock_content(conn: Connection, content_mac: bytes) -> None:
    """Makes a second file of the same content, put at the same time, wait until the first is in."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('vault content ' || %s, 0))", [content_mac.hex()])


# --- media ---


def add_medium(conn: Connection, sealed: SealedFile, *, media_type: str, now: datetime) -> None:
    """Makes a sealed file one that can be opened."""
    conn.execute(
        """
        INSERT INTO vault_medium (id, state, size_bytes, media_type, content_mac, put_at)
        VALUES (%s, 'kept', %s, %s, %s, %s)
        """,
        [sealed.medium_id, sealed.size_bytes, media_type, sealed.content_mac, now],
    )
    conn.execute("INSERT INTO vault_key (medium_id, wrapped) VALUES (%s, %s)", [sealed.medium_id, sealed.wrapped_key])


def find_by_content(conn: Connection, content_mac: bytes) -> Medium | None:
    """The medium that is kept with this content, and nobody changes it until the transaction ends."""
    with conn.cursor(row_factory=kwargs_row(_medium)) as cursor:
        return cursor.execute(_MEDIUM + "WHERE content_mac = %s AND state = 'kept' FOR UPDATE", [content_mac]).fetchone()


def get_medium(conn: Connection, medium_id: UUID) -> Medium:
    """Raises NotFound."""
    return _found(conn, medium_id, "")


def get_medium_shared(conn: Connection, medium_id: UUID) -> Medium:
    """The same, and nobody erases it until the transaction ends. Raises NotFound."""
    return _found(conn, medium_id, " FOR SHARE")


def get_medium_for_update(conn: Connection, medium_id: UUID) -> Medium:
    """The same, and nobody else changes or opens it until the transaction ends. Raises NotFound."""
    return _found(conn, medium_id, " FOR UPDATE")


def list_media(
    conn: Connection, *, states: Collection[MediumState], held: bool, after: UUID | None, limit: int
) -> list[Medium]:
    """In the order of their ids. `held`: only those that somebody holds."""
    which: LiteralString = "hold IS NOT NULL AND " if held else ""
    with conn.cursor(row_factory=kwargs_row(_medium)) as cursor:
        return cursor.execute(
            _MEDIUM
            + "WHERE "
            + which
            + """
            state = ANY(%(states)s) AND (%(after)s::uuid IS NULL OR id > %(after)s)
            ORDER BY id LIMIT %(limit)s
            """,
            {"states": list(states), "after": after, "limit": limit},
        ).fetchall()


def states_of(conn: Connection, media_ids: Sequence[UUID]) -> dict[UUID, MediumState]:
    """The state of each of these that has a row."""
    rows = conn.execute("SELECT id, state FROM vault_medium WHERE id = ANY(%s)", [list(media_ids)]).fetchall()
    return {medium_id: MediumState(state) for medium_id, state in rows}


def find_key(conn: Connection, medium_id: UUID) -> bytes | None:
    """The medium's own key, sealed to this installation."""
    row = conn.execute("SELECT wrapped FROM vault_key WHERE medium_id = %s", [medium_id]).fetchone()
    return None if row is None else bytes(row[0])


def update_state(conn: Connection, medium_id: UUID, state: MediumState) -> None:
    """Kept or lost."""
    conn.execute("UPDATE vault_medium SET state = %s WHERE id = %s", [state, medium_id])


def update_found(conn: Connection, medium_id: UUID) -> bool:
    """Kept again, unless its content was put anew meanwhile; says whether."""
    updated = conn.execute(
        """
        UPDATE vault_medium lost SET state = 'kept'
        WHERE lost.id = %s AND lost.state = 'lost'
          AND NOT EXISTS (SELECT FROM vault_medium m WHERE m.content_mac = lost.content_mac AND m.state = 'kept')
        """,
        [medium_id],
    )
    return updated.rowcount == 1


def update_hold(conn: Connection, medium_id: UUID, *, hold: HoldReason | None, by: str | None, at: datetime | None) -> None:
    """Held, or not any more."""
    conn.execute("UPDATE vault_medium SET hold = %s, held_by = %s, held_at = %s WHERE id = %s", [hold, by, at, medium_id])


def update_erased(conn: Connection, medium_id: UUID, *, reason: EraseReason, now: datetime) -> None:
    """Destroys the key and the code of the content; what figures need stays."""
    conn.execute("DELETE FROM vault_key WHERE medium_id = %s", [medium_id])
    conn.execute(
        """
        UPDATE vault_medium SET state = 'erased', content_mac = NULL, erased_at = %s, erase_reason = %s WHERE id = %s
        """,
        [now, reason, medium_id],
    )
    conn.execute("UPDATE vault_keeping SET ended_at = %s WHERE medium_id = %s AND ended_at IS NULL", [now, medium_id])


def count_media(conn: Connection) -> list[tuple[MediumState, bool, int, int]]:
    """How many there are by state and whether they are held, and their bytes."""
    rows = conn.execute(
        """
        SELECT state, hold IS NOT NULL AS held, count(*), sum(size_bytes)::bigint FROM vault_medium
        GROUP BY state, held ORDER BY state, held
        """
    ).fetchall()
    return [(MediumState(state), held, number, size_bytes) for state, held, number, size_bytes in rows]


# --- keepings ---


def put_keeping(conn: Connection, medium_id: UUID, *, record: str, record_id: str, basis: Basis, now: datetime) -> Keeping:
    """The record's keeping of a medium; where it has one already, that one goes on as it is."""
    conn.execute(
        """
        INSERT INTO vault_keeping (medium_id, record, record_id, basis, since) VALUES (%s, %s, %s, %s, %s)
        ON CONFLICT (medium_id, record, record_id) WHERE ended_at IS NULL DO NOTHING
        """,
        [medium_id, record, record_id, basis, now],
    )
    (found,) = [one for one in list_keepings(conn, medium_id) if (one.record, one.record_id) == (record, record_id)]
    return found


def list_keepings(conn: Connection, medium_id: UUID) -> list[Keeping]:
    """Those that have not ended, the oldest first."""
    with conn.cursor(row_factory=kwargs_row(_keeping)) as cursor:
        return cursor.execute(_KEEPING + "WHERE medium_id = %s AND ended_at IS NULL ORDER BY id", [medium_id]).fetchall()


def get_keeping_for_update(conn: Connection, keeping_id: int) -> Keeping:
    """One, and nobody else changes it until the transaction ends. Raises NotFound."""
    with conn.cursor(row_factory=kwargs_row(_keeping)) as cursor:
        found = cursor.execute(_KEEPING + "WHERE id = %s FOR UPDATE", [keeping_id]).fetchone()
    if found is None:
        raise NotFound(record="keeping", key=str(keeping_id))
    return found


def get_keeping(conn: Connection, keeping_id: int) -> Keeping:
    """Raises NotFound."""
    with conn.cursor(row_factory=kwargs_row(_keeping)) as cursor:
        found = cursor.execute(_KEEPING + "WHERE id = %s", [keeping_id]).fetchone()
    if found is None:
        raise NotFound(record="keeping", key=str(keeping_id))
    return found


def list_keepings_since(conn: Connection, basis: Basis, *, until: datetime, held: bool, limit: int) -> list[Keeping]:
    """Those that rest on this basis since then or earlier, the oldest first; of media that are held, or that are not."""
    # Few are held: found by them, not by everything that is due.
    which = _HELD if held else _NOT_HELD
    with conn.cursor(row_factory=kwargs_row(_keeping)) as cursor:
        return cursor.execute(_RESTING + which + _OLDEST_FIRST, [basis, until, limit]).fetchall()


def count_keepings(conn: Connection, basis: Basis, *, until: datetime) -> int:
    """How many rest on this basis since then or earlier."""
    row = conn.execute(
        "SELECT count(*) FROM vault_keeping WHERE basis = %s AND since <= %s AND ended_at IS NULL", [basis, until]
    ).fetchone()
    return 0 if row is None else row[0]


def update_basis(conn: Connection, keeping_id: int, *, basis: Basis, since: datetime) -> None:
    """It rests on another basis since then."""
    conn.execute("UPDATE vault_keeping SET basis = %s, since = %s WHERE id = %s", [basis, since, keeping_id])


def update_basis_of(conn: Connection, record: str, record_id: str, *, basis: Basis, since: datetime) -> int:
    """All that a record keeps rests on another basis since then; how many keepings that changed."""
    return conn.execute(
        """
        UPDATE vault_keeping SET basis = %s, since = %s
        WHERE record = %s AND record_id = %s AND ended_at IS NULL AND basis <> %s
        """,
        [basis, since, record, record_id, basis],
    ).rowcount


def update_ended(conn: Connection, keeping_id: int, *, now: datetime) -> None:
    """The record needs the medium no more."""
    conn.execute("UPDATE vault_keeping SET ended_at = %s WHERE id = %s", [now, keeping_id])


def _found(conn: Connection, medium_id: UUID, lock: LiteralString) -> Medium:
    with conn.cursor(row_factory=kwargs_row(_medium)) as cursor:
        found = cursor.execute(_MEDIUM + "WHERE id = %s" + lock, [medium_id]).fetchone()
    if found is None:
        raise NotFound(record="medium", key=str(medium_id))
    return found


def _medium(*, state: str, hold: str | None, erase_reason: str | None, **rest: Any) -> Medium:
    return Medium(
        state=MediumState(state),
        hold=None if hold is None else HoldReason(hold),
        erase_reason=None if erase_reason is None else EraseReason(erase_reason),
        **rest,
    )


def _keeping(*, basis: str, **rest: Any) -> Keeping:
    return Keeping(basis=Basis(basis), **rest)
