"""Looking hashes up on the lists, for people: each look-up leaves an event."""

from collections.abc import Sequence
from datetime import datetime

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.hashing.index import RADIUS
from vangnet.hashing.model import Convention
from vangnet.identity.permissions import Permission
from vangnet.registry.model.entries import HashAlgorithm, ListedHash
from vangnet.registry.service.live import LiveIndex, LiveMatch


def look_up(
    conn: Connection, actor: Actor, *, live: LiveIndex, hashes: Sequence[ListedHash], radius: int = RADIUS, now: datetime
) -> list[LiveMatch]:
    """The entries of all lists that any of these hashes matches, nearest first, each once; of what effect, each says.

    Raises PermissionDenied, InvalidInput, IndexUnusable while the listed hashes are being loaded.
    """
    actor.require(Permission.REGISTRY_LOOK_UP)
    found: dict[int, LiveMatch] = {}
    for hash_ in hashes:
        if hash_.algorithm is HashAlgorithm.PDQ:
            matches = live.lookup(hash_.value, radius, hash_.convention or Convention.FULL, every=True)
        else:
            matches = live.find_digest(hash_.algorithm, hash_.value, every=True)
        for match in matches:
            if match.entry_id not in found or match.distance < found[match.entry_id].distance:
                found[match.entry_id] = match
    audit.record(
        conn, actor, action=Permission.REGISTRY_LOOK_UP, record="registry", record_id="look-up", now=now,
        hashes=len(hashes), found=len(found),
    )  # fmt: skip
    return sorted(found.values(), key=lambda match: (match.distance, match.entry_id))
