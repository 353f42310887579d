"""A feed that was tampered with, forked, cut or replayed is never followed silently: it is broken, and says why."""

import random
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from running.houses import House, house
from running.registry import ONE, TestList, made_up_hash

from vangnet.audit.model import Actor, ActorKind
from vangnet.db.embedded import EmbeddedServer
from vangnet.errors import Conflict, FeedRefused
from vangnet.identity.model import InstallationKind, Party
from vangnet.identity.permissions import Permission
from vangnet.partners import installation
from vangnet.partners.transport import Transport
from vangnet.registry.model.pages import PAGE_PREFIX, Fault
from vangnet.registry.model.requests import sign_request
from vangnet.registry.model.subscriptions import Question, Subscription, SubscriptionState
from vangnet.registry.service import sharing, subscriptions
from vangnet.web.health import Check, Condition, HealthBoard

_FOLLOWER = Actor(kind=ActorKind.SYSTEM, id="follow_registry", permissions=frozenset({Permission.REGISTRY_FOLLOW}))


class ByHand:
    """A subscriber whose pages a test takes by hand, and may change on their way."""

    def __init__(self, hub: House, edge: House) -> None:
        self.hub = hub
        self.edge = edge
        self.transport = Transport()
        self.party: Party = edge.knows(hub)
        with edge.database.transaction() as conn:
            self.id = subscriptions.subscribe(conn, ONE, party_id=self.party.id, now=datetime.now(UTC)).id

    def questions(self) -> list[Question]:
        with self.edge.database.transaction() as conn:
            return list(subscriptions.questions(conn, _FOLLOWER, subscription_id=self.id))

    def fetch(self, question: Question) -> tuple[bytes, bytes]:
        """The page that answers it, and the number of the request."""
        nonce, keys = secrets.token_bytes(16), self.edge.keys
        target = installation.changes_target(question, wait_s=0)
        authorization = sign_request(
            keys.sign, key=keys.public_key, recipient=question.hub, method="GET", target=target, nonce=nonce,
            now=datetime.now(UTC),
        )  # fmt: skip
        page = installation.fetch_changes(
            self.transport, question.base_url, target, authorization=authorization, partner="the hub"
        )
        return page, nonce

    def take(self, question: Question, page: bytes, nonce: bytes) -> None:
        with self.edge.database.transaction() as conn:
            subscriptions.take(
                conn, _FOLLOWER, self.edge.keys, question=question, nonce=nonce, page=page, now=datetime.now(UTC)
            )

    def catch_up(self) -> None:
        """Asks until nothing is arriving any more."""
        while True:
            questions = self.questions()
            for question in questions:
                self.take(question, *self.fetch(question))
            if len(questions) == 1 and len(self.questions()) == 1:
                return

    def refused(self, question: Question, page: bytes, nonce: bytes) -> FeedRefused:
        """What is said of a page that does not count, and kept."""
        before = self.rows()
        with pytest.raises(FeedRefused) as refused:
            self.take(question, page, nonce)
        assert self.rows() == before, "nothing of it was written"
        with self.edge.database.transaction() as conn:
            subscriptions.break_off(conn, _FOLLOWER, question=question, refused=refused.value, now=datetime.now(UTC))
        return refused.value

    def rows(self) -> list[tuple[object, ...]]:
        with self.edge.database.transaction() as conn:
            return [
                *conn.execute("SELECT id, state, origin_id FROM registry_entry ORDER BY id").fetchall(),
                *conn.execute("SELECT position, chain FROM registry_subscription").fetchall(),
            ]

    def subscription(self) -> Subscription:
        with self.edge.database.transaction() as conn:
            return subscriptions.list_subscriptions(conn, ONE)[0][0]

    def resume(self, *, from_start: bool = False) -> None:
        with self.edge.database.transaction() as conn:
            subscriptions.resume(
                conn, ONE, self.edge.keys, party_id=self.party.id, from_start=from_start, now=datetime.now(UTC)
            )


@pytest.fixture
def listed(by_hand: ByHand, seed: int) -> TestList:
    dice = random.Random(seed)  # noqa: S311 (it shall be repeated)
    made = TestList.create(by_hand.hub.database, by_hand.hub.keys, "Known")
    made.add([made_up_hash(dice) for _ in range(3)])
    party = by_hand.hub.knows(by_hand.edge)
    with by_hand.hub.database.transaction() as conn:
        sharing.share(conn, ONE, list_id=made.id, party_id=party.id, now=datetime.now(UTC))
    by_hand.catch_up()
    return made


@pytest.fixture
def by_hand(postgres: EmbeddedServer, tmp_path: Path) -> Iterator[ByHand]:
    with ExitStack() as opened:
        hub = opened.enter_context(house(postgres, tmp_path, "hub"))
        edge = opened.enter_context(house(postgres, tmp_path, "edge", InstallationKind.PROVIDER))
        hub.knows(edge)
        opened.enter_context(hub.serving())
        yield ByHand(hub, edge)


def _flipped(page: bytes) -> bytes:
    return page[:-10] + bytes([page[-10] ^ 1]) + page[-9:]


def _resigned_by_another(page: bytes) -> bytes:
    return b"0" * 128 + page[128:]


@pytest.mark.parametrize(
    ("fault", "change"),
    [
        (Fault.FORGED, _flipped),
        (Fault.FORGED, _resigned_by_another),
        (Fault.FORGED, lambda page: page[: len(page) // 2] if page.count(b"\n") < 3 else page[:-5]),
        (Fault.MALFORMED, lambda page: b"<html>" + page),
        (Fault.MALFORMED, lambda page: page[:0]),
    ],
    ids=["changed", "other_key", "cut", "page_of_another_program", "empty"],
)
def test_a_page_that_was_changed_on_its_way_breaks_the_subscription(
    by_hand: ByHand, listed: TestList, fault: Fault, change: Callable[[bytes], bytes]
) -> None:
    listed.add([b"\x07" * 32])
    (question,) = by_hand.questions()
    page, nonce = by_hand.fetch(question)
    refused = by_hand.refused(question, change(page), nonce)
    assert refused.fault == fault
    broken = by_hand.subscription()
    assert (broken.state, broken.fault, broken.problem) == (SubscriptionState.BROKEN, fault, refused.problem)
    assert by_hand.questions() == [], "nothing more is asked until a person says so"
    board = HealthBoard(by_hand.edge.settings, by_hand.edge.database)
    (finding,) = (one for one in board.findings(datetime.now(UTC)) if one.check is Check.FEEDS)
    assert finding.condition is Condition.ATTENTION
    assert finding.values["fault"] == fault
    by_hand.resume()
    by_hand.catch_up()
    assert by_hand.subscription().state is SubscriptionState.FOLLOWING


def test_a_page_that_answered_an_earlier_question_is_a_replay(by_hand: ByHand, listed: TestList) -> None:
    (question,) = by_hand.questions()
    old, _ = by_hand.fetch(question)
    listed.add([b"\x07" * 32])
    _, nonce = by_hand.fetch(question)
    assert by_hand.refused(question, old, nonce).fault == Fault.REPLAYED


def test_a_hub_that_rewrote_its_history_is_a_fork(by_hand: ByHand, listed: TestList) -> None:
    (question,) = by_hand.questions()
    page, nonce = by_hand.fetch(question)
    _, said, body = page.split(b"\n", 2)
    chain = question.cursor.chain.hex().encode()
    told = said.replace(chain, b"f" * 64)
    forked = by_hand.hub.keys.sign(PAGE_PREFIX + told).hex().encode() + b"\n" + told + b"\n" + body
    assert by_hand.refused(question, forked, nonce).fault == Fault.FORKED


def test_a_hub_that_came_back_from_a_backup_is_named_and_followed_anew_by_a_person(
    by_hand: ByHand, listed: TestList, postgres: EmbeddedServer, seed: int
) -> None:
    dice = random.Random(seed + 1)  # noqa: S311 (it shall be repeated)
    listed.add([made_up_hash(dice)])
    by_hand.catch_up()
    _forget_the_last_entry(by_hand.hub, postgres)
    listed.add([made_up_hash(dice)])  # Under the number that another entry had.
    (question,) = by_hand.questions()
    assert by_hand.refused(question, *by_hand.fetch(question)).fault == Fault.FORKED
    by_hand.resume(from_start=True)
    by_hand.catch_up()
    by_hand.catch_up()
    with by_hand.edge.database.transaction() as conn:
        states = conn.execute(
            """
            SELECT l.state, count(*) FROM registry_list l JOIN registry_entry e ON e.list_id = l.id
            GROUP BY l.id, l.state, l.created_at ORDER BY l.created_at
            """
        ).fetchall()
    assert states == [("suspended", 4), ("quarantined", 4)], "the old list stays, suspended; the new one is as at the hub"


def _forget_the_last_entry(hub: House, postgres: EmbeddedServer) -> None:
    """As a backup that was made before would be: the last entry, its commit and its number are gone."""
    name = psycopg.conninfo.conninfo_to_dict(hub.database.conninfo)["dbname"]
    with psycopg.connect(postgres.conninfo("postgres", str(name))) as superuser:
        superuser.execute("DELETE FROM registry_entry WHERE id = (SELECT last FROM registry_sequence)")
        superuser.execute("DELETE FROM registry_commit WHERE last_seq = (SELECT last FROM registry_sequence)")
        superuser.execute("UPDATE registry_sequence SET last = last - 1")


def test_only_a_broken_subscription_is_resumed(by_hand: ByHand, listed: TestList) -> None:
    with pytest.raises(Conflict, match="following"):
        by_hand.resume()


def test_ending_a_subscription_suspends_its_lists_and_beginning_again_goes_on(by_hand: ByHand, listed: TestList) -> None:
    listed.activate()
    by_hand.catch_up()
    assert _states(by_hand.edge) == ["active"]
    with by_hand.edge.database.transaction() as conn:
        subscriptions.stop(conn, ONE, by_hand.edge.keys, party_id=by_hand.party.id, now=datetime.now(UTC))
    assert _states(by_hand.edge) == ["suspended"]
    assert by_hand.questions() == []
    listed.add([b"\x09" * 32])
    with by_hand.edge.database.transaction() as conn:
        subscriptions.subscribe(conn, ONE, party_id=by_hand.party.id, now=datetime.now(UTC))
    by_hand.catch_up()
    by_hand.catch_up()
    assert _states(by_hand.edge) == ["active"]
    with by_hand.edge.database.transaction() as conn:
        assert conn.execute("SELECT count(*) FROM registry_entry").fetchall() == [(4,)]


def _states(one: House) -> list[str]:
    with one.database.transaction() as conn:
        return [state for (state,) in conn.execute("SELECT state FROM registry_list ORDER BY created_at").fetchall()]
