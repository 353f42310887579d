"""How often somebody whom nobody knows may send something, without anybody learning who it was.

An address is known again for an hour, by a code with a key that is in no file and is thrown away with the codes:
afterwards, and after a restart, nobody can tell who asked. Nothing of it is written anywhere.
"""

import hmac
import os
import threading
from collections import Counter
from datetime import datetime, timedelta

_LASTS = timedelta(hours=1)
#: A household or a school behind one address, and not a program.
MOST = 30
#: More addresses than that in an hour are no households: memory is kept, and the count begins anew.
_ADDRESSES_MAX = 200_000


class PublicLimit:
    """Safe to share between threads."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._begun_at: datetime | None = None
        self._key = b""
        self._counts: Counter[bytes] = Counter()

    def allows(self, address: str, now: datetime) -> bool:
        """Counts one more of this address; whether it is not one too many."""
        with self._lock:
            if self._begun_at is None or now - self._begun_at >= _LASTS or len(self._counts) >= _ADDRESSES_MAX:
                self._begun_at, self._key, self._counts = now, os.urandom(32), Counter()
            code = hmac.digest(self._key, address.encode("utf-8", "surrogateescape"), "sha256")[:16]
            self._counts[code] += 1
            return self._counts[code] <= self._most
