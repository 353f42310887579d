"""Who acts, what an audit event is, and how one asks for events. The rules of the chain are in `chain.py`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from vangnet.errors import PermissionDenied


class ActorKind(StrEnum):
    PERSON = "person"  #: One of our own people, signed in.
    API_KEY = "api_key"  #: A program, by its key.
    CONSOLE = "console"  #: Somebody with a shell on the machine; the id is the operating system's user number.
    PARTY = "party"  #: Another installation, by its signature.
    SYSTEM = "system"  #: Vangnet itself: a job, a clock.
    ANONYMOUS = "anonymous"  #: Nobody that we know, such as an attempt to sign in.


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts, and what they may do. The id is a number or a name of ours, never a person's."""

    kind: ActorKind
    id: str
    permissions: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def label(self) -> str:
        """The actor as it is written beside a record: kind and id, nobody's name."""
        return f"{self.kind}:{self.id}"

    def require(self, permission: str) -> None:
        """Raises PermissionDenied unless the actor has `permission` (`resource:action`)."""
        if permission not in self.permissions:
            raise PermissionDenied(permission=permission)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One deed. `details` holds ids, states and counts: no personal data, no hash, no link."""

    id: int
    at: datetime
    actor_kind: ActorKind
    actor_id: str
    action: str
    record: str
    record_id: str
    details: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedEvent(AuditEvent):
    """An event as it is listed: with its place in the chain, or None for both while it waits for the sealer."""

    position: int | None
    sealed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events are asked for; None leaves that open. `since` is included, `until` is not."""

    record: str | None = None
    record_id: str | None = None
    actor_kind: ActorKind | None = None
    actor_id: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainState:
    """How far the trail is sealed. `oldest_waiting_at` is the time of the waiting event with the lowest id.

    `head_position` and `head_sealed_at` are of the last exported head. While none can be exported, `export_problem` says
    why, and `export_failing_since` since when.
    """

    position: int
    sealed_at: datetime | None
    newest_sealed_event_at: datetime | None
    waiting: int
    oldest_waiting_at: datetime | None
    head_position: int | None
    head_sealed_at: datetime | None
    export_problem: str | None
    export_failing_since: datetime | None


def parse_filter(
    *, record: str | None, actor: str | None, action: str | None, since: datetime | None, until: datetime | None
) -> EventFilter:
    """A filter from words as lists show them: a record `party` or `party:ID`, an actor `person`, `person:ID` or an id.

    Empty words leave that open.
    """
    record_name, _, record_id = (record or "").strip().partition(":")
    actor_kind, actor_id = _parse_actor((actor or "").strip())
    return EventFilter(
        record=record_name or None,
        record_id=record_id or None,
        actor_kind=actor_kind,
        actor_id=actor_id or None,
        action=(action or "").strip() or None,
        since=since,
        until=until,
    )


def _parse_actor(words: str) -> tuple[ActorKind | None, str]:
    kind, _, actor_id = words.partition(":")
    return (ActorKind(kind), actor_id) if kind in set(ActorKind) else (None, words)
