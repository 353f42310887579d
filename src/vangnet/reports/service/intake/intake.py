"""Taking a report in: the one way, whatever form it came in.

A report is written whole, with its files, its links and its place in the order, in one transaction; so a process that is
killed leaves all of a report or nothing, and the delivery that brought it is read again. A report that came before is
known by the reporter's own number of it: the same again is only noted, and with other content or other files it is another
version of the same report, which counts from then on, while the first one stays readable.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection, defer
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.reports.model.contents import as_parts
from vangnet.reports.model.drafts import ReportDraft
from vangnet.reports.model.facts import Facts
from vangnet.reports.model.reports import Report, ReportState, Step
from vangnet.reports.rules.triage.fact_finding import FoundOut, facts_of
from vangnet.reports.service.evidence import clocks
from vangnet.reports.service.intake import registering
from vangnet.reports.service.intake.arriving import ArrivedFile
from vangnet.reports.service.intake.recognising import LookedUp, Recognised
from vangnet.reports.service.linking import joining
from vangnet.reports.service.secrets import Secrets, secrets_of
from vangnet.reports.service.secrets import place as bound_to
from vangnet.reports.service.triage import placing
from vangnet.reports.store import contents as content_store
from vangnet.reports.store import deliveries as delivery_store
from vangnet.reports.store import reports as store
from vangnet.vault.files import VaultFiles
from vangnet.vault.service import keeping
from vangnet.vault.service.keeping import ToPut

#: The job that asks the lists about the files of a report, where they could not be asked at once; in `vangnet.jobs.tasks`.
RECOGNISE = "recognise_report"


class Came(StrEnum):
    """What a report was when it came."""

    NEW = "new"  #: Nobody had it here.
    AGAIN = "again"  #: It came before, and is the same.
    CHANGED = "changed"  #: It came before, and says something else now.


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A report that is about to be taken in."""

    draft: ReportDraft
    #: The files that came, by the place of the item.
    files: Mapping[int, ArrivedFile] = field(default_factory=dict)
    #: For each item what the lists say of it; None where they could not be asked.
    recognised: Sequence[Recognised | None] | None = None
    party_id: UUID | None = None
    #: The number that it shares with whoever handed it over.
    case_number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenIn:
    """What came of it."""

    report_id: int
    came: Came
    #: Media whose sealed files are not needed: the vault had the same. They can be removed after the commit.
    not_needed: tuple[UUID, ...] = ()


def looked_up(arrival: Arrival) -> list[LookedUp]:
    """What the lists are asked about a report, item by item."""
    return [registering.looked_up(item, arrival.files.get(position)) for position, item in enumerate(arrival.draft.items)]


def list_contents(conn: Connection, actor: Actor, *, delivery_id: int) -> frozenset[bytes]:
    """What came with a delivery so far, each report by its `content_of`: one that was broken off is read again from its
    beginning, and what came need not be looked at again. Raises PermissionDenied.
    """
    actor.require(Permission.REPORT_TAKE)
    return delivery_store.list_contents(conn, delivery_id)


def content_of(keys: Keys, draft: ReportDraft) -> bytes:
    """By what equal content is known."""
    return secrets_of(keys).content_of(list(as_parts(draft)))


def take_in(
    conn: Connection,
    actor: Actor,
    *,
    keys: Keys,
    vault: VaultFiles | None,
    arrival: Arrival,
    delivery_id: int,
    now: datetime,
) -> TakenIn:
    """Takes a report in. Raises PermissionDenied, NotFound, and what putting its files into the vault raises."""
    actor.require(Permission.REPORT_TAKE)
    secrets, draft = secrets_of(keys), arrival.draft
    parts = list(as_parts(draft))
    content_mac = secrets.content_of(parts)
    reference_mac = secrets.reference_of(draft.source, draft.reporter, draft.reference)
    before = None
    if reference_mac is not None:
        store.lock_reference(conn, reference_mac)
        before = store.find_by_reference(conn, reference_mac)
    is_same = before is not None and store.content_mac_of(conn, before.id) == content_mac
    # The same words may come with another file, or with one that the vault did not take in when they first came.
    if before is not None and is_same and registering.holds(conn, secrets, before.id, arrival.files):
        delivery_store.add_came(conn, before.id, delivery_id, before.version, now=now)
        _record(conn, actor, before.id, Came.AGAIN, delivery_id=delivery_id, now=now)
        sealed = tuple(file.sealed.medium_id for file in arrival.files.values() if file.sealed is not None)
        return TakenIn(report_id=before.id, came=Came.AGAIN, not_needed=sealed)
    report = _report(conn, arrival, before, now)
    if before is None:
        store.add_report(conn, report, reference_mac=reference_mac, content_mac=content_mac)
    content_store.add_parts(conn, report.id, report.version, _sealed_parts(secrets, parts, report))
    media, not_needed = _put(conn, actor, arrival, report.id, vault=vault, now=now)
    file_ids = registering.register(
        conn, secrets, report_id=report.id, items=draft.items, files=arrival.files, media=media,
        recognised=arrival.recognised, is_new=before is None, now=now,
    )  # fmt: skip
    if arrival.recognised is None and any(file_id is not None for file_id in file_ids):
        defer(conn, RECOGNISE, report_id=report.id)
    clocks.start(conn, keys, report_id=report.id, draft=draft, received_at=report.received_at, now=now)
    prepared = joining.prepare(
        conn, keys, report_id=report.id, draft=draft, files=arrival.files, is_new=before is None
    )  # fmt: skip
    if before is not None:
        joining.lock(conn)
        # Only now: whoever waits for that lock must not keep a report that whoever has it may want.
        before = store.get_report_for_update(conn, before.id)
        report = _report(conn, arrival, before, now)
        store.update_version(conn, report, content_mac=content_mac)
    _add_step(conn, actor, report, before, now)
    others = joining.join_prepared(conn, keys, prepared, now=now)
    placing.renew(conn, report_id=report.id, facts=report.facts, now=now)
    # Those that belong together with it now stand elsewhere, too: one more report has the same subject.
    for other in sorted(others):
        placing.renew(conn, report_id=other, now=now)
    delivery_store.add_came(conn, report.id, delivery_id, report.version, now=now)
    came = Came.NEW if before is None else Came.CHANGED
    _record(conn, actor, report.id, came, delivery_id=delivery_id, now=now)
    return TakenIn(report_id=report.id, came=came, not_needed=not_needed)


def _report(conn: Connection, arrival: Arrival, before: Report | None, now: datetime) -> Report:
    """The report as it stands before anything was found out about it."""
    draft = arrival.draft
    base = before or _blank(arrival, store.next_id(conn), now)
    facts = facts_of(base.id, draft, FoundOut(files_here=len(arrival.files)), received_at=base.received_at)
    state = base.state
    if before is None and facts.cannot_open is not None:
        state = ReportState.ASIDE
    return replace(
        base,
        state=state,
        version=1 if before is None else before.version + 1,
        incident=draft.incident,
        language=draft.language,
        country=next((place.country for place in draft.places if place.country), None),
        reported_at=draft.reported_at,
        incident_at=draft.incident_at,
        items=len(draft.items),
        problems=len(draft.problems),
        facts=facts,
    )


def _blank(arrival: Arrival, report_id: int, now: datetime) -> Report:
    draft = arrival.draft
    return Report(
        id=report_id, source=draft.source, reporter_kind=draft.reporter.kind, party_id=arrival.party_id, version=1,
        incident=draft.incident, language=None, country=None, received_at=now, reported_at=None, incident_at=None,
        state=ReportState.WAITING, state_at=now, closing=None, claimed_by=None, claimed_at=None, opened_at=None, items=0,
        unseen=0, known=0, problems=0, facts=Facts(report_id=report_id, received_at=now, source=draft.source), points=0,
        rank=0, due_at=None, expires_at=None, drawn_at=None, group_id=None, case_number=arrival.case_number,
    )  # fmt: skip


def _add_step(conn: Connection, actor: Actor, report: Report, before: Report | None, now: datetime) -> None:
    """Another version of a report on which the work had ended brings it back: something new is said."""
    was, state, reason = None, report.state, None
    if before is not None:
        was, reason = before.state, "changed"
        can_be_opened = report.facts.cannot_open is None
        if was is ReportState.DONE or (was is ReportState.ASIDE and can_be_opened):
            state = ReportState.WAITING
            store.update_state(conn, replace(report, state=state, state_at=now, closing=None))
    store.add_step(
        conn, Step(report_id=report.id, at=now, was=was, state=state, closing=None, by=actor.label, reason=reason)
    )


def _sealed_parts(secrets: Secrets, parts: Sequence[bytes], report: Report) -> list[bytes]:
    return [secrets.content.seal(part, bound_to(report.id, report.version, number)) for number, part in enumerate(parts)]


def _put(
    conn: Connection, actor: Actor, arrival: Arrival, report_id: int, *, vault: VaultFiles | None, now: datetime
) -> tuple[dict[int, UUID], tuple[UUID, ...]]:
    """Keeps the files in the vault: the medium of each item, and those whose sealed files are not needed."""
    sealed = {position: file.sealed for position, file in arrival.files.items() if file.sealed is not None}
    if vault is None or not sealed:
        return {}, ()
    to_put = [
        ToPut(
            sealed=one, media_type=arrival.files[position].media_type, record=registering.RECORD, record_id=str(report_id)
        )
        for position, one in sealed.items()
    ]
    puts = keeping.put_many(conn, actor, files=vault, to_put=to_put, now=now)
    media = {position: put.medium.id for position, put in zip(sealed, puts, strict=True)}
    not_needed = [one.medium_id for one, put in zip(sealed.values(), puts, strict=True) if not put.added]
    return media, tuple(not_needed)


def _record(conn: Connection, actor: Actor, report_id: int, came: Came, *, delivery_id: int, now: datetime) -> None:
    audit.record(
        conn, actor, action=Permission.REPORT_TAKE, record="report", record_id=report_id, now=now,
        came=came.value, delivery=delivery_id,
    )  # fmt: skip
