"""Two whole installations: hand-offs cross, whatever stops, crashes or lies in between."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from running import sending_process
from running.fault_proxy import Fault, FaultProxy
from running.houses import ACTOR, House
from running.states import PATIENCE_S, wait_until

from vangnet.db import defer
from vangnet.handoff.model import Outcome, Receipt, Refusal, SentState
from vangnet.handoff.model.envelopes import read_signed_envelope
from vangnet.handoff.service import sending
from vangnet.identity.model import PartyState
from vangnet.identity.permissions import Permission
from vangnet.identity.service import parties
from vangnet.jobs import service as jobs
from vangnet.jobs.model import JobState
from vangnet.keys import fingerprint
from vangnet.partners.installation import fetch_installation
from vangnet.partners.transport import Transport


def reaches(house: House, handoff_id: object, state: SentState) -> Callable[[], bool]:
    return lambda: house.sent(handoff_id).state is state  # type: ignore[arg-type]


def is_down(house: House, handoff_id: object, tries: int) -> Callable[[], bool]:
    return lambda: house.sent(handoff_id).tries >= tries  # type: ignore[arg-type]


def test_two_installations_introduce_themselves_and_exchange_messages(hotline: House, police: House) -> None:
    with hotline.serving(), police.serving(), hotline.working(), police.working():
        # The hotline's administrator asks who answers there, compares the fingerprint, and introduces the hotline.
        found = fetch_installation(Transport(), police.url)
        assert (found.name, found.fingerprint) == (police.name, fingerprint(police.keys.public_key))
        there = hotline.knows(police)
        with hotline.database.transaction() as conn:
            introduction = sending.introduce(
                conn, ACTOR, party_id=there.id, base_url=hotline.url, keys=hotline.keys, now=datetime.now(UTC)
            ).id
        wait_until(reaches(hotline, introduction, SentState.ACKNOWLEDGED))
        assert hotline.sent(introduction).outcome is Outcome.AWAITS_PERSON

        # A message before the police accepted is refused, with the reason, and goes through once they did.
        early = hotline.send(there, "te vroeg")
        wait_until(reaches(hotline, early, SentState.REFUSED))
        assert hotline.sent(early).problem == Refusal.NOT_ACCEPTED_YET
        with police.database.transaction() as conn:
            [proposed] = parties.list_parties(conn, ACTOR)
            assert (proposed.name, proposed.state, proposed.base_url) == (hotline.name, PartyState.PROPOSED, hotline.url)
            parties.accept(
                conn, ACTOR, party_id=proposed.id, fingerprint=fingerprint(hotline.keys.public_key), now=datetime.now(UTC)
            )
        with hotline.database.transaction() as conn:
            sending.try_again(conn, ACTOR, handoff_id=early, now=datetime.now(UTC))
        answer = police.send(proposed, "hallo terug")
        wait_until(reaches(hotline, early, SentState.ACKNOWLEDGED))
        wait_until(reaches(police, answer, SentState.ACKNOWLEDGED))
    assert police.texts() == ["None", "te vroeg"], "the introduction has no text"
    assert hotline.texts() == ["hallo terug"]


def test_hand_offs_wait_for_a_receiver_that_is_down_and_arrive_in_order(hotline: House, police: House) -> None:
    party = hotline.knows(police)
    police.knows(hotline)
    with hotline.working():
        ids = [hotline.send(party, f"{number}") for number in range(4)]
        wait_until(is_down(hotline, ids[0], tries=3))
        waiting = hotline.sent(ids[0])
        assert (waiting.state, waiting.problem) == (SentState.WAITING, "partner_unreachable")
        assert waiting.next_try_at is not None
        assert [hotline.sent(other).tries for other in ids[1:]] == [0, 0, 0], "a later one does not overtake"
        with police.serving():
            wait_until(lambda: all(hotline.sent(one).state is SentState.ACKNOWLEDGED for one in ids))
    assert police.texts() == ["0", "1", "2", "3"]


def test_an_unreachable_receiver_parks_no_job(hotline: House, police: House) -> None:
    party = hotline.knows(police)
    with hotline.working():
        one = hotline.send(party)
        wait_until(is_down(hotline, one, tries=hotline.settings.job_attempts + 2))
    with hotline.database.transaction() as conn:
        [job] = [job for job in jobs.list_jobs(conn, ACTOR) if job.task == sending.DELIVER]
    assert (job.state, job.args) == (JobState.WAITING, {"handoff_id": str(one)})


def test_a_slow_receiver_to_one_party_does_not_hold_up_another(hotline: House, police: House, silent_server: str) -> None:
    silent = hotline.knows(police, at=silent_server)
    with hotline.database.transaction() as conn:
        other = parties.add(
            conn, ACTOR, name="Other", kind=silent.kind, base_url=police.url, public_key=b"\x07" * 32, now=datetime.now(UTC)
        )
    with police.serving(), hotline.working():
        stuck, quick = hotline.send(silent), hotline.send(other)
        wait_until(reaches(hotline, quick, SentState.REFUSED))
        assert hotline.sent(quick).problem == Refusal.WRONG_RECIPIENT
        assert hotline.sent(stuck).state is SentState.WAITING


def test_a_worker_that_is_stopped_hangs_up_on_a_silent_receiver(hotline: House, police: House, silent_server: str) -> None:
    party = hotline.knows(police, at=silent_server)
    with hotline.working(exchange_s=60) as worker:
        one = hotline.send(party)
        wait_until(lambda: _running(hotline) == 1)
        started = datetime.now(UTC)
        worker.stop()
        assert (datetime.now(UTC) - started).total_seconds() < 10
    assert hotline.sent(one).problem == "partner_unreachable"


def test_an_answer_with_another_keys_receipt_does_not_count(hotline: House, police: House, liar: str) -> None:
    party = hotline.knows(police, at=liar)
    with hotline.working():
        one = hotline.send(party)
        wait_until(is_down(hotline, one, tries=3))
    sent = hotline.sent(one)
    assert (sent.state, sent.problem) == (SentState.WAITING, "partner_refused")


# --- crashes ------------------------------------------------------------------------------------------------------


class Interrupting(FaultProxy):
    """Holds the answer to the first request back, after the receiver did it, until it is told to go on without it."""

    def __init__(self, upstream_port: int) -> None:
        super().__init__(upstream_port, lambda: Fault.NONE)
        self.done = threading.Event()
        self.go_on = threading.Event()

    def _answer(self, fault: Fault, request: bytes) -> bytes:
        answer = super()._answer(fault, request)
        if self.done.is_set():
            return answer
        self.done.set()
        self.go_on.wait(PATIENCE_S)
        return b""


@contextlib.contextmanager
def serve_process(house: House) -> Iterator[subprocess.Popen[bytes]]:
    """The installation in a process of its own, by the command that people use."""
    environ = {
        "PATH": os.environ["PATH"],
        "VANGNET_DATABASE_URL": house.database.conninfo,
        "VANGNET_DATA_DIR": str(house.settings.data_dir),
        "VANGNET_KEYS_DIR": str(house.settings.keys_dir),
        "VANGNET_PORT": str(house.settings.port),
    }
    command = [sys.executable, "-m", "vangnet", "serve", "--only", "web"]
    process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: process.poll() is not None or _answers(house.url))
        assert process.poll() is None
        yield process
    finally:
        process.kill()
        process.wait(PATIENCE_S)


def test_a_receiver_that_dies_after_taking_and_before_answering_has_it_once(hotline: House, police: House) -> None:
    police.knows(hotline)
    with Interrupting(police.settings.port) as proxy, hotline.working(exchange_s=30):
        party = hotline.knows(police, at=proxy.url)
        with serve_process(police) as process:
            one = hotline.send(party)
            assert proxy.done.wait(PATIENCE_S)
            process.send_signal(signal.SIGKILL)
            process.wait(PATIENCE_S)
        assert hotline.sent(one).state is SentState.WAITING
        proxy.go_on.set()
        with serve_process(police):
            wait_until(reaches(hotline, one, SentState.ACKNOWLEDGED))
    assert hotline.sent(one).tries >= 2
    assert [taken.envelope_id for taken in police.received()] == [one]
    assert len(police.events(Permission.HANDOFF_RECEIVE)) == 1


@contextlib.contextmanager
def sending_in_a_process(house: House) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, sending_process.__file__, house.database.conninfo, str(house.settings.keys_dir.parent)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait(PATIENCE_S)


def test_a_sender_that_is_killed_in_the_middle_of_a_delivery_delivers_it_once(hotline: House, police: House) -> None:
    police.knows(hotline)
    with police.serving(), Interrupting(police.settings.port) as proxy:
        party = hotline.knows(police, at=proxy.url)
        ids = [hotline.send(party, f"{number}") for number in range(3)]
        with sending_in_a_process(hotline) as first:
            assert proxy.done.wait(PATIENCE_S)
            first.send_signal(signal.SIGKILL)
            first.wait(PATIENCE_S)
        proxy.go_on.set()
        assert [hotline.sent(one).state for one in ids] == [SentState.WAITING] * 3
        with sending_in_a_process(hotline):
            wait_until(lambda: all(hotline.sent(one).state is SentState.ACKNOWLEDGED for one in ids))
    assert police.texts() == ["0", "1", "2"]
    assert len(police.events(Permission.HANDOFF_RECEIVE)) == 3


def test_two_jobs_for_one_hand_off_send_it_once(hotline: House, police: House) -> None:
    party = hotline.knows(police)
    police.knows(hotline)
    one = hotline.send(party)
    with hotline.database.transaction() as conn:
        defer(conn, sending.DELIVER, handoff_id=str(one))
    with police.serving(), hotline.working():
        wait_until(reaches(hotline, one, SentState.ACKNOWLEDGED))
        wait_until(lambda: _running(hotline) == 0)
    assert [taken.envelope_id for taken in police.received()] == [one]


@pytest.fixture
def silent_server() -> Iterator[str]:
    """The address of somebody who accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


class _Liar(BaseHTTPRequestHandler):
    """Answers every hand-off with a receipt that is right in all but the key that signed it."""

    key = Ed25519PrivateKey.generate()

    def do_POST(self) -> None:
        envelope = read_signed_envelope(self.rfile.read(int(self.headers["content-length"]))).envelope
        receipt = Receipt(
            envelope_id=envelope.id,
            envelope_sha256=envelope.sha256,
            received_at=datetime.now(UTC),
            outcome=Outcome.TAKEN,
        ).signed(self.key.sign)
        self.send_response(200)
        self.send_header("content-length", str(len(receipt)))
        self.end_headers()
        self.wfile.write(receipt)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def liar() -> Iterator[str]:
    """The address of somebody who answers in another's name."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Liar) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(20)


def _running(house: House) -> int:
    with house.database.transaction() as conn:
        return jobs.queue_health(conn).running


def _answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/healthz", timeout=20, trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False
