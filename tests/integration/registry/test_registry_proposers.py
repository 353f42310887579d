"""Lists that are chosen for programs, by a curator at a terminal; what programs do with them is in test_hma_lists.py."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from running.commands import Commands
from running.hash_lists import ANNE, CARL, draft

from vangnet.db import Connection, Database
from vangnet.db.embedded import RUNTIME, EmbeddedServer
from vangnet.errors import Conflict, NotFound, PermissionDenied
from vangnet.keys import Keys
from vangnet.registry.model.entries import EntryState
from vangnet.registry.model.lists import QuorumOf
from vangnet.registry.service import entries, lists, proposers


def test_a_list_is_chosen_for_programs_and_shown_and_no_more(
    *, database: Database, keys: Keys, commands: Commands, postgres: EmbeddedServer, database_name: str, tmp_path: Path
) -> None:
    environ = {
        **os.environ,
        "VANGNET_DATA_DIR": str(tmp_path / "data"),
        "VANGNET_KEYS_DIR": str(tmp_path / "keys"),
        "VANGNET_AUDIT_HEADS_DIR": str(tmp_path / "heads"),
        "VANGNET_DATABASE_URL": postgres.conninfo(RUNTIME, database_name),
    }
    with database.transaction() as conn:
        lists.create(conn, ANNE, keys=keys, name="FROM_TOOLS", now=datetime.now(UTC))
    done = commands.run("registry", "proposer", "choose", "FROM_TOOLS", environ=environ)
    assert (done.returncode, "before people agreed" in done.stderr) == (0, True), done.stderr
    (shown,) = json.loads(commands.run("registry", "proposer", "all", "--json", environ=environ).stdout)
    assert (shown["list"], shown["party"]) == ("FROM_TOOLS", None)
    assert commands.run("registry", "proposer", "end", "FROM_TOOLS", environ=environ).returncode == 0
    assert commands.run("registry", "proposer", "end", "FROM_TOOLS", environ=environ).returncode == 2


def test_only_who_may_make_lists_chooses(conn: Connection, keys: Keys, now: datetime) -> None:
    made = lists.create(conn, ANNE, keys=keys, name="ours", now=now)
    with pytest.raises(PermissionDenied):
        proposers.choose(conn, CARL, list_id=made.id, party_id=None, now=now)
    with pytest.raises(NotFound):
        proposers.end(conn, ANNE, list_id=made.id, party_id=None, now=now)
    with pytest.raises(Conflict, match="not chosen"):
        proposers.propose(conn, ANNE, keys=keys, list_id=made.id, party_id=None, draft=draft("a"), now=now)


@pytest.mark.parametrize(("quorum", "of"), [(1, QuorumOf.PEOPLE), (2, QuorumOf.PEOPLE), (2, QuorumOf.PARTIES)])
def test_what_a_program_proposes_is_never_active_and_nobodys_word(
    conn: Connection, keys: Keys, now: datetime, quorum: int, of: QuorumOf
) -> None:
    made = lists.create(conn, ANNE, keys=keys, name="ours", quorum=quorum, quorum_of=of, now=now)
    proposers.choose(conn, ANNE, list_id=made.id, party_id=None, now=now)
    found = proposers.propose(conn, ANNE, keys=keys, list_id=made.id, party_id=None, draft=draft("a"), now=now).entry
    assert found.state is EntryState.PROPOSED
    assert entries.list_opinions(conn, ANNE, found.id) == []
