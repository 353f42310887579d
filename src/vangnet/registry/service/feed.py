"""The stream of changes: every service of the registry ends in `record`, and subscribers read pages of what came of it.

Numbers are reserved late in a transaction, because until it ends nobody else gets one: they have no gap and follow the
order of commits, which is what lets a reader notice that something is missing.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.errors import DatabaseRefused
from vangnet.keys import Keys, Mac
from vangnet.registry.model.changes import NewChange, NewEntry
from vangnet.registry.model.feed import (
    Addition,
    AnyChange,
    Change,
    Commit,
    Hidden,
    Shown,
    grouped,
    line,
    lines,
    link,
    salt_message,
)
from vangnet.registry.model.feed import group_digest as digest_of
from vangnet.registry.model.pages import Cursor, PageHead, body_of, sign_page
from vangnet.registry.service.sealing import ENTRIES
from vangnet.registry.store import entries as entry_store
from vangnet.registry.store import feed as store

#: What the salts of groups are made with.
SALTS = "registry feed salts"
#: A page ends with the commit in which it comes to so many changes that are shown.
PAGE_CHANGES = 5_000
#: A page has at most so many commits; those that are not shown cost little.
PAGE_COMMITS = 2_000


def record(
    conn: Connection,
    actor: Actor,
    keys: Keys,
    *,
    entries: Sequence[NewEntry] = (),
    changes: Sequence[NewChange] = (),
    now: datetime,
) -> int:
    """Writes new entries and other changes into the stream, and returns the first number: entries get theirs first.

    It is called once, as the last thing in a transaction. Raises Conflict where a list has one of the entries already.
    """
    count = len(entries) + len(changes)
    if not count:
        raise ValueError("a commit holds at least one change")
    first = store.take_numbers(conn, count)
    if entries:
        entry_store.add_entries(conn, first, entries, at=now)
    if changes:
        store.add_changes(conn, first + len(entries), changes, at=now, actor=actor.label)
    told: list[AnyChange] = [*_additions(entries, first), *_changes(conn, changes, first + len(entries))]
    _chain(conn, keys, told, now=now)
    return first


def nudge(conn: Connection) -> None:
    """Has everybody who follows look again though the stream did not grow: at who may follow what, at what was chosen."""
    store.nudge(conn)


def head(conn: Connection) -> Cursor:
    """Where the stream ends."""
    return store.head(conn)


def read_page(
    conn: Connection,
    keys: Keys,
    *,
    subscriber: bytes,
    nonce: bytes,
    after: int,
    until: int | None,
    shared: Collection[UUID],
    shown: Collection[UUID],
    now: datetime,
) -> tuple[bytes, bool]:
    """The signed page after a position, and whether it must be told now: it shows something, or there is more behind it.

    It ends at `until` at the latest, where that is given.

    Raises DatabaseRefused where the tables were changed by hand, so that the chain does not hold any more.
    """
    commits, end, before = _page_of(conn, keys, after, until, frozenset(shown))
    body = body_of(commits)
    page_head = PageHead(
        hub=keys.public_key,
        subscriber=subscriber,
        nonce=nonce,
        at=now,
        after=after,
        last=after if end is None else end.position,
        head=store.head(conn).position,
        chain_before=before,
        chain_after=before if end is None else end.chain,
        shared=tuple(sorted(shared)),
        shown=tuple(sorted(shown)),
    )
    tells = any(isinstance(group, Shown) for commit in commits for group in commit.groups)
    return sign_page(page_head, body, keys.sign), tells or page_head.last < page_head.head


def _additions(entries: Sequence[NewEntry], first: int) -> Iterator[Addition]:
    for seq, entry in enumerate(entries, first):
        yield Addition(
            seq, entry.list_id, entry.category_id, entry.media_kind, entry.state, entry.packed, entry.reference,
            entry.note, entry.replaces,
        )  # fmt: skip


def _changes(conn: Connection, changes: Sequence[NewChange], first: int) -> Iterator[Change]:
    categories = store.find_categories(conn, [one.category_id for one in changes if one.category_id is not None])
    for seq, one in enumerate(changes, first):
        scheme, name = (None, None) if one.category_id is None else categories[one.category_id]
        yield Change(
            seq=seq, kind=one.kind, list_id=one.list_id, entry_id=one.entry_id, category_id=one.category_id,
            value=one.value, scheme=scheme, name=name, reason=one.reason,
        )  # fmt: skip


def _seq(change: AnyChange) -> int:
    return change.seq


def _chain(conn: Connection, keys: Keys, told: Sequence[AnyChange], *, now: datetime) -> None:
    first, last = told[0].seq, told[-1].seq
    before = store.find_chain(conn, first - 1)
    if before is None:
        raise _damaged(first - 1)
    salts = keys.mac(SALTS)
    digests = {
        list_id: digest_of(list_id, salts(salt_message(list_id, last)), lines(group)) for list_id, group in grouped(told)
    }
    chain = link(before, first=first, last=last, at=now, digests=digests.values())
    store.add_commit(
        conn,
        store.CommitRow(
            first_seq=first,
            last_seq=last,
            at=now,
            chain=chain,
            list_ids=list(digests),
            digests=b"".join(digests.values()),
        ),
    )


def _page_of(
    conn: Connection, keys: Keys, after: int, until: int | None, shown: frozenset[UUID]
) -> tuple[list[Commit], Cursor | None, bytes | None]:
    """The commits of a page, where it ends if it has any, and the chain before it."""
    before = store.find_chain(conn, after)
    if before is None:
        return [], None, None
    rows = _until_full(store.list_commits(conn, after=after, until=until, limit=PAGE_COMMITS), shown)
    if not rows:
        return [], None, before
    told = _lines(conn, keys, rows, shown)
    salts = keys.mac(SALTS)
    commits = [_told(row, shown, told, salts=salts) for row in rows]
    return commits, Cursor(position=rows[-1].last_seq, chain=rows[-1].chain), before


def _until_full(rows: Sequence[store.CommitRow], shown: frozenset[UUID]) -> list[store.CommitRow]:
    taken: list[store.CommitRow] = []
    changes = 0
    for row in rows:
        if changes >= PAGE_CHANGES:
            break
        taken.append(row)
        if not shown.isdisjoint(row.list_ids):
            changes += row.last_seq - row.first_seq + 1
    return taken


def _lines(
    conn: Connection, keys: Keys, rows: Sequence[store.CommitRow], shown: frozenset[UUID]
) -> Mapping[tuple[int, UUID], list[bytes]]:
    """The lines of the changes that are shown, by the commit's last number and by list."""
    telling = [row for row in rows if not shown.isdisjoint(row.list_ids)]
    ranges = [(row.first_seq, row.last_seq) for row in telling]
    sealer = keys.sealer(ENTRIES)
    told: list[AnyChange] = [
        Addition(
            row.id, row.list_id, row.category_id, row.media_kind, row.added_state,
            sealer.unseal(row.sealed, row.list_id.bytes), row.reference, row.note, row.replaces,
        )
        for row in store.list_additions(conn, ranges, list(shown))
    ]  # fmt: skip
    told += store.list_changes(conn, ranges, list(shown))
    told.sort(key=_seq)
    found: dict[tuple[int, UUID], list[bytes]] = defaultdict(list)
    commits = iter(telling)
    commit = next(commits, None)
    for change in told:
        while commit is not None and change.seq > commit.last_seq:
            commit = next(commits, None)
        if commit is not None:
            found[commit.last_seq, change.list_id].append(line(change))
    return found


def _told(
    row: store.CommitRow, shown: frozenset[UUID], lines: Mapping[tuple[int, UUID], list[bytes]], *, salts: Mac
) -> Commit:
    groups: list[Shown | Hidden] = []
    for list_id, digest in row.groups():
        if list_id not in shown:
            groups.append(Hidden(digest=digest))
            continue
        salt = salts(salt_message(list_id, row.last_seq))
        group = Shown(list_id=list_id, salt=salt, lines=tuple(lines.get((row.last_seq, list_id), ())))
        if group.digest != digest:
            raise _damaged(row.last_seq)
        groups.append(group)
    return Commit(first=row.first_seq, last=row.last_seq, at=row.at, groups=tuple(groups))


def _damaged(position: int) -> DatabaseRefused:
    return DatabaseRefused(
        problem=f"the registry's tables do not agree with their own chain of changes at change {position}",
        remedy="find out who changed them by hand; restore the backup from before that",
    )
