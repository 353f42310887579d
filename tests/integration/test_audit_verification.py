"""Every way to change the trail by hand, as the owner of the database, is found and named for what it is."""

import contextlib
import random
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from vangnet.audit import heads, service
from vangnet.audit.chain import Head, link, microseconds
from vangnet.audit.model import Actor, ActorKind
from vangnet.audit.problem import ProblemKind
from vangnet.audit.sealer import seal_once
from vangnet.audit.verification import Report, verify
from vangnet.db import Database
from vangnet.db.embedded import OWNER, EmbeddedServer
from vangnet.keys import Keys

_SYSTEM = Actor(kind=ActorKind.SYSTEM, id="test")


@dataclass
class Trail:
    """A trail in a database of its own, its heads, and somebody who holds the owner's password."""

    database: Database
    keys: Keys
    folder: Path
    owner: psycopg.Connection[Any]
    now: datetime
    recorded: int = field(default=0)

    def record(self, count: int) -> None:
        with self.database.transaction() as conn:
            for number in range(count):
                service.record(
                    conn, _SYSTEM, action="party:add", record="party", record_id=self.recorded + number, now=self.now,
                    number=self.recorded + number, state="active",
                )  # fmt: skip
        self.recorded += count

    def seal(self) -> None:
        self.now += timedelta(seconds=1)
        seal_once(self.database, self.keys, self.folder, now=self.now)

    def grow(self, *counts: int) -> None:
        """Records and seals, one batch and one head for each count."""
        for count in counts:
            self.record(count)
            self.seal()

    def tamper(self, statement: str, *values: object) -> None:
        self.owner.execute(statement.encode(), values)

    def verify(self, *public_keys: bytes) -> Report:
        return verify(self.database, self.folder, public_keys or [self.keys.public_key])

    def named(self) -> list[tuple[str, int | None, int | None]]:
        """What a verification finds: kind, position and event of each problem."""
        return [(problem.kind.value, problem.position, problem.event_id) for problem in self.verify().problems]


@pytest.fixture
def owner(postgres: EmbeddedServer, database_name: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres.conninfo(OWNER, database_name), autocommit=True) as owner:
        yield owner


@pytest.fixture
def trail(database: Database, owner: psycopg.Connection[Any], keys: Keys, tmp_path: Path, now: datetime) -> Trail:
    return Trail(database=database, keys=keys, folder=tmp_path / "heads", owner=owner, now=now)


_COPY_OF_5 = """SELECT 1000, at, actor_kind, actor_id, action, record, record_id, details FROM audit_event WHERE id = 5"""


def test_a_trail_that_nobody_touched_verifies(trail: Trail) -> None:
    trail.grow(5, 7, 3)
    report = trail.verify()
    assert report.ok
    assert (report.position, report.heads, report.covered_to, report.waiting) == (15, 3, 15, 0)
    assert report.covered_at == trail.now


def test_an_empty_trail_verifies(trail: Trail) -> None:
    assert trail.verify().ok


def test_the_unsealed_tail_is_told_and_is_no_problem(trail: Trail) -> None:
    trail.grow(2)
    trail.record(3)
    report = trail.verify()
    assert report.ok
    assert (report.position, report.waiting, report.oldest_waiting_at) == (2, 3, trail.now)


@pytest.mark.parametrize(
    ("statement", "kind", "position", "event_id"),
    [
        ("UPDATE audit_event SET details = '{\"number\":4,\"state\":\"active\" }' WHERE id = 5", "event-changed", 5, 5),
        ("UPDATE audit_event SET details = 'null' WHERE id = 5", "event-changed", 5, 5),
        ("UPDATE audit_event SET at = at + interval '1 microsecond' WHERE id = 5", "event-changed", 5, 5),
        ("UPDATE audit_event SET at = 'infinity' WHERE id = 5", "event-changed", 5, 5),
        ("UPDATE audit_event SET at = '20000-01-01' WHERE id = 5", "event-changed", 5, 5),
        ("UPDATE audit_event SET actor_kind = 'person' WHERE id = 5", "event-changed", 5, 5),
        ("UPDATE audit_event SET actor_id = 'tesT' WHERE id = 5", "event-changed", 5, 5),
        ("UPDATE audit_event SET action = 'party:end' WHERE id = 5", "event-changed", 5, 5),
        ("UPDATE audit_event SET record = '' WHERE id = 5", "event-changed", 5, 5),
        ("UPDATE audit_event SET record_id = '5' WHERE id = 5", "event-changed", 5, 5),
        ("UPDATE audit_event SET record = record || record_id, record_id = '' WHERE id = 5", "event-changed", 5, 5),
        ("DELETE FROM audit_event WHERE id = 5", "event-removed", 5, 5),
        ("DELETE FROM audit_event WHERE id = 1", "event-removed", 1, 1),
        ("DELETE FROM audit_event WHERE id = 12", "event-removed", 12, 12),
        (f"INSERT INTO audit_event OVERRIDING SYSTEM VALUE {_COPY_OF_5}", "event-inserted", None, 1000),
        ("INSERT INTO audit_unsealed VALUES (5)", "waiting-sealed", 5, 5),
        ("INSERT INTO audit_unsealed VALUES (901)", "waiting-removed", None, 901),
        ("UPDATE audit_seal SET leaf = sha256('x') WHERE position = 5", "seal-changed", 5, 5),
        ("UPDATE audit_seal SET chain = sha256('x') WHERE position = 5", "seal-changed", 5, 5),
        ("UPDATE audit_seal SET chain = sha256('x') WHERE position = 8", "seal-changed", 8, 8),
        ("UPDATE audit_seal SET chain = sha256('x') WHERE position = 12", "seal-changed", 12, 12),
        ("UPDATE audit_seal SET leaf = sha256('x'), chain = sha256('y') WHERE position = 5", "seal-changed", 5, 5),
        ("UPDATE audit_seal SET sealed_at = sealed_at - interval '1 microsecond' WHERE position = 5", "seal-changed", 5, 5),
        ("UPDATE audit_seal SET sealed_at = '-infinity' WHERE position = 5", "seal-changed", 5, 5),
        ("UPDATE audit_seal SET event_id = 902 WHERE position = 5", "seal-changed", 5, 5),
        ("UPDATE audit_seal SET position = 0 WHERE position = 1", "seal-inserted", 0, 1),
    ],
)  # fmt: skip
def test_one_change_by_hand_is_named(
    trail: Trail, statement: str, kind: str, position: int | None, event_id: int | None
) -> None:
    trail.grow(4, 4, 4)
    trail.tamper(statement)
    found = trail.named()
    assert (kind, position, event_id) in found
    if kind != "seal-inserted":  # There the first position is missing as well.
        assert found == [(kind, position, event_id)]


def test_a_removed_seal_is_named_and_so_is_the_event_it_leaves_behind(trail: Trail) -> None:
    trail.grow(4, 4, 4)
    trail.tamper("DELETE FROM audit_seal WHERE position IN (5, 6)")
    report = trail.verify()
    assert [(problem.kind.value, problem.position, problem.through, problem.event_id) for problem in report.problems] == [
        ("seals-removed", 5, 6, None),
        ("event-inserted", None, None, 5),
        ("event-inserted", None, None, 6),
    ]


def test_an_event_removed_with_its_seal_is_named(trail: Trail) -> None:
    trail.grow(4, 4, 4)
    trail.tamper("DELETE FROM audit_seal WHERE position = 8")  # A head was exported just there.
    trail.tamper("DELETE FROM audit_event WHERE id = 8")
    assert trail.named() == [("seals-removed", 8, None)]


def test_seals_that_changed_places_are_named(trail: Trail) -> None:
    trail.grow(12)
    trail.tamper("UPDATE audit_seal SET position = -1 WHERE position = 3")
    trail.tamper("UPDATE audit_seal SET position = 3 WHERE position = 9")
    trail.tamper("UPDATE audit_seal SET position = 9 WHERE position = -1")
    stretches = [(problem.kind.value, problem.position, problem.through) for problem in trail.verify().problems]
    assert stretches == [("seals-changed", 3, 4), ("seals-changed", 9, 10)]


def test_seals_that_name_each_others_event_are_named(trail: Trail) -> None:
    trail.grow(12)
    trail.tamper("UPDATE audit_seal SET event_id = -1 WHERE position = 3")
    trail.tamper("UPDATE audit_seal SET event_id = 3 WHERE position = 9")
    trail.tamper("UPDATE audit_seal SET event_id = 9 WHERE position = 3")
    assert trail.named() == [("seal-changed", 3, 3), ("seal-changed", 9, 9)]


def test_events_that_changed_places_are_named(trail: Trail) -> None:
    trail.grow(12)
    trail.tamper("ALTER TABLE audit_event ALTER id SET GENERATED BY DEFAULT")
    trail.tamper("UPDATE audit_event SET id = -1 WHERE id = 3")
    trail.tamper("UPDATE audit_event SET id = 3 WHERE id = 9")
    trail.tamper("UPDATE audit_event SET id = 9 WHERE id = -1")
    assert trail.named() == [("event-changed", 3, 3), ("event-changed", 9, 9)]


def test_a_second_event_with_the_same_id_is_named(trail: Trail) -> None:
    trail.grow(12)
    trail.tamper("ALTER TABLE audit_event DROP CONSTRAINT audit_event_pkey")
    trail.tamper(
        "INSERT INTO audit_event OVERRIDING SYSTEM VALUE "
        "SELECT id, at, actor_kind, 'somebody', action, record, record_id, details FROM audit_event WHERE id = 5"
    )
    assert trail.named() == [("event-inserted", None, 5)]


def test_a_second_seal_for_an_event_is_named(trail: Trail) -> None:
    trail.grow(12)
    trail.tamper("ALTER TABLE audit_seal DROP CONSTRAINT audit_seal_event_id_key")
    (chain, leaf) = trail.owner.execute(
        "SELECT e.chain, s.leaf FROM audit_seal e, audit_seal s WHERE e.position = 12 AND s.position = 5"
    ).fetchall()[0]
    forged = link(chain, 13, microseconds(trail.now), leaf)
    trail.tamper("INSERT INTO audit_seal VALUES (13, 5, %s, %s, %s)", leaf, forged, trail.now)
    assert trail.named() == [("seal-inserted", 13, 5)]


def test_a_second_seal_at_a_position_is_named(trail: Trail) -> None:
    trail.grow(12)
    trail.tamper("ALTER TABLE audit_seal DROP CONSTRAINT audit_seal_pkey")
    trail.tamper("INSERT INTO audit_seal SELECT 5, 77, leaf, chain, sealed_at FROM audit_seal WHERE position = 6")
    assert ("seal-inserted", 5) in {(kind, position) for kind, position, _ in trail.named()}


def test_columns_that_the_owner_bent_are_read_all_the_same(trail: Trail) -> None:
    trail.grow(12)
    for statement in (
        "ALTER TABLE audit_event ALTER details TYPE jsonb, ALTER record DROP NOT NULL",
        "ALTER TABLE audit_seal DROP CONSTRAINT audit_seal_leaf_check, ALTER leaf DROP NOT NULL",
        "ALTER TABLE audit_seal ALTER sealed_at DROP NOT NULL",
        "UPDATE audit_event SET record = NULL WHERE id = 2",
        "UPDATE audit_seal SET leaf = substr(leaf, 1, 31) WHERE position = 4",
        "UPDATE audit_seal SET leaf = NULL WHERE position = 7",
        "UPDATE audit_seal SET sealed_at = NULL WHERE position = 10",
    ):
        trail.tamper(statement)
    found = trail.named()
    for statement in (
        "ALTER TABLE audit_seal DROP CONSTRAINT audit_seal_pkey, DROP CONSTRAINT audit_seal_event_id_key",
        "ALTER TABLE audit_seal ALTER position DROP NOT NULL, ALTER event_id DROP NOT NULL, ALTER chain DROP NOT NULL",
        "UPDATE audit_seal SET event_id = NULL WHERE position = 3",
        "UPDATE audit_seal SET chain = NULL WHERE position = 6",
        "UPDATE audit_seal SET position = NULL WHERE position = 9",
    ):
        trail.tamper(statement)
    worse = trail.named()
    assert ("event-removed", 3, 0) in worse
    assert ("seals-removed", 9, None) in worse
    assert ("seal-inserted", 0, 9) in worse
    assert {("event-changed", 2, 2), ("seal-changed", 10, 10)} <= set(found)
    assert {position for _, position, _ in found} == set(range(1, 13))  # jsonb writes every event in another way


def test_several_changes_at_once_are_each_named(trail: Trail) -> None:
    trail.grow(10, 10, 10)
    trail.tamper("UPDATE audit_event SET actor_id = 'another' WHERE id = 2")
    trail.tamper("DELETE FROM audit_event WHERE id = 5")
    trail.tamper("UPDATE audit_seal SET leaf = sha256('x') WHERE position = 8")
    trail.tamper("UPDATE audit_seal SET chain = sha256('x') WHERE position = 10")
    trail.tamper("UPDATE audit_seal SET sealed_at = now() WHERE position = 13")
    trail.tamper("UPDATE audit_event SET actor_id = 'another' WHERE id = 13")
    trail.tamper("DELETE FROM audit_seal WHERE position = 16")
    trail.tamper("DELETE FROM audit_event WHERE id = 16")
    trail.tamper("UPDATE audit_seal SET event_id = 999 WHERE position = 20")
    trail.tamper("INSERT INTO audit_unsealed VALUES (22)")
    trail.tamper("DELETE FROM audit_seal WHERE position > 28")
    assert trail.named() == [
        ("event-changed", 2, 2),
        ("event-removed", 5, 5),
        ("seal-changed", 8, 8),
        ("seal-changed", 10, 10),
        ("seal-changed", 13, 13),
        ("event-changed", 13, 13),
        ("seals-removed", 16, None),
        ("seal-changed", 20, 20),
        ("waiting-sealed", 22, 22),
        ("tail-cut-off", 30, None),
        ("event-inserted", None, 29),
        ("event-inserted", None, 30),
    ]


# --- what only the heads can tell ---


def cut_tail(trail: Trail, keep: int) -> None:
    trail.tamper("DELETE FROM audit_event WHERE id IN (SELECT event_id FROM audit_seal WHERE position > %s)", keep)
    trail.tamper("DELETE FROM audit_seal WHERE position > %s", keep)


def rechain(trail: Trail, start: int) -> None:
    """What a capable owner does after a change: computes every seal anew, as the sealer would have."""
    from vangnet.audit import store
    from vangnet.audit.chain import GENESIS, leaf

    rows = trail.owner.execute("SELECT position, event_id, sealed_at FROM audit_seal ORDER BY position").fetchall()
    encoded = dict(store.read_encoded(trail.owner, [event_id for _, event_id, _ in rows]))
    chain = GENESIS
    for position, event_id, sealed_at in rows:
        event_leaf = leaf(encoded[event_id])
        chain = link(chain, position, microseconds(sealed_at), event_leaf)
        if position >= start:
            trail.tamper("UPDATE audit_seal SET leaf = %s, chain = %s WHERE position = %s", event_leaf, chain, position)


def test_a_tail_cut_off_is_named_with_the_head_that_shows_it(trail: Trail) -> None:
    trail.grow(4, 4, 4)
    cut_tail(trail, 6)
    (problem,) = trail.verify().problems
    assert (problem.kind, problem.position, problem.since, problem.heads) == (ProblemKind.TAIL_CUT_OFF, 12, 6, 2)
    assert problem.at == trail.now
    assert "ends at position 6, and is shorter than the head of position 12" in str(problem)
    assert "restored from an older backup" in str(problem)


def test_a_trail_that_was_emptied_is_named(trail: Trail) -> None:
    trail.grow(4, 4)
    trail.tamper("TRUNCATE audit_event, audit_seal")
    assert [(p.kind, p.position, p.since) for p in trail.verify().problems] == [(ProblemKind.TAIL_CUT_OFF, 8, 0)]


def test_a_chain_computed_anew_after_a_change_is_named(trail: Trail) -> None:
    trail.grow(4, 4, 4)
    trail.tamper("UPDATE audit_event SET actor_id = 'another' WHERE id = 6")
    rechain(trail, 6)
    (problem,) = trail.verify().problems
    assert (problem.kind, problem.since, problem.position, problem.through, problem.heads) == (
        ProblemKind.CHAIN_REWRITTEN, 4, 8, 12, 2,
    )  # fmt: skip


def test_a_cut_off_tail_with_a_new_one_grown_over_it_is_named(trail: Trail) -> None:
    trail.grow(4, 4, 4)
    cut_tail(trail, 6)
    trail.grow(3, 3, 3)
    report = trail.verify()
    (problem,) = report.problems
    assert (problem.kind, problem.since, problem.position, problem.through, problem.heads) == (
        ProblemKind.CHAIN_REWRITTEN, 4, 8, 12, 2,
    )  # fmt: skip
    assert report.covered_to == report.position == 15


def test_heads_after_a_restored_backup_begin_a_file_of_their_own(trail: Trail) -> None:
    """So that the files of the lost stretch can be put aside, and what is left verifies."""
    trail.grow(4, 4, 4)
    cut_tail(trail, 4)
    trail.grow(2)
    before, after = heads.list_files(trail.folder)
    assert (before.name, after.name) == ("heads-2026-11-21.jsonl", "heads-2026-11-21.2.jsonl")
    assert [problem.kind for problem in trail.verify().problems] == [ProblemKind.TAIL_CUT_OFF]
    before.unlink()
    trail.grow(2)
    assert len(heads.list_files(trail.folder)) == 1
    assert trail.verify().ok


def lines_of(trail: Trail) -> tuple[Path, list[bytes]]:
    (file,) = heads.list_files(trail.folder)
    return file, file.read_bytes().splitlines(keepends=True)


def flipped(field: bytes) -> Callable[[bytes], bytes]:
    """Changes the first hexadecimal digit of a field of a head."""

    def change(line: bytes) -> bytes:
        place = line.index(b'"' + field + b'":"') + len(field) + 4
        return line[:place] + (b"1" if line[place : place + 1] == b"0" else b"0") + line[place + 1 :]

    return change


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        pytest.param(lambda line: line.replace(b'"position":8', b'"position":7'), "head-forged", id="another position"),
        pytest.param(flipped(b"chain"), "head-forged", id="another chain"),
        pytest.param(flipped(b"signature"), "head-forged", id="another signature"),
        pytest.param(flipped(b"public_key"), "head-forged", id="another key"),
        pytest.param(lambda line: line.replace(b"audit-head-1", b"audit-head-9"), "head-damaged", id="another format"),
        pytest.param(lambda line: line[:1] + b"}\n", "head-damaged", id="nothing in it"),
        pytest.param(lambda line: b"\xff" + line, "head-damaged", id="no UTF-8"),
        pytest.param(lambda line: line.replace(b":8,", b":true,"), "head-damaged", id="no number"),
        pytest.param(lambda line: line.replace(b":8,", b":" + b"9" * 5000 + b","), "head-damaged", id="a huge number"),
        pytest.param(lambda line: line.replace(b"T13:", b"T14:"), "head-damaged", id="two times"),
    ],
)
def test_a_head_that_somebody_touched_is_named(trail: Trail, change: Callable[[bytes], bytes], kind: ProblemKind) -> None:
    trail.grow(4, 4, 4)
    file, lines = lines_of(trail)
    assert change(lines[1]) != lines[1]
    file.write_bytes(lines[0] + change(lines[1]) + lines[2])
    (problem,) = trail.verify().problems
    assert (problem.kind, problem.head) == (kind, "heads-2026-11-21.jsonl, line 2")


def test_a_rewritten_chain_with_heads_forged_to_match_is_named(trail: Trail) -> None:
    """The owner of the database who also writes to the folder of heads, but has no key to sign with."""
    trail.grow(4, 4)
    trail.tamper("UPDATE audit_event SET actor_id = 'another' WHERE id = 6")
    rechain(trail, 6)
    file, lines = lines_of(trail)
    (chain,) = trail.owner.execute("SELECT chain FROM audit_seal WHERE position = 8").fetchall()[0]
    old = heads.parse_line(lines[1])
    forged = heads.SignedHead(
        head=Head(position=8, chain=chain, sealed_at=old.head.sealed_at),
        public_key=old.public_key,
        signature=old.signature,
    )
    file.write_bytes(lines[0] + heads.format_line(forged))
    assert trail.named() == [("head-forged", 8, None)]


def test_heads_of_another_installation_are_named_and_do_not_count(trail: Trail, tmp_path: Path) -> None:
    trail.grow(4, 4)
    other = Keys.open(tmp_path / "other-keys")
    file, lines = lines_of(trail)
    mixed = [heads.format_line(heads.sign(heads.parse_line(line).head, other)) for line in lines]
    file.write_bytes(b"".join(lines + mixed))
    (problem,) = trail.verify().problems
    assert (problem.kind, problem.heads, problem.head) == (ProblemKind.HEAD_FOREIGN, 2, "heads-2026-11-21.jsonl, line 3")
    assert trail.verify(trail.keys.public_key, other.public_key).ok


def test_without_a_head_a_sealed_trail_does_not_pass(trail: Trail) -> None:
    trail.grow(4)
    shutil.rmtree(trail.folder)
    assert [problem.kind for problem in trail.verify().problems] == [ProblemKind.HEADS_MISSING]


def test_a_line_that_a_crash_cut_off_is_counted_and_is_no_problem(trail: Trail) -> None:
    trail.grow(4)
    file, lines = lines_of(trail)
    file.write_bytes(lines[0] + lines[0][:77])
    report = trail.verify()
    assert (report.ok, report.heads, report.torn_lines) == (True, 1, 1)
    trail.grow(4)
    report = trail.verify()
    assert (report.ok, report.heads, report.torn_lines) == (True, 2, 1)


def test_a_stranger_verifies_with_a_copy_of_the_heads_and_the_public_key(
    trail: Trail, tmp_path: Path, postgres: EmbeddedServer, database_name: str
) -> None:
    """Keys that were replaced: the old heads count with the old public key, which is all that anybody needs."""
    trail.grow(4)
    first = trail.keys
    trail.keys = Keys.open(tmp_path / "new-keys")
    trail.grow(4)
    copy = shutil.copytree(trail.folder, tmp_path / "copy")
    with Database(postgres.conninfo(OWNER, database_name)) as database:
        assert verify(database, copy, [first.public_key, trail.keys.public_key]).ok
        assert not verify(database, copy, [trail.keys.public_key]).ok


def test_writers_and_the_sealer_go_on_during_a_verification(trail: Trail) -> None:
    """What is added meanwhile is not part of what is verified, and its heads are not taken for a trail that was longer."""
    trail.grow(4, 4)
    grown: list[tuple[str, int, int]] = []

    def grow_meanwhile(what: str, done: int, total: int) -> None:
        if not grown:
            grown.append((what, done, total))
            trail.grow(5, 5)

    report = verify(trail.database, trail.folder, [trail.keys.public_key], progress=grow_meanwhile)
    assert (report.ok, report.position, report.heads, report.covered_to) == (True, 8, 2, 8)
    assert grown == [("seals", 8, 8)]
    assert trail.verify().position == 18


def test_many_problems_are_all_counted_and_the_first_are_kept(trail: Trail) -> None:
    trail.grow(3_000)
    trail.tamper("UPDATE audit_event SET actor_id = 'another'")
    report = trail.verify()
    assert report.counts == {ProblemKind.EVENT_CHANGED: 3_000}
    assert len(report.problems) == 1_000


# --- any change at all ---

_EVENTS = 60


def random_change(rng: random.Random) -> list[tuple[str, tuple[int, ...]]]:
    """Statements that together change one thing by hand."""
    place = rng.randint(1, _EVENTS)
    other = rng.choice([number for number in range(1, _EVENTS + 1) if number != place])
    bit = rng.randrange(256)
    microseconds_later = rng.choice([-1, 1]) * 10 ** rng.randint(0, 12)
    return rng.choice([
        [("UPDATE audit_event SET actor_kind = actor_kind || ' ' WHERE id = %s", (place,))],
        [("UPDATE audit_event SET actor_id = upper(actor_id) WHERE id = %s", (place,))],
        [("UPDATE audit_event SET action = left(action, -1) WHERE id = %s", (place,))],
        [("UPDATE audit_event SET record = record || left(record_id, 1), record_id = substr(record_id, 2) WHERE id = %s",
          (place,))],
        [("UPDATE audit_event SET record_id = %s WHERE id = %s", (other - 1, place))],
        [("UPDATE audit_event SET details = (details::text || ' ')::json WHERE id = %s", (place,))],
        [("UPDATE audit_event SET at = at + %s * interval '1 microsecond' WHERE id = %s", (microseconds_later, place))],
        [("DELETE FROM audit_event WHERE id = %s", (place,))],
        [("DELETE FROM audit_seal WHERE position = %s", (place,))],
        [("DELETE FROM audit_event WHERE id = %s", (place,)), ("DELETE FROM audit_seal WHERE position = %s", (place,))],
        [("DELETE FROM audit_event WHERE id >= %s", (place,)), ("DELETE FROM audit_seal WHERE position >= %s", (place,))],
        [("UPDATE audit_seal SET leaf = set_bit(leaf, %s, 1 - get_bit(leaf, %s)) WHERE position = %s", (bit, bit, place))],
        [("UPDATE audit_seal SET chain = set_bit(chain, %s, 1 - get_bit(chain, %s)) WHERE position = %s",
          (bit, bit, place))],
        [("UPDATE audit_seal SET sealed_at = sealed_at + interval '1 microsecond' WHERE position = %s", (place,))],
        [("UPDATE audit_seal SET event_id = 1000 WHERE position = %s", (place,))],
        [("UPDATE audit_seal SET position = %s WHERE position = %s", places)
         for places in ((-1, place), (place, other), (other, -1))],
        [(f"INSERT INTO audit_event OVERRIDING SYSTEM VALUE {_COPY_OF_5}", ())],
        [("INSERT INTO audit_unsealed VALUES (%s)", (place,))],
    ])  # fmt: skip


_TABLES = ("audit_event", "audit_seal", "audit_unsealed")


def contents(trail: Trail) -> list[list[str]]:
    rows = [
        trail.owner.execute("SELECT e::text FROM audit_event e ORDER BY 1").fetchall(),
        trail.owner.execute("SELECT s::text FROM audit_seal s ORDER BY 1").fetchall(),
        trail.owner.execute("SELECT u::text FROM audit_unsealed u ORDER BY 1").fetchall(),
    ]
    return [[text for (text,) in table] for table in rows]


def test_any_change_by_hand_is_found(trail: Trail) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")  # noqa: T201
    rng = random.Random(seed)  # noqa: S311
    while trail.recorded < _EVENTS:
        trail.grow(min(_EVENTS - trail.recorded, rng.randint(1, 20)))
    for table in _TABLES:
        trail.tamper(f"CREATE TABLE saved_{table} AS TABLE {table}")
    untouched = contents(trail)
    assert trail.verify().ok
    for _ in range(150):
        changes = [change for _ in range(rng.choice([1, 1, 1, 2, 3])) for change in random_change(rng)]
        for statement, values in changes:
            with contextlib.suppress(psycopg.errors.UniqueViolation):
                trail.tamper(statement, *values)
        assert trail.verify().ok == (contents(trail) == untouched), changes
        for table in _TABLES:
            trail.tamper(f"TRUNCATE {table}")
            trail.tamper(f"INSERT INTO {table} OVERRIDING SYSTEM VALUE TABLE saved_{table}")
    assert trail.verify().ok
