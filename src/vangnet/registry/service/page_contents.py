"""What a page of another installation's stream says, held to the limits of ours. Pure but for its refusals."""

from collections.abc import Iterator
from typing import NoReturn

from vangnet.errors import FeedRefused, InvalidInput
from vangnet.registry.model.entries import Category, EntryDraft, MediaKind, require_sound
from vangnet.registry.model.feed import Addition, AnyChange, Commit, Shown, read_line
from vangnet.registry.model.packing import ENTRY_MAX, unpack
from vangnet.registry.model.pages import Fault


def told(commit: Commit) -> Iterator[tuple[Shown, AnyChange]]:
    """The changes of a commit in order, each with its group. Raises FeedRefused."""
    found: list[tuple[Shown, AnyChange]] = []
    for group in commit.groups:
        if isinstance(group, Shown):
            try:
                found += [(group, read_line(line, group.list_id)) for line in group.lines]
            except ValueError as error:
                refuse(Fault.MALFORMED, f"between {commit.first} and {commit.last} there is {error}")
    found.sort(key=lambda one: one[1].seq)
    numbers = [change.seq for _, change in found]
    if numbers and (numbers[0] < commit.first or numbers[-1] > commit.last or len(set(numbers)) < len(numbers)):
        refuse(Fault.GAP, f"a commit of {commit.first} to {commit.last} holds changes with other numbers")
    if len(numbers) < commit.last - commit.first + 1 and all(isinstance(group, Shown) for group in commit.groups):
        refuse(Fault.GAP, f"a commit of {commit.first} to {commit.last} lacks some of its changes")
    yield from found


def draft_of(added: Addition) -> EntryDraft:
    """An addition as a draft, so that it is held to the same limits. Raises FeedRefused."""
    try:
        if not 0 < added.seq <= ENTRY_MAX:
            raise ValueError("a number that entries cannot have")
        draft = EntryDraft(
            media_kind=MediaKind(added.media),
            hashes=unpack(added.packed),
            category=Category(scheme="-", name="-"),
            reference=added.reference,
            note=added.note,
        )
        require_sound(draft)
    except (ValueError, InvalidInput):
        refuse(Fault.MALFORMED, f"entry {added.seq} cannot be one")
    return draft


def refuse(fault: Fault, problem: str) -> NoReturn:
    """Raises FeedRefused."""
    raise FeedRefused(fault=fault, problem=problem)
