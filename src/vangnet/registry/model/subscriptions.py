"""Following the lists of another installation: what is kept of it, and which state a followed list has here. Pure."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from vangnet.registry.model.lists import ListState
from vangnet.registry.model.pages import Cursor, Fault


class SubscriptionState(StrEnum):
    FOLLOWING = "following"  #: Changes are asked for and taken.
    BROKEN = "broken"  #: A page did not count; nothing is taken until a person says so.
    STOPPED = "stopped"  #: Somebody here ended it; its lists stay, suspended.


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """That a party may follow a list of ours."""

    list_id: UUID
    party_id: UUID
    given_by: str
    given_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """An installation whose lists we follow, and how far.

    `hub_position` is the last change that it had when it was heard last. `fault` is what was wrong with the page for which
    the subscription is broken; `problem` says so in words, or why the hub is not heard now.
    """

    id: UUID
    hub_party_id: UUID
    position: int
    chain: bytes = field(repr=False)
    hub_position: int
    state: SubscriptionState
    fault: Fault | None
    problem: str | None
    state_at: datetime
    last_heard_at: datetime | None
    subscribed_by: str
    subscribed_at: datetime

    @property
    def cursor(self) -> Cursor:
        """How far it has been read."""
        return Cursor(position=self.position, chain=self.chain)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscribedList:
    """A list that we follow: its id there and here, and what the hub says of it.

    `position` and `chain` say how far a list has been read that was shared after others, from the start of the stream on;
    None once it is read together with them.
    """

    subscription_id: UUID
    origin_list_id: UUID
    list_id: UUID
    hub_state: ListState
    shared: bool
    position: int | None
    chain: bytes | None = field(repr=False)

    @property
    def arriving(self) -> bool:
        """Whether it is not whole yet."""
        return self.position is not None

    @property
    def cursor(self) -> Cursor | None:
        """How far it has been read by itself."""
        return None if self.position is None or self.chain is None else Cursor(position=self.position, chain=self.chain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a subscriber asks of the hub: what comes after `cursor`, for the lists `shown`.

    `known` are all lists that it believes to be shared with it: if others are, the hub says so at once. `until` is the
    last change that it wants, None for all.
    """

    subscription_id: UUID
    base_url: str = field(repr=False)
    hub: bytes = field(repr=False)
    cursor: Cursor
    shown: frozenset[UUID]
    known: frozenset[UUID]
    until: int | None


def state_here(hub_state: ListState, *, shared: bool, arriving: bool, suspended_here: bool) -> ListState:
    """The state that a followed list has here.

    A person here who suspends it has the last word until somebody here lifts that. A list that is not whole yet, or not
    shared any more, decides nothing.
    """
    if suspended_here or not shared:
        return ListState.SUSPENDED
    return ListState.QUARANTINED if arriving else hub_state
