"""API keys: issuing, revoking, and telling who a program is by its key."""

import base64
import os
import secrets
import uuid
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from vangnet.audit.model import Actor, ActorKind
from vangnet.audit.service import record
from vangnet.db import Connection
from vangnet.errors import Conflict
from vangnet.identity.model import api_keys as rules
from vangnet.identity.model.api_keys import DEFAULT_LIFE, SECRET_BYTES, USED_EVERY, ApiKey, IssuedKey
from vangnet.identity.model.parties import basis_holds, require_known
from vangnet.identity.model.sessions import ANONYMOUS, Refused
from vangnet.identity.model.text import checked_line
from vangnet.identity.permissions import Permission
from vangnet.identity.service import attempts
from vangnet.identity.service.tokens import digest_of
from vangnet.identity.store import api_keys as store
from vangnet.identity.store import parties

_PREFIX_BYTES = 5


def list_keys(conn: Connection, actor: Actor) -> list[ApiKey]:
    """All keys, the newest first. Raises PermissionDenied."""
    actor.require(Permission.KEY_READ)
    return store.list_keys(conn)


def list_keys_of_party(conn: Connection, actor: Actor, party_id: UUID) -> list[ApiKey]:
    """A party's keys, the newest first. Raises PermissionDenied."""
    actor.require(Permission.KEY_READ)
    return store.list_keys_of_party(conn, party_id)


def party_of(conn: Connection, actor: Actor) -> UUID | None:
    """Whose program it is that acts: the party that its key was given to; None for our own, and for people."""
    return store.find_party_id(conn, UUID(actor.id)) if actor.kind is ActorKind.API_KEY else None


def issue(
    conn: Connection,
    actor: Actor,
    *,
    name: str,
    scopes: frozenset[Permission],
    party_id: UUID | None = None,
    expires_at: datetime | None = None,
    now: datetime,
) -> IssuedKey:
    """A new key for a program of ours or, with `party_id`, of a party that we know and have a legal basis with.

    It expires after a year unless said otherwise. Its text is shown this once. Nobody can give a key more than they may do
    themselves. Raises PermissionDenied, NotFound, InvalidInput, Conflict.
    """
    actor.require(Permission.KEY_ISSUE)
    rules.check_scopes(scopes, own=actor.permissions, for_party=party_id is not None)
    if party_id is not None:
        party = parties.get_party_for_update(conn, party_id)
        require_known(party)
        if not basis_holds(party.legal_basis, now):
            raise Conflict(problem="there is no legal basis for an exchange with this party today: record one first")
    prefix = base64.b32encode(os.urandom(_PREFIX_BYTES)).decode().lower()
    secret = base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode().rstrip("=").lower()
    key = ApiKey(
        id=uuid.uuid4(),
        prefix=prefix,
        name=checked_line(name, field="name"),
        party_id=party_id,
        scopes=scopes,
        issued_at=now,
        issued_by=actor.label,
        expires_at=rules.checked_expiry(expires_at or now + DEFAULT_LIFE, now),
    )
    store.add_key(conn, key, digest_of(secret))
    record(
        conn,
        actor,
        action=Permission.KEY_ISSUE,
        record="api_key",
        record_id=key.id,
        now=now,
        party=None if party_id is None else str(party_id),
        scopes=sorted(scopes),
        expires_at=key.expires_at.isoformat(),
    )
    return IssuedKey(key=key, text=rules.written(prefix, secret))


def revoke(conn: Connection, actor: Actor, *, key_id: UUID, now: datetime) -> ApiKey:
    """The key counts no more, from the next request on. Raises PermissionDenied, NotFound, Conflict."""
    actor.require(Permission.KEY_REVOKE)
    key = store.get_key_for_update(conn, key_id)
    if key.revoked_at is not None:
        raise Conflict(problem="this key was revoked already")
    store.update_revoked(conn, key_id, now=now)
    record(conn, actor, action=Permission.KEY_REVOKE, record="api_key", record_id=key_id, now=now)
    return replace(key, revoked_at=now)


def authenticate(conn: Connection, text: str, *, client_address: str, now: datetime) -> Actor | Refused:
    """The program whose key this is, with what the key allows.

    A right key leaves no event, but its last use, once a minute; a wrong one leaves an event and is counted.
    Raises TooManyAttempts.
    """
    parts = rules.read(text)
    key = None if parts is None else store.find_key(conn, parts[0], digest_of(parts[1]))
    party = None if key is None or key.party_id is None else parties.get_party(conn, key.party_id)
    if key is None or not rules.counts(key, party, now):
        attempts.token_failed(conn, client_address, now=now)
        record(
            conn,
            ANONYMOUS,
            action=Permission.ME_SIGN_IN,
            record="api_key",
            record_id="unknown" if key is None else key.id,
            now=now,
            outcome="refused",
        )
        return Refused()
    if key.last_used_at is None or now - key.last_used_at >= USED_EVERY:
        store.update_used(conn, key.id, now=now)
    return Actor(kind=ActorKind.API_KEY, id=str(key.id), permissions=frozenset(key.scopes))
