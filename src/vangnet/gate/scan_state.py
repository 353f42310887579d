"""How far a scan is, beside its report: after Ctrl-C, kill -9 or a power cut the same command goes on from there.

The state is a file of lines, one for each file that was gone through, in the scan's order, each with a checksum. A scan
that goes on walks the folders from their start, beside the earlier lines: what is as it was is taken over, all else is
checked. Until it is past the last earlier line it writes aside, so that whenever it dies, one state is whole. The report
is made from the state when everything was gone through, at once or not at all: so no file is in it twice, and none is
left out.
"""

import json
import os
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from uuid import UUID, uuid4

from vangnet.db.folders import lock_now, private, rename
from vangnet.errors import Conflict
from vangnet.gate.model import CheckAnswer, CheckMatch, Decision, Outcome
from vangnet.gate.scan import Folders, Kept, Place, Scanned, Stamp, Unread, shown
from vangnet.hashing.model import Reason

_FORMAT = 1
_NOBODY = UUID(int=0)
#: A power cut costs what was found out since the last time that the disk was told to write; a killed process costs nothing.
_SYNC_EVERY_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One of the runs that a scan took. `index_version`: how far its gate followed the lists at its start."""

    at: datetime
    index_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a state is about."""

    id: UUID = field(default_factory=uuid4)
    folders: tuple[str, ...] = field(repr=False)
    keep: Kept
    runs: tuple[Run, ...] = ()


class ScanState:
    """The state of one scan, locked while it is open. Made by `open_state`."""

    def __init__(self, report: Path, header: Header, earlier: IO[bytes] | None) -> None:
        self.header = header
        self._report = report
        self._earlier = _Earlier(earlier) if earlier is not None else None
        self._path = _state_path(report) if earlier is None else _aside_path(report)
        self._file: IO[bytes] | None = None
        self._synced_at = time.monotonic()

    @property
    def goes_on(self) -> bool:
        """Whether an earlier run was broken off."""
        return self._earlier is not None

    def begin(self, run: Run) -> None:
        """Notes that a run begins. Raises OSError; Conflict where the same scan runs already."""
        self.header = replace(self.header, runs=(*self.header.runs, run))
        self._file = _locked(self._path, "ab", self._report)
        self._file.truncate(0)
        self._file.write(_line(_header_record(self.header)))
        self._sync()

    def merged(self, folders: Folders) -> Iterator[Place | Scanned]:
        """The files of `folders` in order; those that an earlier run answered and that did not change have their answer."""
        for one in folders.walk():
            known = self._earlier.find(one) if self._earlier is not None and isinstance(one, Place) else None
            if known is not None and known.is_final and known.stamp == folders.stamp(known.place):
                yield replace(known, taken_over=True)
            else:
                yield one

    def add(self, scanned: Scanned) -> None:
        """Notes what a file came to. Raises OSError."""
        assert self._file is not None  # noqa: S101 (begun)
        self._file.write(_line(_record(scanned)))
        self._file.flush()
        if self._path != _state_path(self._report) and self._earlier is not None and self._earlier.is_before(scanned.place):
            self._count_from_now()
        if time.monotonic() - self._synced_at >= _SYNC_EVERY_S:
            self._sync()

    def write_report(self, folders: Folders, summary: dict[str, object]) -> None:
        """Makes the report of everything that was gone through, with `summary` as its last line. Raises OSError."""
        self._count_from_now()
        aside = _new_path(self._report)
        with open(aside, "wb", opener=private) as file:
            file.truncate(0)
            for scanned in self.noted():
                if scanned.is_to_be_seen:
                    file.write(json.dumps(report_record(folders, scanned), ensure_ascii=False).encode() + b"\n")
            file.write(json.dumps({"summary": summary}, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        rename(aside, self._report)

    def noted(self) -> Iterator[Scanned]:
        """Everything that was noted in this run, with what it took over, in order."""
        with self._path.open("rb") as file:
            lines = _records(file)
            next(lines)
            for record in lines:
                yield _scanned(record)

    def forget(self) -> None:
        """The scan is over, and nothing of it is to be done again."""
        self._path.unlink(missing_ok=True)
        # Left by a run that died while it took over from one before it, when that one's state was lost, too.
        _aside_path(self._report).unlink(missing_ok=True)

    def close(self) -> None:
        """Leaves everything as it is, on disk."""
        if self._file is not None:
            with suppress(OSError):
                self._sync()
            self._file.close()
        if self._earlier is not None:
            self._earlier.close()

    def _count_from_now(self) -> None:
        """All that an earlier run noted is noted again, or is there no more: from now on this state counts."""
        self._sync()
        if self._path != _state_path(self._report):
            rename(self._path, _state_path(self._report))
            self._path = _state_path(self._report)

    def _sync(self) -> None:
        assert self._file is not None  # noqa: S101 (begun)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._synced_at = time.monotonic()


def open_state(report: Path, *, folders: tuple[Path, ...], keep: Kept) -> ScanState:
    """The state beside `report`, of an earlier run or new.

    Raises OSError; Conflict where the report is there and finished, belongs to another scan, or is being made.
    """
    header = Header(folders=tuple(map(os.fspath, folders)), keep=keep)
    path = _state_path(report)
    try:
        earlier = _locked(path, "rb", report)
    except FileNotFoundError:
        if report.exists():
            raise Conflict(problem=f"`{report}` is there already: name another report") from None
        return ScanState(report, header, None)
    found = _header(next(_records(earlier), None))
    if found is None:
        # It died before its first line was whole: nothing was done yet.
        earlier.close()
        return ScanState(report, header, None)
    if (found.folders, found.keep) != (header.folders, header.keep):
        earlier.close()
        raise Conflict(
            problem=f"`{path}` is of a scan that was broken off, of other folders or with other options: "
            "give the same again, name another report, or remove it"
        )
    return ScanState(report, found, earlier)


def own_files(report: Path) -> tuple[Path, ...]:
    """The files that a scan makes for itself: no scan checks them."""
    return report, _new_path(report), _state_path(report), _aside_path(report)


def report_record(folders: Folders, scanned: Scanned) -> dict[str, object]:
    """A line of the report: the file, and the answer or why it was not read."""
    path = folders.full(scanned.place)
    record: dict[str, object]
    try:
        record = {"file": path.decode()}
    except UnicodeDecodeError:
        # JSON has no bytes: how it reads, and exactly.
        record = {"file": shown(path), "file_hex": path.hex()}
    answer = scanned.answer
    if answer is None:
        return record | {"outcome": None, "unread": scanned.unread, "problem": scanned.problem}
    return record | {
        "check_id": str(answer.check_id),
        "outcome": answer.outcome,
        "decision": answer.decision,
        "reason": answer.reason,
        "checked": list(answer.checked),
        "index_version": answer.index_version,
        "matches": [_match_record(match) for match in answer.matches],
    }


# --- files --------------------------------------------------------------------------------------------------------


def _state_path(report: Path) -> Path:
    return report.with_name(report.name + ".progress")


def _aside_path(report: Path) -> Path:
    return report.with_name(report.name + ".progress.new")


def _new_path(report: Path) -> Path:
    return report.with_name(report.name + ".new")


def _locked(path: Path, mode: str, report: Path) -> IO[bytes]:
    """The file, ours alone. Raises OSError, Conflict."""
    file: IO[bytes] = open(path, mode, opener=private if mode == "ab" else None)  # noqa: SIM115 (kept open)
    try:
        # Whoever renamed it away since has the lock on what is there under its name now.
        if not lock_now(file.fileno()) or not os.path.samestat(os.fstat(file.fileno()), path.stat()):
            raise Conflict(problem=f"another scan is writing `{report}`")
    except BaseException:
        file.close()
        raise
    return file


class _Earlier:
    """The lines of an earlier run, read in step with the walk."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        file.seek(0)
        self._records = _records(file)
        next(self._records, None)
        self._next: Scanned | None = None
        self._last: Place | None = None
        self._advance()

    def find(self, place: Place) -> Scanned | None:
        """The line of this file; those of files before it are passed."""
        while self._next is not None and self._next.place.order() < place.order():
            self._advance()
        return self._next if self._next is not None and self._next.place == place else None

    def is_before(self, place: Place) -> bool:
        """Whether every line is of a file before this one, or of this one."""
        return self._next is None and (self._last is None or self._last.order() <= place.order())

    def close(self) -> None:
        """Lets go of the file."""
        self._file.close()

    def _advance(self) -> None:
        if self._next is not None:
            self._last = self._next.place
        record = next(self._records, None)
        self._next = None if record is None else _scanned(record)


# --- lines --------------------------------------------------------------------------------------------------------


def _line(record: dict[str, object]) -> bytes:
    text = json.dumps(record, separators=(",", ":")).encode()
    return b"%08x %b\n" % (zlib.crc32(text), text)


def _records(file: IO[bytes]) -> Iterator[dict[str, Any]]:
    """The records up to the first line that is not whole: what a power cut left of the end is no record."""
    for line in file:
        checksum, _, text = line.partition(b" ")
        text = text[:-1]
        if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(text):
            return
        yield json.loads(text)


def _header_record(header: Header) -> dict[str, object]:
    runs = [{"at": run.at.isoformat(), "index_version": run.index_version} for run in header.runs]
    return {"format": _FORMAT, "id": str(header.id), "folders": header.folders, "keep": header.keep, "runs": runs}


def _header(record: dict[str, Any] | None) -> Header | None:
    if record is None or record.get("format") != _FORMAT:
        return None
    runs = tuple(Run(at=datetime.fromisoformat(run["at"]), index_version=run["index_version"]) for run in record["runs"])
    return Header(id=UUID(record["id"]), folders=tuple(record["folders"]), keep=Kept(record["keep"]), runs=runs)


def _record(scanned: Scanned) -> dict[str, object]:
    answer = scanned.answer
    told: list[object] | None = None
    if answer is not None:
        told = [answer.outcome, answer.decision, answer.reason]
        if scanned.is_to_be_seen:
            told += [
                str(answer.check_id),
                answer.checked,
                answer.index_version,
                [asdict(match) | {"list_id": str(match.list_id)} for match in answer.matches],
            ]
    stamp = scanned.stamp
    return {
        "folder": scanned.place.folder,
        "path": scanned.place.path.decode("utf-8", "surrogateescape"),
        "stamp": None if stamp is None else [stamp.size, stamp.modified_ns, stamp.changed_ns],
        "answer": told,
        "unread": scanned.unread,
        "problem": scanned.problem,
    }


def _scanned(record: dict[str, Any]) -> Scanned:
    stamp = record["stamp"]
    return Scanned(
        place=Place(folder=record["folder"], path=record["path"].encode("utf-8", "surrogateescape")),
        stamp=None if stamp is None else Stamp(size=stamp[0], modified_ns=stamp[1], changed_ns=stamp[2]),
        answer=None if record["answer"] is None else _answer(record["answer"]),
        unread=None if record["unread"] is None else Unread(record["unread"]),
        problem=record["problem"],
    )


def _answer(told: list[Any]) -> CheckAnswer:
    """An answer as it was noted: of what nobody has to see, no more than what it came to."""
    outcome, decision, reason, *more = told
    check_id, checked, index_version, matches = more or (None, (), 0, ())
    return CheckAnswer(
        check_id=_NOBODY if check_id is None else UUID(check_id),
        outcome=Outcome(outcome),
        decision=Decision(decision),
        reason=None if reason is None else Reason(reason),
        checked=tuple(checked),
        index_version=index_version,
        matches=tuple(CheckMatch(**(match | {"list_id": UUID(match["list_id"])})) for match in matches),
    )


def _match_record(match: CheckMatch) -> dict[str, object]:
    return {
        "list": match.list_name,
        "entry_id": match.entry_id,
        "classification": match.classification,
        "algorithm": match.algorithm,
        "distance": match.distance,
        "view": match.view,
        "shadow": match.shadow,
    }
