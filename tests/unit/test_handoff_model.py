"""Envelopes and receipts: what is signed, what is refused, and that another program can verify it with json and a key.

The verifier below is written from docs/explanation/hand-off.md alone and uses nothing of Vangnet, as another organisation's
own implementation would.
"""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from vangnet.errors import HandoffRefused, InvalidInput, InvalidTransition
from vangnet.handoff.model import Envelope, Kind, Outcome, Receipt, Refusal, SentState
from vangnet.handoff.model.canonical import INTEGER_MAX, encode
from vangnet.handoff.model.case_numbers import CASE_NUMBERS, case_number, checked_case_number, is_case_number
from vangnet.handoff.model.envelopes import (
    BODY_MAX_BYTES,
    CLOCK_SKEW,
    PAYLOAD_DEPTH_MAX,
    PAYLOAD_MAX_BYTES,
    read_signed_envelope,
    require_fresh,
    require_signature,
    sign_envelope,
)
from vangnet.handoff.model.handoffs import TAKEN_FOR, TRIED_FOR, step
from vangnet.handoff.model.payloads import Introduction, TestMessage
from vangnet.handoff.model.receipts import RECEIPT_MAX_BYTES, read_receipt
from vangnet.identity.model import InstallationKind

SENDER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
RECIPIENT = Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))
NOW = datetime(2026, 11, 21, 13, 2, 7, 120045, tzinfo=UTC)

# What PostgreSQL and UTF-8 can keep: no U+0000, no half of a UTF-16 pair.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)
payloads = st.dictionaries(texts, values, max_size=4)


def public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def envelope(payload: dict[str, object] | None = None, **changes: object) -> Envelope:
    fields = {
        "id": UUID("6f1c1c1e-5f0e-4a43-9a57-6f6f0f6f0f6f"),
        "case_number": "VN-2026-7K3F-9QXM",
        "kind": Kind.TEST_MESSAGE,
        "sender": public(SENDER),
        "recipient": public(RECIPIENT),
        "sent_at": NOW,
        "payload": {"text": "hallo"} if payload is None else payload,
    }
    return Envelope(**(fields | changes))  # type: ignore[arg-type]


def accepted(body: bytes) -> Envelope:
    """What the receiving side does before it looks into its database."""
    signed = read_signed_envelope(body)
    require_signature(signed, recipient=public(RECIPIENT))
    require_fresh(signed.envelope, NOW)
    return signed.envelope


# --- the independent verifier -------------------------------------------------------------------------------------


def in_order(value: object) -> object:
    """The value with every object's fields in the order of RFC 8785, section 3.2.3: by UTF-16 code unit, not code point."""
    match value:
        case dict():
            return {key: in_order(value[key]) for key in sorted(value, key=lambda key: key.encode("utf-16-be"))}
        case list():
            return [in_order(item) for item in value]
        case _:
            return value


def verify_independently(body: bytes) -> dict[str, object]:
    """The envelope in `body`, once its signature is verified. Raises InvalidSignature."""
    document = json.loads(body)
    signed = json.dumps(in_order(document["envelope"]), ensure_ascii=False, separators=(",", ":")).encode()
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(document["envelope"]["sender"]))
    key.verify(bytes.fromhex(document["signature"]), b"vangnet hand-off v1\n" + signed)
    return dict(document["envelope"])


def verify_receipt_independently(body: bytes, sent: bytes, recipient: bytes) -> dict[str, object]:
    """The receipt in `body`, once its signature and digest are verified. Raises InvalidSignature, AssertionError."""
    document = json.loads(body)
    signed = json.dumps(document["receipt"], sort_keys=True, separators=(",", ":")).encode()
    key = Ed25519PublicKey.from_public_bytes(recipient)
    key.verify(bytes.fromhex(document["signature"]), b"vangnet receipt v1\n" + signed)
    envelope_bytes = sent.removeprefix(b'{"envelope":')[: -len(',"signature":""}') - 128]
    assert document["receipt"]["envelope_sha256"] == hashlib.sha256(envelope_bytes).hexdigest()
    return dict(document["receipt"])


def test_a_program_with_json_and_a_key_verifies_what_we_sign() -> None:
    body = sign_envelope(envelope(), SENDER.sign).to_bytes()
    assert verify_independently(body) == {
        "case_number": "VN-2026-7K3F-9QXM",
        "id": "6f1c1c1e-5f0e-4a43-9a57-6f6f0f6f0f6f",
        "kind": "test_message",
        "payload": {"text": "hallo"},
        "protocol": 1,
        "recipient": public(RECIPIENT).hex(),
        "sender": public(SENDER).hex(),
        "sent_at": "2026-11-21T13:02:07.120045Z",
    }


def test_what_another_program_signs_is_accepted_here() -> None:
    inner = {
        "case_number": "VN-2026-7K3F-9QXM",
        "id": "6f1c1c1e-5f0e-4a43-9a57-6f6f0f6f0f6f",
        "kind": "test_message",
        "payload": {"text": "zoë \u2028 \U0001f600"},
        "protocol": 1,
        "recipient": public(RECIPIENT).hex(),
        "sender": public(SENDER).hex(),
        "sent_at": "2026-11-21T13:02:07.120045Z",
    }
    signed = json.dumps(inner, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    signature = SENDER.sign(b"vangnet hand-off v1\n" + signed).hex()
    body = b'{"envelope":' + signed + b',"signature":"' + signature.encode() + b'"}'
    assert accepted(body) == envelope(payload={"text": "zoë \u2028 \U0001f600"})


def test_a_program_with_json_and_a_key_verifies_our_receipt() -> None:
    sent = sign_envelope(envelope(), SENDER.sign)
    receipt = Receipt(
        envelope_id=sent.envelope.id, envelope_sha256=sent.envelope.sha256, received_at=NOW, outcome=Outcome.TAKEN
    ).signed(RECIPIENT.sign)
    read = verify_receipt_independently(receipt, sent.to_bytes(), public(RECIPIENT))
    assert (read["envelope_id"], read["outcome"]) == (str(sent.envelope.id), "taken")
    with pytest.raises(InvalidSignature):
        verify_receipt_independently(receipt, sent.to_bytes(), public(SENDER))


# --- envelopes ----------------------------------------------------------------------------------------------------


@given(payloads)
def test_what_is_signed_is_read_back_as_it_was(payload: dict[str, object]) -> None:
    original = envelope(payload)
    body = sign_envelope(original, SENDER.sign).to_bytes()
    assert accepted(body) == original
    assert verify_independently(body)["payload"] == payload


@given(payloads, st.data())
def test_any_change_of_any_byte_is_refused(payload: dict[str, object], data: st.DataObject) -> None:
    body = sign_envelope(envelope(payload), SENDER.sign).to_bytes()
    position = data.draw(st.integers(0, len(body) - 1), label="position")
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != body[position]), label="byte")
    with pytest.raises(HandoffRefused):
        accepted(body[:position] + bytes([byte]) + body[position + 1 :])


@given(st.data())
def test_any_byte_more_or_less_is_refused(data: st.DataObject) -> None:
    body = sign_envelope(envelope(), SENDER.sign).to_bytes()
    position = data.draw(st.integers(0, len(body) - 1), label="position")
    for changed in (body[:position] + body[position + 1 :], body[:position] + b" " + body[position:], body[:position]):
        with pytest.raises(HandoffRefused):
            accepted(changed)


def test_every_byte_of_envelope_and_signature_counts() -> None:
    # The property test draws bytes; this one leaves none out.
    body = sign_envelope(envelope(), SENDER.sign).to_bytes()
    for position in range(len(body)):
        with pytest.raises(HandoffRefused):
            accepted(body[:position] + bytes([body[position] ^ 1]) + body[position + 1 :])


@given(st.binary(max_size=200) | texts.map(str.encode) | values.map(encode))
def test_no_bytes_from_outside_do_more_than_to_be_refused(body: bytes) -> None:
    with pytest.raises(HandoffRefused) as refused:
        read_signed_envelope(body)
    assert refused.value.reason in set(Refusal)
    assert len(refused.value.problem) < 200


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("protocol", 2, Refusal.MALFORMED),
        ("protocol", True, Refusal.MALFORMED),
        ("id", "6F1C1C1E-5F0E-4A43-9A57-6F6F0F6F0F6F", Refusal.MALFORMED),
        ("id", 7, Refusal.MALFORMED),
        ("case_number", "VN-2026-7K3F-9QX0", Refusal.MALFORMED),
        ("sent_at", "2026-11-21T13:02:07Z", Refusal.MALFORMED),
        ("sent_at", "2026-11-21T13:02:07.120045+00:00", Refusal.MALFORMED),
        ("sender", public(SENDER).hex().upper(), Refusal.MALFORMED),
        ("recipient", "00", Refusal.MALFORMED),
        ("payload", [], Refusal.MALFORMED),
        ("kind", "referral_of_2031", Refusal.UNKNOWN_KIND),
        ("kind", ["test_message"], Refusal.MALFORMED),
        ("another", "field", Refusal.MALFORMED),
    ],
)
def test_an_envelope_that_is_not_as_the_protocol_says_is_refused_though_signed(
    field: str, value: object, reason: Refusal
) -> None:
    inner = {**envelope().document(), field: value}
    signature = SENDER.sign(b"vangnet hand-off v1\n" + encode(inner)).hex()
    with pytest.raises(HandoffRefused) as refused:
        read_signed_envelope(encode({"envelope": inner, "signature": signature}))
    assert refused.value.reason is reason


def test_an_envelope_for_somebody_else_is_refused() -> None:
    body = sign_envelope(envelope(recipient=b"\x07" * 32), SENDER.sign).to_bytes()
    with pytest.raises(HandoffRefused) as refused:
        accepted(body)
    assert refused.value.reason is Refusal.WRONG_RECIPIENT


def test_an_envelope_signed_by_another_key_than_it_names_is_refused() -> None:
    with pytest.raises(HandoffRefused) as refused:
        accepted(sign_envelope(envelope(), RECIPIENT.sign).to_bytes())
    assert refused.value.reason is Refusal.BAD_SIGNATURE


def test_a_signature_without_its_purpose_does_not_count() -> None:
    with pytest.raises(HandoffRefused) as refused:
        accepted(sign_envelope(envelope(), lambda message: SENDER.sign(message.partition(b"\n")[2])).to_bytes())
    assert refused.value.reason is Refusal.BAD_SIGNATURE


@pytest.mark.parametrize(
    ("age", "reason"),
    [
        (TAKEN_FOR, None),
        (TAKEN_FOR + timedelta(microseconds=1), Refusal.TOO_OLD),
        (-CLOCK_SKEW, None),
        (-CLOCK_SKEW - timedelta(microseconds=1), Refusal.CLOCK_SKEW),
    ],
)
def test_an_envelope_is_fresh_up_to_the_limit_and_not_beyond(age: timedelta, reason: Refusal | None) -> None:
    if reason is None:
        require_fresh(envelope(sent_at=NOW - age), NOW)
        return
    with pytest.raises(HandoffRefused) as refused:
        require_fresh(envelope(sent_at=NOW - age), NOW)
    assert refused.value.reason is reason


def test_trying_ends_while_the_envelope_can_still_be_taken() -> None:
    assert TRIED_FOR + CLOCK_SKEW < TAKEN_FOR


def test_a_time_in_another_zone_is_signed_in_utc() -> None:
    amsterdam = NOW.astimezone(datetime.strptime("+0100", "%z").tzinfo)
    assert envelope(sent_at=amsterdam).to_bytes() == envelope().to_bytes()


# --- sizes --------------------------------------------------------------------------------------------------------


def _payload_of(size_bytes: int) -> dict[str, object]:
    return {"a": "x" * (size_bytes - len(encode({"a": ""})))}


def test_a_payload_of_exactly_the_limit_passes_and_one_byte_more_does_not() -> None:
    body = sign_envelope(envelope(_payload_of(PAYLOAD_MAX_BYTES)), SENDER.sign).to_bytes()
    assert len(body) <= BODY_MAX_BYTES
    accepted(body)
    with pytest.raises(InvalidInput, match=f"at most {PAYLOAD_MAX_BYTES} bytes, not {PAYLOAD_MAX_BYTES + 1}"):
        sign_envelope(envelope(_payload_of(PAYLOAD_MAX_BYTES + 1)), SENDER.sign)


@pytest.mark.parametrize("size_bytes", [PAYLOAD_MAX_BYTES + 1, BODY_MAX_BYTES])
def test_a_larger_payload_is_refused_though_signed(size_bytes: int) -> None:
    inner = envelope(_payload_of(size_bytes)).document()
    signature = SENDER.sign(b"vangnet hand-off v1\n" + encode(inner)).hex()
    with pytest.raises(HandoffRefused) as refused:
        read_signed_envelope(encode({"envelope": inner, "signature": signature}))
    assert refused.value.reason is Refusal.TOO_LARGE


def _nested(depth: int) -> dict[str, object]:
    value: object = []
    for _ in range(depth - 2):
        value = [value]
    return {"a": value}


def test_a_payload_nested_to_the_limit_passes_and_one_deeper_does_not() -> None:
    accepted(sign_envelope(envelope(_nested(PAYLOAD_DEPTH_MAX)), SENDER.sign).to_bytes())
    with pytest.raises(InvalidInput, match="nested too deeply"):
        sign_envelope(envelope(_nested(PAYLOAD_DEPTH_MAX + 1)), SENDER.sign)


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":' * 40_000, b"[" * 100_000 + b"]" * 100_000])
def test_brackets_without_end_are_refused_like_any_other_text(body: bytes) -> None:
    with pytest.raises(HandoffRefused) as refused:
        read_signed_envelope(body)
    assert refused.value.reason is Refusal.MALFORMED


@pytest.mark.parametrize(
    "payload", [{"a": 0.5}, {"a": "\0"}, {"a": "\ud800"}, {"a": INTEGER_MAX + 1}, {"a": {1: 2}}, {"a": b""}]
)
def test_a_payload_that_has_no_canonical_form_is_not_signed(payload: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match="payload"):
        sign_envelope(envelope(payload), SENDER.sign)


# --- receipts -----------------------------------------------------------------------------------------------------


def _receipt(**changes: object) -> bytes:
    fields = {
        "envelope_id": envelope().id,
        "envelope_sha256": envelope().sha256,
        "received_at": NOW,
        "outcome": Outcome.AWAITS_PERSON,
    }
    return Receipt(**(fields | changes)).signed(RECIPIENT.sign)  # type: ignore[arg-type]


def test_a_receipt_is_read_back_as_it_was() -> None:
    assert read_receipt(_receipt(), envelope=envelope()) == Receipt(
        envelope_id=envelope().id, envelope_sha256=envelope().sha256, received_at=NOW, outcome=Outcome.AWAITS_PERSON
    )


def test_every_byte_of_a_receipt_counts() -> None:
    body = _receipt()
    for position in range(len(body)):
        for byte in (body[position] ^ 1, body[position] ^ 128):
            with pytest.raises(ValueError, match=r"."):
                read_receipt(body[:position] + bytes([byte]) + body[position + 1 :], envelope=envelope())


@given(st.binary(max_size=2000) | values.map(encode))
def test_no_answer_from_outside_passes_for_a_receipt(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        read_receipt(body, envelope=envelope())
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    "body",
    [
        _receipt(envelope_id=UUID(int=1)),
        _receipt(envelope_sha256=b"\x00" * 32),
        Receipt(
            envelope_id=envelope().id, envelope_sha256=envelope().sha256, received_at=NOW, outcome=Outcome.TAKEN
        ).signed(SENDER.sign),
        _receipt() + b" ",
        _receipt() + b" " * RECEIPT_MAX_BYTES,
    ],
)
def test_a_receipt_for_another_envelope_or_by_another_key_does_not_count(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_receipt(body, envelope=envelope())


def test_an_envelopes_signature_is_no_receipts_signature() -> None:
    inner = {
        "envelope_id": str(envelope().id),
        "envelope_sha256": envelope().sha256.hex(),
        "outcome": "taken",
        "protocol": 1,
    }
    inner["received_at"] = "2026-11-21T13:02:07.120045Z"
    signature = RECIPIENT.sign(b"vangnet hand-off v1\n" + encode(inner)).hex()
    with pytest.raises(ValueError, match="not signed by the recipient"):
        read_receipt(encode({"receipt": inner, "signature": signature}), envelope=envelope())


# --- case numbers, states, payloads -------------------------------------------------------------------------------


@given(st.integers(0, CASE_NUMBERS - 1), st.integers(2020, 9999))
def test_every_case_number_that_is_made_is_one(number: int, year: int) -> None:
    made = case_number(year, number)
    assert is_case_number(made)
    assert made.startswith(f"VN-{year}-")
    assert not set("01OIL") & set(made.removeprefix(f"VN-{year}-"))


@given(st.integers(0, CASE_NUMBERS - 1), st.integers(0, CASE_NUMBERS - 1))
def test_different_numbers_make_different_case_numbers(one: int, other: int) -> None:
    assert (case_number(2026, one) == case_number(2026, other)) == (one == other)


@pytest.mark.parametrize("text", ["", "VN-2026-7K3F9QXM", "vn-2026-7k3f-9qxm", "VN-2026-7K3F-9QXM\n", "VN-٢٠٢٦-7K3F-9QXM"])
def test_what_is_no_case_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="case_number"):
        checked_case_number(text)


def test_a_sent_handoff_ends_only_with_its_receipt() -> None:
    for state in SentState:
        assert (SentState.ACKNOWLEDGED in _steps(state)) == (state is not SentState.ACKNOWLEDGED)
    assert _steps(SentState.ACKNOWLEDGED) == set()
    undecided = {SentState.WAITING, SentState.ACKNOWLEDGED, SentState.GIVEN_UP}
    assert _steps(SentState.REFUSED) == _steps(SentState.UNACKNOWLEDGED) == undecided
    assert _steps(SentState.GIVEN_UP) == {SentState.WAITING, SentState.ACKNOWLEDGED}


def _steps(current: SentState) -> set[SentState]:
    found = set()
    for requested in SentState:
        try:
            found.add(step(current, requested))
        except InvalidTransition:
            continue
    return found


def test_payloads_are_read_back_as_they_were() -> None:
    introduction = Introduction(name="Meldpunt", kind=InstallationKind.HOTLINE, base_url="https://meldpunt.example")
    assert Introduction.read(introduction.payload()) == introduction
    assert TestMessage.read(TestMessage(text=" een\r\ntwee ").payload()) == TestMessage(text="een\ntwee")


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"name": "Meldpunt", "kind": "hotline"},
        {"name": "Meldpunt", "kind": "hotline", "base_url": "https://meldpunt.example", "more": "?"},
        {"name": "Meldpunt", "kind": "bakery", "base_url": "https://meldpunt.example"},
        {"name": "", "kind": "hotline", "base_url": "https://meldpunt.example"},
        {"name": "Meldpunt", "kind": "hotline", "base_url": "http://meldpunt.example"},
        {"name": "Meldpunt", "kind": "hotline", "base_url": "https://meldpunt.example/path"},
        {"name": 5, "kind": "hotline", "base_url": "https://meldpunt.example"},
    ],
)
def test_an_introduction_that_says_too_little_or_too_much_is_refused(payload: dict[str, object]) -> None:
    with pytest.raises(HandoffRefused) as refused:
        Introduction.read(payload)  # type: ignore[arg-type]
    assert refused.value.reason is Refusal.BAD_PAYLOAD


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 1001, "bell\a", 5, None])
def test_a_test_message_that_is_no_short_text_is_refused(text: object) -> None:
    with pytest.raises(HandoffRefused) as refused:
        TestMessage.read({"text": text})  # type: ignore[dict-item]
    assert refused.value.reason is Refusal.BAD_PAYLOAD


def test_nothing_of_a_payload_shows_in_a_repr() -> None:
    signed = sign_envelope(envelope({"text": "kanarievogel"}), SENDER.sign)
    assert "kanarievogel" not in repr(signed)
    assert public(SENDER).hex() not in repr(signed)
