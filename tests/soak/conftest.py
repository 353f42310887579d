"""Fixtures of the long tests. How long: `SOAK=long` (the figures we claim) or `SOAK=short` (for every change)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from running.house_processes import HouseProcess, two_running


@pytest.fixture
def houses(tmp_path: Path) -> Iterator[list[HouseProcess]]:
    """A provider and a hotline that know each other, both running."""
    with two_running(tmp_path) as houses:
        yield houses
