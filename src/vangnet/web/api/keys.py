"""API keys for programs: which there are, and revoking one. No key can issue another."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from vangnet.identity.permissions import Permission
from vangnet.identity.service import api_keys
from vangnet.web.access import needs
from vangnet.web.visit import Visit

router = APIRouter(prefix="/api/v1", tags=["API keys"])


class KeyAnswer(BaseModel):
    """An API key; its text is not kept."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="The id by which the audit trail names the key.")
    prefix: str = Field(description="How the key begins, after `vangnet_`.")
    name: str = Field(description="What it is for.")
    party_id: UUID | None = Field(description="The party whose key it is; none: a program of ours.")
    scopes: list[Permission] = Field(description="What it allows.")
    issued_at: datetime = Field(description="When it was issued.")
    expires_at: datetime = Field(description="When it stops counting.")
    last_used_at: datetime | None = Field(description="When it was last used, to the minute.")
    revoked_at: datetime | None = Field(description="When it was revoked.")


@router.get("/keys", dependencies=[needs(Permission.KEY_READ)])
def list_keys(visit: Visit) -> list[KeyAnswer]:
    """All keys, the newest first."""
    with visit.transaction() as conn:
        return [KeyAnswer.model_validate(key) for key in api_keys.list_keys(conn, visit.actor)]


@router.post("/keys/{key_id}/revoke", dependencies=[needs(Permission.KEY_REVOKE)])
def revoke_key(visit: Visit, key_id: UUID) -> KeyAnswer:
    """The key counts no more, from the next request on."""
    with visit.transaction() as conn:
        return KeyAnswer.model_validate(api_keys.revoke(conn, visit.actor, key_id=key_id, now=visit.now))
