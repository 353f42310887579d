"""Known devices: where somebody signed in before, wrong passwords are counted apart.

Whoever hammers an account from elsewhere makes that account's other visitors wait; its owner, on a device that carries this
cookie, does not. The cookie proves nothing else: it opens nothing and names nobody to who reads it (it is sealed).
"""

import base64
import binascii
import os
from datetime import datetime, timedelta
from uuid import UUID

from vangnet.keys import Keys

LASTS = timedelta(days=180)
_PURPOSE = "known-device"
_NUMBER_BYTES = 16


def cookie_for(person_id: UUID, presented: str | None, *, keys: Keys, now: datetime) -> str:
    """The cookie of a device on which this person just signed in; the presented one where it is theirs already."""
    if presented is not None and recognised(presented, person_id, keys=keys, now=now) is not None:
        return presented
    body = person_id.bytes + os.urandom(_NUMBER_BYTES) + int(now.timestamp()).to_bytes(8)
    return base64.urlsafe_b64encode(keys.seal(body, purpose=_PURPOSE)).decode()


def recognised(presented: str | None, person_id: UUID, *, keys: Keys, now: datetime) -> str | None:
    """The device's number where the cookie is ours, this person's, and not too old; else None."""
    if presented is None or len(presented) > 500:
        return None
    try:
        body = keys.unseal(base64.urlsafe_b64decode(presented), purpose=_PURPOSE)
    except (binascii.Error, ValueError):
        return None
    owner, number, made = body[:16], body[16:-8], int.from_bytes(body[-8:])
    if owner != person_id.bytes or now.timestamp() >= made + LASTS.total_seconds():
        return None
    return number.hex()
