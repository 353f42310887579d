"""What a report is linked with and why, for whoever works on it: its group, its links, what it shares, what people did."""

import ipaddress
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.errors import NotFound
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.reports.model.reports import Report
from vangnet.reports.rules.linking.features import Feature, FeatureKind, features
from vangnet.reports.rules.linking.grouping import Cut, bridges
from vangnet.reports.rules.linking.links import STARTING, Link, link
from vangnet.reports.service.desk.showing import read_draft
from vangnet.reports.service.linking.shared_values import SharedValues, as_feature, coded
from vangnet.reports.service.secrets import secrets_of
from vangnet.reports.store import link_deeds as deed_store
from vangnet.reports.store import links as store
from vangnet.reports.store import reports as report_store
from vangnet.reports.store import values as value_store
from vangnet.reports.store.link_deeds import DeedRow

#: So many reports of a group are shown, so many links between them, so many values and deeds.
MEMBERS_MAX = 100
LINKS_MAX = 200
VALUES_MAX = 50
DEEDS_MAX = 30
#: Of a larger report, values are not told in words: it would have to be read whole.
READ_ITEMS_MAX = 2000
#: A value in words: these have none that would tell a person anything.
_WITHOUT_WORDS = frozenset({FeatureKind.FILE, FeatureKind.PICTURE})
_DIGESTED = 0xFF


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedValue:
    """A value that a report has, and others too."""

    kind: FeatureKind
    code: bytes = field(repr=False)
    #: As it is compared; None where words say nothing.
    text: str | None = field(repr=False)
    #: So many reports have it.
    reports: int
    #: More than such a value joins.
    common: bool
    dismissed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupLink:
    """A link between two reports of a group, or to one that a person keeps apart."""

    link: Link
    cut: bool
    held: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownLinks:
    """A report among those it may belong with."""

    report: Report
    #: The group, this report first; it alone where there is none.
    members: Sequence[Report]
    #: How many the group has.
    size: int
    #: What proves most first.
    links: Sequence[GroupLink]
    #: The pairs that alone hold two parts of the group together.
    bridges: frozenset[tuple[int, int]]
    #: Links of this report that join nothing, with the report at the other end.
    pointing: Sequence[tuple[Link, Report]]
    values: Sequence[SharedValue]
    deeds: Sequence[DeedRow]


def show_links(conn: Connection, actor: Actor, *, keys: Keys, report_id: int, now: datetime) -> ShownLinks:
    """What a report is linked with and why. Raises PermissionDenied, NotFound."""
    actor.require(Permission.REPORT_WORK)
    report = report_store.get_report(conn, report_id)
    member_ids, size = _members(conn, report)
    own, shared = _own(conn, keys, report_id)
    dismissed = deed_store.list_dismissed(conn, [one.key for one in own])
    found = link(report_id, own, shared, limits=STARTING, dismissed=dismissed).links
    inside = _group_links(conn, report_id, member_ids)
    audit.record(
        conn,
        actor,
        action=Permission.REPORT_WORK,
        record="report",
        record_id=report_id,
        now=now,
        links=len(found),
        group=size,
    )
    joined = {(one.link.kind, one.link.a, one.link.b) for one in inside}
    pointing = [one for one in found if (one.kind, one.a, one.b) not in joined]
    ends = report_store.list_reports(conn, sorted({_other(one, report_id) for one in pointing}))
    by_id = {one.id: one for one in ends}
    values = _shared_values(own, shared, {code for _, code in dismissed})
    texts = _texts(conn, keys, report) if values else {}
    return ShownLinks(
        report=report,
        members=report_store.list_reports(conn, member_ids),
        size=size,
        links=inside[:LINKS_MAX],
        bridges=_bridges(inside, member_ids) if size <= MEMBERS_MAX else frozenset(),
        pointing=[(one, by_id[end]) for one in pointing if (end := _other(one, report_id)) in by_id],
        values=[replace(one, text=texts.get(one.code)) for one in values],
        deeds=deed_store.list_history(conn, member_ids, [one.key for one in own], limit=DEEDS_MAX),
    )


def _members(conn: Connection, report: Report) -> tuple[list[int], int]:
    """The reports of its group that are shown, itself first, and how many there are."""
    if report.group_id is None:
        return [report.id], 1
    every = sorted(store.list_members(conn, {report.group_id}))
    return [report.id, *(one for one in every if one != report.id)][:MEMBERS_MAX], len(every)


def _own(conn: Connection, keys: Keys, report_id: int) -> tuple[list[Feature], SharedValues]:
    secrets = secrets_of(keys)
    own = [as_feature(secrets, row) for row in value_store.list_values(conn, report_id)]
    shared = SharedValues(conn, secrets, limits=STARTING)
    shared.load(own, of=report_id)
    return own, shared


def _group_links(conn: Connection, report_id: int, member_ids: Collection[int]) -> list[GroupLink]:
    held = {(one.a, one.b, one.kind): one for one in store.list_held(conn, [report_id])}
    among = {(one.a, one.b, one.kind): one for one in store.list_links_among(conn, member_ids)}
    # A link that somebody cut may lead out of the group by now.
    cuts = [deed for deed in deed_store.list_naming(conn, member_ids) if isinstance(deed, Cut)]
    for deed in cuts:
        among |= {(one.a, one.b, one.kind): one for one in store.list_links_among(conn, {deed.a, deed.b})}
    gone = {(deed.a, deed.b, deed.kind) for deed in cuts}
    every = sorted((among | held).values(), key=Link.order)
    return [
        GroupLink(
            link=one,
            cut=not gone.isdisjoint({(one.a, one.b, None), (one.a, one.b, one.kind)}),
            held=(one.a, one.b, one.kind) in held,
        )
        for one in every
    ]


def _bridges(links: Sequence[GroupLink], member_ids: Collection[int]) -> frozenset[tuple[int, int]]:
    return frozenset(bridges(member_ids, [one.link for one in links if not one.cut and not one.held]))


def _shared_values(own: Sequence[Feature], shared: SharedValues, dismissed: Collection[bytes]) -> list[SharedValue]:
    found = []
    for one in own:
        carriers = shared.carriers(one.kind, [one.key], at_most=0).get(one.key)
        if carriers is not None and carriers.count > 1:
            common = carriers.common or carriers.count > STARTING.joins_up_to[one.kind] > 0
            found.append(
                SharedValue(
                    kind=one.kind, code=one.key, text=None, reports=carriers.count, common=common,
                    dismissed=one.key in dismissed,
                )
            )  # fmt: skip
    kinds = list(FeatureKind)
    return sorted(found, key=lambda one: (kinds.index(one.kind), one.reports, one.code))[:VALUES_MAX]


def _texts(conn: Connection, keys: Keys, report: Report) -> Mapping[bytes, str]:
    """By code, what the values of a report are in words."""
    if report.items > READ_ITEMS_MAX:
        return {}
    try:
        draft = read_draft(conn, keys, report)
    except (NotFound, IndexError):
        return {}  # Its content was erased.
    plain = [one for one in features(draft) if one.kind not in _WITHOUT_WORDS and one.key[:1] != bytes([_DIGESTED])]
    codes = coded(secrets_of(keys), plain)
    return {code.key: _text(one) for one, code in zip(plain, codes, strict=True)}


def _text(one: Feature) -> str:
    match one.kind:
        case FeatureKind.ADDRESS:
            return str(ipaddress.ip_address(one.key))
        case FeatureKind.NETWORK:
            return str(ipaddress.ip_network((one.key + bytes(16 - len(one.key)), 8 * len(one.key))))
        case _:
            service, _, value = one.key.decode().rpartition("\0")
            return f"{value} ({service})" if service else value


def _other(one: Link, report_id: int) -> int:
    return one.b if one.a == report_id else one.a
