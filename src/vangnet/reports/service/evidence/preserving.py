"""Asking whoever has evidence not to erase it: a letter is drafted, a person sends it, the answer is kept and followed.

Vangnet sends no letter by itself: it goes from where the party's letters go, and a person says how. What is secured no
longer presses; what is refused does so again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.errors import Conflict, InvalidInput
from vangnet.identity.model import Language, Party, PartyState
from vangnet.identity.model.parties import legal_day, require_known
from vangnet.identity.model.text import checked_line
from vangnet.identity.permissions import Permission
from vangnet.identity.service import installation, parties
from vangnet.keys import Keys
from vangnet.reports.model.clocks import (
    CLOCK_STEPS,
    Clock,
    ClockState,
    FollowUp,
    Letter,
    Preservation,
    PreservationState,
    SentHow,
    follow_up,
    may_be_asked_for,
    preservation_moved,
)
from vangnet.reports.model.contents import packed, unpacked
from vangnet.reports.model.regimes import (
    PRESERVATION_LAWS,
    REGIMES_VERSION,
    PreservationLaw,
    checked_law,
    lasts,
    laws_for,
    term_by_code,
)
from vangnet.reports.rules.evidence.preservation_letter import LetterFacts, letter
from vangnet.reports.service.evidence import clocks
from vangnet.reports.service.secrets import opened, place, secrets_of
from vangnet.reports.service.triage import placing
from vangnet.reports.store import clocks as store

#: A letter has so many characters at most; one about many addresses is long.
LETTER_MAX = 40_000
#: Nobody promises to keep something for longer.
_SECURED_MOST = timedelta(days=5 * 365)


class AnswerKind(StrEnum):
    """What a holder answered to a request."""

    SECURED = "secured"  #: It is kept.
    REFUSED = "refused"  #: It is not kept for us.
    GONE = "gone"  #: It is not there any more.


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRequest:
    """A request with what somebody has to do about it."""

    request: Preservation
    law: PreservationLaw | None
    follow_up: FollowUp


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedRequest:
    """A request with its letter, for whoever sends it."""

    shown: ShownRequest
    #: None where it was erased.
    letter: Letter | None = field(repr=False)
    clocks: Sequence[Clock]


def list_laws(conn: Connection) -> list[PreservationLaw]:
    """By what this installation may ask."""
    return laws_for(installation.get_installation(conn).kind)


def list_holders(conn: Connection, actor: Actor) -> list[Party]:
    """The parties we know, whom a request may go to. Raises PermissionDenied."""
    return [party for party in parties.list_parties(conn, actor) if party.state is PartyState.KNOWN]


def draft(
    conn: Connection, actor: Actor, *, keys: Keys, clock_id: int, law: str = "", language: Language, now: datetime
) -> Preservation:
    """Drafts a letter for this clock, and for all else that the same holder has for the report.

    Without `law` it is the first by which we may ask. Raises PermissionDenied, NotFound, InvalidInput; Conflict where it is
    asked for already, or is gone.
    """
    actor.require(Permission.REPORT_WORK)
    ours = installation.get_installation(conn)
    chosen = checked_law(law, ours.kind) if law else laws_for(ours.kind)[0]
    same = store.list_with_same_holder(conn, clock_id)
    report_id = same[0].report_id
    asked = [clock for clock in same if clock.preservation_id is None and _may_ask(clock)]
    if clock_id not in {clock.id for clock in asked}:
        raise Conflict(problem="this evidence is asked for already, or is gone")
    request = Preservation(
        id=0, report_id=report_id, party_id=None, law=chosen.code, language=language, state=PreservationState.DRAFTED,
        state_at=now, drafted_at=now, drafted_by=actor.label, sent_at=None, sent_how=None, secured_until=None,
        renewals=0, letter=None,
    )  # fmt: skip
    request = replace(request, id=store.add_request(conn, request, version=REGIMES_VERSION))
    for clock in asked:
        store.update_clocks(conn, [clock.id], clock.state, preservation_id=request.id, now=clock.state_at)
    request = _with_letter(keys, request, _written(conn, keys, request, asked, now=now))
    store.update_request(conn, request)
    _record(conn, actor, request, now, clocks=len(asked))
    return request


def save(
    conn: Connection,
    actor: Actor,
    *,
    keys: Keys,
    preservation_id: int,
    party_id: UUID | None,
    recipient: str,
    text: str,
    now: datetime,
) -> Preservation:
    """Keeps what a person made of a letter, and whom it goes to: a party we know, or whoever is written.

    Raises PermissionDenied, NotFound, InvalidInput; Conflict where it was sent already.
    """
    actor.require(Permission.REPORT_WORK)
    request = store.get_request_for_update(conn, preservation_id)
    if request.state is not PreservationState.DRAFTED:
        raise Conflict(problem="the letter was sent: draft another")
    if party_id is not None:
        party = parties.party(conn, party_id)
        require_known(party)
        recipient = party.name
    tidy = text.replace("\r\n", "\n").strip()
    if not 1 <= len(tidy) <= LETTER_MAX or "\0" in tidy:
        raise InvalidInput(field="text", problem=f"must have 1 to {LETTER_MAX} characters")
    told = Letter(recipient=checked_line(recipient, field="recipient", longest=200), text=tidy)
    request = _with_letter(keys, replace(request, party_id=party_id), told)
    store.update_request(conn, request)
    _record(conn, actor, request, now, changed=True)
    return request


def mark_sent(
    conn: Connection, actor: Actor, *, keys: Keys, preservation_id: int, how: SentHow, now: datetime
) -> Preservation:
    """Says that a person sent the letter, and how. Raises PermissionDenied, NotFound, InvalidTransition, InvalidInput."""
    actor.require(Permission.REPORT_WORK)
    request = store.get_request_for_update(conn, preservation_id)
    told = _letter_of(keys, request)
    if told is None or not told.recipient:
        raise InvalidInput(field="recipient", problem="must not be empty")
    state = preservation_moved(request.state, PreservationState.SENT)
    request = replace(request, state=state, state_at=now, sent_at=now, sent_how=how)
    store.update_request(conn, request)
    if request.secured_until is None:
        _move_clocks(conn, request, ClockState.REQUESTED, now=now)
    _record(conn, actor, request, now, how=how.value)
    return request


def answer(
    conn: Connection,
    actor: Actor,
    *,
    preservation_id: int,
    kind: AnswerKind,
    until: datetime | None = None,
    now: datetime,
) -> Preservation:
    """Keeps what the holder answered; what is secured no longer presses.

    `until` is what the holder says; without it, as long as the law has it, from the day of sending. A renewal that is
    refused ends nothing before its time. Raises PermissionDenied, NotFound, InvalidTransition, InvalidInput.
    """
    actor.require(Permission.REPORT_WORK)
    before = store.get_request_for_update(conn, preservation_id)
    state = preservation_moved(before.state, PreservationState(kind.value))
    request = replace(before, state=state, state_at=now)
    match kind:
        case AnswerKind.REFUSED if before.secured_until is not None and before.secured_until > now:
            law = PRESERVATION_LAWS.get(before.law)
            last = before.renewals if law is None or law.renewals is None else law.renewals
            request = replace(before, state=PreservationState.SECURED, state_at=now, renewals=last)
        case AnswerKind.SECURED:
            renewed = before.secured_until is not None
            request = replace(request, secured_until=_until(before, until, now), renewals=before.renewals + renewed)
            _move_clocks(conn, request, ClockState.SECURED, now=now)
        case AnswerKind.REFUSED:
            # It runs on, and can be asked for in another way.
            _move_clocks(conn, request, ClockState.RUNNING, let_go=True, now=now)
        case AnswerKind.GONE:
            _move_clocks(conn, request, ClockState.EXPIRED, now=now)
    store.update_request(conn, request)
    placing.renew(conn, report_id=request.report_id, now=now)
    _record(conn, actor, request, now, answer=kind.value)
    return request


def redraft(conn: Connection, actor: Actor, *, keys: Keys, preservation_id: int, now: datetime) -> Preservation:
    """Writes the letter that asks to renew what is secured. Raises PermissionDenied, NotFound, Conflict."""
    actor.require(Permission.REPORT_WORK)
    request = store.get_request_for_update(conn, preservation_id)
    if request.state is not PreservationState.SECURED or not _renewals_left(request):
        raise Conflict(problem="this cannot be renewed")
    before = _letter_of(keys, request)
    told = _written(conn, keys, request, store.list_of_request(conn, preservation_id), now=now)
    request = _with_letter(keys, request, replace(told, recipient="" if before is None else before.recipient))
    store.update_request(conn, request)
    _record(conn, actor, request, now, renewal=True)
    return request


def drop(conn: Connection, actor: Actor, *, preservation_id: int, now: datetime) -> Preservation:
    """Decides that a request is not needed; its clocks run on. Raises PermissionDenied, NotFound, InvalidTransition."""
    actor.require(Permission.REPORT_WORK)
    before = store.get_request_for_update(conn, preservation_id)
    request = replace(before, state=preservation_moved(before.state, PreservationState.DROPPED), state_at=now)
    store.update_request(conn, request)
    _move_clocks(conn, request, ClockState.RUNNING, let_go=True, now=now)
    placing.renew(conn, report_id=request.report_id, now=now)
    _record(conn, actor, request, now)
    return request


def lapse(conn: Connection, *, now: datetime, limit: int = 100) -> list[int]:
    """Writes of some preservations that their time ended; the reports that this concerns."""
    found = store.list_lapsed(conn, now=now, limit=limit)
    for before in found:
        state = preservation_moved(before.state, PreservationState.LAPSED)
        store.update_request(conn, replace(before, state=state, state_at=now))
        _move_clocks(conn, before, ClockState.EXPIRED, now=now)
    return [request.report_id for request in found]


# --- reading ---


def list_requests(conn: Connection, actor: Actor, *, limit: int = 100, now: datetime) -> list[ShownRequest]:
    """Requests about which something is to be done or awaited; what is to be done first. Raises PermissionDenied."""
    actor.require(Permission.REPORT_READ)
    shown = [_shown(request, now) for request in store.list_open_requests(conn, limit=limit)]
    return sorted(shown, key=lambda one: one.follow_up is FollowUp.NOTHING)


def list_of_report(conn: Connection, actor: Actor, *, report_id: int, now: datetime) -> list[ShownRequest]:
    """The requests of a report. Raises PermissionDenied."""
    actor.require(Permission.REPORT_READ)
    return [_shown(request, now) for request in store.list_requests_of(conn, report_id)]


def open_request(conn: Connection, actor: Actor, *, keys: Keys, preservation_id: int, now: datetime) -> OpenedRequest:
    """A request with its letter; opening it leaves an event. Raises PermissionDenied, NotFound."""
    actor.require(Permission.REPORT_WORK)
    request = store.get_request(conn, preservation_id)
    _record(conn, actor, request, now, opened=True)
    return OpenedRequest(
        shown=_shown(request, now), letter=_letter_of(keys, request), clocks=store.list_of_request(conn, preservation_id)
    )


def _shown(request: Preservation, now: datetime) -> ShownRequest:
    return ShownRequest(
        request=request,
        law=PRESERVATION_LAWS.get(request.law),
        follow_up=follow_up(request, renewals_left=_renewals_left(request), now=now),
    )


def _renewals_left(request: Preservation) -> bool:
    law = PRESERVATION_LAWS.get(request.law)
    return law is not None and (law.renewals is None or request.renewals < law.renewals)


def _may_ask(clock: Clock) -> bool:
    return may_be_asked_for(clock, None if clock.regime is None else term_by_code(clock.regime))


def _until(request: Preservation, until: datetime | None, now: datetime) -> datetime:
    law = PRESERVATION_LAWS.get(request.law)
    if until is None:
        if law is None:
            raise InvalidInput(field="until", problem="must not be empty")
        return max(request.secured_until or now, request.sent_at or now) + lasts(law)
    if not now < until <= now + _SECURED_MOST:
        raise InvalidInput(field="until", problem="must be a day to come, and within five years")
    return until


def _move_clocks(
    conn: Connection, request: Preservation, state: ClockState, *, let_go: bool = False, now: datetime
) -> None:
    """Brings the clocks of a request along, from wherever each stands."""
    for clock in store.list_of_request(conn, request.id):
        moves = clock.state is not state and state in CLOCK_STEPS[clock.state]
        over = state is ClockState.RUNNING and clock.expires_at is not None and clock.expires_at <= now
        reached = ClockState.EXPIRED if over else state
        store.update_clocks(
            conn, [clock.id], reached if moves else clock.state, preservation_id=None if let_go else request.id, now=now
        )


def _written(conn: Connection, keys: Keys, request: Preservation, asked: Sequence[Clock], *, now: datetime) -> Letter:
    said = [found for found in (clocks.open_clock(keys, clock) for clock in asked) if found is not None]
    holder = next((one.holder for one in said if one.holder), "")
    until = request.secured_until
    facts = LetterFacts(
        sender=installation.get_installation(conn).party_name, recipient=holder, number=f"B-{request.id}",
        law=PRESERVATION_LAWS[request.law], clocks=said, on=legal_day(now),
        renews=None if until is None else legal_day(until),
    )  # fmt: skip
    return Letter(recipient=holder, text=letter(facts, request.language))


def _with_letter(keys: Keys, request: Preservation, told: Letter) -> Preservation:
    sealed = secrets_of(keys).follow_up.seal(packed(told), place(request.report_id, request.id))
    return replace(request, letter=sealed)


def _letter_of(keys: Keys, request: Preservation) -> Letter | None:
    if request.letter is None:
        return None
    return unpacked(Letter, opened(secrets_of(keys).follow_up, request.letter, request.report_id, request.id))


def _record(conn: Connection, actor: Actor, request: Preservation, now: datetime, **details: object) -> None:
    audit.record(
        conn, actor, action=Permission.REPORT_WORK, record="preservation", record_id=request.id, now=now,
        report=request.report_id, law=request.law, state=request.state.value, **details,
    )  # fmt: skip
