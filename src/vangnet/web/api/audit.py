"""The audit trail for programs: its events, and how far it is sealed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from vangnet.audit import service
from vangnet.audit.model import ActorKind, parse_filter
from vangnet.identity.permissions import Permission
from vangnet.web.access import needs
from vangnet.web.api.times import Moment
from vangnet.web.api.words import DIGITS
from vangnet.web.visit import Visit

router = APIRouter(prefix="/api/v1", tags=["Audit"])

_Words = Annotated[str | None, Query(max_length=300)]


class EventAnswer(BaseModel):
    """One deed."""

    model_config = ConfigDict(from_attributes=True)

    id: int = Field(description="The event's number.")
    at: datetime = Field(description="When it was done.")
    actor_kind: ActorKind = Field(description="What kind of actor did it.")
    actor_id: str = Field(description="Who, by an id of ours.")
    action: str = Field(description="The permission that was used.")
    record: str = Field(description="What kind of record it was done to.")
    record_id: str = Field(description="Which one.")
    details: Mapping[str, object] = Field(description="Ids, states and counts; no personal data.")
    position: int | None = Field(description="Its place in the chain; none while it waits for the sealer.")
    sealed_at: datetime | None = Field(description="When it was put into the chain.")


class ChainAnswer(BaseModel):
    """How far the trail is sealed."""

    position: int = Field(description="The number of sealed events.")
    sealed_at: datetime | None = Field(description="When the last of them was sealed.")
    newest_sealed_event_at: datetime | None = Field(description="When the last of them was done.")
    waiting: int = Field(description="How many events wait for the sealer.")
    oldest_waiting_at: datetime | None = Field(description="When the first of those was done.")
    head_position: int | None = Field(description="How many events the last exported head stands for.")
    head_sealed_at: datetime | None = Field(description="When the last of those was sealed.")
    export_failing_since: datetime | None = Field(description="Since when no head can be exported; none: it works.")
    public_key: str = Field(description="The key that signs the heads (Ed25519), 64 hex digits.")


@router.get("/audit/events", dependencies=[needs(Permission.AUDIT_READ)])
def list_audit_events(
    *,
    visit: Visit,
    record: Annotated[_Words, Query(description="Only this record: `party`, or `party:ID`.")] = None,
    actor: Annotated[_Words, Query(description="Only this actor: `person`, `person:ID`, or an id.")] = None,
    action: Annotated[_Words, Query(description="Only this action, such as `party:add`.")] = None,
    since: Annotated[Moment | None, Query(description="Only what was done then or later.")] = None,
    until: Annotated[Moment | None, Query(description="Only what was done before then.")] = None,
    limit: Annotated[int, Query(ge=1, le=service.LIST_MAX, description="At most so many."), DIGITS] = 100,
    before_id: Annotated[
        int | None,
        Query(ge=1, le=2**63 - 1, description="Only events before this one: the last id of the page before."),
        DIGITS,
    ] = None,
) -> list[EventAnswer]:
    """Events of the audit trail, the newest first."""
    wanted = parse_filter(record=record, actor=actor, action=action, since=since, until=until)
    with visit.transaction() as conn:
        found = service.list_events(conn, visit.actor, wanted=wanted, before=before_id, limit=limit)
    return [EventAnswer.model_validate(event) for event in found]


@router.get("/audit/chain", dependencies=[needs(Permission.AUDIT_READ)])
def get_audit_chain(visit: Visit) -> ChainAnswer:
    """How far the audit trail is sealed. Whether it is whole says `vangnet audit verify`."""
    with visit.transaction() as conn:
        state = service.chain_state(conn, visit.actor)
    return ChainAnswer(
        position=state.position,
        sealed_at=state.sealed_at,
        newest_sealed_event_at=state.newest_sealed_event_at,
        waiting=state.waiting,
        oldest_waiting_at=state.oldest_waiting_at,
        head_position=state.head_position,
        head_sealed_at=state.head_sealed_at,
        export_failing_since=state.export_failing_since,
        public_key=visit.keys.public_key.hex(),
    )
