"""Disputes between installations: who follows a list contests an entry at whoever keeps it, and hears the answer.

Both cross as hand-offs. A job signs what is to be sent, and a job takes in what arrived, because receiving a hand-off knows
nothing of lists. What becomes of the entry itself comes with the stream of changes.
"""

from datetime import datetime
from uuid import UUID

from vangnet.audit.model import Actor, ActorKind
from vangnet.db import Connection
from vangnet.errors import Conflict, NotFound
from vangnet.handoff.model import Kind, ReceivedHandoff
from vangnet.handoff.model.disputes import RegistryDispute, RegistryDisputeAnswer
from vangnet.handoff.service import receiving, sending
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.registry.model.disputes import Dispute, DisputeState
from vangnet.registry.model.entries import Entry, EntryState
from vangnet.registry.service import disputes
from vangnet.registry.store import disputes as store
from vangnet.registry.store import entries as entry_store
from vangnet.registry.store import lists as list_store
from vangnet.registry.store import subscriptions as subscription_store

#: The jobs that take in what arrived, deferred by `handoff.service.receiving`.
TAKE = "take_registry_dispute"
TAKE_ANSWER = "take_registry_dispute_answer"


def send(conn: Connection, actor: Actor, *, keys: Keys, dispute_id: UUID, now: datetime) -> None:
    """Hands a dispute to whoever keeps the list; once. Raises PermissionDenied, NotFound, Conflict."""
    dispute = store.get_dispute_for_update(conn, dispute_id)
    listed = list_store.get_list(conn, dispute.list_id)
    entry = entry_store.get_entry(conn, dispute.entry_id)
    if dispute.handoff_id is not None or listed.origin_party_id is None or entry.origin_id is None:
        return
    subscribed = subscription_store.find_subscribed_list(conn, listed.id)
    if subscribed is None:
        raise Conflict(problem="the list is not followed any more, so that nobody could answer")
    told = RegistryDispute(list_id=subscribed.origin_list_id, entry_id=entry.origin_id, reason=dispute.reason)
    sent = sending.send(
        conn, actor, party_id=listed.origin_party_id, kind=Kind.REGISTRY_DISPUTE, payload=told.payload(), keys=keys, now=now
    )
    store.update_handoff(conn, dispute.id, sent.id)


def take(conn: Connection, actor: Actor, *, keys: Keys, received_id: UUID, now: datetime) -> Dispute | None:
    """Opens the dispute that came with a hand-off, once; None where its entry does not stand, which is answered at once.

    Raises PermissionDenied; Conflict where the entry is disputed already, or is on no list that the party may follow.
    """
    received = receiving.get_received(conn, actor, received_id=received_id)
    known = store.find_by_handoff(conn, received_id)
    if known is not None:
        return known
    told = RegistryDispute.read(receiving.get_received_envelope(conn, actor, received_id=received_id).payload)
    entry = _shared_entry(conn, received, told)
    if entry.state not in {EntryState.PROPOSED, EntryState.ACTIVE, EntryState.DISPUTED}:
        gone = RegistryDisputeAnswer(
            dispute_id=received.envelope_id, outcome=DisputeState.WITHDRAWN, reason="the entry does not stand any more"
        )
        _hand_over(conn, actor, received, gone, keys=keys, now=now)
        return None
    return disputes.open_dispute(
        conn, _as_party(received.party_id, Permission.REGISTRY_DISPUTE), keys=keys, entry_id=entry.id, reason=told.reason,
        party_id=received.party_id, handoff_id=received_id, now=now,
    )  # fmt: skip


def send_answer(conn: Connection, actor: Actor, *, keys: Keys, dispute_id: UUID, now: datetime) -> None:
    """Hands the answer to the party that opened the dispute. Raises PermissionDenied, NotFound, Conflict."""
    dispute = store.get_dispute_for_update(conn, dispute_id)
    if dispute.handoff_id is None or dispute.answer is None:
        return
    received = receiving.get_received(conn, actor, received_id=dispute.handoff_id)
    told = RegistryDisputeAnswer(dispute_id=received.envelope_id, outcome=dispute.state, reason=dispute.answer)
    _hand_over(conn, actor, received, told, keys=keys, now=now)


def take_answer(conn: Connection, actor: Actor, *, received_id: UUID, now: datetime) -> Dispute:
    """Keeps the answer that came with a hand-off, once.

    Raises PermissionDenied, NotFound where it answers nothing of ours.
    """
    received = receiving.get_received(conn, actor, received_id=received_id)
    told = RegistryDisputeAnswer.read(receiving.get_received_envelope(conn, actor, received_id=received_id).payload)
    dispute = store.find_by_handoff(conn, told.dispute_id)
    # Only whoever keeps the list answers for it.
    if dispute is None or list_store.get_list(conn, dispute.list_id).origin_party_id != received.party_id:
        raise NotFound(record="dispute of hand-off", key=str(told.dispute_id))
    if dispute.state is not DisputeState.OPEN:
        return dispute
    return disputes.record_answer(
        conn, _as_party(received.party_id, Permission.REGISTRY_ANSWER), dispute_id=dispute.id,
        outcome=DisputeState(told.outcome), reason=told.reason, now=now,
    )  # fmt: skip


def _shared_entry(conn: Connection, received: ReceivedHandoff, told: RegistryDispute) -> Entry:
    shared = {given.list_id for given in subscription_store.list_shares(conn, party_id=received.party_id)}
    try:
        entry = entry_store.get_entry(conn, told.entry_id)
    except NotFound:
        entry = None
    if entry is None or entry.list_id != told.list_id or entry.list_id not in shared:
        # One answer for both, so that nobody finds out what is on a list that is not theirs to follow.
        raise Conflict(problem="the entry is on no list that the party may follow")
    return entry


def _hand_over(
    conn: Connection, actor: Actor, to: ReceivedHandoff, told: RegistryDisputeAnswer, *, keys: Keys, now: datetime
) -> None:
    sending.send(
        conn, actor, party_id=to.party_id, kind=Kind.REGISTRY_DISPUTE_ANSWER, payload=told.payload(), keys=keys,
        case_number=to.case_number, now=now,
    )  # fmt: skip


def _as_party(party_id: UUID, permission: Permission) -> Actor:
    return Actor(kind=ActorKind.PARTY, id=str(party_id), permissions=frozenset({permission}))
