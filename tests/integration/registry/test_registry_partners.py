"""The services of third parties that share hashes, over a socket."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from running.fake_ncmec import PASSWORD, USERNAME, FakeEntry, FakeNcmec
from running.fake_service import Fault
from running.fake_stopncii import FEEDBACK_KEY, FETCH_KEY, SUBSCRIPTION_KEY, FakeStopncii

from vangnet.errors import InvalidInput, PartnerFailed, PartnerRefused, PartnerUnreachable
from vangnet.partners import ncmec_hashes, stopncii
from vangnet.partners.endpoint import Endpoint, split
from vangnet.partners.transport import Transport
from vangnet.registry.formats.reading import Row, Skipped, Taken, Withdrawn
from vangnet.registry.model.entries import HashAlgorithm, ListedHash, MediaKind

SINCE, UNTIL = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
MD5, SHA1, PDQ = "ab" * 16, "cd" * 20, "ef" * 32


@pytest.fixture
def ncmec() -> Iterator[FakeNcmec]:
    fake = FakeNcmec(size=3)
    with fake.running("/hashsharing"):
        yield fake


@pytest.fixture
def stop() -> Iterator[FakeStopncii]:
    fake = FakeStopncii(size=3)
    with fake.running("/v1"):
        yield fake


def at_ncmec(fake: FakeNcmec, password: str = PASSWORD) -> Endpoint:
    headers = ncmec_hashes.credentials(username=USERNAME, password=password)
    return Endpoint(transport=Transport(), base_url=fake.base_url, partner="source 1", headers=headers)


def at_stopncii(fake: FakeStopncii, key: str = FETCH_KEY) -> Endpoint:
    headers = stopncii.credentials(subscription_key=SUBSCRIPTION_KEY, function_key=key)
    return Endpoint(transport=Transport(), base_url=fake.base_url, partner="source 2", headers=headers)


def a_pass(fake: FakeNcmec) -> list[Row]:
    rows: list[Row] = []
    place: ncmec_hashes.Place | None = ncmec_hashes.Place(since=SINCE, until=UNTIL)
    while place is not None:
        page = ncmec_hashes.fetch_page(at_ncmec(fake), ncmec_hashes.Place.read(place.written()), after=len(rows))
        rows += page.rows
        place = page.then
    return rows


def name(value: bytes) -> str:
    return hashlib.sha256(value).hexdigest()[:16]


# --- NCMEC ---


def test_ncmec_says_who_we_are_and_who_takes_part(ncmec: FakeNcmec) -> None:
    ncmec.entries = [FakeEntry(id="a", member=42), FakeEntry(id="b", member=43)]
    assert ncmec_hashes.fetch_status(at_ncmec(ncmec)) == ncmec_hashes.Member(id="7", name="Vangnet")
    assert [member.id for member in ncmec_hashes.fetch_members(at_ncmec(ncmec))] == ["42", "43"]


def test_a_pass_brings_every_entry_of_every_kind_with_all_its_hashes(ncmec: FakeNcmec) -> None:
    everything = {
        "MD5": MD5, "SHA1": SHA1, "PDNA": "QUJD\nREVG", "PDQ": PDQ, "NETCLEAN": "n", "VIDENTIFIER": "v", "TMK_PDQF": "t",
        "SSVH_PDNA": "s", "SSVH_SAFER_HASH": "h", "UNHEARD_OF": "u",
    }  # fmt: skip
    ncmec.entries = [
        FakeEntry(id="a", fingerprints=everything),
        FakeEntry(id="b", kind="video", classification=None, fingerprints={"MD5": MD5}),
        FakeEntry(id="c", kind="deletedImage"),
        FakeEntry(id="d", kind="deletedVideo"),
        FakeEntry(id="e", member=43, at=datetime(2025, 2, 1, tzinfo=UTC), fingerprints={"SHA1": SHA1}),
        FakeEntry(id="too new", at=datetime(2026, 7, 1, tzinfo=UTC)),
    ]
    rows = a_pass(ncmec)
    assert sorted(row.position for row in rows) == [1, 2, 3, 4, 5]
    drafts = {row.draft.reference: row.draft for row in rows if isinstance(row, Taken)}
    assert {row.reference for row in rows if isinstance(row, Withdrawn)} == {"42/c", "42/d"}
    assert set(drafts) == {"42/a", "42/b", "43/e"}
    assert [hash_.algorithm for hash_ in drafts["42/a"].hashes] == [
        HashAlgorithm.MD5, HashAlgorithm.SHA1, HashAlgorithm.PHOTODNA, HashAlgorithm.PDQ, HashAlgorithm.NETCLEAN,
        HashAlgorithm.VIDENTIFIER, HashAlgorithm.TMK_PDQF, HashAlgorithm.SSVH_PDNA, HashAlgorithm.SSVH_SAFER_HASH,
        HashAlgorithm.OTHER,
    ]  # fmt: skip
    assert drafts["42/a"].hashes[2].value == b"QUJDREVG"
    assert (drafts["42/a"].category.scheme, drafts["42/a"].category.name) == ("ncmec", "A1")
    assert (drafts["42/b"].category.name, drafts["42/b"].media_kind) == (ncmec_hashes.UNCLASSIFIED, MediaKind.VIDEO)


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        (FakeEntry(id="x", fingerprints={"MD5": "12"}), "MD5"),
        (FakeEntry(id="x", fingerprints={"PDQ": MD5}), "PDQ"),
        (FakeEntry(id="x"), "hash"),
        (FakeEntry(id="", fingerprints={"MD5": MD5}), "id"),
        (FakeEntry(id="x", kind="audioimage", fingerprints={"MD5": MD5}), "entry"),
        (FakeEntry(id="x", classification="a" * 200, fingerprints={"MD5": MD5}), "classification"),
    ],
)
def test_an_entry_that_cannot_be_taken_says_why_and_the_rest_goes_on(
    ncmec: FakeNcmec, entry: FakeEntry, field: str
) -> None:
    ncmec.entries = [FakeEntry(id="a", fingerprints={"MD5": MD5}), entry, FakeEntry(id="b", fingerprints={"SHA1": SHA1})]
    first, second, third = a_pass(ncmec)
    assert isinstance(second, Skipped)
    assert (second.position, second.field) == (2, field)
    assert isinstance(first, Taken)
    assert isinstance(third, Taken)


@pytest.mark.parametrize("fault", [Fault.STOPS, Fault.BROKEN, Fault.NONSENSE, Fault.OVERLOADED])
def test_a_page_that_does_not_come_whole_is_no_page(ncmec: FakeNcmec, stop: FakeStopncii, fault: Fault) -> None:
    ncmec.entries = [FakeEntry(id="a", fingerprints={"MD5": MD5})]
    stop.add(PDQ)
    for fake in (ncmec, stop):
        fake.faults.append(fault)
    with pytest.raises(PartnerFailed):
        ncmec_hashes.fetch_page(at_ncmec(ncmec), ncmec_hashes.Place(since=SINCE, until=UNTIL), after=0)
    with pytest.raises(PartnerFailed):
        stopncii.fetch_page(at_stopncii(stop), stopncii.Place(since=0), after=0, name=name)


def test_pages_that_go_round_are_refused(ncmec: FakeNcmec, stop: FakeStopncii) -> None:
    ncmec.entries = [FakeEntry(id=str(number), fingerprints={"MD5": f"{number:032x}"}) for number in range(9)]
    first = ncmec_hashes.fetch_page(at_ncmec(ncmec), ncmec_hashes.Place(since=SINCE, until=UNTIL), after=0)
    assert first.then is not None
    ncmec.faults.append(Fault.REPEATS)
    with pytest.raises(PartnerRefused, match="go round"):
        ncmec_hashes.fetch_page(at_ncmec(ncmec), first.then, after=3)
    for number in range(9):
        stop.add(f"{number:064x}")
    page = stopncii.fetch_page(at_stopncii(stop), stopncii.Place(since=0), after=0, name=name)
    assert page.then is not None
    stop.faults.append(Fault.REPEATS)
    with pytest.raises(PartnerRefused, match="go round"):
        stopncii.fetch_page(at_stopncii(stop), page.then, after=3, name=name)


def test_wrong_credentials_are_refused_and_named_nowhere(ncmec: FakeNcmec, stop: FakeStopncii) -> None:
    with pytest.raises(PartnerRefused, match="credentials") as refused:
        ncmec_hashes.fetch_status(at_ncmec(ncmec, "canary-wrong"))
    assert "canary" not in str(refused.value) + repr(at_ncmec(ncmec, "canary-wrong"))
    with pytest.raises(PartnerRefused, match="credentials"):
        stopncii.fetch_page(at_stopncii(stop, "wrong"), stopncii.Place(since=0), after=0, name=name)


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE x [<!ENTITY a "b">]><queryResult>&a;</queryResult>',
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><queryResult><images>&a;</images></queryResult>',
        b"<queryResult>" + b"<images>" * 100_000,
        b"<queryResult><paging><next>https://elsewhere.example/</next></paging></queryResult>",
        b"<queryResult><paging><next>/v2/members</next></paging></queryResult>",
        b"",
        b"\x00",
    ],
)
def test_hostile_xml_is_refused(ncmec: FakeNcmec, body: bytes) -> None:
    ncmec.answer = lambda *_: (200, body)  # type: ignore[method-assign]
    with pytest.raises(PartnerRefused):
        ncmec_hashes.fetch_page(at_ncmec(ncmec), ncmec_hashes.Place(since=SINCE, until=UNTIL), after=0)


def test_feedback_reaches_ncmec_with_its_reason(ncmec: FakeNcmec) -> None:
    [reason, _] = ncmec_hashes.fetch_reasons(at_ncmec(ncmec), "MD5")
    assert reason.name == "Not what it says"
    ncmec_hashes.send_feedback(at_ncmec(ncmec), reference="42/a", fingerprint_type="MD5", reason_id=reason.id)
    ncmec_hashes.send_feedback(at_ncmec(ncmec), reference="42/b", fingerprint_type="PDQ", reason_id=None)
    [against, for_] = ncmec.feedback
    assert against[:3] == ("42", "a", "MD5")
    assert f"<negative><reasonIds><guid>{reason.id}</guid></reasonIds></negative>" in against[3]
    assert for_[:3] == ("42", "b", "PDQ")
    assert "<affirmative/>" in for_[3]


# --- StopNCII ---


def test_a_withdrawal_is_read_from_the_status_of_the_hash_and_from_nothing_else(stop: FakeStopncii) -> None:
    for value, status in (("0", "Active"), ("1", "Received"), ("2", "Withdrawn"), ("3", "Deleted"), ("4", "Unknown")):
        stop.add(value * 64, status)
    stop.add(MD5, kind="VideoMD5")
    stop.add("x", kind="Text")
    stop.records += [7, {"hashValue": PDQ}]
    rows: list[Row] = []
    place: stopncii.Place | None = stopncii.Place(since=0)
    while place is not None:
        page = stopncii.fetch_page(at_stopncii(stop), stopncii.Place.read(place.written()), after=len(rows), name=name)
        rows += page.rows
        place = page.then
    assert [type(row) for row in rows] == [Taken, Taken, Withdrawn, Withdrawn, Skipped, Taken, Skipped, Skipped, Skipped]
    assert [row.field for row in rows if isinstance(row, Skipped)] == ["hashStatus", "signalType", "record", "signalType"]
    assert page.since == 100
    assert isinstance(rows[2], Withdrawn)
    assert rows[2].reference == name(b"pdq\0" + bytes.fromhex("2" * 64))


def test_the_next_pass_never_begins_before_this_one(stop: FakeStopncii) -> None:
    page = stopncii.fetch_page(at_stopncii(stop), stopncii.Place(since=900), after=0, name=name)
    assert (page.rows, page.then, page.since) == ([], None, 900)


def test_feedback_reaches_stopncii(stop: FakeStopncii) -> None:
    hash_ = ListedHash(algorithm=HashAlgorithm.PDQ, value=bytes.fromhex(PDQ))
    stopncii.send_feedback(at_stopncii(stop, FEEDBACK_KEY), hash_=hash_, opinion=stopncii.Opinion.NOT_BLOCKED)
    assert stop.feedback == [{"hashValue": PDQ, "feedbackValue": "NotBlocked", "tags": []}]


# --- addresses ---


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("https://report.example.org/hashsharing/", ("https://report.example.org", "/hashsharing")),
        ("https://api.example.org", ("https://api.example.org", "")),
        ("http://127.0.0.1:8080/v1", ("http://127.0.0.1:8080", "/v1")),
    ],
)
def test_an_address_is_an_origin_and_a_path(base_url: str, expected: tuple[str, str]) -> None:
    assert split(base_url) == expected


@pytest.mark.parametrize(
    "base_url",
    [
        "http://api.example.org/v1",
        "https://a.example/x?y",
        "https://u:p@a.example/",
        "ftp://a.example",
        "",
        "https://a.example/../x",
    ],
)
def test_an_address_that_may_not_be_asked_is_refused(base_url: str) -> None:
    with pytest.raises(InvalidInput):
        split(base_url)


def test_a_service_that_is_not_there_is_unreachable() -> None:
    fake = FakeNcmec()
    with fake.running():
        endpoint = at_ncmec(fake)
    with pytest.raises(PartnerUnreachable):
        ncmec_hashes.fetch_status(endpoint)
