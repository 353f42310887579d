"""The audit trail on its pages and in the API, as people and programs read it."""

import csv
import html
import io
import re
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from running.server import RunningServer
from running.states import wait_until

from vangnet.audit import service
from vangnet.audit.model import Actor, ActorKind, EventFilter
from vangnet.identity.model import Language
from vangnet.identity.permissions import Permission, Role

StartServer = Callable[..., AbstractContextManager[RunningServer]]
_READER = Actor(kind=ActorKind.SYSTEM, id="test", permissions=frozenset({Permission.AUDIT_READ}))
_NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)


def record(
    server: RunningServer, *, count: int = 1, at: datetime = _NOON, action: str = "party:add", **details: object
) -> None:
    """Events of somebody called `tester`, about records called `0`, `1` and so on."""
    with server.transaction() as conn:
        for number in range(count):
            service.record(
                conn, Actor(kind=ActorKind.API_KEY, id="tester"), action=action, record="thing", record_id=number,
                now=at + timedelta(seconds=number), **details,
            )  # fmt: skip


def shown(page: str) -> list[str]:
    """The record ids in the table, from top to bottom."""
    return re.findall(r'title="thing:([^"]+)"', page)


def link(page: str, text: str) -> str:
    found = re.search(rf'href="([^"]+)"[^>]*>{text}</a>', page)
    assert found is not None, f"there is no link {text}"
    return html.unescape(found.group(1))


def test_events_are_shown_newest_first_and_lead_from_page_to_page(new_server: RunningServer) -> None:
    record(new_server, count=120)
    with new_server.signed_in(Role.AUDITOR) as client:
        first = client.get("/audit?record=thing").text
        second = client.get(link(first, "Older")).text
        third = client.get(link(second, "Older")).text
        assert client.get(link(third, "Newest")).text.count("<tr>") == first.count("<tr>")
    numbers = [str(number) for number in reversed(range(120))]
    assert shown(first) + shown(second) + shown(third) == numbers
    assert ">Older</a>" not in third
    assert ">Newest</a>" not in first


def test_filters_find_and_their_links_and_downloads_ask_for_the_same(new_server: RunningServer) -> None:
    record(new_server, at=_NOON, count=2)
    record(new_server, at=_NOON + timedelta(days=1), count=3, action="key:issue", state="active")
    # In Amsterdam the second day begins an hour before UTC's.
    record(new_server, at=datetime(2024, 3, 1, 23, 30, tzinfo=UTC), action="late:deed")
    with new_server.signed_in(Role.AUDITOR) as client:
        for query, count in {
            "record=thing": 6,
            "record=thing:1": 2,
            "actor=tester": 6,
            "actor=api_key:tester&record=thing:0": 3,
            "action=key:issue": 3,
            "since=2024-03-02&until=2024-03-02&actor=tester": 4,
            "until=2024-03-01": 2,
            "since=2024-03-03&actor=tester": 0,
        }.items():
            page = client.get(f"/audit?{query}").text
            assert len(shown(page)) == count, query
            if count:
                table = list(csv.DictReader(io.StringIO(client.get(link(page, "CSV")).text)))
                events = client.get(link(page, "JSON")).json()
                assert [row["record_id"] for row in table] == [event["record_id"] for event in events] == shown(page)
            else:
                assert "No event fits this filter." in page
        page = client.get("/audit?action=key:issue").text
    assert "state: active" in page
    assert '<option value="key:issue" selected>' in page


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("since=yesterday", "Must be a day, such as 2026-11-21."),
        ("until=2024-02-30", "Must be a day, such as 2026-11-21."),
        ("until=9999-12-31", "Must be a day, such as 2026-11-21."),
        ("record=a%00b", "Must not hold the character NUL."),
        ("record=a:%00", "Must not hold the character NUL."),
        ("actor=%00", "Must not hold the character NUL."),
        ("action=%00", "Must not hold the character NUL."),
    ],
)
def test_a_filter_that_makes_no_sense_is_shown_with_what_is_wrong(server: RunningServer, query: str, problem: str) -> None:
    with server.signed_in(Role.AUDITOR) as client:
        answer = client.get(f"/audit?{query}")
        assert client.get(f"/audit/events.csv?{query}").status_code == 422
    assert answer.status_code == 422
    assert problem in answer.text


def test_an_event_that_waits_and_a_head_that_is_not_there_are_told(start_server: StartServer) -> None:
    with start_server(seal=False) as server, server.signed_in(Role.AUDITOR) as client:
        record(server)
        page = client.get("/audit").text
    assert "events are not sealed yet." in page
    assert re.search(r'class="badge muted">.*?waits', page, re.DOTALL)
    assert "none yet" in page


def test_the_chain_is_told_with_its_head_and_its_key(new_server: RunningServer) -> None:
    record(new_server)

    def state(client: httpx2.Client) -> dict[str, Any]:
        found: dict[str, Any] = client.get("/api/v1/audit/chain").json()
        return found

    with new_server.signed_in(Role.AUDITOR) as client:
        wait_until(lambda: state(client)["waiting"] == 0 and state(client)["head_position"] == state(client)["position"])
        with new_server.transaction() as conn:
            newest = service.list_events(conn, _READER, wanted=EventFilter(), limit=1)[0]
            sealed = service.chain_state(conn, _READER).position
        assert state(client)["position"] == sealed
        assert state(client)["public_key"] == new_server.keys.public_key.hex()
        for path in ("/audit", "/audit/verify"):
            page = client.get(path).text
            assert f"position {sealed} ·" in page
        assert f"--public-key {new_server.keys.public_key.hex()}" in page
        assert newest.position is not None
        folder = new_server.settings.audit_heads_dir
        shutil.move(folder, folder.with_name("aside"))
        folder.write_text("a file where the folder should be", encoding="utf-8")
        record(new_server)
        wait_until(lambda: state(client)["export_failing_since"] is not None)
        page = client.get("/audit").text
        with new_server.signed_in(Role.ADMINISTRATOR) as administrator:
            wait_until(lambda: "no signed head can be exported" in administrator.get("/health").text)
        folder.unlink()
        wait_until(lambda: state(client)["export_failing_since"] is None)
    assert "none can be exported since" in page
    assert str(folder) in page


def test_what_somebody_wrote_is_shown_as_text_and_is_no_formula(new_server: RunningServer) -> None:
    record(new_server, count=1, action="=1+1", note="<script>alert(1)</script>")
    with new_server.signed_in(Role.AUDITOR) as client:
        page = client.get('/audit?record=thing:0&actor="><script>').text
        assert "<script>alert" not in client.get("/audit?record=thing").text
        table = list(csv.DictReader(io.StringIO(client.get("/audit/events.csv?record=thing").text)))
    assert '"><script>' not in page
    assert table[0]["action"] == "'=1+1"


def test_the_pages_are_there_in_dutch(new_server: RunningServer) -> None:
    record(new_server)
    with new_server.signed_in(Role.AUDITOR, language=Language.NL) as client:
        page = client.get("/audit").text
        assert "Controleren" in page
        assert "API-sleutel" in page
        assert "De audit controleren" in client.get("/audit/verify").text


def test_programs_page_through_events(new_server: RunningServer) -> None:
    record(new_server, count=7)
    with new_server.signed_in(Role.AUDITOR) as client:
        found: list[str] = []
        before = ""
        while events := client.get(f"/api/v1/audit/events?record=thing&limit=3{before}").json():
            found += [event["record_id"] for event in events]
            before = f"&before_id={events[-1]['id']}"
        assert found == [str(number) for number in reversed(range(7))]
        assert client.get("/api/v1/audit/events?record=%00").status_code == 422
        assert client.get("/api/v1/audit/events?since=2024-03-01T00:00:00").status_code == 422
