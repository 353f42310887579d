"""Lists as ThreatExchange answers them."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from running.lists import mutated

from vangnet.errors import InvalidInput
from vangnet.registry.formats import READERS, ListFormat, by_suffix, threatexchange
from vangnet.registry.formats.reading import Row, Skipped, Taken, Withdrawn
from vangnet.registry.model.entries import EntryDraft, HashAlgorithm, MediaKind

MD5 = "0123456789abcdef0123456789abcdef"
GOOD = {"id": "17", "type": "HASH_MD5", "indicator": MD5, "status": "MALICIOUS"}


def read(document: Any, **options: Any) -> list[Row]:
    return list(threatexchange.read(io.BytesIO(json.dumps(document).encode()), **options))


def taken(row: Row) -> EntryDraft:
    assert isinstance(row, Taken), row
    return row.draft


@pytest.mark.parametrize(
    "document", [[GOOD], {"data": [GOOD], "paging": {"next": "x"}}, {"paging": {"data": [1]}, "data": [GOOD]}]
)
def test_items_are_found_in_an_array_and_in_data(document: Any) -> None:
    draft = taken(*read(document))
    assert (draft.reference, draft.category.scheme, draft.category.name) == ("17", "threatexchange", "MALICIOUS")
    assert draft.hashes[0].value.hex() == MD5


@pytest.mark.parametrize(
    "tags",
    [["media_priority_s1", "x"], [{"text": "media_priority_s1"}], {"data": [{"id": "1", "text": "media_priority_s1"}]}],
)
def test_a_tag_says_the_category_before_the_status_does(tags: Any) -> None:
    assert taken(*read([GOOD | {"tags": tags}])).category.name == "media_priority_s1"


def test_the_kind_of_medium_is_told_by_type_or_tag() -> None:
    found = read([
        GOOD | {"type": "HASH_PDQ", "indicator": "ab" * 32},
        GOOD | {"type": "hash_video_md5"},
        GOOD | {"tags": ["media_type_video"]},
        GOOD | {"type": "HASH_TMK", "indicator": "QUJD"},
    ])  # fmt: skip
    assert [taken(row).media_kind for row in found] == [MediaKind.IMAGE, MediaKind.VIDEO, MediaKind.VIDEO, MediaKind.VIDEO]
    assert taken(found[3]).hashes[0].algorithm is HashAlgorithm.TMK_PDQF


@pytest.mark.parametrize("deleted", [True, "true", 1])
def test_what_should_be_deleted_is_withdrawn(deleted: Any) -> None:
    assert read([{"id": "17", "should_delete": deleted}]) == [Withdrawn(position=1, reference="17")]
    assert isinstance(read([{"should_delete": deleted}])[0], Skipped)


@pytest.mark.parametrize(
    ("item", "field", "says"),
    [
        (3, "item", "no object"),
        (GOOD | {"type": "HASH_UNHEARD"}, "type", "must be one of"),
        (GOOD | {"type": None}, "type", "must be one of"),
        (GOOD | {"indicator": 5}, "indicator", "text"),
        (GOOD | {"indicator": MD5[:-1]}, "indicator", "32 hex digits"),
        (GOOD | {"status": None}, "status", "missing"),
        (GOOD | {"status": 5}, "status", "text"),
        (GOOD | {"tags": ["media_priority_s0", "media_priority_s3"]}, "tags", "contradict"),
        (GOOD | {"tags": ["media_type_photo", "media_type_video"]}, "tags", "contradict"),
        (GOOD | {"type": "HASH_VIDEO_MD5", "tags": ["media_type_photo"]}, "tags", "contradict"),
        (GOOD | {"tags": "x"}, "tags", "array"),
        (GOOD | {"tags": [4]}, "tags", "texts"),
        (GOOD | {"should_delete": "perhaps"}, "should_delete", "true or false"),
        (GOOD | {"should_delete": []}, "should_delete", "true or false"),
        (GOOD | {"id": {}}, "id", "number or a text"),
    ],
)  # fmt: skip
def test_an_item_that_cannot_be_taken_says_why_and_the_rest_goes_on(item: Any, field: str, says: str) -> None:
    first, second, third = read([GOOD, item, GOOD])
    assert isinstance(second, Skipped)
    assert (second.position, second.field) == (2, field)
    assert says in second.problem
    assert isinstance(first, Taken)
    assert isinstance(third, Taken)


@pytest.mark.parametrize("data", [b"", b"{}", b"7", b'{"data":{}}', b"[7", b'"x"'])
def test_what_is_no_such_list_is_refused_or_breaks_off(data: bytes) -> None:
    try:
        found = list(threatexchange.read(io.BytesIO(data)))
    except InvalidInput:
        return
    assert isinstance(found[-1], Skipped)
    assert found[-1].field in {"file", "item"}


def test_reading_goes_on_behind_any_position() -> None:
    items = [GOOD if number % 2 else 7 for number in range(9)]
    everything = read(items)
    for after in range(11):
        assert read(items, after=after) == [row for row in everything if row.position > after]


@given(st.integers(0, 2**32))
def test_a_spoilt_file_is_always_answered(seed: int) -> None:
    data = mutated(json.dumps({"data": [GOOD, GOOD | {"tags": ["a"]}, {"id": 1, "should_delete": True}]}).encode(), seed)
    try:
        found = list(threatexchange.read(io.BytesIO(data)))
    except InvalidInput:
        return
    assert [row.position for row in found] == list(range(1, len(found) + 1))


def test_every_format_has_a_reader() -> None:
    assert set(READERS) == set(ListFormat)
    assert (by_suffix("x/LIST.CSV"), by_suffix("a.json"), by_suffix("list")) == (ListFormat.CSV, ListFormat.VICS, None)
