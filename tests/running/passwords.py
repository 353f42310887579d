"""Hashes of passwords for people of tests, who are many and whose secrets are nobody's."""

import argon2

from vangnet.identity.service.password_hashes import PasswordHashes

#: argon2id at its least cost (RFC 9106, section 3.1). The cost of an installation is claimed in its own tests.
CHEAP_HASHES = PasswordHashes(
    argon2.Parameters(type=argon2.Type.ID, version=19, salt_len=16, hash_len=32, time_cost=1, memory_cost=8, parallelism=1)
)
