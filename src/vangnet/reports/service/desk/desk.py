"""The desk: what waits in which order and why, who works on what, and how the work on a report ends."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

from vangnet.audit import service as audit
from vangnet.audit.model import Actor, ActorKind
from vangnet.db import Connection, defer
from vangnet.errors import Conflict, InvalidInput
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.reports.model.reports import Closing, Note, Report, ReportState, Step, moved, require_claimed_by
from vangnet.reports.model.triage_policy import TriagePolicy
from vangnet.reports.rules.triage.order import Lane, last_hours, next_places
from vangnet.reports.rules.triage.points import Standing, standing
from vangnet.reports.service.erasing import basis_of, rest_on
from vangnet.reports.service.secrets import opened, place, secrets_of
from vangnet.reports.service.triage.placing import policy_now
from vangnet.reports.store import policies as policy_store
from vangnet.reports.store import queue as queue_store
from vangnet.reports.store import reports as store
from vangnet.reports.store import sample as sample_store

#: The job that tells whoever referred a report to us what became of it; declared in `vangnet.jobs.tasks`.
ANSWER = "answer_referral"
#: A note has so many characters at most.
NOTE_MAX = 4000
#: What somebody passed on does not come to them as the next report for so long, unless nothing else waits.
SPARED = timedelta(hours=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A report in its place of the queue, with why it stands there."""

    number: int
    lane: Lane
    report: Report
    standing: Standing


def queue(conn: Connection, actor: Actor, *, limit: int, now: datetime) -> list[Waiting]:
    """What waits, in the order in which it is to be opened, without what would move each. Raises PermissionDenied."""
    actor.require(Permission.REPORT_READ)
    _, policy = policy_now(conn)
    return [
        Waiting(number=number, lane=lane, report=report, standing=standing(policy, report.facts, now, moves=False))
        for number, (report, lane) in enumerate(first_places(conn, limit=limit, now=now), start=1)
    ]


def first_places(conn: Connection, *, limit: int, now: datetime) -> Iterator[tuple[Report, Lane]]:
    """The first places of the order, read as they are asked for. For the services of this package."""
    _, policy = policy_now(conn)
    return islice(_places(conn, policy, taken=policy_store.count_taken(conn), now=now), limit)


def standing_of(conn: Connection, actor: Actor, *, report: Report, now: datetime) -> Standing:
    """Why a report stands where it stands, and what would move it. Raises PermissionDenied."""
    actor.require(Permission.REPORT_READ)
    return standing(policy_now(conn)[1], report.facts, now)


def count_by_state(conn: Connection, actor: Actor) -> dict[str, int]:
    """How many reports are in each state that is not the end. Raises PermissionDenied."""
    actor.require(Permission.REPORT_READ)
    return queue_store.count_by_state(conn)


def list_aside(conn: Connection, actor: Actor, *, limit: int = 100) -> list[Report]:
    """What nobody can open now. Raises PermissionDenied."""
    actor.require(Permission.REPORT_READ)
    return queue_store.list_aside(conn, limit=limit)


def list_claimed(conn: Connection, actor: Actor, *, mine: bool = False, limit: int = 100) -> list[Report]:
    """What somebody works on. Raises PermissionDenied; Conflict where a program asks for its own."""
    actor.require(Permission.REPORT_READ)
    return queue_store.list_claimed(conn, person_of(actor) if mine else None, limit=limit)


# --- working on a report ---


def claim_next(conn: Connection, actor: Actor, *, now: datetime) -> Report | None:
    """Claims what is to be opened next; None where nothing waits. Two people at once get two reports.

    What this person passed on lately comes after everything else: who puts a report back is not to meet it at once. But
    where a child may be in danger now, nothing goes before it. Raises PermissionDenied, Conflict for a program.
    """
    actor.require(Permission.REPORT_WORK)
    person_of(actor)
    _, policy = policy_now(conn)
    taken = policy_store.lock_taken(conn)
    spared: tuple[Report, Lane] | None = None
    for report, lane in _places(conn, policy, taken=taken, now=now):
        if not queue_store.try_lock(conn, report.id):
            continue
        if lane is Lane.DANGER or not queue_store.was_passed_on(conn, report.id, by=actor.label, since=now - SPARED):
            policy_store.take_place(conn)
            return _claim(conn, actor, report, now, reason=lane.value)
        spared = spared or (report, lane)
    if spared is None:
        return None
    policy_store.take_place(conn)
    return _claim(conn, actor, spared[0], now, reason=spared[1].value)


def claim(conn: Connection, actor: Actor, *, report_id: int, now: datetime) -> Report:
    """Claims this one. Raises PermissionDenied, NotFound, Conflict where somebody else works on it, InvalidTransition."""
    actor.require(Permission.REPORT_WORK)
    report = store.get_report_for_update(conn, report_id)
    if report.state is ReportState.CLAIMED:
        if report.claimed_by == person_of(actor):
            return report
        raise Conflict(problem="a colleague works on the report already")
    return _claim(conn, actor, report, now, reason="chosen")


def release(conn: Connection, actor: Actor, *, report_id: int, now: datetime) -> Report:
    """Puts a report back into the queue; no reason is asked. Raises PermissionDenied, NotFound, Conflict."""
    actor.require(Permission.REPORT_WORK)
    report = store.get_report_for_update(conn, report_id)
    require_claimed_by(report, person_of(actor))
    return move(conn, actor, report, ReportState.WAITING, now=now)


def close(
    conn: Connection, actor: Actor, *, report_id: int, closing: Closing, urgent: bool | None = None, now: datetime
) -> Report:
    """Ends the work on a report that one has claimed; `reopen` undoes it.

    Of a report that was drawn at random it is asked whether it was `urgent`: that is what is learned by it. Raises
    PermissionDenied, NotFound, Conflict, InvalidInput where that is not said.
    """
    actor.require(Permission.REPORT_WORK)
    report = store.get_report_for_update(conn, report_id)
    require_claimed_by(report, person_of(actor))
    if report.drawn_at is not None:
        if urgent is None:
            raise InvalidInput(field="urgent", problem="must say whether it was urgent: it was drawn to learn that")
        sample_store.answer(conn, report_id, urgent=urgent, by=actor.label, now=now)
    return move(conn, actor, report, ReportState.DONE, closing=closing, now=now)


def reopen(conn: Connection, actor: Actor, *, report_id: int, now: datetime) -> Report:
    """Puts a report back on which the work had ended, or that was put aside. Raises as `close`, InvalidTransition."""
    actor.require(Permission.REPORT_WORK)
    report = store.get_report_for_update(conn, report_id)
    if report.state is ReportState.REFERRED:
        raise Conflict(problem="another party has the report: take it back among the referrals")
    return move(conn, actor, report, ReportState.WAITING, now=now, reason="reopened")


def assign(conn: Connection, actor: Actor, *, report_id: int, person_id: UUID, now: datetime) -> Report:
    """Gives a report to a colleague, whoever had it. Raises PermissionDenied, NotFound, InvalidTransition."""
    actor.require(Permission.REPORT_LEAD)
    report = store.get_report_for_update(conn, report_id)
    if report.state is ReportState.CLAIMED:
        report = move(conn, actor, report, ReportState.WAITING, now=now, reason="assigned")
    return _claim(conn, actor, report, now, reason="assigned", person_id=person_id)


def move(
    conn: Connection,
    actor: Actor,
    report: Report,
    state: ReportState,
    *,
    closing: Closing | None = None,
    reason: str | None = None,
    now: datetime,
) -> Report:
    """Brings a locked report into another state, with its step and its event. For the services of this package."""
    changed = stepped(conn, actor, report, state, closing=closing, reason=reason, now=now)
    _record(conn, actor, report, changed, now, reason=reason)
    return changed


def stepped(
    conn: Connection,
    actor: Actor,
    report: Report,
    state: ReportState,
    *,
    closing: Closing | None = None,
    reason: str | None = None,
    now: datetime,
) -> Report:
    """The same without an event: for a service of this package whose own event tells it."""
    changed = replace(
        report, state=moved(report.state, state), state_at=now, closing=closing, claimed_by=None, claimed_at=None
    )
    _save(conn, actor, report, changed, now, reason=reason)
    if changed.state is ReportState.DONE and changed.case_number is not None:
        # Whoever referred it to us hears what became of it.
        defer(conn, ANSWER, report_id=changed.id)
    return changed


def _claim(
    conn: Connection, actor: Actor, report: Report, now: datetime, *, reason: str, person_id: UUID | None = None
) -> Report:
    changed = replace(
        report,
        state=moved(report.state, ReportState.CLAIMED),
        state_at=now,
        closing=None,
        claimed_by=person_id or person_of(actor),
        claimed_at=now,
        opened_at=report.opened_at or now,
    )
    _save(conn, actor, report, changed, now, reason=reason)
    _record(conn, actor, report, changed, now, reason=reason)
    return changed


def _save(conn: Connection, actor: Actor, before: Report, changed: Report, now: datetime, *, reason: str | None) -> None:
    store.update_state(conn, changed)
    if basis_of(changed.state, changed.closing) is not basis_of(before.state, before.closing):
        rest_on(conn, actor, report_id=changed.id, basis=basis_of(changed.state, changed.closing), now=now)
    step = Step(
        report_id=changed.id, at=now, was=before.state, state=changed.state, closing=changed.closing, by=actor.label,
        reason=reason,
    )  # fmt: skip
    store.add_step(conn, step)


def _record(conn: Connection, actor: Actor, before: Report, changed: Report, now: datetime, *, reason: str | None) -> None:
    audit.record(
        conn, actor, action=Permission.REPORT_WORK, record="report", record_id=changed.id, now=now,
        was=before.state.value, state=changed.state.value, reason=reason,
        closing=None if changed.closing is None else changed.closing.value,
        claimed_by=None if changed.claimed_by is None else str(changed.claimed_by),
    )  # fmt: skip


def _places(conn: Connection, policy: TriagePolicy, *, taken: int, now: datetime) -> Iterator[tuple[Report, Lane]]:
    since, until = last_hours(policy, now)
    by_rank = queue_store.by_rank(conn, policy.among_equals, since=since)
    pressed = queue_store.by_age(conn, since=since, until=until)
    return next_places(policy, by_rank, queue_store.by_age(conn), pressed, taken=taken, now=now)


# --- notes ---


def note(
    conn: Connection, actor: Actor, *, keys: Keys, report_id: int, text: str, hand_over: bool = False, now: datetime
) -> int:
    """Keeps a note about a report; one that hands over is shown at the start of a shift. Raises InvalidInput, NotFound."""
    actor.require(Permission.REPORT_WORK)
    tidy = text.strip()
    if not 1 <= len(tidy) <= NOTE_MAX:
        raise InvalidInput(field="text", problem=f"must have 1 to {NOTE_MAX} characters")
    store.get_report(conn, report_id)
    sealed = secrets_of(keys).note.seal(tidy.encode(), place(report_id))
    note_id = store.add_note(conn, report_id, sealed=sealed, hand_over=hand_over, by=actor.label, now=now)
    audit.record(conn, actor, action=Permission.REPORT_WORK, record="report", record_id=report_id, now=now, note=note_id)
    return note_id


def list_notes(conn: Connection, actor: Actor, *, keys: Keys, report_id: int) -> list[Note]:
    """The notes about a report, the first one first. Raises PermissionDenied."""
    actor.require(Permission.REPORT_WORK)
    return _opened(keys, store.list_notes(conn, report_id))


def list_hand_overs(conn: Connection, actor: Actor, *, keys: Keys) -> list[Note]:
    """What colleagues left for whoever takes over, and nobody has read. Raises PermissionDenied."""
    actor.require(Permission.REPORT_WORK)
    return _opened(keys, store.list_hand_overs(conn))


def mark_read(conn: Connection, actor: Actor, *, note_id: int, now: datetime) -> None:
    """A note of a colleague who handed over was read. Raises PermissionDenied."""
    actor.require(Permission.REPORT_WORK)
    store.mark_read(conn, note_id, now=now)
    audit.record(conn, actor, action=Permission.REPORT_WORK, record="report_note", record_id=note_id, now=now, read=True)


def _opened(keys: Keys, rows: Sequence[store.NoteRow]) -> list[Note]:
    sealer = secrets_of(keys).note
    return [
        Note(
            id=row.id, report_id=row.report_id, at=row.at, by=row.by, hand_over=row.hand_over, read_at=row.read_at,
            text=opened(sealer, row.sealed, row.report_id).decode(),
        )
        for row in rows
    ]  # fmt: skip


def person_of(actor: Actor) -> UUID:
    """Which of our people acts. Raises Conflict where it is none: reports are worked on by people."""
    if actor.kind is not ActorKind.PERSON:
        raise Conflict(problem="this takes one of our people, signed in")
    return UUID(actor.id)
