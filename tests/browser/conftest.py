"""Fixtures for tests in a real browser: Debian's Chromium, one installation for the run, and its pages.

With SCREENSHOTS set to a folder, the pictures of the papers are made there.
"""

import functools
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, ViewportSize, expect, sync_playwright
from running.browser import WIDE, OpenPage, launch
from running.pages import SESSIONS, Visitor
from running.server import RunningServer, console, own_database, running
from running.states import PATIENCE_S

from vangnet import log
from vangnet.config import LogFormat, Settings
from vangnet.db.embedded import EmbeddedServer
from vangnet.identity.model import Language, PartyKind
from vangnet.identity.permissions import Role
from vangnet.identity.service import parties

expect.set_options(timeout=PATIENCE_S * 1000)


@pytest.fixture(scope="session")
def server(postgres: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A hotline's installation with a few people and parties, under a name, as passkeys need it."""
    folder = tmp_path_factory.mktemp("browser")
    logfile = folder / "log"
    with logfile.open("w", encoding="utf-8") as stream, own_database(postgres, "browser") as database:
        log.configure(Settings(data_dir=folder, log_format=LogFormat.JSON), stream=stream)
        with running(database, folder, logfile, host_name="localhost") as started:
            _furnish(started)
            yield started
        log.configure(Settings(data_dir=folder, log_format=LogFormat.JSON))


def _furnish(server: RunningServer) -> None:
    """People and parties as a small organisation has them."""
    server.session_of(server.invite(Role.ADMINISTRATOR, name="Joost van den Berg"))
    server.session_of(server.invite(Role.STAFF, name="Bram Jansen"))
    server.invite(Role.AUDITOR, name="Fatima El Amrani")
    now = datetime.now(UTC)
    with server.transaction() as conn:
        parties.add(
            conn,
            console(),
            name="Hosting Noord",
            kind=PartyKind.PROVIDER,
            contact_name="Abuse desk",
            contact_email="abuse@hosting.example",
            base_url="https://vangnet.hosting.example",
            public_key=bytes(range(32)),
            now=now,
        )
        parties.add(conn, console(), name="Politie Midden", kind=PartyKind.POLICE, now=now)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """The driver of the browser."""
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium, with a profile that is thrown away."""
    browser = launch(playwright)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def context_of(browser: Browser, server: RunningServer) -> Iterator[Callable[..., BrowserContext]]:
    """The profile of a visitor, made once: most of a test's time would go into signing in."""
    with ExitStack() as contexts:

        @functools.cache
        def context_of(visitor: Visitor, language: Language, script: bool, without_policy: bool) -> BrowserContext:
            made = browser.new_context(
                base_url=server.url, locale=str(language), java_script_enabled=script, bypass_csp=without_policy
            )
            if token := SESSIONS[visitor](server, language):
                made.add_cookies([{"name": server.session_cookie, "value": token, "url": server.url}])
            return contexts.enter_context(made)

        yield context_of


@pytest.fixture(scope="session")
def windows() -> defaultdict[BrowserContext, list[Page]]:
    """Windows that no test uses now. A new one costs a process; what a page did is over when the next one is loaded."""
    return defaultdict(list)


@pytest.fixture
def open_page(
    context_of: Callable[..., BrowserContext], windows: defaultdict[BrowserContext, list[Page]], server: RunningServer
) -> Iterator[OpenPage]:
    """Opens a window as some visitor; fails the test when a page logged an error or asked another host for something."""
    complaints: list[str] = []
    with ExitStack() as pages:

        def open_as(
            visitor: Visitor = Visitor.NOBODY,
            *,
            language: Language = Language.EN,
            dark: bool = False,
            size: ViewportSize = WIDE,
            script: bool = True,
            still: bool = False,
            without_policy: bool = False,
        ) -> Page:
            context = context_of(visitor, language, script, without_policy)
            page = windows[context].pop() if windows[context] else context.new_page()
            pages.callback(windows[context].append, page)
            page.set_default_timeout(PATIENCE_S * 1000)
            page.set_viewport_size(size)
            page.emulate_media(
                color_scheme="dark" if dark else "light", reduced_motion="reduce" if still else "no-preference"
            )
            listeners: dict[Any, Callable[[Any], None]] = {
                "pageerror": lambda error: complaints.append(str(error)),
                "console": lambda said: complaints.append(said.text) if said.type == "error" else None,
                "request": lambda asked: _note_foreign(asked.url, server.url, complaints),
            }
            for event, listener in listeners.items():
                page.on(event, listener)
                pages.callback(page.remove_listener, event, listener)
            return page

        yield open_as
    assert not complaints


@pytest.fixture
def new_page(browser: Browser, server: RunningServer) -> Iterator[Page]:
    """A window of a fresh profile, for what signs in and out."""
    with browser.new_context(base_url=server.url, locale="en", viewport=WIDE) as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_S * 1000)
        yield page


def _note_foreign(url: str, own: str, complaints: list[str]) -> None:
    if not url.startswith((own + "/", "data:")):
        complaints.append(f"a request to another host: {url.split('?', maxsplit=1)[0]}")


@pytest.fixture(scope="session")
def screenshots() -> Path | None:
    """Where the pictures of the papers go, or None when nobody asked for them."""
    folder = os.environ.get("SCREENSHOTS")
    return None if folder is None else Path(folder).absolute()
