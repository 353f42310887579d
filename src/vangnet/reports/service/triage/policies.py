"""The triage policy: which holds, which held before, what another would move, and choosing it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection, defer
from vangnet.errors import Conflict
from vangnet.identity.permissions import Permission
from vangnet.reports.model.triage_policy import TriagePolicy, as_document, read_document
from vangnet.reports.rules.triage.preview import TriagePreview, preview
from vangnet.reports.service.desk.desk import first_places
from vangnet.reports.service.triage import placing
from vangnet.reports.store import policies as store
from vangnet.reports.store import queue as queue_store
from vangnet.reports.store import survey as survey_store

#: The job that puts reports where another policy has them; declared in `vangnet.jobs.tasks`.
PLACE = "place_reports"
#: A preview orders so many: the first, and those that wait longest.
_SAMPLE_EACH = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenPolicy:
    """A policy, and who chose it when; version 0 is the one that Vangnet comes with."""

    version: int
    policy: TriagePolicy
    chosen_by: str | None = None
    chosen_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedOut:
    """What a draft would move, and of how many reports that was worked out."""

    preview: TriagePreview
    looked_at: int
    above: int


def show(conn: Connection, actor: Actor) -> ChosenPolicy:
    """The policy that holds. Raises PermissionDenied."""
    actor.require(Permission.REPORT_READ)
    found = store.find_policy(conn)
    if found is None:
        return ChosenPolicy(version=0, policy=placing.policy_now(conn)[1])
    return _chosen(found)


def versions(conn: Connection, actor: Actor) -> Sequence[ChosenPolicy]:
    """All that were chosen, the last first. Raises PermissionDenied."""
    actor.require(Permission.REPORT_READ)
    return [_chosen(row) for row in store.list_policies(conn)]


def try_out(conn: Connection, actor: Actor, *, document: object, now: datetime) -> TriedOut:
    """What a draft would move of what waits; chooses nothing. Raises PermissionDenied, InvalidInput."""
    actor.require(Permission.REPORT_LEAD)
    draft = read_document(document)
    facts = {report.id: report.facts for report, _ in first_places(conn, limit=_SAMPLE_EACH, now=now)}
    for report, _ in zip(queue_store.by_age(conn), range(_SAMPLE_EACH), strict=False):
        facts[report.id] = report.facts
    above = min(survey_store.get_capacity(conn).reports, max(1, len(facts) // 2))
    _, policy = placing.policy_now(conn)
    found = preview(policy, draft, list(facts.values()), now, above=above, taken=store.count_taken(conn))
    return TriedOut(preview=found, looked_at=len(facts), above=above)


def choose(conn: Connection, actor: Actor, *, document: object, instead_of: int, now: datetime) -> int:
    """Chooses a policy; a job then puts every report where it has it. Returns its version.

    `instead_of`: the version that was looked at. Raises PermissionDenied, InvalidInput, Conflict where another was chosen
    in the meantime.
    """
    actor.require(Permission.REPORT_LEAD)
    policy = read_document(document)
    version = store.add_policy(conn, as_document(policy), chosen_by=actor.label, now=now)
    if version != instead_of + 1:
        raise Conflict(problem="somebody chose another policy in the meantime: begin from that one")
    defer(conn, PLACE)
    audit.record(
        conn, actor, action=Permission.REPORT_LEAD, record="report_triage_policy", record_id=version, now=now,
        instead_of=instead_of,
    )  # fmt: skip
    return version


def _chosen(row: store.PolicyRow) -> ChosenPolicy:
    return ChosenPolicy(
        version=row.version, policy=read_document(row.document), chosen_by=row.chosen_by, chosen_at=row.chosen_at
    )
