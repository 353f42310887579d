"""The tables `party` and `party_grant`."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.rows import kwargs_row

from vangnet.db import Connection
from vangnet.errors import Conflict, NotFound
from vangnet.identity.model.parties import Grant, GrantedRight, LegalBasis, Party, PartyKind, PartyState

#: The advisory lock under which a new introduction counts the open ones; an arbitrary number of ours.
_INTRODUCING = 8_201_001


def list_parties(conn: Connection) -> list[Party]:
    """All of them: those that wait for an answer first, then those we know, by name."""
    with conn.cursor(row_factory=kwargs_row(_party)) as cursor:
        return cursor.execute(
            "SELECT * FROM party ORDER BY array_position(ARRAY['proposed', 'known', 'ended'], state), lower(name), id"
        ).fetchall()


def get_party(conn: Connection, party_id: UUID) -> Party:
    """Raises NotFound."""
    with conn.cursor(row_factory=kwargs_row(_party)) as cursor:
        party = cursor.execute("SELECT * FROM party WHERE id = %s", [party_id]).fetchone()
    return _found(party, party_id)


def get_party_for_update(conn: Connection, party_id: UUID) -> Party:
    """Raises NotFound."""
    with conn.cursor(row_factory=kwargs_row(_party)) as cursor:
        party = cursor.execute("SELECT * FROM party WHERE id = %s FOR UPDATE", [party_id]).fetchone()
    return _found(party, party_id)


def find_party_by_public_key(conn: Connection, public_key: bytes) -> Party | None:
    """The party with this key that has not ended."""
    with conn.cursor(row_factory=kwargs_row(_party)) as cursor:
        return cursor.execute("SELECT * FROM party WHERE public_key = %s AND state <> 'ended'", [public_key]).fetchone()


def lock_introductions(conn: Connection) -> None:
    """One introduction at a time, so that their number is counted right."""
    conn.execute("SELECT pg_advisory_xact_lock(%s)", [_INTRODUCING])


def count_proposals(conn: Connection) -> int:
    """How many parties introduced themselves and wait for an answer."""
    row = conn.execute("SELECT count(*) FROM party WHERE state = 'proposed'").fetchone()
    return 0 if row is None else row[0]


def add_party(conn: Connection, party: Party) -> None:
    """Raises Conflict where the public key belongs to another party."""
    try:
        with conn.transaction():
            conn.execute(
                """
                INSERT INTO party (
                    id, name, kind, state, contact_name, contact_email, base_url, public_key, introduced_at,
                    accepted_by, accepted_at, ended_by, ended_at,
                    legal_basis, legal_basis_reference, legal_basis_ends_on
                ) VALUES (
                    %(id)s, %(name)s, %(kind)s, %(state)s, %(contact_name)s, %(contact_email)s, %(base_url)s,
                    %(public_key)s, %(introduced_at)s, %(accepted_by)s, %(accepted_at)s, %(ended_by)s, %(ended_at)s,
                    %(legal_basis)s, %(legal_basis_reference)s, %(legal_basis_ends_on)s
                )
                """,
                _values(party),
            )
    except UniqueViolation as error:
        raise Conflict(problem="a party with this public key is known already") from error


def update_party(conn: Connection, party: Party) -> None:
    """Writes every field but the key. That never changes: another key is another party."""
    conn.execute(
        """
        UPDATE party SET
            name = %(name)s, kind = %(kind)s, state = %(state)s, contact_name = %(contact_name)s,
            contact_email = %(contact_email)s, base_url = %(base_url)s, introduced_at = %(introduced_at)s,
            accepted_by = %(accepted_by)s, accepted_at = %(accepted_at)s, ended_by = %(ended_by)s, ended_at = %(ended_at)s,
            legal_basis = %(legal_basis)s, legal_basis_reference = %(legal_basis_reference)s,
            legal_basis_ends_on = %(legal_basis_ends_on)s
        WHERE id = %(id)s
        """,
        _values(party),
    )


# --- grants --------------------------------------------------------------------------------------------------------


def list_grants(conn: Connection, party_id: UUID) -> list[Grant]:
    """The party's grants, withdrawn ones included, the newest first."""
    with conn.cursor(row_factory=kwargs_row(_grant)) as cursor:
        return cursor.execute(
            "SELECT * FROM party_grant WHERE party_id = %s ORDER BY given_at DESC, id", [party_id]
        ).fetchall()


def find_open_grant(conn: Connection, party_id: UUID, right: GrantedRight) -> Grant | None:
    """The grant of this right that was not withdrawn, in time or past its last day."""
    with conn.cursor(row_factory=kwargs_row(_grant)) as cursor:
        return cursor.execute(
            'SELECT * FROM party_grant WHERE party_id = %s AND "right" = %s AND withdrawn_at IS NULL', [party_id, right]
        ).fetchone()


def get_grant_for_update(conn: Connection, grant_id: UUID) -> Grant:
    """Raises NotFound."""
    with conn.cursor(row_factory=kwargs_row(_grant)) as cursor:
        grant = cursor.execute("SELECT * FROM party_grant WHERE id = %s FOR UPDATE", [grant_id]).fetchone()
    if grant is None:
        raise NotFound(record="grant", key=str(grant_id))
    return grant


def add_grant(conn: Connection, grant: Grant) -> None:
    """A new grant; the right's older one must be withdrawn."""
    conn.execute(
        """
        INSERT INTO party_grant (id, party_id, "right", given_by, given_at, until) VALUES (%s, %s, %s, %s, %s, %s)
        """,
        [grant.id, grant.party_id, grant.right, grant.given_by, grant.given_at, grant.until],
    )


def update_grant_withdrawn(conn: Connection, grant_id: UUID, *, now: datetime) -> None:
    """The grant counts no more."""
    conn.execute("UPDATE party_grant SET withdrawn_at = %s WHERE id = %s", [now, grant_id])


def _values(party: Party) -> dict[str, object]:
    basis = party.legal_basis
    return {
        "id": party.id,
        "name": party.name,
        "kind": party.kind,
        "state": party.state,
        "contact_name": party.contact_name,
        "contact_email": party.contact_email,
        "base_url": party.base_url,
        "public_key": party.public_key,
        "introduced_at": party.introduced_at,
        "accepted_by": party.accepted_by,
        "accepted_at": party.accepted_at,
        "ended_by": party.ended_by,
        "ended_at": party.ended_at,
        "legal_basis": basis and basis.text,
        "legal_basis_reference": basis and basis.reference,
        "legal_basis_ends_on": basis and basis.ends_on,
    }


def _party(
    *,
    kind: str,
    state: str,
    legal_basis: str | None,
    legal_basis_reference: str | None,
    legal_basis_ends_on: date | None,
    **rest: Any,
) -> Party:
    basis = None
    if legal_basis is not None and legal_basis_reference is not None and legal_basis_ends_on is not None:
        basis = LegalBasis(text=legal_basis, reference=legal_basis_reference, ends_on=legal_basis_ends_on)
    return Party(kind=PartyKind(kind), state=PartyState(state), legal_basis=basis, **rest)


def _grant(*, right: str, **rest: Any) -> Grant:
    return Grant(right=GrantedRight(right), **rest)


def _found(party: Party | None, party_id: UUID) -> Party:
    if party is None:
        raise NotFound(record="party", key=str(party_id))
    return party
