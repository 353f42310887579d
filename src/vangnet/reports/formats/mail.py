"""Reports by mail: plain ones, feedback reports (ARF, RFC 5965), and mails that carry XARF.

Of a message its words, the addresses in them and a few headers are taken. What is attached is counted and never kept: a
mailbox is no place for material, and the page for reports asks for links. What the sender's own way to us was (`Received`)
is not read either: whoever reports is no suspect.
"""

import email
import email.errors
import email.header
import email.utils
import io
import re
from collections.abc import Iterator
from datetime import datetime
from email.message import Message
from email.parser import HeaderParser
from email.policy import compat32

from vangnet.reports.formats import xarf
from vangnet.reports.formats.charsets import decoded
from vangnet.reports.formats.mail_text import LINKS_MAX, TEXT_MAX, from_html, language, links, web_targets
from vangnet.reports.formats.reading import Found, Problems, Unreadable, UnreadableReason, Values
from vangnet.reports.model.drafts import (
    Identifier,
    IdentifierKind,
    Incident,
    ItemDraft,
    ItemKind,
    NamedPerson,
    PersonRole,
    ReportDraft,
    Reporter,
    ReporterKind,
    Source,
    Trace,
)

#: Most mail servers stop at 25 to 50 MiB.
MESSAGE_MAX = 50 * 1024 * 1024
PARTS_MAX = 2000
#: The parameters of these headers are read by the standard library in the square of their length.
_CONTENT_HEADER_MAX = 2048
_HEADER_MAX = 4096
_CONTENT_HEADERS = re.compile(
    rb"^content-[a-z-]{1,40}[ \t]{0,20}:[^\n]*+(?:\n[ \t][^\n]*+)*+", re.IGNORECASE | re.MULTILINE
)
_OF_A_MESSAGE = ("from", "to", "date", "subject", "message-id", "received", "mime-version", "content-type")
_BROKEN = (email.errors.MessageError, ValueError, LookupError, TypeError, AttributeError, AssertionError)
_ATTACHED = "something was attached; it was not taken, because reports by mail are of addresses"


def read(data: bytes, *, now: datetime, where: str = "") -> list[Found]:
    """The report of a message, or the reports that it carries."""
    problem = _beyond(data)
    if problem is not None:
        return [Unreadable(reason=UnreadableReason.TOO_LARGE, where=where, problem=problem)]
    # The same line ends everywhere: what is measured above is what the parser sees.
    data = re.sub(rb"\r\n?", b"\n", data)
    if any(len(header[0]) > _CONTENT_HEADER_MAX for header in _CONTENT_HEADERS.finditer(data)):
        problem = f"a header of it has more than {_CONTENT_HEADER_MAX} bytes, which no mail program writes"
        return [Unreadable(reason=UnreadableReason.FORBIDDEN, where=where, problem=problem)]
    try:
        message = email.message_from_bytes(data, policy=compat32)
        if not any(name in message for name in _OF_A_MESSAGE):
            return [Unreadable(reason=UnreadableReason.NOT_THIS_FORM, where=where, problem="it has no header of a mail")]
        return _Mail(message, now=now).found(where)
    except RecursionError:
        problem = "its parts are nested too deeply"
        return [Unreadable(reason=UnreadableReason.FORBIDDEN, where=where, problem=problem)]
    except _BROKEN:
        # The library's own faults on mails that nobody's program writes; the mail is kept as it came.
        return [Unreadable(reason=UnreadableReason.BROKEN, where=where, problem="its headers or parts cannot be read")]


def _beyond(data: bytes) -> str | None:
    if len(data) > MESSAGE_MAX:
        return f"it has {len(data)} bytes, and {MESSAGE_MAX} is the limit"
    parts = data.count(b"\n--") + data.count(b"\r--")
    return f"it has some {parts} parts, and {PARTS_MAX} is the limit" if parts > PARTS_MAX else None


class _Mail:
    """A message under way."""

    def __init__(self, message: Message, *, now: datetime) -> None:
        self._message = message
        self._now = now
        self._problems = Problems()
        self._values = Values(self._problems, now=now)
        self._words: list[str] = []
        self._links: dict[str, None] = {}
        self._feedback: Message | None = None
        self._original: Message | None = None
        self._carried: list[Found] = []

    def found(self, where: str) -> list[Found]:
        """What the message is a report of."""
        for part, is_original in _leaves(self._message, self):
            self._take(part, is_original=is_original)
        if any(isinstance(one, ReportDraft) for one in self._carried):
            return self._carried
        draft = self._draft()
        if not (draft.text or draft.items or draft.problems):
            problem = "it is a mail without a word"
            return [Unreadable(reason=UnreadableReason.NO_REPORT, where=where, problem=problem), *self._carried]
        return [draft, *self._carried]

    def begin(self, part: Message) -> bool:
        """Notes a message inside the message; answers whether what follows in it is an original's."""
        if part.get_content_type() == "message/feedback-report":
            self._feedback = _inside(part)
            return True
        self._original = self._original or _inside(part)
        return True

    def _take(self, part: Message, *, is_original: bool) -> None:
        kind = part.get_content_type()
        if kind == "text/rfc822-headers":
            self._original = self._original or HeaderParser(policy=compat32).parsestr(self._text(part))
        elif kind in {"application/json", "text/json", "application/xarf+json"} or _is_xarf(part):
            self._carry(part)
        elif part.get_content_disposition() == "attachment" or part.get_content_maintype() != "text":
            self._problems.note(_ATTACHED)
        elif kind == "text/html":
            words, targets = from_html(self._text(part))
            self._note(words, is_original=is_original, is_second=True)
            self._add_links(web_targets(targets, self._values))
        else:
            self._note(self._text(part), is_original=is_original)

    def _note(self, text: str, *, is_original: bool, is_second: bool = False) -> None:
        self._add_links([address for link in links(text) if (address := self._values.web_address(link)) is not None])
        # A page is most often the same words again; what was reported about is no word of whoever reports.
        if text.strip() and not is_original and not (is_second and self._words):
            self._words.append(text)

    def _text(self, part: Message) -> str:
        content = part.get_payload(decode=True)
        if not isinstance(content, bytes):
            return ""
        if len(content) > TEXT_MAX * 4:
            self._problems.note(f"a text of more than {TEXT_MAX * 4} bytes was cut there")
            content = content[: TEXT_MAX * 4]
        return decoded(content, part.get_content_charset(), self._problems)

    def _carry(self, part: Message) -> None:
        content = part.get_payload(decode=True)
        found = list(xarf.read(io.BytesIO(content), now=self._now)) if isinstance(content, bytes) else []
        if any(isinstance(one, ReportDraft) for one in found):
            self._carried += found
        else:
            self._problems.note(_ATTACHED)

    def _add_links(self, addresses: list[str]) -> None:
        for address in addresses:
            if len(self._links) == LINKS_MAX:
                self._problems.note(f"more than {LINKS_MAX} addresses are named; the others were left out")
                return
            self._links[address] = None

    # --- the report ---

    def _draft(self) -> ReportDraft:
        values = self._values
        traces, people = self._feedback_says()
        subject = values.line(_header(self._message, "subject"))
        words = values.text("\n\n".join(filter(None, (subject and f"subject: {subject}", *self._words))))
        if (_header(self._message, "auto-submitted") or "no").lower() not in {"no", ""}:
            self._problems.note("it says that it was sent automatically")
        return ReportDraft(
            source=Source.MAIL,
            reporter=self._reporter(),
            incident=Incident.OTHER,
            reference=values.reference((_header(self._message, "message-id") or "").strip("<> \t\n")),
            reported_at=self._time(self._message, "date"),
            people=people,
            traces=traces,
            items=tuple(ItemDraft(kind=ItemKind.ADDRESS, address=address) for address in self._links),
            text=words,
            language=_language(self._message) or language(words),
            problems=self._problems.told(),
        )

    def _reporter(self) -> Reporter:
        name, address = _address(_header(self._message, "from"))
        contact = self._values.line(address)
        if contact is None:
            return Reporter(kind=ReporterKind.ANONYMOUS)
        kind = ReporterKind.CITIZEN if self._feedback is None else ReporterKind.COMPANY
        return Reporter(kind=kind, name=self._values.line(name), contact=contact)

    def _feedback_says(self) -> tuple[tuple[Trace, ...], tuple[NamedPerson, ...]]:
        values, feedback = self._values, self._feedback
        sender = None if self._original is None else _address(_header(self._original, "from"))[1]
        traces: tuple[Trace, ...] = ()
        if feedback is not None:
            sender = _address(_header(feedback, "original-mail-from"))[1] or sender
            written = values.network_address(_header(feedback, "source-ip"))
            at = self._time(feedback, "arrival-date") or self._time(feedback, "received-date")
            if written is not None:
                port = values.port(_header(feedback, "source-port")) or written[1]
                traces = (Trace(address=written[0], at=at, port=port),)
            self._add_links(
                [one for said in _headers(feedback, "reported-uri") if (one := values.web_address(said)) is not None]
            )
            for name in ("feedback-type", "incidents", "reported-domain"):
                self._words += [f"{name}: {text}" for said in _headers(feedback, name) if (text := values.line(said))]
        if sender is None or (address := values.line(sender)) is None:
            return traces, ()
        identifier = Identifier(kind=IdentifierKind.EMAIL, value=address)
        return traces, (NamedPerson(role=PersonRole.REPORTED, identifiers=(identifier,)),)

    def _time(self, message: Message, name: str) -> datetime | None:
        written = _header(message, name)
        if not written:
            return None
        try:
            at = email.utils.parsedate_to_datetime(written[:100])
        except (ValueError, TypeError, OverflowError, IndexError):
            self._problems.note("a time could not be read and was left out")
            return None
        return self._values.moment(at)


# --- parts and headers ---


def _leaves(message: Message, mail: _Mail) -> Iterator[tuple[Message, bool]]:
    """The parts with content of their own, in their order, and whether they are of a message inside the message."""
    waiting = [(message, False)]
    while waiting:
        part, is_original = waiting.pop()
        payload = part.get_payload()
        if not isinstance(payload, list):
            yield part, is_original
            continue
        if part.get_content_maintype() == "message":
            is_original = mail.begin(part)
            if part.get_content_type() == "message/feedback-report":
                continue
        waiting += [(each, is_original) for each in reversed(payload) if isinstance(each, Message)]


def _inside(part: Message) -> Message | None:
    payload = part.get_payload()
    return payload[0] if isinstance(payload, list) and payload and isinstance(payload[0], Message) else None


def _is_xarf(part: Message) -> bool:
    return (part.get_filename() or "").lower().endswith(("xarf.json", ".xarf"))


def _header(message: Message, name: str) -> str | None:
    """A header as people read it; the first where there are several."""
    return next(iter(_headers(message, name)), None)


def _headers(message: Message, name: str) -> list[str]:
    return [_readable(str(value)[:_HEADER_MAX]) for value in (message.get_all(name) or [])[:LINKS_MAX]]


def _readable(written: str) -> str:
    try:
        parts = email.header.decode_header(written)
    except (email.errors.HeaderParseError, ValueError):
        return written
    return "".join(part if isinstance(part, str) else decoded(part, charset, Problems()) for part, charset in parts).strip()


def _address(written: str | None) -> tuple[str, str | None]:
    """Name and mail address of a sender; None where there is no address."""
    name, address = email.utils.parseaddr(written or "")
    return name, address if "@" in address.strip("@") else None


def _language(message: Message) -> str | None:
    said = (_header(message, "content-language") or "")[:2].lower()
    return said if said in {"nl", "en"} else None
