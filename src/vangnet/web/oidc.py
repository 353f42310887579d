"""Sign-in by the party's own identity provider (OpenID Connect Core 1.0): authorization code flow with PKCE.

The one place besides `partners/` that speaks to a third party, through the same transport and its limits. It ends in an
ExternalIdentity; whether that person works here is the service's matter. What the provider says about how somebody signed
in (`amr`, `acr`) is not read: its meaning differs from one to the next. A setting says whether its sign-in counts as whole.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from vangnet.config import Settings
from vangnet.errors import InvalidInput, PartnerRefused
from vangnet.identity.model import ExternalIdentity
from vangnet.identity.model.text import checked_base_url
from vangnet.keys import Keys
from vangnet.partners.transport import Answer, Transport

#: How long somebody may take at the provider.
JOURNEY_LASTS = timedelta(minutes=10)
#: How long the provider's addresses and keys are believed before they are asked for again.
METADATA_LASTS = timedelta(hours=1)
#: An unknown key id asks for the keys anew, but not more often than this: anybody can send us one.
KEYS_ASKED_EVERY = timedelta(minutes=1)
#: How far the provider's clock may be from ours.
LEEWAY_S = 60
#: Signatures only, and only with keys that others cannot have: never `none`, never a shared secret.
ALGORITHMS = ("RS256", "PS256", "ES256", "Ed25519")

_PARTNER = "the identity provider"
_PURPOSE = "oidc-journey"
_MAX_BYTES = 256 * 1024
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """Where the browser is sent, and what it keeps until it comes back."""

    address: str = field(repr=False)
    sealed: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Who came back, and to which page they wanted."""

    identity: ExternalIdentity
    onward: str


class JourneyLost(Exception):
    """The browser did not come from where we sent it, took too long, or was refused there. Caught by the route."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Metadata:
    asked_at: datetime
    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str | None
    jwks_uri: str
    basic: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tokens:
    id_token: str = field(repr=False)
    access_token: str = field(repr=False)


class IdentityProvider:
    """The configured provider. Safe to share between threads."""

    def __init__(self, settings: Settings, transport: Transport | None = None) -> None:
        if settings.oidc_issuer is None or settings.oidc_client_id is None:
            raise AssertionError("the settings name no identity provider")
        self._issuer = settings.oidc_issuer
        self._client_id = settings.oidc_client_id
        self._secret = settings.oidc_client_secret
        self._proves_second_factor = settings.oidc_proves_second_factor
        self._redirect_uri = f"{settings.base_url}/sign-in/provider/callback"
        self._transport = transport if transport is not None else Transport.trusting(settings.partner_ca_file)
        self._lock = threading.Lock()
        self._metadata: _Metadata | None = None
        self._keys: KeySet | None = None
        self._keys_asked_at: datetime | None = None

    def begin(self, *, onward: str, keys: Keys, now: datetime) -> Departure:
        """Sends somebody to the provider. Raises PartnerUnreachable, PartnerRefused."""
        metadata = self._current_metadata(now)
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "scope": "openid email",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        joint = "&" if urlsplit(metadata.authorization_endpoint).query else "?"
        until = (now + JOURNEY_LASTS).timestamp()
        journey = {"state": state, "nonce": nonce, "verifier": verifier, "onward": onward, "until": until}
        sealed = keys.seal(json.dumps(journey).encode(), purpose=_PURPOSE)
        return Departure(
            address=metadata.authorization_endpoint + joint + urlencode(query),
            sealed=base64.urlsafe_b64encode(sealed).decode(),
        )

    def finish(
        self, *, sealed: str | None, state: str, code: str, issuer: str | None, keys: Keys, now: datetime
    ) -> Arrival:
        """Who came back. Raises JourneyLost, PartnerUnreachable, PartnerRefused."""
        journey = _journey(sealed, keys=keys, now=now)
        if not hmac.compare_digest(journey["state"].encode(), state.encode()) or not code:
            raise JourneyLost
        # RFC 9207: where the answer names its issuer, it must be ours.
        if issuer is not None and issuer != self._issuer:
            raise JourneyLost
        metadata = self._current_metadata(now)
        tokens = self._tokens(metadata, code=code, verifier=journey["verifier"])
        claims = self._verified(metadata, tokens.id_token, nonce=journey["nonce"], now=now)
        if "email" not in claims and metadata.userinfo_endpoint is not None:
            claims = self._userinfo(metadata.userinfo_endpoint, tokens.access_token, claims)
        email = claims.get("email")
        identity = ExternalIdentity(
            issuer=self._issuer,
            subject=claims["sub"],
            email=email if isinstance(email, str) else None,
            # Exactly true: some providers leave it out where the address is only what somebody typed.
            email_verified=claims.get("email_verified") is True,
            second_factor_proven=self._proves_second_factor,
        )
        return Arrival(identity=identity, onward=journey["onward"])

    # --- what the provider says about itself ---

    def _current_metadata(self, now: datetime) -> _Metadata:
        with self._lock:
            known = self._metadata
        if known is not None and now < known.asked_at + METADATA_LASTS:
            return known
        found = self._get(self._issuer.rstrip("/") + "/.well-known/openid-configuration")
        # OpenID Connect Discovery 1.0, section 4.3: it must be the document of exactly this issuer.
        if found.get("issuer") != self._issuer:
            raise PartnerRefused(partner=_PARTNER, problem="its configuration names another issuer")
        methods = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        userinfo = found.get("userinfo_endpoint")
        metadata = _Metadata(
            asked_at=now,
            authorization_endpoint=_endpoint(found.get("authorization_endpoint")),
            token_endpoint=_endpoint(found.get("token_endpoint")),
            userinfo_endpoint=None if userinfo is None else _endpoint(userinfo),
            jwks_uri=_endpoint(found.get("jwks_uri")),
            basic="client_secret_basic" in methods,
        )
        with self._lock:
            self._metadata = metadata
            self._keys = None
        return metadata

    def _current_keys(self, metadata: _Metadata, now: datetime, *, anew: bool = False) -> KeySet:
        with self._lock:
            known, asked_at = self._keys, self._keys_asked_at
        if known is not None and not (anew and asked_at is not None and now >= asked_at + KEYS_ASKED_EVERY):
            return known
        document = self._get(metadata.jwks_uri)
        try:
            found = KeySet.import_key_set(document)  # type: ignore[arg-type]
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise PartnerRefused(partner=_PARTNER, problem="its keys cannot be read") from error
        with self._lock:
            self._keys, self._keys_asked_at = found, now
        return found

    # --- what it says about somebody ---

    def _tokens(self, metadata: _Metadata, *, code: str, verifier: str) -> _Tokens:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": verifier,
        }
        authorization = None
        if self._secret is None:
            form["client_id"] = self._client_id
        elif metadata.basic:
            authorization = _basic(self._client_id, self._secret.get_secret_value())
        else:
            form |= {"client_id": self._client_id, "client_secret": self._secret.get_secret_value()}
        answer = self._post(metadata.token_endpoint, form, authorization)
        if answer.status == 400:
            raise JourneyLost  # The code was used, is too old, or was somebody else's.
        found = _document(answer)
        id_token, access_token = found.get("id_token"), found.get("access_token")
        if not isinstance(id_token, str) or not isinstance(access_token, str):
            raise PartnerRefused(partner=_PARTNER, problem="its answer holds no tokens")
        return _Tokens(id_token=id_token, access_token=access_token)

    def _verified(self, metadata: _Metadata, id_token: str, *, nonce: str, now: datetime) -> dict[str, Any]:
        """The claims of an ID token (OpenID Connect Core 1.0, section 3.1.3.7)."""
        claims: dict[str, Any] | None = None
        for anew in (False, True):
            try:
                claims = jwt.decode(
                    id_token, self._current_keys(metadata, now, anew=anew), algorithms=list(ALGORITHMS)
                ).claims
                break
            except (JoseError, ValueError) as error:
                # A key that is new there is not known here yet; asked for once more, and only so often.
                if anew:
                    raise PartnerRefused(partner=_PARTNER, problem="its ID token is not signed by it") from error
        registry = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            registry.validate(claims or {})
        except JoseError as error:
            raise PartnerRefused(partner=_PARTNER, problem="its ID token is not for this sign-in") from error
        return _for_us_alone(claims or {}, self._client_id)

    def _userinfo(self, endpoint: str, access_token: str, claims: dict[str, Any]) -> dict[str, Any]:
        """The claims with those of the userinfo endpoint, which must be about the same subject (section 5.3.2)."""
        found = _document(self._post(endpoint, {}, f"Bearer {access_token}"))
        if found.get("sub") != claims["sub"]:
            raise PartnerRefused(partner=_PARTNER, problem="it told about somebody else than who signed in")
        return {**found, **claims}

    # --- over the network ---

    def _get(self, url: str) -> dict[str, Any]:
        base, path = _parts(url)
        return _document(self._transport.get(base, path, partner=_PARTNER, max_bytes=_MAX_BYTES))

    def _post(self, url: str, form: Mapping[str, str], authorization: str | None) -> Answer:
        base, path = _parts(url)
        return self._transport.post(
            base,
            path,
            urlencode(form).encode(),
            media_type=_FORM,
            partner=_PARTNER,
            max_bytes=_MAX_BYTES,
            authorization=authorization,
        )


def _journey(sealed: str | None, *, keys: Keys, now: datetime) -> dict[str, Any]:
    """What the browser kept. Raises JourneyLost."""
    try:
        journey: dict[str, Any] = json.loads(keys.unseal(base64.urlsafe_b64decode(sealed or ""), purpose=_PURPOSE))
    except (binascii.Error, ValueError):
        raise JourneyLost from None
    if now.timestamp() >= journey["until"]:
        raise JourneyLost
    return journey


def _for_us_alone(claims: dict[str, Any], client_id: str) -> dict[str, Any]:
    audience, subject = claims["aud"], claims["sub"]
    shared = isinstance(audience, list) and len(audience) > 1
    if (shared or "azp" in claims) and claims.get("azp") != client_id:
        raise PartnerRefused(partner=_PARTNER, problem="its ID token was made for another program")
    # Section 2: a subject has at most 255 ASCII characters.
    if not (subject and subject.isascii() and subject.isprintable() and len(subject) <= 255):
        raise PartnerRefused(partner=_PARTNER, problem="its ID token names nobody")
    return claims


def _document(answer: Answer) -> dict[str, Any]:
    """A JSON object. Raises PartnerRefused."""
    if answer.status != 200:
        raise PartnerRefused(partner=_PARTNER, problem=f"it answered with status {answer.status}")
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise PartnerRefused(partner=_PARTNER, problem="its answer is not JSON") from error
    if not isinstance(found, dict):
        raise PartnerRefused(partner=_PARTNER, problem="its answer is not a JSON object")
    return found


def _endpoint(url: object) -> str:
    """An address that the provider names: https, or on this machine. Raises PartnerRefused."""
    if not isinstance(url, str):
        raise PartnerRefused(partner=_PARTNER, problem="its configuration lacks an address")
    _parts(url)
    return url


def _parts(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    try:
        base = checked_base_url(f"{parts.scheme}://{parts.netloc}")
    except InvalidInput as error:
        raise PartnerRefused(partner=_PARTNER, problem="one of its addresses cannot be used") from error
    return base, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _basic(client_id: str, secret: str) -> str:
    # RFC 6749, section 2.3.1: each part is form-encoded before they are joined.
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return "Basic " + base64.b64encode(pair.encode()).decode()
