"""`vangnet registry dispute` as somebody at a terminal uses it, in processes of their own."""

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from running.commands import Commands
from running.hash_lists import ANNE, CARL, draft

from vangnet.db import Database
from vangnet.db.embedded import RUNTIME, EmbeddedServer
from vangnet.keys import Keys
from vangnet.registry.model.disputes import DisputeState
from vangnet.registry.model.entries import Entry, EntryState
from vangnet.registry.service import disputes, entries, lists

RIGHT = hashlib.sha256(b"the right one").hexdigest()


@pytest.fixture
def environment(postgres: EmbeddedServer, database_name: str, tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "VANGNET_DATA_DIR": str(tmp_path / "data"),
        "VANGNET_KEYS_DIR": str(tmp_path / "keys"),
        "VANGNET_AUDIT_HEADS_DIR": str(tmp_path / "heads"),
        "VANGNET_DATABASE_URL": postgres.conninfo(RUNTIME, database_name),
    }


@pytest.fixture
def entry(database: Database, keys: Keys) -> Entry:
    at = datetime.now(UTC)
    with database.transaction() as conn:
        made = lists.create(conn, ANNE, keys=keys, name="ours", now=at)
        return entries.propose(conn, ANNE, keys=keys, list_id=made.id, draft=draft("wrong"), now=at).entry


@pytest.mark.parametrize("given", [["--sha256", RIGHT], []])
def test_a_dispute_is_answered_by_a_correction_which_needs_the_right_entry(
    database: Database, keys: Keys, commands: Commands, *, environment: dict[str, str], entry: Entry, given: list[str]
) -> None:
    with database.transaction() as conn:
        opened = disputes.open_dispute(
            conn, CARL, keys=keys, entry_id=entry.id, reason="it is a car", now=datetime.now(UTC)
        )
    done = commands.run(
        "registry", "dispute", "correct", opened.id, "--reason", "the wrong file", "--scheme", "ncmec",
        "--category", "A1", "--reference", "right", *given, environ=environment,
    )  # fmt: skip
    with database.transaction() as conn:
        answered = disputes.get(conn, ANNE, opened.id)
        found = entries.list_entries(conn, ANNE, list_id=entry.list_id)
    if not given:
        assert (done.returncode, answered.state, len(found)) == (2, DisputeState.OPEN, 1), done.stderr
        return
    assert done.returncode == 0, done.stderr
    assert "answered: corrected" in done.stderr
    assert RIGHT not in done.stdout + done.stderr
    assert (answered.state, answered.answer) == (DisputeState.CORRECTED, "the wrong file")
    assert [(one.state, one.reference, one.replaces) for one in found] == [
        (EntryState.WITHDRAWN, None, None), (EntryState.ACTIVE, "right", entry.id),
    ]  # fmt: skip
