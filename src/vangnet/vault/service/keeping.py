"""Media that are put into the vault, and why each stays there."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.errors import Conflict, NotFound
from vangnet.identity.permissions import Permission
from vangnet.vault import store
from vangnet.vault.files import VaultFiles
from vangnet.vault.model import (
    Basis,
    HoldReason,
    Keeping,
    Medium,
    MediumState,
    SealedFile,
    checked_media_type,
    checked_record,
    moved,
    require_enabled,
    require_not_held,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToPut:
    """A file that was made durable by `VaultFiles.seal`, and the record that needs it."""

    sealed: SealedFile
    media_type: str
    record: str
    record_id: str
    basis: Basis = Basis.INTAKE


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """What came of putting a file."""

    medium: Medium
    keeping: Keeping
    #: Whether its content was new here. If not, it is kept once, and the file that was sealed is not needed:
    #: `VaultFiles.remove` it after the commit, or leave it to `erasing.sweep`.
    added: bool
    #: The medium that had this content, and whose file is gone.
    lost: UUID | None = None


def put(conn: Connection, actor: Actor, *, files: VaultFiles, to_put: ToPut, now: datetime) -> Put:
    """Keeps a file for a record that needs it. The same again is the same: a record has one keeping of a medium.

    Raises PermissionDenied, InvalidInput, Conflict where the vault is not enabled, or where the file was sealed so long ago
    that it is gone: then it is to be sealed again.
    """
    actor.require(Permission.VAULT_PUT)
    require_enabled(store.find_choice(conn))
    store.share_files(conn)
    done = _put(conn, files, to_put, now=now)
    audit.record(
        conn, actor, action=Permission.VAULT_PUT, record="medium", record_id=done.medium.id, now=now,
        keeping=done.keeping.id, basis=done.keeping.basis.value, added=done.added,
        lost=None if done.lost is None else str(done.lost),
    )  # fmt: skip
    return done


def put_many(conn: Connection, actor: Actor, *, files: VaultFiles, to_put: Sequence[ToPut], now: datetime) -> list[Put]:
    """Keeps the files of a whole report: all of them, or none. What came of each is in the order in which they were given.

    One event, with how many there were and a digest of the media's ids, in that order. Raises the same.
    """
    actor.require(Permission.VAULT_PUT)
    require_enabled(store.find_choice(conn))
    store.share_files(conn)
    # In one order, whoever puts them: two reports that share files would wait for each other.
    order = sorted(range(len(to_put)), key=lambda number: to_put[number].sealed.content_mac)
    done = {number: _put(conn, files, to_put[number], now=now) for number in order}
    puts = [done[number] for number in range(len(to_put))]
    digest = hashlib.sha256("".join(f"{one.medium.id}\n" for one in puts).encode()).hexdigest()
    audit.record(
        conn, actor, action=Permission.VAULT_PUT, record="vault", record_id="this", now=now,
        media=len(puts), added=sum(one.added for one in puts), lost=sum(one.lost is not None for one in puts),
        digest=digest,
    )  # fmt: skip
    return puts


def rest_on(
    conn: Connection, actor: Actor, *, medium_id: UUID, record: str, record_id: str, basis: Basis, now: datetime
) -> Keeping:
    """A record needs a medium on another basis from now on: its term begins anew. The same basis again changes nothing.

    Raises PermissionDenied, NotFound where the record does not keep it (any more).
    """
    actor.require(Permission.VAULT_PUT)
    store.get_medium_for_update(conn, medium_id)
    wanted = (record, record_id)
    found = next((one for one in store.list_keepings(conn, medium_id) if (one.record, one.record_id) == wanted), None)
    if found is None:
        raise NotFound(record="keeping", key=f"{record} {record_id}")
    if found.basis is not basis:
        store.update_basis(conn, found.id, basis=basis, since=now)
    audit.record(
        conn, actor, action=Permission.VAULT_PUT, record="medium", record_id=medium_id, now=now,
        keeping=found.id, basis=basis.value, before=found.basis.value,
    )  # fmt: skip
    return store.get_keeping(conn, found.id)


def rest_all_on(conn: Connection, actor: Actor, *, record: str, record_id: str, basis: Basis, now: datetime) -> int:
    """A record needs all its media on another basis from now on; returns how many that changed. Raises PermissionDenied."""
    actor.require(Permission.VAULT_PUT)
    changed = store.update_basis_of(conn, record, record_id, basis=basis, since=now)
    if changed:
        audit.record(
            conn, actor, action=Permission.VAULT_PUT, record="vault", record_id="this", now=now,
            kept_by=record, kept_for=record_id, basis=basis.value, media=changed,
        )  # fmt: skip
    return changed


def move_on(conn: Connection, actor: Actor, *, keeping_id: int, basis: Basis, since: datetime, now: datetime) -> Keeping:
    """A keeping rests on another basis since then, because the term of the one before ended.

    Raises PermissionDenied, NotFound, Conflict where it has ended, or where the medium is held.
    """
    actor.require(Permission.VAULT_PUT)
    # The medium is locked before its keepings, here as everywhere.
    medium = store.get_medium_for_update(conn, store.get_keeping(conn, keeping_id).medium_id)
    before = store.get_keeping_for_update(conn, keeping_id)
    if before.ended_at is not None:
        raise Conflict(problem="the keeping has ended already")
    require_not_held(medium)
    store.update_basis(conn, keeping_id, basis=basis, since=since)
    audit.record(
        conn, actor, action=Permission.VAULT_PUT, record="medium", record_id=medium.id, now=now,
        keeping=keeping_id, basis=basis.value, before=before.basis.value,
    )  # fmt: skip
    return store.get_keeping(conn, keeping_id)


def hold(conn: Connection, actor: Actor, *, medium_id: UUID, reason: HoldReason, now: datetime) -> Medium:
    """Keeps a medium from being erased until somebody releases it. Raises PermissionDenied, NotFound, Conflict."""
    actor.require(Permission.VAULT_HOLD)
    medium = store.get_medium_for_update(conn, medium_id)
    if medium.state is MediumState.ERASED:
        raise Conflict(problem="the medium is erased")
    store.update_hold(conn, medium_id, hold=reason, by=actor.label, at=now)
    audit.record(
        conn, actor, action=Permission.VAULT_HOLD, record="medium", record_id=medium_id, now=now,
        held=True, reason=reason.value,
    )  # fmt: skip
    return store.get_medium(conn, medium_id)


def release(conn: Connection, actor: Actor, *, medium_id: UUID, now: datetime) -> Medium:
    """Ends that: what its terms say counts again. Raises PermissionDenied, NotFound, Conflict where it is not held."""
    actor.require(Permission.VAULT_HOLD)
    medium = store.get_medium_for_update(conn, medium_id)
    if medium.hold is None:
        raise Conflict(problem="the medium is not held")
    store.update_hold(conn, medium_id, hold=None, by=None, at=None)
    audit.record(
        conn, actor, action=Permission.VAULT_HOLD, record="medium", record_id=medium_id, now=now,
        held=False, reason=medium.hold.value,
    )  # fmt: skip
    return store.get_medium(conn, medium_id)


def _put(conn: Connection, files: VaultFiles, to_put: ToPut, *, now: datetime) -> Put:
    sealed, media_type = to_put.sealed, checked_media_type(to_put.media_type)
    record, record_id = checked_record(to_put.record, to_put.record_id)
    store.lock_content(conn, sealed.content_mac)
    known, lost = _known(conn, files, sealed)
    if known is None:
        if not files.is_there(sealed.medium_id, sealed.size_bytes):
            raise Conflict(problem="the sealed file is not there any more: seal it again")
        store.add_medium(conn, sealed, media_type=media_type, now=now)
    medium = known or store.get_medium(conn, sealed.medium_id)
    keeping = store.put_keeping(conn, medium.id, record=record, record_id=record_id, basis=to_put.basis, now=now)
    return Put(medium=medium, keeping=keeping, added=known is None, lost=lost)


def _known(conn: Connection, files: VaultFiles, sealed: SealedFile) -> tuple[Medium | None, UUID | None]:
    """The medium that has this content already, or the id of one that had it and turns out to be lost."""
    found = store.find_by_content(conn, sealed.content_mac)
    if found is None or files.is_there(found.id, found.size_bytes):
        return found, None
    # Nothing may be acknowledged on the strength of a file that is not there.
    store.update_state(conn, found.id, moved(found.state, MediumState.LOST))
    return None, found.id
