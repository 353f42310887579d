"""Taking what other installations hand to us: each envelope once, however often it is sent.

The signature is the credential. An envelope that was taken before gets the same receipt again, without a second effect and
whatever became of its sender since: it is only told what it was told before.
"""

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from vangnet.audit import service as audit
from vangnet.audit.model import Actor, ActorKind
from vangnet.db import Connection, defer
from vangnet.errors import Conflict, HandoffRefused, TooManyAttempts
from vangnet.handoff import store
from vangnet.handoff.model import Envelope, Kind, Outcome, Receipt, ReceivedHandoff, Refusal, SignedEnvelope
from vangnet.handoff.model.disputes import RegistryDispute, RegistryDisputeAnswer
from vangnet.handoff.model.envelopes import read_signed_envelope, require_fresh, require_signature
from vangnet.handoff.model.match_reports import MatchReport
from vangnet.handoff.model.payloads import Introduction, TestMessage
from vangnet.handoff.model.referrals import ReferralAnswer, ReferralPart, unfolded
from vangnet.identity.model import InstallationKind, Party, PartyKind, PartyState
from vangnet.identity.model.attempts import AttemptKind
from vangnet.identity.permissions import Permission
from vangnet.identity.service import attempts, installation, parties
from vangnet.keys import Keys, fingerprint

#: Somebody whom nobody here accepted yet may introduce itself so often a day; each one is kept.
INTRODUCTIONS_A_DAY = 5


def receive(conn: Connection, *, signed: SignedEnvelope, client_address: str, keys: Keys, now: datetime) -> bytes:
    """Takes an envelope, unless it was taken before, and returns our signed receipt.

    `client_address` is where it comes from; unknown parties that introduce themselves are counted by it. Raises
    HandoffRefused, TooManyAttempts where they do so too often, or too many of them wait to be accepted.
    """
    require_signature(signed, recipient=keys.public_key)
    store.lock_envelope(conn, signed.envelope)
    known = store.find_receipt(conn, sender=signed.envelope.sender, envelope_id=signed.envelope.id)
    if known is not None:
        sha256, receipt = known
        if sha256 != signed.envelope.sha256:
            raise HandoffRefused(reason=Refusal.ID_REUSED, problem="its id was taken before, with other content")
        return receipt
    actor = recognise(conn, signed.envelope, client_address=client_address, now=now)
    return take(conn, actor, signed=signed, keys=keys, now=now)


def recognise(conn: Connection, envelope: Envelope, *, client_address: str, now: datetime) -> Actor:
    """Who hands this over, once the signature is verified: the actor's id is that of a party we know.

    Somebody unknown can only introduce themselves, and is named by the fingerprint of their key. Raises HandoffRefused,
    TooManyAttempts.
    """
    party = parties.find_party_by_public_key(conn, envelope.sender)
    if party is None or party.state is PartyState.PROPOSED:
        if envelope.kind is not Kind.INTRODUCTION:
            raise _stranger(party)
        counted = [attempts.from_address(AttemptKind.INTRODUCTION, client_address)]
        attempts.begin(conn, counted, now=now)
        # Whether anything comes of it or not; what is refused is rolled back, and was cheap.
        attempts.failed(conn, counted, now=now)
        return _actor(f"key {fingerprint(envelope.sender)}")
    return _actor(str(party.id))


def take(conn: Connection, actor: Actor, *, signed: SignedEnvelope, keys: Keys, now: datetime) -> bytes:
    """Takes an envelope that is new here: acts on it, keeps it, and returns our signed receipt. Raises HandoffRefused."""
    actor.require(Permission.HANDOFF_RECEIVE)
    envelope = signed.envelope
    require_fresh(envelope, now)
    if envelope.kind is Kind.REFERRAL:
        _require_readable(envelope, keys)
    party, outcome = _HANDLERS[envelope.kind](conn, actor, envelope, now)
    receipt = Receipt(envelope_id=envelope.id, envelope_sha256=envelope.sha256, received_at=now, outcome=outcome).signed(
        keys.sign
    )
    received = ReceivedHandoff(
        id=uuid.uuid4(),
        party_id=party.id,
        sender=envelope.sender,
        envelope_id=envelope.id,
        case_number=envelope.case_number,
        kind=envelope.kind,
        sent_at=envelope.sent_at,
        received_at=now,
        outcome=outcome,
    )
    store.add_received(conn, received, signed=signed, receipt=receipt)
    if envelope.kind in _TAKEN_ON:
        defer(conn, _TAKEN_ON[envelope.kind], received_id=str(received.id))
    audit.record(
        conn,
        actor,
        action=Permission.HANDOFF_RECEIVE,
        record="handoff",
        record_id=received.id,
        now=now,
        party_id=str(party.id),
        envelope_id=str(envelope.id),
        case_number=envelope.case_number,
        kind=envelope.kind.value,
        outcome=outcome.value,
    )
    return receipt


# --- reading ---


def list_received(
    conn: Connection,
    actor: Actor,
    *,
    party_id: UUID | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int = 100,
) -> list[ReceivedHandoff]:
    """What we took, the newest first; `before` is the time of receipt and id of the last one seen."""
    actor.require(Permission.HANDOFF_READ)
    return store.list_received(conn, party_id=party_id, before=before, limit=limit)


def get_received(conn: Connection, actor: Actor, *, received_id: UUID) -> ReceivedHandoff:
    """One hand-off that we took. Raises NotFound."""
    actor.require(Permission.HANDOFF_READ)
    return store.get_received(conn, received_id)


def get_received_envelope(conn: Connection, actor: Actor, *, received_id: UUID) -> Envelope:
    """What was in it. Raises NotFound."""
    actor.require(Permission.HANDOFF_READ)
    return read_signed_envelope(store.get_received_body(conn, received_id)).envelope


def list_received_of_case(
    conn: Connection, actor: Actor, *, party_id: UUID, case_number: str, kind: Kind
) -> list[ReceivedHandoff]:
    """What a party handed to us of one kind under one case number, the first one first."""
    actor.require(Permission.HANDOFF_READ)
    return store.list_received_of_case(conn, party_id=party_id, case_number=case_number, kind=kind)


# --- what each kind brings about ---


def _take_introduction(conn: Connection, actor: Actor, envelope: Envelope, now: datetime) -> tuple[Party, Outcome]:
    introduction = Introduction.read(envelope.payload)
    known = parties.find_party_by_public_key(conn, envelope.sender)
    if known is not None and known.state is PartyState.KNOWN:
        return known, Outcome.TAKEN
    if store.count_received(conn, sender=envelope.sender, since=now - timedelta(days=1)) >= INTRODUCTIONS_A_DAY:
        raise TooManyAttempts(retry_after_s=3600)
    try:
        party = parties.introduce(
            conn,
            actor,
            name=introduction.name,
            kind=PartyKind(introduction.kind.value),
            base_url=introduction.base_url,
            public_key=envelope.sender,
            now=now,
        )
    except Conflict:
        # So many unknown parties wait already that nobody could be looking; somebody who is asked to come back can.
        raise TooManyAttempts(retry_after_s=3600) from None
    return party, Outcome.AWAITS_PERSON


def _take_test_message(conn: Connection, actor: Actor, envelope: Envelope, now: datetime) -> tuple[Party, Outcome]:
    del now  # The message is shown from the envelope; nothing else comes of it.
    TestMessage.read(envelope.payload)
    return parties.party(conn, UUID(actor.id)), Outcome.TAKEN


def _take_match_report(conn: Connection, actor: Actor, envelope: Envelope, now: datetime) -> tuple[Party, Outcome]:
    del now  # It is kept and shown as it came; where there is a desk, a job makes a report of it.
    MatchReport.read(envelope.payload)
    return parties.party(conn, UUID(actor.id)), Outcome.TAKEN


def _take_registry_dispute(conn: Connection, actor: Actor, envelope: Envelope, now: datetime) -> tuple[Party, Outcome]:
    del now  # A job takes it to the registry, which lies above this package.
    RegistryDispute.read(envelope.payload)
    return parties.party(conn, UUID(actor.id)), Outcome.AWAITS_PERSON


def _take_registry_dispute_answer(
    conn: Connection, actor: Actor, envelope: Envelope, now: datetime
) -> tuple[Party, Outcome]:
    del now  # As above.
    RegistryDisputeAnswer.read(envelope.payload)
    return parties.party(conn, UUID(actor.id)), Outcome.TAKEN


def _take_referral(conn: Connection, actor: Actor, envelope: Envelope, now: datetime) -> tuple[Party, Outcome]:
    del envelope, now  # It was found readable; a job takes it to the reports, which lie above this package.
    ours = installation.find_installation(conn)
    if ours is None or ours.kind not in {InstallationKind.HOTLINE, InstallationKind.POLICE}:
        raise HandoffRefused(reason=Refusal.UNKNOWN_KIND, problem="this installation takes no reports")
    return parties.party(conn, UUID(actor.id)), Outcome.AWAITS_PERSON


def _take_referral_outcome(conn: Connection, actor: Actor, envelope: Envelope, now: datetime) -> tuple[Party, Outcome]:
    del now  # As above.
    ReferralAnswer.read(envelope.payload)
    return parties.party(conn, UUID(actor.id)), Outcome.TAKEN


def _require_readable(envelope: Envelope, keys: Keys) -> None:
    """Whoever refers a report hears at once that it cannot be opened here, and not never."""
    part = ReferralPart.read(envelope.payload)
    try:
        unfolded(keys.open_sealed(part.sealed))
    except ValueError as error:
        raise HandoffRefused(reason=Refusal.BAD_PAYLOAD, problem=str(error)) from None


_Handler = Callable[[Connection, Actor, Envelope, datetime], tuple[Party, Outcome]]
_HANDLERS: Mapping[Kind, _Handler] = {
    Kind.INTRODUCTION: _take_introduction,
    Kind.MATCH_REPORT: _take_match_report,
    Kind.REFERRAL: _take_referral,
    Kind.REFERRAL_OUTCOME: _take_referral_outcome,
    Kind.REGISTRY_DISPUTE: _take_registry_dispute,
    Kind.REGISTRY_DISPUTE_ANSWER: _take_registry_dispute_answer,
    Kind.TEST_MESSAGE: _take_test_message,
}


#: The jobs by which packages above this one take in what arrived; declared in `vangnet.jobs.tasks`.
_TAKEN_ON: Mapping[Kind, str] = {
    Kind.MATCH_REPORT: "take_match_report",
    Kind.REFERRAL: "take_referral",
    Kind.REFERRAL_OUTCOME: "take_referral_outcome",
    Kind.REGISTRY_DISPUTE: "take_registry_dispute",
    Kind.REGISTRY_DISPUTE_ANSWER: "take_registry_dispute_answer",
}


def _stranger(party: Party | None) -> HandoffRefused:
    if party is None:
        return HandoffRefused(reason=Refusal.UNKNOWN_SENDER, problem="its sender is not a party that is known here")
    return HandoffRefused(reason=Refusal.NOT_ACCEPTED_YET, problem="its sender was not accepted here yet")


def _actor(actor_id: str) -> Actor:
    return Actor(kind=ActorKind.PARTY, id=actor_id, permissions=frozenset({Permission.HANDOFF_RECEIVE}))
