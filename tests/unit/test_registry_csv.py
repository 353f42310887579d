"""Lists as CSV, read and written."""

import io
import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from running.lists import Dripping, Stream, drafts, mutated

from vangnet.errors import InvalidInput
from vangnet.hashing.model import Convention
from vangnet.registry.formats import csv
from vangnet.registry.formats.reading import Row, Skipped, Taken, Withdrawn
from vangnet.registry.model.entries import EntryDraft, HashAlgorithm, MediaKind, require_sound

MD5 = "0123456789abcdef0123456789abcdef"
PDQ = "f" * 32 + "0" * 32


def rows(text: str | bytes, *, after: int = 0) -> list[Row]:
    data = text if isinstance(text, bytes) else text.encode()
    return list(csv.read(io.BytesIO(data), after=after))


def only(text: str) -> Row:
    [row] = rows(text)
    return row


def taken(row: Row) -> EntryDraft:
    assert isinstance(row, Taken), row
    return row.draft


def in_order(entry: EntryDraft) -> EntryDraft:
    return replace(entry, hashes=tuple(sorted(entry.hashes, key=lambda hash_: hash_.algorithm)))


def test_a_row_becomes_an_entry_with_all_that_it_says() -> None:
    draft = taken(only(
        "reference,media_kind,scheme,category,md5,pdq,pdq_convention,pdq_quality,photodna,note\n"
        f"case-7,video,ncmec,A1,{MD5.upper()},{PDQ},floor512,87,QUJDREVG,seen twice\n"
    ))  # fmt: skip
    assert draft.media_kind is MediaKind.VIDEO
    assert (draft.category.scheme, draft.category.name, draft.reference, draft.note) == (
        "ncmec",
        "A1",
        "case-7",
        "seen twice",
    )
    by_algorithm = {hash_.algorithm: hash_ for hash_ in draft.hashes}
    assert by_algorithm[HashAlgorithm.MD5].value.hex() == MD5
    assert by_algorithm[HashAlgorithm.PDQ].convention is Convention.FLOOR512
    assert by_algorithm[HashAlgorithm.PDQ].quality == 87
    assert by_algorithm[HashAlgorithm.PHOTODNA].value == b"QUJDREVG"


def test_what_a_file_does_not_say_is_a_picture_of_the_suppliers_own_scheme() -> None:
    draft = taken(only(f"md5,category\n{MD5},other\n"))
    assert (draft.media_kind, draft.category.scheme, draft.reference) == (MediaKind.IMAGE, "supplier", None)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_marks_line_ends_and_delimiters_of_other_tools_are_read(encoding: str, ends: str, delimiter: str) -> None:
    text = ends.join([delimiter.join(["md5", "category", "note"]), delimiter.join([MD5, "A1", "één"])])
    marks = {"utf-16-le": "\ufeff", "utf-16-be": "\ufeff"}
    [row] = rows((marks.get(encoding, "") + text).encode(encoding))
    assert taken(row).note == "één"


@pytest.mark.parametrize(
    ("header", "row", "field", "says"),
    [
        ("md5,category", f"{MD5},A1,more", "row", "3 columns"),
        ("md5,category", MD5, "row", "1 columns"),
        ("md5,category", f"{MD5[:-2]},A1", "md5", "32 hex digits, not 30"),
        ("md5,category", f"{MD5[:-1]}g,A1", "md5", "hex digits only"),
        ("md5,category", f"{MD5[:-4]} {MD5[-3:]},A1", "md5", "hex digits only"),
        ("sha256,category", f"{MD5},A1", "sha256", "64 hex digits, not 32"),
        ("md5,category", ",A1", "hash", "at least one"),
        ("md5,category", f"{MD5},", "category", "missing"),
        ("md5,category", f"{MD5},a\x07", "category", "one line"),
        ("md5,category", f"{MD5},{'a' * 101}", "category", "at most 100"),
        ("md5,media_kind,category", f"{MD5},sound,A1", "media_kind", "image, video"),
        ("pdq,pdq_convention,category", f"{PDQ},full~,A1", "pdq_convention", "one of"),
        ("pdq,pdq_quality,category", f"{PDQ},101,A1", "pdq_quality", "0 to 100"),
        ("pdq,pdq_quality,category", f"{PDQ},-1,A1", "pdq_quality", "0 to 100"),
        ("pdq,pdq_convention,category", f"{PDQ} {PDQ[::-1]},full full,A1", "pdq", "different values"),
        ("pdq,pdq_convention,category", f"{PDQ} {PDQ[::-1]},full,A1", "pdq", "another number"),
        ("photodna,category", "no good,A1", "photodna", "without spaces"),
        ("md5,category,category", f"{MD5},A1,B2", "category", "contradict"),
        ("md5,md5,category", f"{MD5},{MD5[::-1]},A1", "md5", "contradict"),
        ("md5,category", f'{MD5},"A1', "row", "quote"),
        ("md5,category", f'{MD5},"A1"x', "row", "quote"),
        ("action,reference,md5,category", "withdraw,,,", "reference", "missing"),
        ("action,reference,md5,category", f"remove,7,{MD5},A1", "action", "withdraw"),
        ("md5,category", "x" * (csv.LINE_MAX_BYTES + 1), "row", "more than"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_taken_says_which_field_and_why_and_the_rest_goes_on(
    header: str, row: str, field: str, says: str
) -> None:
    good = ",".join(
        {"md5": MD5, "pdq": PDQ, "category": "A1", "sha256": "0" * 64}.get(name, "") for name in header.split(",")
    )
    good = good.replace(f"{MD5},{MD5}", f"{MD5},{MD5}")
    first, second, third = rows(f"{header}\n{good}\n{row}\n{good}\n")
    assert isinstance(second, Skipped)
    assert (second.position, second.field) == (2, field)
    assert says in second.problem
    assert {type(first), type(third)} <= ({Taken} if "photodna" not in header else {Skipped})


@pytest.mark.parametrize("value", [MD5[:-2], MD5[:-1] + "g", MD5 + "00"])
def test_no_problem_quotes_a_hash(value: str) -> None:
    row = only(f"md5,category\n{value},A1\n")
    assert isinstance(row, Skipped)
    assert value[:8] not in repr(row)
    assert MD5 not in repr(only(f"md5,category\n{MD5},A1\n"))


def test_a_quote_left_open_spoils_its_own_line_only() -> None:
    found = rows(f'md5,category,note\n{MD5},A1,"open\n{MD5},A1,\n{MD5},A1,"a, ""b"""\n')
    assert [type(row) for row in found] == [Skipped, Taken, Taken]
    assert taken(found[2]).note == 'a, "b"'


def test_bytes_that_are_no_utf8_spoil_their_own_line_only() -> None:
    found = rows(f"md5,category\n{MD5},A1\n".encode() + b"\xff\xfe\x80,A1\n" + f"{MD5},A\xff\n{MD5},A1\n".encode("latin-1"))
    assert [type(row) for row in found] == [Taken, Skipped, Skipped, Taken]


def test_the_same_column_twice_is_read_where_both_agree() -> None:
    assert taken(only(f"md5,category,category\n{MD5},A1,A1\n")).category.name == "A1"
    assert taken(only(f"md5,category,category\n{MD5},,A1\n")).category.name == "A1"


def test_a_row_can_withdraw() -> None:
    row = only("action,reference,md5,category\nwithdraw,case-7,,\n")
    assert row == Withdrawn(position=1, reference="case-7")


@pytest.mark.parametrize(
    ("text", "field", "says"),
    [
        ("", "file", "empty"),
        (f"{MD5},A1\n", "file", "column 1 is not one of"),
        ("md5,sha-256,category\n", "file", "column 2 is not one of"),
        ("md5,sha1\n", "category", "missing"),
        ('md5,"category\n', "file", "quote"),
        ("x" * (csv.LINE_MAX_BYTES + 1), "file", "first line"),
        (b"\xff\xfe\x00\x00m\x00\x00\x00", "file", "UTF-32"),
    ],
)
def test_a_file_that_is_no_such_list_is_refused_without_quoting_it(text: str | bytes, field: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as refused:
        rows(text)
    assert refused.value.field == field
    assert MD5 not in str(refused.value)


def test_columns_that_begin_with_x_are_passed_over() -> None:
    assert taken(only(f"x_case,md5,category\nsecret,{MD5},A1\n")).note is None


def test_blank_lines_count_and_yield_nothing() -> None:
    found = rows(f"md5,category\n\n{MD5},A1\r\n\r\n{MD5},B1")
    assert [row.position for row in found] == [2, 4]


def test_reading_goes_on_behind_any_position(seed: int) -> None:
    text = "md5,category\n" + "".join(f"{number:032x},A{number}\n" if number % 3 else "spoilt\n" for number in range(20))
    everything = rows(text)
    for after in range(22):
        assert rows(text, after=after) == [row for row in everything if row.position > after]
    assert list(csv.read(Dripping(text.encode(), seed))) == everything


@given(st.lists(drafts(), max_size=5))
def test_what_is_written_is_read_the_same(entries: list[EntryDraft]) -> None:
    file = io.BytesIO()
    assert csv.write(entries, file) == len(entries)
    file.seek(0)
    assert [in_order(taken(row)) for row in csv.read(file)] == [in_order(entry) for entry in entries]


@given(st.lists(drafts(), min_size=1, max_size=3), st.integers(0, 2**32))
def test_a_spoilt_file_is_always_answered(entries: list[EntryDraft], seed: int) -> None:
    file = io.BytesIO()
    csv.write(entries, file)
    spoilt = mutated(file.getvalue(), seed)
    try:
        found = list(csv.read(io.BytesIO(spoilt)))
    except InvalidInput:
        return
    for row in found:
        if isinstance(row, Taken):
            require_sound(row.draft)
    assert [row.position for row in found] == sorted({row.position for row in found})


@given(st.binary(max_size=300))
def test_any_bytes_are_answered(data: bytes) -> None:
    try:
        list(csv.read(io.BytesIO(b"md5,category\n" + data)))
        list(csv.read(io.BytesIO(data)))
    except InvalidInput:
        return


@pytest.mark.parametrize("line", [f"{MD5},A1\n".encode(), b'"' * 2000, b"x" * 2000])
def test_memory_is_bounded_however_long_the_file(line: bytes) -> None:
    stream = Stream(lambda _: line, 15_000, head=b"md5,category\n")
    tracemalloc.start()
    try:
        count = sum(1 for _ in csv.read(stream))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count in {1, 15_000}
    assert peak < 8 * csv.LINE_MAX_BYTES, f"{peak} bytes for a file of {stream.bytes_read}"
