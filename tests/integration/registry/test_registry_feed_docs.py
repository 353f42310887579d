"""The verifier that the documentation gives to strangers: it passes true pages and finds what was done to false ones."""

import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from running.registry import TestList

from vangnet.db import Database
from vangnet.keys import Keys
from vangnet.registry.model.feed import GENESIS
from vangnet.registry.model.pages import Cursor
from vangnet.registry.service import feed

_PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "registry-feed.md"

Verify = Callable[[list[bytes]], subprocess.CompletedProcess[str]]


@pytest.fixture
def pages(database: Database, keys: Keys) -> list[bytes]:
    """Three pages of a stream, of which one of two lists is shown."""
    shown, hidden = TestList.create(database, keys, "Sh\u00f6wn \U0001f600"), TestList.create(database, keys, "Hidden")
    made = []
    after = 0
    for number in range(3):
        shown.add([bytes([number, part]) * 16 for part in range(3)])
        hidden.add([bytes([number, 99]) * 16])
        shown.activate() if number == 0 else shown.suspend() if number == 1 else None
        with database.transaction() as conn:
            page, _ = feed.read_page(
                conn, keys, subscriber=b"s" * 32, nonce=b"n" * 16, after=after, until=None, shared={shown.id},
                shown={shown.id}, now=_now(),
            )  # fmt: skip
            after = feed.head(conn).position
        made.append(page)
    return made


@pytest.fixture
def verify(tmp_path: Path, keys: Keys) -> Verify:
    """Runs the page's program on pages."""
    (program,) = re.findall(r"```python\n(.*?)```", _PAGE.read_text(encoding="utf-8"), re.DOTALL)

    def run(pages: list[bytes]) -> subprocess.CompletedProcess[str]:
        files = [tmp_path / f"{number}.page" for number in range(len(pages))]
        for file, page in zip(files, pages, strict=True):
            file.write_bytes(page)
        return subprocess.run(
            [sys.executable, "-c", program, keys.public_key.hex(), *map(str, files)],
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_true_pages_verify(pages: list[bytes], verify: Verify, database: Database) -> None:
    with database.transaction() as conn:
        end = feed.head(conn)
    done = verify(pages)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(f"verified up to change {end.position}, chain {end.chain.hex()}\n")
    assert end != Cursor(position=0, chain=GENESIS)


def test_what_was_done_to_pages_is_found(pages: list[bytes], verify: Verify) -> None:
    one, two, three = pages
    for changed in (
        [one, three],
        [two, three],
        [one, one],
        [one, two.replace(b'"entry_added"', b'"entry_state"'), three],
        [one, two[:-40], three],
        [one, two.replace(b'"protocol":1', b'"protocol":2'), three],
    ):
        assert verify(changed).returncode == 1


def _now() -> datetime:
    return datetime.now(UTC)
