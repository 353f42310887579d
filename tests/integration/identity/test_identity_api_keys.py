"""The keys of programs, ours and of the parties we know."""

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest

from vangnet.audit.model import Actor, ActorKind
from vangnet.errors import Conflict, InvalidInput, PermissionDenied, TooManyAttempts
from vangnet.identity.model import ApiKey, Party, Refused
from vangnet.identity.permissions import Permission, Role
from vangnet.identity.service import api_keys, expiry, parties

House = Any


def issue(house: House, *scopes: Permission, party: Party | None = None, **more: Any) -> Any:
    return api_keys.issue(
        house.conn,
        more.pop("actor", house.administrator),
        name="gate",
        scopes=frozenset(scopes or {Permission.HEALTH_READ}),
        party_id=None if party is None else party.id,
        now=house.now,
        **more,
    )


def authenticate(house: House, text: str) -> Actor | Refused:
    return api_keys.authenticate(house.conn, text, client_address="192.0.2.7", now=house.now)


def the_key(house: House) -> ApiKey:
    return api_keys.list_keys(house.conn, house.administrator)[0]


def test_a_key_shows_which_program_it_is_and_allows_its_scopes(house: House) -> None:
    issued = issue(house, Permission.JOB_READ, Permission.HEALTH_READ)
    actor = authenticate(house, issued.text)
    assert actor == Actor(kind=ActorKind.API_KEY, id=str(issued.key.id), permissions=frozenset({"job:read", "health:read"}))


def test_a_key_is_kept_as_a_digest_and_known_by_its_beginning(house: House) -> None:
    issued = issue(house)
    assert issued.text.startswith(f"vangnet_{issued.key.prefix}_")
    kept = str(house.conn.execute("SELECT * FROM api_key").fetchall())
    assert issued.text.rsplit("_", 1)[1] not in kept
    assert issued.text.rsplit("_", 1)[1] not in repr(issued)


def test_a_key_expires_after_a_year_unless_said_otherwise(house: House) -> None:
    issued = issue(house)
    house.later(days=365, seconds=-1)
    assert isinstance(authenticate(house, issued.text), Actor)
    house.later(seconds=1)
    assert authenticate(house, issued.text) == Refused()


def test_a_revoked_key_is_refused(house: House) -> None:
    issued = issue(house)
    revoked = api_keys.revoke(house.conn, house.administrator, key_id=issued.key.id, now=house.now)
    assert revoked.revoked_at == house.now
    assert authenticate(house, issued.text) == Refused()
    assert house.last_event()[2] == str(issued.key.id)
    with pytest.raises(Conflict):
        api_keys.revoke(house.conn, house.administrator, key_id=issued.key.id, now=house.now)


@pytest.mark.parametrize("change", ["last", "prefix", "case", "short", "empty", "other", "odd"])
def test_a_changed_key_is_refused(house: House, change: str) -> None:
    text: str = issue(house).text
    other = {"a": "b"}.get(text[-1], "a")
    changed = {
        "last": text[:-1] + other,
        "prefix": text.replace(text[8:16], "aaaaaaaa"),
        "case": text.upper(),
        "short": text[:-1],
        "empty": "",
        "other": "not a key",
        "odd": text + "\x00é",
    }[change]
    assert authenticate(house, changed) == Refused()


def test_the_last_use_is_written_at_most_once_a_minute(house: House) -> None:
    text = issue(house).text
    authenticate(house, text)
    first = house.now
    assert the_key(house).last_used_at == first
    house.later(seconds=59)
    authenticate(house, text)
    assert the_key(house).last_used_at == first
    house.later(seconds=1)
    authenticate(house, text)
    assert the_key(house).last_used_at == house.now


def test_a_right_key_leaves_no_event_and_a_wrong_one_leaves_one(house: House) -> None:
    text = issue(house).text
    before = house.events()
    authenticate(house, text)
    assert house.events() == before
    authenticate(house, "wrong")
    assert house.events() == before + 1


def test_guessing_keys_is_slowed_down_and_a_right_one_is_taken_all_the_same(house: House) -> None:
    text = issue(house).text
    for _ in range(20):
        assert authenticate(house, "wrong") == Refused()
    with pytest.raises(TooManyAttempts):
        authenticate(house, "wrong")
    assert isinstance(authenticate(house, text), Actor)


def test_a_partys_key_counts_while_its_legal_basis_does(house: House) -> None:
    party = house.known_party(basis_ends_on=date(2026, 11, 22))
    text = issue(house, party=party).text
    assert isinstance(authenticate(house, text), Actor)
    house.later(days=2)
    assert authenticate(house, text) == Refused()
    parties.record_legal_basis(
        house.conn,
        house.administrator,
        party_id=party.id,
        text="a new agreement",
        reference="of 2026",
        ends_on=date(2027, 1, 1),
        now=house.now,
    )
    assert isinstance(authenticate(house, text), Actor)


def test_a_partys_key_ends_with_the_party(house: House) -> None:
    party = house.known_party()
    text = issue(house, party=party).text
    parties.end(house.conn, house.administrator, party_id=party.id, now=house.now)
    assert authenticate(house, text) == Refused()


def test_without_a_legal_basis_a_party_gets_no_key(house: House) -> None:
    with pytest.raises(Conflict, match="legal basis"):
        issue(house, party=house.known_party(basis_ends_on=None))
    party = house.known_party(basis_ends_on=date(2026, 11, 21))
    house.later(days=1)
    with pytest.raises(Conflict, match="legal basis"):
        issue(house, party=party)


def test_nobody_gives_a_key_more_than_they_may_do_themselves(house: House) -> None:
    half = Actor(kind=ActorKind.PERSON, id=str(uuid4()), permissions=frozenset({Permission.KEY_ISSUE}))
    with pytest.raises(PermissionDenied):
        issue(house, Permission.JOB_READ, actor=half)


def test_a_key_cannot_issue_a_key(house: House) -> None:
    with pytest.raises(InvalidInput):
        issue(house, Permission.KEY_ISSUE)


def test_a_partys_keys_are_listed_with_the_party(house: House) -> None:
    party = house.known_party()
    ours, theirs = issue(house).key, issue(house, party=party).key
    assert [key.id for key in api_keys.list_keys_of_party(house.conn, house.administrator, party.id)] == [theirs.id]
    assert {key.id for key in api_keys.list_keys(house.conn, house.administrator)} == {ours.id, theirs.id}


def test_what_stopped_counting_is_removed_and_nothing_else(house: House) -> None:
    colleague = house.colleague("anna@voorbeeld.example", Role.STAFF)
    house.invited("bram@voorbeeld.example", Role.STAFF, name="Bram Smit")
    authenticate(house, "wrong")
    assert expiry.remove_expired(house.conn, now=house.now, idle_minutes=30, hours=12) == 0
    house.later(days=8)
    # A session, an invitation, a count of attempts.
    assert expiry.remove_expired(house.conn, now=house.now, idle_minutes=30, hours=12) == 3
    assert house.resolved(colleague.signed_in.token) is None
    assert expiry.remove_expired(house.conn, now=house.now + timedelta(days=1), idle_minutes=30, hours=12) == 0
