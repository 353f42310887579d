"""The desk in a browser: a report is worked on by keys alone, and whoever is on watch is called on an open page."""

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect
from running.browser import NARROW, OpenPage, findings_of_axe
from running.desk_routes import Colleague, a_bad_delivery, a_report
from running.pages import Visitor
from running.server import RunningServer, console

from vangnet.identity.model import Language
from vangnet.reports.model.drafts import Sign
from vangnet.reports.service.desk import desk, watching

_EVERY_MS = 30_000


@pytest.fixture
def at_the_desk(new_page: Page, server: RunningServer) -> Page:
    """The queue, opened by a colleague who is signed in."""
    one = Colleague(server)
    token = one.client.cookies.get(server.session_cookie)
    one.client.close()
    assert token is not None
    new_page.context.add_cookies([{"name": server.session_cookie, "value": token, "url": server.url}])
    new_page.goto("/queue")
    return new_page


def test_a_report_is_opened_noted_and_passed_on_by_keys_alone(server: RunningServer, at_the_desk: Page) -> None:
    a_report(server, Sign.INFANT)
    page = at_the_desk
    page.reload()
    page.keyboard.press("n")
    expect(page).to_have_url(re.compile(r"/reports/\d+$"))
    expect(page.get_by_text("yours").first).to_be_visible()
    assert page.evaluate("document.querySelector('[aria-keyshortcuts=v]').getAttribute('href')").endswith("/assess")
    page.keyboard.press("m")
    expect(page.get_by_label("Your note")).to_be_focused()
    page.keyboard.type("Nothing to npm here; go on.")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("status")).to_contain_text("The note is kept.")
    expect(page.get_by_text("Nothing to npm here; go on.")).to_be_visible()
    page.keyboard.press("p")
    expect(page.get_by_role("status")).to_contain_text("back in the queue")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('tr') !== null")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/reports/\d+$"))


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_on_a_report_that_is_worked_on(
    server: RunningServer, open_page: OpenPage, language: Language, dark: bool
) -> None:
    report_id = a_report(server, Sign.DANGER_NOW, Sign.EXTORTION)
    page = open_page(Visitor.STAFF, language=language, dark=dark, without_policy=True, size=NARROW)
    page.goto("/queue")
    page.goto(f"/reports/{report_id}")
    page.locator("main .primary").click()
    expect(page.locator("main .primary")).to_have_attribute("href", f"/reports/{report_id}/assess")
    for summary in page.locator("main summary").all():
        summary.click()
    assert findings_of_axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]


def nobody_is_called(server: RunningServer) -> None:
    """What other tests left is taken, and nobody is on watch."""
    other = Colleague(server)
    other.client.close()
    now = datetime.now(UTC)
    with server.transaction() as conn:
        conn.execute("DELETE FROM report_watch")
        for one in watching.untaken(conn, console(), now=now):
            desk.claim(conn, other.actor, report_id=one.report.id, now=now)


def test_whoever_is_on_watch_is_called_on_the_page_that_is_open(server: RunningServer, at_the_desk: Page) -> None:
    nobody_is_called(server)
    page = at_the_desk
    page.goto("/danger")
    page.locator('form[action="/danger/watch/join"] button').click()
    page.clock.install()
    page.goto("/me")
    there = page.locator(".danger-banner")
    expect(there).to_have_count(0)
    report_id = a_report(server, Sign.DANGER_NOW)
    with page.expect_response("**/danger/banner"):
        page.clock.run_for(_EVERY_MS)
    expect(there).to_contain_text("Acute danger: 1 report that nobody took.")
    there.get_by_role("link", name="Take it").click()
    page.locator(f'form[action="/danger/{report_id}/take"] button').click()
    expect(page).to_have_url(re.compile(f"/reports/{report_id}"))
    expect(there).to_have_count(0)


def test_the_desk_works_without_script(server: RunningServer, open_page: OpenPage) -> None:
    a_report(server)
    delivery_id = a_bad_delivery(server)
    page = open_page(Visitor.STAFF, script=False)
    page.goto("/queue")
    page.get_by_role("button", name="Next report").click()
    expect(page).to_have_url(re.compile(r"/reports/\d+$"))
    page.get_by_text("End the work on it").click()
    page.get_by_label("How it ended").select_option("nothing_found")
    page.get_by_role("button", name="End it").click()
    expect(page.get_by_role("status")).to_contain_text("has ended")
    page.goto(f"/deliveries/{delivery_id}")
    page.get_by_role("link", name="Read what came, as text").click()
    expect(page.locator("pre")).to_contain_text("hxxps://pictures[.]example/1")
