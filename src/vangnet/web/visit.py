"""One request as a handler sees it: who visits, when, in which language, and how to answer.

Who visits is found out on first need, in a transaction of its own, so that a public page that greets nobody asks the
database nothing. A handler opens its transaction with `visit.transaction()` and calls one service in it.
"""

from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import cached_property
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from vangnet.audit.model import Actor
from vangnet.config import Settings
from vangnet.db import Connection
from vangnet.errors import AppError
from vangnet.identity.model import Installation, Language, Person, Session
from vangnet.identity.service.password_hashes import PasswordHashes
from vangnet.keys import Keys
from vangnet.web.languages import preferred
from vangnet.web.site import Site
from vangnet.web.visitor import Visitor, client_address, find_fresh, find_visitor


class OneVisit:
    """A request, and what is known about it. Handlers take it as `visit: Visit`."""

    def __init__(self, request: Request) -> None:
        self.request = request
        #: The time of this request, read once: everything that happens in it happens then.
        self.now = datetime.now(UTC)
        self._site: Site = request.app.state.site
        self._spoken: Language | None = None
        request.state.visit = self

    # --- what the installation has ---

    @property
    def settings(self) -> Settings:
        """The installation's settings."""
        return self._site.settings

    @property
    def keys(self) -> Keys:
        """The installation's keys."""
        return self._site.keys

    @property
    def password_hashes(self) -> PasswordHashes:
        """What makes and checks the hashes of passwords."""
        return self._site.password_hashes

    @property
    def site(self) -> Site:
        """What all visits share."""
        return self._site

    def transaction(self) -> AbstractContextManager[Connection]:
        """A transaction: committed at the end of the block, rolled back if the block raises.

        Raises DatabaseUnavailable, StorageFull.
        """
        return self._site.database.transaction()

    # --- who visits ---

    @cached_property
    def _visitor(self) -> Visitor:
        site = self._site
        return find_visitor(site.database, self.request, settings=site.settings, cookies=site.cookies, now=self.now)

    @property
    def actor(self) -> Actor:
        """Who acts, with their permissions; an anonymous actor with none where nobody is signed in."""
        return self._visitor.actor

    @property
    def known(self) -> bool:
        """Whether the visitor proved to be somebody: a person by a session, a program by its key."""
        return self._visitor.known

    @property
    def person(self) -> Person | None:
        """The person who is signed in, the second factor included."""
        return self._visitor.person

    @property
    def session(self) -> Session | None:
        """The session of this browser, which may still owe the second factor."""
        return self._visitor.session

    @property
    def installation(self) -> Installation | None:
        """Whose installation this is; None before the set-up, and for programs, which are not told on every request."""
        return self._visitor.installation

    @property
    def second_factor_pending(self) -> bool:
        """Whether the password was right and the second factor is still owed."""
        return self._visitor.second_factor_pending

    def find_visitor(self) -> Visitor:
        """Who visits. Raises DatabaseUnavailable."""
        return self._visitor

    def is_remembered(self) -> bool:
        """Whether it is known without asking the database: by a key that was looked up a moment ago."""
        actor = find_fresh(self._site, self.request, now=self.now)
        if actor is not None:
            self.__dict__["_visitor"] = Visitor(actor=actor)
        return actor is not None

    @property
    def visitor_so_far(self) -> Visitor | None:
        """Who visits, if that was asked already: for error pages, which must not need the database."""
        return self.__dict__.get("_visitor")

    @property
    def client_address(self) -> str:
        """The address of whoever is connected: for limits on guessing, never for the log."""
        return client_address(self.request)

    @property
    def language(self) -> Language:
        """The language to answer in: the person's, else the cookie's, else the browser's."""
        if self._spoken is not None:
            return self._spoken
        visitor = self.visitor_so_far
        person = visitor.person if visitor is not None else None
        chosen = self._site.cookies.choice(self.request, "language")
        wanted = self.request.headers.get("accept-language")
        return preferred(person.language if person is not None else None, chosen, wanted)

    def speak(self, language: Language) -> None:
        """Answers in this language, which the address asks for: for pages that leave no cookie."""
        self._spoken = language

    # --- how to answer ---

    def page(self, template: str, *, status: int = 200, **context: Any) -> Response:
        """A page made from `templates/<template>`, in the visitor's language. Raises DatabaseUnavailable."""
        self.find_visitor()  # Every page greets its visitor, and says whose installation it is.
        return self._site.pages.render(self, template, status=status, context=context)

    def redirect(self, path: str, *, done: str | None = None) -> Response:
        """Sends the browser on to a page of ours (303); `done` is the code of a sentence that the page then shows."""
        if done is not None:
            path += ("&" if "?" in path else "?") + urlencode({"done": done})
        return RedirectResponse(path, status_code=303)

    def sign_in(self, response: Response, token: str) -> None:
        """Gives the browser the cookie of a session."""
        self._site.cookies.set_session(response, token)

    def sign_out(self, response: Response) -> None:
        """Takes the session's cookie back."""
        self._site.cookies.drop_session(response)

    @property
    def device(self) -> str | None:
        """What an earlier sign-in from this browser left in it, by which a limit on guessing knows it again."""
        return self._site.cookies.choice(self.request, "device")

    def remember_device(self, response: Response, value: str) -> None:
        """Leaves that in the browser for a year."""
        self._site.cookies.set_choice(response, "device", value)

    def say(self, error: AppError) -> str:
        """An error's sentence in the visitor's language, for a form that is shown again."""
        return self._site.pages.sentence_of(error, self.language)


async def _open_visit(request: Request) -> OneVisit:
    return OneVisit(request)


#: The parameter of every handler that needs to know about the request.
Visit = Annotated[OneVisit, Depends(_open_visit)]
