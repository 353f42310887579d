"""What it costs to look an upload up in every view: a photo from its bytes to the decision, beside today's tool in one run.

    python benchmarks/gate_views.py [--rows 10000000] [--seeds 1 2 3] [--sizes 1 12] [--photos 4] [--repeat 3]

Ours is a gate in this process with its sandbox, its database and a list of made-up hashes, and answers with a decision: all
eight ways to hold the picture and up to five cuts of it, so up to 48 look-ups, each among whole pictures and sub-windows.
The peer is python-threatexchange: one hash of the same file, and one look-up in the index that its PDQIndex uses (faiss
IndexBinaryMultiHash of 16 times 16 bits, one flip), filled straight from memory: its own way of adding takes a string and a
tuple for each of ten million hashes. It has no views, no isolation, no policy, and keeps nothing. One thread each; tool
after tool on the same file, the best of some tries.
"""

import argparse
import gc
import io
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import faiss
import numpy as np
from figures import Figure, percentile, show
from gate_list import prepared
from hash_photo import photos, sources
from PIL import Image, ImageOps
from threatexchange.signal_type.pdq.pdq_hasher import pdq_from_bytes

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from pictures import encoded

from vangnet import log
from vangnet.config import Settings
from vangnet.db import open_database
from vangnet.gate.matching import Matcher
from vangnet.gate.model import Decision, Door
from vangnet.gate.service.gate import Gate
from vangnet.hashing import jpeg, media
from vangnet.hashing.hasher import Hasher
from vangnet.hashing.index import RADIUS
from vangnet.hashing.model import Digests, Limits
from vangnet.hashing.sandbox import Sandbox
from vangnet.keys import Keys
from vangnet.registry.service.live import Asked, LiveIndex

_VIEWS = 48
_PEER = "python-threatexchange: one hash, one look-up"
_CALM = 20


def main() -> None:
    """Prints the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="listed files, with a SHA-256 and a PDQ hash each")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 12], help="million pixels")
    parser.add_argument("--photos", type=int, default=4, help="of each size and seed")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--look-ups", type=int, default=200, help="pictures of 48 hashes each, a seed")
    given = parser.parse_args()
    media.prepare()
    # First and alone: two indices of ten million at once are more than many machines have room for.
    theirs = _peer_look_up(given.rows, given.seeds)
    gc.collect()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = Settings(data_dir=folder / "data", keys_dir=folder / "keys", log_level="warning")
        log.configure(settings)
        with open_database(settings) as database:
            keys = Keys.open(settings.keys_dir)
            prepared(database, keys, settings, given.rows)
            with LiveIndex(database, keys, settings.data_dir / "registry-index") as live, Sandbox() as sandbox:
                live.wait_until_loaded(600)
                hasher = Hasher(sandbox)
                with Gate(
                    database=database, keys=keys, live=live, hasher=hasher, spool_folder=settings.data_dir / "gate-spool",
                    clock=lambda: datetime.now(UTC),
                ) as gate:  # fmt: skip
                    rows = _look_ups(live, given.rows, given.seeds, given.look_ups)
                    for size in given.sizes:
                        rows += _decisions(Measuring(gate, live, hasher), given, size, theirs)
    print(f"{given.rows} listed files, each with a SHA-256 and a PDQ hash.")
    show(rows)


def _peer_look_up(rows: int, seeds: Sequence[int]) -> dict[int, float]:
    """Milliseconds of one look-up, by seed."""
    faiss.omp_set_num_threads(1)
    index = faiss.IndexBinaryMultiHash(256, 16, 16)
    index.nflip = RADIUS // 16
    drawn = np.random.default_rng(2**32)
    for _ in range(0, rows, 1_000_000):
        index.add(drawn.integers(0, 256, (min(rows, 1_000_000), 32), dtype=np.uint8))
    found = {}
    for seed in seeds:
        queries = np.random.default_rng(seed).integers(0, 256, (_CALM * 2, 1, 32), dtype=np.uint8)
        times = [_milliseconds(lambda one=query: index.range_search(one, RADIUS + 1)) for query in queries]  # type: ignore[misc]
        found[seed] = statistics.median(times[_CALM // 2 :])
    return found


# --- look-ups alone -----------------------------------------------------------------------------------------------


def _look_ups(live: LiveIndex, rows: int, seeds: Sequence[int], count: int) -> list[Figure]:
    """All the views of one picture: hashes that have nothing to do with each other, and that nobody listed."""
    true, nearly = [], []
    p99: list[list[float]] = [[], []]
    for seed in seeds:
        drawn = random.Random(seed)  # noqa: S311
        for number, (radius, medians) in enumerate(((RADIUS, true), (RADIUS + 6, nearly))):
            asked = [[Asked(hash=drawn.randbytes(32), radius=radius) for _ in range(_VIEWS)] for _ in range(count)]
            times = [_milliseconds(lambda its=one: live.is_any_near(its)) for one in asked]  # type: ignore[misc]
            medians.append(statistics.median(times))
            p99[number].append(percentile(times, 99))
    what = f"all views of one picture, {_VIEWS} look-ups, among {rows:,}"
    return [
        Figure(what=f"{what}, ≤ {RADIUS}", unit="ms", ours=true, p99=p99[0], at_most=5),
        Figure(what=f"the same as `full~`, ≤ {RADIUS + 6}", unit="ms", ours=nearly, p99=p99[1]),
    ]


# --- a photo to its decision --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Measuring:
    """What is measured."""

    gate: Gate
    live: LiveIndex
    hasher: Hasher

    def decide(self, data: bytes) -> None:
        """A check as any door asks for it."""
        answer = self.gate.check(data, door=Door.API, provider_key=None, object_id=None, now=datetime.now(UTC))
        if answer.decision is not Decision.ALLOW:
            raise AssertionError(answer.outcome)

    def works(self, data: bytes) -> dict[str, Callable[[], object]]:
        """Everything that is timed of a file, by its name."""
        outcome = self.hasher.screen_bytes(data, cuts=True)
        matcher = Matcher(self.live, self.hasher, str)
        return {
            "peer": lambda: pdq_from_bytes(data),
            "decision": lambda: self.decide(data),
            "hashed": lambda: self.hasher.screen_bytes(data),
            "hashed with cuts": lambda: self.hasher.screen_bytes(data, cuts=True),
            "read": lambda: jpeg.read(data, Limits(), cuts=False),
            "digests": lambda: Digests.of(data),
            "look-ups": lambda: matcher.is_near(outcome),
        }


def _files(seed: int, size: int, count: int, *, bordered: bool) -> Iterator[bytes]:
    cut_from: list[Image.Image] = sources(None)
    for data in photos(cut_from, size, seed, count, only_cut=False):
        if not bordered:
            yield data
            continue
        image = _opened(data)
        # As large as the others, with what people put around a picture.
        inner = image.resize((image.width * 4 // 5, image.height * 4 // 5))
        framed = ImageOps.expand(inner, (image.width // 10, image.height // 10), "white")
        yield encoded(framed, "JPEG", quality=85)


def _opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def _decisions(measuring: Measuring, given: argparse.Namespace, size: int, theirs: dict[int, float]) -> list[Figure]:
    rows = []
    for bordered in (False, True):
        medians: dict[str, list[float]] = {}
        megabytes = []
        for seed in given.seeds:
            best: dict[str, list[float]] = {}
            for data in _files(seed, size, given.photos, bordered=bordered):
                megabytes.append(len(data) / 1e6)
                for name, took in _best_of(given.repeat, measuring.works(data)).items():
                    best.setdefault(name, []).append(took)
            for name, times in best.items():
                medians.setdefault(name, []).append(statistics.median(times))
        rows += _rows(size, statistics.median(megabytes), medians, given.seeds, theirs, bordered=bordered)
    return rows


def _rows(
    size: int,
    megabytes: float,
    medians: dict[str, list[float]],
    seeds: Sequence[int],
    theirs: dict[int, float],
    *,
    bordered: bool,
) -> list[Figure]:
    kind = f"{size} MP JPEG of {megabytes:.1f} MB{', in a border' if bordered else ''}"
    peer = [hashing + theirs[seed] for hashing, seed in zip(medians["peer"], seeds, strict=True)]
    decided = Figure(
        what=f"{kind} → decision, all views", unit="ms", ours=medians["decision"], peer=_PEER, theirs=peer,
        times=25 if size == 12 and not bordered else None,
    )  # fmt: skip
    parts = {
        "digests": "of that, its three digests",
        "read": "its `full~`, read in this process, without cuts",
        "hashed": "digests and hashes, without cuts",
        "hashed with cuts": "digests and hashes, with cuts",
        "look-ups": "its look-ups",
    }
    return [decided, *(Figure(what=what, unit="ms", ours=medians[name]) for name, what in parts.items())]


def _best_of(repeat: int, works: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The best of some tries, the tools taking turns."""
    best = dict.fromkeys(works, float("inf"))
    for _ in range(repeat):
        for name, work in works.items():
            best[name] = min(best[name], _milliseconds(work))
    return best


def _milliseconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
