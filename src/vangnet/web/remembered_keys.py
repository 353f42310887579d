"""API keys that counted a moment ago: for checking uploads quickly, and while the database is away.

Asking the database whose key it is costs more than a check of hashes. So a key that was looked up within the last second is
not looked up again for a check: after it was revoked, it counts there for a second more at most. One of those who ask looks
it up anew in time, so that a thousand others need not all do so in the same moment. And a gate that cannot ask would turn
every upload away, though the database is what it can do without: so a key that was good within the last minutes goes on
counting for checks until the database answers again. For nothing else is a key remembered.

Keys are remembered by their digest; nothing here is written anywhere.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from vangnet.audit.model import Actor
from vangnet.identity.permissions import Permission

#: So long after it was looked up a key is not looked up again.
FRESH = timedelta(seconds=1)
#: So long after that, one of those who show it is made to.
_RENEWED_AFTER = FRESH / 2
#: So long after it was last looked up a key still counts.
LASTS = timedelta(minutes=15)
_KEYS_MAX = 1000


@dataclass(slots=True)
class _Known:
    actor: Actor
    at: datetime
    #: Somebody is looking it up anew.
    renewing: bool = False


class RememberedKeys:
    """Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    def remember(self, text: str, actor: Actor, now: datetime) -> None:
        """A key that the database knows, and for whom: with the one permission that counts without the database."""
        if Permission.GATE_CHECK not in actor.permissions:
            return
        known = _Known(actor=replace(actor, permissions=frozenset({Permission.GATE_CHECK})), at=now)
        digest = sha256(text.encode()).digest()
        with self._lock:
            self._known[digest] = known
            self._known.move_to_end(digest)
            while len(self._known) > _KEYS_MAX:
                self._known.popitem(last=False)

    def forget(self, text: str) -> None:
        """The database does not know it any more."""
        with self._lock:
            self._known.pop(sha256(text.encode()).digest(), None)

    def find(self, text: str, now: datetime) -> Actor | None:
        """Whose it was within the last minutes."""
        known = self._known.get(sha256(text.encode()).digest())
        return None if known is None or now - known.at > LASTS else known.actor

    def find_fresh(self, text: str, now: datetime) -> Actor | None:
        """Whose it was within the last second; now and then None before that, to one who is to look it up anew."""
        known = self._known.get(sha256(text.encode()).digest())
        if known is None or (age := now - known.at) > FRESH:
            return None
        if age > _RENEWED_AFTER and not known.renewing:
            known.renewing = True
            return None
        return known.actor
