"""The gate itself: one object a process, which every door asks.

It never raises for what a file is. What is missing on our side (the index, the sandbox, a place to keep a match, a free
turn) makes the answer `unavailable`, with the decision that the policy has for that. A match is on disk before its answer
leaves: in the database, or in the spool while the database is away. Everything else is counted in memory and written every
second; a process that is killed loses the counts of that second.
"""

import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Self
from uuid import UUID

import psycopg
import structlog

from vangnet.audit.model import Actor, ActorKind
from vangnet.db import Database
from vangnet.errors import AppError, Unavailable
from vangnet.gate.matching import Examined, Matcher
from vangnet.gate.model import (
    BATCH_MAX,
    CheckAnswer,
    Door,
    HashCheck,
    KeptDecision,
    Outcome,
)
from vangnet.gate.policy import judge, strictest
from vangnet.gate.service import decisions, policies
from vangnet.gate.service.policies import ChosenPolicy
from vangnet.gate.spool import Spool
from vangnet.gate.tally import Tally
from vangnet.hashing.hasher import Hasher
from vangnet.hashing.model import Digests, Reason
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.registry.service import lists, matches
from vangnet.registry.service.live import LiveIndex

_TEND_EVERY_S = 1.0
#: Checks at once by default, beyond which the answer is `unavailable` at once: better early than late.
AT_ONCE = 64

log = structlog.get_logger(__name__)


class Gate:
    """Checks files and hashes. Any number of threads may call it, from `start` to `stop`."""

    def __init__(
        self,
        *,
        database: Database,
        keys: Keys,
        live: LiveIndex,
        hasher: Hasher,
        spool_folder: Path,
        clock: Callable[[], datetime],
        at_once: int = AT_ONCE,
    ) -> None:
        """`clock` says when what is done beside the checks is done; a check is told its time."""
        self._database = database
        self._keys = keys
        self._live = live
        self._spool = Spool(spool_folder, keys)
        self._clock = clock
        self._names: dict[UUID, str] = {}
        self._named_at = -1
        #: What hashes uploads in its sandbox, for other pages that take a picture.
        self.hasher = hasher
        self._matcher = Matcher(live, hasher, self._name_of)
        self._name_mac = keys.mac("gate upload name")
        self._turns = threading.BoundedSemaphore(at_once)
        self._policy: ChosenPolicy | None = None
        #: The database did not answer: whoever comes now does not wait for it; `_tend` finds out when it is back.
        self._away = threading.Event()
        self._tally = Tally()
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

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def spooled(self) -> int:
        """How many decisions wait on this disk for the database."""
        return self._spool.count()

    @property
    def database_away(self) -> bool:
        """Whether the database did not answer lately."""
        return self._away.is_set()

    @property
    def policy_version(self) -> int:
        """Which policy it follows."""
        return 0 if self._policy is None else self._policy.version

    @property
    def knows_names(self) -> bool:
        """Whether it knows the names of all lists that the index holds."""
        return self._named_at == self._live.sequence

    # --- checking ---

    def check(
        self,
        data: bytes,
        *,
        door: Door,
        provider_key: str | None,
        object_id: str | None,
        now: datetime,
        idempotency_key: str | None = None,
    ) -> CheckAnswer:
        """The answer for the file `data`.

        `provider_key` is the id of the API key that asked, `object_id` the provider's own name for the upload. With an
        `idempotency_key`, the same file is kept once however often it is sent; Conflict is raised for another one.
        """
        check_id = uuid.uuid4()
        if idempotency_key is not None:
            name = self._name_mac(f"{provider_key or door} {idempotency_key}".encode())
            bound = self._name_mac(name + sha256(data).digest())
            check_id = UUID(bytes=bound[:16], version=4)
            earlier = self._earlier(check_id, name=name, bound=bound, now=now)
            if earlier is not None:
                return earlier
        examined = None
        with self._turn() as turn:
            if turn:
                examined = self._examined(lambda: self._matcher.examine(data))
        return self._counted(check_id, examined, door=door, provider_key=provider_key, object_id=object_id, now=now)

    def check_hashes(
        self, checks: Sequence[HashCheck], *, door: Door, provider_key: str | None, now: datetime
    ) -> list[CheckAnswer]:
        """One answer for each; `checks` are BATCH_MAX at most. Raises nothing for what they hold."""
        assert len(checks) <= BATCH_MAX  # noqa: S101 (doors refuse more)
        answers = []
        with self._turn() as turn:
            for check in checks:
                examined = None
                if turn:
                    examined = self._examined(partial(self._matcher.examine_hashes, check.hashes))
                answers.append(
                    self._conclude(
                        uuid.uuid4(), examined, door=door, provider_key=provider_key, object_id=check.object_id, now=now
                    )
                )
        self._tally.add(answers, door=door, provider_key=provider_key, now=now)
        return answers

    def check_unread(
        self,
        reason: Reason,
        *,
        digests: Digests | None,
        door: Door,
        provider_key: str | None,
        object_id: str | None,
        now: datetime,
    ) -> CheckAnswer:
        """The answer for a file that a door could not hand over whole: its digests, where they are known, are looked up."""
        examined = self._examined(lambda: self._matcher.examine_unread(reason, digests))
        return self._counted(uuid.uuid4(), examined, door=door, provider_key=provider_key, object_id=object_id, now=now)

    def unavailable(self, *, door: Door, provider_key: str | None, now: datetime) -> CheckAnswer:
        """The answer of a door that had to turn a file away before it was read whole."""
        return self._counted(uuid.uuid4(), None, door=door, provider_key=provider_key, object_id=None, now=now)

    @contextmanager
    def _turn(self) -> Iterator[bool]:
        """Whether there is room for another check."""
        if not self._turns.acquire(blocking=False):
            yield False
            return
        try:
            yield True
        finally:
            self._turns.release()

    def _earlier(self, check_id: UUID, *, name: bytes, bound: bytes, now: datetime) -> CheckAnswer | None:
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

    def _examined(self, examine: Callable[[], Examined]) -> Examined | None:
        try:
            return examine()
        except Unavailable as error:
            self._tell(error)
            return None

    def _counted(
        self,
        check_id: UUID,
        examined: Examined | None,
        *,
        door: Door,
        provider_key: str | None,
        object_id: str | None,
        now: datetime,
    ) -> CheckAnswer:
        answer = self._conclude(check_id, examined, door=door, provider_key=provider_key, object_id=object_id, now=now)
        self._tally.add([answer], door=door, provider_key=provider_key, now=now)
        return answer

    def _conclude(
        self,
        check_id: UUID,
        examined: Examined | None,
        *,
        door: Door,
        provider_key: str | None,
        object_id: str | None,
        now: datetime,
    ) -> CheckAnswer:
        chosen = self._policy
        assert chosen is not None  # noqa: S101 (read by `start`)
        found, reason = ((), None) if examined is None else (examined.found, examined.reason)
        judged = judge(chosen.policy, found, reason=reason, complete=examined is not None)
        answer = CheckAnswer(
            check_id=check_id,
            outcome=judged.outcome,
            decision=judged.decision,
            matches=judged.matches,
            checked=() if examined is None else examined.checked,
            index_version=self._live.sequence,
            reason=reason,
        )
        if examined is not None and answer.outcome is Outcome.MATCH:
            kept = KeptDecision(
                answer=answer,
                door=door,
                provider_key=provider_key,
                object_id=object_id,
                at=now,
                digests=examined.digests,
                policy_version=chosen.version,
            )
            if not self._keep(kept, chosen, now=now):
                decision = strictest([answer.decision, chosen.policy.unavailable])
                answer = replace(answer, outcome=Outcome.UNAVAILABLE, decision=decision)
        return answer

    # --- keeping ---

    def _keep(self, kept: KeptDecision, chosen: ChosenPolicy, *, now: datetime) -> bool:
        """Whether the decision is on disk now, here or there."""
        if not self._away.is_set():
            try:
                self._keep_in_database(kept, chosen, now=now)
            except Unavailable as error:
                self._away.set()
                self._tell(error)
            else:
                return True
        try:
            self._spool.write(kept)
        except Unavailable as error:
            log.error("match_not_kept", code=error.code, problem=str(error))
            return False
        return True

    def _keep_in_database(self, kept: KeptDecision, chosen: ChosenPolicy, *, now: datetime) -> None:
        with self._database.transaction() as conn:
            decisions.keep(conn, _actor(kept.provider_key), kept, policy=chosen.policy, keys=self._keys, now=now)

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
            self._take_in()
            self._tell_registry()
            self._mark_revised()
        except (AppError, psycopg.Error) as error:
            if isinstance(error, Unavailable):
                self._away.set()
            self._tell(error)
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
                self._names = lists.names(conn, _SYSTEM)
                self._named_at = sequence

    def _name_of(self, list_id: UUID) -> str:
        """A list's name; of one that came a moment ago it is asked for at once."""
        if list_id not in self._names and not self._away.is_set():
            try:
                with self._database.transaction() as conn:
                    self._names = lists.names(conn, _SYSTEM)
            except Unavailable as error:
                self._away.set()
                self._tell(error)
        return self._names.get(list_id, str(list_id))

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
        chosen = self._policy
        assert chosen is not None  # noqa: S101 (read by `start`)
        for spooled in self._spool.waiting():
            if spooled.decision is None:
                log.error("spooled_decision_unreadable", file=spooled.path.name)
                self._spool.set_aside(spooled)
                continue
            kept = spooled.decision
            self._keep_in_database(kept, chosen, now=self._clock())
            self._spool.done(spooled)

    def _tell_registry(self) -> None:
        more = True
        while more:
            shadows = self._tally.take_shadows(decisions.SHADOWS_AT_ONCE)
            with self._database.transaction() as conn:
                now = self._clock()
                more = decisions.tell_registry(conn, _SYSTEM, shadows=shadows, keys=self._keys, now=now) > 0

    def _mark_revised(self) -> None:
        with self._database.transaction() as conn:
            untold = matches.count_untold(conn, _SYSTEM)
            if untold != self._revised_seen:
                decisions.mark_revised(conn, _SYSTEM, now=self._clock())
        self._revised_seen = untold

    def _tell(self, error: AppError | psycopg.Error) -> None:
        # A driver's message can quote a row; its type cannot. Once a problem, not once a check.
        problem = error.code if isinstance(error, AppError) else type(error).__name__
        if problem != self._problem:
            log.warning("gate_hampered", problem=problem)
        self._problem = problem


_SYSTEM = Actor(
    kind=ActorKind.SYSTEM,
    id="gate",
    permissions=frozenset({Permission.GATE_CHECK, Permission.REGISTRY_MATCH, Permission.REGISTRY_READ}),
)


def _actor(provider_key: str | None) -> Actor:
    if provider_key is None:
        return _SYSTEM
    return Actor(kind=ActorKind.API_KEY, id=provider_key, permissions=_SYSTEM.permissions)
