"""The start page: what waits for this person now, how the installation is doing, and what a new one still needs.

Everything here is asked of the services at this moment. What this version cannot do yet is said, not shown as a zero.
"""

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from vangnet.audit import service as audit
from vangnet.audit.model import EventFilter
from vangnet.config import Settings
from vangnet.db import Connection
from vangnet.gate.service import answering, webhooks
from vangnet.gate.webhooks import DeliveryState
from vangnet.handoff.service import sending
from vangnet.identity.model import InstallationKind, PartyState, Person, PersonState
from vangnet.identity.permissions import Permission, Role
from vangnet.identity.service import parties, people
from vangnet.jobs import service as jobs
from vangnet.jobs.model import JobState
from vangnet.web.access import SIGNED_IN, needs
from vangnet.web.health import Condition, Finding
from vangnet.web.languages import marked
from vangnet.web.navigation import takes_reports
from vangnet.web.ui.shift import shift_of
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

#: Why nothing waits for the daily work, by kind of installation.
_NOTHING_YET = {
    InstallationKind.PROVIDER: marked("Checking uploads and answering notices come with a later version of Vangnet."),
    InstallationKind.AUTHORITY: marked("Following removal and preparing orders come with a later version of Vangnet."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Something that waits for a person: how many, and where."""

    what: str
    count: int
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that a new installation needs, and whether it was done."""

    done: bool
    label: str
    told: str
    path: str | None = None
    action: str | None = None


@router.get("/", dependencies=[needs(SIGNED_IN)])
def show_start(visit: Visit) -> Response:
    """What waits for whoever is signed in."""
    may = visit.actor.permissions
    with visit.transaction() as conn:
        waiting = _waiting(conn, visit)
        steps = _steps(conn, visit) if Permission.PERSON_INVITE in may else ()
        shift = shift_of(conn, visit) if Permission.REPORT_READ in may and takes_reports(visit.installation) else {}
    findings = visit.site.health.findings(visit.now) if Permission.HEALTH_READ in may else []
    installation = visit.installation
    return visit.page(
        "start/start.html",
        waiting=waiting,
        nothing_yet=_NOTHING_YET.get(installation.kind, "") if installation is not None else "",
        steps=steps,
        next_step=next((step for step in steps if not step.done and step.path), None),
        health=_health_line(findings),
        has_desk=bool(shift),
        **shift,
    )


def _waiting(conn: Connection, visit: OneVisit) -> tuple[Waiting, ...]:
    may = visit.actor.permissions
    found = []
    if Permission.GATE_ANSWER in may and Permission.GATE_READ in may:
        unanswered = answering.count_open(conn, visit.actor)
        found.append(Waiting(what="unanswered", count=unanswered, path="/decisions?open=true"))
    if Permission.GATE_TELL in may and Permission.GATE_READ in may:
        untold = webhooks.show(conn, visit.actor, now=visit.now).deliveries.get(DeliveryState.PARKED, 0)
        found.append(Waiting(what="untold", count=untold, path="/webhook"))
    if Permission.PARTY_ADD in may:
        proposed = [party for party in parties.list_parties(conn, visit.actor) if party.state is PartyState.PROPOSED]
        found.append(Waiting(what="proposals", count=len(proposed), path="/parties"))
    if Permission.HANDOFF_READ in may:
        unacknowledged = sending.count_without_receipt(conn, visit.actor)
        found.append(Waiting(what="unacknowledged", count=unacknowledged, path="/hand-offs"))
    if Permission.JOB_READ in may:
        parked = jobs.counts(conn, visit.actor).get(JobState.PARKED, 0)
        found.append(Waiting(what="parked", count=parked, path="/jobs"))
    if Permission.PERSON_INVITE in may:
        invited = [person for person in people.list_people(conn, visit.actor) if person.state is PersonState.INVITED]
        found.append(Waiting(what="invited", count=len(invited), path="/people"))
    return tuple(waiting for waiting in found if waiting.count)


def _steps(conn: Connection, visit: OneVisit) -> tuple[Step, ...]:
    """The first steps of a new installation, each judged by what is really there."""
    known = [party for party in parties.list_parties(conn, visit.actor) if party.state is PartyState.KNOWN]
    backups = audit.list_events(conn, visit.actor, wanted=EventFilter(action=Permission.BACKUP_MAKE), limit=1)
    return (
        Step(
            done=len(_administrators(people.list_people(conn, visit.actor))) > 1,
            label=marked("Invite a second administrator"),
            told=marked("With one alone, a lost telephone locks everybody out of the installation."),
            path="/people/invite",
            action=marked("Invite"),
        ),
        Step(
            done=bool(known),
            label=marked("Get to know another party"),
            told=marked("Introduce yourselves to each other's installation and compare fingerprints over the telephone."),
            path="/parties",
            action=marked("Parties"),
        ),
        Step(
            done=bool(backups),
            label=marked("Make a backup"),
            told=marked("On the machine: `vangnet backup`. Keep the keys elsewhere; without them it opens nothing."),
        ),
        Step(
            done=_heads_go_elsewhere(visit.settings),
            label=marked("Export the audit heads to another place"),
            told=marked("Set `VANGNET_AUDIT_HEADS_DIR` outside the data folder, best on a disk of another machine."),
        ),
    )


def _administrators(everybody: list[Person]) -> list[Person]:
    return [person for person in everybody if person.state is PersonState.ACTIVE and Role.ADMINISTRATOR in person.roles]


def _heads_go_elsewhere(settings: Settings) -> bool:
    return settings.data_dir not in settings.audit_heads_dir.parents


def _health_line(findings: list[Finding]) -> Condition | None:
    """The worst condition, or None for whoever may not see it."""
    worst = (Condition.FAILING, Condition.ATTENTION, Condition.OK)
    return next((condition for condition in worst if any(found.condition is condition for found in findings)), None)
