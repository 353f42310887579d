"""The audit trail for people: what was done, how far it is sealed, and how one verifies it.

The verification itself is a command: it reads everything there is, which no page should wait for.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from vangnet.audit import service
from vangnet.audit.model import ActorKind, EventFilter, ListedEvent, parse_filter
from vangnet.db import Connection
from vangnet.errors import InvalidInput
from vangnet.identity.permissions import Permission
from vangnet.keys import fingerprint
from vangnet.web.access import needs
from vangnet.web.languages import marked
from vangnet.web.pages import TIME_ZONE, shown_time
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

ACTOR_NAMES = {
    ActorKind.PERSON: marked("person"),
    ActorKind.API_KEY: marked("API key"),
    ActorKind.CONSOLE: marked("console"),
    ActorKind.PARTY: marked("party"),
    ActorKind.SYSTEM: marked("Vangnet itself"),
    ActorKind.ANONYMOUS: marked("somebody not signed in"),
}
_NO_DAY = marked("must be a day, such as 2026-11-21")
_PAGE = 50
#: A table that a person opens in a spreadsheet; programs take the whole trail from the API or an export.
_CSV_MAX = 10_000
_COLUMNS = (
    "id", "at", "actor_kind", "actor_id", "action", "record", "record_id", "details", "position", "sealed_at",
)  # fmt: skip

_Words = Annotated[str, Query(max_length=300)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody asks for, as they wrote it."""

    record: str
    actor: str
    action: str
    since: str
    until: str

    def given(self) -> dict[str, str]:
        """What is not left open, for the addresses of the page's own links."""
        words = {
            "record": self.record,
            "actor": self.actor,
            "action": self.action,
            "since": self.since,
            "until": self.until,
        }
        return {name: text for name, text in words.items() if text}

    def wanted(self) -> EventFilter:
        """As a filter. Days are those of the shown time zone, the last one included. Raises InvalidInput."""
        return parse_filter(
            record=self.record,
            actor=self.actor,
            action=self.action,
            since=_start_of_day("since", self.since),
            until=_start_of_day("until", self.until, days_later=1),
        )


def _asked(record: _Words = "", actor: _Words = "", action: _Words = "", since: _Words = "", until: _Words = "") -> Asked:
    return Asked(
        record=record.strip(), actor=actor.strip(), action=action.strip(), since=since.strip(), until=until.strip()
    )


Question = Annotated[Asked, Depends(_asked)]


@router.get("/audit", dependencies=[needs(Permission.AUDIT_READ)])
def list_events(visit: Visit, asked: Question, before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None) -> Response:
    """Events, the newest first."""
    problems: dict[str, str] = {}
    events: list[ListedEvent] = []
    with visit.transaction() as conn:
        try:
            events = service.list_events(conn, visit.actor, wanted=asked.wanted(), before=before, limit=_PAGE + 1)
        except InvalidInput as error:
            problems = {error.field: visit.say(error)}
        actions = service.list_actions(conn, visit.actor)
        chain = _chain(conn, visit)
    return visit.page(
        "audit/list.html",
        status=422 if problems else 200,
        events=events[:_PAGE],
        older=_address("/audit", asked, before=events[_PAGE - 1].id) if len(events) > _PAGE else None,
        newest=_address("/audit", asked) if before is not None else None,
        asked=asked,
        problems=problems,
        options=[(action, action) for action in actions],
        csv=_address("/audit/events.csv", asked),
        json=None if problems else _api_address(asked),
        names=ACTOR_NAMES,
        shown=shown_value,
        exact=partial(shown_time, language=visit.language, pattern="d MMM y HH:mm:ss"),
        **chain,
    )


@router.get("/audit/events.csv", dependencies=[needs(Permission.AUDIT_READ)])
def download_events(visit: Visit, asked: Question) -> Response:
    """The same events as a table for a spreadsheet, at most ten thousand."""
    output = io.StringIO()
    table = csv.writer(output)
    table.writerow(_COLUMNS)
    with visit.transaction() as conn:
        table.writerows(_rows(conn, visit, asked.wanted()))
    return Response(
        output.getvalue(), media_type="text/csv", headers={"content-disposition": 'attachment; filename="audit-events.csv"'}
    )


@router.get("/audit/verify", dependencies=[needs(Permission.AUDIT_READ)])
def show_verify(visit: Visit) -> Response:
    """How one verifies the trail, here and from outside."""
    with visit.transaction() as conn:
        chain = _chain(conn, visit)
    return visit.page("audit/verify.html", **chain)


def shown_value(value: object) -> str:
    """A value of an event's details as people read it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _chain(conn: Connection, visit: OneVisit) -> dict[str, Any]:
    return {
        "state": service.chain_state(conn, visit.actor),
        "public_key": visit.keys.public_key.hex(),
        "fingerprint": fingerprint(visit.keys.public_key),
    }


def _rows(conn: Connection, visit: OneVisit, wanted: EventFilter) -> Iterator[list[str]]:
    before: int | None = None
    for _ in range(_CSV_MAX // service.LIST_MAX):
        events = service.list_events(conn, visit.actor, wanted=wanted, before=before, limit=service.LIST_MAX)
        for event in events:
            yield [_cell(getattr(event, column)) for column in _COLUMNS]
        if len(events) < service.LIST_MAX:
            return
        before = events[-1].id


def _cell(value: object) -> str:
    text = ""
    match value:
        case None:
            pass
        case datetime():
            text = value.isoformat()
        case Mapping():
            text = json.dumps(value, ensure_ascii=False)
        case _:
            text = str(value)
    # A spreadsheet would take it for a formula (OWASP, "CSV Injection").
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _start_of_day(field: str, text: str, *, days_later: int = 0) -> datetime | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text) + timedelta(days=days_later)
    except (ValueError, OverflowError):
        raise InvalidInput(field=field, problem=_NO_DAY) from None
    return datetime.combine(day, time(), tzinfo=TIME_ZONE)


def _address(path: str, asked: Asked, *, before: int | None = None) -> str:
    query: dict[str, object] = {**asked.given(), **({} if before is None else {"before": before})}
    return f"{path}?{urlencode(query)}" if query else path


def _api_address(asked: Asked) -> str:
    wanted = asked.wanted()
    query = asked.given() | {"limit": str(service.LIST_MAX)}
    for name, moment in (("since", wanted.since), ("until", wanted.until)):
        if moment is not None:
            query[name] = moment.isoformat()
    return f"/api/v1/audit/events?{urlencode(query)}"
