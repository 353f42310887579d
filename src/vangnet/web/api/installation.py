"""Who this installation says it is: what another installation asks before it introduces itself."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from vangnet.handoff.model import PROTOCOL
from vangnet.identity.model import InstallationKind
from vangnet.identity.service import installation
from vangnet.keys import fingerprint
from vangnet.web.access import PUBLIC, needs
from vangnet.web.visit import Visit

router = APIRouter(prefix="/api/v1", tags=["Installation"])


class InstallationAnswer(BaseModel):
    """Whose installation this is, and the key by which others recognise what it signs."""

    protocol: int = Field(description="Version of the hand-off protocol that it speaks.")
    kind: InstallationKind = Field(description="Which kind of party it belongs to.")
    name: str = Field(description="The party's name.")
    public_key: str = Field(description="Its public key (Ed25519), 64 hex digits.")
    fingerprint: str = Field(description="The same key as people compare it over the telephone.")


@router.get("/installation", dependencies=[needs(PUBLIC)])
def get_installation(visit: Visit) -> InstallationAnswer:
    """Whose installation this is. Compare the fingerprint over another channel before you believe it."""
    with visit.transaction() as conn:
        found = installation.get_installation(conn)
    return InstallationAnswer(
        protocol=PROTOCOL,
        kind=found.kind,
        name=found.party_name,
        public_key=visit.keys.public_key.hex(),
        fingerprint=fingerprint(visit.keys.public_key),
    )
