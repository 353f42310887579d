"""Claim: a change at the hub is effective at the edge within 0.2 s (median) and 1 s (p99), at 100 changes a second.

    python benchmarks/registry_feed.py [--rounds N] [--seconds N] [--rate N] [--seed N]

Three processes on one machine, each installation with its own database: the hub as `vangnet serve` runs it; a writer, which
changes the hub's list in transactions of one change each (seven in ten add an entry, two withdraw one, one disputes one) at
random moments of the given rate; and this one, the edge, which follows and looks up. Measured from the moment when the
writer begins its transaction to the moment when a look-up at the edge answers differently. A round in which the writer came
to less than nine tenths of the rate, because the machine had no time for it, proves nothing, and is said to.
"""

import argparse
import multiprocessing
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import httpx2

from vangnet import config
from vangnet.audit.model import Actor, ActorKind
from vangnet.config import Settings
from vangnet.db import Database, open_database
from vangnet.identity.model import InstallationKind, Language, PartyKind
from vangnet.identity.permissions import Permission
from vangnet.identity.service import installation, parties
from vangnet.jobs.following import Followers
from vangnet.keys import Keys
from vangnet.registry.model.changes import ChangeKind, NewChange, NewEntry
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.effects import Effect
from vangnet.registry.model.entries import EntryState, HashAlgorithm, ListedHash
from vangnet.registry.model.packing import pack
from vangnet.registry.service import categories, lists, sharing, subscriptions
from vangnet.registry.service.live import LiveIndex
from vangnet.registry.service.publishing import change_entry, publish
from vangnet.registry.service.sealing import EntryCipher
from vangnet.registry.store import entries as entry_store
from vangnet.registry.store import lists as list_store

P50_S, P99_S, RATE_SHARE = 0.2, 1.0, 0.9
_ACTOR = Actor(kind=ActorKind.CONSOLE, id="1", permissions=frozenset(Permission))
_OTHER = Actor(kind=ActorKind.CONSOLE, id="2", permissions=frozenset(Permission))
#: When a change began, the hash that it is about, and what a look-up answers from then on.
Made = tuple[float, bytes, "Effect | None"]


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


class Writer:
    """Changes one list of the hub."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.database = database
        self.keys = Keys.open(settings.keys_dir)
        self.cipher = EntryCipher(self.keys)
        self.standing: deque[tuple[int, bytes]] = deque()
        with database.transaction() as conn:
            self.list_id = lists.create(conn, _ACTOR, keys=self.keys, name="Measured", now=now()).id
        with database.transaction() as conn:
            self.category_id = list_store.add_category(conn, self.list_id, scheme="supplier", name="illegal")
            seen = NewChange(kind=ChangeKind.CATEGORY_ADDED, list_id=self.list_id, category_id=self.category_id)
            publish(conn, _ACTOR, self.keys, changes=[seen], now=now())
        with database.transaction() as conn:
            categories.map_category(
                conn,
                _ACTOR,
                keys=self.keys,
                category_id=self.category_id,
                classification=Classification.BASELINE,
                now=now(),
            )

    def activate(self) -> None:
        """As two people do."""
        for actor in (_ACTOR, _OTHER):
            with self.database.transaction() as conn:
                lists.approve_activation(conn, actor, keys=self.keys, list_id=self.list_id, now=now())

    def change(self, dice: random.Random) -> Made:
        """One change of some kind."""
        drawn = dice.random()
        if drawn < 0.7 or len(self.standing) < 2:
            return self.add(dice)
        entry_id, hash_ = self.standing.popleft()
        state = EntryState.WITHDRAWN if drawn < 0.9 else EntryState.DISPUTED
        began = time.monotonic()
        with self.database.transaction() as conn:
            entry = entry_store.get_entry_for_update(conn, entry_id)
            change = change_entry(conn, entry, state, by="console:1", reason="measured", now=now())
            publish(conn, _ACTOR, self.keys, changes=[change], now=now())
        return began, hash_, None if state is EntryState.WITHDRAWN else Effect.HOLDS

    def add(self, dice: random.Random) -> Made:
        """An entry with a hash of no picture."""
        hash_ = dice.randbytes(32)
        hashes = (ListedHash(algorithm=HashAlgorithm.PDQ, value=hash_),)
        entry = NewEntry(
            list_id=self.list_id, category_id=self.category_id, media_kind="image", state="active",
            key_mac=self.cipher.key(self.list_id, hashes), packed=pack(hashes),
            sealed=self.cipher.seal(self.list_id, pack(hashes)), added_by="console:1",
        )  # fmt: skip
        began = time.monotonic()
        with self.database.transaction() as conn:
            entry_id = publish(conn, _ACTOR, self.keys, entries=[entry], now=now())
        self.standing.append((entry_id, hash_))
        return began, hash_, Effect.DECIDES


def write(settings: Settings, pipe: Pipe, edge_party: str, rate: float) -> None:
    """The writer's process: makes a list, shares it, and changes it whenever it is told (seed, seconds)."""
    with open_database(settings) as database:
        writer = Writer(settings, database)
        writer.add(random.Random(0))  # noqa: S311 (a hash of no picture)
        writer.activate()
        with database.transaction() as conn:
            party = next(one for one in parties.list_parties(conn, _ACTOR) if one.name == edge_party)
            sharing.share(conn, _ACTOR, list_id=writer.list_id, party_id=party.id, now=now())
        pipe.send("ready")
        while (told := pipe.recv()) is not None:
            seed, seconds = told
            dice = random.Random(seed)  # noqa: S311 (to be repeated)
            due = time.monotonic()
            end = due + seconds
            while (due := due + dice.expovariate(rate)) < end:
                time.sleep(max(0.0, due - time.monotonic()))
                pipe.send(writer.change(dice))
            pipe.send(None)


def watch(live: LiveIndex, pipe: Pipe) -> tuple[list[float], float]:
    """How long each change took to be effective, in seconds; and how many a second the writer began."""
    took: list[float] = []
    began: list[float] = []
    made: deque[Made] = deque()
    latest: dict[bytes, Effect | None] = {}
    ended = False
    while made or not ended:
        while not ended and pipe.poll(0 if made else 0.05):
            told = pipe.recv()
            ended = told is None
            if told is not None:
                made.append(told)
                began.append(told[0])
                latest[told[1]] = told[2]
        while made and _answers(live, made[0], latest):
            took.append(time.monotonic() - made.popleft()[0])
        if made and time.monotonic() - made[0][0] > 60:
            raise SystemExit("a change did not become effective within a minute")
        time.sleep(0.002)
    return took, (len(began) - 1) / (began[-1] - began[0])


def _answers(live: LiveIndex, made: Made, latest: dict[bytes, Effect | None]) -> bool:
    _, hash_, expected = made
    found = next((match.effect for match in live.lookup(hash_, 0)), None)
    # What was withdrawn or disputed before we looked was added before that.
    return found in {expected, latest[hash_]}


@contextmanager
def hub(folder: Path) -> Iterator[Settings]:
    """A hotline's installation, running as `vangnet serve` runs it."""
    settings, environ = _settings(folder, "hub")
    with open_database(settings) as database, database.transaction() as conn:
        installation.set_up(conn, _ACTOR, kind=InstallationKind.HOTLINE, party_name="Hub", language=Language.EN, now=now())
    log = (folder / "hub.log").open("wb")
    process = subprocess.Popen([sys.executable, "-m", "vangnet", "serve"], env=environ, stdout=log, stderr=log)
    try:
        _await(lambda: httpx2.get(f"{settings.base_url}/readyz", trust_env=False).status_code == httpx2.codes.OK)
        yield settings
    finally:
        process.terminate()
        process.wait(60)


def _settings(folder: Path, name: str) -> tuple[Settings, dict[str, str]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    ours = {
        "VANGNET_DATA_DIR": str(folder / name / "data"),
        "VANGNET_KEYS_DIR": str(folder / name / "keys"),
        "VANGNET_PORT": str(port),
        "VANGNET_LOG_LEVEL": "warning",
    }
    kept = {key: value for key, value in os.environ.items() if not key.startswith(config.PREFIX)}
    return config.load(ours), kept | ours


def _await(reached: Callable[[], bool], within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while True:
        try:
            if reached():
                return
        except httpx2.TransportError:
            pass
        if time.monotonic() > deadline:
            raise SystemExit("the hub did not start")
        time.sleep(0.05)


def _introduce(hub_settings: Settings, name: str, edge: tuple[Database, Keys]) -> None:
    """The hub knows the edge, the edge the hub, and follows it."""
    database, keys = edge
    hub_key = Keys.open(hub_settings.keys_dir).public_key
    with open_database(hub_settings) as theirs, theirs.transaction() as conn:
        parties.add(conn, _ACTOR, name=name, kind=PartyKind.PROVIDER, public_key=keys.public_key, now=now())
    with database.transaction() as conn:
        party = parties.add(
            conn, _ACTOR, name="Hub", kind=PartyKind.HOTLINE, base_url=hub_settings.base_url, public_key=hub_key, now=now()
        )
        subscriptions.subscribe(conn, _ACTOR, party_id=party.id, now=now())


def main() -> None:
    """Runs the rounds and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    given = parser.parse_args()
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        hub_settings = opened.enter_context(hub(folder))
        settings, _ = _settings(folder, "edge")
        database = opened.enter_context(open_database(settings))
        keys = Keys.open(settings.keys_dir)
        _introduce(hub_settings, "Edge", (database, keys))
        ours, theirs = multiprocessing.get_context("spawn").Pipe()
        writer = multiprocessing.get_context("spawn").Process(
            target=write, args=(hub_settings, theirs, "Edge", given.rate), daemon=True
        )
        writer.start()
        live = opened.enter_context(LiveIndex(database, keys, settings.data_dir / "registry-index"))
        opened.enter_context(Followers.trusting(database, keys, settings))
        if not ours.poll(120) or ours.recv() != "ready" or not live.wait_until_loaded(60):
            raise SystemExit("the writer did not start")
        _measure(live, ours, given)


def _measure(live: LiveIndex, pipe: Pipe, given: argparse.Namespace) -> None:
    print(f"{given.rate:.0f} changes a second for {given.seconds:.0f} s a round, hub and edge on one machine")
    print(f"{'seed':>12} {'changes':>8} {'per s':>6} {'p50 ms':>7} {'p90 ms':>7} {'p99 ms':>7} {'max ms':>7}")
    every: list[float] = []
    rates: list[float] = []
    for number in range(given.rounds):
        pipe.send((given.seed + number, given.seconds))
        took, rate = watch(live, pipe)
        every += took
        rates.append(rate)
        print(f"{given.seed + number:>12} {len(took):>8} {rate:>6.0f} {_row(took)}", flush=True)
    pipe.send(None)
    print(f"{'all':>12} {len(every):>8} {statistics.fmean(rates):>6.0f} {_row(every)}")
    p50, p99 = statistics.median(every), _quantile(every, 0.99)
    print(f"p50 <= {P50_S} s: {'yes' if p50 <= P50_S else 'NO'};  p99 <= {P99_S} s: {'yes' if p99 <= P99_S else 'NO'}")
    if min(rates) < RATE_SHARE * given.rate:
        print(
            f"NOT measured at {given.rate:.0f} changes a second: the writer came to {min(rates):.0f} in one of the rounds"
        )


def _row(took: list[float]) -> str:
    return " ".join(f"{one * 1000:>7.0f}" for one in (*(_quantile(took, q) for q in (0.5, 0.9, 0.99)), max(took)))


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


if __name__ == "__main__":
    main()
