"""Accepted uploads: kept by keyed digests where a legal basis allows it, by perceptual hashes where it covers them; erased.

Between an upload that is checked and one that is written, something may be listed. Nothing slips through there, because
writing and looking up take turns (`store.past_places`): whoever writes must have looked its uploads up in an index that
holds everything which was looked up in the tables before; whatever is listed later is looked up in what was written
(`past_following`).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.errors import Conflict, InvalidInput
from vangnet.gate.model import OBJECT_ID_MAX, GivenHash, PictureHash
from vangnet.gate.past import (
    ALGORITHMS,
    DAYS,
    MAC,
    SEALED,
    AcceptedUpload,
    KeptUpload,
    PastChoice,
    PastKind,
    checked_days,
    checked_pictures,
    digest_code,
    first_day_kept,
    keeps,
    keeps_pictures,
    object_code,
    picture_label,
)
from vangnet.gate.service.past_judging import Index, is_current, keep_later
from vangnet.gate.service.policies import ChosenPolicy
from vangnet.gate.store import past as store
from vangnet.gate.store import past_pictures as pictures
from vangnet.gate.store import past_places as places
from vangnet.gate.store.past import PastRow
from vangnet.identity.model.parties import checked_basis
from vangnet.identity.model.text import is_given_name
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys, Mac

#: Names of one erasure.
ERASED_MAX = 1_000
#: For how long erased names, and the numbers of erased pictures, are remembered.
ERASED_REMEMBERED = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPast:
    """What is kept, and how far lists were looked up in it."""

    choice: PastChoice | None
    #: Whether uploads are kept now.
    keeps: bool
    #: Each day (UTC) with about how many uploads it has.
    days: tuple[tuple[date, int], ...]
    #: About how many perceptual hashes are kept.
    pictures: int
    #: Lists whose every entry was looked up, and all that count.
    lists_done: int
    lists: int


# --- choosing and erasing ---


def switch_on(
    conn: Connection,
    actor: Actor,
    *,
    basis: str,
    reference: str,
    ends_on: date,
    days: int = DAYS,
    pictures_reason: str | None = None,
    now: datetime,
) -> PastChoice:
    """Keeps accepted uploads from now on, on this legal basis until its last day, each for so many days.

    Perceptual hashes are kept only with a `pictures_reason`: why the basis covers those as well. Without one, those that
    were kept are erased. Raises PermissionDenied, InvalidInput.
    """
    actor.require(Permission.GATE_CHOOSE)
    checked = checked_basis(text=basis, reference=reference, ends_on=ends_on, now=now)
    days = checked_days(days)
    covered = checked_pictures(pictures_reason)
    places.lock_places(conn)
    store.add_choice(conn, kept=True, basis=checked, days=days, pictures=covered, chosen_by=actor.label, now=now)
    dropped = _drop_old(conn, now=now)
    _record(
        conn, actor, Permission.GATE_CHOOSE, now,
        kept=True, ends_on=ends_on.isoformat(), days=days, pictures=covered is not None, dropped=dropped,
    )  # fmt: skip
    return _required(conn)


def switch_off(conn: Connection, actor: Actor, *, now: datetime) -> PastChoice:
    """Keeps nothing any more and erases everything, at once. Raises PermissionDenied, Conflict where nothing is kept."""
    actor.require(Permission.GATE_CHOOSE)
    places.lock_places(conn)
    choice = store.find_choice(conn)
    if choice is None or not choice.kept:
        raise Conflict(problem="nothing is kept of accepted uploads, so that there is nothing to switch off")
    store.add_choice(conn, kept=False, basis=None, days=None, pictures=None, chosen_by=actor.label, now=now)
    dropped = _drop_old(conn, now=now)
    _record(conn, actor, Permission.GATE_CHOOSE, now, kept=False, dropped=dropped)
    return _required(conn)


def erase(conn: Connection, actor: Actor, *, object_ids: Sequence[str], keys: Keys, now: datetime) -> int:
    """Erases accepted uploads by the provider's own names for them, also those about to be written; returns how many.

    Raises PermissionDenied, InvalidInput.
    """
    actor.require(Permission.GATE_ERASE)
    if not 1 <= len(object_ids) <= ERASED_MAX:
        raise InvalidInput(field="object_ids", problem=f"must be 1 to {ERASED_MAX}")
    if any(not 1 <= len(name) <= OBJECT_ID_MAX or not is_given_name(name) for name in object_ids):
        raise InvalidInput(field="object_ids", problem=f"must have 1 to {OBJECT_ID_MAX} characters each, on one line")
    mac = keys.mac(MAC)
    places.lock_places(conn)
    store.add_erased(conn, sorted({object_code(mac, name) for name in object_ids}), now=now)
    erased = store.remove_uploads(conn, object_ids)
    pictures.remove_pictures(conn, object_ids, now=now)
    _record(conn, actor, Permission.GATE_ERASE, now, names=len(object_ids), erased=erased)
    return erased


def show(conn: Connection, actor: Actor, *, now: datetime) -> ShownPast:
    """How it stands. Raises PermissionDenied."""
    actor.require(Permission.GATE_READ)
    choice = store.find_choice(conn)
    at = places.share_places(conn)
    behind: set[UUID] = set()
    lists: set[UUID] = set()
    for kind in PastKind if keeps_pictures(choice, now) else [PastKind.DIGESTS]:
        looked_up = places.list_looked_up(conn, kind)
        lists |= looked_up.keys()
        behind |= {list_id for list_id, one in looked_up.items() if one.position < at[kind]}
    return ShownPast(
        choice=choice,
        keeps=keeps(choice, now),
        days=tuple(store.list_days(conn)),
        pictures=sum(hashes for _, hashes in pictures.list_days(conn)),
        lists_done=len(lists) - len(behind),
        lists=len(lists),
    )


# --- for the gate ---


def find_choice(conn: Connection) -> PastChoice | None:
    """What holds."""
    return store.find_choice(conn)


def drop_old(conn: Connection, *, now: datetime) -> int:
    """Erases what became too old, and everything where there is no legal basis any more; returns how many days."""
    choice = store.find_choice(conn)
    days = [day for day, _ in [*store.list_days(conn), *pictures.list_days(conn)]]
    if not days or (choice is not None and keeps(choice, now) and min(days) >= first_day_kept(choice, now)):
        return 0
    places.lock_places(conn)
    return _drop_old(conn, now=now)


def write(
    conn: Connection,
    actor: Actor,
    *,
    uploads: Sequence[AcceptedUpload],
    index: Index,
    policy: ChosenPolicy,
    keys: Keys,
    now: datetime,
) -> bool:
    """Writes accepted uploads; those that are listed by now become later matches in the same transaction.

    False where the index, or the policy, is behind what was looked up or chosen: then nothing is written, and it is to be
    called again. Raises PermissionDenied, IndexUnusable.
    """
    position = max(places.share_places(conn).values())
    choice = store.find_choice(conn)
    if choice is None or not keeps(choice, now):
        return True
    if not is_current(conn, index, policy) or index.sequence < position:
        return False
    mac = keys.mac(MAC)
    first_day, erased = first_day_kept(choice, now), store.list_erased(conn)
    wanted = [one for one in uploads if one.at.date() >= first_day and not _is_erased(one, erased, mac)]
    for day in sorted({one.at.date() for one in wanted}):
        store.add_day(conn, day)
    listed = {
        algorithm: index.screen(algorithm, [value for one in wanted for name, value in one.digests if name == algorithm])
        for algorithm in ALGORITHMS
    }
    rows = []
    for one in wanted:
        kept = _kept(one)
        known = [GivenHash(algorithm=name, value=value) for name, value in one.digests if value in listed.get(name, ())]
        if known:
            keep_later(conn, actor, kept, index.examine(known), index=index, policy=policy, keys=keys, now=now)
        codes = {name: digest_code(mac, name, value) for name, value in one.digests}
        rows.append(PastRow(upload=kept, md5=codes.get("md5"), sha1=codes.get("sha1"), sha256=codes.get("sha256")))
    store.add_uploads(conn, rows)
    if keeps_pictures(choice, now):
        _write_pictures(conn, actor, wanted, index=index, policy=policy, keys=keys, now=now)
    return True


def _write_pictures(
    conn: Connection,
    actor: Actor,
    uploads: Sequence[AcceptedUpload],
    *,
    index: Index,
    policy: ChosenPolicy,
    keys: Keys,
    now: datetime,
) -> None:
    near = index.screen_pictures([picture for one in uploads for picture in one.pictures])
    by_day: dict[date, list[tuple[KeptUpload, PictureHash]]] = defaultdict(list)
    for one in uploads:
        known = [picture for picture in one.pictures if picture in near]
        if known:
            # After what is known by its digests: of the same finding the first is kept, and a digest says more.
            examined = index.examine_pictures(known)
            keep_later(conn, actor, _kept(one), examined, index=index, policy=policy, keys=keys, now=now)
        by_day[one.at.date()] += [(_kept(one), picture) for picture in one.pictures]
    sealer = keys.sealer(SEALED)
    for day, its in sorted(by_day.items()):
        if its:
            pictures.add_day(conn, day)
            sealed = sealer.seal_many([picture.value for _, picture in its], picture_label(day))
            pictures.add_pictures(
                conn,
                ((kept, picture.convention, value) for (kept, picture), value in zip(its, sealed, strict=True)),
            )


def _kept(upload: AcceptedUpload) -> KeptUpload:
    return KeptUpload(check_id=upload.check_id, object_id=upload.object_id, at=upload.at)


def _is_erased(upload: AcceptedUpload, erased: Mapping[UUID, datetime], mac: Mac) -> bool:
    if not erased:
        return False
    at = erased.get(object_code(mac, upload.object_id))
    return at is not None and upload.at <= at


def _drop_old(conn: Connection, *, now: datetime) -> int:
    """The caller has the place alone."""
    choice = store.find_choice(conn)
    store.remove_erased(conn, before=now - ERASED_REMEMBERED)
    pictures.remove_erased(conn, before=now - ERASED_REMEMBERED)
    first_day = first_day_kept(choice, now) if choice is not None and keeps(choice, now) else None
    if first_day is None:
        places.remove_looked_up(conn, PastKind.DIGESTS, None)
    if keeps_pictures(choice, now):
        pictures.drop_days(conn, first_day)
    else:
        pictures.drop_days(conn, None)
        places.remove_looked_up(conn, PastKind.PICTURES, None)
    return store.drop_days(conn, first_day)


def _required(conn: Connection) -> PastChoice:
    choice = store.find_choice(conn)
    assert choice is not None  # noqa: S101 (just added)
    return choice


def _record(conn: Connection, actor: Actor, action: Permission, now: datetime, **details: object) -> None:
    audit.record(conn, actor, action=action, record="past", record_id="uploads", now=now, **details)
