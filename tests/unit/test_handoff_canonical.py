"""The canonical form: each value has one spelling, and it is that of RFC 8785."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vangnet.handoff.model.canonical import DEPTH_MAX, INTEGER_MAX, decode, encode

# What PostgreSQL and UTF-8 can keep: no U+0000, no half of a UTF-16 pair.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_the_canonical_form_is_read_back_and_written_the_same(value: object) -> None:
    assert decode(encode(value)) == value
    assert json.loads(encode(value)) == value


@given(st.dictionaries(texts, texts))
def test_the_order_of_keys_makes_no_difference(value: dict[str, str]) -> None:
    assert encode(dict(reversed(value.items()))) == encode(value)


def test_keys_are_sorted_by_utf_16_unit_as_rfc_8785_asks() -> None:
    # U+1F600 is a pair of units from U+D83D and so comes before U+FB33; by code point it would come after. The keys and
    # their order are those of RFC 8785, section 3.2.3.
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    assert list(json.loads(encode(dict.fromkeys(keys)))) == [
        "\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33",
    ]  # fmt: skip


def test_texts_are_escaped_as_rfc_8785_asks() -> None:
    # The text of RFC 8785, section 3.2.2.
    text = "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/"
    assert encode(text) == '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'.encode()


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":1}', b'{"b":1,"a":2}', b'{"a": 1}', b"[1.0]", b"[1e2]", b"[NaN]", b"[-0]", b"[01]", b'["\\u0041"]',
        b'["\\/"]', b"\xef\xbb\xbf[]", b"[9007199254740992]", b'["\\ud800"]', b'["\\u0000"]', b"[]\n", b"", b"\xff",
        b"[" + b"1" * 5000 + b"]",
    ],
)  # fmt: skip
def test_another_spelling_is_not_the_canonical_form(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(data)


def test_the_depth_limit_is_exact() -> None:
    assert decode(b"[" * DEPTH_MAX + b"]" * DEPTH_MAX)
    with pytest.raises(ValueError, match="deeply"):
        decode(b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1))
