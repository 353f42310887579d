"""The Rust module as Python sees it, against a second implementation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vangnet._core import hamming_distance

_HASHES = st.binary(min_size=32, max_size=32)


@given(_HASHES, _HASHES)
def test_distance_is_the_number_of_differing_bits(a: bytes, b: bytes) -> None:
    counted = (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count()
    assert hamming_distance(a, b) == counted


@pytest.mark.parametrize("length", [0, 1, 31, 33, 64])
def test_a_hash_of_another_length_is_refused_with_its_length(length: int) -> None:
    with pytest.raises(ValueError, match=f"`b` must be 32 bytes long, not {length}"):
        hamming_distance(bytes(32), bytes(length))


def test_text_is_not_taken_for_bytes() -> None:
    with pytest.raises(TypeError):
        hamming_distance("0" * 32, bytes(32))  # type: ignore[arg-type]
