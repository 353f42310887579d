"""The webhook: where the provider's own system hears what was decided.

A message is kept in the transaction in which there is something to tell, and sent by a job, at least once: the receiver
takes it once by its id. What people choose is audited. What came of each try is the delivery's own log; only its end is
audited, where nothing is sent any more.
"""

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection, defer
from vangnet.db.queue import hasten
from vangnet.errors import Conflict, InvalidInput
from vangnet.gate.model import KeptDecision, ListedDecision
from vangnet.gate.store import webhooks as store
from vangnet.gate.webhooks import (
    CHOICES,
    SECRET_BYTES,
    Delivery,
    DeliveryState,
    Event,
    Trouble,
    Webhook,
    WebhookState,
    body_of,
    checked_receiver,
    event_of,
    secret_text,
    step,
)
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys

#: The job that sends what is due; declared in `vangnet.jobs.tasks`. One at a time.
SEND = "send_webhooks"
LOCK = "gate webhook"
#: How long the secret before goes on counting after another was made.
OVERLAP = timedelta(hours=24)
#: How long the log of deliveries goes back.
LOGGED_FOR = timedelta(days=30)
LIST_MAX = 500
_REMOVED_AT_ONCE = 5_000
_PURPOSE = "gate webhook secret"
_GONE = 410


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownWebhook:
    """The webhook, its secrets' times and how many deliveries there are in each state."""

    webhook: Webhook | None
    #: Since when and until when each secret counts; the newest first.
    secrets: tuple[tuple[datetime, datetime | None], ...]
    deliveries: dict[DeliveryState, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenWebhook:
    """What was set; `secret` is there where a new one was made, and is told this once."""

    webhook: Webhook
    secret: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DueDelivery:
    """What the job sends, and with what it signs."""

    delivery: Delivery
    url: str = field(repr=False)
    secrets: tuple[bytes, ...] = field(repr=False)


# --- choosing ---


def choose(
    conn: Connection,
    actor: Actor,
    *,
    url: str,
    events: Collection[Event] = CHOICES,
    local: bool,
    keys: Keys,
    now: datetime,
) -> ChosenWebhook:
    """Says where to and of what; `local` is whether the receiver may be on this machine.

    Another address gets a secret of its own. Raises PermissionDenied, InvalidInput.
    """
    actor.require(Permission.GATE_CHOOSE)
    url = checked_receiver(url, local=local)
    if not events or not set(events) <= set(CHOICES):
        raise InvalidInput(field="events", problem=f"must be one or more of {', '.join(CHOICES)}")
    before = store.find_webhook(conn)
    webhook = Webhook(
        url=url, events=frozenset(events), state=WebhookState.ON, state_at=now, chosen_by=actor.label, silent_until=None
    )
    store.put_webhook(conn, webhook)
    secret = None
    if before is None or before.url != url:
        store.park_waiting(conn, problem=Trouble.ADDRESS_CHANGED, now=now)
        store.end_secrets(conn, at=now)
        store.remove_ended_secrets(conn, now=now)
        secret = _new_secret(conn, keys, now=now)
    _record(
        conn,
        actor,
        Permission.GATE_CHOOSE,
        now,
        state=WebhookState.ON.value,
        events=sorted(events),
        new_secret=secret is not None,
    )
    return ChosenWebhook(webhook=webhook, secret=secret)


def rotate(conn: Connection, actor: Actor, *, keys: Keys, now: datetime) -> ChosenWebhook:
    """Makes another secret; messages bear both signatures until the one before ends. Raises PermissionDenied, Conflict."""
    actor.require(Permission.GATE_CHOOSE)
    webhook = _required(conn)
    store.remove_ended_secrets(conn, now=now)
    store.end_secrets(conn, at=now + OVERLAP)
    secret = _new_secret(conn, keys, now=now)
    _record(conn, actor, Permission.GATE_CHOOSE, now, state=webhook.state.value, new_secret=True)
    return ChosenWebhook(webhook=webhook, secret=secret)


def switch_off(conn: Connection, actor: Actor, *, now: datetime) -> None:
    """Nothing is sent any more, what waits included. Raises PermissionDenied, Conflict."""
    actor.require(Permission.GATE_CHOOSE)
    _required(conn)
    store.update_state(conn, WebhookState.OFF, by=actor.label, now=now)
    parked = store.park_waiting(conn, problem=Trouble.SWITCHED_OFF, now=now)
    _record(conn, actor, Permission.GATE_CHOOSE, now, state=WebhookState.OFF.value, parked=parked)


def test(conn: Connection, actor: Actor, *, now: datetime) -> UUID:
    """Has a test sent; returns its delivery. Raises PermissionDenied, Conflict where the webhook is not on."""
    actor.require(Permission.GATE_TELL)
    id_ = store.add_delivery(conn, event=Event.TEST, decision_id=None, body=body_of(Event.TEST, now=now), now=now)
    if id_ is None:
        raise Conflict(problem="the webhook is not on, so that nothing is sent")
    _send_soon(conn)
    audit.record(conn, actor, action=Permission.GATE_TELL, record="webhook_delivery", record_id=id_, now=now, test=True)
    return id_


def resend(conn: Connection, actor: Actor, *, delivery_id: UUID, now: datetime) -> Delivery:
    """Has a message sent again, with the same id and body. Raises PermissionDenied, NotFound, Conflict."""
    actor.require(Permission.GATE_TELL)
    delivery = store.get_delivery_for_update(conn, delivery_id)
    if _required(conn).state is not WebhookState.ON:
        raise Conflict(problem="the webhook is not on, so that nothing is sent")
    if delivery.state is not DeliveryState.WAITING:
        delivery = replace(delivery, state=step(delivery.state, DeliveryState.WAITING), state_at=now, tries=0)
    delivery = replace(delivery, next_try_at=now, problem=None)
    store.update_delivery(conn, delivery)
    _send_soon(conn)
    audit.record(conn, actor, action=Permission.GATE_TELL, record="webhook_delivery", record_id=delivery_id, now=now)
    return delivery


# --- what is told, in the transaction in which it happens ---


def tell_kept(conn: Connection, kept: KeptDecision, *, now: datetime) -> None:
    """Tells a decision that was just kept, where such are told."""
    event = event_of(kept.answer.decision, later=kept.uploaded_at is not None)
    if event is None:
        return
    body = body_of(
        event, now=now, answer=kept.answer, object_id=kept.object_id, door=kept.door, at=kept.at,
        uploaded_at=kept.uploaded_at,
    )  # fmt: skip
    if store.add_delivery(conn, event=event, decision_id=kept.answer.check_id, body=body, now=now):
        _send_soon(conn)


def tell_revised(conn: Connection, revised: Sequence[ListedDecision], *, now: datetime) -> None:
    """Tells decisions that do not stand any more."""
    added = [
        store.add_delivery(
            conn,
            event=Event.REVISED,
            decision_id=one.answer.check_id,
            body=body_of(
                Event.REVISED, now=now, answer=one.answer, object_id=one.object_id, door=one.door, at=one.at,
                uploaded_at=one.uploaded_at, revised_at=one.revised_at,
            ),
            now=now,
        )
        for one in revised
    ]  # fmt: skip
    if any(added):
        _send_soon(conn)


# --- for the job ---


def due(conn: Connection, actor: Actor, *, keys: Keys, now: datetime) -> DueDelivery | None:
    """What to send now, or None. Raises PermissionDenied."""
    actor.require(Permission.GATE_TELL)
    webhook = store.find_webhook(conn)
    if webhook is None or webhook.state is not WebhookState.ON:
        return None
    delivery = store.find_due(conn, now=now)
    if delivery is None:
        return None
    secrets = tuple(keys.unseal(sealed, purpose=_PURPOSE) for sealed, _, _ in store.list_secrets(conn, now=now))
    return DueDelivery(delivery=delivery, url=webhook.url, secrets=secrets)


def answered(
    conn: Connection,
    actor: Actor,
    *,
    delivery_id: UUID,
    status: int | None,
    problem: str | None = None,
    delays_s: Sequence[float],
    now: datetime,
) -> Delivery:
    """Keeps the receiver's answer: taken, to be tried again after one of `delays_s`, or gone for good.

    `problem` is there where it answered something that does not count, such as another address. Raises PermissionDenied,
    NotFound.
    """
    actor.require(Permission.GATE_TELL)
    delivery = store.get_delivery_for_update(conn, delivery_id)
    store.update_heard(conn)
    if delivery.state is not DeliveryState.WAITING:
        return delivery
    delivery = replace(delivery, tries=delivery.tries + 1, last_tried_at=now, next_try_at=None, status=status)
    if status is not None and 200 <= status < 300:
        delivery = replace(
            delivery, state=step(delivery.state, DeliveryState.DELIVERED), state_at=now, problem=None
        )  # fmt: skip
    elif status == _GONE:
        delivery = replace(delivery, state=step(delivery.state, DeliveryState.PARKED), state_at=now, problem=Trouble.GONE)
    elif delivery.tries <= len(delays_s):
        again = now + timedelta(seconds=delays_s[delivery.tries - 1])
        delivery = replace(delivery, next_try_at=again, problem=problem or Trouble.REFUSED)
    else:
        delivery = replace(
            delivery, state=step(delivery.state, DeliveryState.PARKED), state_at=now, problem=problem or Trouble.REFUSED
        )
    store.update_delivery(conn, delivery)
    if status == _GONE:
        store.update_state(conn, WebhookState.GONE, by=actor.label, now=now)
        parked = store.park_waiting(conn, problem=Trouble.GONE, now=now)
        _record(conn, actor, Permission.GATE_TELL, now, state=WebhookState.GONE.value, parked=parked + 1)
    elif delivery.state is DeliveryState.PARKED:
        _record(conn, actor, Permission.GATE_TELL, now, parked=1)
    return delivery


def no_answer(conn: Connection, actor: Actor, *, problem: str, delays_s: Sequence[float], now: datetime) -> None:
    """Keeps that the receiver did not answer at all: that counts for everything that was due, and it is left alone.

    So a receiver that hangs costs one wait, however much there is to tell it. Raises PermissionDenied.
    """
    actor.require(Permission.GATE_TELL)
    parked = store.fail_due(conn, problem=problem, delays_s=delays_s, now=now)
    store.update_silent(conn, delays_s[:3], now=now)
    if parked:
        _record(conn, actor, Permission.GATE_TELL, now, parked=parked)


def next_try_at(conn: Connection) -> datetime | None:
    """When there is something to send again."""
    webhook = store.find_webhook(conn)
    return None if webhook is None or webhook.state is not WebhookState.ON else store.next_try_at(conn)


def forget_deliveries(conn: Connection, *, now: datetime) -> int:
    """Forgets deliveries of more than 30 days ago, and secrets that ended; returns how many deliveries."""
    store.remove_ended_secrets(conn, now=now)
    return store.remove_deliveries(conn, before=now - LOGGED_FOR, limit=_REMOVED_AT_ONCE)


# --- reading ---


def show(conn: Connection, actor: Actor, *, now: datetime) -> ShownWebhook:
    """How it stands. Raises PermissionDenied."""
    actor.require(Permission.GATE_READ)
    return ShownWebhook(
        webhook=store.find_webhook(conn),
        secrets=tuple((made_at, ends_at) for _, made_at, ends_at in store.list_secrets(conn, now=now)),
        deliveries=store.count_deliveries(conn),
    )


def list_deliveries(
    conn: Connection,
    actor: Actor,
    *,
    state: DeliveryState | None = None,
    decision_id: UUID | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int = 100,
) -> list[Delivery]:
    """The newest first; `before` is the time and id of the last one seen. Raises PermissionDenied, InvalidInput."""
    actor.require(Permission.GATE_READ)
    if not 1 <= limit <= LIST_MAX:
        raise InvalidInput(field="limit", problem=f"must be between 1 and {LIST_MAX}")
    return store.list_deliveries(conn, state=state, decision_id=decision_id, before=before, limit=limit)


def get_delivery(conn: Connection, actor: Actor, *, delivery_id: UUID) -> Delivery:
    """One. Raises PermissionDenied, NotFound."""
    actor.require(Permission.GATE_READ)
    return store.get_delivery(conn, delivery_id)


def _required(conn: Connection) -> Webhook:
    webhook = store.find_webhook(conn)
    if webhook is None:
        raise Conflict(problem="no webhook is set")
    return webhook


def _new_secret(conn: Connection, keys: Keys, *, now: datetime) -> str:
    secret = os.urandom(SECRET_BYTES)
    store.add_secret(conn, keys.seal(secret, purpose=_PURPOSE), now=now)
    return secret_text(secret)


def _send_soon(conn: Connection) -> None:
    # One that waits for another try runs at once; and one more, for it may be at its end already.
    hasten(conn, SEND, lock=LOCK)
    defer(conn, SEND, lock=LOCK)


def _record(conn: Connection, actor: Actor, action: Permission, now: datetime, **details: object) -> None:
    audit.record(conn, actor, action=action, record="webhook", record_id="webhook", now=now, **details)
