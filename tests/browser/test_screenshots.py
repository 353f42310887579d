"""The pictures of the papers: `SCREENSHOTS=docs/images pytest tests/browser/test_screenshots.py`, then look at them."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ViewportSize
from running import gate_day
from running.pages import address_of
from running.server import RunningServer, console, own_database, running

from vangnet.db.embedded import EmbeddedServer
from vangnet.identity.model import PartyKind
from vangnet.identity.permissions import Permission, Role
from vangnet.identity.service import api_keys, parties
from vangnet.simulation.desks import fill_police
from vangnet.simulation.gate import House
from vangnet.simulation.installations import CAST
from vangnet.worker import Worker

FOLDER = os.environ.get("SCREENSHOTS")
SIZE = ViewportSize(width=1120, height=660)
PICTURES = [
    ("sign-in", "/sign-in", "light"),
    ("start-light", "/", "light"),
    ("start-dark", "/", "dark"),
    ("people", "/people", "light"),
    ("audit", "/audit", "light"),
    ("list", "/lists/{list_id}", "light"),
    ("decision", "/decisions/{check_id}", "light"),
    ("gate", "/gate", "light"),
    ("gate-dark", "/gate", "dark"),
    ("policy", "/gate/policy", "light"),
    ("policy-preview", "/gate/policy/change", "light"),
    ("false-alarms", "/gate/review", "light"),
    ("probing", "/gate/probes", "light"),
]
#: Of the desk, as one of the staff sees it; by the number of a report in the made-up set.
DESK = [
    ("queue", "/queue"),
    ("report", "/reports/24"),
    ("links", "/reports/24/links"),
    ("assess", "/reports/24/assess/1"),
    ("triage-page", "/triage"),
]
COLLEAGUES = {"Bram Jansen": Role.STAFF, "Joost van den Berg": Role.ADMINISTRATOR, "Mirjam Kok": Role.STAFF}
pytestmark = pytest.mark.skipif(FOLDER is None, reason="SCREENSHOTS names no folder for the pictures")


@pytest.fixture
def hotline(postgres: EmbeddedServer, tmp_path: Path) -> Iterator[RunningServer]:
    """A hotline as it looks after a first day: made-up people, a few parties."""
    logfile = tmp_path / "log"
    logfile.touch()
    with (
        own_database(postgres, "pictures") as database,
        running(database, tmp_path, logfile, party_name="Meldpunt Voorbeeld") as server,
        Worker(database, server.keys, server.settings),
    ):
        for name, role in COLLEAGUES.items():
            server.session_of(server.invite(role, name=name, email=address(name)))
        server.invite(Role.AUDITOR, name="Fatima El Amrani", email=address("Fatima El Amrani"))
        now = datetime.now(UTC)
        with server.transaction() as conn:
            hoster = parties.add(
                conn, console(), name="Hosting Noord", kind=PartyKind.PROVIDER, public_key=bytes(range(32)), now=now
            )
            parties.record_legal_basis(
                conn,
                console(),
                party_id=hoster.id,
                text="Notice and takedown",
                reference="Code of conduct 2018",
                ends_on=(now + timedelta(days=365)).date(),
                now=now,
            )
            parties.add(conn, console(), name="Politie Midden", kind=PartyKind.POLICE, now=now)
            api_keys.issue(
                conn, console(), name="monitoring", scopes=frozenset({Permission.HEALTH_READ}), party_id=None, now=now
            )
        gate_day.fill(server)
        yield server


def address(name: str) -> str:
    """The e-mail address of a colleague."""
    return f"{name.lower().replace(' ', '.')}@meldpunt.example"


def test_the_pictures_of_the_desk_are_made(hotline: RunningServer, browser: Browser, tmp_path: Path) -> None:
    assert FOLDER is not None
    now = datetime.now(UTC)
    house = House(database=hotline.database, keys=hotline.keys, cast=CAST[1])
    fill_police(house, hotline.settings, tmp_path / "tips", seed=7, now=now)
    esra = hotline.session_of(hotline.invite(Role.STAFF, name="Esra Kaya", email=address("Esra Kaya")))
    with browser.new_context(base_url=hotline.url, locale="en", viewport=SIZE) as context:
        context.add_cookies([{"name": hotline.session_cookie, "value": esra.token, "url": hotline.url}])
        page = context.new_page()
        for name, path in DESK:
            page.goto(path)
            if name == "assess":
                page.goto("/reports/24")
                page.get_by_role("button", name="Claim").first.click()
                page.goto(path)
                page.get_by_role("button", name="Look, blurred").click()
                page.get_by_role("button", name="Cover").wait_for()
            page.wait_for_load_state("networkidle")
            page.screenshot(path=Path(FOLDER) / f"{name}.png", full_page=name == "assess")
        page.goto("/report/saw")
        page.screenshot(path=Path(FOLDER) / "public.png", full_page=True)


def test_the_pictures_are_made(hotline: RunningServer, browser: Browser) -> None:
    assert FOLDER is not None
    anna = hotline.session_of(hotline.invite(Role.ADMINISTRATOR, name="Anna de Vries", email=address("Anna de Vries")))
    for name, path, look in PICTURES:
        with browser.new_context(
            base_url=hotline.url, locale="en", viewport=SIZE, color_scheme="dark" if look == "dark" else "light"
        ) as context:
            if name != "sign-in":
                context.add_cookies([{"name": hotline.session_cookie, "value": anna.token, "url": hotline.url}])
            page = context.new_page()
            page.goto(address_of(hotline, path) if "{" in path else path)
            if name == "policy-preview":
                page.select_option('select[name="unhashable.damaged"]', "block")
                page.click("main form.wide .primary")
            page.wait_for_load_state("networkidle")
            page.screenshot(path=Path(FOLDER) / f"{name}.png", full_page=name.startswith("gate"))
