"""Decisions that rest on a match: kept once, reported, told to the registry, and read."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection, defer
from vangnet.errors import Conflict, InvalidInput
from vangnet.gate import store
from vangnet.gate.model import CheckMatch, Counted, CountedMatch, Decision, Door, KeptDecision, ListedDecision, Outcome
from vangnet.gate.policy import Policy
from vangnet.gate.service import webhooks
from vangnet.handoff.model import Kind
from vangnet.handoff.model.match_reports import MatchReport, ReportedMatch
from vangnet.handoff.service import sending
from vangnet.hashing.model import Reason
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.registry.model.matches import NewMatch
from vangnet.registry.service import entries, lists, matches

#: The job that reports one decision; declared in `vangnet.jobs.tasks`.
REPORT = "report_match"
#: How long an idempotency key is remembered.
NAMES_LAST = timedelta(days=1)
LIST_MAX = 500
#: The registry takes a thousand matches at once: so many decisions with so many entries each, and as many in the shadow.
_TOLD_AT_ONCE = 50
_TOLD_OF_EACH = 10
SHADOWS_AT_ONCE = 500
_REVISED_AT_ONCE = 500
_PURPOSE = "gate digests"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownDecision:
    """One decision with what became of it."""

    decision: ListedDecision
    #: Party and hand-off of each report.
    reports: tuple[tuple[UUID, UUID], ...]


def keep(conn: Connection, actor: Actor, kept: KeptDecision, *, policy: Policy, keys: Keys, now: datetime) -> bool:
    """Keeps a decision that rests on a match, has it reported where `policy` says so, and tells the webhook.

    False where it is kept already: then nothing happens. Raises PermissionDenied.
    """
    actor.require(Permission.GATE_CHECK)
    answer = kept.answer
    digests = json.dumps({name: value.hex() for name, value in kept.digests}).encode()
    sealed = keys.sealer(_PURPOSE).seal(digests, answer.check_id.bytes)
    if not store.add_decision(conn, kept, sealed=sealed, now=now):
        return False
    if answer.decision in policy.report_on:
        for party_id in sorted(policy.report_to):
            defer(conn, REPORT, lock=f"report {party_id}", decision_id=str(answer.check_id), party_id=str(party_id))
    webhooks.tell_kept(conn, kept, now=now)
    audit.record(
        conn,
        actor,
        action=Permission.GATE_CHECK,
        record="decision",
        record_id=answer.check_id,
        now=now,
        door=kept.door.value,
        decision=answer.decision.value,
        entries=[match.entry_id for match in answer.matches if not match.shadow],
        policy_version=kept.policy_version,
    )
    return True


def report(conn: Connection, actor: Actor, *, decision_id: UUID, party_id: UUID, keys: Keys, now: datetime) -> UUID | None:
    """Signs the report of a decision to a party; None where that was done before.

    Raises PermissionDenied, NotFound, Conflict where nothing can be handed to that party.
    """
    actor.require(Permission.HANDOFF_SEND)
    found = store.get_decision_for_update(conn, decision_id)
    if any(party_id == to for to, _ in store.list_reports(conn, decision_id)):
        return None
    sent = sending.send(
        conn,
        actor,
        party_id=party_id,
        kind=Kind.MATCH_REPORT,
        payload=_report_of(
            found,
            _digests(conn, decision_id, keys),
            [_as_known_to(conn, actor, party_id, match) for match in found.answer.matches if not match.shadow],
        ).payload(),
        keys=keys,
        now=now,
    )
    store.add_report(conn, decision_id=decision_id, party_id=party_id, handoff_id=sent.id)
    store.update_reported(conn, decision_id, now=now)
    return sent.id


def tell_registry(conn: Connection, actor: Actor, *, shadows: Sequence[NewMatch], keys: Keys, now: datetime) -> int:
    """Tells the registry which entries kept decisions rest on, and which others only counted; returns how many it told.

    So it can stop an entry that suddenly matches everything, and name the decisions that no longer stand. A step: to be
    called until it returns 0. Raises PermissionDenied.
    """
    told = [
        NewMatch(
            entry_id=match.entry_id,
            reference=str(found.answer.check_id),
            distance=match.distance,
            at=found.at,
            counts=found.door is not Door.SCAN,
        )
        for found in store.take_untold(conn, limit=_TOLD_AT_ONCE, now=now)
        for match in found.answer.matches[:_TOLD_OF_EACH]
    ]
    told += shadows
    if told:
        matches.record_matches(conn, actor, keys=keys, matches=told, now=now)
    return len(told)


def mark_revised(conn: Connection, actor: Actor, *, now: datetime) -> int:
    """Marks the decisions of which an entry ceased to stand; returns how many are new. Raises PermissionDenied."""
    after = None
    new = 0
    while page := matches.list_revised(conn, actor, after=after, limit=_REVISED_AT_ONCE):
        after = (page[-1].revised_seq, page[-1].id)
        revised = store.update_revised(conn, [UUID(one.reference) for one in page if one.told_at is None], now=now)
        webhooks.tell_revised(conn, revised, now=now)
        new += len(revised)
    return new


def count(conn: Connection, counted: Iterable[Counted], matched: Iterable[CountedMatch]) -> None:
    """Adds what was counted since the last time."""
    store.add_counts(conn, counted)
    store.add_match_counts(conn, matched)


def require_same_bytes(conn: Connection, *, name_mac: bytes, bytes_mac: bytes, now: datetime) -> None:
    """Raises Conflict where the name was used for other bytes before."""
    if store.take_name(conn, name_mac=name_mac, bytes_mac=bytes_mac, now=now) != bytes_mac:
        raise Conflict(problem="this Idempotency-Key was used for another file before: give every upload its own")


def forget_names(conn: Connection, *, now: datetime) -> int:
    """Forgets idempotency keys of more than a day ago; returns how many."""
    return store.forget_names(conn, before=now - NAMES_LAST)


# --- reading ---


def find_kept(conn: Connection, decision_id: UUID) -> ListedDecision | None:
    """The decision of this check, where it was kept; for the gate."""
    return store.find_decision(conn, decision_id)


def get_decision(conn: Connection, actor: Actor, *, decision_id: UUID) -> ShownDecision:
    """One. Raises PermissionDenied, NotFound."""
    actor.require(Permission.GATE_READ)
    return ShownDecision(
        decision=store.get_decision(conn, decision_id), reports=tuple(store.list_reports(conn, decision_id))
    )


def list_decisions(
    conn: Connection,
    actor: Actor,
    *,
    object_id: str | None = None,
    entry_id: int | None = None,
    decision: Decision | None = None,
    revised: bool = False,
    later: bool = False,
    before: tuple[datetime, UUID] | None = None,
    limit: int = 100,
) -> list[ListedDecision]:
    """The newest first; `before` is the time and id of the last one seen. Raises PermissionDenied, InvalidInput."""
    actor.require(Permission.GATE_READ)
    if not 1 <= limit <= LIST_MAX:
        raise InvalidInput(field="limit", problem=f"must be between 1 and {LIST_MAX}")
    return store.list_decisions(
        conn,
        object_id=object_id or None,
        entry_id=entry_id,
        decision=decision,
        revised=revised,
        later=later,
        before=before,
        limit=limit,
    )


def sum_counts(conn: Connection, actor: Actor, *, since: datetime) -> list[tuple[Outcome, Decision, Reason | None, int]]:
    """How many checks came to what since then. Raises PermissionDenied."""
    actor.require(Permission.GATE_READ)
    return store.sum_counts(conn, since=since)


def _digests(conn: Connection, decision_id: UUID, keys: Keys) -> dict[str, str]:
    opened = keys.sealer(_PURPOSE).unseal(store.get_sealed(conn, decision_id), decision_id.bytes)
    found: dict[str, str] = json.loads(opened)
    return found


def _as_known_to(conn: Connection, actor: Actor, party_id: UUID, match: CheckMatch) -> ReportedMatch:
    """A match as the recipient can look it up: with its own entry's number, where it is the one that keeps the list."""
    entry_id = match.entry_id
    if lists.get(conn, actor, match.list_id).origin_party_id == party_id:
        entry_id = entries.get(conn, actor, match.entry_id).origin_id or entry_id
    return ReportedMatch(
        list_name=match.list_name,
        entry_id=entry_id,
        classification=match.classification,
        algorithm=match.algorithm,
        distance=match.distance,
        view=match.view,
    )


def _report_of(found: ListedDecision, digests: dict[str, str], told: Sequence[ReportedMatch]) -> MatchReport:
    answer = found.answer
    return MatchReport(
        check_id=answer.check_id,
        at=found.at,
        decision=answer.decision.value,
        object_id=found.object_id,
        digests=digests,
        matches=tuple(told),
    )
