"""What an installation that follows a list finds in its own harmless pictures stops there, whatever the keeper says."""

import random
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from running.houses import House, house
from running.registry import ONE, TestList, made_up_hash, near
from running.states import wait_until

from vangnet.db.embedded import EmbeddedServer
from vangnet.hashing.model import Convention
from vangnet.identity.model import InstallationKind
from vangnet.registry.model.entries import EntryState, HashAlgorithm, ListedHash
from vangnet.registry.service import entries, known_good, lists, sharing, subscriptions
from vangnet.registry.service.known_good import GoodPicture


@pytest.fixture
def houses(postgres: EmbeddedServer, tmp_path: Path) -> Iterator[tuple[House, House]]:
    with ExitStack() as opened:
        hub = opened.enter_context(house(postgres, tmp_path, "hub"))
        edge = opened.enter_context(house(postgres, tmp_path, "edge", InstallationKind.PROVIDER))
        opened.enter_context(hub.serving())
        opened.enter_context(edge.working())
        yield hub, edge


def states(edge: House) -> dict[int, EntryState]:
    with edge.database.transaction() as conn:
        found = conn.execute("SELECT origin_id, state FROM registry_entry").fetchall()
    return {origin: EntryState(state) for origin, state in found}


def test_an_arriving_entry_near_a_known_good_picture_of_ours_waits_for_us(houses: tuple[House, House], seed: int) -> None:
    hub, edge = houses
    dice = random.Random(seed)  # noqa: S311 (it shall be repeated)
    harmless = made_up_hash(dice)
    with edge.database.transaction() as conn:
        known_good.add(
            conn, ONE, keys=edge.keys, set_name="ours", now=datetime.now(UTC),
            pictures=[GoodPicture(name="logo.png", hashes=(
                ListedHash(algorithm=HashAlgorithm.MD5, value=dice.randbytes(16)),
                ListedHash(algorithm=HashAlgorithm.PDQ, value=harmless, convention=Convention.FULL, quality=90),
            ))],
        )  # fmt: skip
    listed = TestList.create(hub.database, hub.keys, "Known")
    collides, other = listed.add([near(harmless, 9, dice), made_up_hash(dice)])
    listed.set_state(collides, EntryState.DISPUTED)
    hub_party, edge_party = edge.knows(hub), hub.knows(edge)
    with hub.database.transaction() as conn:
        sharing.share(conn, ONE, list_id=listed.id, party_id=edge_party.id, now=datetime.now(UTC))
    with edge.database.transaction() as conn:
        subscriptions.subscribe(conn, ONE, party_id=hub_party.id, now=datetime.now(UTC))
    wait_until(lambda: len(states(edge)) == 2)
    assert states(edge) == {collides: EntryState.SUSPENDED, other: EntryState.ACTIVE}
    with edge.database.transaction() as conn:
        [overview] = lists.overviews(conn, ONE, now=datetime.now(UTC))
        assert overview.open_collisions == 1
        assert overview.entries(EntryState.SUSPENDED) == overview.entries(EntryState.ACTIVE) == 1
        [stopped] = entries.list_collisions(conn, ONE, list_id=overview.list.id)
        assert stopped.distance == 9

    listed.set_state(collides, EntryState.WITHDRAWN)
    wait_until(lambda: states(edge)[collides] is EntryState.WITHDRAWN)
    with edge.database.transaction() as conn:
        assert lists.overviews(conn, ONE, now=datetime.now(UTC))[0].open_collisions == 0, "nothing is left to decide"
