"""Hashes to measure an index with: even ones, and ones that are like those of photographs, only worse.

Of 12,000 cut-outs of 50 photographs, two bits of a PDQ hash correlate by 0.01 on average and 0.1 at most: the bits of one
picture are nearly independent. What makes real lists uneven is that pictures come again: altered, cropped a little, or made
from one template. So `photo_like` mixes, in every ten rows: about five originals whose bits go together far more than was
measured (a Gaussian model of few factors, thresholded at the median as PDQ does); three altered copies of some original,
some of them much copied; one and a half exact repeats, a few of them very frequent; and half a row from one of 300
templates.
"""

import numpy as np
import numpy.typing as npt

BITS = 256
BYTES = 32
#: Factors of the Gaussian model, and their part in each coefficient's variance.
FACTORS, COMMON = 24, 0.4
CHUNK = 100_000

Hashes = npt.NDArray[np.uint8]


def even(rng: np.random.Generator, count: int) -> Hashes:
    """Hashes of independent bits."""
    return rng.integers(0, 2**64, (count, BYTES // 8), dtype=np.uint64).view(np.uint8)


def photo_like(rng: np.random.Generator, count: int) -> Hashes:
    """Hashes with correlated bits, clusters of near-duplicates, frequent repeats, and templates."""
    loadings = rng.normal(size=(FACTORS, BITS)).astype(np.float32) * np.sqrt(COMMON / FACTORS)
    templates = even(rng, 300)
    rows = np.empty((count, BYTES), dtype=np.uint8)
    for start in range(0, count, CHUNK):
        size = min(CHUNK, count - start)
        chunk = np.empty((size, BYTES), dtype=np.uint8)
        kind = rng.random(size)
        originals = np.flatnonzero((kind < 0.5) | ((kind < 0.95) & (start == 0)))
        chunk[originals] = _originals(rng, loadings, originals.size)
        if start:
            copies = np.flatnonzero((kind >= 0.5) & (kind < 0.8))
            chunk[copies] = altered(rng, rows[_frequent(rng, start, copies.size)], most=40)
            repeats = np.flatnonzero((kind >= 0.8) & (kind < 0.95))
            chunk[repeats] = rows[_frequent(rng, start, repeats.size)]
        from_template = np.flatnonzero(kind >= 0.95)
        chunk[from_template] = altered(rng, templates[rng.integers(0, 300, from_template.size)], most=60)
        rows[start : start + size] = chunk
    return rng.permutation(rows)


def altered(rng: np.random.Generator, hashes: Hashes, *, most: int) -> Hashes:
    """The hashes with 0 to about `most` of their bits flipped, each number equally often."""
    share = rng.integers(0, most + 1, (len(hashes), 1), dtype=np.uint16)
    return hashes ^ np.packbits(rng.integers(0, BITS, (len(hashes), BITS), dtype=np.uint8) < share, axis=1)


def near(rng: np.random.Generator, hash_: bytes, bits: int) -> bytes:
    """A hash that differs in exactly `bits` bits."""
    flips = np.zeros(BITS, dtype=np.uint8)
    flips[rng.choice(BITS, bits, replace=False)] = 1
    return (np.frombuffer(hash_, dtype=np.uint8) ^ np.packbits(flips)).tobytes()


SHAPES = {"even": even, "photo-like": photo_like}


def _originals(rng: np.random.Generator, loadings: npt.NDArray[np.float32], size: int) -> Hashes:
    factors = rng.standard_normal((size, FACTORS), dtype=np.float32)
    values = factors @ loadings + np.sqrt(1 - COMMON, dtype=np.float32) * rng.standard_normal(
        (size, BITS), dtype=np.float32
    )
    return np.packbits(values >= np.partition(values, BITS // 2, axis=1)[:, BITS // 2 : BITS // 2 + 1], axis=1)


def _frequent(rng: np.random.Generator, limit: int, size: int) -> npt.NDArray[np.int64]:
    """Positions below `limit`, small ones far more often: of 10 million rows the first stands for about 1 in 1,000."""
    return np.minimum((limit + 1.0) ** rng.random(size) ** 0.5 - 1, limit - 1).astype(np.int64)
