"""Setting up a first second factor, between the password and the sign-in that it completes."""

from collections.abc import Callable
from typing import Annotated, assert_never

import segno
from fastapi import APIRouter, Form
from starlette.responses import Response

from vangnet.db import Connection
from vangnet.errors import InvalidInput
from vangnet.identity.model import Ceremony, FactorAdded, Refused, Session, TotpProposal
from vangnet.identity.service import factors, passkeys
from vangnet.web.access import SECOND_FACTOR_PENDING, needs
from vangnet.web.languages import marked
from vangnet.web.ui import passkey_forms
from vangnet.web.ui.sign_in import client_of, give_cookies, pending
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

NO_CODE = marked("does not match: take the next code that the app shows, and check that your device's clock is right")
NO_PASSKEY = marked("The passkey was not taken: it took too long, or it is one that does not ask who you are. Try again.")

_Text = Annotated[str, Form(max_length=2000)]
_Answer = Annotated[str, Form(max_length=20_000)]


@router.get("/sign-in/set-up", dependencies=[needs(SECOND_FACTOR_PENDING)])
def show_set_up(visit: Visit) -> Response:
    """Offers an authenticator app, and a passkey where one can work."""
    return _page(visit)


@router.post("/sign-in/set-up", dependencies=[needs(SECOND_FACTOR_PENDING)])
def set_up_app(visit: Visit, sealed: _Text = "", code: _Text = "") -> Response:
    """An authenticator app that gave a right code."""
    return finish_app(
        visit, pending(visit), sealed=sealed, code=code, ask_again=lambda: _page(visit, sealed=sealed, code_problem=NO_CODE)
    )


@router.post("/sign-in/set-up/passkey", dependencies=[needs(SECOND_FACTOR_PENDING)])
def set_up_passkey(visit: Visit, sealed: _Text = "", answer: _Answer = "", name: _Text = "") -> Response:
    """A passkey that the browser made."""
    return finish_passkey(
        visit,
        pending(visit),
        sealed=sealed,
        answer=answer,
        name=name,
        ask_again=lambda problem: _page(visit, problem=problem),
    )


# --- what the account page uses too --------------------------------------------------------------------------------


def finish_app(visit: OneVisit, session: Session, *, sealed: str, code: str, ask_again: Callable[[], Response]) -> Response:
    """Keeps an authenticator app that gave a right code, for whoever the session belongs to, or asks again."""
    with visit.transaction() as conn:
        outcome = factors.confirm_totp(
            conn,
            visit.actor,
            session=session,
            sealed=sealed,
            code=code,
            client=client_of(visit),
            keys=visit.keys,
            now=visit.now,
        )
    match outcome:
        case FactorAdded():
            return show_codes(visit, outcome)
        case Refused():
            return ask_again()
        case _:
            assert_never(outcome)


def finish_passkey(
    visit: OneVisit, session: Session, *, sealed: str, answer: str, name: str, ask_again: Callable[[str], Response]
) -> Response:
    """Keeps a passkey that the browser made for whoever the session belongs to, or asks again with the problem."""
    try:
        with visit.transaction() as conn:
            outcome = passkeys.finish_adding(
                conn,
                visit.actor,
                session=session,
                sealed=sealed,
                answer=answer,
                name=name,
                base_url=passkey_forms.origin_of(visit),
                client=client_of(visit),
                keys=visit.keys,
                now=visit.now,
            )
    except InvalidInput as error:
        return ask_again(visit.say(error))
    match outcome:
        case FactorAdded():
            return show_codes(visit, outcome)
        case Refused():
            return ask_again(NO_PASSKEY)
        case _:
            assert_never(outcome)


def qr_code(proposal: TotpProposal) -> str:
    """The code that an app scans, as an image in the page: the secret has no address of its own."""
    # On white whatever the look is, because cameras want dark on light.
    return segno.make(proposal.uri, error="m", micro=False).svg_data_uri(scale=5, border=3, dark="#000", light="#fff")


def show_codes(visit: OneVisit, outcome: FactorAdded) -> Response:
    """The recovery codes, this once; or where there are unused ones, the account page."""
    if outcome.recovery_codes:
        response = codes_page(visit, outcome.recovery_codes, first=outcome.signed_in is not None)
    else:
        path = "/me" if outcome.signed_in is None else "/"
        response = visit.redirect(path, done="factor-added")
    if outcome.signed_in is not None:
        give_cookies(visit, response, outcome.signed_in)
    return response


def codes_page(visit: OneVisit, codes: tuple[str, ...], *, first: bool) -> Response:
    """Recovery codes to print or write down; `first` where they end a sign-in."""
    return visit.page("second_factor/recovery_codes.html", codes=codes, onward="/" if first else "/me")


def ceremony_to_add(conn: Connection, visit: OneVisit) -> Ceremony | None:
    """What the browser is asked, to make a passkey; None where none can work."""
    session, origin = visit.session, passkey_forms.origin_of(visit)
    if session is None or not passkeys.possible(origin):
        return None
    return passkeys.begin_adding(conn, visit.actor, session=session, base_url=origin, keys=visit.keys, now=visit.now)


def _page(
    visit: OneVisit, *, sealed: str | None = None, code_problem: str | None = None, problem: str | None = None
) -> Response:
    session = pending(visit)
    with visit.transaction() as conn:
        if factors.own_factors(conn, visit.actor, session=session).any:
            return visit.redirect("/sign-in/code")
        if sealed is None:
            proposal = factors.propose_totp(conn, visit.actor, session=session, keys=visit.keys, now=visit.now)
        else:
            proposal = factors.same_proposal(
                conn, visit.actor, session=session, sealed=sealed, keys=visit.keys, now=visit.now
            )
        ceremony = ceremony_to_add(conn, visit)
    return visit.page(
        "second_factor/set_up.html",
        status=422 if code_problem or problem else 200,
        proposal=proposal,
        qr_code=qr_code(proposal),
        ceremony=ceremony,
        code_problem=code_problem,
        problem=problem,
    )
