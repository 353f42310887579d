"""A gate with its index, which keeps what it accepts: for tests of the past."""

import contextlib
import hashlib
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from running.gate_lists import add_list, with_windows
from running.hash_lists import ANNE, BRAM
from running.server import console, own_database
from running.states import PATIENCE_S, wait_until
from vangnet.db import Database
from vangnet.db.connection import configure
from vangnet.db.embedded import OWNER, EmbeddedServer
from vangnet.gate.model import Decision, Door, ListedDecision
from vangnet.gate.past import PastKind
from vangnet.gate.service import decisions, past
from vangnet.gate.service.gate import Gate
from vangnet.gate.service.past_keeper import PastKeeper
from vangnet.gate.store import past_places as places
from vangnet.hashing.hasher import Hasher
from vangnet.hashing.model import Digests, Limits, Reason
from vangnet.hashing.sandbox import Sandbox
from vangnet.keys import Keys
from vangnet.registry.model.entries import HashAlgorithm
from vangnet.registry.service import lists
from vangnet.registry.service.live import LiveIndex

NOW = datetime.now(UTC)
ENDS = (NOW + timedelta(days=100)).date()


def file_digests(data: bytes) -> Digests:
    return Digests(
        md5=hashlib.md5(data, usedforsecurity=False).digest(),
        sha1=hashlib.sha1(data, usedforsecurity=False).digest(),
        sha256=hashlib.sha256(data).digest(),
    )


@dataclass
class House:
    """A gate with its index, which keeps what it accepts. Each test uploads files of its own under names of its own."""

    database: Database
    keys: Keys
    gate: Gate
    live: LiveIndex
    owner_conninfo: str

    def upload(self, data: bytes, name: str | None, *, at: datetime | None = None) -> Decision:
        """Checks a file of a kind that is let through."""
        answer = self.gate.check_unread(
            Reason.NOT_MEDIA, digests=file_digests(data), door=Door.API, provider_key=None, object_id=name,
            now=at or datetime.now(UTC),
        )  # fmt: skip
        return answer.decision

    def keep(self, data: bytes, name: str, *, at: datetime | None = None) -> None:
        """Uploads it, and waits until it is written."""
        assert self.upload(data, name, at=at) is Decision.ALLOW
        wait_until(lambda: self.kept(name) == 1)

    def enlist(
        self,
        *files: bytes,
        algorithm: HashAlgorithm = HashAlgorithm.SHA256,
        algorithms: Sequence[HashAlgorithm] | None = None,
        trial: bool = False,
        in_hand: bool = False,
    ) -> uuid.UUID:
        """Lists files, `in_hand` with the hashes of their parts; returns the list."""
        name = f"list {uuid.uuid4().hex[:8]}"
        return add_list(
            self.database, self.keys, files, name=name, algorithms=algorithms or [algorithm], trial=trial,
            made_by=with_windows if in_hand else None,
        )  # fmt: skip

    def later(self, name: str) -> list[ListedDecision]:
        """The later matches of this upload."""
        with self.database.transaction() as conn:
            return decisions.list_decisions(conn, console(), later=True, object_id=name)

    def kept(self, name: str) -> int:
        """How often it is written."""
        with self.database.transaction() as conn:
            return int(conn.execute("SELECT count(*) FROM gate_past WHERE object_id = %s", [name]).fetchall()[0][0])

    def wait_until_followed(self) -> None:
        """Until the index has everything."""
        with self.database.transaction() as conn:
            last = int(conn.execute("SELECT last FROM registry_sequence").fetchall()[0][0])
        wait_until(lambda: self.live.sequence >= last)

    def wait_until_told(self) -> None:
        """Until the registry knows which of its entries matched."""

        def told() -> bool:
            with self.database.transaction() as conn:
                return not conn.execute("SELECT FROM gate_decision WHERE told_at IS NULL").fetchall()

        wait_until(told)

    def looked_up(self) -> set[uuid.UUID]:
        """The lists that were looked up by digests, as far as they go."""
        with self.database.transaction() as conn:
            return set(places.list_looked_up(conn, PastKind.DIGESTS))

    def keeper(self) -> PastKeeper:
        """Another gate's keeper, which does nothing by itself."""
        keeper = PastKeeper(
            database=self.database, keys=self.keys, live=self.live, matcher=self.gate.past._matcher, actor=console(),
            policy=self.gate.past._policy, clock=lambda: datetime.now(UTC),
        )  # fmt: skip
        keeper._tend()
        return keeper

    def activate_while_followed(self, list_id: uuid.UUID, *, followers: int) -> None:
        """Has a list on trial decide, at a moment when so many followers are in the middle of a step."""

        def in_the_middle() -> bool:
            with self.database.transaction() as conn:
                (found,) = conn.execute(
                    """
                    SELECT count(*) FROM pg_locks waiting JOIN pg_locks held USING (database, pid)
                    WHERE NOT waiting.granted AND waiting.relation = 'registry_list'::regclass
                        AND held.granted AND held.relation = 'gate_past_place'::regclass AND held.mode = 'RowShareLock'
                    """
                ).fetchall()[0]
                return bool(found == followers)

        with psycopg.connect(self.owner_conninfo) as conn:
            configure(conn)
            # Followers read lists after they looked whether anything changed of them.
            conn.execute("LOCK TABLE registry_list IN ACCESS EXCLUSIVE MODE")
            for curator in (ANNE, BRAM):
                lists.approve_activation(conn, curator, keys=self.keys, list_id=list_id, now=datetime.now(UTC))
            wait_until(in_the_middle)

    def switch_on(self, *, days: int = 30, pictures_reason: str | None = None) -> None:
        """Keeps accepted uploads, until a day that is far."""
        with self.database.transaction() as conn:
            past.switch_on(
                conn, console(), basis="consent", reference="terms 7", ends_on=ENDS, days=days,
                pictures_reason=pictures_reason, now=NOW,
            )  # fmt: skip


@contextlib.contextmanager
def opened_house(postgres: EmbeddedServer, folder: Path, name: str) -> Iterator[House]:
    """A gate on a database of its own."""
    keys = Keys.open(folder / "keys")
    with (
        own_database(postgres, name) as database,
        LiveIndex(database, keys, folder / "index") as live,
        Sandbox(limits=Limits()) as sandbox,
        Gate(
            database=database, keys=keys, live=live, hasher=Hasher(sandbox), spool_folder=folder / "spool",
            clock=lambda: datetime.now(UTC),
        ) as gate,
    ):  # fmt: skip
        assert live.wait_until_loaded(PATIENCE_S)
        yield House(database=database, keys=keys, gate=gate, live=live, owner_conninfo=postgres.conninfo(OWNER, name))
