"""Signing in: what is let in, what is refused, what it leaves behind."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from running.passwords import CHEAP_HASHES

from vangnet.errors import Conflict, InvalidInput, NotFound, PermissionDenied, TooManyAttempts
from vangnet.identity.model import (
    ANONYMOUS,
    Client,
    PersonState,
    Refused,
    SecondFactorNeeded,
    SessionStage,
    SignedIn,
    SignInMeans,
)
from vangnet.identity.model.sessions import actor_of
from vangnet.identity.permissions import Permission, Role, permissions_of
from vangnet.identity.service import links, people, sessions, sign_in

App = Callable[[str, datetime], str]
TokenOf = Callable[[str], str]
# The fixture's class lives in conftest.py, which pytest imports for us.
House = Any


def with_password(house: House, email: str, password: str, client: Client | None = None) -> SecondFactorNeeded | Refused:
    return sign_in.with_password(
        house.conn,
        ANONYMOUS,
        email=email,
        password=password,
        client=client or house.client,
        keys=house.keys,
        now=house.now,
        hashes=CHEAP_HASHES,
    )


def first_half(house: House, colleague: Any) -> SecondFactorNeeded:
    needed = with_password(house, colleague.person.email, colleague.password)
    assert isinstance(needed, SecondFactorNeeded)
    return needed


def with_code(house: House, needed: SecondFactorNeeded, code: str) -> SignedIn | Refused:
    return sign_in.with_code(
        house.conn,
        actor_of(needed.person, needed.session),
        session=needed.session,
        code=code,
        client=house.client,
        keys=house.keys,
        now=house.now,
    )


def with_recovery_code(house: House, needed: SecondFactorNeeded, code: str) -> SignedIn | Refused:
    return sign_in.with_recovery_code(
        house.conn,
        actor_of(needed.person, needed.session),
        session=needed.session,
        code=code,
        client=house.client,
        keys=house.keys,
        now=house.now,
    )


def test_password_and_code_sign_in(house: House, totp_code: App) -> None:
    colleague = house.colleague()
    house.later(minutes=5)
    needed = first_half(house, colleague)
    assert needed.session.stage is SessionStage.PASSWORD_PROVEN
    signed_in = with_code(house, needed, totp_code(colleague.secret, house.now))
    assert isinstance(signed_in, SignedIn)
    found = house.resolved(signed_in.token)
    assert found is not None
    assert found.person == colleague.person
    assert found.session.means is SignInMeans.PASSWORD_AND_CODE
    assert found.actor().permissions == permissions_of(frozenset({Role.STAFF}))


def test_the_password_alone_allows_nothing_but_to_finish_signing_in(house: House) -> None:
    needed = first_half(house, house.colleague())
    found = house.resolved(needed.token)
    assert found is not None
    assert found.actor().permissions == {Permission.ME_SIGN_IN}


def test_the_token_of_the_first_half_is_void_once_the_sign_in_is_complete(house: House, totp_code: App) -> None:
    colleague = house.colleague()
    house.later(minutes=5)
    needed = first_half(house, colleague)
    signed_in = with_code(house, needed, totp_code(colleague.secret, house.now))
    assert isinstance(signed_in, SignedIn)
    assert house.resolved(needed.token) is None


def test_the_first_half_counts_ten_minutes(house: House) -> None:
    needed = first_half(house, house.colleague())
    house.later(minutes=10, seconds=-1)
    assert house.resolved(needed.token) is not None
    house.later(seconds=1)
    assert house.resolved(needed.token) is None


def test_the_e_mail_address_is_taken_in_any_case(house: House) -> None:
    colleague = house.colleague("anna@voorbeeld.example")
    assert isinstance(with_password(house, " Anna@Voorbeeld.Example ", colleague.password), SecondFactorNeeded)


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("anna@voorbeeld.example", "een lange zin over zon"),
        ("anna@voorbeeld.example", ""),
        ("nobody@voorbeeld.example", "een lange zin over regen"),
        ("no address at all", "een lange zin over regen"),
        ("anna@voorbeeld.example", "x" * 10_000),
    ],
)
def test_what_does_not_match_is_refused_in_the_same_words_and_audited_without_the_address(
    house: House, email: str, password: str
) -> None:
    house.colleague("anna@voorbeeld.example")
    before = house.events()
    assert with_password(house, email, password) == Refused()
    assert house.events() == before + 1
    kind, action, _, details = house.last_event()
    assert (kind, action, details["outcome"]) == ("anonymous", "me:sign_in", "refused")
    assert "@" not in str(details)


def test_somebody_who_left_is_refused_at_once(house: House) -> None:
    colleague = house.colleague()
    people.leave(house.conn, house.administrator, person_id=colleague.person.id, now=house.now)
    assert house.resolved(colleague.signed_in.token) is None
    assert with_password(house, colleague.person.email, colleague.password) == Refused()


# --- codes ---------------------------------------------------------------------------------------------------------


def test_a_code_counts_once(house: House, totp_code: App) -> None:
    colleague = house.colleague()
    house.later(minutes=5)
    code = totp_code(colleague.secret, house.now)
    assert isinstance(with_code(house, first_half(house, colleague), code), SignedIn)
    assert with_code(house, first_half(house, colleague), code) == Refused()


def test_a_code_older_than_one_that_was_used_is_refused(house: House, totp_code: App) -> None:
    colleague = house.colleague()
    house.later(minutes=5)
    older = totp_code(colleague.secret, house.now - timedelta(seconds=30))
    assert isinstance(with_code(house, first_half(house, colleague), totp_code(colleague.secret, house.now)), SignedIn)
    assert with_code(house, first_half(house, colleague), older) == Refused()


@pytest.mark.parametrize(("seconds", "taken"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_code_of_the_step_before_or_after_is_taken_and_no_other(
    house: House, totp_code: App, seconds: int, taken: bool
) -> None:
    colleague = house.colleague()
    house.later(minutes=5)
    answer = with_code(
        house, first_half(house, colleague), totp_code(colleague.secret, house.now + timedelta(seconds=seconds))
    )
    assert isinstance(answer, SignedIn) is taken


def test_the_code_of_a_colleague_is_refused(house: House, totp_code: App) -> None:
    anna, bram = house.colleague("anna@voorbeeld.example"), house.colleague("bram@voorbeeld.example")
    house.later(minutes=5)
    assert with_code(house, first_half(house, anna), totp_code(bram.secret, house.now)) == Refused()


def test_a_recovery_code_counts_once_and_however_it_is_typed(house: House) -> None:
    colleague = house.colleague()
    assert len(set(colleague.recovery_codes)) == 10
    typed = colleague.recovery_codes[3].upper().replace("-", " ")
    signed_in = with_recovery_code(house, first_half(house, colleague), typed)
    assert isinstance(signed_in, SignedIn)
    assert signed_in.session.means is SignInMeans.PASSWORD_AND_RECOVERY_CODE
    assert with_recovery_code(house, first_half(house, colleague), colleague.recovery_codes[3]) == Refused()
    assert isinstance(with_recovery_code(house, first_half(house, colleague), colleague.recovery_codes[4]), SignedIn)


@pytest.mark.parametrize("code", ["", "abcd", "aaaa-bbbb-cccc-dddd", "ÿ" * 16, "a" * 100_000])
def test_what_is_no_recovery_code_is_refused(house: House, code: str) -> None:
    assert with_recovery_code(house, first_half(house, house.colleague()), code) == Refused()


# --- links ---------------------------------------------------------------------------------------------------------


def link_for(house: House, email: str, **how: int) -> str:
    return links.make_link(
        house.conn, house.administrator, email=email, base_url="http://localhost:8800", now=house.now, **how
    )


def with_link(house: House, token: str) -> SignedIn | Refused:
    return sign_in.with_link(house.conn, ANONYMOUS, token=token, client=house.client, keys=house.keys, now=house.now)


def test_a_link_signs_in_as_often_as_was_said(house: House, link_token: TokenOf) -> None:
    colleague = house.colleague()
    token = link_token(link_for(house, colleague.person.email, uses=2))
    assert isinstance(with_link(house, token), SignedIn)
    assert isinstance(with_link(house, token), SignedIn)
    assert with_link(house, token) == Refused()


def test_a_link_ends_when_its_hours_are_over(house: House, link_token: TokenOf) -> None:
    token = link_token(link_for(house, house.colleague().person.email, hours=1))
    house.later(hours=1)
    assert with_link(house, token) == Refused()


def test_a_link_lets_an_invited_person_in_who_then_works_here(house: House, link_token: TokenOf) -> None:
    invited = house.invited()
    signed_in = with_link(house, link_token(link_for(house, invited.person.email)))
    assert isinstance(signed_in, SignedIn)
    assert signed_in.person.state is PersonState.ACTIVE
    assert signed_in.session.whole


def test_a_link_is_void_when_its_person_leaves(house: House, link_token: TokenOf) -> None:
    colleague = house.colleague()
    token = link_token(link_for(house, colleague.person.email))
    people.leave(house.conn, house.administrator, person_id=colleague.person.id, now=house.now)
    assert with_link(house, token) == Refused()


def test_no_role_can_make_a_link(house: House) -> None:
    colleague = house.colleague("anna@voorbeeld.example", Role.ADMINISTRATOR, Role.AUDITOR, Role.STAFF)
    with pytest.raises(PermissionDenied):
        links.make_link(
            house.conn, colleague.actor, email=colleague.person.email, base_url="http://localhost:8800", now=house.now
        )


@pytest.mark.parametrize("how", [{"uses": 0}, {"uses": 1001}, {"hours": 0}, {"hours": 745}])
def test_a_link_that_is_used_too_often_or_too_long_is_refused(house: House, how: dict[str, int]) -> None:
    with pytest.raises(InvalidInput):
        link_for(house, house.colleague().person.email, **how)


def test_a_link_for_nobody_or_for_who_left_is_refused(house: House) -> None:
    colleague = house.colleague()
    people.leave(house.conn, house.administrator, person_id=colleague.person.id, now=house.now)
    with pytest.raises(Conflict):
        link_for(house, colleague.person.email)
    with pytest.raises(InvalidInput):
        link_for(house, "nobody@voorbeeld.example")


# --- sessions ------------------------------------------------------------------------------------------------------


def test_a_session_ends_when_nobody_used_it(house: House) -> None:
    token = house.colleague().signed_in.token
    house.later(minutes=29)
    assert house.resolved(token) is not None
    house.later(minutes=29)
    assert house.resolved(token) is not None
    house.later(minutes=30)
    assert house.resolved(token) is None


def test_a_session_ends_after_its_hours_however_much_it_is_used(house: House) -> None:
    token = house.colleague().signed_in.token
    for _ in range(12 * 60 // 20 - 1):
        house.later(minutes=20)
        assert house.resolved(token) is not None
    house.later(minutes=20)
    assert house.resolved(token) is None


def test_the_last_use_is_written_at_most_once_a_minute(house: House) -> None:
    colleague = house.colleague()
    start = house.now
    house.later(seconds=59)
    found = house.resolved(colleague.signed_in.token)
    assert found is not None
    assert found.session.last_seen_at == start
    house.later(seconds=1)
    found = house.resolved(colleague.signed_in.token)
    assert found is not None
    assert found.session.last_seen_at == house.now


@pytest.mark.parametrize("token", ["", "x", "x" * 100_000, "\x00", "é"])
def test_what_is_no_token_resolves_to_nobody(house: House, token: str) -> None:
    house.colleague()
    assert house.resolved(token) is None


def test_signing_out_ends_the_session(house: House) -> None:
    colleague = house.colleague()
    sessions.sign_out(house.conn, colleague.actor, session=colleague.signed_in.session, now=house.now)
    assert house.resolved(colleague.signed_in.token) is None


def test_one_sees_and_ends_only_ones_own_sessions(house: House, totp_code: App) -> None:
    anna, bram = house.colleague("anna@voorbeeld.example"), house.colleague("bram@voorbeeld.example")
    house.later(minutes=5)
    second = with_code(house, first_half(house, anna), totp_code(anna.secret, house.now))
    assert isinstance(second, SignedIn)
    assert {session.id for session in sessions.list_sessions(house.conn, anna.actor)} == {
        anna.signed_in.session.id,
        second.session.id,
    }
    with pytest.raises(NotFound):
        sessions.revoke(house.conn, bram.actor, session_id=second.session.id, now=house.now)
    sessions.revoke(house.conn, anna.actor, session_id=second.session.id, now=house.now)
    assert house.resolved(second.token) is None
    with pytest.raises(PermissionDenied):
        sessions.sign_out(house.conn, bram.actor, session=anna.signed_in.session, now=house.now)


def test_all_other_sessions_end_together(house: House) -> None:
    colleague = house.colleague()
    others = [with_recovery_code(house, first_half(house, colleague), code) for code in colleague.recovery_codes[:2]]
    ended = sessions.revoke_others(house.conn, colleague.actor, session=colleague.signed_in.session, now=house.now)
    assert ended == 2
    assert house.resolved(colleague.signed_in.token) is not None
    assert [house.resolved(other.token) for other in others if isinstance(other, SignedIn)] == [None, None]


def test_only_a_person_has_an_account_of_their_own(house: House) -> None:
    with pytest.raises(PermissionDenied):
        sessions.list_sessions(house.conn, house.administrator)


# --- guessing ------------------------------------------------------------------------------------------------------


def wrong_passwords(house: House, email: str, times: int, client: Client | None = None) -> int:
    """How many were taken before one had to wait."""
    for taken in range(times):
        try:
            assert with_password(house, email, "not the password", client) == Refused()
        except TooManyAttempts:
            return taken
    return times


def test_after_five_wrong_passwords_from_one_address_the_next_must_wait(house: House) -> None:
    colleague = house.colleague()
    assert wrong_passwords(house, colleague.person.email, 10) == 5
    with pytest.raises(TooManyAttempts) as caught:
        with_password(house, colleague.person.email, colleague.password)
    assert caught.value.retry_after_s == 4
    house.later(seconds=4)
    assert isinstance(with_password(house, colleague.person.email, colleague.password), SecondFactorNeeded)


def test_the_wait_doubles_up_to_a_quarter_of_an_hour(house: House) -> None:
    colleague = house.colleague()
    wrong_passwords(house, colleague.person.email, 5)
    waits = []
    for _ in range(10):
        with pytest.raises(TooManyAttempts) as caught:
            with_password(house, colleague.person.email, "not the password")
        waits.append(caught.value.retry_after_s)
        house.later(seconds=caught.value.retry_after_s)
        assert with_password(house, colleague.person.email, "not the password") == Refused()
    assert waits == [4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_who_hammers_an_account_from_one_address_does_not_keep_its_owner_out(house: House) -> None:
    colleague = house.colleague()
    for _ in range(15):
        wrong_passwords(house, colleague.person.email, 20, Client(address="203.0.113.9"))
        house.later(seconds=60)
    assert isinstance(with_password(house, colleague.person.email, colleague.password), SecondFactorNeeded)


def test_many_addresses_together_slow_an_account_down_but_not_on_a_device_that_is_known(house: House) -> None:
    colleague = house.colleague()
    for number in range(11):
        wrong_passwords(house, colleague.person.email, 5, Client(address=f"203.0.113.{number}"))
    with pytest.raises(TooManyAttempts) as caught:
        with_password(house, colleague.person.email, colleague.password)
    assert caught.value.retry_after_s <= 60
    known = Client(address="192.0.2.7", device=colleague.signed_in.device)
    assert isinstance(with_password(house, colleague.person.email, colleague.password, known), SecondFactorNeeded)


def test_a_known_device_has_a_limit_too(house: House) -> None:
    colleague = house.colleague()
    known = Client(address="192.0.2.7", device=colleague.signed_in.device)
    assert wrong_passwords(house, colleague.person.email, 20, known) == 10


def test_the_device_of_a_colleague_or_a_made_up_one_is_not_known(house: House) -> None:
    anna, bram = house.colleague("anna@voorbeeld.example"), house.colleague("bram@voorbeeld.example")
    for number, device in enumerate([bram.signed_in.device, "made-up", "x" * 1000, "é", anna.signed_in.device[:-8]]):
        client = Client(address=f"203.0.113.{number}", device=device)
        assert wrong_passwords(house, anna.person.email, 20, client) == 5


def test_a_known_device_is_forgotten_after_180_days(house: House) -> None:
    colleague = house.colleague()
    house.later(days=180)
    known = Client(address="192.0.2.7", device=colleague.signed_in.device)
    assert wrong_passwords(house, colleague.person.email, 20, known) == 5


def test_one_address_cannot_try_a_list_of_accounts(house: House) -> None:
    taken = sum(wrong_passwords(house, f"person{number}@voorbeeld.example", 1) for number in range(55))
    assert taken == 50


def test_an_unknown_account_is_slowed_down_as_a_known_one(house: House) -> None:
    assert wrong_passwords(house, "nobody@voorbeeld.example", 20) == 5


def test_after_five_wrong_codes_the_next_must_wait_and_a_right_one_forgets_them(house: House, totp_code: App) -> None:
    colleague = house.colleague()
    needed = first_half(house, colleague)
    for _ in range(5):
        assert with_code(house, needed, "000000") == Refused()
    with pytest.raises(TooManyAttempts):
        with_code(house, needed, "000000")
    with pytest.raises(TooManyAttempts):
        with_recovery_code(house, needed, colleague.recovery_codes[0])
    house.later(minutes=2)
    assert isinstance(with_code(house, needed, totp_code(colleague.secret, house.now)), SignedIn)
    assert house.conn.execute("SELECT count(*) FROM attempt WHERE kind = 'code'").fetchone() == (0,)


def test_guessing_links_is_slowed_down_and_a_right_one_is_taken_all_the_same(house: House, link_token: TokenOf) -> None:
    right = link_token(link_for(house, house.colleague().person.email))
    for _ in range(20):
        assert with_link(house, "x" * 43) == Refused()
    with pytest.raises(TooManyAttempts):
        with_link(house, "x" * 43)
    assert isinstance(with_link(house, right), SignedIn)


def test_what_was_tried_is_not_readable_in_the_table(house: House) -> None:
    wrong_passwords(house, "nobody@voorbeeld.example", 1)
    dump = str(house.conn.execute("SELECT * FROM attempt").fetchall())
    assert "nobody" not in dump
    assert "192.0.2.7" not in dump
