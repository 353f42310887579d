"""Accepted uploads: kept by keyed digests where a legal basis allows it, erased, and looked up when something is listed.

Between an upload that is checked and one that is written, something may be listed. Nothing slips through there, because
writing and looking up take turns (`store.past`, the place): whoever writes must have looked its uploads up in an index that
holds everything which was looked up in the table before; whatever is listed later is looked up in what was written.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.errors import Conflict, InvalidInput
from vangnet.gate.matching import Examined
from vangnet.gate.model import OBJECT_ID_MAX, GivenHash
from vangnet.gate.past import (
    ALGORITHMS,
    DAYS,
    MAC,
    AcceptedUpload,
    KeptUpload,
    PastChoice,
    checked_days,
    digest_code,
    first_day_kept,
    keeps,
    later_match,
    object_code,
)
from vangnet.gate.service import decisions, policies
from vangnet.gate.service.policies import ChosenPolicy
from vangnet.gate.store import past as store
from vangnet.gate.store.past import LookedUp, PastRow
from vangnet.identity.model.parties import checked_basis
from vangnet.identity.model.text import is_given_name
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys, Mac
from vangnet.registry.model.lists import Choice
from vangnet.registry.service import new_listings
from vangnet.registry.service.new_listings import Listing
from vangnet.registry.service.sealing import EntryCipher

#: Names of one erasure.
ERASED_MAX = 1_000
#: So many entries, or changes, are looked up in one transaction: whoever writes waits for it.
_LOOKED_UP_AT_ONCE = 2_000
_ERASED_REMEMBERED = timedelta(days=1)


class Followed(StrEnum):
    DONE = "done"  #: Everything up to the index was looked up.
    MORE = "more"  #: There is more to look up.
    NOT_NOW = "not_now"  #: Somebody else is at it, or the index is not there yet: ask again soon.


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPast:
    """What is kept, and how far lists were looked up in it."""

    choice: PastChoice | None
    #: Whether uploads are kept now.
    keeps: bool
    #: Each day (UTC) with about how many uploads it has.
    days: tuple[tuple[date, int], ...]
    #: Lists whose every entry was looked up, and all that count.
    lists_done: int
    lists: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """The index as the gate's process has it, and what looks hashes up in it."""

    sequence: int
    choices: Mapping[UUID, Choice]
    examine: Callable[[Sequence[GivenHash]], Examined]
    #: Those of many values of one algorithm that are listed anywhere.
    screen: Callable[[str, Sequence[bytes]], set[bytes]]


# --- choosing and erasing ---


def switch_on(
    conn: Connection,
    actor: Actor,
    *,
    basis: str,
    reference: str,
    ends_on: date,
    days: int = DAYS,
    now: datetime,
) -> PastChoice:
    """Keeps accepted uploads from now on, on this legal basis until its last day, each for so many days.

    Raises PermissionDenied, InvalidInput.
    """
    actor.require(Permission.GATE_CHOOSE)
    checked = checked_basis(text=basis, reference=reference, ends_on=ends_on, now=now)
    days = checked_days(days)
    store.lock_place(conn)
    store.add_choice(conn, kept=True, basis=checked, days=days, chosen_by=_name(actor), now=now)
    dropped = _drop_old(conn, now=now)
    _record(conn, actor, Permission.GATE_CHOOSE, now, kept=True, ends_on=ends_on.isoformat(), days=days, dropped=dropped)
    return _required(conn)


def switch_off(conn: Connection, actor: Actor, *, now: datetime) -> PastChoice:
    """Keeps nothing any more and erases everything, at once. Raises PermissionDenied, Conflict where nothing is kept."""
    actor.require(Permission.GATE_CHOOSE)
    store.lock_place(conn)
    choice = store.find_choice(conn)
    if choice is None or not choice.kept:
        raise Conflict(problem="nothing is kept of accepted uploads, so that there is nothing to switch off")
    store.add_choice(conn, kept=False, basis=None, days=None, chosen_by=_name(actor), now=now)
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
    store.lock_place(conn)
    store.add_erased(conn, sorted({object_code(mac, name) for name in object_ids}), now=now)
    erased = store.remove_uploads(conn, object_ids)
    _record(conn, actor, Permission.GATE_ERASE, now, names=len(object_ids), erased=erased)
    return erased


def show(conn: Connection, actor: Actor, *, now: datetime) -> ShownPast:
    """How it stands. Raises PermissionDenied."""
    actor.require(Permission.GATE_READ)
    choice = store.find_choice(conn)
    looked_up = store.list_looked_up(conn).values()
    place = store.share_place(conn)
    return ShownPast(
        choice=choice,
        keeps=keeps(choice, now),
        days=tuple(store.list_days(conn)),
        lists_done=sum(one.position >= place for one in looked_up),
        lists=len(looked_up),
    )


# --- for the gate ---


def find_choice(conn: Connection) -> PastChoice | None:
    """What holds."""
    return store.find_choice(conn)


def drop_old(conn: Connection, *, now: datetime) -> int:
    """Erases what became too old, and everything where there is no legal basis any more; returns how many days."""
    days = store.list_days(conn)
    choice = store.find_choice(conn)
    if not days or (choice is not None and keeps(choice, now) and days[0][0] >= first_day_kept(choice, now)):
        return 0
    store.lock_place(conn)
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
    position = store.share_place(conn)
    choice = store.find_choice(conn)
    if choice is None or not keeps(choice, now):
        return True
    if not _is_current(conn, index, policy) or index.sequence < position:
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
        kept = KeptUpload(check_id=one.check_id, object_id=one.object_id, at=one.at)
        known = tuple((name, value) for name, value in one.digests if value in listed.get(name, ()))
        if known:
            _keep_later(conn, actor, kept, known, index=index, policy=policy, keys=keys, now=now)
        codes = {name: digest_code(mac, name, value) for name, value in one.digests}
        rows.append(PastRow(upload=kept, md5=codes.get("md5"), sha1=codes.get("sha1"), sha256=codes.get("sha256")))
    store.add_uploads(conn, rows)
    return True


def follow(conn: Connection, actor: Actor, *, index: Index, policy: ChosenPolicy, keys: Keys, now: datetime) -> Followed:
    """Looks what was newly listed, or newly counts, up in what is kept. A step.

    Raises PermissionDenied, IndexUnusable.
    """
    if not keeps(store.find_choice(conn), now):
        return Followed.DONE
    place = store.take_place(conn)
    if place is None or not _is_current(conn, index, policy):
        return Followed.NOT_NOW
    _, altered_so_far = place
    until = index.sequence
    if new_listings.lists_changed(conn, after=until):
        return Followed.NOT_NOW  # The index would judge by lists as they were; it is there in a moment.
    cipher = EntryCipher(keys)
    looked_up = _counting(conn, policy, fresh_from=None if store.list_days(conn) else until)
    altered_until = min(until, altered_so_far + _LOOKED_UP_AT_ONCE)
    listings: list[Listing] = []
    if altered_until > altered_so_far:
        listings += [
            listing
            for listing in new_listings.altered(conn, cipher, after=altered_so_far, until=altered_until)
            if listing.list_id in looked_up
        ]
    more = altered_until < until
    # Those that are nearly done first: a list that was activated must not hold up what others add.
    for list_id, one in sorted(looked_up.items(), key=lambda item: -item[1].position):
        if one.position >= until or len(listings) >= _LOOKED_UP_AT_ONCE:
            more = more or one.position < until
            continue
        limit = _LOOKED_UP_AT_ONCE - len(listings)
        added = new_listings.added(conn, cipher, list_id=list_id, after=one.position, until=until, limit=limit)
        whole = len(added) < limit
        reached = until if whole else added[-1].entry_id
        store.put_looked_up(conn, list_id, LookedUp(counting=one.counting, position=reached))
        listings += added
        more = more or not whole
    _look_up(conn, actor, listings, index=index, policy=policy, keys=keys, now=now)
    store.update_place(conn, position=until, altered=altered_until)
    return Followed.MORE if more else Followed.DONE


def _counting(conn: Connection, policy: ChosenPolicy, *, fresh_from: int | None) -> dict[UUID, LookedUp]:
    """How far each list that counts was looked up; from the beginning where something else counts of it than before.

    `fresh_from`: nothing is kept yet, so that nothing listed up to there needs looking up.
    """
    counting = {
        list_id: text for list_id, text in new_listings.counting(conn).items() if list_id not in policy.policy.shadow
    }
    known = store.list_looked_up(conn)
    store.remove_looked_up(conn, [list_id for list_id in known if list_id not in counting])
    found = {}
    for list_id, text in counting.items():
        before = known.get(list_id)
        if before is None or before.counting != text:
            before = LookedUp(counting=text, position=0)
        if fresh_from is not None:
            before = LookedUp(counting=text, position=fresh_from)
        if before != known.get(list_id):
            store.put_looked_up(conn, list_id, before)
        found[list_id] = before
    return found


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
    known: dict[KeptUpload, dict[tuple[str, bytes], None]] = defaultdict(dict)
    for algorithm in ALGORITHMS:
        values = {
            digest_code(mac, algorithm, value): value
            for listing in listings
            for name, value in listing.digests
            if name == algorithm
        }
        if values:
            for code, upload in store.find_uploads(conn, algorithm, list(values)):
                known[upload][algorithm, values[code]] = None
    for upload, digests in known.items():
        _keep_later(conn, actor, upload, tuple(digests), index=index, policy=policy, keys=keys, now=now)


def _keep_later(
    conn: Connection,
    actor: Actor,
    upload: KeptUpload,
    digests: tuple[tuple[str, bytes], ...],
    *,
    index: Index,
    policy: ChosenPolicy,
    keys: Keys,
    now: datetime,
) -> None:
    """Judges by the index, as a check would be, and keeps what that comes to."""
    examined = index.examine([GivenHash(algorithm=name, value=value) for name, value in digests])
    kept = later_match(
        upload,
        examined.found,
        policy=policy.policy,
        policy_version=policy.version,
        digests=digests,
        index_version=index.sequence,
        mac=keys.mac(MAC),
        now=now,
    )
    if kept is not None:
        decisions.keep(conn, actor, kept, policy=policy.policy, keys=keys, now=now)


def _is_current(conn: Connection, index: Index, policy: ChosenPolicy) -> bool:
    """Whether this process knows what was chosen; what is not numbered by the stream of changes."""
    return index.choices == new_listings.choices(conn) and policies.version(conn) == policy.version


def _is_erased(upload: AcceptedUpload, erased: Mapping[UUID, datetime], mac: Mac) -> bool:
    if not erased:
        return False
    at = erased.get(object_code(mac, upload.object_id))
    return at is not None and upload.at <= at


def _drop_old(conn: Connection, *, now: datetime) -> int:
    """The caller has the place alone."""
    choice = store.find_choice(conn)
    store.remove_erased(conn, before=now - _ERASED_REMEMBERED)
    if choice is not None and keeps(choice, now):
        return store.drop_days(conn, first_day_kept(choice, now))
    store.remove_looked_up(conn, None)
    return store.drop_days(conn, None)


def _required(conn: Connection) -> PastChoice:
    choice = store.find_choice(conn)
    assert choice is not None  # noqa: S101 (just added)
    return choice


def _name(actor: Actor) -> str:
    return f"{actor.kind}:{actor.id}"


def _record(conn: Connection, actor: Actor, action: Permission, now: datetime, **details: object) -> None:
    audit.record(conn, actor, action=action, record="past", record_id="uploads", now=now, **details)
