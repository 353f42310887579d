"""A report goes from one running installation to another, and what became of it comes back."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from psycopg import sql
from running.houses import House
from running.report_houses import accept, claim, colleague, hotline_and_police, knows, report, reports_of, said
from running.states import wait_until

from vangnet.audit.model import Actor
from vangnet.db.embedded import EmbeddedServer
from vangnet.handoff.model.referrals import ReferralOutcome, ReferralReason
from vangnet.identity.model import PartyKind
from vangnet.reports.model.drafts import (
    Identifier,
    IdentifierKind,
    Incident,
    ItemDraft,
    ItemKind,
    NamedPerson,
    PersonRole,
    Place,
    ReportDraft,
    Reporter,
    ReporterKind,
    Sign,
    Source,
    Trace,
)
from vangnet.reports.model.referrals import Arrival, ReferralState, Share
from vangnet.reports.model.reports import Closing, ReportState
from vangnet.reports.service import desk, referred, referring

AT = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
DRAFT = ReportDraft(
    source=Source.API,
    reporter=Reporter(kind=ReporterKind.CITIZEN, name="canary-reporter", contact="canary@reporter.example"),
    incident=Incident.ENTICEMENT,
    signs=frozenset({Sign.ENTICEMENT}),
    people=(
        NamedPerson(
            role=PersonRole.REPORTED,
            identifiers=(Identifier(kind=IdentifierKind.EMAIL, value="canary@person.example"),),
            traces=(Trace(address="192.0.2.7", at=AT),),
        ),
    ),
    places=(Place(country="NL", city="canary-city"),),
    items=(
        ItemDraft(kind=ItemKind.ADDRESS, address="https://canary.example/1"),
        ItemDraft(kind=ItemKind.FILE, file_name="canary-file.jpg", hashes=(("sha256", b"\x07" * 32),)),
    ),
    text="canary-words",
)
CANARIES = ("canary", "192.0.2.7", "person.example")


@pytest.fixture
def houses(postgres: EmbeddedServer, tmp_path: Path) -> Iterator[tuple[House, House]]:
    with hotline_and_police(postgres, tmp_path) as made:
        yield made


def claimed_report(ours: House, person: Actor) -> int:
    accept(ours, DRAFT)
    wait_until(lambda: len(reports_of(ours)) == 1)
    (found,) = reports_of(ours)
    claim(ours, person, found.id)
    return found.id


def referrals(ours: House) -> list[referring.ShownReferral]:
    with ours.database.transaction() as conn:
        return referring.list_referrals(conn, colleague(ours))


def lies_open(ours: House) -> list[str]:
    """The canaries that can be read in any table but that of people and parties."""
    with ours.database.transaction() as conn:
        tables = [
            row[0]
            for row in conn.execute(
                "SELECT tablename FROM pg_tables WHERE tablename LIKE 'report%' OR tablename LIKE 'handoff%'"
            )
        ]
        select = sql.SQL("SELECT t::text FROM {} t")
        rows = "\n".join(str(row[0]) for name in tables for row in conn.execute(select.format(sql.Identifier(name))))
    # A body is shown as digits.
    return [one for one in CANARIES if one in rows or one.encode().hex() in rows]


@pytest.mark.parametrize(
    ("closing", "outcome", "state", "ends"),
    [
        (Closing.HANDLED, ReferralOutcome.HANDLED, ReferralState.ANSWERED, ReportState.DONE),
        (Closing.NOT_OURS, ReferralOutcome.RETURNED, ReferralState.RETURNED, ReportState.WAITING),
    ],
)
def test_a_referral_is_receipted_and_its_outcome_comes_back(
    houses: tuple[House, House], closing: Closing, outcome: ReferralOutcome, state: ReferralState, ends: ReportState
) -> None:
    hotline, police = houses
    to_police = knows(hotline, police, PartyKind.POLICE)
    knows(police, hotline, PartyKind.HOTLINE)
    ours, theirs = colleague(hotline), colleague(police)
    with hotline.serving(), police.serving(), hotline.working(), police.working():
        report_id = claimed_report(hotline, ours)
        with hotline.database.transaction() as conn:
            referring.refer(
                conn, ours, keys=hotline.keys, report_id=report_id, party_id=to_police.id,
                reason=ReferralReason.INVESTIGATION, shares=frozenset(Share), note="canary-note", now=datetime.now(UTC),
            )  # fmt: skip
        assert report(hotline, report_id).state is ReportState.REFERRED
        wait_until(lambda: [one.arrival for one in referrals(hotline)] == [Arrival.ARRIVED])
        wait_until(lambda: len(reports_of(police)) == 1)
        (there,) = reports_of(police)
        assert (there.source, there.reporter_kind) == (Source.HANDOFF, ReporterKind.HOTLINE)
        assert there.case_number == report(hotline, report_id).case_number
        assert there.case_number is not None
        read = said(police, there)
        assert read.people == DRAFT.people
        assert read.items == DRAFT.items
        assert read.text == "canary-note\n\ncanary-words"
        assert (lies_open(hotline), lies_open(police)) == ([], [])

        claim(police, theirs, there.id)
        with police.database.transaction() as conn:
            desk.close(conn, theirs, report_id=there.id, closing=closing, now=datetime.now(UTC))
        wait_until(lambda: report(hotline, report_id).state is ends)
        (answered,) = referrals(hotline)
        assert (answered.referral.state, [one.outcome for one in answered.answers]) == (state, [outcome])
        with police.database.transaction() as conn:
            ((received, told),) = referred.list_received(conn, theirs)
        assert (received.report_id, [one.outcome for one in told]) == (there.id, [outcome])


def test_a_citizens_report_that_is_the_hotlines_goes_there_again_and_again(houses: tuple[House, House]) -> None:
    hotline, police = houses
    to_hotline = knows(police, hotline, PartyKind.HOTLINE, with_basis=False)
    knows(hotline, police, PartyKind.POLICE)
    ours, theirs = colleague(police), colleague(hotline)
    with hotline.serving(), police.serving(), hotline.working(), police.working():
        report_id = claimed_report(police, ours)
        for version, closing in ((1, Closing.NOT_OURS), (2, Closing.HANDLED)):
            with police.database.transaction() as conn:
                referring.refer(
                    conn, ours, keys=police.keys, report_id=report_id, party_id=to_hotline.id, reason=ReferralReason.THEIRS,
                    shares=frozenset({Share.ADDRESSES}), now=datetime.now(UTC),
                )  # fmt: skip
            wait_until(lambda version=version: [one.version for one in reports_of(hotline)] == [version])
            (there,) = reports_of(hotline)
            assert there.state is ReportState.WAITING
            assert there.reporter_kind is ReporterKind.CITIZEN, "the hotline knows that nobody assessed it"
            claim(hotline, theirs, there.id)
            with hotline.database.transaction() as conn:
                desk.close(conn, theirs, report_id=there.id, closing=closing, now=datetime.now(UTC))
            wait_until(lambda: report(police, report_id).state is not ReportState.REFERRED)
            if closing is Closing.NOT_OURS:
                claim(police, ours, report_id)
        read = said(hotline, there)
    assert [item.address for item in read.items] == ["https://canary.example/1", None]
    assert (read.people, read.traces, read.text, read.places) == ((), (), "", (Place(country="NL"),))
    assert all(item.hashes == () and item.file_name is None for item in read.items)
    assert "canary" not in str(replace(read.reporter))
    assert report(police, report_id).closing is Closing.FORWARDED
