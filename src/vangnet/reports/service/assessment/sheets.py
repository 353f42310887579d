"""What somebody sees who assesses: one item at a time, with what is known of it and what is asked. No picture is in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.errors import NotFound
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.reports.model.contents import part_of, read_items
from vangnet.reports.model.drafts import ItemDraft, ItemKind
from vangnet.reports.model.looks import LookChoice, LookStep
from vangnet.reports.model.reports import Report, ReportFile, ReportItem
from vangnet.reports.rules.assessment.answers import (
    Given,
    NotAsked,
    Question,
    Stage,
    stage_of,
    visible,
)
from vangnet.reports.rules.assessment.exposure import Meter
from vangnet.reports.rules.triage.points import Standing, standing
from vangnet.reports.service.assessment import assessing, exposure, golden, likeness
from vangnet.reports.service.assessment.likeness import Neighbour
from vangnet.reports.service.assessment.looking import is_settled
from vangnet.reports.service.desk.desk import person_of
from vangnet.reports.service.secrets import opened, secrets_of
from vangnet.reports.service.triage.placing import policy_now
from vangnet.reports.store import assessments as store
from vangnet.reports.store import contents as content_store
from vangnet.reports.store import files as file_store
from vangnet.reports.store import looks as look_store
from vangnet.reports.store import reports as report_store
from vangnet.reports.store.assessments import Assessed

#: So many items are listed before and behind the one that is shown.
_AROUND = 10
_READ_AT_ONCE = 500


class ItemState(StrEnum):
    """How far an item is for whoever works on the report."""

    TO_DO = "to_do"  #: It waits for this person.
    KNOWN = "known"  #: It is known already: nobody needs to see it.
    ANSWERED = "answered"  #: This person answered; it waits for a colleague.
    DONE = "done"  #: It is decided.
    NO_FILE = "no_file"  #: It is a hash or an address.


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetItem:
    """One line of the list beside the picture."""

    position: int
    kind: ItemKind
    state: ItemState
    has_bytes: bool
    #: How many items of the report are the same file.
    copies: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One item, as the page shows it."""

    report: Report
    standing: Standing
    position: int
    #: How many there are, a generated picture that may be among them included.
    items: int
    around: Sequence[SheetItem]
    here: SheetItem
    #: What the report says of it; None of a generated picture.
    said: ItemDraft | None = field(repr=False)
    media_type: str | None
    #: None for a generated picture, and for what is no file.
    file: ReportFile | None
    stage: Stage | NotAsked
    #: The answers that this person may see.
    given: Sequence[Given]
    assessed: Assessed | None
    #: When one of our people first viewed it.
    viewed_at: datetime | None
    can_be_shown: bool
    needs_reason: bool
    seen: frozenset[LookStep]
    neighbours: Sequence[Neighbour]
    version: int
    questions: Sequence[Question]
    meter: Meter
    choice: LookChoice
    mine: bool


def first_to_do(
    conn: Connection, actor: Actor, *, keys: Keys, report_id: int, golden_percent: int, after: int = -1
) -> int | None:
    """The position of the first item behind one that waits for this person, else the first of all; None where none does.

    Raises PermissionDenied, NotFound.
    """
    actor.require(Permission.REPORT_WORK)
    person_id = person_of(actor)
    report = report_store.get_report(conn, report_id)
    found = _next_to_do(conn, report, person_id, after=after)
    if found is not None:
        return found
    if after < report.items and _golden_to_do(conn, keys, report, person_id, percent=golden_percent):
        return report.items
    return _next_to_do(conn, report, person_id, after=-1) if after >= 0 else None


def _next_to_do(conn: Connection, report: Report, person_id: UUID, *, after: int) -> int | None:
    while rows := report_store.list_items(conn, report.id, after=after, limit=_READ_AT_ONCE):
        for one in _states(conn, report, rows, person_id):
            if one.state is ItemState.TO_DO:
                return one.position
        after = rows[-1].position
    return None


def open_sheet(
    conn: Connection,
    actor: Actor,
    *,
    keys: Keys,
    report_id: int,
    position: int,
    budget_minutes: int,
    golden_percent: int,
    now: datetime,
) -> Sheet:
    """One item with what is known of it, for this person. Raises PermissionDenied, NotFound; Conflict for a program."""
    actor.require(Permission.REPORT_WORK)
    person_id = person_of(actor)
    report = report_store.get_report(conn, report_id)
    has_golden = golden.has_one(keys, report, percent=golden_percent) and report.claimed_by == person_id
    items = report.items + has_golden
    if not 0 <= position < items:
        raise NotFound(record="item", key=f"{report_id}/{position}")
    around, row = _around(conn, report, position, person_id, has_golden=has_golden)
    here = next(one for one in around if one.position == position)
    file = None if row is None or row.file_id is None else file_store.get_file(conn, row.file_id)
    given = [] if file is None else store.list_given(conn, [file.id])[file.id]
    stage = _stage(here, file, given, person_id, report, is_golden=row is None)
    version, questions = assessing.questions_now(conn)
    said = None if row is None else _said(conn, keys, report, position)
    audit.record(
        conn, actor, action=Permission.REPORT_WORK, record="report", record_id=report_id, now=now, position=position
    )
    return Sheet(
        report=report,
        standing=standing(policy_now(conn)[1], report.facts, now),
        position=position,
        items=items,
        around=around,
        here=here,
        said=said,
        media_type="image/jpeg" if row is None else _media_type(file, said),
        file=file,
        stage=stage,
        given=visible(given, person_id),
        assessed=None if file is None else store.list_assessed(conn, [file.id]).get(file.id),
        viewed_at=None if file is None else look_store.list_viewed(conn, [file.id]).get(file.id),
        can_be_shown=row is None or (file is not None and file.medium_id is not None),
        needs_reason=_needs_reason(file, stage),
        seen=_seen(conn, person_id, report_id, row),
        neighbours=[] if file is None else likeness.list_neighbours(conn, keys, file, person_id),
        version=version,
        questions=questions,
        meter=exposure.meter_of(conn, person_id, budget_minutes=budget_minutes, now=now),
        choice=exposure.choice_of(conn, person_id),
        mine=report.claimed_by == person_id,
    )


def _around(
    conn: Connection, report: Report, position: int, person_id: UUID, *, has_golden: bool
) -> tuple[list[SheetItem], ReportItem | None]:
    """The items near a position, and the one at it; None for a generated picture."""
    rows = report_store.list_items(conn, report.id, after=max(-1, position - _AROUND - 1), limit=2 * _AROUND + 1)
    around = _states(conn, report, rows, person_id)
    if has_golden and position >= report.items - _AROUND:
        done = store.has_check_answer(conn, report.id, person_id)
        state = ItemState.DONE if done else ItemState.TO_DO
        around.append(SheetItem(position=report.items, kind=ItemKind.FILE, state=state, has_bytes=True))
    return around, next((one for one in rows if one.position == position), None)


def _seen(conn: Connection, person_id: UUID, report_id: int, row: ReportItem | None) -> frozenset[LookStep]:
    if row is not None and row.file_id is None:
        return frozenset()
    return look_store.steps_seen(conn, person_id, file_id=None if row is None else row.file_id, report_id=report_id)


def _needs_reason(file: ReportFile | None, stage: Stage | NotAsked) -> bool:
    if file is None or stage in {Stage.SECOND, Stage.THIRD}:
        return False
    return is_settled(file) or stage is NotAsked.STANDS


def _stage(
    here: SheetItem,
    file: ReportFile | None,
    given: Sequence[Given],
    person_id: UUID,
    report: Report,
    *,
    is_golden: bool,
) -> Stage | NotAsked:
    if is_golden:
        return NotAsked.STANDS if here.state is ItemState.DONE else Stage.FIRST
    if file is None:
        return NotAsked.NO_FILE
    return stage_of(given, person_id, claimed_by=report.claimed_by)


def _states(conn: Connection, report: Report, rows: Sequence[ReportItem], person_id: UUID) -> list[SheetItem]:
    file_ids = {row.file_id for row in rows if row.file_id is not None}
    files = {one.id: one for one in file_store.list_files(conn, file_ids)}
    given = store.list_given(conn, file_ids)
    copies: dict[int, int] = {}
    for row in rows:
        if row.file_id is not None:
            copies[row.file_id] = copies.get(row.file_id, 0) + 1
    return [
        SheetItem(
            position=row.position,
            kind=row.kind,
            state=_state(report, row, files, given, person_id),
            has_bytes=row.has_bytes,
            copies=1 if row.file_id is None else copies[row.file_id],
        )
        for row in rows
    ]


def _state(
    report: Report,
    row: ReportItem,
    files: Mapping[int, ReportFile],
    given: Mapping[int, Sequence[Given]],
    person_id: UUID,
) -> ItemState:
    if row.file_id is None:
        return ItemState.NO_FILE
    stage = stage_of(given[row.file_id], person_id, claimed_by=report.claimed_by)
    if stage is NotAsked.STANDS:
        return ItemState.DONE
    if stage is NotAsked.ANSWERED:
        return ItemState.ANSWERED
    if stage not in {Stage.SECOND, Stage.THIRD} and is_settled(files[row.file_id]):
        return ItemState.KNOWN
    return ItemState.TO_DO


def _golden_to_do(conn: Connection, keys: Keys, report: Report, person_id: UUID, *, percent: int) -> bool:
    return (
        report.claimed_by == person_id
        and golden.has_one(keys, report, percent=percent)
        and not store.has_check_answer(conn, report.id, person_id)
    )


def _said(conn: Connection, keys: Keys, report: Report, position: int) -> ItemDraft:
    part, place = part_of(position)
    sealed = content_store.get_part(conn, report.id, report.version, part)
    return read_items(opened(secrets_of(keys).content, sealed, report.id, report.version, part))[place]


def _media_type(file: ReportFile | None, said: ItemDraft | None) -> str | None:
    if file is not None and file.media_type is not None:
        return file.media_type
    return None if said is None else said.media_type
