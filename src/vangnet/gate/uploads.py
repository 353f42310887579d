"""The files in the body of an HTTP message: one where the body is a file, several where it is a form. Pure.

Forms are read strictly (RFC 7578, RFC 2046): a body that one program reads as a form with a file and another as nothing at
all is a way past the gate, so whatever does not read cleanly is said to be unreadable, and the caller asks the policy.
"""

import base64
import binascii
import quopri
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from vangnet.hashing.kinds import HEAD_BYTES, recognise
from vangnet.hashing.model import Reason

#: More parts than any form of people has.
PARTS_MAX = 1000
_NESTED_MAX = 3
_INFLATED_AT_ONCE = 1024 * 1024


class UnreadableUpload(Exception):
    """The body cannot be read as what it says it is; `reason` is what that comes to."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadedFile:
    """A file as it was sent. Its names are the sender's, and good for nothing but being shown to them."""

    #: The form's field; empty where the body is the file.
    field_name: str = field(repr=False)
    filename: str | None = field(repr=False)
    data: bytes = field(repr=False)


def is_form(content_type: str | None) -> bool:
    """Whether somebody could take the body for parts, by the message's Content-Type."""
    return content_type is not None and "multipart/" in content_type.lower()


def files_in(content_type: str | None, body: bytes) -> list[UploadedFile]:
    """The files in `body`: itself, or those parts of a form that are files.

    A part is one where it has a file name, a type that is no plain text, or the beginning of a kind of file that is known
    here. Raises UnreadableUpload.
    """
    if not is_form(content_type):
        return [UploadedFile(field_name="", filename=None, data=body)] if body else []
    return list(_files_of_form(content_type or "", body, depth=1))


def decoded_body(content_encoding: str | None, body: bytes, *, most_bytes: int) -> bytes:
    """`body` without the encodings that it was sent in (RFC 9110, section 8.4). Raises UnreadableUpload."""
    for coding in reversed((content_encoding or "").lower().split(",")):
        match coding.strip():
            case "" | "identity":
                continue
            case "gzip" | "x-gzip":
                body = _inflated(body, 31, most_bytes)
            case "deflate":
                # By the standard with zlib's frame; some leave it out.
                framed = body[:1] and body[0] & 15 == 8
                body = _inflated(body, 15 if framed else -15, most_bytes)
            case _:
                raise UnreadableUpload(Reason.UNSUPPORTED)
    return body


def _inflated(body: bytes, window_bits: int, most_bytes: int) -> bytes:
    pieces = []
    length = 0
    try:
        # A gzip body may have several members, one after the other.
        while body:
            inflater = zlib.decompressobj(window_bits)
            while body and not inflater.eof:
                piece = inflater.decompress(body, _INFLATED_AT_ONCE)
                body = inflater.unconsumed_tail
                length += len(piece)
                if length > most_bytes:
                    raise UnreadableUpload(Reason.TOO_LARGE)
                pieces.append(piece)
            while piece := inflater.decompress(b"", _INFLATED_AT_ONCE):
                length += len(piece)
                if length > most_bytes:
                    raise UnreadableUpload(Reason.TOO_LARGE)
                pieces.append(piece)
            if not inflater.eof:
                raise UnreadableUpload(Reason.DAMAGED)
            body = inflater.unused_data
    except zlib.error as error:
        raise UnreadableUpload(Reason.DAMAGED) from error
    return b"".join(pieces)


@dataclass(slots=True)
class _Part:
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    name: bytes = b""
    value: bytes = b""

    def header(self, wanted: bytes) -> bytes | None:
        found = [value for name, value in self.headers if name.lower() == wanted]
        if len(found) > 1:
            # Programs differ in which one they take.
            raise UnreadableUpload(Reason.DAMAGED)
        return found[0] if found else None


class _Parts:
    """Collects the parts that the parser calls out."""

    def __init__(self, boundary: bytes) -> None:
        self.parts: list[_Part] = []
        self.ended = False
        self.parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_part_data": self._data,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_end": self._end,
            },
        )

    def _begin(self) -> None:
        if len(self.parts) == PARTS_MAX:
            raise UnreadableUpload(Reason.TOO_LARGE)
        self.parts.append(_Part())

    def _data(self, data: bytes, start: int, end: int) -> None:
        self.parts[-1].pieces.append(data[start:end])

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self.parts[-1].name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self.parts[-1].value += data[start:end]

    def _header_end(self) -> None:
        part = self.parts[-1]
        part.headers.append((part.name, part.value))
        part.name = part.value = b""

    def _end(self) -> None:
        self.ended = True


def _files_of_form(content_type: str, body: bytes, *, depth: int) -> Iterator[UploadedFile]:
    for part in _parts_of(content_type, body):
        kind, _ = parse_options_header(part.header(b"content-type"))
        disposition_header = part.header(b"content-disposition") or b""
        disposition, options = parse_options_header(disposition_header)
        data = b"".join(part.pieces)
        filename = options.get(b"filename")
        named = UploadedFile(
            field_name=options.get(b"name", b"").decode("utf-8", "replace"),
            filename=None if filename is None else filename.decode("utf-8", "replace"),
            data=data,
        )
        decoded = _without_transfer_encoding(part.header(b"content-transfer-encoding"), data)
        if decoded is not data:
            # Most programs that take forms know nothing of this encoding (RFC 7578, section 4.7) and store what was sent.
            yield named
            data = decoded
        if kind.startswith(b"multipart/"):
            if depth == _NESTED_MAX:
                raise UnreadableUpload(Reason.DAMAGED)
            yield from _files_of_form((part.header(b"content-type") or b"").decode("latin-1"), data, depth=depth + 1)
            continue
        # However it is written: there are extended forms that programs read differently (RFC 6266, appendix D).
        is_named = b"filename" in disposition_header.lower()
        text = kind in {b"", b"text/plain"} and disposition in {b"", b"form-data"}
        if not is_named and text and recognise(data[:HEAD_BYTES]) is Reason.NOT_MEDIA:
            continue
        if not data and not filename:
            continue  # A file field that was left empty.
        yield replace(named, data=data)


def _parts_of(content_type: str, body: bytes) -> list[_Part]:
    kind, options = parse_options_header(content_type)
    # Of two boundaries one program takes the first and another the last; of two types as well.
    if not kind.startswith(b"multipart/") or b"," in kind or content_type.lower().count("boundary") > 1:
        raise UnreadableUpload(Reason.DAMAGED)
    boundary = options.get(b"boundary")
    if not boundary:
        raise UnreadableUpload(Reason.DAMAGED)
    try:
        reading = _Parts(boundary)
        reading.parser.write(body)
        reading.parser.finalize()
    except FormParserError as error:
        raise UnreadableUpload(Reason.DAMAGED) from error
    if not reading.ended:
        raise UnreadableUpload(Reason.DAMAGED)
    return reading.parts


def _without_transfer_encoding(encoding: bytes | None, data: bytes) -> bytes:
    match (encoding or b"").strip().lower():
        case b"" | b"7bit" | b"8bit" | b"binary":
            return data
        case b"base64":
            try:
                return base64.b64decode(data)
            except binascii.Error as error:
                raise UnreadableUpload(Reason.DAMAGED) from error
        case b"quoted-printable":
            return quopri.decodestring(data)
        case _:
            raise UnreadableUpload(Reason.UNSUPPORTED)
