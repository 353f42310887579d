"""ICAP messages, taken apart and put together (RFC 3507): strict in what is read, because a message that two programs read
differently is a way past the gate.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from vangnet.web.protocols.wire import Body, Malformed, Wire

_HEADER_BYTES = 64 * 1024
_LINE_BYTES = 1024
_VERSION = "ICAP/1.0"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,12})[ \t]*(;.*)?")
_SECTION = re.compile(r"([a-z]{3}-(?:hdr|body)|null-body)=([0-9]{1,9})")
_HEADS = ("req-hdr", "res-hdr")
_BODIES = frozenset({"req-body", "res-body", "opt-body", "null-body"})

REASONS = {
    100: "Continue",
    200: "OK",
    204: "No modifications needed",
    400: "Bad request",
    405: "Method not allowed for service",
    408: "Request timeout",
    413: "Request entity too large",
    500: "Server error",
    503: "Service overloaded",
    505: "ICAP version not supported",
}


class Refused(Exception):
    """A request that gets an error answer; afterwards the connection ends."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True)
class Headers:
    """The header fields of an ICAP or HTTP message, in their order."""

    fields: tuple[tuple[str, str], ...] = field(repr=False)

    @classmethod
    def parse(cls, block: bytes) -> "Headers":
        """Reads the lines after the first. Raises Malformed."""
        fields = []
        for line in block.split(b"\r\n"):
            name, colon, value = line.decode("latin-1").partition(":")
            # A line that continues the one before it begins with a space, which no name does (RFC 9112, section 5.2).
            if not colon or not _TOKEN.fullmatch(name):
                raise Malformed("a header line is not `name: value`")
            if "\r" in value or "\n" in value or "\0" in value:
                raise Malformed("a header value holds a control character")
            fields.append((name.lower(), value.strip(" \t")))
        return cls(tuple(fields))

    def all(self, name: str) -> list[str]:
        """The values of every field of that name."""
        return [value for found, value in self.fields if found == name]

    def one(self, name: str) -> str | None:
        """The only value, or None. Raises Malformed where there are several that differ."""
        values = set(self.all(name))
        if len(values) > 1:
            raise Malformed(f"the header `{name}` stands there twice")
        return values.pop() if values else None

    def lists(self, name: str, token: str) -> bool:
        """Whether a list of words such as `Allow: 204, 206` has `token`."""
        return any(token == word.strip().lower() for value in self.all(name) for word in value.split(","))


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpHead:
    """The first line and the header fields of the HTTP message that ICAP carries."""

    start: str = field(repr=False)
    headers: Headers = field(repr=False)

    @classmethod
    def parse(cls, block: bytes) -> "HttpHead":
        """Raises Malformed."""
        if not block.endswith(b"\r\n\r\n"):
            raise Malformed("an HTTP header does not end with an empty line")
        start, _, rest = block[:-4].partition(b"\r\n")
        return cls(start=start.decode("latin-1"), headers=Headers.parse(rest) if rest else Headers(()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An ICAP request up to its body."""

    method: str
    #: The last step of the address: the service's name.
    service: str
    headers: Headers = field(repr=False)
    #: The HTTP headers as they came, by the name of their section.
    heads: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    #: `req-body`, `res-body`, or `null-body` where there is none.
    body: str = "null-body"
    preview: int | None = None

    @property
    def has_body(self) -> bool:
        """Whether a body follows."""
        return self.body != "null-body"

    @property
    def subject(self) -> str:
        """The section with the headers of the message that is to be checked."""
        return "req-hdr" if self.method == "REQMOD" else "res-hdr"

    @property
    def allows_204(self) -> bool:
        """Whether the client keeps the message, and is content to hear that it need not be changed."""
        return self.headers.lists("allow", "204")

    @property
    def stays(self) -> bool:
        """Whether the client would send another request on this connection."""
        return not self.headers.lists("connection", "close")


def read_request(wire: Wire) -> Request:
    """The next request, with its HTTP headers, up to its body. Raises Malformed, Refused, Ended."""
    block = wire.until(b"\r\n\r\n", most=_HEADER_BYTES)
    line, _, rest = block.partition(b"\r\n")
    method, address, version = _start_line(line)
    if version != _VERSION:
        raise Refused(505)
    if method not in {"OPTIONS", "REQMOD", "RESPMOD"}:
        raise Refused(405)
    headers = Headers.parse(rest) if rest else Headers(())
    service = address.partition("?")[0].rstrip("/").rpartition("/")[2]
    sections = _sections(headers.one("encapsulated"))
    if method == "OPTIONS":
        if sections not in ([], [("null-body", 0)]):
            raise Refused(400)
        return Request(method=method, service=service, headers=headers)
    heads, body = _read_heads(wire, method, sections)
    return Request(method=method, service=service, headers=headers, heads=heads, body=body, preview=_preview(headers, body))


def read_body(wire: Wire, body: Body, request: Request) -> bool:
    """Reads the body, its preview first. Whether the client said that it had all of it in the preview.

    Raises Malformed, Ended, NoRoom, Oversized.
    """
    if request.preview is not None:
        if _read_chunks(wire, body):
            return True
        if body.length > request.preview:
            raise Malformed("the preview is longer than it was said to be")
        wire.send(b"ICAP/1.0 100 Continue\r\n\r\n")
    _read_chunks(wire, body)
    return False


def answer_head(status: int, fields: Mapping[str, str]) -> bytes:
    """The first line and the header fields of an answer."""
    lines = [f"{_VERSION} {status} {REASONS[status]}", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunked(data: bytes, size: int = 1024 * 1024) -> Iterator[bytes]:
    """`data` as a body in chunks, piece by piece."""
    view = memoryview(data)
    for at in range(0, len(data), size):
        piece = view[at : at + size]
        yield f"{len(piece):x}\r\n".encode() + bytes(piece) + b"\r\n"
    yield b"0\r\n\r\n"


def _start_line(line: bytes) -> tuple[str, str, str]:
    parts = line.decode("latin-1").split(" ")
    if len(parts) != 3 or not all(part.isprintable() and part for part in parts):
        raise Malformed("the first line is not an ICAP request")
    return parts[0], parts[1], parts[2]


def _sections(text: str | None) -> list[tuple[str, int]]:
    if text is None:
        return []
    sections = []
    for part in text.split(","):
        found = _SECTION.fullmatch(part.strip())
        if found is None:
            raise Malformed("`Encapsulated` cannot be read")
        sections.append((found[1], int(found[2])))
    return sections


def _read_heads(wire: Wire, method: str, sections: list[tuple[str, int]]) -> tuple[dict[str, bytes], str]:
    names = [name for name, _ in sections]
    offsets = [offset for _, offset in sections]
    wanted = "req-body" if method == "REQMOD" else "res-body"
    heads = names[:-1]
    in_order = heads == [name for name in _HEADS if name in heads] and (method == "RESPMOD" or heads == ["req-hdr"])
    ascending = offsets[:1] == [0] and all(a < b for a, b in pairwise(offsets))
    if not names or names[-1] not in {wanted, "null-body"} or not in_order or not ascending:
        raise Malformed("`Encapsulated` names other sections, or another order, than this method has")
    if offsets[-1] > _HEADER_BYTES:
        raise Malformed(f"the HTTP headers are longer than {_HEADER_BYTES} bytes")
    lengths = [b - a for a, b in pairwise(offsets)]
    return {name: wire.exactly(length) for name, length in zip(heads, lengths, strict=True)}, names[-1]


def _preview(headers: Headers, body: str) -> int | None:
    text = headers.one("preview")
    if text is None or body == "null-body":
        return None
    if not text.isdecimal() or not text.isascii() or len(text) > 9:
        raise Malformed("`Preview` is no number")
    return int(text)


def _read_chunks(wire: Wire, body: Body) -> bool:
    """Up to the last chunk; whether that said `ieof`."""
    while True:
        line = wire.until(b"\r\n", most=_LINE_BYTES)
        found = _CHUNK.fullmatch(line)
        if found is None:
            raise Malformed("a chunk does not begin with its length")
        left = int(found[1], 16)
        if not left:
            while wire.until(b"\r\n", most=_LINE_BYTES):
                pass  # Trailers say nothing that is needed here.
            return (found[2] or b"").strip(b"; \t").lower() == b"ieof"
        while left:
            piece = wire.some(left)
            left -= len(piece)
            body.add(piece)
        if wire.exactly(2) != b"\r\n":
            raise Malformed("a chunk is longer than it was said to be")
