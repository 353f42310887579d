"""What was newly listed, or newly counts, is looked up in accepted uploads: in small steps, any of which may be the last.

Digests are looked up in the tables. Pictures are looked up in memory (`past_pictures`), by one process at a time, and each
entry after its digests: a finding that both make is kept once, as the digests have it.
"""

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.gate.model import GivenHash, PictureHash
from vangnet.gate.past import (
    ALGORITHMS,
    MAC,
    KeptUpload,
    PastKind,
    digest_code,
    keeps,
    keeps_pictures,
    may_hold,
)
from vangnet.gate.service.past_judging import Index, is_current, keep_later
from vangnet.gate.service.past_pictures import KeptPictures
from vangnet.gate.service.policies import ChosenPolicy
from vangnet.gate.store import past as store
from vangnet.gate.store import past_pictures as picture_store
from vangnet.gate.store import past_places as places
from vangnet.gate.store.past_places import LookedUp, Place
from vangnet.keys import Keys
from vangnet.registry.service import new_listings
from vangnet.registry.service.new_listings import Listing
from vangnet.registry.service.sealing import EntryCipher

#: So many entries, or changes, are looked up in one transaction: whoever writes waits for it.
_AT_ONCE = {PastKind.DIGESTS: 2_000, PastKind.PICTURES: 200}
#: So many PDQ hashes at once: an entry with sub-windows has nearly two hundred.
_HASHES_AT_ONCE = 2_000


class Followed(StrEnum):
    DONE = "done"  #: Everything up to the index was looked up.
    MORE = "more"  #: There is more to look up.
    NOT_NOW = "not_now"  #: Somebody else is at it, or the index is not there yet: ask again soon.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What is to be looked up in this step, and whether there is more."""

    listings: list[Listing]
    position: int
    altered: int
    more: bool


def follow(conn: Connection, actor: Actor, *, index: Index, policy: ChosenPolicy, keys: Keys, now: datetime) -> Followed:
    """Looks digests up in what is kept. A step. Raises PermissionDenied, IndexUnusable."""
    if not keeps(store.find_choice(conn), now):
        return Followed.DONE
    place = places.take_place(conn, PastKind.DIGESTS)
    counting = None if place is None else _counting_as_known(conn, index, policy)
    if place is None or counting is None:
        return Followed.NOT_NOW
    kept = bool(store.list_days(conn))
    looked_up = _looked_up(conn, PastKind.DIGESTS, counting, fresh_from=None if kept else index.sequence)
    found = _newly_listed(conn, PastKind.DIGESTS, place, looked_up, until=index.sequence, keys=keys)
    _look_up(conn, actor, found.listings, index=index, policy=policy, keys=keys, now=now)
    return _reached(conn, PastKind.DIGESTS, found)


def follow_pictures(
    conn: Connection,
    actor: Actor,
    *,
    held: KeptPictures,
    holder: UUID,
    index: Index,
    policy: ChosenPolicy,
    keys: Keys,
    now: datetime,
) -> Followed:
    """Looks pictures up in what is kept, with what the process `holder` has in memory. A step, or a step of reading them.

    Raises PermissionDenied, IndexUnusable.
    """
    if not keeps_pictures(store.find_choice(conn), now):
        held.clear()
        return Followed.DONE
    place = places.take_place(conn, PastKind.PICTURES)
    if place is None:
        return Followed.NOT_NOW
    if not may_hold(place.holder, place.held_at, holder, now):
        held.clear()
        return Followed.NOT_NOW
    places.update_holder(conn, PastKind.PICTURES, holder, now=now)
    if not held.catch_up(conn, now=now):
        return Followed.MORE
    counting = _counting_as_known(conn, index, policy)
    if counting is None:
        return Followed.NOT_NOW
    kept = bool(picture_store.list_days(conn))
    looked_up = _looked_up(conn, PastKind.PICTURES, counting, fresh_from=None if kept else index.sequence)
    found = _newly_listed(conn, PastKind.PICTURES, place, looked_up, until=index.sequence, keys=keys)
    _look_up_pictures(conn, actor, found.listings, held=held, index=index, policy=policy, keys=keys, now=now)
    return _reached(conn, PastKind.PICTURES, found)


def let_go(conn: Connection, *, holder: UUID, now: datetime) -> None:
    """That process has the pictures in memory no more: another one may at once."""
    place = places.take_place(conn, PastKind.PICTURES)
    if place is not None and place.holder == holder:
        places.update_holder(conn, PastKind.PICTURES, None, now=now)


def _counting_as_known(conn: Connection, index: Index, policy: ChosenPolicy) -> dict[UUID, str] | None:
    """What counts of each list, where the index knows it so; None where it would judge by lists as they were.

    It is there in a moment.
    """
    # Read before it is asked what changed: a list that comes to count in between would be noted as looked up, though the
    # index, which does not know yet that it counts, found nothing by it.
    counting = new_listings.counting(conn)
    if not is_current(conn, index, policy) or new_listings.lists_changed(conn, after=index.sequence):
        return None
    return {list_id: text for list_id, text in counting.items() if list_id not in policy.policy.shadow}


def _newly_listed(
    conn: Connection, kind: PastKind, place: Place, looked_up: dict[UUID, LookedUp], *, until: int, keys: Keys
) -> _Found:
    """The entries of this step, of the lists that count, each with how far it was `looked_up`."""
    cipher = EntryCipher(keys)
    at_once = _AT_ONCE[kind]
    bounds, altered_bound = _bounds(conn, kind, looked_up, until)
    altered_until = max(place.altered, min(altered_bound, place.altered + at_once))
    listings: list[Listing] = []
    if altered_until > place.altered:
        altered = new_listings.altered(conn, cipher, after=place.altered, until=altered_until)
        listings += [listing for listing in altered if listing.list_id in looked_up]
    more = altered_until < altered_bound
    # Those that are nearly done first: a list that was activated must not hold up what others add.
    for list_id, one in sorted(looked_up.items(), key=lambda item: -item[1].position):
        bound = bounds[list_id]
        if one.position >= bound or len(listings) >= at_once:
            more = more or one.position < bound
            continue
        limit = at_once - len(listings)
        added = new_listings.added(conn, cipher, list_id=list_id, after=one.position, until=bound, limit=limit)
        whole = len(added) < limit
        if kind is PastKind.PICTURES:
            few = _few_enough(added, at_most=_HASHES_AT_ONCE - sum(len(one.pictures) for one in listings))
            whole, added = whole and len(few) == len(added), few
        reached = bound if whole else added[-1].entry_id
        places.put_looked_up(conn, kind, list_id, replace(one, position=reached))
        listings += added
        more = more or not whole
    return _Found(listings=listings, position=until, altered=altered_until, more=more)


def _few_enough(added: list[Listing], *, at_most: int) -> list[Listing]:
    """The first of these entries that have so many hashes together, at least one."""
    held = list(itertools.accumulate(len(one.pictures) for one in added))
    return added[: max(1, sum(so_far <= at_most for so_far in held))]


def _bounds(conn: Connection, kind: PastKind, looked_up: dict[UUID, LookedUp], until: int) -> tuple[dict[UUID, int], int]:
    """Up to which entry each list, and up to which change altered entries, may be looked up now."""
    if kind is PastKind.DIGESTS:
        return dict.fromkeys(looked_up, until), until
    digests = places.list_looked_up(conn, PastKind.DIGESTS)
    return {
        list_id: min(until, digests[list_id].position)
        if list_id in digests and digests[list_id].counting == one.counting
        else 0
        for list_id, one in looked_up.items()
    }, min(until, places.get_altered(conn, PastKind.DIGESTS))


def _looked_up(
    conn: Connection, kind: PastKind, counting: dict[UUID, str], *, fresh_from: int | None
) -> dict[UUID, LookedUp]:
    """How far each list that counts was looked up; from the beginning where something else counts of it than before.

    `fresh_from` where nothing is kept: nothing that is listed up to there needs looking up then.
    """
    known = places.list_looked_up(conn, kind)
    places.remove_looked_up(conn, kind, [list_id for list_id in known if list_id not in counting])
    found = {}
    for list_id, text in counting.items():
        before = known.get(list_id)
        if before is None or before.counting != text:
            before = LookedUp(counting=text, position=0)
        if fresh_from is not None:
            before = LookedUp(counting=text, position=fresh_from)
        if before != known.get(list_id):
            places.put_looked_up(conn, kind, list_id, before)
        found[list_id] = before
    return found


def _reached(conn: Connection, kind: PastKind, found: _Found) -> Followed:
    places.update_place(conn, kind, position=found.position, altered=found.altered)
    return Followed.MORE if found.more else Followed.DONE


def _look_up(
    conn: Connection,
    actor: Actor,
    listings: Sequence[Listing],
    *,
    index: Index,
    policy: ChosenPolicy,
    keys: Keys,
    now: datetime,
) -> None:
    mac = keys.mac(MAC)
    known: dict[KeptUpload, dict[GivenHash, None]] = defaultdict(dict)
    for algorithm in ALGORITHMS:
        values = {
            digest_code(mac, algorithm, value): value
            for listing in listings
            for name, value in listing.digests
            if name == algorithm
        }
        if values:
            for code, upload in store.find_uploads(conn, algorithm, list(values)):
                known[upload][GivenHash(algorithm=algorithm, value=values[code])] = None
    for upload, digests in known.items():
        keep_later(conn, actor, upload, index.examine(list(digests)), index=index, policy=policy, keys=keys, now=now)


def _look_up_pictures(
    conn: Connection,
    actor: Actor,
    listings: Sequence[Listing],
    *,
    held: KeptPictures,
    index: Index,
    policy: ChosenPolicy,
    keys: Keys,
    now: datetime,
) -> None:
    listed = {
        PictureHash(convention=convention, value=value) for listing in listings for convention, value in listing.pictures
    }
    known: dict[KeptUpload, dict[PictureHash, None]] = defaultdict(dict)
    for upload, picture in held.find(conn, listed, index.radius):
        known[upload][picture] = None
    for upload, pictures in known.items():
        examined = index.examine_pictures(list(pictures))
        keep_later(conn, actor, upload, examined, index=index, policy=policy, keys=keys, now=now)
