"""The routes of the pages of links, said a second time: see `routes`. And reports that belong together to use them on."""

import itertools
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from running import desk_routes
from running.changes import Call, Change
from running.server import RunningServer, console
from vangnet.identity.permissions import Permission, Role
from vangnet.reports.model.drafts import (
    Identifier,
    IdentifierKind,
    ItemDraft,
    ItemKind,
    NamedPerson,
    PersonRole,
    ReportDraft,
    Trace,
)
from vangnet.reports.service.intake import deliveries, intake
from vangnet.reports.service.intake.intake import Arrival
from vangnet.reports.service.linking import links
from vangnet.reports.store import values
from vangnet.web.access import Rule

_WORK = Permission.REPORT_WORK
RULES: dict[str, Permission | Rule] = {
    "GET /reports/{report_id}/links": _WORK,
    "POST /reports/{report_id}/links/cut": _WORK,
    "POST /reports/{report_id}/links/dismiss": _WORK,
    "POST /reports/{report_id}/links/merge": _WORK,
    "POST /reports/{report_id}/links/redo": _WORK,
    "POST /reports/{report_id}/links/split": _WORK,
    "POST /reports/{report_id}/links/undo": _WORK,
}
_numbers = itertools.count(1)


def named(
    account: str, *, files: int = 0, minute: int | None = None, days: int = 0, address: str = "2001:db8:77::9"
) -> ReportDraft:
    """A report about an account, with so many files that others have too, and an address seen at a minute.

    The address is in a network of which no other made-up report has one, which would join it.
    """
    items = tuple(
        ItemDraft(kind=ItemKind.HASH, hashes=(("sha256", f"{account}/{number}".encode().ljust(32, b"x")[:32]),))
        for number in range(files)
    )
    traces = () if minute is None else (Trace(address=address, at=datetime(2026, 11, 20 - days, 9, minute, tzinfo=UTC)),)
    person = NamedPerson(
        role=PersonRole.REPORTED,
        identifiers=(Identifier(kind=IdentifierKind.ACCOUNT, value=account, service="chat.example"),),
    )
    return desk_routes.draft(items=items, people=(person,) if account else (), traces=traces, places=())


def a_group(server: RunningServer, size: int = 3) -> list[int]:
    """Reports of one account, which belong together."""
    account = f"u-{next(_numbers)}-{datetime.now(UTC).timestamp()}"
    return [take(server, named(account)) for _ in range(size)]


def take(server: RunningServer, draft: ReportDraft) -> int:
    """Takes a report without files in; its number."""
    now = datetime.now(UTC)
    with server.transaction() as conn:
        delivery = deliveries.begin(
            conn, console(), source=draft.source, keys=server.keys, digest=uuid.uuid4().bytes, size_bytes=0, now=now
        )
        arrival = Arrival(draft=draft, recognised=[None] * len(draft.items))
        return intake.take_in(
            conn, console(), keys=server.keys, vault=None, arrival=arrival, delivery_id=delivery.id, now=now
        ).report_id  # fmt: skip


def code_of(server: RunningServer, report_id: int) -> str:
    """The code of a report's account, as its page has it."""
    with server.transaction() as conn:
        return next(row.code.hex() for row in values.list_values(conn, report_id) if row.kind == "account")


def _doing(what: str, form: Callable[[RunningServer, list[int]], dict[str, str]]) -> Callable[[RunningServer], Call]:
    def prepare(server: RunningServer) -> Call:
        group = a_group(server)
        given = form(server, group)
        return Call(client=server.signed_in(Role.STAFF), path=f"/reports/{group[0]}/links/{what}", form=given)

    return prepare


def _deed(server: RunningServer, group: list[int], *, undone: bool = False) -> dict[str, str]:
    with server.transaction() as conn:
        now = datetime.now(UTC)
        deed = links.cut(conn, console(), keys=server.keys, a=group[0], b=group[1], now=now)
        if undone:
            links.undo(conn, console(), keys=server.keys, deed_id=deed, now=now)
    return {"deed": str(deed)}


CHANGES: dict[str, Change] = {
    "POST /reports/{report_id}/links/cut": Change(
        action=_WORK,
        prepare=_doing("cut", lambda _, group: {"a": str(group[0]), "b": str(group[1]), "kind": "account"}),
    ),
    "POST /reports/{report_id}/links/dismiss": Change(
        action=_WORK, prepare=_doing("dismiss", lambda server, group: {"value": code_of(server, group[0])})
    ),
    "POST /reports/{report_id}/links/merge": Change(
        action=_WORK, prepare=_doing("merge", lambda server, _: {"reports": str(a_group(server)[0])})
    ),
    "POST /reports/{report_id}/links/redo": Change(
        action=_WORK, prepare=_doing("redo", lambda server, group: _deed(server, group, undone=True))
    ),
    "POST /reports/{report_id}/links/split": Change(
        action=_WORK, prepare=_doing("split", lambda _, group: {"chosen": str(group[0])})
    ),
    "POST /reports/{report_id}/links/undo": Change(action=_WORK, prepare=_doing("undo", _deed)),
}


def members_on(page: str) -> list[int]:
    """The reports of the group that a page shows."""
    return sorted(int(number) for number in re.findall(r'name="chosen" value="(\d+)"', page))
