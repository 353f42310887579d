"""How guessing is slowed down: after a few failures each further one must wait, and every failure doubles the wait.

Waits, not locks. A lock on an account is a gift to whoever wants to keep its owner out; so an account is counted by
address first (the guesser waits, the owner elsewhere does not), over all addresses only loosely and with short waits, and a
device from which the owner signed in before has a count of its own. A passkey, the identity provider and a console link are
never held up by wrong passwords. What remains is told in
docs/howto/people-and-roles.md.
"""

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class AttemptKind(StrEnum):
    ACCOUNT_FROM_ADDRESS = "account_from_address"  #: Passwords for one account, from one address.
    ACCOUNT = "account"  #: Passwords for one account, from everywhere but its known devices.
    DEVICE = "device"  #: Passwords for one account, from a device on which its owner signed in before.
    ADDRESS = "address"  #: Passwords for any account, from one address.
    CODE = "code"  #: Second-factor and recovery codes of one person.
    TOKEN = "token"  #: Links, invitations and API keys, from one address.
    INTRODUCTION = "introduction"  #: Introductions of installations that nobody accepted yet, from one address.


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """So many failures are free; then a wait that doubles with each further one, up to the longest."""

    free: int
    first_wait_s: int
    longest_wait_s: int
    forget_after: timedelta


LIMITS: dict[AttemptKind, Limit] = {
    AttemptKind.ACCOUNT_FROM_ADDRESS: Limit(free=5, first_wait_s=4, longest_wait_s=900, forget_after=timedelta(hours=24)),
    # Loose and short: many addresses together must not keep the owner out. 1,440 guesses a day at most remain.
    AttemptKind.ACCOUNT: Limit(free=50, first_wait_s=2, longest_wait_s=60, forget_after=timedelta(hours=1)),
    AttemptKind.DEVICE: Limit(free=10, first_wait_s=4, longest_wait_s=300, forget_after=timedelta(hours=1)),
    # An office can stand behind one address, so more is free; what a botnet would spread, this does not see.
    AttemptKind.ADDRESS: Limit(free=50, first_wait_s=2, longest_wait_s=300, forget_after=timedelta(hours=1)),
    # Six digits and three of them right at a time: with these waits about 100 guesses a day, one in 3,000 days lucky.
    AttemptKind.CODE: Limit(free=5, first_wait_s=15, longest_wait_s=900, forget_after=timedelta(hours=24)),
    AttemptKind.TOKEN: Limit(free=20, first_wait_s=2, longest_wait_s=300, forget_after=timedelta(hours=1)),
    # Every one is kept and looked at by a person, so that few are enough.
    AttemptKind.INTRODUCTION: Limit(free=5, first_wait_s=60, longest_wait_s=3600, forget_after=timedelta(hours=24)),
}
#: After so long every count is forgotten, whatever its kind.
LONGEST_MEMORY = max(limit.forget_after for limit in LIMITS.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """The failures of one kind and one subject."""

    failures: int
    last_failed_at: datetime
    blocked_until: datetime


def wait_s(limit: Limit, failures: int) -> int:
    """How long to wait after so many failures."""
    if failures < limit.free:
        return 0
    # The exponent is bounded, so that a count of millions makes no number of millions of digits.
    return min(limit.first_wait_s << min(failures - limit.free, 30), limit.longest_wait_s)


def retry_after_s(attempts: Attempts, now: datetime) -> int:
    """In how many whole seconds the next attempt is taken; 0 for now."""
    left = (attempts.blocked_until - now).total_seconds()
    return max(0, -int(-left // 1))


def network_of(address: str) -> str:
    """What one client can be told by: its IPv4 address, or the /64 that a household or an office has in IPv6."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((int(ip), 64), strict=False))
    return str(ip)
