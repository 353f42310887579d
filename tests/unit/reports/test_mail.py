"""Reports by mail: what is taken of a message, and what becomes of broken and hostile ones."""

import base64
import json
from datetime import UTC, datetime
from email.message import EmailMessage
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from running.lists import mutated

from vangnet.reports.formats import mail
from vangnet.reports.formats.mail_text import LINKS_MAX, language, links
from vangnet.reports.formats.reading import Found, Unreadable, UnreadableReason
from vangnet.reports.model.drafts import Incident, ReportDraft, ReporterKind, Source

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def message(body: str = "Look at https://images.example/a.", **headers: str) -> EmailMessage:
    made = EmailMessage()
    shown = {"From": "A Name <a@mail.example>", "Subject": "A report", "Message-ID": "<m-1@mail.example>"} | headers
    for name, value in ({"Date": "Fri, 20 Nov 2026 11:00:00 +0100"} | shown).items():
        made[name.replace("_", "-")] = value
    made.set_content(body)
    return made


def read(data: bytes) -> list[Found]:
    return mail.read(data, now=NOW, where="a mail")


def draft(data: bytes) -> ReportDraft:
    (found,) = read(data)
    assert isinstance(found, ReportDraft), found
    return found


def addresses(found: ReportDraft) -> list[str | None]:
    return [item.address for item in found.items]


def said(found: ReportDraft) -> str:
    return "; ".join(found.problems)


def feedback(fields: str, original: EmailMessage | None = None) -> bytes:
    made = MIMEMultipart("report", report_type="feedback-report")
    made["From"], made["Date"] = "reports@provider.example", "Fri, 20 Nov 2026 11:00:00 +0100"
    made.attach(MIMEText("This is a report."))
    part = MIMEText(fields)
    part.replace_header("Content-Type", "message/feedback-report")
    made.attach(part)
    if original is not None:
        made.attach(MIMEMessage(original))
    return made.as_bytes()


def test_a_plain_mail_is_a_report_of_the_addresses_in_it() -> None:
    found = draft(message("See https://images.example/a, (http://b.example/x) and hxxps://c[.]example/y.\n").as_bytes())
    assert (found.source, found.incident, found.reference) == (Source.MAIL, Incident.OTHER, "m-1@mail.example")
    assert (found.reporter.kind, found.reporter.name, found.reporter.contact) == (
        ReporterKind.CITIZEN, "A Name", "a@mail.example",
    )  # fmt: skip
    assert found.reported_at == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert addresses(found) == ["https://images.example/a", "http://b.example/x", "https://c.example/y"]
    assert found.text.startswith("subject: A report\n\nSee https")
    assert found.problems == ()


def test_a_mail_without_a_sender_is_anonymous() -> None:
    made = message()
    del made["From"]
    assert draft(made.as_bytes()).reporter.kind is ReporterKind.ANONYMOUS


def test_how_a_mail_came_here_is_not_read() -> None:
    made = message(Received="from x (x.example [192.0.2.77]) by y", X_Originating_IP="192.0.2.78")
    found = draft(made.as_bytes())
    assert found.traces == ()
    assert found.people == ()


def test_words_are_taken_from_the_plain_part_and_addresses_from_both() -> None:
    made = message("Plain words https://a.example/1")
    made.add_alternative(
        '<p>Rich <a href="https://b.example/2">words</a><a href="mailto:x@y.example">m</a></p>', subtype="html"
    )
    found = draft(made.as_bytes())
    assert addresses(found) == ["https://a.example/1", "https://b.example/2"]
    assert "Rich" not in found.text


def test_a_page_alone_is_read_without_what_runs_in_it() -> None:
    made = message()
    made.set_content("<html><style>a{}</style><script>alert(1)</script><p>Words<br>here", subtype="html")
    found = draft(made.as_bytes())
    assert found.text == "subject: A report\n\nWords\nhere"


def test_what_is_attached_is_told_and_never_kept() -> None:
    made = message()
    made.add_attachment(b"\x89PNG canary", maintype="image", subtype="png", filename="canary.png")
    made.add_attachment("canary words https://attached.example/", filename="canary.txt")
    found = draft(made.as_bytes())
    assert "was attached" in said(found)
    assert "(2 times)" in said(found)
    assert len(found.items) == 1
    assert "canary" not in f"{found.text}{found.items}{found.problems}"


def test_a_feedback_report_gives_addresses_traces_and_the_sender() -> None:
    original = message("Original words https://c.example/3", From="Sender <bad@mail.example>")
    fields = (
        "Feedback-Type: abuse\nUser-Agent: x\nVersion: 1\nSource-IP: 192.0.2.9\nSource-Port: 25\n"
        "Arrival-Date: Thu, 19 Nov 2026 10:00:00 +0000\nReported-URI: https://a.example/1\nReported-URI: https://b.example/2\n"
    )
    found = draft(feedback(fields, original))
    assert found.reporter.kind is ReporterKind.COMPANY
    assert sorted(filter(None, addresses(found))) == ["https://a.example/1", "https://b.example/2", "https://c.example/3"]
    (trace,) = found.traces
    assert (trace.address, trace.port, trace.at) == ("192.0.2.9", 25, datetime(2026, 11, 19, 10, tzinfo=UTC))
    assert found.people[0].identifiers[0].value == "bad@mail.example"
    assert "Original words" not in found.text
    assert "feedback-type: abuse" in found.text


@pytest.mark.parametrize(
    "fields", ["", "Source-IP: nonsense\nArrival-Date: never\nReported-URI: x\n", "\x00\xff", "a" * 10_000]
)
def test_a_feedback_report_of_nonsense_is_a_report_all_the_same(fields: str) -> None:
    assert isinstance(read(feedback(fields))[0], ReportDraft)


def test_xarf_in_a_mail_is_read_as_xarf() -> None:
    document = {
        "xarf_version": "4.0.0", "report_id": "r-9", "category": "content", "type": "csam",
        "url": "https://a.example/1", "timestamp": "2026-11-20T10:00:00Z",
    }  # fmt: skip
    made = message()
    made.add_attachment(json.dumps(document).encode(), maintype="application", subtype="json", filename="xarf.json")
    found = draft(made.as_bytes())
    assert (found.source, found.reference) == (Source.XARF, "r-9")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ik heb dit op internet gezien en het is niet goed", "nl"),
        ("I saw this on the internet and it is not good for you", "en"),
        ("https://a.example/1", None),
        ("Bonjour, je voudrais signaler une adresse", None),
    ],
)
def test_the_language_is_told_where_it_is_plain(text: str, expected: str | None) -> None:
    assert language(text) == expected


def test_the_language_that_a_mail_says_counts() -> None:
    made = message("I saw this on the internet and it is not good for you")
    made["Content-Language"] = "nl-NL"
    assert draft(made.as_bytes()).language == "nl"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<https://a.example/x>", ["https://a.example/x"]),
        ("https://a.example/(x)", ["https://a.example/(x)"]),
        ("(https://a.example/x)", ["https://a.example/x"]),
        ("HXXP://A[.]EXAMPLE/x", ["http://A.EXAMPLE/x"]),
        ("h**p://a.example", ["http://a.example"]),
        ("www.a.example/x and www[.]b.example", ["www.a.example/x", "www.b.example"]),
        ("https://a.example https://a.example", ["https://a.example"]),
        ("javascript:alert(1) data:text/html,x mailto:a@b.example", []),
    ],
)
def test_addresses_are_found_as_people_write_them(text: str, expected: list[str]) -> None:
    assert links(text) == expected


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1", "windows-1252"])
def test_words_in_the_usual_encodings_are_read(encoding: str) -> None:
    made = message(Subject="=?utf-8?B?Y2Fmw6k=?=")
    made.set_content("café", charset=encoding)
    assert draft(made.as_bytes()).text == "subject: café\n\ncafé"


@pytest.mark.parametrize("named", ["punycode", "idna", "zip", "unicode_escape", "x-nothing", "undefined"])
def test_an_encoding_that_is_no_writing_is_not_used(named: str) -> None:
    data = message("words").as_bytes().replace(b'charset="utf-8"', f'charset="{named}"'.encode())
    found = draft(data)
    assert "words" in found.text
    assert "encoding that is not read here" in said(found)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", UnreadableReason.NOT_THIS_FORM),
        (b"just words", UnreadableReason.NOT_THIS_FORM),
        (b"\x00" * 1000, UnreadableReason.NOT_THIS_FORM),
        (b"From: <>\n\n", UnreadableReason.NO_REPORT),
        (b"Content-Type: text/plain" + b";" * 5000 + b"\n\nx", UnreadableReason.FORBIDDEN),
        (b"From: a@b.example\n\n" + b"\n--x" * 3000, UnreadableReason.TOO_LARGE),
    ],
)
def test_what_is_no_mail_or_an_attack_says_why(data: bytes, reason: UnreadableReason) -> None:
    (found,) = read(data)
    assert isinstance(found, Unreadable)
    assert found.reason is reason


def test_a_message_over_the_limit_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "MESSAGE_MAX", 100)
    (found,) = read(message().as_bytes())
    assert isinstance(found, Unreadable)
    assert "100 is the limit" in found.problem


def test_parts_inside_parts_without_end_are_no_crash() -> None:
    data = b"From: a@mail.example\n" + b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (number, number) for number in range(1500)
    )
    assert read(data)


@pytest.mark.parametrize(
    "headers",
    [
        {"Date": "yesterday"},
        {"Date": "Fri, 20 Nov 0026 11:00:00 +9999"},
        {"Subject": "=?x?b?!!!?="},
        {"From": "@"},
        {"Message-ID": "x" * 900},
        {"Auto-Submitted": "auto-replied"},
    ],
)
def test_a_header_of_nonsense_spoils_itself_only(headers: dict[str, str]) -> None:
    data = message().as_bytes()
    for name, value in headers.items():
        lines = [line for line in data.split(b"\n") if not line.startswith(name.encode() + b":")]
        data = b"\n".join([f"{name}: {value}".encode(), *lines])
    assert addresses(draft(data)) == ["https://images.example/a"]


def test_more_addresses_than_the_limit_are_told() -> None:
    text = "\n".join(f"https://a.example/{number}" for number in range(LINKS_MAX + 10))
    found = draft(message(text).as_bytes())
    assert len(found.items) == LINKS_MAX
    assert "more than" in said(found)


@pytest.mark.parametrize(
    "text", ["http://" * 50_000, "=?a?q?" * 50_000, "<a " * 100_000, "<div>" * 100_000, "[.]" * 100_000]
)
def test_a_text_made_to_be_slow_is_read_at_once(text: str) -> None:
    plain = message(text)
    html = message()
    html.set_content(text, subtype="html")
    for made in (plain, html):
        assert isinstance(read(made.as_bytes())[0], ReportDraft)
    data = b"From: a@mail.example\nSubject: " + text.encode() + b"\n\nx"
    assert isinstance(read(data)[0], ReportDraft)


# --- fuzz ---

_SAMPLES = [
    message("Ik zag https://a.example/1").as_bytes(),
    feedback("Source-IP: 192.0.2.9\nReported-URI: https://a.example/1\n", message()),
    message().as_bytes().replace(b"7bit", b"base64"),
]


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32), sample=st.sampled_from(_SAMPLES))
def test_any_change_leaves_drafts_and_what_could_not_be_read(seed: int, sample: bytes) -> None:
    found = read(mutated(sample, seed))
    assert found
    assert all(isinstance(one, ReportDraft | Unreadable) for one in found)


_PIECES = st.sampled_from([
    b"From: ", b"Content-Type: ", b"multipart/report", b"message/rfc822", b"message/feedback-report", b"text/html", b"; ",
    b"boundary=", b"b", b"\n", b"\n\n", b"\n--b\n", b"\n--b--\n", b"charset=", b"Content-Transfer-Encoding: ",
    b"base64", b"uuencode", b"quoted-printable", b"=?utf-8?q?", b"?=", b'"', b"<a href=", b"https://a.example/", b"\xff",
    b"\x00", b"begin 644 x\n", b"filename*=utf-8''x", b"Content-Disposition: attachment", b"text/rfc822-headers",
    b"application/json", b"{}", b"Date: ",
])  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(pieces=st.lists(_PIECES | st.binary(max_size=10), max_size=40))
def test_any_pieces_leave_drafts_and_what_could_not_be_read(pieces: list[bytes]) -> None:
    found = read(b"".join(pieces))
    assert all(isinstance(one, ReportDraft | Unreadable) for one in found)


def test_a_base64_part_of_any_content_is_no_crash() -> None:
    for content in (b"\xff" * 1000, b"", b"!" * 100):
        part = b"Content-Transfer-Encoding: base64\n\n" + base64.b64encode(content) + b"==="
        assert read(b"From: a@mail.example\nContent-Type: text/plain\n" + part)
