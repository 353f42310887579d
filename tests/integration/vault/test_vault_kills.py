"""A process that puts and erases is killed at any moment: no row is without its file, and what was acknowledged is so."""

import io
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from running.server import wait_until_at_rest

from vangnet.audit.model import Actor
from vangnet.db import Connection, Database
from vangnet.db.embedded import RUNTIME, EmbeddedServer
from vangnet.vault.files import PARTS, VaultFiles
from vangnet.vault.model import EraseReason, MediumState, OpenReason
from vangnet.vault.service import erasing, keeping, looking, opening, switching
from vangnet.vault.service.keeping import ToPut

# It says what it did when it was committed; what it had not said when it was killed may be so or not.
_WRITER = """
import io, os, random, sys
from datetime import UTC, datetime
from pathlib import Path
from vangnet.audit.model import Actor, ActorKind
from vangnet.db import Database
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.vault.files import CHUNK_BYTES, VaultFiles
from vangnet.vault.model import EraseReason
from vangnet.vault.service import erasing, keeping

conninfo, keys, folder, seed = sys.argv[1:]
rng = random.Random(int(seed))
actor = Actor(kind=ActorKind.SYSTEM, id="test", permissions=frozenset(Permission))
files = VaultFiles(Path(folder), Keys.open(Path(keys)), bytes_max=4 * CHUNK_BYTES)
with Database(conninfo) as database:
    print("ready", flush=True)
    while True:
        content = rng.randbytes(rng.choice([0, 1000, CHUNK_BYTES, CHUNK_BYTES + 5]))
        sealed = files.seal(io.BytesIO(content))
        with database.transaction() as conn:
            to_put = keeping.ToPut(sealed=sealed, media_type="image/png", record="report_item",
                                   record_id=str(rng.getrandbits(60)))
            put = keeping.put(conn, actor, files=files, to_put=to_put, now=datetime.now(UTC))
        print("put", put.medium.id, flush=True)
        if not put.added:
            files.remove(sealed.medium_id)
        if rng.random() < 0.3:
            with database.transaction() as conn:
                erasing.erase(conn, actor, medium_id=put.medium.id, reason=EraseReason.NOT_NEEDED, now=datetime.now(UTC))
            print("erased", put.medium.id, flush=True)
            files.remove(put.medium.id)
"""


def work_until_killed(arguments: list[str], rng: random.Random) -> list[tuple[str, UUID]]:
    """Runs the writer, kills it some time after it began, and returns all that it acknowledged."""
    with subprocess.Popen([sys.executable, "-c", _WRITER, *arguments], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        killer = threading.Timer(rng.uniform(0, 0.4), writer.kill)
        killer.start()
        said = [line.split() for line in writer.stdout if line.endswith("\n")]
        killer.join()
    return [(word, UUID(medium_id)) for word, medium_id in said]


@pytest.mark.parametrize(
    "kills", [6, pytest.param(40 if os.environ.get("SOAK") == "short" else 200, marks=pytest.mark.soak)]
)
def test_killed_at_any_moment_it_leaves_no_row_without_its_file(
    postgres: EmbeddedServer, database_name: str, vault_on: Callable[[Connection], Any], seed: int, kills: int
) -> None:
    rng = random.Random(seed)  # noqa: S311
    conninfo = postgres.conninfo(RUNTIME, database_name)
    acknowledged: list[tuple[str, UUID]] = []
    with Database(conninfo) as database:
        with database.transaction() as conn:
            vault = vault_on(conn)
            administrator = vault.administrator
            switching.enable(conn, administrator, basis="Task", reference="Paper", now=vault.now)
        arguments = [conninfo, str(vault.folder.with_name("keys")), str(vault.folder)]
        for _ in range(kills):
            acknowledged += work_until_killed([*arguments, str(rng.getrandbits(60))], rng)
        wait_until_at_rest(postgres, database_name)
        later = datetime.now(UTC) + erasing.UNKNOWN_LASTS + timedelta(hours=1)
        removed = [_sweep(database, administrator, vault.files, part, later) for part in range(PARTS)]
        with database.transaction() as conn:
            checked = looking.check(conn, administrator, files=vault.files, whole=True, now=later)
            states = dict(_states(conn, administrator))
    assert checked.findings == ()
    put, erased = ({medium_id for word, medium_id in acknowledged if word == what} for what in ("put", "erased"))
    assert put <= states.keys()
    assert {states[one] for one in erased} <= {MediumState.ERASED}
    on_disk = {UUID(path.stem) for path in vault.folder.rglob("*.sealed")}
    assert on_disk == {one for one, state in states.items() if state is MediumState.KEPT}
    assert len([path for path in vault.folder.rglob("*") if path.is_file()]) == len(on_disk)
    counted = [sum(getattr(one, name) for one in removed) for name in ("erased", "unknown", "unfinished")]
    print(f"{kills} kills, {len(put)} put, {len(erased)} erased, swept {counted}")  # noqa: T201


def _states(conn: Connection, actor: Actor) -> Iterator[tuple[UUID, MediumState]]:
    """All media, page by page."""
    after = None
    while found := looking.list_media(conn, actor, after=after, limit=1000):
        yield from ((one.id, one.state) for one in found)
        after = found[-1].id


def _sweep(database: Database, actor: Actor, files: VaultFiles, part: int, now: datetime) -> erasing.Swept:
    with database.transaction() as conn:
        return erasing.sweep(conn, actor, files=files, part=part, now=now)


def test_many_at_once_who_put_and_end_the_same_content_leave_it_right(
    database: Database, vault_on: Callable[[Connection], Any], seed: int
) -> None:
    rng = random.Random(seed)  # noqa: S311
    contents = [rng.randbytes(100) for _ in range(3)]
    with database.transaction() as conn:
        vault = vault_on(conn)
        switching.enable(conn, vault.administrator, basis="Task", reference="Paper", now=vault.now)
    files, administrator = vault.files, vault.administrator

    def work(number: int) -> tuple[UUID, bytes] | None:
        content = contents[number % 3]
        sealed = files.seal(io.BytesIO(content))
        with database.transaction() as conn:
            to_put = ToPut(sealed=sealed, media_type="image/png", record="report_item", record_id=str(number))
            put = keeping.put(conn, administrator, files=files, to_put=to_put, now=vault.now)
        if number % 4:
            with database.transaction() as conn:
                ended = erasing.end_keeping(
                    conn, administrator, keeping_id=put.keeping.id, reason=EraseReason.NOT_NEEDED, now=vault.now
                )
            if ended.state is MediumState.ERASED:
                files.remove(put.medium.id)
            return None
        return put.medium.id, content

    with ThreadPoolExecutor(8) as pool:
        needed = [one for one in pool.map(work, range(80)) if one is not None]
    assert len({content for _, content in needed}) == len({medium_id for medium_id, _ in needed}) == 3
    for medium_id, content in needed:
        with database.transaction() as conn:
            leave = opening.open_medium(conn, administrator, medium_id=medium_id, reason=OpenReason.CONTROL, now=vault.now)
        with files.open(leave) as opened:
            assert opened.read() == content


def test_reports_that_share_files_in_other_orders_do_not_wait_for_each_other(
    database: Database, vault_on: Callable[[Connection], Any], seed: int
) -> None:
    rng = random.Random(seed)  # noqa: S311
    contents = [rng.randbytes(50) for _ in range(30)]
    with database.transaction() as conn:
        vault = vault_on(conn)
        switching.enable(conn, vault.administrator, basis="Task", reference="Paper", now=vault.now)

    def report(number: int) -> list[UUID]:
        order = random.Random(number).sample(contents, len(contents))  # noqa: S311
        to_put = [
            ToPut(
                sealed=vault.files.seal(io.BytesIO(content)), media_type="image/png", record="report_item",
                record_id=f"{number}.{contents.index(content)}",
            )
            for content in order
        ]  # fmt: skip
        with database.transaction() as conn:
            puts = keeping.put_many(conn, vault.administrator, files=vault.files, to_put=to_put, now=vault.now)
        return [one.medium.id for one in puts]

    with ThreadPoolExecutor(6) as pool:
        reports = list(pool.map(report, range(12)))
    assert len({medium_id for media in reports for medium_id in media}) == len(contents)
    assert all(len(set(media)) == len(contents) for media in reports)
