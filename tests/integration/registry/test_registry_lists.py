"""Lists from quarantine to active and back: who may, how many, and what stands in the way."""

from datetime import datetime, timedelta

import pytest
from running.hash_lists import ANNE, BRAM, CARL, draft, rows

from vangnet.audit.model import Actor, ActorKind
from vangnet.db import Connection
from vangnet.errors import Conflict, InvalidTransition, PermissionDenied
from vangnet.identity.permissions import ROLE_PERMISSIONS, Role
from vangnet.keys import Keys
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.entries import EntryState
from vangnet.registry.model.lists import APPROVAL_LASTS, HashList, ListState
from vangnet.registry.model.matches import BatchState
from vangnet.registry.service import categories, imports, lists

DIGEST = bytes(32)


@pytest.fixture
def made(conn: Connection, keys: Keys, now: datetime) -> HashList:
    """A list with three active entries in one mapped category and two in an unmapped one."""
    made = lists.create(conn, ANNE, keys=keys, name="Meldpunt", now=now)
    batch = imports.start(conn, ANNE, list_id=made.id, format_="csv", source_digest=DIGEST, now=now)
    drafts = [draft(f"a{number}") for number in range(3)] + [draft(f"b{number}", category="other") for number in range(2)]
    batch = imports.take(conn, ANNE, keys=keys, batch_id=batch.id, after=0, rows=rows(drafts), done=True, now=now)
    assert (batch.taken, batch.skipped, batch.duplicates, batch.collided) == (5, 0, 0, 0)
    assert batch.state is BatchState.DONE
    (mapped,) = [one for one in categories.list_categories(conn, ANNE, made.id) if one.name == "A1"]
    categories.map_category(conn, ANNE, keys=keys, category_id=mapped.id, classification=Classification.BASELINE, now=now)
    return made


def test_two_people_activate_and_one_suspends(conn: Connection, keys: Keys, now: datetime, made: HashList) -> None:
    assert made.state is ListState.QUARANTINED
    first = lists.approve_activation(conn, ANNE, keys=keys, list_id=made.id, now=now)
    assert first.state is ListState.QUARANTINED
    assert lists.overview(conn, ANNE, made.id, now=now).approved_by == {f"person:{ANNE.id}"}
    second = lists.approve_activation(conn, BRAM, keys=keys, list_id=made.id, now=now)
    assert second.state is ListState.ACTIVE
    assert lists.overview(conn, ANNE, made.id, now=now).approved_by == frozenset()
    stopped = lists.suspend(conn, CARL, keys=keys, list_id=made.id, reason="false alarms", now=now)
    assert stopped.state is ListState.SUSPENDED
    assert stopped.state_reason == "false alarms"


def test_the_same_person_twice_is_one_person(conn: Connection, keys: Keys, now: datetime, made: HashList) -> None:
    lists.approve_activation(conn, ANNE, keys=keys, list_id=made.id, now=now)
    with pytest.raises(Conflict, match="it takes a second person"):
        lists.approve_activation(conn, ANNE, keys=keys, list_id=made.id, now=now)
    assert lists.get(conn, ANNE, made.id).state is ListState.QUARANTINED


def test_an_approval_that_nobody_joined_in_time_does_not_count(
    conn: Connection, keys: Keys, now: datetime, made: HashList
) -> None:
    lists.approve_activation(conn, ANNE, keys=keys, list_id=made.id, now=now)
    later = now + APPROVAL_LASTS
    assert lists.approve_activation(conn, BRAM, keys=keys, list_id=made.id, now=later).state is ListState.QUARANTINED
    later += timedelta(minutes=1)
    assert lists.approve_activation(conn, ANNE, keys=keys, list_id=made.id, now=later).state is ListState.ACTIVE


def test_an_approval_does_not_outlive_another_mapping(conn: Connection, keys: Keys, now: datetime, made: HashList) -> None:
    lists.approve_activation(conn, ANNE, keys=keys, list_id=made.id, now=now)
    (other,) = [one for one in categories.list_categories(conn, ANNE, made.id) if one.name == "other"]
    categories.map_category(conn, BRAM, keys=keys, category_id=other.id, classification=Classification.BASELINE, now=now)
    assert lists.approve_activation(conn, BRAM, keys=keys, list_id=made.id, now=now).state is ListState.QUARANTINED


def test_an_approval_does_not_outlive_more_entries(conn: Connection, keys: Keys, now: datetime, made: HashList) -> None:
    lists.approve_activation(conn, ANNE, keys=keys, list_id=made.id, now=now)
    imports.start(conn, ANNE, list_id=made.id, format_="csv", source_digest=b"2" * 32, now=now)
    assert lists.approve_activation(conn, BRAM, keys=keys, list_id=made.id, now=now).state is ListState.QUARANTINED


def test_a_program_is_no_person(conn: Connection, keys: Keys, now: datetime, made: HashList) -> None:
    program = Actor(kind=ActorKind.API_KEY, id="1", permissions=ROLE_PERMISSIONS[Role.CURATOR])
    with pytest.raises(Conflict, match="takes a person"):
        lists.approve_activation(conn, program, keys=keys, list_id=made.id, now=now)


def test_staff_do_not_activate(conn: Connection, keys: Keys, now: datetime, made: HashList) -> None:
    with pytest.raises(PermissionDenied):
        lists.approve_activation(conn, CARL, keys=keys, list_id=made.id, now=now)


def test_a_list_without_a_mapped_category_is_not_activated_and_says_why(
    conn: Connection, keys: Keys, now: datetime
) -> None:
    made = lists.create(conn, ANNE, keys=keys, name="Unmapped", now=now)
    batch = imports.start(conn, ANNE, list_id=made.id, format_="csv", source_digest=DIGEST, now=now)
    imports.take(conn, ANNE, keys=keys, batch_id=batch.id, after=0, rows=rows([draft("a")]), done=True, now=now)
    with pytest.raises(Conflict, match="none of its categories is mapped"):
        lists.approve_activation(conn, ANNE, keys=keys, list_id=made.id, now=now)
    assert "none of its categories" in (lists.overview(conn, ANNE, made.id, now=now).not_ready or "")


def test_a_suspended_list_comes_back_only_by_two_people(
    conn: Connection, keys: Keys, now: datetime, made: HashList
) -> None:
    lists.suspend(conn, CARL, keys=keys, list_id=made.id, reason="to be sure", now=now)
    with pytest.raises(InvalidTransition):
        lists.quarantine(conn, ANNE, keys=keys, list_id=made.id, reason="again", now=now)
    assert lists.approve_activation(conn, ANNE, keys=keys, list_id=made.id, now=now).state is ListState.SUSPENDED
    assert lists.approve_activation(conn, BRAM, keys=keys, list_id=made.id, now=now).state is ListState.ACTIVE


def test_counts_are_kept_by_category_and_state(conn: Connection, keys: Keys, now: datetime, made: HashList) -> None:
    overview = lists.overview(conn, ANNE, made.id, now=now)
    assert overview.entries() == overview.entries(EntryState.ACTIVE) == 5
    assert [one.name for one in overview.unmapped] == ["other"]
    assert lists.days(conn, ANNE, list_id=made.id, since=now.date()) == [(now.date(), EntryState.ACTIVE, 5)]
    counted = conn.execute("SELECT count(*) FROM registry_entry WHERE list_id = %s", [made.id]).fetchone()
    assert counted == (5,)
