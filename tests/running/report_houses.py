"""A hotline and a police force side by side, each with a desk, which know each other and refer reports to one another."""

import itertools
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from running.houses import ACTOR, House, house
from vangnet.audit.model import Actor, ActorKind
from vangnet.db.embedded import EmbeddedServer
from vangnet.identity.model import InstallationKind, Party, PartyKind
from vangnet.identity.permissions import Role, permissions_of
from vangnet.identity.service import parties
from vangnet.reports.model.contents import packed
from vangnet.reports.model.drafts import ReportDraft
from vangnet.reports.model.reports import Report
from vangnet.reports.service import deliveries, desk, showing
from vangnet.reports.store import reports as report_store

_numbers = itertools.count(1)


@contextmanager
def hotline_and_police(postgres: EmbeddedServer, folder: Path) -> Iterator[tuple[House, House]]:
    """Two installations, not running yet."""
    with ExitStack() as opened:
        hotline = opened.enter_context(house(postgres, folder, "Meldpunt", InstallationKind.HOTLINE))
        police = opened.enter_context(house(postgres, folder, "Politie", InstallationKind.POLICE))
        yield hotline, police


def knows(ours: House, theirs: House, kind: PartyKind, *, with_basis: bool = True) -> Party:
    """The other house as a party of this kind, with a legal basis for a year."""
    now = datetime.now(UTC)
    with ours.database.transaction() as conn:
        party = parties.add(
            conn, ACTOR, name=theirs.name, kind=kind, base_url=theirs.url, public_key=theirs.keys.public_key, now=now
        )
        if with_basis:
            ends_on = (now + timedelta(days=365)).date()
            party = parties.record_legal_basis(
                conn, ACTOR, party_id=party.id, text="Police task", reference="Agreement 2026-1", ends_on=ends_on, now=now
            )
    return party


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


def accept(ours: House, draft: ReportDraft) -> int:
    """A report comes in; the number of its delivery. A worker reads it."""
    with ours.database.transaction() as conn:
        return deliveries.accept(
            conn, ACTOR, keys=ours.keys, source=draft.source, content=packed(draft), now=datetime.now(UTC)
        ).id


def reports_of(ours: House) -> list[Report]:
    """Every report of a house, the oldest first."""
    with ours.database.transaction() as conn:
        ids = [row[0] for row in conn.execute("SELECT id FROM report ORDER BY id")]
        return report_store.list_reports(conn, ids)


def report(ours: House, report_id: int) -> Report:
    """A report as it stands."""
    with ours.database.transaction() as conn:
        return showing.get_report(conn, ACTOR, report_id=report_id)


def said(ours: House, found: Report) -> ReportDraft:
    """What a report says."""
    with ours.database.transaction() as conn:
        return showing.read_draft(conn, ours.keys, found)


def claim(ours: House, person: Actor, report_id: int) -> None:
    """Somebody begins to work on it."""
    with ours.database.transaction() as conn:
        desk.claim(conn, person, report_id=report_id, now=datetime.now(UTC))


def party_of(ours: House, party_id: UUID) -> Party:
    """A party that a house knows."""
    with ours.database.transaction() as conn:
        return parties.party(conn, party_id)
