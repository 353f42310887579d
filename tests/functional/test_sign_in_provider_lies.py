"""What a provider, or somebody between it and us, may say without being believed. A provider of the test's own lies."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from pydantic import SecretStr

from vangnet.config import Settings
from vangnet.errors import PartnerFailed
from vangnet.keys import Keys
from vangnet.web.oidc import Departure, IdentityProvider, JourneyLost

NOW = datetime(2026, 11, 21, 13, 2, 7, tzinfo=UTC)
CLIENT_ID = "vangnet"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@dataclass(kw_only=True)
class Liar:
    """A provider whose answers a test bends."""

    issuer: str = ""
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048))
    nonce: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    configuration: dict[str, Any] = field(default_factory=dict)
    token: Callable[["Liar"], str] = lambda liar: liar.signed(liar.right_claims())
    userinfo: dict[str, Any] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    status: dict[str, int] = field(default_factory=dict)
    raw: dict[str, bytes] = field(default_factory=dict)
    bodies: dict[str, str] = field(default_factory=dict)
    authorizations: dict[str, str | None] = field(default_factory=dict)

    def right_claims(self) -> dict[str, Any]:
        """What an honest ID token says, with what the test changed."""
        honest = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": "a1",
            "exp": int(NOW.timestamp()) + 300,
            "iat": int(NOW.timestamp()),
            "nonce": self.nonce,
            "email": "anna@kanarie.example",
            "email_verified": True,
        }
        return {name: value for name, value in (honest | self.claims).items() if value is not ...}

    def signed(self, claims: dict[str, Any], key: rsa.RSAPrivateKey | None = None, **header: Any) -> str:
        """An RS256 token, put together by hand."""
        head = b64(json.dumps({"alg": "RS256", "kid": "k1"} | header).encode())
        text = f"{head}.{b64(json.dumps(claims).encode())}"
        signature = (key or self.key).sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{b64(signature)}"

    def jwk(self) -> dict[str, str]:
        """The public half of its key."""
        numbers = self.key.public_key().public_numbers()
        return {"kty": "RSA", "kid": "k1", "alg": "RS256", "use": "sig", "n": b64(numbers.n.to_bytes(256)), "e": "AQAB"}

    def answer(self, path: str) -> Any:
        """What stands at an address."""
        match path:
            case "/.well-known/openid-configuration":
                return {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{self.issuer}/auth?fixed=1",
                    "token_endpoint": f"{self.issuer}/token",
                    "userinfo_endpoint": f"{self.issuer}/userinfo",
                    "jwks_uri": f"{self.issuer}/jwks",
                } | self.configuration
            case "/jwks":
                return {"keys": [self.jwk()]}
            case "/token":
                return {"access_token": "at", "token_type": "Bearer", "id_token": self.token(self)}
            case "/userinfo":
                return self.userinfo
        return None


@pytest.fixture
def liar() -> Iterator[Liar]:
    """A provider on loopback."""
    it = Liar()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            it.requests.append(self.path)
            it.bodies[self.path] = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            it.authorizations[self.path] = self.headers.get("authorization")
            body = it.raw.get(self.path, json.dumps(it.answer(self.path)).encode())
            self.send_response(it.status.get(self.path, 200))
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        it.issuer = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield it
        server.shutdown()
        thread.join()


@pytest.fixture
def provider(liar: Liar, tmp_path: Path) -> IdentityProvider:
    """Us, who believe too little."""
    settings = Settings(
        data_dir=tmp_path / "data",
        oidc_issuer=liar.issuer,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=SecretStr("a-secret"),
    )
    return IdentityProvider(settings)


@dataclass(frozen=True, kw_only=True)
class Left:
    departure: Departure
    state: str


def leave(provider: IdentityProvider, liar: Liar, keys: Keys, now: datetime = NOW) -> Left:
    departure = provider.begin(onward="/people", keys=keys, now=now)
    sent = parse_qs(urlsplit(departure.address).query)
    liar.nonce = sent["nonce"][0]
    return Left(departure=departure, state=sent["state"][0])


def come_back(provider: IdentityProvider, left: Left, keys: Keys, **changed: Any) -> Any:
    given: dict[str, Any] = {
        "sealed": left.departure.sealed,
        "state": left.state,
        "code": "c",
        "issuer": None,
        "keys": keys,
        "now": NOW,
    }
    return provider.finish(**(given | changed))


def test_an_honest_answer_is_believed(provider: IdentityProvider, liar: Liar, keys: Keys) -> None:
    left = leave(provider, liar, keys)
    assert left.departure.address.startswith(f"{liar.issuer}/auth?fixed=1&")
    arrival = come_back(provider, left, keys)
    assert (arrival.identity.subject, arrival.identity.email_verified, arrival.onward) == ("a1", True, "/people")
    assert not arrival.identity.second_factor_proven


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "http://127.0.0.1:1"},
        {"iss": ...},
        {"aud": "another program"},
        {"aud": ["another program", "a third"]},
        {"aud": [CLIENT_ID, "another program"]},
        {"aud": [CLIENT_ID, "another program"], "azp": "another program"},
        {"azp": "another program"},
        {"aud": ...},
        {"nonce": "of another sign-in"},
        {"nonce": ...},
        {"exp": int(NOW.timestamp()) - 61},
        {"exp": ...},
        {"exp": "later"},
        {"iat": int((NOW + timedelta(minutes=2)).timestamp())},
        {"iat": ...},
        {"nbf": int((NOW + timedelta(minutes=2)).timestamp())},
        {"sub": ...},
        {"sub": ""},
        {"sub": 7},
        {"sub": "a\x00"},
        {"sub": "x" * 256},
    ],
)
def test_a_token_that_is_not_for_this_sign_in_is_not_believed(
    provider: IdentityProvider, liar: Liar, keys: Keys, claims: dict[str, Any]
) -> None:
    liar.claims = claims
    with pytest.raises(PartnerFailed):
        come_back(provider, leave(provider, liar, keys), keys)


def unsigned(liar: Liar) -> str:
    head = b64(json.dumps({"alg": "none"}).encode())
    return f"{head}.{b64(json.dumps(liar.right_claims()).encode())}."


def signed_with_the_public_key(liar: Liar) -> str:
    head = b64(json.dumps({"alg": "HS256", "kid": "k1"}).encode())
    text = f"{head}.{b64(json.dumps(liar.right_claims()).encode())}"
    return f"{text}.{b64(hmac.new(json.dumps(liar.jwk()).encode(), text.encode(), hashlib.sha256).digest())}"


def signed_by_somebody_else(liar: Liar) -> str:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return liar.signed(liar.right_claims(), key=other)


def changed_after_signing(liar: Liar) -> str:
    head, _, signature = liar.signed(liar.right_claims()).split(".")
    return f"{head}.{b64(json.dumps(liar.right_claims() | {'sub': 'z9'}).encode())}.{signature}"


@pytest.mark.parametrize(
    "token",
    [
        unsigned,
        signed_with_the_public_key,
        signed_by_somebody_else,
        changed_after_signing,
        pytest.param(lambda liar: liar.signed(liar.right_claims(), kid="unknown"), id="unknown key id"),
        pytest.param(lambda liar: liar.signed(liar.right_claims(), crit=["exp"]), id="unknown critical header"),
        pytest.param(lambda _: "not.a.token", id="no token"),
        pytest.param(lambda _: "", id="empty"),
        pytest.param(lambda _: "." * 100_000, id="dots"),
        pytest.param(lambda _: 7, id="number"),
        pytest.param(lambda _: None, id="nothing"),
    ],
)
def test_a_token_that_the_provider_did_not_sign_is_not_believed(
    provider: IdentityProvider, liar: Liar, keys: Keys, token: Callable[[Liar], str]
) -> None:
    liar.token = token
    with pytest.raises(PartnerFailed):
        come_back(provider, leave(provider, liar, keys), keys)


def test_unknown_keys_are_asked_for_again_but_not_at_every_turn(provider: IdentityProvider, liar: Liar, keys: Keys) -> None:
    come_back(provider, leave(provider, liar, keys), keys)
    liar.token = signed_by_somebody_else
    for _ in range(5):
        with pytest.raises(PartnerFailed):
            come_back(provider, leave(provider, liar, keys), keys)
    assert liar.requests.count("/jwks") == 1


def test_a_new_key_of_the_provider_is_learned(provider: IdentityProvider, liar: Liar, keys: Keys) -> None:
    come_back(provider, leave(provider, liar, keys), keys)
    liar.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    left = leave(provider, liar, keys)
    assert come_back(provider, left, keys, now=NOW + timedelta(minutes=1)).identity.subject == "a1"


@pytest.mark.parametrize(
    "configuration",
    [
        {"issuer": "http://127.0.0.1:1"},
        {"token_endpoint": None},
        {"token_endpoint": "http://elsewhere.example/token"},
        {"token_endpoint": "file:///etc/passwd"},
        {"jwks_uri": 7},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
)
def test_a_configuration_that_leads_elsewhere_is_not_believed(
    provider: IdentityProvider, liar: Liar, keys: Keys, configuration: dict[str, Any]
) -> None:
    liar.configuration = configuration
    with pytest.raises(PartnerFailed):
        leave(provider, liar, keys)


def test_what_is_told_about_somebody_else_is_not_believed(provider: IdentityProvider, liar: Liar, keys: Keys) -> None:
    liar.claims = {"email": ..., "email_verified": ...}
    liar.userinfo = {"sub": "a1", "email": "anna@kanarie.example", "email_verified": True}
    assert come_back(provider, leave(provider, liar, keys), keys).identity.email == "anna@kanarie.example"
    liar.userinfo = {"sub": "z9", "email": "anna@kanarie.example", "email_verified": True}
    with pytest.raises(PartnerFailed):
        come_back(provider, leave(provider, liar, keys), keys)


@pytest.mark.parametrize("path", ["/token", "/jwks", "/.well-known/openid-configuration"])
def test_a_provider_that_fails_is_told_as_such(provider: IdentityProvider, liar: Liar, keys: Keys, path: str) -> None:
    liar.status = {path: 500}
    with pytest.raises(PartnerFailed):
        come_back(provider, leave(provider, liar, keys), keys)


def test_a_secret_goes_where_the_provider_wants_it(provider: IdentityProvider, liar: Liar, keys: Keys) -> None:
    come_back(provider, leave(provider, liar, keys), keys)
    assert liar.bodies["/token"].count("client_secret") == 0
    assert liar.authorizations["/token"] == "Basic " + base64.b64encode(b"vangnet:a-secret").decode()
    liar.configuration = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    later = NOW + timedelta(hours=1)
    liar.claims = {"exp": int(later.timestamp()) + 300, "iat": int(later.timestamp())}
    come_back(provider, leave(provider, liar, keys, now=later), keys, now=later)
    assert "client_secret=a-secret" in liar.bodies["/token"]
    assert liar.authorizations["/token"] is None


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/jwks", "/token"])
@pytest.mark.parametrize("body", [b"", b"not JSON", b"[1]", b"[" * 100_000, b'{"keys": 7}', b'{"keys": [{"kty": 7}]}'])
def test_an_answer_that_cannot_be_read_is_not_believed(
    provider: IdentityProvider, liar: Liar, keys: Keys, path: str, body: bytes
) -> None:
    liar.raw[path] = body
    with pytest.raises(PartnerFailed):
        come_back(provider, leave(provider, liar, keys), keys)


def test_a_provider_that_tells_no_address_brings_nobody_by_one(provider: IdentityProvider, liar: Liar, keys: Keys) -> None:
    liar.claims = {"email": ..., "email_verified": ...}
    liar.configuration = {"userinfo_endpoint": None}
    identity = come_back(provider, leave(provider, liar, keys), keys).identity
    assert (identity.email, identity.email_verified) == (None, False)


@pytest.mark.parametrize(
    "changed",
    [
        {"state": "another"},
        {"state": "é"},
        {"code": ""},
        {"sealed": None},
        {"sealed": "AAAA"},
        {"sealed": "é"},
        {"issuer": "http://127.0.0.1:1"},
        {"now": NOW + timedelta(minutes=10)},
    ],
)
def test_who_did_not_leave_from_here_does_not_come_back(
    provider: IdentityProvider, liar: Liar, keys: Keys, changed: dict[str, Any]
) -> None:
    with pytest.raises(JourneyLost):
        come_back(provider, leave(provider, liar, keys), keys, **changed)


def test_a_code_that_was_used_is_a_lost_journey(provider: IdentityProvider, liar: Liar, keys: Keys) -> None:
    liar.status = {"/token": 400}
    with pytest.raises(JourneyLost):
        come_back(provider, leave(provider, liar, keys), keys)
