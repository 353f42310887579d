"""Accepted uploads that are kept: erased by the provider's own names for them."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from vangnet.gate.service import past
from vangnet.identity.permissions import Permission
from vangnet.web.access import needs
from vangnet.web.api.words import GivenName
from vangnet.web.visit import Visit

router = APIRouter(prefix="/api/v1/past", tags=["Gate"])


class UploadsToErase(BaseModel):
    """Your own names for uploads."""

    model_config = ConfigDict(extra="forbid")

    object_ids: list[Annotated[GivenName, Field(min_length=1)]] = Field(
        min_length=1,
        max_length=past.ERASED_MAX,
        description=f"At most {past.ERASED_MAX}, as they were sent with the check.",
    )


class UploadsErased(BaseModel):
    """What was erased."""

    erased: int = Field(description="How many uploads were kept under these names, and are not any more.")


@router.post("/erase", dependencies=[needs(Permission.GATE_ERASE)])
def erase_uploads(visit: Visit, given: UploadsToErase) -> UploadsErased:
    """Erase what is kept of accepted uploads, also of those that are about to be written.

    Do so whenever you delete an upload. Where nothing is kept, nothing happens.
    """
    with visit.transaction() as conn:
        erased = past.erase(conn, visit.actor, object_ids=given.object_ids, keys=visit.keys, now=visit.now)
    return UploadsErased(erased=erased)
