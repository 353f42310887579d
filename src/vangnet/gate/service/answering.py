"""The check on the check: for every block, hold and later match the provider says what it did."""

from datetime import datetime
from uuid import UUID

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.errors import Conflict, InvalidInput
from vangnet.gate import store
from vangnet.gate.actions import SUBJECTS, ProviderAction, Said, Subject, checked_reason, repeated
from vangnet.gate.model import Decision, ListedDecision
from vangnet.gate.service.decisions import LIST_MAX
from vangnet.gate.store import actions
from vangnet.identity.permissions import Permission


def say(
    conn: Connection,
    actor: Actor,
    *,
    decision_id: UUID,
    action: ProviderAction,
    reason: str | None = None,
    now: datetime,
) -> Said:
    """Keeps what was done about a match. Saying the same again changes nothing; saying otherwise is kept beside it.

    Raises PermissionDenied, NotFound, InvalidInput where an upload stays without a reason, Conflict for an upload that
    was allowed at once: there is nothing to say about it.
    """
    actor.require(Permission.GATE_ANSWER)
    reason = checked_reason(action, reason)
    found = store.get_decision_for_update(conn, decision_id)
    if found.answer.decision is Decision.ALLOW and found.uploaded_at is None:
        raise Conflict(problem="the upload was allowed, so that there is nothing to say about it")
    known = repeated(actions.list_actions(conn, decision_id), action, reason)
    if known is not None:
        return known
    said = actions.add_action(conn, decision_id=decision_id, action=action, reason=reason, said_by=actor.label, now=now)
    if SUBJECTS[action] is Subject.UPLOAD:
        store.update_answered(conn, decision_id, now=now)
    audit.record(
        conn,
        actor,
        action=Permission.GATE_ANSWER,
        record="decision",
        record_id=decision_id,
        now=now,
        said=action.value,
        number=said.id,
    )
    return said


def list_said(conn: Connection, actor: Actor, *, decision_id: UUID) -> list[Said]:
    """Everything that was said about a decision, the oldest first. Raises PermissionDenied."""
    actor.require(Permission.GATE_READ)
    return actions.list_actions(conn, decision_id)


def list_open(
    conn: Connection, actor: Actor, *, after: tuple[datetime, UUID] | None = None, limit: int = 100
) -> list[ListedDecision]:
    """Blocks, holds and later matches about which nothing was said yet, the oldest first.

    `after` is the time and id of the last one seen. Raises PermissionDenied, InvalidInput.
    """
    actor.require(Permission.GATE_READ)
    if not 1 <= limit <= LIST_MAX:
        raise InvalidInput(field="limit", problem=f"must be between 1 and {LIST_MAX}")
    return store.list_unanswered(conn, after=after, limit=limit)


def count_open(conn: Connection, actor: Actor) -> int:
    """How many there are of those. Raises PermissionDenied."""
    actor.require(Permission.GATE_READ)
    return store.count_unanswered(conn)
