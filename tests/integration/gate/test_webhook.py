"""The webhook, with a real receiver on this machine that verifies by an independent library."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import standardwebhooks
from running.kept_decisions import SHA256, keep, kept_decision
from running.receiver import Receiver, receiving
from running.server import console
from running.states import HURRY, wait_until

from vangnet.audit.model import EventFilter
from vangnet.audit.service import list_events
from vangnet.config import Settings
from vangnet.db import Connection, Database
from vangnet.errors import Conflict, InvalidInput, PermissionDenied
from vangnet.gate import store
from vangnet.gate.model import Decision
from vangnet.gate.policy import STARTING
from vangnet.gate.service import decisions, webhooks
from vangnet.gate.webhooks import Delivery, DeliveryState, Event, WebhookState, checked_receiver
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.partners.transport import Transport
from vangnet.worker import Worker

PACE = replace(HURRY, webhook_retries_s=(0.02, 0.02))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


@pytest.fixture
def secret(database: Database, keys: Keys, receiver: Receiver) -> str:
    """The webhook is on; this is its secret."""
    with database.transaction() as conn:
        chosen = webhooks.choose(conn, console(), url=receiver.url, local=True, keys=keys, now=datetime.now(UTC))
    assert chosen.secret is not None
    return chosen.secret


@pytest.fixture
def worker(database: Database, keys: Keys, secret: str) -> Iterator[Worker]:
    transport = Transport(exchange_s=0.3)
    with Worker(database, keys, Settings(job_concurrency=1), pace=PACE, transport=transport) as started:
        yield started


def deliveries(database: Database) -> list[Delivery]:
    with database.transaction() as conn:
        return webhooks.list_deliveries(conn, console())


def wait_for(database: Database, state: DeliveryState, number: int = 1) -> list[Delivery]:
    wait_until(lambda: [one.state for one in deliveries(database)].count(state) >= number)
    return deliveries(database)


def opened(receiver: Receiver, secret: str, number: int = -1) -> dict[str, object]:
    """What a message says, as an independent receiver believes it."""
    headers, body = receiver.got[number]
    said: dict[str, object] = standardwebhooks.Webhook(secret).verify(body, headers)
    return said


def test_a_blocked_upload_is_told_signed_and_without_a_hash(
    database: Database, keys: Keys, receiver: Receiver, secret: str, worker: Worker
) -> None:
    check_id = keep(database, keys, kept_decision())
    (delivery,) = wait_for(database, DeliveryState.DELIVERED)
    said = opened(receiver, secret)
    assert said["type"] == "decision.blocked"
    data = said["data"]
    assert isinstance(data, dict)
    assert (data["check_id"], data["object_id"], data["decision"]) == (str(check_id), "upload ab12", "block")
    assert data["matches"] == [
        {
            "list": "NL", "list_id": str(uuid.UUID(int=7)), "entry_id": 8841, "classification": "baseline",
            "algorithm": "sha256", "distance": 0, "view": "original",
        }
    ]  # fmt: skip
    headers, body = receiver.got[0]
    assert SHA256.hex().encode() not in body
    assert headers["webhook-id"] == f"msg_{delivery.id.hex}"
    assert delivery.status == 204


def test_holds_later_matches_and_revisions_are_told_and_allowed_ones_are_not(
    database: Database, keys: Keys, receiver: Receiver, secret: str, worker: Worker
) -> None:
    keep(database, keys, kept_decision(Decision.ALLOW))
    held = keep(database, keys, kept_decision(Decision.HOLD))
    keep(database, keys, kept_decision(Decision.ALLOW, uploaded_at=datetime.now(UTC) - timedelta(days=21)))
    with database.transaction() as conn:
        now = datetime.now(UTC)
        webhooks.tell_revised(conn, store.update_revised(conn, [held], now=now), now=now)
    wait_for(database, DeliveryState.DELIVERED, 3)
    told = {opened(receiver, secret, number)["type"] for number in range(3)}
    assert told == {"decision.held", "match.later", "decision.revised"}


def test_what_nobody_chose_is_not_told(database: Database, keys: Keys, receiver: Receiver) -> None:
    with database.transaction() as conn:
        webhooks.choose(
            conn, console(), url=receiver.url, events={Event.LATER}, local=True, keys=keys, now=datetime.now(UTC)
        )
    keep(database, keys, kept_decision())
    assert deliveries(database) == []


def test_a_message_cannot_be_sent_again_later_or_changed(
    database: Database, keys: Keys, receiver: Receiver, secret: str, worker: Worker
) -> None:
    keep(database, keys, kept_decision())
    wait_for(database, DeliveryState.DELIVERED)
    headers, body = receiver.got[0]
    verify = standardwebhooks.Webhook(secret).verify
    for changed, sent in (
        (headers | {"webhook-timestamp": str(int(headers["webhook-timestamp"]) - 600)}, body),
        (headers | {"webhook-id": "msg_another"}, body),
        (headers, body.replace(b"block", b"allow")),
    ):
        with pytest.raises(standardwebhooks.WebhookVerificationError):
            verify(sent, changed)


def test_while_a_secret_is_replaced_both_verify(
    database: Database, keys: Keys, receiver: Receiver, secret: str, worker: Worker
) -> None:
    with database.transaction() as conn:
        newer = webhooks.rotate(conn, console(), keys=keys, now=datetime.now(UTC)).secret
    assert newer is not None
    keep(database, keys, kept_decision())
    wait_for(database, DeliveryState.DELIVERED)
    assert opened(receiver, secret) == opened(receiver, newer)
    with database.transaction() as conn:
        later = datetime.now(UTC) + webhooks.OVERLAP + timedelta(minutes=1)
        assert len(webhooks.show(conn, console(), now=later).secrets) == 1
        sealed = [bytes(row[0]) for row in conn.execute("SELECT sealed FROM gate_webhook_secret").fetchall()]
    assert not any(newer.encode() in one for one in sealed)


def test_a_receiver_that_fails_is_asked_again_with_the_same_message(
    database: Database, keys: Keys, receiver: Receiver, secret: str, worker: Worker
) -> None:
    receiver.answers.extendleft([503, 500])
    keep(database, keys, kept_decision())
    (delivery,) = wait_for(database, DeliveryState.DELIVERED)
    assert delivery.tries == 3
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert len({body for _, body in receiver.got}) == 1


@pytest.mark.parametrize(("answer", "problem"), [(500, "refused"), (None, "partner_unreachable"), (302, "partner_refused")])
@pytest.mark.usefixtures("secret", "worker")
def test_after_the_last_try_a_message_is_parked_and_can_be_sent_again(
    database: Database, keys: Keys, receiver: Receiver, *, answer: int | None, problem: str
) -> None:
    receiver.answers = type(receiver.answers)([answer])
    keep(database, keys, kept_decision())
    (delivery,) = wait_for(database, DeliveryState.PARKED)
    assert (delivery.tries, delivery.problem) == (3, problem)
    assert all(not headers.get("elsewhere") for headers, _ in receiver.got)
    with database.transaction() as conn:
        assert list_events(conn, console(), wanted=EventFilter(action=Permission.GATE_TELL), limit=1)
    receiver.answers.append(204)
    receiver.answers.popleft()
    receiver.let_go.set()
    with database.transaction() as conn:
        webhooks.resend(conn, console(), delivery_id=delivery.id, now=datetime.now(UTC))
    (again,) = wait_for(database, DeliveryState.DELIVERED)
    assert again.id == delivery.id


def test_a_receiver_that_hangs_costs_one_wait_for_all_that_is_due(
    database: Database, keys: Keys, receiver: Receiver, secret: str, worker: Worker
) -> None:
    receiver.answers = type(receiver.answers)([None])
    with database.transaction() as conn:
        for _ in range(20):
            webhooks.test(conn, console(), now=datetime.now(UTC))
    wait_for(database, DeliveryState.PARKED, 20)
    assert len(receiver.got) <= 6


def test_a_receiver_that_is_gone_is_told_nothing_any_more(
    database: Database, keys: Keys, receiver: Receiver, secret: str, worker: Worker
) -> None:
    receiver.answers = type(receiver.answers)([410])
    keep(database, keys, kept_decision())
    wait_for(database, DeliveryState.PARKED)
    keep(database, keys, kept_decision())
    assert len(deliveries(database)) == 1
    with database.transaction() as conn:
        webhook = webhooks.show(conn, console(), now=datetime.now(UTC)).webhook
        assert webhook is not None
        assert webhook.state is WebhookState.GONE
        with pytest.raises(Conflict):
            webhooks.test(conn, console(), now=datetime.now(UTC))


def test_a_message_is_there_only_if_its_decision_is(conn: Connection, keys: Keys, now: datetime) -> None:
    webhooks.choose(conn, console(), url="https://a.example.org/v", local=False, keys=keys, now=now)
    with conn.transaction(force_rollback=True):
        decisions.keep(conn, console(), kept_decision(), policy=STARTING, keys=keys, now=now)
        assert webhooks.list_deliveries(conn, console())
    assert webhooks.list_deliveries(conn, console()) == []


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.org/v", "ftp://hooks.example.org", "https://", "https://a:b@hooks.example.org/",
        "https://hooks.example.org/?token=1", "https://hooks.example.org/../x", "https://127.0.0.1/v",
        "https://localhost/v", "http://[::1]:8080/", "https://169.254.1.1/", "https://hooks.example.org/a b", "",
    ],
)  # fmt: skip
def test_an_address_that_may_not_be_told_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        checked_receiver(url, local=False)


def test_another_address_gets_another_secret_and_the_same_keeps_it(conn: Connection, keys: Keys, now: datetime) -> None:
    def choose(url: str) -> str | None:
        return webhooks.choose(conn, console(), url=url, local=False, keys=keys, now=now).secret

    assert choose("https://a.example.org/v")
    assert choose("https://a.example.org/v") is None
    assert choose("https://b.example.org/v")
    assert len(webhooks.show(conn, console(), now=now).secrets) == 1


def test_old_deliveries_are_forgotten(conn: Connection, keys: Keys, now: datetime) -> None:
    webhooks.choose(conn, console(), url="https://a.example.org/v", local=False, keys=keys, now=now)
    webhooks.test(conn, console(), now=now)
    webhooks.switch_off(conn, console(), now=now)
    assert webhooks.forget_deliveries(conn, now=now + timedelta(days=29)) == 0
    assert webhooks.forget_deliveries(conn, now=now + timedelta(days=31)) == 1


def test_a_webhook_is_chosen_by_whom_it_is_for(conn: Connection, keys: Keys, now: datetime) -> None:
    nobody = replace(console(), permissions=frozenset({Permission.GATE_READ}))
    with pytest.raises(PermissionDenied):
        webhooks.choose(conn, nobody, url="https://a.example.org/v", local=False, keys=keys, now=now)
    with pytest.raises(PermissionDenied):
        webhooks.test(conn, nobody, now=now)
