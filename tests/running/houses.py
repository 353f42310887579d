"""Whole installations side by side: each with its own database, keys, address, application and worker.

The tests of hand-offs run a few at a time; the soak runs `hand_over_under_faults` for long.
"""

import itertools
import random
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from running.fault_proxy import Fault, FaultProxy
from running.programs import free_port
from running.server import own_database
from running.states import HURRY, PATIENCE_S, wait_until
from vangnet.audit.model import Actor, ActorKind
from vangnet.config import Settings
from vangnet.db import Database
from vangnet.db.embedded import EmbeddedServer
from vangnet.handoff.model import ReceivedHandoff, SentHandoff, SentState
from vangnet.handoff.service import receiving, sending
from vangnet.identity.model import InstallationKind, Language, Party, PartyKind
from vangnet.identity.permissions import Permission
from vangnet.identity.service import installation, parties
from vangnet.jobs.model import Pace
from vangnet.keys import Keys
from vangnet.partners.transport import Transport
from vangnet.registry.service.live import LiveIndex
from vangnet.web.app import create_app
from vangnet.web.serving import Server
from vangnet.worker import Worker

_numbers = itertools.count(1)
ACTOR = Actor(kind=ActorKind.CONSOLE, id="0", permissions=frozenset(Permission))


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """One installation. It exists in its database; it answers inside `serving` and sends inside `working`."""

    name: str
    settings: Settings = field(repr=False)
    database: Database = field(repr=False)
    keys: Keys = field(repr=False)

    @property
    def url(self) -> str:
        """Where it answers."""
        return self.settings.base_url

    @contextmanager
    def serving(self) -> Iterator[LiveIndex]:
        """It answers until the block ends; gives the index with which it does."""
        live = LiveIndex(self.database, self.keys, self.settings.data_dir / "registry-index")
        web = Server(create_app(self.settings, self.database, self.keys, live=live))
        listener = socket.create_server((self.settings.host, self.settings.port))
        thread = threading.Thread(target=web.run, kwargs={"sockets": [listener]}, name=f"web of {self.name}")
        live.start()
        thread.start()
        try:
            wait_until(lambda: web.started)
            yield live
        finally:
            web.should_exit = True
            thread.join(PATIENCE_S)
            live.stop()

    @contextmanager
    def working(self, *, pace: Pace = HURRY, exchange_s: float = 5.0) -> Iterator[Worker]:
        """It sends what is due until the block ends."""
        transport = Transport(exchange_s=exchange_s)
        with Worker(self.database, self.keys, self.settings, pace=pace, transport=transport) as worker:
            yield worker

    def knows(self, other: "House", *, at: str | None = None) -> Party:
        """The other house as a party it knows, at its own address or at that of a proxy."""
        with self.database.transaction() as conn:
            known = parties.find_party_by_public_key(conn, other.keys.public_key)
            if known is not None:
                return parties.update(
                    conn,
                    ACTOR,
                    party_id=known.id,
                    name=known.name,
                    contact_name=None,
                    contact_email=None,
                    base_url=at or other.url,
                    now=datetime.now(UTC),
                )
            return parties.add(
                conn,
                ACTOR,
                name=other.name,
                kind=PartyKind.HOTLINE,
                base_url=at or other.url,
                public_key=other.keys.public_key,
                now=datetime.now(UTC),
            )

    def send(self, party: Party, text: str = "hallo") -> UUID:
        """Sends a test message and returns its id."""
        with self.database.transaction() as conn:
            return sending.send_test_message(
                conn, ACTOR, party_id=party.id, text=text, keys=self.keys, now=datetime.now(UTC)
            ).id

    def sent(self, handoff_id: UUID) -> SentHandoff:
        """What became of a hand-off of its own."""
        with self.database.transaction() as conn:
            return sending.get_sent(conn, ACTOR, handoff_id=handoff_id)

    def received(self) -> list[ReceivedHandoff]:
        """What it took, in the order of taking."""
        with self.database.transaction() as conn:
            return receiving.list_received(conn, ACTOR, limit=500)[::-1]

    def texts(self) -> list[str]:
        """The words of the test messages that it took, in the order of taking."""
        with self.database.transaction() as conn:
            envelopes = [
                receiving.get_received_envelope(conn, ACTOR, received_id=taken.id)
                for taken in receiving.list_received(conn, ACTOR, limit=500)[::-1]
            ]
        return [str(envelope.payload.get("text")) for envelope in envelopes]

    def events(self, action: Permission, record: str = "handoff") -> list[tuple[str, str]]:
        """The actor's kind and the record's id of every event of this action."""
        with self.database.transaction() as conn:
            return conn.execute(
                "SELECT actor_kind, record_id FROM audit_event WHERE action = %s AND record = %s ORDER BY id",
                [action, record],
            ).fetchall()


@contextmanager
def house(
    postgres: EmbeddedServer, folder: Path, name: str, kind: InstallationKind = InstallationKind.HOTLINE
) -> Iterator[House]:
    """A fresh installation."""
    port = free_port()
    settings = Settings(data_dir=folder / name / "data", keys_dir=folder / name / "keys", port=port, job_attempts=3)
    with own_database(postgres, f"house_{next(_numbers)}") as database:
        with database.transaction() as conn:
            installation.set_up(conn, ACTOR, kind=kind, party_name=name, language=Language.NL, now=datetime.now(UTC))
        yield House(name=name, settings=settings, database=database, keys=Keys.open(settings.keys_dir))


def hand_over_under_faults(
    sender: House, receiver: House, *, count: int, seed: int, share_of_faults: float = 0.7, within_s: float = 120
) -> Counter[Fault]:
    """Sends `count` test messages through a proxy that breaks connections at random, and waits for every receipt.

    Afterwards each was taken exactly once, in the order of sending, each is acknowledged, and each side's trail says so
    once. Fails otherwise. Returns which faults there were. The caller serves neither house; both are set up.
    """
    print(f"seed {seed}")  # noqa: T201 (to repeat it)
    dice = random.Random(seed)  # noqa: S311 (it shall be repeated)
    lock = threading.Lock()

    def choose() -> Fault:
        with lock:
            return dice.choice(list(Fault)) if dice.random() < share_of_faults else Fault.NONE

    before = len(receiver.received())
    with ExitStack() as running:
        proxy = running.enter_context(FaultProxy(receiver.settings.port, choose))
        party = sender.knows(receiver, at=proxy.url)
        receiver.knows(sender)
        running.enter_context(receiver.serving())
        running.enter_context(sender.working())
        ids = [sender.send(party, f"message {number}") for number in range(count)]
        wait_until(_all_acknowledged(sender, ids), within_s=within_s, every_s=0.1)
    taken = receiver.received()[before:]
    assert [one.envelope_id for one in taken] == ids, "each is taken once, in the order of sending"
    taken_ids = [str(one.id) for one in taken]
    recorded = [record_id for kind, record_id in receiver.events(Permission.HANDOFF_RECEIVE) if kind == ActorKind.PARTY]
    assert recorded[before:] == taken_ids, "each that was taken left one event"
    return Counter(proxy.chosen)


def _all_acknowledged(sender: House, ids: list[UUID]) -> Callable[[], bool]:
    return lambda: all(sender.sent(handoff_id).state is SentState.ACKNOWLEDGED for handoff_id in ids)
