"""Two whole installations: what the hub lists matches at the edge, and what it takes back stops there.

How soon is what `benchmarks/registry_feed.py` measures: on a busy machine a time proves nothing.
"""

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
from vangnet.errors import Conflict
from vangnet.identity.model import InstallationKind
from vangnet.registry.model.effects import Effect
from vangnet.registry.model.entries import EntryState
from vangnet.registry.model.lists import ListState
from vangnet.registry.model.subscriptions import SubscriptionState
from vangnet.registry.service import entries, lists, sharing, subscriptions
from vangnet.registry.service.live import LiveIndex


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


def test_a_list_is_followed_and_stops_when_the_hub_says_so(running: Edge, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 (it shall be repeated)
    first, later = made_up_hash(dice), made_up_hash(dice)
    listed = TestList.create(running.hub.database, running.hub.keys, "Known")
    (entry,) = listed.add([first])
    running.share(listed)
    running.subscribe()
    wait_until(lambda: bool(running.live.lookup(first, every=True)))
    assert running.effects(first) == set(), "a list in quarantine matches nothing"

    listed.activate()
    wait_until(lambda: running.effects(near(first, 31, dice)) == {Effect.DECIDES})
    listed.add([later])
    wait_until(lambda: running.effects(later) == {Effect.DECIDES})
    listed.set_state(entry, EntryState.DISPUTED)
    wait_until(lambda: running.effects(first) == {Effect.HOLDS})
    listed.set_state(entry, EntryState.WITHDRAWN)
    wait_until(lambda: running.effects(first) == set())
    listed.suspend()
    wait_until(lambda: running.effects(later) == set())


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
    wait_until(lambda: running.effects(hash_) == set())
    # What the hub says goes on arriving, and does not undo what somebody here decided.
    listed.suspend()
    listed.activate()
    listed.add([later])
    wait_until(lambda: bool(running.live.lookup(later, every=True)))
    assert running.effects(later) == set()
    with edge.database.transaction() as conn:
        found = subscriptions.lift_suspension(conn, ONE, edge.keys, list_id=match.list_id, now=datetime.now(UTC))
    assert found.state is ListState.ACTIVE
    wait_until(lambda: running.effects(later) == {Effect.DECIDES})


def test_one_person_at_the_edge_stops_an_entry_at_once_whatever_the_hub_says_of_it(running: Edge, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 (it shall be repeated)
    stopped, other, gone = made_up_hash(dice), made_up_hash(dice), made_up_hash(dice)
    listed = TestList.create(running.hub.database, running.hub.keys, "Known")
    there, _, gone_there = listed.add([stopped, other, gone])
    listed.activate()
    running.share(listed)
    running.subscribe()
    wait_until(lambda: running.effects(gone) == {Effect.DECIDES})
    here, gone_here = (running.live.lookup(hash_)[0].entry_id for hash_ in (stopped, gone))
    edge = running.edge
    for entry_id in (here, gone_here):
        with edge.database.transaction() as conn:
            entries.suspend(conn, ONE, keys=edge.keys, entry_id=entry_id, reason="a test", now=datetime.now(UTC))
    wait_until(lambda: running.effects(stopped) == running.effects(gone) == set())
    # What the hub says goes on arriving, and does not undo what somebody here decided; but what it withdraws is gone.
    for state in (EntryState.DISPUTED, EntryState.ACTIVE, EntryState.DISPUTED):
        listed.set_state(there, state)
    listed.set_state(gone_there, EntryState.WITHDRAWN)

    def state_of(entry_id: int) -> EntryState:
        with edge.database.transaction() as conn:
            return entries.get(conn, ONE, entry_id).state

    wait_until(lambda: state_of(gone_here) is EntryState.WITHDRAWN)
    assert state_of(here) is EntryState.SUSPENDED
    assert (running.effects(stopped), running.effects(other)) == (set(), {Effect.DECIDES})

    def resolve(entry_id: int, *, keep: bool) -> EntryState:
        with edge.database.transaction() as conn:
            return entries.resolve(
                conn, ONE, keys=edge.keys, entry_id=entry_id, keep=keep, reason="a test", now=datetime.now(UTC)
            ).state

    with pytest.raises(Conflict, match="another installation keeps this list"):
        resolve(here, keep=False)
    assert resolve(here, keep=True) is EntryState.DISPUTED
    wait_until(lambda: running.effects(stopped) == {Effect.HOLDS})
    # From now on the hub's word counts again, and its own suspension is not lifted here.
    listed.set_state(there, EntryState.SUSPENDED)
    wait_until(lambda: running.effects(stopped) == set())
    with pytest.raises(Conflict, match="nobody here suspended the entry"):
        resolve(here, keep=True)


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
    wait_until(lambda: running.effects(hashes[1]) == set())
    running.share(second)
    wait_until(lambda: running.effects(hashes[1]) == {Effect.DECIDES})
    assert running.state() is SubscriptionState.FOLLOWING
