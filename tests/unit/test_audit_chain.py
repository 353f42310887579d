"""The chain's digests, against values computed from their description with other means."""

import hashlib
import struct
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vangnet.audit.chain import GENESIS, Head, from_microseconds, head_message, leaf, link, microseconds


def test_a_leaf_is_the_digest_of_tag_and_event() -> None:
    assert leaf(b"encoded") == hashlib.sha256(b"vangnet audit event 1\x00encoded").digest()


def test_a_link_depends_on_everything_that_goes_into_it() -> None:
    parts = (GENESIS, 1, 1_700_000_000_000_000, bytes(31) + b"x")
    expected = hashlib.sha256(
        b"vangnet audit link 1\x00" + bytes(32) + b"\0\0\0\0\0\0\0\1" + (1_700_000_000_000_000).to_bytes(8) + parts[3]
    ).digest()
    assert link(*parts) == expected
    others = [
        link(b"y" * 32, *parts[1:]),
        link(parts[0], 2, *parts[2:]),
        link(*parts[:2], parts[2] + 1, parts[3]),
        link(*parts[:3], bytes(32)),
    ]
    assert len({expected, *others}) == 5


def test_a_head_signs_its_key_position_chain_and_time() -> None:
    head = Head(position=7, chain=b"c" * 32, sealed_at=datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC))
    expected = b"vangnet audit head 1\x00" + b"k" * 32 + struct.pack(">Q", 7) + b"c" * 32 + struct.pack(">Q", 1_000_005)
    assert head_message(head, b"k" * 32) == expected


@pytest.mark.parametrize(
    ("moment", "count"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime(2000, 1, 1, tzinfo=UTC), 946_684_800_000_000),
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), -1),
        (datetime(2026, 11, 21, 14, 2, 7, 123_456, tzinfo=timezone(timedelta(hours=1))), 1_795_266_127_123_456),
    ],
)
def test_times_are_counted_in_microseconds_since_1970(moment: datetime, count: int) -> None:
    assert microseconds(moment) == count
    assert from_microseconds(count) == moment


@given(st.datetimes(timezones=st.just(UTC)))
def test_microseconds_are_exact_for_every_time(moment: datetime) -> None:
    assert from_microseconds(microseconds(moment)) == moment
