"""A provider's program reports by API, and learns what became of it; what it sends broken is kept and told."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from running.server import CANARY, RunningServer, console
from running.states import wait_until

from vangnet.identity.model import PartyKind
from vangnet.identity.permissions import Permission
from vangnet.identity.service import api_keys, parties
from vangnet.reports.model.drafts import (
    IdentifierKind,
    PersonRole,
    ReporterKind,
    Sign,
)
from vangnet.reports.service.desk import showing
from vangnet.reports.service.intake import deliveries
from vangnet.worker import Worker

LINK = f"https://{CANARY}.example/gallery/7"
REPORT: dict[str, Any] = {
    "reference": "A-17",
    "incident": "extortion",
    "signs": ["danger_now"],
    "contact": f"{CANARY}@provider.example",
    "people": [
        {
            "role": "reported",
            "identifiers": [{"kind": "account", "value": f"{CANARY}-9", "service": "chat.example"}],
            "traces": [{"address": "192.0.2.7", "at": "2026-11-20T10:00:00Z", "port": 4242}],
        }
    ],
    "items": [{"kind": "address", "address": LINK, "hashes": {"md5": "0" * 32}, "viewed": True}],
    "text": f"{CANARY} words",
    "language": "nl",
}


@pytest.fixture
def provider(server: RunningServer) -> Iterator[Callable[[str], httpx2.Client]]:
    """Programs of a provider that we know, by its name."""
    clients: list[httpx2.Client] = []

    def program(name: str) -> httpx2.Client:
        now = datetime.now(UTC)
        with server.transaction() as conn:
            party = parties.add(conn, console(), name=name, kind=PartyKind.PROVIDER, now=now)
            parties.record_legal_basis(
                conn, console(), party_id=party.id, text="Agreement", reference="A-1",
                ends_on=now.date().replace(year=now.year + 1), now=now,
            )  # fmt: skip
            issued = api_keys.issue(
                conn, console(), name="reports", scopes=frozenset({Permission.REPORT_TAKE}), party_id=party.id, now=now
            )
        clients.append(server.client(headers={"Authorization": f"Bearer {issued.text}"}))
        return clients[-1]

    yield program
    for client in clients:
        client.close()


def settled(server: RunningServer, client: httpx2.Client, delivery_id: int) -> dict[str, Any]:
    """What a program learns of its delivery once it was read."""
    answer: dict[str, Any] = {}

    def is_read() -> bool:
        answer.update(client.get(f"/api/v1/deliveries/{delivery_id}").json())
        return bool(answer["state"] != "waiting")

    with Worker(server.database, server.keys, server.settings):
        wait_until(is_read)
    return answer


def test_a_provider_reports_by_api_and_learns_what_became_of_it(
    server: RunningServer, provider: Callable[[str], httpx2.Client]
) -> None:
    ours, others = provider("Hosting Noord"), provider("Hosting Zuid")
    sent = ours.post("/api/v1/reports", json=REPORT)
    assert (sent.status_code, sent.json()["state"]) == (202, "waiting")
    id_ = sent.json()["id"]
    assert settled(server, ours, id_) == {
        "id": id_, "state": "taken", "received_at": sent.json()["received_at"], "reports": 1, "bad": 0, "problems": [],
    }  # fmt: skip
    assert ours.post("/api/v1/reports", json=REPORT).json()["id"] == id_
    assert others.get(f"/api/v1/deliveries/{id_}").status_code == 404
    # Another party that sends the same bytes reports it, too.
    assert others.post("/api/v1/reports", json=REPORT).json()["id"] != id_
    with server.transaction() as conn:
        (report_id,) = deliveries.show(conn, console(), keys=server.keys, delivery_id=id_).reports
        report = showing.get_report(conn, console(), report_id=report_id)
        draft = showing.read_draft(conn, server.keys, report)
    assert (draft.reporter.kind, draft.reporter.name) == (ReporterKind.COMPANY, "Hosting Noord")
    assert (draft.signs, draft.problems) == (frozenset({Sign.DANGER_NOW}), ())
    (person,) = draft.people
    assert (person.role, person.identifiers[0].kind) == (PersonRole.REPORTED, IdentifierKind.ACCOUNT)
    assert (draft.items[0].address, draft.items[0].viewed) == (LINK, True)


@pytest.mark.parametrize(
    ("path", "content", "state", "said"),
    [
        ("reports", b"{broken", "unreadable", "no JSON"),
        ("reports", b"[]", "unreadable", "no JSON object"),
        ("reports", b"", "unreadable", "no JSON"),
        ("reports", b"[" * 100_000, "unreadable", "no JSON"),
        ("reports", b'{"items": [{"kind": "address", "address": "nonsense at all"}]}', "unreadable", "no item"),
        ("reports/xarf", b'{"xarf_version": "3"}', "unreadable", "no XARF of version 4"),
        ("reports/csv", b"not an address;\n", "unreadable", "begins neither"),
        ("reports/csv", b"https://a.example/1\nnonsense\n", "partly", "no address that can be read"),
    ],
)  # fmt: skip
def test_what_a_program_sends_broken_is_kept_and_told(
    server: RunningServer, provider: Callable[[str], httpx2.Client], *, path: str, content: bytes, state: str, said: str
) -> None:
    client = provider(f"Hosting {hashlib.sha256(path.encode() + content).hexdigest()[:8]}")
    sent = client.post(f"/api/v1/{path}", content=content)
    assert sent.status_code == 202
    answer = settled(server, client, sent.json()["id"])
    assert answer["state"] == state
    assert said in answer["problems"][0]["problem"]
    with server.transaction() as conn:
        raw = deliveries.raw(conn, console(), keys=server.keys, delivery_id=answer["id"], now=datetime.now(UTC))
    assert raw == content


def test_a_value_that_is_wrong_spoils_itself_only(server: RunningServer, provider: Callable[[str], httpx2.Client]) -> None:
    client = provider("Hosting West")
    wrong = REPORT | {
        "reference": "A-18", "incident": "nonsense", "reported_at": "yesterday", "extra": 1, "signs": ["danger_now", 7],
        "items": [*REPORT["items"], {"kind": "file"}, 3],
        "places": [{"country": "Nederland"}],
    }  # fmt: skip
    answer = settled(server, client, client.post("/api/v1/reports", json=wrong).json()["id"])
    assert answer["state"] == "taken"
    with server.transaction() as conn:
        (report_id,) = deliveries.show(conn, console(), keys=server.keys, delivery_id=answer["id"]).reports
        draft = showing.read_draft(conn, server.keys, showing.get_report(conn, console(), report_id=report_id))
    assert len(draft.items) == 1
    assert draft.signs == frozenset({Sign.DANGER_NOW})
    assert len(draft.problems) >= 6
    assert not any("nonsense" in one or "Nederland" in one for one in draft.problems)
