"""Addresses as CSV: what is read of a line, and what becomes of broken and hostile ones."""

import io
import tracemalloc
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from running.lists import Dripping, Stream, mutated

from vangnet.errors import InvalidInput
from vangnet.reports.formats import csv
from vangnet.reports.formats.csv import Line
from vangnet.reports.formats.reading import Unreadable, UnreadableReason
from vangnet.reports.model.drafts import Incident, ItemKind, ReportDraft, Reporter, ReporterKind, Source

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOTLINE = Reporter(kind=ReporterKind.HOTLINE, name="hotline.example")
HEADER = "url;referer;reference;note;received_at;scheme;classification;md5\n"
GOOD = f"https://images.example/1.jpg;https://forum.example/t/1;r-1;a note;2026-11-20T10:00:00Z;iccam;1;{'ab' * 16}\n"


def read(text: str | bytes, after: int = 0) -> list[Line]:
    data = text.encode() if isinstance(text, str) else text
    return list(csv.read(io.BytesIO(data), reporter=HOTLINE, now=NOW, after=after))


def draft(text: str | bytes) -> ReportDraft:
    (line,) = read(text)
    assert isinstance(line.found, ReportDraft), line.found
    return line.found


def test_a_line_is_a_report_of_an_address() -> None:
    found = draft(HEADER + GOOD)
    assert (found.source, found.reporter, found.incident, found.reference) == (
        Source.CSV,
        HOTLINE,
        Incident.MATERIAL,
        "r-1",
    )
    assert found.reported_at == datetime(2026, 11, 20, 10, tzinfo=UTC)
    first, second = found.items
    assert (first.kind, first.address, first.supplemental) == (ItemKind.ADDRESS, "https://images.example/1.jpg", False)
    assert first.hashes == (("md5", b"\xab" * 16),)
    assert first.classified is not None
    assert (first.classified.scheme, first.classified.code) == ("iccam", "1")
    assert (second.address, second.supplemental) == ("https://forum.example/t/1", True)
    assert (found.text, found.problems) == ("note: a note", ())


def test_without_a_header_the_columns_are_those_of_scart() -> None:
    found = read("https://a.example/1;https://b.example/;w@hotline.example;r-7;webform;website\nhxxps://c[.]example/2\n")
    first, second = (line.found for line in found)
    assert isinstance(first, ReportDraft)
    assert isinstance(second, ReportDraft)
    assert (first.reference, first.text) == ("r-7", "source: webform\ntype: website")
    assert "w@hotline" not in first.text
    assert second.items[0].address == "https://c.example/2"


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_delimiters_and_encodings_are_those_of_spreadsheets(delimiter: str, encoding: str) -> None:
    text = (HEADER + GOOD.replace("a note", "é")).replace(";", delimiter)
    assert draft(text.encode(encoding)).text == "note: é"


def test_a_field_in_quotes_may_hold_anything_but_a_line_break() -> None:
    found = read('url;note\n"https://a.example/x;y";"a ""b"" c"\n"https://a.example/x;note\nhttps://a.example/z;last\n')
    assert [type(line.found) for line in found] == [ReportDraft, Unreadable, ReportDraft]
    assert isinstance(found[0].found, ReportDraft)
    assert (found[0].found.items[0].address, found[0].found.text) == ("https://a.example/x;y", 'note: a "b" c')


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (";;r-1", "no address that can be read"),
        ("no address;;r-1", "no address that can be read"),
        ("javascript:alert(1);;r-1", "an address on the web"),
        ("data:image/png;base64,AAAA", "an address on the web"),
        ("http://a\x00.example/", "cannot be seen"),
        ("http://a.example/\u202e", "cannot be seen"),
        ('"http://a.example', "a quote that is not closed"),
        ("http://a.example" + ";x" * 20, "at most 8 are known"),
        ("http://a.example/" + "x" * 70_000, "65536 bytes"),
        ("http://a.example/" + "x" * 9000, "more than 8192 characters"),
    ],
)
def test_a_line_that_is_no_report_says_why_and_the_rest_goes_on(line: str, says: str) -> None:
    found = read(HEADER + GOOD + line + "\n" + GOOD)
    assert [line.position for line in found] == [2, 3, 4]
    assert isinstance(found[1].found, Unreadable)
    assert found[1].found.where == "line 3"
    assert says in found[1].found.problem
    assert isinstance(found[2].found, ReportDraft)


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("received_at", "yesterday", "a time could not be read"),
        ("received_at", "2026-11-20", "read as UTC"),
        ("incident", "weather", "must be one of"),
        ("classification", "1", "without the scheme"),
        ("md5", "abc", "32 hex digits"),
        ("referer", "localhost", "no host"),
        ("note", "caf\ufffd", "not written in UTF-8"),
    ],
)
def test_what_is_wrong_with_a_field_spoils_that_field_only(column: str, value: str, says: str) -> None:
    found = draft(f"url,{column}\nhttps://a.example/,{value}\n")
    assert says in "; ".join(found.problems)
    assert found.items[0].address == "https://a.example/"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("name;age\nx;7\n", "begins neither with a header"),
        ("url;secret-canary\n", "column 2 is not one of"),
        ("url;note;note\n", "twice"),
        ("x" * 100_000, "first line of more than"),
    ],
)
def test_a_file_that_is_no_such_table_is_an_error_that_quotes_nothing(text: str, says: str) -> None:
    with pytest.raises(InvalidInput) as error:
        read(text)
    assert says in str(error.value)
    assert "canary" not in str(error.value)


def test_columns_that_begin_with_x_are_passed_over() -> None:
    assert draft("url;x_mine\nhttps://a.example/;secret\n").text == ""


def test_reading_goes_on_behind_any_line() -> None:
    text = HEADER + GOOD * 5
    assert [line.position for line in read(text, after=4)] == [5, 6]
    assert read(text, after=4) == read(text)[3:]


def test_it_is_the_same_however_it_is_handed_over() -> None:
    data = (HEADER + GOOD * 20).encode()
    assert list(csv.read(Dripping(data, 3), reporter=HOTLINE, now=NOW)) == read(data)


def test_many_lines_and_one_without_an_end_are_read_in_bounded_memory() -> None:
    stream = Stream(lambda number: b"https://a.example/%d\n" % number, 20_000, tail=b"x" * 10_000_000)
    tracemalloc.start()
    last = None
    count = 0
    for last in csv.read(stream, reporter=HOTLINE, now=NOW):  # noqa: B007 (the last is looked at)
        count += 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 20_001
    assert last is not None
    assert isinstance(last.found, Unreadable)
    assert last.found.reason is UnreadableReason.TOO_LARGE
    assert peak < 25_000_000


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_any_change_leaves_drafts_and_what_could_not_be_read(seed: int) -> None:
    try:
        found = read(mutated((HEADER + GOOD * 3).encode(), seed))
    except InvalidInput:
        return
    assert all(isinstance(line.found, ReportDraft | Unreadable) for line in found)


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=200))
def test_any_text_behind_a_header_leaves_drafts_and_what_could_not_be_read(text: str) -> None:
    found = read((HEADER + text).encode("utf-8", errors="replace"))
    assert len(found) == len([line for line in text.split("\n") if line.removesuffix("\r").strip()])
