"""Contesting an entry, and answering. While a dispute is open, a match of the entry holds and does not block."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from vangnet.audit.model import Actor
from vangnet.audit.service import record
from vangnet.db import Connection, defer
from vangnet.errors import Conflict, InvalidInput
from vangnet.identity.model.text import checked_line
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.registry.model.changes import NewChange
from vangnet.registry.model.disputes import (
    ANSWERED_WITHIN,
    REASON_MAX,
    Dispute,
    DisputeState,
    SupplierRecord,
    require_other_reviewer,
    step,
)
from vangnet.registry.model.entries import Entry, EntryDraft, EntryState
from vangnet.registry.model.lists import HashList
from vangnet.registry.safeguards import Finding
from vangnet.registry.service import entries
from vangnet.registry.service.acting import require_person
from vangnet.registry.service.lists import load_own
from vangnet.registry.service.matches import publish_and_revise
from vangnet.registry.service.publishing import change_entry, publish
from vangnet.registry.store import batches as batch_store
from vangnet.registry.store import disputes as store
from vangnet.registry.store import entries as entry_store
from vangnet.registry.store import lists as list_store

#: The jobs that hand a dispute to whoever keeps the list, and the answer back; see `contesting`.
SEND = "send_registry_dispute"
SEND_ANSWER = "answer_registry_dispute"
_DISPUTABLE = frozenset({EntryState.PROPOSED, EntryState.ACTIVE})


def open_dispute(
    conn: Connection,
    actor: Actor,
    *,
    keys: Keys,
    entry_id: int,
    reason: str,
    party_id: UUID | None = None,
    handoff_id: UUID | None = None,
    now: datetime,
) -> Dispute:
    """Contests an entry; a reviewer answers within ANSWERED_WITHIN.

    Of a list that we follow only the dispute is kept here: what is done about the entry is the keeper's. Raises
    PermissionDenied, NotFound, InvalidInput; Conflict where the entry does not stand, or is disputed already.
    """
    actor.require(Permission.REGISTRY_DISPUTE)
    reason = checked_line(reason, field="reason", longest=REASON_MAX)
    found = list_store.get_list_for_update(conn, entry_store.get_entry(conn, entry_id).list_id)
    entry = entry_store.get_entry_for_update(conn, entry_id)
    if entry.state not in _DISPUTABLE:
        raise Conflict(problem=f"the entry is {entry.state.value}, so that there is nothing to contest")
    dispute = Dispute(
        id=uuid.uuid4(), list_id=found.id, entry_id=entry_id, by_party=party_id, by_person=actor.label, reason=reason,
        opened_at=now, due_at=now + ANSWERED_WITHIN, state=DisputeState.OPEN, answered_at=None,
        entry_state=entry.state.value, handoff_id=handoff_id,
    )  # fmt: skip
    store.add_dispute(conn, dispute)
    _record(conn, actor, Permission.REGISTRY_DISPUTE, dispute, now=now)
    if found.followed:
        defer(conn, SEND, dispute_id=str(dispute.id))
    else:
        change = change_entry(conn, entry, EntryState.DISPUTED, by=actor.label, reason="it is contested", now=now)
        publish(conn, actor, keys, changes=[change], now=now)
    return dispute


def answer(
    conn: Connection,
    actor: Actor,
    *,
    keys: Keys,
    dispute_id: UUID,
    outcome: DisputeState,
    reason: str,
    draft: EntryDraft | None = None,
    now: datetime,
) -> Dispute:
    """Answers a dispute, with a reason: the entry is upheld, withdrawn, or corrected by `draft`.

    Whoever listed the entry, or contests it, does not answer. Raises PermissionDenied, NotFound, InvalidInput, Conflict.
    """
    actor.require(Permission.REGISTRY_ANSWER)
    reviewer = require_person(actor)
    reason = checked_line(reason, field="reason", longest=REASON_MAX)
    if (outcome is DisputeState.CORRECTED) != (draft is not None):
        raise InvalidInput(field="outcome", problem="must be `corrected` where, and only where, another entry is given")
    finding = None if draft is None else entries.checked(conn, keys, draft)
    dispute = store.get_dispute_for_update(conn, dispute_id)
    found = load_own(conn, dispute.list_id)
    entry = entry_store.get_entry_for_update(conn, dispute.entry_id)
    require_other_reviewer(reviewer=reviewer, added_by=_added_by(conn, entry), disputed_by=dispute.by_person)
    answered = replace(dispute, state=step(dispute.state, outcome), reviewer=reviewer, answer=reason, answered_at=now)
    store.update_answer(conn, answered)
    _record(conn, actor, Permission.REGISTRY_ANSWER, answered, now=now)
    if dispute.by_party is not None and dispute.handoff_id is not None:
        defer(conn, SEND_ANSWER, dispute_id=str(dispute.id))
    changes = _consequence(conn, actor, found, entry, answered, now=now)
    if draft is not None and finding is not None and changes:
        _replace(conn, actor, keys, found=found, draft=draft, finding=finding, withdrawn=changes[0], now=now)
    elif outcome is DisputeState.UPHELD and changes:
        publish(conn, actor, keys, changes=changes, now=now)
    elif changes:
        publish_and_revise(conn, actor, keys, changes=changes, now=now)
    return answered


def record_answer(
    conn: Connection,
    actor: Actor,
    *,
    dispute_id: UUID,
    outcome: DisputeState,
    reason: str,
    now: datetime,
) -> Dispute:
    """Keeps what the keeper of a list that we follow answered; the entry itself comes with the stream of changes.

    Raises PermissionDenied, NotFound, InvalidTransition.
    """
    actor.require(Permission.REGISTRY_ANSWER)
    dispute = store.get_dispute_for_update(conn, dispute_id)
    answered = replace(
        dispute, state=step(dispute.state, outcome), reviewer=actor.label, answer=reason[:REASON_MAX], answered_at=now
    )
    store.update_answer(conn, answered)
    _record(conn, actor, Permission.REGISTRY_ANSWER, answered, now=now)
    return answered


# --- reading ---


def get(conn: Connection, actor: Actor, dispute_id: UUID) -> Dispute:
    """Raises PermissionDenied, NotFound."""
    actor.require(Permission.REGISTRY_READ)
    return store.get_dispute(conn, dispute_id)


def list_disputes(
    conn: Connection,
    actor: Actor,
    *,
    list_id: UUID | None = None,
    entry_id: int | None = None,
    still_open: bool = True,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 100,
) -> Sequence[Dispute]:
    """Disputes, those that are due first first. Raises PermissionDenied."""
    actor.require(Permission.REGISTRY_READ)
    return store.list_disputes(conn, list_id=list_id, entry_id=entry_id, still_open=still_open, after=after, limit=limit)


def supplier_records(conn: Connection, actor: Actor) -> list[SupplierRecord]:
    """What became of each supplier's entries; ourselves first. Raises PermissionDenied."""
    actor.require(Permission.REGISTRY_READ)
    return store.list_suppliers(conn)


def _consequence(
    conn: Connection, actor: Actor, found: HashList, entry: Entry, answered: Dispute, *, now: datetime
) -> list[NewChange]:
    """What happens to the entry, unless it was suspended or withdrawn meanwhile."""
    if entry.state is not EntryState.DISPUTED and answered.state is DisputeState.UPHELD:
        return []
    if answered.state is not DisputeState.UPHELD:
        if entry.state is EntryState.WITHDRAWN:
            return []
        return [entries.withdrawal(conn, actor, entry, reason=answered.answer or "", now=now)]
    state = entries.standing(conn, found, entry)
    return [change_entry(conn, entry, state, by=actor.label, reason="the listing was upheld", now=now)]


def _replace(
    conn: Connection,
    actor: Actor,
    keys: Keys,
    *,
    found: HashList,
    draft: EntryDraft,
    finding: Finding,
    withdrawn: NewChange,
    now: datetime,
) -> None:
    entries.replacement(conn, actor, keys, found=found, draft=draft, finding=finding, withdrawn=withdrawn, now=now)


def _added_by(conn: Connection, entry: Entry) -> str:
    if entry.batch_id is not None:
        return batch_store.get_batch(conn, entry.batch_id).started_by
    return entry.added_by or ""


def _record(conn: Connection, actor: Actor, permission: Permission, dispute: Dispute, *, now: datetime) -> None:
    record(
        conn, actor, action=permission, record="dispute", record_id=dispute.id, now=now, list=str(dispute.list_id),
        entry=dispute.entry_id, state=dispute.state.value,
        by_party=None if dispute.by_party is None else str(dispute.by_party),
    )  # fmt: skip
