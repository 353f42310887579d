"""A shift of an analyst who has a keyboard and nothing else: next report, look, classify, refer, done, until none waits.

Nothing here is clicked, filled in or gone to by its address once the analyst is signed in. `SOAK=long` is the same at a
person's pace: sixty reports in ten minutes.
"""

import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from running.analyst_desk import POLICE, AnalystDesk, analyst_desk
from running.browser import WIDE, findings_of_axe
from running.keyboard import Keyboard
from running.states import PATIENCE_S, wait_until

from vangnet.audit.verification import verify
from vangnet.db.embedded import EmbeddedServer
from vangnet.identity.permissions import Permission

REPORTS = 8
LONG = os.environ.get("SOAK", "long") == "long"
_OWN = "#picture [data-screen=own] canvas"
_NOTE = "Compared with the reports before; nothing to add."


@dataclass(kw_only=True)
class Shift:
    """What the analyst does, and what they did so far."""

    keys: Keyboard
    #: Called on each kind of page that is met for the first time.
    met: Callable[[str], None]
    pages: set[str] = field(default_factory=set)
    done: Counter[str] = field(default_factory=Counter)
    #: The addresses of the reports that came, in their order.
    taken: list[str] = field(default_factory=list)

    @property
    def page(self) -> Page:
        return self.keys.page

    def here(self, what: str = "") -> None:
        """Notes the page, as it is now."""
        name = f"{self.keys.where} {what}".strip()
        if name not in self.pages:
            self.pages.add(name)
            self.met(name)

    def begins(self) -> None:
        """From the first page to the queue, through its rows and back."""
        self.here()
        self.keys.tab_to("Reports", within=4)
        self.keys.go("Enter")
        self.here()
        rows = self.page.locator("main tbody tr th a").all_inner_texts()
        for key, at in (("j", 0), ("j", 1), ("k", 0)):
            self.keys.press(key)
            assert self.keys.focused().startswith(rows[at])
        self.keys.press("?")
        expect(self.page.get_by_role("dialog")).to_be_visible()
        self.here("keys")
        self.keys.press("Escape")
        self.keys.press("v")
        expect(self.page.locator("#key-told")).to_contain_text("v does nothing here.")
        self.here("nothing for a key")
        self.keys.press("Escape")
        expect(self.page.locator("#key-told")).to_be_empty()

    def next_report(self) -> bool:
        """Takes the next report, and reads why it stands there; False where none waits."""
        self.keys.go("n")
        if self.keys.where == "/queue":
            expect(self.page.get_by_role("status").first).to_contain_text("No report waits.")
            self.here("empty")
            return False
        assert self.keys.where == "/reports/N"
        expect(self.page.get_by_text("yours").first).to_be_visible()
        expect(self.page.locator("section[aria-labelledby=because] tbody tr").first).to_be_visible()
        self.here()
        self.keys.read(3)
        self.taken.append(self.page.url)
        return True

    def looks(self, *, part: bool) -> None:
        """Covered, blurred, sharp, covered."""
        canvas = self.page.locator(_OWN)
        expect(canvas).to_be_hidden()
        self.keys.press("s")
        expect(self.page.locator("#key-told")).to_have_text("First look at it blurred: v.")
        self._shows("v")
        self.here("blurred")
        if part:
            self.keys.press("d")
            assert self.keys.focused().startswith("Part 1 of 9")
            self.keys.press("Tab", "Tab")
            assert self.keys.focused().startswith("Part 3 of 9")
            self._shows("Enter")
        self._shows("s")
        self.here("sharp")
        self.keys.read(2)
        with self.page.expect_response("**/cover"):
            self.keys.press("Escape")
        expect(canvas).to_be_hidden()

    def _shows(self, key: str) -> None:
        with self.page.expect_response("**/look"):
            self.keys.press(key)
        expect(self.page.locator(_OWN)).to_be_visible()
        self.done["looks"] += 1

    def classifies(self) -> None:
        """Answers what is asked about one file, and goes on."""
        asked = self.page.locator("#answers fieldset").count()
        self.keys.press("q")
        assert self.page.locator("#answers input:checked").count() == 0, "the way there chooses nothing"
        for number in range(asked):
            self.keys.focused()
            # Another class each time; what is told of the rest is "not determined" where that is the third answer.
            self.keys.press(str(1 + self.done["answers"] % 5) if number == 0 else "3", "Tab")
        assert self.page.locator("#answers input:checked").count() == asked
        self.here("answered")
        self.keys.read(1)
        self.keys.go("Control+Enter")
        self.done["answers"] += 1

    def assesses(self) -> None:
        """Looks at each file that waits, and classifies it."""
        self.keys.go("v")
        if self.keys.where == "/reports/N/assess":
            self.here("none waits")
            self.done["nothing to assess"] += 1
            return
        while self.page.locator("#answers").count():
            self.here()
            if self.done["answers"] == 0:
                self.keys.press("?")
                self.here("keys")
                self.keys.press("Escape")
            if self.page.locator("#look-button").count():
                self.looks(part=self.done["answers"] == 1)
            self.classifies()
            if self.done["answers"] == 3:
                self.thinks_again()

    def thinks_again(self) -> None:
        """Takes the last answer back, and gives it anew."""
        self.keys.go("z")
        expect(self.page.get_by_role("status").first).to_have_text("Your answer is undone.")
        assert self.page.locator("#answers input:checked").count() == 0
        self.done["answers"] -= 1
        self.done["undone"] += 1
        self.classifies()

    def notes(self) -> None:
        """Writes a note, from the pictures or from the report."""
        self.keys.press("m")
        expect(self.page.locator("#field-text")).to_be_focused()
        expect(self.page.get_by_text("Your note")).to_be_in_viewport()
        self.keys.focused()
        self.keys.type(_NOTE)
        self.keys.go("Control+Enter")
        expect(self.page.get_by_role("status").first).to_have_text("The note is kept.")
        self.done["notes"] += 1

    def passes_on(self) -> None:
        """Puts the report back into the queue."""
        self.keys.go("p")
        assert self.keys.where == "/queue"
        self.here("passed on")
        self.done["passed on"] += 1

    def refers(self) -> None:
        """Hands the report to the police."""
        self.keys.go("r")
        self.here()
        assert self.keys.focused().startswith(POLICE)
        self.keys.go("Control+Enter")
        self.here("to police")
        assert self.keys.focused().endswith("#field-reason")
        self.keys.press("ArrowDown", "ArrowDown")
        self.keys.go("Control+Enter")
        assert self.keys.where == "/referrals"
        expect(self.page.get_by_role("status").first).to_contain_text("The report is referred.")
        self.here()
        self.done["referred"] += 1

    def ends(self) -> None:
        """Ends the work on the report."""
        self.keys.press("e")
        expect(self.page.locator("#field-closing")).to_be_focused()
        expect(self.page.get_by_text("How it ended")).to_be_in_viewport()
        self.keys.focused()
        self.here("ending")
        self.keys.press("ArrowDown")
        self.keys.go("Control+Enter")
        expect(self.page.get_by_role("status").first).to_contain_text("The work on this report has ended.")
        self.here("ended")
        self.done["ended"] += 1

    def sees_that_a_break_is_due(self) -> None:
        """The start page says so, to the analyst alone, and where the time went."""
        self.keys.tab_to("Start", within=3)
        self.keys.go("Enter")
        expect(self.page.locator("main .panel").first).to_contain_text("How about a break?")
        self.here("break")
        self.keys.read(5)


def a_shift(desk: AnalystDesk, shift: Shift) -> None:
    """Works until no report waits: one is passed on and comes again at the end, one is referred, the others are ended."""
    shift.begins()
    reports = desk.value("SELECT count(*) FROM report")
    half = reports // 2
    while shift.next_report():
        taken = len(shift.taken)
        shift.assesses()
        if taken in {2, 5}:
            shift.notes()
        # The last but one: present danger, which comes first, would be given back at once.
        if taken == reports - 1:
            shift.passes_on()
        elif taken == 4:
            shift.refers()
        else:
            shift.ends()
        if taken == half:
            desk.spends_a_morning_on_pictures()
            shift.sees_that_a_break_is_due()


def works_a_shift(
    browser: Browser,
    postgres: EmbeddedServer,
    folder: Path,
    *,
    reports: int,
    pause: Callable[[float], None] = lambda _: None,
    screenshots: Path | None = None,
) -> Counter[str]:
    """The whole: an installation, its analyst, the shift, and what the records say of it afterwards."""
    with (
        analyst_desk(postgres, folder, reports=reports, seed=11) as desk,
        browser.new_context(base_url=desk.server.url, locale="en", viewport=WIDE, bypass_csp=True) as context,
    ):
        page = context.new_page()
        page.set_default_timeout(PATIENCE_S * 1000)
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.goto(desk.link())

        def met(name: str) -> None:
            if screenshots is not None and name == "/reports/N/assess/N keys":
                page.screenshot(path=screenshots / "keys.png")
            complaints.extend(f"{name}: {found}" for found in findings_of_axe(page))

        shift = Shift(keys=Keyboard(page, pause=pause), met=met)
        a_shift(desk, shift)
        assert complaints == []
        assert len(shift.pages) >= 18, sorted(shift.pages)
        everything_is_on_record(desk, shift, reports=reports)
        shift.done["keys"] = shift.keys.pressed
        return shift.done


def everything_is_on_record(desk: AnalystDesk, shift: Shift, *, reports: int) -> None:
    """What the database says is what the analyst did, and nobody else did anything."""
    done, person = shift.done, desk.person.id
    states = dict(desk.rows("SELECT state, count(*) FROM report GROUP BY state"))
    assert states == {"done": reports - 1, "referred": 1}
    assert len(shift.taken) == reports + 1
    assert shift.taken[-1] == shift.taken[reports - 2], "what was passed on came again when nothing else waited"
    assert done["ended"] == reports - 1
    assert desk.rows("SELECT DISTINCT closing FROM report WHERE state = 'done'") == [("handled",)]
    standing = "SELECT count(*) FROM report_assessment WHERE person_id = %s AND undone_at IS "
    assert desk.value(standing + "NULL", person) == done["answers"] >= reports // 2
    assert desk.value(standing + "NOT NULL", person) == done["undone"] == 1
    assert desk.value("SELECT count(*) FROM report_assessment WHERE person_id <> %s", person) == 0
    assert desk.value("SELECT count(*) FROM report_note WHERE by = %s", desk.label) == done["notes"] == 2
    open_looks = "SELECT count(*) FROM report_look WHERE shown_at IS NULL OR covered_at IS NULL"
    assert desk.value(open_looks) == 0
    what_the_trail_says(desk, shift)
    case_number = desk.value("SELECT case_number FROM report WHERE state = 'referred'")

    def came() -> bool:
        with desk.police.database.transaction() as conn:
            return conn.execute("SELECT 1 FROM report WHERE case_number = %s", [case_number]).fetchone() is not None

    wait_until(came)


def what_the_trail_says(desk: AnalystDesk, shift: Shift) -> None:
    """Each step, each look, each answer is an event of the analyst, and the trail holds together."""
    done = shift.done
    events = desk.rows(
        "SELECT action, details->>'state' FROM audit_event WHERE actor_kind = 'person' AND actor_id = %s",
        str(desk.person.id),
    )
    actions = Counter(action for action, _ in events)
    states = Counter(state for action, state in events if action == Permission.REPORT_WORK)
    assert actions[Permission.VAULT_OPEN] == done["looks"]
    assert actions[Permission.REPORT_REFER] == done["referred"] == 1
    assert (states["claimed"], states["done"], states["waiting"]) == (len(shift.taken), done["ended"], done["passed on"])
    settings = desk.server.settings
    wait_until(lambda: verify(desk.server.database, settings.audit_heads_dir, [desk.server.keys.public_key]).ok)


def test_an_analyst_works_a_shift_by_keyboard_alone(
    browser: Browser, postgres: EmbeddedServer, tmp_path: Path, screenshots: Path | None
) -> None:
    done = works_a_shift(browser, postgres, tmp_path, reports=REPORTS, screenshots=screenshots)
    assert done["nothing to assess"] >= 1, "a file that was answered about is not asked about again"


@pytest.mark.soak
def test_an_analyst_works_ten_minutes_by_keyboard_alone(browser: Browser, postgres: EmbeddedServer, tmp_path: Path) -> None:
    reports = 60 if LONG else 4
    began = time.monotonic()
    done = works_a_shift(browser, postgres, tmp_path, reports=reports, pause=time.sleep if LONG else lambda _: None)
    print(f"\n{reports} reports in {time.monotonic() - began:.0f} s: {dict(done)}")  # noqa: T201 (the figures of the run)
