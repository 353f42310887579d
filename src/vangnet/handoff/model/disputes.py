"""Contesting an entry of a list that another installation keeps, and its answer: what crosses. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar
from uuid import UUID

from vangnet.errors import HandoffRefused, InvalidInput
from vangnet.handoff.model import fields
from vangnet.handoff.model.canonical import INTEGER_MAX, Json
from vangnet.handoff.model.handoffs import Refusal
from vangnet.identity.model.text import checked_line

REASON_MAX = 1000
_OUTCOMES = frozenset({"upheld", "withdrawn", "corrected"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryDispute:
    """That an entry is contested. Its list and number are those of whoever keeps the list."""

    NAMES: ClassVar[frozenset[str]] = frozenset({"entry_id", "list_id", "reason"})

    list_id: UUID
    entry_id: int
    reason: str = field(repr=False)

    def payload(self) -> dict[str, Json]:
        """As it is sent."""
        return {"entry_id": self.entry_id, "list_id": str(self.list_id), "reason": self.reason}

    @classmethod
    def read(cls, payload: dict[str, Json]) -> "RegistryDispute":
        """From a received payload. Raises HandoffRefused."""
        try:
            said = fields.exactly(payload, cls.NAMES)
            return cls(list_id=fields.uuid_(said["list_id"]), entry_id=_entry_id(said), reason=_reason(said))
        except (ValueError, InvalidInput) as error:
            raise HandoffRefused(reason=Refusal.BAD_PAYLOAD, problem=str(error)) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryDisputeAnswer:
    """What a reviewer answered. `dispute_id` is the id of the envelope with which the entry was contested."""

    NAMES: ClassVar[frozenset[str]] = frozenset({"dispute_id", "outcome", "reason"})

    dispute_id: UUID
    #: `upheld`, `withdrawn` or `corrected`.
    outcome: str
    reason: str = field(repr=False)

    def payload(self) -> dict[str, Json]:
        """As it is sent."""
        return {"dispute_id": str(self.dispute_id), "outcome": self.outcome, "reason": self.reason}

    @classmethod
    def read(cls, payload: dict[str, Json]) -> "RegistryDisputeAnswer":
        """From a received payload. Raises HandoffRefused."""
        try:
            said = fields.exactly(payload, cls.NAMES)
            outcome = fields.text(said["outcome"])
            if outcome not in _OUTCOMES:
                raise ValueError(f"`outcome` must be one of {', '.join(sorted(_OUTCOMES))}")
            return cls(dispute_id=fields.uuid_(said["dispute_id"]), outcome=outcome, reason=_reason(said))
        except (ValueError, InvalidInput) as error:
            raise HandoffRefused(reason=Refusal.BAD_PAYLOAD, problem=str(error)) from None


def _entry_id(said: Mapping[str, Json]) -> int:
    value = said["entry_id"]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= INTEGER_MAX:
        raise ValueError("`entry_id` must be a whole number above 0")
    return value


def _reason(said: Mapping[str, Json]) -> str:
    return checked_line(fields.text(said["reason"]), field="reason", longest=REASON_MAX)
