"""Packed hashes and ids of the index: what goes in comes out, and the form never changes."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from running.hash_lists import md5, pdq

from vangnet.hashing.model import Convention
from vangnet.registry.model.entries import LENGTHS, HashAlgorithm, ListedHash
from vangnet.registry.model.packing import (
    CATEGORY_MAX,
    CODES,
    ENTRY_MAX,
    IndexId,
    index_id,
    key_of,
    pack,
    read_index_id,
    unpack,
)

LISTED = st.sampled_from([None, Convention.FULL, Convention.FLOOR512, Convention.THUMBNAIL512])


def of(algorithm: HashAlgorithm) -> st.SearchStrategy[ListedHash]:
    length = LENGTHS.get(algorithm)
    value = st.binary(min_size=length or 1, max_size=length or 300)
    if algorithm is HashAlgorithm.PDQ:
        return st.builds(
            ListedHash,
            algorithm=st.just(algorithm),
            value=value,
            convention=LISTED,
            quality=st.none() | st.integers(0, 100),
        )
    return st.builds(ListedHash, algorithm=st.just(algorithm), value=value)


hashes = st.lists(st.sampled_from(HashAlgorithm).flatmap(of), min_size=1, max_size=6)


@given(hashes)
def test_what_is_packed_is_unpacked(given_: list[ListedHash]) -> None:
    found = unpack(pack(given_))
    # `None` is written as `full`, which is what it means.
    assert [(one.algorithm, one.value, one.quality) for one in found] == [
        (one.algorithm, one.value, one.quality) for one in given_
    ]
    for one, other in zip(found, given_, strict=True):
        expected = other.convention
        if other.algorithm is HashAlgorithm.PDQ and expected is None:
            expected = Convention.FULL
        assert one.convention is expected


@given(hashes, st.data())
def test_packed_hashes_that_break_off_are_refused(given_: list[ListedHash], data: st.DataObject) -> None:
    packed = pack(given_)
    whole = {len(pack(given_[:count])) for count in range(len(given_) + 1)}
    length = data.draw(st.integers(0, len(packed) - 1).filter(lambda size: size not in whole))
    with pytest.raises(ValueError, match=r"break off|version"):
        unpack(packed[:length])


def test_the_form_is_this_one() -> None:
    packed = pack([md5("a"), pdq(bytes(range(32)), quality=None), ListedHash(algorithm=HashAlgorithm.OTHER, value=b"xy")])
    assert packed.hex() == (
        "01010cc175b9c0f1b6a831c399e269772661"
        "0400ff000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
        "1f000000027879"
    )  # fmt: skip


def test_no_code_is_used_twice_and_every_algorithm_has_one() -> None:
    assert set(CODES) == set(HashAlgorithm)
    assert len(set(CODES.values())) == len(CODES)


def test_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version"):
        unpack(b"\x02" + bytes(17))


@given(st.integers(1, ENTRY_MAX), st.integers(1, CATEGORY_MAX), st.booleans())
def test_an_id_of_the_index_says_what_was_put_in(entry_id: int, category_id: int, proposed: bool) -> None:
    id_ = index_id(entry_id, category_id, proposed=proposed)
    assert 0 <= id_ < 2**64
    assert read_index_id(id_) == IndexId(entry_id, category_id, proposed)


@pytest.mark.parametrize(("entry_id", "category_id"), [(0, 1), (1, 0), (ENTRY_MAX + 1, 1), (1, CATEGORY_MAX + 1)])
def test_a_number_that_does_not_fit_is_refused(entry_id: int, category_id: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        index_id(entry_id, category_id, proposed=False)


LIST = UUID(int=7)


def test_the_strongest_hash_tells_entries_apart_whatever_else_they_have() -> None:
    strong = ListedHash(algorithm=HashAlgorithm.SHA256, value=bytes(32))
    assert key_of(LIST, [md5("a"), strong]) == key_of(LIST, [strong, pdq(bytes(32))]) == key_of(LIST, [strong])
    assert key_of(LIST, [md5("a")]) != key_of(LIST, [md5("b")])
    assert key_of(LIST, [md5("a")]) != key_of(UUID(int=8), [md5("a")])


def test_hashes_of_the_same_bytes_and_different_kinds_are_different_entries() -> None:
    keys = [key_of(LIST, [pdq(bytes(32), convention=convention)]) for convention in Convention if "~" not in convention]
    keys.append(key_of(LIST, [ListedHash(algorithm=HashAlgorithm.SHA256, value=bytes(32))]))
    assert len(set(keys)) == len(keys)
    assert key_of(LIST, [ListedHash(algorithm=HashAlgorithm.PDQ, value=bytes(32))]) == key_of(LIST, [pdq(bytes(32))])


def test_an_entry_without_a_hash_has_no_key() -> None:
    with pytest.raises(ValueError, match="without a hash"):
        key_of(LIST, [])
