"""The installation itself: whose it is and what kind of party that is."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from vangnet.identity.model.text import Language


class InstallationKind(StrEnum):
    PROVIDER = "provider"  #: Hosts what others upload.
    HOTLINE = "hotline"  #: Takes reports from the public and has material removed.
    POLICE = "police"  #: Investigates, and protects victims.
    AUTHORITY = "authority"  #: Watches over removal, orders it, and can fine.


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """This installation. There is one in a database, made at set-up; it belongs to one party."""

    id: UUID
    kind: InstallationKind
    party_name: str
    language: Language
    created_at: datetime
