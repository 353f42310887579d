"""The check on the check, and contesting a match: by the API, by the page, on the console."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from running.follow_up_routes import a_decision
from running.gate_lists import list_files
from running.kept_decisions import keep, kept_decision
from running.server import RunningServer, console

from vangnet.config import Settings
from vangnet.errors import InvalidInput
from vangnet.gate.actions import ProviderAction, Said, Subject, checked_reason, last_words, repeated
from vangnet.gate.contest_reasons import ContestReason, as_text
from vangnet.gate.model import CheckAnswer, Decision, Outcome
from vangnet.gate.service import answering
from vangnet.gate.uploader_text import uploader_text
from vangnet.identity.permissions import Permission, Role
from vangnet.registry.model.disputes import DisputeState
from vangnet.registry.model.entries import HashAlgorithm
from vangnet.registry.service import disputes

Program = Callable[..., httpx2.Client]
SAYS = (Permission.GATE_READ, Permission.GATE_ANSWER)


def said(number: int, action: ProviderAction, reason: str | None = None) -> Said:
    return Said(
        id=number, decision_id=uuid.UUID(int=1), action=action, reason=reason, said_by="person:1",
        said_at=datetime(2026, 11, 22, tzinfo=UTC),
    )  # fmt: skip


def test_the_last_word_on_each_subject_counts() -> None:
    first, second = said(1, ProviderAction.NOT_PUBLISHED), said(2, ProviderAction.ACCOUNT_SUSPENDED)
    third = said(3, ProviderAction.KEPT, "wrong entry")
    assert last_words([first, second, third]) == {Subject.UPLOAD: third, Subject.ACCOUNT: second}
    assert repeated([first, second], ProviderAction.NOT_PUBLISHED, None) == first
    assert repeated([first, second, third], ProviderAction.NOT_PUBLISHED, None) is None


def test_what_stays_needs_a_reason() -> None:
    with pytest.raises(InvalidInput):
        checked_reason(ProviderAction.KEPT, "  ")
    assert checked_reason(ProviderAction.REMOVED, " ") is None


def test_a_contest_says_why_in_one_line() -> None:
    assert as_text(ContestReason.HARMLESS, " a\nlogo ") == "harmless material, such as a logo or a default picture: a logo"
    with pytest.raises(InvalidInput):
        as_text(ContestReason.OTHER, " ")


def test_a_block_is_open_until_the_upload_is_answered_for(server: RunningServer, program: Program) -> None:
    long_ago = datetime(2001, 1, 1, tzinfo=UTC) + timedelta(seconds=uuid.uuid4().int % 10**8)
    first = keep(server.database, server.keys, kept_decision(Decision.HOLD, at=long_ago))
    second = keep(
        server.database, server.keys,
        kept_decision(Decision.ALLOW, at=long_ago + timedelta(seconds=1), uploaded_at=long_ago - timedelta(days=21)),
    )  # fmt: skip
    allowed = keep(server.database, server.keys, kept_decision(Decision.ALLOW, at=long_ago))
    client = program(*SAYS)

    def open_ids() -> list[str]:
        found: list[str] = []
        after: dict[str, str] = {}
        while page := client.get("/api/v1/decisions", params={"open": "true", "limit": "2"} | after).json():
            found += [one["check_id"] for one in page]
            after = {"after_id": page[-1]["check_id"]}
        return found

    opened = open_ids()
    assert opened.index(str(first)) < opened.index(str(second)), "the oldest first"
    assert str(allowed) not in opened
    path = f"/api/v1/decisions/{first}/actions"
    # What was done about the account is no answer yet; saying it twice is saying it once.
    answers = [client.post(path, json={"action": "account_suspended"}).json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert str(first) in open_ids()
    assert client.post(path, json={"action": "kept"}).status_code == 422
    assert client.post(path, json={"action": "not_published"}).status_code == 200
    assert str(first) not in open_ids()
    # A correction is kept beside what it corrects.
    assert client.post(path, json={"action": "kept", "reason": "the entry is wrong"}).status_code == 200
    assert [one["action"] for one in client.get(path).json()] == ["account_suspended", "not_published", "kept"]
    one = client.get(f"/api/v1/decisions/{first}").json()
    assert (one["open"], one["matches"][0]["entry_id"]) == (False, 8841)
    refused = client.post(f"/api/v1/decisions/{allowed}/actions", json={"action": "removed"})
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert client.post(f"/api/v1/decisions/{uuid.uuid4()}/actions", json={"action": "removed"}).status_code == 404
    assert client.post(path, json={"action": "laughed"}).status_code == 422


def test_the_page_lists_what_is_open_with_its_age_and_takes_the_answer(server: RunningServer) -> None:
    name = f"upload {uuid.uuid4().hex[:8]}"
    old = datetime(2000, 1, 1, tzinfo=UTC)
    check_id = keep(server.database, server.keys, kept_decision(at=old, object_id=name))
    with server.signed_in(Role.STAFF) as browser:
        listed = browser.get("/decisions", params={"open": "true"}).text
        assert name in listed
        days = (datetime.now(UTC) - old).days
        assert f"waits for {days} days" in " ".join(listed.split())
        assert "/decisions?open=true" in browser.get("/").text
        wrong = browser.post(f"/decisions/{check_id}/actions", data={"action": "kept"})
        assert (wrong.status_code, "must say why".casefold() in wrong.text.casefold()) == (422, True)
        browser.post(f"/decisions/{check_id}/actions", data={"action": "removed"})
        page = browser.get(f"/decisions/{check_id}").text
        assert "it was removed" in page
        assert name not in browser.get("/decisions", params={"open": "true"}).text


def test_a_match_is_contested_from_its_page_and_the_answer_is_shown(server: RunningServer) -> None:
    check_id, entry_id = a_decision(server)
    form = {"entry": str(entry_id), "contest_reason": "harmless", "note": "the picture that comes with the shop"}
    with server.signed_in(Role.STAFF) as browser:
        page = f"/decisions/{check_id}"
        assert browser.post(f"{page}/dispute", data=form | {"entry": "1"}).status_code == 422
        assert browser.post(f"{page}/dispute", data=form | {"contest_reason": "other", "note": ""}).status_code == 422
        assert browser.post(f"{page}/dispute", data=form).status_code == 303
        shown = browser.get(page).text
        assert "the picture that comes with the shop" in shown
        assert "waits for an answer" in shown
        assert browser.post(f"{page}/dispute", data=form).status_code == 422
        with server.transaction() as conn:
            (dispute,) = disputes.list_disputes(conn, console(), entry_id=entry_id)
            disputes.record_answer(
                conn, console(), dispute_id=dispute.id, outcome=DisputeState.WITHDRAWN, reason="you are right",
                now=datetime.now(UTC),
            )  # fmt: skip
        shown = browser.get(page).text
        assert "you are right" in shown
        assert "the entry was withdrawn" in shown


def test_counting_what_is_open_asks_for_the_permission(server: RunningServer, program: Program) -> None:
    assert program(Permission.GATE_CHECK).get("/api/v1/decisions").status_code == 403
    assert program(Permission.GATE_READ).post(
        f"/api/v1/decisions/{uuid.uuid4()}/actions", json={"action": "removed"}
    ).status_code == 403  # fmt: skip
    with server.transaction() as conn:
        assert answering.count_open(conn, console()) >= 0


def refused(decision: Decision, outcome: Outcome = Outcome.MATCH) -> CheckAnswer:
    return CheckAnswer(check_id=uuid.UUID("12345678-1234-4234-8234-123456781234"), outcome=outcome, decision=decision)


def test_a_refused_uploader_is_told_where_help_is_and_nothing_of_why() -> None:
    told = uploader_text(refused(Decision.BLOCK), help_nl="Bel 0800.", help_en="Call 0800.")
    assert told is not None
    assert told["en"].endswith("Call 0800.")
    assert told["nl"].endswith("Bel 0800.")
    assert "12345678" in told["en"]
    assert told == uploader_text(refused(Decision.BLOCK, Outcome.UNHASHABLE), help_nl="Bel 0800.", help_en="Call 0800.")


@pytest.mark.parametrize("decision", [Decision.ALLOW, Decision.HOLD])
def test_nobody_is_warned(decision: Decision) -> None:
    assert uploader_text(refused(decision), help_nl="x", help_en="y") is None


def test_without_a_place_where_help_is_nothing_is_told() -> None:
    assert uploader_text(refused(Decision.BLOCK), help_nl=None, help_en=None) is None
    with pytest.raises(ValueError, match="together"):
        Settings(uploader_help_nl="x")


def test_the_answer_has_the_text_only_where_it_was_chosen(start_server: Callable[..., Any]) -> None:
    with start_server(uploader_help_nl="Bel 0800.", uploader_help_en="Call 0800.") as started:
        list_files(started, [b"a listed text"], name="listed", algorithms=[HashAlgorithm.SHA256])
        with started.program(Permission.GATE_CHECK) as client:
            answer = client.post("/api/v1/check", content=b"a listed text").json()
            other = client.post("/api/v1/check", content=b"another text").json()
    assert (answer["decision"], set(answer["uploader_text"])) == ("block", {"nl", "en"})
    assert "uploader_text" not in other
