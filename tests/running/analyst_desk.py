"""A hotline with made-up reports in its queue, and police to whom it refers: both running, for an analyst's shift."""

import io
import random
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from running.assessed_reports import desk_of
from running.houses import ACTOR, House, house
from running.report_desk import Desk
from running.server import RunningServer, console, own_database, running
from running.states import HURRY
from vangnet.db.embedded import EmbeddedServer
from vangnet.identity.model import InstallationKind, PartyKind, Person
from vangnet.identity.permissions import Role
from vangnet.identity.service import links, parties
from vangnet.reports.model.drafts import Source
from vangnet.simulation.cybertips import make_tip, small_picture
from vangnet.worker import Worker

POLICE = "Politie Midden"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalystDesk:
    """Where the analyst works, who that is, and the neighbour."""

    server: RunningServer
    person: Person
    police: House

    @property
    def label(self) -> str:
        """The analyst, as steps and events name them."""
        return f"person:{self.person.id}"

    def link(self) -> str:
        """Signs the analyst in, once."""
        with self.server.transaction() as conn:
            return links.make_link(
                conn, console(), email=self.person.email, base_url=self.server.url, now=datetime.now(UTC)
            )

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What the database of the hotline says."""
        with self.server.transaction() as conn:
            return conn.execute(query.encode(), values).fetchall()

    def value(self, query: str, *values: object) -> Any:
        """The same, of one row with one value."""
        ((value,),) = self.rows(query, *values)
        return value

    def spends_a_morning_on_pictures(self) -> None:
        """The analyst looked at sharp pictures for 73 of the 90 minutes that a day has for them."""
        self.rows(
            """
            INSERT INTO report_look (file_id, report_id, person_id, step, reason, at, shown_at, until_at, covered_at)
            SELECT file_id, report_id, person_id, 'part', reason, now(), now() - interval '1 minute', now(), now()
            FROM (SELECT * FROM report_look WHERE person_id = %s ORDER BY id DESC LIMIT 1), generate_series(1, 73)
            RETURNING id
            """,
            self.person.id,
        )


@contextmanager
def analyst_desk(postgres: EmbeddedServer, folder: Path, *, reports: int, seed: int) -> Iterator[AnalystDesk]:
    """A hotline with so many reports that wait, and police; running until the block ends."""
    logfile = folder / "log"
    logfile.touch()
    with ExitStack() as opened:
        database = opened.enter_context(own_database(postgres, f"analyst_{reports}"))
        server = opened.enter_context(running(database, folder, logfile, party_name="Meldpunt Voorbeeld"))
        opened.enter_context(Worker(database, server.keys, server.settings, pace=HURRY))
        police = opened.enter_context(house(postgres, folder, POLICE, InstallationKind.POLICE))
        opened.enter_context(police.serving())
        opened.enter_context(police.working())
        _introduce(server, police)
        _fill(desk_of(server), reports=reports, seed=seed)
        person = server.invite(Role.STAFF, name="Esra Kaya", email="esra.kaya@meldpunt.example")
        yield AnalystDesk(server=server, person=person, police=police)


def _introduce(server: RunningServer, police: House) -> None:
    now = datetime.now(UTC)
    with server.transaction() as conn:
        party = parties.add(
            conn, console(), name=POLICE, kind=PartyKind.POLICE, base_url=police.url, public_key=police.keys.public_key,
            now=now,
        )  # fmt: skip
        parties.record_legal_basis(
            conn, console(), party_id=party.id, text="Police task", reference="Agreement 2026-1",
            ends_on=(now + timedelta(days=365)).date(), now=now,
        )  # fmt: skip
    with police.database.transaction() as conn:
        parties.add(
            conn, ACTOR, name="Meldpunt Voorbeeld", kind=PartyKind.HOTLINE, base_url=server.url,
            public_key=server.keys.public_key, now=now,
        )  # fmt: skip


def _fill(desk: Desk, *, reports: int, seed: int) -> None:
    """Made-up company reports of one to three files; some files turn up in several, one report asks for haste."""
    drawn = random.Random(seed)  # noqa: S311 (made-up reports are no secret)
    circulating = [small_picture(drawn) for _ in range(3)]
    for number in range(reports):
        tip = make_tip(
            seed * 1000 + number, now=desk.now, files=1 + number % 3, haste=number == reports // 2, circulating=circulating
        )
        written = io.BytesIO()
        with zipfile.ZipFile(written, "w") as archive:
            for name, content in tip.members().items():
                archive.writestr(name, content)
        desk.accept(Source.CYBERTIP, written.getvalue())
