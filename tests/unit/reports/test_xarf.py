"""Reports in XARF: what is read of them, and what becomes of broken and hostile ones."""

import base64
import io
import json
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from running.lists import Stream, mutated

from vangnet.reports.formats import xarf
from vangnet.reports.formats.reading import Found, Unreadable, UnreadableReason
from vangnet.reports.model.drafts import IdentifierKind, Incident, ItemKind, ReportDraft, Source

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PARTY = {"org": "Example Hosting", "contact": "abuse@hosting.example", "domain": "hosting.example"}
REPORT: dict[str, Any] = {
    "xarf_version": "4.0.0",
    "report_id": "550e8400-e29b-41d4-a716-446655440000",
    "timestamp": "2026-11-20T10:30:00Z",
    "reporter": PARTY,
    "sender": PARTY,
    "source_identifier": "198.51.100.42",
    "source_port": 443,
    "category": "content",
    "type": "csam",
    "url": "https://images.example/a/1.jpg",
    "classification": "A1",
    "detection_method": "hash_match",
    "media_type": "image",
    "hash_values": {"md5": "ab" * 16, "sha256": "cd" * 32, "photodna": "opaque"},
}


def read(document: Any) -> list[Found]:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return list(xarf.read(io.BytesIO(data), now=NOW, where="a.json"))


def draft(document: Any) -> ReportDraft:
    (found,) = read(document)
    assert isinstance(found, ReportDraft), found
    return found


def unreadable(document: Any) -> Unreadable:
    (found,) = read(document)
    assert isinstance(found, Unreadable), found
    return found


def test_a_report_becomes_a_draft_of_an_address_with_its_hashes() -> None:
    found = draft(REPORT)
    assert (found.source, found.incident, found.reference) == (Source.XARF, Incident.MATERIAL, REPORT["report_id"])
    assert (found.reporter.name, found.reporter.contact) == ("Example Hosting", "abuse@hosting.example")
    assert found.reported_at == datetime(2026, 11, 20, 10, 30, tzinfo=UTC)
    assert [(trace.address, trace.port) for trace in found.traces] == [("198.51.100.42", 443)]
    (item,) = found.items
    assert (item.kind, item.address) == (ItemKind.ADDRESS, "https://images.example/a/1.jpg")
    assert item.hashes == (("md5", b"\xab" * 16), ("sha256", b"\xcd" * 32), ("photodna", b"opaque"))
    assert item.classified is not None
    assert (item.classified.scheme, item.classified.code) == ("xarf", "A1")
    assert (item.viewed, item.media_type) == (None, "image/*")
    assert found.problems == ()


@pytest.mark.parametrize(("method", "viewed"), [("manual_review", True), ("hash_match", None), ("ai_detection", None)])
def test_only_a_review_by_a_person_says_that_it_was_viewed(method: str, viewed: bool | None) -> None:
    assert draft(REPORT | {"detection_method": method}).items[0].viewed is viewed


def test_an_array_holds_several_and_what_is_none_is_told_beside_them() -> None:
    found = read([REPORT, 7, REPORT | {"type": "phishing"}, REPORT])
    assert [type(one) for one in found] == [ReportDraft, Unreadable, Unreadable, ReportDraft]


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (b"", "no JSON object"),
        (b"[", "cannot be read further"),
        (b"7", "no JSON object"),
        ({}, "no XARF of version 4"),
        (REPORT | {"xarf_version": "3"}, "no XARF of version 4"),
        (REPORT | {"type": "phishing"}, "something else"),
        (REPORT | {"category": ["content"]}, "something else"),
    ],
)
def test_what_is_no_such_report_says_why(document: Any, says: str) -> None:
    assert says in unreadable(document).problem


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"url": None}, "url is missing"),
        ({"url": "data:image/png;base64,AAAA"}, "an address on the web"),
        ({"timestamp": "yesterday"}, "a time could not be read"),
        ({"timestamp": "2040-01-01T00:00:00Z"}, "in the future"),
        ({"classification": "C9"}, "classification must be one of A1"),
        ({"detection_method": "guess"}, "detection_method must be one of"),
        ({"hash_values": {"md5": "zz"}}, "32 hex digits"),
        ({"hash_values": "md5"}, "another type"),
        ({"reporter": 7, "sender": None}, "another type"),
        ({"source_port": 99999}, "1 to 65535"),
        ({"evidence": [{"content_type": "image/png", "payload": "AAAA"}]}, "evidence that came along was passed over"),
        ({"description": "a\u202eb"}, "cannot be seen"),
    ],
)
def test_what_is_wrong_with_a_field_spoils_that_field_only(change: dict[str, Any], says: str) -> None:
    found = draft(REPORT | change)
    assert says in "; ".join(found.problems)
    assert found.reference == REPORT["report_id"]


@pytest.mark.parametrize(
    ("source", "traces", "people"),
    [("2001:db8::7", 1, 0), ("someone@mail.example", 0, 1), ("host.example", 0, 0), ("", 0, 0)],
)
def test_a_source_is_an_address_an_account_or_words(source: str, traces: int, people: int) -> None:
    found = draft(REPORT | {"source_identifier": source})
    assert (len(found.traces), len(found.people)) == (traces, people)
    assert [one.kind for person in found.people for one in person.identifiers] == [IdentifierKind.EMAIL] * people
    assert ("host.example" in found.text) == (source == "host.example")


def test_evidence_of_any_size_is_passed_over_in_bounded_memory() -> None:
    payload = base64.b64encode(b"\0" * 30_000)
    head = json.dumps(REPORT).encode()[:-1] + b', "evidence": [{"content_type": "image/png", "payload": "'
    stream = Stream(lambda _: payload, 1500, head=head, tail=b'"}]}')
    tracemalloc.start()
    (found,) = xarf.read(stream, now=NOW)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert stream.bytes_read > 50_000_000
    assert peak < 12_000_000
    assert isinstance(found, ReportDraft)
    assert "passed over" in found.problems[0]


def test_a_report_that_breaks_off_is_kept_as_far_as_it_goes() -> None:
    data = json.dumps(REPORT).encode()
    found = read(data[: data.index(b'"detection_method"')])
    assert isinstance(found[0], ReportDraft)
    assert "breaks off" in found[0].problems[0]
    assert found[0].items[0].address == REPORT["url"]


def test_a_field_that_stands_twice_is_told() -> None:
    found = draft(json.dumps(REPORT).encode()[:-1] + b', "url": "https://other.example/"}')
    assert found.items[0].address == REPORT["url"]
    assert "stands twice" in "; ".join(found.problems)


def test_nesting_without_end_is_no_crash() -> None:
    found = read(json.dumps(REPORT).encode()[:-1] + b', "x": ' + b"[" * 200_000 + b"]" * 200_000 + b"}")
    assert isinstance(found[0], ReportDraft)


def test_a_byte_order_mark_is_read() -> None:
    assert draft(b"\xef\xbb\xbf" + json.dumps(REPORT).encode()) == draft(REPORT)


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_any_change_leaves_drafts_and_what_could_not_be_read(seed: int) -> None:
    found = read(mutated(json.dumps([REPORT, REPORT]).encode(), seed))
    assert found
    assert all(isinstance(one, ReportDraft | Unreadable) for one in found)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(change=st.dictionaries(st.sampled_from([*REPORT, "evidence", "verified_at", "class"]), _JSON, max_size=6))
def test_any_value_anywhere_leaves_drafts_and_what_could_not_be_read(change: dict[str, Any]) -> None:
    assert all(isinstance(one, ReportDraft | Unreadable) for one in read(REPORT | change))


def test_more_reports_than_the_limit_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xarf, "REPORTS_MAX", 2)
    found = read([REPORT] * 3)
    assert [type(one) for one in found] == [ReportDraft, ReportDraft, Unreadable]
    assert isinstance(found[2], Unreadable)
    assert found[2].reason is UnreadableReason.TOO_LARGE
