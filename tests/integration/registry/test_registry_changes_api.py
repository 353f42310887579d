"""The change feed over HTTP: who may read it, what each reader sees, and that waiting costs little."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from running.houses import House, house
from running.registry import ONE, TestList
from running.states import wait_until

from vangnet.db.embedded import EmbeddedServer
from vangnet.identity.model import InstallationKind
from vangnet.identity.service import parties
from vangnet.keys import Keys
from vangnet.registry.model.pages import Cursor, Page, read_page
from vangnet.registry.model.requests import sign_request
from vangnet.registry.service import feed, sharing
from vangnet.registry.service.subscriptions import START
from vangnet.web.api import changes


class Reader:
    """A subscriber that asks for pages by hand."""

    def __init__(self, hub: House, keys: Keys) -> None:
        self.hub = hub
        self.keys = keys
        self.number = 0

    def target(self, cursor: Cursor, *, shown: set[UUID], known: set[UUID] | None = None, wait: int = 0) -> str:
        listed, all_known = (",".join(sorted(map(str, ids))) for ids in (shown, shown if known is None else known))
        return f"/api/v1/changes?after={cursor.position}&known={all_known}&shown={listed}&wait={wait}"

    def sign(self, target: str, *, now: datetime | None = None, method: str = "GET", recipient: bytes | None = None) -> str:
        self.number += 1
        return sign_request(
            self.keys.sign, key=self.keys.public_key, recipient=recipient or self.hub.keys.public_key, method=method,
            target=target, nonce=self.nonce, now=now or datetime.now(UTC),
        )  # fmt: skip

    @property
    def nonce(self) -> bytes:
        return self.number.to_bytes(16, "big")

    def get(self, target: str, authorization: str | None) -> httpx2.Response:
        headers = {} if authorization is None else {"authorization": authorization}
        return httpx2.get(self.hub.url + target, headers=headers, trust_env=False, timeout=60)

    def page(self, cursor: Cursor, *, shown: set[UUID], known: set[UUID] | None = None, wait: int = 0) -> Page:
        target = self.target(cursor, shown=shown, known=known, wait=wait)
        answer = self.get(target, self.sign(target))
        assert answer.status_code == httpx2.codes.OK, answer.text
        return read_page(
            answer.content, hub=self.hub.keys.public_key, subscriber=self.keys.public_key, nonce=self.nonce, cursor=cursor,
            shown=frozenset(shown), now=datetime.now(UTC),
        )  # fmt: skip


@pytest.fixture
def hub(postgres: EmbeddedServer, tmp_path: Path) -> Iterator[House]:
    with house(postgres, tmp_path, "hub") as made, made.serving():
        yield made


@pytest.fixture
def reader(postgres: EmbeddedServer, tmp_path: Path, hub: House) -> Iterator[Reader]:
    with house(postgres, tmp_path, "edge", InstallationKind.PROVIDER) as edge:
        hub.knows(edge)
        yield Reader(hub, edge.keys)


def share(hub: House, listed: TestList, keys: Keys) -> None:
    with hub.database.transaction() as conn:
        party = parties.find_party_by_public_key(conn, keys.public_key)
        assert party is not None
        sharing.share(conn, ONE, list_id=listed.id, party_id=party.id, now=datetime.now(UTC))


def test_a_reader_sees_the_lists_that_are_shared_and_nothing_of_others(hub: House, reader: Reader) -> None:
    shown = TestList.create(hub.database, hub.keys, "Kanarie shown")
    hidden = TestList.create(hub.database, hub.keys, "Kanarie hidden")
    shown.add([b"\x01" * 32])
    hidden.add([b"\x02" * 32])
    share(hub, shown, reader.keys)
    target = reader.target(START, shown={shown.id, hidden.id})
    text = reader.get(target, reader.sign(target)).text
    assert "Kanarie shown" in text
    assert "Kanarie hidden" not in text
    assert str(hidden.id) not in text
    page = reader.page(START, shown={shown.id, hidden.id})
    assert page.head.shared == page.head.shown == (shown.id,)
    assert page.complete


def test_only_a_known_party_reads_and_only_with_its_own_signature_once(hub: House, reader: Reader, tmp_path: Path) -> None:
    target = reader.target(START, shown=set())
    good = reader.sign(target)
    assert reader.get(target, good).status_code == httpx2.codes.OK
    stranger = Reader(hub, Keys.open(tmp_path / "stranger"))
    late, early = (datetime.now(UTC) + timedelta(minutes=minutes) for minutes in (6, -6))
    refused = {
        "replayed": reader.get(target, good),
        "unsigned": reader.get(target, None),
        "a bearer": reader.get(target, "Bearer abc"),
        "of another path": reader.get(target, reader.sign(target + "0")),
        "of another method": reader.get(target, reader.sign(target, method="POST")),
        "for another hub": reader.get(target, reader.sign(target, recipient=b"x" * 32)),
        "from the future": reader.get(target, reader.sign(target, now=late)),
        "old": reader.get(target, reader.sign(target, now=early)),
        "of a stranger": reader.get(target, stranger.sign(target)),
    }
    assert {how: (one.status_code, one.json()["code"]) for how, one in refused.items()} == dict.fromkeys(
        refused, (403, "signature_refused")
    )


def test_a_party_with_whom_it_ended_reads_no_more(hub: House, reader: Reader) -> None:
    with hub.database.transaction() as conn:
        party = parties.find_party_by_public_key(conn, reader.keys.public_key)
        assert party is not None
        parties.end(conn, ONE, party_id=party.id, now=datetime.now(UTC))
    target = reader.target(START, shown=set())
    assert reader.get(target, reader.sign(target)).status_code == httpx2.codes.FORBIDDEN


def test_a_position_that_no_commit_ends_at_is_told_as_such(hub: House, reader: Reader) -> None:
    TestList.create(hub.database, hub.keys, "Known").add([b"\x01" * 32, b"\x02" * 32])
    with hub.database.transaction() as conn:
        end = feed.head(conn)
    target = reader.target(Cursor(position=end.position - 1, chain=bytes(32)), shown=set())
    head = reader.get(target, reader.sign(target)).text.splitlines()[1]
    assert '"chain_before":null' in head


def test_a_hundred_who_wait_hold_up_nobody_and_are_all_told(hub: House, reader: Reader) -> None:
    listed = TestList.create(hub.database, hub.keys, "Known")
    share(hub, listed, reader.keys)
    cursor = reader.page(START, shown={listed.id}).cursor
    answers: list[int] = []
    target = reader.target(cursor, shown={listed.id}, wait=30)
    with ExitStack() as opened:
        client = opened.enter_context(httpx2.Client(trust_env=False, timeout=60))
        waiting = [
            threading.Thread(target=lambda signed: answers.append(_status(hub.url + target, signed)), args=[header])
            for header in [reader.sign(target) for _ in range(100)]
        ]
        for thread in waiting:
            thread.start()
        wait_until(lambda: len(changes._waiting) == 100)
        # Nobody of them holds a thread or a connection: everything else is answered as ever.
        assert client.get(f"{hub.url}/readyz").status_code == httpx2.codes.OK
        assert hub.database.in_use <= 4
        assert answers == []
        listed.add([b"\x03" * 32])
        for thread in waiting:
            thread.join(30)
    assert answers == [200] * 100


def _status(url: str, header: str) -> int:
    return httpx2.get(url, headers={"authorization": header}, trust_env=False, timeout=60).status_code
