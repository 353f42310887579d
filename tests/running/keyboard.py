"""Somebody at a page who has a keyboard and nothing else: no pointer, no address bar."""

import re
from collections.abc import Callable

from playwright.sync_api import Page

#: The element that has the focus, where it is seen that it has it; else the empty text.
_FOCUSED = """
() => {
  const it = document.activeElement, style = getComputedStyle(it), box = it.getBoundingClientRect();
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const there = box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  const said = (it.getAttribute("aria-label") ?? it.innerText ?? "").trim();
  return it !== document.body && ring && there ? said + "#" + it.id : "";
}
"""


class Keyboard:
    """Presses keys on a page. Whatever has the focus after a key that moves it must be seen to have it."""

    def __init__(self, page: Page, *, pause: Callable[[float], None] = lambda _: None) -> None:
        self.page = page
        self.pressed = 0
        self._pause = pause

    def press(self, *keys: str) -> None:
        """Presses keys, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)
            self.pressed += 1

    def go(self, *keys: str) -> None:
        """Presses keys of which the last one leads to another page, and waits for that."""
        self.press(*keys[:-1])
        with self.page.expect_navigation():
            self.press(keys[-1])

    def type(self, text: str) -> None:
        """Types into the field that has the focus."""
        self.page.keyboard.type(text)
        self.pressed += len(text)

    def focused(self) -> str:
        """What has the focus: its text or label, and its id behind a #. Fails where that is not to be seen."""
        found = str(self.page.evaluate(_FOCUSED))
        assert found, f"nothing is seen to have the focus on {self.where}"
        return found

    def tab_to(self, text: str, *, within: int) -> None:
        """Tabs to the link or button of that text. Fails where that takes more than `within` steps."""
        passed = []
        for _ in range(within):
            self.press("Tab")
            passed.append(self.focused())
            if passed[-1].split("#", maxsplit=1)[0] == text:
                return
        raise AssertionError(f"{text} is not within {within} steps of Tab; passed: {passed}")

    def read(self, seconds: float) -> None:
        """Reads for so long, at a person's pace."""
        self._pause(seconds)

    @property
    def where(self) -> str:
        """The kind of page: its path without numbers."""
        path = self.page.url.split("/", maxsplit=3)[3].split("?", maxsplit=1)[0].split("#", maxsplit=1)[0]
        return "/" + re.sub(r"\d+", "N", path)
