"""Does a report belong with others: its group, each link with its reason, and what people can do about it.

What is shared is told by its kind and how often, and in the report's own words where it has any. No value stands in an
address: what a form sends is the number of a report or of a deed, or the code of a value.
"""

import re
from typing import Annotated

from fastapi import APIRouter, Form, Path
from starlette.responses import Response

from vangnet.errors import Conflict, InvalidInput, NotFound
from vangnet.identity.permissions import Permission
from vangnet.reports.rules.linking.features import Doubt, FeatureKind
from vangnet.reports.rules.linking.grouping import Cut, Deed, Dismissed, Merged, Split
from vangnet.reports.service.linking import link_views, links
from vangnet.web.access import needs
from vangnet.web.languages import marked
from vangnet.web.ui.link_graph import NODES_MAX, WIDTH, graph_of, joined_by_hand
from vangnet.web.ui.report_words import WORDS
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

DONE = {
    "links-cut": marked("This link joins nothing any more. You can undo it below."),
    "links-dismissed": marked("This value joins nothing any more, in any report. You can undo it below."),
    "links-merged": marked("These reports belong together now. You can undo it below."),
    "links-split": marked("These reports stay apart from now on. You can undo it below."),
    "links-undone": marked("It is undone."),
    "links-redone": marked("It is done again."),
}
KIND_NAMES = {
    FeatureKind.ACCOUNT: marked("account"),
    FeatureKind.EMAIL: marked("mail address"),
    FeatureKind.PHONE: marked("telephone number"),
    FeatureKind.DEVICE: marked("device"),
    FeatureKind.PAYMENT: marked("account or wallet for money"),
    FeatureKind.PROFILE: marked("profile page"),
    FeatureKind.FILE: marked("file"),
    FeatureKind.PAGE: marked("page on the web"),
    FeatureKind.PICTURE: marked("picture"),
    FeatureKind.ADDRESS: marked("network address"),
    FeatureKind.NETWORK: marked("network of one customer"),
    FeatureKind.SCREEN_NAME: marked("shown name"),
    FeatureKind.HOST: marked("host"),
}
#: The other kinds say how near the two are, too.
SAME_NAMES = {
    FeatureKind.ACCOUNT: marked("same account"),
    FeatureKind.EMAIL: marked("same mail address"),
    FeatureKind.PHONE: marked("same telephone number"),
    FeatureKind.DEVICE: marked("same device"),
    FeatureKind.PAYMENT: marked("same account or wallet for money"),
    FeatureKind.PROFILE: marked("same profile page"),
    FeatureKind.PAGE: marked("same page on the web"),
    FeatureKind.SCREEN_NAME: marked("same shown name"),
    FeatureKind.HOST: marked("same host"),
}
DOUBT_NAMES = {
    Doubt.KIND: marked("many people can have the same"),
    Doubt.COMMON: marked("too many reports have it"),
    Doubt.LISTED: marked("the file is on a list, and goes from hand to hand"),
    Doubt.COLLECTION: marked("a large collection, of which they share little"),
    Doubt.PLAIN: marked("the picture shows too little"),
    Doubt.SUPPLEMENTAL: marked("it was only sent along"),
    Doubt.PROXY: marked("somebody else is behind the address"),
    Doubt.CARRIER: marked("many customers share the address"),
    Doubt.APART: marked("seen too long apart"),
    Doubt.UNTIMED: marked("nobody knows when it was seen"),
    Doubt.UNVERIFIED: marked("the service did not confirm it"),
    Doubt.NO_SERVICE: marked("at which service is not known"),
    Doubt.NO_COUNTRY: marked("in which country is not known"),
    Doubt.DISMISSED: marked("a colleague said that it says nothing"),
}
_DEED_NAMES: dict[type[Deed], str] = {
    Cut: marked("link cut"),
    Dismissed: marked("value dismissed"),
    Merged: marked("reports joined"),
    Split: marked("reports kept apart"),
}
_NUMBERS = marked("must be numbers of reports, such as 118 or 118, 121")
_GONE = marked("this report does not share that value any more")

_Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
_Id = Annotated[int, Form(ge=1, le=2**63 - 1)]
_Text = Annotated[str, Form(max_length=10_000)]


@router.get("/reports/{report_id}/links", dependencies=[needs(Permission.REPORT_WORK)])
def show_links(visit: Visit, report_id: _Number) -> Response:
    """The group of a report, and why each of it belongs there."""
    return _links_page(visit, report_id)


@router.post("/reports/{report_id}/links/cut", dependencies=[needs(Permission.REPORT_WORK)])
def cut_link(visit: Visit, report_id: _Number, a: _Id, b: _Id, kind: _Text = "") -> Response:
    """Cuts the link of one kind between two reports, or all."""
    try:
        if kind and kind not in set(FeatureKind):
            raise InvalidInput(field="kind", problem=marked("must be one of those that are offered"))
        with visit.transaction() as conn:
            wanted = FeatureKind(kind) if kind else None
            links.cut(conn, visit.actor, keys=visit.keys, a=a, b=b, kind=wanted, now=visit.now)
    except (InvalidInput, Conflict) as error:
        return _links_page(visit, report_id, problem=visit.say(error))
    return visit.redirect(f"/reports/{report_id}/links", done="links-cut")


@router.post("/reports/{report_id}/links/dismiss", dependencies=[needs(Permission.REPORT_WORK)])
def dismiss_value(visit: Visit, report_id: _Number, value: _Text = "") -> Response:
    """Says that a value of this report says nothing."""
    try:
        if not re.fullmatch(r"[0-9a-f]{32}", value):
            raise InvalidInput(field="value", problem=_GONE)
        with visit.transaction() as conn:
            links.dismiss(conn, visit.actor, keys=visit.keys, report_id=report_id, code=bytes.fromhex(value), now=visit.now)
    except NotFound:
        return _links_page(visit, report_id, problem=visit.say(Conflict(problem=_GONE)))
    except (InvalidInput, Conflict) as error:
        return _links_page(visit, report_id, problem=visit.say(error))
    return visit.redirect(f"/reports/{report_id}/links", done="links-dismissed")


@router.post("/reports/{report_id}/links/merge", dependencies=[needs(Permission.REPORT_WORK)])
def merge_reports(visit: Visit, report_id: _Number, reports: _Text = "") -> Response:
    """Joins this report, and its group, with others."""
    try:
        found = re.findall(r"[0-9]{1,18}", reports)
        if not found or re.sub(r"[0-9\s,;.]+", "", reports):
            raise InvalidInput(field="reports", problem=_NUMBERS)
        with visit.transaction() as conn:
            wanted = {report_id, *map(int, found)}
            links.merge(conn, visit.actor, keys=visit.keys, report_ids=wanted, now=visit.now)
    except NotFound:
        return _links_page(
            visit, report_id, wrong={"reports": visit.say(InvalidInput(field="", problem=_NUMBERS))}, given=reports
        )
    except InvalidInput as error:
        return _links_page(visit, report_id, wrong={"reports": visit.say(error)}, given=reports)
    except Conflict as error:
        return _links_page(visit, report_id, problem=visit.say(error), given=reports)
    return visit.redirect(f"/reports/{report_id}/links", done="links-merged")


@router.post("/reports/{report_id}/links/split", dependencies=[needs(Permission.REPORT_WORK)])
def split_group(visit: Visit, report_id: _Number, chosen: Annotated[list[int], Form()] = []) -> Response:  # noqa: B006
    """Keeps the chosen reports of the group apart from its others."""
    try:
        with visit.transaction() as conn:
            links.split(conn, visit.actor, keys=visit.keys, report_id=report_id, chosen=set(chosen), now=visit.now)
    except (InvalidInput, Conflict) as error:
        return _links_page(visit, report_id, problem=visit.say(error))
    return visit.redirect(f"/reports/{report_id}/links", done="links-split")


@router.post("/reports/{report_id}/links/undo", dependencies=[needs(Permission.REPORT_WORK)])
def undo_deed(visit: Visit, report_id: _Number, deed: _Id) -> Response:
    """Undoes what somebody did here."""
    try:
        with visit.transaction() as conn:
            links.undo(conn, visit.actor, keys=visit.keys, deed_id=deed, now=visit.now)
    except Conflict as error:
        return _links_page(visit, report_id, problem=visit.say(error))
    return visit.redirect(f"/reports/{report_id}/links", done="links-undone")


@router.post("/reports/{report_id}/links/redo", dependencies=[needs(Permission.REPORT_WORK)])
def redo_deed(visit: Visit, report_id: _Number, deed: _Id) -> Response:
    """Does again what somebody undid."""
    try:
        with visit.transaction() as conn:
            links.redo(conn, visit.actor, keys=visit.keys, deed_id=deed, now=visit.now)
    except Conflict as error:
        return _links_page(visit, report_id, problem=visit.say(error))
    return visit.redirect(f"/reports/{report_id}/links", done="links-redone")


def _links_page(
    visit: OneVisit,
    report_id: int,
    *,
    problem: str | None = None,
    wrong: dict[str, str] | None = None,
    given: str = "",
) -> Response:
    with visit.transaction() as conn:
        shown = link_views.show_links(conn, visit.actor, keys=visit.keys, report_id=report_id, now=visit.now)
    members = [one.id for one in shown.members]
    merged = [row.deed.reports for row in shown.deeds if row.stands and isinstance(row.deed, Merged)]
    by_hand = joined_by_hand(members, shown.links, merged)
    return visit.page(
        "reports/links.html",
        status=409 if problem else 422 if wrong else 200,
        shown=shown,
        graph=graph_of(members, shown.links, shown.bridges, by_hand) if len(members) > 1 else None,
        by_hand=by_hand,
        width=WIDTH,
        nodes_max=NODES_MAX,
        problem=problem,
        wrong=wrong or {},
        given=given,
        kind_names=KIND_NAMES,
        same_names=SAME_NAMES,
        doubt_names=DOUBT_NAMES,
        deed_names={row.deed.number: _DEED_NAMES[type(row.deed)] for row in shown.deeds},
        deed_reports={row.deed.number: _reports_of(row.deed) for row in shown.deeds},
        **WORDS,
    )


def _reports_of(deed: Deed) -> str:
    """The reports that a deed names, as text."""
    match deed:
        case Cut():
            return f"{deed.a} \u2013 {deed.b}"
        case Merged():
            return _some(deed.reports)
        case Split():
            return f"{_some(deed.one)} | {_some(deed.other)}"
        case _:
            return ""


def _some(reports: frozenset[int], most: int = 12) -> str:
    listed = sorted(reports)
    return ", ".join(map(str, listed[:most])) + (" …" if len(listed) > most else "")
