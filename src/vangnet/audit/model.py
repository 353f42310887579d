"""Who acts, and what an audit event is. The rules of the chain are here too; reading and writing it is not."""

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
