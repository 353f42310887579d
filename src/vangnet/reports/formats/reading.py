"""What every form of intake shares: what could not be read, and how the values in a report are checked.

A value that cannot be taken is left out and told of in a sentence. No sentence quotes a value: reports name people, and
what is wrong with one is stored and shown.
"""

import functools
import ipaddress
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from vangnet.reports.model.drafts import ReportDraft
from vangnet.reports.model.normal_forms import Spans, lies_in, spans

#: How much of a form is read at a time.
CHUNK_BYTES = 256 * 1024
#: A name, a number, a heading.
LINE_MAX = 1000
#: A reference is kept as a key.
REFERENCE_MAX = 200
#: An address on the web; browsers take 8000 and more.
ADDRESS_MAX = 8192
#: All texts of a report together.
TEXT_MAX = 200_000
#: The largest hash that is no digest (TMK+PDQF) has 258 kB.
OPAQUE_MAX = 512 * 1024
#: So many different sentences; a report with more is told to have more.
_SENTENCES_MAX = 100
#: Before it there was no web. What claims to be older is a clock that was never set.
_OLDEST = datetime(1990, 1, 1, tzinfo=UTC)
#: A clock may be this much fast before anything is said …
_FAST = timedelta(minutes=10)
#: … and this much before its time is worth nothing.
_TOO_FAST = timedelta(days=1)

REPLACED = "\N{REPLACEMENT CHARACTER}"
#: What nobody can see in a line: control characters, marks that turn the direction of reading, and what is no character.
_UNSEEN_IN_LINE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb\ufffe\uffff\ud800-\udfff]"
)
#: The same in a text of several lines.
_UNSEEN_IN_TEXT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb\ufffe\uffff\ud800-\udfff]"
)
_NOT_IN_ADDRESS = re.compile(rf"[\s{_UNSEEN_IN_LINE.pattern[1:]}")
#: Bytes of the digests that are compared; any other hash is kept as its text.
_DIGESTS = {"md5": 16, "sha1": 20, "sha256": 32, "pdq": 32}
_OTHER_NAMES = {"pdna": "photodna"}
#: What an address on the web may begin with. Nothing is fetched; a `data:` address would hold the picture itself.
_SCHEMES = frozenset({"http", "https", "ftp", "ftps", "rtmp", "rtmps", "rtsp", "ipfs", "ws", "wss", "ed2k"})
_WEB = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]{0,20}+)://)?(?:[^/?#@\s]*+@)?(?P<host>\[[0-9a-f:.]++\]|[^/?#@:\s\[\]]++)"
    r"(?::(?P<port>[0-9]{0,5}))?(?:[/?#]\S*+)?",
    re.IGNORECASE,
)
_DISARMED = re.compile(r"^h(?:xx|\*\*|tt)p(s?)\[?:\]?//", re.IGNORECASE)
_LABEL = re.compile(r"[\w-]{1,63}")
#: Addresses of nobody: unspecified, the machine itself, its own link, many at once.
_UNREACHABLE: Mapping[int, Spans] = {
    4: spans("0.0.0.0/32", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4"),
    6: spans("::/127", "fe80::/10", "ff00::/8"),
}
_PRIVATE: Mapping[int, Spans] = {
    4: spans("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"),
    6: spans("fc00::/7"),
}
_WITH_PORT = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<four>[0-9.]+)):(?P<port>[0-9]{1,5})")
_HEX = re.compile("[0-9A-Fa-f]+")
_COUNTRY = re.compile(r"[A-Z]{2}")
#: Codes of the US centre that are no country: proxy, satellite, other.
_NO_COUNTRY = frozenset({"A1", "A2", "O1", "AP", "EU", "FX"})


class UnreadableReason(StrEnum):
    """Why something that came in makes no report by itself."""

    BROKEN = "broken"  #: It breaks off or does not follow its form from the beginning.
    NOT_THIS_FORM = "not_this_form"  #: It is something else than it was said to be.
    NO_REPORT = "no_report"  #: It follows its form, and there is no report in it.
    FORBIDDEN = "forbidden"  #: It holds what is never taken, such as a document type with entities.
    TOO_LARGE = "too_large"  #: It is beyond a limit.
    LOCKED = "locked"  #: It has a password.
    NESTED = "nested"  #: An archive inside an archive.
    NO_FILE = "no_file"  #: A link, a device or a pipe where a file should be, or a file that cannot be opened.


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """Something that came in and could not be read; it is kept beside the reports, to be looked at and mended."""

    reason: UnreadableReason
    #: Where it stands: the name of a member, or of a line.
    where: str = field(repr=False)
    #: What is wrong and what to do, in one sentence that quotes nothing.
    problem: str


Found = ReportDraft | Unreadable


class Readable(Protocol):
    """What bytes come from."""

    def read(self, size: int = ..., /) -> bytes:
        """At most `size` bytes; none at the end."""


class Problems:
    """What was wrong with a report, each kind once with how often."""

    def __init__(self) -> None:
        self._times: Counter[str] = Counter()
        self._more = 0

    def note(self, sentence: str, times: int = 1) -> None:
        """Remembers that it happened. The sentence quotes nothing of the report."""
        if times <= 0:
            return
        if sentence in self._times or len(self._times) < _SENTENCES_MAX:
            self._times[sentence] += times
        else:
            self._more += times

    def take(self, other: "Problems") -> None:
        """Remembers what `other` does."""
        for sentence, times in other.counted():
            self.note(sentence, times)
        self._more += other.more

    @property
    def more(self) -> int:
        """How many of other kinds there were."""
        return self._more

    def counted(self) -> Iterable[tuple[str, int]]:
        """Each sentence, and how often."""
        return self._times.items()

    def told(self) -> tuple[str, ...]:
        """The sentences, in the order in which they came up."""
        said = [sentence if times == 1 else f"{sentence} ({times} times)" for sentence, times in self._times.items()]
        return (*said, f"{self._more} more problems of other kinds") if self._more else tuple(said)


class Values:
    """Takes the values of one report as they were written, and remembers what was wrong with those it leaves out."""

    def __init__(self, problems: Problems, *, now: datetime) -> None:
        self.problems = problems
        self._now = now

    def line(self, written: str | None, *, longest: int = LINE_MAX) -> str | None:
        """A text on one line, what cannot be seen in it replaced; None where there is none."""
        if written is None or not (text := " ".join(written.split())):
            return None
        if not text.isprintable():
            cleaned = _UNSEEN_IN_LINE.sub(REPLACED, text)
            if cleaned != text:
                self.problems.note(
                    "a text had characters that cannot be seen or turn the direction of reading; they were replaced"
                )
                text = cleaned
        if len(text) > longest:
            self.problems.note(f"a text of more than {longest} characters was cut there")
            text = text[:longest]
        return text

    def text(self, written: str | None, *, longest: int = TEXT_MAX) -> str:
        """A text of several lines; what cannot be seen in it is replaced."""
        if written is None or not (text := written.strip()):
            return ""
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        cleaned = _UNSEEN_IN_TEXT.sub(REPLACED, text)
        if cleaned != text:
            self.problems.note(
                "a text had characters that cannot be seen or turn the direction of reading; they were replaced"
            )
        if len(cleaned) > longest:
            self.problems.note(f"a text of more than {longest} characters was cut there")
            cleaned = cleaned[:longest]
        return cleaned

    def reference(self, written: str | None) -> str | None:
        """Somebody's own number for something."""
        return self.line(written, longest=REFERENCE_MAX)

    def flag(self, written: str | None) -> bool | None:
        """Yes, no, or nothing said."""
        match (written or "").strip().lower():
            case "true" | "1":
                return True
            case "false" | "0":
                return False
            case "":
                return None
        self.problems.note("a value that must be true or false is neither, and was left out")
        return None

    def time(self, written: str | None) -> datetime | None:
        """A time in UTC. One without a zone is read as UTC; one that cannot be is left out. Both are told."""
        if written is None or not (text := written.strip()):
            return None
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            self.problems.note("a time could not be read and was left out: it must be like 2026-11-22T10:00:00Z")
            return None
        return self.moment(at)

    def moment(self, at: datetime) -> datetime | None:
        """A time that was read already, likewise."""
        if at.tzinfo is None:
            self.problems.note("a time without a zone was read as UTC")
            at = at.replace(tzinfo=UTC)
        try:
            at = at.astimezone(UTC)
        except (OverflowError, ValueError):
            at = datetime.min.replace(tzinfo=UTC)
        if not _OLDEST <= at <= self._now + _TOO_FAST:
            self.problems.note(
                f"a time before {_OLDEST.year} or more than a day in the future was left out: a clock was wrong"
            )
            return None
        if at > self._now + _FAST:
            self.problems.note("a time lies in the future, so that the reporter's clock is fast")
        return at

    def network_address(self, written: str | None) -> tuple[str, int | None] | None:
        """An address on the network in its usual spelling, and the port where it was written behind it."""
        if written is None or not (text := written.strip()):
            return None
        port = None
        if (found := _WITH_PORT.fullmatch(text)) is not None:
            text, port = found["six"] or found["four"], self.port(found["port"])
        address, problem = _judged(text.strip("[]").partition("%")[0][:100])
        if problem is not None:
            self.problems.note(problem)
        return None if address is None else (address, port)

    def port(self, written: str | None) -> int | None:
        """A port on the network."""
        if written is None or not (text := written.strip()):
            return None
        if text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) < 65536:
            return int(text)
        self.problems.note("a port must be a number from 1 to 65535; another one was left out")
        return None

    def country(self, written: str | None) -> str | None:
        """A country by its two letters."""
        if written is None or not (text := written.strip().upper()):
            return None
        if _COUNTRY.fullmatch(text) and text not in _NO_COUNTRY:
            return text
        if text not in _NO_COUNTRY:
            self.problems.note("a country must be two letters (ISO 3166-1); another one was left out")
        return None

    def hash(self, name: str | None, written: str | None) -> tuple[str, bytes] | None:
        """A hash by its kind: a digest's bytes, or the text of one that is not compared here."""
        text = (written or "").strip()
        kind = _hash_kind((name or "")[:64])
        if not text:
            return None
        if not kind:
            self.problems.note("a hash whose kind is not said was left out")
            return None
        length = _DIGESTS.get(kind)
        if length is not None:
            if len(text) == length * 2 and _HEX.fullmatch(text):
                return kind, bytes.fromhex(text)
            self.problems.note(f"a hash of the kind {kind} must have {length * 2} hex digits; another one was left out")
            return None
        if len(text) > OPAQUE_MAX or not text.isascii() or not text.isprintable() or " " in text:
            self.problems.note(
                f"a hash must have at most {OPAQUE_MAX} ASCII characters without spaces; another one was left out"
            )
            return None
        return kind, text.encode("ascii")

    def web_address(self, written: str | None) -> str | None:
        """Where something is on the web, as it was written but for what people do so that nobody clicks on it."""
        if written is None or not (text := written.strip()):
            return None
        text = armed(text)
        problem = _web_problem(text)
        if problem is None:
            return text
        self.problems.note(f"an address on the web {problem}, and was left out")
        return None


# Many files of a report were sent from one address.
@functools.lru_cache(maxsize=1024)
def _judged(text: str) -> tuple[str | None, str | None]:
    """An address in its usual spelling, where it can be somebody's, and what is to be told about it."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None, "a network address is none, and was left out"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if lies_in(address, _UNREACHABLE):
        return None, "a network address at which nobody on the internet can be reached was left out"
    if lies_in(address, _PRIVATE):
        return str(address), "a network address is one of a private network: it says nothing without its network"
    return str(address), None


@functools.lru_cache(maxsize=256)
def _hash_kind(name: str) -> str:
    kind = re.sub(r"[^a-z0-9]", "", name.lower())[:32]
    return _OTHER_NAMES.get(kind, kind)


def armed(text: str) -> str:
    """An address that was made harmless to click on (`hxxps://example[.]org`), as it was."""
    if not text.startswith(("http://", "https://")):
        text = _DISARMED.sub(r"http\1://", text, count=1)
    if "[" in text or "(" in text or "{" in text:
        for written in ("[.]", "(.)", "{.}", "[dot]", "(dot)"):
            text = text.replace(written, ".")
    return text


def _web_problem(text: str) -> str | None:
    """What is wrong with an address on the web."""
    if len(text) > ADDRESS_MAX:
        return f"has more than {ADDRESS_MAX} characters"
    if _NOT_IN_ADDRESS.search(text):
        return "has spaces or characters that cannot be seen"
    if text.lower().startswith("magnet:?"):
        return None
    found = _WEB.fullmatch(text)
    if found is None:
        return "is none"
    if found["scheme"] is not None and found["scheme"].lower() not in _SCHEMES:
        return f"begins with none of {', '.join(sorted(_SCHEMES))}"
    return None if _is_host(found["host"]) else "names no host of the internet"


@functools.lru_cache(maxsize=4096)
def _is_host(host: str) -> bool:
    if host.startswith("[") or re.fullmatch(r"[0-9.]+", host):
        try:
            ipaddress.ip_address(host.strip("[]"))
        except ValueError:
            return False
        return True
    labels = host.rstrip(".").split(".")
    return len(labels) > 1 and all(_LABEL.fullmatch(label) for label in labels)
