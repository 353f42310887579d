"""What follows from a match: a report to whoever keeps the list, and a mark when its entry does not stand any more."""

import hashlib
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from running.gate_lists import list_files
from running.hash_lists import ANNE
from running.sender import Sender
from running.server import RunningServer, console
from running.states import wait_until

from vangnet.gate.policy import STARTING, as_document
from vangnet.gate.service import decisions, policies
from vangnet.handoff.model import Kind
from vangnet.handoff.service import sending
from vangnet.identity.permissions import Permission, Role
from vangnet.registry.model.entries import HashAlgorithm
from vangnet.registry.service import entries
from vangnet.worker import Worker

FILE = b"a listed text, for what follows"
Start = Callable[..., AbstractContextManager[RunningServer]]


def check(server: RunningServer, file: bytes = FILE) -> dict[str, Any]:
    """The answer for an upload with a name of its own."""
    with server.program(Permission.GATE_CHECK) as client:
        answer = client.post("/api/v1/check", content=file, headers={"Idempotency-Key": f"upload {uuid.uuid4()}"})
    found: dict[str, Any] = answer.json()
    return found


def test_a_blocked_upload_is_reported_once_to_whom_the_policy_names(start_server: Start) -> None:
    with start_server() as server:
        list_files(server, [FILE], name="listed", algorithms=[HashAlgorithm.SHA256])
        party = Sender(server).party
        with server.transaction() as conn:
            document = as_document(STARTING) | {"report_to": [str(party.id)]}
            version = policies.choose(conn, console(), document=document, now=datetime.now(UTC)).version
        wait_until(lambda: server.gate.policy_version == version)
        answer = check(server)

        def reports() -> list[Any]:
            with server.transaction() as conn:
                sent = sending.list_sent(conn, console(), party_id=party.id)
                return [one for one in sent if one.kind is Kind.MATCH_REPORT]

        with Worker(server.database, server.keys, server.settings):
            wait_until(lambda: bool(reports()))
        (sent,) = reports()
        with server.transaction() as conn:
            payload = sending.get_sent_envelope(conn, console(), handoff_id=sent.id).payload
            shown = decisions.get_decision(conn, console(), decision_id=uuid.UUID(answer["check_id"]))
            # The job may run twice, and then has one effect.
            again = decisions.report(
                conn, console(), decision_id=shown.decision.answer.check_id, party_id=party.id, keys=server.keys,
                now=datetime.now(UTC),
            )  # fmt: skip
        assert again is None
        assert shown.reports == ((party.id, sent.id),)
        assert payload["check_id"] == answer["check_id"]
        assert payload["digests"]["sha256"] == hashlib.sha256(FILE).hexdigest()  # type: ignore[call-overload, index]
        assert payload["object_id"] == shown.decision.object_id
        with server.signed_in(Role.STAFF) as browser:
            page = browser.get(f"/decisions/{answer['check_id']}")
            assert page.status_code == 200
            assert f"/hand-offs/sent/{sent.id}" in page.text
            assert browser.get(f"/hand-offs/sent/{sent.id}").status_code == 200
            listed = browser.get("/decisions", params={"upload": str(shown.decision.object_id)})
            assert answer["check_id"] in listed.text


def test_a_decision_is_marked_when_its_entry_is_withdrawn(start_server: Start) -> None:
    with start_server() as server, Worker(server.database, server.keys, server.settings):
        list_files(server, [FILE], name="listed", algorithms=[HashAlgorithm.SHA256])
        answer = check(server)
        entry_id = answer["matches"][0]["entry_id"]
        with server.transaction() as conn:
            entries.withdraw(conn, ANNE, keys=server.keys, entry_id=entry_id, reason="a mistake", now=datetime.now(UTC))
        wait_until(lambda: check(server)["outcome"] == "unhashable")

        def revised() -> list[str]:
            with server.transaction() as conn:
                found = decisions.list_decisions(conn, console(), revised=True)
            return [str(one.answer.check_id) for one in found]

        wait_until(lambda: answer["check_id"] in revised())
        with server.signed_in(Role.STAFF) as browser:
            assert "no longer stands" in browser.get("/decisions", params={"revised": "true"}).text


def report(**changes: Any) -> dict[str, Any]:
    """A match report as another installation sends it."""
    match = {
        "algorithm": "pdq", "classification": "baseline", "distance": 6, "entry_id": 8841, "list": "NL", "view": "flip_y",
    }  # fmt: skip
    return {
        "at": "2026-11-21T13:02:07.000000Z",
        "check_id": str(uuid.uuid4()),
        "decision": "block",
        "digests": {"sha256": "0" * 64},
        "matches": [match],
        "object_id": "ab12",
    } | changes


def test_a_report_is_taken_and_shown(server: RunningServer) -> None:
    signed = Sender(server).message(kind=Kind.MATCH_REPORT, payload=report())
    with server.client() as client:
        answer = client.post("/api/v1/hand-offs", content=signed.to_bytes(), headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["receipt"]["outcome"]) == (200, "taken")
    with server.transaction() as conn:
        (received_id,) = conn.execute(
            "SELECT id FROM handoff_received WHERE envelope_id = %s", [signed.envelope.id]
        ).fetchall()[0]
    with server.signed_in(Role.STAFF) as browser:
        page = browser.get(f"/hand-offs/received/{received_id}").text
    assert "8841" in page
    assert "ab12" in page


@pytest.mark.parametrize(
    "changes",
    [
        {"more": 1},
        {"matches": []},
        {"matches": [{}]},
        {"decision": "perhaps"},
        {"digests": {"sha256": "0"}},
        {"digests": {"photodna": "00"}},
        {"check_id": "x"},
        {"at": "yesterday"},
        {"object_id": "two\nlines"},
        {"object_id": "x" * 201},
    ],
)
def test_a_report_that_is_none_is_refused(server: RunningServer, changes: dict[str, Any]) -> None:
    signed = Sender(server).message(kind=Kind.MATCH_REPORT, payload=report(**changes))
    with server.client() as client:
        answer: httpx2.Response = client.post(
            "/api/v1/hand-offs", content=signed.to_bytes(), headers={"Content-Type": "application/json"}
        )
    assert (answer.status_code, answer.json()["reason"]) == (422, "bad_payload")
