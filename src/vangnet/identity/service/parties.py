"""The parties we know: adding one, accepting one that introduced itself, its legal basis, and its end."""

import uuid
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from vangnet.audit.model import Actor
from vangnet.audit.service import record
from vangnet.db import Connection
from vangnet.errors import Conflict
from vangnet.identity.model.parties import (
    MOST_OPEN_PROPOSALS,
    Party,
    PartyKind,
    PartyState,
    checked_basis,
    checked_public_key,
    moved,
    require_known,
)
from vangnet.identity.model.text import checked_base_url, checked_email, checked_line
from vangnet.identity.permissions import Permission
from vangnet.identity.store import parties as store
from vangnet.keys import fingerprint as fingerprint_of


def list_parties(conn: Connection, actor: Actor) -> list[Party]:
    """All of them: those that wait for an answer first, then those we know, by name. Raises PermissionDenied."""
    actor.require(Permission.PARTY_READ)
    return store.list_parties(conn)


def get_party(conn: Connection, actor: Actor, party_id: UUID) -> Party:
    """Raises PermissionDenied, NotFound."""
    actor.require(Permission.PARTY_READ)
    return store.get_party(conn, party_id)


def add(
    conn: Connection,
    actor: Actor,
    *,
    name: str,
    kind: PartyKind,
    contact_name: str | None = None,
    contact_email: str | None = None,
    base_url: str | None = None,
    public_key: bytes | None = None,
    now: datetime,
) -> Party:
    """Adds a party for which the actor vouches. Raises PermissionDenied, InvalidInput, Conflict."""
    actor.require(Permission.PARTY_ADD)
    party = Party(
        id=uuid.uuid4(),
        name=checked_line(name, field="name"),
        kind=kind,
        state=PartyState.KNOWN,
        contact_name=_optional_line(contact_name),
        contact_email=_optional_email(contact_email),
        base_url=None if not base_url else checked_base_url(base_url),
        public_key=None if public_key is None else checked_public_key(public_key),
        introduced_at=now,
        accepted_by=actor.label,
        accepted_at=now,
    )
    store.add_party(conn, party)
    _record(conn, actor, Permission.PARTY_ADD, party, now=now)
    return party


def introduce(
    conn: Connection, actor: Actor, *, name: str, kind: PartyKind, base_url: str, public_key: bytes, now: datetime
) -> Party:
    """A party that introduces itself, by its signature. It counts for nothing before somebody here accepts it.

    The same key again replaces what was proposed before; of a party that we know already nothing changes. It leaves no
    event of its own: the deed is the hand-off that brought the introduction, whose event names the party.
    Raises PermissionDenied, InvalidInput, Conflict (too many wait for an answer).
    """
    actor.require(Permission.HANDOFF_RECEIVE)
    name, base_url = checked_line(name, field="name"), checked_base_url(base_url)
    public_key = checked_public_key(public_key)
    store.lock_introductions(conn)
    known = store.find_party_by_public_key(conn, public_key)
    if known is not None and known.state is PartyState.KNOWN:
        return known
    if known is not None:
        party = replace(known, name=name, kind=kind, base_url=base_url, introduced_at=now)
        store.update_party(conn, party)
    else:
        if store.count_proposals(conn) >= MOST_OPEN_PROPOSALS:
            raise Conflict(problem="too many parties that introduced themselves wait for an answer: try again later")
        party = Party(
            id=uuid.uuid4(),
            name=name,
            kind=kind,
            state=PartyState.PROPOSED,
            base_url=base_url,
            public_key=public_key,
            introduced_at=now,
        )
        store.add_party(conn, party)
    return party


def accept(conn: Connection, actor: Actor, *, party_id: UUID, fingerprint: str, now: datetime) -> Party:
    """Vouches for a party that introduced itself, after its key's fingerprint was compared, best over the telephone.

    `fingerprint` is the one that was compared: where the key is another one by now, it is not accepted unseen.
    Raises PermissionDenied, NotFound, Conflict.
    """
    actor.require(Permission.PARTY_ADD)
    party = store.get_party_for_update(conn, party_id)
    state = moved(party.state, PartyState.KNOWN)
    compared = "".join(fingerprint.split()).casefold()
    if party.public_key is None or "".join(fingerprint_of(party.public_key).split()) != compared:
        raise Conflict(problem="the party has another key than the one that was compared: compare the fingerprints again")
    party = replace(party, state=state, accepted_by=actor.label, accepted_at=now)
    store.update_party(conn, party)
    _record(conn, actor, Permission.PARTY_ADD, party, now=now)
    return party


def update(
    conn: Connection,
    actor: Actor,
    *,
    party_id: UUID,
    name: str,
    contact_name: str | None,
    contact_email: str | None,
    base_url: str | None,
    now: datetime,
) -> Party:
    """Changes what we know of a party; its key only changes by a new introduction.

    Raises PermissionDenied, NotFound, InvalidInput, Conflict.
    """
    actor.require(Permission.PARTY_UPDATE)
    party = store.get_party_for_update(conn, party_id)
    require_known(party)
    party = replace(
        party,
        name=checked_line(name, field="name"),
        contact_name=_optional_line(contact_name),
        contact_email=_optional_email(contact_email),
        base_url=None if not base_url else checked_base_url(base_url),
    )
    store.update_party(conn, party)
    _record(conn, actor, Permission.PARTY_UPDATE, party, now=now)
    return party


def record_legal_basis(
    conn: Connection, actor: Actor, *, party_id: UUID, text: str, reference: str, ends_on: date, now: datetime
) -> Party:
    """Records why something may be exchanged with the party, in place of an older basis.

    Raises PermissionDenied, NotFound, InvalidInput, Conflict.
    """
    actor.require(Permission.PARTY_UPDATE)
    party = store.get_party_for_update(conn, party_id)
    require_known(party)
    basis = checked_basis(text=text, reference=reference, ends_on=ends_on, now=now)
    party = replace(party, legal_basis=basis)
    store.update_party(conn, party)
    _record(conn, actor, Permission.PARTY_UPDATE, party, now=now, legal_basis_ends_on=basis.ends_on.isoformat())
    return party


def end(conn: Connection, actor: Actor, *, party_id: UUID, now: datetime) -> Party:
    """Ends what we have with a party, or turns an introduction down: its keys and grants stop counting at once.

    Raises PermissionDenied, NotFound, InvalidTransition.
    """
    actor.require(Permission.PARTY_END)
    party = store.get_party_for_update(conn, party_id)
    party = replace(party, state=moved(party.state, PartyState.ENDED), ended_by=actor.label, ended_at=now)
    store.update_party(conn, party)
    _record(conn, actor, Permission.PARTY_END, party, now=now)
    return party


# --- for other capabilities, which act for somebody else or for nobody ----------------------------------------------


def find_party_by_public_key(conn: Connection, public_key: bytes) -> Party | None:
    """The party with this key that has not ended; it may only be proposed, so look at its state."""
    return store.find_party_by_public_key(conn, public_key)


def party(conn: Connection, party_id: UUID) -> Party:
    """Raises NotFound."""
    return store.get_party(conn, party_id)


def _optional_line(text: str | None) -> str | None:
    return None if text is None or not text.strip() else checked_line(text, field="contact_name")


def _optional_email(text: str | None) -> str | None:
    return None if text is None or not text.strip() else checked_email(text, field="contact_email")


def _record(conn: Connection, actor: Actor, action: Permission, party: Party, *, now: datetime, **details: object) -> None:
    record(
        conn,
        actor,
        action=action,
        record="party",
        record_id=party.id,
        now=now,
        state=party.state,
        kind=party.kind,
        **details,
    )
