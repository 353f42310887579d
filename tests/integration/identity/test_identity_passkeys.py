"""Passkeys against a device in software that was written apart from the library which checks it."""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running.authenticator import Authenticator
from running.passkey_ceremonies import HERE, add, alone, asked, begin, finish, first_half, second_half

from vangnet.errors import Conflict, NotFound, TooManyAttempts
from vangnet.identity.model import (
    Ceremony,
    FactorAdded,
    Refused,
    SignedIn,
    SignInMeans,
)
from vangnet.identity.model.sessions import actor_of
from vangnet.identity.service import factors, passkeys, people

House = Any
Colleague = Any


@pytest.fixture
def device() -> Authenticator:
    """A device that behaves."""
    return Authenticator(origin=HERE)


def test_a_passkey_alone_is_a_complete_sign_in(house: House, device: Authenticator) -> None:
    colleague = house.colleague()
    assert isinstance(add(house, colleague, device), FactorAdded)
    ceremony = asked(house)
    signed_in = alone(house, ceremony, device.get(ceremony.options))
    assert isinstance(signed_in, SignedIn)
    assert signed_in.person.id == colleague.person.id
    assert (signed_in.session.whole, signed_in.session.means) == (True, SignInMeans.PASSKEY)


def test_a_passkey_completes_a_sign_in_by_password(house: House, device: Authenticator) -> None:
    colleague = house.colleague()
    add(house, colleague, device)
    signed_in = second_half(house, first_half(house, colleague), device)
    assert isinstance(signed_in, SignedIn)
    assert signed_in.session.means is SignInMeans.PASSWORD_AND_PASSKEY


def test_a_passkey_can_be_the_first_second_factor(house: House, device: Authenticator) -> None:
    accepted = house.accepted(house.invited())
    actor = actor_of(accepted.person, accepted.session)
    ceremony = begin(house, actor, accepted.session)
    added = finish(house, actor, accepted.session, ceremony, device.create(ceremony.options))
    assert isinstance(added, FactorAdded)
    assert added.signed_in is not None
    assert added.signed_in.session.whole
    assert len(added.recovery_codes) == 10


def test_an_answer_counts_once(house: House, device: Authenticator) -> None:
    add(house, house.colleague(), device)
    device.counts = False  # So that only the challenge can tell the two apart.
    ceremony = asked(house)
    answer = device.get(ceremony.options)
    assert isinstance(alone(house, ceremony, answer), SignedIn)
    assert alone(house, ceremony, answer) == Refused()


def test_an_answer_counts_five_minutes(house: House, device: Authenticator) -> None:
    add(house, house.colleague(), device)
    early, late = asked(house), asked(house)
    house.later(minutes=5, seconds=-1)
    assert isinstance(alone(house, early, device.get(early.options)), SignedIn)
    house.later(seconds=1)
    assert alone(house, late, device.get(late.options)) == Refused()


def test_a_copied_passkey_is_noticed_by_its_count(house: House, device: Authenticator) -> None:
    add(house, house.colleague(), device)
    copied = Authenticator(origin=HERE, credentials=[replace(device.credentials[0])])
    ceremony = asked(house)
    assert isinstance(alone(house, ceremony, device.get(ceremony.options)), SignedIn)
    ceremony = asked(house)
    assert alone(house, ceremony, copied.get(ceremony.options)) == Refused()


def test_a_device_that_does_not_verify_its_owner_is_refused(house: House, device: Authenticator) -> None:
    colleague = house.colleague()
    device.verifies_user = False
    assert add(house, colleague, device) == Refused()
    device.verifies_user = True
    assert isinstance(add(house, colleague, Authenticator(origin=HERE)), FactorAdded)
    ceremony = asked(house)
    device.credentials.clear()
    add(house, colleague, device)
    device.verifies_user = False
    assert alone(house, ceremony, device.get(ceremony.options)) == Refused()


def test_an_answer_that_was_given_to_another_site_is_refused(house: House, device: Authenticator) -> None:
    colleague = house.colleague()
    add(house, colleague, device)
    device.origin = "http://localhost:8800.elsewhere.example"
    ceremony = asked(house)
    assert alone(house, ceremony, device.get(ceremony.options)) == Refused()


def test_a_key_made_for_another_site_is_refused(house: House, device: Authenticator) -> None:
    add(house, house.colleague(), device)
    device.credentials[0].rp_id = "elsewhere.example"
    ceremony = asked(house)
    assert alone(house, ceremony, device.get(ceremony.options)) == Refused()


def test_a_colleagues_passkey_completes_nobody_elses_sign_in(house: House, device: Authenticator) -> None:
    anna, bram = house.colleague("anna@voorbeeld.example"), house.colleague("bram@voorbeeld.example")
    theirs = Authenticator(origin=HERE)
    add(house, anna, device)
    add(house, bram, theirs)
    needed = first_half(house, anna)
    actor = actor_of(needed.person, needed.session)
    ceremony = passkeys.begin_second_half(house.conn, actor, base_url=HERE, keys=house.keys, now=house.now)
    assert ceremony is not None
    answer = theirs.get(ceremony.options, theirs.credentials[0])
    assert (
        passkeys.finish_second_half(
            house.conn,
            actor,
            session=needed.session,
            sealed=ceremony.sealed,
            answer=answer,
            base_url=HERE,
            client=house.client,
            keys=house.keys,
            now=house.now,
        )
        == Refused()
    )


def test_an_answer_that_names_another_person_is_refused(house: House, device: Authenticator) -> None:
    add(house, house.colleague(), device)
    device.credentials[0].user_handle = bytes(16)
    ceremony = asked(house)
    assert alone(house, ceremony, device.get(ceremony.options)) == Refused()


def test_a_challenge_counts_only_for_what_it_was_made_for(house: House, device: Authenticator) -> None:
    colleague = house.colleague()
    add(house, colleague, device)
    to_sign_in = asked(house)
    made = begin(house, colleague.actor, colleague.signed_in.session)
    crossed = Ceremony(options=made.options, sealed=to_sign_in.sealed)
    other = Authenticator(origin=HERE)
    answer = other.create(
        json.dumps({**json.loads(made.options), "challenge": json.loads(to_sign_in.options)["challenge"]})
    )
    assert finish(house, colleague.actor, colleague.signed_in.session, crossed, answer) == Refused()


def test_a_removed_passkey_signs_nobody_in(house: House, device: Authenticator) -> None:
    colleague = house.colleague()
    add(house, colleague, device)
    [known] = passkeys.list_passkeys(house.conn, colleague.actor)
    passkeys.remove(house.conn, colleague.actor, session=colleague.signed_in.session, passkey_id=known.id, now=house.now)
    ceremony = asked(house)
    assert alone(house, ceremony, device.get(ceremony.options)) == Refused()


def test_the_passkey_of_somebody_who_left_signs_nobody_in(house: House, device: Authenticator) -> None:
    colleague = house.colleague()
    add(house, colleague, device)
    people.leave(house.conn, house.administrator, person_id=colleague.person.id, now=house.now)
    ceremony = asked(house)
    assert alone(house, ceremony, device.get(ceremony.options)) == Refused()


def test_the_app_can_go_where_there_is_a_passkey(house: House, device: Authenticator) -> None:
    colleague = house.colleague()
    add(house, colleague, device)
    session = colleague.signed_in.session
    factors.remove_totp(house.conn, colleague.actor, session=session, now=house.now)
    own = factors.own_factors(house.conn, colleague.actor, session=session)
    assert (own.totp, own.passkeys) == (False, 1)


def test_a_passkey_of_a_row_that_says_left_signs_nobody_in(house: House, device: Authenticator) -> None:
    colleague = house.colleague()
    add(house, colleague, device)
    house.conn.execute("UPDATE person SET state = 'left' WHERE id = %s", [colleague.person.id])
    ceremony = asked(house)
    assert alone(house, ceremony, device.get(ceremony.options)) == Refused()


def test_a_device_is_asked_not_to_make_a_second_key(house: House, device: Authenticator) -> None:
    colleague = house.colleague()
    add(house, colleague, device)
    ceremony = begin(house, colleague.actor, colleague.signed_in.session)
    with pytest.raises(AssertionError, match="has a key"):
        device.create(ceremony.options)


def test_ten_passkeys_are_enough(house: House, device: Authenticator) -> None:
    colleague = house.colleague()
    for _ in range(10):
        assert isinstance(add(house, colleague, Authenticator(origin=HERE)), FactorAdded)
    with pytest.raises(Conflict, match="10 passkeys"):
        add(house, colleague, device)


def test_the_same_key_is_not_taken_twice(house: House, device: Authenticator) -> None:
    anna, bram = house.colleague("anna@voorbeeld.example"), house.colleague("bram@voorbeeld.example")
    add(house, anna, device)
    device.next_id = device.credentials[0].id
    with pytest.raises(Conflict, match="in use already"):
        add(house, bram, device)


def test_somebody_elses_passkey_cannot_be_removed(house: House, device: Authenticator) -> None:
    anna, bram = house.colleague("anna@voorbeeld.example"), house.colleague("bram@voorbeeld.example")
    add(house, anna, device)
    add(house, bram, Authenticator(origin=HERE))
    [known] = passkeys.list_passkeys(house.conn, anna.actor)
    with pytest.raises(NotFound):
        passkeys.remove(house.conn, bram.actor, session=bram.signed_in.session, passkey_id=known.id, now=house.now)


def test_the_last_second_factor_stays(house: House, device: Authenticator) -> None:
    accepted = house.accepted(house.invited())
    actor = actor_of(accepted.person, accepted.session)
    ceremony = begin(house, actor, accepted.session)
    added = finish(house, actor, accepted.session, ceremony, device.create(ceremony.options))
    assert isinstance(added, FactorAdded)
    assert added.signed_in is not None
    whole = actor_of(added.signed_in.person, added.signed_in.session)
    [known] = passkeys.list_passkeys(house.conn, whole)
    with pytest.raises(Conflict, match="last second factor"):
        passkeys.remove(house.conn, whole, session=added.signed_in.session, passkey_id=known.id, now=house.now)


def test_a_sign_in_of_long_ago_adds_and_removes_nothing(house: House, device: Authenticator) -> None:
    colleague = house.colleague()
    add(house, colleague, device)
    [known] = passkeys.list_passkeys(house.conn, colleague.actor)
    house.later(minutes=15)
    session = colleague.signed_in.session
    with pytest.raises(Conflict, match="15 minutes"):
        begin(house, colleague.actor, session)
    with pytest.raises(Conflict, match="15 minutes"):
        passkeys.remove(house.conn, colleague.actor, session=session, passkey_id=known.id, now=house.now)
    with pytest.raises(Conflict, match="15 minutes"):
        factors.remove_totp(house.conn, colleague.actor, session=session, now=house.now)
    with pytest.raises(Conflict, match="15 minutes"):
        factors.renew_recovery_codes(house.conn, colleague.actor, session=session, now=house.now)


def test_guessing_answers_is_slowed_down(house: House, device: Authenticator) -> None:
    for _ in range(20):
        assert alone(house, asked(house), "{}") == Refused()
    with pytest.raises(TooManyAttempts):
        alone(house, asked(house), "{}")


@pytest.mark.parametrize(
    ("base_url", "possible"),
    [
        ("https://vangnet.example.org", True),
        ("http://localhost:8800", True),
        ("http://127.0.0.1:8800", False),
        ("https://[2001:db8::1]", False),
    ],
)
def test_passkeys_need_a_name(base_url: str, possible: bool) -> None:
    assert passkeys.possible(base_url) is possible


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.binary(max_size=20).map(lambda b: b.hex()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PLACES = ["id", "rawId", "type", "response", "clientDataJSON", "authenticatorData", "signature", "userHandle"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.sampled_from(PLACES), value=JSON, whole=st.text(max_size=200) | JSON.map(json.dumps))
def test_whatever_is_sent_as_an_answer_is_refused_and_nothing_breaks(
    house: House, device: Authenticator, place: str, value: object, whole: str
) -> None:
    if not device.credentials:
        add(house, house.colleague(), device)
    ceremony = asked(house)
    answer = json.loads(device.get(ceremony.options))
    (answer if place in answer else answer["response"])[place] = value
    changed = json.dumps(answer)
    for sent in (changed, whole):
        house.conn.execute("DELETE FROM attempt")
        outcome = alone(house, asked(house) if sent is whole else ceremony, sent)
        # A user handle may be left out (WebAuthn level 3, section 6.3.3); nothing else may be.
        assert outcome == Refused() or (place == "userHandle" and value is None and sent is changed)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.sampled_from(["id", "rawId", "type", "response", "clientDataJSON", "attestationObject"]), value=JSON)
def test_whatever_is_sent_as_a_new_key_is_refused_and_nothing_breaks(
    house: House, device: Authenticator, place: str, value: object
) -> None:
    if not hasattr(house, "maker"):
        house.maker = house.colleague()
    ceremony = begin(house, house.maker.actor, house.maker.signed_in.session)
    answer = json.loads(Authenticator(origin=HERE).create(ceremony.options))
    (answer if place in answer else answer["response"])[place] = value
    outcome = finish(house, house.maker.actor, house.maker.signed_in.session, ceremony, json.dumps(answer))
    assert outcome == Refused()


@pytest.mark.parametrize("sealed", ["", "x", "AAAA", "é", "A" * 1500])
def test_a_made_up_challenge_is_refused(house: House, device: Authenticator, sealed: str) -> None:
    add(house, house.colleague(), device)
    answer = device.get(asked(house).options)
    assert alone(house, Ceremony(options="", sealed=sealed), answer) == Refused()


def test_an_answer_of_many_brackets_is_refused(house: House, now: datetime) -> None:
    assert alone(house, asked(house), "[" * 15_999) == Refused()
