"""Decisions that rest on a match, for programs of the provider: read, and answered with what was done about them."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from vangnet.gate.actions import REASON_MAX, ProviderAction
from vangnet.gate.model import Decision, Door, ListedDecision, Outcome
from vangnet.gate.service import answering, decisions
from vangnet.identity.model.text import LINE_PATTERN
from vangnet.identity.permissions import Permission
from vangnet.web.access import needs
from vangnet.web.api.words import DIGITS, SEEN_AS, AnyReason
from vangnet.web.visit import Visit

router = APIRouter(prefix="/api/v1/decisions", tags=["Gate"])


#: `checked_reason`, in the words of JSON Schema.
_REASON_FOR_KEPT: JsonDict = {
    "anyOf": [
        {"properties": {"action": {"enum": [one.value for one in ProviderAction if one is not ProviderAction.KEPT]}}},
        {"properties": {"reason": {"type": "string", "pattern": LINE_PATTERN}}, "required": ["reason"]},
    ]
}


class DecisionMatch(BaseModel):
    """A listed entry on which a decision rests."""

    list: str = Field(description="The list's name.")
    list_id: UUID = Field(description="The list's id.")
    entry_id: int = Field(description="The entry's number.")
    classification: str = Field(description="What it is classified as.")
    algorithm: str = Field(description="By which hash it was found.")
    distance: int = Field(description="In how many bits the hashes differ; 0 for digests.")
    view: str = Field(description=SEEN_AS)
    shadow: bool = Field(description="It was counted and decided nothing.")


class DecisionAnswer(BaseModel):
    """One decision, and how it stands."""

    check_id: UUID = Field(description="The check's id.")
    at: datetime = Field(description="When it was decided.")
    uploaded_at: datetime | None = Field(description="When it was uploaded, where it was accepted then and listed later.")
    door: Door = Field(description="By which door it came.")
    object_id: str | None = Field(description="Your own name for the upload.")
    outcome: Outcome = Field(description="What was found.")
    decision: Decision = Field(description="What your policy said to do.")
    matches: list[DecisionMatch] = Field(description="The entries that were found.")
    reported_at: datetime | None = Field(description="When its reports were signed.")
    revised_at: datetime | None = Field(description="When an entry that it rests on ceased to stand.")
    answered_at: datetime | None = Field(description="When you said what became of the upload.")
    open: bool = Field(description="It waits for you to say what you did.")
    age_seconds: int = Field(description="For how long it has been there.")


class ActionGiven(BaseModel):
    """What you did about a match."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_REASON_FOR_KEPT)

    action: ProviderAction = Field(description="What you did.")
    reason: AnyReason | None = Field(
        default=None, max_length=REASON_MAX, description="Why; needed for `kept`. One line, and nobody's name."
    )


class ActionAnswer(BaseModel):
    """What was said about a match."""

    model_config = ConfigDict(from_attributes=True)

    id: int = Field(description="Its number.")
    action: ProviderAction = Field(description="What was done.")
    reason: str | None = Field(description="Why.")
    said_by: str = Field(description="Who said so: kind and id of the actor.")
    said_at: datetime = Field(description="When.")


@router.get("", dependencies=[needs(Permission.GATE_READ)])
def list_decisions(
    visit: Visit,
    *,
    open: Annotated[  # noqa: A002 (the parameter's name in the address)
        bool, Query(description="Only those about which you said nothing yet, the oldest first. Else the newest first.")
    ] = False,
    object_id: Annotated[str | None, Query(max_length=200, description="Only of this upload; not with `open`.")] = None,
    limit: Annotated[int, Query(ge=1, le=decisions.LIST_MAX, description="At most so many."), DIGITS] = 100,
    after_id: Annotated[UUID | None, Query(description="Go on behind this one: the last id of the page before.")] = None,
) -> list[DecisionAnswer]:
    """Decisions that rest on a match."""
    with visit.transaction() as conn:
        place = None
        if after_id is not None:
            place = (decisions.get_decision(conn, visit.actor, decision_id=after_id).decision.at, after_id)
        if open:
            found = answering.list_open(conn, visit.actor, after=place, limit=limit)
        else:
            found = decisions.list_decisions(conn, visit.actor, object_id=_storable(object_id), before=place, limit=limit)
    return [_as_answer(one, visit.now) for one in found]


@router.get("/{check_id}", dependencies=[needs(Permission.GATE_READ)])
def get_decision(visit: Visit, check_id: UUID) -> DecisionAnswer:
    """One decision."""
    with visit.transaction() as conn:
        found = decisions.get_decision(conn, visit.actor, decision_id=check_id).decision
    return _as_answer(found, visit.now)


@router.get("/{check_id}/actions", dependencies=[needs(Permission.GATE_READ)])
def list_actions(visit: Visit, check_id: UUID) -> list[ActionAnswer]:
    """What was said about a decision, the oldest first. The last word on the upload, and on the account, counts."""
    with visit.transaction() as conn:
        decisions.get_decision(conn, visit.actor, decision_id=check_id)
        said = answering.list_said(conn, visit.actor, decision_id=check_id)
    return [ActionAnswer.model_validate(one) for one in said]


@router.post("/{check_id}/actions", dependencies=[needs(Permission.GATE_ANSWER)])
def say_action(visit: Visit, check_id: UUID, given: ActionGiven) -> ActionAnswer:
    """Say what you did about a match. Saying the same again changes nothing; a correction is kept beside what it corrects.

    A match waits until something was said about the upload itself: `not_published`, `removed`, `unavailable` or `kept`.
    """
    with visit.transaction() as conn:
        said = answering.say(
            conn, visit.actor, decision_id=check_id, action=given.action, reason=given.reason, now=visit.now
        )
    return ActionAnswer.model_validate(said)


def _as_answer(one: ListedDecision, now: datetime) -> DecisionAnswer:
    values: dict[str, Any] = {
        "check_id": one.answer.check_id,
        "at": one.at,
        "uploaded_at": one.uploaded_at,
        "door": one.door,
        "object_id": one.object_id,
        "outcome": one.answer.outcome,
        "decision": one.answer.decision,
        "matches": [
            {
                "list": match.list_name,
                "list_id": match.list_id,
                "entry_id": match.entry_id,
                "classification": match.classification,
                "algorithm": match.algorithm,
                "distance": match.distance,
                "view": match.view,
                "shadow": match.shadow,
            }
            for match in one.answer.matches
        ],
        "reported_at": one.reported_at,
        "revised_at": one.revised_at,
        "answered_at": one.answered_at,
        "open": one.wants_answer,
        "age_seconds": max(0, int((now - one.at).total_seconds())),
    }
    return DecisionAnswer.model_validate(values)


def _storable(text: str | None) -> str | None:
    """None of an upload's names holds what the database cannot keep."""
    return text if text is None or "\0" not in text else "\ufffd"
