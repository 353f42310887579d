"""Random tokens: shown once to whoever is to have them, kept as a digest.

A plain digest is enough where the token has 256 random bits: there is nothing to guess, so nothing to slow down.
"""

import hashlib
import secrets

TOKEN_BYTES = 32


def new_token() -> tuple[str, bytes]:
    """A token that fits in a link or a cookie, and its digest."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    return token, digest_of(token)


def digest_of(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).digest()
