"""Working with keys alone, with single keys, and without script."""

import re

import pytest
from playwright.sync_api import Page, expect
from running.browser import NARROW, OpenPage
from running.desk_routes import a_report
from running.pages import Visitor
from running.routes import job
from running.server import RunningServer

from vangnet.identity.model import Language


def focused(page: Page) -> str:
    """What has the focus, as text."""
    text: str = page.evaluate("document.activeElement.textContent.trim()")
    return text


def test_the_first_stop_skips_to_the_content(open_page: OpenPage) -> None:
    page = open_page(Visitor.ADMINISTRATOR)
    page.goto("/people")
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the content"
    expect(page.get_by_text("Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert focused(page) == "Invite a colleague"


def test_the_menu_under_the_name_opens_and_closes_by_key_and_keeps_the_focus(open_page: OpenPage) -> None:
    page = open_page(Visitor.STAFF)
    page.goto("/")
    summary = page.locator(".me > summary")
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="My account and sessions")).to_be_visible()
    page.keyboard.press("Tab")
    assert focused(page) == "My account and sessions"
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="My account and sessions")).to_be_hidden()
    expect(summary).to_be_focused()


def test_a_question_mark_shows_the_keys_and_escape_hides_them(open_page: OpenPage) -> None:
    page = open_page(Visitor.STAFF)
    page.goto("/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.get_by_role("button", name="Keyboard").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_j_and_k_go_through_the_rows_and_n_does_the_main_thing(open_page: OpenPage) -> None:
    page = open_page(Visitor.ADMINISTRATOR)
    page.goto("/people")
    names = page.locator("tbody th a").all_text_contents()
    for expected in (names[0], names[1], names[2]):
        page.keyboard.press("j")
        assert focused(page) == expected
    page.keyboard.press("k")
    assert focused(page) == names[1]
    page.keyboard.press("n")
    expect(page).to_have_url(re.compile("/people/invite$"))


def test_a_slash_goes_to_the_search_where_there_is_one(open_page: OpenPage) -> None:
    page = open_page(Visitor.AUDITOR)
    page.goto("/people")
    page.keyboard.press("/")
    expect(page).to_have_url(re.compile("/people$"))


def test_single_keys_do_nothing_in_a_field(open_page: OpenPage) -> None:
    page = open_page(Visitor.ADMINISTRATOR)
    page.goto("/people/invite")
    page.get_by_label("Name", exact=True).focus()
    page.keyboard.type("jan?kn/")
    expect(page.get_by_label("Name", exact=True)).to_have_value("jan?kn/")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_a_key_that_can_do_nothing_here_says_so_until_the_next_key(open_page: OpenPage) -> None:
    page = open_page(Visitor.STAFF)
    page.goto("/me")
    told = page.locator("#key-told")
    for key in ("v", "/", "Control+Enter"):
        page.keyboard.press(key)
        expect(told).to_contain_text("does nothing here.")
        expect(told).to_be_in_viewport()
        # It has no meaning on any page, and is left to the browser.
        page.keyboard.press("w")
        expect(told).to_be_empty()


def test_a_slash_leads_into_the_filter_and_escape_out_of_it(open_page: OpenPage) -> None:
    page = open_page(Visitor.STAFF)
    page.goto("/queue")
    page.keyboard.press("/")
    expect(page.get_by_label("Source")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()


def test_x_chooses_the_row_that_has_the_focus(server: RunningServer, open_page: OpenPage) -> None:
    a_report(server)
    page = open_page(Visitor.LEAD)
    page.goto("/queue")
    box = page.locator("main tbody tr").first.get_by_role("checkbox")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(box).to_be_checked()
    page.keyboard.press("x")
    expect(box).not_to_be_checked()


def test_control_and_enter_send_the_form(open_page: OpenPage) -> None:
    page = open_page(Visitor.ADMINISTRATOR)
    page.goto("/people/invite")
    page.get_by_label("Name", exact=True).fill("Anna de Vries")
    page.get_by_label("E-mail address").fill("anna.ctrl-enter@kanarie.example")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".secret")).to_contain_text("/invitation/")


def test_single_keys_can_be_switched_off_under_the_name(open_page: OpenPage) -> None:
    page = open_page(Visitor.AUDITOR)
    page.goto("/people")
    page.locator(".me > summary").click()
    page.get_by_role("group", name="Single keys").get_by_role("button", name="Off").click()
    expect(page.locator("body")).to_have_attribute("data-single-keys", "off")
    page.wait_for_load_state()
    page.keyboard.press("?")
    page.keyboard.press("j")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert page.evaluate("document.activeElement === document.body")
    page.locator(".me > summary").click()
    page.get_by_role("group", name="Single keys").get_by_role("button", name="On").click()
    expect(page.locator("body")).to_have_attribute("data-single-keys", "on")
    page.wait_for_load_state()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()


def test_pages_work_without_script(server: RunningServer, open_page: OpenPage) -> None:
    number = job(server, parked=True)
    page = open_page(Visitor.ADMINISTRATOR, script=False, size=NARROW)
    page.goto("/jobs")
    page.locator(f'form[action="/jobs/{number}/drop"] button').click()
    expect(page.get_by_role("status")).to_contain_text("The job was dropped")
    page.locator(".me > summary").click()
    page.get_by_role("button", name="Nederlands").click()
    expect(page.locator("html")).to_have_attribute("lang", "nl")
    page.locator(".me > summary").click()
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")


@pytest.mark.parametrize("visitor", [Visitor.NOBODY, Visitor.STAFF])
def test_a_chosen_look_wins_over_the_device(open_page: OpenPage, visitor: Visitor) -> None:
    page = open_page(visitor, language=Language.EN, dark=True)
    page.goto("/api/docs")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    assert page.evaluate(ground) == "rgb(18, 22, 28)"
    for name, expected in (
        ("Light", "rgb(255, 255, 255)"),
        ("Dark", "rgb(18, 22, 28)"),
        ("As the device", "rgb(18, 22, 28)"),
    ):
        if visitor is Visitor.STAFF:
            page.locator(".me > summary").click()
        page.get_by_role("button", name=name).click()
        expect(page.get_by_role("button", name=name, include_hidden=True)).to_have_attribute("aria-pressed", "true")
        page.wait_for_load_state()
        assert page.evaluate(ground) == expected
