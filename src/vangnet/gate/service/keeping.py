"""What a gate keeps, and what it must know for that: the policy, the lists' names, the counts, and each match on disk.

A match is kept in the database, or in the spool while the database is away; what was spooled is taken in later, once.
Everything else is counted in memory and written every second, in a thread of its own.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

import psycopg
import structlog

from vangnet.audit.model import Actor, ActorKind
from vangnet.db import Database
from vangnet.errors import AppError, Unavailable
from vangnet.gate.model import CheckAnswer, Door, KeptDecision
from vangnet.gate.service import decisions, policies
from vangnet.gate.service.policies import ChosenPolicy
from vangnet.gate.service.watch import Watch
from vangnet.gate.spool import Spool
from vangnet.gate.tally import Tally
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.registry.service import lists, matches
from vangnet.registry.service.live import LiveIndex

_TEND_EVERY_S = 1.0

log = structlog.get_logger(__name__)

#: The gate itself, for what nobody's key asked for.
SYSTEM = Actor(
    kind=ActorKind.SYSTEM,
    id="gate",
    permissions=frozenset({Permission.GATE_CHECK, Permission.REGISTRY_MATCH, Permission.REGISTRY_READ}),
)


class Keeper:
    """A gate's memory. Any number of threads may call it, from `start` to `stop`."""

    def __init__(
        self,
        *,
        database: Database,
        keys: Keys,
        live: LiveIndex,
        spool_folder: Path,
        clock: Callable[[], datetime],
        watch: Watch,
    ) -> None:
        """`clock` says when what is done beside the checks is done."""
        self._database = database
        self._keys = keys
        self._live = live
        self._spool = Spool(spool_folder, keys)
        self._clock = clock
        self._watch = watch
        self._tally = Tally()
        self._names: dict[UUID, str] = {}
        self._named_at = -1
        self._policy: ChosenPolicy | None = None
        #: The database did not answer: whoever comes now does not wait for it; `_tend` finds out when it is back.
        self._away = threading.Event()
        self._revised_seen: int | None = None
        self._stopping = threading.Event()
        self._problem: str | None = None
        self._thread = threading.Thread(target=self._tend_until_stopped, name="vangnet-gate", daemon=True)

    def start(self) -> None:
        """Reads the policy and begins. It is started once. Raises DatabaseUnavailable."""
        self._read_policy()
        self._thread.start()

    def stop(self) -> None:
        """Writes what was counted, and ends."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def policy(self) -> ChosenPolicy:
        """What holds now."""
        assert self._policy is not None  # noqa: S101 (read by `start`)
        return self._policy

    @property
    def spooled(self) -> int:
        """How many decisions wait on this disk for the database."""
        return self._spool.count()

    @property
    def away(self) -> bool:
        """Whether the database did not answer lately."""
        return self._away.is_set()

    @property
    def knows_names(self) -> bool:
        """Whether it knows the names of all lists that the index holds."""
        return self._named_at == self._live.sequence

    def name_of(self, list_id: UUID) -> str:
        """A list's name; of one that came a moment ago it is asked for at once."""
        if list_id not in self._names and not self._away.is_set():
            try:
                with self._database.transaction() as conn:
                    self._names = lists.names(conn, SYSTEM)
            except Unavailable as error:
                self._away.set()
                self.tell(error)
        return self._names.get(list_id, str(list_id))

    def count(self, answers: Sequence[CheckAnswer], *, door: Door, provider_key: str | None, now: datetime) -> None:
        """Counts answers that were given at the same time."""
        self._tally.add(answers, door=door, provider_key=provider_key, now=now)

    def find_earlier(self, check_id: UUID, *, name: bytes, bound: bytes, now: datetime) -> CheckAnswer | None:
        """The answer that was kept for this upload. Raises Conflict where its name was another file's."""
        if self._away.is_set():
            return None
        try:
            with self._database.transaction() as conn:
                decisions.require_same_bytes(conn, name_mac=name, bytes_mac=bound, now=now)
                kept = decisions.find_kept(conn, check_id)
        except Unavailable:
            # A match is kept under the same id again, so that it stays one.
            self._away.set()
            return None
        return None if kept is None else kept.answer

    def keep(self, kept: KeptDecision, *, now: datetime) -> bool:
        """Whether the decision is on disk now, here or there."""
        if not self._away.is_set():
            try:
                self._keep_in_database(kept, now=now)
            except Unavailable as error:
                self._away.set()
                self.tell(error)
            else:
                return True
        try:
            self._spool.write(kept)
        except Unavailable as error:
            log.error("match_not_kept", code=error.code, problem=str(error))
            return False
        return True

    def _keep_in_database(self, kept: KeptDecision, *, now: datetime) -> None:
        with self._database.transaction() as conn:
            decisions.keep(conn, _actor(kept.provider_key), kept, policy=self.policy.policy, keys=self._keys, now=now)

    # --- what is done beside ---

    def _tend_until_stopped(self) -> None:
        while not self._stopping.wait(_TEND_EVERY_S):
            self._tend()
        self._tend()

    def _tend(self) -> None:
        try:
            self._read_policy()
            self._away.clear()
            self._write_counts()
            self._watch.write(self._database, now=self._clock())
            self._take_in()
            self._tell_registry()
            self._mark_revised()
        except (AppError, psycopg.Error) as error:
            if isinstance(error, Unavailable):
                self._away.set()
            self.tell(error)
        else:
            if self._problem is not None:
                log.info("gate_works_again")
            self._problem = None

    def _read_policy(self) -> None:
        with self._database.transaction() as conn:
            known = -1 if self._policy is None else self._policy.version
            if policies.version(conn) != known:
                self._policy = policies.current(conn)
            sequence = self._live.sequence
            if self._named_at != sequence:
                self._names = lists.names(conn, SYSTEM)
                self._named_at = sequence

    def _write_counts(self) -> None:
        checks, listed = self._tally.take()
        if not checks:
            return
        try:
            with self._database.transaction() as conn:
                decisions.count(conn, checks, listed)
        except Unavailable:
            self._tally.put_back(checks, listed)
            raise

    def _take_in(self) -> None:
        """Brings what was spooled into the database."""
        for spooled in self._spool.waiting(now=self._clock()):
            if spooled.decision is None:
                log.error("spooled_decision_unreadable", file=spooled.path.name)
                self._spool.set_aside(spooled)
                continue
            kept = spooled.decision
            self._keep_in_database(kept, now=self._clock())
            self._spool.done(spooled)

    def _tell_registry(self) -> None:
        more = True
        while more:
            shadows = self._tally.take_shadows(decisions.SHADOWS_AT_ONCE)
            with self._database.transaction() as conn:
                now = self._clock()
                more = decisions.tell_registry(conn, SYSTEM, shadows=shadows, keys=self._keys, now=now) > 0

    def _mark_revised(self) -> None:
        with self._database.transaction() as conn:
            untold = matches.count_untold(conn, SYSTEM)
            if untold != self._revised_seen:
                decisions.mark_revised(conn, SYSTEM, now=self._clock())
        self._revised_seen = untold

    def tell(self, error: AppError | psycopg.Error) -> None:
        """Logs what hampers the gate, once a problem."""
        # A driver's message can quote a row; its type cannot.
        problem = error.code if isinstance(error, AppError) else type(error).__name__
        if problem != self._problem:
            log.warning("gate_hampered", problem=problem)
        self._problem = problem


def _actor(provider_key: str | None) -> Actor:
    if provider_key is None:
        return SYSTEM
    return Actor(kind=ActorKind.API_KEY, id=provider_key, permissions=SYSTEM.permissions)
