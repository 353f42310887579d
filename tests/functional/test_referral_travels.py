"""A report goes from one running installation to another, and what became of it comes back."""

import os
import random
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from psycopg import sql
from running.houses import ACTOR, House
from running.report_houses import Desk, colleague, stranger, three_desks
from running.states import wait_until

from vangnet.db.embedded import EmbeddedServer
from vangnet.errors import Conflict, InvalidInput, PermissionDenied
from vangnet.handoff.model import Kind
from vangnet.handoff.model.match_reports import MatchReport, ReportedMatch
from vangnet.handoff.model.referrals import ReferralOutcome, ReferralReason
from vangnet.handoff.service import sending
from vangnet.identity.model import Party, PartyKind
from vangnet.identity.permissions import Role
from vangnet.keys import Keys
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
from vangnet.reports.model.outcomes import Outcome
from vangnet.reports.model.referrals import Arrival, Referral, ReferralState, Share
from vangnet.reports.model.reports import Closing, ReportState
from vangnet.reports.service.referral import outcomes, referred, referring
from vangnet.reports.service.referral.referring import ShownReferral

AT = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
CANARIES = ("canary", "192.0.2.7", "person.example")


@pytest.fixture(scope="module")
def desks(postgres: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, Desk, Desk]]:
    """A hotline, police and a provider, running for all tests of this file."""
    with three_desks(postgres, tmp_path_factory.mktemp("desks")) as made:
        yield made


def draft() -> ReportDraft:
    """A report with something of each kind; another one each time."""
    number = uuid.uuid4().bytes
    return ReportDraft(
        source=Source.API,
        reporter=Reporter(kind=ReporterKind.CITIZEN, name="canary-reporter", contact="canary@reporter.example"),
        incident=Incident.ENTICEMENT,
        reference=number.hex(),
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
            ItemDraft(kind=ItemKind.FILE, file_name="canary-file.jpg", hashes=(("sha256", number * 2),)),
        ),
        text="canary-words",
    )


def refer(ours: Desk, report_id: int, to: Party, *shares: Share, **changes: object) -> Referral:
    wanted = {"reason": ReferralReason.INVESTIGATION, "note": "", "person": ours.person} | changes
    with ours.house.database.transaction() as conn:
        return referring.refer(
            conn, wanted.pop("person"), keys=ours.house.keys, report_id=report_id, party_id=to.id,  # type: ignore[arg-type]
            shares=frozenset(shares), now=datetime.now(UTC), **wanted,  # type: ignore[arg-type]
        )  # fmt: skip


def shown(ours: Desk, referral: Referral) -> ShownReferral:
    with ours.house.database.transaction() as conn:
        found = referring.list_of_report(conn, ours.person, keys=ours.house.keys, report_id=referral.report_id)
    return next(one for one in found if one.referral.id == referral.id)


def lies_open(ours: House) -> list[str]:
    """The canaries that can be read in any table of reports and hand-offs."""
    with ours.database.transaction() as conn:
        tables = conn.execute(
            "SELECT tablename FROM pg_tables WHERE tablename LIKE 'report%' OR tablename LIKE 'handoff%'"
        ).fetchall()
        select = sql.SQL("SELECT t::text FROM {} t")
        rows = "\n".join(str(row[0]) for (name,) in tables for row in conn.execute(select.format(sql.Identifier(name))))
    # Bytes are shown as digits.
    return [one for one in CANARIES if one in rows or one.encode().hex() in rows]


def test_a_referral_is_receipted_and_what_became_of_it_comes_back(desks: tuple[Desk, Desk, Desk]) -> None:
    hotline, police, _ = desks
    told = draft()
    report_id = hotline.claimed(told)
    referral = refer(hotline, report_id, hotline.knows[PartyKind.POLICE], *Share, note="canary-note")
    assert hotline.report(report_id).state is ReportState.REFERRED
    wait_until(lambda: shown(hotline, referral).arrival is Arrival.ARRIVED)
    there = police.came(referral.case_number)
    assert (there.source, there.reporter_kind) == (Source.HANDOFF, ReporterKind.HOTLINE)
    assert hotline.report(report_id).case_number == referral.case_number
    read = police.said(there.id)
    assert (read.people, read.items, read.signs, read.places) == (told.people, told.items, told.signs, told.places)
    assert read.text == "canary-note\n\ncanary-words\n\n(canary-reporter, canary@reporter.example)"
    assert (lies_open(hotline.house), lies_open(police.house)) == ([], [])

    police.claim(there.id)
    police.close(there.id, Closing.HANDLED)
    wait_until(lambda: hotline.report(report_id).state is ReportState.DONE)
    assert hotline.report(report_id).closing is Closing.FORWARDED
    with police.house.database.transaction() as conn:
        now = datetime.now(UTC)
        id_ = outcomes.lead_to(conn, police.person, keys=police.house.keys, report_id=there.id, number="PL-7", now=now)
        outcomes.add(conn, police.person, investigation_id=id_, outcome=Outcome.CHILD_SAFE, now=now)
    wait_until(lambda: len(shown(hotline, referral).answers) == 2)
    answered = shown(hotline, referral)
    assert answered.referral.state is ReferralState.ANSWERED
    assert [one.outcome for one in answered.answers] == [ReferralOutcome.HANDLED, ReferralOutcome.CHILD_SAFE]
    with police.house.database.transaction() as conn:
        given = {one.referral_id: answers for one, answers in referred.list_received(conn, police.person)}
    assert [one.outcome for one in given[referral.id]] == [ReferralOutcome.HANDLED, ReferralOutcome.CHILD_SAFE]


def test_a_citizens_report_that_is_the_hotlines_goes_there_comes_back_and_goes_again(
    desks: tuple[Desk, Desk, Desk],
) -> None:
    hotline, police, _ = desks
    report_id = police.claimed(draft())
    case_number = None
    for version, closing in ((1, Closing.NOT_OURS), (2, Closing.HANDLED)):
        referral = refer(police, report_id, police.knows[PartyKind.HOTLINE], Share.ADDRESSES, reason=ReferralReason.THEIRS)
        assert referral.case_number == (case_number or referral.case_number), "both speak of one case"
        case_number = referral.case_number
        there = hotline.came(case_number, version=version)
        wait_until(lambda there=there: hotline.report(there.id).state is ReportState.WAITING)  # type: ignore[misc]
        assert there.reporter_kind is ReporterKind.CITIZEN, "the hotline knows that nobody assessed it"
        hotline.claim(there.id)
        hotline.close(there.id, closing)
        wait_until(lambda: police.report(report_id).state is not ReportState.REFERRED)
        if closing is Closing.NOT_OURS:
            assert police.report(report_id).state is ReportState.WAITING
            police.claim(report_id)
    read = hotline.said(there.id)
    assert [item.address for item in read.items] == ["https://canary.example/1", None]
    assert (read.people, read.traces, read.text, read.places) == ((), (), "", (Place(country="NL"),))
    assert all(item.hashes == () and item.file_name is None for item in read.items)
    assert police.report(report_id).closing is Closing.FORWARDED


def test_a_refused_referral_is_seen_is_sent_again_and_is_taken_back(desks: tuple[Desk, Desk, Desk]) -> None:
    hotline, _, _ = desks
    report_id = hotline.claimed(draft())
    referral = refer(hotline, report_id, hotline.knows[PartyKind.PROVIDER], Share.ADDRESSES)
    wait_until(lambda: shown(hotline, referral).arrival is Arrival.REFUSED)
    assert shown(hotline, referral).handoffs[0].problem == "unknown_kind", "a provider takes no reports"
    with hotline.house.database.transaction() as conn:
        referring.again(conn, hotline.person, referral_id=referral.id, now=datetime.now(UTC))
    wait_until(lambda: shown(hotline, referral).handoffs[0].tries == 2)
    with hotline.house.database.transaction() as conn:
        referring.take_back(conn, hotline.person, referral_id=referral.id, now=datetime.now(UTC))
    assert hotline.report(report_id).state is ReportState.WAITING
    assert shown(hotline, referral).referral.state is ReferralState.TAKEN_BACK


def test_a_referral_that_nobody_acknowledges_is_seen_with_its_next_try_and_can_be_stopped(
    desks: tuple[Desk, Desk, Desk],
) -> None:
    hotline, _, _ = desks
    nobody = stranger(hotline.house, PartyKind.POLICE, _public_key())
    referral = refer(hotline, hotline.claimed(draft()), nobody)
    wait_until(lambda: any(one.tries for one in shown(hotline, referral).handoffs))
    waiting = shown(hotline, referral)
    assert (waiting.arrival, waiting.handoffs[0].problem) == (Arrival.ON_ITS_WAY, "partner_unreachable")
    assert waiting.next_try_at is not None
    with hotline.house.database.transaction() as conn:
        referring.take_back(conn, hotline.person, referral_id=referral.id, now=datetime.now(UTC))
    stopped = shown(hotline, referral)
    assert (stopped.referral.state, stopped.arrival) == (ReferralState.TAKEN_BACK, Arrival.GIVEN_UP)


def test_a_long_report_arrives_whole_though_it_crosses_in_parts(desks: tuple[Desk, Desk, Desk]) -> None:
    hotline, police, _ = desks
    dice = random.Random(os.urandom(8))  # noqa: S311 (made-up hashes)
    files = tuple(ItemDraft(kind=ItemKind.FILE, hashes=(("sha256", dice.randbytes(32)),)) for _ in range(4500))
    referral = refer(hotline, hotline.claimed(replace(draft(), items=files)), hotline.knows[PartyKind.POLICE], Share.HASHES)
    there = police.came(referral.case_number)
    assert len(shown(hotline, referral).handoffs) > 1
    assert police.said(there.id).items == files


def test_what_a_party_may_not_have_is_not_sent(desks: tuple[Desk, Desk, Desk]) -> None:
    hotline, police, _ = desks
    nobody = stranger(hotline.house, PartyKind.POLICE, _public_key())
    report_id = hotline.claimed(draft())
    with pytest.raises(InvalidInput, match="may have"):
        refer(hotline, report_id, nobody, Share.PEOPLE)
    with pytest.raises(InvalidInput, match="may have"):
        refer(police, police.claimed(draft()), police.knows[PartyKind.HOTLINE], Share.PEOPLE)
    with pytest.raises(Conflict, match="claim it first"):
        refer(hotline, report_id, nobody, person=colleague(hotline.house))
    with pytest.raises(PermissionDenied):
        refer(hotline, report_id, nobody, person=colleague(hotline.house, Role.AUDITOR))
    assert hotline.report(report_id).state is ReportState.CLAIMED


def test_what_was_met_at_a_gate_becomes_a_report_at_the_hotline(desks: tuple[Desk, Desk, Desk]) -> None:
    hotline, _, provider = desks
    match = ReportedMatch(
        list_name="NL", entry_id=8841, classification="baseline", algorithm="pdq", distance=6, view="border+flip_y"
    )
    digest = os.urandom(32)
    told = MatchReport(
        check_id=uuid.uuid4(), at=AT, decision="block", object_id="upload ab12", digests={"sha256": digest.hex()},
        matches=(match,),
    )  # fmt: skip
    with provider.house.database.transaction() as conn:
        sent = sending.send(
            conn, ACTOR, party_id=provider.knows[PartyKind.HOTLINE].id, kind=Kind.MATCH_REPORT, payload=told.payload(),
            keys=provider.house.keys, now=datetime.now(UTC),
        )  # fmt: skip
    found = hotline.came(sent.case_number)
    assert (found.source, found.reporter_kind, found.items) == (Source.HANDOFF, ReporterKind.COMPANY, 1)
    read = hotline.said(found.id)
    assert (read.incident_at, read.items[0].hashes) == (AT, (("sha256", digest),))
    assert "entry 8841, NL: baseline, found by pdq, distance 6, seen without its border, mirrored" in read.text
    assert read.reporter.name == provider.house.name


def _public_key() -> bytes:
    return Keys(signing=os.urandom(32), sealing=os.urandom(32)).public_key
