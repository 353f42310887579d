"""Handing something to another installation, and keeping what became of it.

`send` signs and stores; a job then asks what is `due`, posts it, and records the answer here. An envelope is the same at
every try, byte for byte, so that the other side recognises what it took already.
"""

import itertools
import secrets
import uuid
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection, defer, hasten
from vangnet.errors import Conflict, InvalidInput, PartnerRefused
from vangnet.handoff import store
from vangnet.handoff.model import Delivery, Envelope, Kind, Refusal, SentHandoff, SentState
from vangnet.handoff.model.canonical import Json
from vangnet.handoff.model.case_numbers import CASE_NUMBERS, checked_case_number
from vangnet.handoff.model.case_numbers import case_number as written_case_number
from vangnet.handoff.model.envelopes import read_signed_envelope, sign_envelope
from vangnet.handoff.model.handoffs import TAKEN_FOR, TRIED_FOR, step
from vangnet.handoff.model.payloads import Introduction, TestMessage, require_reachable
from vangnet.handoff.model.receipts import read_receipt
from vangnet.identity.model import PartyState
from vangnet.identity.model.parties import require_known
from vangnet.identity.permissions import Permission
from vangnet.identity.service import installation, parties
from vangnet.keys import Keys

#: The job that delivers one hand-off; declared in `vangnet.jobs.tasks`.
DELIVER = "deliver_handoff"


def send(
    conn: Connection,
    actor: Actor,
    *,
    party_id: UUID,
    kind: Kind,
    payload: dict[str, Json],
    keys: Keys,
    case_number: str | None = None,
    now: datetime,
) -> SentHandoff:
    """Signs an envelope for a party we know and has it delivered; hand-offs to one party arrive in the order of sending.

    Without a case number it gets a new one. Raises PermissionDenied, NotFound, Conflict where the party is not known or has
    no installation, InvalidInput where the payload cannot be sent.
    """
    actor.require(Permission.HANDOFF_SEND)
    party = parties.party(conn, party_id)
    require_known(party)
    if party.base_url is None or party.public_key is None:
        raise Conflict(problem="the party has no installation that hand-offs can be sent to")
    if party.public_key == keys.public_key:
        raise Conflict(problem="the party has this installation's own key")
    envelope = Envelope(
        id=uuid.uuid4(),
        case_number=new_case_number(conn, now) if case_number is None else checked_case_number(case_number),
        kind=kind,
        sender=keys.public_key,
        recipient=party.public_key,
        sent_at=now,
        payload=payload,
    )
    store.add_sent(conn, sign_envelope(envelope, keys.sign), party_id=party_id, try_until=now + TRIED_FOR)
    defer(conn, DELIVER, lock=_lock(party_id), handoff_id=str(envelope.id))
    sent = store.get_sent(conn, envelope.id)
    _record(conn, actor, sent, now, kind=kind.value)
    return sent


def introduce(conn: Connection, actor: Actor, *, party_id: UUID, base_url: str, keys: Keys, now: datetime) -> SentHandoff:
    """Tells a party who we are and where we answer (`base_url`).

    Raises as `send`, and where the party could not reach that address.
    """
    ours = installation.get_installation(conn)
    require_reachable(base_url, by=parties.party(conn, party_id).base_url)
    introduction = Introduction(name=ours.party_name, kind=ours.kind, base_url=base_url)
    return send(conn, actor, party_id=party_id, kind=Kind.INTRODUCTION, payload=introduction.payload(), keys=keys, now=now)


def send_test_message(
    conn: Connection, actor: Actor, *, party_id: UUID, text: str, keys: Keys, now: datetime
) -> SentHandoff:
    """Sends a few words, to see that hand-offs arrive. Raises as `send`."""
    payload = TestMessage(text=text).payload()
    return send(conn, actor, party_id=party_id, kind=Kind.TEST_MESSAGE, payload=payload, keys=keys, now=now)


def try_again(conn: Connection, actor: Actor, *, handoff_id: UUID, now: datetime) -> SentHandoff:
    """Has a hand-off without a receipt sent now, whatever became of it before; the bytes stay the same.

    Raises PermissionDenied, NotFound, Conflict where there is a receipt or the envelope has become too old to be taken.
    """
    actor.require(Permission.HANDOFF_SEND)
    sent = store.get_sent_for_update(conn, handoff_id)
    if sent.sent_at < now - TAKEN_FOR:
        raise Conflict(problem="the hand-off is too old to be taken; send a new one")
    if sent.state is not SentState.WAITING:
        sent = replace(sent, state=step(sent.state, SentState.WAITING), state_at=now)
    try_until = min(now + TRIED_FOR, sent.sent_at + TAKEN_FOR)
    sent = replace(sent, try_until=try_until, next_try_at=now, problem=None)
    store.update_sent(conn, sent)
    if not hasten(conn, DELIVER, lock=_lock(sent.party_id), handoff_id=str(handoff_id)):
        defer(conn, DELIVER, lock=_lock(sent.party_id), handoff_id=str(handoff_id))
    _record(conn, actor, sent, now)
    return sent


def give_up(conn: Connection, actor: Actor, *, handoff_id: UUID, now: datetime) -> SentHandoff:
    """Decides that a hand-off without a receipt is not sent again; `try_again` undoes it.

    Raises PermissionDenied, NotFound, InvalidTransition where there is a receipt, or it was given up before.
    """
    actor.require(Permission.HANDOFF_SEND)
    sent = store.get_sent_for_update(conn, handoff_id)
    sent = replace(sent, state=step(sent.state, SentState.GIVEN_UP), state_at=now, next_try_at=None)
    store.update_sent(conn, sent)
    _record(conn, actor, sent, now)
    return sent


# --- for the job ---


def due(conn: Connection, actor: Actor, *, handoff_id: UUID, now: datetime) -> Delivery | None:
    """What to post, or None where nothing is to be sent any more.

    Nothing is sent to a party with which it ended meanwhile: that is kept as a refusal of our own.
    """
    actor.require(Permission.HANDOFF_SEND)
    sent = store.get_sent_for_update(conn, handoff_id)
    if sent.state is not SentState.WAITING:
        return None
    party = parties.party(conn, sent.party_id)
    if party.state is not PartyState.KNOWN or party.base_url is None:
        _refuse(conn, actor, sent, reason=Refusal.RECIPIENT_ENDED, now=now)
        return None
    return Delivery(
        handoff_id=handoff_id,
        party_id=sent.party_id,
        base_url=party.base_url,
        body=store.get_sent_body(conn, handoff_id),
        tries=sent.tries,
    )


def acknowledge(conn: Connection, actor: Actor, *, handoff_id: UUID, receipt: bytes, now: datetime) -> SentHandoff:
    """Keeps the recipient's receipt. A second one for the same hand-off changes nothing.

    Raises PartnerRefused where it is not the recipient's signed receipt for exactly this envelope.
    """
    actor.require(Permission.HANDOFF_SEND)
    sent = store.get_sent_for_update(conn, handoff_id)
    if sent.state is SentState.ACKNOWLEDGED:
        return sent
    envelope = read_signed_envelope(store.get_sent_body(conn, handoff_id)).envelope
    try:
        read = read_receipt(receipt, envelope=envelope)
    except ValueError as error:
        raise PartnerRefused(partner=f"party {sent.party_id}", problem=f"its receipt does not count: {error}") from None
    step(sent.state, SentState.ACKNOWLEDGED)
    store.update_sent_with_receipt(conn, handoff_id, outcome=read.outcome, receipt=receipt, at=now)
    sent = store.get_sent(conn, handoff_id)
    _record(conn, actor, sent, now, outcome=read.outcome.value)
    return sent


def refuse(conn: Connection, actor: Actor, *, handoff_id: UUID, reason: Refusal, now: datetime) -> SentHandoff:
    """Keeps that the recipient does not take it, and why; it is not sent again unless a person says so."""
    actor.require(Permission.HANDOFF_SEND)
    sent = store.get_sent_for_update(conn, handoff_id)
    tried = replace(sent, tries=sent.tries + 1, last_tried_at=now)
    return _refuse(conn, actor, tried, reason=reason, now=now)


def no_answer(
    conn: Connection, actor: Actor, *, handoff_id: UUID, problem: str, next_try_at: datetime, now: datetime
) -> SentHandoff:
    """Keeps that a try brought no receipt; `problem` is an error's code. Trying ends when its time is over.

    The state of the result says whether to try again at `next_try_at`: it is waiting, or unacknowledged.
    """
    actor.require(Permission.HANDOFF_SEND)
    sent = store.get_sent_for_update(conn, handoff_id)
    if sent.state is not SentState.WAITING:
        return sent
    sent = replace(sent, tries=sent.tries + 1, last_tried_at=now, next_try_at=next_try_at, problem=problem)
    if next_try_at > sent.try_until:
        sent = replace(sent, state=step(sent.state, SentState.UNACKNOWLEDGED), state_at=now, next_try_at=None)
    store.update_sent(conn, sent)
    _record(conn, actor, sent, now, problem=problem, tries=sent.tries)
    return sent


# --- reading ---


def list_sent(
    conn: Connection,
    actor: Actor,
    *,
    states: Collection[SentState] = frozenset(SentState),
    party_id: UUID | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int = 100,
) -> list[SentHandoff]:
    """What we sent, the newest first; `before` is the time of sending and id of the last one seen."""
    actor.require(Permission.HANDOFF_READ)
    return store.list_sent(conn, states=states, party_id=party_id, before=before, limit=_limited(limit))


def list_without_receipt(conn: Connection, actor: Actor, *, limit: int = 100) -> list[SentHandoff]:
    """What has no receipt and was not given up, the oldest first: what a person should look at."""
    actor.require(Permission.HANDOFF_READ)
    return store.list_open(conn, limit=_limited(limit))


def count_without_receipt(conn: Connection, actor: Actor) -> int:
    """How many hand-offs have no receipt and were not given up."""
    actor.require(Permission.HANDOFF_READ)
    return store.count_open(conn)


def count_undecided(conn: Connection, actor: Actor) -> int:
    """How many hand-offs were refused or never answered, so that a person has to decide: send again, or give up."""
    actor.require(Permission.HANDOFF_READ)
    return store.count_undecided(conn)


def get_sent(conn: Connection, actor: Actor, *, handoff_id: UUID) -> SentHandoff:
    """One hand-off of ours. Raises NotFound."""
    actor.require(Permission.HANDOFF_READ)
    return store.get_sent(conn, handoff_id)


def list_these(conn: Connection, actor: Actor, *, handoff_ids: Collection[UUID]) -> list[SentHandoff]:
    """These hand-offs of ours, in the order of sending. Raises PermissionDenied."""
    actor.require(Permission.HANDOFF_READ)
    return store.list_these_sent(conn, handoff_ids)


def get_sent_envelope(conn: Connection, actor: Actor, *, handoff_id: UUID) -> Envelope:
    """What was in it. Raises NotFound."""
    actor.require(Permission.HANDOFF_READ)
    return read_signed_envelope(store.get_sent_body(conn, handoff_id)).envelope


def _refuse(conn: Connection, actor: Actor, sent: SentHandoff, *, reason: Refusal, now: datetime) -> SentHandoff:
    refused = step(sent.state, SentState.REFUSED)
    sent = replace(sent, state=refused, state_at=now, next_try_at=None, problem=reason.value)
    store.update_sent(conn, sent)
    _record(conn, actor, sent, now, reason=reason.value)
    return sent


def _limited(limit: int, most: int = 500) -> int:
    if not 1 <= limit <= most:
        raise InvalidInput(field="limit", problem=f"must be between 1 and {most}")
    return limit


def new_case_number(conn: Connection, now: datetime) -> str:
    """A case number that none of our hand-offs has, for a case that is about to be handed over."""
    drawn = (written_case_number(now.year, secrets.randbelow(CASE_NUMBERS)) for _ in itertools.count())
    return next(number for number in drawn if not store.has_case_number(conn, number))


def _lock(party_id: UUID) -> str:
    # One delivery at a time to each party: a later hand-off must not overtake an earlier one.
    return f"handoff {party_id}"


def _record(conn: Connection, actor: Actor, sent: SentHandoff, now: datetime, **details: object) -> None:
    audit.record(
        conn,
        actor,
        action=Permission.HANDOFF_SEND,
        record="handoff",
        record_id=sent.id,
        now=now,
        party_id=str(sent.party_id),
        case_number=sent.case_number,
        state=sent.state.value,
        **details,
    )
