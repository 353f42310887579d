"""A request that an installation signs with its key, in place of a password. Pure.

The signature covers the method, the path with its query, who is asked, when, a number used once, and the body. Whoever
answers takes it for a few minutes, and each number once.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from vangnet.errors import SignatureRefused
from vangnet.keys import verifies

#: What is signed begins with its purpose, so that a signature made for one thing never counts for another.
REQUEST_PREFIX = b"vangnet request v1\n"
SCHEME = "Vangnet-Ed25519"
#: How far two clocks may be apart, and how long a signature can be used.
TAKEN_WITHIN = timedelta(minutes=5)
NONCE_BYTES = 16
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_PATTERN = re.compile(
    rf"{SCHEME} key=([0-9a-f]{{64}}), at=([0-9TZ:.\-]{{27}}), nonce=([0-9a-f]{{32}}), signature=([0-9a-f]{{128}})", re.ASCII
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """Who signed a request, when, and with which number; `require_signature` finds out whether it is true."""

    key: bytes = field(repr=False)
    at: datetime
    nonce: bytes = field(repr=False)
    signature: bytes = field(repr=False)


def sign_request(
    sign: Callable[[bytes], bytes],
    *,
    key: bytes,
    recipient: bytes,
    method: str,
    target: str,
    nonce: bytes,
    now: datetime,
    body: bytes = b"",
) -> str:
    """The value of the header `Authorization`. `target` is the path with its query; `recipient` the key of who is asked."""
    at = written(now)
    message = _message(method=method, target=target, recipient=recipient, at=at, nonce=nonce, body=body)
    return f"{SCHEME} key={key.hex()}, at={at}, nonce={nonce.hex()}, signature={sign(message).hex()}"


def read_authorization(header: str | None) -> SignedRequest:
    """What the header says. Nothing is proved by it yet. Raises SignatureRefused."""
    found = _PATTERN.fullmatch(header or "")
    if found is None:
        raise SignatureRefused(
            problem=f"the header `Authorization` must be like `{SCHEME} key=…, at=…, nonce=…, signature=…`"
        )
    key, at, nonce, signature = found.groups()
    try:
        moment = datetime.strptime(at, _TIME).replace(tzinfo=UTC)
    except ValueError:
        raise SignatureRefused(problem="its time must be like 2026-11-21T13:02:07.000000Z") from None
    return SignedRequest(key=bytes.fromhex(key), at=moment, nonce=bytes.fromhex(nonce), signature=bytes.fromhex(signature))


def require_signature(
    signed: SignedRequest, *, recipient: bytes, method: str, target: str, now: datetime, body: bytes = b""
) -> None:
    """Raises SignatureRefused unless that key signed exactly this request to `recipient`, a moment ago.

    Whether the number was used before is for whoever answers to remember, for twice `TAKEN_WITHIN`.
    """
    if abs(signed.at - now) > TAKEN_WITHIN:
        minutes = TAKEN_WITHIN // timedelta(minutes=1)
        raise SignatureRefused(
            problem=f"it was signed more than {minutes} minutes from our time: see that both clocks are right"
        )
    message = _message(
        method=method, target=target, recipient=recipient, at=written(signed.at), nonce=signed.nonce, body=body
    )
    if not verifies(signed.key, signed.signature, message):
        raise SignatureRefused(problem="it is not that key's signature of this request to us")


def written(at: datetime) -> str:
    """A time as the header has it: in UTC, with six decimals of the second."""
    return at.astimezone(UTC).strftime(_TIME)


def _message(*, method: str, target: str, recipient: bytes, at: str, nonce: bytes, body: bytes) -> bytes:
    digest = hashlib.sha256(body).hexdigest()
    lines = "\n".join([method, target, recipient.hex(), at, nonce.hex(), digest])
    return REQUEST_PREFIX + lines.encode()
