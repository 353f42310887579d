"""Signing in: with a password and a second factor, by the party's identity provider, or by a link from the console.

An unknown and a known account get the same words after the same time. Every attempt that was taken leaves one audit event,
without the e-mail address; one that came too early is not taken, and changes nothing. Passkeys are in `passkeys.py`.
"""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from vangnet.audit.model import Actor
from vangnet.audit.service import record
from vangnet.db import Connection
from vangnet.errors import InvalidInput
from vangnet.identity.model.attempts import AttemptKind, network_of
from vangnet.identity.model.factors import matching_totp_step, read_recovery_code
from vangnet.identity.model.people import ENROLMENT_LASTS, Person, PersonState, moved
from vangnet.identity.model.sessions import (
    Client,
    ExternalIdentity,
    Refused,
    SecondFactorNeeded,
    Session,
    SessionStage,
    SignedIn,
    SignInMeans,
    actor_of,
)
from vangnet.identity.model.text import checked_email
from vangnet.identity.permissions import Permission
from vangnet.identity.service import attempts, devices, sessions
from vangnet.identity.service.links import make_link
from vangnet.identity.service.password_hashes import PASSWORD_HASHES, PasswordHashes
from vangnet.identity.service.sessions import resolve
from vangnet.identity.service.tokens import digest_of
from vangnet.identity.store import credentials, people
from vangnet.identity.store import sessions as store
from vangnet.keys import Keys

__all__ = [
    "actor_of",
    "make_link",
    "resolve",
    "with_code",
    "with_identity",
    "with_link",
    "with_password",
    "with_recovery_code",
]


def with_password(
    conn: Connection,
    actor: Actor,
    *,
    email: str,
    password: str,
    client: Client,
    keys: Keys,
    now: datetime,
    hashes: PasswordHashes = PASSWORD_HASHES,
) -> SecondFactorNeeded | Refused:
    """The first half. Raises TooManyAttempts."""
    address = _known_form(email)
    person = people.find_by_email(conn, address)
    counted = _counted(person, address, client, keys=keys, now=now)
    attempts.begin(conn, counted, now=now)
    known_hash = credentials.find_password_hash(conn, person.id) if person is not None else None
    # Last, because it takes long; and in any case, because time tells.
    if not hashes.matches(known_hash, password) or person is None or known_hash is None:
        attempts.failed(conn, counted, now=now)
        return _refused(conn, actor, means=SignInMeans.PASSWORD, person_id=None if person is None else person.id, now=now)
    if hashes.is_outdated(known_hash):
        credentials.set_password_hash(conn, person.id, hashes.hashed(password), now=now)
    attempts.succeeded(conn, counted[:1])
    token, session = sessions.begin(
        conn, person, stage=SessionStage.PASSWORD_PROVEN, means=SignInMeans.PASSWORD, client=client, now=now
    )
    _record(conn, person, session, now=now)
    return SecondFactorNeeded(token=token, session=session, person=person)


def with_code(
    conn: Connection, actor: Actor, *, session: Session, code: str, client: Client, keys: Keys, now: datetime
) -> SignedIn | Refused:
    """The second half with a code of the authenticator app. Raises TooManyAttempts, PermissionDenied."""
    person_id = sessions.own_id(actor, Permission.ME_SIGN_IN, session)
    counted = [attempts.subject(AttemptKind.CODE, str(person_id))]
    attempts.begin(conn, counted, now=now)
    totp = credentials.find_totp_for_update(conn, person_id)
    step = None
    if totp is not None:
        secret = keys.unseal(totp.sealed_secret, purpose="totp")
        step = matching_totp_step(secret, code, now, after_step=totp.last_step)
    if step is None:
        attempts.failed(conn, counted, now=now)
        return _refused(conn, actor, means=SignInMeans.PASSWORD_AND_CODE, person_id=person_id, now=now)
    credentials.update_totp_step(conn, person_id, step)
    return _second_half(conn, session, SignInMeans.PASSWORD_AND_CODE, counted, client=client, keys=keys, now=now)


def with_recovery_code(
    conn: Connection, actor: Actor, *, session: Session, code: str, client: Client, keys: Keys, now: datetime
) -> SignedIn | Refused:
    """The second half with one of the recovery codes, which is used up. Raises TooManyAttempts, PermissionDenied."""
    person_id = sessions.own_id(actor, Permission.ME_SIGN_IN, session)
    counted = [attempts.subject(AttemptKind.CODE, str(person_id))]
    attempts.begin(conn, counted, now=now)
    given = read_recovery_code(code)
    if given is None or not credentials.use_recovery_code(conn, person_id, digest_of(given.hex())):
        attempts.failed(conn, counted, now=now)
        return _refused(conn, actor, means=SignInMeans.PASSWORD_AND_RECOVERY_CODE, person_id=person_id, now=now)
    means = SignInMeans.PASSWORD_AND_RECOVERY_CODE
    return _second_half(conn, session, means, counted, client=client, keys=keys, now=now)


def with_link(
    conn: Connection, actor: Actor, *, token: str, client: Client, keys: Keys, now: datetime
) -> SignedIn | Refused:
    """A complete sign-in by a link from the console; an invited person works here from then on.

    Raises TooManyAttempts.
    """
    link = store.find_link_for_update(conn, digest_of(token))
    if link is None or link.uses_left == 0 or now >= link.expires_at:
        attempts.token_failed(conn, client.address, now=now)
        return _refused(conn, actor, means=SignInMeans.LINK, person_id=None if link is None else link.person_id, now=now)
    person = people.get_person_for_update(conn, link.person_id)
    if person.state is PersonState.INVITED:
        person = joined(conn, person, now=now)
    store.update_link_used(conn, link.id)
    signed_in = sessions.begin_whole(conn, person, means=SignInMeans.LINK, client=client, keys=keys, now=now)
    _record(conn, person, signed_in.session, now=now)
    return signed_in


def with_identity(
    conn: Connection, actor: Actor, *, identity: ExternalIdentity, client: Client, keys: Keys, now: datetime
) -> SignedIn | SecondFactorNeeded | Refused:
    """A sign-in by the party's identity provider, whose ID token was verified already.

    Known by issuer and subject; the first time by an e-mail address that the provider verified and that was invited here.
    An address that the provider gives to somebody else later does not bring them in: it is linked to the first.
    """
    person = _person_of(conn, identity, now=now)
    if person is None or person.state is PersonState.LEFT:
        means = SignInMeans.IDENTITY_PROVIDER
        return _refused(conn, actor, means=means, person_id=None if person is None else person.id, now=now)
    if identity.second_factor_proven:
        if person.state is PersonState.INVITED:
            person = joined(conn, person, now=now)
        signed_in = sessions.begin_whole(
            conn, person, means=SignInMeans.IDENTITY_PROVIDER, client=client, keys=keys, now=now
        )
        _record(conn, person, signed_in.session, now=now)
        return signed_in
    token, session = sessions.begin(
        conn, person, stage=SessionStage.PASSWORD_PROVEN, means=SignInMeans.IDENTITY_PROVIDER, client=client, now=now
    )
    _record(conn, person, session, now=now)
    return SecondFactorNeeded(token=token, session=session, person=person)


# --- for the other use cases of this package -----------------------------------------------------------------------


def joined(conn: Connection, person: Person, *, now: datetime) -> Person:
    """An invited person who can sign in completely: they work here from now on."""
    person = replace(person, state=moved(person.state, PersonState.ACTIVE), joined_at=now, enrolment_ends_at=None)
    people.update_person(conn, person)
    people.remove_invitations_of(conn, person.id)
    return person


def _second_half(
    conn: Connection,
    session: Session,
    means: SignInMeans,
    counted: list[attempts.Subject],
    *,
    client: Client,
    keys: Keys,
    now: datetime,
) -> SignedIn:
    attempts.succeeded(conn, counted)
    person = people.get_person(conn, session.person_id)
    signed_in = sessions.complete(conn, person, session, means=means, client=client, keys=keys, now=now)
    _record(conn, person, signed_in.session, now=now)
    return signed_in


def _counted(person: Person | None, address: str, client: Client, *, keys: Keys, now: datetime) -> list[attempts.Subject]:
    """What a wrong password counts for; the first is forgotten when a right one comes."""
    if person is not None and (device := devices.recognised(client.device, person.id, keys=keys, now=now)) is not None:
        return [attempts.subject(AttemptKind.DEVICE, device)]
    return [
        attempts.subject(AttemptKind.ACCOUNT_FROM_ADDRESS, address, network_of(client.address)),
        attempts.subject(AttemptKind.ACCOUNT, address),
        attempts.from_address(AttemptKind.ADDRESS, client.address),
    ]


def _known_form(email: str) -> str:
    try:
        return checked_email(email)
    except InvalidInput:
        return email.strip().lower()[:300]


def _person_of(conn: Connection, identity: ExternalIdentity, *, now: datetime) -> Person | None:
    known = credentials.find_person_id_by_identity(conn, issuer=identity.issuer, subject=identity.subject)
    if known is not None:
        return people.get_person_for_update(conn, known)
    if not identity.email or not identity.email_verified:
        return None
    person = people.find_by_email(conn, _known_form(identity.email))
    if person is None or person.state is PersonState.LEFT:
        return None
    if not credentials.add_identity(conn, person.id, issuer=identity.issuer, subject=identity.subject, now=now):
        return None
    person = people.get_person_for_update(conn, person.id)
    if not identity.second_factor_proven and not credentials.factors_of(conn, person.id).any:
        person = replace(person, enrolment_ends_at=now + ENROLMENT_LASTS)
        people.update_person(conn, person)
    return person


def _record(conn: Connection, person: Person, session: Session, *, now: datetime) -> None:
    record(
        conn,
        actor_of(person, session),
        action=Permission.ME_SIGN_IN,
        record="session",
        record_id=session.id,
        now=now,
        means=session.means,
        stage=session.stage,
    )


def _refused(conn: Connection, actor: Actor, *, means: SignInMeans, person_id: UUID | None, now: datetime) -> Refused:
    # Whose account was tried is for the trail alone; the answer is the same.
    record(
        conn,
        actor,
        action=Permission.ME_SIGN_IN,
        record="person",
        record_id=person_id or "unknown",
        now=now,
        means=means,
        outcome="refused",
    )
    return Refused()
