"""The DC-only JPEG reader and what screens by it against damaged files, for an hour: each file is read as Pillow reads it,
or left to a decoder.

What it prints at the end: how many files, what became of them, and the slowest. `VANGNET_FUZZ_SECONDS` asks for another
time.
"""

import os
import random
import time
from collections import Counter

import numpy as np
import pytest
from pictures.jpeg_cases import MOST_PIXELS, judge, made_up
from pictures.jpeg_damage import files, wrecked
from pictures.jpeg_writer import written

from vangnet import _core
from vangnet.hashing import jpeg
from vangnet.hashing.model import Decoded, Limits

pytestmark = pytest.mark.soak

SECONDS = float(os.environ.get("VANGNET_FUZZ_SECONDS", "3600" if os.environ.get("SOAK", "long") == "long" else "20"))
#: Nothing takes longer, by orders of magnitude: a file that made the reader work beyond its length would show.
MOST_MICROSECONDS_A_BYTE = 50
#: Looking into a file that is hardly one takes some time, too.
MOST_MICROSECONDS = 50_000
#: How many of the files are among those that were damaged before.
GROWN_SHARE = 0.3
#: Beyond any side: all have their waves read.
EVERY_SIDE = 1 << 16


def test_a_damaged_file_is_read_as_a_decoder_reads_it_or_left_to_one(seed: int) -> None:
    found: Counter[str] = Counter()
    known = files()
    # Files that were damaged and read all the same are damaged further; among themselves, as they get ever smaller.
    grown = list(known)
    number, slowest = 0, 0.0
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        number += 1
        rng = random.Random(f"{seed} {number}")
        if number % 1000 == 0:
            grown[rng.randrange(len(grown))] = written(made_up(rng), rng)
        data = wrecked(grown if rng.random() < GROWN_SHARE else known, rng)
        try:
            slowest = max(slowest, screened(data, found))
            answer = judge(data)
        except AssertionError as error:
            raise AssertionError(f"case {number} of seed {seed}") from error
        if answer == "read" and len(data) < 20_000 and rng.random() < 0.1:
            grown[rng.randrange(len(grown))] = data
        found[answer] += 1
    print(f"{number} files: {dict(found.most_common())}; the slowest took {slowest:.0f} µs")
    assert found["read"]
    assert found["screened by waves"]


def screened(data: bytes, found: Counter[str]) -> float:
    """Has the file screened, which must agree with what is read of it without; answers the microseconds that it took."""
    begun = time.process_time_ns()
    answer = _core.jpeg_screen(data, MOST_PIXELS, EVERY_SIDE)
    microseconds = (time.process_time_ns() - begun) / 1000
    assert microseconds < MOST_MICROSECONDS + MOST_MICROSECONDS_A_BYTE * len(data)
    plain = _core.jpeg_eighth(data, MOST_PIXELS)
    if isinstance(answer, str):
        assert answer == plain
        return microseconds
    by_waves, luma = answer
    assert luma == plain
    if by_waves is not None:
        coefficients, quality = by_waves
        numbers = np.frombuffer(coefficients, "<f4")
        assert numbers.shape == (256,)
        assert np.isfinite(numbers).all()
        assert 0 <= quality <= 100
        found["screened by waves"] += 1
    gate = jpeg.read(data, Limits(pixels=MOST_PIXELS), cuts=True)
    found["decided by the gate" if isinstance(gate, Decoded) else f"left by the gate: {gate.value}"] += 1
    return microseconds
