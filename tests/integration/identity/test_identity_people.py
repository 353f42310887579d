"""Our own people: invited, joined, changed, gone; and what they do with their own account."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from psycopg import sql
from running.passkey_ceremonies import first_half
from running.passwords import CHEAP_HASHES

from vangnet.errors import Conflict, InvalidInput, InvalidTransition, NotFound, PermissionDenied
from vangnet.identity.model import (
    ANONYMOUS,
    ExternalIdentity,
    InstallationKind,
    Language,
    Person,
    PersonState,
    Refused,
    SecondFactorNeeded,
    SignedIn,
    SignInMeans,
    Theme,
)
from vangnet.identity.model.sessions import actor_of
from vangnet.identity.permissions import Role
from vangnet.identity.service import account, factors, installation, invitations, people, sign_in
from vangnet.identity.service.invitations import NewAdministrator, OpenInvitation

House = Any
TokenOf = Callable[[str], str]
BASE_URL = "http://localhost:8800"


def accept(house: House, token: str, **more: Any) -> SecondFactorNeeded | Refused:
    given = {"password": "een lange zin over regen", "hashes": CHEAP_HASHES} | more
    return invitations.accept(house.conn, ANONYMOUS, token=token, client=house.client, now=house.now, **given)


def rows(house: House, table: str) -> list[Any]:
    """Everything that stands in a table."""
    found: list[Any] = house.conn.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))).fetchall()
    return found


# --- the installation ----------------------------------------------------------------------------------------------


def test_an_installation_is_set_up_once(house: House) -> None:
    found = installation.get_installation(house.conn)
    assert (found.kind, found.party_name, found.language) == (InstallationKind.HOTLINE, "Meldpunt Voorbeeld", Language.NL)
    with pytest.raises(Conflict):
        installation.set_up(
            house.conn,
            house.administrator,
            kind=InstallationKind.POLICE,
            party_name="Another",
            language=Language.NL,
            now=house.now,
        )


def test_before_the_set_up_there_is_none(conn: Any) -> None:
    assert installation.find_installation(conn) is None
    with pytest.raises(NotFound):
        installation.get_installation(conn)


# --- invitations ---------------------------------------------------------------------------------------------------


def test_who_accepts_works_here_only_when_the_second_factor_is_set_up(house: House, link_token: TokenOf) -> None:
    invited = house.invited()
    token = link_token(invited.link)
    seen = invitations.look_up(house.conn, token=token, client=house.client, now=house.now)
    assert isinstance(seen, OpenInvitation)
    assert seen.person == invited.person
    accepted = house.accepted(invited)
    assert people.get_person(house.conn, house.administrator, invited.person.id).state is PersonState.INVITED
    house.with_app(accepted)
    joined = people.get_person(house.conn, house.administrator, invited.person.id)
    assert (joined.state, joined.joined_at, joined.enrolment_ends_at) == (PersonState.ACTIVE, house.now, None)


def test_an_invitation_counts_a_week(house: House, link_token: TokenOf) -> None:
    token = link_token(house.invited().link)
    house.later(days=7, seconds=-1)
    assert isinstance(invitations.look_up(house.conn, token=token, client=house.client, now=house.now), OpenInvitation)
    house.later(seconds=1)
    assert invitations.look_up(house.conn, token=token, client=house.client, now=house.now) == Refused()
    assert accept(house, token) == Refused()


def test_a_new_invitation_makes_the_old_one_void(house: House, link_token: TokenOf) -> None:
    invited = house.invited()
    again = people.invite_again(
        house.conn, house.administrator, person_id=invited.person.id, base_url=BASE_URL, now=house.now
    )
    assert accept(house, link_token(invited.link)) == Refused()
    assert isinstance(accept(house, link_token(again.link)), SecondFactorNeeded)


def test_an_invitation_counts_once(house: House, link_token: TokenOf) -> None:
    token = link_token(house.invited().link)
    accept(house, token)
    assert accept(house, token) == Refused()


@pytest.mark.parametrize("password", ["short", "wachtwoord123", "annavissermeldpunt"])
def test_a_refused_password_leaves_the_invitation_as_it_was(house: House, link_token: TokenOf, password: str) -> None:
    token = link_token(house.invited().link)
    with pytest.raises(InvalidInput), house.conn.transaction():
        accept(house, token, password=password)
    assert isinstance(accept(house, token), SecondFactorNeeded)


def test_the_same_address_is_invited_once_whatever_its_case(house: House) -> None:
    house.invited("anna@voorbeeld.example")
    with pytest.raises(Conflict):
        house.invited("ANNA@voorbeeld.example")


def test_somebody_who_works_here_gets_no_new_invitation(house: House) -> None:
    colleague = house.colleague()
    with pytest.raises(Conflict):
        people.invite_again(
            house.conn, house.administrator, person_id=colleague.person.id, base_url=BASE_URL, now=house.now
        )


def test_somebody_who_left_comes_back_under_the_same_row(house: House) -> None:
    colleague = house.colleague()
    people.leave(house.conn, house.administrator, person_id=colleague.person.id, now=house.now)
    invited = house.invited(colleague.person.email, Role.AUDITOR, name="Anna de Visser")
    assert invited.person.id == colleague.person.id
    assert (invited.person.state, invited.person.left_at) == (PersonState.INVITED, None)
    added, _ = house.with_app(house.accepted(invited))
    assert added.signed_in is not None
    assert added.signed_in.person.roles == {Role.AUDITOR}


def test_the_time_to_set_up_a_second_factor_is_a_week(house: House) -> None:
    invited = house.invited()
    accepted = house.accepted(invited)
    house.later(days=7)
    with pytest.raises(Conflict, match="ask an administrator"):
        house.with_app(accepted)


# --- the first administrator ---------------------------------------------------------------------------------------


def first_link(house: House) -> str | None:
    return people.first_administrator_link(house.conn, house.administrator, base_url=BASE_URL, now=house.now)


def test_the_first_administrator_says_who_they_are(house: House, link_token: TokenOf) -> None:
    link = first_link(house)
    assert link is not None
    newcomer = NewAdministrator(name="Anna Visser", email="Anna@Voorbeeld.example", language=Language.NL)
    accepted = accept(house, link_token(link), newcomer=newcomer)
    assert isinstance(accepted, SecondFactorNeeded)
    added, _ = house.with_app(accepted)
    assert added.signed_in is not None
    person = added.signed_in.person
    assert (person.email, person.roles, person.state) == (
        "anna@voorbeeld.example",
        {Role.ADMINISTRATOR},
        PersonState.ACTIVE,
    )
    assert first_link(house) is None


def test_each_start_makes_a_new_first_link_and_voids_the_last(house: House, link_token: TokenOf) -> None:
    older, newer = first_link(house), first_link(house)
    assert older is not None
    assert newer is not None
    newcomer = NewAdministrator(name="Anna Visser", email="anna@voorbeeld.example", language=Language.NL)
    assert accept(house, link_token(older), newcomer=newcomer) == Refused()
    with pytest.raises(InvalidInput), house.conn.transaction():
        accept(house, link_token(newer))
    assert isinstance(accept(house, link_token(newer), newcomer=newcomer), SecondFactorNeeded)


def test_the_first_link_is_void_once_there_is_an_administrator_however_they_came(house: House, link_token: TokenOf) -> None:
    link = first_link(house)
    assert link is not None
    house.colleague("bram@voorbeeld.example", Role.ADMINISTRATOR)
    token = link_token(link)
    assert invitations.look_up(house.conn, token=token, client=house.client, now=house.now) == Refused()
    newcomer = NewAdministrator(name="Mallory", email="mallory@voorbeeld.example", language=Language.NL)
    assert accept(house, token, newcomer=newcomer) == Refused()


# --- changing and leaving ------------------------------------------------------------------------------------------


def test_new_roles_count_from_the_next_request(house: House) -> None:
    colleague = house.colleague()
    people.change_roles(
        house.conn,
        house.administrator,
        person_id=colleague.person.id,
        roles=frozenset({Role.AUDITOR}),
        now=house.now,
    )
    found = house.resolved(colleague.signed_in.token)
    assert found is not None
    assert "audit:read" in found.actor().permissions
    assert house.last_event()[3] == {"roles": ["auditor"], "roles_before": ["staff"]}


def test_the_last_administrator_neither_leaves_nor_loses_the_role(house: House) -> None:
    anna = house.colleague("anna@voorbeeld.example", Role.ADMINISTRATOR)
    bram = house.colleague("bram@voorbeeld.example", Role.ADMINISTRATOR)
    people.leave(house.conn, house.administrator, person_id=bram.person.id, now=house.now)
    with pytest.raises(Conflict, match="last active administrator"):
        people.leave(house.conn, house.administrator, person_id=anna.person.id, now=house.now)
    with pytest.raises(Conflict, match="last active administrator"):
        people.change_roles(
            house.conn,
            house.administrator,
            person_id=anna.person.id,
            roles=frozenset({Role.STAFF}),
            now=house.now,
        )


def test_an_invited_administrator_does_not_count_as_another(house: House) -> None:
    anna = house.colleague("anna@voorbeeld.example", Role.ADMINISTRATOR)
    house.invited("bram@voorbeeld.example", Role.ADMINISTRATOR, name="Bram Smit")
    with pytest.raises(Conflict):
        people.leave(house.conn, house.administrator, person_id=anna.person.id, now=house.now)


def test_who_leaves_keeps_their_row_and_loses_everything_that_signs_in(house: House) -> None:
    colleague = house.colleague()
    left = people.leave(house.conn, house.administrator, person_id=colleague.person.id, now=house.now)
    assert (left.state, left.left_at) == (PersonState.LEFT, house.now)
    for table in (
        "person_password",
        "person_totp",
        "passkey",
        "recovery_code",
        "external_identity",
        "invitation",
        "sign_in_link",
        "session",
    ):
        assert rows(house, table) == [], table
    with pytest.raises(InvalidTransition):
        people.leave(house.conn, house.administrator, person_id=colleague.person.id, now=house.now)


def test_an_invitation_can_be_taken_back_by_letting_the_person_go(house: House, link_token: TokenOf) -> None:
    invited = house.invited()
    people.leave(house.conn, house.administrator, person_id=invited.person.id, now=house.now)
    assert accept(house, link_token(invited.link)) == Refused()


def test_after_a_reset_the_password_leads_to_a_new_second_factor_and_the_person_is_told(house: House) -> None:
    colleague = house.colleague()
    people.reset_second_factor(house.conn, house.administrator, person_id=colleague.person.id, now=house.now)
    assert house.resolved(colleague.signed_in.token) is None
    needed = first_half(house, colleague)
    added, secret = house.with_app(needed)
    assert secret != colleague.secret
    assert added.signed_in is not None
    assert added.signed_in.person.second_factor_reset_at == house.now
    assert not set(added.recovery_codes) & set(colleague.recovery_codes)


def test_only_somebody_who_works_here_has_a_second_factor_to_reset(house: House) -> None:
    invited = house.invited()
    with pytest.raises(Conflict):
        people.reset_second_factor(house.conn, house.administrator, person_id=invited.person.id, now=house.now)


# --- one's own account ---------------------------------------------------------------------------------------------


def change(house: House, colleague: Any, current: str, new: str) -> Person | Refused:
    return account.change_password(
        house.conn,
        colleague.actor,
        session=colleague.signed_in.session,
        current=current,
        new=new,
        now=house.now,
        hashes=CHEAP_HASHES,
    )


def test_a_new_password_counts_and_ends_the_other_sessions(house: House, totp_code: Any) -> None:
    colleague = house.colleague()
    house.later(minutes=5)
    needed = sign_in.with_password(
        house.conn,
        ANONYMOUS,
        email=colleague.person.email,
        password=colleague.password,
        client=house.client,
        keys=house.keys,
        now=house.now,
        hashes=CHEAP_HASHES,
    )
    assert isinstance(needed, SecondFactorNeeded)
    other = sign_in.with_code(
        house.conn,
        actor_of(needed.person, needed.session),
        session=needed.session,
        code=totp_code(colleague.secret, house.now),
        client=house.client,
        keys=house.keys,
        now=house.now,
    )
    assert isinstance(other, SignedIn)
    assert isinstance(change(house, colleague, colleague.password, "een nieuwe zin over zon"), Person)
    assert house.resolved(other.token) is None
    assert house.resolved(colleague.signed_in.token) is not None
    for password, expected in ((colleague.password, Refused), ("een nieuwe zin over zon", SecondFactorNeeded)):
        answer = sign_in.with_password(
            house.conn,
            ANONYMOUS,
            email=colleague.person.email,
            password=password,
            client=house.client,
            keys=house.keys,
            now=house.now,
            hashes=CHEAP_HASHES,
        )
        assert isinstance(answer, expected)


def test_the_password_now_is_needed_and_guessing_it_is_slowed_down(house: House) -> None:
    colleague = house.colleague()
    assert change(house, colleague, "not the password", "een nieuwe zin over zon") == Refused()
    assert house.last_event()[3] == {"password": "unchanged", "outcome": "refused"}


def test_who_has_no_password_sets_one_after_a_recent_sign_in(house: House, link_token: TokenOf) -> None:
    invited = house.invited()
    link = sign_in.make_link(house.conn, house.administrator, email=invited.person.email, base_url=BASE_URL, now=house.now)
    signed_in = sign_in.with_link(
        house.conn, ANONYMOUS, token=link_token(link), client=house.client, keys=house.keys, now=house.now
    )
    assert isinstance(signed_in, SignedIn)
    actor = actor_of(signed_in.person, signed_in.session)
    assert not account.has_password(house.conn, actor)
    given: dict[str, Any] = {
        "session": signed_in.session,
        "current": "",
        "new": "een nieuwe zin over zon",
        "hashes": CHEAP_HASHES,
    }
    with pytest.raises(Conflict, match="15 minutes"):
        account.change_password(house.conn, actor, **given, now=house.now + timedelta(minutes=15))
    assert isinstance(account.change_password(house.conn, actor, **given, now=house.now), Person)
    assert account.has_password(house.conn, actor)


def test_a_new_app_takes_the_place_of_the_old_one_and_leaves_the_recovery_codes(house: House, totp_code: Any) -> None:
    colleague = house.colleague()
    session = colleague.signed_in.session
    proposal = factors.propose_totp(house.conn, colleague.actor, session=session, keys=house.keys, now=house.now)
    added = factors.confirm_totp(
        house.conn,
        colleague.actor,
        session=session,
        sealed=proposal.sealed,
        code=totp_code(proposal.secret, house.now),
        client=house.client,
        keys=house.keys,
        now=house.now,
    )
    assert not isinstance(added, Refused)
    assert (added.recovery_codes, added.signed_in) == ((), None)
    assert factors.own_factors(house.conn, colleague.actor, session=session).recovery_codes == 10


@pytest.mark.parametrize("minutes", [30, 60])
def test_a_proposed_secret_counts_half_an_hour(house: House, totp_code: Any, minutes: int) -> None:
    accepted = house.accepted(house.invited())
    actor = actor_of(accepted.person, accepted.session)
    proposal = factors.propose_totp(house.conn, actor, session=accepted.session, keys=house.keys, now=house.now)
    house.later(minutes=minutes)
    answer = factors.confirm_totp(
        house.conn,
        actor,
        session=accepted.session,
        sealed=proposal.sealed,
        code=totp_code(proposal.secret, house.now),
        client=house.client,
        keys=house.keys,
        now=house.now,
    )
    assert answer == Refused()


@pytest.mark.parametrize("sealed", ["", "x", "é", "AAAA" * 20])
def test_a_proposal_of_somebody_else_or_a_made_up_one_is_refused(house: House, totp_code: Any, sealed: str) -> None:
    anna, bram = house.colleague("anna@voorbeeld.example"), house.colleague("bram@voorbeeld.example")
    proposal = factors.propose_totp(house.conn, bram.actor, session=bram.signed_in.session, keys=house.keys, now=house.now)
    for given in (sealed, proposal.sealed):
        answer = factors.confirm_totp(
            house.conn,
            anna.actor,
            session=anna.signed_in.session,
            sealed=given,
            code=totp_code(proposal.secret, house.now),
            client=house.client,
            keys=house.keys,
            now=house.now,
        )
        assert answer == Refused()


def test_new_recovery_codes_make_the_old_ones_void(house: House) -> None:
    colleague = house.colleague()
    session = colleague.signed_in.session
    codes = factors.renew_recovery_codes(house.conn, colleague.actor, session=session, now=house.now)
    assert len(set(codes)) == 10
    assert not set(codes) & set(colleague.recovery_codes)


def test_the_only_app_cannot_be_removed(house: House) -> None:
    colleague = house.colleague()
    with pytest.raises(Conflict, match="last second factor"):
        factors.remove_totp(house.conn, colleague.actor, session=colleague.signed_in.session, now=house.now)


def test_language_and_look_are_ones_own(house: House) -> None:
    colleague = house.colleague()
    account.choose(house.conn, colleague.actor, language=Language.EN, theme=Theme.DARK, now=house.now)
    found = house.resolved(colleague.signed_in.token)
    assert found is not None
    assert (found.person.language, found.person.theme) == (Language.EN, Theme.DARK)


def test_what_is_kept_opens_nothing(house: House) -> None:
    colleague = house.colleague()
    kept = "".join(
        str(rows(house, table)) for table in ("person_password", "person_totp", "recovery_code", "session", "invitation")
    )
    for secret in (
        colleague.password,
        colleague.secret,
        colleague.recovery_codes[0],
        colleague.recovery_codes[0].replace("-", ""),
        colleague.signed_in.token,
    ):
        assert secret not in kept


def test_no_event_of_all_this_names_a_person(house: House) -> None:
    house.colleague("kanarievogel@voorbeeld.example")
    everything = str(house.conn.execute("SELECT * FROM audit_event").fetchall())
    for name in ("kanarievogel", "voorbeeld.example", "Anna", "Visser"):
        assert name not in everything


def test_a_session_is_used_by_its_owner_alone(house: House) -> None:
    anna, bram = house.colleague("anna@voorbeeld.example"), house.colleague("bram@voorbeeld.example")
    session = anna.signed_in.session
    for use in (
        lambda: account.change_password(
            house.conn, bram.actor, session=session, current=bram.password, new="een zin over zon", now=house.now
        ),
        lambda: factors.renew_recovery_codes(house.conn, bram.actor, session=session, now=house.now),
        lambda: factors.remove_totp(house.conn, bram.actor, session=session, now=house.now),
        lambda: factors.propose_totp(house.conn, bram.actor, session=session, keys=house.keys, now=house.now),
        lambda: account.has_password(house.conn, ANONYMOUS),
    ):
        with pytest.raises(PermissionDenied):
            use()


def test_a_row_that_says_left_counts_whatever_else_is_there(house: House) -> None:
    colleague = house.colleague()
    house.conn.execute("UPDATE person SET state = 'left' WHERE id = %s", [colleague.person.id])
    assert house.resolved(colleague.signed_in.token) is None


def test_the_first_administrator_cannot_take_a_colleagues_address(house: House, link_token: TokenOf) -> None:
    house.invited("anna@voorbeeld.example")
    link = first_link(house)
    assert link is not None
    newcomer = NewAdministrator(name="Mallory", email="anna@voorbeeld.example", language=Language.NL)
    with pytest.raises(Conflict, match="here already"):
        accept(house, link_token(link), newcomer=newcomer)


def test_a_proposal_that_is_too_old_gives_a_new_one(house: House) -> None:
    accepted = house.accepted(house.invited())
    actor = actor_of(accepted.person, accepted.session)
    given: dict[str, Any] = {"session": accepted.session, "keys": house.keys}
    first = factors.propose_totp(house.conn, actor, now=house.now, **given)
    same = factors.same_proposal(house.conn, actor, sealed=first.sealed, now=house.now, **given)
    assert same == first
    house.later(minutes=30)
    assert factors.same_proposal(house.conn, actor, sealed=first.sealed, now=house.now, **given).secret != first.secret


def test_an_installation_keeps_passwords_at_the_whole_cost(house: House, link_token: TokenOf) -> None:
    token = link_token(house.invited().link)
    accepted = invitations.accept(
        house.conn, ANONYMOUS, token=token, password="een zin over regen", client=house.client, now=house.now
    )
    assert "m=65536,t=3,p=4" in rows(house, "person_password")[0][1]
    assert isinstance(accepted, SecondFactorNeeded)
    signed_in = house.with_app(accepted)[0].signed_in
    assert signed_in is not None
    account.change_password(
        house.conn,
        actor_of(signed_in.person, signed_in.session),
        session=signed_in.session,
        current="een zin over regen",
        new="een nieuwe zin over zon",
        now=house.now,
    )
    assert "m=65536,t=3,p=4" in rows(house, "person_password")[0][1]


def test_a_password_hash_of_older_parameters_is_renewed_by_signing_in(house: House) -> None:
    colleague = house.colleague()
    assert "m=8,t=1,p=1" in rows(house, "person_password")[0][1]
    answer = sign_in.with_password(
        house.conn,
        ANONYMOUS,
        email=colleague.person.email,
        password=colleague.password,
        client=house.client,
        keys=house.keys,
        now=house.now,
    )
    assert isinstance(answer, SecondFactorNeeded)
    assert "m=65536,t=3,p=4" in rows(house, "person_password")[0][1]


def test_after_the_identity_provider_the_code_completes_its_sign_in(house: House, totp_code: Any) -> None:
    colleague = house.colleague()
    house.later(minutes=5)
    identity = ExternalIdentity(
        issuer="https://id.example",
        subject="a1",
        email=colleague.person.email,
        email_verified=True,
        second_factor_proven=False,
    )
    given: dict[str, Any] = {"client": house.client, "keys": house.keys, "now": house.now}
    needed = sign_in.with_identity(house.conn, ANONYMOUS, identity=identity, **given)
    assert isinstance(needed, SecondFactorNeeded)
    code = totp_code(colleague.secret, house.now)
    actor = actor_of(needed.person, needed.session)
    signed_in = sign_in.with_code(house.conn, actor, session=needed.session, code=code, **given)
    assert isinstance(signed_in, SignedIn)
    assert signed_in.session.means is SignInMeans.IDENTITY_PROVIDER
    assert account.identity_issuers(house.conn, colleague.actor) == ["https://id.example"]
