"""One's own page: how one signs in, where one is signed in, and what one chose."""

from typing import Annotated, assert_never
from uuid import UUID

from fastapi import APIRouter, Form
from starlette.responses import Response

from vangnet.errors import Conflict, InvalidInput, TooManyAttempts
from vangnet.identity.model import Person, Refused, Session, SignInMeans
from vangnet.identity.model.sessions import is_recent
from vangnet.identity.service import account, factors, passkeys, sessions
from vangnet.web.access import SIGNED_IN, needs
from vangnet.web.languages import marked
from vangnet.web.ui import passkey_forms
from vangnet.web.ui.second_factor import (
    NO_CODE,
    ceremony_to_add,
    codes_page,
    finish_app,
    finish_passkey,
    qr_code,
)
from vangnet.web.visit import OneVisit, Visit

router = APIRouter(dependencies=[needs(SIGNED_IN)])

DONE = {
    "password-changed": marked("Your password was changed. Elsewhere you are signed out."),
    "factor-added": marked("It was added, and counts from now on."),
    "factor-removed": marked("It was removed, and counts no more."),
    "session-ended": marked("That session was ended."),
    "sessions-ended": marked("All your other sessions were ended."),
}
MEANS_NAMES = {
    SignInMeans.PASSWORD: marked("password"),
    SignInMeans.PASSWORD_AND_CODE: marked("password and app"),
    SignInMeans.PASSWORD_AND_PASSKEY: marked("password and passkey"),
    SignInMeans.PASSWORD_AND_RECOVERY_CODE: marked("password and recovery code"),
    SignInMeans.PASSKEY: marked("passkey"),
    SignInMeans.IDENTITY_PROVIDER: marked("identity provider"),
    SignInMeans.LINK: marked("link from the console"),
}

_WRONG_PASSWORD = marked("is not your password")
_DIFFERENT = marked("is not the same as the first time")

_Text = Annotated[str, Form(max_length=2000)]
_Answer = Annotated[str, Form(max_length=20_000)]


@router.get("/me")
def show_me(visit: Visit) -> Response:
    """Everything about one's own account, on one page."""
    return _me_page(visit)


@router.post("/me/password")
def change_password(visit: Visit, current: _Text = "", password: _Text = "", again: _Text = "") -> Response:
    """A new password; other sessions end."""
    if password != again:
        return _me_page(visit, problems={"again": _DIFFERENT})
    try:
        with visit.transaction() as conn:
            outcome = account.change_password(
                conn,
                visit.actor,
                session=own_session(visit),
                current=current,
                new=password,
                now=visit.now,
                hashes=visit.password_hashes,
            )
    except InvalidInput as error:
        return _me_page(visit, problems={error.field: visit.say(error)})
    except (Conflict, TooManyAttempts) as error:
        return _me_page(visit, problems={"current": visit.say(error)})
    match outcome:
        case Person():
            return visit.redirect("/me", done="password-changed")
        case Refused():
            return _me_page(visit, problems={"current": _WRONG_PASSWORD})
        case _:
            assert_never(outcome)


@router.get("/me/app")
def show_app(visit: Visit) -> Response:
    """Offers a new authenticator app, in place of an older one."""
    return _app_page(visit)


@router.post("/me/app")
def add_app(visit: Visit, sealed: _Text = "", code: _Text = "") -> Response:
    """An authenticator app that gave a right code."""
    return finish_app(
        visit,
        own_session(visit),
        sealed=sealed,
        code=code,
        ask_again=lambda: _app_page(visit, sealed=sealed, problem=NO_CODE),
    )


@router.post("/me/app/remove")
def remove_app(visit: Visit) -> Response:
    """The app counts no more."""
    with visit.transaction() as conn:
        factors.remove_totp(conn, visit.actor, session=own_session(visit), now=visit.now)
    return visit.redirect("/me", done="factor-removed")


@router.get("/me/passkeys/add")
def show_passkey(visit: Visit) -> Response:
    """Offers a new passkey."""
    return _passkey_page(visit)


@router.post("/me/passkeys")
def add_passkey(visit: Visit, sealed: _Text = "", answer: _Answer = "", name: _Text = "") -> Response:
    """A passkey that the browser made."""
    return finish_passkey(
        visit,
        own_session(visit),
        sealed=sealed,
        answer=answer,
        name=name,
        ask_again=lambda problem: _passkey_page(visit, problem=problem),
    )


@router.post("/me/passkeys/{passkey_id}/remove")
def remove_passkey(visit: Visit, passkey_id: UUID) -> Response:
    """The passkey counts no more."""
    with visit.transaction() as conn:
        passkeys.remove(conn, visit.actor, session=own_session(visit), passkey_id=passkey_id, now=visit.now)
    return visit.redirect("/me", done="factor-removed")


@router.post("/me/recovery-codes")
def renew_recovery_codes(visit: Visit) -> Response:
    """Ten new codes in place of the others, shown this once."""
    with visit.transaction() as conn:
        codes = factors.renew_recovery_codes(conn, visit.actor, session=own_session(visit), now=visit.now)
    return codes_page(visit, codes, first=False)


@router.post("/me/sessions/{session_id}/end")
def end_session(visit: Visit, session_id: UUID) -> Response:
    """Ends one of one's sessions."""
    with visit.transaction() as conn:
        sessions.revoke(conn, visit.actor, session_id=session_id, now=visit.now)
    return visit.redirect("/me", done="session-ended")


@router.post("/me/other-sessions/end")
def end_other_sessions(visit: Visit) -> Response:
    """Ends all of one's sessions but this one."""
    with visit.transaction() as conn:
        sessions.revoke_others(conn, visit.actor, session=own_session(visit), now=visit.now)
    return visit.redirect("/me", done="sessions-ended")


def own_session(visit: OneVisit) -> Session:
    """The session by which one is signed in; the route's rule made sure that there is one."""
    session = visit.session
    if session is None:
        raise AssertionError("the route needs SIGNED_IN")
    return session


def _me_page(visit: OneVisit, *, problems: dict[str, str] | None = None) -> Response:
    session = own_session(visit)
    with visit.transaction() as conn:
        own = factors.own_factors(conn, visit.actor, session=session)
        context = {
            "own_passkeys": passkeys.list_passkeys(conn, visit.actor),
            "own_sessions": sessions.list_sessions(conn, visit.actor),
            "has_password": account.has_password(conn, visit.actor),
            "issuers": account.identity_issuers(conn, visit.actor),
        }
    return visit.page(
        "account/me.html",
        status=422 if problems else 200,
        person=visit.person,
        session=session,
        factors=own,
        may_remove_factor=own.totp + own.passkeys > 1,
        recent=is_recent(session, visit.now),
        passkeys_possible=passkeys.possible(passkey_forms.origin_of(visit)),
        means_names=MEANS_NAMES,
        problems=problems or {},
        **context,
    )


def _app_page(visit: OneVisit, *, sealed: str | None = None, problem: str | None = None) -> Response:
    session = own_session(visit)
    with visit.transaction() as conn:
        if sealed is None:
            proposal = factors.propose_totp(conn, visit.actor, session=session, keys=visit.keys, now=visit.now)
        else:
            proposal = factors.same_proposal(
                conn, visit.actor, session=session, sealed=sealed, keys=visit.keys, now=visit.now
            )
    return visit.page(
        "account/app.html",
        status=422 if problem else 200,
        proposal=proposal,
        qr_code=qr_code(proposal),
        problem=problem,
    )


def _passkey_page(visit: OneVisit, *, problem: str | None = None) -> Response:
    with visit.transaction() as conn:
        ceremony = ceremony_to_add(conn, visit)
    return visit.page("account/passkey.html", status=422 if problem else 200, ceremony=ceremony, problem=problem)
