"""The pages of the frame: shell, start, health, jobs, preferences, static files."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime

import httpx2
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from running.routes import job
from running.server import CANARY_NAME, RunningServer, console

from vangnet.audit import service as audit
from vangnet.db.embedded import EmbeddedServer
from vangnet.identity.model import InstallationKind, Language
from vangnet.identity.permissions import Permission, Role
from vangnet.web.navigation import MENU, REPORTS_MENU

StartServer = Callable[..., AbstractContextManager[RunningServer]]


def menu_of(page: httpx2.Response) -> list[str]:
    """The paths in the menu of a page."""
    nav = re.search(r'<nav aria-label="Main">(.*?)</nav>', page.text, re.DOTALL)
    return re.findall(r'href="([^"]+)"', nav.group(1)) if nav else []


@pytest.mark.parametrize("role", list(Role))
def test_the_menu_shows_what_the_role_may_open_and_all_of_it_opens(server: RunningServer, role: Role) -> None:
    with server.signed_in(role) as client:
        shown = menu_of(client.get("/"))
        for item in REPORTS_MENU:
            assert (client.get(item.path).status_code == 200) is (item.path in shown), item.path
        # What has no place in the menu of a hotline is under the person's name.
        page = client.get("/").text
        assert all(client.get(item.path).status_code == 200 for item in MENU if f'href="{item.path}"' in page)
    assert len(shown) <= 7


def test_the_shell_says_whose_installation_it_is_and_who_is_signed_in(visitor: Callable[..., httpx2.Client]) -> None:
    page = visitor(Role.STAFF).get("/").text
    assert "<strong>Test Hotline</strong>" in page
    assert '<span class="kind">Hotline</span>' in page
    assert CANARY_NAME in page


def test_what_people_are_called_is_text_and_never_a_part_of_the_page(new_server: RunningServer) -> None:
    person = new_server.invite(Role.ADMINISTRATOR, name="<img src=x onerror=alert(1)> {{ 7 * 7 }} %(x)s")
    with new_server.client() as client:
        client.cookies.set(new_server.session_cookie, new_server.session_of(person).token)
        for path in ("/", "/people", f"/people/{person.id}", "/nothing"):
            page = client.get(path).text
            assert "&lt;img src=x onerror=alert(1)&gt; {{ 7 * 7 }} %(x)s" in page
            assert "<img src=x" not in page


@pytest.mark.parametrize("kind", [InstallationKind.PROVIDER, InstallationKind.AUTHORITY])
def test_a_kind_without_a_desk_says_what_waits_and_what_it_cannot_do_yet(
    start_server: StartServer, kind: InstallationKind
) -> None:
    with start_server(kind=kind) as server, server.signed_in(Role.STAFF) as client:
        page = client.get("/").text
    assert "Nothing waits for you." in page
    assert "come with a later version of Vangnet" in page


def test_before_the_set_up_pages_still_open(start_server: StartServer) -> None:
    with start_server(kind=None) as server, server.signed_in(Role.ADMINISTRATOR) as client:
        assert "<strong>Vangnet</strong>" in client.get("/").text
        assert client.get("/api/v1/installation").status_code == 404


def test_the_first_steps_are_ticked_by_what_is_really_there(start_server: StartServer) -> None:
    with start_server() as server, server.signed_in(Role.ADMINISTRATOR) as client:
        assert "0 of 4 done" in client.get("/").text
        assert 'href="/people/invite"' in client.get("/").text
        server.signed_in(Role.ADMINISTRATOR).close()
        assert "1 of 4 done" in client.get("/").text
        with server.transaction() as conn:
            now = datetime.now(UTC)
            audit.record(conn, console(), action=Permission.BACKUP_MAKE, record="backup", record_id="1", now=now)
        assert "2 of 4 done" in client.get("/").text


def test_what_waits_is_counted_and_leads_to_where_it_waits(new_server: RunningServer) -> None:
    job(new_server, parked=True)
    new_server.invite(Role.STAFF)
    with new_server.signed_in(Role.ADMINISTRATOR) as client:
        page = client.get("/").text
    assert re.search(r'href="/jobs"><strong class="figure">1</strong>', page)
    assert re.search(r'href="/people"><strong class="figure">1</strong>', page)


def test_staff_see_neither_first_steps_nor_health(visitor: Callable[..., httpx2.Client]) -> None:
    page = visitor(Role.STAFF).get("/").text
    assert "First steps" not in page
    assert "/health" not in page


def test_a_parked_job_is_retried_and_dropped_on_the_page(server: RunningServer) -> None:
    retried, dropped = job(server, parked=True), job(server, parked=True)
    with server.signed_in(Role.ADMINISTRATOR) as client:
        page = client.get("/jobs").text
        assert f'action="/jobs/{retried}/retry"' in page
        answer = client.post(f"/jobs/{retried}/retry")
        assert "The job waits for its turn again." in client.get(answer.headers["location"]).text
        answer = client.post(f"/jobs/{dropped}/drop")
        assert "The job was dropped; it will not run." in client.get(answer.headers["location"]).text
        assert f'action="/jobs/{retried}/retry"' not in client.get("/jobs").text
        assert f'<th scope="row" class="number">{retried}</th>' in client.get("/jobs?state=waiting").text
        assert f'<th scope="row" class="number">{dropped}</th>' in client.get("/jobs?state=dropped").text
        again = client.post(f"/jobs/{dropped}/retry")
    assert again.status_code == 409
    assert "cannot go from" in again.text


def test_an_auditor_sees_jobs_and_no_buttons(server: RunningServer) -> None:
    job(server, parked=True)
    with server.signed_in(Role.AUDITOR) as client:
        page = client.get("/jobs").text
    assert "a-test-task" in page
    assert "/retry" not in page


def test_long_lists_of_jobs_go_on_on_the_next_page(new_server: RunningServer) -> None:
    numbers = [job(new_server, parked=True) for _ in range(51)]
    with new_server.signed_in(Role.AUDITOR) as client:
        first = client.get("/jobs").text
        older = re.search(r'href="(/jobs\?[^"]*before=\d+)"', first)
        assert older is not None
        second = client.get(older.group(1).replace("&amp;", "&")).text
    assert re.findall(r'class="number">(\d+)</th>', first) == [str(number) for number in reversed(numbers[1:])]
    assert re.findall(r'class="number">(\d+)</th>', second) == [str(numbers[0])]


def test_a_list_asks_the_database_the_same_questions_however_long_it_is(
    start_server: StartServer, postgres: EmbeddedServer
) -> None:
    with start_server(seal=False, checking=False) as server, server.signed_in(Role.AUDITOR) as client:
        client.get("/jobs")
        with counted_statements(server, postgres) as count_short:
            client.get("/jobs")
        for _ in range(20):
            job(server, parked=True)
        with counted_statements(server, postgres) as count_long:
            client.get("/jobs")
    assert count_long() == count_short() > 0


@contextmanager
def counted_statements(server: RunningServer, postgres: EmbeddedServer) -> Iterator[Callable[[], int]]:
    """Counts what PostgreSQL was asked in this server's database, by its own log."""
    name = conninfo_to_dict(server.database.conninfo)["dbname"]
    with psycopg.connect(postgres.conninfo("postgres", "postgres"), autocommit=True) as superuser:
        superuser.execute(f"ALTER DATABASE {name} SET log_statement TO 'all'".encode())
        superuser.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        with server.transaction() as conn:
            conn.execute("SELECT 'connected anew'")
        size = postgres.log.stat().st_size
        added = ""
        yield lambda: len(re.findall(r"LOG:  (?:statement|execute [^:]*): (?!BEGIN|COMMIT|SET)", added))
        added = postgres.log.read_bytes()[size:].decode()
        superuser.execute(f"ALTER DATABASE {name} RESET log_statement".encode())


def test_language_and_look_follow_the_person_and_the_browser(server: RunningServer) -> None:
    with server.signed_in(Role.STAFF, language=Language.EN) as client:
        assert '<html lang="en">' in client.get("/").text
        answer = client.post("/preferences", data={"language": "nl", "back": "/jobs"})
        assert answer.headers["location"] == "/jobs"
        client.post("/preferences", data={"theme": "dark"})
        assert '<html lang="nl" data-theme="dark">' in client.get("/").text
        client.cookies.delete(server.session_cookie)
        assert '<html lang="nl" data-theme="dark">' in client.get("/api/docs").text


def test_whoever_is_not_signed_in_chooses_for_this_browser(anonymous: httpx2.Client) -> None:
    assert '<html lang="nl">' in anonymous.get("/api/docs", headers={"Accept-Language": "nl-NL,en;q=0.5"}).text
    anonymous.post("/preferences", data={"language": "en", "theme": "light"})
    assert '<html lang="en" data-theme="light">' in anonymous.get("/api/docs", headers={"Accept-Language": "nl"}).text


def test_single_keys_can_be_switched_off(visitor: Callable[..., httpx2.Client]) -> None:
    client = visitor(Role.STAFF)
    assert 'data-single-keys="on"' in client.get("/").text
    client.post("/preferences", data={"keys": "off"})
    assert 'data-single-keys="off"' in client.get("/").text


@pytest.mark.parametrize("back", ["//attacker.example", "https://attacker.example", "/\\attacker.example", "", "\x00/"])
def test_a_choice_leads_back_to_this_site_only(anonymous: httpx2.Client, back: str) -> None:
    answer = anonymous.post("/preferences", data={"theme": "dark", "back": back})
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize("value", ["fr", "NL", "nl; Path=/", "<script>"])
def test_an_unknown_choice_is_left_out(anonymous: httpx2.Client, value: str) -> None:
    answer = anonymous.post("/preferences", data={"language": value, "theme": value, "keys": value})
    assert answer.status_code == 303
    assert "set-cookie" not in answer.headers


def test_an_unknown_sentence_is_not_shown(visitor: Callable[..., httpx2.Client]) -> None:
    assert 'class="done"' not in visitor(Role.STAFF).get("/?done=<script>alert(1)</script>").text


def test_times_are_shown_with_their_zone(visitor: Callable[..., httpx2.Client]) -> None:
    page = visitor(Role.ADMINISTRATOR).get("/health").text
    assert re.search(r'<time datetime="\d{4}-\d\d-\d\dT[\d:.]+\+00:00">\d+ \w+ \d{4} \d\d:\d\d CES?T</time>', page)


def test_static_files_may_be_kept_for_ever_and_have_the_right_kind(server: RunningServer, anonymous: httpx2.Client) -> None:
    page = anonymous.get("/api/docs").text
    kinds = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
    found = re.findall(r'(?:href|src)="(/static/[^"]+\.(\w+))"', page)
    assert {suffix for _, suffix in found} >= {"css", "js", "svg"}
    for path, suffix in found:
        answer = anonymous.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == kinds[suffix]
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("name", ["../app.py", "..%2fapp.py", "nothing.css", "vendor", "vendor/", "%2e%2e/pages.py"])
def test_only_static_files_are_served(server: RunningServer, anonymous: httpx2.Client, name: str) -> None:
    current = server.app.state.site.static.address("vangnet.css").rsplit("/", 1)[0]
    assert anonymous.get(f"{current}/{name}").status_code == 404


def test_an_older_version_of_a_static_file_is_gone(anonymous: httpx2.Client) -> None:
    assert anonymous.get("/static/0000000000000000/vangnet.css").status_code == 404
