"""The public page of a hotline or the police: three doors, links and never files, no name asked for.

It works without script, asks no other server for anything, and leaves no cookie: the language is in the address where
somebody chose one. Who asks is written nowhere; how often somebody sends is counted by a code that nobody keeps.
"""

import secrets
from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from vangnet.audit.model import Actor, ActorKind
from vangnet.errors import InvalidInput, NotFound
from vangnet.identity.model import InstallationKind, Language, PartyKind
from vangnet.identity.model.parties import LEGAL_TIME_ZONE, PartyState
from vangnet.identity.permissions import Permission
from vangnet.identity.service import parties
from vangnet.reports.formats.public_form import KINDS, LINE_MAX, NOTE_MAX, PublicForm, read_form
from vangnet.reports.model.drafts import Incident, ReportDraft
from vangnet.reports.rules.intake.help_contacts import HelpContacts
from vangnet.reports.service.intake import public
from vangnet.reports.service.intake.public import PublicState
from vangnet.web.access import PUBLIC, needs
from vangnet.web.languages import marked
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

_KINDS = {
    Incident.MATERIAL: marked("Pictures or videos"),
    Incident.ENTICEMENT: marked("An adult approaches a child online"),
    Incident.EXTORTION: marked("Somebody is threatened with pictures"),
    Incident.LIVE_STREAM: marked("A live stream"),
    Incident.OTHER: marked("Something else"),
}
_STATES = {
    PublicState.RECEIVED: marked("Received"),
    PublicState.FORWARDED: marked("Forwarded"),
    PublicState.HANDLED: marked("Handled"),
}
_TOO_OFTEN = marked("A lot was sent over your connection in the last hour. Wait an hour, or call.")
_NO_RECEIPT = marked("There is no report with this receipt. Check each group of letters and digits.")
_KINDS_WITH_PAGE = frozenset({InstallationKind.HOTLINE, InstallationKind.POLICE})
#: The page looks for a hotline that people can be sent to, and for nothing else.
_PAGE = Actor(kind=ActorKind.SYSTEM, id="public_page", permissions=frozenset({Permission.PARTY_READ}))

_Asked = Annotated[str, Query(alias="language", max_length=10)]
_Chosen = Annotated[str, Form(alias="language", max_length=10)]
_Text = Annotated[str, Form(max_length=1_000_000)]


@router.get("/report", dependencies=[needs(PUBLIC)])
def show_doors(visit: Visit, language: _Asked = "") -> Response:
    """The three doors."""
    return _page(visit, "public/doors.html", language, hotline=_hotline(visit))


@router.get("/report/saw", dependencies=[needs(PUBLIC)])
def show_form(visit: Visit, language: _Asked = "") -> Response:
    """The form for whoever saw something."""
    return _form_page(visit, language, PublicForm(), secrets.token_urlsafe(18))


@router.post("/report/saw", dependencies=[needs(PUBLIC)])
def send_report(
    *,
    visit: Visit,
    links: _Text = "",
    kind: _Text = "",
    place: _Text = "",
    seen_at: _Text = "",
    note: _Text = "",
    who: _Text = "anonymous",
    contact: _Text = "",
    token: _Text = "",
    language: _Chosen = "",
) -> Response:
    """Keeps the report and shows its receipt; a second click shows the same one."""
    _require_page(visit, language)
    form = PublicForm(
        links=links, kind=kind, place=place, seen_at=seen_at, note=note, anonymous=who != "reachable", contact=contact
    )
    token = token or secrets.token_urlsafe(18)
    found = read_form(form, language=visit.language, zone=LEGAL_TIME_ZONE, now=visit.now)
    if not isinstance(found, ReportDraft):
        return _form_page(visit, language, form, token, problems=found, status=422)
    if not visit.site.public_limit.allows(visit.client_address, visit.now):
        return _form_page(visit, language, form, token, alert=_TOO_OFTEN, status=429)
    with visit.transaction() as conn:
        told = public.tell(conn, keys=visit.keys, draft=found, token=token, now=visit.now)
    return _page(visit, "public/received.html", language, receipt=told.receipt)


@router.get("/report/me", dependencies=[needs(PUBLIC)])
def show_help_for_me(visit: Visit, language: _Asked = "") -> Response:
    """Help for whom it happens to: no form."""
    return _page(visit, "public/me.html", language)


@router.get("/report/worry", dependencies=[needs(PUBLIC)])
def show_help_for_worry(visit: Visit, language: _Asked = "") -> Response:
    """Help for who worries about somebody, or about themselves."""
    return _page(visit, "public/worry.html", language)


@router.get("/report/receipt", dependencies=[needs(PUBLIC)])
def show_receipt_form(visit: Visit, language: _Asked = "") -> Response:
    """Asks for a receipt."""
    return _page(visit, "public/receipt.html", language, state=None, problem=None)


@router.post("/report/receipt", dependencies=[needs(PUBLIC)])
def look_up_receipt(visit: Visit, receipt: _Text = "", language: _Chosen = "") -> Response:
    """Says what became of a report, in one word."""
    _require_page(visit, language)
    if not visit.site.public_limit.allows(visit.client_address, visit.now):
        return _page(visit, "public/receipt.html", language, status=429, state=None, problem=_TOO_OFTEN)
    try:
        with visit.transaction() as conn:
            state = public.look_up(conn, keys=visit.keys, receipt=receipt)
    except NotFound:
        return _page(visit, "public/receipt.html", language, status=422, state=None, problem=_NO_RECEIPT)
    return _page(visit, "public/receipt.html", language, state=_STATES[state], problem=None)


def _form_page(
    visit: OneVisit,
    language: str,
    form: PublicForm,
    token: str,
    *,
    problems: list[InvalidInput] | None = None,
    alert: str | None = None,
    status: int = 200,
) -> Response:
    _require_page(visit, language)
    return _page(
        visit,
        "public/saw.html",
        language,
        status=status,
        hotline=_hotline(visit),
        form=form,
        token=token,
        kinds=[(kind.value, visit.site.pages.translated(_KINDS[kind], visit.language)) for kind in KINDS],
        problems={error.field: visit.say(error) for error in problems or ()},
        problem=alert,
        note_max=NOTE_MAX,
        line_max=LINE_MAX,
    )


def _page(visit: OneVisit, template: str, language: str, *, status: int = 200, **context: object) -> Response:
    contacts = _require_page(visit, language)
    path = visit.request.url.path
    return visit.page(
        template,
        status=status,
        help=contacts,
        # Only where somebody chose one: an address should not tell more of a person than it must.
        chosen=visit.language if language in set(Language) else "",
        # What was sent leads to nothing in another language: somebody would lose it, or their receipt.
        paths={each: f"{path}?language={each}" for each in Language} if visit.request.method == "GET" else {},
        **context,
    )


def _require_page(visit: OneVisit, language: str) -> HelpContacts:
    """The contacts of the page, in the language that was chosen. Raises NotFound where there is no such page."""
    if language in set(Language):
        visit.speak(Language(language))
    if visit.site.help is None or not has_public_page(visit):
        raise NotFound(record="page", key="report")
    return visit.site.help.contacts()


def has_public_page(visit: OneVisit) -> bool:
    """Whether this installation has a public page, to lead people there who came to the wrong door."""
    installation = visit.find_visitor().installation
    return visit.site.help is not None and installation is not None and installation.kind in _KINDS_WITH_PAGE


def _hotline(visit: OneVisit) -> tuple[str, str] | None:
    """At the police: the name and public page of a hotline that we know, which handles links."""
    if visit.installation is None or visit.installation.kind is not InstallationKind.POLICE:
        return None
    with visit.transaction() as conn:
        known = parties.list_parties(conn, _PAGE)
    for party in known:
        if party.kind is PartyKind.HOTLINE and party.state is PartyState.KNOWN and party.base_url is not None:
            return party.name, f"{party.base_url}/report"
    return None
