"""Reports by mail: what is unread in the mailbox is kept once, and marked there only when that is sure."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from running.fake_imap import PASSWORD, USER, FakeMailbox, serving
from running.report_desk import CONSOLE, Desk

from vangnet.errors import PartnerRefused, PartnerUnreachable
from vangnet.jobs import mailbox as jobs
from vangnet.jobs.mailbox import Fetched
from vangnet.partners.mailbox import MailboxAddress, open_mailbox
from vangnet.reports.model.deliveries import DeliveryState
from vangnet.reports.service.intake import deliveries

MAIL = (
    b"From: Somebody <somebody@mail.example>\r\nTo: meldingen@hotline.example\r\nMessage-ID: <1@mail.example>\r\n"
    b"Subject: found something\r\n\r\nLook at https://pictures.example/gallery/1\r\n"
)


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[FakeMailbox]:
    with serving(tmp_path) as made:
        yield made


def address(mailbox: FakeMailbox, **given: object) -> MailboxAddress:
    made = MailboxAddress(
        host="127.0.0.1", port=mailbox.port, user=USER, password=PASSWORD, folder="INBOX", taken_folder=None,
        ca_file=mailbox.ca_file,
    )  # fmt: skip
    return replace(made, **given)  # type: ignore[arg-type]


def fetch(desk: Desk, mailbox: FakeMailbox, **given: object) -> Fetched:
    return jobs.take_mailbox(
        desk.database, desk.keys, address(mailbox, **given), actor=CONSOLE, clock=lambda: datetime.now(UTC)
    )


def states(desk: Desk) -> list[DeliveryState]:
    with desk.database.transaction() as conn:
        return [one.state for one in deliveries.list_deliveries(conn, CONSOLE)]


def test_an_unread_mail_is_kept_read_and_marked(desk: Desk, mailbox: FakeMailbox) -> None:
    message = mailbox.put(MAIL)
    assert fetch(desk, mailbox) == Fetched(taken=1)
    assert message.flags == {"\\Seen"}
    with desk.database.transaction() as conn:
        (delivery,) = deliveries.list_deliveries(conn, CONSOLE)
    assert desk.taker.read_delivery(CONSOLE, delivery.id).state is DeliveryState.TAKEN
    assert fetch(desk, mailbox) == Fetched()
    assert all("BODY[]" not in asked for asked in mailbox.asked), "looking must not mark it as read"


@pytest.mark.parametrize("capabilities", ["IMAP4rev1 MOVE UIDPLUS", "IMAP4rev1 UIDPLUS", "IMAP4rev1"])
def test_a_mail_is_moved_where_that_is_wanted(desk: Desk, mailbox: FakeMailbox, capabilities: str) -> None:
    mailbox.capabilities = capabilities
    mailbox.put(MAIL)
    assert fetch(desk, mailbox, taken_folder="taken") == Fetched(taken=1)
    assert [one.content for one in mailbox.folders["taken"]] == [MAIL]
    left = [one for one in mailbox.folders["INBOX"] if "\\Deleted" not in one.flags]
    assert left == []
    assert fetch(desk, mailbox, taken_folder="taken") == Fetched()


@pytest.mark.parametrize("moment", ["BODY.PEEK", "STORE", "SEARCH"])
def test_what_breaks_off_is_done_again_and_has_one_effect(desk: Desk, mailbox: FakeMailbox, moment: str) -> None:
    for number in range(3):
        mailbox.put(MAIL.replace(b"gallery/1", b"gallery/%d" % number))
    mailbox.breaks_at, mailbox.breaks = moment, 2
    for _ in range(2):
        with pytest.raises(PartnerUnreachable):
            fetch(desk, mailbox)
    fetch(desk, mailbox)
    found = states(desk)
    assert found.count(DeliveryState.WAITING) == 3
    assert set(found) <= {DeliveryState.WAITING, DeliveryState.AGAIN}
    assert all("\\Seen" in one.flags for one in mailbox.folders["INBOX"])


def test_a_mail_that_is_no_report_is_kept_and_shown(desk: Desk, mailbox: FakeMailbox) -> None:
    mailbox.put(b"\x00\xff no mail at all")
    assert fetch(desk, mailbox) == Fetched(taken=1)
    with desk.database.transaction() as conn:
        (delivery,) = deliveries.list_deliveries(conn, CONSOLE)
    assert desk.taker.read_delivery(CONSOLE, delivery.id).state is DeliveryState.UNREADABLE
    with desk.database.transaction() as conn:
        assert deliveries.raw(conn, CONSOLE, keys=desk.keys, delivery_id=delivery.id, now=desk.now)


def test_a_mail_that_is_too_large_stays_flagged_and_is_told(
    desk: Desk, mailbox: FakeMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "MESSAGE_MAX", 1000)
    message = mailbox.put(MAIL + b"x" * 2000)
    mailbox.put(MAIL)
    assert fetch(desk, mailbox) == Fetched(taken=1, too_large=1)
    assert message.flags == {"\\Flagged"}
    assert fetch(desk, mailbox) == Fetched()
    assert sorted(states(desk)) == [DeliveryState.UNREADABLE, DeliveryState.WAITING]


def test_a_server_that_is_not_who_it_says_or_refuses_us_is_told_without_its_words(
    mailbox: FakeMailbox,
) -> None:
    for wrong, said in (
        ({"ca_file": None}, "certificate"),
        ({"password": "wrong"}, "name and password"),
        ({"folder": "elsewhere"}, "no folder"),
    ):
        with pytest.raises(PartnerRefused, match=said) as refused, open_mailbox(address(mailbox, **wrong)):
            pass
        assert USER not in str(refused.value)
        assert USER not in str(refused.value.__cause__)
    mailbox.port = 1
    with pytest.raises(PartnerUnreachable), open_mailbox(address(mailbox)):
        pass
