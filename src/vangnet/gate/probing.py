"""Whether somebody tries the lists out through the gate: the rule, and what it needs to remember. Pure, but for its memory.

Who may ask as often as they like finds out what is listed: by sending many files of which unusually many match, or by
changing one listed picture until it passes. Whoever does so is told no more than what to do with the upload: which list,
and not which entry or how near. The checks themselves stay as they are, and so does every decision.

The memory is that of one process. What it raises an alarm about is limited in all of them, by way of the database.
"""

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from vangnet.gate.model import CheckAnswer, CheckMatch, Door, MatchKind, Outcome
from vangnet.gate.policy import kind_of

#: Askers that are remembered; beyond, those who asked longest ago are forgotten.
_ASKERS_MAX = 20_000
#: Matches of one asker that are remembered one by one.
_SEEN_MAX = 1000
#: Decisions that an alarm names.
NAMED_MAX = 50


class Sign(StrEnum):
    """What gave somebody away."""

    MATCHES = "matches"  #: Unusually many of what was sent is listed.
    VARIANTS = "variants"  #: One entry was matched by many pictures that differ.


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Whose checks are looked at together: a key's or a door's, or those of one uploader behind it."""

    #: The id of the API key, or the name of a door without log-in.
    key: str
    #: A code for the uploader's pseudonym, which cannot be turned back.
    uploader: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeLimits:
    """From when on it is unusual. A key has many uploaders behind it, so more is usual of it."""

    window: timedelta = timedelta(hours=1)
    #: So many matches of one key in the window …
    key_matches: int = 200
    #: … that are also this share of what it had checked.
    key_share: float = 0.05
    key_variants: int = 60
    uploader_matches: int = 20
    uploader_variants: int = 5
    #: How long a limit lasts after what gave rise to it last.
    lasts: timedelta = timedelta(hours=1)
    #: An uploader who is limited is answered 429, and not checked.
    refuses_uploaders: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Somebody probes, it seems."""

    asker: Asker
    sign: Sign
    at: datetime
    #: In the window, up to then.
    matches: int
    checks: int
    #: The last matches that gave rise to it.
    decisions: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class _Seen:
    """A match of the window."""

    at: datetime
    check_id: UUID
    #: Which look-alikes it was: entry, distance and view.
    alike: tuple[tuple[int, int, str], ...]


@dataclass(slots=True)
class _Minute:
    checks: int = 0
    matches: int = 0


@dataclass(slots=True)
class _Memory:
    """What is remembered of one asker."""

    #: The last matches; more are only counted.
    seen: deque[_Seen] = field(default_factory=lambda: deque(maxlen=_SEEN_MAX))
    #: The oldest first.
    minutes: OrderedDict[datetime, _Minute] = field(default_factory=OrderedDict)

    def forget(self, *, before: datetime) -> None:
        """Forgets what was earlier."""
        while self.seen and self.seen[0].at < before:
            self.seen.popleft()
        while self.minutes and next(iter(self.minutes)) < before - timedelta(minutes=1):
            self.minutes.popitem(last=False)

    @property
    def checks(self) -> int:
        """How many checks are remembered."""
        return sum(minute.checks for minute in self.minutes.values())

    @property
    def matches(self) -> int:
        """How many matches."""
        return sum(minute.matches for minute in self.minutes.values())

    @property
    def variants(self) -> int:
        """As how many different look-alikes the entry was found that was found as most."""
        different = {alike for seen in self.seen for alike in seen.alike}
        return max(Counter(entry for entry, _, _ in different).values(), default=0)


def sign_of(limits: ProbeLimits, *, of_uploader: bool, matches: int, checks: int, variants: int) -> Sign | None:
    """Whether these numbers of a window are unusual, and by what. `variants`: different look-alikes of one entry."""
    if variants >= (limits.uploader_variants if of_uploader else limits.key_variants):
        return Sign.VARIANTS
    if of_uploader:
        return Sign.MATCHES if matches >= limits.uploader_matches else None
    return Sign.MATCHES if matches >= limits.key_matches and matches >= limits.key_share * checks else None


def withheld(answer: CheckAnswer) -> CheckAnswer:
    """The answer with nothing in it but what to do, and each list that matched, once."""
    told: dict[tuple[UUID, bool], CheckMatch] = {}
    for match in answer.matches:
        blank = replace(match, entry_id=0, distance=0, view="", classification="")
        told.setdefault((match.list_id, match.shadow), blank)
    return replace(answer, matches=tuple(told.values()), withheld=True)


class Probing:
    """Remembers who asked what, and who is limited. Safe to share between threads."""

    def __init__(self, limits: ProbeLimits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._memory: OrderedDict[Asker, _Memory] = OrderedDict()
        self._limited: dict[Asker, datetime] = {}
        self._alarms: list[Alarm] = []

    def note_checks(self, number: int, *, asker: Asker, now: datetime) -> None:
        """Remembers how much it had checked, whatever came of it."""
        with self._lock:
            self._minute(asker, now).checks += number

    def note(self, answers: Sequence[CheckAnswer], *, asker: Asker, now: datetime) -> None:
        """Remembers what matched, and raises an alarm where that is too much."""
        matched = [answer for answer in answers if answer.outcome is Outcome.MATCH]
        if not matched:
            return
        with self._lock:
            minute, memory = self._minute(asker, now), self._memory[asker]
            known = {seen.check_id for seen in memory.seen}
            new = [_as_seen(answer, now) for answer in matched if answer.check_id not in known]
            minute.matches += len(new)
            if new:
                memory.seen += new
                self._judge(asker, memory, now)

    def is_limited(self, asker: Asker, *, now: datetime) -> bool:
        """Whether it is told less than others."""
        until = self._limited.get(asker)
        return until is not None and until > now

    def refused_for_s(self, asker: Asker, *, now: datetime) -> int:
        """For how many seconds more it is not answered at all; 0 where it is."""
        until = self._limited.get(asker)
        if until is None or until <= now or asker.uploader is None or not self._limits.refuses_uploaders:
            return 0
        return int((until - now).total_seconds()) + 1

    def take_alarms(self) -> list[Alarm]:
        """What was raised since the last time."""
        with self._lock:
            alarms, self._alarms = self._alarms, []
        return alarms

    def put_back(self, alarms: Iterable[Alarm]) -> None:
        """They could not be written: they are raised again."""
        with self._lock:
            self._alarms = [*alarms, *self._alarms]

    def follow(self, limited: Mapping[Asker, datetime]) -> None:
        """Who is limited until when, in all processes. Whoever was and is no more begins anew."""
        with self._lock:
            for asker in self._limited.keys() - limited.keys():
                if not any(alarm.asker == asker for alarm in self._alarms):
                    self._memory.pop(asker, None)
            raised = {alarm.asker: alarm.at + self._limits.lasts for alarm in self._alarms}
            self._limited = {**limited, **raised}

    def _minute(self, asker: Asker, now: datetime) -> _Minute:
        memory = self._memory.setdefault(asker, _Memory())
        self._memory.move_to_end(asker)
        if len(self._memory) > _ASKERS_MAX:
            self._memory.popitem(last=False)
        at = now.replace(second=0, microsecond=0)
        if at not in memory.minutes:
            memory.minutes[at] = _Minute()
            memory.forget(before=now - self._limits.window)
        return memory.minutes[at]

    def _judge(self, asker: Asker, memory: _Memory, now: datetime) -> None:
        sign = sign_of(
            self._limits,
            of_uploader=asker.uploader is not None,
            matches=memory.matches,
            checks=memory.checks,
            variants=memory.variants,
        )
        # Once a minute is enough for an alarm that goes on.
        until = self._limited.get(asker)
        if sign is None or (until is not None and until > now + self._limits.lasts - timedelta(minutes=1)):
            return
        self._limited = {**self._limited, asker: now + self._limits.lasts}
        self._alarms.append(
            Alarm(
                asker=asker,
                sign=sign,
                at=now,
                matches=memory.matches,
                checks=memory.checks,
                decisions=tuple(seen.check_id for seen in list(memory.seen)[-NAMED_MAX:]),
            )
        )


def asker_of(provider_key: str | None, door: Door, uploader: bytes | None = None) -> Asker:
    """Who asks: a key, or a door that knows no log-in; or an uploader behind it."""
    return Asker(key=provider_key or door.value, uploader=uploader)


def _as_seen(answer: CheckAnswer, now: datetime) -> _Seen:
    alike = tuple(
        (match.entry_id, match.distance, match.view)
        for match in answer.matches
        if not match.shadow and match.distance and kind_of(match.algorithm) is MatchKind.PERCEPTUAL
    )
    return _Seen(now, answer.check_id, alike)
