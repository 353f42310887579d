"""Services of third parties from which lists are fetched, and what we tell them of their entries."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from vangnet.errors import InvalidInput
from vangnet.registry.model.entries import ListedHash
from vangnet.registry.model.matches import Batch

SECRET_MAX = 500
FEEDBACK_REASON_MAX = 200


class SourceKind(StrEnum):
    NCMEC = "ncmec"  #: NCMEC's hash sharing, version 2.
    STOPNCII = "stopncii"  #: StopNCII, version 1.


class SourceState(StrEnum):
    ACTIVE = "active"  #: Fetched from every hour.
    STOPPED = "stopped"  #: Not fetched from; what was taken stays.


class FeedbackState(StrEnum):
    WAITING = "waiting"  #: On its way.
    SENT = "sent"  #: The third party took it.
    REFUSED = "refused"  #: The third party does not take it.


#: What each kind asks for to know who we are.
CREDENTIALS: Mapping[SourceKind, frozenset[str]] = {
    SourceKind.NCMEC: frozenset({"username", "password"}),
    SourceKind.STOPNCII: frozenset({"subscription_key", "fetch_key", "feedback_key"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A service of a third party, and the list that is fetched from it."""

    id: UUID
    name: str
    kind: SourceKind
    list_id: UUID
    base_url: str = field(repr=False)
    credentials: bytes = field(repr=False)
    state: SourceState
    #: Where the next pass begins; None for the first.
    place: str | None
    fetched_at: datetime | None
    failures: int
    problem: str | None
    added_by: str
    added_at: datetime

    @property
    def partner(self) -> str:
        """Our name for it in messages, which hold no address."""
        return f"source {self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """A pass that is under way: from where, into which batch, and how we show who we are."""

    source: Source
    credentials: Mapping[str, str] = field(repr=False)
    batch: Batch


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What we say of an entry to whom it came from. A reason says why we do not agree."""

    id: UUID
    source_id: UUID
    entry_id: int
    agrees: bool
    reason: str | None
    state: FeedbackState
    problem: str | None
    given_by: str
    given_at: datetime
    answered_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DueFeedback:
    """What is to be sent, and to whom."""

    feedback: Feedback
    source: Source
    credentials: Mapping[str, str] = field(repr=False)
    reference: str = field(repr=False)
    hashes: tuple[ListedHash, ...] = field(repr=False)


def checked_credentials(kind: SourceKind, given: Mapping[str, object]) -> dict[str, str]:
    """The credentials that a kind asks for. Raises InvalidInput, which names fields and never a value."""
    needed = CREDENTIALS[kind]
    if set(given) != needed:
        raise InvalidInput(field="credentials", problem=f"must be {', '.join(sorted(needed))}, and nothing else")
    checked = {}
    for name, value in given.items():
        sound = isinstance(value, str) and 1 <= len(value) <= SECRET_MAX and value.isascii() and value.isprintable()
        if not sound or not isinstance(value, str):
            raise InvalidInput(field=name, problem=f"must have 1 to {SECRET_MAX} printable ASCII characters")
        checked[name] = value
    return checked
