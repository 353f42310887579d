"""Erasing media: the key first, then the file.

The key is destroyed in the transaction. The file is removed after it was committed, by `VaultFiles.remove` or by the next
`sweep`: were it the other way round, a transaction that fails would leave a row without a file.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.errors import Conflict
from vangnet.identity.permissions import Permission
from vangnet.vault import store
from vangnet.vault.files import VaultFiles
from vangnet.vault.model import EraseReason, Medium, MediumState, moved, require_not_held

#: A file that no row knows is left alone for so long: somebody may be about to make the row.
UNKNOWN_LASTS = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What a sweep removed."""

    #: Files of media that were erased.
    erased: int
    #: Files that no row knows: nobody can open them.
    unknown: int
    #: What killed processes left half written.
    unfinished: int


def erase(conn: Connection, actor: Actor, *, medium_id: UUID, reason: EraseReason, now: datetime) -> Medium:
    """Erases a medium, whoever needs it. From the commit on nothing opens it.

    Raises PermissionDenied, NotFound, Conflict where it is held, InvalidTransition where it was erased before.
    """
    actor.require(Permission.VAULT_ERASE)
    medium = store.get_medium_for_update(conn, medium_id)
    keepings = len(store.list_keepings(conn, medium_id))
    _erase(conn, medium, reason=reason, now=now)
    audit.record(
        conn, actor, action=Permission.VAULT_ERASE, record="medium", record_id=medium_id, now=now,
        reason=reason.value, erased=True, ended=keepings,
    )  # fmt: skip
    return store.get_medium(conn, medium_id)


def end_keeping(conn: Connection, actor: Actor, *, keeping_id: int, reason: EraseReason, now: datetime) -> Medium:
    """A record needs a medium no more; with the last one that does, the medium is erased.

    Raises PermissionDenied, NotFound, Conflict where the medium is held or the keeping has ended before.
    """
    actor.require(Permission.VAULT_ERASE)
    # The medium is locked before its keepings, here as everywhere.
    medium = store.get_medium_for_update(conn, store.get_keeping(conn, keeping_id).medium_id)
    if store.get_keeping_for_update(conn, keeping_id).ended_at is not None:
        raise Conflict(problem="the keeping has ended already")
    require_not_held(medium)
    store.update_ended(conn, keeping_id, now=now)
    erased = not store.list_keepings(conn, medium.id)
    if erased:
        _erase(conn, medium, reason=reason, now=now)
    audit.record(
        conn, actor, action=Permission.VAULT_ERASE, record="medium", record_id=medium.id, now=now,
        reason=reason.value, erased=erased, keeping=keeping_id,
    )  # fmt: skip
    return store.get_medium(conn, medium.id)


def take_turn(conn: Connection, actor: Actor) -> None:
    """Until the transaction ends nobody puts anything, nor takes a turn: for whoever ends many keepings in one transaction.

    Two who lock many media in different orders would wait for each other. Raises PermissionDenied.
    """
    actor.require(Permission.VAULT_ERASE)
    store.take_files(conn)


def sweep(conn: Connection, actor: Actor, *, files: VaultFiles, part: int, now: datetime) -> Swept:
    """Removes files that nothing opens (any more), in one of the parts of the folder.

    Their keys are destroyed or were never kept, so nothing is decided here and no event is left. Raises PermissionDenied,
    DataFolderUnusable.
    """
    actor.require(Permission.VAULT_ERASE)
    store.take_files(conn)
    written = files.list_part(part)
    states = store.states_of(conn, list(written))
    old = (now - UNKNOWN_LASTS).timestamp()
    erased = [one for one in written if states.get(one) is MediumState.ERASED]
    unknown = [one for one, at in written.items() if one not in states and at < old]
    for medium_id in [*erased, *unknown]:
        files.remove(medium_id)
    return Swept(
        erased=len(erased),
        unknown=len(unknown),
        unfinished=files.remove_unfinished(part, before=now - UNKNOWN_LASTS),
    )


def _erase(conn: Connection, medium: Medium, *, reason: EraseReason, now: datetime) -> None:
    moved(medium.state, MediumState.ERASED)
    require_not_held(medium)
    store.update_erased(conn, medium.id, reason=reason, now=now)
