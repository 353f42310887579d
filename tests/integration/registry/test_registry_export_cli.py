"""`vangnet registry export` as somebody at a terminal uses it."""

import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyrage
import pytest
from running.commands import Commands
from running.hash_lists import ANNE, draft, rows

from vangnet.audit.model import Actor, ActorKind
from vangnet.db import Database
from vangnet.db.embedded import RUNTIME, EmbeddedServer
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.registry.formats import bundle, csv, vics
from vangnet.registry.formats.reading import Taken
from vangnet.registry.service import exports, imports, lists

Run = subprocess.CompletedProcess[str]
CONSOLE = Actor(kind=ActorKind.CONSOLE, id=str(os.getuid()), permissions=frozenset(Permission))


@pytest.fixture
def agree(database: Database, keys: Keys) -> Callable[[], None]:
    """Makes the list `ours` with three entries; each call lets two people, one at the console, agree to export it."""
    now = datetime.now(UTC)
    with database.transaction() as conn:
        found = lists.create(conn, ANNE, keys=keys, name="ours", now=now)
        batch = imports.start(conn, ANNE, list_id=found.id, format_="csv", source_digest=b"x" * 32, now=now)
        read = rows([draft(word, reference=word) for word in ("a", "b", "c")])
        imports.take(conn, ANNE, keys=keys, batch_id=batch.id, after=0, rows=read, done=True, now=now)

    def two_people() -> None:
        with database.transaction() as conn:
            exports.agree(conn, ANNE, list_id=found.id, now=datetime.now(UTC))
            exports.agree(conn, CONSOLE, list_id=found.id, now=datetime.now(UTC))

    return two_people


@pytest.fixture
def vangnet(
    postgres: EmbeddedServer, database_name: str, agree: Callable[[], None], commands: Commands, tmp_path: Path
) -> Callable[..., Run]:
    environment = {
        **os.environ,
        "VANGNET_DATA_DIR": str(tmp_path / "data"),
        "VANGNET_KEYS_DIR": str(tmp_path / "keys"),
        "VANGNET_AUDIT_HEADS_DIR": str(tmp_path / "heads"),
        "VANGNET_DATABASE_URL": postgres.conninfo(RUNTIME, database_name),
    }

    def run(*arguments: str) -> Run:
        return commands.run("registry", "export", "ours", *arguments, environ=environment)

    return run


def test_a_list_is_written_out_once_two_people_agreed_and_only_once(
    vangnet: Callable[..., Run], agree: Callable[[], None], keys: Keys, tmp_path: Path
) -> None:
    identity = pyrage.x25519.Identity.generate()
    sealed = tmp_path / "ours.bundle"
    command = [str(sealed), "--recipient", str(identity.to_public())]
    alone = vangnet(*command)
    assert (alone.returncode, "two people must agree" in alone.stderr, sealed.exists()) == (2, True, False)
    agree()
    done = vangnet(*command)
    assert (done.returncode, "3 entries of ours" in done.stderr) == (0, True), done.stderr
    with bundle.read(sealed, maker=keys.public_key) as opened:
        found = [row.draft.reference for row in opened.rows([identity]) if isinstance(row, Taken)]
    assert found == ["a", "b", "c"]
    assert vangnet(str(tmp_path / "again.bundle"), *command[1:]).returncode == 2


@pytest.mark.parametrize(("format_", "read"), [("csv", csv.read), ("vics", vics.read)])
def test_a_list_is_written_in_clear_for_this_account_alone(
    vangnet: Callable[..., Run], agree: Callable[[], None], tmp_path: Path, format_: str, read: Callable[..., object]
) -> None:
    agree()
    file = tmp_path / "ours"
    done = vangnet(str(file), "--format", format_)
    assert done.returncode == 0, done.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    with file.open("rb") as stream:
        drafts = [row.draft for row in read(stream) if isinstance(row, Taken)]  # type: ignore[attr-defined]
    assert [found.reference for found in drafts] == ["a", "b", "c"]
    assert (vangnet(str(file), "--format", format_).returncode, "recipient" in vangnet("x").stderr) == (2, True)
