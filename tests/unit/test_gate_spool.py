"""What a killed process leaves in the folder of decisions that wait for the database."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from vangnet.gate.spool import Spool
from vangnet.keys import Keys


def test_what_was_left_half_written_goes_and_what_is_being_written_stays(tmp_path: Path, keys: Keys) -> None:
    folder = tmp_path / "gate-spool"
    folder.mkdir()
    left, young = folder / "one.17.new", folder / "two.18.new"
    for path in (left, young):
        path.write_bytes(b"half of a")
    now = datetime.now(UTC)
    before = (now - timedelta(seconds=61)).timestamp()
    os.utime(left, (before, before))
    spool = Spool(folder, keys)
    assert list(spool.waiting(now=now)) == []
    assert list(folder.iterdir()) == [young]
    assert spool.count() == 0
