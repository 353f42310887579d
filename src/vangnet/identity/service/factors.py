"""Second factors of one's own: the authenticator app, recovery codes, and what is common to adding and removing any.

A first second factor is set up by somebody who knows the password and has none yet, in the days after their invitation or a
reset. Later ones need a complete sign-in of the last minutes.
"""

import base64
import binascii
import os
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from vangnet.audit.model import Actor
from vangnet.audit.service import record
from vangnet.db import Connection
from vangnet.errors import Conflict
from vangnet.identity.model.factors import (
    PROPOSAL_LASTS,
    RECOVERY_CODE_BYTES,
    RECOVERY_CODES,
    TOTP_SECRET_BYTES,
    FactorAdded,
    Factors,
    Totp,
    TotpProposal,
    matching_totp_step,
    shown_recovery_code,
    totp_secret_as_text,
    totp_uri,
)
from vangnet.identity.model.people import Person, PersonState, enrolment_open
from vangnet.identity.model.sessions import Client, Refused, Session, SignInMeans, require_recent
from vangnet.identity.permissions import Permission
from vangnet.identity.service import sessions
from vangnet.identity.service.installation import find_installation
from vangnet.identity.service.sign_in import joined
from vangnet.identity.service.tokens import digest_of
from vangnet.identity.store import credentials, people
from vangnet.keys import Keys

_PROPOSAL = "totp-proposal"
_SECRET = "totp"  # noqa: S105  (what is sealed, not a secret)


def own_factors(conn: Connection, actor: Actor, *, session: Session) -> Factors:
    """What one has beside a password. Raises PermissionDenied."""
    return credentials.factors_of(conn, sessions.own_id(actor, _needed(session), session))


def factors_of(conn: Connection, actor: Actor, person_id: UUID) -> Factors:
    """What a colleague has beside a password. Raises PermissionDenied."""
    actor.require(Permission.PERSON_READ)
    return credentials.factors_of(conn, person_id)


def propose_totp(conn: Connection, actor: Actor, *, session: Session, keys: Keys, now: datetime) -> TotpProposal:
    """A new secret for an authenticator app. Nothing is stored before a code made with it is given.

    Raises PermissionDenied, Conflict.
    """
    person = require_may_add(conn, actor, session, now=now)
    secret = os.urandom(TOTP_SECRET_BYTES)
    body = person.id.bytes + secret + int((now + PROPOSAL_LASTS).timestamp()).to_bytes(8)
    return _proposal(conn, person, secret, base64.urlsafe_b64encode(keys.seal(body, purpose=_PROPOSAL)).decode())


def same_proposal(
    conn: Connection, actor: Actor, *, session: Session, sealed: str, keys: Keys, now: datetime
) -> TotpProposal:
    """The proposal again, for a form in which the code was mistyped; a new one where it is too old."""
    person = require_may_add(conn, actor, session, now=now)
    secret = _proposed_secret(sealed, person.id, keys=keys, now=now)
    if secret is None:
        return propose_totp(conn, actor, session=session, keys=keys, now=now)
    return _proposal(conn, person, secret, sealed)


def confirm_totp(
    conn: Connection,
    actor: Actor,
    *,
    session: Session,
    sealed: str,
    code: str,
    client: Client,
    keys: Keys,
    now: datetime,
) -> FactorAdded | Refused:
    """The app counts from now on, in place of an older one, where `code` was made with the proposed secret.

    Raises PermissionDenied, Conflict.
    """
    person = require_may_add(conn, actor, session, now=now)
    secret = _proposed_secret(sealed, person.id, keys=keys, now=now)
    step = None if secret is None else matching_totp_step(secret, code, now, after_step=0)
    if secret is None or step is None:
        record(
            conn,
            actor,
            action=_needed(session),
            record="person",
            record_id=person.id,
            now=now,
            factor="totp",
            outcome="refused",
        )
        return Refused()
    totp = Totp(person_id=person.id, sealed_secret=keys.seal(secret, purpose=_SECRET), last_step=step, confirmed_at=now)
    credentials.set_totp(conn, totp)
    means = SignInMeans.PASSWORD_AND_CODE
    return added(conn, actor, person, session, factor="totp", means=means, client=client, keys=keys, now=now)


def remove_totp(conn: Connection, actor: Actor, *, session: Session, now: datetime) -> None:
    """The app counts no more. Raises PermissionDenied, Conflict (the last second factor stays, too long ago)."""
    person_id = sessions.own_id(actor, Permission.ME_UPDATE, session)
    require_recent(session, now)
    people.get_person_for_update(conn, person_id)
    factors = credentials.factors_of(conn, person_id)
    require_another_factor(factors)
    credentials.remove_totp(conn, person_id)
    record(
        conn, actor, action=Permission.ME_UPDATE, record="person", record_id=person_id, now=now, factor="totp", removed=1
    )


def renew_recovery_codes(conn: Connection, actor: Actor, *, session: Session, now: datetime) -> tuple[str, ...]:
    """Ten new codes in place of the others, shown this once. Raises PermissionDenied, Conflict."""
    person_id = sessions.own_id(actor, Permission.ME_UPDATE, session)
    require_recent(session, now)
    codes = _new_recovery_codes(conn, person_id)
    record(
        conn,
        actor,
        action=Permission.ME_UPDATE,
        record="person",
        record_id=person_id,
        now=now,
        recovery_codes=len(codes),
    )
    return codes


# --- for the other use cases of this package -----------------------------------------------------------------------


def require_may_add(conn: Connection, actor: Actor, session: Session, *, now: datetime) -> Person:
    """The person who acts, where they may add a second factor now. Raises PermissionDenied, Conflict."""
    person = people.get_person_for_update(conn, sessions.own_id(actor, _needed(session), session))
    if session.whole:
        require_recent(session, now)
        return person
    if credentials.factors_of(conn, person.id).any:
        raise Conflict(problem="a second factor is set up already: finish signing in with it")
    if not enrolment_open(person, now):
        raise Conflict(problem="the time to set up a second factor is over: ask an administrator to reset it")
    return person


def added(
    conn: Connection,
    actor: Actor,
    person: Person,
    session: Session,
    *,
    factor: str,
    means: SignInMeans,
    client: Client,
    keys: Keys,
    now: datetime,
) -> FactorAdded:
    """What follows from a new second factor: recovery codes with the first, and the end of a sign-in that waited for it."""
    codes: tuple[str, ...] = ()
    if credentials.factors_of(conn, person.id).recovery_codes == 0:
        codes = _new_recovery_codes(conn, person.id)
    signed_in = None
    if not session.whole:
        if person.state is PersonState.INVITED:
            person = joined(conn, person, now=now)
        else:
            person = replace(person, enrolment_ends_at=None)
            people.update_person(conn, person)
        signed_in = sessions.complete(conn, person, session, means=means, client=client, keys=keys, now=now)
    record(
        conn,
        actor,
        action=_needed(session),
        record="person",
        record_id=person.id,
        now=now,
        factor=factor,
        recovery_codes=len(codes),
        signed_in=signed_in is not None,
    )
    return FactorAdded(recovery_codes=codes, signed_in=signed_in)


def require_another_factor(factors: Factors) -> None:
    """Raises Conflict where one would be left with a password alone."""
    if factors.totp + factors.passkeys <= 1:
        raise Conflict(problem="this is your last second factor: add another one first")


def _needed(session: Session) -> Permission:
    return Permission.ME_UPDATE if session.whole else Permission.ME_SIGN_IN


def _proposal(conn: Connection, person: Person, secret: bytes, sealed: str) -> TotpProposal:
    installation = find_installation(conn)
    issuer = "Vangnet" if installation is None else f"Vangnet {installation.party_name}"
    # A colon separates issuer and account in that address.
    uri = totp_uri(secret, account=person.email, issuer=issuer.replace(":", " "))
    return TotpProposal(sealed=sealed, secret=totp_secret_as_text(secret), uri=uri)


def _proposed_secret(sealed: str, person_id: UUID, *, keys: Keys, now: datetime) -> bytes | None:
    try:
        body = keys.unseal(base64.urlsafe_b64decode(sealed), purpose=_PROPOSAL)
    except (binascii.Error, ValueError):
        return None
    owner, secret, until = body[:16], body[16:-8], int.from_bytes(body[-8:])
    return secret if owner == person_id.bytes and now.timestamp() < until else None


def _new_recovery_codes(conn: Connection, person_id: UUID) -> tuple[str, ...]:
    codes = [os.urandom(RECOVERY_CODE_BYTES) for _ in range(RECOVERY_CODES)]
    credentials.replace_recovery_codes(conn, person_id, [digest_of(code.hex()) for code in codes])
    return tuple(map(shown_recovery_code, codes))
