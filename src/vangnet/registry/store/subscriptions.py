"""Who may follow which of our lists, and whose lists we follow."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.rows import class_row, kwargs_row

from vangnet.db import Connection
from vangnet.errors import Conflict, NotFound
from vangnet.registry.model.entries import EntryState
from vangnet.registry.model.lists import ListState
from vangnet.registry.model.pages import Fault
from vangnet.registry.model.subscriptions import Share, SubscribedList, Subscription, SubscriptionState

#: The advisory locks under which subscriptions are followed; an arbitrary number of ours.
_FOLLOWING = 8_201_004

# --- the hub's side ---


def add_share(conn: Connection, share: Share) -> None:
    """Raises Conflict where the party may follow the list already."""
    try:
        with conn.transaction():
            conn.execute(
                "INSERT INTO registry_share (list_id, party_id, given_by, given_at) VALUES (%s, %s, %s, %s)",
                [share.list_id, share.party_id, share.given_by, share.given_at],
            )
    except UniqueViolation as error:
        raise Conflict(problem="the list is shared with that party already") from error


def update_share_withdrawn(conn: Connection, *, list_id: UUID, party_id: UUID, by: str, at: datetime) -> bool:
    """Whether there was one to withdraw."""
    done = conn.execute(
        """
        UPDATE registry_share SET withdrawn_by = %s, withdrawn_at = %s
        WHERE list_id = %s AND party_id = %s AND withdrawn_at IS NULL
        """,
        [by, at, list_id, party_id],
    )
    return done.rowcount == 1


def list_shares(conn: Connection, *, list_id: UUID | None = None, party_id: UUID | None = None) -> list[Share]:
    """The shares that stand, the oldest first."""
    with conn.cursor(row_factory=class_row(Share)) as cursor:
        return cursor.execute(
            """
            SELECT list_id, party_id, given_by, given_at FROM registry_share
            WHERE withdrawn_at IS NULL
                AND (%(list_id)s::uuid IS NULL OR list_id = %(list_id)s)
                AND (%(party_id)s::uuid IS NULL OR party_id = %(party_id)s)
            ORDER BY given_at, list_id, party_id
            """,
            {"list_id": list_id, "party_id": party_id},
        ).fetchall()


# --- the subscriber's side ---


def add_subscription(conn: Connection, subscription: Subscription) -> None:
    """Raises Conflict where there is one to that party already."""
    try:
        with conn.transaction():
            conn.execute(
                """
                INSERT INTO registry_subscription (id, hub_party_id, position, chain, hub_position, state, fault, problem,
                                                   state_at, last_heard_at, subscribed_by, subscribed_at)
                VALUES (%(id)s, %(hub_party_id)s, %(position)s, %(chain)s, %(hub_position)s, %(state)s, %(fault)s,
                        %(problem)s, %(state_at)s, %(last_heard_at)s, %(subscribed_by)s, %(subscribed_at)s)
                """,
                _values(subscription),
            )
    except UniqueViolation as error:
        raise Conflict(problem="that party's lists are followed already") from error


def update_subscription(conn: Connection, subscription: Subscription) -> None:
    """Everything but the id and the party."""
    conn.execute(
        """
        UPDATE registry_subscription SET position = %(position)s, chain = %(chain)s, hub_position = %(hub_position)s,
            state = %(state)s, fault = %(fault)s, problem = %(problem)s, state_at = %(state_at)s,
            last_heard_at = %(last_heard_at)s, subscribed_by = %(subscribed_by)s, subscribed_at = %(subscribed_at)s
        WHERE id = %(id)s
        """,
        _values(subscription),
    )


def get_subscription(conn: Connection, subscription_id: UUID) -> Subscription:
    """Raises NotFound."""
    with conn.cursor(row_factory=kwargs_row(_subscription)) as cursor:
        found = cursor.execute("SELECT * FROM registry_subscription WHERE id = %s", [subscription_id]).fetchone()
    return _found(found, subscription_id)


def get_subscription_for_update(conn: Connection, subscription_id: UUID) -> Subscription:
    """Raises NotFound."""
    with conn.cursor(row_factory=kwargs_row(_subscription)) as cursor:
        found = cursor.execute("SELECT * FROM registry_subscription WHERE id = %s FOR UPDATE", [subscription_id]).fetchone()
    return _found(found, subscription_id)


def find_subscription_to(conn: Connection, party_id: UUID) -> Subscription | None:
    """The one to this party; locked until the transaction ends."""
    with conn.cursor(row_factory=kwargs_row(_subscription)) as cursor:
        return cursor.execute(
            "SELECT * FROM registry_subscription WHERE hub_party_id = %s FOR UPDATE", [party_id]
        ).fetchone()


def list_subscriptions(conn: Connection) -> list[Subscription]:
    """All of them, the oldest first."""
    with conn.cursor(row_factory=kwargs_row(_subscription)) as cursor:
        return cursor.execute("SELECT * FROM registry_subscription ORDER BY subscribed_at, id").fetchall()


def list_followed(conn: Connection) -> list[UUID]:
    """The ids of the subscriptions that are followed now."""
    found = conn.execute("SELECT id FROM registry_subscription WHERE state = 'following' ORDER BY id")
    return [id_ for (id_,) in found.fetchall()]


def try_follower_lock(conn: Connection, subscription_id: UUID) -> bool:
    """Whether the connection has the lock of this subscription now; it keeps it as long as it lives."""
    key = int.from_bytes(subscription_id.bytes[:4], "big", signed=True)
    row = conn.execute("SELECT pg_try_advisory_lock(%s, %s)", [_FOLLOWING, key]).fetchone()
    return row == (True,)


def require_alive(conn: Connection) -> None:
    """Raises psycopg's OperationalError where the connection is gone."""
    conn.execute("SELECT 1")


def add_subscribed_list(conn: Connection, subscribed: SubscribedList) -> None:
    """Adds a list of a subscription."""
    conn.execute(
        """
        INSERT INTO registry_subscribed_list (subscription_id, origin_list_id, list_id, hub_state, shared, position, chain)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        """,
        [
            subscribed.subscription_id, subscribed.origin_list_id, subscribed.list_id, subscribed.hub_state,
            subscribed.shared, subscribed.position, subscribed.chain,
        ],
    )  # fmt: skip


def update_subscribed_list(conn: Connection, subscribed: SubscribedList) -> None:
    """What the hub says of it, and how far it was read."""
    conn.execute(
        """
        UPDATE registry_subscribed_list SET hub_state = %s, shared = %s, position = %s, chain = %s
        WHERE subscription_id = %s AND origin_list_id = %s
        """,
        [
            subscribed.hub_state, subscribed.shared, subscribed.position, subscribed.chain, subscribed.subscription_id,
            subscribed.origin_list_id,
        ],
    )  # fmt: skip


def list_subscribed(conn: Connection, subscription_id: UUID) -> list[SubscribedList]:
    """The lists of a subscription, in the order of their ids there."""
    with conn.cursor(row_factory=kwargs_row(_subscribed_list)) as cursor:
        return cursor.execute(
            "SELECT * FROM registry_subscribed_list WHERE subscription_id = %s ORDER BY origin_list_id", [subscription_id]
        ).fetchall()


def find_subscribed_list(conn: Connection, list_id: UUID) -> SubscribedList | None:
    """The subscription's side of a list of ours, if it is one that we follow."""
    with conn.cursor(row_factory=kwargs_row(_subscribed_list)) as cursor:
        return cursor.execute("SELECT * FROM registry_subscribed_list WHERE list_id = %s", [list_id]).fetchone()


def find_local_entries(conn: Connection, list_id: UUID, origin_ids: list[int]) -> dict[int, tuple[int, int, str]]:
    """Of entries by their numbers at the hub: our number, the category, the state. Locked until the transaction ends."""
    found = conn.execute(
        """
        SELECT origin_id, id, category_id, state FROM registry_entry
        WHERE list_id = %s AND origin_id = ANY(%s) ORDER BY id FOR UPDATE
        """,
        [list_id, origin_ids],
    )
    return {origin_id: (id_, category_id, state) for origin_id, id_, category_id, state in found.fetchall()}


def find_local_categories(conn: Connection, list_id: UUID) -> dict[int, int]:
    """Our numbers of a list's categories, by their numbers at the hub."""
    found = conn.execute(
        "SELECT origin_id, id FROM registry_category WHERE list_id = %s AND origin_id IS NOT NULL", [list_id]
    )
    return dict(found.fetchall())


def add_local_category(conn: Connection, *, list_id: UUID, origin_id: int, scheme: str, name: str) -> int:
    """Adds a category of the hub's to our list and returns our number for it."""
    row = conn.execute(
        "INSERT INTO registry_category (list_id, origin_id, scheme, name) VALUES (%s, %s, %s, %s) RETURNING id",
        [list_id, origin_id, scheme, name],
    ).fetchone()
    assert row is not None  # noqa: S101 (an insert returns its row)
    number: int = row[0]
    return number


def update_local_category(conn: Connection, *, category_id: int, classification: str | None, by: str, at: datetime) -> None:
    """What the hub says that a category means."""
    conn.execute(
        "UPDATE registry_category SET classification = %s, mapped_by = %s, mapped_at = %s WHERE id = %s",
        [classification, by, at, category_id],
    )


def update_entry_states(conn: Connection, states: Sequence[tuple[int, EntryState, str]], *, by: str, at: datetime) -> None:
    """The states of entries; the reason is kept of those that are withdrawn."""
    if not states:
        return
    conn.execute(
        """
        UPDATE registry_entry entry SET state = told.state,
            withdrawn_at = CASE WHEN told.state = 'withdrawn' THEN %(at)s::timestamptz END,
            withdrawn_by = CASE WHEN told.state = 'withdrawn' THEN %(by)s END,
            withdrawn_why = CASE WHEN told.state = 'withdrawn' THEN told.why END
        FROM unnest(%(ids)s::bigint[], %(states)s::text[], %(whys)s::text[]) AS told (id, state, why)
        WHERE entry.id = told.id
        """,
        {
            "ids": [id_ for id_, _, _ in states],
            "states": [state.value for _, state, _ in states],
            "whys": [why for _, _, why in states],
            "by": by,
            "at": at,
        },
    )


def remove_subscribed_list(conn: Connection, subscribed: SubscribedList) -> None:
    """It belongs to the subscription no more."""
    conn.execute(
        "DELETE FROM registry_subscribed_list WHERE subscription_id = %s AND origin_list_id = %s",
        [subscribed.subscription_id, subscribed.origin_list_id],
    )


def _values(subscription: Subscription) -> Mapping[str, object]:
    return {
        "id": subscription.id,
        "hub_party_id": subscription.hub_party_id,
        "position": subscription.position,
        "chain": subscription.chain,
        "hub_position": subscription.hub_position,
        "state": subscription.state,
        "fault": subscription.fault,
        "problem": subscription.problem,
        "state_at": subscription.state_at,
        "last_heard_at": subscription.last_heard_at,
        "subscribed_by": subscription.subscribed_by,
        "subscribed_at": subscription.subscribed_at,
    }


def _subscription(*, state: str, fault: str | None, **values: Any) -> Subscription:
    return Subscription(state=SubscriptionState(state), fault=None if fault is None else Fault(fault), **values)


def _subscribed_list(*, hub_state: str, **values: Any) -> SubscribedList:
    return SubscribedList(hub_state=ListState(hub_state), **values)


def _found(subscription: Subscription | None, subscription_id: UUID) -> Subscription:
    if subscription is None:
        raise NotFound(record="subscription", key=str(subscription_id))
    return subscription
