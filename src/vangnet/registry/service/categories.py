"""What suppliers' categories mean: said once by a curator, for all their entries."""

from datetime import datetime
from uuid import UUID

from vangnet.audit.model import Actor
from vangnet.audit.service import record
from vangnet.db import Connection
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.registry.model.changes import ChangeKind, NewChange
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.lists import ApprovalOf, ListedCategory
from vangnet.registry.service.lists import load_own
from vangnet.registry.service.publishing import publish
from vangnet.registry.store import lists as store


def map_category(
    conn: Connection,
    actor: Actor,
    *,
    keys: Keys,
    category_id: int,
    classification: Classification | None,
    now: datetime,
) -> ListedCategory:
    """Says what a category means, for all its entries at once; None takes that back, and they count no more.

    Approvals of the list that were given before do not count any more: who gave them saw another mapping. Raises
    PermissionDenied, NotFound, Conflict.
    """
    actor.require(Permission.REGISTRY_MAP)
    category = store.get_category_for_update(conn, category_id)
    load_own(conn, category.list_id)
    store.update_category(conn, category_id, classification, by=actor.label, now=now)
    store.remove_approvals(conn, category.list_id, ApprovalOf.ACTIVATE)
    record(
        conn, actor, action=Permission.REGISTRY_MAP, record="list", record_id=category.list_id, now=now,
        category=category_id, classification=None if classification is None else classification.value,
        before=None if category.classification is None else category.classification.value,
    )  # fmt: skip
    change = NewChange(
        kind=ChangeKind.CATEGORY_MAPPED, list_id=category.list_id, category_id=category_id,
        value=None if classification is None else classification.value,
    )  # fmt: skip
    publish(conn, actor, keys, changes=[change], now=now)
    return store.get_category_for_update(conn, category_id)


def list_categories(conn: Connection, actor: Actor, list_id: UUID) -> list[ListedCategory]:
    """A list's categories, by scheme and name. Raises PermissionDenied."""
    actor.require(Permission.REGISTRY_READ)
    return store.list_categories(conn, list_id)


# --- for whatever adds entries ---


class Categories:
    """A list's categories while entries are added to it, by the supplier's words. The list must be locked."""

    def __init__(self, conn: Connection, list_id: UUID) -> None:
        self._conn = conn
        self._list_id = list_id
        self._ids = {(one.scheme, one.name): one.id for one in store.list_categories(conn, list_id)}
        #: What must be published before the first entry in a new category.
        self.changes: list[NewChange] = []

    def id_of(self, scheme: str, name: str) -> int:
        """The category's number; one that was never seen is added, unmapped."""
        found = self._ids.get((scheme, name))
        if found is None:
            found = store.add_category(self._conn, self._list_id, scheme=scheme, name=name)
            self._ids[scheme, name] = found
            self.changes.append(NewChange(kind=ChangeKind.CATEGORY_ADDED, list_id=self._list_id, category_id=found))
        return found
