"""What is missed: some of what stays below the line is drawn at random and opened all the same, and counted."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.identity.permissions import Permission
from vangnet.reports.rules.desk.capacity import draw_below_line
from vangnet.reports.rules.desk.missed import MissedShare, NotKnown, missed_share
from vangnet.reports.service.desk.ordering import above_line
from vangnet.reports.service.triage import placing
from vangnet.reports.service.triage.placing import policy_now
from vangnet.reports.store import sample as store
from vangnet.reports.store import survey as survey_store

#: The share is told of what was drawn in so many days.
DAYS = 90
_GIVEN_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """What the sample says."""

    share: MissedShare | NotKnown
    #: Drawn reports that wait to be opened, the oldest first.
    to_open: Sequence[int]
    drawn: int


def missed(conn: Connection, actor: Actor, *, now: datetime) -> Missed:
    """The share of urgent ones among what is below the line, with its interval. Raises PermissionDenied."""
    actor.require(Permission.REPORT_READ)
    since = now - timedelta(days=DAYS)
    drawn, opened, urgent = store.count(conn, since=since)
    return Missed(
        share=missed_share(drawn=drawn, opened=opened, urgent=urgent),
        to_open=store.list_open(conn, since=since, limit=50),
        drawn=drawn,
    )


def answer_of(conn: Connection, actor: Actor, *, report_id: int) -> bool | None:
    """What was said of a drawn report when it was closed: whether it was urgent. Raises PermissionDenied."""
    actor.require(Permission.REPORT_READ)
    return store.find_answer(conn, report_id)


def draw(conn: Connection, actor: Actor, *, now: datetime) -> bool:
    """Gives some of what fell below the line its one chance to be drawn; whether there may be more. For the job.

    Raises PermissionDenied.
    """
    actor.require(Permission.REPORT_LEAD)
    above = above_line(conn, survey_store.get_capacity(conn), now=now)
    given = store.give_chance(conn, above, now=now, limit=_GIVEN_AT_ONCE)
    if not given:
        return False
    drawn = draw_below_line(policy_now(conn)[1], given, secrets.SystemRandom().random)
    store.mark_drawn(conn, drawn, now=now)
    for report_id in drawn:
        placing.renew(conn, report_id=report_id, now=now)
    audit.record(
        conn, actor, action=Permission.REPORT_LEAD, record="report_draw", record_id=given[-1], now=now,
        given=len(given), drawn=len(drawn),
    )  # fmt: skip
    return len(given) == _GIVEN_AT_ONCE
