"""The pages of hand-offs, as people use them."""

import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from running.sender import Sender
from running.server import RunningServer, console

from vangnet.handoff.model import Outcome, Receipt, Refusal, SentHandoff
from vangnet.handoff.service import sending
from vangnet.identity.model import Language
from vangnet.identity.permissions import Role
from vangnet.identity.service import parties


def text_of(page: httpx2.Response) -> str:
    """What a reader reads, without marks and runs of white space."""
    return " ".join(re.sub(r"<[^>]+>", " ", page.text).split())


def no_answer(server: RunningServer, sent: SentHandoff) -> None:
    with server.transaction() as conn:
        now = datetime.now(UTC)
        sending.no_answer(
            conn,
            console(),
            handoff_id=sent.id,
            problem="partner_unreachable",
            next_try_at=now + timedelta(minutes=5),
            now=now,
        )


def refuse(server: RunningServer, sent: SentHandoff, reason: Refusal) -> None:
    with server.transaction() as conn:
        sending.refuse(conn, console(), handoff_id=sent.id, reason=reason, now=datetime.now(UTC))


def acknowledge(server: RunningServer, sender: Sender, sent: SentHandoff) -> None:
    with server.transaction() as conn:
        envelope = sending.get_sent_envelope(conn, console(), handoff_id=sent.id)
        receipt = Receipt(
            envelope_id=envelope.id, envelope_sha256=envelope.sha256, received_at=datetime.now(UTC), outcome=Outcome.TAKEN
        )
        sending.acknowledge(conn, console(), handoff_id=sent.id, receipt=receipt.signed(sender.sign), now=datetime.now(UTC))


def test_a_new_installation_is_told_what_comes_first(new_server: RunningServer) -> None:
    with new_server.signed_in(Role.STAFF) as client:
        page = client.get("/hand-offs")
    assert "Nothing was handed over yet." in page.text
    assert 'href="/parties"' in page.text
    assert "Send a test message" not in page.text, "there is nobody to send it to"


def test_what_has_no_receipt_comes_first_with_why_and_since_when(new_server: RunningServer) -> None:
    sender = Sender(new_server)
    waiting, refused, arrived = (sender.is_sent_a_message() for _ in range(3))
    no_answer(new_server, waiting)
    refuse(new_server, refused, Refusal.NOT_ACCEPTED_YET)
    acknowledge(new_server, sender, arrived)
    with new_server.client() as client:
        assert client.post("/api/v1/hand-offs", content=sender.message().to_bytes()).status_code == 200
    with new_server.signed_in(Role.AUDITOR) as client:
        page = client.get("/hand-offs")
    assert "2 hand-offs have no receipt." in page.text
    assert re.findall(r'<h2 id="(waiting|closed|received)"', page.text) == ["waiting", "closed", "received"]
    words = text_of(page)
    assert re.search(rf"{waiting.case_number} on its way no answer \d+ \w+ 20\d\d", words)
    assert re.search(rf"{refused.case_number} refused nobody there accepted us yet", words)
    assert "Send a test message" not in page.text, "an auditor reads"


def test_a_message_is_sent_from_the_page_and_shown_with_its_state(
    server: RunningServer, visitor: Callable[..., httpx2.Client]
) -> None:
    sender, client = Sender(server), visitor(Role.STAFF)
    assert sender.party.name in client.get("/hand-offs/test-message").text
    answer = client.post("/hand-offs/test-message", data={"party": str(sender.party.id), "text": "een\n<b>twee</b>"})
    assert answer.status_code == 303
    page = client.get(answer.headers["location"])
    assert "The message is on its way." in page.text
    assert "een<br>&lt;b&gt;twee&lt;/b&gt;" in page.text
    assert f"test message to {sender.party.name}" in page.text


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"text": "hallo", "party": ""}, "Must be one of the parties."),
        ({"text": " "}, "Must not be empty."),
        ({"text": "x" * 1001}, "Must have at most 1000 characters."),
        ({"text": "bell\a"}, "Must hold letters, digits, signs and line ends only."),
    ],
)
def test_a_message_that_cannot_be_sent_keeps_what_was_typed_and_says_why(
    server: RunningServer, visitor: Callable[..., httpx2.Client], form: dict[str, str], problem: str
) -> None:
    sender = Sender(server)
    answer = visitor(Role.STAFF).post("/hand-offs/test-message", data={"party": str(sender.party.id)} | form)
    assert answer.status_code == 422
    assert problem in answer.text
    assert form["text"].strip() in answer.text


def test_a_message_to_a_party_that_ended_meanwhile_says_so(
    server: RunningServer, visitor: Callable[..., httpx2.Client]
) -> None:
    sender = Sender(server)
    with server.transaction() as conn:
        parties.end(conn, console(), party_id=sender.party.id, now=datetime.now(UTC))
    answer = visitor(Role.STAFF).post("/hand-offs/test-message", data={"party": str(sender.party.id), "text": "hallo"})
    assert (answer.status_code, "The party is not one we know" in answer.text) == (422, True)


def test_a_hand_off_without_a_receipt_is_sent_again_from_its_page(
    server: RunningServer, visitor: Callable[..., httpx2.Client]
) -> None:
    sent, client = Sender(server).is_sent_a_message(), visitor(Role.STAFF)
    refuse(server, sent, Refusal.UNKNOWN_SENDER)
    page = client.get(f"/hand-offs/sent/{sent.id}")
    assert "they do not know us" in page.text
    answer = client.post(f"/hand-offs/sent/{sent.id}/try-again")
    assert answer.status_code == 303
    assert "It is being sent again now." in client.get(answer.headers["location"]).text


def test_a_hand_off_is_given_up_and_that_can_be_undone(
    server: RunningServer, visitor: Callable[..., httpx2.Client]
) -> None:
    sent, client = Sender(server).is_sent_a_message(), visitor(Role.STAFF)
    page = client.get(client.post(f"/hand-offs/sent/{sent.id}/give-up").headers["location"])
    assert "It is not sent again." in page.text
    assert "Give it up" not in page.text
    assert client.post(f"/hand-offs/sent/{sent.id}/give-up").status_code == 409
    again = client.get(client.post(f"/hand-offs/sent/{sent.id}/try-again").headers["location"])
    assert "on its way" in again.text


def test_what_arrived_has_no_button_to_send_it_again_and_refuses_it(
    server: RunningServer, visitor: Callable[..., httpx2.Client]
) -> None:
    sender = Sender(server)
    sent, client = sender.is_sent_a_message(), visitor(Role.STAFF)
    acknowledge(server, sender, sent)
    assert "Send it again now" not in client.get(f"/hand-offs/sent/{sent.id}").text
    answer = client.post(f"/hand-offs/sent/{sent.id}/try-again")
    assert answer.status_code == 409
    assert "arrived" in answer.text


def test_what_was_received_is_shown_with_what_was_in_it(
    server: RunningServer, visitor: Callable[..., httpx2.Client], anonymous: httpx2.Client
) -> None:
    sender = Sender(server)
    message = sender.message("zoë schrijft")
    anonymous.post("/api/v1/hand-offs", content=message.to_bytes())
    client = visitor(Role.STAFF)
    [path] = re.findall(rf'href="(/hand-offs/received/[^"]+)">{sender.party.name}', client.get("/hand-offs").text)
    page = client.get(path)
    assert "zoë schrijft" in page.text
    assert message.envelope.sha256.hex() in page.text


def test_an_introduction_leads_to_the_party_that_waits(new_server: RunningServer) -> None:
    stranger = Sender(new_server, known=False)
    with new_server.client() as client:
        client.post("/api/v1/hand-offs", content=stranger.introduction().to_bytes())
    with new_server.signed_in(Role.ADMINISTRATOR) as client:
        [path] = re.findall(r'href="(/hand-offs/received/[^"]+)"', client.get("/hand-offs").text)
        page = client.get(path)
        assert "https://politie.example" in page.text
        [decide] = re.findall(r'class="primary" href="(/parties/[^"]+)"', page.text)
        assert "Team Noorderlicht" in client.get(decide).text


def test_long_lists_go_on(new_server: RunningServer) -> None:
    sender = Sender(new_server)
    for _ in range(51):
        acknowledge(new_server, sender, sender.is_sent_a_message())
    with new_server.signed_in(Role.STAFF) as client:
        first = client.get("/hand-offs")
        [older] = re.findall(r'href="(/hand-offs\?sent_before=[^"]+)"', first.text)
        second = client.get(older)
    links = [re.findall(r'href="(/hand-offs/sent/[^"]+)"', page.text) for page in (first, second)]
    assert [len(found) for found in links] == [50, 1]
    assert not set(links[0]) & set(links[1])


def test_a_hand_off_that_is_not_there_is_not_found(visitor: Callable[..., httpx2.Client]) -> None:
    client = visitor(Role.STAFF)
    for path in (f"sent/{uuid.uuid4()}", f"received/{uuid.uuid4()}", "sent/7", f"?sent_before={uuid.uuid4()}"):
        assert client.get(f"/hand-offs/{path}").status_code in {404, 422}, path


def test_the_pages_speak_dutch(server: RunningServer, visitor: Callable[..., httpx2.Client]) -> None:
    sent = Sender(server).is_sent_a_message()
    refuse(server, sent, Refusal.CLOCK_SKEW)
    client = visitor(Role.STAFF, language=Language.NL)
    assert "een van de twee klokken loopt verkeerd" in client.get(f"/hand-offs/sent/{sent.id}").text
    assert "Zonder ontvangstbewijs" in client.get("/hand-offs").text
