"""A hash list, whether it counts, and who had a say in that.

A list that nobody activated decides nothing: it begins in quarantine. Two people activate; one suspends.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from vangnet.errors import Conflict, InvalidTransition
from vangnet.registry.model.classification import DEFAULT_CHOICE, Classification
from vangnet.registry.model.entries import EntryState

#: How many different people activate or export a list.
PEOPLE_NEEDED = 2
#: An approval that nobody joined by then does not count any more.
APPROVAL_LASTS = timedelta(hours=72)
QUORUM_MAX = 9


class ListState(StrEnum):
    QUARANTINED = "quarantined"  #: Stored; matches nothing.
    TRIAL = "trial"  #: Matches and is counted; decides nothing.
    ACTIVE = "active"  #: Decides, as far as its entries and their classification do.
    SUSPENDED = "suspended"  #: Stopped by somebody; matches nothing.


TRANSITIONS: Mapping[ListState, frozenset[ListState]] = {
    ListState.QUARANTINED: frozenset({ListState.TRIAL, ListState.ACTIVE, ListState.SUSPENDED}),
    ListState.TRIAL: frozenset({ListState.ACTIVE, ListState.QUARANTINED, ListState.SUSPENDED}),
    ListState.ACTIVE: frozenset({ListState.TRIAL, ListState.QUARANTINED, ListState.SUSPENDED}),
    ListState.SUSPENDED: frozenset({ListState.TRIAL, ListState.ACTIVE}),
}


def step(current: ListState, requested: ListState) -> ListState:
    """`requested`, where a list may go from `current`. Raises InvalidTransition."""
    if requested not in TRANSITIONS[current]:
        raise InvalidTransition(record="list", current=current, requested=requested)
    return requested


class QuorumOf(StrEnum):
    PEOPLE = "people"  #: Different people, wherever they work.
    PARTIES = "parties"  #: Different parties; ourselves are one.


class ApprovalOf(StrEnum):
    ACTIVATE = "activate"  #: That the list is to decide.
    EXPORT = "export"  #: That the list is written out, with its hashes in clear.


@dataclass(frozen=True, slots=True, kw_only=True)
class HashList:
    """A hash list."""

    id: UUID
    name: str
    #: None for ourselves.
    supplier_party_id: UUID | None
    #: The installation at which we follow it, and its id there; None where it is kept here.
    origin_party_id: UUID | None
    origin_list_id: UUID | None
    state: ListState
    state_at: datetime
    state_by: str
    state_reason: str | None
    quorum: int
    quorum_of: QuorumOf
    created_at: datetime
    created_by: str

    @property
    def followed(self) -> bool:
        """Whether another installation keeps it: then nothing is changed here but what counts here."""
        return self.origin_party_id is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedCategory:
    """A supplier's category on a list, with what a curator says that it means; None while nobody did."""

    id: int
    list_id: UUID
    scheme: str
    name: str
    classification: Classification | None
    mapped_by: str | None
    mapped_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many entries of a list are in a category and a state."""

    category_id: int
    state: EntryState
    entries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Somebody's word that a list is activated or exported."""

    list_id: UUID
    of: ApprovalOf
    person: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What an installation lets decide of a list."""

    list_id: UUID
    enabled: bool = True
    classifications: frozenset[Classification] = DEFAULT_CHOICE
    #: Bits within which a perceptual hash matches.
    radius: int = 31
    chosen_by: str | None = None
    chosen_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """Somebody's word on whether an entry belongs on its list."""

    entry_id: int
    #: For which party; None for ourselves.
    by_party: UUID | None
    by_person: str = field(repr=False)
    agrees: bool
    reason: str | None = field(default=None, repr=False)
    at: datetime


def has_quorum(opinions: Collection[Opinion], *, quorum: int, of: QuorumOf) -> bool:
    """Whether enough agree and nobody disagrees.

    A person who speaks for two parties is one person; two people of one party are one party.
    """
    if any(not opinion.agrees for opinion in opinions):
        return False
    match of:
        case QuorumOf.PEOPLE:
            return len({opinion.by_person for opinion in opinions}) >= quorum
        case QuorumOf.PARTIES:
            return len({opinion.by_party for opinion in opinions}) >= quorum


def counting(approvals: Collection[Approval], now: datetime) -> frozenset[str]:
    """The people whose approval still counts."""
    return frozenset(approval.person for approval in approvals if approval.at > now - APPROVAL_LASTS)


def require_ready(categories: Collection[ListedCategory], counts: Collection[Count], *, open_collisions: int) -> None:
    """Raises Conflict, with the reason, where a list may not decide anything yet.

    Entries of unmapped categories stay without effect when the others become active, so one mapped category with active
    entries is enough.
    """
    if open_collisions:
        raise Conflict(
            problem=f"{open_collisions} entries were stopped by a safeguard: decide on each of them before the list counts"
        )
    mapped = {category.id for category in categories if category.classification is not None}
    if not mapped:
        raise Conflict(problem="none of its categories is mapped to a classification, so that no entry could count")
    if not any(count.entries and count.category_id in mapped and count.state is EntryState.ACTIVE for count in counts):
        raise Conflict(problem="none of its entries is active in a category that is mapped")
