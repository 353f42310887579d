"""Kill -9 at random under uploads: every match that was answered is kept once, and reported once."""

import json
import os
import random
import secrets
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import httpx2
import pytest
from pictures import encoded, photo
from running.gate_lists import add_list
from running.house_processes import HouseProcess
from running.server import console
from running.states import wait_until

from vangnet.cli.installation import now
from vangnet.db import Database, open_database
from vangnet.gate.policy import STARTING, as_document
from vangnet.gate.service import policies
from vangnet.identity.service import parties
from vangnet.keys import Keys
from vangnet.registry.model.entries import HashAlgorithm

KILLS = 200 if os.environ.get("SOAK", "long") == "long" else 12
#: One kill in so many takes the database server too.
DATABASE_TOO = 4
#: One in so many is the hotline's alone.
HOTLINE = 7


class Uploader:
    """A program of the provider's that sends files, each under a name of its own, until it is stopped.

    A listed file is sent again under the same name until it is answered. One that is not listed is sent once, in whatever
    state the gate is: as fast as it answers, so that checks are under way whenever something dies.
    """

    def __init__(self, house: HouseProcess, name: str, files: Callable[[int], bytes], *, listed: bool) -> None:
        assert house.prepared is not None
        self.answered: dict[str, str] = {}
        self.unanswered = 0
        self.passed = 0
        self._name = name
        self._files = files
        self._listed = listed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._upload, name=name)
        self._problem: BaseException | None = None
        self._program = httpx2.Client(
            base_url=house.url,
            timeout=30,
            trust_env=False,
            headers={"Authorization": f"Bearer {house.prepared.api_key}"},
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._program.close()
        if self._problem is not None:
            raise self._problem

    def _upload(self) -> None:
        number = 0
        try:
            # Matches come no faster than their reports can follow; all else comes as fast as it can.
            while not self._stop.wait(0.2 if self._listed else 0.0):
                number += 1
                name, file = f"{self._name} {number}", self._files(number)
                while not self._send(name, file) and self._listed and not self._stop.is_set():
                    pass
        except BaseException as problem:  # noqa: BLE001 (raised again where the test waits for this thread)
            self._problem = problem

    def _send(self, name: str, file: bytes) -> bool:
        """Whether it was answered."""
        try:
            answer = self._program.post("/api/v1/check", content=file, headers={"Idempotency-Key": name})
        except httpx2.TransportError:
            self.unanswered += 1  # It may have been kept or not; nothing was promised.
            time.sleep(0.1)
            return False
        if answer.status_code == httpx2.codes.SERVICE_UNAVAILABLE:
            document = answer.json()
            # Loading, or whose key it is cannot be said: in no case allowed.
            assert document.get("decision") in {"hold", "block", None}
            self.unanswered += 1
            time.sleep(0.1)
            return False
        assert answer.status_code == httpx2.codes.OK, (answer.status_code, answer.text[:500])
        document = answer.json()
        assert document["decision"] == ("block" if self._listed else "allow"), document
        if self._listed:
            self.answered[name] = document["check_id"]
        else:
            self.passed += 1
        return True


@dataclass(kw_only=True)
class Uploaders:
    """Some that send listed files, and some that keep the gate busy with others."""

    listed: list[Uploader]
    busy: list[Uploader]

    @property
    def answered(self) -> dict[str, str]:
        """The check's id of each listed upload that was answered."""
        # Each uploader goes on meanwhile: what it has is copied in one step, and then gone through.
        return {name: id_ for uploader in self.listed for name, id_ in uploader.answered.copy().items()}

    def __str__(self) -> str:
        unanswered = sum(uploader.unanswered for uploader in [*self.listed, *self.busy])
        passed = sum(uploader.passed for uploader in self.busy)
        return f"{len(self.answered)} matches answered, {passed} other files passed, {unanswered} requests unanswered"


@contextmanager
def _load(provider: HouseProcess, files: list[bytes]) -> Iterator[Uploaders]:
    """Uploads until the block ends."""
    pictures = [encoded(photo(seed, 320, 240), "JPEG", quality=80) for seed in range(20)]
    with ExitStack() as running:
        yield Uploaders(
            listed=[
                running.enter_context(
                    Uploader(
                        provider, f"listed {of}", lambda number, of=of: files[(2 * number + of) % len(files)], listed=True
                    )
                )
                for of in range(2)
            ],
            busy=[
                running.enter_context(Uploader(provider, f"other {of}", kind, listed=False))
                for of, kind in enumerate(
                    (lambda _: os.urandom(500), lambda number: pictures[number % 20] + os.urandom(8))
                )
            ],
        )  # fmt: skip


@pytest.mark.soak
def test_no_answered_match_is_lost_or_doubled_when_processes_are_killed(houses: list[HouseProcess]) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}, {KILLS} kills")
    dice = random.Random(seed)
    provider, hotline = houses
    # So many that no entry matches as often as the flood stop lets it.
    files = [f"listed text {number}".encode() for number in range(4000)]
    _list(provider, hotline, files)
    wait_until(lambda: _is_blocked(provider, files[0]))
    counts: Counter[str] = Counter()
    started = time.monotonic()
    with _load(provider, files) as uploaders:
        wait_until(lambda: bool(uploaders.answered))
        for number in range(1, KILLS + 1):
            time.sleep(dice.uniform(0.0, 1.2))  # The moment is what is drawn at random.
            if number % HOTLINE == 0:
                # Reports on their way are lost, taken and not acknowledged, or come when nobody is there.
                counts["hotline"] += 1
                hotline.kill()
                hotline.start()
                continue
            if number % DATABASE_TOO == 0:
                counts["database"] += 1
                provider.kill_database()
                if dice.random() < 0.5:
                    wait_until(provider.answers)
                    continue
            counts["provider"] += 1
            provider.kill()
            provider.start()
            wait_until(provider.answers)
        answered = len(uploaders.answered)
        wait_until(lambda: len(uploaders.answered) > answered)
        assert len(uploaders.answered) >= KILLS, "between two kills hardly anything was under way"
        print(f"{KILLS} kills in {time.monotonic() - started:.0f} s: {dict(counts)}; {uploaders}")
    wait_until(hotline.answers)
    spool = provider.settings.data_dir / "gate-spool"
    # What was half-written when its process was killed goes after a minute.
    wait_until(lambda: not _files(spool), within_s=150)
    _check_kept(provider, hotline, uploaders.answered)
    for house in houses:
        _check_trail(house)


def _list(provider: HouseProcess, hotline: HouseProcess, files: list[bytes]) -> None:
    keys = Keys.open(provider.settings.keys_dir)
    hotline_key = Keys.open(hotline.settings.keys_dir).public_key
    with open_database(provider.settings) as database:
        with database.transaction() as conn:
            party = parties.find_party_by_public_key(conn, hotline_key)
            assert party is not None
            document = as_document(STARTING) | {"report_to": [str(party.id)]}
            policies.choose(conn, console(), document=document, now=now())
        add_list(database, keys, files, name="listed", algorithms=[HashAlgorithm.SHA256])


def _is_blocked(provider: HouseProcess, file: bytes) -> bool:
    """Whether the gate knows the list."""
    assert provider.prepared is not None
    headers = {"Authorization": f"Bearer {provider.prepared.api_key}", "Idempotency-Key": "before the first kill"}
    answer = httpx2.post(f"{provider.url}/api/v1/check", content=file, headers=headers, timeout=30, trust_env=False)
    return answer.status_code == httpx2.codes.OK and bool(answer.json()["decision"] == "block")


def _files(spool: Path) -> list[Path]:
    return list(spool.glob("*")) if spool.exists() else []


def _check_kept(provider: HouseProcess, hotline: HouseProcess, answered: Mapping[str, str]) -> None:
    with open_database(provider.settings) as database:
        kept = Counter(_texts(database, "SELECT object_id FROM gate_decision"))
        ids = dict(zip(_texts(database, "SELECT object_id FROM gate_decision ORDER BY id"),
                       _texts(database, "SELECT id::text FROM gate_decision ORDER BY id"), strict=True))  # fmt: skip
        events = Counter(_texts(database, "SELECT record_id FROM audit_event WHERE action = 'gate:check'"))
        wait_until(lambda: _told(database) == set(ids.values()))

        # The first ones may have been decided before the gate read the policy that reports.
        due = _texts(database, "SELECT id::text FROM gate_decision WHERE policy_version > 0")

        def all_reported() -> bool:
            return len(_texts(database, "SELECT decision_id::text FROM gate_report")) == len(due)

        wait_until(all_reported, within_s=900, every_s=0.5)
    assert set(kept) >= set(answered), "an answered match is lost"
    assert set(kept.values()) == {1}, "a match is kept twice"
    assert {name: ids[name] for name in answered} == answered, "an answer names another decision"
    assert events == Counter(ids.values()), "each decision has one event"

    def received() -> list[str]:
        with open_database(hotline.settings) as database:
            bodies = _texts(database, "SELECT convert_from(body, 'UTF8') FROM handoff_received WHERE kind = 'match_report'")
        return [json.loads(body)["envelope"]["payload"]["check_id"] for body in bodies]

    wait_until(lambda: len(received()) >= len(due), within_s=900, every_s=1)
    assert Counter(received()) == Counter(due), "each match is reported once"
    print(f"all there: {len(ids)} matches, each kept and told once, {len(due)} reported once")


def _check_trail(house: HouseProcess) -> None:
    """Nothing that died left a gap or a doubled link in the audit trail."""
    verify = [sys.executable, "-m", "vangnet", "audit", "verify"]
    ended = subprocess.run(verify, env=house.environ, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def _told(database: Database) -> set[str]:
    return set(_texts(database, "SELECT reference FROM registry_match"))


def _texts(database: Database, query: str) -> list[str]:
    with database.transaction() as conn:
        return [text for (text,) in conn.execute(query.encode()).fetchall()]
