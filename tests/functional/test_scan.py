"""`vangnet scan`, as somebody who keeps a store of files uses it."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import typer
from pictures import encoded, photo
from PIL import Image, ImageOps
from running.gate_lists import add_list
from running.houses import ACTOR, House, house
from running.states import wait_until
from typer.testing import CliRunner, Result

from vangnet.cli.gate import opened_gate
from vangnet.cli.installation import Installation
from vangnet.cli.scan import scan
from vangnet.db.embedded import EmbeddedServer
from vangnet.gate.model import CheckAnswer, Door, ListedDecision
from vangnet.gate.service import decisions
from vangnet.gate.service.gate import Gate
from vangnet.hashing.model import Digests, Reason
from vangnet.identity.model import InstallationKind
from vangnet.registry.model.entries import EntryState, HashAlgorithm
from vangnet.registry.service import entries

app = typer.Typer()
app.command("scan")(scan)

PICTURE = photo(91, 480, 320)
LISTED = encoded(PICTURE, "JPEG", quality=90)
#: Listed by its MD5 alone.
WEAK = b"a listed file that is no picture" * 40
BYTES_MAX = 600_000


@dataclass(frozen=True, kw_only=True)
class Provider:
    """An installation with two lists, and the command on its machine."""

    house: House
    environ: dict[str, str]

    def scan(self, *arguments: object) -> Result:
        """The command, in this process. It stands back for nobody: the process goes on with other tests."""
        return CliRunner().invoke(app, ["--nice", "0", *map(str, arguments)], env=self.environ)

    def start(self, *arguments: object) -> "subprocess.Popen[str]":
        """The command in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "vangnet", "scan", *map(str, arguments)],
            env={"PATH": os.environ["PATH"], **self.environ}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def decisions(self) -> list[ListedDecision]:
        """What was kept."""
        with self.house.database.transaction() as conn:
            return decisions.list_decisions(conn, ACTOR, limit=decisions.LIST_MAX)


@pytest.fixture(scope="module")
def provider(postgres: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with house(postgres, tmp_path_factory.mktemp("scan"), "Wolkenhuis", InstallationKind.PROVIDER) as made:
        add_list(made.database, made.keys, [LISTED], name="generated")
        add_list(made.database, made.keys, [WEAK], name="weak", algorithms=[HashAlgorithm.MD5])
        environ = {
            "VANGNET_DATABASE_URL": made.database.conninfo,
            "VANGNET_DATA_DIR": str(made.settings.data_dir),
            "VANGNET_KEYS_DIR": str(made.settings.keys_dir),
            "VANGNET_MEDIA_BYTES_MAX": str(BYTES_MAX),
        }
        yield Provider(house=made, environ=environ)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Files of every kind, some in odd places and under odd names."""
    root = tmp_path / "store"
    (root / "in" / "folders").mkdir(parents=True)
    small = PICTURE.resize((240, 160))
    other = photo(92, 240, 160)
    files = {
        "listed.jpg": LISTED,
        "in/folders/mirrored.png": encoded(ImageOps.mirror(PICTURE), "PNG"),
        "in/smaller.webp": encoded(small, "WEBP"),
        "in/smaller.gif": encoded(small, "GIF"),
        "in/smaller.bmp": encoded(small, "BMP"),
        "in/smaller.tiff": encoded(small, "TIFF"),
        "in/smaller.avif": encoded(small, "AVIF"),
        "in/turned.png": encoded(small.transpose(Image.Transpose.ROTATE_90), "PNG"),
        "in/line\nbreak\x1b[31m.jpg": encoded(PICTURE, "JPEG", quality=60),
        os.fsdecode(b"in/latin \xe9.jpg"): LISTED,
        "weak.bin": WEAK,
        "other.jpg": encoded(other, "JPEG", quality=85),
        "other.png": encoded(other, "PNG"),
        "broken.jpg": LISTED[: len(LISTED) // 2],
        "too large.bmp": encoded(photo(93, 500, 450), "BMP"),
        "flat.png": encoded(Image.new("RGB", (64, 64), "grey"), "PNG"),
        "video.mp4": b"\x00\x00\x00\x18ftypmp42" + bytes(3000),
        "archive.zip": b"PK\x03\x04" + bytes(100),
        "empty": b"",
        "text.txt": b"nothing to see here\n" * 20,
    }
    for name, data in files.items():
        (root / name).write_bytes(data)
    (root / "link.jpg").symlink_to(root / "listed.jpg")
    os.mkfifo(root / "pipe")
    return root


def lines_of(report: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    *lines, last = map(json.loads, report.read_text(encoding="utf-8").splitlines())
    return lines, last["summary"]


def path_of(line: dict[str, Any]) -> bytes:
    return bytes.fromhex(line["file_hex"]) if "file_hex" in line else str(line["file"]).encode()


def as_told(answer: CheckAnswer) -> tuple[object, ...]:
    return (
        answer.outcome, answer.decision, answer.reason, list(answer.checked),
        sorted((match.entry_id, match.algorithm, match.distance, match.view) for match in answer.matches),
    )  # fmt: skip


def as_reported(line: dict[str, Any]) -> tuple[object, ...]:
    return (
        line["outcome"], line["decision"], line["reason"], line["checked"],
        sorted((one["entry_id"], one["algorithm"], one["distance"], one["view"]) for one in line["matches"]),
    )  # fmt: skip


def checked_one_by_one(gate: Gate, root: Path) -> dict[bytes, CheckAnswer]:
    """What the gate answers for each file by itself, as an upload."""
    known: dict[str, Any] = {"door": Door.API, "provider_key": None, "object_id": None, "now": datetime.now(UTC)}
    answers = {}
    for path in sorted(root.rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        data = path.read_bytes()
        if len(data) > BYTES_MAX and data[:2] == b"BM":
            answer = gate.check_unread(Reason.TOO_LARGE, digests=Digests.of(data), keep=False, **known)
        else:
            answer = gate.check(data, keep=False, **known)
        answers[os.fsencode(path)] = answer
    return answers


def test_the_report_is_what_checking_every_file_by_itself_gives(provider: Provider, store: Path, tmp_path: Path) -> None:
    before = {one.answer.check_id for one in provider.decisions()}
    result = provider.scan(store, "--report", tmp_path / "report")
    assert (result.exit_code, result.exception.__class__) == (1, SystemExit), result.output
    lines, summary = lines_of(tmp_path / "report")
    opened = Installation(
        settings=provider.house.settings.model_copy(update={"media_bytes_max": BYTES_MAX}),
        database=provider.house.database, keys=provider.house.keys, actor=ACTOR,
    )  # fmt: skip
    with opened_gate(opened) as gate:
        single = checked_one_by_one(gate, store)
    to_be_seen = {path: one for path, one in single.items() if one.matches or one.decision != "allow"}
    assert len(to_be_seen) == 13
    assert {path_of(line): as_reported(line) for line in lines} == {path: as_told(one) for path, one in to_be_seen.items()}
    assert len(lines) == len(to_be_seen)
    counted = Counter((one.outcome, one.decision, one.reason) for one in single.values())
    assert (
        Counter({(one["outcome"], one["decision"], one["reason"]): one["files"] for one in summary["outcomes"]}) == counted
    )
    assert (summary["files"], summary["unread"]) == (20, {"link": 1, "not_a_file": 1})
    assert summary["classifications"] == {"baseline": 11}
    # What it found is kept as decisions, each by its path; and told on the way, in one line each.
    kept = {one.answer.check_id: one for one in provider.decisions() if one.answer.check_id not in before}
    assert {str(id_) for id_ in kept} == {line["check_id"] for line in lines if line["outcome"] == "match"}
    assert {one.door for one in kept.values()} == {Door.SCAN}
    assert f"{store}/in/line\\nbreak\\x1b[31m.jpg" in {one.object_id for one in kept.values()}
    assert "\x1b" not in result.output
    assert len([line for line in result.stdout.splitlines() if str(store) in line]) == 13


def test_without_names_and_without_keeping_the_report_alone_knows(provider: Provider, store: Path) -> None:
    before = {one.answer.check_id for one in provider.decisions()}
    untold = provider.scan(store, "--no-keep", "--json")
    assert {one.answer.check_id for one in provider.decisions()} == before
    nameless = provider.scan(store / "in", "--no-names", "--json")
    new = [one for one in provider.decisions() if one.answer.check_id not in before]
    assert {one.object_id for one in new} == {None}
    found = [[json.loads(line) for line in result.stdout.splitlines()] for result in (untold, nameless)]
    assert [len([one for one in lines if one.get("outcome") == "match"]) for lines in found] == [11, 9]
    assert {one["check_id"] for one in found[1][:-1]} == {str(one.answer.check_id) for one in new}


def test_a_store_in_which_nothing_is_found_ends_well_and_a_report_is_never_overwritten(
    provider: Provider, tmp_path: Path
) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "text").write_text("harmless")
    first = provider.scan(tmp_path / "store", tmp_path / "store", "--report", tmp_path / "store" / "report")
    assert (first.exit_code, lines_of(tmp_path / "store" / "report")[1]["files"]) == (0, 1)
    assert [path.name for path in sorted((tmp_path / "store").iterdir())] == ["report", "text"]
    again = provider.scan(tmp_path / "store", "--report", tmp_path / "store" / "report")
    assert "is there already" in str(again.exception)
    assert provider.scan(tmp_path / "store" / "text").exit_code == 2
    assert "cannot be written" in str(provider.scan(tmp_path / "store", "--report", tmp_path / "no" / "report").exception)


def test_many_copies_of_one_listed_file_stop_no_entry(provider: Provider, tmp_path: Path) -> None:
    root = tmp_path / "store"
    root.mkdir()
    for number in range(40):
        (root / f"{number}").write_bytes(WEAK)
    assert provider.scan(root, "--report", tmp_path / "report").exit_code == 1
    lines, _ = lines_of(tmp_path / "report")
    assert len(lines) == 40
    with provider.house.database.transaction() as conn:
        assert entries.get(conn, ACTOR, lines[0]["matches"][0]["entry_id"]).state is EntryState.ACTIVE


def has_grown(state: Path, most: int, running: "subprocess.Popen[str]") -> bool:
    assert running.poll() is None, running.communicate()
    return state.exists() and state.stat().st_size > most


def test_a_scan_that_is_killed_goes_on_and_reports_and_keeps_each_file_once(
    provider: Provider, store: Path, tmp_path: Path, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311
    for number in range(150):
        copied = store / f"more {number % 7}" / f"{number}"
        copied.parent.mkdir(exist_ok=True)
        shutil.copy(store / dice.choice(["weak.bin", "listed.jpg", "other.png", "text.txt"]), copied)
    # Enough to do, so that it is killed before it is done.
    for number in range(1500):
        shutil.copy(store / "text.txt", store / f"more {number % 7}" / f"text {number}")
    before = {one.answer.check_id for one in provider.decisions()}
    report, state, runs = tmp_path / "report", tmp_path / "report.progress", 0
    for kill in (signal.SIGKILL, signal.SIGINT, None):
        running = provider.start(store, "--report", report, "--nice", "0", "--jobs", "2")
        done = state.stat().st_size if state.exists() else 0
        if kill is not None:
            most = done + dice.randrange(200, 2000)
            wait_until(partial(has_grown, state, most, running))
            running.send_signal(kill)
        said, runs = running.communicate()[1], runs + 1
        if report.exists():
            break  # On a busy machine it can be done before it is killed.
        assert running.returncode == (-9 if kill is signal.SIGKILL else 1), said
    assert runs == 1 or "were taken over from earlier runs" in said or kill is not None
    lines, summary = lines_of(report)
    paths = Counter(map(path_of, lines))
    listed = [path for path in store.rglob("*") if path.is_file() and not path.is_symlink()]
    found = {os.fsencode(path) for path in listed if path.read_bytes() in {LISTED, WEAK}}
    assert set(paths.values()) == {1}
    assert found <= paths.keys()
    assert (summary["files"], len(summary["runs"])) == (1670, runs)
    kept = Counter(one.object_id for one in provider.decisions() if one.answer.check_id not in before)
    assert set(kept.values()) == {1}
    assert len(kept) == len([line for line in lines if line["outcome"] == "match"])
