"""Accepted uploads: kept by keyed digests, found when they are listed, erased. Index and keeper are as they run."""

import hashlib
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from running.hash_lists import ANNE, BRAM
from running.past_house import ENDS, NOW, House, file_digests, opened_house
from running.server import console
from running.states import wait_until

from vangnet.db import Connection, programs
from vangnet.db.dumping import whole_dump
from vangnet.db.embedded import OWNER, EmbeddedServer
from vangnet.errors import Conflict, InvalidInput, PermissionDenied
from vangnet.gate.model import CheckAnswer, Decision, Door, Outcome
from vangnet.gate.past import (
    PastChoice,
    PastKind,
    checked_days,
    digest_code,
    first_day_kept,
    keeps,
)
from vangnet.gate.service import past
from vangnet.gate.service.past_keeper import BUFFER_MAX, PastKeeper
from vangnet.gate.store import past as store
from vangnet.gate.store import past_places as places
from vangnet.identity.model.parties import LegalBasis
from vangnet.identity.permissions import Permission
from vangnet.registry.model.entries import HashAlgorithm
from vangnet.registry.service import choices, lists


def offered(keeper: PastKeeper, data: bytes, name: str) -> None:
    """An upload that waits to be written."""
    digests = (("sha256", hashlib.sha256(data).digest()),)
    answer = CheckAnswer(check_id=uuid.uuid4(), outcome=Outcome.NO_MATCH, decision=Decision.ALLOW)
    keeper.offer(answer, digests, object_id=name, now=datetime.now(UTC))
    assert keeper.waiting == 1


@pytest.fixture(scope="module")
def house(postgres: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with opened_house(postgres, tmp_path_factory.mktemp("past"), "past") as house:
        yield house


@pytest.fixture(autouse=True)
def _keeping(request: pytest.FixtureRequest) -> None:
    """Whatever a test before switched off is on."""
    if "house" in request.fixturenames:
        house: House = request.getfixturevalue("house")
        if not house.gate.past._keeping:
            house.switch_on()
            wait_until(lambda: house.gate.past._keeping)


def test_an_accepted_upload_is_told_when_it_is_listed(house: House) -> None:
    house.keep(b"a file", "upload 1", at=NOW - timedelta(days=20))
    house.keep(b"another", "upload 2")
    house.enlist(b"a file", b"never uploaded")
    wait_until(lambda: bool(house.later("upload 1")))
    (found,) = house.later("upload 1")
    assert (found.door, found.answer.decision) == (Door.PAST, Decision.BLOCK)
    assert found.uploaded_at == NOW - timedelta(days=20)
    assert found.wants_answer
    assert not house.later("upload 2")


@pytest.mark.parametrize("algorithm", [HashAlgorithm.MD5, HashAlgorithm.SHA1])
def test_it_is_found_by_every_digest_that_lists_use(house: House, algorithm: HashAlgorithm) -> None:
    data, name = f"by {algorithm}".encode(), f"by {algorithm}"
    house.keep(data, name)
    house.enlist(data, algorithm=algorithm)
    wait_until(lambda: bool(house.later(name)))
    assert house.later(name)[0].answer.decision is Decision.HOLD, "as the policy has it for what can be forged"


def test_what_is_listed_before_the_upload_is_written_is_told_once(house: House) -> None:
    keeper = house.keeper()
    offered(keeper, b"listed in between", "in between")
    house.enlist(b"listed in between")
    house.wait_until_followed()
    keeper._follow()
    assert house.later("in between") == []
    keeper._write()
    assert len(house.later("in between")) == 1
    # And once, also when everything is looked up again.
    with house.database.transaction() as conn:
        places.lock_places(conn)
        conn.execute("DELETE FROM gate_past_list")
    keeper._follow()
    assert len(house.later("in between")) == 1


def test_an_index_that_is_behind_what_was_looked_up_writes_nothing(house: House) -> None:
    keeper = house.keeper()
    offered(keeper, b"too early", "too early")
    with house.database.transaction() as conn:
        position = places.share_places(conn)[PastKind.DIGESTS]
        places.update_place(conn, PastKind.DIGESTS, position=house.live.sequence + 1000, altered=0)
    keeper._write()
    assert (house.kept("too early"), keeper.waiting) == (0, 1)
    with house.database.transaction() as conn:
        conn.execute("UPDATE gate_past_place SET position = %s WHERE kind = 'digests'", [position])
    keeper._write()
    assert (house.kept("too early"), keeper.waiting) == (1, 0)


def test_a_list_on_trial_tells_nothing_until_it_decides(house: House) -> None:
    house.keep(b"on trial", "on trial")
    list_id = house.enlist(b"on trial", trial=True)
    house.wait_until_followed()
    assert house.later("on trial") == []
    with house.database.transaction() as conn:
        for curator in (ANNE, BRAM):
            lists.approve_activation(conn, curator, keys=house.keys, list_id=list_id, now=datetime.now(UTC))
    wait_until(lambda: bool(house.later("on trial")))


def test_a_list_that_begins_to_decide_in_the_middle_of_a_step_is_not_passed_over(house: House) -> None:
    house.keep(b"in the middle", "in the middle")
    list_id = house.enlist(b"in the middle", trial=True)
    house.wait_until_followed()
    house.wait_until_told()
    house.activate_while_followed(list_id, followers=1)
    wait_until(lambda: bool(house.later("in the middle")))


def test_a_list_that_counts_again_is_looked_up_again(house: House) -> None:
    list_id = house.enlist(b"of a list that is switched off")
    with house.database.transaction() as conn:
        choices.choose(conn, console(), list_id=list_id, enabled=False, now=datetime.now(UTC))
    house.wait_until_followed()
    wait_until(lambda: list_id in house.live.choices)
    house.keep(b"of a list that is switched off", "switched off")
    with house.database.transaction() as conn:
        choices.choose(conn, console(), list_id=list_id, enabled=True, now=datetime.now(UTC))
    wait_until(lambda: bool(house.later("switched off")))


def test_it_is_looked_up_again_also_where_nobody_looked_while_it_did_not_count(house: House) -> None:
    list_id = house.enlist(b"of a list that is off for a moment")
    house.wait_until_followed()
    wait_until(lambda: list_id in house.looked_up())
    with house.database.transaction() as held:
        places.share_places(held)  # Others may write, and nobody can look up.
        with house.database.transaction() as conn:
            choices.choose(conn, console(), list_id=list_id, enabled=False, now=datetime.now(UTC))
        wait_until(lambda: list_id in house.live.choices)
        house.keep(b"of a list that is off for a moment", "off for a moment")
        with house.database.transaction() as conn:
            choices.choose(conn, console(), list_id=list_id, enabled=True, now=datetime.now(UTC))
    wait_until(lambda: bool(house.later("off for a moment")))


def test_only_what_was_let_through_under_a_name_is_kept(house: House) -> None:
    house.enlist(b"refused")
    wait_until(lambda: house.upload(b"refused", "refused") is Decision.BLOCK)
    house.upload(b"without a name", None)
    house.keep(b"named", "named")
    with house.database.transaction() as conn:
        known = {name for (name,) in conn.execute("SELECT object_id FROM gate_past").fetchall()}
        found = store.find_uploads(
            conn, "sha256",
            [digest_code(house.keys.mac("gate past"), "sha256", file_digests(b"without a name").sha256)],
        )  # fmt: skip
    assert None not in known
    assert found == []


def test_nothing_readable_is_kept(house: House) -> None:
    house.keep(b"a secret file", "secret")
    digests = file_digests(b"a secret file")
    with house.database.transaction() as conn:
        rows = conn.execute("SELECT gate_past::text FROM gate_past").fetchall()
        found = store.find_uploads(conn, "sha256", [digest_code(house.keys.mac("gate past"), "sha256", digests.sha256)])
    assert [one.object_id for _, one in found] == ["secret"]
    text = "".join(str(row) for row in rows).replace("-", "")
    assert not any(value[:8].hex() in text for value in (digests.md5, digests.sha1, digests.sha256))


def test_an_erased_upload_is_not_found_and_not_written_either(house: House) -> None:
    house.keep(b"to be erased", "erased")
    keeper = house.keeper()
    offered(keeper, b"to be erased", "erased")
    with house.database.transaction() as conn:
        now = datetime.now(UTC)
        assert past.erase(conn, console(), object_ids=["erased"], keys=house.keys, now=now) == 1
    keeper._write()
    assert (house.kept("erased"), keeper.waiting) == (0, 0)
    with house.database.transaction() as conn, pytest.raises(InvalidInput):
        past.erase(conn, console(), object_ids=[], keys=house.keys, now=now)


def test_switching_off_erases_everything_at_once(house: House) -> None:
    house.keep(b"kept until then", "until then")
    with house.database.transaction() as conn:
        past.switch_off(conn, console(), now=datetime.now(UTC))
        assert past.show(conn, console(), now=datetime.now(UTC)).days == ()
    with house.database.transaction() as conn, pytest.raises(Conflict):
        past.switch_off(conn, console(), now=datetime.now(UTC))
    wait_until(lambda: not house.gate.past._keeping)
    house.upload(b"after that", "after that")
    assert house.gate.past.waiting == 0


def test_a_backup_leaves_them_out(house: House, postgres: EmbeddedServer) -> None:
    house.keep(b"in no backup", "in no backup")
    with whole_dump(postgres.conninfo(OWNER, "past")) as dump:
        listed = subprocess.run(
            [str(programs.binary("pg_restore")), "--list"], stdin=dump, capture_output=True, text=True, check=True,
            env=programs.environment(),
        ).stdout  # fmt: skip
    assert "TABLE public gate_past_day_" in listed
    assert "TABLE DATA public gate_past_day_" not in listed
    assert "TABLE DATA public gate_decision" in listed


def test_a_full_buffer_keeps_no_more_and_says_so(house: House) -> None:
    keeper = house.keeper()
    offered(keeper, b"one of many", "one of many")
    keeper._buffer *= BUFFER_MAX
    keeper.offer(
        CheckAnswer(check_id=uuid.uuid4(), outcome=Outcome.NO_MATCH, decision=Decision.ALLOW), (("md5", bytes(16)),),
        object_id="one too many", now=datetime.now(UTC),
    )  # fmt: skip
    assert (keeper.waiting, keeper._dropped) == (BUFFER_MAX, 1)


def test_what_is_too_old_is_dropped_by_the_day_and_all_of_it_when_the_basis_ends(conn: Connection) -> None:
    past.switch_on(conn, console(), basis="consent", reference="terms 7", ends_on=ENDS, days=3, now=NOW)
    for ago in range(5):
        store.add_day(conn, (NOW - timedelta(days=ago)).date())
    assert past.drop_old(conn, now=NOW) == 2
    assert [day for day, _ in store.list_days(conn)] == [(NOW - timedelta(days=ago)).date() for ago in (2, 1, 0)]
    past.drop_old(conn, now=datetime.combine(ENDS, datetime.min.time(), UTC) + timedelta(days=2))
    assert store.list_days(conn) == []


def test_nothing_is_kept_without_a_basis_or_after_its_end(conn: Connection, now: datetime) -> None:
    assert not keeps(None, now)
    today = now.date()
    with pytest.raises(InvalidInput):
        past.switch_on(conn, console(), basis=" ", reference="r", ends_on=today, now=now)
    with pytest.raises(InvalidInput):
        past.switch_on(conn, console(), basis="b", reference="r", ends_on=date(2020, 1, 1), now=now)
    nobody = replace(console(), permissions=frozenset({Permission.GATE_READ}))
    with pytest.raises(PermissionDenied):
        past.switch_on(conn, nobody, basis="b", reference="r", ends_on=today, now=now)
    choice = past.switch_on(conn, console(), basis="b", reference="r", ends_on=today, now=now)
    assert keeps(choice, now)
    assert not keeps(choice, now + timedelta(days=1))


@pytest.mark.parametrize("days", [0, 367])
def test_days_are_one_to_a_year(days: int) -> None:
    with pytest.raises(InvalidInput):
        checked_days(days)


def test_no_upload_is_older_than_the_days_say(now: datetime) -> None:
    basis = LegalBasis(text="b", reference="r", ends_on=now.date())
    choice = PastChoice(version=1, kept=True, basis=basis, days=30, pictures=None, chosen_by="x", chosen_at=now)
    first = first_day_kept(choice, now)
    begins = datetime.combine(first, datetime.min.time(), UTC)
    assert timedelta(days=29) <= now - begins <= timedelta(days=30)


def test_the_runtime_role_can_drop_days_and_nothing_else(conn: Connection, now: datetime) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), conn.transaction():
        conn.execute("DROP TABLE gate_decision")
    with pytest.raises(psycopg.errors.InsufficientPrivilege), conn.transaction():
        conn.execute("CREATE TABLE mine (x int)")
    store.add_day(conn, now.date())
    store.add_day(conn, now.date())
    assert store.drop_days(conn, None) == 1
