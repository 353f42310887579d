"""A file as it arrives in a request: its bytes as the body, or a form with one field `file`.

It is read by hand: it is larger than anything else that is taken, never touches the disk, and is given up when whoever
sends it falls silent. What is too large to be kept in memory is still digested.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from vangnet.errors import InvalidInput, RequestRefused
from vangnet.web.protocols.wire import Body, DoorLimits, NoRoom, Oversized
from vangnet.web.site import Site

_IDLE_S = 30.0


@asynccontextmanager
async def received(request: Request, site: Site) -> AsyncIterator[Body | None]:
    """The file that was sent; None where there is no room for another one now. Raises InvalidInput, RequestRefused."""
    content_type = request.headers.get("content-type", "")
    with Body(site.gate_room, DoorLimits(keep_bytes=site.settings.media_bytes_max)) as body:
        is_form = content_type.lower().startswith("multipart/form-data")
        sink = _Multipart(body, content_type) if is_form else _Raw(body)
        try:
            async for piece in pieces(request):
                sink.write(piece)
            sink.end()
        except NoRoom:
            yield None
            return
        except Oversized:
            raise RequestRefused(problem="the file is larger than any that is taken", status=413) from None
        yield body


async def pieces(request: Request) -> AsyncIterator[bytes]:
    """The body as it comes. Raises RequestRefused where it falls silent or breaks off."""
    stream = request.stream()
    try:
        while True:
            async with asyncio.timeout(_IDLE_S):
                piece = await anext(stream, None)
            if piece is None:
                return
            yield piece
    except TimeoutError:
        raise RequestRefused(problem="nothing more came of the body", status=408) from None
    except ClientDisconnect:
        raise RequestRefused(problem="the body broke off", status=400) from None


class _Raw:
    """The body is the file."""

    def __init__(self, body: Body) -> None:
        self._body = body

    def write(self, piece: bytes) -> None:
        self._body.add(piece)

    def end(self) -> None:
        pass


class _Multipart:
    """The one field `file` of a form. A form with anything else is refused: which of two files is meant is not guessed."""

    def __init__(self, body: Body, content_type: str) -> None:
        self._body = body
        self._header = b""
        self._value = b""
        self._files = 0
        self._ended = False
        _, options = parse_options_header(content_type)
        if b"boundary" not in options:
            raise InvalidInput(field="Content-Type", problem="must name the boundary of the form")
        self._parser = MultipartParser(
            options[b"boundary"],
            {
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_begin": self._on_part_begin,
                "on_part_data": self._on_part_data,
                "on_end": self._on_end,
            },
        )

    def write(self, piece: bytes) -> None:
        try:
            self._parser.write(piece)
        except MultipartParseError:
            raise _not_one_file() from None

    def end(self) -> None:
        self._parser.finalize()
        if not self._ended or self._files != 1:
            raise _not_one_file()

    def _on_part_begin(self) -> None:
        self._name: bytes | None = None
        self._header = self._value = b""

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._name = parse_options_header(self._value)[1].get(b"name")
        self._header = self._value = b""

    def _on_headers_finished(self) -> None:
        if self._name != b"file" or self._files:
            raise _not_one_file()
        self._files += 1

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._body.add(data[start:end])

    def _on_end(self) -> None:
        self._ended = True


def _not_one_file() -> InvalidInput:
    return InvalidInput(field="body", problem="must be a form with one field, `file`, or the bytes of the file themselves")
