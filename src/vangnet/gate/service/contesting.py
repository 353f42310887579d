"""Contesting the listing on which a decision rests, from the decision itself.

The dispute is the registry's: of a list that is followed it goes to whoever keeps it, by a signed hand-off, and the answer
comes back the same way.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.errors import InvalidInput
from vangnet.gate.contest_reasons import ContestReason, as_text
from vangnet.gate.service import decisions
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.registry.model.disputes import Dispute
from vangnet.registry.service import disputes


def contest(
    conn: Connection,
    actor: Actor,
    *,
    decision_id: UUID,
    entry_id: int,
    reason: ContestReason,
    note: str = "",
    keys: Keys,
    now: datetime,
) -> Dispute:
    """Contests one of the entries on which a decision rests. Its event is that of the dispute.

    Raises PermissionDenied, NotFound, InvalidInput; Conflict where the entry does not stand, or is disputed already.
    """
    actor.require(Permission.REGISTRY_DISPUTE)
    found = decisions.get_decision(conn, actor, decision_id=decision_id).decision
    if entry_id not in {match.entry_id for match in found.answer.matches}:
        raise InvalidInput(field="entry", problem="must be one of those that this decision rests on")
    return disputes.open_dispute(conn, actor, keys=keys, entry_id=entry_id, reason=as_text(reason, note), now=now)


def list_disputes(conn: Connection, actor: Actor, *, decision_id: UUID) -> Sequence[Dispute]:
    """What was contested of the entries that a decision rests on, by whomever, and what was answered; the oldest first.

    Raises PermissionDenied, NotFound.
    """
    found = decisions.get_decision(conn, actor, decision_id=decision_id).decision
    of_entries = [
        dispute
        for entry_id in sorted({match.entry_id for match in found.answer.matches})
        for dispute in disputes.list_disputes(conn, actor, entry_id=entry_id, still_open=False)
    ]
    return sorted(of_entries, key=lambda dispute: dispute.opened_at)
