"""The tables of lists: their categories, counts, approvals and choices."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.rows import kwargs_row

from vangnet.db import Connection
from vangnet.errors import Conflict, NotFound
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.entries import EntryState
from vangnet.registry.model.lists import (
    Approval,
    ApprovalOf,
    Choice,
    Count,
    HashList,
    ListedCategory,
    ListState,
    QuorumOf,
)

_CATEGORY = "SELECT id, list_id, scheme, name, classification, mapped_by, mapped_at FROM registry_category "

# --- lists ---


def add_list(conn: Connection, added: HashList) -> None:
    """Raises Conflict where another list has the name."""
    try:
        with conn.transaction():
            conn.execute(
                """
                INSERT INTO registry_list (id, name, supplier_party_id, origin_party_id, origin_list_id, state, state_at,
                                           state_by, state_reason, quorum, quorum_of, created_at, created_by)
                VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
                """,
                [
                    added.id, added.name, added.supplier_party_id, added.origin_party_id, added.origin_list_id, added.state,
                    added.state_at, added.state_by, added.state_reason, added.quorum, added.quorum_of, added.created_at,
                    added.created_by,
                ],
            )  # fmt: skip
    except UniqueViolation as error:
        raise Conflict(problem="another list has this name") from error


def update_list(conn: Connection, changed: HashList) -> None:
    """Name, state and quorum; nothing else of a list changes. Raises Conflict where another list has the name."""
    try:
        with conn.transaction():
            conn.execute(
                """
                UPDATE registry_list
                SET name = %s, state = %s, state_at = %s, state_by = %s, state_reason = %s, quorum = %s, quorum_of = %s
                WHERE id = %s
                """,
                [
                    changed.name, changed.state, changed.state_at, changed.state_by, changed.state_reason, changed.quorum,
                    changed.quorum_of, changed.id,
                ],
            )  # fmt: skip
    except UniqueViolation as error:
        raise Conflict(problem="another list has this name") from error


def get_list(conn: Connection, list_id: UUID) -> HashList:
    """Raises NotFound."""
    with conn.cursor(row_factory=kwargs_row(_list)) as cursor:
        found = cursor.execute("SELECT * FROM registry_list WHERE id = %s", [list_id]).fetchone()
    return _found(found, str(list_id))


def get_list_for_update(conn: Connection, list_id: UUID) -> HashList:
    """The same, and nobody else changes it, or adds to it, until the transaction ends. Raises NotFound."""
    with conn.cursor(row_factory=kwargs_row(_list)) as cursor:
        found = cursor.execute("SELECT * FROM registry_list WHERE id = %s FOR UPDATE", [list_id]).fetchone()
    return _found(found, str(list_id))


def find_list_by_name(conn: Connection, name: str) -> HashList | None:
    """The list of this name, however it is capitalised."""
    with conn.cursor(row_factory=kwargs_row(_list)) as cursor:
        return cursor.execute("SELECT * FROM registry_list WHERE lower(name) = lower(%s)", [name]).fetchone()


def list_lists(conn: Connection) -> list[HashList]:
    """All lists by name."""
    with conn.cursor(row_factory=kwargs_row(_list)) as cursor:
        return cursor.execute("SELECT * FROM registry_list ORDER BY lower(name), id").fetchall()


# --- categories ---


def add_category(conn: Connection, list_id: UUID, *, scheme: str, name: str) -> int:
    """A category that was seen first, unmapped; returns its number."""
    row = conn.execute(
        "INSERT INTO registry_category (list_id, scheme, name) VALUES (%s, %s, %s) RETURNING id", [list_id, scheme, name]
    ).fetchone()
    assert row is not None  # noqa: S101 (an INSERT that returns)
    return int(row[0])


def list_categories(conn: Connection, list_id: UUID) -> list[ListedCategory]:
    """A list's categories, by scheme and name."""
    with conn.cursor(row_factory=kwargs_row(_category)) as cursor:
        return cursor.execute(_CATEGORY + "WHERE list_id = %s ORDER BY scheme, name", [list_id]).fetchall()


def get_category_for_update(conn: Connection, category_id: int) -> ListedCategory:
    """Raises NotFound."""
    with conn.cursor(row_factory=kwargs_row(_category)) as cursor:
        found = cursor.execute(_CATEGORY + "WHERE id = %s FOR UPDATE", [category_id]).fetchone()
    if found is None:
        raise NotFound(record="category", key=str(category_id))
    return found


def update_category(
    conn: Connection, category_id: int, classification: Classification | None, *, by: str, now: datetime
) -> None:
    """What the category means from now on."""
    conn.execute(
        "UPDATE registry_category SET classification = %s, mapped_by = %s, mapped_at = %s WHERE id = %s",
        [classification, by, now, category_id],
    )


# --- counts ---


def add_counts(conn: Connection, list_id: UUID, counts: Mapping[tuple[int, EntryState], int], *, now: datetime) -> None:
    """Adds to the counts of a list, by category and state; a number below zero takes away."""
    with conn.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO registry_list_count AS count (list_id, category_id, state, entries)
            VALUES (%(list)s, %(category)s, %(state)s, greatest(%(entries)s, 0))
            ON CONFLICT (list_id, category_id, state) DO UPDATE SET entries = count.entries + %(entries)s
            """,
            # In one order, so that two transactions never wait for each other.
            [
                {"list": list_id, "category": category_id, "state": state, "entries": entries}
                for (category_id, state), entries in sorted(counts.items())
                if entries
            ],
        )
    conn.execute(
        """
        INSERT INTO registry_list_day (list_id, day, state, entries)
        SELECT list_id, %s, state, sum(entries) FROM registry_list_count WHERE list_id = %s GROUP BY list_id, state
        ON CONFLICT (list_id, day, state) DO UPDATE SET entries = excluded.entries
        """,
        [now.date(), list_id],
    )


def list_counts(conn: Connection, list_ids: Collection[UUID]) -> dict[UUID, list[Count]]:
    """The counts of these lists, by category and state."""
    found = conn.execute(
        """
        SELECT list_id, category_id, state, entries FROM registry_list_count
        WHERE list_id = ANY(%s) AND entries > 0 ORDER BY list_id, category_id, state
        """,
        [list(list_ids)],
    )
    counts: dict[UUID, list[Count]] = {list_id: [] for list_id in list_ids}
    for list_id, category_id, state, entries in found.fetchall():
        counts[list_id].append(Count(category_id=category_id, state=EntryState(state), entries=entries))
    return counts


def list_days(conn: Connection, list_id: UUID, *, since: date) -> list[tuple[date, EntryState, int]]:
    """How many entries a list had in each state at the end of each day on which that changed, in order."""
    found = conn.execute(
        "SELECT day, state, entries FROM registry_list_day WHERE list_id = %s AND day >= %s ORDER BY day, state",
        [list_id, since],
    )
    return [(day, EntryState(state), entries) for day, state, entries in found.fetchall()]


# --- approvals ---


def put_approval(conn: Connection, approval: Approval) -> None:
    """Somebody's approval, in the place of their older one."""
    conn.execute(
        """
        INSERT INTO registry_approval (list_id, of, person, at) VALUES (%s, %s, %s, %s)
        ON CONFLICT (list_id, of, person) DO UPDATE SET at = excluded.at
        """,
        [approval.list_id, approval.of, approval.person, approval.at],
    )


def list_approvals(conn: Connection, list_id: UUID, of: ApprovalOf) -> list[Approval]:
    """The approvals of a list, the oldest first; those that ran out, too."""
    with conn.cursor(row_factory=kwargs_row(_approval)) as cursor:
        return cursor.execute(
            "SELECT list_id, of, person, at FROM registry_approval WHERE list_id = %s AND of = %s ORDER BY at, person",
            [list_id, of],
        ).fetchall()


def remove_approvals(conn: Connection, list_id: UUID, of: ApprovalOf) -> None:
    """Used, or overtaken by a change of the list."""
    conn.execute("DELETE FROM registry_approval WHERE list_id = %s AND of = %s", [list_id, of])


# --- choices ---


def put_choice(conn: Connection, choice: Choice) -> None:
    """What counts here of a list, in the place of what was chosen before."""
    conn.execute(
        """
        INSERT INTO registry_choice (list_id, enabled, classifications, radius, chosen_by, chosen_at)
        VALUES (%s, %s, %s, %s, %s, %s)
        ON CONFLICT (list_id) DO UPDATE
        SET enabled = excluded.enabled, classifications = excluded.classifications, radius = excluded.radius,
            chosen_by = excluded.chosen_by, chosen_at = excluded.chosen_at
        """,
        [
            choice.list_id, choice.enabled, sorted(choice.classifications), choice.radius, choice.chosen_by,
            choice.chosen_at,
        ],
    )  # fmt: skip


def list_choices(conn: Connection) -> dict[UUID, Choice]:
    """What was chosen, by list."""
    with conn.cursor(row_factory=kwargs_row(_choice)) as cursor:
        found = cursor.execute(
            "SELECT list_id, enabled, classifications, radius, chosen_by, chosen_at FROM registry_choice"
        ).fetchall()
    return {choice.list_id: choice for choice in found}


def _list(*, state: str, quorum_of: str, **rest: Any) -> HashList:
    return HashList(state=ListState(state), quorum_of=QuorumOf(quorum_of), **rest)


def _category(*, classification: str | None, **rest: Any) -> ListedCategory:
    return ListedCategory(classification=None if classification is None else Classification(classification), **rest)


def _approval(*, of: str, **rest: Any) -> Approval:
    return Approval(of=ApprovalOf(of), **rest)


def _choice(*, classifications: list[str], **rest: Any) -> Choice:
    return Choice(classifications=frozenset(map(Classification, classifications)), **rest)


def _found(found: HashList | None, key: str) -> HashList:
    if found is None:
        raise NotFound(record="list", key=key)
    return found
