"""CyberTips with their files, as police get them: a zip archive or a folder, of one report or of tens of thousands.

A document `*.xml` makes the folder that it lies in a unit: its reports, and the files in it and below. A file is the one
that details speak of by its name: the stored name, the file's number, or the original name where only one file has it. What
no details speak of is an item all the same, and a file that is not there is told: nothing is lost. An archive inside a
folder is a delivery of its own; one inside an archive is named and not opened.

One unit is in memory at a time, without the bytes of its files.
"""

import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from vangnet.errors import InvalidInput
from vangnet.reports.formats import cybertip
from vangnet.reports.formats.archives import (
    Limits,
    Listed,
    Member,
    harmless,
    list_folder,
    member_of,
    open_file,
    open_zip,
)
from vangnet.reports.formats.cybertip import Gathered
from vangnet.reports.formats.reading import Problems, Unreadable, UnreadableReason
from vangnet.reports.formats.shares import NUMBERED, WHOLE, Share
from vangnet.reports.formats.tip_files import FileRecord
from vangnet.reports.formats.tips import Tip
from vangnet.reports.formats.xml import Stopped
from vangnet.reports.model.drafts import ItemDraft, ItemKind, ReportDraft

_XML, _ZIP = ".xml", ".zip"
_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
STARTING = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundled:
    """A report with the files that came with it."""

    draft: ReportDraft
    #: By the place of the item in the draft. They can be opened until the next report is asked for.
    files: Mapping[int, Member] = field(repr=False)
    #: Where in the delivery it was: a path that is shown, and never opened.
    where: str = field(repr=False)


def read(path: Path, *, now: datetime, limits: Limits = STARTING, share: Share = WHOLE) -> Iterator[Bundled | Unreadable]:
    """The reports of a delivery, or of a share of it. Raises InvalidInput where `path` cannot be opened at all."""
    if path.is_dir() and not path.is_symlink():
        yield from _folder(path, "", now=now, limits=limits, share=share, depth=0)
        return
    with open_file(path) as file:
        start = file.read(4)
        if start not in _ZIP_STARTS:
            file.seek(0)
            found = cybertip.read(file, now=now, where=path.name)
    if start in _ZIP_STARTS:
        yield from _zip(path, path.name, now=now, limits=limits, share=share)
        return
    for one in found if share.is_first else ():
        yield one if isinstance(one, Unreadable) else Bundled(draft=one, files={}, where=path.name)


def read_content(content: bytes, *, now: datetime, limits: Limits = STARTING) -> Iterator[Bundled | Unreadable]:
    """The reports of a delivery that is in memory: an archive, or a document that came without files."""
    if content.startswith(_ZIP_STARTS):
        yield from _zip(content, "", now=now, limits=limits, share=WHOLE)
        return
    for one in cybertip.read(io.BytesIO(content), now=now):
        yield one if isinstance(one, Unreadable) else Bundled(draft=one, files={}, where="")


# --- deliveries ---


def _folder(
    path: Path, inside: str, *, now: datetime, limits: Limits, share: Share, depth: int
) -> Iterator[Bundled | Unreadable]:
    try:
        listed = list_folder(path)
    except InvalidInput as error:
        if share.is_first:
            yield Unreadable(reason=UnreadableReason.NO_FILE, where=inside, problem=error.problem)
        return
    found = _below(inside, listed, limits, depth, now=now)
    if found is None:
        # Too much to hold at a time: folder by folder.
        for entry in listed.folders:
            below = _path(inside, entry.name, now=now)
            if depth < limits.depth:
                yield from _folder(Path(entry.path), below, now=now, limits=limits, share=share, depth=depth + 1)
            elif share.is_first:
                yield _too_deep(below, limits)
        found = _Below()
        found.take(listed, inside, limits, now=now)
    yield from _bad(found, inside, limits) if share.is_first else ()
    if len(found.members) > limits.members:
        yield from _archives(found.members, now=now, limits=limits, share=share)
    else:
        yield from _units(found.members, inside or path.name, now=now, limits=limits, share=share)


def _bad(found: "_Below", inside: str, limits: Limits) -> Iterator[Unreadable]:
    """What of a folder is not read at all."""
    if found.others:
        problem = f"{found.others} links, pipes or devices lie in it, which are never opened: deliver the files themselves"
        yield Unreadable(reason=UnreadableReason.NO_FILE, where=inside, problem=problem)
    yield from found.unreadable
    if len(found.members) > limits.members:
        single = [member for member in found.members if member.archive is None]
        if single:
            problem = f"it has {len(single)} files besides archives, and {limits.members} is the limit: split it"
            yield Unreadable(reason=UnreadableReason.TOO_LARGE, where=inside, problem=problem)


def _archives(
    members: Iterable[Member], *, now: datetime, limits: Limits, share: Share = WHOLE
) -> Iterator[Bundled | Unreadable]:
    """The archives among files of a folder, each a delivery of its own."""
    for member in members:
        if member.archive is not None and share.has(member.path):
            yield from _zip(member.archive, member.path, now=now, limits=limits, share=WHOLE)


class _Below:
    """What lies in a folder and below."""

    def __init__(self) -> None:
        self.members: list[Member] = []
        self.others = 0
        self.unreadable: list[Unreadable] = []

    def take(self, listed: Listed, inside: str, limits: Limits, *, now: datetime) -> None:
        """What lies directly in one folder."""
        self.others += listed.others
        self.members += [member_of(entry, inside, limits, now=now) for entry in listed.files]


def _below(inside: str, listed: Listed, limits: Limits, depth: int, *, now: datetime) -> _Below | None:
    """Everything in a folder and below; None where that is too much to hold, and there are folders to go by."""
    found = _Below()
    waiting = [(listed, inside, depth)]
    while waiting:
        current, where, level = waiting.pop()
        found.take(current, where, limits, now=now)
        for entry in reversed(current.folders):
            below = _path(where, entry.name, now=now)
            if level >= limits.depth:
                found.unreadable.append(_too_deep(below, limits))
                continue
            try:
                waiting.append((list_folder(entry.path), below, level + 1))
            except InvalidInput as error:
                found.unreadable.append(Unreadable(reason=UnreadableReason.NO_FILE, where=below, problem=error.problem))
        if len(found.members) > limits.members and listed.folders:
            return None
    return found


def _path(inside: str, name: str, *, now: datetime) -> str:
    return harmless(f"{inside}/{name}".lstrip("/"), now=now)[0]


def _too_deep(where: str, limits: Limits) -> Unreadable:
    problem = f"it lies more than {limits.depth} folders deep, which is the limit: deliver it by itself"
    return Unreadable(reason=UnreadableReason.TOO_LARGE, where=where, problem=problem)


def _zip(
    archived: Path | bytes, where: str, *, now: datetime, limits: Limits, share: Share
) -> Iterator[Bundled | Unreadable]:
    try:
        with open_zip(archived, limits, now=now) as members:
            yield from _units(members, where, now=now, limits=limits, share=share)
    except Stopped as stopped:
        if share.is_first:
            yield Unreadable(reason=stopped.reason, where=where, problem=stopped.problem)


# --- units ---


def _units(
    members: list[Member], where: str, *, now: datetime, limits: Limits, share: Share
) -> Iterator[Bundled | Unreadable]:
    """The reports of a delivery, unit by unit."""
    units, strays = _split(members)
    for folder, own in units.items():
        if share.has(f"{where}/{folder}" if folder else where):
            yield from _Unit(folder, own, where, now=now).read(limits)
    yield from _unclaimed(strays, where, now=now, limits=limits, share=share)


def _split(members: list[Member]) -> tuple[dict[str, list[Member]], list[Member]]:
    """Members by the folder of their unit, and those of none."""
    with_documents = {member.folder for member in members if member.name.lower().endswith(_XML)}
    tops = {folder for folder in with_documents if not any(above in with_documents for above in _above(folder))}
    # A folder above exactly one unit: what lies elsewhere in it is that unit's, too.
    single: dict[str, str | None] = {}
    for top in tops:
        for above in _above(top):
            single[above] = None if above in single else top
    units: dict[str, list[Member]] = {top: [] for top in sorted(tops)}
    strays = []
    for member in members:
        places = (member.folder, *_above(member.folder))
        unit = next((place for place in places if place in tops), None)
        if unit is None:
            nearest = next((place for place in places if place in single), None)
            unit = None if nearest is None else single[nearest]
        if unit is None:
            strays.append(member)
        else:
            units[unit].append(member)
    return units, strays


def _above(folder: str) -> Iterator[str]:
    """The folders that a folder lies in, the nearest first; the top is empty."""
    while folder:
        folder = folder.rpartition("/")[0]
        yield folder


def _unclaimed(
    members: list[Member], where: str, *, now: datetime, limits: Limits, share: Share = WHOLE
) -> Iterator[Bundled | Unreadable]:
    """What belongs to no report: archives are read, and the rest is told."""
    single = [member for member in members if member.archive is None]
    if single and share.is_first:
        yield _unnamed(single, where)
    yield from _archives(members, now=now, limits=limits, share=share)


def _unnamed(members: list[Member], where: str) -> Unreadable:
    nested = sum(member.name.lower().endswith(_ZIP) for member in members)
    if nested == len(members):
        problem = (
            f"{nested} archives lie inside the archive, which are not opened: take them out and deliver them by themselves"
        )
        return Unreadable(reason=UnreadableReason.NESTED, where=where, problem=problem)
    problem = f"{len(members)} files belong to no report: there is no XML that speaks of them"
    return Unreadable(reason=UnreadableReason.NO_REPORT, where=where, problem=problem)


class _Unit:
    """The documents and files of one folder."""

    def __init__(self, folder: str, members: list[Member], where: str, *, now: datetime) -> None:
        self._where = "/".join(filter(None, (where, folder)))
        self._now = now
        self._noted = [sentence for member in members for sentence in member.noted]
        self._documents = [member for member in members if member.name.lower().endswith(_XML)]
        self._files = [member for member in members if not member.name.lower().endswith(_XML)]

    def read(self, limits: Limits) -> Iterator[Bundled | Unreadable]:
        """Its reports, then what of it could not be read."""
        gathered = Gathered(now=self._now)
        failed = [one for document in self._documents if (one := self._take(gathered, document)) is not None]
        if len(gathered):
            reports = list(gathered.reports())
            by_name = _ByName(self._files, [record for _, records in reports for record in records])
            bundled = [self._bundled(tip, records, by_name) for tip, records in reports]
            left = by_name.left()
            if len(bundled) == 1:
                bundled = [_with_unnamed(*bundled[0], [member for member in left if member.archive is None])]
                left = [member for member in left if member.archive is not None]
            for tip, items, files in bundled:
                for sentence in self._noted:
                    tip.problems.note(sentence)
                # The addresses of a report stand before its files.
                placed = {place + tip.addresses: member for place, member in files.items()}
                yield Bundled(draft=tip.draft(items), files=placed, where=self._where)
        else:
            left = self._files
        yield from failed
        yield from _unclaimed(left, self._where, now=self._now, limits=limits)

    def _take(self, gathered: Gathered, document: Member) -> Unreadable | None:
        before = len(gathered)
        where = f"{self._where}/{document.name}"
        try:
            with document.open() as stream:
                stopped = gathered.take(stream)
        except InvalidInput as error:
            reason = UnreadableReason.BROKEN if document.refused is None else document.refused[0]
            return Unreadable(reason=reason, where=where, problem=error.problem)
        if len(gathered) > before:
            return None
        if stopped is None:
            # A reported file may be XML, too.
            self._files.append(document)
            return None
        return cybertip.unreadable(stopped, where=where)

    def _bundled(self, tip: Tip, records: list[FileRecord], by_name: "_ByName") -> "_Assembled":
        if tip.reference is None:
            found = NUMBERED.fullmatch(self._where.rpartition("/")[2].rpartition(".")[0] or self._where.rpartition("/")[2])
            if found is not None:
                tip.reference = found["number"]
                tip.problems.note("the report's number was taken from the name of its delivery")
        items: list[ItemDraft] = []
        files: dict[int, Member] = {}
        for place, record in enumerate(records):
            member = by_name.take(record, tip.problems)
            if member is None:
                items.append(record.item)
                continue
            items.append(replace(record.item, size_bytes=member.size_bytes))
            _enclose(files, place, member, tip.problems)
        return tip, items, files


_Assembled = tuple[Tip, list[ItemDraft], dict[int, Member]]


def _enclose(files: dict[int, Member], place: int, member: Member, problems: Problems) -> None:
    if member.refused is None:
        files[place] = member
    else:
        problems.note(member.refused[1])


def _with_unnamed(tip: Tip, items: list[ItemDraft], files: dict[int, Member], left: list[Member]) -> _Assembled:
    tip.problems.note("a file came along that the report does not speak of", len(left))
    for member in left:
        _enclose(files, len(items), member, tip.problems)
        items.append(ItemDraft(kind=ItemKind.FILE, file_name=member.name, size_bytes=member.size_bytes))
    return tip, items, files


class _ByName:
    """The files of a unit by what they may be called; each is taken once."""

    def __init__(self, members: list[Member], records: list[FileRecord]) -> None:
        self._left = dict.fromkeys(range(len(members)))
        self._members = members
        self._places: dict[str, list[int]] = {}
        for place, member in enumerate(members):
            name = member.name.casefold()
            for key in {name, name.rpartition(".")[0], name.partition("_")[0], name.partition(".")[0]}:
                self._places.setdefault(key, []).append(place)
        # An original name that several files had says nothing about which one is meant.
        self._originals = Counter(_key(record.item.file_name) for record in records if record.item.file_name is not None)

    def take(self, record: FileRecord, problems: Problems) -> Member | None:
        """The file that a record speaks of; None where there is none, or it is not clear which, and that is told."""
        several = False
        for name in record.names:
            key = _key(name)
            if name == record.item.file_name and name != record.item.reference and self._originals[key] > 1:
                several = several or key in self._places
                continue
            places = [place for place in self._places.get(key, ()) if place in self._left]
            exact = [place for place in places if self._members[place].name.casefold() == key]
            for found in (exact, places):
                if len(found) == 1:
                    del self._left[found[0]]
                    return self._members[found[0]]
            several = several or len(places) > 1
        if several:
            problems.note("it is not clear which of the files that came along is meant; they are listed by themselves")
        else:
            problems.note("a file that the report speaks of did not come along")
        return None

    def left(self) -> list[Member]:
        """Those that nobody took."""
        return [self._members[place] for place in self._left]


def _key(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2].casefold()
