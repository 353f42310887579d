"""The page behind an invitation: who is invited chooses a password. The second factor follows (`second_factor.py`)."""

from typing import Annotated, assert_never

from fastapi import APIRouter, Form
from starlette.responses import Response

from vangnet.errors import Conflict, InvalidInput
from vangnet.identity.model import Language, Refused, SecondFactorNeeded
from vangnet.identity.service import invitations
from vangnet.identity.service.invitations import NewAdministrator, OpenInvitation
from vangnet.web.access import PUBLIC, needs
from vangnet.web.languages import marked
from vangnet.web.ui.sign_in import client_of, sign_in_page
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

_VOID = marked("This invitation does not count any more. Ask whoever invited you for a new one.")
_DIFFERENT = marked("is not the same as the first time")

_Text = Annotated[str, Form(max_length=2000)]


@router.get("/invitation/{token}", dependencies=[needs(PUBLIC)])
def show_invitation(visit: Visit, token: str) -> Response:
    """Asks for a password; the first administrator also for who they are."""
    return _page(visit, token)


@router.post("/invitation/{token}", dependencies=[needs(PUBLIC)])
def accept_invitation(
    *, visit: Visit, token: str, name: _Text = "", email: _Text = "", password: _Text = "", again: _Text = ""
) -> Response:
    """Uses the invitation up."""
    given = {"name": name, "email": email}
    if password != again:
        return _page(visit, token, given=given, error=InvalidInput(field="again", problem=_DIFFERENT))
    try:
        with visit.transaction() as conn:
            outcome = invitations.accept(
                conn,
                visit.actor,
                token=token,
                password=password,
                newcomer=NewAdministrator(name=name, email=email, language=Language(visit.language)),
                client=client_of(visit),
                now=visit.now,
                hashes=visit.password_hashes,
            )
    except (InvalidInput, Conflict) as error:
        return _page(visit, token, given=given, error=error)
    match outcome:
        case SecondFactorNeeded():
            response = visit.redirect("/sign-in/set-up")
            visit.sign_in(response, outcome.token)
            return response
        case Refused():
            return sign_in_page(visit, problem=_VOID, status=404)
        case _:
            assert_never(outcome)


def _page(
    visit: OneVisit, token: str, *, given: dict[str, str] | None = None, error: InvalidInput | Conflict | None = None
) -> Response:
    with visit.transaction() as conn:
        found = invitations.look_up(conn, token=token, client=client_of(visit), now=visit.now)
    match found:
        case OpenInvitation():
            field = error.field if isinstance(error, InvalidInput) else "email"
            return visit.page(
                "invitation/accept.html",
                status=200 if error is None else 422,
                token=token,
                person=found.person,
                given=given or {"name": "", "email": ""},
                problems={} if error is None else {field: visit.say(error)},
            )
        case Refused():
            return sign_in_page(visit, problem=_VOID, status=404)
        case _:
            assert_never(found)
