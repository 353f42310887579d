"""The stream of changes: numbers, entries and changes as they come in, commits, and reading all of it again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from vangnet.db import Connection
from vangnet.registry.model.changes import ChangeKind, NewChange
from vangnet.registry.model.feed import DIGEST_BYTES, GENESIS, Change
from vangnet.registry.model.pages import Cursor

#: What is notified when the stream grew; the message is the number of the last change. Empty: who may follow what changed.
CHANNEL = "registry_changes"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitRow:
    """A commit as it is kept. `digests` are 32 bytes for each of `list_ids`, in its order."""

    first_seq: int
    last_seq: int
    at: datetime
    chain: bytes
    list_ids: list[UUID]
    digests: bytes

    def groups(self) -> Iterator[tuple[UUID, bytes]]:
        """Each list with the digest of its group."""
        for number, list_id in enumerate(self.list_ids):
            yield list_id, self.digests[number * DIGEST_BYTES : (number + 1) * DIGEST_BYTES]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdditionRow:
    """What the stream tells of an entry."""

    id: int
    list_id: UUID
    category_id: int
    media_kind: str
    added_state: str
    sealed: bytes
    reference: str | None
    note: str | None
    replaces: int | None


def take_numbers(conn: Connection, count: int) -> int:
    """The first of `count` numbers. Until the transaction ends, nobody else gets one."""
    row = conn.execute("UPDATE registry_sequence SET last = last + %s RETURNING last", [count]).fetchone()
    assert row is not None  # noqa: S101 (the migration put the one row there)
    last: int = row[0]
    return last - count + 1


def add_changes(conn: Connection, first: int, changes: Sequence[NewChange], *, at: datetime, actor: str) -> None:
    """Adds changes under the numbers from `first` on."""
    with conn.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO registry_change (seq, kind, list_id, entry_id, category_id, value, reason, at, actor)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [
                [number, one.kind, one.list_id, one.entry_id, one.category_id, one.value, one.reason, at, actor]
                for number, one in enumerate(changes, first)
            ],
        )


def add_commit(conn: Connection, row: CommitRow) -> None:
    """Adds a commit and tells everybody who listens, once the transaction is committed."""
    conn.execute(
        """
        INSERT INTO registry_commit (last_seq, first_seq, chain, at, list_ids, digests)
        VALUES (%(last_seq)s, %(first_seq)s, %(chain)s, %(at)s, %(list_ids)s, %(digests)s)
        """,
        {
            "last_seq": row.last_seq,
            "first_seq": row.first_seq,
            "chain": row.chain,
            "at": row.at,
            "list_ids": row.list_ids,
            "digests": row.digests,
        },
    )
    conn.execute("SELECT pg_notify(%s, %s)", [CHANNEL, str(row.last_seq)])


def nudge(conn: Connection) -> None:
    """Has everybody who listens look again though the stream did not grow, once the transaction is committed."""
    conn.execute("SELECT pg_notify(%s, '')", [CHANNEL])


def listen(conn: Connection) -> None:
    """Has what is notified told on this connection."""
    conn.execute("LISTEN registry_changes")


def find_categories(conn: Connection, category_ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Scheme and name of categories."""
    if not category_ids:
        return {}
    found = conn.execute("SELECT id, scheme, name FROM registry_category WHERE id = ANY(%s)", [list(category_ids)])
    return {id_: (scheme, name) for id_, scheme, name in found.fetchall()}


# --- reading ---


def head(conn: Connection) -> Cursor:
    """Where the stream ends."""
    row = conn.execute("SELECT last_seq, chain FROM registry_commit ORDER BY last_seq DESC LIMIT 1").fetchone()
    return Cursor(position=0, chain=GENESIS) if row is None else Cursor(position=row[0], chain=row[1])


def find_chain(conn: Connection, position: int) -> bytes | None:
    """The chain after the commit that ends at `position`, or None if none does."""
    if position == 0:
        return GENESIS
    row = conn.execute("SELECT chain FROM registry_commit WHERE last_seq = %s", [position]).fetchone()
    return None if row is None else row[0]


def list_commits(conn: Connection, *, after: int, until: int | None, limit: int) -> list[CommitRow]:
    """The commits after `after` that end at `until` or before, in order."""
    with conn.cursor(row_factory=class_row(CommitRow)) as cursor:
        return cursor.execute(
            """
            SELECT first_seq, last_seq, at, chain, list_ids, digests FROM registry_commit
            WHERE last_seq > %(after)s AND (%(until)s::bigint IS NULL OR last_seq <= %(until)s)
            ORDER BY last_seq LIMIT %(limit)s
            """,
            {"after": after, "until": until, "limit": limit},
        ).fetchall()


def list_additions(conn: Connection, ranges: Sequence[tuple[int, int]], list_ids: Sequence[UUID]) -> list[AdditionRow]:
    """The entries of these lists that were added under numbers in these ranges, both ends included, in order."""
    with conn.cursor(row_factory=class_row(AdditionRow)) as cursor:
        return cursor.execute(
            """
            SELECT e.id, e.list_id, e.category_id, e.media_kind, e.added_state, e.sealed, e.reference, e.note, e.replaces
            FROM unnest(%s::bigint[], %s::bigint[]) AS range (first, last)
            JOIN registry_entry e ON e.id BETWEEN range.first AND range.last
            WHERE e.list_id = ANY(%s) ORDER BY e.id
            """,
            [[first for first, _ in ranges], [last for _, last in ranges], list(list_ids)],
        ).fetchall()


def list_changes(conn: Connection, ranges: Sequence[tuple[int, int]], list_ids: Sequence[UUID]) -> list[Change]:
    """The other changes of these lists under numbers in these ranges, both ends included, in order."""
    rows = conn.execute(
        """
        SELECT c.seq, c.kind, c.list_id, c.entry_id, c.category_id, c.value, category.scheme, category.name, c.reason
        FROM unnest(%s::bigint[], %s::bigint[]) AS range (first, last)
        JOIN registry_change c ON c.seq BETWEEN range.first AND range.last
        LEFT JOIN registry_category category ON category.id = c.category_id
        WHERE c.list_id = ANY(%s) ORDER BY c.seq
        """,
        [[first for first, _ in ranges], [last for _, last in ranges], list(list_ids)],
    ).fetchall()
    return [
        Change(
            seq=seq, kind=ChangeKind(kind), list_id=list_id, entry_id=entry_id, category_id=category_id, value=value,
            scheme=scheme, name=name, reason=reason,
        )
        for seq, kind, list_id, entry_id, category_id, value, scheme, name, reason in rows
    ]  # fmt: skip
