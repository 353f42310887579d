"""A page of the change feed: how the hub writes and signs it, and what a subscriber checks before it believes it. Pure.

A page is lines of UTF-8: the hub's signature in hexadecimal digits, the head that it signs, then the commits. The head
tells both sides, the request that it answers, where the page begins and ends in the chain, and the digest of what follows.
What is wrong with a page is one of `Fault`; a page is believed whole or not at all.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import NoReturn
from uuid import UUID

from vangnet.errors import FeedRefused
from vangnet.keys import verifies
from vangnet.registry.model.feed import DIGEST_BYTES, SALT_BYTES, Commit, Hidden, Shown, encoded, link
from vangnet.registry.model.requests import NONCE_BYTES, TAKEN_WITHIN

PROTOCOL = 1
MEDIA_TYPE = "application/x-ndjson"
#: What is signed begins with its purpose, so that a signature made for one thing never counts for another.
PAGE_PREFIX = b"vangnet registry page 1\n"
#: The largest page that a subscriber reads. A commit is never cut, and one holds tens of thousands of additions at most.
PAGE_MAX_BYTES = 64 * 1024 * 1024
_SIGNATURE_DIGITS = 128
_KEY_BYTES = 32
_SEQ_MAX = 2**40 - 1
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_HEAD = frozenset({
    "after", "at", "body_sha256", "chain_after", "chain_before", "head", "hub", "last", "nonce", "protocol", "shared",
    "shown", "subscriber",
})  # fmt: skip


class Fault(StrEnum):
    MALFORMED = "malformed"  #: It is not written as a page is.
    FORGED = "forged"  #: It is not signed by the hub's key, or was changed after that.
    MISDIRECTED = "misdirected"  #: It is of another hub, or for another subscriber.
    REPLAYED = "replayed"  #: It answers another request than ours, or is from another time.
    FORKED = "forked"  #: The hub tells another history than the one that we followed, or lost a part of it.
    GAP = "gap"  #: Changes are missing, or come in another order.
    CHANGED = "changed"  #: Its changes are not those of the chain.
    CONTRADICTION = "contradiction"  #: Its changes cannot follow from what came before.


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far a subscriber has read: the number of the last change, and the chain there."""

    position: int
    chain: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PageHead:
    """What the hub signs.

    `head` is the hub's last change, `last` that of this page. `shared` are the lists that the subscriber may follow now,
    `shown` those of them whose changes this page shows. `chain_before` is None where the hub has no commit that ends at
    `after`, `chain_after` is then None, too.
    """

    hub: bytes = field(repr=False)
    subscriber: bytes = field(repr=False)
    nonce: bytes = field(repr=False)
    at: datetime
    after: int
    last: int
    head: int
    chain_before: bytes | None
    chain_after: bytes | None
    shared: tuple[UUID, ...]
    shown: tuple[UUID, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page that was verified. After it the subscriber stands at `cursor`."""

    head: PageHead
    commits: tuple[Commit, ...] = field(repr=False)

    @property
    def cursor(self) -> Cursor:
        """Where a subscriber stands after it."""
        assert self.head.chain_after is not None  # noqa: S101 (a page without it is never verified)
        return Cursor(position=self.head.last, chain=self.head.chain_after)

    @property
    def complete(self) -> bool:
        """Whether there was nothing after it when it was made."""
        return self.head.last >= self.head.head


# --- the hub's side ---


def body_of(commits: Sequence[Commit]) -> bytes:
    """The lines of the commits."""
    parts: list[bytes] = []
    for commit in commits:
        parts.append(encoded({"at": _written(commit.at), "first": commit.first, "last": commit.last}) + b"\n")
        for group in commit.groups:
            if isinstance(group, Hidden):
                parts.append(encoded({"hidden": group.digest.hex()}) + b"\n")
            else:
                parts.append(encoded({"list": str(group.list_id), "salt": group.salt.hex()}) + b"\n")
                parts.extend(group.lines)
    return b"".join(parts)


def sign_page(head: PageHead, body: bytes, sign: Callable[[bytes], bytes]) -> bytes:
    """The page, ready to be sent."""
    said = encoded({
        "after": head.after,
        "at": _written(head.at),
        "body_sha256": hashlib.sha256(body).hexdigest(),
        "chain_after": None if head.chain_after is None else head.chain_after.hex(),
        "chain_before": None if head.chain_before is None else head.chain_before.hex(),
        "head": head.head,
        "hub": head.hub.hex(),
        "last": head.last,
        "nonce": head.nonce.hex(),
        "protocol": PROTOCOL,
        "shared": [str(list_id) for list_id in head.shared],
        "shown": [str(list_id) for list_id in head.shown],
        "subscriber": head.subscriber.hex(),
    })  # fmt: skip
    return sign(PAGE_PREFIX + said).hex().encode() + b"\n" + said + b"\n" + body


# --- the subscriber's side ---


def read_page(
    page: bytes,
    *,
    hub: bytes,
    subscriber: bytes,
    nonce: bytes,
    cursor: Cursor,
    shown: frozenset[UUID] | None,
    now: datetime,
) -> Page:
    """The page, verified against what we asked: of whom, with which number, from where on, and for which lists.

    `shown` is None where we asked for all that are shared. Raises FeedRefused.
    """
    head, body, sha256 = _verified_head(page, hub)
    if head.hub != hub or head.subscriber != subscriber:
        _refuse(Fault.MISDIRECTED, "it is of another hub, or for another subscriber")
    if head.nonce != nonce:
        _refuse(Fault.REPLAYED, "it answers another request")
    if abs(head.at - now) > TAKEN_WITHIN:
        _refuse(Fault.REPLAYED, f"it was signed at {_written(head.at)}, which is not now: see that both clocks are right")
    _require_continued(head, cursor)
    if sha256 != hashlib.sha256(body).hexdigest():
        _refuse(Fault.FORGED, "its changes are not those that the hub signed")
    if not set(head.shown) <= (set(head.shared) if shown is None else shown):
        _refuse(Fault.CHANGED, "it shows a list that was not asked for, or is not shared")
    commits = _read_commits(body, frozenset(head.shown))
    _require_chained(head, commits)
    return Page(head=head, commits=commits)


def _verified_head(page: bytes, hub: bytes) -> tuple[PageHead, bytes, str]:
    signature, _, rest = page.partition(b"\n")
    said, end, body = rest.partition(b"\n")
    if not end or re.fullmatch(rb"[0-9a-f]{%d}" % _SIGNATURE_DIGITS, signature) is None:
        _refuse(Fault.MALFORMED, "it does not begin with a signature and a head")
    if not verifies(hub, bytes.fromhex(signature.decode()), PAGE_PREFIX + said):
        _refuse(Fault.FORGED, "it is not signed by the hub's key, or was changed on its way")
    found = _object(said)
    _require_fields(found, _HEAD)
    if found["protocol"] is True or found["protocol"] != PROTOCOL:
        _refuse(Fault.MALFORMED, f"its `protocol` must be {PROTOCOL}")
    head = PageHead(
        hub=_hex(found["hub"], _KEY_BYTES),
        subscriber=_hex(found["subscriber"], _KEY_BYTES),
        nonce=_hex(found["nonce"], NONCE_BYTES),
        at=_instant(found["at"]),
        after=_number(found["after"]),
        last=_number(found["last"]),
        head=_number(found["head"]),
        chain_before=None if found["chain_before"] is None else _hex(found["chain_before"], DIGEST_BYTES),
        chain_after=None if found["chain_after"] is None else _hex(found["chain_after"], DIGEST_BYTES),
        shared=_ids(found["shared"]),
        shown=_ids(found["shown"]),
    )
    return head, body, str(found["body_sha256"])


def _require_continued(head: PageHead, cursor: Cursor) -> None:
    if head.after != cursor.position:
        _refuse(Fault.GAP, f"it begins after change {head.after}, and we stand at {cursor.position}")
    if head.head < cursor.position:
        _refuse(Fault.FORKED, f"the hub ends at change {head.head}, and we followed it to {cursor.position}")
    if head.chain_before is None or head.chain_after is None:
        _refuse(Fault.FORKED, f"the hub has no commit that ends at change {cursor.position}, where we stand")
    if head.chain_before != cursor.chain:
        _refuse(Fault.FORKED, f"up to change {cursor.position} the hub tells another history than the one we followed")


def _require_chained(head: PageHead, commits: Sequence[Commit]) -> None:
    chain, position = head.chain_before, head.after
    assert chain is not None  # noqa: S101 (`_require_continued` saw to it)
    for commit in commits:
        if commit.first != position + 1 or commit.last < commit.first:
            _refuse(Fault.GAP, f"after change {position} comes a commit of {commit.first} to {commit.last}")
        chain = link(
            chain, first=commit.first, last=commit.last, at=commit.at, digests=[group.digest for group in commit.groups]
        )
        position = commit.last
    if position != head.last:
        _refuse(Fault.GAP, f"it ends at change {position} and claims to end at {head.last}")
    if chain != head.chain_after:
        _refuse(Fault.CHANGED, f"the chain breaks between change {head.after} and {head.last}")


# --- reading the lines ---


class _Reader:
    """Takes the lines of a body apart into commits."""

    def __init__(self, shown: frozenset[UUID]) -> None:
        self._shown = shown
        self.commits: list[Commit] = []
        self._commit: tuple[int, int, datetime] | None = None
        self._groups: list[Shown | Hidden] = []
        self._group: tuple[UUID, bytes] | None = None
        self._lines: list[bytes] = []

    def take(self, line: bytes) -> None:
        if line.startswith((b'{"category":', b'{"change":')):
            if self._group is None:
                _refuse(Fault.MALFORMED, "a change stands outside any group")
            self._lines.append(line)
            return
        said = _object(line)
        if set(said) == {"at", "first", "last"}:
            self.end_commit()
            self._commit = (_number(said["first"]), _number(said["last"]), _instant(said["at"]))
        elif self._commit is None:
            _refuse(Fault.MALFORMED, "a group stands outside any commit")
        elif set(said) == {"hidden"}:
            self._end_group()
            self._groups.append(Hidden(digest=_hex(said["hidden"], DIGEST_BYTES)))
        else:
            self._end_group()
            _require_fields(said, frozenset({"list", "salt"}))
            self._group = (_ids([said["list"]])[0], _hex(said["salt"], SALT_BYTES))
            if self._group[0] not in self._shown:
                _refuse(Fault.CHANGED, "it shows a list that its head does not name")

    def end_commit(self) -> None:
        self._end_group()
        if self._commit is not None:
            first, last, at = self._commit
            self.commits.append(Commit(first=first, last=last, at=at, groups=tuple(self._groups)))
        self._commit, self._groups = None, []

    def _end_group(self) -> None:
        if self._group is not None:
            list_id, salt = self._group
            self._groups.append(Shown(list_id=list_id, salt=salt, lines=tuple(self._lines)))
        self._group, self._lines = None, []


def _read_commits(body: bytes, shown: frozenset[UUID]) -> tuple[Commit, ...]:
    if body and not body.endswith(b"\n"):
        _refuse(Fault.MALFORMED, "its last line has no end")
    if b"\r" in body:
        _refuse(Fault.MALFORMED, "it holds a carriage return, which is never written so")
    reader = _Reader(shown)
    for line in body.splitlines(keepends=True):
        reader.take(line)
    reader.end_commit()
    return tuple(reader.commits)


def _object(line: bytes) -> Mapping[str, object]:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        _refuse(Fault.MALFORMED, "a line is not JSON")
    if not isinstance(said, dict):
        _refuse(Fault.MALFORMED, "a line is not an object")
    return said


def _require_fields(said: Mapping[str, object], names: frozenset[str]) -> None:
    if set(said) != names:
        _refuse(Fault.MALFORMED, f"a line must have exactly the fields {', '.join(sorted(names))}")


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _SEQ_MAX:
        _refuse(Fault.MALFORMED, f"a number must be whole, from 0 to {_SEQ_MAX}")
    return value


def _hex(value: object, size_bytes: int) -> bytes:
    if not isinstance(value, str) or re.fullmatch(rf"[0-9a-f]{{{size_bytes * 2}}}", value) is None:
        _refuse(Fault.MALFORMED, f"a key, number or digest must be {size_bytes * 2} hexadecimal digits in lower case")
    return bytes.fromhex(value)


def _instant(value: object) -> datetime:
    try:
        return datetime.strptime(str(value), _TIME).replace(tzinfo=UTC)
    except ValueError:
        _refuse(Fault.MALFORMED, "a time must be like 2026-11-21T13:02:07.000000Z")


def _ids(value: object) -> tuple[UUID, ...]:
    if not isinstance(value, list):
        _refuse(Fault.MALFORMED, "lists must be named in an array")
    try:
        return tuple(UUID(str(one)) for one in value)
    except ValueError:
        _refuse(Fault.MALFORMED, "a list must be named by its id")


def _written(at: datetime) -> str:
    return at.astimezone(UTC).strftime(_TIME)


def _refuse(fault: Fault, problem: str) -> NoReturn:
    raise FeedRefused(fault=fault, problem=problem)
