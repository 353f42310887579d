"""What this installation lets decide of each list."""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from vangnet.audit.model import Actor
from vangnet.audit.service import record
from vangnet.db import Connection
from vangnet.errors import InvalidInput
from vangnet.hashing.index import RADIUS, RADIUS_MAX
from vangnet.identity.permissions import Permission
from vangnet.registry.model.classification import DEFAULT_CHOICE, Classification
from vangnet.registry.model.lists import Choice
from vangnet.registry.service import feed
from vangnet.registry.store import lists as store


def choose(
    conn: Connection,
    actor: Actor,
    *,
    list_id: UUID,
    enabled: bool = True,
    classifications: Collection[Classification] = DEFAULT_CHOICE,
    radius: int = RADIUS,
    now: datetime,
) -> Choice:
    """Says whether a list counts here, for which classifications, and how near a match must be.

    Raises PermissionDenied, NotFound, InvalidInput.
    """
    actor.require(Permission.REGISTRY_CHOOSE)
    if not 0 <= radius <= RADIUS_MAX:
        raise InvalidInput(field="radius", problem=f"must be 0 to {RADIUS_MAX} bits")
    if enabled and not classifications:
        raise InvalidInput(field="classifications", problem="must be at least one where the list counts")
    store.get_list_for_update(conn, list_id)
    choice = Choice(
        list_id=list_id, enabled=enabled, classifications=frozenset(classifications), radius=radius,
        chosen_by=actor.label, chosen_at=now,
    )  # fmt: skip
    store.put_choice(conn, choice)
    record(
        conn, actor, action=Permission.REGISTRY_CHOOSE, record="list", record_id=list_id, now=now, enabled=enabled,
        classifications=sorted(classifications), radius=radius,
    )  # fmt: skip
    feed.nudge(conn)
    return choice


def list_choices(conn: Connection, actor: Actor) -> Mapping[UUID, Choice]:
    """What was chosen, by list; a list without a choice counts as `Choice` is by default. Raises PermissionDenied."""
    actor.require(Permission.REGISTRY_READ)
    return store.list_choices(conn)
