"""The values and the pure rules of people, parties and how they prove who they are, one file a subject."""

from vangnet.identity.model.api_keys import ApiKey, IssuedKey
from vangnet.identity.model.factors import Ceremony, FactorAdded, Factors, Passkey, TotpProposal
from vangnet.identity.model.installation import Installation, InstallationKind
from vangnet.identity.model.parties import Grant, GrantedRight, LegalBasis, Party, PartyKind, PartyState
from vangnet.identity.model.people import Invitation, Invited, Person, PersonState, Theme
from vangnet.identity.model.sessions import (
    ANONYMOUS,
    Client,
    ExternalIdentity,
    Refused,
    SecondFactorNeeded,
    Session,
    SessionStage,
    SignedIn,
    SignedInPerson,
    SignInMeans,
)
from vangnet.identity.model.text import Language

__all__ = [
    "ANONYMOUS",
    "ApiKey",
    "Ceremony",
    "Client",
    "ExternalIdentity",
    "FactorAdded",
    "Factors",
    "Grant",
    "GrantedRight",
    "Installation",
    "InstallationKind",
    "Invitation",
    "Invited",
    "IssuedKey",
    "Language",
    "LegalBasis",
    "Party",
    "PartyKind",
    "PartyState",
    "Passkey",
    "Person",
    "PersonState",
    "Refused",
    "SecondFactorNeeded",
    "Session",
    "SessionStage",
    "SignInMeans",
    "SignedIn",
    "SignedInPerson",
    "Theme",
    "TotpProposal",
]
