"""Addresses as CSV, as hotlines exchange them: one a line, each a report of its own.

With a header line that names the columns, or without one in the order in which SCART takes them:
`url;referer;workuser;reference;source;type` (https://docs.scart.io/basic/import). Read line by line in bounded memory; a
line break inside quotes is not allowed, so that a quote left open spoils its own line only.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from vangnet.errors import InvalidInput
from vangnet.registry.formats.reading import chunks
from vangnet.reports.formats.reading import (
    REPLACED,
    Found,
    Problems,
    Readable,
    Unreadable,
    UnreadableReason,
    Values,
)
from vangnet.reports.model.drafts import Classified, Incident, ItemDraft, ItemKind, ReportDraft, Reporter, Source

LINE_MAX_BYTES = 64 * 1024
_HASHES = ("md5", "sha1", "sha256", "pdq", "photodna")
#: Every column that is known. Those that begin with `x_` are passed over; any other is refused.
COLUMNS = (
    "url", "referer", "workuser", "reference", "source", "type", "note", "received_at", "incident", "scheme",
    "classification", *_HASHES,
)  # fmt: skip
#: The order without a header.
SCART = COLUMNS[:6]
_OTHER_NAMES = {"address": "url", "referrer": "referer", "workuser_email": "workuser", "remark": "note", "memo": "note"}
_PASSED_OVER = "x_"
_DELIMITERS = ";,\t"
_INCIDENTS = {incident.value: incident for incident in Incident}
FILE = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What a line holds. `position` counts from 1 over all lines of the file, its header too."""

    position: int
    found: Found


def read(stream: Readable, *, reporter: Reporter, now: datetime, after: int = 0) -> Iterator[Line]:
    """The lines behind `after`, of what `reporter` sent. Raises InvalidInput where the first line says that it is none."""
    lines = _lines(chunks(stream))
    layout: _Layout | None = None
    for position, line in enumerate(lines, 1):
        if layout is None:
            if line is not None and not line.strip():
                continue
            layout = _layout(line, now)
            if layout.is_header:
                continue
        if position > after and (line is None or line.strip()):
            yield Line(position=position, found=_found(layout, line, position, reporter, now))
    if layout is None:
        raise InvalidInput(field=FILE, problem="is empty")


# --- lines ---


def _lines(pieces: Iterator[bytes]) -> Iterator[str | None]:
    """Lines without their ends; None for one that is too long."""
    rest = b""
    too_long = False
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield None if too_long or len(line) > LINE_MAX_BYTES else _text(line)
            too_long = False
        if len(rest) > LINE_MAX_BYTES:
            rest, too_long = b"", True
    if too_long or rest:
        yield None if too_long else _text(rest)


def _text(line: bytes) -> str:
    return line.decode("utf-8", errors="replace").removesuffix("\r")


def _fields(line: str, delimiter: str) -> list[str] | None:
    """The fields of a line; None where its quotes do not close."""
    if '"' not in line:
        return line.split(delimiter)
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True))
    except (csv.Error, StopIteration):
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    delimiter: str
    columns: Sequence[str]
    is_header: bool


def _layout(line: str | None, now: datetime) -> _Layout:
    if line is None:
        raise InvalidInput(field=FILE, problem=f"has a first line of more than {LINE_MAX_BYTES} bytes: it is no such table")
    delimiter = max(_DELIMITERS, key=line.count)
    names = [_name(field) for field in _fields(line, delimiter) or []]
    if "url" in names:
        unknown = [
            place for place, name in enumerate(names, 1) if name not in COLUMNS and not name.startswith(_PASSED_OVER)
        ]
        if unknown:
            problem = f"has a header whose column {unknown[0]} is not one of {', '.join(COLUMNS)}"
            raise InvalidInput(field=FILE, problem=problem)
        twice = [name for name in names if names.count(name) > 1 and not name.startswith(_PASSED_OVER)]
        if twice:
            raise InvalidInput(field=FILE, problem=f"has a header with the column {twice[0]} twice")
        return _Layout(delimiter=delimiter, columns=names, is_header=True)
    first = (_fields(line, ";") or [""])[0]
    if Values(Problems(), now=now).web_address(first) is None:
        problem = (
            f"begins neither with a header that has the column url (known are {', '.join(COLUMNS)}) nor with an address"
        )
        raise InvalidInput(field=FILE, problem=problem)
    return _Layout(delimiter=";", columns=SCART, is_header=False)


def _name(field: str) -> str:
    name = field.strip().lower().replace("-", "_").replace(" ", "_")
    return _OTHER_NAMES.get(name, name)


# --- reports ---


def _found(layout: _Layout, line: str | None, position: int, reporter: Reporter, now: datetime) -> Found:
    where = f"line {position}"
    if line is None:
        problem = f"it has more than {LINE_MAX_BYTES} bytes: split it"
        return Unreadable(reason=UnreadableReason.TOO_LARGE, where=where, problem=problem)
    fields = _fields(line, layout.delimiter)
    if fields is None:
        return _broken(where, "it has a quote that is not closed, or not where one may stand")
    if len(fields) > len(layout.columns):
        problem = f"it has {len(fields)} columns and at most {len(layout.columns)} are known: put quotes around fields"
        return _broken(where, problem)
    problems = Problems()
    values = Values(problems, now=now)
    cells = {name: field for name, field in zip(layout.columns, fields, strict=False) if field.strip()}
    address = values.web_address(cells.get("url"))
    hashes = tuple(one for name in _HASHES if (one := values.hash(name, cells.get(name))) is not None)
    if address is None and not hashes:
        return _broken(where, "; ".join(("it has no address that can be read, and no hash", *problems.told())))
    if REPLACED in line:
        problems.note("a text was not written in UTF-8; letters in it were replaced")
    return _draft(cells, address, hashes, values, reporter)


def _broken(where: str, problem: str) -> Unreadable:
    return Unreadable(reason=UnreadableReason.BROKEN, where=where, problem=problem)


def _draft(
    cells: dict[str, str], address: str | None, hashes: tuple[tuple[str, bytes], ...], values: Values, reporter: Reporter
) -> ReportDraft:
    at = values.time(cells.get("received_at"))
    items = [
        ItemDraft(
            kind=ItemKind.HASH if address is None else ItemKind.ADDRESS,
            address=address,
            hashes=hashes,
            classified=_classified(cells, values),
            at=at,
        )
    ]
    if (referer := values.web_address(cells.get("referer"))) is not None:
        # The page that leads there: to look at, and not what is reported.
        items.append(ItemDraft(kind=ItemKind.ADDRESS, address=referer, supplemental=True))
    words = [f"{name}: {text}" for name in ("note", "source", "type") if (text := values.text(cells.get(name)))]
    return ReportDraft(
        source=Source.CSV,
        reporter=reporter,
        incident=_incident(cells, values),
        reference=values.reference(cells.get("reference")),
        reported_at=at,
        items=tuple(items),
        text="\n".join(words),
        problems=values.problems.told(),
    )


def _incident(cells: dict[str, str], values: Values) -> Incident:
    """A table of addresses is one of material where it does not say otherwise."""
    written = cells.get("incident")
    if written is None:
        return Incident.MATERIAL
    incident = _INCIDENTS.get(written.strip().lower())
    if incident is None:
        values.problems.note(f"the column incident must be one of {', '.join(_INCIDENTS)}; it was read as other")
    return incident or Incident.OTHER


def _classified(cells: dict[str, str], values: Values) -> Classified | None:
    scheme = values.line(cells.get("scheme"), longest=100)
    code = values.line(cells.get("classification"), longest=100)
    if code is None:
        return None
    if scheme is None:
        values.problems.note("a classification without the scheme that it is of was left out")
        return None
    return Classified(scheme=scheme, code=code)
