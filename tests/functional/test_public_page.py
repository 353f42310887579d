"""The public page: somebody who saw something sends a link without giving a name, and nobody learns who it was."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from running.forms import forms_of
from running.help_contacts import made_up_contacts
from running.server import CANARY, RunningServer, console
from running.states import wait_until

from vangnet.identity.model import InstallationKind, PartyKind
from vangnet.identity.permissions import Permission, Role
from vangnet.identity.service import parties
from vangnet.reports.model.drafts import Incident, ReporterKind
from vangnet.reports.service.desk import desk, showing
from vangnet.worker import Worker

LINK = f"https://{CANARY}.example/gallery/7"
_RECEIPT = re.compile(r"<code>((?:[0-9A-Z]{4} ){6}[0-9A-Z]{4})</code>")


@pytest.fixture
def somebody(server: RunningServer) -> Iterator[httpx2.Client]:
    """A browser of somebody whom nobody knows, behind a proxy that tells their address."""
    with server.client(headers={"X-Forwarded-For": "198.51.100.77", "Accept-Language": "en"}) as client:
        yield client


def token_of(client: httpx2.Client) -> str:
    (form,) = [form for form in forms_of(client.get("/report/saw")) if form.action == "/report/saw"]
    return form.values["token"][0]


def sent(client: httpx2.Client, **given: str) -> httpx2.Response:
    return client.post("/report/saw", data={"links": LINK, "token": token_of(client), "language": "en"} | given)


def receipt_in(answer: httpx2.Response) -> str:
    assert answer.status_code == 200, answer.text
    found = _RECEIPT.search(answer.text)
    assert found is not None
    return found[1]


def deliveries_of(server: RunningServer) -> int:
    with server.transaction() as conn:
        number: int = conn.execute("SELECT count(*) FROM report_delivery WHERE source = 'public'").fetchall()[0][0]
    return number


# --- what somebody sees ---


@pytest.mark.parametrize("path", ["/report", "/report/saw", "/report/me", "/report/worry", "/report/receipt"])
def test_every_page_has_112_first_a_way_out_and_nothing_of_others(somebody: httpx2.Client, path: str) -> None:
    answer = somebody.get(path)
    assert answer.status_code == 200
    main = answer.text.index("<main")
    assert answer.text.index("Child in danger now?") > main
    assert answer.text.index("Call 112.") < answer.text.index("<h1")
    assert "Leave now" in answer.text
    assert "browser's history" in answer.text.replace("&#39;", "'")
    assert "set-cookie" not in answer.headers
    assert "<script" not in answer.text
    assert 'type="file"' not in answer.text
    own = re.findall(r'<(?:link|img|script|source|iframe)[^>]*(?:href|src)="([^"]+)"', answer.text)
    assert all(address.startswith("/static/") for address in own), own


def test_the_language_is_the_browsers_until_somebody_chooses(server: RunningServer) -> None:
    with server.client(headers={"Accept-Language": "nl"}) as client:
        assert "Wat wil je vertellen?" in client.get("/report").text
        chosen = client.get("/report?language=en")
        assert "What do you want to tell?" in chosen.text
        assert 'href="/report/saw?language=en"' in chosen.text
        assert "set-cookie" not in chosen.headers


def test_who_comes_to_the_colleagues_door_is_led_on(somebody: httpx2.Client) -> None:
    assert '<a href="/report">Do you want to report something, or do you need help?</a>' in somebody.get("/sign-in").text


def test_doors_lead_to_help_that_is_for_them(somebody: httpx2.Client) -> None:
    me, worry = somebody.get("/report/me").text, somebody.get("/report/worry").text
    assert "Example Youth Chat" in me
    assert "Example Youth Chat" not in worry
    assert "Example Anonymous Help" in worry
    assert "<form" not in me + worry


# --- what is sent ---


def test_a_link_becomes_a_report_in_the_queue(server: RunningServer, somebody: httpx2.Client) -> None:
    answer = sent(
        somebody, links=f"{LINK}\n hxxps://second[.]example/x \n\n", kind="material", place="an app", note=f"{CANARY} note",
        seen_at="2026-11-20T14:05",
    )  # fmt: skip
    receipt_in(answer)
    with server.transaction() as conn:
        delivery_id = conn.execute("SELECT max(id) FROM report_delivery WHERE source = 'public'").fetchall()[0][0]
    with Worker(server.database, server.keys, server.settings):
        wait_until(lambda: bool(reports_of(server, delivery_id)))
    (report_id,) = reports_of(server, delivery_id)
    with server.transaction() as conn:
        report = showing.get_report(conn, console(), report_id=report_id)
        draft = showing.read_draft(conn, server.keys, report)
    assert (draft.reporter.kind, draft.reporter.contact) == (ReporterKind.ANONYMOUS, None)
    assert draft.incident is Incident.MATERIAL
    assert [item.address for item in draft.items] == [LINK, "https://second.example/x"]
    assert draft.text == f"{CANARY} note\nplace: an app"
    # Two in the afternoon in Amsterdam, in winter.
    assert draft.incident_at == datetime(2026, 11, 20, 13, 5, tzinfo=UTC)
    assert draft.language == "en"


def reports_of(server: RunningServer, delivery_id: int) -> list[int]:
    with server.transaction() as conn:
        rows = conn.execute("SELECT report_id FROM report_came WHERE delivery_id = %s", [delivery_id]).fetchall()
    return [row[0] for row in rows]


def test_a_second_click_is_the_same_report_with_the_same_receipt(server: RunningServer, somebody: httpx2.Client) -> None:
    token, before = token_of(somebody), deliveries_of(server)
    receipts = {receipt_in(sent(somebody, token=token)) for _ in range(3)}
    assert len(receipts) == 1
    assert deliveries_of(server) == before + 1
    # Something else by the same form, after going back: nothing that somebody tells is lost.
    assert receipt_in(sent(somebody, token=token, note="something else")) not in receipts
    # And two people can tell the same.
    assert receipt_in(sent(somebody)) not in receipts
    assert deliveries_of(server) == before + 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"links": "  \n "}, "Enter the link. No link? See below."),
        ({"links": f"{LINK}\nno link at all"}, "This is no link: line 2."),
        ({"links": "javascript:alert(1)"}, "This is no link: line 1."),
        ({"links": "\n".join([LINK] * 101)}, "at most 100"),
        ({"seen_at": "2999-01-01T00:00"}, "This is no time that can be"),
        ({"seen_at": "yesterday"}, "This is no time that can be"),
        ({"kind": "nonsense"}, "one of those that can be chosen"),
        ({"note": "x" * 5001}, "at most 5000 characters"),
        ({"contact": "somebody@mail.example"}, "chose to stay anonymous"),
        ({"who": "reachable"}, "Fill in how we can reach you"),
    ],
)  # fmt: skip
def test_what_is_to_be_mended_is_said_and_nothing_typed_is_lost(
    server: RunningServer, somebody: httpx2.Client, given: dict[str, str], said: str
) -> None:
    before = deliveries_of(server)
    answer = sent(somebody, **({"note": f"{CANARY} kept"} | given))
    assert answer.status_code == 422
    assert said in answer.text
    assert f"{CANARY} kept" in answer.text or "note" in given
    assert deliveries_of(server) == before


def test_whoever_may_be_reached_is(server: RunningServer, somebody: httpx2.Client) -> None:
    receipt_in(sent(somebody, who="reachable", contact=f"{CANARY}@mail.example"))


def test_a_flood_from_one_address_is_stopped_and_told(
    start_server: Callable[..., AbstractContextManager[RunningServer]],
) -> None:
    with start_server() as server, server.client(headers={"X-Forwarded-For": "203.0.113.9"}) as flood:
        statuses = [sent(flood, note=str(number)).status_code for number in range(32)]
        assert statuses[-1] == 429
        assert statuses.count(200) == 30
        with server.client(headers={"X-Forwarded-For": "203.0.113.10"}) as another:
            assert sent(another).status_code == 200


# --- what becomes of it ---


def test_a_receipt_shows_one_word_and_no_more(server: RunningServer, somebody: httpx2.Client) -> None:
    receipt = receipt_in(sent(somebody, note=f"{CANARY} word"))
    asked = somebody.post("/report/receipt", data={"receipt": receipt.lower().replace(" ", "-"), "language": "en"})
    assert "Received" in asked.text
    assert CANARY not in asked.text
    with server.transaction() as conn:
        delivery_id = conn.execute("SELECT max(id) FROM report_delivery WHERE source = 'public'").fetchall()[0][0]
    with Worker(server.database, server.keys, server.settings):
        wait_until(lambda: bool(reports_of(server, delivery_id)))
    (report_id,) = reports_of(server, delivery_id)
    with server.transaction() as conn:
        conn.execute(
            "UPDATE report SET state = 'done', closing = 'handled', claimed_by = NULL, claimed_at = NULL WHERE id = %s",
            [report_id],
        )
    assert "Handled" in somebody.post("/report/receipt", data={"receipt": receipt, "language": "en"}).text


@pytest.mark.parametrize("receipt", ["", "0000 0000", "0" * 28, "é" * 28, "0" * 5000])
def test_a_receipt_that_is_none_says_so(somebody: httpx2.Client, receipt: str) -> None:
    answer = somebody.post("/report/receipt", data={"receipt": receipt, "language": "en"})
    assert answer.status_code == 422
    assert "There is no report with this receipt" in answer.text


# --- where there is one ---


def test_the_police_say_first_that_the_hotline_handles_links(
    start_server: Callable[..., AbstractContextManager[RunningServer]],
) -> None:
    with start_server(kind=InstallationKind.POLICE, party_name="Politie Voorbeeld") as server, server.client() as client:
        assert "handled by the hotline" not in client.get("/report?language=en").text
        with server.transaction() as conn:
            parties.add(
                conn, console(), name="Meldpunt Voorbeeld", kind=PartyKind.HOTLINE, base_url="https://meldpunt.example",
                public_key=bytes(range(32)), now=datetime.now(UTC),
            )  # fmt: skip
        for path in ("/report", "/report/saw"):
            shown = client.get(f"{path}?language=en").text
            assert "Links to material are handled by the hotline" in shown
            assert 'href="https://meldpunt.example/report"' in shown
        assert shown.index("handled by the hotline") < shown.index('name="links"')


@pytest.mark.parametrize("given", [{"kind": InstallationKind.PROVIDER}, {"help_contacts_file": None}])
def test_there_is_no_page_elsewhere_or_without_help_to_show(
    start_server: Callable[..., AbstractContextManager[RunningServer]], given: dict[str, object]
) -> None:
    with start_server(**given) as server, server.client() as client:
        for path in ("/report", "/report/saw", "/report/me", "/report/worry", "/report/receipt"):
            assert client.get(path).status_code == 404
        assert client.post("/report/saw", data={"links": LINK}).status_code == 404


def test_contacts_that_nobody_checked_for_long_are_a_matter_of_health(
    start_server: Callable[..., AbstractContextManager[RunningServer]], tmp_path: Path
) -> None:
    with start_server() as server, server.program(Permission.HEALTH_READ), server.signed_in(Role.ADMINISTRATOR) as person:
        assert "were checked within 90 days" in person.get("/health").text
        old = datetime.now(UTC).date() - timedelta(days=92)
        made_up_contacts(tmp_path, day=old)
        wait_until(lambda: "nobody checked for 90 days: 3" in person.get("/health").text)
        contacts = tmp_path / "help-contacts.toml"
        contacts.write_text("contact = 3", encoding="utf-8")
        wait_until(lambda: "cannot be used" in person.get("/health").text)
        with server.client() as client:
            assert "Example Helpline" in client.get("/report/saw?language=en").text


# --- what nobody learns ---


def test_no_log_has_the_address_or_the_words_of_an_anonymous_reporter(
    server: RunningServer, somebody: httpx2.Client
) -> None:
    receipt = receipt_in(sent(somebody, note=f"{CANARY} secret note"))
    somebody.post("/report/receipt", data={"receipt": receipt})
    somebody.get("/report/saw", headers={"Referer": LINK})
    logged = server.logged()
    assert "/report/saw" in logged
    for canary in ("198.51.100.77", CANARY, receipt, receipt.replace(" ", ""), "secret note"):
        assert canary not in logged
    with server.transaction() as conn:
        rows = "\n".join(
            str(row)
            for table in ("report_delivery", "report_receipt", "audit_event", "sign_in_attempt", "procrastinate_jobs")
            if conn.execute("SELECT to_regclass(%s)", [table]).fetchall()[0][0] is not None
            for row in conn.execute(f"SELECT t::text FROM {table} t".encode())  # noqa: S608 (ours)
        )
    for canary in ("198.51.100.77", CANARY, receipt.replace(" ", "")):
        assert canary not in rows


def test_the_desk_sees_it_wait(server: RunningServer, somebody: httpx2.Client) -> None:
    receipt_in(sent(somebody, note="for the desk"))
    with Worker(server.database, server.keys, server.settings):
        wait_until(lambda: all(reports_of(server, one) for one in public_deliveries(server)))
    with server.transaction() as conn:
        assert desk.queue(conn, console(), limit=10, now=datetime.now(UTC))


def public_deliveries(server: RunningServer) -> list[int]:
    with server.transaction() as conn:
        return [row[0] for row in conn.execute("SELECT id FROM report_delivery WHERE source = 'public'").fetchall()]
