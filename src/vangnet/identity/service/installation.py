"""Saying whose installation this is."""

import uuid
from datetime import datetime

from vangnet.audit.model import Actor
from vangnet.audit.service import record
from vangnet.db import Connection
from vangnet.errors import NotFound
from vangnet.identity.model.installation import Installation, InstallationKind
from vangnet.identity.model.text import Language, checked_line
from vangnet.identity.permissions import Permission
from vangnet.identity.store import installation as store


def set_up(
    conn: Connection, actor: Actor, *, kind: InstallationKind, party_name: str, language: Language, now: datetime
) -> Installation:
    """Makes this the installation of that party, once and for all: its data would be wrong under another kind.

    Raises PermissionDenied, InvalidInput, Conflict.
    """
    actor.require(Permission.INSTALLATION_SET_UP)
    installation = Installation(
        id=uuid.uuid4(),
        kind=kind,
        party_name=checked_line(party_name, field="party_name"),
        language=language,
        created_at=now,
    )
    store.add_installation(conn, installation)
    record(
        conn,
        actor,
        action=Permission.INSTALLATION_SET_UP,
        record="installation",
        record_id=installation.id,
        now=now,
        kind=kind,
    )
    return installation


def find_installation(conn: Connection) -> Installation | None:
    """The installation, or None before set-up. Its name and kind stand on every page, the public ones too."""
    return store.find_installation(conn)


def get_installation(conn: Connection) -> Installation:
    """Raises NotFound before set-up."""
    installation = store.find_installation(conn)
    if installation is None:
        raise NotFound(record="installation", key="this")
    return installation
