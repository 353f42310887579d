"""Two whole installations: what the hub lists matches at the edge within a second, and stops as soon."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from running.houses import House, house
from running.registry import ONE, TestList, made_up_hash, near
from running.states import wait_until

from vangnet.db.embedded import EmbeddedServer
from vangnet.identity.model import InstallationKind
from vangnet.registry.model.effects import Effect
from vangnet.registry.model.entries import EntryState
from vangnet.registry.model.lists import ListState
from vangnet.registry.model.subscriptions import SubscriptionState
from vangnet.registry.service import lists, sharing, subscriptions
from vangnet.registry.service.live import LiveIndex

WITHIN_S = 1.0


class Edge:
    """A provider that follows a hotline, both running."""

    def __init__(self, hub: House, edge: House, live: LiveIndex) -> None:
        self.hub = hub
        self.edge = edge
        self.live = live
        self.hub_party = edge.knows(hub)
        self.edge_party = hub.knows(edge)

    def share(self, listed: TestList) -> None:
        with self.hub.database.transaction() as conn:
            sharing.share(conn, ONE, list_id=listed.id, party_id=self.edge_party.id, now=datetime.now(UTC))

    def subscribe(self) -> None:
        with self.edge.database.transaction() as conn:
            subscriptions.subscribe(conn, ONE, party_id=self.hub_party.id, now=datetime.now(UTC))

    def effects(self, hash_: bytes) -> set[Effect]:
        return {match.effect for match in self.live.lookup(hash_)}

    def state(self) -> SubscriptionState:
        with self.edge.database.transaction() as conn:
            return subscriptions.list_subscriptions(conn, ONE)[0][0].state


@pytest.fixture
def running(postgres: EmbeddedServer, tmp_path: Path) -> Iterator[Edge]:
    with ExitStack() as opened:
        hub = opened.enter_context(house(postgres, tmp_path, "hub"))
        edge = opened.enter_context(house(postgres, tmp_path, "edge", InstallationKind.PROVIDER))
        opened.enter_context(hub.serving())
        live = opened.enter_context(edge.serving())
        opened.enter_context(edge.working())
        yield Edge(hub, edge, live)


def within_a_second(reached: Callable[[], bool]) -> float:
    started = time.monotonic()
    wait_until(reached, within_s=WITHIN_S, every_s=0.005)
    return time.monotonic() - started


def test_a_list_is_followed_and_stops_within_a_second(running: Edge, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 (it shall be repeated)
    first, later = made_up_hash(dice), made_up_hash(dice)
    listed = TestList.create(running.hub.database, running.hub.keys, "Known")
    (entry,) = listed.add([first])
    running.share(listed)
    running.subscribe()
    wait_until(lambda: bool(running.live.lookup(first, every=True)))
    assert running.effects(first) == set(), "a list in quarantine matches nothing"

    listed.activate()
    within_a_second(lambda: running.effects(near(first, 31, dice)) == {Effect.DECIDES})
    listed.add([later])
    within_a_second(lambda: running.effects(later) == {Effect.DECIDES})
    listed.set_state(entry, EntryState.DISPUTED)
    within_a_second(lambda: running.effects(first) == {Effect.HOLDS})
    listed.set_state(entry, EntryState.WITHDRAWN)
    within_a_second(lambda: running.effects(first) == set())
    listed.suspend()
    within_a_second(lambda: running.effects(later) == set())


def test_one_person_at_the_edge_stops_a_list_at_once(running: Edge, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 (it shall be repeated)
    hash_, later = made_up_hash(dice), made_up_hash(dice)
    listed = TestList.create(running.hub.database, running.hub.keys, "Known")
    listed.add([hash_])
    listed.activate()
    running.share(listed)
    running.subscribe()
    wait_until(lambda: running.effects(hash_) == {Effect.DECIDES})
    (match,) = running.live.lookup(hash_)
    edge = running.edge
    with edge.database.transaction() as conn:
        lists.suspend(conn, ONE, keys=edge.keys, list_id=match.list_id, reason="a test", now=datetime.now(UTC))
    within_a_second(lambda: running.effects(hash_) == set())
    # What the hub says goes on arriving, and does not undo what somebody here decided.
    listed.suspend()
    listed.activate()
    listed.add([later])
    wait_until(lambda: bool(running.live.lookup(later, every=True)))
    assert running.effects(later) == set()
    with edge.database.transaction() as conn:
        found = subscriptions.lift_suspension(conn, ONE, edge.keys, list_id=match.list_id, now=datetime.now(UTC))
    assert found.state is ListState.ACTIVE
    within_a_second(lambda: running.effects(later) == {Effect.DECIDES})


def test_a_list_that_is_shared_later_arrives_whole_and_one_that_is_not_any_more_stops(running: Edge, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 (it shall be repeated)
    first = TestList.create(running.hub.database, running.hub.keys, "First")
    second = TestList.create(running.hub.database, running.hub.keys, "Second")
    hashes = [made_up_hash(dice) for _ in range(40)]
    entries = [second.add([hash_])[0] for hash_ in hashes]
    second.set_state(entries[0], EntryState.WITHDRAWN)
    second.activate()
    first.add([hashes[0]])
    first.activate()
    running.share(first)
    running.subscribe()
    wait_until(lambda: running.effects(hashes[0]) == {Effect.DECIDES})
    assert not running.live.lookup(hashes[1], every=True), "what is not shared does not arrive"
    running.share(second)
    wait_until(lambda: all(running.effects(hash_) == {Effect.DECIDES} for hash_ in hashes))
    assert len(running.live.lookup(hashes[0], every=True)) == 1, "a withdrawn entry of the second list stays so"
    with running.hub.database.transaction() as conn:
        sharing.unshare(conn, ONE, list_id=second.id, party_id=running.edge_party.id, now=datetime.now(UTC))
    within_a_second(lambda: running.effects(hashes[1]) == set())
    running.share(second)
    wait_until(lambda: running.effects(hashes[1]) == {Effect.DECIDES})
    assert running.state() is SubscriptionState.FOLLOWING
