"""The steps of adding a passkey and of signing in with it, as pages take them."""

from typing import Any

from running.authenticator import Authenticator
from running.passwords import CHEAP_HASHES
from vangnet.identity.model import (
    ANONYMOUS,
    Ceremony,
    FactorAdded,
    Refused,
    SecondFactorNeeded,
    Session,
    SignedIn,
)
from vangnet.identity.model.sessions import actor_of
from vangnet.identity.service import passkeys, sign_in

HERE = "http://localhost:8800"
House = Any
Colleague = Any


def begin(house: House, actor: Any, session: Session) -> Ceremony:
    """What a device is asked for, for a passkey more."""
    return passkeys.begin_adding(house.conn, actor, session=session, base_url=HERE, keys=house.keys, now=house.now)


def finish(house: House, actor: Any, session: Session, ceremony: Ceremony, answer: str) -> FactorAdded | Refused:
    """What comes of its answer."""
    return passkeys.finish_adding(
        house.conn,
        actor,
        session=session,
        sealed=ceremony.sealed,
        answer=answer,
        name="Telephone",
        base_url=HERE,
        client=house.client,
        keys=house.keys,
        now=house.now,
    )


def add(house: House, colleague: Colleague, device: Authenticator) -> FactorAdded | Refused:
    """A passkey on this device, added in the session of the first sign-in."""
    session = colleague.signed_in.session
    ceremony = begin(house, colleague.actor, session)
    return finish(house, colleague.actor, session, ceremony, device.create(ceremony.options))


def asked(house: House) -> Ceremony:
    """What a device is asked for at sign-in, whoever it is."""
    return passkeys.begin_sign_in(base_url=HERE, keys=house.keys, now=house.now)


def alone(house: House, ceremony: Ceremony, answer: str) -> SignedIn | Refused:
    """A sign-in by passkey alone."""
    return passkeys.sign_in(
        house.conn,
        ANONYMOUS,
        sealed=ceremony.sealed,
        answer=answer,
        base_url=HERE,
        client=house.client,
        keys=house.keys,
        now=house.now,
    )


def first_half(house: House, colleague: Colleague) -> SecondFactorNeeded:
    """A sign-in by password, as far as the second factor."""
    needed = sign_in.with_password(
        house.conn,
        ANONYMOUS,
        email=colleague.person.email,
        password=colleague.password,
        client=house.client,
        keys=house.keys,
        now=house.now,
        hashes=CHEAP_HASHES,
    )
    assert isinstance(needed, SecondFactorNeeded)
    return needed


def second_half(house: House, needed: SecondFactorNeeded, device: Authenticator) -> SignedIn | Refused:
    """The rest of it, by passkey."""
    actor = actor_of(needed.person, needed.session)
    ceremony = passkeys.begin_second_half(house.conn, actor, base_url=HERE, keys=house.keys, now=house.now)
    assert ceremony is not None
    return passkeys.finish_second_half(
        house.conn,
        actor,
        session=needed.session,
        sealed=ceremony.sealed,
        answer=device.get(ceremony.options),
        base_url=HERE,
        client=house.client,
        keys=house.keys,
        now=house.now,
    )
