"""Following the lists of another installation: beginning, ending, and what becomes of each page that arrives.

A page is believed whole or not at all, and written in the transaction that moves the position: whoever is killed in between
has neither. What a page does to entries and lists is in `arrivals`.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.errors import Conflict, FeedRefused, NotFound
from vangnet.identity.model import Party, PartyState
from vangnet.identity.model.parties import require_known
from vangnet.identity.permissions import Permission
from vangnet.identity.service import parties
from vangnet.keys import Keys
from vangnet.registry.model.feed import GENESIS
from vangnet.registry.model.lists import HashList
from vangnet.registry.model.pages import Cursor, Fault, read_page
from vangnet.registry.model.subscriptions import Question, SubscribedList, Subscription, SubscriptionState
from vangnet.registry.service import feed
from vangnet.registry.service.arrivals import Arrival
from vangnet.registry.store import lists as list_store
from vangnet.registry.store import subscriptions as store

START = Cursor(position=0, chain=GENESIS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a page brought: how many entries, how many other changes, and whether the hub had more when it was made."""

    entries: int
    changes: int
    complete: bool


# --- what people do ---


def subscribe(conn: Connection, actor: Actor, *, party_id: UUID, now: datetime) -> Subscription:
    """Follows the lists that a party shares with us, from now on until `stop`.

    Raises PermissionDenied, NotFound, Conflict where the party is not known or has no installation, or is followed already.
    """
    actor.require(Permission.REGISTRY_FOLLOW)
    party = parties.party(conn, party_id)
    _require_reachable(party)
    by = actor.label
    before = store.find_subscription_to(conn, party_id)
    if before is None:
        subscription = Subscription(
            id=uuid.uuid4(),
            hub_party_id=party_id,
            position=START.position,
            chain=START.chain,
            hub_position=0,
            state=SubscriptionState.FOLLOWING,
            fault=None,
            problem=None,
            state_at=now,
            last_heard_at=None,
            subscribed_by=by,
            subscribed_at=now,
        )
        store.add_subscription(conn, subscription)
    elif before.state is SubscriptionState.STOPPED:
        subscription = replace(_following(before, now), subscribed_by=by, subscribed_at=now)
        store.update_subscription(conn, subscription)
    else:
        raise Conflict(problem=f"that party's lists are followed already; the subscription is `{before.state}`")
    feed.nudge(conn)
    _record(conn, actor, subscription, now)
    return subscription


def stop(conn: Connection, actor: Actor, keys: Keys, *, party_id: UUID, now: datetime) -> Subscription:
    """Ends it: its lists stay here, suspended. Raises PermissionDenied, NotFound, Conflict where it was ended before."""
    actor.require(Permission.REGISTRY_FOLLOW)
    subscription = _to(conn, party_id)
    if subscription.state is SubscriptionState.STOPPED:
        raise Conflict(problem="the subscription was ended before")
    subscription = replace(
        subscription, state=SubscriptionState.STOPPED, state_at=now, fault=None, problem=None, hub_position=0
    )
    store.update_subscription(conn, subscription)
    arrival = Arrival(conn, actor, keys, store.list_subscribed(conn, subscription.id), now=now)
    arrival.share_only(frozenset())
    arrival.finish()
    feed.nudge(conn)
    _record(conn, actor, subscription, now)
    return subscription


def resume(
    conn: Connection, actor: Actor, keys: Keys, *, party_id: UUID, from_start: bool = False, now: datetime
) -> Subscription:
    """Goes on with a broken subscription, after a person found out what happened.

    `from_start` forgets what was followed: its lists stay here, suspended, and are read anew beside them. That is for a hub
    that came back from a backup. Raises PermissionDenied, NotFound, Conflict where it is not broken.
    """
    actor.require(Permission.REGISTRY_FOLLOW)
    subscription = _to(conn, party_id)
    if subscription.state is not SubscriptionState.BROKEN:
        raise Conflict(problem=f"the subscription is `{subscription.state}`, and only a broken one is resumed")
    subscription = _following(subscription, now)
    if from_start:
        arrival = Arrival(conn, actor, keys, store.list_subscribed(conn, subscription.id), now=now)
        arrival.forget_all()
        arrival.finish()
        subscription = replace(subscription, position=START.position, chain=START.chain, hub_position=0)
    store.update_subscription(conn, subscription)
    feed.nudge(conn)
    _record(conn, actor, subscription, now, from_start=from_start)
    return subscription


def list_subscriptions(conn: Connection, actor: Actor) -> list[tuple[Subscription, list[SubscribedList]]]:
    """Whose lists we follow, and which those are, the oldest first. Raises PermissionDenied."""
    actor.require(Permission.REGISTRY_READ)
    return [(one, store.list_subscribed(conn, one.id)) for one in store.list_subscriptions(conn)]


def lift_suspension(conn: Connection, actor: Actor, keys: Keys, *, list_id: UUID, now: datetime) -> HashList:
    """Ends a suspension that a person here put on a followed list: from now on it is here what it is at the hub.

    Raises PermissionDenied, NotFound, Conflict where it is not a followed list, or nobody here suspended it.
    """
    actor.require(Permission.REGISTRY_ACTIVATE)
    listed = list_store.get_list_for_update(conn, list_id)
    subscribed = store.find_subscribed_list(conn, list_id)
    if subscribed is None:
        raise Conflict(problem="the list is not one that we follow")
    arrival = Arrival(conn, actor, keys, [subscribed], now=now)
    if not arrival.suspended_here(listed):
        raise Conflict(problem="nobody here suspended the list")
    arrival.lift(list_id)
    arrival.finish()
    audit.record(
        conn, actor, action=Permission.REGISTRY_ACTIVATE, record="list", record_id=list_id, now=now,
        state=list_store.get_list(conn, list_id).state.value,
    )  # fmt: skip
    return list_store.get_list(conn, list_id)


# --- what the follower does ---


def list_followed(conn: Connection, actor: Actor) -> list[UUID]:
    """The subscriptions that are to be followed."""
    actor.require(Permission.REGISTRY_FOLLOW)
    return store.list_followed(conn)


def try_lock(conn: Connection, subscription_id: UUID) -> bool:
    """Whether this connection, outside any transaction, is now the one that follows; until it ends."""
    return store.try_follower_lock(conn, subscription_id)


def require_lock(conn: Connection) -> None:
    """Raises psycopg's OperationalError where the connection that held the lock is gone, and the lock with it."""
    store.require_alive(conn)


def questions(conn: Connection, actor: Actor, *, subscription_id: UUID) -> Sequence[Question]:
    """What to ask the hub next, in order: for lists that are still arriving, if any are, and for those read together.

    Nothing where it is not followed any more, or where the party has no installation now.
    """
    actor.require(Permission.REGISTRY_FOLLOW)
    subscription = store.get_subscription(conn, subscription_id)
    party = parties.party(conn, subscription.hub_party_id)
    reachable = party.state is PartyState.KNOWN and party.base_url is not None and party.public_key is not None
    if subscription.state is not SubscriptionState.FOLLOWING or not reachable:
        return []
    shared = [one for one in store.list_subscribed(conn, subscription_id) if one.shared]
    known = frozenset(one.origin_list_id for one in shared)
    together = frozenset(one.origin_list_id for one in shared if not one.arriving)
    asked = []
    behind = [one.cursor for one in shared if one.cursor is not None]
    if behind and subscription.position > 0:
        first = min(behind, key=lambda cursor: cursor.position)
        shown = frozenset(one.origin_list_id for one in shared if one.cursor == first)
        # Up to where the others are, and before those go on: so that both come to the same change and are joined there.
        asked.append(_question(subscription, party, first, shown=shown, known=known, until=subscription.position))
    asked.append(_question(subscription, party, subscription.cursor, shown=together, known=known, until=None))
    return asked


def take(
    conn: Connection, actor: Actor, keys: Keys, *, question: Question, nonce: bytes, page: bytes, now: datetime
) -> Taken | None:
    """Verifies a page and writes what it says, in one transaction with the position.

    None where the question is out of date: somebody else took the answer, or the subscription ended. Raises FeedRefused,
    upon which nothing was written; `break_off` keeps that.
    """
    actor.require(Permission.REGISTRY_FOLLOW)
    subscription = store.get_subscription_for_update(conn, question.subscription_id)
    subscribed = store.list_subscribed(conn, subscription.id)
    together = question.until is None
    if subscription.state is not SubscriptionState.FOLLOWING or not _is_current(question, subscription, subscribed):
        return None
    read = read_page(
        page,
        hub=question.hub,
        subscriber=keys.public_key,
        nonce=nonce,
        cursor=question.cursor,
        shown=question.shown,
        now=now,
    )
    arrival = Arrival(conn, actor, keys, subscribed, now=now)
    arrival.take(read)
    if together:
        subscription = replace(subscription, position=read.cursor.position, chain=read.cursor.chain)
    else:
        arrival.move(question.shown, read.cursor)
    arrival.share_only(frozenset(read.head.shared), subscription=subscription)
    arrival.join(subscription.cursor)
    arrival.finish()
    store.update_subscription(conn, replace(subscription, hub_position=read.head.head, last_heard_at=now, problem=None))
    # A page that tells nothing of our lists is no deed.
    if arrival.entries or arrival.changes:
        _record(
            conn, actor, subscription, now, after=read.head.after, last=read.head.last, entries=arrival.entries,
            stopped=arrival.stopped, changes=arrival.changes, chain=read.cursor.chain.hex(),
        )  # fmt: skip
    return Taken(entries=arrival.entries, changes=arrival.changes, complete=read.complete)


def break_off(conn: Connection, actor: Actor, *, question: Question, refused: FeedRefused, now: datetime) -> None:
    """Keeps that a page did not count and why: nothing more is taken until a person says so."""
    actor.require(Permission.REGISTRY_FOLLOW)
    subscription = store.get_subscription_for_update(conn, question.subscription_id)
    if subscription.state is not SubscriptionState.FOLLOWING:
        return
    subscription = replace(
        subscription,
        state=SubscriptionState.BROKEN,
        state_at=now,
        fault=Fault(refused.fault),
        problem=refused.problem,
        last_heard_at=now,
    )
    store.update_subscription(conn, subscription)
    _record(conn, actor, subscription, now, fault=refused.fault)


def note_silence(conn: Connection, actor: Actor, *, subscription_id: UUID, problem: str) -> None:
    """Keeps why the hub is not heard now, for whoever looks. It is asked again."""
    actor.require(Permission.REGISTRY_FOLLOW)
    subscription = store.get_subscription_for_update(conn, subscription_id)
    if subscription.state is SubscriptionState.FOLLOWING and subscription.problem != problem:
        store.update_subscription(conn, replace(subscription, problem=problem))


def _question(
    subscription: Subscription,
    party: Party,
    cursor: Cursor,
    *,
    shown: frozenset[UUID],
    known: frozenset[UUID],
    until: int | None,
) -> Question:
    assert party.base_url is not None  # noqa: S101 (the caller saw to both)
    assert party.public_key is not None  # noqa: S101
    return Question(
        subscription_id=subscription.id,
        base_url=party.base_url,
        hub=party.public_key,
        cursor=cursor,
        shown=shown,
        known=known,
        until=until,
    )


def _is_current(question: Question, subscription: Subscription, subscribed: Sequence[SubscribedList]) -> bool:
    if question.until is None:
        together = {one.origin_list_id for one in subscribed if one.shared and not one.arriving}
        return question.cursor == subscription.cursor and question.shown == together
    behind = {one.origin_list_id for one in subscribed if one.shared and one.cursor == question.cursor}
    return question.until <= subscription.position and question.shown == behind


def _following(subscription: Subscription, now: datetime) -> Subscription:
    return replace(subscription, state=SubscriptionState.FOLLOWING, state_at=now, fault=None, problem=None)


def _to(conn: Connection, party_id: UUID) -> Subscription:
    found = store.find_subscription_to(conn, party_id)
    if found is None:
        raise NotFound(record="subscription to party", key=str(party_id))
    return found


def _require_reachable(party: Party) -> None:
    require_known(party)
    if party.base_url is None or party.public_key is None:
        raise Conflict(problem="the party has no installation whose lists could be followed")


def _record(conn: Connection, actor: Actor, subscription: Subscription, now: datetime, **details: object) -> None:
    audit.record(
        conn,
        actor,
        action=Permission.REGISTRY_FOLLOW,
        record="subscription",
        record_id=subscription.id,
        now=now,
        party_id=str(subscription.hub_party_id),
        state=subscription.state.value,
        **details,
    )
