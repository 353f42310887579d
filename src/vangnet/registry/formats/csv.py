"""Lists as CSV: a header line with the names of the columns, then one entry a line.

Read line by line, and by the standard library's reader only where a line has quotes: a line break inside quotes is
therefore not allowed, and a quote left open spoils its own line only. Lines about which nothing is unusual can be read by
the core, ten times as fast (`read_packed`): every other one comes back to be read here.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from vangnet import _core
from vangnet.errors import InvalidInput
from vangnet.hashing.model import Convention
from vangnet.registry.formats import reading
from vangnet.registry.formats.reading import FILE, Packed, Readable, Refused, Row, Skipped, Taken, Withdrawn, listed
from vangnet.registry.formats.writing import Writable, hash_text
from vangnet.registry.model.entries import (
    CATEGORY_MAX,
    DIGESTS,
    LENGTHS,
    NOTE_MAX,
    Category,
    EntryDraft,
    HashAlgorithm,
    ListedHash,
    MediaKind,
)
from vangnet.registry.model.packing import CODES, CONVENTIONS

#: The columns of hashes, named as the algorithms are.
#: No column for sub-windows: they are made where a picture is in hand, and never taken from a file.
HASH_COLUMNS = {algorithm.value: algorithm for algorithm in HashAlgorithm if algorithm is not HashAlgorithm.PDQ_WINDOW}
#: Every column that is known. Those that begin with `x_` are passed over; any other is refused.
COLUMNS = (
    "action", "reference", "media_kind", "scheme", "category", *HASH_COLUMNS, "pdq_convention", "pdq_quality", "note",
)  # fmt: skip
_SINGLE = tuple(name for name in COLUMNS if name in {"pdq", "other"} or name not in HASH_COLUMNS)
#: The scheme of a category where the file names none: the supplier's own.
OWN_SCHEME = "supplier"
#: Room for a TMK+PDQF hash.
LINE_MAX_BYTES = 1024 * 1024
_PASSED_OVER = "x_"
#: An importer makes a row of each; a supplier has a dozen.
_CATEGORIES_KEPT = 1000
_DELIMITERS = ",;\t"
_KINDS = {"": MediaKind.IMAGE, **{kind.value: kind for kind in MediaKind}}


def read(stream: Readable, *, after: int = 0) -> Iterator[Row]:
    """The rows behind `after`. Raises InvalidInput where the header is not one."""
    layout, blocks = _opened(stream)
    position = 0
    for block in blocks:
        for line in _split(block):
            position += 1
            if position > after and line != "":
                yield _row(layout, position, line)


def read_packed(stream: Readable, *, after: int = 0) -> Iterator[Row]:
    """The same rows, those of plain lines packed already. Raises InvalidInput where the header is not one."""
    layout, blocks = _opened(stream)
    core = _core_reader(layout)
    categories: list[Category] = []
    position = 0
    for block in blocks:
        lines = [None] if block is None else core.read(block)
        for scheme, name in core.categories(len(categories)):
            categories.append(Category(scheme=scheme or OWN_SCHEME, name=name))
        for line in lines:
            position += 1
            if position <= after:
                continue
            if isinstance(line, tuple):
                category, is_video, reference, note, packed = line
                kind = MediaKind.VIDEO if is_video else MediaKind.IMAGE
                yield Packed(position, kind, categories[category], reference, note, packed)
            elif line != b"":
                yield _row(layout, position, next(_split(line)))


# --- lines ---


def _opened(stream: Readable) -> tuple["_Layout", Iterator[bytes | None]]:
    blocks = _blocks(reading.chunks(stream))
    try:
        first = next(blocks)
    except StopIteration:
        raise InvalidInput(field=FILE, problem="is empty") from None
    if first is None:
        return _layout(None), blocks
    header, end, rest = first.partition(b"\n")
    return _layout(next(_split(header))), chain([rest] if end else [], blocks)


def _blocks(chunks: Iterator[bytes]) -> Iterator[bytes | None]:
    """Whole lines without the end of the last, some thousand at a time; None for one that is too long."""
    rest = b""
    too_long = False
    for chunk in chunks:
        if too_long:
            _, end, chunk = chunk.partition(b"\n")  # noqa: PLW2901 (what follows the long line)
            if not end:
                continue
            yield None
            too_long = False
        end_at = chunk.rfind(b"\n")
        if end_at < 0:
            rest += chunk
        else:
            yield rest + chunk[:end_at]
            rest = chunk[end_at + 1 :]
        if len(rest) > LINE_MAX_BYTES:
            rest, too_long = b"", True
    if too_long:
        yield None
    elif rest:
        yield rest


def _split(block: bytes | None) -> Iterator[str | None]:
    """Lines without their ends; None for one that is too long."""
    if block is None:
        yield None
        return
    # Whole blocks, not lines, are decoded: that takes a tenth of the time. What is no UTF-8 becomes U+FFFD, which no
    # column takes, so that it spoils its own line only.
    for line in block.decode("utf-8", errors="replace").split("\n"):
        if len(line) > LINE_MAX_BYTES:
            yield None
        else:
            yield line.removesuffix("\r")


# --- rows ---


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Where in a line each column stands; -1 for those that the file does not have."""

    delimiter: str
    width: int
    hashes: tuple[tuple[int, HashAlgorithm, str], ...]
    pdq: int
    other: int
    pdq_convention: int
    pdq_quality: int
    action: int
    reference: int
    media_kind: int
    scheme: int
    category: int
    note: int
    #: Columns that stand in the file more than once: the first place, and another.
    twice: tuple[tuple[int, int, str], ...]
    categories: dict[tuple[str, str], Category]


def _layout(header: str | None) -> _Layout:
    if header is None:
        raise InvalidInput(field=FILE, problem=f"has a first line of more than {LINE_MAX_BYTES} bytes: it is no such list")
    delimiter = max(_DELIMITERS, key=header.count)
    try:
        names = [name.strip().lower() for name in _fields(header, delimiter)]
    except Refused as problem:
        raise InvalidInput(field=FILE, problem=f"has a header that {problem.problem}") from None
    unknown = [place for place, name in enumerate(names, 1) if name not in COLUMNS and not name.startswith(_PASSED_OVER)]
    if unknown:
        # The header may be missing and this its first entry, so that the name is not quoted.
        raise InvalidInput(field=FILE, problem=f"has a header whose column {unknown[0]} is not one of {', '.join(COLUMNS)}")
    places = {name: place for place, name in reversed(list(enumerate(names)))}
    if "category" not in places and "action" not in places:
        raise InvalidInput(field="category", problem="is missing: the header must name this column")
    return _Layout(
        delimiter=delimiter,
        width=len(names),
        hashes=tuple(
            (places[name], algorithm, name)
            for name, algorithm in HASH_COLUMNS.items()
            if name in places and algorithm not in {HashAlgorithm.PDQ, HashAlgorithm.OTHER}
        ),
        **{name: places.get(name, -1) for name in _SINGLE},
        twice=tuple((places[name], place, name) for place, name in enumerate(names) if places[name] != place),
        categories={},
    )  # fmt: skip


def _core_reader(layout: _Layout) -> _core.ListLines:
    """What reads plain lines. Columns that it does not know, or that stand twice, are empty in one."""
    places = {name: place for name in _SINGLE if (place := getattr(layout, name)) >= 0}
    pdq = places.pop("pdq", None)
    convention, quality = places.pop("pdq_convention", None), places.pop("pdq_quality", None)
    empty = [place for first, other, _ in layout.twice for place in (first, other)]
    empty += [place for place, algorithm, _ in layout.hashes if algorithm not in DIGESTS]
    empty += [places.pop("other")] if "other" in places else []
    return _core.ListLines(
        layout.delimiter,
        layout.width,
        digests=[
            (place, CODES[algorithm], LENGTHS[algorithm]) for place, algorithm, _ in layout.hashes if algorithm in DIGESTS
        ],
        pdq=None if pdq is None else (pdq, convention, quality, list(CONVENTIONS)),
        empty=empty,
        **{name: places.get(name) for name in ("action", "reference", "media_kind", "scheme", "category", "note")},
    )


def _fields(line: str, delimiter: str) -> list[str]:
    if '"' not in line:
        return line.split(delimiter)
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True))
    except (csv.Error, StopIteration):
        raise Refused("row", problem="has a quote that is not closed, or not where one may stand") from None


def _row(layout: _Layout, position: int, line: str | None) -> Row:
    try:
        if line is None:
            raise Refused("row", problem=f"has more than {LINE_MAX_BYTES} bytes")
        fields = _fields(line, layout.delimiter)
        if len(fields) != layout.width:
            raise Refused("row", problem=f"has {len(fields)} columns where the header has {layout.width}")
        if " " in line:
            fields = [field.strip(" ") for field in fields]
        if layout.twice:
            _join(layout, fields)
        if layout.action >= 0 and fields[layout.action] not in {"", "add"}:
            return _withdrawn(layout, position, fields)
        return Taken(position=position, draft=_draft(layout, fields))
    except Refused as problem:
        return Skipped(position=position, field=problem.field, problem=problem.problem)


def _join(layout: _Layout, fields: list[str]) -> None:
    for first, other, name in layout.twice:
        if name.startswith(_PASSED_OVER):
            continue
        if fields[first] and fields[other] and fields[first] != fields[other]:
            raise Refused(name, problem="stands in two columns that contradict each other")
        fields[first] = fields[first] or fields[other]


def _withdrawn(layout: _Layout, position: int, fields: list[str]) -> Withdrawn:
    if fields[layout.action] != "withdraw":
        raise Refused("action", problem="must be `add`, `withdraw` or empty")
    reference = _cell(fields, layout.reference)
    if not reference:
        raise Refused("reference", problem="is missing: it says what to withdraw")
    return Withdrawn(position=position, reference=reading.line(reference, field="reference"))


def _draft(layout: _Layout, fields: list[str]) -> EntryDraft:
    hashes = [listed(algorithm, fields[place], field=name) for place, algorithm, name in layout.hashes if fields[place]]
    if layout.pdq >= 0 and fields[layout.pdq]:
        hashes += _pdq(layout, fields)
    if layout.other >= 0 and fields[layout.other]:
        hashes += [listed(HashAlgorithm.OTHER, text, field="other") for text in fields[layout.other].split()]
    kind = _KINDS.get(_cell(fields, layout.media_kind))
    if kind is None:
        raise Refused("media_kind", problem=f"must be one of {', '.join(kind.value for kind in MediaKind)}, or empty")
    reference = _cell(fields, layout.reference)
    note = _cell(fields, layout.note)
    return EntryDraft(
        media_kind=kind,
        hashes=reading.required(hashes),
        category=_category(layout, _cell(fields, layout.scheme) or OWN_SCHEME, _cell(fields, layout.category)),
        reference=reading.line(reference, field="reference") if reference else None,
        note=reading.line(note, field="note", most=NOTE_MAX) if note else None,
    )


def _pdq(layout: _Layout, fields: list[str]) -> list[ListedHash]:
    """A picture has one PDQ hash, or one a convention with spaces between; `-` is a quality that is not known."""
    texts = fields[layout.pdq].split()
    conventions = _cell(fields, layout.pdq_convention).split() or [Convention.FULL.value]
    qualities = _cell(fields, layout.pdq_quality).split() or ["-"] * len(texts)
    if not len(texts) == len(conventions) == len(qualities):
        raise Refused("pdq", problem="has another number of values than `pdq_convention` or `pdq_quality`")
    return [
        reading.pdq(text, convention=convention, quality="" if quality == "-" else quality, field="pdq")
        for text, convention, quality in zip(texts, conventions, qualities, strict=True)
    ]


def _category(layout: _Layout, scheme: str, name: str) -> Category:
    known = layout.categories.get((scheme, name))
    if known is not None:
        return known
    if not name:
        raise Refused("category", problem="is missing")
    category = Category(
        scheme=reading.line(scheme, field="scheme", most=CATEGORY_MAX),
        name=reading.line(name, field="category", most=CATEGORY_MAX),
    )
    if len(layout.categories) < _CATEGORIES_KEPT:
        layout.categories[scheme, name] = category
    return category


def _cell(fields: list[str], place: int) -> str:
    return fields[place] if place >= 0 else ""


# --- writing ---


def write(entries: Iterable[EntryDraft], target: Writable, *, header: bool = True) -> int:
    """Writes the entries with every column and answers how many they were. Errors of `target` come out as they are."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    if header:
        writer.writerow(COLUMNS)
    count = 0
    for entry in entries:
        writer.writerow(_written(entry))
        count += 1
        if buffer.tell() > reading.CHUNK_BYTES:
            target.write(buffer.getvalue().encode("utf-8"))
            buffer.seek(0)
            buffer.truncate()
    target.write(buffer.getvalue().encode("utf-8"))
    return count


def _written(entry: EntryDraft) -> list[str]:
    cells: dict[str, list[str]] = {}
    for hash_ in entry.hashes:
        cells.setdefault(hash_.algorithm.value, []).append(hash_text(hash_))
        if hash_.algorithm is HashAlgorithm.PDQ:
            cells.setdefault("pdq_convention", []).append((hash_.convention or Convention.FULL).value)
            cells.setdefault("pdq_quality", []).append("-" if hash_.quality is None else str(hash_.quality))
    cells["reference"] = [entry.reference or ""]
    cells["media_kind"] = [entry.media_kind.value]
    cells["scheme"] = [entry.category.scheme]
    cells["category"] = [entry.category.name]
    # An entry is one line, so that a reader never waits for a quote.
    cells["note"] = [" ".join((entry.note or "").split())]
    return [" ".join(cells.get(column, ())) for column in COLUMNS]
