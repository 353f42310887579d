"""What other installations hand to us, made into reports: a referral, and what listed material was met at a gate.

Receiving a hand-off knows nothing of reports, so a job brings it here. What cannot be read is kept as a delivery that
somebody has to mend. When the work on a referred report ends, whoever referred it is told what became of it.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.handoff.model import Kind, ReceivedHandoff
from vangnet.handoff.model.match_reports import MatchReport
from vangnet.handoff.model.referrals import ReferralAnswer, ReferralOutcome, ReferralPart, unfolded
from vangnet.handoff.service import receiving, sending
from vangnet.identity.permissions import Permission
from vangnet.identity.service import installation, parties
from vangnet.keys import Keys
from vangnet.reports.model.contents import packed
from vangnet.reports.model.deliveries import Delivery
from vangnet.reports.model.drafts import Reporter, Source
from vangnet.reports.model.referrals import OUTCOMES, Answer, ReceivedReferral
from vangnet.reports.rules.referral import contents as referral_contents
from vangnet.reports.rules.referral import match_drafts
from vangnet.reports.service.intake import deliveries
from vangnet.reports.store import deliveries as delivery_store
from vangnet.reports.store import referrals as store
from vangnet.reports.store import reports as report_store

#: The jobs that take in what arrived, deferred by `handoff.service.receiving`.
TAKE = "take_referral"
TAKE_MATCH = "take_match_report"


def take(conn: Connection, actor: Actor, *, keys: Keys, received_id: UUID, now: datetime) -> Delivery | None:
    """Makes a delivery of a referral once all of its parts are here; None before that, and afterwards.

    Raises PermissionDenied, NotFound.
    """
    actor.require(Permission.REPORT_TAKE)
    received = receiving.get_received(conn, actor, received_id=received_id)
    part = ReferralPart.read(receiving.get_received_envelope(conn, actor, received_id=received_id).payload)
    store.lock_received(conn, received.party_id, part.referral_id)
    if store.find_received(conn, received.party_id, part.referral_id) is not None:
        return None
    parts = _parts(conn, actor, received, part.referral_id)
    if len(parts) < part.parts:
        return None
    documents = [unfolded(keys.open_sealed(parts[number].sealed)) for number in sorted(parts)]
    delivery = deliveries.accept(
        conn, actor, keys=keys, source=Source.HANDOFF, content=_content(conn, received, part, documents),
        party_id=received.party_id, handoff_id=received_id, case_number=received.case_number, now=now,
    )  # fmt: skip
    store.add_received(
        conn, party_id=received.party_id, referral_id=part.referral_id, case_number=received.case_number,
        reason=part.reason, delivery_id=delivery.id, now=now,
    )  # fmt: skip
    return delivery


def take_match(conn: Connection, actor: Actor, *, keys: Keys, received_id: UUID, now: datetime) -> Delivery | None:
    """Makes a delivery of what listed material was met at a gate; None where that was done, or there is no desk here.

    Raises PermissionDenied, NotFound.
    """
    actor.require(Permission.REPORT_TAKE)
    received = receiving.get_received(conn, actor, received_id=received_id)
    ours = installation.get_installation(conn)
    if ours.kind not in referral_contents.REFERS or delivery_store.find_by_handoff(conn, received_id) is not None:
        return None
    told = MatchReport.read(receiving.get_received_envelope(conn, actor, received_id=received_id).payload)
    draft = match_drafts.draft_of(told, reporter=_reporter(conn, received.party_id), sent_at=received.sent_at)
    return deliveries.accept(
        conn, actor, keys=keys, source=Source.HANDOFF, content=packed(draft), party_id=received.party_id,
        handoff_id=received_id, case_number=received.case_number, now=now,
    )  # fmt: skip


def answer(conn: Connection, actor: Actor, *, keys: Keys, report_id: int, now: datetime) -> list[Answer]:
    """Tells whoever referred a report to us how the work on it ended, unless they were told just that.

    Raises PermissionDenied, NotFound; Conflict where the party cannot be sent anything any more.
    """
    report = report_store.get_report(conn, report_id)
    if report.closing is None:
        return []
    return tell(conn, actor, keys=keys, report_id=report_id, outcome=OUTCOMES[report.closing], now=now)


def tell(
    conn: Connection, actor: Actor, *, keys: Keys, report_id: int, outcome: ReferralOutcome, now: datetime
) -> list[Answer]:
    """The same of an outcome that came later. Raises as `answer`."""
    actor.require(Permission.REPORT_REFER)
    report_store.get_report_for_update(conn, report_id)
    told = []
    for referral in store.list_received_as(conn, report_id):
        before = [one for one in store.list_answers(conn, [referral.referral_id]) if one.ours]
        before = [one for one in before if one.party_id == referral.party_id]
        if before and before[-1].outcome is outcome:
            continue
        payload = ReferralAnswer(referral_id=referral.referral_id, outcome=outcome, at=now).payload()
        sent = sending.send(
            conn, actor, party_id=referral.party_id, kind=Kind.REFERRAL_OUTCOME, payload=payload, keys=keys,
            case_number=referral.case_number, now=now,
        )  # fmt: skip
        one = Answer(
            party_id=referral.party_id, referral_id=referral.referral_id, ours=True, outcome=outcome, at=now,
            handoff_id=sent.id,
        )  # fmt: skip
        store.add_answer(conn, one)
        told.append(one)
    return told


def list_received(conn: Connection, actor: Actor, *, limit: int = 100) -> list[tuple[ReceivedReferral, Sequence[Answer]]]:
    """What was referred to us, the newest first, each with what we answered. Raises PermissionDenied."""
    actor.require(Permission.REPORT_READ)
    found = store.list_received(conn, limit=limit)
    answers = store.list_answers(conn, [one.referral_id for one in found])
    ours: dict[tuple[UUID, UUID], list[Answer]] = {(one.party_id, one.referral_id): [] for one in found}
    for told in answers:
        if told.ours and (key := (told.party_id, told.referral_id)) in ours:
            ours[key].append(told)
    return [(one, ours[one.party_id, one.referral_id]) for one in found]


def _parts(conn: Connection, actor: Actor, received: ReceivedHandoff, referral_id: UUID) -> dict[int, ReferralPart]:
    """The parts of a referral that are here, by their number."""
    found: dict[int, ReferralPart] = {}
    for one in receiving.list_received_of_case(
        conn, actor, party_id=received.party_id, case_number=received.case_number, kind=Kind.REFERRAL
    ):
        part = ReferralPart.read(receiving.get_received_envelope(conn, actor, received_id=one.id).payload)
        if part.referral_id == referral_id:
            found.setdefault(part.part, part)
    return found


def _content(
    conn: Connection, received: ReceivedHandoff, part: ReferralPart, documents: Sequence[Mapping[str, Any]]
) -> bytes:
    """What is read later. A report that is not one as we know it is kept as it came, to be mended."""
    try:
        draft = referral_contents.from_document(
            documents, reporter=_reporter(conn, received.party_id), case_number=received.case_number, reason=part.reason,
            sent_at=received.sent_at,
        )  # fmt: skip
    except ValueError:
        return json.dumps(documents, ensure_ascii=False).encode()
    return packed(draft)


def _reporter(conn: Connection, party_id: UUID) -> Reporter:
    party = parties.party(conn, party_id)
    return Reporter(kind=deliveries.reporter_kind_of(party.kind), name=party.name)
