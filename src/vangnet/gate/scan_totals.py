"""What a scan comes to in the end: counts by outcome, reason, classification and entry."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from vangnet.gate.model import Decision, Outcome
from vangnet.gate.scan import Scanned, Unread
from vangnet.hashing.model import Reason

#: An entry that matches many files is worth a look before they are: it is right, or a mistake that is about to do harm.
_ENTRIES_SHOWN = 10


@dataclass(kw_only=True)
class Totals:
    """Counts of what a scan went through so far."""

    answers: Counter[tuple[Outcome, Decision, Reason | None]] = field(default_factory=Counter)
    unread: Counter[Unread] = field(default_factory=Counter)
    #: Files that match an entry of this classification; those in the shadow of all their lists apart.
    classifications: Counter[str] = field(default_factory=Counter)
    shadows: int = 0
    #: Files that match an entry, by list and entry.
    entries: Counter[tuple[str, int]] = field(default_factory=Counter)
    taken_over: int = 0
    bytes: int = 0
    #: Whether somebody has to look at anything.
    to_be_seen: int = 0

    @property
    def files(self) -> int:
        """How many files were checked, by whichever run."""
        return self.answers.total()

    @property
    def unavailable(self) -> int:
        """Files that the gate could not check: a scan that goes on looks at them again."""
        return sum(count for (outcome, _, _), count in self.answers.items() if outcome is Outcome.UNAVAILABLE)

    def add(self, scanned: Scanned) -> None:
        """Counts one more."""
        self.taken_over += scanned.taken_over
        self.to_be_seen += scanned.is_to_be_seen
        if scanned.stamp is not None:
            self.bytes += scanned.stamp.size
        if scanned.unread is not None:
            self.unread[scanned.unread] += 1
        answer = scanned.answer
        if answer is None:
            return
        self.answers[answer.outcome, answer.decision, answer.reason] += 1
        for classification in {match.classification for match in answer.matches if not match.shadow}:
            self.classifications[classification] += 1
        self.shadows += bool(answer.matches) and all(match.shadow for match in answer.matches)
        for entry in {(match.list_name, match.entry_id) for match in answer.matches}:
            self.entries[entry] += 1

    def outcomes(self) -> list[dict[str, object]]:
        """How many files came to what, the most frequent first."""
        return [
            {"outcome": outcome, "decision": decision, "reason": reason, "files": count}
            for (outcome, decision, reason), count in self.answers.most_common()
        ]

    def summary(self, *, folders: Sequence[str], runs: Sequence[dict[str, object]], now: datetime) -> dict[str, object]:
        """The last line of the report."""
        return {
            "folders": list(folders),
            "runs": list(runs),
            "ended_at": now.isoformat(),
            "files": self.files,
            "bytes": self.bytes,
            "taken_over": self.taken_over,
            "to_be_seen": self.to_be_seen,
            "outcomes": self.outcomes(),
            "unread": dict(self.unread),
            "classifications": dict(self.classifications),
            "only_counted": self.shadows,
            "entries": [
                {"list": name, "entry_id": entry_id, "files": count}
                for (name, entry_id), count in self.entries.most_common(_ENTRIES_SHOWN)
            ],
        }
