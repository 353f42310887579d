"""Accepted uploads that are kept by keyed digests, so that one is found when what it is, is listed later. Pure.

Nothing is kept unless a legal basis with an end date is recorded, and nothing longer than its days say. Pictures are kept
by their perceptual hashes as well only where somebody wrote down why that basis covers those too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from vangnet.errors import InvalidInput
from vangnet.gate.model import CheckAnswer, Door, KeptDecision, Outcome, PictureHash
from vangnet.gate.policy import Found, Policy, judge
from vangnet.identity.model.parties import LegalBasis, basis_holds
from vangnet.identity.model.text import checked_line
from vangnet.keys import Mac

#: What is kept for so long unless another period is stated; and the longest that can be.
DAYS, DAYS_MAX = 30, 366
#: By which digests an upload is found again; a column each.
ALGORITHMS = ("md5", "sha1", "sha256")
#: What the keys of the codes, and those of the sealed hashes, are for.
MAC = "gate past"
SEALED = "gate past pictures"
#: How long whoever has the pictures in memory may be silent before another process takes over.
HELD = timedelta(seconds=30)


class PastKind(StrEnum):
    """By what uploads are kept, and looked up each at its own pace."""

    DIGESTS = "digests"  #: By keyed codes of their digests: the same file is found.
    PICTURES = "pictures"  #: By perceptual hashes, sealed: pictures that look alike are found.


@dataclass(frozen=True, slots=True, kw_only=True)
class PastChoice:
    """Whether accepted uploads are kept. `basis` and `days` are there where they are.

    `pictures`: why the basis covers perceptual hashes as well; None where those are not kept.
    """

    version: int
    kept: bool
    basis: LegalBasis | None
    days: int | None
    pictures: str | None
    chosen_by: str
    chosen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedUpload:
    """An upload that was let through, before it is written."""

    check_id: UUID
    object_id: str = field(repr=False)
    at: datetime
    digests: tuple[tuple[str, bytes], ...] = field(repr=False)
    pictures: tuple[PictureHash, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptUpload:
    """An upload as it is found again: without digests."""

    check_id: UUID
    object_id: str = field(repr=False)
    at: datetime


def keeps(choice: PastChoice | None, now: datetime) -> bool:
    """Whether uploads are kept now. The last day of the legal basis counts."""
    return choice is not None and choice.kept and basis_holds(choice.basis, now)


def keeps_pictures(choice: PastChoice | None, now: datetime) -> bool:
    """Whether their perceptual hashes are kept now, too."""
    return choice is not None and choice.pictures is not None and keeps(choice, now)


def checked_pictures(reason: str | None) -> str | None:
    """Why the legal basis covers perceptual hashes, as it is kept; None where they are not to be. Raises InvalidInput."""
    return None if reason is None else checked_line(reason, field="pictures_reason", longest=1000)


def may_hold(holder: UUID | None, held_at: datetime | None, asking: UUID, now: datetime) -> bool:
    """Whether that process may have the pictures in memory: it has them, or whoever had them is not heard of any more."""
    return holder is None or holder == asking or held_at is None or now - held_at > HELD


def first_day_kept(choice: PastChoice, now: datetime) -> date:
    """The first day (UTC) of which uploads may still be kept: none of them is then older than the days say."""
    return (now - timedelta(days=choice.days or 0)).date() + timedelta(days=1)


def checked_days(days: int) -> int:
    """Raises InvalidInput."""
    if not 1 <= days <= DAYS_MAX:
        raise InvalidInput(field="days", problem=f"must be 1 to {DAYS_MAX}")
    return days


def digest_code(mac: Mac, algorithm: str, value: bytes) -> UUID:
    """By what a digest is found again: the first half of its HMAC."""
    return UUID(bytes=mac(algorithm.encode() + b"\0" + value)[:16])


def picture_label(day: date) -> bytes:
    """To what the sealed hashes of a day are bound."""
    return day.isoformat().encode()


def object_code(mac: Mac, object_id: str) -> UUID:
    """By what an erased upload is recognised for a day."""
    return UUID(bytes=mac(b"object\0" + object_id.encode())[:16])


def later_match(
    upload: KeptUpload,
    found: Sequence[Found],
    *,
    policy: Policy,
    policy_version: int,
    digests: tuple[tuple[str, bytes], ...],
    checked: tuple[str, ...],
    index_version: int,
    mac: Mac,
    now: datetime,
) -> KeptDecision | None:
    """The decision about an upload that is known now; None where what was found decides nothing.

    `digests` are those that are known, `checked` what was looked up.
    Its number follows from the upload and the entries, so that the same finding is kept and told once.
    """
    judged = judge(policy, found, reason=None, complete=True)
    if judged.outcome is not Outcome.MATCH:
        return None
    entries = sorted(f"{match.list_id} {match.entry_id}" for match in judged.matches if not match.shadow)
    code = mac(b"later\0" + upload.check_id.bytes + "\n".join(entries).encode())
    return KeptDecision(
        answer=CheckAnswer(
            check_id=UUID(bytes=code[:16], version=4),
            outcome=judged.outcome,
            decision=judged.decision,
            matches=judged.matches,
            checked=checked,
            index_version=index_version,
        ),
        door=Door.PAST,
        provider_key=None,
        object_id=upload.object_id,
        at=now,
        digests=digests,
        policy_version=policy_version,
        uploaded_at=upload.at,
    )
