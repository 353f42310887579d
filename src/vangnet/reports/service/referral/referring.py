"""Handing a report to another party: chosen by one of our people, sent by a job, answered by the other party.

The report stays with us, in the state `referred`, until the answer is here: it ends the work on it, or brings it back into
our queue. What went along is written down; what was said in it lies sealed, here and there.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from vangnet.audit import service as audit
from vangnet.audit.model import Actor, ActorKind
from vangnet.db import Connection, defer
from vangnet.errors import Conflict, InvalidInput, NotFound
from vangnet.handoff.model import Kind, SentHandoff, SentState
from vangnet.handoff.model.referrals import ReferralAnswer, ReferralPart, ReferralReason, in_parts
from vangnet.handoff.service import receiving, sending
from vangnet.identity.model import InstallationKind, Party
from vangnet.identity.model.parties import basis_holds, require_known
from vangnet.identity.permissions import Permission
from vangnet.identity.service import installation, parties
from vangnet.keys import Keys, sealed_to
from vangnet.reports.model.drafts import ItemDraft, ReportDraft
from vangnet.reports.model.referrals import (
    NOTE_MAX,
    Answer,
    Arrival,
    Referral,
    ReferralState,
    Share,
    arrival_of,
    moved,
    state_after,
)
from vangnet.reports.model.reports import Closing, Report, ReportState, require_claimed_by
from vangnet.reports.rules.referral import contents as referral_contents
from vangnet.reports.service.desk import desk, showing
from vangnet.reports.service.intake import registering
from vangnet.reports.service.secrets import opened, place, secrets_of
from vangnet.reports.store import files as file_store
from vangnet.reports.store import referrals as store
from vangnet.reports.store import reports as report_store

#: The job that signs and sends what was referred; declared in `vangnet.jobs.tasks`.
SEND = "send_referral"
#: The job that takes in an answer, deferred by `handoff.service.receiving`.
TAKE_ANSWER = "take_referral_outcome"
#: What is given up is not somebody's own deed: it follows from taking the report back.
_TAKING_BACK = Actor(kind=ActorKind.SYSTEM, id="take_back", permissions=frozenset({Permission.HANDOFF_SEND}))
#: What can still be stopped.
_NOT_THERE = frozenset({SentState.WAITING, SentState.REFUSED, SentState.UNACKNOWLEDGED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """A party that a report can be referred to, and what it may have."""

    party: Party
    may_have: frozenset[Share]
    proposed: frozenset[Share]
    #: Whether a legal basis for the exchange is recorded that holds today.
    has_basis: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownReferral:
    """A referral of ours, whether it arrived, and what became of it."""

    referral: Referral
    arrival: Arrival
    handoffs: Sequence[SentHandoff]
    answers: Sequence[Answer]
    #: What a colleague wrote to the other party, where that was opened.
    note: str | None = field(default=None, repr=False)

    @property
    def next_try_at(self) -> datetime | None:
        """When it is sent next by itself."""
        return min((one.next_try_at for one in self.handoffs if one.next_try_at is not None), default=None)


def list_recipients(conn: Connection, actor: Actor, *, now: datetime) -> list[Recipient]:
    """Whom a report can be referred to. Raises PermissionDenied."""
    actor.require(Permission.REPORT_REFER)
    ours = installation.get_installation(conn).kind
    return [_recipient(ours, party, now) for party in parties.list_parties(conn, actor) if _can_be_sent_to(party)]


def refer(
    conn: Connection,
    actor: Actor,
    *,
    keys: Keys,
    report_id: int,
    party_id: UUID,
    reason: ReferralReason,
    shares: frozenset[Share],
    note: str = "",
    now: datetime,
) -> Referral:
    """Hands a report that one has claimed to another party; a job sends it.

    Raises PermissionDenied, NotFound; Conflict where it is not one's own, or the party cannot be sent anything;
    InvalidInput for what the party may not have.
    """
    actor.require(Permission.REPORT_REFER)
    report = report_store.get_report_for_update(conn, report_id)
    require_claimed_by(report, desk.person_of(actor))
    party = parties.party(conn, party_id)
    require_known(party)
    if not _can_be_sent_to(party):
        raise Conflict(problem="the party has no installation that hand-offs can be sent to")
    recipient = _recipient(installation.get_installation(conn).kind, party, now)
    chosen = shares | {Share.FACTS}
    if not chosen <= recipient.may_have:
        raise InvalidInput(field="shares", problem="must be among what this party may have")
    words = _checked_note(note)
    case_number = report.case_number or sending.new_case_number(conn, now)
    referral = Referral(
        id=uuid.uuid4(), report_id=report_id, party_id=party_id, case_number=case_number, version=report.version,
        reason=reason, shares=chosen, state=ReferralState.SENT, state_at=now, sent_at=now, sent_by=actor.label,
        note=secrets_of(keys).follow_up.seal(words.encode(), place(report_id)) if words else None,
    )  # fmt: skip
    store.add_referral(conn, referral)
    report_store.update_case_number(conn, report_id, case_number)
    desk.stepped(conn, actor, replace(report, case_number=case_number), ReportState.REFERRED, reason=reason.value, now=now)
    defer(conn, SEND, referral_id=str(referral.id))
    _record(conn, actor, referral, now, reason=reason.value, shares=sorted(share.value for share in chosen))
    return referral


def again(conn: Connection, actor: Actor, *, referral_id: UUID, now: datetime) -> None:
    """Has a referral without a receipt sent now. Raises PermissionDenied, NotFound, Conflict where nothing can be sent."""
    actor.require(Permission.REPORT_REFER)
    store.get_referral_for_update(conn, referral_id)
    waiting = [one for one in _handoffs(conn, actor, referral_id) if one.state is not SentState.ACKNOWLEDGED]
    if not waiting:
        raise Conflict(problem="the referral has arrived, or is about to be sent")
    for one in waiting:
        sending.try_again(conn, actor, handoff_id=one.id, now=now)


def take_back(conn: Connection, actor: Actor, *, referral_id: UUID, now: datetime) -> Report:
    """Puts a referred report back into our queue, without an answer; what did not arrive is not sent again.

    Raises PermissionDenied, NotFound, InvalidTransition where it was answered.
    """
    actor.require(Permission.REPORT_REFER)
    referral = store.get_referral_for_update(conn, referral_id)
    taken_back = replace(referral, state=moved(referral.state, ReferralState.TAKEN_BACK), state_at=now)
    store.update_state(conn, taken_back)
    for one in _handoffs(conn, actor, referral_id):
        if one.state in _NOT_THERE:
            sending.give_up(conn, _TAKING_BACK, handoff_id=one.id, now=now)
    report = report_store.get_report_for_update(conn, referral.report_id)
    _record(conn, actor, taken_back, now)
    return desk.stepped(conn, actor, report, ReportState.WAITING, reason="taken_back", now=now)


# --- reading ---


def list_referrals(
    conn: Connection, actor: Actor, *, states: frozenset[ReferralState] = frozenset(ReferralState), limit: int = 100
) -> list[ShownReferral]:
    """What we referred, the newest first. Raises PermissionDenied."""
    actor.require(Permission.REPORT_READ)
    return _shown(conn, actor, store.list_referrals(conn, states=states, limit=limit))


def list_of_report(conn: Connection, actor: Actor, *, keys: Keys, report_id: int) -> list[ShownReferral]:
    """To whom a report was referred, with what was written to them. Raises PermissionDenied."""
    actor.require(Permission.REPORT_WORK)
    found = _shown(conn, actor, store.list_of_report(conn, report_id))
    return [replace(one, note=_opened_note(keys, one.referral)) for one in found]


# --- for the jobs ---


def send(conn: Connection, actor: Actor, *, keys: Keys, referral_id: UUID, now: datetime) -> list[SentHandoff]:
    """Signs what was referred, in as many parts as it needs; once.

    Raises PermissionDenied, NotFound; Conflict where the party cannot be sent anything any more.
    """
    actor.require(Permission.HANDOFF_SEND)
    referral = store.get_referral_for_update(conn, referral_id)
    if referral.state is not ReferralState.SENT or store.list_parts(conn, [referral_id])[referral_id]:
        return []
    report = report_store.get_report(conn, referral.report_id)
    party = parties.party(conn, referral.party_id)
    if party.public_key is None:
        raise Conflict(problem="the party has no installation that hand-offs can be sent to")
    draft = showing.read_draft(conn, keys, replace(report, version=referral.version))
    goes = referral_contents.shared(draft, referral.shares, _found(conn, keys, report, draft))
    head, items = referral_contents.as_document(goes, _opened_note(keys, referral) or "")
    try:
        parts = in_parts(head, items)
    except ValueError as error:
        raise Conflict(problem=str(error)) from error
    sent = []
    for number, part in enumerate(parts, start=1):
        told = ReferralPart(
            referral_id=referral_id, reason=referral.reason, part=number, parts=len(parts),
            sealed=sealed_to(party.public_key, part),
        )  # fmt: skip
        one = sending.send(
            conn, actor, party_id=party.id, kind=Kind.REFERRAL, payload=told.payload(), keys=keys,
            case_number=referral.case_number, now=now,
        )  # fmt: skip
        store.add_part(conn, referral_id, number, one.id)
        sent.append(one)
    return sent


def take_answer(conn: Connection, actor: Actor, *, received_id: UUID, now: datetime) -> Referral:
    """Keeps what became of a report that we referred, once, and ends the work on it or brings it back.

    Raises PermissionDenied; NotFound where nothing of the kind was referred to that party.
    """
    actor.require(Permission.REPORT_REFER)
    received = receiving.get_received(conn, actor, received_id=received_id)
    told = ReferralAnswer.read(receiving.get_received_envelope(conn, actor, received_id=received_id).payload)
    referral = store.get_referral_for_update(conn, told.referral_id)
    if referral.party_id != received.party_id:
        raise NotFound(record="referral", key=str(told.referral_id))
    answer = Answer(
        party_id=received.party_id, referral_id=referral.id, ours=False, outcome=told.outcome, at=told.at,
        handoff_id=received_id,
    )  # fmt: skip
    if not store.add_answer(conn, answer) or referral.state is ReferralState.TAKEN_BACK:
        return referral
    before = referral.state
    referral = replace(referral, state=moved(before, state_after(told.outcome)), state_at=now)
    store.update_state(conn, referral)
    report = report_store.get_report_for_update(conn, referral.report_id)
    match referral.state, report.state:
        case ReferralState.RETURNED, ReportState.REFERRED | ReportState.DONE:
            desk.stepped(conn, actor, report, ReportState.WAITING, reason="returned", now=now)
        case ReferralState.ANSWERED, ReportState.REFERRED:
            reason = told.outcome.value
            desk.stepped(conn, actor, report, ReportState.DONE, closing=Closing.FORWARDED, reason=reason, now=now)
        case _:
            # Somebody here went on with the report meanwhile: the answer is kept beside it.
            pass
    _record(conn, actor, referral, now, outcome=told.outcome.value)
    return referral


def _record(conn: Connection, actor: Actor, referral: Referral, now: datetime, **details: object) -> None:
    audit.record(
        conn, actor, action=Permission.REPORT_REFER, record="referral", record_id=referral.id, now=now,
        report=referral.report_id, party_id=str(referral.party_id), case_number=referral.case_number,
        state=referral.state.value, **details,
    )  # fmt: skip


def _recipient(ours: InstallationKind, party: Party, now: datetime) -> Recipient:
    holds = basis_holds(party.legal_basis, now)
    may = referral_contents.may_have(ours, party.kind, basis_holds=holds)
    return Recipient(party=party, may_have=may, proposed=referral_contents.proposed(may, party.kind), has_basis=holds)


def _can_be_sent_to(party: Party) -> bool:
    return party.state.value == "known" and party.base_url is not None and party.public_key is not None


def _checked_note(note: str) -> str:
    tidy = note.replace("\r\n", "\n").strip()
    if len(tidy) > NOTE_MAX:
        raise InvalidInput(field="note", problem=f"must have at most {NOTE_MAX} characters")
    if "\0" in tidy:
        raise InvalidInput(field="note", problem="must hold letters, digits, signs and line ends only")
    return tidy


def _opened_note(keys: Keys, referral: Referral) -> str | None:
    if referral.note is None:
        return None
    return opened(secrets_of(keys).follow_up, referral.note, referral.report_id).decode()


def _found(conn: Connection, keys: Keys, report: Report, draft: ReportDraft) -> dict[int, ItemDraft]:
    """What we know better of a report's files than the report says."""
    rows = {row.position: row.file_id for row in report_store.list_items(conn, report.id) if row.file_id is not None}
    hashes = registering.open_hashes(conn, keys, set(rows.values()))
    files = {file.id: file for file in file_store.list_files(conn, set(rows.values()))}
    found = {}
    for position, file_id in rows.items():
        known = hashes.get(file_id)
        if position >= len(draft.items) or known is None:
            continue
        own = (*known.digests, *((("pdq", known.pdq),) if known.pdq is not None else ()))
        classification = files[file_id].classification
        found[position] = referral_contents.as_found(
            draft.items[position], own, None if classification is None else classification.value
        )
    return found


def _handoffs(conn: Connection, actor: Actor, referral_id: UUID) -> list[SentHandoff]:
    return sending.list_these(conn, actor, handoff_ids=store.list_parts(conn, [referral_id])[referral_id])


def _shown(conn: Connection, actor: Actor, referrals: Sequence[Referral]) -> list[ShownReferral]:
    ids = [referral.id for referral in referrals]
    parts = store.list_parts(conn, ids)
    handoffs = {
        one.id: one
        for one in sending.list_these(conn, actor, handoff_ids=[id_ for found in parts.values() for id_ in found])
    }
    answers = store.list_answers(conn, ids)
    return [
        ShownReferral(
            referral=referral,
            arrival=arrival_of([handoffs[id_].state for id_ in parts[referral.id]]),
            handoffs=[handoffs[id_] for id_ in parts[referral.id]],
            answers=[one for one in answers if one.referral_id == referral.id and not one.ours],
        )
        for referral in referrals
    ]
