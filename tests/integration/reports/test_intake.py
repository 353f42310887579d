"""Reports are taken in once, whole, and are found again as they came."""

import itertools
import uuid
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from psycopg import sql
from running.report_desk import CONSOLE, Desk, zipped

from vangnet.hashing.hasher import Hasher
from vangnet.hashing.sandbox import Sandbox
from vangnet.reports.formats import bundle
from vangnet.reports.formats.archives import Member
from vangnet.reports.model.deliveries import DeliveryState
from vangnet.reports.model.drafts import (
    Incident,
    ItemDraft,
    ItemKind,
    ReportDraft,
    Reporter,
    ReporterKind,
    Sign,
    Source,
)  # fmt: skip
from vangnet.reports.model.reports import Report, ReportFile, ReportState
from vangnet.reports.service.desk import desk as desk_service
from vangnet.reports.service.desk import showing
from vangnet.reports.service.intake import deliveries
from vangnet.reports.service.intake.arriving import FileTaker
from vangnet.reports.service.intake.taking import Taker
from vangnet.simulation.cybertips import MadeTip, make_tip, make_tips, write_zip
from vangnet.vault.service import looking

LINK = "https://pictures.example/gallery/1"


def link_report(reference: str | None = None, link: str = LINK, *, signs: frozenset[Sign] = frozenset()) -> ReportDraft:
    return ReportDraft(
        source=Source.API,
        reporter=Reporter(kind=ReporterKind.COMPANY, name="Host Example"),
        incident=Incident.MATERIAL,
        reference=reference,
        items=(ItemDraft(kind=ItemKind.ADDRESS, address=link),),
        signs=signs,
    )


def shown(desk: Desk, report_id: int) -> Report:
    with desk.database.transaction() as conn:
        return showing.get_report(conn, CONSOLE, report_id=report_id)


def test_a_report_is_found_again_as_it_came(desk: Desk) -> None:
    draft = replace(link_report("A-1"), text="Zie de link.", language="nl", signs=frozenset({Sign.INFANT}))
    report_id = desk.take(draft)
    with desk.database.transaction() as conn:
        found = showing.open_report(conn, CONSOLE, keys=desk.keys, report_id=report_id, now=desk.now)
        whole = showing.read_draft(conn, desk.keys, found.report)
    assert whole == draft
    assert found.items[0].said == draft.items[0]
    assert (found.report.state, found.report.items, found.report.version) == (ReportState.WAITING, 1, 1)


def test_nothing_that_a_report_says_lies_open_in_the_database(desk: Desk) -> None:
    desk.take(replace(link_report("A-1"), text="canary-text"))
    with desk.database.transaction() as conn:
        tables = [row[0] for row in conn.execute("SELECT tablename FROM pg_tables WHERE tablename LIKE 'report%'")]
        select = sql.SQL("SELECT t::text FROM {} t")
        rows = "\n".join(str(row) for name in tables for row in conn.execute(select.format(sql.Identifier(name))))
    for canary in ("canary-text", "pictures.example", "Host Example", "A-1"):
        assert canary not in rows


def test_the_same_again_is_only_noted(desk: Desk) -> None:
    first = desk.take(link_report("A-1"))
    assert desk.accept(Source.API, b"").state is DeliveryState.UNREADABLE
    again = desk.take_bundled([bundle.Bundled(draft=link_report("A-1"), files={}, where="")])
    assert again == [first]
    assert shown(desk, first).version == 1


def test_the_same_bytes_again_are_not_read_again(desk: Desk) -> None:
    content = zipped(1, desk.now)
    assert desk.accept(Source.CYBERTIP, content).state is DeliveryState.TAKEN
    assert desk.accept(Source.CYBERTIP, content).state is DeliveryState.AGAIN


def test_the_same_report_with_changes_is_another_version_of_it(desk: Desk) -> None:
    first = desk.take(link_report("A-1"))
    person = desk.person()
    with desk.database.transaction() as conn:
        desk_service.claim(conn, person, report_id=first, now=desk.now)
        desk_service.close(conn, person, report_id=first, closing=desk_service.Closing.NOTHING_FOUND, now=desk.now)
    assert desk.take(link_report("A-1", "https://pictures.example/gallery/2")) == first
    report = shown(desk, first)
    assert (report.version, report.state) == (2, ReportState.WAITING)
    with desk.database.transaction() as conn:
        before = showing.open_report(conn, CONSOLE, keys=desk.keys, report_id=first, version=1, now=desk.now)
        now = showing.open_report(conn, CONSOLE, keys=desk.keys, report_id=first, now=desk.now)
    assert before.said.reference == "A-1"
    assert now.items[0].said.address == "https://pictures.example/gallery/2"


def test_a_bundle_comes_with_its_files_into_the_vault(desk: Desk) -> None:
    (tip,) = make_tips(3, 1, now=desk.now)
    delivery = desk.accept(Source.CYBERTIP, zipped(3, desk.now))
    assert (delivery.state, delivery.reports, delivery.bad) == (DeliveryState.TAKEN, 1, 0)
    with desk.database.transaction() as conn:
        (report_id,) = deliveries.show(conn, CONSOLE, keys=desk.keys, delivery_id=delivery.id).reports
        found = showing.open_report(conn, CONSOLE, keys=desk.keys, report_id=report_id, now=desk.now)
    came = [one for one in found.items if one.item.has_bytes]
    assert len(came) == sum(file.stored_name is not None for file in tip.files)
    assert all(one.file is not None and one.file.medium_id is not None for one in came)
    assert found.report.unseen == len({one.file.id for one in found.items if one.file is not None})


def _deliver(desk: Desk, folder: Path, tip: MadeTip) -> tuple[Report, list[ReportFile | None]]:
    """Takes a bundle in; the report as it stands then, and its files that came along."""
    path = folder / f"{uuid.uuid4()}.zip"
    write_zip(tip, path, one_document=True)
    (report_id,) = desk.take_bundled(bundle.read(path, now=desk.now))
    with desk.database.transaction() as conn:
        found = showing.open_report(conn, CONSOLE, keys=desk.keys, report_id=report_id, now=desk.now)
    return found.report, [one.file for one in found.items if one.item.has_bytes]


def test_the_same_words_with_another_file_are_another_version_and_both_files_are_kept(desk: Desk, tmp_path: Path) -> None:
    tip = make_tip(7, now=desk.now, files=2)
    assert all(file.stored_name for file in tip.files)
    other = replace(tip, files=(replace(tip.files[0], content=tip.files[0].content[:-1] + b"!"), tip.files[1]))
    first, files = _deliver(desk, tmp_path, tip)
    again, _ = _deliver(desk, tmp_path, tip)
    assert (first.version, again.version) == (1, 1), "the same files are the same report"
    changed, other_files = _deliver(desk, tmp_path, other)
    assert (changed.id, changed.version) == (first.id, 2)
    assert [one is not None and one.medium_id is not None for one in (*files, *other_files)] == [True] * 4
    assert [a == b for a, b in zip(files, other_files, strict=True)] == [False, True]
    with desk.database.transaction() as conn:
        assert looking.check(conn, CONSOLE, files=desk.vault, whole=True, now=desk.now).findings == ()


def test_a_file_that_the_vault_did_not_take_in_can_be_delivered_again(desk: Desk, tmp_path: Path) -> None:
    tip = make_tip(6, now=desk.now, files=1)
    with Sandbox(processes=1) as sandbox:
        files = FileTaker(Hasher(sandbox), None, bytes_max=1024 * 1024)
        without = Taker(desk.database, desk.keys, files=files, vault=None, live=None, clock=lambda: desk.now)
        first, before = _deliver(replace(desk, taker=without), tmp_path, tip)
    second, after = _deliver(desk, tmp_path, tip)
    third, _ = _deliver(desk, tmp_path, tip)
    assert (first.version, second.version, third.version) == (1, 2, 2)
    assert [one is not None and one.medium_id for one in before] == [None]
    assert [one is not None and one.medium_id is not None for one in after] == [True]


def test_a_delivery_that_was_broken_off_goes_on_without_opening_its_files_again(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tips = [make_tip(seed, now=desk.now, files=2) for seed in range(3)]
    bundles = tmp_path / "bundles"
    bundles.mkdir()
    for number, tip in enumerate(tips):
        write_zip(tip, bundles / f"{number}.zip", one_document=True)
    opened: list[str] = []
    whole = Member.open
    monkeypatch.setattr(Member, "open", lambda member: (opened.append(member.name), whole(member))[1])
    with desk.database.transaction() as conn:
        delivery = deliveries.begin(
            conn, CONSOLE, source=Source.CYBERTIP, keys=desk.keys, digest=b"three", size_bytes=0, now=desk.now
        )
        origin = deliveries.origin_of(conn, delivery)
    two = itertools.islice(bundle.read(bundles, now=desk.now), 2)
    assert desk.taker.take(CONSOLE, delivery, two, origin).reports == 2
    assert Counter(Path(name).suffix == ".xml" for name in opened) == {True: 2, False: 4}
    opened.clear()
    assert desk.taker.take(CONSOLE, delivery, bundle.read(bundles, now=desk.now), origin).reports == 3
    assert Counter(Path(name).suffix == ".xml" for name in opened) == {True: 3, False: 2}, "files of the third alone"
    with desk.database.transaction() as conn:
        came = conn.execute("SELECT details->>'came' FROM audit_event WHERE action = 'report:take' AND record = 'report'")
        assert came.fetchall() == [("new",)] * 3, "what is passed over is no event"


def test_the_same_words_twice_in_a_delivery_that_was_broken_off_between_them_lose_no_file(
    desk: Desk, tmp_path: Path
) -> None:
    tip = make_tip(7, now=desk.now, files=1)
    other = replace(tip, files=(replace(tip.files[0], content=tip.files[0].content[:-1] + b"!"),))
    bundles = tmp_path / "bundles"
    bundles.mkdir()
    for number, one in enumerate((tip, other)):
        write_zip(one, bundles / f"{number}.zip", one_document=True)
    with desk.database.transaction() as conn:
        delivery = deliveries.begin(
            conn, CONSOLE, source=Source.CYBERTIP, keys=desk.keys, digest=b"two", size_bytes=0, now=desk.now
        )
        origin = deliveries.origin_of(conn, delivery)
    desk.taker.take(CONSOLE, delivery, itertools.islice(bundle.read(bundles, now=desk.now), 1), origin)
    desk.taker.take(CONSOLE, delivery, bundle.read(bundles, now=desk.now), origin)
    with desk.database.transaction() as conn:
        assert conn.execute("SELECT version FROM report").fetchall() == [(2,)]
        assert conn.execute("SELECT count(*) FROM report_file WHERE medium_id IS NOT NULL").fetchone() == (2,)


def test_a_broken_delivery_is_kept_and_can_be_mended(desk: Desk) -> None:
    broken = desk.accept(Source.CYBERTIP, zipped(4, desk.now)[:-200])
    assert broken.state is DeliveryState.UNREADABLE
    with desk.database.transaction() as conn:
        told = deliveries.show(conn, CONSOLE, keys=desk.keys, delivery_id=broken.id)
        assert "whole one" in told.problems[0].problem
        assert (
            deliveries.raw(conn, CONSOLE, keys=desk.keys, delivery_id=broken.id, now=desk.now) == zipped(4, desk.now)[:-200]
        )
        mended = deliveries.repair(
            conn, CONSOLE, keys=desk.keys, delivery_id=broken.id, content=zipped(4, desk.now), now=desk.now
        )
    assert desk.taker.read_delivery(CONSOLE, mended.id).state is DeliveryState.TAKEN
    with desk.database.transaction() as conn:
        assert (
            deliveries.show(conn, CONSOLE, keys=desk.keys, delivery_id=broken.id).delivery.state is DeliveryState.REPAIRED
        )


def test_danger_stands_first_and_two_people_get_two_reports(desk: Desk) -> None:
    plain = desk.take(link_report("A-1"))
    desk.now += timedelta(minutes=1)
    urgent = desk.take(link_report("A-2", signs=frozenset({Sign.DANGER_NOW})))
    one, other = desk.person(), desk.person()
    with desk.database.transaction() as conn:
        waiting = desk_service.queue(conn, CONSOLE, limit=10, now=desk.now)
        assert [found.report.id for found in waiting] == [urgent, plain]
        first = desk_service.claim_next(conn, one, now=desk.now)
        second = desk_service.claim_next(conn, other, now=desk.now)
        assert (first and first.id, second and second.id) == (urgent, plain)
        assert desk_service.claim_next(conn, one, now=desk.now) is None
