"""Opening a medium: with a reason, and never without a trace."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from vangnet.audit import service as audit
from vangnet.audit.model import Actor, ActorKind
from vangnet.db import Connection
from vangnet.errors import Conflict
from vangnet.identity.permissions import Permission
from vangnet.vault import store
from vangnet.vault.model import Opening, OpenReason, require_openable


def open_medium(
    conn: Connection,
    actor: Actor,
    *,
    medium_id: UUID,
    reason: OpenReason,
    told: Mapping[str, int | str] | None = None,
    now: datetime,
) -> Opening:
    """Leave to open a medium. `VaultFiles.open` reads it with that: after the commit, so that the trail has the deed first.
    `told` is what the event says beside the reason: ids and codes.

    Raises PermissionDenied; NotFound; Conflict where it is lost or erased, where its bases do not allow this reason, or
    where a person gives a reason that is for programs.
    """
    actor.require(Permission.VAULT_OPEN)
    medium = store.get_medium_shared(conn, medium_id)
    bases = [one.basis for one in store.list_keepings(conn, medium_id)]
    require_openable(medium, bases, reason, by_person=actor.kind in {ActorKind.PERSON, ActorKind.CONSOLE})
    wrapped_key = store.find_key(conn, medium_id)
    if wrapped_key is None:
        raise Conflict(problem="the medium has no key, so that it cannot be opened")
    audit.record(
        conn, actor, action=Permission.VAULT_OPEN, record="medium", record_id=medium_id, now=now, reason=reason.value,
        **(told or {}),
    )  # fmt: skip
    return Opening(medium=medium, wrapped_key=wrapped_key)
