"""How many checks a gate answers, and how fast: with a list of made-up hashes loaded, over HTTP, beside today's tool.

    python benchmarks/gate_check.py [--rows 10000000] [--seeds 1 2 3] [--seconds 5] [--peer-rows 1000000]

One installation with its own PostgreSQL in a folder of its own, and as its gate `vangnet serve --only gate --workers`, one
worker for each processor. Nothing that is asked is on a list. Whoever asks runs on the same machine, as a process that is
made to need little, and shares the processors with what is measured: rates are a lower bound. Times are what it sees.
"""

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import httpx2
from figures import Figure, percentile, show
from gate_list import prepared

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from pictures import encoded, photo

from vangnet import config, log
from vangnet.config import Settings
from vangnet.db import Database, open_database
from vangnet.gate.model import Door, GivenHash, HashCheck
from vangnet.gate.service.gate import Gate
from vangnet.hashing import media
from vangnet.hashing.hasher import Hasher
from vangnet.hashing.model import SCREEN_QUALITY, Convention, Decoded, Digests, MediaFormat
from vangnet.hashing.sandbox import Sandbox
from vangnet.hashing.wire import Job
from vangnet.keys import Keys
from vangnet.registry.service.index_files import IndexFiles
from vangnet.registry.service.live import LiveIndex

_CORES = len(os.sched_getaffinity(0))
_BATCH = 10_000


def main() -> None:
    """Prints the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="listed files, with a SHA-256 and a PDQ hash each")
    parser.add_argument("--peer-rows", type=int, default=1_000_000, help="PDQ hashes in the peer's index")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each kind of request is sent")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = _settings(folder)
        log.configure(settings)
        with open_database(settings) as database:
            keys = Keys.open(settings.keys_dir)
            _tell("making the list")
            key = prepared(database, keys, settings, given.rows)
            _tell("asking without HTTP")
            rows = _in_process(settings, database, keys, given.seeds)
        _tell("starting")
        rows += _starts(settings, keys, key, len(given.seeds))
        with _serving(settings, workers=_CORES) as gate:
            asker = Asker(settings.port, key, folder, given.seconds)
            _tell("small requests")
            rows += _small(asker, gate, given.seeds)
            _tell("photos")
            rows += _photos(asker, given.seeds, given.peer_rows)
    print(f"{given.rows} listed files, each with a SHA-256 and a PDQ hash; {_CORES} processors, {_CORES} workers.")
    show(rows)


def _tell(step: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {step}", file=sys.stderr, flush=True)


# --- without HTTP -------------------------------------------------------------------------------------------------


def _in_process(settings: Settings, database: Database, keys: Keys, seeds: Sequence[int]) -> list[Figure]:
    """Batches of hashes, asked of the gate itself; rates by processor time, so that they are of one processor."""
    rates: dict[str, list[float]] = {"sha256": [], "pdq": []}
    with LiveIndex(database, keys, settings.data_dir / "registry-index") as live, Sandbox() as sandbox:
        live.wait_until_loaded(600)
        folder = settings.data_dir / "gate-spool"
        with Gate(
            database=database, keys=keys, live=live, hasher=Hasher(sandbox), spool_folder=folder,
            clock=lambda: datetime.now(UTC),
        ) as gate:  # fmt: skip
            for seed in seeds:
                drawn = random.Random(seed)  # noqa: S311
                for algorithm, found in rates.items():
                    hashes = [GivenHash(algorithm=algorithm, value=drawn.randbytes(32)) for _ in range(_BATCH)]
                    checks = [HashCheck(hashes=(one,)) for one in hashes]
                    start = time.process_time()
                    gate.check_hashes(checks, door=Door.HASHES, provider_key=None, now=datetime.now(UTC))
                    found.append(len(checks) / (time.process_time() - start))
    return [
        Figure(what=f"{name} in batches of {_BATCH}, without HTTP, a processor", unit="/s", ours=found)
        for name, found in rates.items()
    ]


# --- over HTTP ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one run of `gate_load.py` saw."""

    seconds: float
    took_s: list[float]
    cpu_s: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.took_s) / self.seconds

    def ms(self, share: float) -> float:
        """The time within which that share (in percent) was answered."""
        return 1000 * percentile(self.took_s, share)


@dataclass(slots=True)
class Asker:
    """Whoever asks: `gate_load.py`."""

    port: int
    key: str
    folder: Path
    seconds: float
    _bodies: int = field(default=0)

    def ask(
        self, path: str, bodies: Sequence[bytes], *, connections: int, rate: float | None = None, ports: Sequence[int] = ()
    ) -> Seen:
        """Sends the bodies in turn for so long. A status that is not 200 ends the benchmark."""
        names = []
        for body in bodies:
            self._bodies += 1
            names.append(self.folder / f"body-{self._bodies}")
            names[-1].write_bytes(body)
        asked = {
            "ports": list(ports) or [self.port],
            "host": f"127.0.0.1:{self.port}",
            "key": self.key,
            "path": path,
            "type": "application/json" if path.endswith("hashes") else "application/octet-stream",
            "bodies": [str(name) for name in names],
            "connections": connections,
            "seconds": self.seconds,
            "rate": rate,
        }
        command = [sys.executable, str(Path(__file__).parent / "gate_load.py")]
        told = subprocess.run(command, input=json.dumps(asked), stdout=subprocess.PIPE, text=True, check=True).stdout
        found = json.loads(told)
        assert set(found["statuses"]) == {"200"}, found["statuses"]
        return Seen(seconds=found["seconds"], took_s=found["took_s"], cpu_s=found["cpu_s"])


def _small(asker: Asker, gate: int, seeds: Sequence[int]) -> list[Figure]:
    """Batches, and the smallest requests there are."""
    hashes, path = "/api/v1/check/hashes", "/api/v1/check"
    kinds = (
        ("SHA-256, batches of 10,000, a processor", hashes, lambda drawn: _asked("sha256", _BATCH, drawn), 2, 20_000),
        ("PDQ, batches of 10,000, a processor", hashes, lambda drawn: _asked("pdq", _BATCH, drawn), 2, 4_000),
        ("one SHA-256 a request", hashes, lambda drawn: _asked("sha256", 1, drawn), 8, 1_500),
        ("one PDQ hash a request", hashes, lambda drawn: _asked("pdq", 1, drawn), 8, 1_500),
        ("an upload of 200 bytes that is no picture", path, lambda drawn: drawn.randbytes(200), 8, 1_500),
    )
    rows = []
    for what, where, made, connections, goal in kinds:
        rates, cpu_us, p50, p99, calm = [], [], [], [], []
        for seed in seeds:
            body = made(random.Random(seed))  # noqa: S311
            each = _BATCH if connections == 2 else 1
            before = _cpu_s(gate)
            seen = asker.ask(where, [body], connections=connections)
            used_s = _cpu_s(gate) - before
            # Of a batch, the rate of one processor: the asking program and the gate share them.
            rates.append(len(seen.took_s) * each / used_s if each > 1 else seen.rate)
            cpu_us.append(1e6 * used_s / (len(seen.took_s) * each))
            if each == 1:
                eased = asker.ask(where, [body], connections=4 * connections, rate=0.8 * seen.rate)
                p50.append(eased.ms(50))
                p99.append(eased.ms(99))
                calm.append(eased.ms(99) / eased.ms(50))
        rows.append(Figure(what=what, unit="/s", ours=rates, at_least=goal))
        rows.append(Figure(what="of the gate's processor time each", unit="µs", ours=cpu_us))
        if calm:
            rows.append(Figure(what="at 80 % of that rate", unit="ms", ours=p50, p99=p99))
            rows.append(Figure(what="p99 over p50", unit="", ours=calm, at_most=3))
    return rows


def _photos(asker: Asker, seeds: Sequence[int], peer_rows: int) -> list[Figure]:
    """Uploads of 12 megapixels: ours, the peer's, and the same pictures only hashed, by as many threads."""
    ours, theirs, alone = [], [], []
    with _peers(asker.folder, peer_rows) as ports:
        for seed in seeds:
            files = [encoded(photo(100 * seed + number, 4000, 3000), "JPEG", quality=85) for number in range(4)]
            alone.append(1000 * _hashed_alone(files, asker.seconds))
            seen = asker.ask("/api/v1/check", files, connections=_CORES)
            ours.append(1000 / seen.rate)
            seen = asker.ask("/check", files, connections=_CORES, ports=ports)
            theirs.append(1000 / seen.rate)
    peer = f"Flask and python-threatexchange, {_CORES} processes, {peer_rows} hashes"
    over = [100 * (http / only - 1) for http, only in zip(ours, alone, strict=True)]
    return [
        Figure(what="an upload of 12 MP, all processors busy", unit="ms", ours=ours, peer=peer, theirs=theirs, times=10),
        Figure(what="the same pictures only hashed, in threads", unit="ms", ours=alone),
        Figure(what="what HTTP, isolation and the check add to that", unit="%", ours=over, at_most=25),
    ]


def _hashed_alone(files: Sequence[bytes], seconds: float) -> float:
    """Seconds for each picture, digests included, in this process and without isolation: by what the gate hashes it by."""
    media.prepare()

    def hash_one(number: int) -> None:
        data = files[number % len(files)]
        Digests.of(data)
        if _hashed(data, Convention.SCREEN) < SCREEN_QUALITY:
            _hashed(data, Convention.FULL)

    with ThreadPoolExecutor(_CORES) as pool:
        done, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds:
            list(pool.map(hash_one, range(2 * _CORES)))
            done += 2 * _CORES
        return (time.perf_counter() - start) / done


def _hashed(data: bytes, convention: Convention) -> int:
    job = Job(
        length=len(data), format=MediaFormat.JPEG, conventions=frozenset({convention}), pixels=10**9, frames=1, seconds=60
    )
    decoded = media.hash_frames(data, job)
    assert isinstance(decoded, Decoded)
    return decoded.frames[0].transforms[0].quality


def _asked(algorithm: str, count: int, drawn: random.Random) -> bytes:
    return json.dumps({"checks": [{algorithm: drawn.randbytes(32).hex()} for _ in range(count)]}).encode()


# --- processes ----------------------------------------------------------------------------------------------------


def _starts(settings: Settings, keys: Keys, key: str, times: int) -> list[Figure]:
    """From the start of a gate to its first answer, and to the word that it is ready; and how long the index alone takes,
    whose every block is proved to be as it was written while it is unsealed."""
    first, ready, blocks, rest = [], [], [], []
    folder = settings.data_dir / "registry-index"
    (sealed,) = folder.glob("*.sealed")
    body = _asked("sha256", 1, random.Random(0))  # noqa: S311
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    url = f"http://127.0.0.1:{settings.port}"
    for _ in range(times):
        began = time.perf_counter()
        with _process(settings):
            _wait(lambda: _status("POST", f"{url}/api/v1/check/hashes", content=body, headers=headers) == 200)
            first.append(time.perf_counter() - began)
            _wait(lambda: _status("GET", f"{url}/readyz") == 200)
            ready.append(time.perf_counter() - began)
        began = time.perf_counter()
        assert IndexFiles(folder, keys).find(UUID(sealed.stem)) is not None
        blocks.append(time.perf_counter() - began)
        rest.append(first[-1] - blocks[-1])
    return [
        Figure(what="from start to the first answer, block checks included", unit="s", ours=first),
        Figure(what="unsealing the index, which checks every block", unit="s", ours=blocks),
        Figure(what="from start to the first answer, without that", unit="s", ours=rest, at_most=3),
        Figure(what="from start to ready", unit="s", ours=ready, at_most=10),
    ]


@contextmanager
def _serving(settings: Settings, *, workers: int) -> Iterator[int]:
    with _process(settings, "--workers", str(workers)) as process:
        _wait(lambda: _status("GET", f"http://127.0.0.1:{settings.port}/readyz") == 200)
        yield process


@contextmanager
def _process(settings: Settings, *arguments: str) -> Iterator[int]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(config.PREFIX)} | {
        "VANGNET_DATA_DIR": str(settings.data_dir),
        "VANGNET_KEYS_DIR": str(settings.keys_dir),
        "VANGNET_PORT": str(settings.port),
    }
    command = [sys.executable, "-m", "vangnet", "serve", "--only", "gate", *arguments]
    # With its log lines, as an installation writes them.
    process = subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@contextmanager
def _peers(folder: Path, rows: int) -> Iterator[list[int]]:
    hashes = folder / "peer-hashes"
    hashes.write_bytes(random.Random(3).randbytes(32 * rows))  # noqa: S311
    ports = [_free_port() for _ in range(_CORES)]
    script = str(Path(__file__).parent / "gate_peer.py")
    processes = [
        subprocess.Popen(
            [sys.executable, script, str(port), str(hashes)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for port in ports
    ]
    try:
        for port in ports:
            _wait(lambda port=port: _status("GET", f"http://127.0.0.1:{port}/ready") == 200)  # type: ignore[misc]
        yield ports
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _cpu_s(pid: int) -> float:
    """Processor time of a process and all that it started, those that ended included."""
    ticks = 0
    for one in [pid, *_descendants(pid)]:
        try:
            fields = Path(f"/proc/{one}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except FileNotFoundError:
            continue
        ticks += sum(int(value) for value in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def _descendants(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text(encoding="ascii").split():
            found += [int(child), *_descendants(int(child))]
    return found


def _status(method: str, url: str, **options: object) -> int | None:
    try:
        return httpx2.request(method, url, timeout=5, trust_env=False, **options).status_code  # type: ignore[arg-type]
    except httpx2.TransportError:
        return None


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 600
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# --- what is measured on ------------------------------------------------------------------------------------------


def _settings(folder: Path) -> Settings:
    return Settings(data_dir=folder / "data", keys_dir=folder / "keys", port=_free_port(), log_level="warning")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


if __name__ == "__main__":
    main()
