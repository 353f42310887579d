"""Which reports belong together: the links of a report are found when it is taken in, and its group is made of them.

One transaction at a time changes links and groups. Two that take in reports with the same new value would each not see the
other's, and locks on the values themselves are too many: a report can hold tens of thousands. The lock is taken late, after
all that can be written without it, and no row of a report that others may want is locked before it: whoever waits for it
keeps nobody waiting, so that there is no circle.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from vangnet.db import Connection
from vangnet.keys import Keys
from vangnet.reports.model.drafts import ItemDraft, ReportDraft
from vangnet.reports.rules.linking.features import Doubt, Feature, FeatureKind, Known, cluster_key, features
from vangnet.reports.rules.linking.links import Linked, link
from vangnet.reports.service.intake.arriving import ArrivedFile
from vangnet.reports.service.linking import groups
from vangnet.reports.service.linking.clusters import place_pictures
from vangnet.reports.service.linking.shared_values import JOINING, SharedValues, as_feature, as_rows, coded
from vangnet.reports.service.secrets import Secrets, secrets_of
from vangnet.reports.store import clusters as cluster_store
from vangnet.reports.store import link_deeds as deed_store
from vangnet.reports.store import links as store
from vangnet.reports.store import values as value_store


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A report whose values are written, and which is not joined to others yet."""

    report_id: int
    features: tuple[Feature, ...] = field(repr=False)
    #: Codes of the values that it had before; None where nobody knows it yet.
    before: frozenset[bytes] | None = field(repr=False)


def join(
    conn: Connection,
    keys: Keys,
    *,
    report_id: int,
    draft: ReportDraft,
    files: Mapping[int, ArrivedFile] | None = None,
    now: datetime,
) -> frozenset[int]:
    """Finds the links of a report that was just taken in, and the group to which it belongs.

    `files`: those that came with it, by the place of the item. Returns the other reports whose group changed by that in a
    way that counts: they are to be placed anew.
    """
    return join_prepared(conn, keys, prepare(conn, keys, report_id=report_id, draft=draft, files=files), now=now)


def prepare(
    conn: Connection,
    keys: Keys,
    *,
    report_id: int,
    draft: ReportDraft,
    files: Mapping[int, ArrivedFile] | None = None,
    is_new: bool = False,
) -> Prepared:
    """Writes the values of a report, in the place of those of an earlier version, and the clusters of its pictures.

    Nobody else waits for this, as it changes nothing that others share. `is_new`: it was not joined before, so that nothing
    need be looked for.
    """
    secrets = secrets_of(keys)
    items = _measured(draft, files or {})
    known = _known(conn, keys, report_id, items)
    found = tuple(coded(secrets, features(replace(draft, items=items), known)))
    before = None if is_new else value_store.take_values(conn, report_id)
    value_store.add_values(conn, as_rows(secrets, report_id, found))
    return Prepared(report_id=report_id, features=found, before=before)


def lock(conn: Connection) -> None:
    """Waits until nobody else changes which reports belong together, until the end of the transaction."""
    store.lock_joining(conn)


def join_prepared(conn: Connection, keys: Keys, prepared: Prepared, *, now: datetime) -> frozenset[int]:
    """As `join`, for a report whose values are written already."""
    lock(conn)
    report_id = prepared.report_id
    gone_ends = frozenset() if prepared.before is None else store.take_links(conn, report_id)
    linked = _linked(conn, secrets_of(keys), prepared)
    joining = [one for one in linked.links if one.joins]
    store.add_links(conn, joining)
    if linked.loosened:
        groups.link_again(conn, keys, {report_id, *linked.loosened}, {kind for kind, _ in linked.common})
    ends = {end for one in joining for end in (one.a, one.b)} - {report_id}
    changed = None
    if not linked.loosened and not gone_ends and (prepared.before is None or _is_free(conn, report_id)):
        changed = groups.join_new(conn, report_id, ends)
    if changed is None:
        changed = groups.group_again(conn, {report_id, *linked.loosened, *ends, *gone_ends})
    others = changed - {report_id}
    return groups.placed_soon(conn, others, now=now) if others else frozenset()


def doubt_listed(
    conn: Connection, keys: Keys, *, report_id: int, digests: Collection[bytes], clusters: Collection[int], now: datetime
) -> frozenset[int]:
    """Files of a report turn out to be on a list: their digests, and the clusters of their pictures, join it no more.

    Returns what `join` does.
    """
    secrets = secrets_of(keys)
    listed = [Feature(kind=FeatureKind.FILE, key=digest) for digest in digests]
    listed += [Feature(kind=FeatureKind.PICTURE, key=cluster_key(cluster)) for cluster in clusters]
    codes = {one.key for one in coded(secrets, listed)}
    rows = value_store.list_values(conn, report_id)
    if not any(row.code in codes and Doubt.LISTED not in row.doubts for row in rows):
        return frozenset()
    rows = [replace(row, doubts=row.doubts | {Doubt.LISTED}) if row.code in codes else row for row in rows]
    before = value_store.take_values(conn, report_id)
    value_store.add_values(conn, rows)
    found = tuple(as_feature(secrets, row) for row in rows)
    return join_prepared(conn, keys, Prepared(report_id=report_id, features=found, before=before), now=now)


def count_others(conn: Connection, group_id: int | None, report_id: int) -> int:
    """How many other reports belong to the same group."""
    del report_id
    return 0 if group_id is None else max(store.count_members(conn, group_id) - 1, 0)


def forget(conn: Connection, report_id: int) -> None:
    """Removes the values of a report whose content is erased: nothing new is joined by them. Its links and group stay."""
    value_store.take_values(conn, report_id)


def _linked(conn: Connection, secrets: Secrets, prepared: Prepared) -> Linked:
    """The links of the report, and what it made common, marked."""
    shared = SharedValues(conn, secrets)
    many = shared.load(prepared.features, of=prepared.report_id)
    before = prepared.before or frozenset()
    value_store.count_up(conn, shared.many - before, 1)
    value_store.count_up(conn, before - {one.key for one in prepared.features}, -1)
    dismissed = deed_store.list_dismissed(conn, [one.key for one in prepared.features])
    linked = link(prepared.report_id, prepared.features, shared, limits=JOINING, dismissed=dismissed)
    value_store.mark_many(conn, many, common=False)
    value_store.mark_many(conn, linked.common, common=True)
    return linked


def _is_free(conn: Connection, report_id: int) -> bool:
    """Whether it is in no group and no deed names it."""
    return store.groups_of(conn, [report_id])[report_id] is None and not deed_store.is_named(conn, report_id)


def _known(conn: Connection, keys: Keys, report_id: int, items: tuple[ItemDraft, ...]) -> Known:
    """What the lists and the clusters say of the files of a report; their clusters are written."""
    hashes = {value for item in items for name, value in item.hashes if name == "pdq"}
    if not hashes and not any(item.hashes for item in items):
        return Known()
    file_of = cluster_store.files_of(conn, report_id)
    listed = {
        value
        for position, (_, is_listed) in file_of.items()
        if is_listed and position < len(items)
        for _, value in items[position].hashes
    }
    clusters = {}
    if hashes:
        # Files before clusters, and in order, as everybody locks them.
        cluster_store.lock_files(conn, {file_id for file_id, _ in file_of.values()})
        clusters = dict(place_pictures(conn, keys, hashes))
        cluster_store.put_clusters(
            conn,
            {
                file_of[position][0]: clusters[value].cluster
                for position, item in enumerate(items)
                for name, value in item.hashes
                if name == "pdq" and position in file_of
            },
        )
    return Known(listed=frozenset(listed), clusters=clusters)


def _measured(draft: ReportDraft, files: Mapping[int, ArrivedFile]) -> tuple[ItemDraft, ...]:
    """The items with the hashes that count: of a file that came, what it really is, not what was said of it."""
    return tuple(
        item if (file := files.get(position)) is None else replace(item, hashes=_hashes(file))
        for position, item in enumerate(draft.items)
    )


def _hashes(file: ArrivedFile) -> tuple[tuple[str, bytes], ...]:
    pdq = file.trusted_pdq
    return file.digests if pdq is None else (*file.digests, ("pdq", pdq))
