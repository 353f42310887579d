"""An entry that is contested at the edge is answered where it is kept, and the answer comes back."""

import random
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from running.houses import House, house
from running.registry import ONE, OTHER, TestList, made_up_hash
from running.states import wait_until

from vangnet.db.embedded import EmbeddedServer
from vangnet.handoff.model import Kind
from vangnet.handoff.model.disputes import RegistryDispute
from vangnet.handoff.service import sending
from vangnet.identity.model import InstallationKind
from vangnet.jobs import service as jobs
from vangnet.registry.model.disputes import Dispute, DisputeState
from vangnet.registry.model.effects import Effect
from vangnet.registry.service import disputes, sharing, subscriptions


@pytest.fixture
def houses(postgres: EmbeddedServer, tmp_path: Path) -> Iterator[tuple[House, House]]:
    with ExitStack() as opened:
        hub = opened.enter_context(house(postgres, tmp_path, "hub"))
        edge = opened.enter_context(house(postgres, tmp_path, "edge", InstallationKind.PROVIDER))
        yield hub, edge


def open_disputes(one: House, *, still_open: bool = True) -> list[Dispute]:
    with one.database.transaction() as conn:
        return list(disputes.list_disputes(conn, ONE, still_open=still_open))


@pytest.mark.parametrize("outcome", [DisputeState.UPHELD, DisputeState.WITHDRAWN])
def test_a_dispute_of_the_edge_is_answered_at_the_hub(
    houses: tuple[House, House], seed: int, outcome: DisputeState
) -> None:
    hub, edge = houses
    hash_ = made_up_hash(random.Random(seed))  # noqa: S311 (it shall be repeated)
    listed = TestList.create(hub.database, hub.keys, "Known")
    listed.add([hash_])
    listed.activate()
    edge_party, hub_party = hub.knows(edge), edge.knows(hub)
    with hub.database.transaction() as conn:
        sharing.share(conn, ONE, list_id=listed.id, party_id=edge_party.id, now=datetime.now(UTC))
    with edge.database.transaction() as conn:
        subscriptions.subscribe(conn, ONE, party_id=hub_party.id, now=datetime.now(UTC))
    with hub.serving(), edge.serving() as live, hub.working(), edge.working():
        wait_until(lambda: {match.effect for match in live.lookup(hash_)} == {Effect.DECIDES})
        (match,) = live.lookup(hash_)
        with edge.database.transaction() as conn:
            disputes.open_dispute(
                conn, ONE, keys=edge.keys, entry_id=match.entry_id, reason="a holiday picture", now=datetime.now(UTC)
            )
        wait_until(lambda: len(open_disputes(hub)) == 1)
        (there,) = open_disputes(hub)
        assert (there.by_party, there.reason) == (edge_party.id, "a holiday picture")
        wait_until(lambda: {match.effect for match in live.lookup(hash_)} == {Effect.HOLDS})
        with hub.database.transaction() as conn:
            disputes.answer(
                conn, OTHER, keys=hub.keys, dispute_id=there.id, outcome=outcome, reason="we looked", now=datetime.now(UTC)
            )
        wait_until(lambda: not open_disputes(edge))
        (here,) = open_disputes(edge, still_open=False)
        assert (here.state, here.answer, here.reviewer) == (outcome, "we looked", f"party:{hub_party.id}")
        expected = {Effect.DECIDES} if outcome is DisputeState.UPHELD else set()
        wait_until(lambda: {match.effect for match in live.lookup(hash_)} == expected)


def test_a_party_cannot_contest_what_it_may_not_follow(houses: tuple[House, House], seed: int) -> None:
    hub, edge = houses
    dice = random.Random(seed)  # noqa: S311 (it shall be repeated)
    shown = TestList.create(hub.database, hub.keys, "Shown")
    hidden = TestList.create(hub.database, hub.keys, "Hidden")
    shown.add([made_up_hash(dice)])
    (entry,) = hidden.add([made_up_hash(dice)])
    edge_party = hub.knows(edge)
    with hub.database.transaction() as conn:
        sharing.share(conn, ONE, list_id=shown.id, party_id=edge_party.id, now=datetime.now(UTC))
    party = edge.knows(hub)
    told = RegistryDispute(list_id=hidden.id, entry_id=entry, reason="not yours to know")
    with hub.serving(), hub.working(), edge.working():
        with edge.database.transaction() as conn:
            sending.send(
                conn, ONE, party_id=party.id, kind=Kind.REGISTRY_DISPUTE, payload=told.payload(), keys=edge.keys,
                now=datetime.now(UTC),
            )  # fmt: skip
        wait_until(lambda: parked(hub))
    assert not open_disputes(hub)


def parked(one: House) -> bool:
    """Whether the job that took the dispute in was parked for a person."""
    with one.database.transaction() as conn:
        return jobs.queue_health(conn).parked == 1
