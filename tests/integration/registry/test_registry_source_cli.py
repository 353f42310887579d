"""`vangnet registry source` as somebody at a terminal uses it, in processes of their own."""

import json
import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from running.commands import Commands
from running.hash_lists import ANNE

from vangnet.db import Database
from vangnet.db.embedded import RUNTIME, EmbeddedServer
from vangnet.keys import Keys
from vangnet.registry.service import lists

Run = subprocess.CompletedProcess[str]


@pytest.fixture
def vangnet(
    postgres: EmbeddedServer, database_name: str, database: Database, *, keys: Keys, commands: Commands, tmp_path: Path
) -> Callable[..., Run]:
    """Runs a command in an installation with one list, `ours`."""
    with database.transaction() as conn:
        lists.create(conn, ANNE, keys=keys, name="ours", now=datetime.now(UTC))
    environment = {
        **os.environ,
        "VANGNET_DATA_DIR": str(tmp_path / "data"),
        "VANGNET_KEYS_DIR": str(tmp_path / "keys"),
        "VANGNET_AUDIT_HEADS_DIR": str(tmp_path / "heads"),
        "VANGNET_DATABASE_URL": postgres.conninfo(RUNTIME, database_name),
    }

    def run(*arguments: str) -> Run:
        return commands.run("registry", "source", *arguments, environ=environment)

    return run


@pytest.fixture
def credentials(tmp_path: Path) -> Path:
    file = tmp_path / "credentials.json"
    file.write_text(json.dumps({"username": "vangnet", "password": "canary-password"}))
    file.chmod(0o600)
    return file


def test_a_source_is_added_asked_stopped_and_never_shows_its_credentials(
    vangnet: Callable[..., Run], credentials: Path
) -> None:
    added = vangnet(
        "add", "ncmec", "industry", "--list", "ours", "--url", "https://report.example/hashsharing", "--credentials",
        str(credentials), "--json",
    )  # fmt: skip
    assert added.returncode == 0, added.stderr
    for command in (["fetch", "industry"], ["stop", "INDUSTRY"], ["resume", "industry"], ["told", "industry", "--json"]):
        done = vangnet(*command)
        assert done.returncode == 0, done.stderr
        assert "canary" not in done.stdout + done.stderr
    [listed] = json.loads(vangnet("list", "--json").stdout)
    assert (listed["name"], listed["kind"], listed["list"], listed["state"]) == ("industry", "ncmec", "ours", "active")
    assert "canary" not in json.dumps(listed) + added.stdout + added.stderr
    refused = vangnet("tell", "7", "--disagree", "x")
    assert (refused.returncode, "there is no entry" in refused.stderr) == (2, True)


@pytest.mark.parametrize(
    ("mode", "text", "url", "says"),
    [
        (0o644, '{"username": "a", "password": "canary-b"}', "https://a.example", "chmod 600"),
        (0o600, '{"username": "canary', "https://a.example", "must be JSON"),
        (0o600, '["canary"]', "https://a.example", "must be JSON"),
        (0o600, '{"username": "canary"}', "https://a.example", "password, username"),
        (0o600, '{"username": "a", "password": "canary-b"}', "http://a.example", "https"),
    ],
)
def test_what_cannot_be_a_source_is_refused_without_quoting_it(
    vangnet: Callable[..., Run], credentials: Path, *, mode: int, text: str, url: str, says: str
) -> None:
    credentials.write_text(text)
    credentials.chmod(mode)
    done = vangnet("add", "ncmec", "n", "--list", "ours", "--url", url, "--credentials", str(credentials))
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert "canary" not in done.stderr
