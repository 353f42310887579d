"""The values of a JSON document of any length, taken one at a time.

The standard library reads a document whole; lists are files of many GB. This walks through objects and arrays and hands
over the values in them one by one, each up to a limit. A value that is broken inside but whole outside spoils itself only.
"""

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any

#: A picture's record with all that examiners wrote has some thousand bytes.
VALUE_MAX = 1024 * 1024
_SPACE = re.compile(r"[ \t\r\n]*")
_INSIDE_TEXT = re.compile(r'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
#: Something matches everywhere; nothing is gone back over, so that no text makes it slow.
_PART = re.compile(
    r'(?P<flat>(?:[^"{}\[\]]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")++)|(?P<opening>[{\[]++)|(?P<closing>[}\]]++)|(?P<text>")',
    re.DOTALL,
)
_SCALAR = re.compile(r'[^ \t\r\n,:\]}{\["]*')


class Broken(Exception):
    """The document is no JSON from here on, or ends before its end; says which."""


class TooLong(Exception):
    """A value of more than VALUE_MAX. It was passed over."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        # The standard library would take the last and say nothing of the others.
        raise ValueError("a name stands twice in an object")
    return found


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Where what `pattern` finds at `at` ends; one that matches nothing, too."""
    found = pattern.match(text, at)
    return at if found is None else found.end()


_DECODER = json.JSONDecoder(object_pairs_hook=_object)


def _texts(chunks: Iterator[bytes]) -> Iterator[str]:
    # What is no UTF-8 becomes U+FFFD, which spoils the value that it stands in.
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    for chunk in chunks:
        if text := decoder.decode(chunk):
            yield text
    if text := decoder.decode(b"", final=True):
        yield text


class JsonDocument:
    """A document under way."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = _texts(chunks)
        self._buffer = ""
        self._at = 0

    def enter(self) -> str:
        """Goes into the object or array that comes next and says which: `{` or `[`; else `` and nothing happens."""
        first = self._peek()
        if first not in {"{", "["}:
            return ""
        self._at += 1
        return first

    def members(self) -> Iterator[str]:
        """The keys of the object that was entered; whoever iterates takes each value or enters it. Raises Broken."""
        for _ in self._until("}"):
            if self._peek() != '"':
                raise Broken("an object has something else than a name where one must be")
            try:
                key = json.loads(self.take())
            except (ValueError, TooLong):
                raise Broken("an object has a name that cannot be read") from None
            if self._peek() != ":":
                raise Broken("a name is not followed by a value")
            self._at += 1
            yield key

    def elements(self) -> Iterator[None]:
        """Once for each element of the array that was entered; whoever iterates takes or enters it. Raises Broken."""
        return self._until("]")

    def value(self) -> Any:
        """The value that comes next. Raises ValueError where it is none, TooLong, Broken."""
        self._peek()
        try:
            found, end = _DECODER.raw_decode(self._buffer, self._at)
        except (ValueError, RecursionError):
            pass  # Not whole in what was read so far, or broken: looked at more closely below.
        else:
            # A number may go on in what was not read yet.
            if end < len(self._buffer) and end - self._at <= VALUE_MAX:
                self._at = end
                return found
        taken = self.take()
        try:
            return _DECODER.decode(taken)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None

    def take(self) -> str:
        """The text of the value that comes next. Raises TooLong, Broken."""
        first = self._peek()
        if first is None:
            raise Broken("it ends where a value must be")
        match first:
            case '"':
                taken = self._text()
            case "{" | "[":
                taken = self._container()
            case _:
                taken = self._scalar()
        if taken is None:
            raise TooLong
        return taken

    def skip(self) -> None:
        """Passes over the value that comes next, whatever it is. Raises Broken."""
        try:
            self.value()
        except (ValueError, TooLong):
            return

    def ended(self) -> bool:
        """Whether there is nothing more."""
        return self._peek() is None

    def _until(self, closing: str) -> Iterator[None]:
        while True:
            found = self._peek()
            while found == ",":
                self._at += 1
                found = self._peek()
            if found is None:
                raise Broken("it ends in the middle")
            if found == closing:
                self._at += 1
                return
            if found in {"}", "]"} or found == ":":
                raise Broken("brackets or colons do not fit")
            yield

    def _peek(self) -> str | None:
        while True:
            self._at = _end(_SPACE, self._buffer, self._at)
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._more(self._at):
                return None

    def _more(self, keep_from: int) -> bool:
        """Reads on; what stands before `keep_from` is forgotten."""
        chunk = next(self._chunks, None)
        if chunk is None:
            return False
        self._buffer = self._buffer[keep_from:] + chunk
        self._at -= keep_from
        return True

    def _scalar(self) -> str | None:
        at = self._at
        while True:
            at = _end(_SCALAR, self._buffer, at)
            if at < len(self._buffer):
                break
            if at - self._at > VALUE_MAX:
                raise Broken("it has a value without an end")
            length = at - self._at
            if not self._more(self._at):
                break
            at = self._at + length
        taken = self._buffer[self._at : at]
        if not taken:
            raise Broken("something stands where a value must be")
        self._at = at
        return taken

    def _text(self) -> str | None:
        """A text; None where it is too long, and passed over."""
        while True:
            end = _end(_INSIDE_TEXT, self._buffer, self._at + 1)
            if end < len(self._buffer) and self._buffer[end] == '"':
                taken = self._buffer[self._at : end + 1]
                self._at = end + 1
                return taken if len(taken) <= VALUE_MAX else None
            if len(self._buffer) - self._at > VALUE_MAX:
                self._pass_text()
                return None
            if not self._more(self._at):
                raise Broken("it ends in the middle of a text")

    def _container(self) -> str | None:
        """An object or array; None where it is too long, and passed over."""
        start, depth, kept = self._at, 0, True
        while True:
            part = _PART.match(self._buffer, self._at)
            end = self._at if part is None else part.end()
            match None if part is None else part.lastgroup:
                case "opening":
                    depth += end - self._at
                    self._at = end
                case "closing":
                    closed = min(depth, end - self._at)
                    depth -= closed
                    self._at += closed
                    if depth == 0:
                        return self._buffer[start : self._at] if kept and self._at - start <= VALUE_MAX else None
                case "flat":
                    self._at = end
                case _:
                    # A text that goes on in what was not read yet, or the end of what was.
                    kept = kept and len(self._buffer) - start <= VALUE_MAX
                    if not kept:
                        start = self._at
                    if len(self._buffer) - self._at > VALUE_MAX:
                        self._pass_text()
                        start = self._at
                    elif not self._more(start):
                        raise Broken("it ends in the middle of a value")
                    else:
                        start = 0

    def _pass_text(self) -> None:
        """Passes over the string that begins here, forgetting it."""
        self._at += 1
        while True:
            self._at = _end(_INSIDE_TEXT, self._buffer, self._at)
            if self._at < len(self._buffer) and self._buffer[self._at] == '"':
                self._at += 1
                return
            if not self._more(self._at):
                raise Broken("it ends in the middle of a text")
