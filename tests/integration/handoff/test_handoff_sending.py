"""Sending hand-offs: what is signed, and what becomes of it."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from vangnet.audit.model import Actor, ActorKind
from vangnet.db import Connection
from vangnet.errors import Conflict, InvalidInput, InvalidTransition, NotFound, PartnerRefused, PermissionDenied
from vangnet.handoff.model import Kind, Outcome, Receipt, Refusal, SentHandoff, SentState
from vangnet.handoff.model.case_numbers import is_case_number
from vangnet.handoff.model.envelopes import read_signed_envelope, require_signature
from vangnet.handoff.model.handoffs import TAKEN_FOR, TRIED_FOR
from vangnet.handoff.service import sending
from vangnet.identity.model import InstallationKind, Language, Party, PartyKind
from vangnet.identity.permissions import Permission
from vangnet.identity.service import installation, parties
from vangnet.keys import Keys

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Our installation, as one that hands something to a party it knows."""

    conn: Connection
    actor: Actor
    ours: Keys
    theirs: Keys
    party: Party
    now: datetime

    def send(self, text: str = "hallo") -> SentHandoff:
        """Sends a test message."""
        return sending.send_test_message(
            self.conn, self.actor, party_id=self.party.id, text=text, keys=self.ours, now=self.now
        )

    def jobs(self) -> list[tuple[str, str]]:
        """The task and lock of every job there is, in order."""
        return self.conn.execute("SELECT task_name, lock FROM procrastinate_jobs ORDER BY id").fetchall()

    def receipt(self, sent: SentHandoff, *, by: Keys | None = None, outcome: Outcome = Outcome.TAKEN) -> bytes:
        """The recipient's receipt for it."""
        envelope = sending.get_sent_envelope(self.conn, self.actor, handoff_id=sent.id)
        receipt = Receipt(envelope_id=envelope.id, envelope_sha256=envelope.sha256, received_at=self.now, outcome=outcome)
        return receipt.signed((by or self.theirs).sign)

    def events(self) -> list[str]:
        """The state that each event of sending names."""
        rows = self.conn.execute(
            "SELECT details->>'state' FROM audit_event WHERE action = 'handoff:send' AND record = 'handoff' ORDER BY id"
        )
        return [state for (state,) in rows]


@pytest.fixture
def desk(conn: Connection, administrator: Actor, keys: Keys, now: datetime, tmp_path: Path) -> Desk:
    theirs = Keys.open(tmp_path / "theirs")
    party = parties.add(
        conn, administrator, name="Politie", kind=PartyKind.POLICE, base_url="https://politie.example",
        public_key=theirs.public_key, now=now,
    )  # fmt: skip
    return Desk(conn=conn, actor=administrator, ours=keys, theirs=theirs, party=party, now=now)


def test_what_is_sent_is_signed_kept_and_deferred_and_leaves_one_event(desk: Desk) -> None:
    sent = desk.send()
    assert (sent.state, sent.tries, sent.party_id, sent.kind) == (SentState.WAITING, 0, desk.party.id, Kind.TEST_MESSAGE)
    assert is_case_number(sent.case_number)
    delivery = sending.due(desk.conn, desk.actor, handoff_id=sent.id, now=desk.now)
    assert delivery is not None
    assert delivery.base_url == "https://politie.example"
    require_signature(read_signed_envelope(delivery.body), recipient=desk.theirs.public_key)
    assert desk.jobs() == [("deliver_handoff", f"handoff {desk.party.id}")]
    assert desk.events() == ["waiting"]


def test_the_bytes_are_the_same_at_every_try(desk: Desk) -> None:
    sent = desk.send()
    first = sending.due(desk.conn, desk.actor, handoff_id=sent.id, now=desk.now)
    sending.no_answer(
        desk.conn, desk.actor, handoff_id=sent.id, problem="partner_unreachable", next_try_at=desk.now + HOUR, now=desk.now
    )
    second = sending.due(desk.conn, desk.actor, handoff_id=sent.id, now=desk.now + HOUR)
    assert first is not None
    assert second is not None
    assert (first.body, first.tries, second.tries) == (second.body, 0, 1)


def test_each_handoff_gets_a_case_number_of_its_own_unless_one_is_given(desk: Desk) -> None:
    first = desk.send()
    again = sending.send(
        desk.conn, desk.actor, party_id=desk.party.id, kind=Kind.TEST_MESSAGE, payload={"text": "meer"}, keys=desk.ours,
        case_number=first.case_number, now=desk.now,
    )  # fmt: skip
    assert again.case_number == first.case_number != desk.send().case_number
    with pytest.raises(InvalidInput, match="case_number"):
        sending.send(
            desk.conn, desk.actor, party_id=desk.party.id, kind=Kind.TEST_MESSAGE, payload={}, keys=desk.ours,
            case_number="case 7", now=desk.now,
        )  # fmt: skip


def test_an_introduction_says_who_we_are(desk: Desk) -> None:
    installation.set_up(
        desk.conn, desk.actor, kind=InstallationKind.HOTLINE, party_name="Meldpunt", language=Language.NL, now=desk.now
    )
    sent = sending.introduce(
        desk.conn, desk.actor, party_id=desk.party.id, base_url="https://meldpunt.example", keys=desk.ours, now=desk.now
    )
    envelope = sending.get_sent_envelope(desk.conn, desk.actor, handoff_id=sent.id)
    assert (envelope.kind, envelope.payload) == (
        Kind.INTRODUCTION, {"base_url": "https://meldpunt.example", "kind": "hotline", "name": "Meldpunt"},
    )  # fmt: skip


# --- what is not sent ---------------------------------------------------------------------------------------------


def test_nothing_is_sent_to_a_party_without_an_installation_or_that_has_our_own_key(desk: Desk) -> None:
    for number, (base_url, key) in enumerate(
        [(None, b"\x01" * 32), ("https://a.example", None), ("https://a.example", desk.ours.public_key)]
    ):
        party = parties.add(
            desk.conn,
            desk.actor,
            name=f"P{number}",
            kind=PartyKind.PARTNER,
            base_url=base_url,
            public_key=key,
            now=desk.now,
        )
        with pytest.raises(Conflict):
            sending.send_test_message(desk.conn, desk.actor, party_id=party.id, text="hallo", keys=desk.ours, now=desk.now)
    assert desk.jobs() == []


def test_nothing_is_sent_to_a_party_that_is_not_known_any_more(desk: Desk) -> None:
    parties.end(desk.conn, desk.actor, party_id=desk.party.id, now=desk.now)
    with pytest.raises(Conflict):
        desk.send()
    with pytest.raises(NotFound):
        sending.send_test_message(desk.conn, desk.actor, party_id=uuid.uuid4(), text="hallo", keys=desk.ours, now=desk.now)


@pytest.mark.parametrize("text", ["", "x" * 1001])
def test_a_message_that_would_be_refused_there_is_not_sent(desk: Desk, text: str) -> None:
    with pytest.raises(InvalidInput, match="text"):
        desk.send(text)


def test_what_waits_for_a_party_that_ended_is_not_sent_any_more(desk: Desk) -> None:
    sent = desk.send()
    parties.end(desk.conn, desk.actor, party_id=desk.party.id, now=desk.now)
    assert sending.due(desk.conn, desk.actor, handoff_id=sent.id, now=desk.now) is None
    kept = sending.get_sent(desk.conn, desk.actor, handoff_id=sent.id)
    assert (kept.state, kept.problem, kept.tries) == (SentState.REFUSED, Refusal.RECIPIENT_ENDED, 0)
    assert desk.events() == ["waiting", "refused"]


# --- what comes back ----------------------------------------------------------------------------------------------


def test_a_receipt_acknowledges_once(desk: Desk) -> None:
    sent = desk.send()
    receipt = desk.receipt(sent, outcome=Outcome.AWAITS_PERSON)
    for _ in range(2):
        kept = sending.acknowledge(desk.conn, desk.actor, handoff_id=sent.id, receipt=receipt, now=desk.now + HOUR)
    assert (kept.state, kept.state_at, kept.outcome, kept.tries, kept.next_try_at) == (
        SentState.ACKNOWLEDGED, desk.now + HOUR, Outcome.AWAITS_PERSON, 1, None,
    )  # fmt: skip
    assert desk.events() == ["waiting", "acknowledged"]
    assert sending.due(desk.conn, desk.actor, handoff_id=sent.id, now=desk.now) is None


def test_a_receipt_by_anybody_else_or_for_anything_else_does_not_count(desk: Desk) -> None:
    sent, other = desk.send(), desk.send()
    for receipt in (desk.receipt(sent, by=desk.ours), desk.receipt(other), b"", b"{}"):
        with pytest.raises(PartnerRefused, match="receipt does not count"):
            sending.acknowledge(desk.conn, desk.actor, handoff_id=sent.id, receipt=receipt, now=desk.now)
    assert sending.get_sent(desk.conn, desk.actor, handoff_id=sent.id).state is SentState.WAITING


def test_a_refusal_is_kept_with_its_reason_and_a_person_can_have_it_sent_again(desk: Desk) -> None:
    sent = desk.send()
    refused = sending.refuse(
        desk.conn, desk.actor, handoff_id=sent.id, reason=Refusal.NOT_ACCEPTED_YET, now=desk.now + HOUR
    )
    assert (refused.state, refused.problem, refused.tries) == (SentState.REFUSED, "not_accepted_yet", 1)
    again = sending.try_again(desk.conn, desk.actor, handoff_id=sent.id, now=desk.now + 2 * HOUR)
    assert (again.state, again.state_at, again.problem) == (SentState.WAITING, desk.now + 2 * HOUR, None)
    assert desk.events() == ["waiting", "refused", "waiting"]


def test_trying_ends_after_days_and_what_has_no_receipt_stays_seen(desk: Desk) -> None:
    sent = desk.send()
    last = desk.now + TRIED_FOR
    kept = _unanswered(desk, sent, next_try_at=last, now=last - HOUR)
    assert (kept.state, kept.tries, kept.next_try_at) == (SentState.WAITING, 1, last)
    kept = _unanswered(desk, sent, next_try_at=last + HOUR, now=last)
    assert (kept.state, kept.state_at, kept.next_try_at) == (SentState.UNACKNOWLEDGED, last, None)
    assert sending.list_without_receipt(desk.conn, desk.actor) == [kept]
    assert sending.due(desk.conn, desk.actor, handoff_id=sent.id, now=last) is None
    assert desk.events() == ["waiting", "waiting", "unacknowledged"]


def test_a_try_that_failed_late_does_not_undo_a_receipt(desk: Desk) -> None:
    sent = desk.send()
    sending.acknowledge(desk.conn, desk.actor, handoff_id=sent.id, receipt=desk.receipt(sent), now=desk.now)
    assert _unanswered(desk, sent, next_try_at=desk.now + HOUR, now=desk.now).state is SentState.ACKNOWLEDGED
    with pytest.raises(InvalidTransition):
        sending.refuse(desk.conn, desk.actor, handoff_id=sent.id, reason=Refusal.TOO_OLD, now=desk.now)


def test_trying_again_never_lasts_longer_than_the_envelope_is_taken(desk: Desk) -> None:
    sent = desk.send()
    later = desk.now + TAKEN_FOR - timedelta(days=1)
    again = sending.try_again(desk.conn, desk.actor, handoff_id=sent.id, now=later)
    assert again.try_until == desk.now + TAKEN_FOR
    with pytest.raises(Conflict, match="too old"):
        sending.try_again(desk.conn, desk.actor, handoff_id=sent.id, now=desk.now + TAKEN_FOR + timedelta(seconds=1))


def test_trying_again_wakes_the_job_that_waits_and_makes_one_where_there_is_none(desk: Desk) -> None:
    sent = desk.send()
    sending.try_again(desk.conn, desk.actor, handoff_id=sent.id, now=desk.now)
    assert len(desk.jobs()) == 1
    desk.conn.execute("UPDATE procrastinate_jobs SET status = 'cancelled'")
    sending.try_again(desk.conn, desk.actor, handoff_id=sent.id, now=desk.now)
    assert len(desk.jobs()) == 2


def test_what_is_given_up_is_not_sent_and_not_listed_as_open_until_it_is_tried_again(desk: Desk) -> None:
    sent = desk.send()
    given_up = sending.give_up(desk.conn, desk.actor, handoff_id=sent.id, now=desk.now + HOUR)
    assert (given_up.state, given_up.state_at, given_up.next_try_at) == (SentState.GIVEN_UP, desk.now + HOUR, None)
    assert sending.due(desk.conn, desk.actor, handoff_id=sent.id, now=desk.now) is None
    assert sending.list_without_receipt(desk.conn, desk.actor) == []
    with pytest.raises(InvalidTransition):
        sending.give_up(desk.conn, desk.actor, handoff_id=sent.id, now=desk.now)
    assert sending.try_again(desk.conn, desk.actor, handoff_id=sent.id, now=desk.now).state is SentState.WAITING
    assert desk.events() == ["waiting", "given_up", "waiting"]


def test_a_receipt_that_comes_after_all_counts(desk: Desk) -> None:
    given_up, refused = desk.send(), desk.send()
    sending.give_up(desk.conn, desk.actor, handoff_id=given_up.id, now=desk.now)
    sending.refuse(desk.conn, desk.actor, handoff_id=refused.id, reason=Refusal.NOT_ACCEPTED_YET, now=desk.now)
    assert sending.count_undecided(desk.conn, desk.actor) == 1
    for sent in (given_up, refused):
        kept = sending.acknowledge(desk.conn, desk.actor, handoff_id=sent.id, receipt=desk.receipt(sent), now=desk.now)
        assert (kept.state, kept.problem) == (SentState.ACKNOWLEDGED, None)
    assert sending.count_undecided(desk.conn, desk.actor) == 0


def test_an_introduction_with_an_address_that_they_cannot_reach_is_not_sent(desk: Desk) -> None:
    installation.set_up(
        desk.conn, desk.actor, kind=InstallationKind.HOTLINE, party_name="Meldpunt", language=Language.NL, now=desk.now
    )
    for address in ("http://127.0.0.1:8800", "https://localhost"):
        with pytest.raises(Conflict, match="VANGNET_BASE_URL"):
            sending.introduce(desk.conn, desk.actor, party_id=desk.party.id, base_url=address, keys=desk.ours, now=desk.now)
    with pytest.raises(InvalidInput, match="base_url"):
        sending.introduce(
            desk.conn, desk.actor, party_id=desk.party.id, base_url="http://meldpunt.example", keys=desk.ours, now=desk.now
        )


def test_what_is_acknowledged_is_not_sent_again(desk: Desk) -> None:
    sent = desk.send()
    sending.acknowledge(desk.conn, desk.actor, handoff_id=sent.id, receipt=desk.receipt(sent), now=desk.now)
    with pytest.raises(InvalidTransition):
        sending.try_again(desk.conn, desk.actor, handoff_id=sent.id, now=desk.now)


# --- reading, permissions -----------------------------------------------------------------------------------------


def test_what_was_sent_is_listed_newest_first_and_goes_on_where_it_ended(desk: Desk) -> None:
    ids = []
    for minute in range(3):
        at = desk.now + timedelta(minutes=minute)
        ids.append(
            sending.send_test_message(
                desk.conn, desk.actor, party_id=desk.party.id, text="hallo", keys=desk.ours, now=at
            ).id
        )
    first = sending.list_sent(desk.conn, desk.actor, limit=2)
    assert [one.id for one in first] == [ids[2], ids[1]]
    before = (first[-1].sent_at, first[-1].id)
    assert [one.id for one in sending.list_sent(desk.conn, desk.actor, before=before)] == [ids[0]]
    assert sending.list_sent(desk.conn, desk.actor, states={SentState.REFUSED}) == []
    assert sending.list_sent(desk.conn, desk.actor, party_id=uuid.uuid4()) == []
    assert [one.id for one in sending.list_without_receipt(desk.conn, desk.actor)] == ids
    assert sending.count_without_receipt(desk.conn, desk.actor) == 3
    with pytest.raises(InvalidInput, match="limit"):
        sending.list_sent(desk.conn, desk.actor, limit=0)


def test_sending_and_reading_need_their_permissions(desk: Desk) -> None:
    sent = desk.send()
    nobody = Actor(kind=ActorKind.PERSON, id="1")
    reader = Actor(kind=ActorKind.PERSON, id="2", permissions=frozenset({Permission.HANDOFF_READ}))
    conn, one, now = desk.conn, sent.id, desk.now
    writes: list[Callable[[Actor], object]] = [
        lambda actor: sending.send_test_message(conn, actor, party_id=desk.party.id, text="hallo", keys=desk.ours, now=now),
        lambda actor: sending.try_again(conn, actor, handoff_id=one, now=now),
        lambda actor: sending.give_up(conn, actor, handoff_id=one, now=now),
        lambda actor: sending.due(conn, actor, handoff_id=one, now=now),
        lambda actor: sending.acknowledge(conn, actor, handoff_id=one, receipt=b"", now=now),
        lambda actor: sending.refuse(conn, actor, handoff_id=one, reason=Refusal.TOO_OLD, now=now),
        lambda actor: sending.no_answer(conn, actor, handoff_id=one, problem="", next_try_at=now, now=now),
    ]
    reads: list[Callable[[Actor], object]] = [
        lambda actor: sending.list_sent(conn, actor),
        lambda actor: sending.list_without_receipt(conn, actor),
        lambda actor: sending.count_without_receipt(conn, actor),
        lambda actor: sending.count_undecided(conn, actor),
        lambda actor: sending.get_sent(conn, actor, handoff_id=one),
        lambda actor: sending.get_sent_envelope(conn, actor, handoff_id=one),
    ]
    for call in writes:
        for actor in (nobody, reader):
            with pytest.raises(PermissionDenied):
                call(actor)
    for call in reads:
        with pytest.raises(PermissionDenied):
            call(nobody)
        call(reader)


def test_a_handoff_that_is_not_there_is_not_found(desk: Desk) -> None:
    for read in (sending.get_sent, sending.get_sent_envelope):
        with pytest.raises(NotFound):
            read(desk.conn, desk.actor, handoff_id=uuid.uuid4())
    for act in (sending.try_again, sending.give_up):
        with pytest.raises(NotFound):
            act(desk.conn, desk.actor, handoff_id=uuid.uuid4(), now=desk.now)


def test_the_database_keeps_what_was_signed_from_being_changed(desk: Desk) -> None:
    sent = desk.send()
    for statement in (
        "UPDATE handoff_sent SET body = ''",
        "DELETE FROM handoff_sent",
        "UPDATE handoff_received SET body = ''",
    ):
        with pytest.raises(Exception, match="permission denied"), desk.conn.transaction():
            desk.conn.execute(statement.encode())
    assert sending.get_sent(desk.conn, desk.actor, handoff_id=sent.id) == sent


def _unanswered(desk: Desk, sent: SentHandoff, *, next_try_at: datetime, now: datetime) -> SentHandoff:
    return sending.no_answer(
        desk.conn, desk.actor, handoff_id=sent.id, problem="partner_unreachable", next_try_at=next_try_at, now=now
    )
