"""Whether the vault takes media in. What is in it is opened and erased either way."""

from datetime import datetime

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.errors import Conflict
from vangnet.identity.model.text import checked_line
from vangnet.identity.permissions import Permission
from vangnet.identity.service import installation
from vangnet.vault import store
from vangnet.vault.model import VaultChoice, require_may_enable


def enable(conn: Connection, actor: Actor, *, basis: str, reference: str, now: datetime) -> VaultChoice:
    """Takes media in from now on, on this legal basis.

    Raises PermissionDenied, InvalidInput, NotFound before set-up, Conflict where the installation is of another kind.
    """
    actor.require(Permission.VAULT_ENABLE)
    kind = installation.get_installation(conn).kind
    require_may_enable(kind)
    store.add_choice(
        conn,
        enabled=True,
        basis=checked_line(basis, field="basis", longest=1000),
        reference=checked_line(reference, field="reference", longest=300),
        chosen_by=actor.label,
        now=now,
    )
    return _recorded(conn, actor, now=now)


def disable(conn: Connection, actor: Actor, *, now: datetime) -> VaultChoice:
    """Takes nothing in any more. Raises PermissionDenied, Conflict where it is not enabled."""
    actor.require(Permission.VAULT_ENABLE)
    choice = store.find_choice(conn)
    if choice is None or not choice.enabled:
        raise Conflict(problem="the vault is not enabled")
    store.add_choice(conn, enabled=False, basis=None, reference=None, chosen_by=actor.label, now=now)
    return _recorded(conn, actor, now=now)


def find_choice(conn: Connection) -> VaultChoice | None:
    """What holds; None where nobody ever chose."""
    return store.find_choice(conn)


def _recorded(conn: Connection, actor: Actor, *, now: datetime) -> VaultChoice:
    choice = store.find_choice(conn)
    assert choice is not None  # noqa: S101 (just added)
    audit.record(
        conn,
        actor,
        action=Permission.VAULT_ENABLE,
        record="vault",
        record_id="this",
        now=now,
        version=choice.version,
        enabled=choice.enabled,
    )
    return choice
