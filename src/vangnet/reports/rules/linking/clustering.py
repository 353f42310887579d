"""Pictures that look alike, in clusters: a person sees one of them, and a report with one finds those with the others.

Two pictures look alike if their true PDQ hashes lie within a radius. That is no relation that carries on: a first picture
is near a second, the second near a third, and at the end of the chain nothing is alike any more. So a cluster has a leader,
its first picture, and holds what lies within the radius of that one: any two of a cluster lie within twice the radius,
however many come. A picture belongs to the oldest leader within the radius; one that has none leads a cluster itself. The
oldest and not the nearest, because then a picture that comes again, whenever that is, comes to where it was before. What
this costs is told in docs/explanation/linking.md: near pictures may stand in neighbouring clusters, so those are named too.

Only hashes that say something belong here: of a trusted quality, made by the convention `full`, and not near a picture that
shows nothing. Keeps no pictures and no hashes but the leaders'; who is in which cluster is kept by whoever asks. Pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vangnet.errors import InvalidInput
from vangnet.hashing.index import RADIUS, RADIUS_MAX, Index, Match
from vangnet.hashing.model import HASH_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where a picture belongs."""

    #: The cluster's number.
    cluster: int
    #: Bits between the picture and its cluster's leader; 0 where it leads.
    distance: int
    #: Whether the cluster began with it.
    leads: bool = False
    #: Leaders of other clusters within the radius, the oldest first: pictures in there may look alike too.
    beside: tuple[Match, ...] = ()


class Clusters:
    """The leaders of all clusters. Safe to share between threads for look-ups; one at a time may place.

    A hash that was placed is placed the same way ever after, until its cluster is forgotten. The same hashes in the same
    order make the same clusters: one by one, in batches, or after a restart with the leaders given again. Another order
    makes others, each as good.
    """

    def __init__(self, index: Index | None = None, *, next_number: int = 1, radius: int = RADIUS) -> None:
        """`index` holds the leaders known so far, by their clusters' numbers; all of them are below `next_number`."""
        # Beyond half of what is looked up, two of a cluster could not be compared by a look-up.
        if not 0 <= radius <= RADIUS_MAX // 2:
            raise InvalidInput(field="radius", problem=f"of a cluster is 0 to {RADIUS_MAX // 2} bits, not {radius}")
        self._index = Index.empty() if index is None else index
        self._next = next_number
        self._radius = radius

    def place(self, hash_: bytes) -> Placed:
        """The cluster of a picture, which begins with it if none is near. Raises InvalidInput."""
        return self.place_all([hash_])[0]

    def place_all(self, hashes: Sequence[bytes], *, threads: int = 1) -> list[Placed]:
        """The same for many, in their order: each counts for those that come after it. Raises InvalidInput."""
        placed = self.where(hashes, threads=threads)
        led = {one.cluster: hash_ for one, hash_ in zip(placed, hashes, strict=True) if one.leads}
        self.lead(list(led.items()))
        return placed

    def where(
        self,
        hashes: Sequence[bytes],
        *,
        beside: Sequence[tuple[int, bytes]] = (),
        next_number: int | None = None,
        threads: int = 1,
    ) -> list[Placed]:
        """Where they would be placed, without those that lead being kept: for whoever keeps leaders, and tells them here.

        `beside`: leaders that were not told yet. `next_number`: from where on new ones are numbered. Raises InvalidInput.
        """
        if any(len(hash_) != HASH_BYTES for hash_ in hashes):
            raise InvalidInput(field="hashes", problem=f"have {HASH_BYTES} bytes each")
        known = self._index.lookup_batch(b"".join(hashes), self._radius, threads=threads)
        # Those that lead since this call began, apart: so few that a look-up among them costs nothing.
        new = Index.empty()
        for number, hash_ in beside:
            new.add(number, hash_)
        free = next_number or self._next
        led = 0
        placed = []
        for hash_, found in zip(hashes, known, strict=True):
            near = sorted([*found, *(new.lookup(hash_, self._radius) if led or beside else ())], key=_age)
            if near:
                first, *others = near
                placed.append(Placed(cluster=first.id, distance=first.distance, beside=tuple(others)))
            else:
                new.add(free + led, hash_)
                placed.append(Placed(cluster=free + led, distance=0, leads=True))
                led += 1
        return placed

    def near(self, hash_: bytes) -> list[Match]:
        """The clusters that may hold pictures within the radius of this one: their leaders lie within twice the radius."""
        return self._index.lookup(hash_, 2 * self._radius)

    def forget(self, clusters: Iterable[int]) -> None:
        """These clusters have no picture any more. Until the last is erased, the leader's hash stays what others are
        compared with, also when the leader's own picture was erased."""
        self._index.withdraw(clusters)

    def lead(self, led: Sequence[tuple[int, bytes]]) -> None:
        """Tells leaders by their numbers: those that were placed here, or elsewhere meanwhile."""
        if led:
            self._index.add_hashes(b"".join(hash_ for _, hash_ in led), [number for number, _ in led])
            self._next = max(self._next, 1 + max(number for number, _ in led))


def _age(match: Match) -> int:
    return match.id
