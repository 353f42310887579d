"""Hand-offs over HTTP: where other installations deliver theirs, and lists of both ways for programs of our own."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from vangnet.errors import HandoffRefused
from vangnet.handoff.model import Kind, Outcome, Refusal, SentState
from vangnet.handoff.model.envelopes import BODY_MAX_BYTES, read_signed_envelope
from vangnet.handoff.service import receiving, sending
from vangnet.identity.permissions import Permission
from vangnet.web.access import PUBLIC, needs
from vangnet.web.api.words import DIGITS
from vangnet.web.visit import Visit

router = APIRouter(prefix="/api/v1", tags=["Hand-offs"])

#: The HTTP status that fits each refusal; whoever sends reads the reason in the problem document.
_STATUS: Mapping[Refusal, int] = {
    Refusal.MALFORMED: 400,
    Refusal.TOO_LARGE: 413,
    Refusal.UNKNOWN_KIND: 422,
    Refusal.BAD_PAYLOAD: 422,
    Refusal.WRONG_RECIPIENT: 422,
    Refusal.BAD_SIGNATURE: 403,
    Refusal.CLOCK_SKEW: 422,
    Refusal.TOO_OLD: 422,
    Refusal.UNKNOWN_SENDER: 403,
    Refusal.NOT_ACCEPTED_YET: 403,
    Refusal.ID_REUSED: 409,
    Refusal.RECIPIENT_ENDED: 409,
}


class SignedEnvelopeBody(BaseModel):
    """An envelope and its signature. The body must be the canonical form (RFC 8785) of this, byte for byte."""

    envelope: dict[str, Any] = Field(
        description="`case_number`, `id`, `kind`, `payload`, `protocol`, `recipient`, `sender`, `sent_at`; see the "
        "explanation of hand-offs for each."
    )
    signature: str = Field(description="Ed25519, 128 hex digits, over `vangnet hand-off v1\\n` and the envelope's bytes.")


class SignedReceiptAnswer(BaseModel):
    """A receipt and its signature."""

    receipt: dict[str, Any] = Field(description="`envelope_id`, `envelope_sha256`, `outcome`, `protocol`, `received_at`.")
    signature: str = Field(description="Ed25519, 128 hex digits, over `vangnet receipt v1\\n` and the receipt's bytes.")


class SentHandoffAnswer(BaseModel):
    """A hand-off of ours."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="The id in its envelope.")
    party_id: UUID = Field(description="To which party.")
    case_number: str = Field(description="The number under which both sides speak about the case.")
    kind: Kind = Field(description="What it is.")
    sent_at: datetime = Field(description="When it was signed.")
    state: SentState = Field(description="How it stands.")
    state_at: datetime = Field(description="Since when.")
    tries: int = Field(description="How often it was sent.")
    last_tried_at: datetime | None = Field(description="When it was sent last.")
    next_try_at: datetime | None = Field(description="When it is sent next.")
    problem: str | None = Field(description="Why the last try failed, or why it is refused: a code.")
    outcome: Outcome | None = Field(description="What the recipient's receipt says.")


class ReceivedHandoffAnswer(BaseModel):
    """A hand-off that was taken here."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="Our own id for it.")
    envelope_id: UUID = Field(description="The id in its envelope.")
    party_id: UUID = Field(description="From which party.")
    case_number: str = Field(description="The number under which both sides speak about the case.")
    kind: Kind = Field(description="What it is.")
    sent_at: datetime = Field(description="When it was signed.")
    received_at: datetime = Field(description="When it was taken.")
    outcome: Outcome = Field(description="What our receipt says.")


async def _body(request: Request) -> bytes | None:
    """The body, or None as soon as it is larger than any envelope."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX_BYTES:
            return None
    return bytes(body)


@router.post(
    "/hand-offs",
    dependencies=[needs(PUBLIC)],
    response_model=SignedReceiptAnswer,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": SignedEnvelopeBody.model_json_schema()}},
        }
    },
)
def receive_handoff(visit: Visit, body: Annotated[bytes | None, Depends(_body)]) -> Response:
    """Take a hand-off of another installation and answer with our signed receipt.

    The signature is the credential. Sending the same bytes again gets the same receipt and has no second effect. A refusal
    is a problem document with the code `handoff_refused` and a fifth field, `reason`.
    """
    try:
        if body is None:
            raise HandoffRefused(reason=Refusal.TOO_LARGE, problem=f"it has more than {BODY_MAX_BYTES} bytes")
        signed = read_signed_envelope(body)
        with visit.transaction() as conn:
            receipt = receiving.receive(
                conn, signed=signed, client_address=visit.client_address, keys=visit.keys, now=visit.now
            )
    except HandoffRefused as refusal:
        # Answered here and not by the frame, because whoever sent it acts on the reason.
        structlog.get_logger().warning("handoff_refused", reason=refusal.reason)
        return JSONResponse(
            {
                "code": refusal.code,
                "message": str(refusal),
                "hint": refusal.advice(),
                "incident": None,
                "reason": refusal.reason,
            },
            _STATUS[Refusal(refusal.reason)],
            media_type="application/problem+json",
        )
    return Response(receipt, media_type="application/json")


@router.get("/hand-offs/sent", dependencies=[needs(Permission.HANDOFF_READ)])
def list_sent_handoffs(
    visit: Visit,
    state: Annotated[SentState | None, Query(description="Only those in this state.")] = None,
    party_id: Annotated[UUID | None, Query(description="Only those to this party.")] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="At most so many."), DIGITS] = 100,
    before_id: Annotated[
        UUID | None, Query(description="Only older ones than this: the last id of the page before.")
    ] = None,
) -> list[SentHandoffAnswer]:
    """What we handed to other installations, the newest first."""
    with visit.transaction() as conn:
        before = None
        if before_id is not None:
            last = sending.get_sent(conn, visit.actor, handoff_id=before_id)
            before = (last.sent_at, last.id)
        states = set(SentState) if state is None else {state}
        found = sending.list_sent(conn, visit.actor, states=states, party_id=party_id, before=before, limit=limit)
    return [SentHandoffAnswer.model_validate(sent) for sent in found]


@router.get("/hand-offs/received", dependencies=[needs(Permission.HANDOFF_READ)])
def list_received_handoffs(
    visit: Visit,
    party_id: Annotated[UUID | None, Query(description="Only those of this party.")] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="At most so many."), DIGITS] = 100,
    before_id: Annotated[
        UUID | None, Query(description="Only older ones than this: the last id of the page before.")
    ] = None,
) -> list[ReceivedHandoffAnswer]:
    """What other installations handed to us, the newest first."""
    with visit.transaction() as conn:
        before = None
        if before_id is not None:
            last = receiving.get_received(conn, visit.actor, received_id=before_id)
            before = (last.received_at, last.id)
        found = receiving.list_received(conn, visit.actor, party_id=party_id, before=before, limit=limit)
    return [ReceivedHandoffAnswer.model_validate(taken) for taken in found]
