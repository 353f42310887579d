"""What checks came to, counted in memory until it is written: by the minute and the key, and list by list."""

import threading
from collections import Counter, deque
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from vangnet.gate.model import CheckAnswer, Counted, CountedMatch, Decision, Door, Outcome
from vangnet.hashing.model import Reason
from vangnet.registry.model.matches import NewMatch

#: Bounded: in a flood of them the registry needs no more to stop the entry.
_SHADOWS_MAX = 20_000

_CheckKey = tuple[datetime, str | None, Door, Outcome, Decision, Reason | None]
_ListKey = tuple[datetime, UUID, Decision, bool]


class Tally:
    """Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._checks: Counter[_CheckKey] = Counter()
        self._listed: Counter[_ListKey] = Counter()
        self._shadows: deque[NewMatch] = deque(maxlen=_SHADOWS_MAX)

    def add(self, answers: Sequence[CheckAnswer], *, door: Door, provider_key: str | None, now: datetime) -> None:
        """Counts answers that were given at the same time."""
        minute = now.replace(second=0, microsecond=0)
        alike = Counter((answer.outcome, answer.decision, answer.reason) for answer in answers)
        with self._lock:
            for (outcome, decision, reason), number in alike.items():
                self._checks[minute, provider_key, door, outcome, decision, reason] += number
            for answer in answers:
                if answer.matches:
                    self._add_matches(answer, minute, now)

    def take(self) -> tuple[list[Counted], list[CountedMatch]]:
        """What was counted since the last time."""
        with self._lock:
            checks, self._checks = self._checks, Counter()
            listed, self._listed = self._listed, Counter()
        return (
            [
                Counted(
                    minute=minute, provider_key=key, door=door, outcome=outcome, decision=decision, reason=reason,
                    checks=number,
                )
                for (minute, key, door, outcome, decision, reason), number in checks.items()
            ],
            [
                CountedMatch(minute=minute, list_id=list_id, decision=decision, shadow=shadow, matches=number)
                for (minute, list_id, decision, shadow), number in listed.items()
            ],
        )  # fmt: skip

    def put_back(self, checks: Sequence[Counted], listed: Sequence[CountedMatch]) -> None:
        """It could not be written: it counts the next time."""
        with self._lock:
            for one in checks:
                key = (one.minute, one.provider_key, one.door, one.outcome, one.decision, one.reason)
                self._checks[key] += one.checks
            for match in listed:
                self._listed[match.minute, match.list_id, match.decision, match.shadow] += match.matches

    def take_shadows(self, most: int) -> list[NewMatch]:
        """Matches that only counted, the oldest first."""
        with self._lock:
            return [self._shadows.popleft() for _ in range(min(len(self._shadows), most))]

    def _add_matches(self, answer: CheckAnswer, minute: datetime, now: datetime) -> None:
        for list_id, shadow in {(match.list_id, match.shadow) for match in answer.matches}:
            self._listed[minute, list_id, answer.decision, shadow] += 1
        if answer.outcome is not Outcome.MATCH:
            self._shadows.extend(
                NewMatch(entry_id=match.entry_id, reference=str(answer.check_id), distance=match.distance, at=now)
                for match in answer.matches
            )
