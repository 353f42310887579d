"""Like pictures: proposed side by side, and found to be the same, or not, by a person who saw both."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.errors import Conflict, NotFound
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.reports.model.reports import ReportFile
from vangnet.reports.rules.assessment.answers import AssessedClass, neighbours
from vangnet.reports.service.desk.desk import person_of
from vangnet.reports.service.intake.registering import open_hashes
from vangnet.reports.store import assessments as store
from vangnet.reports.store import files as file_store
from vangnet.reports.store import looks as look_store
from vangnet.reports.store import reports as report_store


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A file whose picture is like another's."""

    file_id: int
    distance: int
    #: What this person found: the same picture or not; None where they said nothing.
    same: bool | None
    #: Whether it came, so that it can be shown.
    has_medium: bool
    #: What stands of it.
    outcome: AssessedClass | None


def list_neighbours(conn: Connection, keys: Keys, file: ReportFile, person_id: UUID) -> Sequence[Neighbour]:
    """The files that are like this one, the nearest first, a few at most, with what this person found of each."""
    near = _near(conn, keys, file)
    if not near:
        return []
    found = store.list_same(conn, file.id, person_id)
    files = {one.id: one for one in file_store.list_files(conn, [file_id for file_id, _ in near])}
    assessed = store.list_assessed(conn, list(files))
    return [
        Neighbour(
            file_id=file_id,
            distance=distance,
            same=found.get(file_id),
            has_medium=files[file_id].medium_id is not None,
            outcome=assessed[file_id].outcome if file_id in assessed else None,
        )
        for file_id, distance in near
    ]


def require_near(conn: Connection, keys: Keys, file: ReportFile, other_id: int) -> None:
    """Raises NotFound where the other is not proposed beside this one."""
    if all(file_id != other_id for file_id, _ in _near(conn, keys, file)):
        raise NotFound(record="file", key=str(other_id))


def judge(
    conn: Connection, actor: Actor, *, keys: Keys, report_id: int, position: int, other_id: int, same: bool | None,
    now: datetime,
) -> None:  # fmt: skip
    """Says that two files are the same picture, or not; None takes that back.

    What this person answers about the one counts for the other, too. Raises PermissionDenied, NotFound; Conflict unless
    they were shown both, and where they answered already.
    """
    actor.require(Permission.REPORT_WORK)
    person_id = person_of(actor)
    item = report_store.get_item(conn, report_id, position)
    if item.file_id is None:
        raise NotFound(record="file", key=str(position))
    file = file_store.get_file_for_update(conn, item.file_id)
    require_near(conn, keys, file, other_id)
    given = store.list_given(conn, [file.id, other_id])
    if any(one.as_file is not None and one.person_id == person_id for one in [*given[file.id], *given[other_id]]):
        raise Conflict(problem="undo your answer first: it counts for both")
    if same is None:
        store.remove_same(conn, file.id, other_id, person_id)
    else:
        for one in (file.id, other_id):
            if not look_store.steps_seen(conn, person_id, file_id=one, report_id=report_id):
                raise Conflict(problem="look at both before you say whether they are the same")
        store.put_same(conn, file.id, other_id, person_id, same=same, now=now)
    audit.record(
        conn,
        actor,
        action=Permission.REPORT_WORK,
        record="report_file",
        record_id=file.id,
        now=now,
        other=other_id,
        same=same,
    )


def same_of(conn: Connection, file_id: int, person_id: UUID) -> list[int]:
    """The files that this person found to be the same picture, for the other services."""
    return sorted(other for other, same in store.list_same(conn, file_id, person_id).items() if same)


def _near(conn: Connection, keys: Keys, file: ReportFile) -> list[tuple[int, int]]:
    if file.cluster_id is None:
        return []
    others = [one.id for one in file_store.list_of_cluster(conn, file.cluster_id) if one.id != file.id]
    hashes = open_hashes(conn, keys, [file.id, *others])
    own = hashes[file.id].pdq if file.id in hashes else None
    if own is None:
        return []
    return neighbours(own, {one: pdq for one in others if one in hashes and (pdq := hashes[one].pdq) is not None})
