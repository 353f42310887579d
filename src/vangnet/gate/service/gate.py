"""The gate itself: one object a process, which every door asks.

It never raises for what a file is. What is missing on our side (the index, the sandbox, a place to keep a match, a free
turn) makes the answer `unavailable`, with the decision that the policy has for that. A match is on disk before its answer
leaves, and everything else is counted (`keeping`); a process that is killed loses the counts of a second.
"""

import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from itertools import repeat
from pathlib import Path
from typing import Self, TypeVar
from uuid import UUID

from vangnet.db import Database
from vangnet.errors import Unavailable
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
from vangnet.gate.probing import ProbeLimits
from vangnet.gate.service.keeping import SYSTEM, Keeper
from vangnet.gate.service.past_keeper import PastKeeper
from vangnet.gate.service.watch import Watch
from vangnet.hashing.hasher import Hasher
from vangnet.hashing.model import Digests, Reason
from vangnet.keys import Keys
from vangnet.registry.model.entries import HashAlgorithm
from vangnet.registry.service.live import LiveIndex

#: Checks at once by default, beyond which the answer is `unavailable` at once: better early than late.
AT_ONCE = 64

_Examined = TypeVar("_Examined", Examined, list[Examined])


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
        probing: ProbeLimits | None = None,
    ) -> None:
        """`clock` says when what is done beside the checks is done; a check is told its time."""
        self._live = live
        #: How long answers took, what they came to, and who is told less.
        self.watch = Watch(keys, probing)
        self._keeper = Keeper(
            database=database, keys=keys, live=live, spool_folder=spool_folder, clock=clock, watch=self.watch
        )
        #: What hashes uploads in its sandbox, for other pages that take a picture.
        self.hasher = hasher
        self._matcher = Matcher(live, hasher, self._keeper.name_of)
        self._name_mac = keys.mac("gate upload name")
        self._turns = threading.BoundedSemaphore(at_once)
        #: Accepted uploads, where they are kept.
        self.past = PastKeeper(
            database=database, keys=keys, live=live, matcher=self._matcher, policy=lambda: self._keeper.policy,
            actor=SYSTEM, clock=clock,
        )  # fmt: skip

    def start(self) -> None:
        """Reads the policy and begins. It is started once. Raises DatabaseUnavailable."""
        self._keeper.start()
        self.past.start()

    def stop(self) -> None:
        """Writes what was counted, and ends."""
        self.past.stop()
        self._keeper.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def spooled(self) -> int:
        """How many decisions wait on this disk for the database."""
        return self._keeper.spooled

    @property
    def database_away(self) -> bool:
        """Whether the database did not answer lately."""
        return self._keeper.away

    @property
    def policy_version(self) -> int:
        """Which policy it follows."""
        return self._keeper.policy.version

    @property
    def index_version(self) -> int:
        """How far the index follows the lists."""
        return self._live.sequence

    @property
    def knows_names(self) -> bool:
        """Whether it knows the names of all lists that the index holds."""
        return self._keeper.knows_names

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
        check_id: UUID | None = None,
        keep: bool = True,
        uploader: str | None = None,
    ) -> CheckAnswer:
        """The answer for the file `data`.

        `provider_key` is the id of the API key that asked, `object_id` the provider's own name for the upload. With an
        `idempotency_key`, the same file is kept once however often it is sent; Conflict is raised for another one. With a
        `check_id` of the caller's, so is every check that has it. Unless `keep`, a match is answered and leaves nothing.
        `uploader` is the provider's pseudonym for whoever uploaded it.
        """
        started = time.perf_counter()
        check_id = check_id or uuid.uuid4()
        if idempotency_key is not None:
            name = self._name_mac(f"{provider_key or door} {idempotency_key}".encode())
            bound = self._name_mac(name + sha256(data).digest())
            check_id = UUID(bytes=bound[:16], version=4)
            earlier = self._keeper.find_earlier(check_id, name=name, bound=bound, now=now)
            if earlier is not None:
                return self.watch.told(
                    earlier, door=door, provider_key=provider_key, uploader=uploader, started=started, now=now
                )
        examined = None
        with self._turn() as turn:
            if turn:
                # Only what may be kept needs more than screening.
                pictures = keep and object_id is not None and door is not Door.SCAN and self.past.keeps_pictures
                examined = self._examined(lambda: self._matcher.examine(data, pictures=pictures))
        answer = self._counted(
            check_id, examined, door=door, provider_key=provider_key, object_id=object_id, now=now, keep=keep
        )
        return self.watch.told(answer, door=door, provider_key=provider_key, uploader=uploader, started=started, now=now)

    def check_hashes(
        self, checks: Sequence[HashCheck], *, door: Door, provider_key: str | None, now: datetime
    ) -> list[CheckAnswer]:
        """One answer for each; `checks` are BATCH_MAX at most. Raises nothing for what they hold."""
        assert len(checks) <= BATCH_MAX  # noqa: S101 (doors refuse more)
        started = time.perf_counter()
        with self._turn() as turn:
            examined = None
            if turn:
                examined = self._examined(lambda: self._matcher.examine_many([check.hashes for check in checks]))
            return self._concluded(checks, examined, door=door, provider_key=provider_key, started=started, now=now)

    def check_unlisted(
        self, checks: Sequence[HashCheck], *, door: Door, provider_key: str | None, now: datetime
    ) -> list[CheckAnswer] | None:
        """The answers of `check_hashes` for a few digests that are on no list: nothing is waited for, no disk, no database
        and no turn. None, and nothing is counted, where something else is to be done: then `check_hashes` does it."""
        if any(given.algorithm == HashAlgorithm.PDQ for check in checks for given in check.hashes):
            return None  # Among many that are alike, looking one up can take milliseconds.
        started = time.perf_counter()
        try:
            examined = self._matcher.examine_unlisted([check.hashes for check in checks])
        except Unavailable:
            return None
        if examined is None:
            return None
        return self._concluded(checks, examined, door=door, provider_key=provider_key, started=started, now=now)

    def _concluded(
        self,
        checks: Sequence[HashCheck],
        examined: Sequence[Examined] | None,
        *,
        door: Door,
        provider_key: str | None,
        started: float,
        now: datetime,
    ) -> list[CheckAnswer]:
        answers = [
            self._conclude(check_id, one, door=door, provider_key=provider_key, object_id=check.object_id, now=now)
            for check, check_id, one in zip(checks, _new_ids(len(checks)), examined or repeat(None), strict=False)
        ]
        self._keeper.count(answers, door=door, provider_key=provider_key, now=now)
        return self.watch.answered(
            answers,
            door=door,
            provider_key=provider_key,
            uploaders=[check.uploader for check in checks],
            seconds=time.perf_counter() - started,
            now=now,
        )

    def check_unread(
        self,
        reason: Reason,
        *,
        digests: Digests | None,
        door: Door,
        provider_key: str | None,
        object_id: str | None,
        now: datetime,
        check_id: UUID | None = None,
        keep: bool = True,
        uploader: str | None = None,
    ) -> CheckAnswer:
        """The answer for a file that a door could not hand over whole: its digests, where they are known, are looked up."""
        started = time.perf_counter()
        examined = self._examined(lambda: self._matcher.examine_unread(reason, digests))
        check_id = check_id or uuid.uuid4()
        answer = self._counted(
            check_id, examined, door=door, provider_key=provider_key, object_id=object_id, now=now, keep=keep
        )
        return self.watch.told(answer, door=door, provider_key=provider_key, uploader=uploader, started=started, now=now)

    def unavailable(self, *, door: Door, provider_key: str | None, now: datetime) -> CheckAnswer:
        """The answer of a door that had to turn a file away before it was read whole."""
        started = time.perf_counter()
        answer = self._counted(uuid.uuid4(), None, door=door, provider_key=provider_key, object_id=None, now=now)
        return self.watch.told(answer, door=door, provider_key=provider_key, uploader=None, started=started, now=now)

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

    def _examined(self, examine: Callable[[], _Examined]) -> _Examined | None:
        try:
            return examine()
        except Unavailable as error:
            self._keeper.tell(error)
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
        keep: bool = True,
    ) -> CheckAnswer:
        answer = self._conclude(
            check_id, examined, door=door, provider_key=provider_key, object_id=object_id, now=now, keep=keep
        )
        if keep:
            self._keeper.count([answer], door=door, provider_key=provider_key, now=now)
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
        keep: bool = True,
    ) -> CheckAnswer:
        chosen = self._keeper.policy
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
        if keep and examined is not None and answer.outcome is Outcome.MATCH:
            kept = KeptDecision(
                answer=answer,
                door=door,
                provider_key=provider_key,
                object_id=object_id,
                at=now,
                digests=examined.digests,
                policy_version=chosen.version,
            )
            if not self._keeper.keep(kept, now=now):
                decision = strictest([answer.decision, chosen.policy.unavailable])
                answer = replace(answer, outcome=Outcome.UNAVAILABLE, decision=decision)
        elif keep and examined is not None and door is not Door.SCAN:  # What is stored can be scanned again.
            self.past.offer(answer, examined.digests, object_id=object_id, now=now, pictures=examined.pictures)
        return answer


def _new_ids(count: int) -> Iterator[UUID]:
    drawn = os.urandom(16 * count)
    return (UUID(bytes=drawn[place : place + 16], version=4) for place in range(0, len(drawn), 16))
