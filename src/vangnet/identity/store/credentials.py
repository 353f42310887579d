"""What proves who a person is: password, authenticator app, passkeys, recovery codes, an identity elsewhere."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.rows import class_row

from vangnet.db import Connection
from vangnet.errors import Conflict
from vangnet.identity.model.factors import Factors, Passkey, Totp

# --- password ------------------------------------------------------------------------------------------------------


def find_password_hash(conn: Connection, person_id: UUID) -> str | None:
    """The argon2id hash, or None where the person has no password."""
    row = conn.execute("SELECT hash FROM person_password WHERE person_id = %s", [person_id]).fetchone()
    return None if row is None else row[0]


def set_password_hash(conn: Connection, person_id: UUID, password_hash: str, *, now: datetime) -> None:
    """In place of an older one."""
    conn.execute(
        """
        INSERT INTO person_password (person_id, hash, changed_at) VALUES (%s, %s, %s)
        ON CONFLICT (person_id) DO UPDATE SET hash = excluded.hash, changed_at = excluded.changed_at
        """,
        [person_id, password_hash, now],
    )


# --- authenticator app ---------------------------------------------------------------------------------------------


def find_totp_for_update(conn: Connection, person_id: UUID) -> Totp | None:
    """The confirmed authenticator app, locked: two requests must not use the same code."""
    with conn.cursor(row_factory=class_row(Totp)) as cursor:
        return cursor.execute("SELECT * FROM person_totp WHERE person_id = %s FOR UPDATE", [person_id]).fetchone()


def set_totp(conn: Connection, totp: Totp) -> None:
    """In place of an older one."""
    conn.execute(
        """
        INSERT INTO person_totp (person_id, sealed_secret, last_step, confirmed_at) VALUES (%s, %s, %s, %s)
        ON CONFLICT (person_id) DO UPDATE SET
            sealed_secret = excluded.sealed_secret, last_step = excluded.last_step, confirmed_at = excluded.confirmed_at
        """,
        [totp.person_id, totp.sealed_secret, totp.last_step, totp.confirmed_at],
    )


def update_totp_step(conn: Connection, person_id: UUID, step: int) -> None:
    """The step of a code that was taken."""
    conn.execute("UPDATE person_totp SET last_step = %s WHERE person_id = %s", [step, person_id])


def remove_totp(conn: Connection, person_id: UUID) -> None:
    """The person uses no authenticator app any more."""
    conn.execute("DELETE FROM person_totp WHERE person_id = %s", [person_id])


# --- passkeys ------------------------------------------------------------------------------------------------------


def list_passkeys(conn: Connection, person_id: UUID) -> list[Passkey]:
    """The person's passkeys, the oldest first."""
    with conn.cursor(row_factory=class_row(Passkey)) as cursor:
        return cursor.execute("SELECT * FROM passkey WHERE person_id = %s ORDER BY added_at, id", [person_id]).fetchall()


def find_passkey_for_update(conn: Connection, credential_id: bytes) -> Passkey | None:
    """The passkey with this id, whosever it is."""
    with conn.cursor(row_factory=class_row(Passkey)) as cursor:
        return cursor.execute("SELECT * FROM passkey WHERE credential_id = %s FOR UPDATE", [credential_id]).fetchone()


def add_passkey(conn: Connection, passkey: Passkey) -> None:
    """Raises Conflict where the passkey is known already."""
    try:
        with conn.transaction():
            conn.execute(
                """
                INSERT INTO passkey (id, person_id, credential_id, public_key, sign_count, name, added_at)
                VALUES (%s, %s, %s, %s, %s, %s, %s)
                """,
                [
                    passkey.id,
                    passkey.person_id,
                    passkey.credential_id,
                    passkey.public_key,
                    passkey.sign_count,
                    passkey.name,
                    passkey.added_at,
                ],
            )
    except UniqueViolation as error:
        raise Conflict(problem="this passkey is in use already") from error


def update_passkey_used(conn: Connection, passkey_id: UUID, *, sign_count: int, now: datetime) -> None:
    """The passkey answered."""
    conn.execute("UPDATE passkey SET sign_count = %s, last_used_at = %s WHERE id = %s", [sign_count, now, passkey_id])


def remove_passkey(conn: Connection, person_id: UUID, passkey_id: UUID) -> bool:
    """Whether the person had it."""
    return conn.execute("DELETE FROM passkey WHERE id = %s AND person_id = %s", [passkey_id, person_id]).rowcount == 1


def remove_passkeys(conn: Connection, person_id: UUID) -> None:
    """All of them."""
    conn.execute("DELETE FROM passkey WHERE person_id = %s", [person_id])


def spend_challenge(conn: Connection, digest: bytes, *, expires_at: datetime) -> bool:
    """Whether this challenge was not answered before."""
    return (
        conn.execute(
            "INSERT INTO spent_challenge (digest, expires_at) VALUES (%s, %s) ON CONFLICT DO NOTHING", [digest, expires_at]
        ).rowcount
        == 1
    )


# --- recovery codes ------------------------------------------------------------------------------------------------


def replace_recovery_codes(conn: Connection, person_id: UUID, digests: Sequence[bytes]) -> None:
    """These codes, and none of the older ones."""
    conn.execute("DELETE FROM recovery_code WHERE person_id = %s", [person_id])
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO recovery_code (person_id, digest) VALUES (%s, %s)", [(person_id, digest) for digest in digests]
        )


def use_recovery_code(conn: Connection, person_id: UUID, digest: bytes) -> bool:
    """Whether the person had this code unused; it is gone then."""
    return conn.execute("DELETE FROM recovery_code WHERE person_id = %s AND digest = %s", [person_id, digest]).rowcount == 1


def remove_recovery_codes(conn: Connection, person_id: UUID) -> None:
    """All of them."""
    conn.execute("DELETE FROM recovery_code WHERE person_id = %s", [person_id])


# --- an identity at the party's own identity provider --------------------------------------------------------------


def find_person_id_by_identity(conn: Connection, *, issuer: str, subject: str) -> UUID | None:
    """Whose identity it is."""
    row = conn.execute(
        "SELECT person_id FROM external_identity WHERE issuer = %s AND subject = %s", [issuer, subject]
    ).fetchone()
    return None if row is None else row[0]


def list_identity_issuers(conn: Connection, person_id: UUID) -> list[str]:
    """The identity providers at which the person is known."""
    rows = conn.execute("SELECT issuer FROM external_identity WHERE person_id = %s ORDER BY issuer", [person_id]).fetchall()
    return [row[0] for row in rows]


def add_identity(conn: Connection, person_id: UUID, *, issuer: str, subject: str, now: datetime) -> bool:
    """Whether the identity is theirs now; not where they have another one at the same issuer."""
    return (
        conn.execute(
            """
            INSERT INTO external_identity (issuer, subject, person_id, linked_at) VALUES (%s, %s, %s, %s)
            ON CONFLICT DO NOTHING
            """,
            [issuer, subject, person_id, now],
        ).rowcount
        == 1
    )


def remove_identities(conn: Connection, person_id: UUID) -> None:
    """All of them."""
    conn.execute("DELETE FROM external_identity WHERE person_id = %s", [person_id])


# --- all together --------------------------------------------------------------------------------------------------


def factors_of(conn: Connection, person_id: UUID) -> Factors:
    """What the person has beside a password."""
    with conn.cursor(row_factory=class_row(Factors)) as cursor:
        factors = cursor.execute(
            """
            SELECT EXISTS (SELECT FROM person_totp WHERE person_id = %(id)s) AS totp,
                   (SELECT count(*) FROM passkey WHERE person_id = %(id)s) AS passkeys,
                   (SELECT count(*) FROM recovery_code WHERE person_id = %(id)s) AS recovery_codes
            """,
            {"id": person_id},
        ).fetchone()
    if factors is None:
        raise AssertionError("a SELECT without FROM has one row")
    return factors


def remove_password(conn: Connection, person_id: UUID) -> None:
    """The person has no password any more."""
    conn.execute("DELETE FROM person_password WHERE person_id = %s", [person_id])
