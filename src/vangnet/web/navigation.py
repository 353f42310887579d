"""What the shell around every page shows: whose installation this is, at most seven ways to go, and who is signed in.

Providers and authorities have one menu, whoever takes reports another: what nobody does all day has no place in it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vangnet.identity.model import Installation, InstallationKind
from vangnet.identity.permissions import Permission
from vangnet.web.languages import marked

if TYPE_CHECKING:
    from vangnet.reports.service.desk.watching import Banner
    from vangnet.web.visit import OneVisit


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuItem:
    """One entry of the menu; shown to whoever has the permission."""

    path: str
    label: str
    permission: Permission | None = None
    #: Other places that are reached from this one.
    also: tuple[str, ...] = ()


KIND_NAMES = {
    InstallationKind.PROVIDER: marked("Provider"),
    InstallationKind.HOTLINE: marked("Hotline"),
    InstallationKind.POLICE: marked("Police"),
    InstallationKind.AUTHORITY: marked("Authority"),
}

_REST = (
    MenuItem(
        path="/lists",
        label=marked("Lists"),
        permission=Permission.REGISTRY_READ,
        also=("/entries", "/disputes", "/subscriptions"),
    ),
    MenuItem(path="/people", label=marked("People"), permission=Permission.PERSON_READ),
    MenuItem(path="/parties", label=marked("Parties"), permission=Permission.PARTY_READ, also=("/keys", "/hand-offs")),
    MenuItem(path="/audit", label=marked("Audit"), permission=Permission.AUDIT_READ),
    MenuItem(path="/health", label=marked("Health"), permission=Permission.HEALTH_READ, also=("/jobs",)),
)
#: At most seven: who has to read a menu has lost the thread.
MENU = (
    MenuItem(path="/", label=marked("Start")),
    MenuItem(path="/gate", label=marked("Gate"), permission=Permission.GATE_READ, also=("/decisions", "/webhook", "/past")),
    *_REST,
)
#: The same of a hotline and of police. A gate that they have is found under the person's name.
REPORTS_MENU = (
    MenuItem(path="/", label=marked("Start"), also=("/shift",)),
    MenuItem(
        path="/queue",
        label=marked("Reports"),
        permission=Permission.REPORT_READ,
        also=("/reports", "/assess", "/danger", "/deliveries", "/triage", "/referrals", "/evidence", "/outcomes"),
    ),
    *_REST,
)
#: What those who assess need besides, found under the person's name.
_ASSESSING = (
    MenuItem(path="/assess/second", label=marked("Second answers"), permission=Permission.REPORT_WORK),
    MenuItem(path="/assess/agreement", label=marked("Agreement"), permission=Permission.REPORT_LEAD),
    MenuItem(path="/me/exposure", label=marked("My exposure"), permission=Permission.REPORT_WORK),
)
_TAKE_REPORTS = {InstallationKind.HOTLINE, InstallationKind.POLICE}


def takes_reports(installation: Installation | None) -> bool:
    """Whether reports are worked on here."""
    return installation is not None and installation.kind in _TAKE_REPORTS


def menu_of(installation: Installation | None) -> tuple[MenuItem, ...]:
    """The menu of an installation."""
    return REPORTS_MENU if takes_reports(installation) else MENU


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """The values of `shell.html`."""

    installation_name: str | None
    kind_name: str | None
    person_name: str | None
    menu: tuple[MenuItem, ...]
    here: str
    theme: str
    single_keys: bool
    back: str
    #: What somebody may open and the menu has no place for.
    elsewhere: tuple[MenuItem, ...]
    #: What calls this person, shown above every page; and whether the page looks for that while it stays open.
    danger: "Banner | None"
    on_watch: bool


def shell_of(visit: "OneVisit") -> Shell:
    """The shell for this visit. Asks the database nothing that was not asked already."""
    visitor = visit.visitor_so_far
    person = visitor.person if visitor is not None else None
    installation = visitor.installation if visitor is not None else None
    permissions = visitor.actor.permissions if visitor is not None and person is not None else frozenset()
    path = visit.request.url.path
    shown = menu_of(installation)
    menu = tuple(item for item in shown if item.permission is None or item.permission in permissions)
    others = (*MENU, *_ASSESSING) if takes_reports(installation) else MENU
    elsewhere = tuple(item for item in others if item not in shown and item.path != "/" and item.permission in permissions)
    choice = visit.site.cookies.choice
    return Shell(
        installation_name=installation.party_name if installation is not None else None,
        kind_name=KIND_NAMES[installation.kind] if installation is not None else None,
        person_name=person.name if person is not None else None,
        menu=menu if person is not None else (),
        here=next((item.path for item in menu if _leads_to(item, path)), ""),
        theme=person.theme if person is not None else choice(visit.request, "theme") or "system",
        single_keys=choice(visit.request, "keys") != "off",
        # Without the query: it may hold a sentence that was shown once, and searches stay out of forms.
        back=path if visit.request.method == "GET" else "/",
        elsewhere=elsewhere,
        danger=visitor.danger if visitor is not None else None,
        on_watch=visitor is not None and visitor.on_watch,
    )


def _leads_to(item: MenuItem, path: str) -> bool:
    return any(path == own or (path.startswith(own.rstrip("/") + "/") and own != "/") for own in (item.path, *item.also))
