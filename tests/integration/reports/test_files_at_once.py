"""Files that several reports bring at once are one file each, and odd digests hold nobody up."""

from concurrent.futures import ThreadPoolExecutor

from running.report_desk import CONSOLE, Desk

from vangnet.reports.formats.bundle import Bundled
from vangnet.reports.model.drafts import Incident, ItemDraft, ItemKind, ReportDraft, Reporter, ReporterKind, Source
from vangnet.reports.service.intake import deliveries
from vangnet.reports.service.intake.recognising import LookedUp, as_bytes, from_bytes


def hashed(*numbers: int, reference: str) -> Bundled:
    """A report of files that are known by their hashes alone."""
    items = tuple(
        ItemDraft(kind=ItemKind.HASH, hashes=(("md5", number.to_bytes(16, "big")), ("sha1", number.to_bytes(20, "big"))))
        for number in numbers
    )
    return of_items(items, reference)


def of_items(items: tuple[ItemDraft, ...], reference: str) -> Bundled:
    draft = ReportDraft(
        source=Source.API, reporter=Reporter(kind=ReporterKind.COMPANY, name="Host Example"), incident=Incident.MATERIAL,
        reference=reference, items=items,
    )  # fmt: skip
    return Bundled(draft=draft, files={}, where="")


def count(desk: Desk, table: str) -> int:
    with desk.database.transaction() as conn:
        found: int = conn.execute(f"SELECT count(*) FROM {table}".encode()).fetchall()[0][0]  # noqa: S608 (ours)
    return found


def test_reports_that_bring_the_same_new_files_at_once_share_them(desk: Desk) -> None:
    with desk.database.transaction() as conn:
        delivery = deliveries.begin(
            conn, CONSOLE, keys=desk.keys, source=Source.API, digest=b"at once", size_bytes=0, now=desk.now
        )
        origin = deliveries.origin_of(conn, delivery)
    reports = [
        # In orders of their own: whoever waits for each other in a ring would be refused by the database.
        hashed(*(range(30) if number % 2 else range(29, -1, -1)), 1000 + number, reference=f"R-{number}")
        for number in range(16)
    ]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: desk.taker.take_one(CONSOLE, delivery.id, one, origin), reports))
    assert count(desk, "report") == 16
    assert count(desk, "report_file WHERE id IN (SELECT file_id FROM report_item)") == 30 + 16
    assert count(desk, "report_file_digest") == 2 * (30 + 16)


def test_a_digest_that_a_report_gives_to_two_files_is_the_first_ones(desk: Desk) -> None:
    one, other, third = (bytes([number]) * 16 for number in (1, 2, 3))
    items = (
        ItemDraft(kind=ItemKind.HASH, hashes=(("sha1", one + b"1234"), ("md5", one))),
        ItemDraft(kind=ItemKind.HASH, hashes=(("md5", other),)),
        # This one says that it is the first, and has the second's digest.
        ItemDraft(kind=ItemKind.HASH, hashes=(("sha1", one + b"1234"), ("md5", other), ("sha256", third * 2))),
    )
    desk.take_bundled([of_items(items, "odd")])
    assert count(desk, "report_item") == 3
    assert count(desk, "report_file_digest") == 4


def test_what_is_sealed_of_a_file_is_read_back() -> None:
    for said in (
        LookedUp(digests=()),
        LookedUp(digests=(("sha256", bytes(32)), ("md5", b"\0" * 16))),
        LookedUp(digests=(("sha1", bytes(range(20))),), pdq=bytes(range(32))),
    ):
        assert from_bytes(as_bytes(said)) == said
