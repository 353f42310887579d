"""A passkey device in software, written from the WebAuthn specification (level 3) apart from the product's library."""

import base64
import hashlib
import json
import os
import struct
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

_USER_PRESENT, _USER_VERIFIED, _HAS_CREDENTIAL = 0x01, 0x04, 0x40


def b64(data: bytes) -> str:
    """base64url without padding, as the browser's JSON has it."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unb64(text: str) -> bytes:
    """The other way."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass(kw_only=True)
class Credential:
    """A key pair that the device made for one site and one person."""

    id: bytes
    rp_id: str
    user_handle: bytes
    private_key: ec.EllipticCurvePrivateKey
    count: int = 0


@dataclass(kw_only=True)
class Authenticator:
    """One device. What it does wrong on purpose is set by its fields."""

    origin: str
    verifies_user: bool = True
    counts: bool = True
    #: The id that its next key gets; a random one otherwise.
    next_id: bytes | None = None
    credentials: list[Credential] = field(default_factory=list)

    def create(self, options: str) -> str:
        """Answers `navigator.credentials.create()`; refuses where it has one of the excluded keys, as devices must."""
        asked = json.loads(options)
        excluded = {unb64(one["id"]) for one in asked.get("excludeCredentials", [])}
        assert not excluded & {credential.id for credential in self.credentials}, "the device has a key for this person"
        assert -7 in {parameters["alg"] for parameters in asked["pubKeyCredParams"]}
        credential = Credential(
            id=self.next_id or os.urandom(32),
            rp_id=asked["rp"]["id"],
            user_handle=unb64(asked["user"]["id"]),
            private_key=ec.generate_private_key(ec.SECP256R1()),
        )
        self.credentials.append(credential)
        attested = bytes(16) + struct.pack(">H", 32) + credential.id + _cose_key(credential.private_key)
        data = self._authenticator_data(credential, attested)
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer(
            credential,
            clientDataJSON=self._client_data("webauthn.create", asked["challenge"]),
            attestationObject=attestation,
        )

    def get(self, options: str, credential: Credential | None = None) -> str:
        """Answers `navigator.credentials.get()` with the first key that is allowed, or with that one."""
        asked = json.loads(options)
        allowed = [unb64(one["id"]) for one in asked.get("allowCredentials", [])]
        chosen = credential or next(one for one in self.credentials if not allowed or one.id in allowed)
        if self.counts:
            chosen.count += 1
        client_data = self._client_data("webauthn.get", asked["challenge"])
        data = self._authenticator_data(chosen)
        signed = data + hashlib.sha256(client_data).digest()
        return self._answer(
            chosen,
            clientDataJSON=client_data,
            authenticatorData=data,
            signature=chosen.private_key.sign(signed, ec.ECDSA(hashes.SHA256())),
            userHandle=chosen.user_handle,
        )

    def _client_data(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()

    def _authenticator_data(self, credential: Credential, attested: bytes = b"") -> bytes:
        flags = _USER_PRESENT | (_USER_VERIFIED if self.verifies_user else 0) | (_HAS_CREDENTIAL if attested else 0)
        return hashlib.sha256(credential.rp_id.encode()).digest() + struct.pack(">BI", flags, credential.count) + attested

    def _answer(self, credential: Credential, **response: bytes) -> str:
        answer: dict[str, Any] = {
            "id": b64(credential.id),
            "rawId": b64(credential.id),
            "type": "public-key",
            "response": {name: b64(value) for name, value in response.items()},
        }
        return json.dumps(answer)


def _cose_key(private_key: ec.EllipticCurvePrivateKey) -> bytes:
    """An ES256 public key as a COSE_Key (RFC 9053, section 7.1)."""
    numbers = private_key.public_key().public_numbers()
    return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)})
