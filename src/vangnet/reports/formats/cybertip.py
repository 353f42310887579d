"""A CyberTip: the report that the US centre (NCMEC) passes on, and the details of its files, in XML.

Read by the names of elements, wherever they stand: partners' programs do not keep the form's order, though the form asks
for it. What the form has and the model has no place for is kept in the report's words, behind the form's own name.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from vangnet.errors import InvalidInput
from vangnet.reports.formats.reading import Found, Problems, Readable, Unreadable, UnreadableReason, Values
from vangnet.reports.formats.tip_files import FileRecord, read_file
from vangnet.reports.formats.tip_people import first
from vangnet.reports.formats.tips import SECTIONS, Tip
from vangnet.reports.formats.xml import Layout, Stopped, grouped, records

#: The largest known report has some ten thousand files.
FILES_MAX = 100_000
LAYOUT = Layout(
    whole="report", parts=SECTIONS.keys(), single=frozenset({"fileDetails", "reportResponse", "reportDoneResponse"})
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """An answer of the centre's that lies beside a report and has its number."""

    report: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What is said of a file, and the report that it stands in, where it stands in one."""

    file: FileRecord
    tip: Tip | None


def read(stream: Readable, *, now: datetime, where: str = "") -> list[Found]:
    """The reports of a document that came without files, and what of it could not be read."""
    gathered = Gathered(now=now)
    stopped = gathered.take(stream)
    found: list[Found] = [tip.draft([file.item for file in files]) for tip, files in gathered.reports()]
    return found or [unreadable(stopped, where=where)]


def unreadable(stopped: Stopped | None, *, where: str) -> Unreadable:
    """A document that gave nothing."""
    if stopped is None:
        problem = "it is XML, but no CyberTip: it has neither a report nor details of files"
        return Unreadable(reason=UnreadableReason.NO_REPORT, where=where, problem=problem)
    return Unreadable(reason=stopped.reason, where=where, problem=stopped.problem)


def read_parts(stream: Readable, *, now: datetime, problems: Problems) -> Iterator[Tip | Described | Receipt]:
    """The reports, files and receipts of a document, a report behind its files. Raises Stopped.

    A report that breaks off is handed over before that. What is wrong with the document as a whole goes to `problems`.
    """
    tip: Tip | None = None
    try:
        for event, name, element in records(stream, LAYOUT, problems=problems):
            if event == "start":
                tip = Tip(now=now, reference=element.get("reportId") or element.get("id"))
            elif name == LAYOUT.whole and tip is not None:
                yield tip
                tip = None
            elif name == "fileDetails":
                yield Described(file=read_file(element, now=now), tip=tip)
            elif name in SECTIONS and tip is not None:
                tip.take(name, element)
            else:
                values = Values(problems, now=now)
                if number := values.reference(first(grouped(element), "reportId", values)):
                    yield Receipt(report=number)
    except Stopped:
        if tip is not None:
            tip.is_whole = False
            yield tip
        raise


class Gathered:
    """The parts of documents that belong together, until each file is with its report."""

    def __init__(self, *, now: datetime) -> None:
        self._now = now
        self._problems = Problems()
        self._tips: list[Tip] = []
        self._files: list[Described] = []
        self._numbers: set[str] = set()
        self._left_out = 0

    def take(self, stream: Readable) -> Stopped | None:
        """Reads a document; where it stopped, everything before that was taken, and the reports tell of it."""
        problems = Problems()
        before = len(self._tips) + len(self._files)
        stopped = None
        try:
            for part in read_parts(stream, now=self._now, problems=problems):
                self._add(part)
        except Stopped as error:
            stopped = error
        except InvalidInput as error:
            stopped = Stopped(UnreadableReason.BROKEN, error.problem)
        if stopped is not None:
            self._problems.note(f"a part of what was delivered was lost: {stopped.problem}")
        if len(self._tips) + len(self._files) > before:
            self._problems.take(problems)
        return stopped

    def __len__(self) -> int:
        """How many reports and files were found so far."""
        return len(self._tips) + len(self._files) + self._left_out

    def reports(self) -> Iterator[tuple[Tip, list[FileRecord]]]:
        """Each report with what is said of its files. Files of a report that is not there are a report of their own."""
        self._problems.note(f"details of more than {FILES_MAX} files are given; the others were left out", self._left_out)
        only = self._tips[0] if len(self._tips) == 1 else None
        if only is not None and only.reference is None:
            numbers = self._numbers | {one.file.report for one in self._files if one.file.report is not None}
            only.reference = min(numbers) if len(numbers) == 1 else None
        by_number = {tip.reference: tip for tip in reversed(self._tips) if tip.reference is not None}
        files: dict[Tip, list[FileRecord]] = {tip: [] for tip in self._tips}
        missing: dict[str | None, Tip] = {}
        for one in self._files:
            number = one.file.report
            tip = one.tip or (None if number is None else by_number.get(number)) or only
            if tip is None:
                tip = missing.setdefault(number, Tip(now=self._now, reference=number, is_whole=False))
            elif number is not None and tip.reference is not None and number != tip.reference:
                tip.problems.note("details of a file name another report than the one that they came with")
            tip.problems.take(one.file.problems)
            files.setdefault(tip, []).append(one.file)
        for tip in missing.values():
            tip.problems.note("the report itself is missing: there are details of its files only")
        for tip, own in files.items():
            tip.problems.take(self._problems)
            yield tip, own

    def _add(self, part: Tip | Described | Receipt) -> None:
        match part:
            case Tip():
                self._tips.append(part)
            case Described() if len(self._files) >= FILES_MAX:
                self._left_out += 1
            case Described():
                self._files.append(part)
            case Receipt():
                self._numbers.add(part.report)
