"""API keys that counted a moment ago: for checking uploads quickly, and while the database is away.

Asking the database whose key it is costs more than a check of hashes. So a key that was looked up within the last second is
not looked up again for a check: after it was revoked, it counts there for a second more at most. And a gate that cannot ask
would turn every upload away, though the database is what it can do without: so a key that was good within the last minutes
goes on counting for checks until the database answers again. For nothing else is a key remembered.

Keys are remembered by their digest; nothing here is written anywhere.
"""

import threading
from collections import OrderedDict
from datetime import datetime, timedelta
from hashlib import sha256

from vangnet.audit.model import Actor
from vangnet.identity.permissions import Permission

#: So long after it was looked up a key is not looked up again.
FRESH = timedelta(seconds=1)
#: So long after it was last looked up a key still counts.
LASTS = timedelta(minutes=15)
_KEYS_MAX = 1000


class RememberedKeys:
    """Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, tuple[Actor, datetime]] = OrderedDict()

    def remember(self, text: str, actor: Actor, now: datetime) -> None:
        """A key that the database knows, and for whom."""
        if Permission.GATE_CHECK not in actor.permissions:
            return
        digest = sha256(text.encode()).digest()
        with self._lock:
            self._known[digest] = (actor, now)
            self._known.move_to_end(digest)
            while len(self._known) > _KEYS_MAX:
                self._known.popitem(last=False)

    def forget(self, text: str) -> None:
        """The database does not know it any more."""
        with self._lock:
            self._known.pop(sha256(text.encode()).digest(), None)

    def find(self, text: str, now: datetime, *, within: timedelta = LASTS) -> Actor | None:
        """Whose it was that lately, with the one permission that counts without the database."""
        with self._lock:
            found = self._known.get(sha256(text.encode()).digest())
        if found is None or now - found[1] > within:
            return None
        return Actor(kind=found[0].kind, id=found[0].id, permissions=frozenset({Permission.GATE_CHECK}))
