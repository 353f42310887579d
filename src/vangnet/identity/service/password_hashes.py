"""Hashing passwords: argon2id with the parameters of RFC 9106, section 4 (the second, 64 MiB recommendation)."""

import functools

import argon2

from vangnet.identity.model.passwords import LONGEST, normal_form

_HASHER = argon2.PasswordHasher.from_parameters(argon2.profiles.RFC_9106_LOW_MEMORY)


def hashed(password: str) -> str:
    """What is kept of a password: salt and parameters are in it."""
    return _HASHER.hash(normal_form(password))


def matches(password_hash: str | None, password: str) -> bool:
    """Whether it is this password. Takes as long where there is none, so that time does not tell who is known here."""
    too_long = len(password) > LONGEST
    try:
        _HASHER.verify(password_hash or _nobodys(), normal_form(password[:LONGEST]))
    except argon2.exceptions.VerifyMismatchError:
        return False
    return password_hash is not None and not too_long


def is_outdated(password_hash: str) -> bool:
    """Whether it was made with weaker parameters than today's."""
    return _HASHER.check_needs_rehash(password_hash)


@functools.cache
def _nobodys() -> str:
    return _HASHER.hash("a password that nobody has")
