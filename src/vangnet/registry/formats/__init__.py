"""Hash lists as files: one module a format, each a reader of rows, a writer, or both. No database, no network.

A reader takes a stream of any length in bounded memory and answers every row: taken, withdrawn, or skipped with the
reason. It raises InvalidInput only where the file as a whole is not what it was said to be.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Protocol

from vangnet.registry.formats import csv, threatexchange, vics
from vangnet.registry.formats.reading import Readable, Row


class ListFormat(StrEnum):
    CSV = "csv"  #: One entry a line, with the columns of docs/reference/list-formats.md.
    VICS = "vics"  #: JSON of the Video Image Classification Standard, 1.x and 2.0.
    THREATEXCHANGE = "threatexchange"  #: JSON as ThreatExchange answers it.


class ExportFormat(StrEnum):
    BUNDLE = "bundle"  #: Sealed for whom it is meant, and signed by us.
    CSV = "csv"  #: In clear, with the columns of docs/reference/list-formats.md.
    VICS = "vics"  #: In clear, JSON of the Video Image Classification Standard, 2.0.


class Reader(Protocol):
    """What reads a list: rows behind the position `after`, in the order of the file."""

    def __call__(self, stream: Readable, *, after: int = ...) -> Iterator[Row]: ...


READERS: Mapping[ListFormat, Reader] = {
    ListFormat.CSV: csv.read_packed,
    ListFormat.VICS: vics.read,
    ListFormat.THREATEXCHANGE: threatexchange.read,
}

_SUFFIXES: Mapping[str, ListFormat] = {".csv": ListFormat.CSV, ".tsv": ListFormat.CSV, ".json": ListFormat.VICS}


def by_suffix(name: str) -> ListFormat | None:
    """The format that a file of that name usually has; None where its name says nothing."""
    return next((found for suffix, found in _SUFFIXES.items() if name.lower().endswith(suffix)), None)
