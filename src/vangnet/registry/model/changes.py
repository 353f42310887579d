"""What happens to lists and entries, as the stream of changes has it.

An addition is the entry itself, under its own number. Everything else is a change, numbered from the same counter.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID


class ChangeKind(StrEnum):
    LIST_ADDED = "list_added"  #: A list came; `value` is its name. It begins in quarantine.
    LIST_RENAMED = "list_renamed"  #: `value` is its new name.
    LIST_STATE = "list_state"  #: `value` is the list's state from now on.
    CATEGORY_ADDED = "category_added"  #: A supplier's category was seen first; the row `category_id` has its words.
    CATEGORY_MAPPED = "category_mapped"  #: `value` is its classification from now on; None for none.
    ENTRY_STATE = "entry_state"  #: `value` is the entry's state from now on.


@dataclass(frozen=True, slots=True, kw_only=True)
class NewChange:
    """A change that has no number yet."""

    kind: ChangeKind
    list_id: UUID
    entry_id: int | None = None
    category_id: int | None = None
    value: str | None = None
    reason: str | None = field(default=None, repr=False)


class NewEntry(NamedTuple):
    """An entry that has no number yet. A NamedTuple, because imports make millions of them.

    `packed` are its hashes in clear: for the chain, and never kept. `key_mac` has 16 bytes. Who added it is told by one of
    `batch_id` and `added_by`.
    """

    list_id: UUID
    category_id: int
    media_kind: str
    state: str
    key_mac: bytes
    packed: bytes
    sealed: bytes
    reference: str | None = None
    note: str | None = None
    batch_id: int | None = None
    added_by: str | None = None
    origin_id: int | None = None
    replaces: int | None = None

    def __repr__(self) -> str:
        return f"NewEntry(list_id={self.list_id}, category_id={self.category_id}, state={self.state})"
