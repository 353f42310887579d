"""Referring a report to another party, and the outcome that comes back: what crosses. Pure.

What a report says is sealed to the recipient's key, so that it lies open in neither installation's table of hand-offs. A
report that is too long for one envelope crosses in parts, which have the same id and case number.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from vangnet.errors import HandoffRefused
from vangnet.handoff.model import fields
from vangnet.handoff.model.canonical import Json
from vangnet.handoff.model.handoffs import Refusal

#: What is sealed of one part. Its base64, a third longer, fits into an envelope beside the rest.
PART_BYTES = 150 * 1024
#: A report of 10,000 files with all of their digests needs about 20.
PARTS_MAX = 100
#: What one part may unfold to: it is compressed before it is sealed.
_UNFOLDED_MAX = 16 * 1024 * 1024


class ReferralReason(StrEnum):
    """Why a report is referred."""

    THEIRS = "theirs"  #: It belongs to the recipient by its task, such as a citizen's report that came to the police.
    INVESTIGATION = "investigation"  #: It needs police.
    REMOVAL = "removal"  #: Something in it is to be removed from where it can be found.
    ABROAD = "abroad"  #: It concerns the recipient's country.
    DANGER = "danger"  #: A child seems to be in danger, and the recipient can act.
    ADDITION = "addition"  #: It adds to a case that the recipient has.


class ReferralOutcome(StrEnum):
    """What became of a referred report, in words that name nobody."""

    HANDLED = "handled"  #: It was assessed, and what follows was done.
    KNOWN = "known"  #: All that it holds was known and handled before.
    NOTHING_FOUND = "nothing_found"  #: There is nothing punishable in it.
    NOT_FOUND = "not_found"  #: What it points to is not there.
    FORWARDED = "forwarded"  #: It was referred on to somebody else.
    RETURNED = "returned"  #: It is not for the recipient: whoever referred it goes on with it.
    CHILD_IDENTIFIED = "child_identified"  #: Later: it is known who the child is.
    CHILD_SAFE = "child_safe"  #: Later: a child was brought to safety.
    SUSPECT_IDENTIFIED = "suspect_identified"  #: Later: it is known who is suspected.
    NO_FURTHER_ACTION = "no_further_action"  #: Later: the investigation ended without one of these.


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralPart:
    """One part of a referred report, as it crosses."""

    NAMES: ClassVar[frozenset[str]] = frozenset({"part", "parts", "reason", "referral_id", "sealed"})

    referral_id: UUID
    reason: ReferralReason
    #: The first is 1.
    part: int
    parts: int
    sealed: bytes = field(repr=False)

    def payload(self) -> dict[str, Json]:
        """As it is sent."""
        return {
            "part": self.part,
            "parts": self.parts,
            "reason": self.reason.value,
            "referral_id": str(self.referral_id),
            "sealed": base64.b64encode(self.sealed).decode(),
        }

    @classmethod
    def read(cls, payload: dict[str, Json]) -> "ReferralPart":
        """From a received payload; what is sealed in it is not opened. Raises HandoffRefused."""
        try:
            said = fields.exactly(payload, cls.NAMES)
            parts = _count(said["parts"], PARTS_MAX)
            return cls(
                referral_id=fields.uuid_(said["referral_id"]),
                reason=ReferralReason(_one_of(said["reason"], ReferralReason)),
                part=_count(said["part"], parts),
                parts=parts,
                sealed=_bytes(said["sealed"]),
            )
        except ValueError as error:
            raise HandoffRefused(reason=Refusal.BAD_PAYLOAD, problem=str(error)) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralAnswer:
    """What became of a referred report. `referral_id` is the sender's own id of the referral."""

    NAMES: ClassVar[frozenset[str]] = frozenset({"at", "outcome", "referral_id"})

    referral_id: UUID
    outcome: ReferralOutcome
    at: datetime

    def payload(self) -> dict[str, Json]:
        """As it is sent."""
        return {"at": fields.written(self.at), "outcome": self.outcome.value, "referral_id": str(self.referral_id)}

    @classmethod
    def read(cls, payload: dict[str, Json]) -> "ReferralAnswer":
        """From a received payload. Raises HandoffRefused."""
        try:
            said = fields.exactly(payload, cls.NAMES)
            return cls(
                referral_id=fields.uuid_(said["referral_id"]),
                outcome=ReferralOutcome(_one_of(said["outcome"], ReferralOutcome)),
                at=fields.instant(said["at"]),
            )
        except ValueError as error:
            raise HandoffRefused(reason=Refusal.BAD_PAYLOAD, problem=str(error)) from None


# --- what is sealed ---


def folded(document: Mapping[str, Any]) -> bytes:
    """A part's content as bytes, before it is sealed."""
    return zlib.compress(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode())


def unfolded(data: bytes) -> dict[str, Any]:
    """A part's content from its bytes. Raises ValueError, also where it would unfold to far more than anybody sends."""
    unfolding = zlib.decompressobj()
    try:
        text = unfolding.decompress(data, _UNFOLDED_MAX)
        document = json.loads(text)
    except (zlib.error, ValueError, RecursionError):
        raise ValueError("what is sealed in it is no part of a report") from None
    if not unfolding.eof or not isinstance(document, dict):
        raise ValueError("what is sealed in it is no part of a report")
    return document


def in_parts(head: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> list[bytes]:
    """A report in as many parts as it needs: the first begins with `head`, and each has as many items as fit.

    Raises ValueError where it needs more than PARTS_MAX, or one item alone is too long.
    """
    parts: list[bytes] = []
    rest = list(items)
    opening: Mapping[str, Any] = head
    fitted = len(rest)
    while True:
        least = 1 if parts else 0
        # About as many as fitted before: folding all that is left for each part would take as long as a square.
        count = min(len(rest), 2 * fitted + 1)
        while len(written := folded({**opening, "items": rest[:count]})) > PART_BYTES:
            if count <= least:
                raise ValueError("a part of the report is too long to be handed over")
            count = max(count * 3 // 4, least)
        parts.append(written)
        rest, opening, fitted = rest[count:], {}, count
        if not rest:
            return parts
        if len(parts) == PARTS_MAX:
            raise ValueError("the report is too long to be handed over")


def _count(value: Json, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise ValueError(f"a whole number from 1 to {most} was expected")
    return value


def _one_of(value: Json, kind: type[StrEnum]) -> str:
    text = fields.text(value)
    if text not in set(kind):
        raise ValueError(f"it must be one of {', '.join(kind)}")
    return text


def _bytes(value: Json) -> bytes:
    text = fields.text(value)
    try:
        found = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("what is sealed must be written in base64") from None
    if base64.b64encode(found).decode() != text:
        raise ValueError("what is sealed must be written in base64")
    return found
