"""What people type is taken in one form, or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vangnet.errors import InvalidInput
from vangnet.identity.model.text import checked_base_url, checked_email, checked_line


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" Anna@Example.ORG ", "anna@example.org"),
        ("anna.visser+vangnet@mail.example.org", "anna.visser+vangnet@mail.example.org"),
        ("anna@localhost", "anna@localhost"),
        ("ANNA@BÜCHER.example", "anna@bücher.example"),
        ("u\u0308@example.org", "ü@example.org"),
    ],
)
def test_an_e_mail_address_is_kept_in_small_letters(typed: str, kept: str) -> None:
    assert checked_email(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "anna",
        "@example.org",
        "anna@",
        "anna@@example.org",
        "anna@b@example.org",
        "an na@example.org",
        "anna@exa mple.org",
        "anna@example..org",
        "anna@.org",
        "anna\n@example.org",
        "anna\x00@example.org",
        "x" * 65 + "@example.org",
        "anna@" + "x" * 260,
        "anna\u202e@example.org",
    ],
)
def test_what_is_no_e_mail_address_is_refused(typed: str) -> None:
    with pytest.raises(InvalidInput):
        checked_email(typed)


@given(st.emails())
def test_every_ordinary_address_is_taken_and_taking_it_twice_changes_nothing(email: str) -> None:
    if len(email) <= 254 and email.isprintable():
        assert checked_email(checked_email(email)) == checked_email(email)


@pytest.mark.parametrize(("typed", "kept"), [("  Anna \t Visser ", "Anna Visser"), ("A\nB", "A B"), ("é", "é")])
def test_a_line_is_tidied(typed: str, kept: str) -> None:
    assert checked_line(typed, field="name") == kept


@pytest.mark.parametrize("typed", ["", "   ", "\n", "x" * 121, "Anna\x00", "Anna\u202eneila", "Anna\u200b"])
def test_a_line_that_is_empty_too_long_or_hides_something_is_refused(typed: str) -> None:
    with pytest.raises(InvalidInput):
        checked_line(typed, field="name")


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("https://vangnet.example.org", "https://vangnet.example.org"),
        (" HTTPS://Vangnet.Example.ORG/ ", "https://vangnet.example.org"),
        ("https://vangnet.example.org:8443", "https://vangnet.example.org:8443"),
        ("http://127.0.0.1:8801", "http://127.0.0.1:8801"),
        ("http://localhost:8801/", "http://localhost:8801"),
        ("http://[::1]:8801", "http://[::1]:8801"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]"),
    ],
)
def test_the_address_of_an_installation_is_scheme_host_and_port(typed: str, kept: str) -> None:
    assert checked_base_url(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "vangnet.example.org",
        "ftp://vangnet.example.org",
        "https://",
        "https://vangnet.example.org/path",
        "https://vangnet.example.org?x",
        "https://vangnet.example.org#x",
        "https://anna:secret@vangnet.example.org",
        "https://vangnet.example.org:port",
        "https://vangnet.example.org:99999",
        "https://vangnet example.org",
        "https://vangnet.example.org\\elsewhere.example",
        "https://-vangnet.example.org",
        "https://" + "x" * 64 + ".example",
        "http://vangnet.example.org",
        "http://192.0.2.7",
        "http://127.0.0.1.elsewhere.example",
        "javascript:alert(1)",
        "https://[::1",
    ],
)
def test_any_other_address_is_refused(typed: str) -> None:
    with pytest.raises(InvalidInput):
        checked_base_url(typed)


@given(st.text(max_size=80))
def test_no_text_breaks_the_checks(text: str) -> None:
    for check in (checked_email, checked_base_url, lambda t: checked_line(t, field="name")):
        try:
            kept = check(text)
        except InvalidInput:
            continue
        assert check(kept) == kept
