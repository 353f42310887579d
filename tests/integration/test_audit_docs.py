"""The program that the documentation gives to strangers: it passes a true export and finds what was done to a false one."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from vangnet.audit import heads, service
from vangnet.audit.model import Actor, ActorKind
from vangnet.audit.sealer import seal_once
from vangnet.db import Database
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys

_PAGE = Path(__file__).parents[2] / "docs" / "howto" / "verify-the-audit-trail.md"
_READER = Actor(kind=ActorKind.SYSTEM, id="t\u00e9st", permissions=frozenset({Permission.AUDIT_READ}))

Lines = list[dict[str, Any]]
Verify = Callable[[Lines], subprocess.CompletedProcess[str]]


@pytest.fixture
def lines(database: Database, keys: Keys, tmp_path: Path, now: datetime) -> Lines:
    """An export of twelve events with three heads, as `vangnet audit export` writes it."""
    for number in range(12):
        with database.transaction() as conn:
            service.record(
                conn, _READER, action="party:add", record="party", record_id=number, now=now + timedelta(seconds=number),
                number=number, text='"\u00e9\u20ac\U0001f600\n', none=None,
            )  # fmt: skip
        if number % 4 == 3:
            seal_once(database, keys, tmp_path / "heads", now=now + timedelta(minutes=number))
    with database.transaction() as conn:
        return [dict(line) for line in service.stream_trail(conn, _READER)]


@pytest.fixture
def verify(tmp_path: Path, keys: Keys) -> Verify:
    """Runs the page's program on an export."""
    (program,) = re.findall(r"```python\n(.*?)```", _PAGE.read_text(encoding="utf-8"), re.DOTALL)

    def run(lines: Lines) -> subprocess.CompletedProcess[str]:
        export = tmp_path / "trail.jsonl"
        export.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
        return subprocess.run(
            [sys.executable, "-c", program, str(export), str(tmp_path / "heads"), keys.public_key.hex()],
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_a_true_export_verifies(lines: Lines, verify: Verify) -> None:
    done = verify(lines)
    assert (done.returncode, done.stdout) == (0, "12 events, confirmed up to position 12\n"), done.stderr


@pytest.mark.parametrize(
    ("position", "changed", "told"),
    [
        (5, {"actor_id": "another"}, "event 5 at position 5 was changed"),
        (5, {"details": '{"none": null}'}, "event 5 at position 5 was changed"),
        (5, {"at_us": 0}, "event 5 at position 5 was changed"),
        (5, {"id": None}, "the event at position 5 was removed"),
        (6, {"leaf": "00" * 32, "id": None}, "the chain breaks at position 6"),
        (6, {"chain": "00" * 32}, "the chain breaks at position 6"),
        (6, {"sealed_at_us": 0}, "the chain breaks at position 6"),
    ],
)
def test_a_changed_export_is_found_out(
    lines: Lines, verify: Verify, position: int, changed: dict[str, object], told: str
) -> None:
    lines[position - 1] |= changed
    done = verify(lines)
    assert done.returncode == 1
    assert told in (done.stdout + done.stderr).splitlines()


def test_an_export_without_its_tail_is_found_out(lines: Lines, verify: Verify) -> None:
    done = verify(lines[:7])
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "heads-2026-11-21.jsonl, line 2: the trail was longer, up to position 8",
        "heads-2026-11-21.jsonl, line 3: the trail was longer, up to position 12",
        "7 events, confirmed up to position 4",
    ]


def test_an_export_with_a_hole_is_found_out(lines: Lines, verify: Verify) -> None:
    done = verify(lines[:4] + lines[5:])
    assert (done.returncode, done.stderr) == (1, "position 5 is missing\n")


def test_a_forged_head_is_found_out(lines: Lines, verify: Verify, tmp_path: Path) -> None:
    (file,) = heads.list_files(tmp_path / "heads")
    file.write_text(file.read_text(encoding="utf-8").replace('"position":8', '"position":7'), encoding="utf-8")
    done = verify(lines)
    assert done.returncode == 1
    assert "heads-2026-11-21.jsonl, line 2: not signed by this key" in done.stdout.splitlines()
