"""A signed receipt: the recipient's word that it has an envelope."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from vangnet.handoff.model import fields
from vangnet.handoff.model.canonical import Json, decode, encode
from vangnet.handoff.model.envelopes import Envelope
from vangnet.handoff.model.fields import DIGEST_BYTES, PROTOCOL, SIGNATURE_BYTES
from vangnet.handoff.model.handoffs import Outcome
from vangnet.keys import verifies

#: What is signed begins with its purpose, so that a signature made for one thing never counts for another.
RECEIPT_PREFIX = b"vangnet receipt v1\n"
RECEIPT_MAX_BYTES = 1024
_FIELDS = frozenset({"envelope_id", "envelope_sha256", "outcome", "protocol", "received_at"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The recipient's word that it has the envelope of this id and digest."""

    envelope_id: UUID
    envelope_sha256: bytes = field(repr=False)
    received_at: datetime
    outcome: Outcome

    def document(self) -> dict[str, Json]:
        """The receipt as the JSON object whose canonical bytes are signed."""
        return {
            "envelope_id": str(self.envelope_id),
            "envelope_sha256": self.envelope_sha256.hex(),
            "outcome": self.outcome.value,
            "protocol": PROTOCOL,
            "received_at": fields.written(self.received_at),
        }

    def signed(self, sign: Callable[[bytes], bytes]) -> bytes:
        """What is sent back."""
        signature = sign(RECEIPT_PREFIX + encode(self.document()))
        return encode({"receipt": self.document(), "signature": signature.hex()})


def read_receipt(body: bytes, *, envelope: Envelope) -> Receipt:
    """The recipient's receipt for exactly this envelope. Raises ValueError where it is anything else."""
    if len(body) > RECEIPT_MAX_BYTES:
        raise ValueError(f"it has more than {RECEIPT_MAX_BYTES} bytes")
    outer = fields.exactly(decode(body), frozenset({"receipt", "signature"}))
    inner = fields.exactly(outer["receipt"], _FIELDS)
    fields.require_protocol(inner["protocol"])
    receipt = Receipt(
        envelope_id=fields.uuid_(inner["envelope_id"]),
        envelope_sha256=fields.hex_bytes(inner["envelope_sha256"], DIGEST_BYTES),
        received_at=fields.instant(inner["received_at"]),
        outcome=_outcome(inner["outcome"]),
    )
    signature = fields.hex_bytes(outer["signature"], SIGNATURE_BYTES)
    if (receipt.envelope_id, receipt.envelope_sha256) != (envelope.id, envelope.sha256):
        raise ValueError("it is for another hand-off")
    if not verifies(envelope.recipient, signature, RECEIPT_PREFIX + encode(receipt.document())):
        raise ValueError("it is not signed by the recipient")
    return receipt


def _outcome(value: Json) -> Outcome:
    text = fields.text(value)
    if text not in set(Outcome):
        raise ValueError("it names an outcome that is not known here")
    return Outcome(text)
