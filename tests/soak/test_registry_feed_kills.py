"""A subscriber is killed at random while the hub's lists change: it ends equal to the hub, and so does its index."""

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from running.houses import House, house
from running.registry import ONE, TestList, made_up_hash, near
from running.registry_truth import Truth
from running.states import wait_until

from vangnet.db.embedded import EmbeddedServer
from vangnet.identity.model import InstallationKind
from vangnet.registry.model.entries import EntryState, HashAlgorithm, ListedHash
from vangnet.registry.model.subscriptions import SubscriptionState
from vangnet.registry.service import feed, sharing, subscriptions
from vangnet.registry.service.live import LiveIndex

LONG = os.environ.get("SOAK", "long") == "long"
KILLS = 200 if LONG else 8
CHANGES = 10_000 if LONG else 600
_NOT_WITHDRAWN = (EntryState.PROPOSED, EntryState.ACTIVE, EntryState.DISPUTED, EntryState.SUSPENDED)


class Hub:
    """The hub's lists, changed at random."""

    def __init__(self, house: House, dice: random.Random) -> None:
        self.lists = [TestList.create(house.database, house.keys, name) for name in ("One", "Two", "Hidden")]
        self.changes = 0
        self._dice = dice
        self._standing: dict[int, tuple[TestList, bytes, EntryState]] = {}

    def change(self) -> None:
        """One transaction: some entries, or one entry's other state, or a list that stops and goes on."""
        dice, listed = self._dice, self._dice.choice(self.lists)
        drawn = dice.random()
        if drawn < 0.5 or len(self._standing) < 10:
            self._add(listed)
        elif drawn < 0.97:
            self._change_entry()
        else:
            listed.suspend()
            listed.activate()
            self.changes += 2

    def _add(self, listed: TestList) -> None:
        hashes = [made_up_hash(self._dice) for _ in range(self._dice.choice([1, 1, 1, 5, 30]))]
        for number, hash_ in zip(listed.add(hashes), hashes, strict=True):
            self._standing[number] = (listed, hash_, EntryState.ACTIVE)
        self.changes += len(hashes)

    def _change_entry(self) -> None:
        number = self._dice.choice(list(self._standing))
        listed, hash_, before = self._standing[number]
        state = self._dice.choice([one for one in (*_NOT_WITHDRAWN, EntryState.WITHDRAWN) if one is not before])
        if before is EntryState.SUSPENDED and state is EntryState.DISPUTED:
            return  # No such step.
        listed.set_state(number, state)
        self.changes += 1
        if state is EntryState.WITHDRAWN:
            del self._standing[number]
            if self._dice.random() < 0.5:
                listed.add([hash_])  # The same picture again: another entry.
                self.changes += 1
        else:
            self._standing[number] = (listed, hash_, state)


class Subscriber:
    """A process that follows, and is killed and started again."""

    def __init__(self, edge: House, folder: Path) -> None:
        self._arguments = [edge.database.conninfo, str(edge.settings.keys_dir), str(folder)]
        self._log = folder.with_suffix(".log")
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        environ = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "running.following_process", *self._arguments], env=environ, stdout=log, stderr=log
            )

    def kill(self) -> None:
        assert self.process.poll() is None, self._log.read_text()[-3000:]
        self.process.kill()
        self.process.wait()

    def kill_and_start(self) -> None:
        self.kill()
        self.process = self._start()


@contextmanager
def changing(hub: Hub, pause_s: float) -> Iterator[threading.Event]:
    """The hub's lists change until the block ends, or there were enough changes."""
    enough, stop = threading.Event(), threading.Event()

    def change() -> None:
        while not stop.wait(pause_s) and hub.changes < CHANGES:
            hub.change()
        enough.set()

    thread = threading.Thread(target=change, name="hub changes")
    thread.start()
    try:
        yield enough
    finally:
        stop.set()
        thread.join()


@pytest.mark.soak
def test_a_subscriber_that_is_killed_at_random_ends_equal_to_the_hub(
    postgres: EmbeddedServer, tmp_path: Path, seed: int
) -> None:
    dice = random.Random(seed)
    with ExitStack() as opened:
        hub_house = opened.enter_context(house(postgres, tmp_path, "hub"))
        edge = opened.enter_context(house(postgres, tmp_path, "edge", InstallationKind.PROVIDER))
        opened.enter_context(hub_house.serving())
        hub = Hub(hub_house, random.Random(dice.random()))
        for listed in hub.lists:
            listed.add([made_up_hash(dice)])
            listed.activate()
        party = edge.knows(hub_house)
        share(hub_house, edge, hub.lists[0])
        with edge.database.transaction() as conn:
            subscriptions.subscribe(conn, ONE, party_id=party.id, now=datetime.now(UTC))
        subscriber = Subscriber(edge, tmp_path / "index")
        opened.callback(subscriber.kill)
        with changing(hub, pause_s=0.15 if LONG else 0.02) as enough:
            kill_at_random(subscriber, dice, hub_house, edge, hub)
            wait_until(enough.is_set, within_s=900, every_s=0.2)
        wait_until(lambda: is_level(hub_house, edge), every_s=0.2)
        print(f"{KILLS} kills while {hub.changes} changes flowed")
        require_equal(hub_house, edge, hub)
        subscriber.kill()
        subscriber.process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        with LiveIndex(edge.database, edge.keys, tmp_path / "index") as live:
            assert live.wait_until_loaded(60)
            require_index_true(live, Truth(edge.database, edge.keys), dice)


def kill_at_random(subscriber: Subscriber, dice: random.Random, hub_house: House, edge: House, hub: Hub) -> None:
    for number in range(KILLS):
        time.sleep(dice.uniform(0.3, 3.0 if LONG else 2.0))  # The moment is what is drawn at random.
        subscriber.kill_and_start()
        if number == KILLS // 2:
            share(hub_house, edge, hub.lists[1])  # It arrives from its start while everything changes.


def share(hub_house: House, edge: House, listed: TestList) -> None:
    with hub_house.database.transaction() as conn:
        party = hub_house.knows(edge)
        sharing.share(conn, ONE, list_id=listed.id, party_id=party.id, now=datetime.now(UTC))


def is_level(hub_house: House, edge: House) -> bool:
    with edge.database.transaction() as conn:
        ((subscription, followed),) = subscriptions.list_subscriptions(conn, ONE)
    assert subscription.state is SubscriptionState.FOLLOWING, (subscription.fault, subscription.problem)
    with hub_house.database.transaction() as conn:
        end = feed.head(conn)
    return subscription.cursor == end and len(followed) == 2 and not any(one.arriving for one in followed)


def require_equal(hub_house: House, edge: House, hub: Hub) -> None:
    with edge.database.transaction() as conn:
        ((_, followed),) = subscriptions.list_subscriptions(conn, ONE)
    theirs = {one.list_id: one.origin_list_id for one in followed}
    there, here = Truth(hub_house.database, hub_house.keys), Truth(edge.database, edge.keys)
    shared = {listed.id for listed in hub.lists[:2]}
    expected = {entry.id: (entry.list_id, entry.state, entry.hashes) for entry in there.entries if entry.list_id in shared}
    found = {entry.origin_id: (theirs[entry.list_id], entry.state, entry.hashes) for entry in here.entries}
    assert len(found) == len(here.entries), "none twice"
    assert found == expected, "each as it is at the hub"
    assert {theirs[list_id]: state for list_id, state in here.states.items()} == {
        list_id: state for list_id, state in there.states.items() if list_id in shared
    }
    assert len(here.classifications) == len(shared)


def require_index_true(live: LiveIndex, truth: Truth, dice: random.Random) -> None:
    for entry in dice.sample(truth.entries, min(200, len(truth.entries))):
        hash_ = near(entry.hashes[0].value, dice.choice([0, 5, 31, 32]), dice)
        wanted = ListedHash(algorithm=HashAlgorithm.PDQ, value=hash_)
        found = {match.entry_id: (match.distance, match.effect) for match in live.lookup(hash_, every=True)}
        assert found == truth.matches(wanted)
