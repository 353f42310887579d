"""Signing in: what a session is, when it counts, and the closed set of how an attempt can end."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from vangnet.audit.model import Actor, ActorKind
from vangnet.errors import Conflict
from vangnet.identity.model.people import Person
from vangnet.identity.permissions import Permission, permissions_of

#: How long somebody whose password was right has for the second factor.
SECOND_FACTOR_WAITS = timedelta(minutes=10)
#: How recent a sign-in must be to change how one signs in: who finds an open screen shall not add a key of theirs.
RECENT = timedelta(minutes=15)
#: A session's last use is written at most so often; each write is one that a page waits for.
SEEN_EVERY = timedelta(minutes=1)


class SessionStage(StrEnum):
    PASSWORD_PROVEN = "password_proven"  #: The password was right; the second factor is still owed.
    WHOLE = "whole"  #: Signed in.


class SignInMeans(StrEnum):
    PASSWORD = "password"  #: A password, before the second factor.
    PASSWORD_AND_CODE = "password_and_code"  #: A password and a code of the authenticator app.
    PASSWORD_AND_PASSKEY = "password_and_passkey"  #: A password and a passkey.
    PASSWORD_AND_RECOVERY_CODE = "password_and_recovery_code"  #: A password and one of the ten recovery codes.
    PASSKEY = "passkey"  #: A passkey alone, which verified its owner itself.
    IDENTITY_PROVIDER = "identity_provider"  #: The party's own identity provider.
    LINK = "link"  #: A link made on the console.


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One browser in which somebody signed in. Its token is known to that browser alone; we keep a digest."""

    id: UUID
    person_id: UUID
    stage: SessionStage
    means: SignInMeans
    created_at: datetime
    whole_at: datetime | None
    last_seen_at: datetime
    user_agent: str

    @property
    def whole(self) -> bool:
        """Whether the sign-in is complete."""
        return self.stage is SessionStage.WHOLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """What asks to be let in: where it is, what it calls itself, and the cookie by which a known device shows itself."""

    address: str = field(repr=False)
    user_agent: str | None = field(default=None, repr=False)
    device: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalIdentity:
    """Who an identity provider says that somebody is, from an ID token that was verified already."""

    issuer: str
    subject: str = field(repr=False)
    email: str | None = field(repr=False)
    email_verified: bool
    #: Whether the installation's settings say that this provider demands a second factor itself.
    second_factor_proven: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedInPerson:
    """Whose request this is, and by which session."""

    person: Person
    session: Session

    def actor(self) -> Actor:
        """Who acts, and what they may do now."""
        return actor_of(self.person, self.session)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """The sign-in is complete."""

    token: str = field(repr=False)
    session: Session
    person: Person
    #: For a cookie by which this device gets a limit of its own on wrong passwords (`devices.py`).
    device: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactorNeeded:
    """The first half was right."""

    token: str = field(repr=False)
    session: Session
    person: Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """What was given does not match. Deliberately says no more than that, whatever the reason."""


#: Whoever tries to sign in, before we know them.
ANONYMOUS = Actor(kind=ActorKind.ANONYMOUS, id="anonymous")


def actor_of(person: Person, session: Session) -> Actor:
    """The person as an actor: what their roles allow when the sign-in is complete, else only to complete it."""
    permissions = permissions_of(person.roles) if session.whole else frozenset({Permission.ME_SIGN_IN})
    return Actor(kind=ActorKind.PERSON, id=str(person.id), permissions=permissions)


def counts(session: Session, now: datetime, *, idle_minutes: int, hours: int) -> bool:
    """Whether the session still counts. Both limits hold: since the last request, and since the start."""
    if not session.whole:
        return now < session.created_at + SECOND_FACTOR_WAITS
    return now < session.last_seen_at + timedelta(minutes=idle_minutes) and now < session.created_at + timedelta(
        hours=hours
    )


def is_recent(session: Session, now: datetime) -> bool:
    """Whether its owner proved who they are only just now."""
    return session.whole_at is not None and now < session.whole_at + RECENT


def require_recent(session: Session, now: datetime) -> None:
    """Raises Conflict where the sign-in is too long ago for what changes how somebody signs in."""
    if not is_recent(session, now):
        raise Conflict(problem="this needs a sign-in of the last 15 minutes: sign out, sign in again, and repeat it")


#: The order matters: Edge and Opera say that they are Chrome, Chrome that it is Safari.
_BROWSERS = (
    ("Edge", r"\bEdg(e|A|iOS)?/"),
    ("Opera", r"\bOPR/"),
    ("Firefox", r"\b(Firefox|FxiOS)/"),
    ("Chrome", r"\b(Chrome|CriOS|Chromium|HeadlessChrome)/"),
    ("Safari", r"\bSafari/"),
    ("curl", r"\bcurl/"),
)
_SYSTEMS = (
    ("Android", r"\bAndroid\b"),
    ("iOS", r"\b(iPhone|iPad)\b"),
    ("Windows", r"\bWindows\b"),
    ("macOS", r"\bMac OS X\b"),
    ("Linux", r"\bLinux\b"),
)


def short_user_agent(header: str | None) -> str:
    """A browser as its owner recognises it, such as `Firefox, Linux`. The rest would only help to tell people apart."""
    text = (header or "")[:1000]
    found = [next((name for name, pattern in table if re.search(pattern, text)), None) for table in (_BROWSERS, _SYSTEMS)]
    return ", ".join(name for name in found if name) or "unknown"
