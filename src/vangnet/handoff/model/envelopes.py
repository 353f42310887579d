"""A signed envelope: what is handed over.

An envelope is taken when its bytes are the canonical form of what they say, it is addressed to us, its signature is that of
the key it names, and it is neither old nor from the future. Whether we know the sender, and whether it was taken before, is
for the service to find out.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from vangnet.errors import HandoffRefused, InvalidInput
from vangnet.handoff.model import fields
from vangnet.handoff.model.canonical import DEPTH_MAX, Json, decode, encode
from vangnet.handoff.model.case_numbers import is_case_number
from vangnet.handoff.model.fields import KEY_BYTES, PROTOCOL, SIGNATURE_BYTES
from vangnet.handoff.model.handoffs import TAKEN_FOR, Kind, Refusal
from vangnet.keys import verifies

#: What is signed begins with its purpose, so that a signature made for one thing never counts for another.
ENVELOPE_PREFIX = b"vangnet hand-off v1\n"
#: A payload in canonical form.
PAYLOAD_MAX_BYTES = 256 * 1024
#: The envelope and what is around it are two objects more.
PAYLOAD_DEPTH_MAX = DEPTH_MAX - 2
#: A payload with its envelope and signature around it.
BODY_MAX_BYTES = PAYLOAD_MAX_BYTES + 2048
#: How far two clocks may be apart.
CLOCK_SKEW = timedelta(minutes=5)
_FIELDS = frozenset({"case_number", "id", "kind", "payload", "protocol", "recipient", "sender", "sent_at"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What is handed over. `sender` and `recipient` are Ed25519 public keys of 32 bytes; `sent_at` is in UTC."""

    id: UUID
    case_number: str
    kind: Kind
    sender: bytes = field(repr=False)
    recipient: bytes = field(repr=False)
    sent_at: datetime
    payload: dict[str, Json] = field(repr=False)

    def document(self) -> dict[str, Json]:
        """The envelope as the JSON object whose canonical bytes are signed."""
        return {
            "case_number": self.case_number,
            "id": str(self.id),
            "kind": self.kind.value,
            "payload": self.payload,
            "protocol": PROTOCOL,
            "recipient": self.recipient.hex(),
            "sender": self.sender.hex(),
            "sent_at": fields.written(self.sent_at),
        }

    def to_bytes(self) -> bytes:
        """The canonical bytes: what is signed (after its prefix), digested and kept."""
        return encode(self.document())

    @property
    def sha256(self) -> bytes:
        """The digest by which a receipt names this envelope."""
        return hashlib.sha256(self.to_bytes()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedEnvelope:
    """An envelope with a signature that may be the sender's: `require_signature` finds out."""

    envelope: Envelope
    signature: bytes = field(repr=False)

    def to_bytes(self) -> bytes:
        """What is sent."""
        return encode({"envelope": self.envelope.document(), "signature": self.signature.hex()})


def sign_envelope(envelope: Envelope, sign: Callable[[bytes], bytes]) -> SignedEnvelope:
    """The envelope with our signature. Raises InvalidInput where the payload cannot be sent."""
    try:
        size = len(encode(envelope.payload, depth_max=PAYLOAD_DEPTH_MAX))
    except ValueError as error:
        raise InvalidInput(field="payload", problem=f"cannot be sent: {error}") from None
    if size > PAYLOAD_MAX_BYTES:
        raise InvalidInput(field="payload", problem=f"must have at most {PAYLOAD_MAX_BYTES} bytes, not {size}")
    return SignedEnvelope(envelope=envelope, signature=sign(ENVELOPE_PREFIX + envelope.to_bytes()))


def read_signed_envelope(body: bytes) -> SignedEnvelope:
    """What another installation sent. Nothing is proved by it yet. Raises HandoffRefused."""
    if len(body) > BODY_MAX_BYTES:
        raise HandoffRefused(reason=Refusal.TOO_LARGE, problem=f"it has more than {BODY_MAX_BYTES} bytes")
    try:
        outer = fields.exactly(decode(body), frozenset({"envelope", "signature"}))
        inner = fields.exactly(outer["envelope"], _FIELDS)
        fields.require_protocol(inner["protocol"])
        kind = fields.text(inner["kind"])
        if kind not in set(Kind):
            raise HandoffRefused(reason=Refusal.UNKNOWN_KIND, problem="this installation takes no such kind")
        payload = inner["payload"]
        if not isinstance(payload, dict):
            raise ValueError("`payload` must be an object")
        if len(encode(payload)) > PAYLOAD_MAX_BYTES:
            raise HandoffRefused(reason=Refusal.TOO_LARGE, problem=f"its payload has more than {PAYLOAD_MAX_BYTES} bytes")
        envelope = Envelope(
            id=fields.uuid_(inner["id"]),
            case_number=_case_number(inner["case_number"]),
            kind=Kind(kind),
            sender=fields.hex_bytes(inner["sender"], KEY_BYTES),
            recipient=fields.hex_bytes(inner["recipient"], KEY_BYTES),
            sent_at=fields.instant(inner["sent_at"]),
            payload=payload,
        )
        return SignedEnvelope(envelope=envelope, signature=fields.hex_bytes(outer["signature"], SIGNATURE_BYTES))
    except ValueError as error:
        raise HandoffRefused(reason=Refusal.MALFORMED, problem=str(error)) from None


def require_signature(signed: SignedEnvelope, *, recipient: bytes) -> None:
    """Raises HandoffRefused unless it is addressed to `recipient` and signed by the key it names as the sender's."""
    if signed.envelope.recipient != recipient:
        raise HandoffRefused(reason=Refusal.WRONG_RECIPIENT, problem="it is addressed to another installation")
    if not verifies(signed.envelope.sender, signed.signature, ENVELOPE_PREFIX + signed.envelope.to_bytes()):
        raise HandoffRefused(reason=Refusal.BAD_SIGNATURE, problem="it is not signed by the key that it names")


def require_fresh(envelope: Envelope, now: datetime) -> None:
    """Raises HandoffRefused for an envelope that was not taken before and is too old, or is from the future."""
    if envelope.sent_at > now + CLOCK_SKEW:
        minutes = CLOCK_SKEW // timedelta(minutes=1)
        raise HandoffRefused(reason=Refusal.CLOCK_SKEW, problem=f"it was sent more than {minutes} minutes in the future")
    if envelope.sent_at < now - TAKEN_FOR:
        raise HandoffRefused(reason=Refusal.TOO_OLD, problem=f"it is new here and older than {TAKEN_FOR.days} days")


def _case_number(value: Json) -> str:
    text = fields.text(value)
    if not is_case_number(text):
        raise ValueError("`case_number` must be like `VN-2026-7K3F-9QXM`")
    return text
