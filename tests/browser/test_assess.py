"""Assessing in a browser: by keys alone, and nothing stays uncovered that nobody looks at."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Response, expect
from running.assess_routes import a_claimed_report, like_reports
from running.assessed_reports import Analyst
from running.browser import NARROW, WIDE, ZOOMED, findings_of_axe
from running.server import RunningServer
from running.states import PATIENCE_S, wait_until

_OWN = "#picture [data-screen=own] canvas"
_NEIGHBOUR = "#picture [data-screen=neighbour] canvas"
_PIXELS = "canvas => [canvas.width, canvas.height]"
_LEAVE_THE_TAB = """
() => {
  Object.defineProperty(document, "hidden", {configurable: true, get: () => true});
  document.dispatchEvent(new Event("visibilitychange"));
  delete document.hidden;
}
"""


@pytest.fixture
def window(browser: Browser, server: RunningServer) -> Iterator[Page]:
    """A window of a fresh profile; axe can measure in it."""
    with browser.new_context(base_url=server.url, locale="en", viewport=WIDE, bypass_csp=True) as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_S * 1000)
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        assert complaints == []


def sign_in(page: Page, server: RunningServer, who: Analyst) -> None:
    page.context.add_cookies([{"name": server.session_cookie, "value": who.token, "url": server.url}])


@pytest.fixture
def item(window: Page, server: RunningServer) -> Page:
    """The first of three items of a report, its clock turned by the test; the time of a look is ten seconds."""
    report_id, who = a_claimed_report(server, 3)
    sign_in(window, server, who)
    window.clock.install()
    window.goto(f"/reports/{report_id}/assess")
    return window


def is_covered(page: Page, canvas: str = _OWN) -> None:
    """No pixel is there any more, not even in a canvas that is not seen."""
    expect(page.locator(canvas)).to_be_hidden()
    assert page.locator(canvas).evaluate(_PIXELS) == [0, 0]
    expect(page.locator("#picture .covered").first).to_be_visible()


def looked(page: Page, key: str = "v") -> None:
    with page.expect_response("**/look"):
        page.keyboard.press(key)
    expect(page.locator(_OWN)).to_be_visible()


def test_v_shows_and_covers_and_escape_covers(item: Page) -> None:
    images: list[Response] = []

    def note(answer: Response) -> None:
        if "image/" in answer.headers.get("content-type", ""):
            images.append(answer)

    item.on("response", note)
    item.reload()
    is_covered(item)
    assert [one for one in images if not one.url.endswith(".svg")] == []
    looked(item)
    assert item.locator(_OWN).evaluate(_PIXELS)[0] == 160
    with item.expect_response("**/cover"):
        item.keyboard.press("v")
    is_covered(item)
    looked(item)
    with item.expect_response("**/cover"):
        item.keyboard.press("Escape")
    is_covered(item)
    expect(item.get_by_role("status").filter(has_text="Covered.")).to_be_attached()


def test_it_is_covered_when_the_time_is_over_and_ten_seconds_can_be_had_more(item: Page) -> None:
    looked(item)
    with item.expect_response("**/more"):
        item.keyboard.press("+")
    item.clock.run_for(12_000)
    expect(item.locator(_OWN)).to_be_visible()
    with item.expect_response("**/cover"):
        item.clock.run_for(10_000)
    is_covered(item)


def test_it_is_covered_in_another_tab_when_nobody_is_there_and_on_the_way_out(item: Page, server: RunningServer) -> None:
    looked(item)
    with item.expect_response("**/cover"):
        item.evaluate(_LEAVE_THE_TAB)
    is_covered(item)
    with server.transaction() as conn:
        conn.execute(
            """
            INSERT INTO report_look_choice (person_id, seconds, blur, size)
            SELECT person_id, 60, 3, 'S' FROM report_look ORDER BY id DESC LIMIT 1
            """
        )
    looked(item)
    item.clock.run_for(20_000)
    expect(item.locator(_OWN)).to_be_visible()
    with item.expect_response("**/cover"):
        item.clock.run_for(11_000)
    is_covered(item)
    looked(item)
    item.get_by_role("link", name="2 to do").click()
    is_covered(item)
    wait_until(lambda: last_is_covered(server))


def last_is_covered(server: RunningServer) -> bool:
    """Whether the server knows that the last look is over before its time."""
    with server.transaction() as conn:
        row = conn.execute("SELECT covered_at FROM report_look ORDER BY id DESC LIMIT 1").fetchone()
    return row is not None and row[0] is not None


def test_blur_colour_and_size_are_asked_for_anew_and_sharp_comes_after_blurred(item: Page) -> None:
    whole = item.get_by_role("button", name="All of it: counts as viewed")
    expect(whole).to_be_disabled()
    looked(item)
    for key, field, value in (("b", "blur", "2"), ("Shift+B", "blur", "3"), ("]", "size", "M"), ("[", "size", "S")):
        with item.expect_request("**/look") as asked:
            item.keyboard.press(key)
        assert f"{field}={value}" in (asked.value.post_data or "")
    with item.expect_request("**/look") as asked:
        item.keyboard.press("c")
    assert "grey" not in (asked.value.post_data or "")
    item.keyboard.press("Escape")
    looked(item)
    expect(whole).to_be_enabled()
    with item.expect_request("**/look") as asked:
        whole.click()
    assert "step=whole" in (asked.value.post_data or "")
    expect(item.locator(_OWN)).to_be_visible()


def test_j_and_k_go_from_item_to_item(item: Page) -> None:
    for key, address in (("j", "**/assess/1"), ("j", "**/assess/2"), ("k", "**/assess/1")):
        with item.expect_navigation(url=address):
            item.keyboard.press(key)


def test_an_item_is_answered_by_keys_alone_and_undone(item: Page) -> None:
    looked(item)
    item.locator("#q-class-other").focus()
    item.keyboard.press("Space")
    with item.expect_navigation(url="**/assess/1?done=answer-stands"):
        item.keyboard.press("Control+Enter")
    is_covered(item)
    with item.expect_navigation(url="**/assess/0?done=answer-undone"):
        item.keyboard.press("z")
    assert item.locator("main input[type=radio]:checked").count() == 0
    item.keyboard.press("?")
    expect(item.get_by_role("dialog")).to_contain_text("look, cover")
    item.keyboard.press("Escape")
    # Single keys do nothing in a field.
    item.goto("/me/exposure")
    item.get_by_label("Seconds until a picture is covered").focus()
    item.keyboard.press("End")
    item.keyboard.press("Backspace")
    item.keyboard.press("v")
    expect(item.get_by_label("Seconds until a picture is covered")).to_have_value("1v")


def test_a_question_that_was_left_out_has_the_focus(item: Page) -> None:
    with item.expect_navigation():
        item.keyboard.press("Control+Enter")
    expect(item.locator("#q-class-baseline")).to_be_focused()
    expect(item.locator("#problem-class")).to_be_in_viewport()


def test_the_keys_lead_from_an_item_into_the_note_and_to_the_end_of_the_work(item: Page) -> None:
    address = item.url
    for key, label in (("m", "Your note"), ("e", "How it ended")):
        item.goto(address)
        item.keyboard.press(key)
        expect(item.get_by_label(label)).to_be_focused()
        expect(item.get_by_text(label)).to_be_in_viewport()


def test_the_same_keys_work_where_no_item_waits(window: Page, server: RunningServer) -> None:
    report_id, who = a_claimed_report(server, 0)
    sign_in(window, server, who)
    address = f"/reports/{report_id}/assess"
    for key, leads_to in (("m", "#field-text"), ("r", "/refer"), ("e", "#field-closing"), ("p", "/queue")):
        window.goto(address)
        expect(window.get_by_text("No item of this report waits for you.")).to_be_visible()
        assert findings_of_axe(window) == []
        with window.expect_navigation(url=lambda url, wanted=leads_to: wanted in url):
            window.keyboard.press(key)
    expect(window.get_by_role("status").first).to_contain_text("queue")


def test_like_pictures_are_compared_by_keys(window: Page, server: RunningServer) -> None:
    report_id, who, _ = like_reports(server)
    sign_in(window, server, who)
    window.goto(f"/reports/{report_id}/assess/0")
    window.get_by_role("button", name="Look at both, blurred").press("Enter")
    for canvas in (_OWN, _NEIGHBOUR):
        expect(window.locator(canvas)).to_be_visible()
    sizes = [window.locator(canvas).evaluate(_PIXELS)[0] for canvas in (_OWN, _NEIGHBOUR)]
    assert sizes == [160, 160]
    with window.expect_navigation(url="**/assess/0?done=same-kept"):
        window.keyboard.press("y")
    expect(window.get_by_text("the same picture", exact=False).first).to_be_visible()


def test_axe_finds_nothing_serious_covered_or_shown_and_nothing_sticks_out(item: Page) -> None:
    for scheme in ("light", "dark"):
        item.emulate_media(color_scheme=scheme)
        assert findings_of_axe(item) == []
    looked(item)
    assert findings_of_axe(item) == []
    for size in (WIDE, ZOOMED, NARROW):
        item.set_viewport_size(size)
        assert item.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_everything_can_be_done_without_script(browser: Browser, server: RunningServer) -> None:
    report_id, who = a_claimed_report(server)
    with browser.new_context(base_url=server.url, locale="en", java_script_enabled=False) as context:
        page = context.new_page()
        sign_in(page, server, who)
        page.goto(f"/reports/{report_id}/assess")
        page.get_by_role("button", name="Look, blurred").click()
        expect(page.get_by_role("img", name="The picture of this item")).to_be_visible()
        page.get_by_role("button", name="Cover").click()
        expect(page.get_by_role("img", name="The picture of this item")).to_be_hidden()
        page.get_by_label("baseline").check()
        page.get_by_label("infant").check()
        page.get_by_role("button", name="Save, next").click()
        expect(page.get_by_text("It waits for a colleague, who does not see it.")).to_be_visible()
