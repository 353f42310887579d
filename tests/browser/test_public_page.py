"""The public page in a browser: by keyboard and without script, on a telephone, with targets that a thumb finds."""

import re

import pytest
from playwright.sync_api import Page, expect
from running.browser import NARROW, OpenPage
from running.server import RunningServer

from vangnet.identity.model import Language

#: Every place where somebody presses; WCAG 2.2 asks for 24 px, the public page promises 44.
_LEAST_TARGET_PX = 44
_RECEIPT = re.compile(r"^([0-9A-Z]{4} ){6}[0-9A-Z]{4}$")
_SMALL = """
least => [...document.querySelectorAll('a:not(.skip), button, select, textarea, input:not([type="radio"])')]
  .filter(e => e.checkVisibility() && !e.closest('p'))
  .map(e => ({name: e.textContent.trim().slice(0, 40) || e.name, height: e.getBoundingClientRect().height}))
  .filter(e => e.height < least)
"""


@pytest.mark.parametrize("language", list(Language))
def test_a_report_is_sent_on_a_telephone_without_script(
    server: RunningServer, open_page: OpenPage, language: Language
) -> None:
    page = open_page(language=language, size=NARROW, script=False)
    page.goto("/report")
    page.get_by_role("link", name="Ik heb iets gezien" if language is Language.NL else "I saw something").click()
    assert page.context.cookies() == []
    page.get_by_label("Links").fill("https://pictures.example/gallery/1")
    assert page.locator("#who-anonymous").is_checked()
    page.locator("main button.primary").click()
    expect(page.locator("section.secret code")).to_have_text(_RECEIPT)
    assert page.context.cookies() == []
    receipt = page.locator("section.secret code").inner_text()
    page.locator(".page-foot a").click()
    page.locator("#field-receipt").fill(receipt)
    page.locator("main button.primary").click()
    expect(page.get_by_role("status")).to_have_text("Ontvangen" if language is Language.NL else "Received")


@pytest.mark.parametrize("path", ["/report", "/report/saw", "/report/me", "/report/worry", "/report/receipt"])
def test_what_is_pressed_is_large_enough_for_a_thumb(open_page: OpenPage, path: str) -> None:
    page = open_page(size=NARROW)
    page.goto(path)
    assert page.evaluate(_SMALL, _LEAST_TARGET_PX) == []


def test_the_receipt_is_printed_without_what_leads_away(open_page: OpenPage) -> None:
    page = open_page()
    _send(page)
    page.emulate_media(media="print")
    assert page.locator("section.secret code").is_visible()
    for gone in (".leave", ".page-foot", ".back", ".emergency"):
        assert not page.locator(gone).is_visible(), gone
    page.emulate_media(media="screen")


def _send(page: Page) -> None:
    page.goto("/report/saw")
    page.get_by_label("Links").fill("https://pictures.example/gallery/2")
    page.locator("main button.primary").click()
    expect(page.locator("section.secret")).to_be_visible()
