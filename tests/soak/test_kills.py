"""Kill -9 at random under writes: what was acknowledged is there, the trail verifies, every hand-off arrived once."""

import os
import random
import secrets
import threading
import time
from collections import Counter
from typing import Self

import httpx2
import pytest
from running.house_processes import HouseProcess
from running.states import wait_until

from vangnet.audit.verification import verify
from vangnet.db import Database, open_database
from vangnet.keys import Keys

KILLS = 200 if os.environ.get("SOAK", "long") == "long" else 12
#: One kill in so many takes the database server too.
DATABASE_TOO = 4


class Writer:
    """Adds parties by API and sends test messages by form, and remembers what was acknowledged."""

    def __init__(self, house: HouseProcess, party_id: str) -> None:
        assert house.prepared is not None
        self.parties: list[str] = []
        self.messages: list[str] = []
        self.unanswered = 0
        self._house = house
        self._party_id = party_id
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write, name="writer")
        self._program = httpx2.Client(
            base_url=house.url, timeout=15, trust_env=False, headers={"Authorization": f"Bearer {house.writing_key}"}
        )
        self._browser = httpx2.Client(base_url=house.url, timeout=15, trust_env=False)
        self._browser.get(house.prepared.sign_in_links[0])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._program.close()
        self._browser.close()

    def _write(self) -> None:
        number = 0
        while not self._stop.wait(0.02):
            number += 1
            try:
                # Hand-offs go one by one, and a killed delivery holds up the next for half a minute: few of them, then.
                self._send(f"message {number}") if number % 10 == 0 else self._add_party(f"party {number}")
            except httpx2.TransportError:
                self.unanswered += 1  # It may have been written or not; nothing was promised.
                self._stop.wait(0.1)

    def _add_party(self, name: str) -> None:
        answer = self._program.post("/api/v1/parties", json={"name": name, "kind": "partner"})
        if answer.is_success:
            self.parties.append(answer.json()["id"])
        else:
            self._was_unavailable(answer)

    def _send(self, text: str) -> None:
        answer = self._browser.post("/hand-offs/test-message", data={"party": self._party_id, "text": text})
        if answer.status_code == httpx2.codes.SEE_OTHER:
            self.messages.append(answer.headers["location"].partition("?")[0].removeprefix("/hand-offs/sent/"))
        else:
            self._was_unavailable(answer)

    def _was_unavailable(self, answer: httpx2.Response) -> None:
        # While its database starts again it says so; any other answer is a fault.
        assert answer.status_code == httpx2.codes.SERVICE_UNAVAILABLE, (answer.status_code, answer.text[:500])
        self.unanswered += 1


@pytest.mark.soak
def test_nothing_acknowledged_is_lost_when_processes_are_killed(houses: list[HouseProcess]) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}, {KILLS} kills")
    dice = random.Random(seed)
    provider, hotline = houses
    started = time.monotonic()
    counts: Counter[str] = Counter()
    with Writer(provider, provider.party_id(hotline)) as writer:
        for number in range(1, KILLS + 1):
            _kill_one(dice, houses, counts, number)
        wait_until(lambda: bool(writer.parties and writer.messages))
    print(
        f"{KILLS} kills in {time.monotonic() - started:.0f} s: {dict(counts)}; acknowledged {len(writer.parties)} parties "
        f"and {len(writer.messages)} hand-offs, unanswered {writer.unanswered}"
    )
    _every_message_arrives(provider, within_s=900)
    for house in houses:
        house.stop()
    _check(provider, hotline, writer)


def _kill_one(dice: random.Random, houses: list[HouseProcess], counts: Counter[str], number: int) -> None:
    time.sleep(dice.uniform(0.0, 0.6))  # The moment is what is drawn at random.
    house = dice.choice(houses)
    counts[house.cast.kind] += 1
    if number % DATABASE_TOO == 0:
        counts["database"] += 1
        house.kill_database()
        if dice.random() < 0.5:
            # The process lives on, and must get its database back by itself.
            wait_until(house.answers)
            return
    house.kill()
    house.start()
    wait_until(house.answers)


def _every_message_arrives(provider: HouseProcess, *, within_s: float) -> None:
    """Waits until no hand-off is without a receipt."""
    headers = {"Authorization": f"Bearer {provider.writing_key}"}
    with httpx2.Client(base_url=provider.url, timeout=15, trust_env=False, headers=headers) as program:

        def none_waits() -> bool:
            answer = program.get("/api/v1/hand-offs/sent", params={"state": "waiting"})
            return answer.status_code == httpx2.codes.OK and not answer.json()

        wait_until(none_waits, within_s=within_s, every_s=0.5)


def _check(provider: HouseProcess, hotline: HouseProcess, writer: Writer) -> None:
    with open_database(provider.settings) as database:
        parties = Counter(_texts(database, "SELECT id::text FROM party"))
        acknowledged = Counter(_texts(database, "SELECT id::text FROM handoff_sent WHERE state = 'acknowledged'"))
        events = Counter(_texts(database, "SELECT record_id FROM audit_event WHERE action = 'party:add'"))
        _trail_verifies(provider, database)
    with open_database(hotline.settings) as database:
        taken = Counter(_texts(database, "SELECT envelope_id::text FROM handoff_received"))
        _trail_verifies(hotline, database)
    lost = [party for party in writer.parties if parties[party] != 1 or events[party] != 1]
    assert not lost, f"{len(lost)} acknowledged parties are not there once, with one event each"
    assert set(writer.messages) <= set(acknowledged), "an acknowledged message is lost"
    assert taken == acknowledged, "each hand-off is taken once, and acknowledged"
    print(f"all there: {len(parties)} parties, {len(taken)} hand-offs taken once, both trails verify")


def _trail_verifies(house: HouseProcess, database: Database) -> None:
    public_key = Keys.open(house.settings.keys_dir).public_key
    report = verify(database, house.settings.audit_heads_dir, [public_key])
    assert report.ok, report.problems[:5]


def _texts(database: Database, query: str) -> list[str]:
    with database.transaction() as conn:
        return [text for (text,) in conn.execute(query.encode()).fetchall()]
