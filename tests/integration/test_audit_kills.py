"""A process that writes and seals is killed at any moment: what it acknowledged is there, and the chain verifies."""

import os
import random
import secrets
import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
from running.states import wait_until

from vangnet.audit.sealer import seal_once
from vangnet.audit.verification import verify
from vangnet.db import Database
from vangnet.db.embedded import RUNTIME, EmbeddedServer
from vangnet.keys import Keys

# It says a number for each event it committed; what it had not said when it was killed may be there or not.
_WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from vangnet.audit import sealer, service
from vangnet.audit.model import Actor, ActorKind
from vangnet.db import Database
from vangnet.keys import Keys

conninfo, keys, folder, first = sys.argv[1:]
actor = Actor(kind=ActorKind.SYSTEM, id="test")
sealer.POLL_S = sealer.HEAD_INTERVAL_S = 0.002
with Database(conninfo) as database, sealer.Sealer(database, Keys.open(Path(keys)), Path(folder)):
    number = int(first)
    while True:
        number += 1
        with database.transaction() as conn:
            service.record(conn, actor, action="party:add", record="party", record_id=number, now=datetime.now(UTC))
        print(number, flush=True)
"""


def write_until_killed(arguments: list[str], rng: random.Random) -> list[int]:
    """Runs the writer, kills it some time after its first acknowledgement, and returns all that it acknowledged."""
    with subprocess.Popen([sys.executable, "-c", _WRITER, *arguments], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        acknowledged = [int(writer.stdout.readline())]
        killer = threading.Timer(rng.uniform(0, 0.15), writer.kill)
        killer.start()
        acknowledged += [int(line) for line in writer.stdout if line.endswith("\n")]
        killer.join()
    return acknowledged


def wait_until_unused(postgres: EmbeddedServer, database_name: str) -> None:
    """The server may still be finishing what a dead client asked for."""
    with psycopg.connect(postgres.conninfo("postgres", "postgres"), autocommit=True) as conn:
        wait_until(lambda: not conn.execute("SELECT FROM pg_stat_activity WHERE datname = %s", [database_name]).fetchall())


@pytest.mark.parametrize(
    "kills", [6, pytest.param(40 if os.environ.get("SOAK") == "short" else 200, marks=pytest.mark.soak)]
)
def test_a_sealer_killed_at_any_moment_loses_nothing_and_breaks_nothing(
    postgres: EmbeddedServer, database_name: str, tmp_path: Path, now: datetime, kills: int
) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")  # noqa: T201
    rng = random.Random(seed)  # noqa: S311
    conninfo, folder = postgres.conninfo(RUNTIME, database_name), tmp_path / "heads"
    keys = Keys.open(tmp_path / "keys")
    acknowledged: list[int] = []
    for kill in range(kills):
        arguments = [conninfo, str(tmp_path / "keys"), str(folder), str(kill * 1_000_000)]
        acknowledged += write_until_killed(arguments, rng)
        with Database(conninfo) as database:
            report = verify(database, folder, [keys.public_key])
        assert report.ok or report.heads == 0, [str(problem) for problem in report.problems]
    wait_until_unused(postgres, database_name)
    with Database(conninfo) as database:
        seal_once(database, keys, folder, now=now)
        report = verify(database, folder, [keys.public_key])
        with database.transaction() as conn:
            kept = {int(number) for (number,) in conn.execute("SELECT record_id FROM audit_event")}
    assert report.ok, [str(problem) for problem in report.problems]
    assert set(acknowledged) <= kept
    assert (report.position, report.waiting, report.covered_to) == (len(kept), 0, len(kept))
    print(f"{kills} kills, {len(acknowledged)} acknowledged, {len(kept)} kept, {report.heads} heads")  # noqa: T201
