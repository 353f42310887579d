"""The DC-only JPEG reader against damaged files, for an hour: each is read as Pillow reads it, or left to a decoder.

What it prints at the end: how many files, what became of them, and the slowest. `VANGNET_FUZZ_SECONDS` asks for another
time.
"""

import os
import random
import time
from collections import Counter

import pytest
from pictures.jpeg_cases import MOST_PIXELS, bases, damaged, judge, made_up
from pictures.jpeg_writer import written

from vangnet import _core

pytestmark = pytest.mark.soak

SECONDS = float(os.environ.get("VANGNET_FUZZ_SECONDS", "3600" if os.environ.get("SOAK", "long") == "long" else "20"))
#: Nothing takes longer, by orders of magnitude: a file that made the reader work beyond its length would show.
MOST_MICROSECONDS_A_BYTE = 50
#: Looking into a file that is hardly one takes some time, too.
MOST_MICROSECONDS = 50_000


def test_a_damaged_file_is_read_as_a_decoder_reads_it_or_left_to_one(seed: int) -> None:
    found: Counter[str] = Counter()
    files = bases()
    number, slowest = 0, 0.0
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        number += 1
        rng = random.Random(f"{seed} {number}")
        if number % 1000 == 0:
            # New files to damage; those that were damaged and read all the same are damaged further.
            files[rng.randrange(len(files))] = written(made_up(rng), rng)
        data = damaged(rng.choice(files), rng)
        begun = time.process_time_ns()
        _core.jpeg_eighth(data, MOST_PIXELS)
        microseconds = (time.process_time_ns() - begun) / 1000
        assert microseconds < MOST_MICROSECONDS + MOST_MICROSECONDS_A_BYTE * len(data)
        slowest = max(slowest, microseconds)
        try:
            answer = judge(data)
        except AssertionError as error:
            raise AssertionError(f"case {number} of seed {seed}") from error
        if answer == "read" and rng.random() < 0.1:
            files[rng.randrange(len(files))] = data
        found[answer] += 1
    print(f"{number} files: {dict(found.most_common())}; the slowest took {slowest:.0f} µs")
    assert found["read"]
