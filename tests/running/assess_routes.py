"""The routes of assessing, said a second time: see `routes.py`."""

import itertools
import json
from datetime import UTC, datetime
from uuid import UUID

import httpx2
from pictures import encoded, photo

from running.assessed_reports import Analyst, a_picture, analyst, asked, bundled, desk_of, own_list
from running.changes import Call, Change
from running.server import RunningServer
from vangnet.identity.permissions import Permission, Role
from vangnet.reports.rules.assessment.answers import STARTING, as_document
from vangnet.reports.service.assessment import assessing
from vangnet.reports.service.desk import desk as desk_service
from vangnet.reports.store import files as file_store
from vangnet.reports.store import reports as report_store
from vangnet.web.access import SIGNED_IN, Rule

RULES: dict[str, Permission | Rule] = {
    "GET /reports/{report_id}/assess": Permission.REPORT_WORK,
    "GET /reports/{report_id}/assess/{position}": Permission.REPORT_WORK,
    "POST /reports/{report_id}/assess/{position}": Permission.REPORT_WORK,
    "POST /reports/{report_id}/assess/{position}/look": Permission.REPORT_WORK,
    "POST /reports/{report_id}/assess/{position}/same": Permission.REPORT_WORK,
    "POST /reports/{report_id}/assess/undo": Permission.REPORT_WORK,
    "POST /reports/{report_id}/assess/pass-on": Permission.REPORT_WORK,
    "POST /looks/{look_id}/cover": Permission.REPORT_WORK,
    "POST /looks/{look_id}/more": Permission.REPORT_WORK,
    "GET /assess/second": Permission.REPORT_WORK,
    "GET /assess/agreement": Permission.REPORT_LEAD,
    "POST /assess/lists": Permission.REPORT_LEAD,
    "POST /assess/questions": Permission.REPORT_LEAD,
    "GET /me/exposure": SIGNED_IN,
    "POST /me/exposure": SIGNED_IN,
}
#: Each report has a picture of its own, so that no test finds it classified by another.
_seeds = itertools.count(5_000)


def a_claimed_report(server: RunningServer, pictures: int = 1, *, by: Analyst | None = None) -> tuple[int, Analyst]:
    """A report with so many pictures that somebody works on, and who."""
    who = by or analyst(server)
    (report_id,) = desk_of(server).take_bundled([bundled([a_picture(next(_seeds)) for _ in range(pictures)])])
    with server.transaction() as conn:
        desk_service.claim(conn, who.actor, report_id=report_id, now=datetime.now(UTC))
    return report_id, who


def browser_of(server: RunningServer, who: Analyst) -> httpx2.Client:
    """The browser in which they are signed in."""
    client = server.client()
    client.cookies.set(server.session_cookie, who.token)
    return client


def a_look(server: RunningServer) -> tuple[int, Analyst]:
    """A look that is open, and whose."""
    report_id, who = a_claimed_report(server)
    viewer = server.app.state.site.viewer
    return viewer.look(who.actor, asked(report_id), now=datetime.now(UTC)).look_id, who


def answer(server: RunningServer, report_id: int, who: Analyst, **answers: str) -> None:
    """Answers about the first item."""
    with server.transaction() as conn:
        assessing.save(
            conn, who.actor, keys=server.keys, report_id=report_id, position=0, answers=answers, now=datetime.now(UTC)
        )


def waits_for_second(server: RunningServer, **said: str) -> int:
    """A report whose one file waits for a second person; what the first one answered."""
    report_id, who = a_claimed_report(server)
    server.app.state.site.viewer.look(who.actor, asked(report_id), now=datetime.now(UTC))
    answer(server, report_id, who, **(said or {"class": "national", "age": "pubescent"}))
    return report_id


def _of_item(server: RunningServer, rest: str, **form: str) -> Call:
    report_id, who = a_claimed_report(server)
    return Call(client=browser_of(server, who), path=f"/reports/{report_id}/assess{rest}", form=form)


def _look(server: RunningServer) -> Call:
    report_id, who = a_claimed_report(server)
    client = browser_of(server, who)
    client.headers["Accept"] = "image/png"
    form = {"step": "blurred", "blur": "3", "size": "S", "grey": "on"}
    return Call(client=client, path=f"/reports/{report_id}/assess/0/look", form=form)


def _of_look(server: RunningServer, what: str) -> Call:
    look_id, who = a_look(server)
    return Call(client=browser_of(server, who), path=f"/looks/{look_id}/{what}")


def _undo(server: RunningServer) -> Call:
    report_id, who = a_claimed_report(server)
    answer(server, report_id, who, **{"class": "other"})
    return Call(client=browser_of(server, who), path=f"/reports/{report_id}/assess/undo", form={"position": "0"})


def like_reports(server: RunningServer) -> tuple[int, Analyst, int]:
    """A report with a picture and one like it; who works on it, and the number of the other file."""
    picture = photo(next(_seeds), 400, 300)
    files = [encoded(picture, "PNG"), encoded(picture.resize((380, 285)), "JPEG", quality=85)]
    who = analyst(server)
    (report_id,) = desk_of(server).take_bundled([bundled(files)])
    now = datetime.now(UTC)
    with server.transaction() as conn:
        desk_service.claim(conn, who.actor, report_id=report_id, now=now)
        one, other = (row.file_id for row in report_store.list_items(conn, report_id))
        assert one is not None
        assert other is not None
        file_store.update_cluster(conn, [one, other], one)
    return report_id, who, other


def _same(server: RunningServer) -> Call:
    report_id, who, other = like_reports(server)
    viewer = server.app.state.site.viewer
    for neighbour in (None, other):
        viewer.look(who.actor, asked(report_id, neighbour_id=neighbour), now=datetime.now(UTC))
    form = {"neighbour": str(other), "same": "yes"}
    return Call(client=browser_of(server, who), path=f"/reports/{report_id}/assess/0/same", form=form)


def _list(server: RunningServer) -> Call:
    list_id: UUID = own_list(desk_of(server))
    form = {"assessed": "baseline", "list_id": str(list_id)}
    return Call(client=server.signed_in(Role.LEAD), path="/assess/lists", form=form)


def _questions(server: RunningServer) -> Call:
    form = {"document": json.dumps(as_document(STARTING))}
    return Call(client=server.signed_in(Role.LEAD), path="/assess/questions", form=form)


CHANGES: dict[str, Change] = {
    "POST /reports/{report_id}/assess/{position}": Change(
        action=Permission.REPORT_WORK, prepare=lambda server: _of_item(server, "/0", **{"class": "other"})
    ),
    "POST /reports/{report_id}/assess/{position}/look": Change(action=Permission.VAULT_OPEN, prepare=_look),
    "POST /reports/{report_id}/assess/{position}/same": Change(action=Permission.REPORT_WORK, prepare=_same),
    "POST /reports/{report_id}/assess/undo": Change(action=Permission.REPORT_WORK, prepare=_undo),
    "POST /reports/{report_id}/assess/pass-on": Change(
        action=Permission.REPORT_WORK, prepare=lambda server: _of_item(server, "/pass-on", position="0")
    ),
    # When a look ended stands beside the look.
    "POST /looks/{look_id}/cover": Change(action=None, prepare=lambda server: _of_look(server, "cover")),
    "POST /looks/{look_id}/more": Change(action=Permission.REPORT_WORK, prepare=lambda server: _of_look(server, "more")),
    "POST /assess/lists": Change(action=Permission.REPORT_LEAD, prepare=_list),
    "POST /assess/questions": Change(action=Permission.REPORT_LEAD, prepare=_questions),
    "POST /me/exposure": Change(
        action=Permission.ME_UPDATE,
        prepare=lambda server: Call(
            client=server.signed_in(Role.STAFF), path="/me/exposure", form={"seconds": "5", "blur": "4", "size": "M"}
        ),
    ),
}
