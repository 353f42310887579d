"""How many checks a gate answers: with a list of made-up hashes loaded, in batches of hashes and file by file over HTTP.

    python benchmarks/gate_check.py [--rows 1000000] [--seconds 5] [--quick]

One installation with its own PostgreSQL in a folder of its own, started by `vangnet serve`. The list's hashes are made up,
and nothing that is asked is on it. Whoever asks runs on the same machine, and shares its cores with what is measured: the
figures are a lower bound. Latency is what the asking program sees.
"""

import argparse
import http.client
import io
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import httpx2

from vangnet import config, log
from vangnet.audit.model import Actor, ActorKind
from vangnet.config import Settings
from vangnet.db import Database, open_database
from vangnet.gate.model import Door, GivenHash, HashCheck
from vangnet.gate.service.gate import Gate
from vangnet.hashing.hasher import Hasher
from vangnet.hashing.sandbox import Sandbox
from vangnet.identity.model import InstallationKind, Language
from vangnet.identity.permissions import Permission
from vangnet.identity.service import api_keys, installation
from vangnet.keys import Keys
from vangnet.registry.formats.reading import Taken
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.entries import Category, EntryDraft, HashAlgorithm, ListedHash, MediaKind
from vangnet.registry.service import categories, imports, lists
from vangnet.registry.service.live import LiveIndex
from vangnet.simulation.pictures import picture

_EVERYTHING = frozenset(Permission)


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rows", type=int, default=1_000_000, help="entries on the list, with a SHA-256 and a PDQ hash each"
    )
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each kind of request is sent")
    parser.add_argument("--quick", action="store_true", help="a small form, to see that it runs")
    given = parser.parse_args()
    rows, seconds = (2_000, 0.5) if given.quick else (given.rows, given.seconds)
    with tempfile.TemporaryDirectory() as folder:
        settings = _settings(Path(folder))
        log.configure(settings)
        with open_database(settings) as database:
            keys = Keys.open(settings.keys_dir)
            began = time.perf_counter()
            key = _prepare(database, keys, rows)
            print(f"list of {rows} entries made in {time.perf_counter() - began:.0f} s\n")
            in_process(settings, database, keys)
        over_http(settings, key, seconds)


# --- without HTTP -------------------------------------------------------------------------------------------------


def in_process(settings: Settings, database: Database, keys: Keys) -> None:
    """Batches of hashes, asked of the gate itself, in one thread."""
    began = time.perf_counter()
    with LiveIndex(database, keys, settings.data_dir / "registry-index") as live, Sandbox() as sandbox:
        live.wait_until_loaded(600)
        print(f"{'listed hashes loaded':<52}{time.perf_counter() - began:>10.2f} s")
        folder = settings.data_dir / "gate-spool"
        with Gate(
            database=database,
            keys=keys,
            live=live,
            hasher=Hasher(sandbox),
            spool_folder=folder,
            clock=lambda: datetime.now(UTC),
        ) as gate:
            drawn = random.Random(1)  # noqa: S311
            for algorithm, length in (("sha256", 32), ("pdq", 32)):
                values = [drawn.randbytes(length) for _ in range(10_000)]
                checks = [HashCheck(hashes=(GivenHash(algorithm=algorithm, value=value),)) for value in values]
                rates = []
                for _ in range(5):
                    start = time.perf_counter()
                    gate.check_hashes(checks, door=Door.HASHES, provider_key=None, now=datetime.now(UTC))
                    rates.append(len(checks) / (time.perf_counter() - start))
                print(f"{f'{algorithm} in batches of 10,000, one thread':<52}{statistics.median(rates):>10,.0f} /s")


# --- over HTTP ----------------------------------------------------------------------------------------------------


def over_http(settings: Settings, key: str, seconds: float) -> None:
    """Requests to `vangnet serve`, as a provider's programs send them."""
    with _serving(settings):
        small, large = os.urandom(200), _jpeg(200_000)
        one = json.dumps({"checks": [{"sha256": os.urandom(32).hex()}]}).encode()
        many = json.dumps({"checks": [{"sha256": os.urandom(32).hex()} for _ in range(10_000)]}).encode()
        for what, path, body, each, connections in (
            ("one digest a request", "/api/v1/check/hashes", one, 1, 8),
            ("10,000 digests a request", "/api/v1/check/hashes", many, 10_000, 2),
            ("a file of 200 bytes that is no picture", "/api/v1/check", small, 1, 8),
            (f"a photo-like JPEG of {len(large) // 1000} kB", "/api/v1/check", large, 1, 4),
        ):
            found = _asked(settings.port, key, path, body, connections=connections, seconds=seconds)
            print(
                f"{what:<52}{found.count * each / found.seconds:>10,.0f} /s   p50 {found.percentile(50):7.1f} ms"
                f"   p99 {found.percentile(99):7.1f} ms   {connections} connections"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    seconds: float
    latencies: list[float]

    @property
    def count(self) -> int:
        return len(self.latencies)

    def percentile(self, percent: int) -> float:
        return 1000 * sorted(self.latencies)[min(self.count - 1, self.count * percent // 100)]


def _asked(port: int, key: str, path: str, body: bytes, *, connections: int, seconds: float) -> _Found:
    latencies: list[float] = []
    stop = threading.Event()

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Content-Length": str(len(body))}
        if path.endswith("/check"):
            headers["Content-Type"] = "application/octet-stream"
        mine = []
        while not stop.is_set():
            start = time.perf_counter()
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
            mine.append(time.perf_counter() - start)
        latencies.extend(mine[1:])

    threads = [threading.Thread(target=ask) for _ in range(connections)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    stop.set()
    for thread in threads:
        thread.join()
    return _Found(seconds=time.perf_counter() - began, latencies=latencies)


@contextmanager
def _serving(settings: Settings) -> Iterator[None]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(config.PREFIX)} | {
        "VANGNET_DATA_DIR": str(settings.data_dir),
        "VANGNET_KEYS_DIR": str(settings.keys_dir),
        "VANGNET_PORT": str(settings.port),
        "VANGNET_LOG_LEVEL": "warning",
    }
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "vangnet", "serve"], env=environ, stderr=subprocess.DEVNULL)
    try:
        _wait(lambda: _ready(settings.port))
        print(f"{'from start to ready':<52}{time.perf_counter() - began:>10.2f} s")
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _ready(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=5, trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# --- what is measured on ------------------------------------------------------------------------------------------


def _settings(folder: Path) -> Settings:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    return Settings(data_dir=folder / "data", keys_dir=folder / "keys", port=port, log_level="warning")


def _prepare(database: Database, keys: Keys, rows: int) -> str:
    now = datetime.now(UTC)
    ours, theirs = (Actor(kind=ActorKind.PERSON, id=str(UUID(int=one)), permissions=_EVERYTHING) for one in (1, 2))
    with database.transaction() as conn:
        installation.set_up(
            conn, ours, kind=InstallationKind.PROVIDER, party_name="Benchmark", language=Language.EN, now=now
        )
        issued = api_keys.issue(conn, ours, name="benchmark", scopes=frozenset({Permission.GATE_CHECK}), now=now)
        made = lists.create(conn, ours, keys=keys, name="made up", now=now)
        batch = imports.start(conn, ours, list_id=made.id, format_="made up", source_digest=bytes(32), now=now)
    imports.run(database.transaction, ours, keys=keys, batch=batch, rows=_rows(rows), clock=lambda: datetime.now(UTC))
    with database.transaction() as conn:
        for category in categories.list_categories(conn, ours, made.id):
            categories.map_category(
                conn, ours, keys=keys, category_id=category.id, classification=Classification.BASELINE, now=now
            )
        for person in (ours, theirs):
            lists.approve_activation(conn, person, keys=keys, list_id=made.id, now=now)
    return issued.text


def _rows(count: int) -> Iterator[Taken]:
    drawn = random.Random(2)  # noqa: S311
    category = Category(scheme="ncmec", name="A1")
    for position in range(1, count + 1):
        hashes = (
            ListedHash(algorithm=HashAlgorithm.SHA256, value=drawn.randbytes(32)),
            ListedHash(algorithm=HashAlgorithm.PDQ, value=drawn.randbytes(32)),
        )
        yield Taken(position=position, draft=EntryDraft(media_kind=MediaKind.IMAGE, hashes=hashes, category=category))


def _jpeg(about_bytes: int) -> bytes:
    """A picture of about so many bytes."""
    for quality in range(95, 20, -5):
        file = io.BytesIO()
        picture(7).save(file, "JPEG", quality=quality)
        if len(file.getvalue()) <= about_bytes:
            break
    return file.getvalue()


if __name__ == "__main__":
    main()
