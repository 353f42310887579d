"""The groups of reports, made anew where links or deeds changed, and no further. For the services of this package.

Whoever calls these holds the lock of joining.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from vangnet.db import Connection
from vangnet.keys import Keys
from vangnet.reports.rules.linking.features import Feature, FeatureKind
from vangnet.reports.rules.linking.grouping import grouped
from vangnet.reports.rules.linking.links import Link, link
from vangnet.reports.service.linking.shared_values import JOINING, SharedValues, as_feature
from vangnet.reports.service.secrets import secrets_of
from vangnet.reports.store import link_deeds as deed_store
from vangnet.reports.store import links as store
from vangnet.reports.store import values as value_store

#: So many reports are placed anew at once when their group changes; the others soon after, by the job that does so anyway.
PLACED_AT_ONCE = 20
#: A link of one of these may hide one of the other.
_TIMED = frozenset({FeatureKind.ADDRESS, FeatureKind.NETWORK})


def link_again(conn: Connection, keys: Keys, report_ids: Collection[int], kinds: Collection[FeatureKind]) -> None:
    """Finds the joining links of these kinds between any two of these reports again.

    They rest on nothing but what two of them share, so nothing else is read.
    """
    wanted = set(kinds) | (_TIMED if _TIMED & set(kinds) else set())
    secrets = secrets_of(keys)
    own: dict[int, list[Feature]] = defaultdict(list)
    every: dict[bytes, Feature] = {}
    for row in value_store.list_shared_among(conn, report_ids, wanted):
        feature = as_feature(secrets, row)
        own[row.report_id].append(feature)
        every[row.code] = feature
    shared = SharedValues(conn, secrets)
    shared.load(every.values())
    dismissed = deed_store.list_dismissed(conn, every.keys())
    among = set(report_ids)
    found: set[Link] = set()
    for report_id, features in own.items():
        links = link(report_id, features, shared, limits=JOINING, dismissed=dismissed).links
        found |= {one for one in links if one.joins and one.a in among and one.b in among}
    store.remove_links_among(conn, report_ids, wanted)
    store.add_links(conn, found)


def join_new(conn: Connection, report_id: int, ends: Collection[int]) -> frozenset[int] | None:
    """Puts a report that is in no group, and that no deed names, into the group of those that it is linked with.

    Returns the others whose number of neighbours changed so that it matters. None, and nothing was done, where somebody
    keeps reports of these groups apart: then the groups are to be made anew.
    """
    if not ends:
        return frozenset()
    before = dict(store.groups_of(conn, ends))
    groups = {group for group in before.values() if group is not None}
    members = before | dict(store.list_members(conn, groups))
    if deed_store.is_kept_apart(conn, members):
        return None
    group_id = min(report_id, *members)
    changed = {one: group_id for one, group in members.items() if group != group_id}
    others = _matters(members, dict.fromkeys([*members, report_id], group_id)) - {report_id}
    store.lock_reports(conn, {report_id, *changed, *others})
    store.update_groups(conn, changed | {report_id: group_id})
    return others


def group_again(conn: Connection, start: Iterable[int]) -> frozenset[int]:
    """Makes the groups of these reports anew, with all that may be in one with them before or after.

    Returns those whose number of neighbours changed so that it matters to their place in the order.
    """
    touched = _touched(conn, start)
    made = grouped(touched, store.list_links_among(conn, touched), deed_store.list_naming(conn, touched))
    before = store.groups_of(conn, touched)
    after: dict[int, int | None] = {
        report: group[0] if len(group) > 1 else None for group in made.groups for report in group
    }
    changed = {report: group for report, group in after.items() if before[report] != group}
    others = _matters(before, after)
    store.put_held(conn, touched, made.held)
    # Those that are placed anew because of this, too: nobody may hold one of them and wait for another of these.
    store.lock_reports(conn, {*changed, *others})
    store.update_groups(conn, changed)
    return others


def placed_soon(conn: Connection, report_ids: Collection[int], *, now: datetime) -> frozenset[int]:
    """Those of these reports that are to be placed anew at once; the others are left to the job that places anew."""
    at_once = frozenset(store.list_open(conn, report_ids, limit=PLACED_AT_ONCE))
    store.let_place_anew(conn, set(report_ids) - at_once, now=now)
    return at_once


def _touched(conn: Connection, start: Iterable[int]) -> frozenset[int]:
    """`grouping.touched`, in as many queries as there are steps, and not reports."""
    found: set[int] = set()
    waiting = set(start)
    while waiting:
        found |= waiting
        waiting = set(store.list_near(conn, waiting)) - found
    return frozenset(store.groups_of(conn, found))


def _matters(before: Mapping[int, int | None], after: Mapping[int, int | None]) -> frozenset[int]:
    """Which reports have so many more or fewer others beside them that triage counts it: in powers of two."""
    was, now = (Counter(group for group in groups.values() if group is not None) for groups in (before, after))
    return frozenset(
        report
        for report, group in after.items()
        if _others(was, before.get(report)).bit_length() != _others(now, group).bit_length()
    )


def _others(sizes: Mapping[int, int], group: int | None) -> int:
    return 0 if group is None else sizes.get(group, 1) - 1
