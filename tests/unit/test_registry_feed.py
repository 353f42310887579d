"""The change feed: what is signed and chained, and that nothing which was done to a page goes unnoticed or unnamed."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vangnet.errors import FeedRefused, SignatureRefused
from vangnet.keys import Keys
from vangnet.registry.model import feed, requests
from vangnet.registry.model.changes import ChangeKind
from vangnet.registry.model.feed import GENESIS, Addition, AnyChange, Change, Commit, Hidden, Shown
from vangnet.registry.model.pages import PAGE_PREFIX, Cursor, Fault, PageHead, body_of, read_page, sign_page

NOW = datetime(2026, 11, 22, 1, 2, 3, 456789, tzinfo=UTC)
HUB = Keys(signing=b"h" * 32, sealing=b"s" * 32)
EDGE = Keys(signing=b"e" * 32, sealing=b"s" * 32)
STRANGER = Keys(signing=b"x" * 32, sealing=b"s" * 32)
NONCE = b"n" * 16
LISTS = tuple(UUID(int=number) for number in (1, 2, 3))
texts = st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
numbers = st.integers(1, 2**40 - 1)


def additions(seq: int, list_id: UUID) -> st.SearchStrategy[AnyChange]:
    return st.builds(
        Addition,
        seq=st.just(seq),
        list_id=st.just(list_id),
        category_id=st.integers(1, 2**23 - 1),
        media=st.sampled_from(["image", "video"]),
        state=st.sampled_from(["proposed", "active"]),
        packed=st.binary(max_size=40),
        reference=texts,
        note=texts,
        replaces=st.none() | numbers,
    )


def others(seq: int, list_id: UUID) -> st.SearchStrategy[AnyChange]:
    def made(kind: ChangeKind, value: str, text: str | None, number: int) -> Change:
        names = set(feed.NAMES[kind].values())
        return Change(
            seq=seq, kind=kind, list_id=list_id,
            value=(None if text is None and kind is ChangeKind.CATEGORY_MAPPED else value) if "value" in names else None,
            reason=text if "reason" in names else None,
            entry_id=number if "entry_id" in names else None,
            category_id=number if "category_id" in names else None,
            scheme=value if "scheme" in names else None,
            name=value if "name" in names else None,
        )  # fmt: skip

    some_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
    return st.builds(made, st.sampled_from(ChangeKind), some_text, texts, numbers)


@given(st.data(), numbers, st.sampled_from(LISTS))
def test_a_change_is_read_as_it_was_written_and_has_one_spelling(data: st.DataObject, seq: int, list_id: UUID) -> None:
    change = data.draw(additions(seq, list_id) | others(seq, list_id))
    text = feed.line(change)
    assert feed.read_line(text, list_id) == change
    assert text == feed.encoded(json.loads(text)) + b"\n", "canonical: keys sorted, no spaces, as few escapes as possible"
    assert b"\n" not in text[:-1]
    assert b"\r" not in text


@pytest.mark.parametrize(
    "text",
    [
        b"{}",
        b"[]",
        b'{"change":"entry_added"}',
        b'{"change":"nothing_known","seq":1}',
        b'{"change":"list_state","seq":1,"state":"active"}',
        b'{"change":"list_state","reason":null,"seq":true,"state":"active"}',
        b'{"change":"list_state","reason":1,"seq":1,"state":"active"}',
        b'{"change":"entry_state","entry":"1","reason":null,"seq":1,"state":"active"}',
        b'{"category":1,"change":"entry_added","hashes":"!","media":"image","note":null,"reference":null,"replaces":null,"seq":1,"state":"active"}',
        b'{"category":true,"change":"entry_added","hashes":"","media":"image","note":null,"reference":null,"replaces":null,"seq":1,"state":"active"}',
    ],
)  # fmt: skip
def test_a_line_that_is_no_change_is_refused_without_quoting_it(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"a change|an addition"):
        feed.read_line(text, LISTS[0])


# --- a stream, and pages of it ---


class Stream:
    """A hub's stream of commits, as a hub would sign it."""

    def __init__(self, seed: int, commits: int = 6) -> None:
        dice = random.Random(seed)  # noqa: S311 (it shall be repeated)
        self.commits: list[Commit] = []
        self.cursors = [Cursor(position=0, chain=GENESIS)]
        for number in range(commits):
            self.append(dice, number)

    def append(self, dice: random.Random, number: int) -> None:
        first = self.cursors[-1].position + 1
        count = dice.randint(1, 4)
        changes: list[AnyChange] = [
            Addition(seq, dice.choice(LISTS), 1, "image", "active", dice.randbytes(8), f"r{seq}", None, None)
            for seq in range(first, first + count)
        ]
        last = first + count - 1
        groups = tuple(
            Shown(list_id=list_id, salt=dice.randbytes(32), lines=tuple(map(feed.line, group)))
            for list_id, group in feed.grouped(changes)
        )
        commit = Commit(first=first, last=last, at=NOW + timedelta(seconds=number), groups=groups)
        self.commits.append(commit)
        self.cursors.append(Cursor(position=last, chain=self.chain_after(self.cursors[-1].chain, commit)))

    @staticmethod
    def chain_after(chain: bytes, commit: Commit) -> bytes:
        return feed.link(
            chain, first=commit.first, last=commit.last, at=commit.at, digests=[group.digest for group in commit.groups]
        )

    def shown(self, commit: Commit, lists: frozenset[UUID]) -> Commit:
        return replace(
            commit,
            groups=tuple(
                group if isinstance(group, Hidden) or group.list_id in lists else Hidden(digest=group.digest)
                for group in commit.groups
            ),
        )

    def head(self, start: int, end: int, lists: frozenset[UUID] = frozenset(LISTS)) -> PageHead:
        return PageHead(
            hub=HUB.public_key, subscriber=EDGE.public_key, nonce=NONCE, at=NOW,
            after=self.cursors[start].position, last=self.cursors[end].position, head=self.cursors[-1].position,
            chain_before=self.cursors[start].chain, chain_after=self.cursors[end].chain,
            shared=tuple(sorted(lists)), shown=tuple(sorted(lists)),
        )  # fmt: skip

    def page(self, start: int, end: int, lists: frozenset[UUID] = frozenset(LISTS)) -> bytes:
        commits = [self.shown(commit, lists) for commit in self.commits[start:end]]
        return sign_page(self.head(start, end, lists), body_of(commits), HUB.sign)


def read(page: bytes, cursor: Cursor, lists: frozenset[UUID] | None = frozenset(LISTS), now: datetime = NOW) -> Cursor:
    return read_page(
        page, hub=HUB.public_key, subscriber=EDGE.public_key, nonce=NONCE, cursor=cursor, shown=lists, now=now
    ).cursor


def fault_of(page: bytes, cursor: Cursor, **more: object) -> str:
    with pytest.raises(FeedRefused) as refused:
        read(page, cursor, **more)  # type: ignore[arg-type]
    return refused.value.fault


seeds = st.integers(0, 2**32)


@given(seeds, st.sets(st.sampled_from(LISTS)))
def test_everybody_verifies_the_same_chain_whatever_they_may_see(seed: int, visible: set[UUID]) -> None:
    stream = Stream(seed)
    lists = frozenset(visible)
    cursor = stream.cursors[0]
    dice = random.Random(seed)  # noqa: S311 (it shall be repeated)
    at = 0
    while at < len(stream.commits):
        end = dice.randint(at + 1, len(stream.commits))
        page = stream.page(at, end, lists)
        for commit in stream.commits[at:end]:
            for group in commit.groups:
                assert isinstance(group, Shown)
                told = all(line in page for line in group.lines)
                assert told == (group.list_id in lists), "nothing of a list that is not shared is on the page"
        cursor = read(page, cursor, lists)
        at = end
    assert cursor == stream.cursors[-1]


@given(seeds, st.data())
@settings(max_examples=300)
def test_a_page_of_which_any_byte_was_changed_is_refused(seed: int, data: st.DataObject) -> None:
    stream = Stream(seed, commits=3)
    page = bytearray(stream.page(0, 3))
    at = data.draw(st.integers(0, len(page) - 1))
    page[at] ^= data.draw(st.integers(1, 255))
    assert fault_of(bytes(page), stream.cursors[0]) in {Fault.FORGED, Fault.MALFORMED}


@given(seeds, st.data())
def test_a_page_that_was_cut_is_refused(seed: int, data: st.DataObject) -> None:
    stream = Stream(seed, commits=3)
    page = stream.page(0, 3)
    cut = data.draw(st.integers(0, len(page) - 1))
    assert fault_of(page[:cut], stream.cursors[0]) in {Fault.FORGED, Fault.MALFORMED}
    assert fault_of(page[cut:] if cut else b"", stream.cursors[0]) in {Fault.FORGED, Fault.MALFORMED}


@given(seeds, st.data())
def test_a_page_out_of_turn_is_a_gap(seed: int, data: st.DataObject) -> None:
    stream = Stream(seed)
    asked, told = data.draw(st.tuples(st.integers(0, 5), st.integers(0, 5)).filter(lambda both: both[0] != both[1]))
    assert fault_of(stream.page(told, told + 1), stream.cursors[asked]) == Fault.GAP


@given(seeds, seeds)
def test_another_history_is_a_fork(seed: int, other: int) -> None:
    ours = Stream(seed)
    theirs = Stream(other, commits=6)
    theirs.append(random.Random(other), 6)  # noqa: S311 (it shall be repeated)
    # The same numbers, and another chain before them.
    head = replace(theirs.head(6, 7), after=ours.cursors[-1].position, head=ours.cursors[-1].position)
    head = replace(head, last=head.after, chain_before=b"f" * 32, chain_after=b"f" * 32)
    assert fault_of(sign_page(head, b"", HUB.sign), ours.cursors[-1]) == Fault.FORKED


def test_a_hub_that_lost_changes_is_forked() -> None:
    stream, shorter = Stream(1), Stream(1, commits=3)
    end = stream.cursors[-1]
    lost = replace(shorter.head(3, 3), after=end.position, last=end.position, chain_before=None, chain_after=None)
    assert fault_of(sign_page(lost, b"", HUB.sign), end) == Fault.FORKED
    unknown = replace(lost, head=end.position + 9)
    assert fault_of(sign_page(unknown, b"", HUB.sign), end) == Fault.FORKED


def _signed(change: Callable[[PageHead], PageHead], commits: Sequence[Commit] | None = None) -> bytes:
    stream = Stream(7)
    told = stream.commits[:3] if commits is None else commits
    return sign_page(change(stream.head(0, 3)), body_of(told), HUB.sign)


@pytest.mark.parametrize(
    ("fault", "change"),
    [
        (Fault.MISDIRECTED, lambda head: replace(head, hub=STRANGER.public_key)),
        (Fault.MISDIRECTED, lambda head: replace(head, subscriber=STRANGER.public_key)),
        (Fault.REPLAYED, lambda head: replace(head, nonce=b"o" * 16)),
        (Fault.REPLAYED, lambda head: replace(head, at=NOW - timedelta(minutes=6))),
        (Fault.REPLAYED, lambda head: replace(head, at=NOW + timedelta(minutes=6))),
        (Fault.CHANGED, lambda head: replace(head, shared=LISTS[:1], shown=LISTS[:1])),
        (Fault.CHANGED, lambda head: replace(head, chain_after=b"c" * 32)),
        (Fault.GAP, lambda head: replace(head, last=head.last + 1)),
    ],
    ids=["hub", "subscriber", "nonce", "old", "early", "shared", "chain", "last"],
)
def test_what_a_hub_signs_must_fit_what_was_asked(fault: Fault, change: Callable[[PageHead], PageHead]) -> None:
    assert fault_of(_signed(change), Cursor(position=0, chain=GENESIS)) == fault


def test_a_hub_that_shows_what_was_not_asked_for_is_refused() -> None:
    stream = Stream(7)
    assert fault_of(stream.page(0, 3), stream.cursors[0], lists=frozenset(LISTS[:1])) == Fault.CHANGED


def test_what_a_hub_leaves_out_reorders_or_rewrites_is_named() -> None:
    stream = Stream(11)
    one, two, three = stream.commits[:3]
    start = stream.cursors[0]
    group = one.groups[0]
    assert isinstance(group, Shown)
    rewritten = replace(one, groups=(replace(group, lines=(group.lines[0].replace(b"image", b"video"),)), *one.groups[1:]))
    for fault, commits in (
        (Fault.GAP, [one, three]),
        (Fault.GAP, [two, one, three]),
        (Fault.GAP, [one, two]),
        (Fault.GAP, [one, one, two, three]),
        (Fault.CHANGED, [rewritten, two, three]),
        (Fault.CHANGED, [replace(one, at=one.at + timedelta(seconds=1)), two, three]),
        (Fault.CHANGED, [replace(one, groups=()), two, three]),
    ):
        page = sign_page(stream.head(0, 3), body_of(commits), HUB.sign)
        assert fault_of(page, start) == fault


def test_a_page_by_another_key_is_forged() -> None:
    stream = Stream(3)
    page = sign_page(stream.head(0, 3), body_of(stream.commits[:3]), STRANGER.sign)
    assert fault_of(page, stream.cursors[0]) == Fault.FORGED


@pytest.mark.parametrize(
    "body",
    [
        b"x\n", b"[]\n", b'{"at":"x","first":1,"last":1}\n', b'{"hidden":"00"}\n', b'{"change":"list_state"}\n', b"{}",
        b"{}\r\n",
    ],
    ids=range(7),
)  # fmt: skip
def test_a_body_that_is_none_is_malformed(body: bytes) -> None:
    page = sign_page(Stream(3).head(0, 3), body, HUB.sign)
    assert fault_of(page, Cursor(position=0, chain=GENESIS)) == Fault.MALFORMED


def test_a_signature_of_something_else_does_not_count_for_a_page() -> None:
    page = Stream(3).page(0, 3)
    _, said, body = page.split(b"\n", 2)
    without_purpose = HUB.sign(said).hex().encode() + b"\n" + said + b"\n" + body
    assert fault_of(without_purpose, Cursor(position=0, chain=GENESIS)) == Fault.FORGED
    assert PAGE_PREFIX != requests.REQUEST_PREFIX


# --- requests ---


def _authorization(*, now: datetime = NOW, target: str = "/api/v1/changes?after=1") -> str:
    return requests.sign_request(
        EDGE.sign, key=EDGE.public_key, recipient=HUB.public_key, method="GET", target=target, nonce=NONCE, now=now
    )


def _require(header: str | None, **changed: object) -> None:
    asked = {"recipient": HUB.public_key, "method": "GET", "target": "/api/v1/changes?after=1", "now": NOW} | changed
    requests.require_signature(requests.read_authorization(header), **asked)  # type: ignore[arg-type]


def test_a_signed_request_counts_for_exactly_what_was_signed() -> None:
    header = _authorization()
    _require(header)
    for changed in (
        {"method": "POST"},
        {"target": "/api/v1/changes?after=2"},
        {"recipient": STRANGER.public_key},
        {"body": b"x"},
        {"now": NOW + timedelta(minutes=5, seconds=1)},
        {"now": NOW - timedelta(minutes=5, seconds=1)},
    ):
        with pytest.raises(SignatureRefused):
            _require(header, **changed)
    with pytest.raises(SignatureRefused):
        _require(header.replace(EDGE.public_key.hex(), STRANGER.public_key.hex()))


@given(st.none() | st.text() | st.just("Bearer x"))
def test_anything_else_in_the_header_is_refused(header: str | None) -> None:
    with pytest.raises(SignatureRefused):
        requests.read_authorization(header)


def test_keys_of_purposes_open_only_their_own(tmp_path: Path) -> None:
    keys = Keys.open(tmp_path)
    one, other = keys.sealer("one"), keys.sealer("other")
    sealed = one.seal(b"secret", b"list")
    assert one.unseal(sealed, b"list") == b"secret"
    for sealer, associated in ((one, b"another"), (other, b"list")):
        with pytest.raises(ValueError, match="does not open"):
            sealer.unseal(sealed, associated)
    assert keys.mac("one")(b"x") == keys.mac("one")(b"x") != keys.mac("other")(b"x")
    assert "secret" not in repr(one)
