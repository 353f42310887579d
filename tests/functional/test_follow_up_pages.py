"""The pages of referrals, evidence and outcomes, as people use them."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from running import desk_routes
from running import report_follow_up_routes as follow_up
from running.forms import submit
from running.server import RunningServer, console

from vangnet.handoff.model import Refusal
from vangnet.handoff.model.referrals import ReferralReason
from vangnet.handoff.service import sending
from vangnet.identity.model import Language
from vangnet.identity.permissions import Role
from vangnet.reports.model.clocks import PreservationState
from vangnet.reports.service.desk import desk
from vangnet.reports.service.referral import referring

Visitor = Callable[..., httpx2.Client]


def text_of(page: httpx2.Response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.text).split())


def followed(client: httpx2.Client, answer: httpx2.Response) -> httpx2.Response:
    assert answer.status_code == 303, text_of(answer)[:500]
    return client.get(answer.headers["location"])


# --- referrals ---


def test_a_report_is_referred_from_its_page_with_what_the_party_may_have(server: RunningServer) -> None:
    client, report_id = follow_up.claimed(server)
    to = follow_up.police(server)
    with client:
        assert f'href="/reports/{report_id}/refer"' in client.get(f"/reports/{report_id}").text
        form = client.get(f"/reports/{report_id}/refer", params={"party": str(to.party.id)})
        assert "who is named, and network addresses" in form.text
        answer = client.post(
            f"/reports/{report_id}/refer",
            data={"party": str(to.party.id), "reason": "danger", "shares": ["addresses", "people"], "note": "hallo"},
        )
        page = followed(client, answer)
        assert "The report is referred." in page.text
        assert re.search(rf"Report {report_id} VN-\d{{4}}-\w{{4}}-\w{{4}} {to.party.name} being prepared", text_of(page))
        assert "referred" in text_of(client.get(f"/reports/{report_id}"))


def test_a_party_without_a_legal_basis_is_offered_links_only_and_it_is_said_why(server: RunningServer) -> None:
    client, report_id = follow_up.claimed(server)
    to = follow_up.police(server, with_basis=False)
    with client:
        form = client.get(f"/reports/{report_id}/refer", params={"party": str(to.party.id)})
        assert "No legal basis that holds today" in form.text
        assert re.findall(r'name="shares" value="(\w+)"', form.text) == ["addresses"]
        answer = client.post(
            f"/reports/{report_id}/refer", data={"party": str(to.party.id), "reason": "danger", "shares": "people"}
        )
    assert (answer.status_code, "Must be among what this party may have." in answer.text) == (422, True)


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"reason": ""}, "Must be one of those that are offered."),
        ({"reason": "danger", "shares": "made_up"}, "Must be one of those that are offered."),
        ({"reason": "danger", "note": "x" * 1001}, "Must have at most 1000 characters."),
    ],
)
def test_a_referral_that_cannot_be_made_keeps_what_was_typed(
    server: RunningServer, form: dict[str, str], problem: str
) -> None:
    client, report_id = follow_up.claimed(server)
    to = follow_up.police(server)
    with client:
        answer = client.post(f"/reports/{report_id}/refer", data={"party": str(to.party.id)} | form)
    assert answer.status_code == 422
    assert problem in text_of(answer)
    assert form.get("note", "") in answer.text


def test_whoever_did_not_claim_a_report_is_told_to_do_so_first(server: RunningServer, visitor: Visitor) -> None:
    report_id, to = desk_routes.a_report(server), follow_up.police(server)
    client = visitor(Role.STAFF)
    assert "Claim it first." in client.get(f"/reports/{report_id}/refer").text
    answer = client.post(f"/reports/{report_id}/refer", data={"party": str(to.party.id), "reason": "danger"})
    assert answer.status_code == 409


def refused(server: RunningServer) -> str:
    """A referral that the other party refused; its number."""
    referral = follow_up.a_referral(server)
    with server.transaction() as conn:
        (shown,) = referring.list_of_report(conn, console(), keys=server.keys, report_id=referral.report_id)
        sending.refuse(
            conn, console(), handoff_id=shown.handoffs[0].id, reason=Refusal.NOT_ACCEPTED_YET, now=datetime.now(UTC)
        )
    return f"/referrals/{referral.id}"


def test_what_did_not_arrive_stands_first_with_why_and_what_can_be_done(server: RunningServer, visitor: Visitor) -> None:
    path, client = refused(server), visitor(Role.STAFF)
    page = client.get("/referrals")
    assert page.text.index('id="waiting"') < page.text.index("nobody there accepted us yet")
    assert "It is being sent again now." in followed(client, submit(client, page, f"{path}/again")).text
    back = followed(client, submit(client, client.get("/referrals"), f"{path}/take-back"))
    assert "The report is back in our queue." in back.text
    assert client.post(f"{path}/take-back").status_code == 409


def test_a_referred_report_is_taken_back_among_the_referrals_and_not_simply_reopened(
    server: RunningServer, visitor: Visitor
) -> None:
    referral, client = follow_up.a_referral(server), visitor(Role.STAFF)
    assert 'href="/referrals"' in client.get(f"/reports/{referral.report_id}").text
    answer = client.post(f"/reports/{referral.report_id}/reopen")
    assert (answer.status_code, "take it back among the referrals" in answer.text) == (409, True)


def test_colleagues_see_what_was_written_to_the_other_party_and_no_link_in_it_can_be_followed(
    server: RunningServer, visitor: Visitor
) -> None:
    report_id, ours, to = desk_routes.a_report(server), follow_up.somebody(server), follow_up.police(server)
    with server.transaction() as conn:
        desk.claim(conn, ours, report_id=report_id, now=datetime.now(UTC))
        referring.refer(
            conn, ours, keys=server.keys, report_id=report_id, party_id=to.party.id, reason=ReferralReason.DANGER,
            shares=frozenset(), note="See https://pictures.example/1 <b>", now=datetime.now(UTC),
        )  # fmt: skip
    for path in ("evidence", "refer"):
        page = visitor(Role.STAFF).get(f"/reports/{report_id}/{path}").text
        assert "See hxxps://pictures[.]example/1 &lt;b&gt;" in page, path


def test_an_auditor_sees_referrals_and_changes_none(server: RunningServer, visitor: Visitor) -> None:
    path, client = refused(server), visitor(Role.AUDITOR)
    assert "Take the report back" not in client.get("/referrals").text
    assert client.post(f"{path}/again").status_code == 403


def test_what_was_referred_is_not_shown_among_hand_offs(server: RunningServer, visitor: Visitor) -> None:
    referral = follow_up.a_referral(server)
    with server.transaction() as conn:
        (shown,) = referring.list_of_report(conn, console(), keys=server.keys, report_id=referral.report_id)
    page = visitor(Role.ADMINISTRATOR).get(f"/hand-offs/sent/{shown.handoffs[0].id}")
    assert "sealed to whoever received it" in page.text
    assert "pictures.example" not in page.text


# --- evidence ---


def drafted(client: httpx2.Client, server: RunningServer) -> tuple[str, httpx2.Response]:
    """The address and page of a request that was drafted from the page of evidence."""
    clock_id = follow_up.a_clock(server)
    answer = client.post(f"/evidence/{clock_id}/draft")
    return answer.headers["location"].partition("?")[0], followed(client, answer)


def test_evidence_is_listed_with_who_has_it_and_by_which_law(server: RunningServer, visitor: Visitor) -> None:
    follow_up.a_clock(server)
    page = visitor(Role.STAFF).get("/evidence")
    for words in ("Draft request", "an access provider (NL)", "assumption", "none is known", "By what we may ask"):
        assert words in page.text, words


def test_a_letter_is_drafted_changed_sent_answered_and_renewed(server: RunningServer, visitor: Visitor) -> None:
    client = visitor(Role.STAFF)
    path, page = drafted(client, server)
    assert "The letter is drafted." in page.text
    assert "no law: a request that nobody has to follow" in page.text
    assert "Dear Sir or Madam," in page.text
    saved = followed(client, submit(client, page, f"{path}/letter", recipient="Access Example"))
    assert "The letter is kept as you wrote it." in saved.text
    sent = followed(client, submit(client, saved, f"{path}/sent", how="portal"))
    assert "sent, no answer yet" in text_of(sent)
    kept = followed(client, submit(client, sent, f"{path}/answer", answer="secured", until="2027-01-31"))
    assert "31 Jan 2027" in text_of(kept)
    assert "secured" in text_of(kept)
    renewed = client.post(f"{path}/renew")
    assert "asks to renew it now" in followed(client, renewed).text
    assert "preserve them for another 90 days" in client.get(path).text


def test_a_letter_in_dutch_is_drafted_for_whoever_reads_dutch(server: RunningServer, visitor: Visitor) -> None:
    client = visitor(Role.STAFF, language=Language.NL)
    _, page = drafted(client, server)
    assert "Geachte heer, mevrouw," in page.text
    assert "De brief is opgesteld." in page.text


@pytest.mark.parametrize(
    ("step", "form", "status", "problem"),
    [
        ("letter", {"recipient": "", "text": "x"}, 422, "Must not be empty."),
        ("letter", {"recipient": "A", "text": ""}, 422, "Must have 1 to 40000 characters."),
        ("letter", {"party": "7", "text": "x"}, 422, "Must be one of those that are offered."),
        ("sent", {"how": "made_up"}, 422, "Must be one of those that are offered."),
        ("answer", {"answer": "secured"}, 409, "drafted"),
        ("renew", {}, 409, "This cannot be renewed."),
    ],
)
def test_a_step_that_cannot_be_is_refused_with_its_reason(
    *, server: RunningServer, visitor: Visitor, step: str, form: dict[str, Any], status: int, problem: str
) -> None:
    client = visitor(Role.STAFF)
    path, _ = drafted(client, server)
    answer = client.post(f"{path}/{step}", data=form)
    assert (answer.status_code, problem in text_of(answer)) == (status, True), text_of(answer)[:1500]


def test_an_answer_in_the_past_is_refused(server: RunningServer, visitor: Visitor) -> None:
    request_id = follow_up.a_request(server, PreservationState.SENT)
    for until, problem in (("2020-01-01", "Must be a day to come"), ("soon", "Must be a day, such as")):
        answer = visitor(Role.STAFF).post(
            f"/evidence/requests/{request_id}/answer", data={"answer": "secured", "until": until}
        )
        assert (answer.status_code, problem in answer.text) == (422, True)


def test_evidence_that_is_asked_for_or_dropped_is_not_asked_for_again(server: RunningServer, visitor: Visitor) -> None:
    client, clock_id = visitor(Role.STAFF), follow_up.a_clock(server)
    assert "It is not asked for." in followed(client, client.post(f"/evidence/{clock_id}/drop")).text
    assert client.post(f"/evidence/{clock_id}/draft").status_code == 409
    assert client.post(f"/evidence/{clock_id}/drop").status_code == 409


def test_dropped_evidence_is_taken_up_again_from_its_report(server: RunningServer, visitor: Visitor) -> None:
    client, report_id = visitor(Role.STAFF), desk_routes.a_report(server)
    clock_id = follow_up.a_clock(server, report_id)
    client.post(f"/evidence/{clock_id}/drop")
    path = f"/reports/{report_id}/evidence"
    assert path in client.get(f"/reports/{report_id}").text
    page = client.get(path)
    assert "not needed" in page.text
    again = followed(client, submit(client, page, f"/evidence/{clock_id}/take-up"))
    assert "It runs on, and can be asked for." in again.text
    assert client.post(f"/evidence/{clock_id}/draft").status_code == 303
    assert client.post(f"/evidence/{clock_id}/take-up").status_code == 409


# --- outcomes ---


def test_a_report_led_to_an_investigation_with_a_result(server: RunningServer, visitor: Visitor) -> None:
    client, report_id = visitor(Role.STAFF), desk_routes.a_report(server)
    number = f"PL-{report_id}-7"
    page = submit(client, client.get("/outcomes"), "/outcomes/investigations", report=str(report_id), number=number)
    shown = followed(client, page)
    assert number in shown.text
    [path] = re.findall(rf'{number}</h3>.*?action="(/outcomes/investigations/\d+)"', shown.text, re.DOTALL)
    answer = client.post(path, data={"outcome": "child_safe", "people": "2"})
    assert "a child was brought to safety (2)" in text_of(followed(client, answer))
    reader = visitor(Role.AUDITOR).get("/outcomes")
    assert number not in reader.text
    assert "a child was brought to safety (2)" in text_of(reader)


@pytest.mark.parametrize(
    ("path", "form", "problem"),
    [
        ("investigations", {"report": "x", "number": "7"}, "Must be the number of a report."),
        ("investigations", {"report": "999999999", "number": "7"}, "does not exist"),
        ("investigations", {"report": "{report}", "number": " "}, "Must not be empty."),
        ("series", {"series_report": "{report}", "series": "Anna"}, "no name"),
        ("investigations/{investigation}", {"outcome": "made_up"}, "one of those that are offered"),
        ("investigations/{investigation}", {"outcome": "child_safe", "people": "0"}, "whole number from 1 to 1000"),
        ("investigations/{investigation}", {"outcome": "child_safe", "people": "many"}, "Must be a whole number."),
    ],
)
def test_what_cannot_be_kept_is_refused_with_its_reason(
    server: RunningServer, visitor: Visitor, path: str, form: dict[str, str], problem: str
) -> None:
    investigation, report, _ = follow_up.an_investigation(server)
    filled = {name: value.format(report=report) for name, value in form.items()}
    answer = visitor(Role.STAFF).post(f"/outcomes/{path.format(investigation=investigation)}", data=filled)
    assert (answer.status_code, problem in text_of(answer)) == (422, True), text_of(answer)[:1500]


def test_a_series_shows_how_often_it_turned_up_again(server: RunningServer, visitor: Visitor) -> None:
    client = visitor(Role.STAFF)
    series_id, report_id = follow_up.a_series(server)
    page = client.get("/outcomes")
    [row] = re.findall(rf"(<th scope=\"row\"><code>S-\d+-{report_id}</code>.*?)</tr>", page.text, re.DOTALL)
    assert re.findall(r'class="number">(?:<[^>]*>)*\s*(\d+)', row)[1:2] == ["1"], "one report"
    out = client.post(f"/outcomes/series/{series_id}/take-out", data={"report": str(report_id)})
    assert "taken out of the series" in followed(client, out).text


def test_the_pages_speak_dutch(server: RunningServer, visitor: Visitor) -> None:
    follow_up.a_referral(server)
    follow_up.a_request(server)
    client = visitor(Role.STAFF, language=Language.NL)
    for path, words in (("/referrals", "Doorverwijzingen"), ("/evidence", "Stel verzoek op"), ("/outcomes", "Uitkomsten")):
        assert words in client.get(path).text
