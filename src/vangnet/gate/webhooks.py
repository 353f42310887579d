"""What the provider's own system is told, and how that is signed: the Standard Webhooks specification, version 1. Pure.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: the message's id, the time of
the try and the body are signed together with HMAC-SHA-256, so that nobody who overhears a message can send it again later
or with another body. While a secret is replaced a message bears two signatures, one by each.
"""

import base64
import hmac
import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit
from uuid import UUID

from vangnet.errors import InvalidInput, InvalidTransition
from vangnet.gate.model import CheckAnswer, Decision, Door
from vangnet.identity.model.text import checked_base_url

#: The specification wants 24 to 64.
SECRET_BYTES = 32
_PREFIX = "whsec_"
_PATH_MAX = 500
_PATH_LETTERS = frozenset("/-._~%")


class Event(StrEnum):
    BLOCKED = "decision.blocked"  #: A match was blocked.
    HELD = "decision.held"  #: A match was held.
    LATER = "match.later"  #: An upload that was accepted before is known now.
    REVISED = "decision.revised"  #: An entry that a decision rests on does not stand any more.
    TEST = "webhook.test"  #: Somebody tries out whether messages arrive.


#: What can be chosen; a test is always told.
CHOICES = tuple(event for event in Event if event is not Event.TEST)


class WebhookState(StrEnum):
    ON = "on"  #: It is told what was chosen.
    OFF = "off"  #: A person switched it off.
    GONE = "gone"  #: The receiver answered 410: it wants nothing any more, until a person sets it anew.


class DeliveryState(StrEnum):
    WAITING = "waiting"  #: To be sent, now or later.
    DELIVERED = "delivered"  #: The receiver took it.
    PARKED = "parked"  #: Not sent any more, unless a person says so.


class Trouble(StrEnum):
    REFUSED = "refused"  #: The receiver answered that it does not take it, or cannot now.
    GONE = "gone"  #: It answered 410: nothing any more.
    SWITCHED_OFF = "switched_off"  #: The webhook was switched off.
    ADDRESS_CHANGED = "address_changed"  #: The webhook got another address.


TRANSITIONS: Mapping[DeliveryState, frozenset[DeliveryState]] = {
    DeliveryState.WAITING: frozenset({DeliveryState.DELIVERED, DeliveryState.PARKED}),
    DeliveryState.DELIVERED: frozenset({DeliveryState.WAITING}),
    DeliveryState.PARKED: frozenset({DeliveryState.WAITING}),
}


def step(current: DeliveryState, requested: DeliveryState) -> DeliveryState:
    """`requested`, where a delivery may go from `current`. Raises InvalidTransition."""
    if requested not in TRANSITIONS[current]:
        raise InvalidTransition(record="delivery", current=current, requested=requested)
    return requested


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where the provider's own system hears what was decided."""

    url: str = field(repr=False)
    events: frozenset[Event]
    state: WebhookState
    state_at: datetime
    chosen_by: str
    #: After silence nothing is tried before this time.
    silent_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message, and what became of it."""

    id: UUID
    event: Event
    #: None for a test.
    decision_id: UUID | None
    made_at: datetime
    body: bytes = field(repr=False)
    state: DeliveryState
    state_at: datetime
    tries: int
    last_tried_at: datetime | None
    next_try_at: datetime | None
    #: The HTTP status of the last answer.
    status: int | None
    #: Why the last try failed: one of Trouble, or the code of an error.
    problem: str | None


def message_id(delivery_id: UUID) -> str:
    """The `webhook-id`."""
    return f"msg_{delivery_id.hex}"


def secret_text(secret: bytes) -> str:
    """A secret as people and libraries exchange it."""
    return _PREFIX + base64.b64encode(secret).decode()


def signed_headers(secrets: Sequence[bytes], *, id_: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers of a message that is sent at that time."""
    timestamp = str(int(at.timestamp()))
    signed = f"{id_}.{timestamp}.".encode() + body
    signatures = [base64.b64encode(hmac.digest(secret, signed, "sha256")).decode() for secret in secrets]
    return {
        "webhook-id": id_,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def event_of(decision: Decision, *, later: bool) -> Event | None:
    """Of what a decision that was just kept is told; None for one that allowed at once."""
    if later:
        return Event.LATER
    return {Decision.BLOCK: Event.BLOCKED, Decision.HOLD: Event.HELD}.get(decision)


def body_of(
    event: Event,
    *,
    now: datetime,
    answer: CheckAnswer | None = None,
    object_id: str | None = None,
    door: Door | None = None,
    at: datetime | None = None,
    uploaded_at: datetime | None = None,
    revised_at: datetime | None = None,
) -> bytes:
    """What is sent: ids, what was decided and why. No hash, and nothing of lists that only count."""
    data: dict[str, object] = {}
    if answer is not None:
        data = {
            "check_id": str(answer.check_id),
            "object_id": object_id,
            "door": door,
            "at": _written(at),
            "uploaded_at": _written(uploaded_at),
            "revised_at": _written(revised_at),
            "outcome": answer.outcome,
            "decision": answer.decision,
            "matches": [
                {
                    "list": match.list_name,
                    "list_id": str(match.list_id),
                    "entry_id": match.entry_id,
                    "classification": match.classification,
                    "algorithm": match.algorithm,
                    "distance": match.distance,
                    "view": match.view,
                }
                for match in answer.matches
                if not match.shadow
            ],
        }
    return json.dumps({"type": event, "timestamp": _written(now), "data": data}, separators=(",", ":")).encode()


def checked_receiver(url: str, *, local: bool) -> str:
    """Where messages may be sent: https, or this machine where `local` allows it. Raises InvalidInput."""
    try:
        parts = urlsplit(url.strip())
        origin = checked_base_url(f"{parts.scheme}://{parts.netloc}", field="url")
    except ValueError:
        raise _unusable() from None
    except InvalidInput:
        raise _unusable() from None
    plain = parts.path.isascii() and all(letter.isalnum() or letter in _PATH_LETTERS for letter in parts.path)
    if parts.query or parts.fragment or not plain or ".." in parts.path or len(parts.path) > _PATH_MAX:
        raise _unusable()
    if not local and _is_local(urlsplit(origin).hostname or ""):
        raise InvalidInput(field="url", problem="is on this machine, which the setting VANGNET_WEBHOOK_LOCAL must allow")
    return origin + (parts.path or "/")


def _is_local(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_link_local or address.is_unspecified


def _unusable() -> InvalidInput:
    return InvalidInput(
        field="url", problem="must be like https://hooks.example.org/vangnet, and https unless it is on this machine"
    )


def _written(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
