"""The jobs of the desk, and its command, as they are run."""

from datetime import timedelta
from pathlib import Path

import pytest
from running.commands import Commands
from running.report_desk import CONSOLE, Desk

from vangnet.config import Settings
from vangnet.jobs import desk as tasks
from vangnet.jobs.model import Pace
from vangnet.jobs.tasks import SCHEDULE, TASKS
from vangnet.jobs.workplace import TryAgain, Workplace
from vangnet.partners.transport import Transport
from vangnet.reports.model.drafts import Incident, ReportDraft, Reporter, ReporterKind, Sign, Source
from vangnet.reports.service.desk import desk as desk_service
from vangnet.reports.service.desk import ordering, sampling, watching
from vangnet.reports.service.triage import placing


def draft(reference: str, *signs: Sign) -> ReportDraft:
    return ReportDraft(
        source=Source.API,
        reporter=Reporter(kind=ReporterKind.COMPANY),
        incident=Incident.OTHER,
        reference=reference,
        text="canary-words",
        signs=frozenset(signs),
    )


@pytest.fixture
def work(desk: Desk, tmp_path: Path) -> Workplace:
    """Where a worker of this desk runs its tasks."""
    settings = Settings(data_dir=tmp_path / "data", keys_dir=tmp_path / "keys")
    return Workplace(database=desk.database, keys=desk.keys, settings=settings, transport=Transport(), pace=Pace())


def test_the_jobs_of_the_desk_are_known_by_the_names_under_which_they_are_deferred() -> None:
    assert {placing.CALL, ordering.SURVEY} <= set(TASKS)
    assert {ordering.SURVEY, "draw_reports"} <= set(SCHEDULE)


def test_present_danger_defers_a_call_that_is_run_again_until_somebody_takes_it(desk: Desk, work: Workplace) -> None:
    first, second = desk.person(), desk.person()
    with desk.database.transaction() as conn:
        watching.join(conn, first, now=desk.now)
        watching.join(conn, second, now=desk.now)
    report_id = desk.take(draft("A-1", Sign.DANGER_NOW))
    with desk.database.transaction() as conn:
        deferred = conn.execute(
            "SELECT args FROM procrastinate_jobs WHERE task_name = %s ORDER BY id LIMIT 1", [placing.CALL]
        ).fetchone()
    assert deferred == ({"report_id": report_id},)
    with pytest.raises(TryAgain) as again:
        tasks.call_for_danger(work, report_id=report_id)
    assert again.value.at == desk.now + timedelta(minutes=5)
    with desk.database.transaction() as conn:
        desk_service.claim(conn, second, report_id=report_id, now=desk.now)
    tasks.call_for_danger(work, report_id=report_id)
    with desk.database.transaction() as conn:
        called = conn.execute("SELECT person_id::text FROM report_call").fetchall()
    assert called == [(first.id,)]


def test_the_queue_is_counted_and_drawn_from_by_jobs(desk: Desk, work: Workplace) -> None:
    for number in range(3):
        desk.take(draft(f"A-{number}"))
    with desk.database.transaction() as conn:
        ordering.choose_capacity(conn, CONSOLE, hours=1, minutes_each=60, now=desk.now)
    tasks.survey_queue(work)
    tasks.draw_reports(work)
    with desk.database.transaction() as conn:
        assert conn.execute("SELECT line ->> 'below' FROM report_survey").fetchone() == ("2",)
        assert conn.execute("SELECT count(*) FROM report_draw").fetchone() == (2,)
        assert sampling.missed(conn, CONSOLE, now=work.now()).drawn <= 2


def test_a_command_tells_of_reports_without_what_they_say(desk: Desk, commands: Commands, tmp_path: Path) -> None:
    report_id = desk.take(draft("A-1", Sign.DANGER_NOW))
    environ = {
        "VANGNET_DATABASE_URL": desk.database.conninfo,
        "VANGNET_DATA_DIR": str(tmp_path / "data"),
        "VANGNET_KEYS_DIR": str(tmp_path / "keys"),
    }
    told = [
        commands.run("report", *given, environ=environ)
        for given in (
            ("list", "--json"),
            ("list", "--source", "api"),
            ("show", report_id),
            ("danger",),
            ("missed", "--json"),
        )
    ]
    assert [one.returncode for one in told] == [0] * 5, [one.stderr for one in told]
    assert "sign:danger_now" in told[0].stdout
    assert f"{report_id}" in told[3].stdout
    assert '"share": null' in told[4].stdout
    assert not any("canary-words" in one.stdout for one in told)
    assert commands.run("report", "list", "--language", "x1", environ=environ).returncode == 2
