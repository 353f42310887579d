"""Taking hand-offs: who may hand what to us, and that nothing is taken twice."""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from vangnet.audit.model import Actor, ActorKind
from vangnet.db import Connection
from vangnet.errors import HandoffRefused, NotFound, PermissionDenied, TooManyAttempts
from vangnet.handoff.model import Envelope, Kind, Outcome, Receipt, Refusal, SignedEnvelope
from vangnet.handoff.model.envelopes import CLOCK_SKEW, sign_envelope
from vangnet.handoff.model.handoffs import TAKEN_FOR
from vangnet.handoff.model.receipts import read_receipt
from vangnet.handoff.service import receiving
from vangnet.identity.model import Party, PartyKind, PartyState
from vangnet.identity.model.attempts import LIMITS, AttemptKind
from vangnet.identity.model.parties import MOST_OPEN_PROPOSALS
from vangnet.identity.permissions import Permission
from vangnet.identity.service import parties
from vangnet.keys import Keys, fingerprint

INTRODUCTION = {"base_url": "https://meldpunt.example", "kind": "hotline", "name": "Meldpunt Voorbeeld"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """Our installation, as one that is handed things, and the keys of another one."""

    conn: Connection
    administrator: Actor
    ours: Keys
    theirs: Keys
    now: datetime
    folder: Path

    def knows(self, keys: Keys) -> Party:
        """Whoever has these keys is a party we know."""
        return parties.add(
            self.conn, self.administrator, name="Meldpunt", kind=PartyKind.HOTLINE, public_key=keys.public_key, now=self.now
        )

    def others(self, name: str) -> Keys:
        """The keys of yet another installation."""
        return Keys.open(self.folder / name)

    def signed(self, *, by: Keys | None = None, **changes: Any) -> SignedEnvelope:
        """An envelope for us, with changes."""
        keys = by or self.theirs
        envelope = Envelope(
            id=uuid.uuid4(),
            case_number="VN-2026-7K3F-9QXM",
            kind=Kind.TEST_MESSAGE,
            sender=keys.public_key,
            recipient=self.ours.public_key,
            sent_at=self.now,
            payload={"text": "hallo"},
        )
        return sign_envelope(replace(envelope, **changes), keys.sign)

    def introduction(self, *, by: Keys | None = None, **changes: Any) -> SignedEnvelope:
        """An introduction for us."""
        return self.signed(by=by, kind=Kind.INTRODUCTION, payload=INTRODUCTION | changes)

    def receive(self, signed: SignedEnvelope, *, at: datetime | None = None, address: str = "192.0.2.1") -> bytes:
        """Takes it as the edge does: in a transaction that is rolled back when it is refused."""
        with self.conn.transaction():
            return receiving.receive(self.conn, signed=signed, client_address=address, keys=self.ours, now=at or self.now)

    def receipt(self, signed: SignedEnvelope) -> Receipt:
        """Takes it and reads our receipt as they do."""
        return read_receipt(self.receive(signed), envelope=signed.envelope)

    def refusal(self, signed: SignedEnvelope) -> Refusal:
        """Why it is refused. Fails if it is not, or if anything was kept of it."""
        before = len(self.taken())
        with pytest.raises(HandoffRefused) as refused:
            self.receive(signed)
        assert len(self.taken()) == before
        return Refusal(refused.value.reason)

    def taken(self) -> list[tuple[str, str]]:
        """The actor and record of the event of everything that was taken; checked against what is kept."""
        events = self.events("handoff")
        kept = receiving.list_received(self.conn, self.administrator)
        assert sorted(record_id for _, record_id in events) == sorted(str(one.id) for one in kept)
        return events

    def events(self, record: str) -> list[tuple[str, str]]:
        """The actor and record of every event of handing us something."""
        rows = self.conn.execute(
            "SELECT actor_kind, actor_id, record_id FROM audit_event WHERE action = %s AND record = %s ORDER BY id",
            [Permission.HANDOFF_RECEIVE, record],
        )
        return [(f"{kind}:{id_}", record_id) for kind, id_, record_id in rows]

    def party(self, keys: Keys) -> Party:
        """The party with these keys."""
        found = parties.find_party_by_public_key(self.conn, keys.public_key)
        assert found is not None
        return found


@pytest.fixture
def intake(conn: Connection, administrator: Actor, keys: Keys, now: datetime, tmp_path: Path) -> Intake:
    theirs = Keys.open(tmp_path / "theirs")
    return Intake(conn=conn, administrator=administrator, ours=keys, theirs=theirs, now=now, folder=tmp_path)


# --- what is taken ------------------------------------------------------------------------------------------------


def test_a_message_of_a_known_party_is_taken_kept_receipted_and_audited_once(intake: Intake) -> None:
    party, sent = intake.knows(intake.theirs), intake.signed()
    receipt = intake.receipt(sent)
    assert (receipt.outcome, receipt.received_at) == (Outcome.TAKEN, intake.now)
    [kept] = receiving.list_received(intake.conn, intake.administrator)
    assert (kept.party_id, kept.envelope_id, kept.case_number) == (party.id, sent.envelope.id, "VN-2026-7K3F-9QXM")
    assert receiving.get_received_envelope(intake.conn, intake.administrator, received_id=kept.id) == sent.envelope
    assert intake.taken() == [(f"{ActorKind.PARTY}:{party.id}", str(kept.id))]


def test_no_word_of_a_hand_off_gets_into_the_trail(intake: Intake) -> None:
    intake.knows(intake.theirs)
    intake.receive(intake.signed(payload={"text": "kanarievogel"}))
    rows = intake.conn.execute("SELECT details::text FROM audit_event").fetchall()
    assert "kanarievogel" not in repr(rows)


def test_the_same_envelope_again_gets_the_same_receipt_and_has_no_second_effect(intake: Intake) -> None:
    intake.knows(intake.theirs)
    sent = intake.signed()
    first = intake.receive(sent)
    assert intake.receive(sent, at=intake.now + timedelta(hours=1)) == first
    assert len(intake.taken()) == 1


def test_what_was_taken_gets_its_receipt_also_when_it_is_old_by_now_and_its_sender_has_ended(intake: Intake) -> None:
    party, sent = intake.knows(intake.theirs), intake.signed()
    first = intake.receive(sent)
    parties.end(intake.conn, intake.administrator, party_id=party.id, now=intake.now)
    assert intake.receive(sent, at=intake.now + 2 * TAKEN_FOR) == first


def test_two_senders_may_use_the_same_id(intake: Intake) -> None:
    intake.knows(intake.theirs)
    intake.knows(intake.others("police"))
    one = uuid.uuid4()
    intake.receive(intake.signed(id=one))
    intake.receive(intake.signed(by=intake.others("police"), id=one))
    assert len(intake.taken()) == 2


# --- what is refused ----------------------------------------------------------------------------------------------


def test_an_id_that_was_taken_with_other_content_is_refused(intake: Intake) -> None:
    intake.knows(intake.theirs)
    one = uuid.uuid4()
    intake.receive(intake.signed(id=one))
    assert intake.refusal(intake.signed(id=one, payload={"text": "something else"})) is Refusal.ID_REUSED


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"recipient": b"\x07" * 32}, Refusal.WRONG_RECIPIENT),
        ({"sender": b"\x07" * 32}, Refusal.BAD_SIGNATURE),
        ({"payload": {"name": "x"}}, Refusal.BAD_PAYLOAD),
        ({"kind": Kind.INTRODUCTION}, Refusal.BAD_PAYLOAD),
    ],
)
def test_a_known_party_is_refused_what_is_not_right(intake: Intake, changes: dict[str, Any], reason: Refusal) -> None:
    intake.knows(intake.theirs)
    assert intake.refusal(intake.signed(**changes)) is reason


def test_a_message_signed_by_somebody_else_in_the_name_of_a_known_party_is_refused(intake: Intake) -> None:
    intake.knows(intake.theirs)
    forged = intake.signed(by=intake.others("forger"), sender=intake.theirs.public_key)
    assert intake.refusal(forged) is Refusal.BAD_SIGNATURE


@pytest.mark.parametrize(
    ("age", "reason"),
    [(TAKEN_FOR + timedelta(seconds=1), Refusal.TOO_OLD), (-CLOCK_SKEW - timedelta(seconds=1), Refusal.CLOCK_SKEW)],
)
def test_what_is_new_here_must_be_neither_old_nor_from_the_future(intake: Intake, age: timedelta, reason: Refusal) -> None:
    intake.knows(intake.theirs)
    assert intake.refusal(intake.signed(sent_at=intake.now - age)) is reason


@pytest.mark.parametrize("age", [TAKEN_FOR - timedelta(seconds=1), -CLOCK_SKEW + timedelta(seconds=1)])
def test_what_is_new_here_is_taken_up_to_the_limits(intake: Intake, age: timedelta) -> None:
    intake.knows(intake.theirs)
    intake.receive(intake.signed(sent_at=intake.now - age))


def test_a_message_of_somebody_unknown_is_refused(intake: Intake) -> None:
    assert intake.refusal(intake.signed()) is Refusal.UNKNOWN_SENDER


def test_a_message_of_a_party_that_has_ended_is_refused(intake: Intake) -> None:
    party = intake.knows(intake.theirs)
    parties.end(intake.conn, intake.administrator, party_id=party.id, now=intake.now)
    assert intake.refusal(intake.signed()) is Refusal.UNKNOWN_SENDER


def test_a_message_is_refused_until_its_sender_is_accepted(intake: Intake) -> None:
    intake.receive(intake.introduction())
    message = intake.signed()
    assert intake.refusal(message) is Refusal.NOT_ACCEPTED_YET
    parties.accept(
        intake.conn,
        intake.administrator,
        party_id=intake.party(intake.theirs).id,
        fingerprint=fingerprint(intake.theirs.public_key),
        now=intake.now,
    )
    intake.receive(message)


def test_taking_needs_its_permission(intake: Intake) -> None:
    intake.knows(intake.theirs)
    nobody = Actor(kind=ActorKind.PARTY, id="1")
    with pytest.raises(PermissionDenied):
        receiving.take(intake.conn, nobody, signed=intake.signed(), keys=intake.ours, now=intake.now)


# --- introductions ------------------------------------------------------------------------------------------------


def test_an_introduction_makes_a_proposed_party_and_says_that_a_person_decides(intake: Intake) -> None:
    assert intake.receipt(intake.introduction()).outcome is Outcome.AWAITS_PERSON
    party = intake.party(intake.theirs)
    assert (party.state, party.name, party.kind, party.base_url) == (
        PartyState.PROPOSED, "Meldpunt Voorbeeld", PartyKind.HOTLINE, "https://meldpunt.example",
    )  # fmt: skip
    by_key = f"{ActorKind.PARTY}:key {fingerprint(intake.theirs.public_key)}"
    assert [actor for actor, _ in intake.taken()] == [by_key]
    assert intake.events("party") == [], "one deed, one event: that of the hand-off, which names the party"


def test_an_introduction_of_a_known_party_changes_nothing(intake: Intake) -> None:
    party = intake.knows(intake.theirs)
    assert intake.receipt(intake.introduction()).outcome is Outcome.TAKEN
    assert intake.party(intake.theirs) == party


def test_an_introduction_that_is_repeated_proposes_one_party(intake: Intake) -> None:
    sent = intake.introduction()
    assert intake.receive(sent) == intake.receive(sent)
    party = intake.party(intake.theirs)
    intake.receive(intake.introduction(name="Meldpunt, nieuwe naam"))
    assert (intake.party(intake.theirs).id, intake.party(intake.theirs).name) == (party.id, "Meldpunt, nieuwe naam")


def test_an_introduction_with_an_address_that_may_not_be_used_is_refused(intake: Intake) -> None:
    assert intake.refusal(intake.introduction(base_url="http://meldpunt.example")) is Refusal.BAD_PAYLOAD


def test_somebody_unknown_can_introduce_themselves_only_so_often_a_day(intake: Intake) -> None:
    for number in range(receiving.INTRODUCTIONS_A_DAY):
        intake.receive(intake.introduction(), address=f"192.0.2.{number}")
    late = intake.introduction()
    with pytest.raises(TooManyAttempts):
        intake.receive(late, address="198.51.100.1")
    intake.receive(late, address="198.51.100.1", at=intake.now + timedelta(days=1, seconds=1))


def test_from_one_address_only_few_unknown_parties_can_introduce_themselves(intake: Intake) -> None:
    for number in range(LIMITS[AttemptKind.INTRODUCTION].free):
        intake.receive(intake.introduction(by=intake.others(f"{number}")))
    with pytest.raises(TooManyAttempts) as refused:
        intake.receive(intake.introduction())
    intake.receive(intake.introduction(by=intake.others("elsewhere")), address="198.51.100.1")
    intake.receive(intake.introduction(), at=intake.now + timedelta(seconds=refused.value.retry_after_s))


def test_when_many_unknown_parties_wait_no_more_are_taken(intake: Intake) -> None:
    for number in range(MOST_OPEN_PROPOSALS):
        intake.receive(intake.introduction(by=intake.others(f"{number}")), address=f"192.0.2.{number}")
    with pytest.raises(TooManyAttempts):
        intake.receive(intake.introduction(), address="198.51.100.1")


# --- reading ------------------------------------------------------------------------------------------------------


def test_what_was_taken_is_listed_newest_first_and_goes_on_where_it_ended(intake: Intake) -> None:
    intake.knows(intake.theirs)
    for minute in range(3):
        intake.receive(intake.signed(), at=intake.now + timedelta(minutes=minute))
    conn, actor = intake.conn, intake.administrator
    first = receiving.list_received(conn, actor, limit=2)
    assert [one.received_at - intake.now for one in first] == [timedelta(minutes=2), timedelta(minutes=1)]
    rest = receiving.list_received(conn, actor, before=(first[-1].received_at, first[-1].id))
    assert [one.received_at for one in rest] == [intake.now]
    assert receiving.list_received(conn, actor, party_id=uuid.uuid4()) == []


def test_reading_needs_its_permission_and_a_record(conn: Connection, administrator: Actor) -> None:
    nobody = Actor(kind=ActorKind.PERSON, id="1")
    with pytest.raises(PermissionDenied):
        receiving.list_received(conn, nobody)
    for read in (receiving.get_received, receiving.get_received_envelope):
        with pytest.raises(PermissionDenied):
            read(conn, nobody, received_id=uuid.uuid4())
        with pytest.raises(NotFound):
            read(conn, administrator, received_id=uuid.uuid4())


def test_every_kind_is_acted_upon() -> None:
    assert set(receiving._HANDLERS) == set(Kind)
