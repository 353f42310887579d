"""Kill -9 at random moments of a scan of many files: each is in the report once. Memory does not grow with their number."""

import hashlib
import json
import os
import random
import re
import secrets
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pictures import encoded, photo
from running.gate_lists import add_list
from running.houses import ACTOR, House, house
from running.states import wait_until

from vangnet.db.embedded import EmbeddedServer
from vangnet.gate.service import decisions
from vangnet.identity.model import InstallationKind

LONG = os.environ.get("SOAK", "long") == "long"
FILES, KILLS = (100_000, 30) if LONG else (3_000, 5)
#: How much more a scan of all files may take than one of a twentieth of them.
GROWTH_MAX_KB = 24 * 1024
LISTED = [encoded(photo(500 + number, 240, 160), "JPEG", quality=85) for number in range(8)]
OTHERS = [encoded(photo(600 + number, 120, 90), "JPEG", quality=80) for number in range(20)]


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The machine of a provider, with its files."""

    house: House
    folder: Path

    @contextmanager
    def scanning(self, store: Path, report: Path) -> Iterator["subprocess.Popen[str]"]:
        """The command, running."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("VANGNET_")} | {
            "VANGNET_DATABASE_URL": self.house.database.conninfo,
            "VANGNET_DATA_DIR": str(self.house.settings.data_dir),
            "VANGNET_KEYS_DIR": str(self.house.settings.keys_dir),
        }
        command = [sys.executable, "-m", "vangnet", "scan", str(store), "--report", str(report)]
        with subprocess.Popen(
            command, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as running:
            yield running


@pytest.fixture
def machine(postgres: EmbeddedServer, tmp_path: Path) -> Iterator[Machine]:
    with house(postgres, tmp_path, "Wolkenhuis", InstallationKind.PROVIDER) as made:
        add_list(made.database, made.keys, LISTED, name="generated")
        yield Machine(house=made, folder=tmp_path)


def fill(store: Path, files: int, dice: random.Random) -> None:
    """Files in many folders; one in two hundred is listed, one in twenty a picture."""
    for number in range(files):
        path = store / f"{number % 97:02}" / f"{number % 89:02}" / f"{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        drawn = dice.random()
        data = dice.choice(LISTED) if drawn < 0.005 else dice.choice(OTHERS) if drawn < 0.05 else dice.randbytes(100)
        path.write_bytes(data)


def peak_kb(running: "subprocess.Popen[str]") -> int:
    """The most memory that the process had until now; 0 when it has ended."""
    try:
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{running.pid}/status").read_text(encoding="ascii"))
    except FileNotFoundError:
        return 0
    return int(found[1]) if found else 0


def scanned_whole(machine: Machine, store: Path, report: Path) -> int:
    """Scans to the end; gives the most memory that it had."""
    peak = 0
    with machine.scanning(store, report) as running:
        while running.poll() is None:
            peak = max(peak, peak_kb(running))
            time.sleep(0.05)
        assert running.returncode == 1, running.stderr.read() if running.stderr else ""
    return peak


@pytest.mark.soak
def test_a_scan_that_is_killed_again_and_again_reports_every_file_once(machine: Machine) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}: {FILES} files, {KILLS} kills")
    dice = random.Random(seed)
    store, report = machine.folder / "store", machine.folder / "report"
    fill(store, FILES, dice)
    state = report.with_name("report.progress")
    started, kills = time.monotonic(), 0
    while kills < KILLS and not report.exists():
        before = state.stat().st_size if state.exists() else 0
        # Each run may come a little farther than the last one, or die while it still takes over.
        most = before + dice.randrange(-before // 2, FILES * 120 // KILLS + 1)
        with machine.scanning(store, report) as running:
            wait_until(lambda most=most, running=running: running.poll() is not None or _size(report) > most, within_s=600)
            running.kill()
            kills += 1
    scanned_whole(machine, store, report)
    print(f"{kills} kills in {time.monotonic() - started:.0f} s")
    *lines, last = map(json.loads, report.read_text(encoding="utf-8").splitlines())
    digests = {hashlib.sha256(data).digest() for data in LISTED}
    listed = Counter(
        str(path) for path in store.rglob("*") if path.is_file() and hashlib.sha256(path.read_bytes()).digest() in digests
    )
    assert Counter(line["file"] for line in lines) == listed, "every listed file is in the report, once"
    assert last["summary"]["files"] == FILES
    kept: Counter[str | None] = Counter()
    with machine.house.database.transaction() as conn:
        page = None
        while found := decisions.list_decisions(conn, ACTOR, before=page, limit=decisions.LIST_MAX):
            kept.update(one.object_id for one in found)
            page = (found[-1].at, found[-1].answer.check_id)
    assert kept == listed, "every match is kept, once"


def _size(report: Path) -> int:
    """Of the state that is being written."""
    aside, state = report.with_name("report.progress.new"), report.with_name("report.progress")
    written = aside if aside.exists() else state
    try:
        return written.stat().st_size
    except FileNotFoundError:
        return 0


@pytest.mark.soak
def test_memory_does_not_grow_with_the_number_of_files(machine: Machine) -> None:
    dice = random.Random(1)
    few, many = machine.folder / "few", machine.folder / "many"
    fill(few, FILES // 20, dice)
    fill(many, FILES, dice)
    peaks = [scanned_whole(machine, store, machine.folder / f"{store.name}.jsonl") for store in (few, many)]
    print(f"most memory: {peaks[0]} kB for {FILES // 20} files, {peaks[1]} kB for {FILES}")
    assert peaks[1] - peaks[0] < GROWTH_MAX_KB
