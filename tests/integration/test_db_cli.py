"""`vangnet db`, `vangnet backup` and `vangnet restore`, as somebody at a terminal meets them."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import psycopg
import pyrage
import pytest
from running.commands import Commands
from running.states import PATIENCE_S

from vangnet.config import Settings
from vangnet.db import folders, migrate, open_database
from vangnet.db.embedded import OWNER, EmbeddedServer


class Terminal:
    """Runs commands for one installation."""

    def __init__(self, commands: Commands, data_dir: Path, keys_dir: Path, **more: str) -> None:
        self.commands = commands
        ours = {"VANGNET_DATA_DIR": str(data_dir), "VANGNET_KEYS_DIR": str(keys_dir)} | more
        self.environ = {name: value for name, value in os.environ.items() if not name.startswith("VANGNET_")} | ours

    def run(self, *arguments: object, code: int = 0) -> tuple[str, str]:
        """What the command wrote to stdout and stderr; it must end with `code`."""
        done = self.commands.run(*arguments, environ=self.environ)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout, done.stderr


@pytest.fixture
def terminal(commands: Commands, tmp_path: Path) -> Terminal:
    return Terminal(commands, tmp_path / "data", tmp_path / "keys")


@pytest.fixture
def server(tmp_path: Path) -> EmbeddedServer:
    return EmbeddedServer(tmp_path / "data")


def test_the_status_is_told_without_starting_anything(terminal: Terminal, server: EmbeddedServer) -> None:
    out, _ = terminal.run("db", "status", "--json")
    assert json.loads(out) == {
        "embedded": True,
        "running": False,
        "pid": None,
        "folder": str(server.cluster),
        "postgres_major": None,
        "schema_revision": None,
        "missing": None,
        "job_queue": None,
        "size_bytes": None,
    }
    assert not server.data_dir.exists()
    with open_database(Settings(data_dir=server.data_dir)):
        pid = server.running_pid()
        out, _ = terminal.run("db", "status", "--json")
    told = json.loads(out)
    assert (told["running"], told["pid"], told["postgres_major"], told["missing"]) == (True, pid, 18, [])
    assert told["schema_revision"] == migrate.files()[-1].revision


def test_a_server_that_was_left_running_is_stopped_and_one_in_use_is_not(
    terminal: Terminal, server: EmbeddedServer
) -> None:
    assert terminal.run("db", "stop")[1] == "there is no data folder yet\n"
    with open_database(Settings(data_dir=server.data_dir)):
        _, err = terminal.run("db", "stop", code=2)
        assert err == "error: another command uses this installation's database; end it first\n"
    with server.exclusively():
        server.ensure_running()
    assert terminal.run("db", "stop")[1] == "stopped\n"
    assert server.running_pid() is None
    assert terminal.run("db", "stop")[1] == "it does not run\n"


def test_a_server_of_ones_own_is_migrated_by_its_owner(
    commands: Commands, postgres: EmbeddedServer, tmp_path: Path
) -> None:
    with psycopg.connect(postgres.conninfo("postgres", "postgres"), autocommit=True) as superuser:
        superuser.execute(f"CREATE DATABASE cli OWNER {OWNER}".encode())
    runtime = {"VANGNET_DATABASE_URL": postgres.conninfo("vangnet_runtime", "cli")}
    owner = {"VANGNET_DATABASE_OWNER_URL": postgres.conninfo(OWNER, "cli")}
    _, err = Terminal(commands, tmp_path / "data", tmp_path / "keys", **runtime).run("db", "migrate", code=2)
    assert "VANGNET_DATABASE_OWNER_URL: this command needs the owner's address" in err
    terminal = Terminal(commands, tmp_path / "data", tmp_path / "keys", **runtime, **owner)
    _, err = terminal.run("backup", tmp_path / "file", code=1)
    assert "hint: run `vangnet db migrate` with VANGNET_DATABASE_OWNER_URL set" in err
    assert terminal.run("db", "migrate")[1] == f"applied {', '.join(file.name for file in migrate.files())}\n"
    assert terminal.run("db", "migrate")[1] == "the schema is up to date\n"
    for verb in ("upgrade", "stop"):
        assert "VANGNET_DATABASE_URL is set" in terminal.run("db", verb, code=2)[1]


def test_old_data_is_refused_with_the_command_that_upgrades_it(terminal: Terminal, server: EmbeddedServer) -> None:
    folders.make_data_dir(server.data_dir)
    with server.exclusively():
        server.initialise(16)
    _, err = terminal.run("person", "list", code=1)
    assert err.splitlines()[-1].startswith("hint: run `vangnet db upgrade`")
    assert "upgraded, and it answers" in terminal.run("db", "upgrade")[1]
    terminal.run("person", "list")
    assert terminal.run("db", "upgrade")[1].endswith("the data is of this PostgreSQL already\n")


def test_a_restore_drill(commands: Commands, terminal: Terminal, tmp_path: Path) -> None:
    terminal.run("setup", "--kind", "hotline", "--party", "Meldpunt")
    safe = pyrage.x25519.Identity.generate()
    (tmp_path / "safe.agekey").write_text(str(safe))
    file = tmp_path / "vangnet.backup"
    out, err = terminal.run("backup", file, "--recipient", safe.to_public())
    assert out == ""
    assert f"It opens with the key in {tmp_path / 'keys'} or a recipient's and nothing else" in err

    # A new machine, with the keys folder put back first.
    restored = Terminal(commands, tmp_path / "new", tmp_path / "keys")
    assert f"restored {file}" in restored.run("restore", file)[1]
    assert "ok: the trail is whole" in "".join(restored.run("audit", "verify"))
    trail = json.loads(restored.run("audit", "list", "--json")[0])
    made, put_back = (
        next(event for event in trail if event["action"] == name) for name in ("backup:make", "backup:restore")
    )
    assert made["record_id"] == put_back["record_id"]
    assert made["details"] == {"recipients": 1}

    # The keys are lost too, and only the copy in the safe opens it.
    lost = Terminal(commands, tmp_path / "third", tmp_path / "no keys")
    _, err = lost.run("restore", file, code=2)
    assert "put the keys folder of the installation back, or give --identity" in err
    _, err = lost.run("restore", file, "--identity", tmp_path / "safe.agekey")
    assert "holds no keys. Whoever made this backup has the key" in err
    assert not (tmp_path / "no keys").exists()


def test_a_backup_that_is_refused_leaves_no_event_and_no_file(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    assert "never written over" in terminal.run("backup", tmp_path / "there", code=2)[1]
    assert "like age1" in terminal.run("backup", tmp_path / "new", "--recipient", "me", code=2)[1]
    assert json.loads(terminal.run("audit", "list", "--json")[0]) == []
    assert (tmp_path / "there").read_text() == "mine"
    assert not (tmp_path / "new").exists()


def test_on_a_terminal_the_progress_is_shown(terminal: Terminal, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    backup = subprocess.Popen(
        [sys.executable, "-m", "vangnet", "backup", str(tmp_path / "file")],
        env=terminal.environ | {"TERM": "xterm", "COLUMNS": "120"},
        stderr=theirs,
        stdout=subprocess.PIPE,
    )
    os.close(theirs)
    shown = b""
    # It is read while it is written: a terminal holds little, and who writes more than that waits for its reader.
    while chunk := _read(ours):
        shown += chunk
    os.close(ours)
    assert backup.communicate(timeout=PATIENCE_S) == (b"", None)
    assert backup.returncode == 0
    assert b"database" in shown
    assert b"kB" in shown


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""  # The other end is closed.
