"""Who visits: a person by the session's cookie, a program by its key, or nobody that we know."""

import base64
from dataclasses import dataclass, field
from datetime import datetime

from starlette.requests import Request

from vangnet.audit.model import Actor, ActorKind
from vangnet.config import Settings
from vangnet.db import Connection, Database
from vangnet.errors import DatabaseUnavailable, NotSignedIn
from vangnet.identity.model import ANONYMOUS, Installation, Person, Refused, Session, SignedInPerson
from vangnet.identity.service import api_keys, installation, sessions
from vangnet.reports.service.desk import watching
from vangnet.reports.service.desk.watching import Banner, Called
from vangnet.web.cookies import Cookies
from vangnet.web.navigation import takes_reports
from vangnet.web.site import Site

#: What goes on while the database is away: see `remembered_keys`.
_CHECKS = ("/api/v1/check", "/v1/", "/m/", "/h/")
#: Where programs ask that were made for others' servers.
_OTHERS = ("/v1/", "/h/", "/m/", "/c/", "/status")
_NOT_CALLED = Called(on_watch=False, banner=None)
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who it is. `person` is there only when the sign-in is complete; `session` also before that."""

    actor: Actor = ANONYMOUS
    person: Person | None = field(default=None, repr=False)
    session: Session | None = field(default=None, repr=False)
    #: Whose pages these are, read along because every page says so; None for programs, and before the set-up.
    installation: Installation | None = None
    #: What calls this person: a child may be in danger, and nobody took the report. Read along because every page says so.
    danger: Banner | None = None
    on_watch: bool = False

    @property
    def known(self) -> bool:
        """Whether the visitor proved to be somebody."""
        return self.actor.kind is not ActorKind.ANONYMOUS

    @property
    def second_factor_pending(self) -> bool:
        """Whether the password was right and the second factor is still owed."""
        return self.session is not None and not self.session.whole


def is_for_programs(request: Request) -> bool:
    """Whether a program reads the answer: it then gets a problem document, never a page or the way to one."""
    path: str = request.scope["path"]
    for_programs = path.startswith(("/api/v1/", *_OTHERS)) or path == "/api/openapi.json" or path in _PROBES
    return for_programs or request.app.state.site.programs_only


def is_for_basic(request: Request) -> bool:
    """Whether programs made for others' servers ask here: they can show a key as a password only."""
    path: str = request.scope["path"]
    return path.startswith(_OTHERS)


def find_visitor(database: Database, request: Request, *, settings: Settings, cookies: Cookies, now: datetime) -> Visitor:
    """Who sent the request.

    A key counts only where programs are served, and is then the only thing that counts. Raises NotSignedIn where one is
    given that is not good, TooManyAttempts, DatabaseUnavailable.
    """
    shown = request.headers.get("authorization")
    if shown is not None and is_for_programs(request):
        return Visitor(actor=_by_key(database, request, shown, now=now))
    token = cookies.session(request)
    with database.transaction() as conn:
        whose = installation.find_installation(conn)
        found = None if token is None else _by_session(conn, token, settings, now)
        called = _NOT_CALLED
        if found is not None and found.session.whole and takes_reports(whose):
            called = watching.called(conn, found.actor(), now=now)
    if found is None:
        return Visitor(installation=whose)
    return Visitor(
        actor=found.actor(),
        person=found.person if found.session.whole else None,
        session=found.session,
        installation=whose,
        danger=called.banner,
        on_watch=called.on_watch,
    )


def client_address(request: Request) -> str:
    """The address of whoever asks: for limits on guessing, never for the log.

    Behind a reverse proxy everybody is connected from the same address. So where a proxy that the settings trust is
    connected, it is the last address in X-Forwarded-For that no such proxy has; whoever wrote those before it is unknown.
    """
    address = request.client.host if request.client is not None else "unknown"
    trusted = request.app.state.site.settings.trusted_proxies.split(", ")
    forwarded = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
    while address in trusted and forwarded and (before := forwarded.pop().strip()):
        address = before
    return address


def _by_session(conn: Connection, token: str, settings: Settings, now: datetime) -> SignedInPerson | None:
    return sessions.resolve(conn, token, now=now, idle_minutes=settings.session_idle_minutes, hours=settings.session_hours)


def _key_shown(shown: str, *, basic: bool) -> str:
    scheme, _, text = shown.partition(" ")
    if scheme.lower() == "bearer":
        return text.strip()
    if scheme.lower() != "basic" or not basic:
        raise NotSignedIn
    try:
        name, _, password = base64.b64decode(text.strip(), validate=True).decode().partition(":")
    except ValueError:
        raise NotSignedIn from None
    return password or name


def find_fresh(site: Site, request: Request, *, now: datetime) -> Actor | None:
    """Who sent the request, where that is known without the database: a check, with a key that was good a moment ago."""
    shown = request.headers.get("authorization")
    if shown is None or not request.scope["path"].startswith(_CHECKS):
        return None
    try:
        text = _key_shown(shown, basic=is_for_basic(request))
    except NotSignedIn:
        return None  # To be refused by whoever looks closer.
    if site.gate is not None and site.gate.database_away:
        return site.remembered_keys.find(text, now)
    return site.remembered_keys.find_fresh(text, now)


def _by_key(database: Database, request: Request, shown: str, *, now: datetime) -> Actor:
    site: Site = request.app.state.site
    fresh = find_fresh(site, request, now=now)
    if fresh is not None:
        return fresh
    text = _key_shown(shown, basic=is_for_basic(request))
    try:
        # The count of wrong attempts must be committed, so the refusal comes after the transaction.
        with database.transaction() as conn:
            answer = api_keys.authenticate(conn, text, client_address=client_address(request), now=now)
    except DatabaseUnavailable:
        remembered = site.remembered_keys.find(text, now) if request.scope["path"].startswith(_CHECKS) else None
        if remembered is None:
            raise
        return remembered
    if isinstance(answer, Refused):
        site.remembered_keys.forget(text)
        raise NotSignedIn
    site.remembered_keys.remember(text, answer, now)
    return answer
