"""`vangnet vault` and `vangnet retention` as somebody at a terminal uses them, in processes of their own."""

import functools
import io
import json
import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from running.commands import Commands

from vangnet.audit.model import Actor
from vangnet.db import Database
from vangnet.db.embedded import RUNTIME, EmbeddedServer
from vangnet.keys import Keys
from vangnet.retention import service as retention
from vangnet.vault.files import VaultFiles
from vangnet.vault.service import keeping
from vangnet.vault.service.keeping import ToPut

Run = subprocess.CompletedProcess[str]
Vangnet = Callable[..., Run]
Put = Callable[..., UUID]


@pytest.fixture
def vangnet(postgres: EmbeddedServer, database_name: str, tmp_path: Path, commands: Commands) -> Vangnet:
    """Runs a command on the test's installation."""
    environ = {
        **os.environ,
        "VANGNET_DATA_DIR": str(tmp_path / "data"),
        "VANGNET_KEYS_DIR": str(tmp_path / "keys"),
        "VANGNET_VAULT_DIR": str(tmp_path / "vault"),
        "VANGNET_AUDIT_HEADS_DIR": str(tmp_path / "heads"),
        "VANGNET_DATABASE_URL": postgres.conninfo(RUNTIME, database_name),
    }
    return functools.partial(commands.run, environ=environ)


@pytest.fixture
def database(postgres: EmbeddedServer, database_name: str) -> Any:
    with Database(postgres.conninfo(RUNTIME, database_name)) as database:
        yield database


@pytest.fixture
def put(database: Database, tmp_path: Path, administrator: Actor) -> Put:
    """Puts a file of the given bytes, some days ago."""

    def put_one(content: bytes, *, days: int = 0) -> UUID:
        files = VaultFiles(tmp_path / "vault", Keys.open(tmp_path / "keys"), bytes_max=1024)
        sealed = files.seal(io.BytesIO(content))
        with database.transaction() as conn:
            to_put = ToPut(sealed=sealed, media_type="image/png", record="report_item", record_id=str(len(content)))
            at = datetime.now(UTC) - timedelta(days=days)
            return keeping.put(conn, administrator, files=files, to_put=to_put, now=at).medium.id

    return put_one


def done(run: Run) -> str:
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stderr


def data(run: Run) -> Any:
    assert run.returncode == 0, run.stdout + run.stderr
    return json.loads(run.stdout)


@pytest.fixture
def hotline(vangnet: Vangnet) -> Vangnet:
    """A hotline with its vault enabled."""
    done(vangnet("setup", "--kind", "hotline", "--party", "Meldpunt Voorbeeld"))
    done(vangnet("vault", "enable", "--legal-basis", "Task", "--reference", "Agreement 1"))
    return vangnet


def test_a_provider_is_told_that_it_keeps_no_media(vangnet: Vangnet) -> None:
    done(vangnet("setup", "--kind", "provider", "--party", "Host Voorbeeld"))
    refused = vangnet("vault", "enable", "--legal-basis", "Task", "--reference", "Paper")
    assert refused.returncode == 2
    assert "error: an installation of the kind `provider` keeps no media" in refused.stderr
    assert data(vangnet("vault", "status", "--json"))["enabled"] is False


def test_an_operator_holds_releases_and_erases(hotline: Vangnet, put: Put, tmp_path: Path) -> None:
    medium_id, other = put(b"generated"), put(b"generated too")
    done(hotline("vault", "hold", medium_id, "--reason", "court"))
    refused = hotline("vault", "erase", medium_id, "--reason", "not_needed")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "the medium is held (court)" in refused.stderr
    assert [one["id"] for one in data(hotline("vault", "list", "--held", "--json"))] == [str(medium_id)]
    done(hotline("vault", "release", medium_id))
    assert hotline("vault", "erase", medium_id, "--reason", "not_needed").stdout == f"{medium_id}\n"
    shown = data(hotline("vault", "show", medium_id, "--json"))
    assert (shown["state"], shown["erase_reason"], shown["needed_by"]) == ("erased", "not_needed", [])
    status = data(hotline("vault", "status", "--json"))
    assert (status["kept"], status["erased"], status["held"], status["bytes"]) == (1, 1, 0, len(b"generated too"))
    assert [path.stem for path in (tmp_path / "vault").rglob("*.sealed")] == [str(other)]


def test_a_check_names_what_is_lost_and_ends_with_code_1(hotline: Vangnet, put: Put, tmp_path: Path) -> None:
    medium_id = put(b"generated")
    assert "1 media checked, 0 lost" in done(hotline("vault", "check"))
    (path,) = (tmp_path / "vault").rglob("*.sealed")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert "1 media checked, 0 lost" in done(hotline("vault", "check"))
    found = hotline("vault", "check", "--whole", "--json")
    assert (found.returncode, json.loads(found.stdout)) == (
        1, [{"id": str(medium_id), "state": "lost", "problem": "its file was changed"}],
    )  # fmt: skip
    path.write_bytes(whole)
    assert "1 media checked, 0 lost" in done(hotline("vault", "check"))
    assert data(hotline("vault", "status", "--json"))["kept"] == 1


def test_a_sweep_removes_what_nothing_opens(hotline: Vangnet, put: Put, tmp_path: Path) -> None:
    put(b"generated")
    (path,) = (tmp_path / "vault").rglob("*.sealed")
    left = path.with_name(".new-left")
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    assert "removed 0 files of erased media, 0 that no row knows, 1 half written" in done(hotline("vault", "sweep"))
    assert path.exists()


def test_terms_are_shown_tried_and_chosen_and_what_is_due_is_erased(
    hotline: Vangnet, put: Put, database: Database, administrator: Actor
) -> None:
    old, young = put(b"generated", days=100), put(b"generated too", days=10)
    shown = hotline("retention", "show")
    assert data(shown) == {}
    assert "nothing is erased by age" in shown.stderr
    starting = hotline("retention", "starting").stdout
    preview = {one["basis"]: one for one in data(hotline("retention", "preview", "-", "--json", given=starting))}
    assert preview["intake"] == {"basis": "intake", "kept": 2, "ended": 0, "would_have_ended": 1}
    assert "Version 1 is chosen and counts from" in done(hotline("retention", "choose", "-", given=starting))
    assert "0 media erased" in done(hotline("retention", "erase"))
    with database.transaction() as conn:
        long_ago = datetime.now(UTC) - timedelta(days=8)
        retention.choose(conn, administrator, document=json.loads(starting), now=long_ago)
    assert data(hotline("retention", "show")) == json.loads(starting)
    (due,) = data(hotline("retention", "due", "--json"))
    assert (due["medium"], due["state"]) == (str(old), "due")
    assert "1 media erased; 1 records need theirs no more; 0 rest on another basis" in done(hotline("retention", "erase"))
    states = {one["id"]: one["state"] for one in data(hotline("vault", "list", "--json"))}
    assert states == {str(old): "erased", str(young): "kept"}
    refused = hotline("retention", "choose", "-", given="{")
    assert refused.returncode == 2
    assert "is not JSON" in refused.stderr


def test_no_command_writes_a_medium_anywhere(hotline: Vangnet) -> None:
    told = hotline("vault", "--help").stdout
    assert "enable" in told
    assert not {"open", "export", "get"} & set(told.split())
