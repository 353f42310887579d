"""Tasks of the desk: calling people for present danger, counting what is below the line, drawing some of it."""

from collections.abc import Mapping

from vangnet.audit.model import Actor, ActorKind
from vangnet.identity.permissions import Permission
from vangnet.jobs.workplace import Task, TryAgain, Workplace
from vangnet.reports.service.desk import ordering, sampling, watching
from vangnet.reports.service.triage import placing

_CALLING = Actor(kind=ActorKind.SYSTEM, id=placing.CALL, permissions=frozenset({Permission.REPORT_TAKE}))
_COUNTING = Actor(kind=ActorKind.SYSTEM, id=ordering.SURVEY, permissions=frozenset({Permission.REPORT_LEAD}))
_DRAWING = Actor(kind=ActorKind.SYSTEM, id="draw_reports", permissions=frozenset({Permission.REPORT_LEAD}))


def call_for_danger(work: Workplace, *, report_id: int) -> None:
    """Calls whoever is to be called by now for a report that nobody took. Raises TryAgain while there is somebody else."""
    with work.database.transaction() as conn:
        again = watching.call(conn, _CALLING, report_id=report_id, now=work.now())
    if again is not None:
        raise TryAgain(again)


def survey_queue(work: Workplace) -> None:
    """Counts how far the work reaches, and what is below."""
    with work.database.transaction() as conn:
        ordering.survey(conn, _COUNTING, now=work.now())


def draw_reports(work: Workplace) -> None:
    """Draws some of what fell below the line, to be opened all the same."""
    more = True
    while more:
        with work.database.transaction() as conn:
            more = sampling.draw(conn, _DRAWING, now=work.now())


TASKS: Mapping[str, Task] = {
    placing.CALL: call_for_danger,
    ordering.SURVEY: survey_queue,
    "draw_reports": draw_reports,
}
SCHEDULE: Mapping[str, str] = {ordering.SURVEY: "*/10 * * * *", "draw_reports": "23 * * * *"}
