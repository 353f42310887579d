"""The kept pictures in the memory of the one process that looks new entries up in them: an index of hashes a day.

Sealed hashes can't be compared, so they are opened here. What is in memory is a copy that may lag: a hash that was found
counts only if its row is still there, and what was erased is taken out with the next step.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from vangnet.db import Connection
from vangnet.errors import IndexUnusable
from vangnet.gate.model import PictureHash
from vangnet.gate.past import SEALED, KeptUpload, picture_label
from vangnet.gate.store import past_pictures as store
from vangnet.gate.store.past_pictures import SealedPicture
from vangnet.gate.turned import turned
from vangnet.hashing.index import Index
from vangnet.hashing.model import Convention
from vangnet.keys import Keys
from vangnet.registry.service.index_files import merge_in_memory

#: So many hashes are read in a step: whoever writes waits for it.
_READ_AT_ONCE = 20_000
#: The newest day is merged when so much came to it, and a quarter of it; one before it when it is read, since from so many
#: additions on an index takes 32 MB for them (rust/core/DESIGN.md); and any this long after something of it was erased.
_MERGE_FROM, _MERGE_SHARE = 50_000, 4
_MERGE_OLD_FROM = 256
_ERASED_FOR = timedelta(hours=1)
#: Erasures are remembered for a day (`past.ERASED_REMEMBERED`): after a longer silence, everything is read anew.
_SILENT = timedelta(hours=23)


@dataclass(slots=True)
class _Day:
    index: Index = field(default_factory=Index.empty)
    #: The last hash that was read.
    last: int = 0
    #: When something was taken out first that still lies in memory.
    erased_at: datetime | None = None


class KeptPictures:
    """What is kept of pictures, as far as it was read. For one thread."""

    def __init__(self, keys: Keys) -> None:
        self._sealer = keys.sealer(SEALED)
        self._days: dict[date, _Day] = {}
        self._erased: int | None = None
        self._read_at: datetime | None = None

    def __len__(self) -> int:
        """How many hashes are in memory."""
        infos = [day.index.info() for day in self._days.values()]
        return sum(info.additions + sum(one.entries for one in info.lists) for info in infos)

    def clear(self) -> None:
        """Forgets everything."""
        self._days, self._erased, self._read_at = {}, None, None

    def catch_up(self, conn: Connection, *, now: datetime) -> bool:
        """Reads on; says whether that was everything. The caller has the place alone. Raises IndexUnusable."""
        if self._read_at is not None and now - self._read_at > _SILENT:
            self.clear()
        self._read_at = now
        days = [day for day, _ in store.list_days(conn)]
        self._days = {day: self._days.get(day) or _Day() for day in days}
        self._take_out_erased(conn, now)
        left = _READ_AT_ONCE
        for day, held in self._days.items():
            read = store.list_pictures(conn, day, after=held.last, limit=left)
            if read:
                self._add(day, held, read)
            _merge(held, now, ended=day != days[-1] and len(read) < left)
            left -= len(read)
            if left <= 0:
                return False
        return True

    def find(
        self, conn: Connection, listed: Collection[PictureHash], radius: int
    ) -> Iterator[tuple[KeptUpload, PictureHash]]:
        """The kept pictures within the radius of one of these, in any view. Raises IndexUnusable."""
        by_convention: dict[Convention, set[bytes]] = defaultdict(set)
        for picture in listed:
            by_convention[picture.convention].update(turned(picture.value).values())
        for day, held in self._days.items():
            found: set[int] = set()
            for convention, values in by_convention.items():
                for matches in held.index.lookup_batch(b"".join(sorted(values)), radius, convention=convention):
                    found.update(match.id for match in matches)
            if found:
                label = picture_label(day)
                for upload, row in store.find_pictures(conn, day, sorted(found)):
                    yield upload, PictureHash(convention=row.convention, value=self._opened(row, label))

    def _take_out_erased(self, conn: Connection, now: datetime) -> None:
        if self._erased is None:  # Nothing was read yet, so that nothing is to be taken out.
            self._erased = store.last_erased(conn)
            return
        for one in store.list_erased(conn, after=self._erased):
            held = self._days.get(one.day)
            if held is not None:
                held.index.withdraw([one.id])
                held.erased_at = held.erased_at or now
            self._erased = one.number

    def _add(self, day: date, held: _Day, rows: list[SealedPicture]) -> None:
        hashes: dict[Convention, tuple[bytearray, list[int]]] = defaultdict(lambda: (bytearray(), []))
        label = picture_label(day)
        for row in rows:
            values, ids = hashes[row.convention]
            values += self._opened(row, label)
            ids.append(row.id)
        for convention, (values, ids) in hashes.items():
            held.index.add_hashes(values, ids, convention=convention)
        held.last = rows[-1].id

    def _opened(self, row: SealedPicture, label: bytes) -> bytes:
        try:
            return self._sealer.unseal(row.sealed, label)
        except ValueError as error:
            raise IndexUnusable(problem="a kept picture does not open with the keys of this installation") from error


def _merge(held: _Day, now: datetime, *, ended: bool) -> None:
    """Makes look-ups quick and memory small where much came, and takes what was erased out of memory.

    `ended`: the day was read to its end, and hardly anything comes to it any more.
    """
    info = held.index.info()
    since = info.additions + info.withdrawals
    grown = since >= _MERGE_FROM and since * _MERGE_SHARE >= sum(one.entries for one in info.lists)
    grown = grown or (ended and since >= _MERGE_OLD_FROM)
    lies = held.erased_at is not None and now - held.erased_at > _ERASED_FOR
    if (grown or lies) and merge_in_memory(held.index):
        held.erased_at = None
