"""Reading a source into a list: every row is answered, nothing is taken twice, and safeguards come before everything."""

import contextlib
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from running.hash_lists import ANNE, BRAM, CARL, draft, md5, near, pdq, rows

from vangnet.db import Connection, Database
from vangnet.errors import Conflict, InvalidInput, PermissionDenied
from vangnet.identity.model import PartyKind
from vangnet.identity.model.parties import GrantedRight
from vangnet.identity.service import grants, parties
from vangnet.keys import Keys
from vangnet.registry.formats import csv
from vangnet.registry.formats.reading import Row, Skipped, Withdrawn
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.entries import EntryState
from vangnet.registry.model.lists import HashList, ListState, QuorumOf
from vangnet.registry.model.matches import Batch, BatchState
from vangnet.registry.service import categories, entries, imports, known_good, lists
from vangnet.registry.service.known_good import GoodPicture

DIGEST = bytes(32)


@pytest.fixture
def made(conn: Connection, keys: Keys, now: datetime) -> HashList:
    return lists.create(conn, ANNE, keys=keys, name="Meldpunt", now=now)


def start(conn: Connection, made: HashList, now: datetime, digest: bytes = DIGEST) -> Batch:
    return imports.start(conn, ANNE, list_id=made.id, format_="csv", source_digest=digest, now=now)


def take(conn: Connection, keys: Keys, batch: Batch, some: list[Any], now: datetime, *, done: bool = False) -> Batch:
    return imports.take(conn, ANNE, keys=keys, batch_id=batch.id, after=batch.position, rows=some, done=done, now=now)


def states(conn: Connection, made: HashList) -> dict[str | None, EntryState]:
    return {one.reference: one.state for one in entries.list_entries(conn, ANNE, list_id=made.id)}


def problems(conn: Connection, batch: Batch) -> list[tuple[int, str, str]]:
    found = imports.list_problems(conn, ANNE, batch_id=batch.id)
    return [(one.position, one.field, one.problem) for one in found]


def events(conn: Connection) -> list[tuple[str, dict[str, Any]]]:
    found = conn.execute("SELECT action, details FROM audit_event ORDER BY id").fetchall()
    return [(action, details) for action, details in found]


def activate(conn: Connection, keys: Keys, made: HashList, now: datetime) -> None:
    for one in categories.list_categories(conn, ANNE, made.id):
        categories.map_category(conn, ANNE, keys=keys, category_id=one.id, classification=Classification.BASELINE, now=now)
    for person in (ANNE, BRAM):
        lists.approve_activation(conn, person, keys=keys, list_id=made.id, now=now)


# --- rows ---


def test_every_row_is_answered(conn: Connection, keys: Keys, now: datetime, made: HashList) -> None:
    batch = start(conn, made, now)
    some: list[Row] = [
        *rows([draft("a", reference="A"), draft("a"), draft("b", reference="B")]),
        Skipped(position=4, field="md5", problem="must have 32 hex digits, not 31 characters"),
        *rows([draft("c", hashes=[md5("c"), pdq(bytes(range(32)), quality=49)])], first=5),
        *rows([draft("d", reference="x" * 201)], first=6),
        Withdrawn(position=7, reference="nobody"),
    ]
    batch = take(conn, keys, batch, some, now, done=True)
    assert (batch.position, batch.taken, batch.duplicates, batch.skipped) == (7, 2, 1, 4)
    assert batch.state is BatchState.DONE
    assert problems(conn, batch) == [
        (4, "md5", "must have 32 hex digits, not 31 characters"),
        (5, "hashes", "has a quality below 50: there is too little to see in the picture"),
        (6, "reference", "must have 0 to 200 characters"),
        (7, "reference", "is not that of an entry on the list"),
    ]
    assert states(conn, made) == {"A": EntryState.ACTIVE, "B": EntryState.ACTIVE}


def test_a_step_leaves_one_event_with_counts_and_a_digest_and_no_hash(
    conn: Connection, keys: Keys, now: datetime, made: HashList
) -> None:
    batch = start(conn, made, now)
    before = len(events(conn))
    take(conn, keys, batch, rows([draft("a", reference="canary")]), now, done=True)
    ((action, details),) = events(conn)[before:]
    assert action == "registry:import"
    assert (details["taken"], details["skipped"], details["position"], len(details["digest"])) == (1, 0, 1, 64)
    text = json.dumps(details)
    assert "canary" not in text
    assert md5("a").value.hex() not in text


def test_no_hash_lies_in_the_table_in_clear(conn: Connection, keys: Keys, now: datetime, made: HashList) -> None:
    value = b"canary-canary-canary-canary-cana"
    take(conn, keys, start(conn, made, now), rows([draft("a", hashes=[pdq(value)])]), now)
    ((row,),) = conn.execute("SELECT registry_entry::text FROM registry_entry").fetchall()
    assert value.hex() not in row
    (entry,) = entries.list_entries(conn, ANNE, list_id=made.id)
    assert entries.open_hashes(conn, ANNE, keys=keys, entry_id=entry.id, now=now) == (pdq(value),)


def test_the_same_in_another_category_is_named_and_not_taken(
    conn: Connection, keys: Keys, now: datetime, made: HashList
) -> None:
    batch = take(conn, keys, start(conn, made, now), rows([draft("a")]), now)
    batch = take(conn, keys, batch, rows([draft("a", category="B2")], first=2), now, done=True)
    assert (batch.taken, batch.duplicates, batch.skipped) == (1, 0, 1)
    assert problems(conn, batch) == [(2, "category", "contradicts the category under which the same is listed already")]


def test_a_supplier_takes_an_entry_back_by_its_reference(
    conn: Connection, keys: Keys, now: datetime, made: HashList
) -> None:
    batch = take(conn, keys, start(conn, made, now), rows([draft("a", reference="A"), draft("b", reference="B")]), now)
    batch = take(conn, keys, batch, [Withdrawn(position=3, reference="A")], now, done=True)
    assert batch.withdrawn == 1
    assert states(conn, made) == {"A": EntryState.WITHDRAWN, "B": EntryState.ACTIVE}


def test_what_was_withdrawn_does_not_come_back_with_the_next_file(
    conn: Connection, keys: Keys, now: datetime, made: HashList
) -> None:
    take(conn, keys, start(conn, made, now), rows([draft("a")]), now, done=True)
    (entry,) = entries.list_entries(conn, ANNE, list_id=made.id)
    entries.withdraw(conn, ANNE, keys=keys, entry_id=entry.id, reason="a mistake", now=now)
    batch = take(conn, keys, start(conn, made, now, b"2" * 32), rows([draft("a")]), now, done=True)
    assert (batch.taken, batch.skipped) == (0, 1)
    # By hand it does.
    again = entries.propose(conn, BRAM, keys=keys, list_id=made.id, draft=draft("a"), now=now)
    assert again.entry.state is EntryState.ACTIVE


def test_what_is_added_and_taken_back_in_one_step_is_withdrawn_and_does_not_come_back(
    conn: Connection, keys: Keys, now: datetime, made: HashList
) -> None:
    some: list[Row] = [
        *rows([draft("a", reference="A"), draft("b", reference="B")]),
        Withdrawn(position=3, reference="A"),
        Withdrawn(position=4, reference="nobody"),
    ]
    batch = take(conn, keys, start(conn, made, now), some, now, done=True)
    assert (batch.taken, batch.withdrawn, batch.skipped) == (2, 1, 1)
    assert states(conn, made) == {"A": EntryState.WITHDRAWN, "B": EntryState.ACTIVE}
    counted = conn.execute(
        "SELECT state, sum(entries)::int FROM registry_list_count WHERE list_id = %s GROUP BY state", [made.id]
    )
    assert {state: count for state, count in counted if count} == {"active": 1, "withdrawn": 1}
    batch = take(conn, keys, start(conn, made, now, b"2" * 32), rows([draft("a", reference="A")]), now, done=True)
    assert (batch.taken, batch.skipped) == (0, 1)


def test_what_is_taken_back_and_then_added_is_listed(conn: Connection, keys: Keys, now: datetime, made: HashList) -> None:
    batch = take(conn, keys, start(conn, made, now), rows([draft("old", reference="A")]), now)
    some: list[Row] = [
        Withdrawn(position=2, reference="A"),
        *rows([draft("new", reference="A"), draft("old", reference="again")], first=3),
        Withdrawn(position=5, reference="B"),
        *rows([draft("b", reference="B")], first=6),
    ]
    batch = take(conn, keys, batch, some, now, done=True)
    assert (batch.taken, batch.withdrawn, batch.duplicates) == (3, 1, 0)
    # What was withdrawn is not taken again, and a withdrawal takes back nothing that comes behind it.
    assert [position for position, _, _ in problems(conn, batch)] == [4, 5]
    found = [(one.reference, one.state.value) for one in entries.list_entries(conn, ANNE, list_id=made.id)]
    assert found == [("A", "withdrawn"), ("A", "active"), ("B", "active")]


def test_a_stopped_entry_that_is_taken_back_in_the_same_step_waits_for_nobody(
    conn: Connection, keys: Keys, now: datetime, made: HashList
) -> None:
    value = bytes(range(32))
    picture = GoodPicture(name="logo.png", hashes=(md5("logo"), pdq(value)))
    known_good.add(conn, ANNE, keys=keys, set_name="press", pictures=[picture], now=now)
    some: list[Row] = [
        *rows([draft("a", reference="A", hashes=[md5("a"), pdq(near(value, 3))])]),
        Withdrawn(position=2, reference="A"),
    ]
    batch = take(conn, keys, start(conn, made, now), some, now, done=True)
    assert (batch.collided, batch.withdrawn) == (1, 1)
    assert states(conn, made) == {"A": EntryState.WITHDRAWN}
    assert entries.list_collisions(conn, ANNE, list_id=made.id) == []


# --- reading on ---


def test_a_batch_that_was_broken_off_is_read_on_and_a_finished_one_begins_anew(
    conn: Connection, keys: Keys, now: datetime, made: HashList
) -> None:
    first = take(conn, keys, start(conn, made, now), rows([draft("a")]), now)
    again = start(conn, made, now)
    assert (again.id, again.position) == (first.id, 1)
    take(conn, keys, again, rows([draft("b")], first=2), now, done=True)
    assert start(conn, made, now).id != first.id


def test_two_readers_of_one_source_do_not_take_the_same_rows(
    conn: Connection, keys: Keys, now: datetime, made: HashList
) -> None:
    batch = start(conn, made, now)
    take(conn, keys, batch, rows([draft("a")]), now)
    with pytest.raises(Conflict, match="somebody else reads"):
        take(conn, keys, batch, rows([draft("a")]), now)


def test_an_abandoned_batch_is_not_read_on(conn: Connection, keys: Keys, now: datetime, made: HashList) -> None:
    batch = start(conn, made, now)
    assert imports.abandon(conn, ANNE, batch_id=batch.id, now=now).state is BatchState.ABANDONED
    with pytest.raises(Conflict, match="over"):
        take(conn, keys, batch, rows([draft("a")]), now)
    with pytest.raises(Conflict, match="over"):
        imports.abandon(conn, ANNE, batch_id=batch.id, now=now)


def test_staff_read_nothing_in(conn: Connection, now: datetime, made: HashList) -> None:
    with pytest.raises(PermissionDenied):
        imports.start(conn, CARL, list_id=made.id, format_="csv", source_digest=DIGEST, now=now)


def test_a_format_has_a_name(conn: Connection, now: datetime, made: HashList) -> None:
    with pytest.raises(InvalidInput, match="format"):
        imports.start(conn, ANNE, list_id=made.id, format_="", source_digest=DIGEST, now=now)


def test_a_whole_file_is_taken_in_several_transactions(database: Database, keys: Keys, now: datetime) -> None:
    count = imports.ROWS_AT_ONCE + 7
    lines = "".join(f"R{number},A1,{md5(str(number)).value.hex()}\n" for number in range(count))
    with database.transaction() as conn:
        made = lists.create(conn, ANNE, keys=keys, name="Meldpunt", now=now)
        batch = start(conn, made, now)
    seen: list[int] = []
    done = imports.run(
        database.transaction, ANNE, keys=keys, batch=batch, clock=lambda: datetime.now(UTC),
        rows=csv.read(io.BytesIO(b"reference,category,md5\n" + lines.encode())),
        progress=lambda one: seen.append(one.position),
    )  # fmt: skip
    assert seen == [imports.ROWS_AT_ONCE, count]
    assert (done.taken, done.state) == (count, BatchState.DONE)
    with database.transaction() as conn:
        assert lists.overview(conn, ANNE, made.id, now=now).entries(EntryState.ACTIVE) == count
        first, last, number = conn.execute("SELECT min(id), max(id), count(*) FROM registry_entry").fetchall()[0]
    assert last - first + 1 == number == count


def test_known_good_pictures_that_come_while_a_file_is_read_count_for_its_next_rows(
    database: Database, keys: Keys, now: datetime
) -> None:
    good = bytes(range(32))
    with database.transaction() as conn:
        made = lists.create(conn, ANNE, keys=keys, name="Meldpunt", now=now)
        batch = start(conn, made, now)

    def source() -> Iterator[Row]:
        yield from rows([draft(str(number)) for number in range(imports.ROWS_AT_ONCE)])
        # By now the next rows are being prepared with what was known before.
        yield from rows([draft("late", hashes=[pdq(near(good, 9))], reference="late")], first=imports.ROWS_AT_ONCE + 1)

    def add_good(_: Batch) -> None:
        with database.transaction() as conn, contextlib.suppress(Conflict):
            known_good.add(
                conn, ANNE, keys=keys, set_name="cms",
                pictures=[GoodPicture(name="a.png", hashes=(md5("good"), pdq(good)))], now=now,
            )  # fmt: skip

    done = imports.run(
        database.transaction, ANNE, keys=keys, batch=batch, rows=source(), clock=lambda: now, progress=add_good
    )
    assert done.collided == 1
    with database.transaction() as conn:
        found = entries.list_entries(conn, ANNE, list_id=made.id, state=EntryState.SUSPENDED)
    assert [one.reference for one in found] == ["late"]


# --- safeguards ---


def test_a_batch_that_collides_puts_an_active_list_back_into_quarantine_and_names_the_entries(
    conn: Connection, keys: Keys, now: datetime, made: HashList
) -> None:
    good = bytes(range(32))
    picture = GoodPicture(name="logo.png", hashes=(md5("logo"), pdq(good)))
    assert known_good.add(conn, ANNE, keys=keys, set_name="cms", pictures=[picture], now=now).added == 1
    take(conn, keys, start(conn, made, now), rows([draft("a", reference="A")]), now, done=True)
    activate(conn, keys, made, now)
    bad = draft("x", hashes=[pdq(near(good, 31))], reference="X")
    batch = take(conn, keys, start(conn, made, now, b"2" * 32), rows([bad, draft("b", reference="B")]), now, done=True)
    assert (batch.taken, batch.collided) == (2, 1)
    assert lists.get(conn, ANNE, made.id).state is ListState.QUARANTINED
    assert states(conn, made) == {"A": EntryState.ACTIVE, "B": EntryState.ACTIVE, "X": EntryState.SUSPENDED}
    (stopped,) = entries.list_collisions(conn, ANNE, list_id=made.id)
    assert (stopped.algorithm, stopped.distance) == ("pdq", 31)
    assert list(entries.known_good_names(conn, ANNE, [stopped]).values()) == [("cms", "logo.png")]
    with pytest.raises(Conflict, match="1 entries were stopped"):
        lists.approve_activation(conn, ANNE, keys=keys, list_id=made.id, now=now)
    # A person looks, and keeps it.
    kept = entries.resolve(conn, BRAM, keys=keys, entry_id=stopped.entry_id, keep=True, reason="it is one", now=now)
    assert kept.state is EntryState.ACTIVE
    assert entries.list_collisions(conn, ANNE) == []


def test_a_new_known_good_picture_stops_what_is_listed_already(
    conn: Connection, keys: Keys, now: datetime, made: HashList
) -> None:
    good = bytes(range(32))
    near_it = draft("x", hashes=[pdq(near(good, 20))], reference="X")
    take(conn, keys, start(conn, made, now), rows([draft("a", reference="A"), near_it]), now, done=True)
    pictures = [GoodPicture(name="logo.png", hashes=(md5("logo"), pdq(good)))]
    added = known_good.add(conn, ANNE, keys=keys, set_name="cms", pictures=pictures, now=now)
    assert (added.added, known_good.add(conn, ANNE, keys=keys, set_name="b", pictures=pictures, now=now).known) == (1, 1)
    step = known_good.recheck(conn, ANNE, keys=keys, since=added.since, now=now)
    assert (step.stopped, step.done) == (1, True)
    assert states(conn, made) == {"A": EntryState.ACTIVE, "X": EntryState.SUSPENDED}
    # Kept by a person, it is not stopped for the same again.
    (stopped,) = entries.list_collisions(conn, ANNE)
    entries.resolve(conn, BRAM, keys=keys, entry_id=stopped.entry_id, keep=True, reason="looked at it", now=now)
    assert known_good.recheck(conn, ANNE, keys=keys, since=added.since, now=now).stopped == 0


# --- several parties ---


def test_two_parties_that_supply_the_same_reach_the_quorum(conn: Connection, keys: Keys, now: datetime) -> None:
    made = lists.create(conn, ANNE, keys=keys, name="Joint", quorum=2, quorum_of=QuorumOf.PARTIES, now=now)
    console = ANNE.__class__(
        kind=ANNE.kind, id=ANNE.id, permissions=frozenset({*ANNE.permissions, "party:add", "party:grant"})
    )
    for number, name in enumerate(("First", "Second")):
        party = parties.add(conn, console, name=name, kind=PartyKind.PARTNER, now=now)
        with pytest.raises(Conflict, match="list_supplier"):
            imports.start(
                conn, ANNE, list_id=made.id, format_="csv", source_digest=bytes([number]) * 32, party_id=party.id, now=now
            )
        grants.grant(conn, console, party_id=party.id, right=GrantedRight.LIST_SUPPLIER, now=now)
        batch = imports.start(
            conn, ANNE, list_id=made.id, format_="csv", source_digest=bytes([number]) * 32, party_id=party.id, now=now
        )
        some = rows([draft("a", reference="A"), draft(f"only {number}", reference=name)])
        imports.take(conn, ANNE, keys=keys, batch_id=batch.id, after=0, rows=some, done=True, now=now)
        expected = EntryState.PROPOSED if number == 0 else EntryState.ACTIVE
        assert states(conn, made)["A"] is expected
    assert states(conn, made) == {
        "A": EntryState.ACTIVE, "First": EntryState.PROPOSED, "Second": EntryState.PROPOSED,
    }  # fmt: skip
