"""What a password must be: long, and not tried first."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vangnet.errors import InvalidInput
from vangnet.identity.model.passwords import LONGEST, SHORTEST, check, normal_form
from vangnet.identity.service.password_hashes import PASSWORD_HASHES

hashed, matches = PASSWORD_HASHES.hashed, PASSWORD_HASHES.matches
WHO = {"name": "Anna de Visser", "email": "a.visser@meldpunt.example", "party_name": "Meldpunt Voorbeeld"}


@pytest.mark.parametrize(
    "password",
    [
        "een lange zin over regen",
        "12 letters !",
        "correct horse battery staples",
        "🔑🔑 key of mine, not yours",
        "wachtwoord voor het nieuwe huis",
        "anna's lievelingstaart met peer",
        "x" * 6 + "y" * 6 + "zebra",
    ],
)
def test_a_password_that_is_long_and_not_tried_first_is_taken(password: str) -> None:
    check(password, **WHO)


@pytest.mark.parametrize(
    "password",
    [
        "wachtwoord123",
        "Welkom2026!!",
        "WELKOM-2026-WELKOM",
        "password12345",
        "P@ssw0rd!!!!",
        "qwertyuiop12",
        "2026Wachtwoord2026",
        "aaaaaaaaaaaa",
        "abcabcabcabcabc",
        "123456789012",
        "098765432109",
        "abcdefghijklm",
        "zyxwvutsrqponm",
        "1212121212121212",
        "Vangnet-2026!",
    ],
)
def test_a_password_that_is_tried_first_is_refused(password: str) -> None:
    with pytest.raises(InvalidInput, match=r"tried first|your name"):
        check(password, **WHO)


@pytest.mark.parametrize(
    "password",
    [
        "a.visser@meldpunt.example",
        "A.Visser@Meldpunt.Example!",
        "annadevisser",
        "Anna-de-Visser-1",
        "meldpuntvoorbeeld",
        "Meldpunt Voorbeeld 26",
        "visser-visser",
        "Voorbeeld2026",
        "meldpunt.example",
    ],
)
def test_ones_own_name_address_or_party_is_refused(password: str) -> None:
    with pytest.raises(InvalidInput):
        check(password, **WHO)


@pytest.mark.parametrize(
    ("length", "taken"), [(SHORTEST - 1, False), (SHORTEST, True), (LONGEST, True), (LONGEST + 1, False)]
)
def test_the_length_is_between_twelve_and_256(length: int, taken: bool) -> None:
    password = ("een lange zin over regen en " * 20)[:length]
    assert len(password) == length
    if taken:
        check(password, **WHO)
    else:
        with pytest.raises(InvalidInput, match=r"12|256"):
            check(password, **WHO)


def test_before_the_set_up_there_is_no_party_name_to_refuse() -> None:
    check("een lange zin over regen", name="Anna", email="anna@example.org", party_name="")


@given(st.text(min_size=12, max_size=300))
def test_a_refusal_never_repeats_the_password(password: str) -> None:
    refusals = []
    try:
        check(password, **WHO)
    except InvalidInput as error:
        refusals.append(str(error))
    assert not any(password in refusal for refusal in refusals)


def test_another_keyboard_gives_the_same_password() -> None:
    assert normal_form("cafe\u0301 ﬁets") == normal_form("caf\u00e9 fiets")


def test_a_hash_is_argon2id_with_64_mebibytes_and_matches_its_password_alone() -> None:
    password_hash = hashed("een lange zin over regen")
    assert password_hash.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert matches(password_hash, "een lange zin over regen")
    assert not matches(password_hash, "een lange zin over Regen")
    assert hashed("een lange zin over regen") != password_hash
    assert not PASSWORD_HASHES.is_outdated(password_hash)
    assert PASSWORD_HASHES.is_outdated(
        "$argon2id$v=19$m=1024,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$WbIIBSqPZDLWAHuEJjhdPhzcKWI0QDtcjBf8pmwZ6Jw"
    )


def test_nobodys_password_matches_nothing() -> None:
    assert not matches(None, "a password that nobody has")
    assert not matches(None, "")


def test_whether_somebody_has_a_password_cannot_be_told_by_the_work_it_takes() -> None:
    somebodys = hashed("een lange zin over regen")

    def work(password_hash: str | None) -> float:
        # The processor's time of the whole process, the least of three: what else the machine does counts little.
        times = []
        for _ in range(3):
            before = time.process_time()
            matches(password_hash, "een lange zin over zon")
            times.append(time.process_time() - before)
        return min(times)

    work(None)
    assert 0.5 < work(None) / work(somebodys) < 2


def test_more_than_the_longest_is_not_cut_off_and_taken() -> None:
    longest = "x" * LONGEST
    assert matches(hashed(longest), longest)
    assert not matches(hashed(longest), longest + "y")
