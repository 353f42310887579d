"""Whose programs may propose entries for a list. What a program proposes is nobody's word: it waits for people."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from vangnet.errors import Conflict
from vangnet.registry.model.entries import Entry, EntryState

#: What a program may take back: whatever people have not agreed on.
_WAITING = frozenset({EntryState.PROPOSED, EntryState.SUSPENDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposer:
    """A list that was chosen for the programs of a party."""

    list_id: UUID
    #: None for ourselves.
    party_id: UUID | None
    chosen_by: str
    chosen_at: datetime


def require_waiting(entry: Entry) -> None:
    """Raises Conflict where people agreed on an entry, so that no program takes it back."""
    if entry.state not in _WAITING:
        raise Conflict(problem=f"the entry is {entry.state}: a person takes it back, not a program")
