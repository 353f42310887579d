"""Digests that nobody listed are answered without waiting. What cannot be answered so is left to the whole check."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from running.states import PATIENCE_S

from vangnet.db import Database
from vangnet.gate.model import Decision, Door, GivenHash, HashCheck, Outcome
from vangnet.gate.service.gate import Gate
from vangnet.hashing.hasher import Hasher
from vangnet.hashing.sandbox import Sandbox
from vangnet.keys import Keys
from vangnet.registry.service.live import LiveIndex

NOW = datetime.now(UTC)
DIGEST = HashCheck(hashes=(GivenHash(algorithm="sha256", value=bytes(32)),))
PICTURE = HashCheck(hashes=(GivenHash(algorithm="pdq", value=bytes(32)),))


def gate_on(database: Database, keys: Keys, live: LiveIndex, folder: Path, *, at_once: int = 1) -> Gate:
    """A gate whose sandbox is never asked for anything."""
    return Gate(
        database=database, keys=keys, live=live, hasher=Hasher(Sandbox()), spool_folder=folder / "spool",
        clock=lambda: datetime.now(UTC), at_once=at_once,
    )  # fmt: skip


@pytest.fixture
def loaded(database: Database, keys: Keys, tmp_path: Path) -> Iterator[LiveIndex]:
    """An index that holds nothing."""
    with LiveIndex(database, keys, tmp_path / "index") as live:
        assert live.wait_until_loaded(PATIENCE_S)
        yield live


def test_without_an_index_nothing_is_called_unlisted(database: Database, keys: Keys, tmp_path: Path) -> None:
    never_loaded = LiveIndex(database, keys, tmp_path / "index")
    with gate_on(database, keys, never_loaded, tmp_path) as gate:
        assert gate.check_unlisted([DIGEST], door=Door.HASHES, provider_key=None, now=NOW) is None
        assert not gate.watch.checks, "nothing is counted that was not answered"
        (answer,) = gate.check_hashes([DIGEST], door=Door.HASHES, provider_key=None, now=NOW)
        assert (answer.outcome, answer.decision) == (Outcome.UNAVAILABLE, Decision.HOLD)
        assert gate.watch.checks.total() == 1


def test_a_hash_of_a_picture_is_left_to_the_whole_check(
    database: Database, keys: Keys, loaded: LiveIndex, tmp_path: Path
) -> None:
    with gate_on(database, keys, loaded, tmp_path) as gate:
        assert gate.check_unlisted([DIGEST, PICTURE], door=Door.HASHES, provider_key=None, now=NOW) is None
        assert not gate.watch.checks


def test_it_needs_no_turn(database: Database, keys: Keys, loaded: LiveIndex, tmp_path: Path) -> None:
    with gate_on(database, keys, loaded, tmp_path, at_once=0) as gate:
        (turned_away,) = gate.check_hashes([DIGEST], door=Door.HASHES, provider_key=None, now=NOW)
        answers = gate.check_unlisted([DIGEST], door=Door.HASHES, provider_key=None, now=NOW)
        assert answers is not None
        assert turned_away.outcome is Outcome.UNAVAILABLE
        assert [(one.outcome, one.decision, one.checked) for one in answers] == [
            (Outcome.NO_MATCH, Decision.ALLOW, ("sha256",))
        ]
