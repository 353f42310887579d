"""Claim: audited writes do not wait for each other, and each is sealed within a second.

    python benchmarks/audit_writes.py [--events N] [--rounds N]

Every write is a transaction of its own, committed to the disk, by one process and by eight at once. Side by side in each
round: the audit trail with its sealer running; a plain INSERT of the same row without any audit; and the usual way to chain
rows, in which each writer locks the newest digest. Medians of the rounds; the spread is shown beside.
"""

import argparse
import hashlib
import multiprocessing
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from multiprocessing.synchronize import Barrier
from pathlib import Path

import psycopg

from vangnet.audit import service
from vangnet.audit.model import Actor, ActorKind
from vangnet.audit.sealer import Sealer
from vangnet.audit.verification import verify
from vangnet.db import Connection, Database, migrate
from vangnet.db.embedded import DATABASE, OWNER, RUNTIME, EmbeddedServer
from vangnet.keys import Keys

WRITERS = (1, 8)
_ACTOR = Actor(kind=ActorKind.PERSON, id="0b1c9c0e-3a0e-4b53-8f00-1b8d1a4e6f11")
_PEERS = """
CREATE TABLE plain (LIKE audit_event INCLUDING ALL);
CREATE TABLE naive (LIKE audit_event INCLUDING ALL, chain bytea NOT NULL);
CREATE TABLE naive_end (chain bytea NOT NULL);
INSERT INTO naive_end VALUES (sha256(''));
GRANT ALL ON plain, naive, naive_end TO vangnet_runtime;
"""


def write_plain(conn: Connection, number: int) -> None:
    """The same row, without audit."""
    conn.execute(
        "INSERT INTO plain (at, actor_kind, actor_id, action, record, record_id, details) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [datetime.now(UTC), "person", _ACTOR.id, "party:update", "party", str(number), '{"contacts":2,"state":"active"}'],
    )


def write_naive(conn: Connection, number: int) -> None:
    """The same row, chained by the writer itself."""
    (before,) = conn.execute("SELECT chain FROM naive_end FOR UPDATE").fetchall()[0]
    chain = hashlib.sha256(before + str(number).encode()).digest()
    conn.execute(
        "INSERT INTO naive (at, actor_kind, actor_id, action, record, record_id, details, chain) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        [
            datetime.now(UTC),
            "person",
            _ACTOR.id,
            "party:update",
            "party",
            str(number),
            '{"contacts":2,"state":"active"}',
            chain,
        ],
    )
    conn.execute("UPDATE naive_end SET chain = %s", [chain])


def write_audited(conn: Connection, number: int) -> None:
    """As every service of Vangnet does it."""
    service.record(
        conn, _ACTOR, action="party:update", record="party", record_id=number, now=datetime.now(UTC),
        contacts=2, state="active",
    )  # fmt: skip


WAYS: dict[str, Callable[[Connection, int], None]] = {
    "plain insert": write_plain,
    "naive chain": write_naive,
    "audit trail": write_audited,
}


def write(conninfo: str, way: str, events: int, barrier: Barrier) -> None:
    """One writer."""
    with Database(conninfo, max_connections=1) as database:
        for number in range(-20, events):
            if number == 0:
                barrier.wait()
            with database.transaction() as conn:
                WAYS[way](conn, number)
    barrier.wait()


def writes_a_second(conninfo: str, way: str, writers: int, events: int) -> float:
    """How many events `writers` processes commit in a second, all together."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(writers + 1)
    processes = [context.Process(target=write, args=(conninfo, way, events // writers, barrier)) for _ in range(writers)]
    for process in processes:
        process.start()
    barrier.wait()
    started = time.perf_counter()
    barrier.wait()
    elapsed_s = time.perf_counter() - started
    for process in processes:
        process.join()
    return events // writers * writers / elapsed_s


def wait_until_sealed(database: Database) -> None:
    """Until no event waits."""
    while True:
        with database.transaction() as conn:
            if conn.execute("SELECT FROM audit_unsealed LIMIT 1").fetchone() is None:
                return
        time.sleep(0.05)


def lags_s(database: Database) -> list[float]:
    """From the commit of each event to the commit of its seal, by the server's own clock."""
    with database.transaction() as conn:
        rows = conn.execute(
            """
            SELECT extract(epoch FROM pg_xact_commit_timestamp(s.xmin) - pg_xact_commit_timestamp(e.xmin))::float8
            FROM audit_seal s JOIN audit_event e ON e.id = s.event_id
            """
        ).fetchall()
    return sorted(lag for (lag,) in rows)


def start(server: EmbeddedServer, stack: ExitStack) -> None:
    """The server, keeping the time of every commit, with Vangnet's tables and the peers'."""
    server.acquire()
    with psycopg.connect(server.conninfo("postgres", "postgres"), autocommit=True) as conn:
        conn.execute("ALTER SYSTEM SET track_commit_timestamp = on")
    server.release()
    server.acquire()
    stack.callback(server.release)
    migrate.upgrade(server.conninfo(OWNER, DATABASE))
    with psycopg.connect(server.conninfo(OWNER, DATABASE)) as conn:
        conn.execute(_PEERS)


def main() -> None:
    """Runs the rounds and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=4_000, help="writes a measurement")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rates: dict[tuple[str, int], list[float]] = {(way, writers): [] for way in WAYS for writers in WRITERS}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = EmbeddedServer(folder / "data")
        start(server, stack)
        conninfo, keys = server.conninfo(RUNTIME), Keys.open(folder / "keys")
        database = stack.enter_context(Database(conninfo))
        with Sealer(database, keys, folder / "heads"):
            for number in range(options.rounds):
                # In another order each time, so that none always has the machine when it is quiet or the tables small.
                for (way, writers), found in random.sample(list(rates.items()), len(rates)):
                    found.append(writes_a_second(conninfo, way, writers, options.events))
                    wait_until_sealed(database)
                print(f"round {number + 1} of {options.rounds}", flush=True)
        report = verify(database, folder / "heads", [keys.public_key])
        assert report.ok, report.problems
        lags = lags_s(database)
    print(f"\n{'':14}{'writers':>8}{'writes/s':>10}   (lowest to highest)   of plain   of naive")
    for (way, writers), found in rates.items():
        median = statistics.median(found)
        plain, naive = (statistics.median(rates[peer, writers]) for peer in ("plain insert", "naive chain"))
        spread = f"({min(found):,.0f} to {max(found):,.0f})"
        print(f"{way:14}{writers:8}{median:10,.0f}   {spread:21}{median / plain:11.2f}{median / naive:11.2f}")
    for way in WAYS:
        one, eight = (statistics.median(rates[way, writers]) for writers in WRITERS)
        print(f"{way}: eight writers write {eight / one:.2f} times what one does")
    p50, p99 = lags[len(lags) // 2], lags[len(lags) * 99 // 100]
    print(f"from commit to seal: p50 {p50:.3f} s, p99 {p99:.3f} s, longest {lags[-1]:.3f} s ({len(lags):,} events)")
    print(f"the chain verifies: {report.position:,} events, {report.heads} heads")


if __name__ == "__main__":
    main()
