"""Where triage puts a report: worked out when its facts change, and kept with it, so that the queue need not be sorted."""

import functools
import json
from dataclasses import replace
from datetime import datetime

from vangnet.db import Connection, defer
from vangnet.reports.model.facts import Facts
from vangnet.reports.model.reports import ReportState
from vangnet.reports.model.triage_policy import STARTING, TriagePolicy, read_document
from vangnet.reports.rules.assessment.answers import youngest
from vangnet.reports.rules.triage.fact_finding import gravest
from vangnet.reports.rules.triage.order import rank
from vangnet.reports.rules.triage.points import calls_person, changes_at, due_at, score
from vangnet.reports.service.evidence import clocks
from vangnet.reports.service.linking import joining
from vangnet.reports.store import assessments as assessment_store
from vangnet.reports.store import outcomes as outcome_store
from vangnet.reports.store import policies as policy_store
from vangnet.reports.store import queue as queue_store
from vangnet.reports.store import reports as store
from vangnet.reports.store.reports import Placed

#: The job that calls a person for a report with a sign of present danger; declared in `vangnet.jobs.tasks`.
CALL = "call_for_danger"
#: More reports of one subject than these change nothing.
_KIN_MOST = 100


def policy_now(conn: Connection) -> tuple[int, TriagePolicy]:
    """The policy that holds, with its version; 0 is the one that Vangnet comes with."""
    found = policy_store.find_policy(conn)
    if found is None:
        return 0, STARTING
    return found.version, _read(json.dumps(found.document))


@functools.lru_cache(maxsize=4)
def _read(document: str) -> TriagePolicy:
    return read_document(json.loads(document))


def renew(conn: Connection, *, report_id: int, facts: Facts | None = None, now: datetime) -> Placed:
    """Puts a report where it belongs after something became known of it; `facts` are what it says, where that changed.

    A person is called where it became a report of present danger by this.
    """
    before = store.get_report_for_update(conn, report_id)
    files = store.count_files(conn, report_id)
    classification = gravest(files.classified)
    facts = replace(
        facts or before.facts,
        unseen_items=files.unseen,
        known_items=files.known,
        classification=classification,
        age=None if classification is None else youngest(assessment_store.list_standing_answers(conn, report_id)),
        same_subject=max(joining.count_others(conn, before.group_id, report_id), _kin(conn, report_id, files.unseen)),
        evidence_expires_at=clocks.next_expiry(conn, report_id=report_id, now=now),
        drawn=before.drawn_at is not None,
    )
    version, policy = policy_now(conn)
    placed = place(policy, version, facts, now=now)
    store.update_placed(conn, report_id, placed)
    if before.state in {ReportState.WAITING, ReportState.ASIDE} and calls_person(policy, facts):
        defer(conn, CALL, report_id=report_id)
    return placed


def _kin(conn: Connection, report_id: int, unseen: int) -> int:
    """Other reports of the same series, where this one has files that nobody has seen: that is a child who is known."""
    return outcome_store.count_kin(conn, report_id, most=_KIN_MOST) if unseen else 0


def place(policy: TriagePolicy, version: int, facts: Facts, *, now: datetime) -> Placed:
    """Where a policy puts a report."""
    points = score(policy, facts, now)
    return Placed(
        facts=facts,
        policy_version=version,
        points=points,
        rank=rank(policy, facts, points),
        due_at=due_at(policy, facts),
        changes_at=changes_at(policy, facts, now),
    )


def place_anew(conn: Connection, *, now: datetime, limit: int = 500) -> int:
    """Puts some reports where they belong whose place time has changed, or another policy; returns how many they were."""
    version, _ = policy_now(conn)
    found = queue_store.list_to_place_anew(conn, version=version, now=now, limit=limit)
    # In the order of their numbers, as whoever locks several does.
    for report_id in sorted(found):
        renew(conn, report_id=report_id, now=now)
    return len(found)
