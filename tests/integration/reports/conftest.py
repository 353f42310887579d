"""A desk that takes reports in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from running.report_desk import Desk, desk_on

from vangnet.db import Database
from vangnet.keys import Keys


@pytest.fixture
def desk(database: Database, keys: Keys, tmp_path: Path) -> Iterator[Desk]:
    """A hotline's desk with its vault enabled."""
    with desk_on(database, keys, tmp_path) as made:
        yield made
