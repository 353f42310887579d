"""What reports say, opened for whoever works on them: each opening leaves an event."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.reports.model.contents import ITEMS_A_PART, read_head, read_items
from vangnet.reports.model.drafts import ItemDraft, ReportDraft
from vangnet.reports.model.reports import Report, ReportFile, ReportItem, Step
from vangnet.reports.service.secrets import opened, secrets_of
from vangnet.reports.store import contents as content_store
from vangnet.reports.store import deliveries as delivery_store
from vangnet.reports.store import files as file_store
from vangnet.reports.store import reports as store


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownItem:
    """An item of a report: what the report says of it, and what is known of its file."""

    item: ReportItem
    said: ItemDraft = field(repr=False)
    file: ReportFile | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownReport:
    """A report, whole but for its items beyond one page."""

    report: Report
    #: What it says, without its items.
    said: ReportDraft = field(repr=False)
    items: Sequence[ShownItem]
    steps: Sequence[Step]
    #: With which deliveries it came: delivery, version, when.
    came: Sequence[tuple[int, int, datetime]]


def get_report(conn: Connection, actor: Actor, *, report_id: int) -> Report:
    """A report without what it says. Raises PermissionDenied, NotFound."""
    actor.require(Permission.REPORT_READ)
    return store.get_report(conn, report_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A report without what it says: what became of it, and with which deliveries it came."""

    report: Report
    steps: Sequence[Step]
    #: With which deliveries it came: delivery, version, when.
    came: Sequence[tuple[int, int, datetime]]


def show_frame(conn: Connection, actor: Actor, *, report_id: int) -> Frame:
    """A report without what it says. Raises PermissionDenied, NotFound."""
    return Frame(
        report=get_report(conn, actor, report_id=report_id),
        steps=store.list_steps(conn, report_id),
        came=delivery_store.list_came(conn, report_id),
    )


def open_report(
    conn: Connection, actor: Actor, *, keys: Keys, report_id: int, version: int | None = None, page: int = 1, now: datetime
) -> ShownReport:
    """What a report says, in its last version or an earlier one, with one page of its items (200).

    Raises PermissionDenied; NotFound, also where its content was erased.
    """
    actor.require(Permission.REPORT_WORK)
    report = store.get_report(conn, report_id)
    version = version or report.version
    said = read_head(_part(conn, keys, report_id, version, 0))
    shown: list[ShownItem] = []
    if report.items and version == report.version:
        shown = _items(conn, keys, report, page)
    audit.record(
        conn, actor, action=Permission.REPORT_WORK, record="report", record_id=report_id, now=now, opened=version, page=page
    )
    return ShownReport(
        report=report,
        said=said,
        items=shown,
        steps=store.list_steps(conn, report_id),
        came=delivery_store.list_came(conn, report_id),
    )


def read_draft(conn: Connection, keys: Keys, report: Report) -> ReportDraft:
    """All that a report says, for the rules of this package; nobody sees it, so there is no event."""
    parts = content_store.list_parts(conn, report.id, report.version)
    sealer = secrets_of(keys).content
    plain = [opened(sealer, sealed, report.id, report.version, number) for number, sealed in enumerate(parts)]
    head = read_head(plain[0])
    items = [item for part in plain[1:] for item in read_items(part)]
    return ReportDraft(**{name: getattr(head, name) for name in head.__slots__} | {"items": tuple(items)})


def _items(conn: Connection, keys: Keys, report: Report, page: int) -> list[ShownItem]:
    first = (page - 1) * ITEMS_A_PART
    if not 0 <= first < report.items:
        return []
    said = read_items(_part(conn, keys, report.id, report.version, page))
    rows = store.list_items(conn, report.id, after=first - 1, limit=ITEMS_A_PART)
    files = {
        file.id: file for file in file_store.list_files(conn, {row.file_id for row in rows if row.file_id is not None})
    }
    return [
        ShownItem(item=row, said=said[row.position - first], file=None if row.file_id is None else files.get(row.file_id))
        for row in rows
    ]


def _part(conn: Connection, keys: Keys, report_id: int, version: int, part: int) -> bytes:
    sealed = content_store.get_part(conn, report_id, version, part)
    return opened(secrets_of(keys).content, sealed, report_id, version, part)
