"""Links that sign somebody in, made by whoever has a shell on the machine.

For an administrator who lost everything, and for demonstrations. No mail is sent: whoever made the link passes it on.
"""

import uuid
from datetime import datetime, timedelta

from vangnet.audit.model import Actor
from vangnet.audit.service import record
from vangnet.db import Connection
from vangnet.errors import Conflict, InvalidInput
from vangnet.identity.model.people import PersonState
from vangnet.identity.model.text import checked_email
from vangnet.identity.permissions import Permission
from vangnet.identity.service.tokens import new_token
from vangnet.identity.store import people
from vangnet.identity.store import sessions as store

MOST_USES = 1000
LONGEST_HOURS = 24 * 31


def make_link(
    conn: Connection, actor: Actor, *, email: str, uses: int = 1, hours: int = 24, base_url: str, now: datetime
) -> str:
    """A link that signs this person in, `uses` times within `hours`. Raises PermissionDenied, InvalidInput, Conflict."""
    actor.require(Permission.PERSON_LINK)
    if not 1 <= uses <= MOST_USES:
        raise InvalidInput(field="uses", problem=f"must be between 1 and {MOST_USES}")
    if not 1 <= hours <= LONGEST_HOURS:
        raise InvalidInput(field="hours", problem=f"must be between 1 and {LONGEST_HOURS}")
    person = people.find_by_email(conn, checked_email(email))
    if person is None:
        raise InvalidInput(field="email", problem="belongs to nobody here")
    if person.state is PersonState.LEFT:
        raise Conflict(problem="this person has left: invite them anew")
    token, digest = new_token()
    link = store.SignInLink(id=uuid.uuid4(), person_id=person.id, uses_left=uses, expires_at=now + timedelta(hours=hours))
    store.add_link(conn, link, digest)
    record(
        conn,
        actor,
        action=Permission.PERSON_LINK,
        record="person",
        record_id=person.id,
        now=now,
        link=str(link.id),
        uses=uses,
        hours=hours,
    )
    return f"{base_url}/sign-in/link/{token}"
