"""The index as Python has it, against brute force in NumPy; damaged files; many threads at once."""

import threading
from array import array
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vangnet.errors import Conflict, IndexUnusable, InvalidInput, NotFound
from vangnet.hashing.index import RADIUS, RADIUS_MAX, Index, IndexBuilder, Match
from vangnet.hashing.model import HASH_BYTES, Convention

#: Printed by pytest when a test fails, as every parameter is.
SEED = 20261121


def _hashes(rng: np.random.Generator, shape: str, size: int) -> np.ndarray:
    """`size` hashes as rows of bytes: even, repeated, clustered, or with bits that go together."""
    even = rng.integers(0, 256, (size, HASH_BYTES), dtype=np.uint8)
    match shape:
        case "even":
            return even
        case "equal":
            return np.repeat(even[:1], size, axis=0)
        case "clustered":
            centres = even[rng.integers(0, max(size // 30, 1), size)] if size else even
            noise = rng.random((size, HASH_BYTES * 8)) < rng.choice([0, 0.02, 0.06, 0.2], (size, 1))
            return centres ^ np.packbits(noise, axis=1)
        case _:
            factors = rng.normal(size=(size, 12)) @ rng.normal(size=(12, HASH_BYTES * 8))
            return np.packbits(factors + rng.normal(size=factors.shape) > 0, axis=1)


def _brute_force(hashes: np.ndarray, ids: np.ndarray, query: bytes, radius: int) -> list[Match]:
    distances = np.bitwise_count(hashes ^ np.frombuffer(query, dtype=np.uint8)).sum(axis=1)
    near = distances <= radius
    found = sorted(zip(distances[near].tolist(), ids[near].tolist(), strict=True))
    least: dict[int, int] = {}
    for distance, id_ in found:
        least.setdefault(id_, distance)
    return [Match(id_, distance) for id_, distance in least.items()]


def _near(rng: np.random.Generator, hash_: bytes, bits: int) -> bytes:
    flips = np.zeros(HASH_BYTES * 8, dtype=np.uint8)
    flips[rng.choice(HASH_BYTES * 8, bits, replace=False)] = 1
    return (np.frombuffer(hash_, dtype=np.uint8) ^ np.packbits(flips)).tobytes()


def _built(path: Path, hashes: np.ndarray, ids: np.ndarray) -> Index:
    builder = IndexBuilder()
    builder.add_hashes(hashes.tobytes(), ids)
    builder.write(path, mark=5)
    return Index.open(path)


@pytest.mark.parametrize("size", [0, 1, 2, 63, 1023, 1024, 5000, 100_000])
@pytest.mark.parametrize("shape", ["even", "equal", "clustered", "together"])
def test_an_index_equals_brute_force(tmp_path: Path, shape: str, size: int) -> None:
    rng = np.random.default_rng([SEED, size])
    hashes = _hashes(rng, shape, size)
    # Several hashes under one id, and ids over the whole range.
    ids = rng.integers(0, 2**64, size, dtype=np.uint64) if size % 2 else np.arange(size, dtype=np.uint64) // 2
    index = _built(tmp_path / "index", hashes, ids)
    # Brute force over many takes long, and the shapes are the same at every size.
    for number in range(12 if size < 100_000 else 4):
        bits = int(rng.integers(0, 66))
        query = _near(rng, hashes[rng.integers(size)].tobytes(), bits) if size and number % 4 else rng.bytes(HASH_BYTES)
        for radius in (int(rng.integers(0, RADIUS_MAX + 1)), RADIUS, min(bits, RADIUS_MAX)):
            assert index.lookup(query, radius) == _brute_force(hashes, ids, query, radius), (number, radius)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), steps=st.lists(st.sampled_from(["add", "add", "withdraw", "merge"]), max_size=8))
def test_additions_withdrawals_and_merges_equal_brute_force(tmp_path: Path, seed: int, steps: list[str]) -> None:
    rng = np.random.default_rng(seed)
    hashes = _hashes(rng, "clustered", int(rng.integers(0, 3000)))
    ids = rng.integers(0, 900, len(hashes), dtype=np.uint64)
    index = _built(tmp_path / "index", hashes, ids)
    for step in steps:
        match step:
            case "add":
                more = _hashes(rng, "clustered", int(rng.integers(0, 50)))
                more_ids = rng.integers(0, 900, len(more), dtype=np.uint64)
                index.add_hashes(more.tobytes(), more_ids)
                hashes, ids = np.concatenate([hashes, more]), np.concatenate([ids, more_ids])
            case "withdraw":
                gone = rng.integers(0, 900, 40, dtype=np.uint64)
                index.withdraw(gone)
                kept = ~np.isin(ids, gone)
                hashes, ids = hashes[kept], ids[kept]
            case _:
                index.merge(tmp_path / "index")
        again = Index.open(tmp_path / "index") if step == "merge" else index
        for _ in range(3):
            query = _near(rng, hashes[rng.integers(len(hashes))].tobytes(), 20) if len(hashes) else rng.bytes(HASH_BYTES)
            expected = _brute_force(hashes, ids, query, RADIUS)
            assert index.lookup(query) == expected
            assert again.lookup(query) == expected


@pytest.mark.parametrize("radius", range(RADIUS_MAX + 1))
def test_exactly_the_radius_matches_and_one_bit_more_does_not(tmp_path: Path, radius: int) -> None:
    rng = np.random.default_rng([SEED, radius])
    query = rng.bytes(HASH_BYTES)
    hashes = _hashes(rng, "even", 3000)
    hashes[7] = np.frombuffer(_near(rng, query, radius), dtype=np.uint8)
    hashes[8] = np.frombuffer(_near(rng, query, radius + 1), dtype=np.uint8)
    index = _built(tmp_path / "index", hashes, np.arange(3000, dtype=np.uint64))
    assert index.lookup(query, radius) == [Match(7, radius)]


def test_a_batch_gives_what_single_lookups_give(tmp_path: Path) -> None:
    rng = np.random.default_rng(SEED)
    hashes = _hashes(rng, "clustered", 4000)
    index = _built(tmp_path / "index", hashes, np.arange(4000, dtype=np.uint64))
    queries = memoryview(np.ascontiguousarray(hashes[:40])).cast("B")
    radii = [number % 65 for number in range(40)]
    expected = [index.lookup(hashes[number].tobytes(), radii[number]) for number in range(40)]
    assert index.lookup_batch(queries, radii) == expected
    assert index.lookup_batch(queries, radii, threads=2) == expected
    assert index.lookup_batch(queries, 8) == [index.lookup(hash_.tobytes(), 8) for hash_ in hashes[:40]]
    assert index.lookup_batch(b"") == []


def test_lists_of_two_conventions_do_not_mix() -> None:
    index = Index.empty()
    index.add(1, bytes(HASH_BYTES))
    index.add(2, bytes(HASH_BYTES), convention=Convention.FLOOR512)
    assert index.lookup(bytes(HASH_BYTES)) == [Match(1, 0)]
    assert index.lookup(bytes(HASH_BYTES), convention=Convention.FLOOR512) == [Match(2, 0)]
    assert index.lookup(bytes(HASH_BYTES), convention=Convention.THUMBNAIL512) == []
    # What screens is looked up among the true hashes, and never listed.
    assert index.lookup(bytes(HASH_BYTES), 45, convention=Convention.SCREEN) == [Match(1, 0)]
    with pytest.raises(InvalidInput, match="never listed"):
        index.add(3, bytes(HASH_BYTES), convention=Convention.SCREEN)


@pytest.mark.parametrize(("algorithm", "length"), [("md5", 16), ("sha1", 20), ("sha256", 32), ("photodna", 144)])
def test_digests_live_and_die_with_the_same_file(tmp_path: Path, algorithm: str, length: int) -> None:
    rng = np.random.default_rng(SEED)
    values = [rng.bytes(length) for _ in range(300)]
    builder = IndexBuilder()
    builder.add_digests(algorithm, b"".join(values[:200]), range(200))
    builder.add_digests(algorithm, values[0], [1000])
    builder.write(tmp_path / "index")
    index = Index.open(tmp_path / "index")
    index.add_digests(algorithm, b"".join(values[200:]), np.arange(200, 300, dtype=np.uint64))
    for _ in range(2):
        assert index.find_digest(algorithm, values[0]) == [0, 1000]
        assert [index.find_digest(algorithm, value) for value in values[1:]] == [[number] for number in range(1, 300)]
        assert index.find_digest(algorithm, rng.bytes(length)) == []
        assert index.find_digest(algorithm, values[0][:-1]) == []
        index.merge(tmp_path / "index", mark=9)
    index.withdraw([0, 299])
    assert index.find_digest(algorithm, values[0]) == [1000]
    assert index.find_digest(algorithm, values[299]) == []
    assert index.info().mark == 9


def test_what_cannot_be_taken_is_refused_with_its_limit(tmp_path: Path) -> None:
    index, builder = Index.empty(), IndexBuilder()
    with pytest.raises(InvalidInput, match="32 bytes long, not 31"):
        index.lookup(bytes(31))
    with pytest.raises(InvalidInput, match="0 to 64 bits, not 65"):
        index.lookup(bytes(32), 65)
    with pytest.raises(InvalidInput, match="no whole count of 32"):
        builder.add_hashes(bytes(33), [1])
    with pytest.raises(InvalidInput, match="2 hashes and 1 ids"):
        builder.add_hashes(bytes(64), [1])
    with pytest.raises(InvalidInput, match="from 0 to"):
        index.add(-1, bytes(32))
    with pytest.raises(InvalidInput, match="from 0 to"):
        index.withdraw([2**64])
    with pytest.raises(InvalidInput, match="md5 is 16 bytes long, not 20"):
        builder.add_digests("md5", bytes(20), [1])
    with pytest.raises(InvalidInput, match="cannot share evenly"):
        builder.add_digests("md5", bytes(33), [1, 2])
    with pytest.raises(InvalidInput, match="small letters"):
        builder.add_digests("A name", bytes(4), [1])
    with pytest.raises(NotFound):
        Index.open(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError):
        builder.write(tmp_path / "no-folder" / "index")


def test_ids_may_be_any_numbers_in_any_form() -> None:
    index = Index.empty()
    largest = 2**64 - 1
    index.add_hashes(bytes(96), array("Q", [largest, 0, 5]))
    index.add_hashes(bytes(32), [6])
    index.add_hashes(bytes(64), np.array([7, 8], dtype=np.uint64))
    assert [match.id for match in index.lookup(bytes(32))] == [0, 5, 6, 7, 8, largest]


def test_a_damaged_file_is_never_looked_into(tmp_path: Path) -> None:
    rng = np.random.default_rng(SEED)
    path = tmp_path / "index"
    _built(path, _hashes(rng, "even", 2000), np.arange(2000, dtype=np.uint64))
    whole = path.read_bytes()
    for position in [*range(64), *rng.integers(0, len(whole), 60).tolist()]:
        damaged = bytearray(whole)
        damaged[position] ^= 0x20
        path.write_bytes(damaged)
        with pytest.raises(IndexUnusable, match=r"damaged|format"):
            Index.open(path)
        path.write_bytes(whole[:position])
        with pytest.raises(IndexUnusable):
            Index.open(path)


def test_lookups_are_refused_until_the_file_was_checked(tmp_path: Path) -> None:
    path = tmp_path / "index"
    _built(path, np.zeros((1, HASH_BYTES), dtype=np.uint8), np.zeros(1, dtype=np.uint64))
    index = Index.open(path, verify=False)
    assert not index.info().verified
    with pytest.raises(IndexUnusable, match="before it is used"):
        index.lookup(bytes(HASH_BYTES))
    told: list[tuple[int, int]] = []
    index.verify(progress=lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1] > 0
    assert index.lookup(bytes(HASH_BYTES)) == [Match(0, 0)]


def test_what_progress_raises_ends_the_work_and_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "index"
    index = _built(path, np.zeros((1, HASH_BYTES), dtype=np.uint8), np.zeros(1, dtype=np.uint64))
    before = path.read_bytes()

    def interrupted(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index.merge(path, progress=interrupted)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    assert index.lookup(bytes(HASH_BYTES)) == [Match(0, 0)]


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    _built(tmp_path / "index", np.zeros((1, HASH_BYTES), dtype=np.uint8), np.zeros(1, dtype=np.uint64))
    assert (tmp_path / "index").stat().st_mode & 0o777 == 0o600


def test_only_one_merge_at_a_time(tmp_path: Path) -> None:
    index = _built(tmp_path / "index", np.zeros((1, HASH_BYTES), dtype=np.uint8), np.zeros(1, dtype=np.uint64))
    refused: list[str] = []

    def meanwhile(done: int, total: int) -> None:
        if not refused:
            with pytest.raises(Conflict, match="under way") as caught:
                index.merge(tmp_path / "other")
            refused.append(str(caught.value))

    index.merge(tmp_path / "index", progress=meanwhile)
    assert refused
    index.merge(tmp_path / "index")


def test_threads_share_one_index_while_it_changes(tmp_path: Path) -> None:
    """A hash that stays listed is found by every look-up; one that is withdrawn or added is found after the call."""
    rng = np.random.default_rng(SEED)
    hashes = _hashes(rng, "even", 3000)
    index = _built(tmp_path / "index", hashes, np.arange(3000, dtype=np.uint64))
    stays = hashes[11].tobytes()
    over = threading.Event()

    def until_over(work: Callable[[], None]) -> int:
        rounds = 0
        while not over.is_set():
            work()
            rounds += 1
        return rounds

    def look_up() -> None:
        assert index.lookup(stays, 20) == [Match(11, 0)]

    with ThreadPoolExecutor() as pool:
        others = [pool.submit(until_over, work) for work in (look_up, look_up, lambda: index.merge(tmp_path / "index"))]
        try:
            for number in range(400):
                hash_ = rng.bytes(HASH_BYTES)
                index.add(5000 + number, hash_)
                assert index.lookup(hash_, 0) == [Match(5000 + number, 0)]
                if number % 2:
                    index.withdraw([5000 + number])
                    assert index.lookup(hash_, 0) == []
        finally:
            over.set()
        assert all(future.result() > 0 for future in others)
