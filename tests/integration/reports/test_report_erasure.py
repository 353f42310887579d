"""What reports say is erased when its term ends, and the figures stay."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from running.report_desk import CONSOLE, Desk, zipped

from vangnet.config import Settings
from vangnet.errors import NotFound
from vangnet.identity.model import InstallationKind
from vangnet.jobs.erasure import erase_due, sweep_vault
from vangnet.jobs.model import Pace
from vangnet.jobs.workplace import Workplace
from vangnet.partners.transport import Transport
from vangnet.reports.model.drafts import Source
from vangnet.reports.model.reports import Closing, ReportState
from vangnet.reports.service.desk import desk as desk_service
from vangnet.reports.service.desk import showing
from vangnet.reports.service.intake import deliveries
from vangnet.retention import service as retention
from vangnet.retention.model import WAITS
from vangnet.retention.terms import STARTING, as_document
from vangnet.simulation.cybertips import make_tips
from vangnet.vault.model import MediumState
from vangnet.vault.service import looking


class Later(Workplace):
    """A workplace whose clock is the desk's."""

    at: datetime

    def now(self) -> datetime:
        return LATER[0]


LATER: list[datetime] = []


@pytest.fixture
def work(desk: Desk, tmp_path: Path) -> Workplace:
    settings = Settings(data_dir=tmp_path / "data", keys_dir=tmp_path / "keys", vault_dir=tmp_path / "vault")
    return Later(database=desk.database, keys=desk.keys, settings=settings, transport=Transport(), pace=Pace())


def test_what_a_report_says_is_erased_with_its_term_and_the_figures_stay(desk: Desk, work: Workplace) -> None:
    with desk.database.transaction() as conn:
        document = as_document(STARTING[InstallationKind.HOTLINE])
        retention.choose(conn, CONSOLE, document=document, now=desk.now - WAITS)
    seed = next(seed for seed in range(50) if any(f.stored_name for f in next(make_tips(seed, 1, now=desk.now)).files))
    delivery = desk.accept(Source.CYBERTIP, zipped(seed, desk.now))
    person = desk.person()
    with desk.database.transaction() as conn:
        (report_id,) = deliveries.show(conn, CONSOLE, keys=desk.keys, delivery_id=delivery.id).reports
        desk_service.claim(conn, person, report_id=report_id, now=desk.now)
        desk_service.close(conn, person, report_id=report_id, closing=Closing.NOTHING_FOUND, now=desk.now)
        media = [medium.id for medium in looking.list_media(conn, CONSOLE)]
    LATER[:] = [desk.now + timedelta(days=6)]
    erase_due(work)
    with desk.database.transaction() as conn:
        showing.open_report(conn, CONSOLE, keys=desk.keys, report_id=report_id, now=desk.now)
        before = showing.get_report(conn, CONSOLE, report_id=report_id)
    LATER[:] = [desk.now + timedelta(days=8)]
    erase_due(work)
    sweep_vault(work)
    with desk.database.transaction() as conn:
        with pytest.raises(NotFound):
            showing.open_report(conn, CONSOLE, keys=desk.keys, report_id=report_id, now=desk.now)
        assert showing.get_report(conn, CONSOLE, report_id=report_id) == before
        assert before.state is ReportState.DONE
        assert {looking.get_medium(conn, CONSOLE, medium_id=one)[0].state for one in media} == {MediumState.ERASED}
        assert conn.execute("SELECT count(*) FROM report_delivery_part").fetchone() == (0,)
    assert media
    assert not list((Path(work.settings.vault_dir)).rglob("*.sealed"))
