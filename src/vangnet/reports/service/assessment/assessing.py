"""Answering what is asked about files: alone where no list is concerned, else two people who do not know of each other."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.errors import Conflict, InvalidInput
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.entries import ListedHash
from vangnet.reports.model.reports import Report, ReportFile, require_claimed_by
from vangnet.reports.rules.assessment.agreement import Agreement, agreement
from vangnet.reports.rules.assessment.answers import (
    CLASS,
    LISTED,
    STARTING,
    AssessedClass,
    FileState,
    Given,
    NotAsked,
    NotListed,
    Question,
    Settled,
    as_document,
    checked_answers,
    read_document,
    require_own,
    settled,
    stage_of,
)
from vangnet.reports.rules.assessment.exposure import PEOPLE_MIN
from vangnet.reports.rules.assessment.golden_pictures import RIGHT
from vangnet.reports.service.assessment import golden, likeness, proposing
from vangnet.reports.service.desk.desk import person_of
from vangnet.reports.service.triage import placing
from vangnet.reports.store import assessments as store
from vangnet.reports.store import files as file_store
from vangnet.reports.store import looks as look_store
from vangnet.reports.store import reports as report_store
from vangnet.reports.store.assessments import Assessed, WaitingFile

#: An answer can be undone for so long; after that, somebody contests it.
UNDO_LASTS = timedelta(hours=24)
#: Agreement is worked out over so long.
AGREEMENT_OVER = timedelta(days=182)
WAITING_MAX = 100
#: So many reports that hold a file hear at once what became of it.
_TOLD_AT_ONCE = 100

_REFUSED: Mapping[NotAsked, str] = {
    NotAsked.NO_FILE: "nothing is asked about what is no file",
    NotAsked.STANDS: "it is decided already",
    NotAsked.ANSWERED: "you have answered: it waits for a colleague",
    NotAsked.CLAIM_FIRST: "the report is not yours: claim it first",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """What came of generated pictures that were mixed in, for five people or more together."""

    people: int
    answers: int
    right: int


# --- what is asked ---


def questions_now(conn: Connection) -> tuple[int, tuple[Question, ...]]:
    """The questions that hold, with their version; 0 is the set that Vangnet comes with."""
    found = store.find_questions(conn)
    return (0, STARTING) if found is None else (found[0], read_document(found[1]))


def choose_questions(conn: Connection, actor: Actor, *, document: object, now: datetime) -> int:
    """Asks other questions from now on; answers that were given stay as they are. Raises PermissionDenied, InvalidInput."""
    actor.require(Permission.REPORT_LEAD)
    questions = read_document(document)
    version = store.add_questions(conn, as_document(questions), by=actor.label, now=now)
    audit.record(
        conn, actor, action=Permission.REPORT_LEAD, record="questions", record_id=version, now=now, questions=len(questions)
    )
    return version


# --- answering ---


def save(
    conn: Connection,
    actor: Actor,
    *,
    keys: Keys,
    report_id: int,
    position: int,
    answers: Mapping[str, str],
    golden_percent: int = 0,
    parts: Mapping[int, Sequence[ListedHash]] | None = None,
    now: datetime,
) -> FileState:
    """Keeps somebody's answer about a file, and about those that they found to be the same; how far the file is then.

    `parts`: by file, the hashes by which crops of it are found, should it be listed now (`crops`). What stands by it is
    told to every report that holds the file. Raises PermissionDenied, NotFound; InvalidInput for an answer that is
    missing; Conflict where none is asked of this person.
    """
    actor.require(Permission.REPORT_WORK)
    person_id = person_of(actor)
    report = report_store.get_report(conn, report_id)
    version, questions = questions_now(conn)
    checked = checked_answers(questions, answers)
    assessed = AssessedClass(checked[CLASS])
    if golden.is_at(keys, report, position, percent=golden_percent):
        return _save_check(conn, actor, person_id, report, assessed, now=now)
    file_id = _file_id(conn, report_id, position)
    same = likeness.same_of(conn, file_id, person_id)
    files = {one: file_store.get_file_for_update(conn, one) for one in sorted({file_id, *same})}
    given = store.list_given(conn, list(files))
    own = _answer(conn, person_id, report, position=position, file=files[file_id], given=given[file_id], checked=checked)
    changed = _add_answers(conn, actor, keys, own, files=files, given=given, parts=parts or {}, questions=version, now=now)
    _tell_reports(conn, files, changed, now=now)
    _record(conn, actor, report_id, files[file_id], changed, now=now, stage=own.stage.value)
    return next(one.state for one in changed if one.file_id == file_id)


def would_be_listed(
    conn: Connection,
    actor: Actor,
    *,
    keys: Keys,
    report_id: int,
    position: int,
    answers: Mapping[str, str],
    golden_percent: int = 0,
) -> list[ReportFile]:
    """The files on which two people would agree by this answer, so that a list takes them. Nothing is kept. Raises as
    `save`."""
    actor.require(Permission.REPORT_WORK)
    person_id = person_of(actor)
    report = report_store.get_report(conn, report_id)
    checked = checked_answers(questions_now(conn)[1], answers)
    may_propose = Permission.REGISTRY_PROPOSE in actor.permissions
    if not may_propose or golden.is_at(keys, report, position, percent=golden_percent):
        return []
    file_id = _file_id(conn, report_id, position)
    files = {one: file_store.get_file(conn, one) for one in sorted({file_id, *likeness.same_of(conn, file_id, person_id)})}
    given = store.list_given(conn, list(files))
    own = _answer(conn, person_id, report, position=position, file=files[file_id], given=given[file_id], checked=checked)
    return [
        files[answer.file_id]
        for answer in _answers_of(own, given)
        if settled([*given[answer.file_id], answer]).agreed is not None
    ]


def _answer(
    conn: Connection,
    person_id: UUID,
    report: Report,
    *,
    position: int,
    file: ReportFile,
    given: Sequence[Given],
    checked: Mapping[str, str],
) -> Given:
    """What somebody says of a file. Raises Conflict where they are not asked, InvalidInput where they must look first."""
    assessed = AssessedClass(checked[CLASS])
    stage = stage_of(given, person_id, claimed_by=report.claimed_by)
    if isinstance(stage, NotAsked):
        raise Conflict(problem=_REFUSED[stage])
    _require_looked(conn, person_id, file, report.id, assessed)
    return Given(
        id=0, file_id=file.id, report_id=report.id, position=position, person_id=person_id, stage=stage, assessed=assessed,
        answers=checked,
    )  # fmt: skip


def _answers_of(own: Given, given: Mapping[int, Sequence[Given]]) -> Iterator[Given]:
    """An answer, for its file and for those that are the same, as far as they are not answered already."""
    for file_id, others in given.items():
        stage = own.stage if file_id == own.file_id else stage_of(others, own.person_id, claimed_by=own.person_id)
        if not isinstance(stage, NotAsked):
            as_file = None if file_id == own.file_id else own.file_id
            yield replace(own, file_id=file_id, stage=stage, as_file=as_file)


def _add_answers(
    conn: Connection,
    actor: Actor,
    keys: Keys,
    own: Given,
    *,
    files: Mapping[int, ReportFile],
    given: Mapping[int, Sequence[Given]],
    parts: Mapping[int, Sequence[ListedHash]],
    questions: int,
    now: datetime,
) -> list[Assessed]:
    """Keeps an answer, for its file and for those that are the same; how far each is then."""
    changed = []
    for answer in _answers_of(own, given):
        store.add_given(conn, answer, questions=questions, now=now)
        file, said = files[answer.file_id], [*given[answer.file_id], answer]
        changed.append(_settle(conn, actor, keys, file, said, parts=parts.get(file.id, ()), now=now))
    return changed


def undo(conn: Connection, actor: Actor, *, report_id: int, now: datetime) -> int:
    """Takes back the last answer that one gave on a report; returns the position of its file.

    Raises PermissionDenied; Conflict where there is none, a colleague answered after, or an entry was proposed by it.
    """
    actor.require(Permission.REPORT_WORK)
    person_id = person_of(actor)
    last = store.find_last_of(conn, report_id, person_id, since=now - UNDO_LASTS)
    if last is None:
        raise Conflict(problem="there is nothing of yours to undo here")
    file_ids = sorted({last.file_id, *(one.file_id for one in store.list_as(conn, last.file_id, person_id))})
    files = {one: file_store.get_file_for_update(conn, one) for one in file_ids}
    given = store.list_given(conn, file_ids)
    assessed = store.list_assessed(conn, file_ids)
    taken_back: list[int] = []
    changed: list[Assessed] = []
    for one, file in files.items():
        own = require_own(given[one], person_id)
        if one in assessed and assessed[one].entry_id is not None:
            raise Conflict(problem="an entry was proposed by it: contest the entry, or withdraw it")
        taken_back.append(own.id)
        left = [other for other in given[one] if other.id != own.id]
        changed.append(_keep(conn, file, settled(left), None, now=now))
    store.undo_given(conn, taken_back, now=now)
    _tell_reports(conn, files, changed, now=now)
    _record(conn, actor, report_id, files[last.file_id], changed, now=now, undone=True)
    return last.position


def list_waiting(conn: Connection, actor: Actor) -> list[WaitingFile]:
    """What waits for a second or third person and could be answered by this one. Raises PermissionDenied, Conflict."""
    actor.require(Permission.REPORT_WORK)
    return store.list_waiting(conn, person_of(actor), limit=WAITING_MAX)


# --- for whoever leads ---


def agreement_now(conn: Connection, actor: Actor, *, now: datetime) -> Agreement | None:
    """How often two people agreed who did not know of each other; None where they were too few. Raises PermissionDenied."""
    actor.require(Permission.REPORT_LEAD)
    return agreement(store.list_pairs(conn, since=now - AGREEMENT_OVER))


def checks_now(conn: Connection, actor: Actor, *, now: datetime) -> Checks | None:
    """How generated pictures were answered, of five people or more together. Raises PermissionDenied."""
    actor.require(Permission.REPORT_LEAD)
    people, answers, right = store.count_check_answers(conn, None, since=now - AGREEMENT_OVER)
    return Checks(people=people, answers=answers, right=right) if people >= PEOPLE_MIN else None


# --- how far a file is ---


def _settle(
    conn: Connection,
    actor: Actor,
    keys: Keys,
    file: ReportFile,
    given: Sequence[Given],
    *,
    parts: Sequence[ListedHash],
    now: datetime,
) -> Assessed:
    """What the answers come to, kept; with the entry where two people agree."""
    found = settled(given)
    proposed: int | NotListed | None = None
    if found.agreed is not None and found.outcome is not None:
        proposed = proposing.propose_agreed(
            conn, actor, keys=keys, file=file, assessed=found.outcome, agreed=found.agreed, parts=parts, now=now
        )
    return _keep(conn, file, found, proposed, now=now)


def _keep(
    conn: Connection, file: ReportFile, found: Settled, proposed: int | NotListed | None, *, now: datetime
) -> Assessed:
    assessed = Assessed(
        file_id=file.id,
        state=found.state,
        since=now,
        outcome=found.outcome,
        entry_id=None if isinstance(proposed, NotListed) else proposed,
        not_listed=proposed if isinstance(proposed, NotListed) else None,
    )
    if found.state is FileState.OPEN:
        store.remove_assessed(conn, file.id)
    else:
        store.put_assessed(conn, assessed)
    classification = _classification(assessed)
    if classification is not file.classification:
        file_store.update_classification(conn, file.id, classification, now=None if classification is None else now)
    return assessed


def _classification(assessed: Assessed) -> Classification | None:
    return None if assessed.outcome is None else assessed.outcome.classification


def _tell_reports(conn: Connection, files: Mapping[int, ReportFile], changed: Sequence[Assessed], *, now: datetime) -> None:
    """Every report that holds a file that is something else than before has its place worked out anew.

    Of a file that very many hold, at once for the newest, and for the others that wait by the job that does so anyway.
    """
    settled_now = [one.file_id for one in changed if _classification(one) is not files[one.file_id].classification]
    report_ids = {
        report_id
        for file_id in settled_now
        for report_id in report_store.list_reports_with_file(conn, file_id, limit=_TOLD_AT_ONCE)
    }
    for report_id in sorted(report_ids):
        placing.renew(conn, report_id=report_id, now=now)
    store.place_later(conn, settled_now, report_ids, now=now)


def _require_looked(conn: Connection, person_id: UUID, file: ReportFile, report_id: int, assessed: AssessedClass) -> None:
    if assessed not in LISTED or file.medium_id is None:
        return
    if not look_store.steps_seen(conn, person_id, file_id=file.id, report_id=report_id):
        raise InvalidInput(field=CLASS, problem="needs a look first: a list takes nothing that nobody saw")


def _save_check(
    conn: Connection, actor: Actor, person_id: UUID, report: Report, assessed: AssessedClass, *, now: datetime
) -> FileState:
    require_claimed_by(report, person_id)
    store.add_check_answer(conn, report.id, person_id, assessed, right=assessed is RIGHT, now=now)
    audit.record(conn, actor, action=Permission.REPORT_WORK, record="report", record_id=report.id, now=now, checked=True)
    return FileState.STANDS


def _file_id(conn: Connection, report_id: int, position: int) -> int:
    file_id = report_store.get_item(conn, report_id, position).file_id
    if file_id is None:
        raise Conflict(problem=_REFUSED[NotAsked.NO_FILE])
    return file_id


def _record(
    conn: Connection, actor: Actor, report_id: int, file: ReportFile, changed: Sequence[Assessed], *, now: datetime,
    **details: object,
) -> None:  # fmt: skip
    """The event says how far the file is, and what stands; a first answer that others must not know is not in it."""
    own = next(one for one in changed if one.file_id == file.id)
    audit.record(
        conn, actor, action=Permission.REPORT_WORK, record="report_file", record_id=file.id, now=now, report=report_id,
        state=own.state.value, outcome=None if own.outcome is None else own.outcome.value, files=len(changed), **details,
    )  # fmt: skip
