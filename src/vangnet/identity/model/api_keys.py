"""API keys: how one looks, what it can carry, and when it counts.

`vangnet_<8 characters that name it>_<52 characters that nobody can guess>`: a leaked one is recognised by its beginning, by
people and by scanners, and can be revoked without trying it.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from vangnet.errors import InvalidInput, PermissionDenied
from vangnet.identity.model.parties import Party, PartyState, basis_holds
from vangnet.identity.permissions import KEY_SCOPES, PARTY_KEY_SCOPES, Permission

DEFAULT_LIFE = timedelta(days=365)
#: Longer than this and nobody remembers what the key was for.
LONGEST_LIFE = timedelta(days=2 * 365 + 1)
#: The last use is written at most so often.
USED_EVERY = timedelta(minutes=1)
SECRET_BYTES = 32

_SHAPE = re.compile(r"vangnet_([a-z2-7]{8})_([a-z2-7]{52})")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key of a program of ours, or (with `party_id`) of a party. The secret itself is not kept."""

    id: UUID
    prefix: str
    name: str
    party_id: UUID | None
    scopes: frozenset[Permission]
    issued_at: datetime
    issued_by: str
    expires_at: datetime
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedKey:
    """A new key with its text, which is shown this once."""

    key: ApiKey
    text: str = field(repr=False)


def written(prefix: str, secret: str) -> str:
    """The key as its owner keeps it."""
    return f"vangnet_{prefix}_{secret}"


def read(text: str) -> tuple[str, str] | None:
    """The prefix and the secret of a key, or None where it has not the shape of one."""
    found = _SHAPE.fullmatch(text)
    return None if found is None else (found[1], found[2])


def counts(key: ApiKey, party: Party | None, now: datetime) -> bool:
    """Whether the key counts: not revoked, not expired, and its party is known and has a legal basis today."""
    if key.revoked_at is not None or now >= key.expires_at:
        return False
    if key.party_id is None:
        return True
    return party is not None and party.state is PartyState.KNOWN and basis_holds(party.legal_basis, now)


def check_scopes(scopes: frozenset[Permission], *, own: frozenset[str], for_party: bool) -> None:
    """Raises InvalidInput for a scope that no key can have, PermissionDenied for one that the issuer has not themselves."""
    if not scopes:
        raise InvalidInput(field="scopes", problem="must name at least one permission")
    if not scopes <= KEY_SCOPES:
        raise InvalidInput(field="scopes", problem="must hold nothing by which a program could give itself more rights")
    if for_party and not scopes <= PARTY_KEY_SCOPES:
        raise InvalidInput(field="scopes", problem="must hold only what another party's program may do")
    for scope in sorted(scopes):
        if scope not in own:
            raise PermissionDenied(permission=scope)


def checked_expiry(expires_at: datetime, now: datetime) -> datetime:
    """Raises InvalidInput where the key would be born dead, or outlive everybody's memory of it."""
    if expires_at <= now:
        raise InvalidInput(field="expires_at", problem="must be in the future")
    if expires_at > now + LONGEST_LIFE:
        raise InvalidInput(field="expires_at", problem="must be within two years")
    return expires_at
