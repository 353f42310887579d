"""A hotline, a police force and a provider side by side, running, which know and refer reports to one another."""

import itertools
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from running.houses import ACTOR, House, house
from running.states import wait_until
from vangnet.audit.model import Actor, ActorKind
from vangnet.db.embedded import EmbeddedServer
from vangnet.identity.model import InstallationKind, Party, PartyKind
from vangnet.identity.permissions import Role, permissions_of
from vangnet.identity.service import parties
from vangnet.reports.model.contents import packed
from vangnet.reports.model.drafts import ReportDraft
from vangnet.reports.model.reports import Closing, Report
from vangnet.reports.service.desk import desk, showing
from vangnet.reports.service.intake import deliveries
from vangnet.reports.store import reports as report_store

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """An installation with somebody who works on reports there."""

    house: House
    person: Actor
    #: The others, as it knows them.
    knows: dict[PartyKind, Party] = field(default_factory=dict)

    def claimed(self, draft: ReportDraft) -> int:
        """A report came in by a program, was read by the worker, and is being worked on; its number."""
        with self.house.database.transaction() as conn:
            delivery = deliveries.accept(
                conn, ACTOR, keys=self.house.keys, source=draft.source, content=packed(draft), now=datetime.now(UTC)
            )
        found: list[int] = []

        def read() -> bool:
            with self.house.database.transaction() as conn:
                found[:] = deliveries.show(conn, ACTOR, keys=self.house.keys, delivery_id=delivery.id).reports
            return bool(found)

        wait_until(read)
        self.claim(found[0])
        return found[0]

    def claim(self, report_id: int) -> None:
        """Begins to work on a report."""
        with self.house.database.transaction() as conn:
            desk.claim(conn, self.person, report_id=report_id, now=datetime.now(UTC))

    def close(self, report_id: int, closing: Closing) -> None:
        """Ends the work on it."""
        with self.house.database.transaction() as conn:
            desk.close(conn, self.person, report_id=report_id, closing=closing, now=datetime.now(UTC))

    def report(self, report_id: int) -> Report:
        """A report as it stands."""
        with self.house.database.transaction() as conn:
            return showing.get_report(conn, ACTOR, report_id=report_id)

    def said(self, report_id: int) -> ReportDraft:
        """What a report says."""
        with self.house.database.transaction() as conn:
            return showing.read_draft(conn, self.house.keys, report_store.get_report(conn, report_id))

    def came(self, case_number: str | None, *, version: int = 1) -> Report:
        """The report of this case, once it is here in this version."""
        found: list[Report] = []

        def here() -> bool:
            with self.house.database.transaction() as conn:
                ids = [row[0] for row in conn.execute("SELECT id FROM report WHERE case_number = %s", [case_number])]
                found[:] = [one for one in report_store.list_reports(conn, ids) if one.version == version]
            return bool(found)

        wait_until(here)
        return found[0]


@contextmanager
def three_desks(postgres: EmbeddedServer, folder: Path) -> Iterator[tuple[Desk, Desk, Desk]]:
    """A hotline, police and a provider, all running."""
    kinds = {
        PartyKind.HOTLINE: InstallationKind.HOTLINE,
        PartyKind.POLICE: InstallationKind.POLICE,
        PartyKind.PROVIDER: InstallationKind.PROVIDER,
    }
    with ExitStack() as opened:
        houses = {
            kind: opened.enter_context(house(postgres, folder, kind.value.capitalize(), installation))
            for kind, installation in kinds.items()
        }
        desks = {}
        for kind, ours in houses.items():
            known = {other: knows(ours, theirs, other) for other, theirs in houses.items() if other is not kind}
            desks[kind] = Desk(house=ours, person=colleague(ours), knows=known)
            opened.enter_context(ours.serving())
            opened.enter_context(ours.working())
        hotline, police, provider = desks.values()
        yield hotline, police, provider


def knows(ours: House, theirs: House, kind: PartyKind) -> Party:
    """The other house as a party of this kind, with a legal basis for a year."""
    now = datetime.now(UTC)
    with ours.database.transaction() as conn:
        party = parties.add(
            conn, ACTOR, name=theirs.name, kind=kind, base_url=theirs.url, public_key=theirs.keys.public_key, now=now
        )
        return parties.record_legal_basis(
            conn, ACTOR, party_id=party.id, text="Police task", reference="Agreement 2026-1",
            ends_on=(now + timedelta(days=365)).date(), now=now,
        )  # fmt: skip


def stranger(ours: House, kind: PartyKind, public_key: bytes) -> Party:
    """A party without a legal basis, whose installation nobody reaches."""
    with ours.database.transaction() as conn:
        return parties.add(
            conn, ACTOR, name=f"Nobody {next(_numbers)}", kind=kind, base_url="http://127.0.0.1:9",
            public_key=public_key, now=datetime.now(UTC),
        )  # fmt: skip


def colleague(ours: House, *roles: Role) -> Actor:
    """One of the people of a house, of the staff unless other roles are given."""
    chosen = roles or (Role.STAFF,)
    person_id, now = uuid.uuid4(), datetime.now(UTC)
    with ours.database.transaction() as conn:
        conn.execute(
            """
            INSERT INTO person (id, name, email, language, theme, roles, state, invited_at, joined_at)
            VALUES (%s, 'Collega', %s, 'nl', 'system', %s, 'active', %s, %s)
            """,
            [person_id, f"collega{next(_numbers)}@house.example", [role.value for role in chosen], now, now],
        )
    return Actor(kind=ActorKind.PERSON, id=str(person_id), permissions=permissions_of(frozenset(chosen)))
