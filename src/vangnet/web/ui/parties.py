"""The parties we know: the list, adding one. One party's own page: `party.py`."""

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Annotated

from babel.dates import format_date
from fastapi import APIRouter, Form
from starlette.responses import Response

from vangnet.errors import Conflict, InvalidInput
from vangnet.identity.model import Language, Party, PartyKind, PartyState
from vangnet.identity.model.parties import basis_holds
from vangnet.identity.permissions import Permission
from vangnet.identity.service import parties
from vangnet.keys import fingerprint
from vangnet.web.access import needs
from vangnet.web.languages import marked
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

DONE = {"party-added": marked("The party was added.")}
KIND_NAMES = {
    PartyKind.PROVIDER: marked("provider"),
    PartyKind.HOTLINE: marked("hotline"),
    PartyKind.POLICE: marked("police"),
    PartyKind.AUTHORITY: marked("authority"),
    PartyKind.PARTNER: marked("partner"),
}
STATE_NAMES = {
    PartyState.PROPOSED: marked("waits for you"),
    PartyState.KNOWN: marked("known"),
    PartyState.ENDED: marked("ended"),
}

_NOT_HEX = marked("must be 64 digits and letters from a to f")

_Text = Annotated[str, Form(max_length=2000)]


@router.get("/parties", dependencies=[needs(Permission.PARTY_READ)])
def list_parties(visit: Visit) -> Response:
    """All of them: those that wait for an answer first. And our own fingerprint, which others will ask for."""
    with visit.transaction() as conn:
        found = parties.list_parties(conn, visit.actor)
    return visit.page(
        "parties/list.html",
        parties=found,
        counts={state: sum(party.state is state for party in found) for state in PartyState},
        date=shown_date(visit.language),
        expired={party.id for party in found if _basis_is_over(party, visit)},
        our_fingerprint=fingerprint(visit.keys.public_key),
        kind_names=KIND_NAMES,
        state_names=STATE_NAMES,
        may_add=Permission.PARTY_ADD in visit.actor.permissions,
        may_see_keys=Permission.KEY_READ in visit.actor.permissions,
    )


@router.get("/parties/add", dependencies=[needs(Permission.PARTY_ADD)])
def show_add(visit: Visit) -> Response:
    """The form for a party."""
    return _add_page(visit)


@router.post("/parties/add", dependencies=[needs(Permission.PARTY_ADD)])
def add(
    *,
    visit: Visit,
    name: _Text = "",
    kind: _Text = "",
    contact_name: _Text = "",
    contact_email: _Text = "",
    base_url: _Text = "",
    public_key: _Text = "",
) -> Response:
    """Adds a party for which one vouches."""
    given = {
        "name": name,
        "kind": kind,
        "contact_name": contact_name,
        "contact_email": contact_email,
        "base_url": base_url,
        "public_key": public_key,
    }
    try:
        with visit.transaction() as conn:
            party = parties.add(
                conn,
                visit.actor,
                name=name,
                kind=_as_kind(kind),
                contact_name=contact_name,
                contact_email=contact_email,
                base_url=base_url,
                public_key=_as_key(public_key),
                now=visit.now,
            )
    except InvalidInput as error:
        return _add_page(visit, given=given, problems={error.field: visit.say(error)})
    except Conflict as error:
        return _add_page(visit, given=given, problems={"public_key": visit.say(error)})
    return visit.redirect(f"/parties/{party.id}", done="party-added")


def shown_date(language: Language) -> Callable[[date], str]:
    """How that language writes a day without a time, such as the last one of a legal basis."""
    return partial(format_date, format="d MMM y", locale=str(language))


def _basis_is_over(party: Party, visit: OneVisit) -> bool:
    return (
        party.state is PartyState.KNOWN and party.legal_basis is not None and not basis_holds(party.legal_basis, visit.now)
    )


def _as_kind(text: str) -> PartyKind:
    if text not in set(PartyKind):
        raise InvalidInput(field="kind", problem=marked("must be one of the kinds that there are"))
    return PartyKind(text)


def _as_key(text: str) -> bytes | None:
    if not text.strip():
        return None
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise InvalidInput(field="public_key", problem=_NOT_HEX) from None


def _add_page(visit: OneVisit, *, given: dict[str, str] | None = None, problems: dict[str, str] | None = None) -> Response:
    blank = dict.fromkeys(("name", "kind", "contact_name", "contact_email", "base_url", "public_key"), "")
    return visit.page(
        "parties/add.html",
        status=422 if problems else 200,
        given=given or blank,
        problems=problems or {},
        kind_names=KIND_NAMES,
    )
