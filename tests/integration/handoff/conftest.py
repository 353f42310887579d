"""Fixtures for hand-offs: two installations that know each other, and one end of each for tests without a network."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from running.houses import House, house

from vangnet.db.embedded import EmbeddedServer
from vangnet.identity.model import InstallationKind


@pytest.fixture
def hotline(postgres: EmbeddedServer, tmp_path: Path) -> Iterator[House]:
    """An installation that sends."""
    with house(postgres, tmp_path, "Meldpunt Voorbeeld") as made:
        yield made


@pytest.fixture
def police(postgres: EmbeddedServer, tmp_path: Path) -> Iterator[House]:
    """An installation that takes."""
    with house(postgres, tmp_path, "Team Noorderlicht", InstallationKind.POLICE) as made:
        yield made
