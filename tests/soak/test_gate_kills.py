"""Kill -9 at random under uploads: every match that was answered is kept once, and reported once."""

import json
import os
import random
import secrets
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Self

import httpx2
import pytest
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


class Uploader:
    """Sends listed files, each under a new name, and the same name again until it is answered."""

    def __init__(self, house: HouseProcess, files: list[bytes]) -> None:
        assert house.prepared is not None
        self.answered: dict[str, str] = {}
        self.unanswered = 0
        self._files = files
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._upload, name="uploader")
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

    def _upload(self) -> None:
        number = 0
        while not self._stop.wait(0.1):
            number += 1
            name = f"upload {number}"
            while name not in self.answered:
                if self._stop.is_set():
                    return
                self._send(name, self._files[number % len(self._files)])

    def _send(self, name: str, file: bytes) -> None:
        try:
            answer = self._program.post("/api/v1/check", content=file, headers={"Idempotency-Key": name})
        except httpx2.TransportError:
            self.unanswered += 1  # It may have been kept or not; nothing was promised.
            time.sleep(0.1)
            return
        if answer.status_code == httpx2.codes.SERVICE_UNAVAILABLE:
            document = answer.json()
            # Loading, or whose key it is cannot be said: in no case allowed.
            assert document.get("decision") in {"hold", "block", None}
            self.unanswered += 1
            time.sleep(0.1)
            return
        assert answer.status_code == httpx2.codes.OK, (answer.status_code, answer.text[:500])
        assert answer.json()["decision"] == "block"
        self.answered[name] = answer.json()["check_id"]


@pytest.mark.soak
def test_no_answered_match_is_lost_or_doubled_when_processes_are_killed(houses: list[HouseProcess]) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}, {KILLS} kills")
    dice = random.Random(seed)
    provider, hotline = houses
    # So many that no entry matches as often as the flood stop lets it.
    files = [f"listed text {number}".encode() for number in range(1000)]
    _list(provider, hotline, files)
    wait_until(lambda: _is_blocked(provider, files[0]), within_s=120)
    counts: Counter[str] = Counter()
    started = time.monotonic()
    with Uploader(provider, files) as uploader:
        wait_until(lambda: bool(uploader.answered), within_s=120)
        for number in range(1, KILLS + 1):
            time.sleep(dice.uniform(0.0, 0.6))  # The moment is what is drawn at random.
            if number % DATABASE_TOO == 0:
                counts["database"] += 1
                provider.kill_database()
                if dice.random() < 0.5:
                    wait_until(provider.answers, within_s=90)
                    continue
            counts["provider"] += 1
            provider.kill()
            provider.start()
            wait_until(provider.answers, within_s=90)
        answered = len(uploader.answered)
        wait_until(lambda: len(uploader.answered) > answered, within_s=60)
    print(
        f"{KILLS} kills in {time.monotonic() - started:.0f} s: {dict(counts)}; answered {len(uploader.answered)}, "
        f"unanswered {uploader.unanswered}"
    )
    spool = provider.settings.data_dir / "gate-spool"
    wait_until(lambda: not _files(spool), within_s=60)
    _check_kept(provider, hotline, uploader)


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


def _check_kept(provider: HouseProcess, hotline: HouseProcess, uploader: Uploader) -> None:
    with open_database(provider.settings) as database:
        kept = Counter(_texts(database, "SELECT object_id FROM gate_decision"))
        ids = dict(zip(_texts(database, "SELECT object_id FROM gate_decision ORDER BY id"),
                       _texts(database, "SELECT id::text FROM gate_decision ORDER BY id"), strict=True))  # fmt: skip
        events = Counter(_texts(database, "SELECT record_id FROM audit_event WHERE action = 'gate:check'"))
        wait_until(lambda: _told(database) == set(ids.values()), within_s=60)

        # The first ones may have been decided before the gate read the policy that reports.
        due = _texts(database, "SELECT id::text FROM gate_decision WHERE policy_version > 0")

        def all_reported() -> bool:
            return len(_texts(database, "SELECT decision_id::text FROM gate_report")) == len(due)

        wait_until(all_reported, within_s=900, every_s=0.5)
    assert set(kept) >= set(uploader.answered), "an answered match is lost"
    assert set(kept.values()) == {1}, "a match is kept twice"
    assert {name: ids[name] for name in uploader.answered} == uploader.answered, "an answer names another decision"
    assert events == Counter(ids.values()), "each decision has one event"

    def received() -> list[str]:
        with open_database(hotline.settings) as database:
            bodies = _texts(database, "SELECT convert_from(body, 'UTF8') FROM handoff_received WHERE kind = 'match_report'")
        return [json.loads(body)["envelope"]["payload"]["check_id"] for body in bodies]

    wait_until(lambda: len(received()) >= len(due), within_s=900, every_s=1)
    assert Counter(received()) == Counter(due), "each match is reported once"
    print(f"all there: {len(ids)} matches, each kept and told once, {len(due)} reported once")


def _told(database: Database) -> set[str]:
    return set(_texts(database, "SELECT reference FROM registry_match"))


def _texts(database: Database, query: str) -> list[str]:
    with database.transaction() as conn:
        return [text for (text,) in conn.execute(query.encode()).fetchall()]
