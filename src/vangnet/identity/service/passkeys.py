"""Passkeys (WebAuthn level 3): adding one, and signing in with one, alone or after a password.

A passkey is asked to verify its owner (a finger, a face, a PIN), so that alone it is two factors: having and being or
knowing. The challenge travels sealed through the form; only an answered one is stored, so that no answer counts twice.
"""

import base64
import binascii
import hashlib
import ipaddress
import json
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import UUID

import webauthn
from webauthn.helpers import parse_authentication_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from vangnet.audit.model import Actor
from vangnet.audit.service import record
from vangnet.db import Connection
from vangnet.errors import Conflict, NotFound
from vangnet.identity.model.factors import CHALLENGE_LASTS, MOST_PASSKEYS, Ceremony, FactorAdded, Passkey
from vangnet.identity.model.people import PersonState
from vangnet.identity.model.sessions import (
    Client,
    Refused,
    Session,
    SignedIn,
    SignInMeans,
    actor_of,
    require_recent,
)
from vangnet.identity.model.text import checked_line
from vangnet.identity.permissions import Permission
from vangnet.identity.service import attempts, factors, sessions
from vangnet.identity.service.installation import find_installation
from vangnet.identity.store import credentials, people
from vangnet.keys import Keys

_PURPOSE = "passkey-challenge"
_CHALLENGE_BYTES = 32
#: An answer is one to three kilobytes; no browser sends more.
_LONGEST_ANSWER = 16_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answered:
    passkey: Passkey
    sign_count: int


def possible(base_url: str) -> bool:
    """Whether browsers allow passkeys at this address: they are bound to a name, so an IP address has none."""
    try:
        ipaddress.ip_address(_host(base_url))
    except ValueError:
        return True
    return False


def list_passkeys(conn: Connection, actor: Actor) -> list[Passkey]:
    """One's own passkeys, the oldest first. Raises PermissionDenied."""
    return credentials.list_passkeys(conn, sessions.own_id(actor, Permission.ME_UPDATE))


def begin_adding(conn: Connection, actor: Actor, *, session: Session, base_url: str, keys: Keys, now: datetime) -> Ceremony:
    """What the browser is asked, to make a new passkey. Raises PermissionDenied, Conflict."""
    person = factors.require_may_add(conn, actor, session, now=now)
    known = credentials.list_passkeys(conn, person.id)
    if len(known) >= MOST_PASSKEYS:
        raise Conflict(problem=f"there are {MOST_PASSKEYS} passkeys already: remove one first")
    installation = find_installation(conn)
    challenge = os.urandom(_CHALLENGE_BYTES)
    options = webauthn.generate_registration_options(
        rp_id=_host(base_url),
        rp_name="Vangnet" if installation is None else f"Vangnet {installation.party_name}",
        user_id=person.id.bytes,
        user_name=person.email,
        user_display_name=person.name,
        challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=_descriptors(known),
    )
    return Ceremony(
        options=webauthn.options_to_json(options), sealed=_sealed(challenge, f"add {person.id}", keys=keys, now=now)
    )


def finish_adding(
    conn: Connection,
    actor: Actor,
    *,
    session: Session,
    sealed: str,
    answer: str,
    name: str,
    base_url: str,
    client: Client,
    keys: Keys,
    now: datetime,
) -> FactorAdded | Refused:
    """Keeps the passkey that the browser made. Raises PermissionDenied, InvalidInput, Conflict."""
    person = factors.require_may_add(conn, actor, session, now=now)
    name = checked_line(name, field="name", longest=60)
    challenge = _spent(conn, sealed, f"add {person.id}", keys=keys, now=now)
    try:
        if challenge is None or len(answer) > _LONGEST_ANSWER:
            raise ValueError
        verified = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=_host(base_url),
            expected_origin=base_url,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, RecursionError):
        record(
            conn,
            actor,
            action=Permission.ME_UPDATE if session.whole else Permission.ME_SIGN_IN,
            record="person",
            record_id=person.id,
            now=now,
            factor="passkey",
            outcome="refused",
        )
        return Refused()
    passkey = Passkey(
        id=uuid.uuid4(),
        person_id=person.id,
        credential_id=verified.credential_id,
        public_key=verified.credential_public_key,
        sign_count=verified.sign_count,
        name=name,
        added_at=now,
        last_used_at=None,
    )
    credentials.add_passkey(conn, passkey)
    means = SignInMeans.PASSWORD_AND_PASSKEY
    return factors.added(conn, actor, person, session, factor="passkey", means=means, client=client, keys=keys, now=now)


def remove(conn: Connection, actor: Actor, *, session: Session, passkey_id: UUID, now: datetime) -> None:
    """The passkey counts no more. Raises PermissionDenied, NotFound, Conflict (the last second factor, too long ago)."""
    person_id = sessions.own_id(actor, Permission.ME_UPDATE, session)
    require_recent(session, now)
    people.get_person_for_update(conn, person_id)
    factors.require_another_factor(credentials.factors_of(conn, person_id))
    if not credentials.remove_passkey(conn, person_id, passkey_id):
        raise NotFound(record="passkey", key=str(passkey_id))
    record(
        conn,
        actor,
        action=Permission.ME_UPDATE,
        record="passkey",
        record_id=passkey_id,
        now=now,
        factor="passkey",
        removed=1,
    )


def begin_sign_in(*, base_url: str, keys: Keys, now: datetime) -> Ceremony:
    """What the browser is asked, to sign in with a passkey alone: whichever passkey of ours the device has."""
    return _asked([], "alone", base_url=base_url, keys=keys, now=now)


def begin_second_half(conn: Connection, actor: Actor, *, base_url: str, keys: Keys, now: datetime) -> Ceremony | None:
    """What the browser is asked after the password; None where the person has no passkey. Raises PermissionDenied."""
    person_id = sessions.own_id(actor, Permission.ME_SIGN_IN)
    known = credentials.list_passkeys(conn, person_id)
    if not known:
        return None
    return _asked(known, f"second {person_id}", base_url=base_url, keys=keys, now=now)


def sign_in(
    conn: Connection,
    actor: Actor,
    *,
    sealed: str,
    answer: str,
    base_url: str,
    client: Client,
    keys: Keys,
    now: datetime,
) -> SignedIn | Refused:
    """A complete sign-in with a passkey alone. Raises TooManyAttempts."""
    answered = _verified(conn, sealed, answer, "alone", None, base_url=base_url, keys=keys, now=now)
    if answered is None:
        attempts.token_failed(conn, client.address, now=now)
        return _refused(conn, actor, SignInMeans.PASSKEY, now=now)
    person = people.get_person(conn, answered.passkey.person_id)
    if person.state is not PersonState.ACTIVE:
        return _refused(conn, actor, SignInMeans.PASSKEY, now=now)
    credentials.update_passkey_used(conn, answered.passkey.id, sign_count=answered.sign_count, now=now)
    signed_in = sessions.begin_whole(conn, person, means=SignInMeans.PASSKEY, client=client, keys=keys, now=now)
    _record(conn, signed_in, now=now)
    return signed_in


def finish_second_half(
    conn: Connection,
    actor: Actor,
    *,
    session: Session,
    sealed: str,
    answer: str,
    base_url: str,
    client: Client,
    keys: Keys,
    now: datetime,
) -> SignedIn | Refused:
    """The second half of a sign-in with a passkey of that person. Raises PermissionDenied, TooManyAttempts."""
    person_id = sessions.own_id(actor, Permission.ME_SIGN_IN, session)
    answered = _verified(conn, sealed, answer, f"second {person_id}", person_id, base_url=base_url, keys=keys, now=now)
    if answered is None:
        attempts.token_failed(conn, client.address, now=now)
        return _refused(conn, actor, SignInMeans.PASSWORD_AND_PASSKEY, now=now)
    credentials.update_passkey_used(conn, answered.passkey.id, sign_count=answered.sign_count, now=now)
    person = people.get_person(conn, person_id)
    means = SignInMeans.PASSWORD_AND_PASSKEY
    signed_in = sessions.complete(conn, person, session, means=means, client=client, keys=keys, now=now)
    _record(conn, signed_in, now=now)
    return signed_in


def _asked(known: Sequence[Passkey], use: str, *, base_url: str, keys: Keys, now: datetime) -> Ceremony:
    challenge = os.urandom(_CHALLENGE_BYTES)
    options = webauthn.generate_authentication_options(
        rp_id=_host(base_url),
        challenge=challenge,
        allow_credentials=_descriptors(known),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return Ceremony(options=webauthn.options_to_json(options), sealed=_sealed(challenge, use, keys=keys, now=now))


def _verified(
    conn: Connection,
    sealed: str,
    answer: str,
    use: str,
    person_id: UUID | None,
    *,
    base_url: str,
    keys: Keys,
    now: datetime,
) -> _Answered | None:
    """The passkey that answered this challenge, or None for whatever reason it did not."""
    challenge = _spent(conn, sealed, use, keys=keys, now=now)
    if challenge is None or len(answer) > _LONGEST_ANSWER:
        return None
    try:
        credential = parse_authentication_credential_json(answer)
        passkey = credentials.find_passkey_for_update(conn, credential.raw_id)
        if passkey is None or (person_id is not None and passkey.person_id != person_id):
            return None
        if credential.response.user_handle not in {None, passkey.person_id.bytes}:
            return None
        verified = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=_host(base_url),
            expected_origin=base_url,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, RecursionError):
        return None
    return _Answered(passkey=passkey, sign_count=verified.new_sign_count)


def _sealed(challenge: bytes, use: str, *, keys: Keys, now: datetime) -> str:
    body = json.dumps({"challenge": challenge.hex(), "use": use, "until": (now + CHALLENGE_LASTS).timestamp()})
    return base64.urlsafe_b64encode(keys.seal(body.encode(), purpose=_PURPOSE)).decode()


def _spent(conn: Connection, sealed: str, use: str, *, keys: Keys, now: datetime) -> bytes | None:
    """The challenge, where it was made for this use, is not too old and was not answered before; it is now."""
    try:
        body = json.loads(keys.unseal(base64.urlsafe_b64decode(sealed), purpose=_PURPOSE))
    except (binascii.Error, ValueError):
        return None
    challenge, until = bytes.fromhex(body["challenge"]), datetime.fromtimestamp(body["until"], UTC)
    if body["use"] != use or now >= until:
        return None
    if not credentials.spend_challenge(conn, hashlib.sha256(challenge).digest(), expires_at=until):
        return None
    return challenge


def _descriptors(known: Sequence[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=passkey.credential_id) for passkey in known]


def _host(base_url: str) -> str:
    return urlsplit(base_url).hostname or ""


def _record(conn: Connection, signed_in: SignedIn, *, now: datetime) -> None:
    record(
        conn,
        actor_of(signed_in.person, signed_in.session),
        action=Permission.ME_SIGN_IN,
        record="session",
        record_id=signed_in.session.id,
        now=now,
        means=signed_in.session.means,
        stage=signed_in.session.stage,
    )


def _refused(conn: Connection, actor: Actor, means: SignInMeans, *, now: datetime) -> Refused:
    record(
        conn,
        actor,
        action=Permission.ME_SIGN_IN,
        record="person",
        record_id="unknown",
        now=now,
        means=means,
        outcome="refused",
    )
    return Refused()
