"""What `vangnet scan` found in a store of files: the report that it wrote, a line a file, and a summary at its end.

It names files by their paths and has no hashes: those are listed, and secrets. So its reports are about where something is
to be found. Files that were not read are counted; somebody has to look at them there.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from vangnet.reports.formats.reading import Found, Problems, Readable, Unreadable, UnreadableReason, Values
from vangnet.reports.model.drafts import Classified, Incident, ItemDraft, ItemKind, ReportDraft, Reporter, Source

#: So many files are one report.
ITEMS_MAX = 10_000
_LINE_MAX = 1024 * 1024
_SCHEME = "vangnet"


def read(stream: Readable, *, reporter: Reporter, reference: str, now: datetime) -> Iterator[Found]:
    """The findings, in reports of at most ITEMS_MAX files. `reference` is the scan's own, by which it is known again."""
    gathered = _Gathered(reporter, reference, now=now)
    for position, line in enumerate(_lines(stream), 1):
        found = _record(line)
        if found is None:
            problem = "it is no line of a scan's report" if line is not None else f"it has more than {_LINE_MAX} bytes"
            yield Unreadable(reason=UnreadableReason.NOT_THIS_FORM, where=f"line {position}", problem=problem)
            continue
        gathered.take(found)
        if len(gathered.items) == ITEMS_MAX:
            yield gathered.report()
    if not gathered.has_summary:
        problem = "it ends without its summary: the scan was not whole when this was written"
        yield Unreadable(reason=UnreadableReason.BROKEN, where="the end", problem=problem)
    if gathered.items:
        yield gathered.report()


class _Gathered:
    """Findings that are about to be a report."""

    def __init__(self, reporter: Reporter, reference: str, *, now: datetime) -> None:
        self._reporter = reporter
        self._reference = reference
        self._now = now
        self._parts = 0
        self.has_summary = False
        self._begin()

    def take(self, found: dict[str, Any]) -> None:
        """One line."""
        if "summary" in found:
            self.has_summary = True
            return
        if not found.get("matches"):
            self._problems.note("a file was not allowed, or not read, without a match; look at it where it lies")
            return
        self.items.append(_item(found, self._values))

    def report(self) -> ReportDraft:
        """The report of what was gathered, after which the next begins."""
        self._parts += 1
        draft = ReportDraft(
            source=Source.SCAN,
            reporter=self._reporter,
            incident=Incident.MATERIAL,
            reference=f"{self._reference}/{self._parts}",
            items=tuple(self.items),
            text=f"vangnet scan: {len(self.items)} files that match listed entries",
            problems=self._problems.told(),
        )
        self._begin()
        return draft

    def _begin(self) -> None:
        self.items: list[ItemDraft] = []
        self._problems = Problems()
        self._values = Values(self._problems, now=self._now)


def _item(found: dict[str, Any], values: Values) -> ItemDraft:
    matches = [one for one in found["matches"] if isinstance(one, dict)] if isinstance(found["matches"], list) else []
    codes = [one["classification"] for one in matches if isinstance(one.get("classification"), str)]
    code = values.line(codes[0], longest=100) if codes else None
    lists = sorted({f"{one.get('list')} {one.get('entry_id')}" for one in matches})
    return ItemDraft(
        kind=ItemKind.FILE,
        reference=values.reference(found.get("check_id") if isinstance(found.get("check_id"), str) else None),
        file_name=values.line(found["file"], longest=4096),
        classified=None if code is None else Classified(scheme=_SCHEME, code=code),
        text=values.text("\n".join(lists[:20])) or None,
    )


def _record(line: bytes | None) -> dict[str, Any] | None:
    try:
        found = None if line is None else json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    return found if "summary" in found or isinstance(found.get("file"), str) else None


def _lines(stream: Readable) -> Iterator[bytes | None]:
    """The lines that say something; None for one that is too long."""
    rest, too_long = b"", False
    while piece := stream.read(_LINE_MAX):
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            if too_long or len(line) > _LINE_MAX:
                yield None
            elif line.strip():
                yield line
            too_long = False
        if len(rest) > _LINE_MAX:
            rest, too_long = b"", True
    if too_long or rest.strip():
        yield None if too_long else rest
