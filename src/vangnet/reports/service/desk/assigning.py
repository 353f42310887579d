"""Who reads which languages and can do what, and reports given to whoever fits."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.errors import InvalidInput
from vangnet.identity.model import Person, PersonState
from vangnet.identity.permissions import Permission, permissions_of
from vangnet.identity.service import people
from vangnet.reports.model.reports import Report
from vangnet.reports.service.desk import desk
from vangnet.reports.store import skills as store

_TAG = re.compile(r"[a-z0-9][a-z0-9 \-]{0,29}")
_TAGS_MAX = 30
_AT_ONCE_MAX = 100


def colleagues(conn: Connection, actor: Actor) -> list[Person]:
    """Who works here and may work on reports. Raises PermissionDenied."""
    actor.require(Permission.REPORT_READ)
    return [
        person
        for person in people.list_people(conn, actor)
        if person.state is PersonState.ACTIVE and Permission.REPORT_WORK in permissions_of(person.roles)
    ]


def skills(conn: Connection, actor: Actor) -> Mapping[UUID, Sequence[str]]:
    """Everybody's tags: languages by their codes, and what they can do. Raises PermissionDenied."""
    actor.require(Permission.REPORT_READ)
    return store.list_skills(conn)


def give_skills(conn: Connection, actor: Actor, *, person_id: UUID, tags: str, now: datetime) -> Sequence[str]:
    """Gives a colleague these tags, with commas between, in place of those before.

    Raises PermissionDenied, NotFound, InvalidInput.
    """
    actor.require(Permission.REPORT_LEAD)
    people.get_person(conn, actor, person_id)
    wanted = sorted({" ".join(tag.lower().split()) for tag in tags.split(",") if tag.strip()})
    if len(wanted) > _TAGS_MAX:
        raise InvalidInput(field="tags", problem=f"must be {_TAGS_MAX} at most")
    if not all(_TAG.fullmatch(tag) for tag in wanted):
        raise InvalidInput(field="tags", problem="must be words of letters and digits, with commas between")
    store.put_skills(conn, person_id, wanted)
    audit.record(
        conn, actor, action=Permission.REPORT_LEAD, record="report_skill", record_id=str(person_id), now=now,
        tags=len(wanted),
    )  # fmt: skip
    return wanted


def assign_all(
    conn: Connection, actor: Actor, *, report_ids: Collection[int], person_id: UUID, now: datetime
) -> Sequence[Report]:
    """Gives several reports to a colleague; all of them, or none.

    Raises PermissionDenied, InvalidInput, and as `desk.assign`.
    """
    actor.require(Permission.REPORT_LEAD)
    if not report_ids:
        raise InvalidInput(field="reports", problem="choose at least one report")
    if len(report_ids) > _AT_ONCE_MAX:
        raise InvalidInput(field="reports", problem=f"must be {_AT_ONCE_MAX} at most")
    if person_id not in {person.id for person in colleagues(conn, actor)}:
        raise InvalidInput(field="person", problem="must be a colleague who works on reports")
    return [
        desk.assign(conn, actor, report_id=report_id, person_id=person_id, now=now) for report_id in sorted(set(report_ids))
    ]
