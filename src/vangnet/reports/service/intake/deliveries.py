"""What comes in, kept first and read afterwards: so that nothing is lost, whatever it is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection, defer
from vangnet.errors import Conflict, NotFound, TooLarge
from vangnet.identity.model import PartyKind
from vangnet.identity.permissions import Permission
from vangnet.identity.service import installation, parties
from vangnet.keys import Keys
from vangnet.reports.formats.reading import Unreadable
from vangnet.reports.model.deliveries import (
    DELIVERY_MAX,
    PIECE_BYTES,
    Delivery,
    DeliveryProblem,
    DeliveryState,
    moved,
)
from vangnet.reports.model.drafts import Reporter, ReporterKind, Source
from vangnet.reports.service.secrets import opened, place, secrets_of
from vangnet.reports.store import deliveries as store

#: As what a party reports.
_REPORTERS = {
    PartyKind.HOTLINE: ReporterKind.HOTLINE,
    PartyKind.POLICE: ReporterKind.POLICE,
    PartyKind.AUTHORITY: ReporterKind.AUTHORITY,
}
#: The job that reads a delivery; declared in `vangnet.jobs.tasks`.
READ = "read_delivery"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A delivery as a person sees it who is to mend it."""

    delivery: Delivery
    problems: Sequence[DeliveryProblem] = field(repr=False)
    reports: Sequence[int]


def accept(
    conn: Connection,
    actor: Actor,
    *,
    keys: Keys,
    source: Source,
    content: bytes,
    party_id: UUID | None = None,
    handoff_id: UUID | None = None,
    case_number: str | None = None,
    now: datetime,
) -> Delivery:
    """Keeps what came, sealed, and has it read by a job. The same bytes of the same party are noted, and not read again.

    Raises PermissionDenied, TooLarge.
    """
    actor.require(Permission.REPORT_TAKE)
    if len(content) > DELIVERY_MAX:
        raise TooLarge(limit_bytes=DELIVERY_MAX)
    secrets = secrets_of(keys)
    content_mac = secrets.whole(content)
    # Two people can report the same words: on the public page every report counts.
    before = None
    if source is not Source.PUBLIC:
        store.lock_content(conn, content_mac)
        before = store.find_first_like(conn, content_mac, source, party_id)
    delivery = store.add_delivery(
        conn, source=source, party_id=party_id, handoff_id=handoff_id, case_number=case_number, brought_by=actor.label,
        content_mac=content_mac, size_bytes=len(content),
        state=DeliveryState.WAITING if before is None else DeliveryState.AGAIN, now=now,
    )  # fmt: skip
    if before is None:
        pieces = [content[start : start + PIECE_BYTES] for start in range(0, len(content), PIECE_BYTES)] or [b""]
        store.add_parts(
            conn, delivery.id,
            [secrets.delivery.seal(piece, place(delivery.id, number)) for number, piece in enumerate(pieces)],
        )  # fmt: skip
        defer(conn, READ, delivery_id=delivery.id)
    _record(conn, actor, Permission.REPORT_TAKE, delivery, now, again=before is not None)
    return delivery


def begin(
    conn: Connection,
    actor: Actor,
    *,
    keys: Keys,
    source: Source,
    digest: bytes,
    size_bytes: int,
    party_id: UUID | None = None,
    now: datetime,
) -> Delivery:
    """A delivery that lies in a folder, of which nothing is copied here: it is read where it is, and can be read again.

    `digest` stands for its content; the same that came before is the same delivery, and goes on where it was left.
    """
    actor.require(Permission.REPORT_TAKE)
    content_mac = secrets_of(keys).whole(digest)
    store.lock_content(conn, content_mac)
    before = store.find_first_like(conn, content_mac, source, party_id)
    if before is not None:
        return before
    delivery = store.add_delivery(
        conn, source=source, party_id=party_id, handoff_id=None, brought_by=actor.label, content_mac=content_mac,
        size_bytes=size_bytes, state=DeliveryState.WAITING, now=now,
    )  # fmt: skip
    _record(conn, actor, Permission.REPORT_TAKE, delivery, now, again=False)
    return delivery


def content_of(conn: Connection, actor: Actor, *, keys: Keys, delivery_id: int) -> bytes:
    """The bytes of a delivery as they came. Raises PermissionDenied, NotFound, Conflict where they lie in a folder."""
    actor.require(Permission.REPORT_TAKE)
    return _content(conn, keys, delivery_id)


def count_taken(conn: Connection, actor: Actor, *, delivery_id: int) -> int:
    """How many reports were taken in from a delivery so far. Raises PermissionDenied."""
    actor.require(Permission.REPORT_TAKE)
    return store.count_reports_of(conn, delivery_id)


def get(conn: Connection, actor: Actor, *, delivery_id: int) -> Delivery:
    """A delivery, without what it holds. Raises PermissionDenied, NotFound."""
    actor.require(Permission.REPORT_TAKE)
    return store.get_delivery(conn, delivery_id)


def first_like(
    conn: Connection, actor: Actor, *, keys: Keys, source: Source, content: bytes, party_id: UUID | None
) -> Delivery:
    """The delivery of the same bytes that was, or is to be, read. Raises PermissionDenied, NotFound."""
    actor.require(Permission.REPORT_TAKE)
    found = store.find_first_like(conn, secrets_of(keys).whole(content), source, party_id)
    if found is None:
        raise NotFound(record="delivery", key="of these bytes")
    return found


def follow(conn: Connection, actor: Actor, *, keys: Keys, delivery_id: int, party_id: UUID | None) -> Shown:
    """What became of a delivery, for whoever brought it: a party sees its own, and not which reports came of it.

    Raises PermissionDenied, NotFound.
    """
    actor.require(Permission.REPORT_TAKE)
    delivery = store.get_delivery(conn, delivery_id)
    if party_id is not None and delivery.party_id != party_id:
        raise NotFound(record="delivery", key=str(delivery_id))
    return Shown(delivery=delivery, problems=_problems(conn, keys, delivery_id), reports=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Whom a delivery is from, for the reports that are read from it."""

    #: Who reports, where the form itself says nothing of it.
    reporter: Reporter
    party_id: UUID | None = None
    #: The number that it shares with whoever handed it over.
    case_number: str | None = None


def origin_of(conn: Connection, delivery: Delivery) -> Origin:
    """Whom a delivery is from."""
    if delivery.party_id is None:
        return Origin(reporter=Reporter(kind=ReporterKind.ANONYMOUS), case_number=delivery.case_number)
    party = parties.party(conn, delivery.party_id)
    return Origin(
        reporter=Reporter(kind=reporter_kind_of(party.kind), name=party.name), party_id=party.id,
        case_number=delivery.case_number,
    )  # fmt: skip


def own_origin_of(conn: Connection, delivery: Delivery) -> Origin:
    """Whom a delivery is from that is our own finding where no party brought it. Raises NotFound before the set-up."""
    if delivery.party_id is not None:
        return origin_of(conn, delivery)
    ours = installation.get_installation(conn)
    kind = reporter_kind_of(PartyKind(ours.kind.value))
    return Origin(reporter=Reporter(kind=kind, name=ours.party_name), case_number=delivery.case_number)


def reporter_kind_of(kind: PartyKind) -> ReporterKind:
    """As what a party reports."""
    return _REPORTERS.get(kind, ReporterKind.COMPANY)


def finish(
    conn: Connection,
    actor: Actor,
    *,
    keys: Keys,
    delivery_id: int,
    reports: int,
    bad: Sequence[Unreadable],
    now: datetime,
) -> Delivery:
    """Writes what came of reading a delivery. Reading the same again changes nothing."""
    actor.require(Permission.REPORT_TAKE)
    delivery = store.get_delivery_for_update(conn, delivery_id)
    if delivery.state is not DeliveryState.WAITING:
        return delivery
    state = DeliveryState.TAKEN
    if bad or not reports:
        state = DeliveryState.PARTLY if reports else DeliveryState.UNREADABLE
    sealer = secrets_of(keys).problem
    store.put_problems(
        conn, delivery_id,
        [
            (one.reason, sealer.seal(f"{one.where}\0{one.problem}".encode(), place(delivery_id, number)))
            for number, one in enumerate(bad)
        ],
    )  # fmt: skip
    store.update_delivery(conn, delivery_id, state=moved(delivery.state, state), reports=reports, bad=len(bad), now=now)
    found = store.get_delivery(conn, delivery_id)
    _record(conn, actor, Permission.REPORT_TAKE, found, now, reports=reports, bad=len(bad))
    return found


# --- mending ---


def repair(conn: Connection, actor: Actor, *, keys: Keys, delivery_id: int, content: bytes, now: datetime) -> Delivery:
    """Has a mended form of a delivery read in its place; what came stays as it came.

    Raises PermissionDenied, NotFound, InvalidTransition where there is nothing to mend, Conflict for the same bytes.
    """
    actor.require(Permission.REPORT_REPAIR)
    broken = store.get_delivery_for_update(conn, delivery_id)
    moved(broken.state, DeliveryState.REPAIRED)
    mended = accept(
        conn, actor, keys=keys, source=broken.source, content=content, party_id=broken.party_id,
        case_number=broken.case_number, now=now,
    )  # fmt: skip
    if mended.state is DeliveryState.AGAIN:
        raise Conflict(problem="this is what came before: nothing was mended")
    store.update_delivery(
        conn, delivery_id, state=DeliveryState.REPAIRED, reports=broken.reports, bad=broken.bad, replaced_by=mended.id,
        now=now,
    )  # fmt: skip
    return mended


def read_again(conn: Connection, actor: Actor, *, delivery_id: int, now: datetime) -> Delivery:
    """Has a delivery read once more, as it came: after Vangnet learned to read it. Raises as `repair`.

    One that lies in a folder waits until somebody gives the command for that folder again.
    """
    actor.require(Permission.REPORT_REPAIR)
    delivery = store.get_delivery_for_update(conn, delivery_id)
    state = moved(delivery.state, DeliveryState.WAITING)
    store.update_delivery(conn, delivery_id, state=state, reports=delivery.reports, bad=0, now=now)
    store.forget_problems(conn, delivery_id)
    if store.is_kept(conn, delivery_id):
        defer(conn, READ, delivery_id=delivery_id)
    found = store.get_delivery(conn, delivery_id)
    _record(conn, actor, Permission.REPORT_REPAIR, found, now)
    return found


def set_aside(conn: Connection, actor: Actor, *, delivery_id: int, now: datetime) -> Delivery:
    """Somebody looked, and there is nothing to mend. What came stays. Raises as `repair`."""
    actor.require(Permission.REPORT_REPAIR)
    delivery = store.get_delivery_for_update(conn, delivery_id)
    state = moved(delivery.state, DeliveryState.SET_ASIDE)
    store.update_delivery(conn, delivery_id, state=state, reports=delivery.reports, bad=delivery.bad, now=now)
    found = store.get_delivery(conn, delivery_id)
    _record(conn, actor, Permission.REPORT_REPAIR, found, now)
    return found


# --- reading ---


def list_deliveries(
    conn: Connection, actor: Actor, *, open_only: bool = False, before: int | None = None, limit: int = 50
) -> list[Delivery]:
    """What came in, the newest first; or only what waits or has something that could not be read."""
    actor.require(Permission.REPORT_READ)
    return store.list_deliveries(conn, open_only=open_only, before=before, limit=limit)


def count_open(conn: Connection, actor: Actor) -> int:
    """How many deliveries have something that could not be read, and wait for somebody."""
    actor.require(Permission.REPORT_READ)
    return store.count_open(conn)


def show(conn: Connection, actor: Actor, *, keys: Keys, delivery_id: int) -> Shown:
    """A delivery, what of it could not be read and why, and its reports. Raises PermissionDenied, NotFound."""
    actor.require(Permission.REPORT_READ)
    return Shown(
        delivery=store.get_delivery(conn, delivery_id),
        problems=_problems(conn, keys, delivery_id),
        reports=store.list_reports_of(conn, delivery_id),
    )


def _problems(conn: Connection, keys: Keys, delivery_id: int) -> list[DeliveryProblem]:
    sealer = secrets_of(keys).problem
    problems = []
    for position, reason, sealed in store.list_problems(conn, delivery_id):
        where, _, problem = opened(sealer, sealed, delivery_id, position).decode().partition("\0")
        problems.append(DeliveryProblem(position=position, reason=reason, where=where, problem=problem))
    return problems


def raw(conn: Connection, actor: Actor, *, keys: Keys, delivery_id: int, now: datetime) -> bytes:
    """The bytes of a delivery, for a person who mends it; audited. Raises PermissionDenied, NotFound, Conflict."""
    actor.require(Permission.REPORT_REPAIR)
    content = _content(conn, keys, delivery_id)
    audit.record(
        conn, actor, action=Permission.REPORT_REPAIR, record="delivery", record_id=delivery_id, now=now, opened=True
    )
    return content


def _content(conn: Connection, keys: Keys, delivery_id: int) -> bytes:
    sealer = secrets_of(keys).delivery
    store.get_delivery(conn, delivery_id)
    parts = store.list_parts(conn, delivery_id)
    if not parts:
        raise Conflict(problem="the delivery lies in a folder, and is read from there")
    return b"".join(opened(sealer, sealed, delivery_id, number) for number, sealed in enumerate(parts))


def _record(
    conn: Connection, actor: Actor, action: Permission, delivery: Delivery, now: datetime, **details: object
) -> None:
    audit.record(
        conn, actor, action=action, record="delivery", record_id=delivery.id, now=now, source=delivery.source.value,
        state=delivery.state.value, **details,
    )  # fmt: skip
