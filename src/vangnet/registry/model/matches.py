"""Decisions that rested on an entry, and batches that were read: what is kept of them."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMatch:
    """A decision that rests on an entry, as whoever made it tells. `reference` is its name there."""

    entry_id: int
    reference: str = field(repr=False)
    distance: int
    at: datetime
    #: Whether it tells how often the entry turns up. A scan finds in an hour what was uploaded in years, which is no flood.
    counts: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisedMatch:
    """A decision that no longer stands, because its entry does not."""

    id: UUID
    list_id: UUID
    entry_id: int
    reference: str = field(repr=False)
    at: datetime
    #: The change by which the entry ceased to stand.
    revised_seq: int
    revised_at: datetime
    revised_reason: str | None
    told_at: datetime | None


class BatchState(StrEnum):
    RUNNING = "running"  #: Being read, or broken off and to be read on.
    DONE = "done"  #: Read to its end.
    ABANDONED = "abandoned"  #: A person decided that it is not read on.


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A source that was read into a list."""

    id: int
    list_id: UUID
    party_id: UUID | None
    format: str
    source_digest: bytes = field(repr=False)
    position: int
    checkpoint: str | None = field(repr=False)
    taken: int
    duplicates: int
    skipped: int
    collided: int
    withdrawn: int
    state: BatchState
    started_by: str
    started_at: datetime
    seen_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchProblem:
    """A row that was not taken, and why: words of ours, never a value."""

    position: int
    field: str
    problem: str


class Against(StrEnum):
    KNOWN_GOOD = "known_good"  #: It is near a harmless picture that is found everywhere.
    FLOOD = "flood"  #: It suddenly matched far more than such entries do.


class Resolution(StrEnum):
    WITHDRAWN = "withdrawn"  #: The entry was withdrawn.
    KEPT = "kept"  #: Somebody looked, and the entry is right.


@dataclass(frozen=True, slots=True, kw_only=True)
class Collision:
    """An entry that a safeguard stopped, until a person decides."""

    id: int
    list_id: UUID
    entry_id: int
    against: Against
    known_good_id: int | None
    #: Which of its hashes, and how far away.
    algorithm: str | None
    distance: int | None
    found_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None
    resolution: Resolution | None
