"""`vangnet audit` as somebody at a terminal uses it, in processes of its own."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from running.commands import Commands

from vangnet.audit import service
from vangnet.audit.model import Actor, ActorKind
from vangnet.audit.sealer import seal_once
from vangnet.db import Database
from vangnet.db.embedded import OWNER, RUNTIME, EmbeddedServer
from vangnet.keys import Keys

Vangnet = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def vangnet(postgres: EmbeddedServer, database_name: str, commands: Commands, tmp_path: Path) -> Vangnet:
    """Runs a command on the test's database; settings are given by name."""

    def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        given = {
            "DATA_DIR": str(tmp_path / "data"),
            "KEYS_DIR": str(tmp_path / "keys"),
            "AUDIT_HEADS_DIR": str(tmp_path / "heads"),
            "DATABASE_URL": postgres.conninfo(RUNTIME, database_name),
        } | settings
        environ = {**os.environ, **{f"VANGNET_{name}": value for name, value in given.items()}}
        return commands.run("audit", *arguments, environ=environ)

    return run


@pytest.fixture
def recorded(database: Database, keys: Keys, tmp_path: Path, now: datetime) -> None:
    """Five sealed events and one that waits."""
    for number in range(6):
        if number == 5:
            seal_once(database, keys, tmp_path / "heads", now=now + timedelta(hours=1))
        with database.transaction() as conn:
            service.record(
                conn, Actor(kind=ActorKind.PERSON, id=f"p{number % 2}"), action=["party:add", "key:issue"][number % 2],
                record="party", record_id=number, now=now + timedelta(minutes=number), number=number,
            )  # fmt: skip


def data(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.usefixtures("recorded")
def test_events_are_listed_with_filters(vangnet: Vangnet) -> None:
    def ids(*arguments: str) -> list[int]:
        return [event["id"] for event in data(vangnet("list", "--json", *arguments))]

    assert ids("--limit", "3", "--before", "6") == [5, 4, 3]
    assert ids("--actor", "person:p1", "--record", "party") == [6, 4, 2]
    assert ids("--action", "party:add", "--record", "party:4") == [5]
    assert ids("--since", "2026-11-21T13:03:07", "--until", "2026-11-21T13:04:07") == [2]
    table = vangnet("list", "--limit", "2").stdout
    assert "party:5" in table
    assert "key:issue" in table


@pytest.mark.usefixtures("recorded")
def test_a_whole_trail_passes_and_verifying_it_changes_nothing(vangnet: Vangnet, tmp_path: Path) -> None:
    before = sorted((path.name, path.stat().st_size) for path in (tmp_path / "heads").iterdir())
    done = vangnet("verify")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("read 5 sealed events and 1 head in ")
    assert lines[1:] == [
        "heads confirm it up to position 5, sealed 2026-11-21 14:02:07 UTC",
        "1 event not sealed yet, the oldest since 2026-11-21 13:07:07 UTC",
        "ok: the trail is whole",
    ]
    assert data(vangnet("verify", "--json"))["waiting"] == 1
    assert before == sorted((path.name, path.stat().st_size) for path in (tmp_path / "heads").iterdir())


@pytest.mark.usefixtures("recorded")
def test_a_changed_trail_fails_with_exit_code_1_and_says_what_was_done(
    vangnet: Vangnet, postgres: EmbeddedServer, database_name: str
) -> None:
    with psycopg.connect(postgres.conninfo(OWNER, database_name), autocommit=True) as owner:
        owner.execute("UPDATE audit_event SET record_id = '9' WHERE id = 3")
    done = vangnet("verify")
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == "event 3 (position 3) was changed: it is not what was sealed"
    assert done.stdout.splitlines()[-1] == "NOT OK: 1 problem"
    report = json.loads(vangnet("verify", "--json").stdout)
    assert report["ok"] is False
    assert report["problem_counts"] == {"event-changed": 1}
    assert report["problems"][0] | {"sentence": ""} == {
        "sentence": "", "kind": "event-changed", "position": 3, "event_id": 3,
    }  # fmt: skip


@pytest.mark.usefixtures("recorded")
def test_a_stranger_needs_the_heads_and_the_public_key_and_nothing_else(
    vangnet: Vangnet, keys: Keys, tmp_path: Path
) -> None:
    copy = shutil.copytree(tmp_path / "heads", tmp_path / "copy")
    elsewhere = {"KEYS_DIR": str(tmp_path / "no-keys"), "AUDIT_HEADS_DIR": str(tmp_path / "no-heads")}
    done = vangnet("verify", "--heads", str(copy), "--public-key", keys.public_key.hex(), **elsewhere)
    assert done.returncode == 0, done.stdout
    without_key = vangnet("verify", "--heads", str(copy), **elsewhere)
    assert (without_key.returncode, without_key.stdout) == (2, "")
    assert "`--public-key` is needed" in without_key.stderr
    assert not (tmp_path / "no-keys").exists()
    another = vangnet("verify", "--heads", str(copy), "--public-key", "ab" * 32)
    assert another.returncode == 1
    assert "signed by another key" in another.stdout


@pytest.mark.parametrize("key", ["", "zz", "ab" * 31, "ab" * 33])
def test_a_public_key_that_is_none_is_refused(vangnet: Vangnet, key: str) -> None:
    done = vangnet("verify", "--public-key", key)
    assert done.returncode == 2
    assert "must be 64 hex digits" in done.stderr


@pytest.mark.usefixtures("recorded")
def test_sealing_by_hand_seals_what_waits_and_exports_the_head(vangnet: Vangnet) -> None:
    assert data(vangnet("status", "--json"))["position"] in {5, 6}  # Its own end seals too.
    assert vangnet("seal").returncode == 0
    state = data(vangnet("status", "--json"))
    assert (state["position"], state["waiting"], state["head_position"], state["export_problem"]) == (6, 0, 6, None)


def test_sealing_by_hand_says_why_no_head_can_be_exported(vangnet: Vangnet, tmp_path: Path) -> None:
    (tmp_path / "heads").write_text("a file", encoding="utf-8")
    done = vangnet("seal")
    assert done.returncode == 1
    assert "VANGNET_AUDIT_HEADS_DIR" in done.stderr
    assert str(tmp_path / "heads") in data(vangnet("status", "--json"))["export_problem"]


@pytest.mark.usefixtures("recorded")
def test_an_export_holds_every_sealed_event_and_never_overwrites(vangnet: Vangnet, tmp_path: Path) -> None:
    file = tmp_path / "trail.jsonl"
    done = vangnet("export", str(file))
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == ["exported 5 sealed events", "not in it: 1 event not sealed yet"]
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [(line["position"], line["id"], line["details"]) for line in lines] == [
        (number + 1, number + 1, f'{{"number":{number}}}') for number in range(5)
    ]
    again = vangnet("export", str(file))
    assert again.returncode == 2
    assert "File exists" in again.stderr
    assert [path.name for path in tmp_path.glob("trail*")] == ["trail.jsonl"]
    assert vangnet("export", "-").stdout.splitlines()[:5] == file.read_text(encoding="utf-8").splitlines()
