"""The parties we know, and what they may do."""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest

from vangnet.audit.model import Actor, ActorKind
from vangnet.errors import Conflict, InvalidInput, InvalidTransition, NotFound
from vangnet.identity.model import GrantedRight, Party, PartyKind, PartyState
from vangnet.identity.permissions import Permission
from vangnet.identity.service import api_keys, expiry, grants, parties
from vangnet.keys import fingerprint

House = Any
STRANGER = Actor(kind=ActorKind.PARTY, id="by its signature", permissions=frozenset({Permission.HANDOFF_RECEIVE}))


def key_number(number: int) -> bytes:
    return number.to_bytes(32)


def introduced(house: House, number: int = 1, name: str = "Wolkenhuis") -> Party:
    return parties.introduce(
        house.conn,
        STRANGER,
        name=name,
        kind=PartyKind.PROVIDER,
        base_url="https://wolkenhuis.example",
        public_key=key_number(number),
        now=house.now,
    )


# --- parties -------------------------------------------------------------------------------------------------------


def test_a_party_that_is_added_is_known_at_once_and_read_back_whole(house: House) -> None:
    party = parties.add(
        house.conn,
        house.administrator,
        name=" Wolkenhuis ",
        kind=PartyKind.PROVIDER,
        contact_name="Anna Visser",
        contact_email="Anna@Wolkenhuis.example",
        base_url="https://wolkenhuis.example/",
        public_key=key_number(1),
        now=house.now,
    )
    assert parties.get_party(house.conn, house.administrator, party.id) == party
    assert (party.state, party.name, party.base_url) == (PartyState.KNOWN, "Wolkenhuis", "https://wolkenhuis.example")
    assert party.contact_email == "anna@wolkenhuis.example"
    assert party.accepted_by == "console:0"
    assert parties.find_party_by_public_key(house.conn, key_number(1)) == party


def test_a_party_that_introduced_itself_counts_for_nothing_before_it_is_accepted(house: House) -> None:
    party = introduced(house)
    assert party.state is PartyState.PROPOSED
    for deed in (
        lambda: parties.update(
            house.conn,
            house.administrator,
            party_id=party.id,
            name="x",
            contact_name=None,
            contact_email=None,
            base_url=None,
            now=house.now,
        ),
        lambda: grants.grant(
            house.conn, house.administrator, party_id=party.id, right=GrantedRight.LIST_SUPPLIER, now=house.now
        ),
        lambda: api_keys.issue(
            house.conn,
            house.administrator,
            name="x",
            scopes=frozenset({Permission.HEALTH_READ}),
            party_id=party.id,
            now=house.now,
        ),
    ):
        with pytest.raises(Conflict, match="not one we know"):
            deed()


def test_a_party_is_accepted_by_the_fingerprint_that_was_read_out(house: House) -> None:
    party = introduced(house)
    heard = fingerprint(key_number(1)).upper().replace(" ", "")
    accepted = parties.accept(house.conn, house.administrator, party_id=party.id, fingerprint=heard, now=house.now)
    assert (accepted.state, accepted.accepted_at) == (PartyState.KNOWN, house.now)


@pytest.mark.parametrize("heard", ["", "0000 0000 0000 0000 0000 0000 0000 0000", fingerprint(key_number(2))])
def test_another_fingerprint_is_not_accepted(house: House, heard: str) -> None:
    party = introduced(house)
    with pytest.raises(Conflict, match="compare the fingerprints again"):
        parties.accept(house.conn, house.administrator, party_id=party.id, fingerprint=heard, now=house.now)


def test_introducing_oneself_again_replaces_the_proposal(house: House) -> None:
    first = introduced(house)
    house.later(hours=1)
    again = introduced(house, name="Wolkenhuis Hosting")
    assert (again.id, again.name, again.introduced_at) == (first.id, "Wolkenhuis Hosting", house.now)


def test_a_known_party_that_introduces_itself_stays_as_it_is(house: House) -> None:
    party = introduced(house)
    party = parties.accept(
        house.conn, house.administrator, party_id=party.id, fingerprint=fingerprint(key_number(1)), now=house.now
    )
    before = house.events()
    assert introduced(house, name="Mallory") == party
    assert house.events() == before


def test_twenty_may_wait_for_an_answer_and_no_more(house: House) -> None:
    for number in range(20):
        introduced(house, number)
    with pytest.raises(Conflict, match="too many"):
        introduced(house, 20)
    assert introduced(house, 7).public_key == key_number(7)
    house.later(days=31)
    expiry.remove_expired(house.conn, now=house.now, idle_minutes=30, hours=12)
    assert introduced(house, 20).state is PartyState.PROPOSED


def test_a_key_stands_for_one_party_and_can_come_back_after_an_end(house: House) -> None:
    party = introduced(house)
    with pytest.raises(Conflict, match="known already"):
        parties.add(
            house.conn,
            house.administrator,
            name="Another",
            kind=PartyKind.HOTLINE,
            public_key=key_number(1),
            now=house.now,
        )
    ended = parties.end(house.conn, house.administrator, party_id=party.id, now=house.now)
    assert ended.state is PartyState.ENDED
    assert parties.find_party_by_public_key(house.conn, key_number(1)) is None
    again = introduced(house)
    assert again.id != party.id


def test_an_end_is_the_end(house: House) -> None:
    party = house.known_party()
    parties.end(house.conn, house.administrator, party_id=party.id, now=house.now)
    with pytest.raises(InvalidTransition):
        parties.end(house.conn, house.administrator, party_id=party.id, now=house.now)
    with pytest.raises(InvalidTransition):
        parties.accept(house.conn, house.administrator, party_id=party.id, fingerprint="", now=house.now)


def test_what_we_know_of_a_party_can_change(house: House) -> None:
    party = house.known_party()
    changed = parties.update(
        house.conn,
        house.administrator,
        party_id=party.id,
        name="Wolkenhuis Hosting",
        contact_name="Bram Smit",
        contact_email="",
        base_url="https://new.example",
        now=house.now,
    )
    assert (changed.name, changed.contact_name, changed.contact_email) == ("Wolkenhuis Hosting", "Bram Smit", None)
    assert changed.legal_basis == party.legal_basis
    assert parties.get_party(house.conn, house.administrator, party.id) == changed


def test_those_that_wait_for_an_answer_come_first(house: House) -> None:
    house.known_party(name="Abel")
    ended = house.known_party(name="Aaron")
    parties.end(house.conn, house.administrator, party_id=ended.id, now=house.now)
    introduced(house, name="Zebra")
    assert [party.name for party in parties.list_parties(house.conn, house.administrator)] == ["Zebra", "Abel", "Aaron"]


def test_no_event_names_the_contact(house: House) -> None:
    parties.add(
        house.conn,
        house.administrator,
        name="Wolkenhuis",
        kind=PartyKind.PROVIDER,
        contact_name="Kanarievogel",
        contact_email="kanarievogel@wolkenhuis.example",
        now=house.now,
    )
    assert "anarievogel" not in str(house.conn.execute("SELECT * FROM audit_event").fetchall())


def test_what_does_not_exist_is_not_found(house: House) -> None:
    for ask in (
        lambda: parties.get_party(house.conn, house.administrator, uuid4()),
        lambda: parties.party(house.conn, uuid4()),
        lambda: parties.end(house.conn, house.administrator, party_id=uuid4(), now=house.now),
        lambda: grants.withdraw(house.conn, house.administrator, grant_id=uuid4(), now=house.now),
        lambda: api_keys.revoke(house.conn, house.administrator, key_id=uuid4(), now=house.now),
    ):
        with pytest.raises(NotFound):
            ask()


# --- grants --------------------------------------------------------------------------------------------------------


def grant(house: House, party: Party, until: date | None = None) -> Any:
    return grants.grant(
        house.conn,
        house.administrator,
        party_id=party.id,
        right=GrantedRight.LIST_SUPPLIER,
        until=until,
        now=house.now,
    )


def has_right(house: House, party_id: UUID) -> bool:
    party = parties.party(house.conn, party_id)
    return grants.has_right(house.conn, party, GrantedRight.LIST_SUPPLIER, now=house.now)


def test_a_right_counts_until_its_last_day_is_over(house: House) -> None:
    party = house.known_party()
    assert not has_right(house, party.id)
    grant(house, party, until=date(2026, 11, 22))
    assert has_right(house, party.id)
    house.later(days=1)
    assert has_right(house, party.id)
    house.later(days=1)
    assert not has_right(house, party.id)


def test_a_right_given_anew_takes_the_place_of_the_old(house: House) -> None:
    party = house.known_party()
    older = grant(house, party, until=date(2026, 11, 22))
    newer = grant(house, party)
    listed = {one.id: one.withdrawn_at for one in grants.list_grants(house.conn, house.administrator, party.id)}
    assert listed == {older.id: house.now, newer.id: None}


def test_a_right_that_was_taken_back_counts_no_more(house: House) -> None:
    party = house.known_party()
    given = grant(house, party)
    grants.withdraw(house.conn, house.administrator, grant_id=given.id, now=house.now)
    assert not has_right(house, party.id)
    with pytest.raises(Conflict):
        grants.withdraw(house.conn, house.administrator, grant_id=given.id, now=house.now)


def test_a_right_ends_with_its_party(house: House) -> None:
    party = house.known_party()
    grant(house, party)
    parties.end(house.conn, house.administrator, party_id=party.id, now=house.now)
    assert not has_right(house, party.id)


def test_a_right_until_yesterday_is_not_given(house: House) -> None:
    with pytest.raises(InvalidInput):
        grant(house, house.known_party(), until=date(2026, 11, 20))
