"""Hash lists over HTTP: which there are, which entries a hash matches, and stopping what is wrong.

An answer has the numbers of entries and distances, never a listed hash.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from vangnet.errors import IndexUnusable, InvalidInput
from vangnet.hashing.model import Convention
from vangnet.identity.permissions import Permission
from vangnet.registry.formats.reading import Refused, listed, pdq
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.effects import Effect
from vangnet.registry.model.entries import EntryState, HashAlgorithm, ListedHash
from vangnet.registry.model.lists import ListState
from vangnet.registry.service import entries, lists, lookups
from vangnet.web.access import needs
from vangnet.web.api.words import DIGITS, Md5Digits, Reason, Sha1Digits, Sha256Digits, at_least_one
from vangnet.web.visit import Visit

router = APIRouter(prefix="/api/v1", tags=["Lists"])

_Listed = Literal[Convention.FULL, Convention.FLOOR512, Convention.THUMBNAIL512]


class CategoryAnswer(BaseModel):
    """A supplier's category, and what a curator says that it means."""

    scheme: str = Field(description="Whose word it is.")
    name: str = Field(description="The supplier's own word.")
    classification: Classification | None = Field(description="What it means; none: its entries never count.")


class ListAnswer(BaseModel):
    """A hash list."""

    id: UUID = Field(description="Its id here.")
    name: str = Field(description="Its name.")
    state: ListState = Field(description="Whether it counts.")
    state_at: datetime = Field(description="Since when.")
    supplier_party_id: UUID | None = Field(description="Who supplies it; none: ourselves.")
    origin_party_id: UUID | None = Field(description="At whom we follow it; none: it is kept here.")
    entries: dict[EntryState, int] = Field(description="How many entries it has, by state.")
    stopped: int = Field(description="How many entries a safeguard stopped that wait for a decision.")
    not_ready: str | None = Field(description="Why it cannot be activated yet.")
    categories: list[CategoryAnswer] = Field(description="Its categories.")


class HashToLookUp(BaseModel):
    """One hash of each kind at most, in hexadecimal digits; at least one."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=at_least_one("md5", "sha1", "sha256", "pdq"))

    md5: Md5Digits | None = Field(default=None, max_length=128, description="32 digits.")
    sha1: Sha1Digits | None = Field(default=None, max_length=128, description="40 digits.")
    sha256: Sha256Digits | None = Field(default=None, max_length=128, description="64 digits.")
    pdq: Sha256Digits | None = Field(default=None, max_length=128, description="64 digits.")
    convention: _Listed = Field(default=Convention.FULL, description="What was done before PDQ.")


class FoundEntryAnswer(BaseModel):
    """An entry that matches."""

    entry_id: int = Field(description="The entry's number.")
    list_id: UUID = Field(description="The list that it is on.")
    list_state: ListState = Field(description="Whether that list counts.")
    classification: Classification | None = Field(description="What it is classified as.")
    algorithm: HashAlgorithm = Field(description="By which hash it was found.")
    distance: int = Field(description="In how many bits the hashes differ; 0 for digests.")
    effect: Effect = Field(description="What a match brings about here.")


class WhyBody(BaseModel):
    """Why something is done."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason = Field(description="In words that people who look at it later understand.")


class ListStateAnswer(BaseModel):
    """How a list stands now."""

    list_id: UUID = Field(description="The list's id.")
    state: ListState = Field(description="Its state.")


class EntryStateAnswer(BaseModel):
    """How an entry stands now."""

    entry_id: int = Field(description="The entry's number.")
    state: EntryState = Field(description="Its state.")


@router.get("/lists", dependencies=[needs(Permission.REGISTRY_READ)])
def list_lists(visit: Visit) -> list[ListAnswer]:
    """List every hash list, with its state and counts."""
    with visit.transaction() as conn:
        overviews = lists.overviews(conn, visit.actor, now=visit.now)
    return [_answer(one) for one in overviews]


@router.post("/lists/{list_id}/suspend", dependencies=[needs(Permission.REGISTRY_SUSPEND)])
def suspend_list(visit: Visit, list_id: UUID, body: WhyBody) -> ListStateAnswer:
    """Stop a list at once. It counts nowhere within a second; activating it again takes two people."""
    with visit.transaction() as conn:
        found = lists.suspend(conn, visit.actor, keys=visit.keys, list_id=list_id, reason=body.reason, now=visit.now)
    return ListStateAnswer(list_id=found.id, state=found.state)


@router.post("/entries/look-up", dependencies=[needs(Permission.REGISTRY_LOOK_UP)])
def look_up(visit: Visit, body: HashToLookUp) -> list[FoundEntryAnswer]:
    """Look hashes up on all lists, whatever their state. Each look-up is in the audit trail, without the hashes."""
    if visit.site.live is None:
        raise IndexUnusable(problem="this process has no listed hashes in memory")
    with visit.transaction() as conn:
        found = lookups.look_up(conn, visit.actor, live=visit.site.live, hashes=_hashes(body), now=visit.now)
    return [FoundEntryAnswer.model_validate(match, from_attributes=True) for match in found]


@router.post("/entries/{entry_id}/withdraw", dependencies=[needs(Permission.REGISTRY_WITHDRAW)])
def withdraw_entry(visit: Visit, entry_id: Annotated[int, Path(ge=1, lt=2**40), DIGITS], body: WhyBody) -> EntryStateAnswer:
    """Withdraw an entry for good. What was decided by it is marked, and whoever decided is told."""
    with visit.transaction() as conn:
        entry = entries.withdraw(conn, visit.actor, keys=visit.keys, entry_id=entry_id, reason=body.reason, now=visit.now)
    return EntryStateAnswer(entry_id=entry.id, state=entry.state)


def _hashes(body: HashToLookUp) -> list[ListedHash]:
    digests = {HashAlgorithm.MD5: body.md5, HashAlgorithm.SHA1: body.sha1, HashAlgorithm.SHA256: body.sha256}
    try:
        hashes = [listed(algorithm, text, field=algorithm) for algorithm, text in digests.items() if text is not None]
        if body.pdq is not None:
            hashes.append(pdq(body.pdq, convention=body.convention, quality="", field="pdq"))
    except Refused as problem:
        raise InvalidInput(field=problem.field, problem=problem.problem) from None
    if not hashes:
        raise InvalidInput(field="md5", problem="or another hash must be given")
    return hashes


def _answer(one: lists.ListOverview) -> ListAnswer:
    return ListAnswer(
        id=one.list.id,
        name=one.list.name,
        state=one.list.state,
        state_at=one.list.state_at,
        supplier_party_id=one.list.supplier_party_id,
        origin_party_id=one.list.origin_party_id,
        entries={state: one.entries(state) for state in EntryState},
        stopped=one.open_collisions,
        not_ready=None if one.list.followed else one.not_ready,
        categories=[
            CategoryAnswer(scheme=category.scheme, name=category.name, classification=category.classification)
            for category in one.categories
        ],
    )
