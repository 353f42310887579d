"""The desk's pages: queue, report, deliveries, danger, shift, triage; by whom, and without what readers may not see."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime

import httpx2
import pytest
from running import desk_routes
from running.desk_routes import LINK, SAID, Colleague, a_bad_delivery, a_report, has
from running.forms import form_to
from running.server import RunningServer, console

from vangnet.identity.permissions import Permission, Role
from vangnet.reports.model.contents import packed
from vangnet.reports.model.drafts import Incident, ItemDraft, ItemKind, Sign
from vangnet.reports.model.triage_policy import STARTING, as_document
from vangnet.reports.service.desk import desk, sampling
from vangnet.reports.service.intake import deliveries
from vangnet.reports.service.triage import policies

#: What the report of `desk_routes` says.
SAID_ALL = (SAID, "pictures.example", "pictures[", "mail.example", "192.0.2.", "198.51.100.", "Utrecht", "Host Example")


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def desk_server(start_server: Callable[..., AbstractContextManager[RunningServer]]) -> Iterator[RunningServer]:
    """An installation of the test's own: for what counts all that waits. It checks nothing and seals nothing."""
    with start_server(seal=False, checking=False) as started:
        yield started


def rows_of(page: httpx2.Response) -> list[int]:
    """The numbers of the reports in a page's table."""
    return [int(found) for found in re.findall(r'<th scope="row">.*?<a href="/reports/(\d+)">', page.text)]


# --- who sees what ---


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ADMINISTRATOR, Role.CURATOR])
def test_whoever_only_reads_sees_the_frame_and_nothing_that_the_report_says(server: RunningServer, role: Role) -> None:
    report_id = a_report(server, Sign.INFANT)
    with server.signed_in(role) as client:
        pages = [
            client.get(path) for path in (f"/reports/{report_id}", "/queue", "/queue?unseen=true", "/shift", "/danger")
        ]
        told = client.get("/queue/reports.csv").text + client.get("/triage").text
    assert all(page.status_code == 200 for page in pages)
    assert "an infant" in pages[0].text
    assert "What it says is for whoever works on reports." in pages[0].text
    for page in [*(page.text for page in pages), told]:
        assert not any(said in page for said in SAID_ALL)
        assert f'action="/reports/{report_id}/claim"' not in page


def test_whoever_works_on_reports_reads_all_of_it_and_that_is_kept(server: RunningServer) -> None:
    report_id = a_report(server, Sign.INFANT)
    with server.signed_in(Role.STAFF) as client:
        page = client.get(f"/reports/{report_id}").text
    assert SAID in page
    assert "https://pictures.example" not in page, "no address can be followed by mistake"
    assert "hxxps://pictures[.]example/gallery/" in page
    for shown in (
        "@mail.example",
        "192.0.2.",
        "198.51.100.",
        "Utrecht",
        "A time could not be read",
        "Persons named",
    ):
        assert shown.lower() in page.lower()
    assert "<img" not in page
    with server.transaction() as conn:
        events = conn.execute(
            "SELECT details ->> 'opened' FROM audit_event WHERE record = 'report' AND record_id = %s AND action = %s",
            [str(report_id), str(Permission.REPORT_WORK)],
        ).fetchall()
    assert events == [("1",)]


def test_programs_get_the_list_without_what_reports_say(server: RunningServer) -> None:
    report_id = a_report(server, Sign.INFANT)
    with server.program(Permission.REPORT_READ) as program:
        answer = program.get(f"/api/v1/queue/{report_id}")
        listed = program.get("/api/v1/queue", params={"unseen": "true", "limit": 5})
        assert program.get("/api/v1/queue/999999999").status_code == 404
    assert answer.json()["id"] == report_id
    assert {"factor": "sign", "code": "infant", "points": 10, "sayer": "company"} in answer.json()["reasons"]
    assert all(one["unseen"] for one in listed.json())
    assert "pictures" not in answer.text + listed.text


# --- the queue ---


def test_the_queue_stands_in_its_order_with_the_line_and_its_reasons(desk_server: RunningServer) -> None:
    plain = [a_report(desk_server, items=()) for _ in range(3)]
    urgent = a_report(desk_server, Sign.LIVE, items=())
    lead = Colleague(desk_server, Role.LEAD)
    with lead.client as client:
        client.post("/queue/capacity", data={"hours": "1", "minutes_each": "30"})
        page = client.get("/queue")
        assert rows_of(page)[0] == urgent
        assert sorted(rows_of(page)) == sorted([*plain, urgent])
        assert "With 1 hours this week the line falls after 2 reports." in page.text
        assert "Below it are 2 reports" in page.text
        assert "streamed live" in page.text
        assert "says a company" in page.text
        assert page.text.index('class="line"') > page.text.index(f'href="/reports/{rows_of(page)[1]}"')
        table = list(csv.reader(io.StringIO(client.get("/queue/reports.csv").text)))
        wrong = client.post("/queue/capacity", data={"hours": "0", "minutes_each": "x"})
    assert table[0][:4] == ["number", "report", "lane", "because"]
    assert [int(row[1]) for row in table[1:]] == rows_of(page)
    assert wrong.status_code == 422
    assert "must be a whole number" in wrong.text.lower()


def test_next_claims_the_first_and_opens_it(desk_server: RunningServer) -> None:
    a_report(desk_server)
    urgent = a_report(desk_server, Sign.DANGER_NOW)
    one = Colleague(desk_server)
    with one.client as client:
        answer = client.post("/queue/next")
        assert answer.headers["location"] == f"/reports/{urgent}"
        page = client.get(f"/reports/{urgent}").text
        assert "Pass on" in page
        client.post("/queue/next")
        empty = client.post("/queue/next")
        assert "No report waits." in client.get(empty.headers["location"]).text
        assert str(urgent) in client.get("/queue/claimed").text
    with desk_server.signed_in(Role.STAFF) as other:
        refused = other.post(f"/reports/{urgent}/claim")
    assert refused.status_code == 409
    assert "a colleague works on the report already" in refused.text.lower()


def test_a_filter_is_a_link_with_a_name(server: RunningServer) -> None:
    polish = a_report(server, language="pl")
    other = a_report(server, language="nl")
    one = Colleague(server)
    with one.client as client:
        page = client.get("/queue", params={"language": "pl"})
        assert polish in rows_of(page)
        assert other not in rows_of(page)
        form = form_to(page, "/queue/filters")
        answer = client.post(
            "/queue/filters", data={name: values[0] for name, values in form.values.items()} | {"name": "Pools"}
        )
        assert answer.headers["location"].startswith("/queue?language=pl")
        assert '<a href="/queue?language=pl">Pools</a>' in client.get("/queue").text
        assert client.get("/queue", params={"language": "12"}).status_code == 422
        forget = re.search(r'action="(/queue/filters/\d+/forget)"', client.get("/queue").text)
        assert forget is not None
        client.post(forget.group(1))
        assert "Pools" not in client.get("/queue").text


def test_a_lead_gives_several_reports_to_a_colleague(server: RunningServer) -> None:
    first, second = a_report(server), a_report(server)
    one, lead = Colleague(server), Colleague(server, Role.LEAD)
    with lead.client as client:
        assert client.post(f"/queue/people/{one.id}", data={"tags": "nl, <b>"}).status_code == 422
        client.post(f"/queue/people/{one.id}", data={"tags": "pl, chat logs"})
        assert "chat logs, pl" in client.get("/queue/people").text
        wrong = client.post("/queue/assign", data={"reports": [], "person": str(one.id)})
        assert "choose at least one report" in wrong.text.lower()
        client.post("/queue/assign", data={"reports": [str(first), str(second)], "person": str(one.id)})
    with one.client as client:
        page = client.get("/shift").text
    assert f'href="/reports/{first}"' in page
    assert f'href="/reports/{second}"' in page


# --- one report ---


def test_a_report_is_claimed_noted_passed_on_closed_and_opened_again(server: RunningServer) -> None:
    report_id = a_report(server)
    path = f"/reports/{report_id}"
    with Colleague(server).client as client:
        assert f'action="{path}/claim"' in client.get(path).text
        client.post(f"{path}/claim")
        assert f'href="{path}/assess"' in client.get(path).text
        assert client.post(f"{path}/notes", data={"text": " "}).status_code == 422
        client.post(f"{path}/notes", data={"text": f"Look at {LINK}/9 first.", "hand_over": "true"})
        assert "hxxps://pictures[.]example/gallery/9 first." in client.get(path).text
        passed = client.post(f"{path}/pass-on")
        assert "No reason is asked" in client.get(passed.headers["location"]).text
        assert client.post(f"{path}/close", data={"closing": "handled"}).status_code == 409
        client.post(f"{path}/claim")
        assert client.post(f"{path}/close", data={"closing": ""}).status_code == 422
        client.post(f"{path}/close", data={"closing": "nothing_found"})
        page = client.get(path).text
        assert "nothing punishable in it" in page
        client.post(f"{path}/reopen")
        page = client.get(path).text
    told = re.search(r'<ol class="timeline">(.*?)</ol>', page, re.DOTALL)
    assert told is not None
    steps = re.findall(r"<strong>([^<]+)</strong>", told.group(1))
    assert steps == ["waits", "being worked on", "waits", "being worked on", "done", "waits"]
    assert "opened again" in told.group(1)


def test_a_hand_over_is_read_at_the_start_of_a_shift(server: RunningServer) -> None:
    report_id = a_report(server)
    note_id = desk_routes.a_hand_over(server, report_id)
    with server.signed_in(Role.STAFF) as client:
        assert f'action="/reports/{report_id}/notes/{note_id}/read"' in client.get("/shift").text
        assert "Please go on with the second address." in client.get("/").text
        client.post(f"/reports/{report_id}/notes/{note_id}/read")
        assert f"/notes/{note_id}/read" not in client.get("/shift").text


def test_a_report_that_came_again_with_changes_shows_both_versions(server: RunningServer) -> None:
    told = desk_routes.draft()
    first = packed(told)
    desk_routes.keep(server, first)
    changed = desk_routes.keep(server, packed(replace(told, text="Other words.")))
    with server.transaction() as conn:
        (report_id,) = deliveries.show(conn, console(), keys=server.keys, delivery_id=changed.id).reports
    with server.signed_in(Role.STAFF) as client:
        page = client.get(f"/reports/{report_id}").text
        before = client.get(f"/reports/{report_id}?version=1").text
    assert "Other words." in page
    assert "version 2" in page
    assert SAID in before
    assert "Only the last one counts." in before


def test_a_report_of_many_items_is_read_page_by_page(server: RunningServer) -> None:
    items = tuple(ItemDraft(kind=ItemKind.ADDRESS, address=f"{LINK}/many/{n}") for n in range(205))
    report_id = a_report(server, items=items)
    with server.signed_in(Role.STAFF) as client:
        first = client.get(f"/reports/{report_id}").text
        second = client.get(f"/reports/{report_id}?page=2").text
    assert "/gallery/many/199<" in first
    assert "/gallery/many/200<" not in first
    assert "/gallery/many/204<" in second
    assert "Page 2 of 2" in second


# --- deliveries ---


def test_a_bad_delivery_is_shown_read_as_text_and_mended(server: RunningServer) -> None:
    delivery_id = a_bad_delivery(server)
    with server.signed_in(Role.STAFF) as client:
        assert f'href="/deliveries/{delivery_id}"' in client.get("/deliveries?open=true").text
        page = client.get(f"/deliveries/{delivery_id}").text
        assert "it is something else than it was said to be" in page
        raw = client.get(f"/deliveries/{delivery_id}/raw").text
        assert "/1 &lt;b&gt;" in raw
        assert "hxxps://pictures[.]example/1" in raw
        assert "<b>" not in raw
        nothing = client.post(f"/deliveries/{delivery_id}/repair", data={"text": " "})
        assert nothing.status_code == 422
        mended = client.post(f"/deliveries/{delivery_id}/repair", files={"file": ("a.json", b'{"mended": true}')})
        assert mended.headers["location"].startswith("/deliveries/")
        assert "mended" in client.get(f"/deliveries/{delivery_id}").text
        assert client.post(f"/deliveries/{delivery_id}/again").status_code == 422
    with server.transaction() as conn:
        opened = conn.execute(
            """
            SELECT count(*) FROM audit_event
            WHERE record_id = %s AND record = 'delivery' AND details ->> 'opened' = 'true'
            """,
            [str(delivery_id)],
        ).fetchall()
    assert opened == [(1,)]


def test_whoever_only_reads_sees_what_is_bad_and_not_what_came(server: RunningServer) -> None:
    delivery_id = a_bad_delivery(server)
    with server.signed_in(Role.AUDITOR) as client:
        page = client.get(f"/deliveries/{delivery_id}").text
        assert client.get(f"/deliveries/{delivery_id}/raw").status_code == 403
    assert "it is something else than it was said to be" in page
    assert "/raw" not in page


# --- danger ---


def test_danger_is_on_every_page_of_whoever_is_called_until_somebody_takes_it(desk_server: RunningServer) -> None:
    one, other = Colleague(desk_server), Colleague(desk_server)
    with one.client as client, other.client as second:
        assert "Nobody is on watch." in client.get("/danger").text
        client.post("/danger/watch/join")
        second.post("/danger/watch/join")
        assert "danger.js" in client.get("/queue").text
        report_id = a_report(desk_server, Sign.DANGER_NOW)
        for path in ("/", "/queue", "/me", f"/reports/{report_id}", "/danger/banner"):
            assert "Acute danger: 1 report that nobody took." in client.get(path).text, path
            assert 'danger-banner" role=' not in second.get(path).text, path
        with desk_server.signed_in(Role.AUDITOR) as auditor:
            assert 'danger-banner" role=' not in auditor.get("/danger").text
        answer = client.post(f"/danger/{report_id}/take")
        assert answer.headers["location"].startswith(f"/reports/{report_id}")
        assert 'danger-banner" role=' not in client.get("/queue").text
        assert second.post(f"/danger/{report_id}/take").status_code == 409
        assert "No child is in danger now" in client.get(f"/reports/{report_id}").text
        client.post(f"/reports/{report_id}/no-danger")
        client.post(f"/reports/{report_id}/pass-on")
        assert "No report calls anybody now." in second.get("/danger").text
        second.post("/danger/watch/leave")
        client.post("/danger/watch/leave")
        assert "danger.js" not in client.get("/queue").text


# --- triage ---


def test_what_is_missed_is_told_with_its_interval(desk_server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "draw_below_line", lambda _policy, below, _chance: sorted(below)[:1])
    for _ in range(3):
        a_report(desk_server, items=())
    lead = Colleague(desk_server, Role.LEAD)
    with lead.client as client:
        assert "That is no sign that nothing is missed." in client.get("/triage").text
        client.post("/queue/capacity", data={"hours": "1", "minutes_each": "60"})
        with desk_server.transaction() as conn:
            sampling.draw(conn, console(), now=now())
            (drawn,) = sampling.missed(conn, console(), now=now()).to_open
        assert "1 drawn report waits to be opened" in client.get("/triage").text
        assert client.post("/queue/next").headers["location"] == f"/reports/{drawn}"
        assert client.post(f"/reports/{drawn}/close", data={"closing": "nothing_found"}).status_code == 422
        client.post(f"/reports/{drawn}/close", data={"closing": "nothing_found", "urgent": "false"})
        page = client.get("/triage").text
    assert "0.0 %" in page
    assert "the true share is between 0.0 % and 97.5 %" in page
    assert "Of the 1 below the line now, 0 to 1 are urgent." in page


def test_another_policy_is_seen_before_it_is_chosen(desk_server: RunningServer) -> None:
    for _ in range(4):
        a_report(desk_server, items=())
    rises = a_report(desk_server, items=(), incident=Incident.PAYMENT)
    with desk_server.signed_in(Role.LEAD) as client:
        form = form_to(client.get("/triage/policy/change"), "/triage/policy/preview")
        data = {name: values if len(values) > 1 else values[0] for name, values in form.values.items()}
        data["danger"] = as_document(STARTING)["danger"]
        wrong = client.post("/triage/policy/preview", data=data | {"unseen": "9999"})
        assert wrong.status_code == 422
        assert "Must be a whole number from 0 to 60" in wrong.text
        page = client.post("/triage/policy/preview", data=data | {"incidents.payment": "26"})
        assert "Of 5 reports that were looked at" in page.text
        send = form_to(page, "/triage/policy")
        assert json.loads(send.values["document"][0])["incidents"]["payment"] == 26
        chosen = client.post("/triage/policy", data={name: values[0] for name, values in send.values.items()})
        assert "version 1" in client.get(chosen.headers["location"]).text
        late = client.post("/triage/policy", data={name: values[0] for name, values in send.values.items()})
        assert late.status_code == 409
    with desk_server.transaction() as conn:
        assert policies.show(conn, console()).policy.incidents[Incident.PAYMENT] == 26
        assert rises in {one.report.id for one in desk.queue(conn, console(), limit=5, now=now())}


def test_staff_see_the_policy_and_cannot_change_it(server: RunningServer) -> None:
    with server.signed_in(Role.STAFF) as client:
        assert "/triage/policy/change" not in client.get("/triage").text
        assert client.get("/triage/policy/change").status_code == 403


# --- the start page ---


def test_a_hotline_starts_its_day_on_the_start_page(server: RunningServer) -> None:
    one = Colleague(server)
    report_id = has(server, one)
    with one.client as client:
        page = client.get("/").text
    assert 'action="/queue/next"' in page
    assert f'href="/reports/{report_id}"' in page
    assert "Clocks that end within three days" in page
