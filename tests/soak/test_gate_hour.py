"""An hour of uploads: the memory of every process of a gate is recorded, drawn, and must not grow.

`SOAK=long` takes an hour and draws docs/images/gate-soak.svg; `SOAK=short` takes twenty seconds and draws nothing.
"""

import os
import random
import secrets
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx2
import pytest
from pictures import encoded, photo
from running.gate_lists import add_list
from running.house_processes import HouseProcess
from running.states import wait_until

from vangnet.db import open_database
from vangnet.keys import Keys

LONG = os.environ.get("SOAK", "long") == "long"
SECONDS = 3600 if LONG else 20
EVERY_S = 5.0 if LONG else 0.5
ASKERS = 2
PLOT = Path(__file__).parents[2] / "docs" / "images" / "gate-soak.svg"
#: By so much the last quarter may lie above the second: a process of Python breathes. In the first it is still filled.
MAY_GROW_MIB = 24


@dataclass(slots=True)
class Recorded:
    """What one kind of process took, over time."""

    at_s: list[float] = field(default_factory=list)
    mib: list[float] = field(default_factory=list)

    def growth_mib(self) -> float:
        """From the second quarter of the time to the last, by medians."""
        quarter = len(self.mib) // 4
        return statistics.median(self.mib[-quarter:]) - statistics.median(self.mib[quarter : 2 * quarter])


class Askers:
    """Providers' programs: most uploads are small pictures, some are large, broken, listed, or batches of hashes."""

    def __init__(self, house: HouseProcess, bodies: Sequence[tuple[str, bytes]], seed: int) -> None:
        assert house.prepared is not None
        self.statuses: Counter[int] = Counter()
        self._house, self._bodies, self._key = house, bodies, house.prepared.api_key
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(random.Random(seed + one),)) for one in range(ASKERS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, dice: random.Random) -> None:
        headers = {"Authorization": f"Bearer {self._key}"}
        with httpx2.Client(base_url=self._house.url, timeout=60, trust_env=False, headers=headers) as client:
            while not self._stop.is_set():
                path, body = dice.choice(self._bodies)
                kind = "application/json" if path.endswith("hashes") else "application/octet-stream"
                answer = client.post(path, content=body, headers={"Content-Type": kind})
                self.statuses[answer.status_code] += 1


@pytest.mark.soak
def test_memory_does_not_grow_in_an_hour_of_uploads(houses: list[HouseProcess]) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}, {SECONDS} s")
    provider = houses[0]
    listed = encoded(photo(seed, 640, 480), "JPEG", quality=80)
    with open_database(provider.settings) as database:
        add_list(database, Keys.open(provider.settings.keys_dir), [listed], name="soak")
    assert provider.process is not None
    recorded: dict[str, Recorded] = {}
    with Askers(provider, list(_bodies(seed, listed)), seed) as askers:
        wait_until(lambda: askers.statuses.total() > 20)
        began = time.monotonic()
        while (at_s := time.monotonic() - began) < SECONDS:
            for name, mib in _memory(provider.process.pid).items():
                one = recorded.setdefault(name, Recorded())
                one.at_s.append(at_s)
                one.mib.append(mib)
            time.sleep(EVERY_S)  # The moments at which memory is read are the measurement.
    print(f"answered {askers.statuses.total()}: {dict(askers.statuses)}")
    for name, one in recorded.items():
        print(f"{name}: {one.mib[0]:.0f} MiB at first, {one.mib[-1]:.0f} at last, grew {one.growth_mib():+.1f}")
    if LONG:
        PLOT.write_text(_drawn(recorded, askers.statuses.total()), encoding="utf-8")
    assert set(askers.statuses) == {200}
    assert {name: one.growth_mib() for name, one in recorded.items() if one.growth_mib() > MAY_GROW_MIB} == {}


def _bodies(seed: int, listed: bytes) -> Iterator[tuple[str, bytes]]:
    check = "/api/v1/check"
    for number in range(8):
        yield check, encoded(photo(seed + 1 + number, 800, 600), "JPEG", quality=80)
    yield check, encoded(photo(seed + 20, 4000, 3000), "JPEG", quality=80)
    yield check, encoded(photo(seed + 21, 800, 600), "PNG")
    yield check, listed
    yield check, listed[: len(listed) // 2]
    yield check, random.Random(seed).randbytes(50_000)
    yield f"{check}/hashes", b'{"checks": [' + b", ".join([b'{"sha256": "%064x"}' % one for one in range(2000)]) + b"]}"


def _memory(pid: int) -> dict[str, float]:
    """MiB that are its own, of the server and of what it started; those that decode come and go, and count together."""
    found = {"server": _own_mib(pid), "decoding": 0.0}
    for child in _children(pid):
        found["decoding"] += _own_mib(child) + sum(_own_mib(one) for one in _children(child))
    return found


def _own_mib(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0.0  # It ended a moment ago.
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


def _children(pid: int) -> list[int]:
    try:
        paths = list(Path(f"/proc/{pid}/task").glob("*/children"))
        return [int(child) for path in paths for child in path.read_text(encoding="ascii").split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _drawn(recorded: dict[str, Recorded], answered: int) -> str:
    """The memory of each over time, as a picture that needs nothing else."""
    wide, high, left, top = 720, 260, 60, 40
    most = max(max(one.mib) for one in recorded.values()) * 1.1
    minutes = max(one.at_s[-1] for one in recorded.values()) / 60
    colours = {"server": "#1f5fa8", "decoding": "#b3541e"}

    def place(at_s: float, mib: float) -> str:
        return f"{left + wide * at_s / 60 / minutes:.1f},{top + high - high * mib / most:.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + wide + 20} {top + high + 60}" role="img">',
        f"<title>Memory of a gate over {minutes:.0f} minutes and {answered} answers</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/><g font-family="sans-serif" font-size="13">',
        f'<text x="{left}" y="20">MiB of memory of its own, {answered:,} answers</text>',
    ]
    for step in range(5):
        mib = most * step / 4
        y = top + high - high * step / 4
        parts.append(f'<path d="M{left} {y:.1f}h{wide}" stroke="#d0d0d0"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{mib:.0f}</text>')
        x = left + wide * step / 4
        parts.append(f'<text x="{x:.1f}" y="{top + high + 20}" text-anchor="middle">{minutes * step / 4:.0f} min</text>')
    for number, (name, one) in enumerate(recorded.items()):
        points = " ".join(place(at_s, mib) for at_s, mib in zip(one.at_s, one.mib, strict=True))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colours[name]}" stroke-width="2"/>')
        x, y = left + 160 * number, top + high + 45
        parts.append(f'<path d="M{x} {y - 4}h24" stroke="{colours[name]}" stroke-width="3"/>')
        parts.append(f'<text x="{x + 32}" y="{y}">{name}</text>')
    return "\n".join([*parts, "</g></svg>", ""])
