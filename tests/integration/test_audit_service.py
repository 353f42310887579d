"""Recording deeds and reading them back, and that what is sealed has one form only."""

import random
import secrets
import struct
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vangnet.audit import service, store
from vangnet.audit.details import INTEGER_MAX, canonical
from vangnet.audit.model import Actor, ActorKind, EventFilter, ListedEvent
from vangnet.audit.sealer import seal_batch, seal_once
from vangnet.audit.verification import verify
from vangnet.db import Connection, Database
from vangnet.db.embedded import OWNER, RUNTIME, EmbeddedServer
from vangnet.db.programs import binary, run
from vangnet.errors import InvalidInput, PermissionDenied
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys

_ALL = EventFilter()


def events(conn: Connection, actor: Actor, wanted: EventFilter = _ALL, *, limit: int = 1_000) -> list[ListedEvent]:
    return service.list_events(conn, actor, wanted=wanted, limit=limit)


# --- recording ---


def test_a_recorded_deed_is_read_back_as_it_was(conn: Connection, administrator: Actor, now: datetime) -> None:
    party = uuid.uuid4()
    service.record(
        conn, administrator, action=Permission.PARTY_ADD, record="party", record_id=party, now=now,
        state="active", count=3, none=None, flags=[True, False], by_state={"a": 1},
    )  # fmt: skip
    (event,) = events(conn, administrator)
    assert (event.at, event.actor_kind, event.actor_id) == (now, ActorKind.CONSOLE, "0")
    assert (event.action, event.record, event.record_id) == ("party:add", "party", str(party))
    assert event.details == {"state": "active", "count": 3, "none": None, "flags": [True, False], "by_state": {"a": 1}}
    assert (event.position, event.sealed_at) == (None, None)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"picture": b"\xff\xd8"}, TypeError),
        ({"distance": 0.5}, TypeError),
        ({"text": "a\0b"}, ValueError),
        ({"record_id": "a\0b"}, ValueError),
        ({"record": "\ud800"}, ValueError),
        ({"action": "party:\0"}, ValueError),
        ({"now": datetime(2026, 11, 21)}, ValueError),  # noqa: DTZ001
    ],
)
def test_what_an_event_cannot_hold_is_refused_before_the_database(
    conn: Connection, administrator: Actor, now: datetime, changed: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        service.record(
            conn, administrator, **{"action": "party:add", "record": "party", "record_id": 1, "now": now, **changed}
        )
    service.record(conn, administrator, action="party:add", record="party", record_id=1, now=now)
    assert len(events(conn, administrator)) == 1


def test_an_event_and_its_waiting_mark_are_written_in_one_statement(
    database: Database, administrator: Actor, now: datetime
) -> None:
    with database.transaction() as conn:
        service.record(conn, administrator, action="party:add", record="party", record_id=1, now=now)
        found = conn.execute("SELECT e.id, u.event_id FROM audit_event e FULL JOIN audit_unsealed u ON u.event_id = e.id")
        assert found.fetchall() == [(1, 1)]


def test_the_permission_to_read_is_the_one_that_roles_have() -> None:
    assert service.READ == Permission.AUDIT_READ


def test_nobody_reads_the_trail_without_the_permission(conn: Connection, administrator: Actor) -> None:
    actor = replace(administrator, permissions=frozenset(Permission) - {Permission.AUDIT_READ})
    with pytest.raises(PermissionDenied):
        service.list_events(conn, actor, wanted=_ALL)
    with pytest.raises(PermissionDenied):
        service.chain_state(conn, actor)
    with pytest.raises(PermissionDenied):
        service.list_actions(conn, actor)


# --- reading ---


@pytest.mark.parametrize("name", ["record", "record_id", "actor_id", "action"])
def test_a_filter_that_no_event_can_fit_is_refused_by_its_name(conn: Connection, administrator: Actor, name: str) -> None:
    unfit: dict[str, Any] = {name: "a\0b"}
    wanted = EventFilter(**unfit)
    with pytest.raises(InvalidInput, match=f"`{name}` must not hold the character NUL"):
        events(conn, administrator, wanted)


@pytest.fixture
def recorded(conn: Connection, now: datetime) -> None:
    """Twelve events, some at the same time, not in the order of their times."""
    rows = [(number % 5, ActorKind.PERSON if number % 2 else ActorKind.SYSTEM, number % 3) for number in range(12)]
    for number, (minute, kind, record_id) in enumerate(rows):
        service.record(
            conn,
            Actor(kind=kind, id=f"a{number % 4}"),
            action=["party:add", "party:end", "key:issue"][number % 3],
            record=["party", "key"][number // 6],
            record_id=record_id,
            now=now + timedelta(minutes=minute),
            number=number,
        )


@pytest.mark.usefixtures("recorded")
def test_events_are_listed_newest_first(conn: Connection, administrator: Actor) -> None:
    listed = [(event.at, event.id) for event in events(conn, administrator)]
    assert len(listed) == 12
    assert listed == sorted(listed, reverse=True)


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize("size", [1, 2, 5, 11, 12, 13])
def test_pages_put_together_are_the_whole_list(conn: Connection, administrator: Actor, size: int) -> None:
    pages: list[ListedEvent] = []
    before = None
    while page := service.list_events(conn, administrator, wanted=_ALL, before=before, limit=size):
        assert len(page) <= size
        pages += page
        before = page[-1].id
    assert pages == events(conn, administrator)


@pytest.mark.usefixtures("recorded")
def test_each_filter_and_all_pairs_of_them_find_what_they_should(
    conn: Connection, administrator: Actor, now: datetime
) -> None:
    everything = events(conn, administrator)
    since, until = now + timedelta(minutes=1), now + timedelta(minutes=3)
    filters: list[tuple[dict[str, Any], Callable[[ListedEvent], bool]]] = [
        ({"record": "party"}, lambda e: e.record == "party"),
        ({"record_id": "1"}, lambda e: e.record_id == "1"),
        ({"actor_kind": ActorKind.PERSON}, lambda e: e.actor_kind == "person"),
        ({"actor_id": "a2"}, lambda e: e.actor_id == "a2"),
        ({"action": "key:issue"}, lambda e: e.action == "key:issue"),
        ({"since": since}, lambda e: e.at >= since),
        ({"until": until}, lambda e: e.at < until),
    ]
    for first, wants_first in filters:
        for second, wants_second in filters:
            found = events(conn, administrator, EventFilter(**{**first, **second}))
            assert found == [event for event in everything if wants_first(event) and wants_second(event)]
            assert 0 < len(found) < 12 or first != second


def test_a_page_is_never_longer_than_the_limit_of_pages(conn: Connection, administrator: Actor, now: datetime) -> None:
    for number in range(service.LIST_MAX + 1):
        service.record(conn, administrator, action="party:add", record="party", record_id=number, now=now)
    assert len(events(conn, administrator, limit=10**9)) == service.LIST_MAX


@pytest.mark.usefixtures("recorded")
def test_the_actions_that_occur_are_listed_once_each(conn: Connection, administrator: Actor) -> None:
    assert service.list_actions(conn, administrator) == ["key:issue", "party:add", "party:end"]


def test_no_action_occurs_in_an_empty_trail(conn: Connection, administrator: Actor) -> None:
    assert service.list_actions(conn, administrator) == []


def test_the_state_of_the_chain_tells_what_is_sealed_and_what_waits(
    database: Database, administrator: Actor, now: datetime
) -> None:
    with database.transaction() as conn:
        state = service.chain_state(conn, administrator)
        assert (state.position, state.sealed_at, state.waiting, state.oldest_waiting_at) == (0, None, 0, None)
        for number in range(3):
            service.record(
                conn, administrator, action="party:add", record="party", record_id=number, now=now + timedelta(number)
            )
    later = now + timedelta(days=9)
    seal_batch(database, now=later, limit=2)
    with database.transaction() as conn:
        state = service.chain_state(conn, administrator)
        listed = events(conn, administrator)
    assert (state.position, state.sealed_at, state.newest_sealed_event_at) == (2, later, now + timedelta(days=1))
    assert (state.waiting, state.oldest_waiting_at) == (1, now + timedelta(days=2))
    assert [(event.position, event.sealed_at) for event in listed] == [(None, None), (2, later), (1, later)]


# --- the one form ---

_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
_DETAILS = st.dictionaries(
    st.text(st.characters(min_codepoint=1, max_codepoint=127), max_size=6),
    st.none() | st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | _TEXTS | st.lists(_TEXTS, max_size=3),
    max_size=4,
)


_TIMES = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.tuples(_TEXTS, _TEXTS, _TEXTS), _TIMES, _DETAILS)
def test_the_database_gives_back_exactly_what_the_encoding_is_said_to_be(
    conn: Connection, names: tuple[str, str, str], at: datetime, details: dict[str, object]
) -> None:
    """The encoding is described in docs/explanation/audit-trail.md; here it is made from that description alone."""
    actor_id, record, record_id = names
    actor = Actor(kind=ActorKind.API_KEY, id=actor_id)
    store.add_event(conn, actor, action="a:b", record=record, record_id=record_id, at=at, details=canonical(details))
    (event_id,) = conn.execute("SELECT max(id) FROM audit_event").fetchall()[0]
    at_us = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    texts = ["api_key", actor_id, "a:b", record, record_id, canonical(details)]
    fields = [event_id.to_bytes(8), at_us.to_bytes(8, signed=True), *(text.encode() for text in texts)]
    expected = b"".join(struct.pack(">I", len(field)) + field for field in fields)
    assert store.read_encoded(conn, [event_id]) == [(event_id, expected)]


@pytest.fixture(params=["plain", "custom"])
def restored(
    request: pytest.FixtureRequest, postgres: EmbeddedServer, database_name: str, tmp_path: Path
) -> Iterator[Callable[[], str]]:
    """Dumps the test's database and restores it into another; gives back where that is."""
    name, dump = f"{database_name}_restored", tmp_path / "dump"

    def dump_and_restore() -> str:
        source, target = postgres.conninfo(OWNER, database_name), postgres.conninfo("postgres", name)
        run(binary("pg_dump"), f"--dbname={source}", f"--format={request.param}", f"--file={dump}")
        if request.param == "plain":
            run(binary("psql"), "--quiet", "--set=ON_ERROR_STOP=1", f"--dbname={target}", f"--file={dump}")
        else:
            run(binary("pg_restore"), f"--dbname={target}", dump)
        return postgres.conninfo(RUNTIME, name)

    with psycopg.connect(postgres.conninfo("postgres", "postgres"), autocommit=True) as superuser:
        superuser.execute(f"CREATE DATABASE {name} OWNER {OWNER}".encode())
        yield dump_and_restore
        superuser.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_a_trail_verifies_after_a_dump_and_restore(
    database: Database, restored: Callable[[], str], keys: Keys, tmp_path: Path
) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")  # noqa: T201
    rng = random.Random(seed)  # noqa: S311
    alphabet = "aZ09 \t\n\r\x01\x7f\"\\/'éß\u2028日本語😀\ufeff\u0301"
    with database.transaction() as conn:
        for number in range(300):
            text = "".join(rng.choices(alphabet, k=rng.randint(0, 12)))
            service.record(
                conn, Actor(kind=ActorKind.SYSTEM, id=text), action="party:add", record="party", record_id=text[::-1],
                now=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=rng.randrange(10**15)),
                zz=number, b=text, Z=-INTEGER_MAX + number, a10=[text, None, True], a9={"y": 1, "x": {}},
            )  # fmt: skip
    seal_once(database, keys, tmp_path / "heads", now=datetime.now(UTC))
    with Database(restored()) as copy:
        report = verify(copy, tmp_path / "heads", [keys.public_key])
    assert report.ok, [str(problem) for problem in report.problems]
    assert report.position == 300
