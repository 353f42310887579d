"""The pure rules of people, sessions, attempts, parties and keys."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vangnet.audit.model import ActorKind
from vangnet.errors import Conflict, InvalidInput, InvalidTransition, PermissionDenied
from vangnet.identity.model import (
    ApiKey,
    Grant,
    GrantedRight,
    Language,
    LegalBasis,
    Party,
    PartyKind,
    PartyState,
    Person,
    PersonState,
    Session,
    SessionStage,
    SignInMeans,
    Theme,
)
from vangnet.identity.model import api_keys as key_rules
from vangnet.identity.model import attempts as attempt_rules
from vangnet.identity.model import parties as party_rules
from vangnet.identity.model import people as people_rules
from vangnet.identity.model import sessions as session_rules
from vangnet.identity.model.attempts import LIMITS, AttemptKind, Attempts, Limit
from vangnet.identity.permissions import (
    CONSOLE_ONLY,
    EVERYBODY,
    KEY_SCOPES,
    NOT_FOR_PEOPLE,
    OWN_ACCOUNT,
    PARTY_KEY_SCOPES,
    ROLE_PERMISSIONS,
    Permission,
    Role,
    permissions_of,
)

NOW = datetime(2026, 11, 21, 13, 2, 7, tzinfo=UTC)
ANNA = UUID(int=1)


def person(**changed: object) -> Person:
    values: dict[str, object] = {
        "id": ANNA,
        "name": "Kanarievogel",
        "email": "kanarievogel@example.org",
        "language": Language.NL,
        "theme": Theme.SYSTEM,
        "roles": frozenset({Role.STAFF}),
        "state": PersonState.ACTIVE,
        "invited_at": NOW,
    }
    return Person(**(values | changed))  # type: ignore[arg-type]


def session(**changed: object) -> Session:
    values: dict[str, object] = {
        "id": UUID(int=2),
        "person_id": ANNA,
        "stage": SessionStage.WHOLE,
        "means": SignInMeans.PASSKEY,
        "created_at": NOW,
        "whole_at": NOW,
        "last_seen_at": NOW,
        "user_agent": "Firefox, Linux",
    }
    return Session(**(values | changed))  # type: ignore[arg-type]


def party(**changed: object) -> Party:
    values: dict[str, object] = {
        "id": UUID(int=3),
        "name": "Wolkenhuis",
        "kind": PartyKind.PROVIDER,
        "state": PartyState.KNOWN,
        "introduced_at": NOW,
        "legal_basis": LegalBasis(text="an agreement", reference="2026", ends_on=date(2026, 12, 31)),
    }
    return Party(**(values | changed))  # type: ignore[arg-type]


def key(**changed: object) -> ApiKey:
    values: dict[str, object] = {
        "id": UUID(int=4),
        "prefix": "abcdefgh",
        "name": "gate",
        "party_id": None,
        "scopes": frozenset({Permission.JOB_READ}),
        "issued_at": NOW,
        "issued_by": "console:0",
        "expires_at": NOW + timedelta(days=365),
    }
    return ApiKey(**(values | changed))  # type: ignore[arg-type]


# --- permissions ---------------------------------------------------------------------------------------------------


def test_every_permission_is_a_roles_or_has_a_stated_reason_not_to_be() -> None:
    of_roles = frozenset[Permission]().union(*ROLE_PERMISSIONS.values())
    apart = NOT_FOR_PEOPLE | CONSOLE_ONLY | OWN_ACCOUNT
    assert of_roles | apart == set(Permission)
    assert not of_roles & apart


def test_the_resource_me_is_what_one_does_with_ones_own_account() -> None:
    assert {permission for permission in Permission if permission.startswith("me:")} == OWN_ACCOUNT
    assert EVERYBODY <= OWN_ACCOUNT
    assert permissions_of(frozenset()) == EVERYBODY


def test_an_auditor_changes_nothing() -> None:
    assert {permission.split(":")[1] for permission in ROLE_PERMISSIONS[Role.AUDITOR]} == {"read"}


def test_a_key_can_make_nobody_more_than_they_are() -> None:
    assert not KEY_SCOPES & {Permission.KEY_ISSUE, Permission.PERSON_INVITE, Permission.PERSON_UPDATE}
    assert not KEY_SCOPES & (NOT_FOR_PEOPLE | CONSOLE_ONLY | OWN_ACCOUNT)
    assert PARTY_KEY_SCOPES < KEY_SCOPES


def test_a_permission_reads_resource_then_action() -> None:
    assert all(len(permission.split(":")) == 2 for permission in Permission)
    assert list(Permission) == sorted(Permission)


# --- people --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("current", list(PersonState))
@pytest.mark.parametrize("requested", list(PersonState))
def test_a_person_goes_only_where_the_table_says(current: PersonState, requested: PersonState) -> None:
    allowed = {("invited", "active"), ("invited", "left"), ("active", "left"), ("left", "invited")}
    if (current, requested) in allowed:
        assert people_rules.moved(current, requested) is requested
    else:
        with pytest.raises(InvalidTransition):
            people_rules.moved(current, requested)


def test_the_last_administrator_stays() -> None:
    with pytest.raises(Conflict):
        people_rules.require_another_administrator([ANNA], ANNA)
    people_rules.require_another_administrator([ANNA, UUID(int=9)], ANNA)
    people_rules.require_another_administrator([UUID(int=9)], ANNA)
    people_rules.require_another_administrator([], ANNA)


def test_nobody_works_here_without_a_role() -> None:
    with pytest.raises(InvalidInput):
        people_rules.checked_roles(frozenset())


def test_nothing_that_names_a_person_is_in_their_repr() -> None:
    assert "anarievogel" not in repr(person())
    assert "anarievogel" not in repr(party(contact_name="Kanarievogel", contact_email="kanarievogel@example.org"))


def test_a_second_factor_can_be_set_up_until_the_time_is_over() -> None:
    assert not people_rules.enrolment_open(person(), NOW)
    assert people_rules.enrolment_open(person(enrolment_ends_at=NOW + timedelta(seconds=1)), NOW)
    assert not people_rules.enrolment_open(person(enrolment_ends_at=NOW), NOW)


# --- sessions ------------------------------------------------------------------------------------------------------


def test_a_half_session_allows_to_finish_and_a_whole_one_what_the_roles_allow() -> None:
    half = session_rules.actor_of(person(), session(stage=SessionStage.PASSWORD_PROVEN, whole_at=None))
    whole = session_rules.actor_of(person(), session())
    assert (half.kind, half.id) == (ActorKind.PERSON, str(ANNA))
    assert half.permissions == frozenset({Permission.ME_SIGN_IN})
    assert whole.permissions == ROLE_PERMISSIONS[Role.STAFF] | EVERYBODY


@given(idle=st.integers(0, 200), age=st.integers(0, 2000))
def test_a_session_counts_within_both_limits_and_not_at_them(idle: int, age: int) -> None:
    one = session(created_at=NOW - timedelta(minutes=age), last_seen_at=NOW - timedelta(minutes=idle))
    assert session_rules.counts(one, NOW, idle_minutes=30, hours=12) is (idle < 30 and age < 720)


def test_a_sign_in_is_recent_for_a_quarter_of_an_hour() -> None:
    session_rules.require_recent(session(), NOW + timedelta(minutes=15, seconds=-1))
    with pytest.raises(Conflict):
        session_rules.require_recent(session(), NOW + timedelta(minutes=15))
    with pytest.raises(Conflict):
        session_rules.require_recent(session(stage=SessionStage.PASSWORD_PROVEN, whole_at=None), NOW)


@pytest.mark.parametrize(
    ("header", "shown"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140 Safari/537.36", "Chrome, Windows"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140 Safari/537.36 Edg/140", "Edge, Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile Safari/604.1", "Safari, iOS"),
        ("Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 Chrome/140 Mobile Safari/537.36", "Chrome, Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/19.0 Safari/605.1.15", "Safari, macOS"),
        ("curl/8.5.0", "curl"),
        (None, "unknown"),
        ("", "unknown"),
        ("<script>alert(1)</script>", "unknown"),
    ],
)
def test_a_browser_is_kept_as_its_owner_recognises_it(header: str | None, shown: str) -> None:
    assert session_rules.short_user_agent(header) == shown


@given(st.text(max_size=2000))
def test_no_header_gives_more_than_two_words_of_ours(header: str) -> None:
    assert len(session_rules.short_user_agent(header)) <= len("Firefox, Android")


# --- attempts ------------------------------------------------------------------------------------------------------


@given(st.sampled_from(AttemptKind), st.integers(0, 10**9))
def test_waits_begin_after_the_free_failures_never_shrink_and_have_a_longest(kind: AttemptKind, failures: int) -> None:
    limit = LIMITS[kind]
    wait = attempt_rules.wait_s(limit, failures)
    assert (wait == 0) is (failures < limit.free)
    assert wait <= limit.longest_wait_s
    assert wait <= attempt_rules.wait_s(limit, failures + 1)


def test_each_further_failure_doubles_the_wait() -> None:
    limit = Limit(free=3, first_wait_s=2, longest_wait_s=100, forget_after=timedelta(hours=1))
    assert [attempt_rules.wait_s(limit, n) for n in range(10)] == [0, 0, 0, 2, 4, 8, 16, 32, 64, 100]


def test_the_rest_of_a_wait_is_rounded_up() -> None:
    attempts = Attempts(failures=9, last_failed_at=NOW, blocked_until=NOW + timedelta(seconds=10))
    assert attempt_rules.retry_after_s(attempts, NOW) == 10
    assert attempt_rules.retry_after_s(attempts, NOW + timedelta(seconds=9, milliseconds=1)) == 1
    assert attempt_rules.retry_after_s(attempts, NOW + timedelta(seconds=10)) == 0
    assert attempt_rules.retry_after_s(attempts, NOW + timedelta(days=1)) == 0


def test_what_remains_for_a_guesser_who_knows_the_password_is_as_documented() -> None:
    """docs/howto/people-and-roles.md: about a hundred codes a day, so one day in three thousand."""
    limit = LIMITS[AttemptKind.CODE]
    waited, guesses = 0, 0
    while waited < 24 * 3600:
        guesses += 1
        waited += attempt_rules.wait_s(limit, guesses)
    assert 90 <= guesses <= 110
    assert 3000 <= 1_000_000 / (3 * guesses) <= 3700


def test_the_documented_limits_are_the_ones_that_hold() -> None:
    page = (Path(__file__).parents[2] / "docs" / "howto" / "people-and-roles.md").read_text(encoding="utf-8")
    counted = page.partition("## When somebody has to wait")[2]
    shown = re.findall(r"^\| .* \| (\d+) \| (\d+) s \| (\d+) min \| (\d+) h \|$", counted, re.MULTILINE)
    documented = sorted(tuple(map(int, row)) for row in shown)
    # Introductions of other installations are told on the page about hand-offs.
    assert documented == sorted(
        (limit.free, limit.first_wait_s, limit.longest_wait_s // 60, int(limit.forget_after.total_seconds()) // 3600)
        for kind, limit in LIMITS.items()
        if kind is not AttemptKind.INTRODUCTION
    )


def test_an_account_can_be_held_up_from_everywhere_for_a_minute_at_most() -> None:
    assert LIMITS[AttemptKind.ACCOUNT].longest_wait_s <= 60


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("testclient", "testclient"),
        ("x" * 100, "x" * 64),
    ],
)
def test_a_client_is_told_by_its_network(address: str, network: str) -> None:
    assert attempt_rules.network_of(address) == network


# --- parties -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("current", list(PartyState))
@pytest.mark.parametrize("requested", list(PartyState))
def test_a_party_goes_only_where_the_table_says(current: PartyState, requested: PartyState) -> None:
    allowed = {("proposed", "known"), ("proposed", "ended"), ("known", "ended")}
    if (current, requested) in allowed:
        assert party_rules.moved(current, requested) is requested
    else:
        with pytest.raises(InvalidTransition):
            party_rules.moved(current, requested)


@pytest.mark.parametrize(
    ("at", "holds"),
    [
        (datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 12, 31, 23, 0, 0, tzinfo=UTC), False),  # It is 2027 in the Netherlands.
        (datetime(2026, 1, 1, tzinfo=UTC), True),
    ],
)
def test_a_legal_basis_holds_through_its_last_day_in_the_netherlands(at: datetime, holds: bool) -> None:
    assert party_rules.basis_holds(party().legal_basis, at) is holds
    assert not party_rules.basis_holds(None, at)


def test_a_basis_of_yesterday_is_refused_and_one_of_today_is_taken() -> None:
    basis = party_rules.checked_basis(text=" an  agreement ", reference="2026", ends_on=date(2026, 11, 21), now=NOW)
    assert basis.text == "an agreement"
    with pytest.raises(InvalidInput):
        party_rules.checked_basis(text="an agreement", reference="2026", ends_on=date(2026, 11, 20), now=NOW)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_public_key_has_32_bytes(length: int) -> None:
    assert party_rules.checked_public_key(bytes(32)) == bytes(32)
    with pytest.raises(InvalidInput):
        party_rules.checked_public_key(bytes(length))


@pytest.mark.parametrize(
    ("grant", "whose", "holds"),
    [
        ({}, {}, True),
        ({"until": date(2026, 11, 21)}, {}, True),
        ({"until": date(2026, 11, 20)}, {}, False),
        ({"withdrawn_at": NOW}, {}, False),
        ({}, {"state": PartyState.ENDED}, False),
        ({}, {"state": PartyState.PROPOSED}, False),
    ],
)
def test_a_grant_counts_in_time_not_withdrawn_and_of_a_known_party(
    grant: dict[str, object], whose: dict[str, object], holds: bool
) -> None:
    given = Grant(
        id=uuid4(),
        party_id=UUID(int=3),
        right=GrantedRight.LIST_SUPPLIER,
        given_by="console:0",
        given_at=NOW,
        until=None,
        withdrawn_at=None,
    )
    assert party_rules.grant_holds(replace(given, **grant), party(**whose), NOW) is holds  # type: ignore[arg-type]


# --- keys ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "whose", "counts"),
    [
        ({}, None, True),
        ({"expires_at": NOW}, None, False),
        ({"expires_at": NOW + timedelta(seconds=1)}, None, True),
        ({"revoked_at": NOW}, None, False),
        ({"party_id": UUID(int=3)}, party(), True),
        ({"party_id": UUID(int=3)}, None, False),
        ({"party_id": UUID(int=3)}, party(state=PartyState.ENDED), False),
        ({"party_id": UUID(int=3)}, party(state=PartyState.PROPOSED), False),
        ({"party_id": UUID(int=3)}, party(legal_basis=None), False),
        (
            {"party_id": UUID(int=3)},
            party(legal_basis=LegalBasis(text="x", reference="x", ends_on=date(2026, 11, 20))),
            False,
        ),
    ],
    ids=range(10),
)
def test_a_key_counts_while_it_and_its_party_do(what: dict[str, object], whose: Party | None, counts: bool) -> None:
    assert key_rules.counts(key(**what), whose, NOW) is counts


def test_a_key_is_read_as_it_was_written() -> None:
    text = key_rules.written("abcdefgh", "x" * 52)
    assert text == "vangnet_abcdefgh_" + "x" * 52
    assert key_rules.read(text) == ("abcdefgh", "x" * 52)


@given(st.text(max_size=90))
def test_no_text_breaks_the_reading_of_a_key(text: str) -> None:
    assert key_rules.read(text) is None or text.startswith("vangnet_")


@pytest.mark.parametrize("scopes", [set(), {Permission.KEY_ISSUE}, {Permission.PERSON_LINK}, {Permission.ME_UPDATE}])
def test_a_key_with_no_scope_or_one_that_no_key_can_have_is_refused(scopes: set[Permission]) -> None:
    with pytest.raises(InvalidInput):
        key_rules.check_scopes(frozenset(scopes), own=frozenset(Permission), for_party=False)


def test_nobody_gives_a_key_more_than_they_have_and_a_party_gets_less() -> None:
    key_rules.check_scopes(frozenset({Permission.JOB_READ}), own=frozenset({"job:read"}), for_party=False)
    with pytest.raises(PermissionDenied):
        key_rules.check_scopes(frozenset({Permission.JOB_READ}), own=frozenset({"job:retry"}), for_party=False)
    with pytest.raises(InvalidInput):
        key_rules.check_scopes(frozenset({Permission.JOB_READ}), own=frozenset(Permission), for_party=True)


def test_a_key_expires_in_the_future_and_within_two_years() -> None:
    assert key_rules.checked_expiry(NOW + timedelta(days=731), NOW) == NOW + timedelta(days=731)
    for expires_at in (NOW, NOW - timedelta(days=1), NOW + timedelta(days=731, seconds=1)):
        with pytest.raises(InvalidInput):
            key_rules.checked_expiry(expires_at, NOW)
