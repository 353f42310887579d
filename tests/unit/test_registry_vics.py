"""Lists as VICS, read and written."""

import io
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from running.lists import Dripping, Stream, drafts, mutated

from vangnet.errors import InvalidInput
from vangnet.hashing.model import Convention
from vangnet.registry.formats import vics
from vangnet.registry.formats.json_items import VALUE_MAX
from vangnet.registry.formats.reading import Row, Skipped, Taken
from vangnet.registry.model.entries import EntryDraft, HashAlgorithm, MediaKind, require_sound

MD5 = "0123456789ABCDEF0123456789ABCDEF"
CONTEXT_1 = ("odata.metadata", "http://vics.example/DataModels/1.3.xml/NL/$metadata#Media")
CONTEXT_2 = ("@odata.context", "http://vics.example/DataModels/2.0.xml/US/$metadata#Media")


def document(*media: Any, context: tuple[str, str] = CONTEXT_2, **more: Any) -> bytes:
    return json.dumps({context[0]: context[1], **more, "value": list(media)}).encode()


def read(data: bytes, **options: Any) -> list[Row]:
    return list(vics.read(io.BytesIO(data), **options))


def taken(row: Row) -> EntryDraft:
    assert isinstance(row, Taken), row
    return row.draft


def test_a_medium_becomes_an_entry_with_its_hashes_and_nothing_of_what_examiners_wrote() -> None:
    medium = {
        "MediaID": 41, "Category": "1", "MD5": MD5, "SHA1": "ab" * 20, "PhotoDNA": "QUJD", "MimeType": "video/mp4",
        "VictimIdentified": "True", "IsDistributed": False, "IsSuspected": "false", "Tags": "t", "Comments": "c",
        "Exifs": [{"PropertyName": "Make", "PropertyValue": "x"}], "MediaFiles": [{"MD5": MD5, "Unallocated": "False"}],
        "AlternativeHashes": [
            {"HashName": "SHA-256", "HashValue": "cd" * 32},
            {"HashName": "PDQ", "HashValue": "ef" * 32},
            {"HashName": "PDQ floor512", "HashValue": "01" * 32},
            {"HashName": "Griffeye Video", "HashValue": "a.b.c"},
        ],
    }  # fmt: skip
    draft = taken(*read(document(medium, context=CONTEXT_1)))
    assert (draft.media_kind, draft.reference, draft.note) == (MediaKind.VIDEO, "41", None)
    assert (draft.category.scheme, draft.category.name) == ("vics:nl", "1")
    assert [(hash_.algorithm, hash_.convention) for hash_ in draft.hashes] == [
        (HashAlgorithm.MD5, None),
        (HashAlgorithm.SHA1, None),
        (HashAlgorithm.PHOTODNA, None),
        (HashAlgorithm.SHA256, None),
        (HashAlgorithm.PDQ, Convention.FULL),
        (HashAlgorithm.PDQ, Convention.FLOOR512),
        (HashAlgorithm.OTHER, None),
    ]
    assert draft.hashes[-1].value == b"Griffeye_Video=a.b.c"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_byte_order_marks_are_read(encoding: str) -> None:
    text = document({"MD5": MD5, "MediaID": "é"}).decode()
    assert taken(*read(text.encode(encoding))).hashes[0].value.hex() == MD5.lower()


def test_media_inside_cases_are_found_and_counted_through() -> None:
    cases = {"odata.metadata": "http://vics.example/DataModels/1.3.xml/NL/$metadata#Cases", "value": [
        {"CaseID": "a", "CaseName": "secret", "Media": [{"MD5": MD5, "MediaID": 1}, {"MD5": "no", "MediaID": 2}]},
        {"Media": []},
        {"CaseID": "b", "Media": [{"MD5": MD5[::-1], "MediaID": 3}], "Investigator": {"Media": [1]}},
    ]}  # fmt: skip
    found = read(json.dumps(cases).encode())
    assert [(row.position, type(row)) for row in found] == [(1, Taken), (2, Skipped), (3, Taken)]
    assert taken(found[2]).category.scheme == "vics:nl"


def test_the_scheme_names_the_country_of_the_file_or_the_one_that_is_said() -> None:
    plain = document(
        {"MD5": MD5, "Category": 2}, context=("@odata.context", "http://vics.example/2.0.xml/Default/$metadata#Media")
    )
    assert taken(*read(plain)).category.scheme == "vics"
    assert taken(*read(plain, country="BE")).category.scheme == "vics:be"
    assert taken(*read(document({"MD5": MD5}), country="BE")).category.scheme == "vics:be"


def test_a_medium_without_a_category_is_not_categorised() -> None:
    assert [taken(row).category.name for row in read(document({"MD5": MD5}, {"MD5": MD5, "Category": None}))] == ["0", "0"]


@pytest.mark.parametrize(
    ("medium", "field", "says"),
    [
        (7, "item", "no object"),
        ({}, "hash", "at least one"),
        ({"MD5": MD5[:-1]}, "MD5", "32 hex digits"),
        ({"MD5": 12}, "MD5", "text"),
        ({"MD5": MD5, "Category": "A1"}, "Category", "0 to 99"),
        ({"MD5": MD5, "Category": True}, "Category", "0 to 99"),
        ({"MD5": MD5, "Category": -1}, "Category", "0 to 99"),
        ({"MD5": MD5, "MimeType": "audio/mpeg"}, "MimeType", "neither"),
        ({"MD5": MD5, "MimeType": 3}, "MimeType", "text"),
        ({"MD5": MD5, "MediaID": [1]}, "MediaID", "number or a text"),
        ({"MD5": MD5, "MediaID": "\ud800"}, "MediaID", "one line"),
        ({"MD5": MD5, "AlternativeHashes": {"a": 1}}, "AlternativeHashes", "array"),
        ({"MD5": MD5, "AlternativeHashes": ["a"]}, "AlternativeHashes", "HashName"),
        ({"MD5": MD5, "AlternativeHashes": [{"HashName": "PDQ", "HashValue": MD5}]}, "AlternativeHashes", "64 hex"),
        ({"MD5": MD5, "AlternativeHashes": [{"HashName": "MD5", "HashValue": MD5[::-1]}]}, "md5", "different values"),
        ({"MD5": MD5, "Comments": "x" * VALUE_MAX}, "item", "too long"),
        ({"MD5": MD5, "Exifs": ["x" * 100] * 20_000}, "item", "too long"),
    ],
)  # fmt: skip
def test_a_medium_that_cannot_be_taken_says_why_and_the_rest_goes_on(medium: Any, field: str, says: str) -> None:
    good = {"MD5": MD5, "MediaID": 1}
    first, second, third = read(document(good, medium, good))
    assert isinstance(second, Skipped)
    assert (second.position, second.field) == (2, field)
    assert says in second.problem
    assert MD5[:8] not in repr(second)
    assert isinstance(first, Taken)
    assert isinstance(third, Taken)


@pytest.mark.parametrize(
    "broken", ['{"MD5" "x"}', '{"MD5":}', "{]", '{"MD5":"a","MD5":"b"}', "nonsense", '{"a":' + "[" * 900 + "]" * 900 + "}"]
)
def test_an_item_that_is_no_json_spoils_itself_only(broken: str) -> None:
    good = json.dumps({"MD5": MD5})
    text = f'{{"@odata.context":"x#Media","value":[{good},{broken},{good}]}}'
    assert [type(row) for row in read(text.encode())] == [Taken, Skipped, Taken]


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b"7", b'{"value":7}', b'{"odata.metadata":"x"', b"\xff\xff", b'{"value" []}']
)
def test_what_is_no_vics_file_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        read(data)


def test_a_file_that_breaks_off_says_so_last() -> None:
    data = document({"MD5": MD5}, {"MD5": MD5}, {"MD5": MD5})
    for length in range(data.index(b"[") + 1, len(data)):
        found = read(data[:length])
        assert isinstance(found[-1], Skipped)
        assert found[-1].field == "file"
        assert all(isinstance(row, Taken) for row in found[:-1])


def test_reading_goes_on_behind_any_position(seed: int) -> None:
    data = document(*({"MD5": f"{number:032x}"} if number % 3 else {"Comments": 'a"\\ {'} for number in range(12)))
    everything = read(data)
    for after in range(14):
        assert read(data, after=after) == [row for row in everything if row.position > after]
    assert list(vics.read(Dripping(data, seed))) == everything


def _as_vics_keeps_it(entry: EntryDraft, number: int) -> tuple[object, ...]:
    hashes = {
        (hash_.algorithm, hash_.convention, hash_.value)
        for hash_ in entry.hashes
        if hash_.algorithm is not HashAlgorithm.OTHER
    }
    return entry.media_kind, hashes, entry.reference or str(number)


@given(st.lists(drafts(), max_size=4))
def test_what_is_written_is_read_the_same_but_for_what_vics_has_no_place_for(entries: list[EntryDraft]) -> None:
    file = io.BytesIO()
    assert vics.write(entries, file, country="NL", category_of=lambda _: 3) == len(entries)
    drafts_read = [taken(row) for row in read(file.getvalue())]
    assert [_as_vics_keeps_it(draft, number) for number, draft in enumerate(drafts_read, 1)] == [
        _as_vics_keeps_it(entry, number) for number, entry in enumerate(entries, 1)
    ]
    assert {(draft.category.scheme, draft.category.name) for draft in drafts_read} <= {("vics:nl", "3")}


@given(st.lists(drafts(), min_size=1, max_size=3), st.integers(0, 2**32))
def test_a_spoilt_file_is_always_answered(entries: list[EntryDraft], seed: int) -> None:
    file = io.BytesIO()
    vics.write(entries, file)
    try:
        found = read(mutated(file.getvalue(), seed))
    except InvalidInput:
        return
    for row in found:
        if isinstance(row, Taken):
            require_sound(row.draft)
    assert [row.position for row in found] == list(range(1, len(found) + 1))


@given(st.binary(max_size=200))
def test_any_bytes_are_answered(data: bytes) -> None:
    try:
        read(b'{"value":[' + data)
        read(data)
    except InvalidInput:
        return


@pytest.mark.parametrize(
    ("piece", "head", "tail"),
    [
        (json.dumps({"MD5": MD5, "Comments": "x" * 900}).encode() + b",", b'{"@odata.context":"x#Media","value":[', b"]}"),
        (b"x" * 1000, b'{"value":[{"Comments":"', b'"}]}'),
        (b"[" * 1000, b'{"value":[', b""),
        (b'"a",' * 250, b'{"other":[', b'1],"value":[]}'),
        (b"9" * 1000, b'{"value":[', b"]}"),
    ],
    ids=["media", "one endless text", "one endless nest", "something else", "one endless number"],
)
def test_memory_is_bounded_however_long_the_file(piece: bytes, head: bytes, tail: bytes) -> None:
    stream = Stream(lambda _: piece, 15_000, head=head, tail=tail)
    tracemalloc.start()
    try:
        list_of_types = {type(row) for row in vics.read(stream)}
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert list_of_types <= {Taken, Skipped}
    assert peak < 10 * VALUE_MAX, f"{peak} bytes for a file of {stream.bytes_read}"
