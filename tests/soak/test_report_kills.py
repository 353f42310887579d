"""Kill -9 at random while bundles come in: afterwards every report is there, once and whole, and the trail verifies."""

import os
import random
import secrets
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from running.houses import ACTOR, House, house
from running.states import PATIENCE_S, wait_until

from vangnet.audit.sealer import seal_once
from vangnet.audit.verification import verify
from vangnet.db.embedded import EmbeddedServer
from vangnet.identity.model import InstallationKind
from vangnet.reports.model.deliveries import DeliveryState
from vangnet.reports.service.desk import showing
from vangnet.reports.service.intake import deliveries
from vangnet.simulation.cybertips import MadeTip, make_tip, write_zip
from vangnet.vault.files import VaultFiles
from vangnet.vault.model import MediumState
from vangnet.vault.service import looking, switching

LONG = os.environ.get("SOAK", "long") == "long"
KILLS, BUNDLES = (200, 20_000) if LONG else (3, 500)
#: Of so many reports everything that they say is opened and compared.
_OPENED = 100


@pytest.mark.soak
def test_every_bundle_is_there_once_when_processes_are_killed(postgres: EmbeddedServer, tmp_path: Path) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}, {KILLS} kills, {BUNDLES} bundles")
    dice = random.Random(seed)
    tips = _write_bundles(tmp_path / "bundles", seed)
    with house(postgres, tmp_path, "Politie Voorbeeld", InstallationKind.POLICE) as police:
        with police.database.transaction() as conn:
            switching.enable(conn, ACTOR, basis="Police task", reference="P-1", now=datetime.now(UTC))
        began = time.monotonic()
        killed = _kill_often(police, tmp_path / "bundles", dice)
        _start(police, tmp_path / "bundles").wait()
        print(f"{dict(killed)} in {time.monotonic() - began:.0f} s")
        _check(police, tips, dice)


def _write_bundles(folder: Path, seed: int) -> dict[str, MadeTip]:
    folder.mkdir()
    now = datetime.now(UTC)
    tips = {}
    for number in range(BUNDLES):
        tip = make_tip(seed * 100_003 + number, now=now, files=number % 3)
        write_zip(tip, folder / f"{tip.report_id}.zip", one_document=True)
        tips[tip.report_id] = tip
    return tips


def _start(police: House, folder: Path) -> "subprocess.Popen[bytes]":
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "VANGNET_DATABASE_URL": police.database.conninfo,
        "VANGNET_DATA_DIR": str(police.settings.data_dir),
        "VANGNET_KEYS_DIR": str(police.settings.keys_dir),
    }
    command = [sys.executable, "-m", "vangnet", "intake", "bundle", str(folder), "--jobs", "2"]
    return subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _kill_often(police: House, folder: Path, dice: random.Random) -> Counter[str]:
    """Kills the command, one of its processes or all of them, spread over all that comes in."""
    killed: Counter[str] = Counter()
    # One kill somewhere in each stretch of so many bundles; the last tenth comes in after all kills.
    each = 0.9 * BUNDLES / KILLS
    for stretch in range(KILLS):
        enough = max(int((stretch + dice.random()) * each), _count(police)) + 1
        process = _start(police, folder)

        def has_moved(process: "subprocess.Popen[bytes]" = process, enough: int = enough) -> bool:
            return process.poll() is not None or _count(police) >= enough

        wait_until(has_moved)
        time.sleep(dice.uniform(0.0, 0.25))  # The moment is what is drawn at random.
        whom = dice.choice(["command", "process", "all"])
        # What moved may be a process that a killed command left, while this one has none yet.
        wait_until(lambda process=process: process.poll() is not None or bool(_children(process.pid)))
        assert process.poll() is None, f"it ended by itself, status {process.returncode}, at {_count(police)} reports"
        children = _children(process.pid)
        victims = {"command": [process.pid], "process": children[:1], "all": [process.pid, *children]}[whom]
        for victim in victims:
            _kill(victim)
        process.wait(PATIENCE_S)
        killed[whom] += 1
    return killed


def _children(pid: int) -> list[int]:
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _kill(pid: int) -> None:
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        return  # It ended by itself in the meantime.


def _count(police: House) -> int:
    with police.database.transaction() as conn:
        count: int = conn.execute("SELECT count(*) FROM report").fetchall()[0][0]
    return count


def _check(police: House, tips: dict[str, MadeTip], dice: random.Random) -> None:
    with police.database.transaction() as conn:
        (delivery,) = deliveries.list_deliveries(conn, ACTOR)
        assert (delivery.state, delivery.reports, delivery.bad) == (DeliveryState.TAKEN, BUNDLES, 0)
        ids = [row[0] for row in conn.execute("SELECT id FROM report ORDER BY id").fetchall()]
        assert len(ids) == BUNDLES
        versions = conn.execute("SELECT count(*) FROM report WHERE version <> 1").fetchone()
        assert versions == (0,), "a report that came again is the same"
        events = conn.execute(
            """
            SELECT count(*) FROM audit_event
            WHERE action = 'report:take' AND record = 'report' AND details->>'came' = 'new'
            """
        ).fetchone()
        assert events == (BUNDLES,), "each came in once"
        files = conn.execute("SELECT count(*) FROM report_item WHERE has_bytes").fetchone()
        assert files == (sum(len(tip.files) for tip in tips.values()),)
    _whole(police, tips, dice.sample(ids, min(_OPENED, len(ids))))
    _vault_is_whole(police)
    seal_once(police.database, police.keys, police.settings.audit_heads_dir, now=datetime.now(UTC))
    trail = verify(police.database, police.settings.audit_heads_dir, [police.keys.public_key])
    assert trail.ok, trail.problems[:5]
    print(f"all there: {len(ids)} reports once, {files[0]} files in the vault, the trail verifies")


def _whole(police: House, tips: dict[str, MadeTip], ids: list[int]) -> None:
    for report_id in ids:
        with police.database.transaction() as conn:
            draft = showing.read_draft(conn, police.keys, showing.get_report(conn, ACTOR, report_id=report_id))
        tip = tips[draft.reference or ""]
        references = [item.reference for item in draft.items if item.file_name is not None]
        assert references == [file.file_id for file in tip.files]


def _vault_is_whole(police: House) -> None:
    files = VaultFiles(police.settings.vault_dir, police.keys, bytes_max=police.settings.vault_bytes_max)
    after = None
    while True:
        with police.database.transaction() as conn:
            checked = looking.check(conn, ACTOR, files=files, after=after, whole=not LONG, now=datetime.now(UTC))
        assert not [one for one in checked.findings if one.state is MediumState.LOST]
        after = checked.after
        if after is None:
            return
