"""Beside every check: how long it took, what it came to, and whether whoever asks tries the lists out.

One object a gate. It keeps its counts in memory, adds them to the database's with what the gate writes every second, and
follows there who is limited, whichever process found that out.
"""

import threading
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from vangnet.db import Database
from vangnet.errors import Unavailable
from vangnet.gate.measures import class_of
from vangnet.gate.model import CheckAnswer, Decision, Door, Outcome
from vangnet.gate.probing import Asker, ProbeLimits, Probing, asker_of, withheld
from vangnet.gate.store import measures as store
from vangnet.gate.store import probes as probe_store
from vangnet.hashing.model import Reason
from vangnet.keys import Keys

_PURPOSE = "gate uploader"
#: What the provider goes through itself.
_OWN = frozenset({Door.SCAN, Door.PAST})


class Watch:
    """What is seen of the checks of one process. Safe to share between threads."""

    def __init__(self, keys: Keys, limits: ProbeLimits | None = None) -> None:
        self._limits = limits or ProbeLimits()
        self._probing = Probing(self._limits)
        self._mac = keys.mac(_PURPOSE)
        self._lock = threading.Lock()
        self._latencies: Counter[tuple[datetime, Door, int]] = Counter()
        #: Checks of which the rule was not told yet.
        self._asked: Counter[Asker] = Counter()
        #: Since the start, for Prometheus.
        self.checks: Counter[tuple[Door, Outcome, Decision]] = Counter()
        self.reasons: Counter[Reason] = Counter()
        self.matches: Counter[tuple[UUID, bool]] = Counter()
        self.latencies: Counter[tuple[Door, int]] = Counter()
        self.seconds: defaultdict[Door, float] = defaultdict(float)
        self.alarms = 0

    def answered(
        self,
        answers: Sequence[CheckAnswer],
        *,
        door: Door,
        provider_key: str | None,
        uploaders: Sequence[str | None],
        seconds: float,
        now: datetime,
    ) -> list[CheckAnswer]:
        """What is told of these answers, which took so long together; whoever is limited is told less, nobody otherwise."""
        asker = asker_of(provider_key, door)
        self._count(answers, asker, door, seconds, now)
        # Whoever has a shell on the machine needs no trying out.
        if door in _OWN or not any(answer.matches for answer in answers):
            return list(answers)
        self._tell_checks(now)
        self._probing.note(answers, asker=asker, now=now)
        limited = self._probing.is_limited(asker, now=now)
        told = []
        for answer, uploader in zip(answers, uploaders, strict=True):
            less = limited
            if answer.matches and uploader is not None:
                own = self._uploader(asker, uploader, now)
                self._probing.note_checks(1, asker=own, now=now)
                self._probing.note([answer], asker=own, now=now)
                less = limited or self._probing.is_limited(own, now=now)
            told.append(withheld(answer) if less and answer.matches else answer)
        return told

    def told(
        self,
        answer: CheckAnswer,
        *,
        door: Door,
        provider_key: str | None,
        uploader: str | None,
        started: float,
        now: datetime,
    ) -> CheckAnswer:
        """The same for one answer, to a question that came at `started` (`time.perf_counter`)."""
        seconds = time.perf_counter() - started
        (told,) = self.answered(
            [answer], door=door, provider_key=provider_key, uploaders=[uploader], seconds=seconds, now=now
        )
        return told

    def refused_for_s(self, *, provider_key: str | None, door: Door, uploader: str | None, now: datetime) -> int:
        """For how many seconds more this uploader is not answered; 0 where there is no such limit."""
        if uploader is None:
            return 0
        return self._probing.refused_for_s(self._uploader(asker_of(provider_key, door), uploader, now), now=now)

    def write(self, database: Database, *, now: datetime) -> None:
        """Adds what was counted to the database, and follows who is limited. Raises DatabaseUnavailable, StorageFull."""
        with self._lock:
            latencies, self._latencies = self._latencies, Counter()
        self._tell_checks(now)
        alarms = self._probing.take_alarms()
        try:
            with database.transaction() as conn:
                store.add_latencies(conn, [(*key, answers) for key, answers in latencies.items()])
                for alarm in alarms:
                    probe_store.keep_alarm(conn, alarm, id_=uuid.uuid4(), limited_until=alarm.at + self._limits.lasts)
                limited = probe_store.limited(conn, now=now)
        except Unavailable:
            with self._lock:
                self._latencies += latencies
            self._probing.put_back(alarms)
            raise
        self.alarms += len(alarms)
        self._probing.follow(limited)

    def _tell_checks(self, now: datetime) -> None:
        """Tells the rule how many checks there were: not at every one, but before it judges."""
        with self._lock:
            checks, self._asked = self._asked, Counter()
        for asker, number in checks.items():
            self._probing.note_checks(number, asker=asker, now=now)

    def _count(self, answers: Sequence[CheckAnswer], asker: Asker, door: Door, seconds: float, now: datetime) -> None:
        alike: Mapping[tuple[Outcome, Decision, Reason | None], int]
        if len(answers) == 1:
            (answer,) = answers
            alike = {(answer.outcome, answer.decision, answer.reason): 1}
        else:
            alike = Counter((answer.outcome, answer.decision, answer.reason) for answer in answers)
        up_to = class_of(seconds)
        with self._lock:
            if door not in _OWN:
                self._asked[asker] += len(answers)
            self._latencies[now.replace(second=0, microsecond=0), door, up_to] += 1
            self.latencies[door, up_to] += 1
            self.seconds[door] += seconds
            for (outcome, decision, reason), number in alike.items():
                self.checks[door, outcome, decision] += number
                if outcome is Outcome.UNHASHABLE and reason is not None:
                    self.reasons[reason] += number
            for answer in answers:
                for listed in {(match.list_id, match.shadow) for match in answer.matches} if answer.matches else ():
                    self.matches[listed] += 1

    def _uploader(self, asker: Asker, uploader: str, now: datetime) -> Asker:
        # Bound to the key and the day: it says nothing to anybody else, and nothing tomorrow.
        return Asker(key=asker.key, uploader=self._mac(f"{now.date()} {asker.key} {uploader}".encode()))
