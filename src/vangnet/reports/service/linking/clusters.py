"""Which pictures look alike: the clusters of all reports, with the leaders in the memory of each process.

What leads is kept in the database first, under a lock, and reaches the memories of the processes once that is committed:
by the number of the last leader that each has. So all of them place a picture the same way, and what was rolled back leads
nothing.
"""

import functools
import threading
from collections.abc import Collection, Mapping

from vangnet.db import Connection
from vangnet.keys import Keys
from vangnet.reports.rules.linking.clustering import Clusters, Placed
from vangnet.reports.service.secrets import Secrets, opened, place, secrets_of
from vangnet.reports.store import clusters as store


class _Remembered:
    """The leaders of one installation that this process knows."""

    def __init__(self) -> None:
        self.clusters = Clusters()
        self.last = 0
        self._turn = threading.Lock()

    def catch_up(self, conn: Connection, secrets: Secrets) -> None:
        """Reads the leaders that others, or this process, have committed since."""
        with self._turn:
            found = store.list_leaders(conn, after=self.last, ours=False)
            if found:
                self.clusters.lead([(id_, opened(secrets.leader, sealed, id_)) for id_, sealed in found])
                self.last = found[-1][0]


def place_pictures(conn: Connection, keys: Keys, hashes: Collection[bytes]) -> Mapping[bytes, Placed]:
    """The cluster of each of these true PDQ hashes; those that are near none begin one."""
    wanted = sorted(hashes)
    if not wanted:
        return {}
    secrets, remembered = secrets_of(keys), _remembered(keys, _where(conn))
    # A leader that is known stays the oldest: what came later has a higher number.
    placed = remembered.clusters.where(wanted)
    if any(one.leads for one in placed):
        store.lock_clusters(conn)
        remembered.catch_up(conn, secrets)
        written = store.list_leaders(conn, after=remembered.last, ours=True)
        ours = [(id_, opened(secrets.leader, sealed, id_)) for id_, sealed in written]
        placed = remembered.clusters.where(wanted, beside=ours, next_number=store.next_number(conn))
        led = {one.cluster: hash_ for one, hash_ in zip(placed, wanted, strict=True) if one.leads}
        if led:
            store.add_leaders(conn, [(id_, secrets.leader.seal(hash_, place(id_))) for id_, hash_ in led.items()])
    return dict(zip(wanted, placed, strict=True))


@functools.lru_cache(maxsize=8)
def _remembered(keys: Keys, where: str) -> _Remembered:
    del keys, where
    return _Remembered()


def _where(conn: Connection) -> str:
    return f"{conn.info.host}:{conn.info.port}/{conn.info.dbname}"
