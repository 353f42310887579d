"""Hand-offs over HTTP, as another installation and as programs of our own use them."""

import hashlib
import json
import threading
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from running.sender import Sender
from running.server import RunningServer, console
from running.states import PATIENCE_S

from vangnet.handoff.model import Refusal, SignedEnvelope
from vangnet.handoff.model.envelopes import BODY_MAX_BYTES
from vangnet.handoff.model.handoffs import TAKEN_FOR
from vangnet.handoff.service import receiving
from vangnet.identity.permissions import Permission
from vangnet.identity.service import parties

PATH = "/api/v1/hand-offs"


def post(server: RunningServer, body: bytes) -> httpx2.Response:
    with server.client() as client:
        return client.post(PATH, content=body)


def taken(server: RunningServer, sender: Sender) -> int:
    with server.transaction() as conn:
        return sum(one.sender == sender.public_key for one in receiving.list_received(conn, console(), limit=500))


def refused(answer: httpx2.Response, status: int, reason: Refusal) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    document = answer.json()
    assert set(document) == {"code", "message", "hint", "incident", "reason"}
    assert (document["code"], document["reason"]) == ("handoff_refused", reason)
    assert document["message"].startswith(f"the hand-off is refused ({reason}): ")


def test_a_hand_off_is_taken_and_answered_with_a_receipt_that_anybody_can_verify(server: RunningServer) -> None:
    sender = Sender(server)
    message = sender.message()
    answer = post(server, message.to_bytes())
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    document = json.loads(answer.content)
    with server.client() as client:
        public_key = client.get("/api/v1/installation").json()["public_key"]
    signed = b"vangnet receipt v1\n" + json.dumps(document["receipt"], sort_keys=True, separators=(",", ":")).encode()
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(bytes.fromhex(document["signature"]), signed)
    envelope_bytes = json.dumps(
        json.loads(message.to_bytes())["envelope"], sort_keys=True, ensure_ascii=False, separators=(",", ":")
    ).encode()
    assert document["receipt"]["envelope_sha256"] == hashlib.sha256(envelope_bytes).hexdigest()
    assert document["receipt"]["outcome"] == "taken"


def test_a_replay_gets_the_same_answer_and_is_taken_once(server: RunningServer) -> None:
    sender = Sender(server)
    body = sender.message().to_bytes()
    assert post(server, body).content == post(server, body).content
    assert taken(server, sender) == 1


def test_many_replays_at_once_get_the_same_answer_and_are_taken_once(server: RunningServer) -> None:
    sender = Sender(server)
    body = sender.message().to_bytes()
    together, answers = threading.Barrier(8), []

    def replay() -> None:
        together.wait(PATIENCE_S)
        answers.append(post(server, body))

    threads = [threading.Thread(target=replay) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert taken(server, sender) == 1


def test_an_unknown_sender_is_refused(server: RunningServer) -> None:
    refused(post(server, Sender(server, known=False).message().to_bytes()), 403, Refusal.UNKNOWN_SENDER)


def test_a_forged_signature_is_refused(server: RunningServer) -> None:
    sender, forger = Sender(server), Sender(server, known=False)
    forged = forger.message(sender=sender.public_key)
    refused(post(server, forged.to_bytes()), 403, Refusal.BAD_SIGNATURE)
    assert taken(server, sender) == 0


def test_what_is_for_another_installation_is_refused(server: RunningServer) -> None:
    refused(post(server, Sender(server).message(recipient=b"\x07" * 32).to_bytes()), 422, Refusal.WRONG_RECIPIENT)


@pytest.mark.parametrize(
    ("age", "reason"),
    [(TAKEN_FOR + timedelta(minutes=1), Refusal.TOO_OLD), (timedelta(minutes=-6), Refusal.CLOCK_SKEW)],
)
def test_what_is_too_old_or_from_the_future_is_refused(server: RunningServer, age: timedelta, reason: Refusal) -> None:
    refused(post(server, Sender(server).message(sent_at=datetime.now(UTC) - age).to_bytes()), 422, reason)


def test_an_id_with_other_content_is_refused(server: RunningServer) -> None:
    sender = Sender(server)
    first = sender.message()
    assert post(server, first.to_bytes()).status_code == 200
    refused(post(server, sender.message("anders", id=first.envelope.id).to_bytes()), 409, Refusal.ID_REUSED)
    assert taken(server, sender) == 1


def test_a_party_that_ended_is_refused(server: RunningServer) -> None:
    sender = Sender(server)
    with server.transaction() as conn:
        parties.end(conn, console(), party_id=sender.party.id, now=datetime.now(UTC))
    refused(post(server, sender.message().to_bytes()), 403, Refusal.UNKNOWN_SENDER)


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"hallo", b"\xff\xfe", b'{"envelope":{},"signature":""}', b"[" * 100_000, b'{"a":NaN}']
)
def test_what_is_no_envelope_is_refused(server: RunningServer, body: bytes) -> None:
    refused(post(server, body), 400, Refusal.MALFORMED)


def test_another_spelling_of_a_signed_envelope_is_refused(server: RunningServer) -> None:
    sender = Sender(server)
    message: SignedEnvelope = sender.message()
    spelled = json.dumps(json.loads(message.to_bytes())).encode()
    refused(post(server, spelled), 400, Refusal.MALFORMED)


@pytest.mark.parametrize("size_bytes", [BODY_MAX_BYTES + 1, 1024 * 1024])
def test_what_is_too_large_is_refused_with_and_without_a_length(server: RunningServer, size_bytes: int) -> None:
    refused(post(server, b"x" * size_bytes), 413, Refusal.TOO_LARGE)
    with server.client() as client:
        answer = client.post(PATH, content=(b"x" * 1000 for _ in range(size_bytes // 1000 + 1)))
        refused(answer, 413, Refusal.TOO_LARGE)


def test_a_body_beyond_every_limit_is_refused_by_the_frame(server: RunningServer) -> None:
    assert post(server, b"x" * (1024 * 1024 + 1)).status_code == 413


def test_introductions_of_strangers_are_slowed_down(new_server: RunningServer) -> None:
    answers = [post(new_server, Sender(new_server, known=False).introduction().to_bytes()) for _ in range(7)]
    assert answers[0].status_code == 200
    assert json.loads(answers[0].content)["receipt"]["outcome"] == "awaits_person"
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    assert answers[-1].json()["code"] == "too_many_attempts"


def test_a_known_party_is_not_slowed_down_by_strangers_at_its_address(new_server: RunningServer) -> None:
    sender = Sender(new_server)
    for _ in range(7):
        post(new_server, Sender(new_server, known=False).introduction().to_bytes())
    assert post(new_server, sender.message().to_bytes()).status_code == 200


def test_a_refusal_is_logged_by_its_reason_alone(new_server: RunningServer) -> None:
    stranger = Sender(new_server, known=False)
    post(new_server, stranger.message("kanarievogel").to_bytes())
    lines = [line for line in new_server.logged().splitlines() if "handoff_refused" in line]
    assert any('"reason": "unknown_sender"' in line for line in lines)
    assert stranger.public_key.hex() not in "".join(lines)


# --- lists for programs -------------------------------------------------------------------------------------------


def test_a_program_lists_both_ways_with_a_key_that_may(server: RunningServer) -> None:
    sender = Sender(server)
    message = sender.message()
    post(server, message.to_bytes())
    sent = [sender.is_sent_a_message() for _ in range(3)]
    party_id = str(sender.party.id)
    with server.program(Permission.HANDOFF_READ) as program:
        [received] = program.get(f"{PATH}/received", params={"party_id": party_id}).json()
        first = program.get(f"{PATH}/sent", params={"party_id": party_id, "limit": 2}).json()
        rest = program.get(f"{PATH}/sent", params={"party_id": party_id, "before_id": first[-1]["id"]}).json()
        none = program.get(f"{PATH}/sent", params={"party_id": party_id, "state": "refused"}).json()
    assert (received["envelope_id"], received["kind"], received["outcome"]) == (
        str(message.envelope.id), "test_message", "taken",
    )  # fmt: skip
    assert "payload" not in received
    assert [one["id"] for one in first + rest] == [str(one.id) for one in reversed(sent)]
    assert {one["state"] for one in first} == {"waiting"}
    assert none == []


def test_a_program_without_the_right_and_a_stranger_see_nothing(server: RunningServer) -> None:
    with server.program(Permission.PARTY_READ) as program, server.client() as nobody:
        for path in (f"{PATH}/sent", f"{PATH}/received"):
            assert program.get(path).status_code == 403
            assert nobody.get(path).status_code == 401


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "state=lost", "party_id=7", "before_id=7"])
def test_a_list_that_cannot_be_made_says_why(server: RunningServer, query: str) -> None:
    with server.program(Permission.HANDOFF_READ) as program:
        assert program.get(f"{PATH}/sent?{query}").status_code == 422
