"""What two people agree on goes to our own list: proposed in the first one's name, agreed to in the second's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from vangnet.audit import service as audit
from vangnet.audit.model import Actor, ActorKind
from vangnet.db import Connection
from vangnet.errors import Conflict, InvalidInput
from vangnet.hashing.model import Convention
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.registry.model.entries import (
    Category,
    EntryDraft,
    EntryState,
    HashAlgorithm,
    ListedHash,
    MediaKind,
)
from vangnet.registry.model.lists import ListedCategory
from vangnet.registry.service import entries, lists
from vangnet.registry.service.lists import ListOverview
from vangnet.reports.model.reports import ReportFile
from vangnet.reports.rules.assessment.answers import LISTED, AssessedClass, NotListed
from vangnet.reports.service.intake.recognising import LookedUp
from vangnet.reports.service.intake.registering import open_hashes
from vangnet.reports.store import assessments as store


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """Which list of ours takes a class, and in which of its categories."""

    list_id: UUID
    name: str
    category: ListedCategory
    #: Whether somebody chose it, or it is the only one that could.
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ListChoices:
    """Which list takes which class, and which could."""

    taking: Mapping[AssessedClass, Taking | None]
    could: Mapping[AssessedClass, tuple[tuple[UUID, str], ...]]


def list_choices(conn: Connection, actor: Actor, *, now: datetime) -> ListChoices:
    """Which of our own lists takes which class. Raises PermissionDenied."""
    found = lists.overviews(conn, actor, now=now)
    chosen = store.list_listings(conn)
    return ListChoices(
        taking={one: _taking(found, chosen, one) for one in AssessedClass if one in LISTED},
        could={
            one: tuple((taker.list.id, taker.list.name) for taker, _ in _takers(found, one))
            for one in AssessedClass
            if one in LISTED
        },
    )


def choose_list(conn: Connection, actor: Actor, *, assessed: AssessedClass, list_id: UUID, now: datetime) -> None:
    """Says which of our own lists takes a class. Raises PermissionDenied, Conflict where that list has no such category."""
    actor.require(Permission.REPORT_LEAD)
    takers = _takers(lists.overviews(conn, actor, now=now), assessed)
    if assessed not in LISTED or all(taker.list.id != list_id for taker, _ in takers):
        raise Conflict(problem="no list of our own with a category that means this class")
    store.put_listing(conn, assessed, list_id, by=actor.label, now=now)
    audit.record(
        conn, actor, action=Permission.REPORT_LEAD, record="list", record_id=list_id, now=now, takes=assessed.value
    )


def propose_agreed(
    conn: Connection,
    actor: Actor,
    *,
    keys: Keys,
    file: ReportFile,
    assessed: AssessedClass,
    agreed: tuple[UUID, UUID],
    parts: Sequence[ListedHash] = (),
    now: datetime,
) -> int | NotListed:
    """Proposes the file to the list that takes its class; returns the entry, or why there is none.

    `parts`: the hashes of parts of its picture, where that is in hand.

    The entry is the first person's, who said so in their answer, and the second's agreement is an opinion as the registry
    knows it: with the quorum of the list, it counts.
    """
    if Permission.REGISTRY_PROPOSE not in actor.permissions:
        return NotListed.MAY_NOT
    taking = _taking(lists.overviews(conn, actor, now=now), store.list_listings(conn), assessed)
    if taking is None:
        return NotListed.NO_LIST
    hashes = open_hashes(conn, keys, [file.id]).get(file.id)
    draft = None if hashes is None else _draft(file, hashes, parts, taking)
    if draft is None:
        return NotListed.NO_HASH
    first = Actor(kind=ActorKind.PERSON, id=str(agreed[0]), permissions=frozenset({Permission.REGISTRY_PROPOSE}))
    try:
        with conn.transaction():
            entry = entries.propose(conn, first, keys=keys, list_id=taking.list_id, draft=draft, now=now).entry
    except InvalidInput:
        return NotListed.REFUSED
    except Conflict:
        return NotListed.LISTED
    if entry.state is EntryState.PROPOSED:
        entries.give_opinion(conn, actor, keys=keys, entry_id=entry.id, agrees=True, now=now)
    return entry.id


def _draft(file: ReportFile, hashes: LookedUp, parts: Sequence[ListedHash], taking: Taking) -> EntryDraft | None:
    listed = [ListedHash(algorithm=HashAlgorithm(name), value=value) for name, value in hashes.digests]
    if hashes.pdq is not None:
        listed.append(
            ListedHash(algorithm=HashAlgorithm.PDQ, value=hashes.pdq, convention=Convention.FULL, quality=file.pdq_quality)
        )
        listed += parts
    if not listed:
        return None
    is_video = file.unhashable == "video" or (file.media_type or "").startswith("video/")
    return EntryDraft(
        media_kind=MediaKind.VIDEO if is_video else MediaKind.IMAGE,
        hashes=tuple(listed),
        category=Category(scheme=taking.category.scheme, name=taking.category.name),
    )


def _takers(found: list[ListOverview], assessed: AssessedClass) -> list[tuple[ListOverview, ListedCategory]]:
    """Our own lists with a category that means this class."""
    takers = []
    for one in found:
        category = next((kin for kin in one.categories if kin.classification is assessed.classification), None)
        if category is not None and not one.list.followed and one.list.supplier_party_id is None:
            takers.append((one, category))
    return takers


def _taking(found: list[ListOverview], chosen: Mapping[AssessedClass, UUID], assessed: AssessedClass) -> Taking | None:
    takers = _takers(found, assessed)
    wanted = chosen.get(assessed)
    if wanted is None and len(takers) != 1:
        return None
    for one, category in takers:
        if wanted is None or one.list.id == wanted:
            return Taking(list_id=one.list.id, name=one.list.name, category=category, chosen=wanted is not None)
    return None
