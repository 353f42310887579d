"""Assessing at a running installation: what a browser is sent, and what it is never sent."""

import base64
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from PIL import Image
from running.assess_routes import (
    a_claimed_report,
    a_look,
    answer,
    browser_of,
    like_reports,
    waits_for_second,
)
from running.assessed_reports import a_picture, analyst, asked, bundled, desk_of, own_list
from running.server import RunningServer

from vangnet.identity.permissions import Role
from vangnet.reports.model.drafts import Sign
from vangnet.reports.rules.assessment.answers import AssessedClass
from vangnet.reports.service.assessment import proposing
from vangnet.reports.service.desk import desk as desk_service

BLURRED = {"step": "blurred", "blur": "3", "size": "S", "grey": "on"}


def picture_of(browser: httpx2.Client, report_id: int, position: int = 0, **form: str) -> httpx2.Response:
    """What a look sends to the page's script."""
    path = f"/reports/{report_id}/assess/{position}/look"
    return browser.post(path, data=BLURRED | form, headers={"Accept": "image/png"})


@pytest.fixture
def claimed(server: RunningServer) -> Iterator[tuple[int, httpx2.Client]]:
    report_id, who = a_claimed_report(server, 2)
    with browser_of(server, who) as browser:
        yield report_id, browser


def test_the_page_holds_no_pixel_until_a_look_was_asked_for(claimed: tuple[int, httpx2.Client]) -> None:
    report_id, browser = claimed
    begun = browser.get(f"/reports/{report_id}/assess")
    assert begun.headers["location"] == f"/reports/{report_id}/assess/0"
    page = browser.get(begun.headers["location"])
    assert page.status_code == 200
    assert "data:image" not in page.text
    assert "Covered: no part of the picture is on this page." in page.text
    assert not re.search(r'type="radio"[^>]*checked', page.text), "nothing is preselected"


def test_each_step_sends_what_was_asked_for_and_is_kept_nowhere(claimed: tuple[int, httpx2.Client]) -> None:
    report_id, browser = claimed
    refused = picture_of(browser, report_id, step="whole")
    assert (refused.status_code, refused.headers["content-type"][:10]) == (409, "text/plain")
    assert "blurred first" in refused.text
    blurred = picture_of(browser, report_id)
    assert (blurred.status_code, blurred.headers["content-type"]) == (200, "image/png")
    assert blurred.headers["cache-control"] == "no-store"
    assert blurred.headers["x-seconds"] == "10"
    part = picture_of(browser, report_id, step="part-9", grey="on")
    whole = picture_of(browser, report_id, step="whole")
    sizes = [Image.open(io.BytesIO(one.content)).size for one in (blurred, part, whole)]
    assert sizes[1:] == [(107, 80), (160, 120)]
    # Not one row of the sharp picture is in the blurred one.
    sharp, soft = (Image.open(io.BytesIO(one.content)).convert("L").resize((160, 120)) for one in (whole, blurred))
    rows = [soft.crop((0, row, 160, row + 1)).tobytes() for row in range(120)]
    assert all(sharp.crop((0, row, 160, row + 1)).tobytes() not in rows for row in range(120))


def test_without_script_the_browser_gets_the_picture_in_a_page_that_goes_away(
    claimed: tuple[int, httpx2.Client],
) -> None:
    report_id, browser = claimed
    here = f"/reports/{report_id}/assess/0"
    page = browser.post(f"{here}/look", data=BLURRED)
    assert page.headers["refresh"] == f"10; url={here}"
    assert page.headers["cache-control"] == "no-store"
    (sent,) = re.findall(r"data:image/png;base64,([^\"]+)", page.text)
    assert Image.open(io.BytesIO(base64.b64decode(sent))).mode == "L"
    (cover,) = re.findall(r'action="(/looks/\d+/cover)"', page.text)
    assert browser.post(cover, data={"back": here}).headers["location"] == here
    assert "data:image" not in browser.get(here).text
    assert browser.post(f"{here}/look", data=BLURRED | {"step": "sideways"}).status_code == 422


def test_a_classified_file_is_not_shown_without_a_reason_of_ones_own_words(server: RunningServer) -> None:
    report_id, who = a_claimed_report(server)
    answer(server, report_id, who, **{"class": "other"})
    with browser_of(server, who) as browser:
        page = browser.get(f"/reports/{report_id}/assess/0")
        assert "It is known already. Why do you need to see it?" in page.text
        assert picture_of(browser, report_id).status_code == 409
        assert picture_of(browser, report_id, known_reason="control", why="short").status_code == 422
        shown = picture_of(browser, report_id, known_reason="control", why="the colours are in doubt")
        assert (shown.status_code, shown.headers["content-type"]) == (200, "image/png")


def test_the_second_persons_page_holds_nothing_of_the_first_answer(server: RunningServer) -> None:
    report_id = waits_for_second(server)
    second = analyst(server)
    with browser_of(server, second) as browser:
        waiting = browser.get("/assess/second").text
        assert f'href="/reports/{report_id}/assess/0"' in waiting
        page = browser.get(f"/reports/{report_id}/assess/0").text
        for text in (waiting, page):
            assert "<caption>Answers</caption>" not in text
            assert "It stands as" not in text
        # Whatever the first answered, the page is the same but for numbers and times.
        another = waits_for_second(server, **{"class": "baseline", "age": "infant", "gender": "male"})
        assert figures_apart(browser.get(f"/reports/{another}/assess/0").text) == figures_apart(page)
        assert picture_of(browser, report_id).status_code == 200
        kept = browser.post(f"/reports/{report_id}/assess/0", data={"class": "baseline", "age": "pubescent"})
        assert kept.headers["location"] == f"/reports/{report_id}/assess/0?done=answer-third"
        both = browser.get(f"/reports/{report_id}/assess/0").text
    assert "<caption>Answers</caption>" in both
    assert re.search(r"national.*\n?.*baseline", both[both.index("<caption>Answers</caption>") :], re.DOTALL)


def figures_apart(page: str) -> str:
    """The page without its figures, times among them."""
    return re.sub(r"\d+", "0", page)


def test_what_two_people_agree_on_is_on_the_page_as_an_entry(server: RunningServer) -> None:
    own_list(desk_of(server))
    report_id, first = a_claimed_report(server)
    for who in (first, analyst(server)):
        with browser_of(server, who) as browser:
            assert picture_of(browser, report_id).status_code == 200
            browser.post(f"/reports/{report_id}/assess/0", data={"class": "baseline", "age": "infant"})
    with browser_of(server, first) as browser:
        page = browser.get(f"/reports/{report_id}/assess/0").text
    assert "It stands as baseline." in page
    assert re.search(r'href="/entries/\d+"', page) or "It is on no list" in page


def test_where_two_people_agree_the_picture_itself_is_in_hand_so_that_crops_of_it_are_found(server: RunningServer) -> None:
    desk = desk_of(server)
    list_id = own_list(desk)
    with server.transaction() as conn:
        lead = desk.person(Role.LEAD)
        proposing.choose_list(conn, lead, assessed=AssessedClass.BASELINE, list_id=list_id, now=datetime.now(UTC))
    first = analyst(server, Role.STAFF, Role.CURATOR)
    report_id, _ = a_claimed_report(server, by=first)
    for who in (first, analyst(server, Role.STAFF, Role.CURATOR)):
        with browser_of(server, who) as browser:
            assert picture_of(browser, report_id).status_code == 200
            assert examinations(server, report_id) == 0, "a first answer lists nothing"
            browser.post(f"/reports/{report_id}/assess/0", data={"class": "baseline", "age": "infant"})
    with browser_of(server, first) as browser:
        page = browser.get(f"/reports/{report_id}/assess/0").text
        found = re.search(r'href="(/entries/\d+)"', page)
        assert found is not None
        entry = browser.get(found[1]).text
    windows = re.search(r"<dt>Sub-windows</dt><dd>(\d+) ", entry)
    assert windows is not None
    assert int(windows[1]) > 100
    # A program opened the picture, not a person; the trail says so, once.
    assert examinations(server, report_id) == 1


def examinations(server: RunningServer, report_id: int) -> int:
    """How often a program opened a file of this report."""
    with server.transaction() as conn:
        rows = conn.execute(
            "SELECT count(*) FROM audit_event WHERE details->>'reason' = 'examination' AND details->>'report' = %s",
            [str(report_id)],
        ).fetchall()
    return int(rows[0][0])


def test_an_answer_is_kept_leads_on_and_is_undone(claimed: tuple[int, httpx2.Client]) -> None:
    report_id, browser = claimed
    here = f"/reports/{report_id}/assess"
    missing = browser.post(f"{here}/0", data={"age": "infant"})
    assert missing.status_code == 422
    assert re.search(r'value="infant" checked', missing.text), "what was given stays"
    unseen = browser.post(f"{here}/0", data={"class": "baseline"})
    assert (unseen.status_code, "needs a look first" in unseen.text.lower()) == (422, True)
    kept = browser.post(f"{here}/0", data={"class": "not_illegal"})
    assert kept.headers["location"] == f"{here}/1?done=answer-stands"
    undone = browser.post(f"{here}/undo", data={"position": "1"})
    assert undone.headers["location"] == f"{here}/0?done=answer-undone"
    assert browser.post(f"{here}/undo", data={"position": "1"}).status_code == 409


def test_like_pictures_are_shown_side_by_side_and_judged_by_whoever_saw_both(server: RunningServer) -> None:
    report_id, who, other = like_reports(server)
    here = f"/reports/{report_id}/assess/0"
    with browser_of(server, who) as browser:
        assert "Is this the same picture?" in browser.get(here).text
        form = {"neighbour": str(other), "same": "yes"}
        assert browser.post(f"{here}/same", data=form).status_code == 409
        side_by_side = browser.post(f"{here}/look", data=BLURRED | {"neighbour": str(other)}).text
        assert side_by_side.count("data:image/png") == 2
        assert browser.post(f"{here}/same", data=form).headers["location"] == f"{here}?done=same-kept"
        assert "the same picture" in browser.get(here).text
        assert browser.post(f"{here}/same", data=form | {"same": "undo"}).status_code == 303


def test_a_look_of_somebody_else_is_none(server: RunningServer) -> None:
    look_id, who = a_look(server)
    with server.signed_in(Role.STAFF) as browser:
        assert browser.post(f"/looks/{look_id}/more").status_code == 404
        assert browser.post(f"/looks/{look_id}/cover").status_code == 204
    with browser_of(server, who) as browser:
        # The other's attempt covered nothing.
        assert browser.post(f"/looks/{look_id}/more").text in {"20", "19", "18"}


def spend_minutes(server: RunningServer, report_id: int, person_id: str, minutes: int) -> None:
    """So many minutes of sharp pictures on this day, over by now."""
    now = datetime.now(UTC)
    with server.transaction() as conn:
        conn.execute(
            """
            INSERT INTO report_look (report_id, person_id, step, reason, at, shown_at, until_at)
            SELECT %(report)s, %(person)s, 'whole', 'assessment', %(now)s, %(shown)s, %(shown)s + interval '60 seconds'
            FROM generate_series(1, %(minutes)s)
            """,
            {
                "report": report_id, "person": person_id, "now": now, "shown": now - timedelta(minutes=2),
                "minutes": minutes,
            },
        )  # fmt: skip


def test_a_break_is_proposed_in_time_and_with_the_days_time_used_pictures_are_for_danger_alone(
    server: RunningServer,
) -> None:
    report_id, who = a_claimed_report(server)
    (urgent,) = desk_of(server).take_bundled([bundled([a_picture(7_001)], signs=frozenset({Sign.DANGER_NOW}))])
    with server.transaction() as conn:
        desk_service.claim(conn, who.actor, report_id=urgent, now=datetime.now(UTC))
    with browser_of(server, who) as browser:
        spend_minutes(server, report_id, who.actor.id, 71)
        assert "How about a break?" not in browser.get(f"/reports/{report_id}/assess/0").text
        spend_minutes(server, report_id, who.actor.id, 1)
        assert "How about a break?" in browser.get(f"/reports/{report_id}/assess/0").text
        assert picture_of(browser, report_id).status_code == 200
        spend_minutes(server, report_id, who.actor.id, 18)
        assert "sharp 90 of 90 minutes today" in browser.get(f"/reports/{report_id}/assess/0").text
        refused = picture_of(browser, report_id)
        assert (refused.status_code, "time for pictures is used" in refused.text) == (409, True)
        assert picture_of(browser, urgent).status_code == 200
        assert "is used. There is work without pictures" in browser.get("/me/exposure").text


def test_nobody_sees_anothers_exposure_and_leads_see_sums_of_five_or_nothing(server: RunningServer) -> None:
    report_id, who = a_claimed_report(server)
    server.app.state.site.viewer.look(who.actor, asked(report_id), now=datetime.now(UTC))
    with browser_of(server, who) as browser:
        own = browser.get("/me/exposure").text
        assert re.search(r'data-label="Looks">1<', own)
        assert browser.post("/me/exposure", data={"seconds": "61", "blur": "3", "size": "S"}).status_code == 422
        chosen = browser.post("/me/exposure", data={"seconds": "4", "blur": "5", "size": "M"})
        assert chosen.headers["location"] == "/me/exposure?done=looks-chosen"
        assert picture_of(browser, report_id).headers["x-seconds"] == "4"
        assert browser.get("/assess/agreement").status_code == 403
    with server.signed_in(Role.LEAD) as lead:
        assert "You were shown nothing in these days." in lead.get("/me/exposure").text
        page = lead.get("/assess/agreement").text
        assert "fewer than 5 people: not told" in page
        assert who.actor.id not in page


def test_other_questions_are_chosen_by_a_lead_and_a_broken_document_is_refused(server: RunningServer) -> None:
    with server.signed_in(Role.LEAD) as lead:
        for broken in ("", "[]", '[{"code": "age"}]', "{"):
            refused = lead.post("/assess/questions", data={"document": broken})
            assert refused.status_code == 422, broken
