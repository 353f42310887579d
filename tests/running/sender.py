"""Another installation as one running server meets it: a party that it knows, with a key of its own."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from running.server import CANARY_NAME, RunningServer, console
from vangnet.handoff.model import Envelope, Kind, SentHandoff, SignedEnvelope
from vangnet.handoff.model.envelopes import sign_envelope
from vangnet.handoff.service import sending
from vangnet.identity.model import Party, PartyKind
from vangnet.identity.service import parties


class Sender:
    """A party with an installation, which signs what it sends to `server`."""

    def __init__(self, server: RunningServer, *, known: bool = True) -> None:
        self.server = server
        self._key = Ed25519PrivateKey.generate()
        if known:
            with server.transaction() as conn:
                self.party: Party = parties.add(
                    conn,
                    console(),
                    name=f"{CANARY_NAME} {uuid.uuid4().hex[:6]}",
                    kind=PartyKind.POLICE,
                    base_url="http://127.0.0.1:9",
                    public_key=self.public_key,
                    now=datetime.now(UTC),
                )

    @property
    def public_key(self) -> bytes:
        """By which its signatures are recognised."""
        return self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Its signature."""
        return self._key.sign(message)

    def message(self, text: str = "hallo", **changes: Any) -> SignedEnvelope:
        """A test message for the server, with changes to the envelope."""
        envelope = Envelope(
            id=uuid.uuid4(),
            case_number="VN-2026-7K3F-9QXM",
            kind=Kind.TEST_MESSAGE,
            sender=self.public_key,
            recipient=self.server.keys.public_key,
            sent_at=datetime.now(UTC),
            payload={"text": text},
        )
        return sign_envelope(replace(envelope, **changes), self._key.sign)

    def introduction(self, **changes: Any) -> SignedEnvelope:
        """An introduction to the server."""
        payload = {"base_url": "https://politie.example", "kind": "police", "name": "Team Noorderlicht"}
        return self.message(kind=Kind.INTRODUCTION, payload=payload | changes)

    def is_sent_a_message(self, text: str = "hallo") -> SentHandoff:
        """The server sends it a test message; no worker delivers it."""
        with self.server.transaction() as conn:
            return sending.send_test_message(
                conn, console(), party_id=self.party.id, text=text, keys=self.server.keys, now=datetime.now(UTC)
            )
