"""Showing somebody a picture: with a reason, in the trail before any pixel is read, and never more of it than asked.

Three steps, because no transaction spans a file: leave is given and written down; the file is opened and a piece of it cut
out in isolation; the look is counted from then on.
"""

import io
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection, Database
from vangnet.errors import Conflict
from vangnet.hashing.kinds import HEAD_BYTES, recognise
from vangnet.hashing.model import Pixels, Reason
from vangnet.hashing.sandbox import Sandbox
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.registry.service import disputes
from vangnet.reports.model.looks import (
    KNOWN_REASONS,
    LONGEST_SIDE,
    LookStep,
    Wanted,
    checked_why,
    prolonged,
    require_in_order,
    until,
)
from vangnet.reports.model.reports import Report, ReportFile, require_claimed_by
from vangnet.reports.rules.assessment.answers import NotAsked, Stage, stage_of
from vangnet.reports.rules.assessment.exposure import require_room
from vangnet.reports.rules.assessment.golden_pictures import golden_picture
from vangnet.reports.rules.assessment.shown_picture import as_png
from vangnet.reports.rules.triage.points import calls_person
from vangnet.reports.service.assessment import exposure, golden, likeness
from vangnet.reports.service.desk.desk import person_of
from vangnet.reports.service.secrets import place, secrets_of
from vangnet.reports.service.triage.placing import policy_now
from vangnet.reports.store import assessments as assessment_store
from vangnet.reports.store import files as file_store
from vangnet.reports.store import looks as store
from vangnet.reports.store import reports as report_store
from vangnet.vault.files import VaultFiles
from vangnet.vault.model import Opening, OpenReason
from vangnet.vault.service.opening import open_medium


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody asks to see."""

    report_id: int
    position: int
    wanted: Wanted
    #: A like picture, beside the one at this position.
    neighbour_id: int | None = None
    #: For a file that is known already: what for, and why in their own words.
    known_reason: OpenReason | None = None
    why: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A picture on its way to one person. Its repr shows nothing of it."""

    look_id: int
    png: bytes = field(repr=False)
    seconds: int
    until_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leave:
    """Leave to show something, written down."""

    look_id: int
    file_id: int | None
    seconds: int
    #: What is opened; None for a generated picture, which lies nowhere.
    opening: Opening | None
    made: bytes = field(default=b"", repr=False)


class Viewer:
    """Shows pictures. Any number of threads may call it."""

    def __init__(
        self,
        database: Database,
        keys: Keys,
        *,
        vault: VaultFiles,
        sandbox: Sandbox,
        budget_minutes: int,
        golden_percent: int,
    ) -> None:
        self._database = database
        self._keys = keys
        self._vault = vault
        self._sandbox = sandbox
        self._budget_minutes = budget_minutes
        self._golden_percent = golden_percent

    def look(self, actor: Actor, asked: Asked, *, now: datetime) -> Shown:
        """What was asked for, as a picture.

        Raises PermissionDenied, NotFound; InvalidInput for a reason that is missing; Conflict where it is not to be shown
        now, or nothing can be made of the file; MediumUnusable.
        """
        with self._database.transaction() as conn:
            leave = self._leave(conn, actor, asked, now=now)
        png = self._picture(leave, asked.wanted)
        with self._database.transaction() as conn:
            until_at = until(now, leave.seconds)
            store.update_shown(conn, leave.look_id, shown_at=now, until_at=until_at)
            if asked.wanted.step is LookStep.WHOLE and leave.file_id is not None:
                store.mark_viewed(conn, leave.file_id, now=now)
        return Shown(look_id=leave.look_id, png=png, seconds=leave.seconds, until_at=until_at)

    def _leave(self, conn: Connection, actor: Actor, asked: Asked, *, now: datetime) -> _Leave:
        actor.require(Permission.REPORT_WORK)
        person_id = person_of(actor)
        report = report_store.get_report(conn, asked.report_id)
        meter = exposure.meter_of(conn, person_id, budget_minutes=self._budget_minutes, now=now)
        danger = calls_person(policy_now(conn)[1], report.facts)
        require_room(meter, danger=danger)
        if golden.is_at(self._keys, report, asked.position, percent=self._golden_percent):
            return self._leave_golden(conn, actor, person_id, report, asked, now=now)
        file = _file(conn, report, asked.position)
        # Whoever may see this one may see what is like it, beside it.
        reason, why = _reason(conn, actor, report, file, asked)
        if asked.neighbour_id is not None:
            file = self._neighbour(conn, file, asked.neighbour_id, asked.wanted)
        sealed = None if why is None else secrets_of(self._keys).look.seal(why.encode(), place(file.id))
        require_in_order(asked.wanted.step, store.steps_seen(conn, person_id, file_id=file.id, report_id=report.id))
        if file.medium_id is None:
            raise Conflict(problem="the file itself did not come with the report")
        look_id = _add(conn, person_id, asked, file_id=file.id, reason=reason, sealed=sealed, now=now)
        opening = open_medium(
            conn, actor, medium_id=file.medium_id, reason=reason,
            told={"step": asked.wanted.step.value, "file": file.id, "report": report.id, "look": look_id}, now=now,
        )  # fmt: skip
        return _Leave(
            look_id=look_id, file_id=file.id, seconds=exposure.choice_of(conn, person_id).seconds, opening=opening
        )

    def _neighbour(self, conn: Connection, file: ReportFile, other_id: int, wanted: Wanted) -> ReportFile:
        likeness.require_near(conn, self._keys, file, other_id)
        if wanted.step is not LookStep.BLURRED:
            raise Conflict(problem="a like picture is compared blurred: open its own report to see more of it")
        return file_store.get_file(conn, other_id)

    def _leave_golden(
        self, conn: Connection, actor: Actor, person_id: UUID, report: Report, asked: Asked, *, now: datetime
    ) -> _Leave:
        require_claimed_by(report, person_id)
        seen = store.steps_seen(conn, person_id, file_id=None, report_id=report.id)
        require_in_order(asked.wanted.step, seen)
        look_id = _add(conn, person_id, asked, file_id=None, reason=OpenReason.ASSESSMENT, sealed=None, now=now)
        audit.record(
            conn, actor, action=Permission.REPORT_WORK, record="report", record_id=report.id, now=now,
            step=asked.wanted.step.value, look=look_id,
        )  # fmt: skip
        made = golden_picture(golden.code_of(self._keys, report))
        seconds = exposure.choice_of(conn, person_id).seconds
        return _Leave(look_id=look_id, file_id=None, seconds=seconds, opening=None, made=made)

    def _picture(self, leave: _Leave, wanted: Wanted) -> bytes:
        data = leave.made if leave.opening is None else self._bytes(leave.opening)
        kind = recognise(data[:HEAD_BYTES])
        found: Pixels | Reason = kind if isinstance(kind, Reason) else self._sandbox.cut_out(data, kind, wanted.excerpt)
        if isinstance(found, Reason):
            raise Conflict(problem=f"no picture can be made of it ({found.value})")
        side = LONGEST_SIDE[wanted.size] if wanted.step is LookStep.BLURRED else max(found.width, found.height)
        return as_png(found, longest_side=side)

    def _bytes(self, opening: Opening) -> bytes:
        if opening.medium.size_bytes > self._sandbox.limits.bytes:
            raise Conflict(problem=f"no picture can be made of it ({Reason.TOO_LARGE.value})")
        with self._vault.open(opening) as medium, io.BufferedReader(medium) as whole:
            return whole.read()


def more(conn: Connection, actor: Actor, *, look_id: int, now: datetime) -> datetime:
    """Ten seconds more, up to a minute in all; returns until when. Raises PermissionDenied, NotFound, Conflict."""
    actor.require(Permission.REPORT_WORK)
    look = store.get_look_for_update(conn, look_id, person_of(actor))
    until_at = prolonged(look, now=now)
    store.update_until(conn, look_id, until_at)
    audit.record(conn, actor, action=Permission.REPORT_WORK, record="look", record_id=look_id, now=now, more=True)
    return until_at


def cover(conn: Connection, actor: Actor, *, look_id: int, now: datetime) -> None:
    """A look is over. Once more changes nothing, and what is no look of this person's is none: there is nothing to tell.

    It leaves no event: it shows nothing, and when a look ended stands beside the look. Raises PermissionDenied.
    """
    actor.require(Permission.REPORT_WORK)
    store.cover(conn, person_of(actor), look_id=look_id, now=now)


def _file(conn: Connection, report: Report, position: int) -> ReportFile:
    item = report_store.get_item(conn, report.id, position)
    if item.file_id is None:
        raise Conflict(problem="there is no file to be shown here")
    return file_store.get_file(conn, item.file_id)


def _reason(
    conn: Connection, actor: Actor, report: Report, file: ReportFile, asked: Asked
) -> tuple[OpenReason, str | None]:
    """Why this person is shown the file; and what they typed, where it is known already."""
    person_id = person_of(actor)
    given = assessment_store.list_given(conn, [file.id])[file.id]
    stage = stage_of(given, person_id, claimed_by=report.claimed_by)
    if stage in {Stage.SECOND, Stage.THIRD}:
        return OpenReason.SECOND_ASSESSMENT, None
    if is_settled(file) or stage is NotAsked.STANDS:
        if asked.known_reason is None or asked.known_reason not in KNOWN_REASONS:
            raise Conflict(problem="it is known already, and is shown only with a reason")
        if asked.known_reason is OpenReason.DISPUTE and _is_disputed(conn, actor, file):
            return asked.known_reason, None
        return asked.known_reason, checked_why(asked.why)
    if stage is NotAsked.CLAIM_FIRST:
        raise Conflict(problem="the report is not yours: claim it first")
    if stage is NotAsked.ANSWERED and report.claimed_by != person_id:
        raise Conflict(problem="you have answered: it waits for a colleague")
    return OpenReason.ASSESSMENT, None


def is_settled(file: ReportFile) -> bool:
    """Whether nobody needs to look at it: our people classified it, or a list that decides here has the very same.

    What is only near to a listed picture is another file: a person looks at it.
    """
    return file.classification is not None or (file.entry_id is not None and file.distance == 0)


def _is_disputed(conn: Connection, actor: Actor, file: ReportFile) -> bool:
    """Whether the entry that it is is contested: whoever answers that needs to see it."""
    entries = [file.entry_id]
    if assessed := assessment_store.list_assessed(conn, [file.id]).get(file.id):
        entries.append(assessed.entry_id)
    return any(entry_id is not None and disputes.list_disputes(conn, actor, entry_id=entry_id) for entry_id in entries)


def _add(
    conn: Connection,
    person_id: UUID,
    asked: Asked,
    *,
    file_id: int | None,
    reason: OpenReason,
    sealed: bytes | None,
    now: datetime,
) -> int:
    if file_id is not None:
        # Another step of the same picture takes the place of the one before.
        store.cover(conn, person_id, file_id=file_id, now=now)
    return store.add_look(
        conn,
        file_id=file_id,
        report_id=asked.report_id,
        person_id=person_id,
        step=asked.wanted.step,
        reason=reason,
        sealed=sealed,
        now=now,
    )
