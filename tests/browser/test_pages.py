"""What holds for every page: axe finds nothing serious, one heading, one main action, narrow screens, zoom, focus."""

import pytest
from playwright.sync_api import Page
from running.browser import NARROW, WIDE, ZOOMED, OpenPage, findings_of_axe
from running.pages import NO_PAGES, PAGES, address_of
from running.server import RunningServer

from vangnet.identity.model import Language
from vangnet.web.access import rules_of

#: The ring around what has the focus must differ so much from what is behind it (WCAG 2.2, success criterion 1.4.11).
_LEAST_CONTRAST = 3.0
_RING = """
() => {
  const shown = document.activeElement;
  if (shown === null || shown === document.body) return null;
  const style = getComputedStyle(shown);
  let behind = shown.parentElement, ground = "rgba(0, 0, 0, 0)";
  while (behind !== null && ground === "rgba(0, 0, 0, 0)") {
    ground = getComputedStyle(behind).backgroundColor;
    behind = behind.parentElement;
  }
  if (ground === "rgba(0, 0, 0, 0)") ground = getComputedStyle(document.documentElement).backgroundColor;
  const box = shown.getBoundingClientRect();
  const name = `${shown.tagName} ${shown.textContent.trim().slice(0, 40)} ${shown.name ?? ""}`;
  return {name, line: style.outlineStyle, width: parseFloat(style.outlineWidth), ring: style.outlineColor, ground,
          visible: box.width > 0 && box.height > 0 && box.top < innerHeight && box.bottom > 0};
}
"""
_ALL = sorted(PAGES)
#: The rows of a long list are all alike.
_MOST_STOPS = 60


def test_every_page_is_looked_at(server: RunningServer) -> None:
    asked = {route.path for route in rules_of(server.app) if route.method == "GET"}
    assert {path for path in asked if not path.startswith("/api/v1/")} - NO_PAGES == set(PAGES)


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("route", _ALL)
def test_axe_finds_nothing_serious_in_light_and_dark(
    server: RunningServer, open_page: OpenPage, route: str, language: Language
) -> None:
    page = open_page(PAGES[route][0], language=language, without_policy=True)
    page.goto(address_of(server, route))
    assert findings_of_axe(page) == []
    # Colours are the same in every language, and the other rules have seen all of this already.
    if language is Language.NL:
        page.emulate_media(color_scheme="dark")
        assert findings_of_axe(page, "color-contrast") == []
    assert page.locator("html").get_attribute("lang") == language
    assert page.locator("h1").count() == 1
    assert page.locator("main .primary:visible").count() <= 1


@pytest.mark.parametrize("route", _ALL)
def test_nothing_sticks_out_at_the_side(server: RunningServer, open_page: OpenPage, route: str) -> None:
    page = open_page(PAGES[route][0], language=Language.NL)
    page.goto(address_of(server, route))
    for size in (WIDE, ZOOMED, NARROW):
        page.set_viewport_size(size)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        cut = page.evaluate(
            "[...document.querySelectorAll('main a, main button, main input, h1, .shell a')]"
            ".filter(e => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth + 1)"
            ".map(e => e.outerHTML.slice(0, 120))"
        )
        assert cut == [], size


@pytest.mark.parametrize("route", _ALL)
def test_the_focus_is_seen_wherever_it_goes(server: RunningServer, open_page: OpenPage, route: str) -> None:
    page = open_page(PAGES[route][0])
    page.goto(address_of(server, route))
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.evaluate("document.activeElement.blur()")
        assert seen_foci(page) >= 3


def seen_foci(page: Page) -> int:
    """Goes through the page with the Tab key and checks the ring at each stop. Returns how many there are."""
    for seen in range(_MOST_STOPS):
        page.keyboard.press("Tab")
        ring = page.evaluate(_RING)
        if ring is None:
            return seen
        assert ring["visible"], f"{ring['name']} has the focus out of sight"
        assert ring["line"] == "solid", ring
        assert ring["width"] >= 2, ring
        assert contrast(ring["ring"], ring["ground"]) >= _LEAST_CONTRAST, ring
    return _MOST_STOPS


@pytest.mark.parametrize("route", ["/", "/people", "/api/docs"])
def test_whoever_wants_no_motion_gets_none(server: RunningServer, open_page: OpenPage, route: str) -> None:
    page = open_page(PAGES[route][0], still=True)
    page.goto(address_of(server, route))
    moving = page.evaluate(
        "[...document.querySelectorAll('*')].filter(e => { const s = getComputedStyle(e);"
        " return s.transitionDuration.split(',').some(d => parseFloat(d) > 0) && s.transitionProperty !== 'none'"
        " || s.animationName !== 'none'; }).map(e => e.tagName)"
    )
    assert moving == []


def test_text_has_the_contrast_that_the_design_promises(server: RunningServer, open_page: OpenPage) -> None:
    """5.7 for text in every role, 3.4 for the border of what one can use, on both grounds."""
    for dark in (False, True):
        page = open_page(PAGES["/"][0], dark=dark)
        page.goto("/")
        colour = {
            role: page.evaluate(
                "role => { const e = document.createElement('i'); e.style.color = `var(--${role})`;"
                " document.body.append(e); const c = getComputedStyle(e).color; e.remove(); return c; }",
                role,
            )
            for role in ("ground", "ground-2", "text", "muted", "border", "accent", "danger", "warn", "ok", "on-accent")
        }
        for ground in ("ground", "ground-2"):
            for role in ("text", "muted", "accent", "danger", "warn", "ok"):
                assert contrast(colour[role], colour[ground]) >= 5.7, (dark, role, ground)
            assert contrast(colour["border"], colour[ground]) >= 3.4, (dark, ground)
        assert contrast(colour["on-accent"], colour["accent"]) >= 5.7


def contrast(first: str, second: str) -> float:
    """The contrast of two colours as browsers write them, `rgb(1, 2, 3)` (WCAG 2.2, "contrast ratio")."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [float(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
