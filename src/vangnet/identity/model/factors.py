"""Second factors: codes of an authenticator app (TOTP, RFC 6238), passkeys (WebAuthn) and recovery codes.

Rules only: nothing here keeps a secret, and what is random is made by the services.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import pyotp

from vangnet.identity.model.sessions import SignedIn

#: Every authenticator app knows these values; others are often ignored by them (RFC 6238, section 4).
TOTP_STEP_S = 30
TOTP_SECRET_BYTES = 20
#: A code of the step before or after counts too: clocks differ, and people type slowly (RFC 6238, section 5.2).
TOTP_WINDOW = 1
#: How long a proposed secret can be confirmed.
PROPOSAL_LASTS = timedelta(minutes=30)
#: How long a browser may take to answer a passkey challenge.
CHALLENGE_LASTS = timedelta(minutes=5)

RECOVERY_CODES = 10
#: 80 random bits each: more than anybody can guess, so a plain digest keeps them safe.
RECOVERY_CODE_BYTES = 10
MOST_PASSKEYS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Totp:
    """A confirmed authenticator app; the secret is sealed with the installation's keys."""

    person_id: UUID
    sealed_secret: bytes = field(repr=False)
    #: The step of the last code that was taken: a code counts once.
    last_step: int
    confirmed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TotpProposal:
    """A secret that somebody is shown, and that counts once a code made with it was given."""

    #: The secret with its owner and time, sealed: it travels through the form, nothing is stored before it is confirmed.
    sealed: str = field(repr=False)
    #: As typed into an app by hand.
    secret: str = field(repr=False)
    #: As scanned by an app.
    uri: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """A key pair on somebody's device; we have the public half."""

    id: UUID
    person_id: UUID
    credential_id: bytes = field(repr=False)
    public_key: bytes = field(repr=False)
    #: Goes up with each use on devices that count; going down would mean a copy (WebAuthn level 3, section 6.1.1).
    sign_count: int
    name: str
    added_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceremony:
    """A passkey exchange under way: what the browser is asked, and our sealed memory of it."""

    options: str
    sealed: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorAdded:
    """A second factor was added. Where it was owed for the sign-in, that is complete by it."""

    #: Shown this once; empty where the person has unused ones.
    recovery_codes: tuple[str, ...] = field(repr=False)
    signed_in: SignedIn | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """What somebody has beside a password."""

    totp: bool
    passkeys: int
    recovery_codes: int

    @property
    def any(self) -> bool:
        """Whether there is a second factor. Recovery codes replace one for an hour of need; they are none."""
        return self.totp or self.passkeys > 0


def totp_secret_as_text(secret: bytes) -> str:
    """Base32, as apps take it."""
    return base64.b32encode(secret).decode().rstrip("=")


def totp_uri(secret: bytes, *, account: str, issuer: str) -> str:
    """The address behind the QR code, in the form that authenticator apps agreed on."""
    return pyotp.TOTP(totp_secret_as_text(secret)).provisioning_uri(name=account, issuer_name=issuer)


def matching_totp_step(secret: bytes, code: str, now: datetime, *, after_step: int) -> int | None:
    """The step that `code` belongs to, or None where it belongs to none in the window, or to one that was used already."""
    digits = "".join(code.split())
    if not (len(digits) == 6 and digits.isascii() and digits.isdigit()):
        return None
    totp = pyotp.TOTP(totp_secret_as_text(secret))
    current = int(now.timestamp()) // TOTP_STEP_S
    for step in range(current - TOTP_WINDOW, current + TOTP_WINDOW + 1):
        if step > after_step and hmac.compare_digest(totp.generate_otp(step), digits):
            return step
    return None


def shown_recovery_code(code: bytes) -> str:
    """`abcd-efgh-ijkl-mnop`: what fits on paper and can be read aloud."""
    text = base64.b32encode(code).decode().lower()
    return "-".join(text[i : i + 4] for i in range(0, len(text), 4))


def read_recovery_code(text: str) -> bytes | None:
    """The code as typed, hyphens and capitals as they come; None where it has not the shape of one."""
    letters = "".join(text.split()).replace("-", "").upper()
    try:
        code = base64.b32decode(letters)
    except (binascii.Error, ValueError):
        return None
    return code if len(code) == RECOVERY_CODE_BYTES else None
