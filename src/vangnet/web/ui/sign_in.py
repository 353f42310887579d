"""Signing in and out: the password, then the second factor; or a passkey alone; or a link from the console.

By the party's identity provider: `identity_provider.py`. A link from the console signs in when it is opened, one of the few
addresses where a GET changes something: it is made by hand, passed on by hand, and never mailed, so no scanner or preview
follows it first.
"""

from collections.abc import Callable
from typing import Annotated, Protocol, assert_never
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from vangnet.db import Connection
from vangnet.errors import TooManyAttempts
from vangnet.identity.model import Client, Refused, SecondFactorNeeded, Session, SignedIn, SignInMeans
from vangnet.identity.service import factors, passkeys, sessions, sign_in
from vangnet.web.access import PUBLIC, SECOND_FACTOR_PENDING, needs
from vangnet.web.languages import marked
from vangnet.web.security import local_path
from vangnet.web.ui import passkey_forms
from vangnet.web.ui.public import has_public_page
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

DONE = {
    "signed-out": marked("You are signed out."),
    "recovery-code-used": marked("You are signed in. That recovery code is used up; strike it off your list."),
}

_NO_MATCH = marked("E-mail address and password do not match. Check both; after some attempts you have to wait a while.")
_NO_CODE = marked("This code does not match. Each counts for half a minute and once: take the next one.")
_NO_RECOVERY_CODE = marked("This is none of your unused recovery codes.")
_NO_PASSKEY = marked("The passkey was not taken: it is not known here, or it took too long. Try again.")
_NO_LINK = marked("This link does not count any more: it was used, replaced, or is too old.")

_Text = Annotated[str, Form(max_length=2000)]
#: Where to go after signing in; `next` in addresses and forms.
_Onward = Annotated[str, Form(alias="next", max_length=2000)]
_OnwardAsked = Annotated[str, Query(alias="next", max_length=2000)]
_Answer = Annotated[str, Form(max_length=20_000)]


# --- the first half ------------------------------------------------------------------------------------------------


@router.get("/sign-in", dependencies=[needs(PUBLIC)])
def show_sign_in(visit: Visit, onward: _OnwardAsked = "/") -> Response:
    """The sign-in page."""
    visitor = visit.find_visitor()
    if visitor.second_factor_pending:
        return visit.redirect("/sign-in/code")
    if visitor.person is not None:
        return visit.redirect(local_path(onward))
    return sign_in_page(visit, onward=onward)


@router.post("/sign-in", dependencies=[needs(PUBLIC)])
def sign_in_with_password(visit: Visit, email: _Text = "", password: _Text = "", onward: _Onward = "/") -> Response:
    """The password, which the second factor follows."""
    try:
        with visit.transaction() as conn:
            outcome = sign_in.with_password(
                conn,
                visit.actor,
                email=email,
                password=password,
                client=client_of(visit),
                keys=visit.keys,
                now=visit.now,
                hashes=visit.password_hashes,
            )
    except TooManyAttempts as error:
        return sign_in_page(visit, email=email, onward=onward, problem=visit.say(error), status=429)
    match outcome:
        case SecondFactorNeeded():
            return to_second_factor(visit, outcome, onward=onward)
        case Refused():
            return sign_in_page(visit, email=email, onward=onward, problem=_NO_MATCH, status=422)
        case _:
            assert_never(outcome)


@router.post("/sign-in/passkey", dependencies=[needs(PUBLIC)])
def sign_in_with_passkey(visit: Visit, sealed: _Text = "", answer: _Answer = "", onward: _Onward = "/") -> Response:
    """A passkey alone: the device verified its owner itself."""
    return _finish(
        visit,
        lambda conn: passkeys.sign_in(
            conn,
            visit.actor,
            sealed=sealed,
            answer=answer,
            base_url=passkey_forms.origin_of(visit),
            client=client_of(visit),
            keys=visit.keys,
            now=visit.now,
        ),
        onward=onward,
        wrong=_NO_PASSKEY,
        ask_again=sign_in_page,
    )


@router.get("/sign-in/link/{token}", dependencies=[needs(PUBLIC)])
def follow_link(visit: Visit, token: str) -> Response:
    """A link from the console: signs in and goes to the start page."""
    with visit.transaction() as conn:
        outcome = sign_in.with_link(conn, visit.actor, token=token, client=client_of(visit), keys=visit.keys, now=visit.now)
    match outcome:
        case SignedIn():
            return signed_in(visit, outcome)
        case Refused():
            return sign_in_page(visit, problem=_NO_LINK, status=404)
        case _:
            assert_never(outcome)


# --- the second half -----------------------------------------------------------------------------------------------


@router.get("/sign-in/code", dependencies=[needs(SECOND_FACTOR_PENDING)])
def show_code(visit: Visit, onward: _OnwardAsked = "/") -> Response:
    """Asks for the second factor, or sends on whoever has none yet."""
    return _code_page(visit, onward=onward)


@router.post("/sign-in/code", dependencies=[needs(SECOND_FACTOR_PENDING)])
def finish_with_code(visit: Visit, code: _Text = "", onward: _Onward = "/") -> Response:
    """A code of the authenticator app."""
    return _finish(
        visit,
        lambda conn: sign_in.with_code(
            conn,
            visit.actor,
            session=pending(visit),
            code=code,
            client=client_of(visit),
            keys=visit.keys,
            now=visit.now,
        ),
        onward=onward,
        wrong=_NO_CODE,
        ask_again=_code_page,
    )


@router.post("/sign-in/code/passkey", dependencies=[needs(SECOND_FACTOR_PENDING)])
def finish_with_passkey(visit: Visit, sealed: _Text = "", answer: _Answer = "", onward: _Onward = "/") -> Response:
    """A passkey of the person whose password was right."""
    return _finish(
        visit,
        lambda conn: passkeys.finish_second_half(
            conn,
            visit.actor,
            session=pending(visit),
            sealed=sealed,
            answer=answer,
            base_url=passkey_forms.origin_of(visit),
            client=client_of(visit),
            keys=visit.keys,
            now=visit.now,
        ),
        onward=onward,
        wrong=_NO_PASSKEY,
        ask_again=_code_page,
    )


@router.get("/sign-in/recovery-code", dependencies=[needs(SECOND_FACTOR_PENDING)])
def show_recovery_code(visit: Visit, onward: _OnwardAsked = "/") -> Response:
    """Asks for a recovery code."""
    return _recovery_code_page(visit, onward=onward)


@router.post("/sign-in/recovery-code", dependencies=[needs(SECOND_FACTOR_PENDING)])
def finish_with_recovery_code(visit: Visit, code: _Text = "", onward: _Onward = "/") -> Response:
    """One of the ten recovery codes, which is used up by it."""
    return _finish(
        visit,
        lambda conn: sign_in.with_recovery_code(
            conn,
            visit.actor,
            session=pending(visit),
            code=code,
            client=client_of(visit),
            keys=visit.keys,
            now=visit.now,
        ),
        onward=onward,
        wrong=_NO_RECOVERY_CODE,
        ask_again=_recovery_code_page,
    )


@router.post("/sign-out", dependencies=[needs(PUBLIC)])
def sign_out(visit: Visit) -> Response:
    """Ends this browser's session, complete or not."""
    session = visit.session
    if session is not None:
        with visit.transaction() as conn:
            sessions.sign_out(conn, visit.actor, session=session, now=visit.now)
    response = visit.redirect("/sign-in", done="signed-out")
    visit.sign_out(response)
    return response


# --- what the other pages of signing in use ------------------------------------------------------------------------


def client_of(visit: OneVisit) -> Client:
    """What asks to be let in."""
    return Client(address=visit.client_address, user_agent=visit.request.headers.get("user-agent"), device=visit.device)


def pending(visit: OneVisit) -> Session:
    """The session that owes its second factor; the route's rule made sure that there is one."""
    session = visit.session
    if session is None:
        raise AssertionError("the route needs SECOND_FACTOR_PENDING")
    return session


def sign_in_page(
    visit: OneVisit,
    *,
    email: str = "",
    onward: str = "/",
    problem: str | None = None,
    status: int = 200,
) -> Response:
    """The sign-in page, with what went wrong."""
    issuer = visit.settings.oidc_issuer
    return visit.page(
        "sign_in/sign_in.html",
        status=status,
        email=email,
        onward=local_path(onward),
        problem=problem,
        ceremony=passkey_forms.to_sign_in(visit),
        provider=None if issuer is None else urlsplit(issuer).hostname,
        public=has_public_page(visit),
    )


def to_second_factor(visit: OneVisit, outcome: SecondFactorNeeded, *, onward: str = "/") -> Response:
    """On to the second factor, with the cookie of a session that allows nothing else."""
    wanted = local_path(onward)
    response = visit.redirect("/sign-in/code" if wanted == "/" else f"/sign-in/code?next={quote(wanted, safe='/')}")
    visit.sign_in(response, outcome.token)
    return response


def signed_in(visit: OneVisit, outcome: SignedIn, *, onward: str = "/") -> Response:
    """On to the page that was wanted, signed in."""
    if outcome.session.means is SignInMeans.PASSWORD_AND_RECOVERY_CODE:
        response = visit.redirect("/me", done="recovery-code-used")
    else:
        response = visit.redirect(local_path(onward))
    give_cookies(visit, response, outcome)
    return response


def give_cookies(visit: OneVisit, response: Response, outcome: SignedIn) -> None:
    """The cookies of a complete sign-in."""
    visit.sign_in(response, outcome.token)
    visit.remember_device(response, outcome.device)


class _AskAgain(Protocol):
    """Shows a page of signing in anew."""

    def __call__(self, visit: OneVisit, *, onward: str, problem: str, status: int) -> Response: ...


def _finish(
    visit: OneVisit, prove: Callable[[Connection], SignedIn | Refused], *, onward: str, wrong: str, ask_again: _AskAgain
) -> Response:
    """Ends a sign-in by what `prove` checks, or asks again: with the sentence `wrong`, or with how long to wait."""
    try:
        with visit.transaction() as conn:
            outcome = prove(conn)
    except TooManyAttempts as error:
        return ask_again(visit, onward=onward, problem=visit.say(error), status=429)
    match outcome:
        case SignedIn():
            return signed_in(visit, outcome, onward=onward)
        case Refused():
            return ask_again(visit, onward=onward, problem=wrong, status=422)
        case _:
            assert_never(outcome)


def _recovery_code_page(visit: OneVisit, *, onward: str, problem: str | None = None, status: int = 200) -> Response:
    return visit.page("sign_in/recovery_code.html", status=status, onward=local_path(onward), problem=problem)


def _code_page(visit: OneVisit, *, onward: str, problem: str | None = None, status: int = 200) -> Response:
    with visit.transaction() as conn:
        own = factors.own_factors(conn, visit.actor, session=pending(visit))
        if not own.any:
            return visit.redirect("/sign-in/set-up")
        ceremony = passkey_forms.to_finish(conn, visit)
    return visit.page(
        "sign_in/code.html",
        status=status,
        onward=local_path(onward),
        problem=problem,
        factors=own,
        ceremony=ceremony,
    )
