"""Sessions: begun by a sign-in, found with every request, ended by their owner."""

import uuid
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from vangnet.audit.model import Actor, ActorKind
from vangnet.audit.service import record
from vangnet.db import Connection
from vangnet.errors import NotFound, PermissionDenied
from vangnet.identity.model.people import Person, PersonState
from vangnet.identity.model.sessions import (
    SEEN_EVERY,
    Client,
    Session,
    SessionStage,
    SignedIn,
    SignedInPerson,
    SignInMeans,
    counts,
    short_user_agent,
)
from vangnet.identity.permissions import Permission
from vangnet.identity.service import devices
from vangnet.identity.service.tokens import digest_of, new_token
from vangnet.identity.store import people as people_store
from vangnet.identity.store import sessions as store
from vangnet.keys import Keys


def resolve(conn: Connection, token: str, *, now: datetime, idle_minutes: int, hours: int) -> SignedInPerson | None:
    """Whose session a token is, or None where it counts no more (or never did).

    A look-up, asked with every request: it leaves no audit event, and writes the last use at most once a minute.
    """
    session = store.find_session(conn, digest_of(token))
    if session is None or not counts(session, now, idle_minutes=idle_minutes, hours=hours):
        return None
    person = people_store.get_person(conn, session.person_id)
    if person.state is PersonState.LEFT:
        return None
    if now - session.last_seen_at >= SEEN_EVERY:
        store.update_seen(conn, session.id, now=now)
        session = replace(session, last_seen_at=now)
    return SignedInPerson(person=person, session=session)


def list_sessions(conn: Connection, actor: Actor) -> list[Session]:
    """One's own sessions, the last used first. Raises PermissionDenied."""
    return store.list_sessions(conn, own_id(actor, Permission.ME_SIGN_OUT))


def sign_out(conn: Connection, actor: Actor, *, session: Session, now: datetime) -> None:
    """Ends the session of this browser, complete or not. Raises PermissionDenied."""
    if actor.kind is not ActorKind.PERSON or actor.id != str(session.person_id):
        raise PermissionDenied(permission=Permission.ME_SIGN_OUT)
    store.remove_session(conn, session.person_id, session.id)
    record(conn, actor, action=Permission.ME_SIGN_OUT, record="session", record_id=session.id, now=now)


def revoke(conn: Connection, actor: Actor, *, session_id: UUID, now: datetime) -> None:
    """Ends one of one's own sessions. Raises PermissionDenied, NotFound."""
    person_id = own_id(actor, Permission.ME_SIGN_OUT)
    if not store.remove_session(conn, person_id, session_id):
        raise NotFound(record="session", key=str(session_id))
    record(conn, actor, action=Permission.ME_SIGN_OUT, record="session", record_id=session_id, now=now)


def revoke_others(conn: Connection, actor: Actor, *, session: Session, now: datetime) -> int:
    """Ends all of one's own sessions but this one; how many those were. Raises PermissionDenied."""
    person_id = own_id(actor, Permission.ME_SIGN_OUT, session)
    ended = store.remove_sessions(conn, person_id, but=session.id)
    record(conn, actor, action=Permission.ME_SIGN_OUT, record="session", record_id="others", now=now, ended=ended)
    return ended


# --- for the other use cases of this package -----------------------------------------------------------------------


def own_id(actor: Actor, permission: Permission, session: Session | None = None) -> UUID:
    """The id of the person who acts, for what somebody does with their own account, by their own session.

    Raises PermissionDenied.
    """
    actor.require(permission)
    if actor.kind is not ActorKind.PERSON or (session is not None and str(session.person_id) != actor.id):
        raise PermissionDenied(permission=permission)
    return UUID(actor.id)


def begin(
    conn: Connection, person: Person, *, stage: SessionStage, means: SignInMeans, client: Client, now: datetime
) -> tuple[str, Session]:
    """A new session and its token."""
    token, digest = new_token()
    session = Session(
        id=uuid.uuid4(),
        person_id=person.id,
        stage=stage,
        means=means,
        created_at=now,
        whole_at=now if stage is SessionStage.WHOLE else None,
        last_seen_at=now,
        user_agent=short_user_agent(client.user_agent),
    )
    store.add_session(conn, session, digest)
    return token, session


def begin_whole(
    conn: Connection, person: Person, *, means: SignInMeans, client: Client, keys: Keys, now: datetime
) -> SignedIn:
    """A complete sign-in at once."""
    token, session = begin(conn, person, stage=SessionStage.WHOLE, means=means, client=client, now=now)
    device = devices.cookie_for(person.id, client.device, keys=keys, now=now)
    return SignedIn(token=token, session=session, person=person, device=device)


def complete(
    conn: Connection, person: Person, session: Session, *, means: SignInMeans, client: Client, keys: Keys, now: datetime
) -> SignedIn:
    """The second half of a sign-in. The token is a new one: whoever saw the first half's has nothing with it."""
    token, digest = new_token()
    if session.means is not SignInMeans.PASSWORD:
        means = session.means  # The identity provider's word came first, and says more than our own second factor.
    whole = replace(session, stage=SessionStage.WHOLE, means=means, created_at=now, whole_at=now, last_seen_at=now)
    store.update_session(conn, whole, digest)
    device = devices.cookie_for(person.id, client.device, keys=keys, now=now)
    return SignedIn(token=token, session=whole, person=person, device=device)
