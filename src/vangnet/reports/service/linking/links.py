"""What people do to links and groups: cut, dismiss, merge, split; each can be undone, and done again.

Every use case here takes the lock of joining before any report, writes one deed, makes the groups that it touches anew, and
leaves one event.
"""

from collections.abc import Collection
from datetime import datetime

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.errors import Conflict, InvalidInput, NotFound
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.reports.rules.linking.features import FeatureKind
from vangnet.reports.rules.linking.grouping import Cut, Deed, Dismissed, Merged, Split, Undone, named
from vangnet.reports.rules.linking.links import STARTING
from vangnet.reports.service.linking import groups
from vangnet.reports.service.triage import placing
from vangnet.reports.store import link_deeds as deed_store
from vangnet.reports.store import links as store
from vangnet.reports.store import values as value_store
from vangnet.reports.store.links import lock_joining

#: So many reports are merged or split at once: more than one person can have looked at.
REPORTS_MAX = 1000


def cut(
    conn: Connection, actor: Actor, *, keys: Keys, a: int, b: int, kind: FeatureKind | None = None, now: datetime
) -> int:
    """The link between two reports joins them no more, that of one kind or any; returns the deed's number.

    Raises PermissionDenied, InvalidInput, NotFound, Conflict where nothing joins them.
    """
    actor.require(Permission.REPORT_WORK)
    if a == b:
        raise InvalidInput(field="other", problem="must be another report")
    lock_joining(conn)
    _require_reports(conn, {a, b})
    if not any(kind in {None, one.kind} for one in store.list_links_among(conn, {a, b})):
        raise Conflict(problem="nothing joins these two reports any more")
    low, high = sorted((a, b))
    return _do(conn, actor, keys, Cut(number=deed_store.next_number(conn), a=low, b=high, kind=kind), now=now)


def dismiss(conn: Connection, actor: Actor, *, keys: Keys, report_id: int, code: bytes, now: datetime) -> int:
    """A value of a report says nothing, and joins nothing any more, wherever it stands; returns the deed's number.

    Raises PermissionDenied, NotFound where the report has no such value, Conflict where that was said already.
    """
    actor.require(Permission.REPORT_WORK)
    lock_joining(conn)
    kind = next((row.kind for row in value_store.list_values(conn, report_id) if row.code == code), None)
    if kind is None:
        raise NotFound(record="value", key=str(report_id))
    if deed_store.list_dismissed(conn, [code]):
        raise Conflict(problem="this value is dismissed already")
    return _do(conn, actor, keys, Dismissed(number=deed_store.next_number(conn), value=(kind, code)), now=now)


def merge(conn: Connection, actor: Actor, *, keys: Keys, report_ids: Collection[int], now: datetime) -> int:
    """These reports belong together, with all that are in a group with one of them; returns the deed's number.

    Raises PermissionDenied, InvalidInput, NotFound, Conflict where they are one group already.
    """
    actor.require(Permission.REPORT_WORK)
    lock_joining(conn)
    group_of = _require_reports(conn, set(report_ids))
    known = {group for group in group_of.values() if group is not None}
    together = set(report_ids) | set(store.list_members(conn, known))
    if len(together) < 2:
        raise InvalidInput(field="reports", problem="must be two or more reports")
    _require_few(together)
    if len(known) == 1 and None not in group_of.values():
        raise Conflict(problem="these reports are one group already")
    return _do(conn, actor, keys, Merged(number=deed_store.next_number(conn), reports=frozenset(together)), now=now)


def split(conn: Connection, actor: Actor, *, keys: Keys, report_id: int, chosen: Collection[int], now: datetime) -> int:
    """The chosen reports of a group never belong with its others again; returns the deed's number.

    Raises PermissionDenied, InvalidInput, NotFound.
    """
    actor.require(Permission.REPORT_WORK)
    lock_joining(conn)
    group_id = _require_reports(conn, {report_id})[report_id]
    members = set() if group_id is None else set(store.list_members(conn, {group_id}))
    one = set(chosen) & members
    if not one or one == members or one != set(chosen):
        raise InvalidInput(field="chosen", problem="must be some reports of this group, and not all")
    _require_few(members)
    number = deed_store.next_number(conn)
    return _do(conn, actor, keys, Split(number=number, one=frozenset(one), other=frozenset(members - one)), now=now)


def undo(conn: Connection, actor: Actor, *, keys: Keys, deed_id: int, now: datetime) -> int:
    """A deed is as if it had not been done; returns the number of the deed that undid it.

    Raises PermissionDenied, NotFound, Conflict where it was undone already.
    """
    actor.require(Permission.REPORT_WORK)
    lock_joining(conn)
    found = deed_store.get_deed(conn, deed_id)
    if isinstance(found.deed, Undone):
        raise NotFound(record="deed", key=str(deed_id))
    if not found.stands:
        raise Conflict(problem="this was undone already")
    return _turn(conn, actor, keys, found.deed, undone=deed_id, stands=False, now=now)


def redo(conn: Connection, actor: Actor, *, keys: Keys, deed_id: int, now: datetime) -> int:
    """A deed that was undone is done again; returns the number of the deed that did so.

    Raises PermissionDenied, NotFound, Conflict where nobody undid it.
    """
    actor.require(Permission.REPORT_WORK)
    lock_joining(conn)
    found = deed_store.get_deed(conn, deed_id)
    undoing = deed_store.find_undoing(conn, deed_id)
    if undoing is None:
        raise Conflict(problem="this was not undone")
    deed_store.update_stands(conn, undoing.deed.number, False)
    return _turn(conn, actor, keys, found.deed, undone=undoing.deed.number, stands=True, now=now)


def _do(conn: Connection, actor: Actor, keys: Keys, deed: Deed, *, now: datetime) -> int:
    deed_store.add_deed(conn, deed, by=actor.label, now=now)
    touched = _make_anew(conn, keys, deed, now=now)
    _record(conn, actor, deed, deed.number, touched, now=now)
    return deed.number


def _turn(conn: Connection, actor: Actor, keys: Keys, deed: Deed, *, undone: int, stands: bool, now: datetime) -> int:
    """Adds the deed that undoes `undone`, by which `deed` holds again or no more."""
    number = deed_store.next_number(conn)
    deed_store.add_deed(conn, Undone(number=number, deed=undone), by=actor.label, now=now)
    deed_store.update_stands(conn, deed.number, stands)
    touched = _make_anew(conn, keys, deed, now=now)
    _record(conn, actor, deed, number, touched, now=now, undoes=deed.number, stands=stands)
    return number


def _make_anew(conn: Connection, keys: Keys, deed: Deed, *, now: datetime) -> int:
    """The links, groups and places that a deed changes; returns how many reports it was about."""
    reports = named(deed)
    if isinstance(deed, Dismissed):
        kind, code = deed.value
        # What is common joins nothing already.
        common = any(many.common for many in value_store.list_many(conn, [code]).values())
        if not common and STARTING.joins_up_to[kind]:
            reports = frozenset(value_store.list_reports_having(conn, code))
            groups.link_again(conn, keys, reports, {kind})
    changed = groups.group_again(conn, reports)
    for report_id in sorted(groups.placed_soon(conn, changed, now=now)):
        placing.renew(conn, report_id=report_id, now=now)
    return len(reports)


def _record(
    conn: Connection,
    actor: Actor,
    deed: Deed,
    number: int,
    reports: int,
    *,
    now: datetime,
    undoes: int | None = None,
    stands: bool = True,
) -> None:
    audit.record(
        conn, actor, action=Permission.REPORT_WORK, record="report_link_deed", record_id=number, now=now,
        deed=type(deed).__name__.lower(), undoes=undoes, stands=stands, reports=reports,
        first=min(named(deed), default=None),
    )  # fmt: skip


def _require_reports(conn: Connection, report_ids: Collection[int]) -> dict[int, int | None]:
    """The group of each of these. Raises NotFound where one is not there."""
    found = dict(store.groups_of(conn, report_ids))
    for report_id in sorted(report_ids):
        if report_id not in found:
            raise NotFound(record="report", key=str(report_id))
    return found


def _require_few(report_ids: Collection[int]) -> None:
    if len(report_ids) > REPORTS_MAX:
        raise InvalidInput(field="reports", problem=f"are {len(report_ids)}, and no more than {REPORTS_MAX} at once")
