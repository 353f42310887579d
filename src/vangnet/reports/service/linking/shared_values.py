"""The values of reports as linking asks for them: codes in place of keys, read from the store in few queries."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from vangnet.db import Connection
from vangnet.reports.rules.linking.features import Feature, FeatureKind
from vangnet.reports.rules.linking.links import STARTING, Carrier, Carriers, LinkLimits
from vangnet.reports.service.secrets import Secrets, opened, place
from vangnet.reports.store import values as store
from vangnet.reports.store.values import Many, ValueRow

#: Where only what joins is asked for.
JOINING = replace(STARTING, shown=0)
#: Kinds that never join are counted up to here one by one.
_COUNTED = 20


def coded(secrets: Secrets, features: Sequence[Feature]) -> list[Feature]:
    """The same features with codes for keys: equal values of a kind have equal codes, which say nothing by themselves."""
    codes = secrets.values_of([one.kind.encode() + b"\0" + one.key for one in features])
    return [
        Feature(
            kind=one.kind, key=code, by=one.by, seen=one.seen, doubts=one.doubts, roles=one.roles, among=one.among,
            hash=one.hash,
        )
        for one, code in zip(features, codes, strict=True)
    ]  # fmt: skip


def as_rows(secrets: Secrets, report_id: int, features: Iterable[Feature]) -> list[ValueRow]:
    """Features as they are kept."""
    return [
        ValueRow(
            code=one.key, kind=one.kind, report_id=report_id, by=one.by, among=one.among, doubts=one.doubts,
            roles=one.roles, seen=one.seen,
            hash=None if one.hash is None else secrets.picture.seal(one.hash, place(report_id)),
        )
        for one in features
    ]  # fmt: skip


def as_feature(secrets: Secrets, row: ValueRow) -> Feature:
    """A feature that was kept."""
    return Feature(
        kind=row.kind, key=row.code, by=row.by, seen=row.seen, doubts=row.doubts, roles=row.roles, among=row.among,
        hash=None if row.hash is None else opened(secrets.picture, row.hash, row.report_id),
    )  # fmt: skip


class SharedValues:
    """Which reports have which value, for linking some reports: `linking.Shared`.

    What few reports have is read at once, by `load`. What many have is read when it is asked for, and no more of it.
    """

    def __init__(self, conn: Connection, secrets: Secrets, *, limits: LinkLimits = JOINING) -> None:
        self._conn = conn
        self._secrets = secrets
        self._limits = limits
        self._many: dict[bytes, Many] = {}
        self._few: dict[bytes, list[Carrier]] = {}

    def load(self, features: Iterable[Feature], *, of: int | None = None) -> frozenset[tuple[FeatureKind, bytes]]:
        """Reads which reports have these values, which are kept already; `of`: one report's, which need not be read.

        Returns those of a kind that never joins that have just become ones that very many reports have.
        """
        wanted = {one.key: one for one in features}
        self._many |= store.list_many(self._conn, wanted.keys())
        few = [code for code in wanted if code not in self._many]
        joining = [code for code in few if self._limits.joins_up_to[wanted[code].kind]]
        other = [code for code in few if not self._limits.joins_up_to[wanted[code].kind]]
        self._few |= {code: [] for code in few}
        if of is not None:
            self._few |= {code: [Carrier(report=of, feature=wanted[code])] for code in few}
        # Of kinds that never join, who has a value matters to whoever looks, and its number to nobody else.
        self._add(store.list_having(self._conn, joining if not self._limits.shown else few, but=of))
        counts = store.count_having(self._conn, other) if other else {}
        return frozenset((wanted[code].kind, code) for code, count in counts.items() if count > _COUNTED)

    @property
    def many(self) -> frozenset[bytes]:
        """The codes of those that very many reports have."""
        return frozenset(self._many)

    def carriers(self, kind: FeatureKind, keys: Collection[bytes], *, at_most: int) -> Mapping[bytes, Carriers]:
        """As `Shared` says."""
        del kind  # It is in the code.
        found: dict[bytes, Carriers] = {}
        more: list[bytes] = []
        for key in keys:
            if (many := self._many.get(key)) is not None:
                found[key] = Carriers(count=many.reports, newest=(), common=many.common)
                more.append(key)
            elif few := self._few.get(key):
                found[key] = Carriers(count=len(few), newest=few[:at_most])
        shown = self._limits.shown
        # What is common joins nothing: its reports are read only for whoever is shown a few of them.
        too_many = len(more) > shown or at_most > shown + 1
        if more and at_most and not (too_many and all(self._many[key].common for key in more)):
            newest: dict[bytes, list[Carrier]] = defaultdict(list)
            for row in store.list_newest_having(self._conn, more, at_most=at_most):
                newest[row.code].append(self._carrier(row))
            found |= {key: replace(found[key], newest=newest[key]) for key in more}
        return found

    def _add(self, rows: Iterable[ValueRow]) -> None:
        for row in rows:
            self._few[row.code].append(self._carrier(row))
        for few in self._few.values():
            few.sort(key=_number, reverse=True)

    def _carrier(self, row: ValueRow) -> Carrier:
        return Carrier(report=row.report_id, feature=as_feature(self._secrets, row))


def _number(carrier: Carrier) -> int:
    return carrier.report
