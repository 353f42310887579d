"""Whether what was held or blocked was rightly so: a person of the provider looks at its own upload, and says."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.errors import Conflict
from vangnet.gate import store
from vangnet.gate.model import Decision, ListedDecision
from vangnet.gate.store import reviews as review_store
from vangnet.gate.store.reviews import Review
from vangnet.identity.permissions import Permission
from vangnet.proportions import upper_bound

#: What is older is asked no more: the upload will be gone.
LOOK_BACK = timedelta(days=30)
#: Of more than so many, only the newest are shown and counted.
COUNTED_MAX = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRate:
    """How often a list's matches were false alarms, of those that somebody looked at."""

    list_id: UUID
    list_name: str
    looked_at: int
    false_alarms: int

    @property
    def share(self) -> float:
        """The share of false alarms."""
        return self.false_alarms / self.looked_at

    @property
    def at_most(self) -> float:
        """The share that it may be for all matches like these, at 95 %."""
        return upper_bound(self.false_alarms, self.looked_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """A decision that somebody looked at, and what they said."""

    decision: ListedDecision
    review: Review


def mark(conn: Connection, actor: Actor, *, decision_id: UUID, false_alarm: bool, now: datetime) -> None:
    """Says whether a held or blocked upload was a false alarm; the last word counts.

    Raises PermissionDenied, NotFound, Conflict where the upload was allowed.
    """
    actor.require(Permission.GATE_REVIEW)
    found = store.get_decision(conn, decision_id)
    if found.answer.decision is Decision.ALLOW:
        raise Conflict(problem="the upload was allowed: there was no alarm")
    said = Review(decision_id=decision_id, false_alarm=false_alarm, marked_by=f"{actor.kind} {actor.id}", marked_at=now)
    review_store.put_review(conn, said)
    audit.record(
        conn,
        actor,
        action=Permission.GATE_REVIEW,
        record="decision",
        record_id=decision_id,
        now=now,
        false_alarm=false_alarm,
    )


def waiting(conn: Connection, actor: Actor, *, limit: int, now: datetime) -> list[ListedDecision]:
    """What nobody looked at yet, of the last thirty days: look-alikes first, then the newest. Raises PermissionDenied."""
    actor.require(Permission.GATE_READ)
    since = now - LOOK_BACK
    return store.list_some(conn, review_store.unreviewed(conn, since=since, most=COUNTED_MAX, limit=limit))


def count_waiting(conn: Connection, actor: Actor, *, now: datetime) -> int:
    """How many; COUNTED_MAX stands for that many or more. Raises PermissionDenied."""
    actor.require(Permission.GATE_READ)
    return review_store.count_unreviewed(conn, since=now - LOOK_BACK, most=COUNTED_MAX)


def false_alarms(conn: Connection, actor: Actor, *, limit: int) -> list[Reviewed]:
    """What was a false alarm, the last first. Raises PermissionDenied."""
    actor.require(Permission.GATE_READ)
    found = {one.decision_id: one for one in review_store.list_reviews(conn, false_alarms=True, limit=limit)}
    return [Reviewed(decision=one, review=found[one.answer.check_id]) for one in store.list_some(conn, list(found))]


def rates(conn: Connection, actor: Actor) -> list[ListRate]:
    """Each list of whose matches somebody looked at one. Raises PermissionDenied."""
    actor.require(Permission.GATE_READ)
    return [
        ListRate(list_id=list_id, list_name=name, looked_at=looked_at, false_alarms=false_alarms_)
        for list_id, name, looked_at, false_alarms_ in review_store.sum_reviews(conn)
    ]
