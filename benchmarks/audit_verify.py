"""Claim: more than 100,000 events a second are verified, and what was done to them by hand is named.

    python benchmarks/audit_verify.py [--events N] [--rounds N]

The peer beside it: the same rows hashed by the database itself, in one statement, which compares nothing and whose result
the owner of the database can forge. Then, as that owner: one byte changed, one row removed, one put in, one seal changed,
the tail cut off; the verifier's own words for each.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from vangnet.audit import service
from vangnet.audit.model import Actor, ActorKind
from vangnet.audit.sealer import export_head, seal_batch
from vangnet.audit.verification import Report, verify
from vangnet.db import Database, migrate
from vangnet.db.embedded import DATABASE, OWNER, RUNTIME, EmbeddedServer
from vangnet.keys import Keys

_ACTOR = Actor(kind=ActorKind.PERSON, id="0b1c9c0e-3a0e-4b53-8f00-1b8d1a4e6f11")
_RECORDED_TOGETHER = 1_000
_HASHED_BY_THE_SERVER = """
SELECT count(sha256(convert_to(e::text, 'UTF8'))) + count(sha256(s.chain || s.leaf))
FROM audit_seal s JOIN audit_event e ON e.id = s.event_id
"""


def record(database: Database, events: int) -> None:
    """Events as a busy installation has them."""
    for first in range(0, events, _RECORDED_TOGETHER):
        with database.transaction() as conn:
            for number in range(first, min(events, first + _RECORDED_TOGETHER)):
                service.record(
                    conn, _ACTOR, action="party:update", record="party", now=datetime.now(UTC), contacts=2, state="active",
                    record_id=f"0b1c9c0e-3a0e-4b53-8f00-{number:012}",
                )  # fmt: skip


def seal(database: Database, keys: Keys, folder: Path) -> float:
    """Seals everything, with a head after every batch, and returns the seconds it took without the heads."""
    elapsed_s = 0.0
    while True:
        started = time.perf_counter()
        sealed = seal_batch(database, now=datetime.now(UTC))
        elapsed_s += time.perf_counter() - started
        if not sealed.count:
            return elapsed_s
        export_head(database, keys, folder, now=datetime.now(UTC))


def measured(work: Callable[[], object], rounds: int) -> list[float]:
    """The seconds of each round."""
    found = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return found


_PUT_IN = """
INSERT INTO audit_event OVERRIDING SYSTEM VALUE
SELECT 900000001, at, actor_kind, actor_id, action, record, record_id, details FROM audit_event WHERE id = 1
"""
_CUT_OFF = """
WITH seal AS (DELETE FROM audit_seal WHERE position > (SELECT max(position) - 10 FROM audit_seal) RETURNING event_id)
DELETE FROM audit_event WHERE id IN (SELECT event_id FROM seal)
"""
CHANGES = {
    "one byte changed": "UPDATE audit_event SET record_id = left(record_id, -1) || 'x' WHERE id = 12345",
    "one row removed": "DELETE FROM audit_event WHERE id = 23456",
    "one row put in": _PUT_IN,
    "one seal changed": "UPDATE audit_seal SET chain = sha256(chain) WHERE position = 17",
    "the tail cut off": _CUT_OFF,
}


def tell_changes(owner: psycopg.Connection[Any], check: Callable[[], Report]) -> None:
    """Does one thing after the other by hand, and prints what the verifier adds to what it said before."""
    said: set[str] = set()
    for what, statement in CHANGES.items():
        owner.execute(statement.encode())
        print(f"\n{what}:")
        sentences = [str(problem) for problem in check().problems]
        for sentence in sentences:
            if sentence not in said:
                print(f"  {sentence}")
        said.update(sentences)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    events: int = max(options.events, 30_000)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = EmbeddedServer(folder / "data")
        server.acquire()
        stack.callback(server.release)
        migrate.upgrade(server.conninfo(OWNER, DATABASE))
        database = stack.enter_context(Database(server.conninfo(RUNTIME)))
        owner = stack.enter_context(psycopg.connect(server.conninfo(OWNER), autocommit=True))
        keys = Keys.open(folder / "keys")

        def check() -> Report:
            return verify(database, folder / "heads", [keys.public_key])

        record(database, events)
        print(f"sealed      {events / seal(database, keys, folder / 'heads'):10,.0f} events/s")
        report = check()
        assert report.ok, report.problems
        for name, work in {"verified": check, "hashed by the server": lambda: owner.execute(_HASHED_BY_THE_SERVER)}.items():
            found = measured(work, options.rounds)
            median_s = statistics.median(found)
            spread = f"{events / max(found):,.0f} to {events / min(found):,.0f}"
            print(f"{name:21} {events / median_s:10,.0f} events/s ({spread}), {median_s:.2f} s for {events:,}")
        print(f"ok: {report.position:,} events, {report.heads} heads, up to position {report.covered_to:,}")
        tell_changes(owner, check)


if __name__ == "__main__":
    main()
