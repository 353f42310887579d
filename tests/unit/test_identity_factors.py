"""Codes of authenticator apps against the vectors of RFC 6238 and a second implementation; recovery codes."""

import os
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pyotp
import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st
from running.totp import code_of

from vangnet.identity.model.factors import (
    Factors,
    matching_totp_step,
    read_recovery_code,
    shown_recovery_code,
    totp_secret_as_text,
    totp_uri,
)

#: RFC 6238, appendix B, the SHA-1 rows: time and the last six of the eight digits.
VECTORS = [
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
    (20000000000, "353130"),
]
SECRET = b"12345678901234567890"


@pytest.mark.parametrize(("seconds", "code"), VECTORS)
def test_the_vectors_of_the_standard_match(seconds: int, code: str) -> None:
    at = datetime.fromtimestamp(seconds, UTC)
    assert matching_totp_step(SECRET, code, at, after_step=0) == seconds // 30
    assert code_of(totp_secret_as_text(SECRET), at) == code


@given(secret=st.binary(min_size=20, max_size=20), seconds=st.integers(0, 2**33))
def test_a_second_implementation_makes_the_same_codes(secret: bytes, seconds: int) -> None:
    at = datetime.fromtimestamp(seconds, UTC)
    code = code_of(totp_secret_as_text(secret), at)
    assert pyotp.TOTP(totp_secret_as_text(secret)).at(seconds) == code
    assert matching_totp_step(secret, code, at, after_step=-1) is not None


@given(secret=st.binary(min_size=20, max_size=20), seconds=st.integers(10**9, 2**33), off=st.integers(-5, 5))
def test_a_code_counts_in_its_own_step_and_the_two_beside_it(secret: bytes, seconds: int, off: int) -> None:
    at = datetime.fromtimestamp(seconds, UTC)
    step = seconds // 30 + off
    code = code_of(totp_secret_as_text(secret), datetime.fromtimestamp(step * 30, UTC))
    near = {pyotp.HOTP(totp_secret_as_text(secret)).at(seconds // 30 + near) for near in (-1, 0, 1)}
    assert (matching_totp_step(secret, code, at, after_step=0) is not None) == (code in near)


def test_a_step_that_was_used_counts_no_more() -> None:
    at = datetime.fromtimestamp(1111111109, UTC)
    assert matching_totp_step(SECRET, "081804", at, after_step=1111111109 // 30 - 1) == 1111111109 // 30
    assert matching_totp_step(SECRET, "081804", at, after_step=1111111109 // 30) is None


@pytest.mark.parametrize("typed", ["081 804", " 081804 ", "0\t81804"])
def test_white_space_in_a_code_does_not_matter(typed: str) -> None:
    assert matching_totp_step(SECRET, typed, datetime.fromtimestamp(1111111109, UTC), after_step=0) is not None


@pytest.mark.parametrize("typed", ["", "81804", "0081804", "08180x", "٠٨١٨٠٤", "-81804", "081804\x00"])
def test_what_has_not_six_digits_is_no_code(typed: str) -> None:
    assert matching_totp_step(SECRET, typed, datetime.fromtimestamp(1111111109, UTC), after_step=0) is None


def test_the_address_for_the_app_names_account_issuer_and_secret() -> None:
    uri = totp_uri(SECRET, account="anna@example.org", issuer="Vangnet Meldpunt Voorbeeld")
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert unquote(parts.path) == "/Vangnet Meldpunt Voorbeeld:anna@example.org"
    assert parse_qs(parts.query)["secret"] == [totp_secret_as_text(SECRET)]
    parsed = pyotp.parse_uri(uri)
    assert isinstance(parsed, pyotp.TOTP)
    assert parsed.at(1111111109) == "081804"
    assert segno.make(uri, error="m").designator.endswith("M")


@given(st.binary(min_size=10, max_size=10))
def test_a_recovery_code_is_read_as_it_was_shown(code: bytes) -> None:
    shown = shown_recovery_code(code)
    assert len(shown) == 19
    assert read_recovery_code(shown) == code
    assert read_recovery_code(shown.upper().replace("-", " ")) == code
    assert read_recovery_code(shown[:-1]) is None


@given(st.text(max_size=60))
def test_no_text_breaks_the_reading_of_a_recovery_code(text: str) -> None:
    code = read_recovery_code(text)
    assert code is None or len(code) == 10


@pytest.mark.parametrize(
    ("factors", "any_second"),
    [
        (Factors(totp=False, passkeys=0, recovery_codes=10), False),
        (Factors(totp=True, passkeys=0, recovery_codes=0), True),
        (Factors(totp=False, passkeys=1, recovery_codes=0), True),
    ],
)
def test_recovery_codes_alone_are_no_second_factor(factors: Factors, any_second: bool) -> None:
    assert factors.any is any_second


def test_a_code_is_good_for_90_seconds_at_most() -> None:
    secret = os.urandom(20)
    made = datetime(2026, 11, 21, 13, 2, 0, tzinfo=UTC)
    code = code_of(totp_secret_as_text(secret), made)
    good = [s for s in range(-120, 121) if matching_totp_step(secret, code, made + timedelta(seconds=s), after_step=0)]
    # 60 seconds more can only come from two steps that happen to have the same code.
    assert len(good) in {90, 120, 150, 180}
    assert set(range(-30, 60)) <= set(good)
