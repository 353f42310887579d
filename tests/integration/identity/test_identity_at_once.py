"""What happens when two do the same thing at the same moment. Each test has a database of its own, with commits."""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from running.passwords import CHEAP_HASHES

from vangnet.audit.model import Actor
from vangnet.db import Database
from vangnet.errors import Conflict, TooManyAttempts
from vangnet.identity.model import ANONYMOUS, InstallationKind, Language, Refused, SecondFactorNeeded, SignedIn
from vangnet.identity.model.attempts import AttemptKind
from vangnet.identity.model.sessions import actor_of
from vangnet.identity.permissions import Role
from vangnet.identity.service import attempts, installation, invitations, links, people, sign_in

House = Any
NewHouse = Callable[..., House]
URL = "http://localhost:8800"


def all_at_once(*deeds: Callable[[], Any]) -> list[Any]:
    """What each gave, or the error that it ended in. They start together."""
    barrier = threading.Barrier(len(deeds))
    outcomes: list[Any] = [None] * len(deeds)

    def run(number: int, deed: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            outcomes[number] = deed()
        except (Conflict, TooManyAttempts, psycopg.Error) as error:
            outcomes[number] = error

    threads = [threading.Thread(target=run, args=(number, deed)) for number, deed in enumerate(deeds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def kinds(outcomes: Sequence[Any]) -> list[str]:
    return sorted(type(outcome).__name__ for outcome in outcomes)


@pytest.fixture
def prepared(database: Database, house_on: NewHouse, administrator: Actor, now: datetime) -> tuple[Database, House, Any]:
    """A database with a set-up installation and one administrator."""
    with database.transaction() as conn:
        installation.set_up(
            conn, administrator, kind=InstallationKind.HOTLINE, party_name="x", language=Language.NL, now=now
        )
        house = house_on(conn)
        anna = house.colleague("anna@voorbeeld.example", Role.ADMINISTRATOR)
    return database, house, anna


def test_two_administrators_who_leave_at_once_do_not_both_go(prepared: Any, administrator: Actor, now: datetime) -> None:
    database, house, anna = prepared
    with database.transaction() as conn:
        house.conn = conn
        bram = house.colleague("bram@voorbeeld.example", Role.ADMINISTRATOR)

    def leave(person_id: Any) -> object:
        with database.transaction() as conn:
            return people.leave(conn, administrator, person_id=person_id, now=now)

    outcomes = all_at_once(lambda: leave(anna.person.id), lambda: leave(bram.person.id))
    assert kinds(outcomes) == ["Conflict", "Person"]


def test_an_invitation_lets_one_of_two_in(prepared: Any, link_token: Callable[[str], str], now: datetime) -> None:
    database, house, _ = prepared
    with database.transaction() as conn:
        house.conn = conn
        token = link_token(house.invited("cleo@voorbeeld.example").link)

    def accept() -> object:
        with database.transaction() as conn:
            return invitations.accept(
                conn,
                ANONYMOUS,
                token=token,
                password="een lange zin over zon",
                client=house.client,
                now=now,
                hashes=CHEAP_HASHES,
            )

    assert kinds(all_at_once(accept, accept, accept)) == ["Refused", "Refused", "SecondFactorNeeded"]


def test_a_code_and_a_recovery_code_let_one_of_two_in(prepared: Any, totp_code: Any) -> None:
    database, house, anna = prepared
    house.later(minutes=5)

    def half() -> SecondFactorNeeded:
        with database.transaction() as conn:
            needed = sign_in.with_password(
                conn,
                ANONYMOUS,
                email=anna.person.email,
                password=anna.password,
                client=house.client,
                keys=house.keys,
                now=house.now,
                hashes=CHEAP_HASHES,
            )
        assert isinstance(needed, SecondFactorNeeded)
        return needed

    def finish(how: Any, needed: SecondFactorNeeded, code: str) -> Callable[[], object]:
        def deed() -> object:
            with database.transaction() as conn:
                return how(
                    conn,
                    actor_of(needed.person, needed.session),
                    session=needed.session,
                    code=code,
                    client=house.client,
                    keys=house.keys,
                    now=house.now,
                )

        return deed

    code = totp_code(anna.secret, house.now)
    first = all_at_once(*(finish(sign_in.with_code, half(), code) for _ in range(2)))
    second = all_at_once(*(finish(sign_in.with_recovery_code, half(), anna.recovery_codes[0]) for _ in range(2)))
    for outcomes in (first, second):
        assert sum(isinstance(outcome, SignedIn) for outcome in outcomes) == 1
        # The other came while the first was under way, or after it.
        assert all(isinstance(outcome, SignedIn | Refused | TooManyAttempts) for outcome in outcomes)


def test_a_link_for_two_uses_lets_two_of_four_in(prepared: Any, link_token: Any, administrator: Actor) -> None:
    database, house, anna = prepared
    with database.transaction() as conn:
        made = links.make_link(conn, administrator, email=anna.person.email, uses=2, base_url=URL, now=house.now)

    def follow() -> object:
        with database.transaction() as conn:
            return sign_in.with_link(
                conn, ANONYMOUS, token=link_token(made), client=house.client, keys=house.keys, now=house.now
            )

    assert kinds(all_at_once(*[follow] * 4)) == ["Refused", "Refused", "SignedIn", "SignedIn"]


def test_many_guesses_at_once_are_no_more_than_are_free_one_by_one(prepared: Any) -> None:
    database, house, anna = prepared

    def guess() -> object:
        with database.transaction() as conn:
            return sign_in.with_password(
                conn,
                ANONYMOUS,
                email=anna.person.email,
                password="not the password",
                client=house.client,
                keys=house.keys,
                now=house.now,
                hashes=CHEAP_HASHES,
            )

    taken = 0
    for _ in range(4):
        taken += sum(isinstance(outcome, Refused) for outcome in all_at_once(*[guess] * 6))
    assert 1 <= taken <= 5


def test_while_one_attempt_is_under_way_the_next_hears_to_come_back(prepared: Any) -> None:
    database, _, _ = prepared
    counted = [attempts.subject(AttemptKind.CODE, "somebody")]
    moment = datetime(2026, 11, 21, tzinfo=UTC)
    with database.transaction() as first, database.transaction() as second:
        attempts.begin(first, counted, now=moment)
        with pytest.raises(TooManyAttempts) as caught:
            attempts.begin(second, counted, now=moment)
        attempts.begin(second, [attempts.subject(AttemptKind.CODE, "somebody else")], now=moment)
    assert caught.value.retry_after_s == 1
    with database.transaction() as third:
        attempts.begin(third, counted, now=moment)


def test_one_of_two_set_ups_wins(database: Database, administrator: Actor, now: datetime) -> None:
    def set_up(kind: InstallationKind) -> object:
        with database.transaction() as conn:
            return installation.set_up(conn, administrator, kind=kind, party_name="x", language=Language.NL, now=now)

    outcomes = all_at_once(lambda: set_up(InstallationKind.POLICE), lambda: set_up(InstallationKind.HOTLINE))
    assert kinds(outcomes) == ["Conflict", "Installation"]


def test_the_limit_on_guessing_outlives_a_restart(prepared: Any, house_on: NewHouse) -> None:
    database, house, anna = prepared
    for _ in range(5):
        with database.transaction() as conn:
            house.conn = conn
            answer = sign_in.with_password(
                conn,
                ANONYMOUS,
                email=anna.person.email,
                password="not the password",
                client=house.client,
                keys=house.keys,
                now=house.now,
                hashes=CHEAP_HASHES,
            )
            assert answer == Refused()
    with Database(database.conninfo) as restarted, pytest.raises(TooManyAttempts), restarted.transaction() as conn:
        sign_in.with_password(
            conn,
            ANONYMOUS,
            email=anna.person.email,
            password=anna.password,
            client=house.client,
            keys=house.keys,
            now=house.now,
            hashes=CHEAP_HASHES,
        )
