"""XML of others, read as if an enemy had written it: record by record, in bounded memory, whatever it is.

No document type is taken, so that there are no entities; nothing is fetched; depth, size and the size of a record have
limits. What is not of its encoding, or no character of XML, becomes U+FFFD and is told: one wrong letter in a name must
not cost a report. Where a document breaks, the records before the break were handed over already.
"""

import codecs
import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TypeAlias

from lxml import etree

from vangnet.reports.formats.reading import CHUNK_BYTES, REPLACED, Problems, Readable, UnreadableReason

#: The library has no public name for it.
Element: TypeAlias = etree._Element  # noqa: SLF001
#: A report of 10,000 files has some 20 MiB.
DOCUMENT_MAX = 256 * 1024 * 1024
#: The longest stretch without a record that is whole: that much is held in memory.
RECORD_MAX = 8 * 1024 * 1024
#: The same in elements and attributes, which take a hundred times their text: counted by the signs that begin them.
MARKS_MAX = 400_000
#: So little is handed to the parser at a time that its records are taken before the next come.
_FEED_BYTES = 64 * 1024
#: How documents begin by which their encoding is known; the longer mark first.
_STARTS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8-sig",
    b"<\x00": "utf-16-le",
    b"\x00<": "utf-16-be",
}
_DECLARED = re.compile(rb"\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._:-]{1,40})[\"']")
_ENCODINGS = frozenset({"utf-8", "iso8859-1", "iso8859-15", "cp1252"})
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_PROLOG = re.compile(r"\s*+(?:<\?.*?\?>\s*+|<!--.*?-->\s*+)*+", re.DOTALL)
_ROOT = re.compile(r"<[^\W\d]")


class Stopped(Exception):
    """A document that cannot be read, or not further; what was handed over before stands."""

    def __init__(self, reason: UnreadableReason, problem: str) -> None:
        super().__init__(reason, problem)
        self.reason = reason
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Which elements of a form are read by themselves."""

    #: The element that parts stand in.
    whole: str
    #: Read when they stand directly in it.
    parts: AbstractSet[str]
    #: Read wherever they stand, but not inside one another or a part.
    single: AbstractSet[str]


def local_name(element: Element) -> str:
    """The name without its namespace; empty for what is no element."""
    tag = element.tag
    if not isinstance(tag, str):
        return ""
    return tag.rpartition("}")[2] if tag.startswith("{") else tag


def grouped(element: Element) -> Mapping[str, list[Element]]:
    """The elements directly inside, by name."""
    found: dict[str, list[Element]] = {}
    # As `local_name` has it; put here, because a report of fifty files asks for two thousand names.
    for child in element:
        tag = child.tag
        if isinstance(tag, str):
            name = tag.rpartition("}")[2] if tag[0] == "{" else tag
            if name in found:
                found[name].append(child)
            else:
                found[name] = [child]
    return found


def content(element: Element) -> str:
    """The text of an element, with that of elements inside it."""
    if len(element) == 0:
        return element.text or ""
    return " ".join(text for piece in element.itertext() if (text := str(piece).strip()))


def records(stream: Readable, layout: Layout, *, problems: Problems) -> Iterator[tuple[str, str, Element]]:
    """`start` and `end` of each whole, and the `end` of each part and single, with its name. Raises Stopped.

    An element is emptied when the next is asked for.
    """
    names = [layout.whole, *layout.parts, *layout.single]
    parser = etree.XMLPullParser(
        events=("start", "end"), tag=[f"{{*}}{name}" for name in names], encoding="utf-8",
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True,
    )  # fmt: skip
    fed = waiting = marks = 0
    for piece in _pieces(stream, problems):
        fed += len(piece)
        waiting += len(piece)
        marks += piece.count(b"<") + piece.count(b"=")
        if fed > DOCUMENT_MAX:
            raise Stopped(UnreadableReason.TOO_LARGE, f"it has more than {DOCUMENT_MAX} bytes of XML: split it")
        broken = _feed(parser, piece)
        for event, element in parser.read_events():
            name = local_name(element)
            if not _counts(event, name, element, layout):
                continue
            yield event, name, element
            if event == "end":
                _forget(element, layout, problems)
                waiting = marks = 0
        if broken is not None:
            raise Stopped(UnreadableReason.BROKEN, broken)
        if waiting > RECORD_MAX or marks > MARKS_MAX:
            problem = f"it has more than {RECORD_MAX} bytes or {MARKS_MAX} elements without the end of a record: split it"
            raise Stopped(UnreadableReason.TOO_LARGE, problem)
    if (broken := _close(parser)) is not None:
        raise Stopped(UnreadableReason.BROKEN, broken)


def _feed(parser: etree.XMLPullParser, piece: bytes) -> str | None:
    try:
        parser.feed(piece)
    except etree.XMLSyntaxError as error:
        return _told(error)
    return None


def _close(parser: etree.XMLPullParser) -> str | None:
    try:
        parser.close()
    except etree.XMLSyntaxError as error:
        return _told(error)
    return None


def _told(error: etree.XMLSyntaxError) -> str:
    # The parser's own words quote the document.
    return f"its XML breaks off at line {error.lineno or 1}: ask the sender for a whole one"


def _counts(event: str, name: str, element: Element, layout: Layout) -> bool:
    if event == "start" and name != layout.whole:
        return False
    if name in layout.parts:
        parent = element.getparent()
        return parent is not None and local_name(parent) == layout.whole
    enclosing = layout.parts | layout.single
    if name == layout.whole:
        enclosing = enclosing | {layout.whole}
    return not any(local_name(outer) in enclosing for outer in element.iterancestors())


def _forget(element: Element, layout: Layout, problems: Problems) -> None:
    if local_name(element) == layout.whole:
        problems.note(_UNKNOWN, sum(not _is_known(child, layout) for child in element))
    element.clear()
    parent = element.getparent()
    while parent is not None and (before := element.getprevious()) is not None:
        if not _is_known(before, layout):
            problems.note(_UNKNOWN)
        parent.remove(before)


_UNKNOWN = "an element that the form does not have was passed over"


def _is_known(element: Element, layout: Layout) -> bool:
    name = local_name(element)
    # What carries reports side by side may be called anything, and reports have their numbers there.
    return not name or name == layout.whole or name in layout.parts or name in layout.single or name == "reportId"


def _pieces(stream: Readable, problems: Problems) -> Iterator[bytes]:
    """The document in UTF-8, a little at a time, its beginning checked."""
    head = b""
    while len(head) < CHUNK_BYTES and (more := stream.read(CHUNK_BYTES)):
        head += more
    decoder = codecs.getincrementaldecoder(_encoding(head, problems))(errors="replace")
    text = decoder.decode(head)
    _require_root(text)
    while text or head:
        clean = _NO_XML.sub(REPLACED, text)
        if REPLACED in clean:
            problems.note("characters that are not of its encoding were replaced", clean.count(REPLACED))
        data = clean.encode("utf-8")
        for start in range(0, len(data), _FEED_BYTES):
            yield data[start : start + _FEED_BYTES]
        head = stream.read(CHUNK_BYTES)
        text = decoder.decode(head, final=not head)


def _encoding(head: bytes, problems: Problems) -> str:
    for start, encoding in _STARTS.items():
        if head.startswith(start):
            return encoding
    found = _DECLARED.match(head)
    if found is None:
        return "utf-8"
    try:
        declared = codecs.lookup(found[1].decode("ascii")).name
    except LookupError:
        declared = ""
    if declared in _ENCODINGS:
        return declared
    if declared != "ascii":
        problems.note("it says that it is in an encoding that it is not in, or that is not read here; it was read as UTF-8")
    return "utf-8"


def _require_root(text: str) -> None:
    found = _PROLOG.match(text)
    at = 0 if found is None else found.end()
    if text.startswith("<!DOCTYPE", at) or text.startswith("<!", at):
        raise Stopped(
            UnreadableReason.FORBIDDEN,
            "it defines a document type, which no report has and attacks do: ask the sender for one without",
        )
    if _ROOT.match(text, at) is None:
        raise Stopped(UnreadableReason.NOT_THIS_FORM, "it is no XML, or it begins with more than a report does")
