"""Every route of the desk's pages, said a second time, as `routes` says the others. And reports to use them on."""

import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from running.changes import Call, Change
from running.server import RunningServer, console
from vangnet.audit.model import Actor, ActorKind
from vangnet.hashing.hasher import Hasher
from vangnet.hashing.sandbox import Sandbox
from vangnet.identity.model import Person
from vangnet.identity.permissions import Permission, Role, permissions_of
from vangnet.reports.model.contents import packed
from vangnet.reports.model.deliveries import Delivery
from vangnet.reports.model.drafts import (
    Identifier,
    IdentifierKind,
    Incident,
    ItemDraft,
    ItemKind,
    NamedPerson,
    PersonRole,
    Place,
    ReportDraft,
    Reporter,
    ReporterKind,
    Sign,
    Source,
    Trace,
)  # fmt: skip
from vangnet.reports.model.reports import Closing
from vangnet.reports.model.triage_policy import STARTING, as_document
from vangnet.reports.service.desk import desk, ordering
from vangnet.reports.service.intake import deliveries
from vangnet.reports.service.intake.arriving import FileTaker
from vangnet.reports.service.intake.taking import Taker
from vangnet.reports.service.triage import policies
from vangnet.web.access import Rule

_READ, _WORK, _LEAD = Permission.REPORT_READ, Permission.REPORT_WORK, Permission.REPORT_LEAD
RULES: dict[str, Permission | Rule] = {
    "GET /shift": _READ,
    "GET /queue": _READ,
    "GET /queue/aside": _READ,
    "GET /queue/claimed": _READ,
    "GET /queue/people": _READ,
    "GET /queue/reports.csv": _READ,
    "POST /queue/assign": _LEAD,
    "POST /queue/capacity": _LEAD,
    "POST /queue/filters": _WORK,
    "POST /queue/filters/{filter_id}/forget": _WORK,
    "POST /queue/next": _WORK,
    "POST /queue/people/{person_id}": _LEAD,
    "GET /reports/{report_id}": _READ,
    "POST /reports/{report_id}/assign": _LEAD,
    "POST /reports/{report_id}/claim": _WORK,
    "POST /reports/{report_id}/close": _WORK,
    "POST /reports/{report_id}/no-danger": _WORK,
    "POST /reports/{report_id}/notes": _WORK,
    "POST /reports/{report_id}/notes/{note_id}/read": _WORK,
    "POST /reports/{report_id}/pass-on": _WORK,
    "POST /reports/{report_id}/reopen": _WORK,
    "GET /deliveries": _READ,
    "GET /deliveries/{delivery_id}": _READ,
    "GET /deliveries/{delivery_id}/raw": Permission.REPORT_REPAIR,
    "POST /deliveries/{delivery_id}/again": Permission.REPORT_REPAIR,
    "POST /deliveries/{delivery_id}/repair": Permission.REPORT_REPAIR,
    "POST /deliveries/{delivery_id}/set-aside": Permission.REPORT_REPAIR,
    "GET /danger": _READ,
    "GET /danger/banner": _READ,
    "POST /danger/watch/join": _WORK,
    "POST /danger/watch/leave": _WORK,
    "POST /danger/{report_id}/take": _WORK,
    "GET /triage": _READ,
    "GET /triage/policy/change": _LEAD,
    "POST /triage/policy": _LEAD,
    "POST /triage/policy/preview": _LEAD,
    "GET /api/v1/queue": _READ,
    "GET /api/v1/queue/{report_id}": _READ,
}
_numbers = itertools.count(1)
#: Values that a page shows to whoever works on reports, and to nobody else.
SAID = "the-words-of-the-reporter"
LINK = "https://pictures.example/gallery"


def draft(*signs: Sign, **changes: Any) -> ReportDraft:
    """A report with something of each kind; a new one each time."""
    number = next(_numbers)
    told: dict[str, Any] = {
        "source": Source.API,
        "reporter": Reporter(kind=ReporterKind.COMPANY, name="Host Example"),
        "incident": Incident.MATERIAL,
        "reference": f"desk-{number}",
        "signs": frozenset(signs),
        "items": (
            ItemDraft(kind=ItemKind.ADDRESS, address=f"{LINK}/{number}"),
            ItemDraft(kind=ItemKind.HASH, hashes=(("sha256", number.to_bytes(32, "big")),), viewed=True),
        ),
        "people": (
            NamedPerson(
                role=PersonRole.REPORTED,
                identifiers=(Identifier(kind=IdentifierKind.EMAIL, value=f"somebody{number}@mail.example", verified=True),),
                traces=(Trace(address=f"192.0.2.{number % 250}", at=datetime(2026, 11, 20, 9, tzinfo=UTC)),),
            ),
        ),
        "traces": (Trace(address=f"198.51.100.{number % 250}", at=datetime(2026, 11, 20, 10, tzinfo=UTC), port=443),),
        "places": (Place(country="NL", city="Utrecht"),),
        "text": f"{SAID}: {LINK}/{number}",
        "language": "nl",
        "problems": ("a time could not be read",),
    }
    return ReportDraft(**told | changes)


def keep(server: RunningServer, content: bytes, source: Source = Source.API) -> Delivery:
    """What came in, read at once."""
    now = datetime.now(UTC)
    with server.transaction() as conn:
        delivery = deliveries.accept(conn, console(), keys=server.keys, source=source, content=content, now=now)
    if delivery.state.value != "waiting":
        return delivery
    with Sandbox(processes=1) as sandbox:
        files = FileTaker(Hasher(sandbox), None, bytes_max=1_000_000)
        taker = Taker(server.database, server.keys, files=files, vault=None, live=None, clock=lambda: datetime.now(UTC))
        return taker.read_delivery(console(), delivery.id)


def a_report(server: RunningServer, *signs: Sign, **changes: Any) -> int:
    """A report that waits; its number."""
    told = draft(*signs, **changes)
    delivery = keep(server, packed(told), told.source)
    with server.transaction() as conn:
        (report_id,) = deliveries.show(conn, console(), keys=server.keys, delivery_id=delivery.id).reports
    return report_id


def a_bad_delivery(server: RunningServer) -> int:
    """A delivery that could not be read; its number."""
    return keep(server, f'{{"n": {next(_numbers)}, "at": "https://pictures.example/1 <b>"'.encode(), Source.XARF).id


def actor_of(person: Person) -> Actor:
    """A colleague, as the services know them."""
    return Actor(kind=ActorKind.PERSON, id=str(person.id), permissions=frozenset(permissions_of(person.roles)))


class Colleague:
    """Somebody who is signed in, and the same person for the services."""

    def __init__(self, server: RunningServer, *roles: Role) -> None:
        person = server.invite(*(roles or (Role.STAFF,)))
        self.client = server.client()
        self.client.cookies.set(server.session_cookie, server.session_of(person).token)
        self.id: UUID = person.id
        self.actor = actor_of(person)


def has(server: RunningServer, one: Colleague, *signs: Sign) -> int:
    """A report that this colleague works on; its number."""
    report_id = a_report(server, *signs)
    with server.transaction() as conn:
        desk.claim(conn, one.actor, report_id=report_id, now=datetime.now(UTC))
    return report_id


def a_hand_over(server: RunningServer, report_id: int) -> int:
    """An unread note for whoever takes over; its number."""
    with server.transaction() as conn:
        return desk.note(
            conn, console(), keys=server.keys, report_id=report_id, text="Please go on with the second address.",
            hand_over=True, now=datetime.now(UTC),
        )  # fmt: skip


def policy_form(**changes: str) -> dict[str, object]:
    """The form of the triage policy, filled with the one that Vangnet comes with."""
    form: dict[str, object] = {"instead_of": "0"}
    for name, value in as_document(STARTING).items():
        match value:
            case dict():
                for code, cell in value.items():
                    parts = cell.items() if isinstance(cell, dict) else [(None, cell)]
                    form |= {".".join(filter(None, (name, code, part))): str(number) for part, number in parts}
            case list():
                form[name] = value
            case _:
                form[name] = str(value)
    return form | changes


def _version(server: RunningServer) -> int:
    with server.transaction() as conn:
        return policies.show(conn, console()).version


# --- how each route that changes something is used ---


def _on_a_report(step: str, *signs: Sign, claimed: bool, **form: str) -> Callable[[RunningServer], Call]:
    def prepare(server: RunningServer) -> Call:
        one = Colleague(server)
        report_id = has(server, one, *signs) if claimed else a_report(server, *signs)
        return Call(client=one.client, path=f"/reports/{report_id}/{step}", form=form)

    return prepare


def _reopening(server: RunningServer) -> Call:
    one = Colleague(server)
    report_id = has(server, one)
    with server.transaction() as conn:
        desk.close(conn, one.actor, report_id=report_id, closing=Closing.KNOWN, now=datetime.now(UTC))
    return Call(client=one.client, path=f"/reports/{report_id}/reopen")


def _reading_a_note(server: RunningServer) -> Call:
    report_id = a_report(server)
    path = f"/reports/{report_id}/notes/{a_hand_over(server, report_id)}/read"
    return Call(client=server.signed_in(Role.STAFF), path=path)


def _assigning(server: RunningServer) -> Call:
    one = Colleague(server, Role.LEAD)
    return Call(client=one.client, path=f"/reports/{a_report(server)}/assign", form={"person": str(one.id)})


def _assigning_all(server: RunningServer) -> Call:
    one = Colleague(server, Role.LEAD)
    return Call(client=one.client, path="/queue/assign", form={"reports": [str(a_report(server))], "person": str(one.id)})


def _forgetting(server: RunningServer) -> Call:
    one = Colleague(server)
    with server.transaction() as conn:
        kept = ordering.keep_filter(conn, one.actor, name="mine", given={"unseen": "true"}, now=datetime.now(UTC))
    return Call(client=one.client, path=f"/queue/filters/{kept}/forget")


def _next(server: RunningServer) -> Call:
    a_report(server)
    return Call(client=server.signed_in(Role.STAFF), path="/queue/next")


def _giving_skills(server: RunningServer) -> Call:
    one = Colleague(server, Role.LEAD)
    return Call(client=one.client, path=f"/queue/people/{one.id}", form={"tags": "nl, pl"})


def _mending(step: str, **form: str) -> Callable[[RunningServer], Call]:
    def prepare(server: RunningServer) -> Call:
        path = f"/deliveries/{a_bad_delivery(server)}/{step}"
        return Call(client=server.signed_in(Role.STAFF), path=path, form=form)

    return prepare


def _repairing(server: RunningServer) -> Call:
    files = {"file": ("mended.json", f'{{"n": {next(_numbers)}}}'.encode())}
    path = f"/deliveries/{a_bad_delivery(server)}/repair"
    return Call(client=server.signed_in(Role.STAFF), path=path, files=files)


def _choosing(server: RunningServer) -> Call:
    form = {"document": json.dumps(as_document(STARTING)), "instead_of": str(_version(server))}
    return Call(client=server.signed_in(Role.LEAD), path="/triage/policy", form=form)


def _by(role: Role, path: str, **form: str) -> Callable[[RunningServer], Call]:
    return lambda server: Call(client=server.signed_in(role), path=path, form=form)


CHANGES: dict[str, Change] = {
    "POST /queue/assign": Change(action=_WORK, prepare=_assigning_all),
    "POST /queue/capacity": Change(action=_LEAD, prepare=_by(Role.LEAD, "/queue/capacity", hours="40", minutes_each="10")),
    "POST /queue/filters": Change(action=_WORK, prepare=_by(Role.STAFF, "/queue/filters", name="new", unseen="true")),
    "POST /queue/filters/{filter_id}/forget": Change(action=_WORK, prepare=_forgetting),
    "POST /queue/next": Change(action=_WORK, prepare=_next),
    "POST /queue/people/{person_id}": Change(action=_LEAD, prepare=_giving_skills),
    "POST /reports/{report_id}/assign": Change(action=_WORK, prepare=_assigning),
    "POST /reports/{report_id}/claim": Change(action=_WORK, prepare=_on_a_report("claim", claimed=False)),
    "POST /reports/{report_id}/close": Change(
        action=_WORK, prepare=_on_a_report("close", claimed=True, closing="nothing_found")
    ),
    "POST /reports/{report_id}/no-danger": Change(
        action=_WORK, prepare=_on_a_report("no-danger", Sign.DANGER_NOW, claimed=True)
    ),
    "POST /reports/{report_id}/notes": Change(action=_WORK, prepare=_on_a_report("notes", claimed=False, text="A note.")),
    "POST /reports/{report_id}/notes/{note_id}/read": Change(action=_WORK, prepare=_reading_a_note),
    "POST /reports/{report_id}/pass-on": Change(action=_WORK, prepare=_on_a_report("pass-on", claimed=True)),
    "POST /reports/{report_id}/reopen": Change(action=_WORK, prepare=_reopening),
    "POST /deliveries/{delivery_id}/again": Change(action=Permission.REPORT_REPAIR, prepare=_mending("again")),
    "POST /deliveries/{delivery_id}/repair": Change(action=Permission.REPORT_TAKE, prepare=_repairing),
    "POST /deliveries/{delivery_id}/set-aside": Change(action=Permission.REPORT_REPAIR, prepare=_mending("set-aside")),
    "POST /danger/watch/join": Change(action=_WORK, prepare=_by(Role.STAFF, "/danger/watch/join")),
    "POST /danger/watch/leave": Change(action=_WORK, prepare=_by(Role.STAFF, "/danger/watch/leave")),
    "POST /danger/{report_id}/take": Change(
        action=_WORK,
        prepare=lambda server: Call(
            client=server.signed_in(Role.STAFF), path=f"/danger/{a_report(server, Sign.DANGER_NOW)}/take"
        ),
    ),
    "POST /triage/policy": Change(action=_LEAD, prepare=_choosing),
    "POST /triage/policy/preview": Change(
        action=None,
        prepare=lambda server: Call(
            client=server.signed_in(Role.LEAD),
            path="/triage/policy/preview",
            form=policy_form(instead_of=str(_version(server))),
        ),
    ),
}
