"""Harmless pictures that must never be listed: adding them, checking entries against them, and what is listed already.

An entry that is being checked and a picture that is being added wait for each other, so that none slips through between.
"""

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from vangnet.audit.model import Actor
from vangnet.audit.service import record
from vangnet.db import Connection, defer
from vangnet.errors import InvalidInput
from vangnet.identity.model.text import checked_line
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.registry.model.entries import DIGESTS, STANDING, EntryState, HashAlgorithm, ListedHash, require_sound_hash
from vangnet.registry.model.matches import Against
from vangnet.registry.model.packing import pack, unpack
from vangnet.registry.safeguards import Collides, Safeguards
from vangnet.registry.service import matches
from vangnet.registry.service.publishing import change_entry, publish
from vangnet.registry.service.sealing import EntryCipher
from vangnet.registry.store import collisions as collision_store
from vangnet.registry.store import entries as entry_store
from vangnet.registry.store import known_good as store
from vangnet.registry.store.collisions import NewCollision

#: The job that checks what is listed against new pictures; declared in `vangnet.jobs.tasks`.
RECHECK = "recheck_known_good"
#: Entries of one transaction of a re-check.
_CHUNK = 5_000
_PURPOSE = "registry known good"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodPicture:
    """A harmless picture: its file's name inside its set, and all its hashes."""

    name: str
    hashes: tuple[ListedHash, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What came of adding pictures: how many are new, and how many were known."""

    added: int
    known: int
    #: The number before the first new one: what a re-check begins behind.
    since: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rechecked:
    """How far a re-check came: behind which entry it goes on, or that it is done; and how many entries it stopped."""

    after: int
    stopped: int
    done: bool


def add(
    conn: Connection, actor: Actor, *, keys: Keys, set_name: str, pictures: Sequence[GoodPicture], now: datetime
) -> Added:
    """Adds pictures to a set, and has all that is listed checked against them.

    Entries that come from now on are checked against them before they are added. Raises PermissionDenied, InvalidInput.
    """
    actor.require(Permission.REGISTRY_KNOWN_GOOD)
    set_name = checked_line(set_name, field="set")
    sealer, mac = keys.sealer(_PURPOSE), keys.mac(_PURPOSE)
    store.lock_for_adding(conn)
    before = store.version(conn).newest
    digest = hashlib.sha256()
    added = 0
    for picture in pictures:
        strongest = _file_digest(picture)
        digest.update(strongest)
        id_ = store.add_picture(
            conn, name=picture.name[:500], set_name=set_name, mac=mac(strongest)[:16],
            sealed=sealer.seal(pack(picture.hashes), b""), by=actor.label, now=now,
        )  # fmt: skip
        added += id_ is not None
    if added:
        defer(conn, RECHECK, lock=RECHECK, since=before)
    record(
        conn, actor, action=Permission.REGISTRY_KNOWN_GOOD, record="known_good", record_id=set_name, now=now,
        added=added, known=len(pictures) - added, digest=mac(digest.digest()).hex(),
    )  # fmt: skip
    return Added(added=added, known=len(pictures) - added, since=before)


def list_sets(conn: Connection, actor: Actor) -> list[tuple[str, int, datetime]]:
    """The sets by name, each with how many pictures it has and when the last was added. Raises PermissionDenied."""
    actor.require(Permission.REGISTRY_READ)
    return store.list_sets(conn)


def recheck(
    conn: Connection, actor: Actor, *, keys: Keys, since: int, after: int = 0, limit: int = _CHUNK, now: datetime
) -> Rechecked:
    """Checks listed entries, behind the number `after`, against the pictures that came behind `since`.

    What collides is suspended at once and waits for a person's decision. One step of the whole: its result says where to go
    on. Raises PermissionDenied.
    """
    actor.require(Permission.REGISTRY_KNOWN_GOOD)
    sealed = entry_store.list_sealed(conn, list_id=None, states=STANDING, after=after, limit=limit)
    if not sealed:
        return Rechecked(after=after, stopped=0, done=True)
    cipher = EntryCipher(keys)
    check = _since(conn, keys, since)
    found = check.check([cipher.open(entry.list_id, entry.sealed) for entry in sealed])
    collided = {entry.id: one for entry, one in zip(sealed, found, strict=True) if isinstance(one, Collides)}
    stopped = _stop(conn, actor, keys, collided, now=now) if collided else 0
    return Rechecked(after=sealed[-1].id, stopped=stopped, done=len(sealed) < limit)


def _stop(conn: Connection, actor: Actor, keys: Keys, collided: dict[int, Collides], *, now: datetime) -> int:
    entries = [
        entry
        for entry in entry_store.list_entries_for_update(conn, collided.keys())
        if entry.state in STANDING and not collision_store.was_kept(conn, entry.id, Against.KNOWN_GOOD)
    ]
    if not entries:
        return 0
    reason = "it is near a known-good picture"
    changes = [change_entry(conn, entry, EntryState.SUSPENDED, by=actor.label, reason=reason, now=now) for entry in entries]
    collision_store.add_collisions(
        conn,
        [
            NewCollision(
                entry.list_id, entry.id, Against.KNOWN_GOOD, collided[entry.id].known_good_id,
                collided[entry.id].algorithm, collided[entry.id].distance,
            )
            for entry in entries
        ],
        now=now,
    )  # fmt: skip
    record(
        conn, actor, action=Permission.REGISTRY_KNOWN_GOOD, record="known_good", record_id="recheck", now=now,
        stopped=len(entries), first_entry=entries[0].id, last_entry=entries[-1].id,
    )  # fmt: skip
    first = publish(conn, actor, keys, changes=changes, now=now)
    matches.revise_later(conn, first=first, count=len(changes))
    return len(entries)


# --- for whatever adds entries ---


class _Latest:
    """The safeguards that were built last: they take seconds to build, and hardly ever change."""

    def __init__(self, *, structures: bool) -> None:
        self._structures = structures
        self._lock = threading.Lock()
        self._key: tuple[store.Version, bytes] | None = None
        self._built: Safeguards | None = None

    def of(self, conn: Connection, keys: Keys) -> Safeguards:
        key = (store.version(conn), keys.public_key)
        with self._lock:
            if self._built is None or self._key != key:
                self._built, self._key = _since(conn, keys, 0, structures=self._structures), key
            return self._built


_LATEST = _Latest(structures=True)
_PICTURES = _Latest(structures=False)


def safeguards(conn: Connection, keys: Keys) -> Safeguards:
    """All that an entry passes. No picture is added until the transaction ends, so that what passes has passed."""
    store.lock_for_checking(conn)
    return _LATEST.of(conn, keys)


def pictures(conn: Connection, keys: Keys) -> Safeguards:
    """The same without generated pictures: what an entry is compared with that passed the safeguards elsewhere."""
    store.lock_for_checking(conn)
    return _PICTURES.of(conn, keys)


def _since(conn: Connection, keys: Keys, since: int, *, structures: bool = False) -> Safeguards:
    sealer = keys.sealer(_PURPOSE)
    known = [(picture.id, unpack(sealer.unseal(picture.sealed, b""))) for picture in store.list_pictures(conn, after=since)]
    return Safeguards(known) if structures else Safeguards(known, structures={})


def _file_digest(picture: GoodPicture) -> bytes:
    """The strongest digest of the picture's file. Raises InvalidInput."""
    for hash_ in picture.hashes:
        require_sound_hash(hash_)
    by_algorithm: dict[HashAlgorithm, bytes] = {hash_.algorithm: hash_.value for hash_ in picture.hashes}
    for algorithm in DIGESTS:
        if algorithm in by_algorithm:
            return by_algorithm[algorithm]
    raise InvalidInput(field="hashes", problem="of a known-good picture must have a digest of its file")
