"""What a provider says that it did about a match: the check on the check. Pure.

What it did is about one of three subjects: the upload, the account, or who else heard of it. On each the last word counts;
what was said before stays. A match waits for an answer until something was said about the upload.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from vangnet.errors import InvalidInput
from vangnet.identity.model.text import checked_line

REASON_MAX = 500


class ProviderAction(StrEnum):
    NOT_PUBLISHED = "not_published"  #: The upload was refused or kept back for good; nobody else could see it.
    REMOVED = "removed"  #: It was to be seen, and was removed.
    UNAVAILABLE = "unavailable"  #: Nobody reaches it any more; it is preserved for whoever investigates.
    KEPT = "kept"  #: It stays, or was released; `reason` says why.
    ACCOUNT_SUSPENDED = "account_suspended"  #: The account can do nothing for now.
    ACCOUNT_CLOSED = "account_closed"  #: The account was ended.
    REFERRED = "referred"  #: Police or a hotline was told in another way than by a hand-off from here.


class Subject(StrEnum):
    UPLOAD = "upload"  #: What became of the upload itself.
    ACCOUNT = "account"  #: What became of the account.
    REFERRAL = "referral"  #: Who else heard of it.


SUBJECTS: Mapping[ProviderAction, Subject] = {
    ProviderAction.NOT_PUBLISHED: Subject.UPLOAD,
    ProviderAction.REMOVED: Subject.UPLOAD,
    ProviderAction.UNAVAILABLE: Subject.UPLOAD,
    ProviderAction.KEPT: Subject.UPLOAD,
    ProviderAction.ACCOUNT_SUSPENDED: Subject.ACCOUNT,
    ProviderAction.ACCOUNT_CLOSED: Subject.ACCOUNT,
    ProviderAction.REFERRED: Subject.REFERRAL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One thing that was said about a match."""

    id: int
    decision_id: UUID
    action: ProviderAction
    reason: str | None = field(repr=False)
    #: The actor, as kind and id.
    said_by: str
    said_at: datetime


def checked_reason(action: ProviderAction, reason: str | None) -> str | None:
    """The reason as it is kept. Raises InvalidInput where it is missing for an upload that stays, or is no line of text."""
    if reason is not None and reason.strip():
        return checked_line(reason, field="reason", longest=REASON_MAX)
    if action is ProviderAction.KEPT:
        raise InvalidInput(field="reason", problem="must say why the upload stays")
    return None


def last_words(said: Iterable[Said]) -> dict[Subject, Said]:
    """What counts, of everything that was said, the oldest first."""
    return {SUBJECTS[one.action]: one for one in said}


def repeated(said: Iterable[Said], action: ProviderAction, reason: str | None) -> Said | None:
    """The last word on the subject, where it says exactly this: then there is nothing to add."""
    last = last_words(said).get(SUBJECTS[action])
    return last if last is not None and (last.action, last.reason) == (action, reason) else None
