"""What an audit event may hold, and that it is written in exactly one way."""

import datetime as dt
import decimal
import ipaddress
import json
import math
import pathlib
import uuid
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vangnet.audit.details import DETAILS_MAX_BYTES, INTEGER_MAX, canonical


class State(StrEnum):
    ACTIVE = "active"


_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
_KEYS = st.text(st.characters(min_codepoint=1, max_codepoint=127), max_size=8)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | _TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=10,
)


@given(st.dictionaries(_KEYS, _VALUES, max_size=5))
def test_details_come_back_as_they_were(details: dict[str, object]) -> None:
    assert json.loads(canonical(details)) == details


@given(st.dictionaries(_KEYS, _VALUES, max_size=5), st.randoms())
def test_the_order_of_keys_makes_no_difference(details: dict[str, object], rng: object) -> None:
    keys = list(details)
    rng.shuffle(keys)  # type: ignore[attr-defined]
    assert canonical({key: details[key] for key in keys}) == canonical(details)


@pytest.mark.parametrize(
    ("details", "text"),
    [
        ({}, "{}"),
        ({"b": 1, "a": True, "A": None}, '{"A":null,"a":true,"b":1}'),
        ({"text": '"\\/\b\f\n\r\t\x01\x7f'}, '{"text":"\\"\\\\/\\b\\f\\n\\r\\t\\u0001\x7f"}'),
        ({"text": "éß日本語😀\u2028"}, '{"text":"éß日本語😀\u2028"}'),
        ({"state": State.ACTIVE, "ids": ("x", "y")}, '{"ids":["x","y"],"state":"active"}'),
        ({"largest": INTEGER_MAX, "smallest": -INTEGER_MAX}, f'{{"largest":{INTEGER_MAX},"smallest":-{INTEGER_MAX}}}'),
    ],
)
def test_details_are_written_in_canonical_json(details: dict[str, object], text: str) -> None:
    """Expected texts by hand from RFC 8785, sections 3.2.2 and 3.2.3."""
    assert canonical(details) == text


@pytest.mark.parametrize(
    "value",
    [
        b"\xff\xd8\xff",
        bytearray(b"x"),
        1.0,
        math.nan,
        decimal.Decimal(1),
        dt.datetime(2026, 11, 21, tzinfo=dt.UTC),
        dt.timedelta(1),
        uuid.UUID(int=1),
        ipaddress.ip_address("192.0.2.1"),
        pathlib.Path("/etc"),
        {"a"},
        Ellipsis,
        {1: "a"},
        {"é": 1},
        {"a\0": 1},
    ],
    ids=lambda value: f"{type(value).__name__} {value!r}"[:40],
)
@pytest.mark.parametrize("wrap", [lambda v: {"it": v}, lambda v: {"it": [1, {"in": v}]}], ids=["outside", "inside"])
def test_what_is_no_plain_value_is_refused(value: object, wrap: object) -> None:
    with pytest.raises(TypeError, match=r"details\.it"):
        canonical(wrap(value))  # type: ignore[operator]


@pytest.mark.parametrize(
    "value",
    ["a\0b", "\ud800", "x\udfff", INTEGER_MAX + 1, -INTEGER_MAX - 1, 10**5000],
    ids=["NUL", "high surrogate", "low surrogate", "too large", "too small", "huge"],
)
def test_what_the_database_or_a_reader_would_change_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"details\.it"):
        canonical({"it": value})


def test_a_refusal_names_the_place_and_never_the_value() -> None:
    for value in ("canary@example.org\0", "canary@example.org\ud800", b"canary@example.org"):
        with pytest.raises((TypeError, ValueError)) as refusal:
            canonical({"people": [{"mail": value}]})
        assert "details.people[0].mail" in str(refusal.value)
        shown = repr(refusal.value) + repr(refusal.value.__cause__) + repr(refusal.value.args)
        assert "canary" not in shown


def test_details_of_exactly_the_limit_pass_and_one_byte_more_does_not() -> None:
    fitting = "é" * ((DETAILS_MAX_BYTES - len('{"a":""}')) // 2)
    assert len(canonical({"a": fitting}).encode()) == DETAILS_MAX_BYTES
    with pytest.raises(ValueError, match="give a count and a digest"):
        canonical({"a": fitting + "x"})


def test_details_that_hold_themselves_are_refused() -> None:
    details: dict[str, object] = {}
    details["again"] = details
    with pytest.raises(ValueError, match="nested"):
        canonical(details)
