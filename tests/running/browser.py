"""A real browser for tests: Debian's Chromium, driven by Playwright, with axe-core put into the pages to check them."""

import shutil
from pathlib import Path
from typing import Any, Protocol

from playwright.sync_api import Browser, Page, Playwright, ViewportSize

from running.pages import Visitor
from vangnet.identity.model import Language

#: Nothing of what Chromium does for its own sake: no updates, no accounts, no guesses at what the person wants next.
_ARGUMENTS = (
    "--no-sandbox",  # The tests may run as root, in a container; what it opens is our own pages only.
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_AXE = Path(__file__).parents[1] / "browser" / "node_modules" / "axe-core" / "axe.min.js"
WIDE = ViewportSize(width=1280, height=800)
#: The narrowest screen that counts.
NARROW = ViewportSize(width=360, height=740)
#: 1280 points at a zoom of 200 %.
ZOOMED = ViewportSize(width=640, height=400)


class OpenPage(Protocol):
    """Opens a window as some visitor. The test fails when a page logged an error, or asked another host for something."""

    def __call__(
        self,
        visitor: Visitor = Visitor.NOBODY,
        *,
        language: Language = Language.EN,
        dark: bool = False,
        size: ViewportSize = WIDE,
        script: bool = True,
        still: bool = False,
        without_policy: bool = False,
    ) -> Page: ...


def launch(playwright: Playwright) -> Browser:
    """Chromium, with a profile that is thrown away.

    Where there is one, Chromium without the windows that nobody sees here: it shows a page at a third of the work.
    """
    chromium = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    assert chromium, "chromium is missing: `make test-tools` installs it"
    return playwright.chromium.launch(executable_path=chromium, args=list(_ARGUMENTS))


def findings_of_axe(page: Page, *rules: str) -> list[str]:
    """What axe finds serious or critical on the page as it is now, one line each; by all its rules, or by these alone.

    axe sets styles on what it measures, so that its page must be opened without the policy.
    """
    assert _AXE.exists(), "axe-core is missing: `make test-tools` installs it"
    if not page.evaluate("'axe' in window"):
        page.evaluate(_AXE.read_text(encoding="utf-8"))
    options = {"resultTypes": ["violations"]} | ({"runOnly": list(rules)} if rules else {})
    result: dict[str, Any] = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{found['impact']} {found['id']}: {node['target']} {node['failureSummary']}"
        for found in result["violations"]
        if found["impact"] in {"serious", "critical"}
        for node in found["nodes"]
    ]
