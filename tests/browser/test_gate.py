"""The gate's pages in a browser: the live picture renews itself and can be stopped, and everything works without script."""

import pytest
from playwright.sync_api import Page, expect
from running.browser import OpenPage
from running.gate_routes import a_match, a_probe
from running.pages import Visitor
from running.server import RunningServer
from running.states import wait_until

from vangnet.identity.permissions import Role

_EVERY_MS = 5000


@pytest.fixture
def live(new_page: Page, server: RunningServer) -> Page:
    """The live picture, in a window of its own whose clock the test turns."""
    token = server.session_of(server.invite(Role.STAFF)).token
    new_page.context.add_cookies([{"name": server.session_cookie, "value": token, "url": server.url}])
    new_page.clock.install()
    a_match(server)
    new_page.goto("/gate")
    return new_page


def test_the_live_picture_renews_itself_until_it_is_paused(live: Page) -> None:
    live.locator("#live summary").click()
    with live.expect_response("**/gate/live"):
        live.clock.run_for(_EVERY_MS)
    # What was opened stays open, and so does the focus.
    expect(live.locator("#live details")).to_have_attribute("open", "")
    expect(live.locator("#live summary")).to_be_focused()
    live.get_by_role("button", name="Pause").click()
    expect(live.get_by_role("button", name="Pause")).to_have_attribute("aria-pressed", "true")
    asked: list[str] = []
    live.on("request", lambda request: asked.append(request.url))
    live.clock.run_for(4 * _EVERY_MS)
    assert asked == []


def test_without_an_answer_it_says_so_and_keeps_what_it_had(live: Page) -> None:
    live.route("**/gate/live", lambda route: route.fulfill(status=302, headers={"Location": "/sign-in"}))
    live.clock.run_for(_EVERY_MS)
    expect(live.locator("#silence")).to_be_visible()
    expect(live.locator("#stands")).to_be_visible()
    live.unroute("**/gate/live")
    live.clock.run_for(_EVERY_MS)
    expect(live.locator("#silence")).to_be_hidden()


def test_the_policy_is_changed_and_false_alarms_are_marked_without_script(
    server: RunningServer, open_page: OpenPage
) -> None:
    match = a_match(server)
    a_probe(server)
    page = open_page(Visitor.ADMINISTRATOR, script=False)
    wait_until(lambda: is_counted(server))
    page.goto("/gate")
    expect(page.get_by_role("img", name="Checks in five minutes")).to_be_visible()
    expect(page.get_by_role("button", name="Pause")).to_be_hidden()
    page.goto("/gate/policy/change")
    page.get_by_label("baseline: the same file, by SHA-256").select_option("hold")
    page.get_by_role("button", name="See what it would have changed").click()
    expect(page.get_by_role("heading", name="What it would have changed last week")).to_be_visible()
    expect(page.get_by_role("button", name="Choose this policy")).to_be_visible()
    page.goto("/gate/review")
    page.locator(f'form[action="/gate/review/{match.check_id}"] button[value="true"]').click()
    expect(page.locator(f'a[href="/decisions/{match.check_id}#wrong"]')).to_be_visible()
    page.goto("/gate/probes")
    page.get_by_role("button", name="It is no probing").first.click()
    expect(page.get_by_role("status").filter(has_text="The limit ends")).to_be_visible()


def is_counted(server: RunningServer) -> bool:
    """Whether the gate has written what it counted: it does so every second."""
    with server.transaction() as conn:
        return conn.execute("SELECT FROM gate_count LIMIT 1").fetchone() is not None
