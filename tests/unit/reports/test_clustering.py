"""Clusters of pictures that look alike: against brute force, piece by piece as at once, and no chain without end."""

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vangnet.errors import InvalidInput
from vangnet.hashing.index import RADIUS, Index, Match
from vangnet.hashing.model import HASH_BYTES
from vangnet.reports.rules.linking.clustering import Clusters, Placed

#: Printed by pytest when a test fails, as every parameter is.
SEED = 20261122
Hashes = npt.NDArray[np.uint8]


def distances(hashes: Hashes, hash_: bytes) -> npt.NDArray[np.int64]:
    """From each to one."""
    found: npt.NDArray[np.int64] = np.bitwise_count(hashes ^ np.frombuffer(hash_, dtype=np.uint8)).sum(
        axis=1, dtype=np.int64
    )
    return found


def alike(rng: np.random.Generator, size: int, *, most: int = 60) -> list[bytes]:
    """Hashes around a few centres, up to about `most` bits away, equal ones among them."""
    centres = rng.integers(0, 256, (max(size // 12, 1), HASH_BYTES), dtype=np.uint8)
    share = rng.integers(0, most + 1, (size, 1))
    noise = np.packbits(rng.integers(0, 256, (size, 256)) < share, axis=1)
    hashes = centres[rng.integers(0, len(centres), size)] ^ noise
    repeats = rng.random(size) < 0.1
    hashes[repeats] = hashes[rng.integers(0, max(size, 1), int(repeats.sum()))]
    return [row.tobytes() for row in hashes]


def by_brute_force(hashes: list[bytes], radius: int = RADIUS) -> list[Placed]:
    """The rule as it is written: the oldest leader within the radius; else it leads."""
    leaders: list[bytes] = []
    placed = []
    for hash_ in hashes:
        near = [
            Match(number, distance)
            for number, leader in enumerate(leaders, start=1)
            if (distance := (int.from_bytes(leader, "big") ^ int.from_bytes(hash_, "big")).bit_count()) <= radius
        ]
        if near:
            placed.append(Placed(cluster=near[0].id, distance=near[0].distance, beside=tuple(near[1:])))
        else:
            leaders.append(hash_)
            placed.append(Placed(cluster=len(leaders), distance=0, leads=True))
    return placed


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.integers(0, 120), radius=st.integers(0, 32))
def test_clusters_equal_brute_force(seed: int, size: int, radius: int) -> None:
    hashes = alike(np.random.default_rng(seed), size)
    assert Clusters(radius=radius).place_all(hashes) == by_brute_force(hashes, radius)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), cuts=st.lists(st.integers(0, 100), max_size=5))
def test_one_by_one_in_batches_and_after_a_restart_are_the_same(seed: int, cuts: list[int]) -> None:
    hashes = alike(np.random.default_rng(seed), 100)
    at_once = Clusters().place_all(hashes)
    clusters = Clusters()
    assert [clusters.place(hash_) for hash_ in hashes] == at_once
    batches: list[Placed] = []
    index, number = Index.empty(), 1
    edges = [0, *sorted(cuts), len(hashes)]
    for start, end in itertools.pairwise(edges):
        # A restart: the leaders are given again, as a store would.
        placed = Clusters(index, next_number=number).place_all(hashes[start:end])
        batches += placed
        number = max([number, *(one.cluster + 1 for one in placed)])
        index = Index.empty()
        for hash_, one in zip(hashes[:end], batches, strict=True):
            if one.leads:
                index.add(one.cluster, hash_)
    assert batches == at_once


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_in_any_order_members_are_near_their_leader_and_leaders_far_from_each_other(seed: int) -> None:
    rng = np.random.default_rng(seed)
    hashes = alike(rng, 150)
    rng.shuffle(hashes)
    clusters = Clusters()
    placed = clusters.place_all(hashes)
    leader = {one.cluster: hash_ for hash_, one in zip(hashes, placed, strict=True) if one.leads}
    leaders = np.array([list(hash_) for hash_ in leader.values()], dtype=np.uint8)
    rows = np.array([list(hash_) for hash_ in hashes], dtype=np.uint8)
    for hash_ in leader.values():
        assert (distances(leaders, hash_) <= RADIUS).sum() == 1
    cluster = np.array([one.cluster for one in placed])
    for hash_, one in zip(hashes, placed, strict=True):
        assert distances(np.frombuffer(leader[one.cluster], dtype=np.uint8)[None], hash_)[0] == one.distance <= RADIUS
        away = distances(rows, hash_)
        assert (away[cluster == one.cluster] <= 2 * RADIUS).all()
        # Equal pictures are never parted.
        assert (cluster[away == 0] == one.cluster).all()
    # And come to where they were, whatever came since.
    again = clusters.place_all(hashes)
    assert [(one.cluster, one.distance) for one in again] == [(one.cluster, one.distance) for one in placed]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_every_picture_within_the_radius_is_in_a_cluster_that_near_names(seed: int) -> None:
    hashes = alike(np.random.default_rng(seed), 150)
    clusters = Clusters()
    cluster = np.array([one.cluster for one in clusters.place_all(hashes)])
    rows = np.array([list(hash_) for hash_ in hashes], dtype=np.uint8)
    for hash_ in hashes[::10]:
        assert set(cluster[distances(rows, hash_) <= RADIUS]) <= {match.id for match in clusters.near(hash_)}


def test_a_chain_of_neighbours_does_not_grow_without_end() -> None:
    # Each twenty bits from the one before: all in a row are neighbours, and the ends have nothing in common.
    chain = [((1 << 20 * step) - 1).to_bytes(HASH_BYTES, "big") for step in range(12)]
    placed = Clusters().place_all(chain)
    assert [one.cluster for one in placed] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]
    assert placed[1].beside == ()
    assert placed[3].beside == ()


def test_the_older_of_two_leaders_is_taken_though_the_other_is_nearer_and_the_other_is_named() -> None:
    low, high = (1 << 20) - 1, ((1 << 15) - 1) << 20
    hashes = [number.to_bytes(HASH_BYTES, "big") for number in (low, high, 0)]
    assert Clusters().place_all(hashes)[2] == Placed(cluster=1, distance=20, beside=(Match(2, 15),))


def test_a_forgotten_cluster_takes_no_more_pictures_and_its_number_is_not_given_again() -> None:
    clusters = Clusters()
    hash_ = bytes(HASH_BYTES)
    assert clusters.place(hash_).cluster == 1
    clusters.forget([1])
    assert clusters.place(hash_) == Placed(cluster=2, distance=0, leads=True)


@pytest.mark.parametrize("hashes", [[b"short"], [bytes(HASH_BYTES), bytes(HASH_BYTES + 1)], [b""]])
def test_what_is_no_hash_is_refused_and_nothing_is_placed(hashes: list[bytes]) -> None:
    clusters = Clusters()
    with pytest.raises(InvalidInput, match="32 bytes"):
        clusters.place_all(hashes)
    assert clusters.place(bytes(HASH_BYTES)).cluster == 1


@pytest.mark.parametrize("radius", [-1, 33])
def test_a_radius_whose_double_cannot_be_looked_up_is_refused(radius: int) -> None:
    with pytest.raises(InvalidInput, match="0 to 32"):
        Clusters(radius=radius)


def test_many_pictures_of_one_template_end_in_clusters_of_bounded_width() -> None:
    rng = np.random.default_rng(SEED)
    template = rng.integers(0, 256, HASH_BYTES, dtype=np.uint8)
    noise = np.packbits(rng.integers(0, 256, (3000, 256)) < rng.integers(0, 50, (3000, 1)), axis=1)
    hashes = [row.tobytes() for row in template ^ noise]
    placed = Clusters().place_all(hashes)
    rows = np.array([list(hash_) for hash_ in hashes], dtype=np.uint8)
    cluster = np.array([one.cluster for one in placed])
    widest = max(int(distances(rows[cluster == one], rows[cluster == one][0].tobytes()).max()) for one in set(cluster))
    assert widest <= 2 * RADIUS
