"""Signing in at the party's own identity provider: there and back. Both are GET, as the protocol has it."""

from typing import Annotated, assert_never
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Query
from starlette.responses import RedirectResponse, Response

from vangnet.errors import NotFound
from vangnet.identity.model import Refused, SecondFactorNeeded, SignedIn
from vangnet.identity.service import sign_in
from vangnet.web.access import PUBLIC, needs
from vangnet.web.languages import marked
from vangnet.web.oidc import JOURNEY_LASTS, IdentityProvider, JourneyLost
from vangnet.web.security import local_path
from vangnet.web.ui.passkey_forms import origin_of
from vangnet.web.ui.sign_in import client_of, sign_in_page, signed_in, to_second_factor
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

_LOST = marked("This sign-in at your organisation was not completed. Nothing has changed; try again.")
_STRANGER = marked(
    "Your organisation knows you, but nobody here invited you under that e-mail address. Ask an administrator."
)
_COOKIE = "provider"

_Part = Annotated[str, Query(max_length=4000)]


@router.get("/sign-in/provider", dependencies=[needs(PUBLIC)])
def leave_for_provider(visit: Visit, onward: Annotated[str, Query(alias="next", max_length=2000)] = "/") -> Response:
    """Sends the browser to the identity provider."""
    provider = _provider(visit)
    if origin_of(visit) != visit.settings.base_url:
        # The way back leads to the installation's own name, and a cookie under another one would not be sent there.
        return visit.redirect(f"{visit.settings.base_url}/sign-in/provider?next={quote(local_path(onward), safe='/')}")
    departure = provider.begin(onward=local_path(onward), keys=visit.keys, now=visit.now)
    response = RedirectResponse(departure.address, status_code=303)
    visit.site.cookies.set_passing(response, _COOKIE, departure.sealed, max_age_s=int(JOURNEY_LASTS.total_seconds()))
    return response


@router.get("/sign-in/provider/callback", dependencies=[needs(PUBLIC)])
def return_from_provider(
    visit: Visit, state: _Part = "", code: _Part = "", iss: Annotated[str | None, Query(max_length=2000)] = None
) -> Response:
    """The browser is back: who is it?"""
    provider = _provider(visit)
    try:
        arrival = provider.finish(
            sealed=visit.site.cookies.choice(visit.request, _COOKIE),
            state=state,
            code=code,
            issuer=iss,
            keys=visit.keys,
            now=visit.now,
        )
    except JourneyLost:
        response = sign_in_page(visit, problem=_LOST, status=400)
    else:
        with visit.transaction() as conn:
            outcome = sign_in.with_identity(
                conn,
                visit.actor,
                identity=arrival.identity,
                client=client_of(visit),
                keys=visit.keys,
                now=visit.now,
            )
        match outcome:
            case SignedIn():
                response = signed_in(visit, outcome, onward=arrival.onward)
            case SecondFactorNeeded():
                response = to_second_factor(visit, outcome, onward=arrival.onward)
            case Refused():
                response = sign_in_page(visit, problem=_STRANGER, status=403)
            case _:
                assert_never(outcome)
    visit.site.cookies.drop_passing(response, _COOKIE)
    return response


def _provider(visit: OneVisit) -> IdentityProvider:
    """The configured provider, one for the whole application, because it remembers the provider's keys. Raises NotFound."""
    if visit.settings.oidc_issuer is None:
        raise NotFound(record="page", key=urlsplit(str(visit.request.url)).path)
    state = visit.request.app.state
    if not hasattr(state, "identity_provider"):
        state.identity_provider = IdentityProvider(visit.settings)
    provider: IdentityProvider = state.identity_provider
    return provider
