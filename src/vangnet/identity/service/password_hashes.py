"""Hashing passwords: argon2id with the parameters of RFC 9106, section 4 (the second, 64 MiB recommendation)."""

from functools import cached_property

import argon2

from vangnet.identity.model.passwords import LONGEST, normal_form


class PasswordHashes:
    """Makes and checks what is kept of passwords. Salt and cost are in each hash, so that the cost can rise later.

    `cost` is argon2id's. An installation has the default; where it is not the cost that is tried out, less will do.
    """

    def __init__(self, cost: argon2.Parameters = argon2.profiles.RFC_9106_LOW_MEMORY) -> None:
        self._hasher = argon2.PasswordHasher.from_parameters(cost)

    def hashed(self, password: str) -> str:
        """What is kept of a password."""
        return self._hasher.hash(normal_form(password))

    def matches(self, password_hash: str | None, password: str) -> bool:
        """Whether it is this password. Takes as long where there is none, so that time does not tell who is known here."""
        too_long = len(password) > LONGEST
        try:
            self._hasher.verify(password_hash or self._nobodys, normal_form(password[:LONGEST]))
        except argon2.exceptions.VerifyMismatchError:
            return False
        return password_hash is not None and not too_long

    def is_outdated(self, password_hash: str) -> bool:
        """Whether it was made at another cost than today's."""
        return self._hasher.check_needs_rehash(password_hash)

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash("a password that nobody has")


#: At the cost that every installation has.
PASSWORD_HASHES = PasswordHashes()
