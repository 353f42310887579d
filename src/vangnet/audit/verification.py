"""Verification: reads the whole trail and every head, believes neither, and names each thing that does not fit.

Streaming: memory does not grow with the trail. Everything is read in one snapshot, so the sealer and the writers go on
meanwhile; what they add is not part of what was verified. It needs no key of the installation but its public one, so that
whoever keeps a copy of the heads can do it.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from pathlib import Path

from vangnet.audit import heads, store
from vangnet.audit.chain import Head, from_microseconds
from vangnet.audit.heads import HeadLine, SignedHead
from vangnet.audit.inspection import Inspector
from vangnet.audit.problem import Problem, ProblemKind
from vangnet.db import Connection, Database

#: So many problems are kept word for word; all are counted.
PROBLEMS_KEPT_MAX = 1_000
_HEADS_BATCH = 5_000


@dataclass(slots=True, kw_only=True)
class Report:
    """What a verification found. `covered_to` is the last position that a genuine head confirms; what is sealed after it,
    and what waits, rests on the database alone."""

    position: int = 0
    waiting: int = 0
    oldest_waiting_at: datetime | None = None
    heads: int = 0
    torn_lines: int = 0
    covered_to: int = 0
    covered_at: datetime | None = None
    problems: list[Problem] = field(default_factory=list)
    counts: Counter[ProblemKind] = field(default_factory=Counter)

    @property
    def ok(self) -> bool:
        """Whether nothing at all was found."""
        return not self.counts

    def add(self, problem: Problem) -> None:
        """Counts the problem, and keeps it while there is room."""
        self.counts[problem.kind] += 1
        if len(self.problems) < PROBLEMS_KEPT_MAX:
            self.problems.append(problem)


#: Is told what is being read, how far it is, and of how many in all.
Progress = Callable[[str, int, int], None]


def verify(
    database: Database, heads_folder: Path, public_keys: Sequence[bytes], *, progress: Progress = lambda *_: None
) -> Report:
    """Verifies the whole trail against itself and against the heads in `heads_folder` that one of `public_keys` signed.

    Raises DatabaseUnavailable, DataFolderUnusable.
    """
    # The heads first, and no further than they reach now: the sealer exports what it has committed, so the snapshot has all
    # that these speak of.
    files = heads.sizes(heads_folder)
    report = Report()
    with database.transaction() as conn:
        store.read_in_one_snapshot(conn)
        inspector = Inspector(report.add)
        _inspect_chain(conn, inspector, progress)
        _inspect_waiting(conn, report)
        report.position = inspector.position
        check = _HeadsCheck(conn, inspector, report, frozenset(public_keys))
        for number, (file, size_bytes) in enumerate(files.items(), start=1):
            check.read(file, size_bytes)
            progress("files of heads", number, len(files))
        check.finish()
    report.problems.sort(key=lambda problem: (problem.position is None, problem.position or problem.event_id or 0))
    return report


def _inspect_chain(conn: Connection, inspector: Inspector, progress: Progress) -> None:
    end = store.find_end(conn)
    for rows in store.stream_seals(conn):
        events: dict[int, bytes] = {}
        for event_id, encoded in store.read_encoded(conn, [row[1] for row in rows]):
            if event_id in events:
                inspector.inspect_stray(event_id, encoded)
            else:
                events[event_id] = encoded
        inspector.inspect(rows, events)
        progress("seals", inspector.position, 0 if end is None else end[0])
    for event_id, encoded in store.stream_inserted(conn):
        inspector.inspect_stray(event_id, encoded)
    inspector.finish()


def _inspect_waiting(conn: Connection, report: Report) -> None:
    report.waiting, oldest_us = store.count_waiting(conn)
    if oldest_us is not None:
        with contextlib.suppress(OverflowError):  # A time beyond the year 9999 is somebody's hand.
            report.oldest_waiting_at = from_microseconds(oldest_us)
    for event_id in store.stream_waiting_gone(conn):
        report.add(Problem(kind=ProblemKind.WAITING_REMOVED, event_id=event_id))
    for event_id, position in store.stream_waiting_sealed(conn):
        report.add(Problem(kind=ProblemKind.WAITING_SEALED, event_id=event_id, position=position))
    for event_id, position in store.stream_sealed_twice(conn):
        report.add(Problem(kind=ProblemKind.SEAL_INSERTED, event_id=event_id, position=position))


class _HeadsCheck:
    """Compares heads with the chain, in the order in which they were exported."""

    def __init__(self, conn: Connection, inspector: Inspector, report: Report, public_keys: frozenset[bytes]) -> None:
        self._conn = conn
        self._inspector = inspector
        self._report = report
        self._public_keys = public_keys
        # Each is one finding however many heads show it.
        self._foreign: dict[bytes, Problem] = {}
        self._ahead: Problem | None = None
        self._differing: Problem | None = None

    def read(self, file: Path, size_bytes: int) -> None:
        """The next file."""
        lines = heads.read_lines(file, size_bytes)
        while batch := list(islice(lines, _HEADS_BATCH)):
            trusted = [(line, signed.head) for line in batch if (signed := self._trusted(line)) is not None]
            chains = store.find_chains(self._conn, [head.position for _, head in trusted])
            for line, head in trusted:
                self._compare(line, head, chains.get(head.position))

    def finish(self) -> None:
        """Names what more than one head showed, and that there was none."""
        self._end_of_difference()
        for problem in (*self._foreign.values(), self._ahead):
            if problem is not None:
                self._report.add(problem)
        if self._report.heads == 0 and self._report.position > 0:
            self._report.add(Problem(kind=ProblemKind.HEADS_MISSING))

    def _trusted(self, line: HeadLine) -> SignedHead | None:
        where = f"{line.file}, line {line.number}"
        if line.signed is None:
            if line.torn:
                self._report.torn_lines += 1
            else:
                self._report.add(Problem(kind=ProblemKind.HEAD_DAMAGED, head=where))
            return None
        if not line.signed.genuine:
            position = line.signed.head.position
            self._report.add(Problem(kind=ProblemKind.HEAD_FORGED, head=where, position=position))
            return None
        key = line.signed.public_key
        if key not in self._public_keys:
            seen = self._foreign.get(key) or Problem(kind=ProblemKind.HEAD_FOREIGN, head=where, heads=0)
            self._foreign[key] = replace(seen, heads=(seen.heads or 0) + 1)
            return None
        self._report.heads += 1
        return line.signed

    def _compare(self, line: HeadLine, head: Head, chain: bytes | None) -> None:
        end = self._inspector.position
        where = f"{line.file}, line {line.number}"
        if head.position > end:
            longest = self._ahead or Problem(kind=ProblemKind.TAIL_CUT_OFF, position=0, heads=0, since=end)
            if head.position > (longest.position or 0):
                longest = replace(longest, position=head.position, head=where, at=head.sealed_at)
            self._ahead = replace(longest, heads=(longest.heads or 0) + 1)
        elif chain == head.chain or head.chain in self._inspector.recomputed.get(head.position, ()):
            self._end_of_difference()
            if head.position > self._report.covered_to:
                self._report.covered_to, self._report.covered_at = head.position, head.sealed_at
        elif chain is not None and head.position not in self._inspector.recomputed:
            first = self._differing or Problem(
                kind=ProblemKind.CHAIN_REWRITTEN, position=head.position, head=where, at=head.sealed_at, heads=0,
                since=self._report.covered_to,
            )  # fmt: skip
            self._differing = replace(first, heads=(first.heads or 0) + 1, through=head.position)
        # Else a seal is missing or broken just there, which is named already.

    def _end_of_difference(self) -> None:
        if self._differing is not None:
            self._report.add(self._differing)
            self._differing = None
