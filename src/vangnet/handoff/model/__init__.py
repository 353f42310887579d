"""What crosses between installations, and what becomes of it: types and pure rules, one file a subject."""

from vangnet.handoff.model.envelopes import Envelope, SignedEnvelope
from vangnet.handoff.model.fields import PROTOCOL
from vangnet.handoff.model.handoffs import Delivery, Kind, Outcome, ReceivedHandoff, Refusal, SentHandoff, SentState
from vangnet.handoff.model.receipts import Receipt

__all__ = [
    "PROTOCOL",
    "Delivery",
    "Envelope",
    "Kind",
    "Outcome",
    "Receipt",
    "ReceivedHandoff",
    "Refusal",
    "SentHandoff",
    "SentState",
    "SignedEnvelope",
]
