"""One party: accepting it, its contact, its legal basis, its grants and keys, and the end of it all."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form
from starlette.responses import Response

from vangnet.errors import AppError, Conflict, InvalidInput, PermissionDenied
from vangnet.identity.model import GrantedRight, Party, PartyState
from vangnet.identity.model.api_keys import counts as key_counts
from vangnet.identity.model.parties import basis_holds, grant_holds
from vangnet.identity.permissions import PARTY_KEY_SCOPES, Permission
from vangnet.identity.service import api_keys, grants, parties
from vangnet.keys import fingerprint
from vangnet.web.access import needs
from vangnet.web.languages import marked
from vangnet.web.ui.keys import as_scopes, issued_page, scope_options
from vangnet.web.ui.parties import KIND_NAMES, STATE_NAMES, shown_date
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

DONE = {
    "party-accepted": marked("You vouch for this party now: what it signs is taken."),
    "party-changed": marked("The party was changed."),
    "basis-recorded": marked("The legal basis was recorded."),
    "party-ended": marked("It is over with this party: its keys and grants stopped counting."),
    "granted": marked("The right was given."),
    "grant-withdrawn": marked("The right was taken back."),
}
RIGHT_NAMES = {GrantedRight.LIST_SUPPLIER: marked("supplier of a list")}

_NO_DATE = marked("must be a date")

_Text = Annotated[str, Form(max_length=2000)]


@router.get("/parties/{party_id}", dependencies=[needs(Permission.PARTY_READ)])
def show_party(visit: Visit, party_id: UUID) -> Response:
    """One party, and what can be done about it."""
    return _page(visit, party_id)


@router.post("/parties/{party_id}/accept", dependencies=[needs(Permission.PARTY_ADD)])
def accept(visit: Visit, party_id: UUID, fingerprint: _Text = "") -> Response:
    """Vouches for a party whose fingerprint was compared."""
    try:
        with visit.transaction() as conn:
            parties.accept(conn, visit.actor, party_id=party_id, fingerprint=fingerprint, now=visit.now)
    except Conflict as error:
        return _page(visit, party_id, error=error, given={"fingerprint": fingerprint}, field="fingerprint")
    return visit.redirect(f"/parties/{party_id}", done="party-accepted")


@router.post("/parties/{party_id}/details", dependencies=[needs(Permission.PARTY_UPDATE)])
def change_details(
    *,
    visit: Visit,
    party_id: UUID,
    name: _Text = "",
    contact_name: _Text = "",
    contact_email: _Text = "",
    base_url: _Text = "",
) -> Response:
    """Changes what we know of it."""
    given = {"name": name, "contact_name": contact_name, "contact_email": contact_email, "base_url": base_url}
    try:
        with visit.transaction() as conn:
            parties.update(
                conn,
                visit.actor,
                party_id=party_id,
                name=name,
                contact_name=contact_name,
                contact_email=contact_email,
                base_url=base_url,
                now=visit.now,
            )
    except (InvalidInput, Conflict) as error:
        return _page(visit, party_id, error=error, given=given)
    return visit.redirect(f"/parties/{party_id}", done="party-changed")


@router.post("/parties/{party_id}/legal-basis", dependencies=[needs(Permission.PARTY_UPDATE)])
def record_basis(
    *, visit: Visit, party_id: UUID, legal_basis: _Text = "", reference: _Text = "", ends_on: _Text = ""
) -> Response:
    """Records why something may be exchanged with it."""
    given = {"legal_basis": legal_basis, "reference": reference, "ends_on": ends_on}
    try:
        with visit.transaction() as conn:
            parties.record_legal_basis(
                conn,
                visit.actor,
                party_id=party_id,
                text=legal_basis,
                reference=reference,
                ends_on=_as_date(ends_on, field="ends_on"),
                now=visit.now,
            )
    except (InvalidInput, Conflict) as error:
        return _page(visit, party_id, error=error, given=given)
    return visit.redirect(f"/parties/{party_id}", done="basis-recorded")


@router.post("/parties/{party_id}/end", dependencies=[needs(Permission.PARTY_END)])
def end(visit: Visit, party_id: UUID) -> Response:
    """Ends what we have with it, or turns its introduction down."""
    with visit.transaction() as conn:
        parties.end(conn, visit.actor, party_id=party_id, now=visit.now)
    return visit.redirect(f"/parties/{party_id}", done="party-ended")


@router.post("/parties/{party_id}/grants", dependencies=[needs(Permission.PARTY_GRANT)])
def grant(visit: Visit, party_id: UUID, right: _Text = "", until: _Text = "") -> Response:
    """Gives it a right."""
    try:
        if right not in set(GrantedRight):
            raise InvalidInput(field="right", problem=marked("must be one of the rights that there are"))
        last_day = _as_date(until, field="until") if until else None
        with visit.transaction() as conn:
            grants.grant(conn, visit.actor, party_id=party_id, right=GrantedRight(right), until=last_day, now=visit.now)
    except (InvalidInput, Conflict) as error:
        return _page(visit, party_id, error=error, given={"right": right, "until": until})
    return visit.redirect(f"/parties/{party_id}", done="granted")


@router.post("/parties/{party_id}/grants/{grant_id}/withdraw", dependencies=[needs(Permission.PARTY_GRANT)])
def withdraw_grant(visit: Visit, party_id: UUID, grant_id: UUID) -> Response:
    """Takes a right back."""
    with visit.transaction() as conn:
        grants.withdraw(conn, visit.actor, grant_id=grant_id, now=visit.now)
    return visit.redirect(f"/parties/{party_id}", done="grant-withdrawn")


@router.post("/parties/{party_id}/keys", dependencies=[needs(Permission.KEY_ISSUE)])
def issue_key(
    visit: Visit,
    party_id: UUID,
    key_name: _Text = "",
    scopes: Annotated[list[str], Form()] = [],  # noqa: B006
) -> Response:
    """Issues a key to it, and shows its text this once."""
    try:
        with visit.transaction() as conn:
            issued = api_keys.issue(
                conn, visit.actor, name=key_name, scopes=as_scopes(scopes), party_id=party_id, now=visit.now
            )
    except (InvalidInput, Conflict, PermissionDenied) as error:
        field: str | None
        match error:
            case InvalidInput(field="name"):
                field = "key_name"
            case Conflict():
                field = None  # Where there is no legal basis, there is no form either.
            case _:
                field = "scopes"
        return _page(visit, party_id, error=error, given={"key_name": key_name, "scopes": scopes}, field=field)
    return issued_page(visit, issued, back=f"/parties/{party_id}")


def _as_date(text: str, *, field: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput(field=field, problem=_NO_DATE) from None


def _page(
    visit: OneVisit,
    party_id: UUID,
    *,
    error: AppError | None = None,
    given: Mapping[str, object] | None = None,
    field: str | None = None,
) -> Response:
    """The party's page; with `error`, what was typed stays in its form, and the error stands at `field`, or on top."""
    may = visit.actor.permissions
    with visit.transaction() as conn:
        party = parties.get_party(conn, visit.actor, party_id)
        given_rights = grants.list_grants(conn, visit.actor, party_id)
        keys = api_keys.list_keys_of_party(conn, visit.actor, party_id) if Permission.KEY_READ in may else []
    place = field or (error.field if isinstance(error, InvalidInput) else None)
    known = party.state is PartyState.KNOWN
    return visit.page(
        "parties/party.html",
        status=200 if error is None else 422,
        party=party,
        fingerprint=None if party.public_key is None else fingerprint(party.public_key),
        basis_holds=basis_holds(party.legal_basis, visit.now),
        grants=[(one, grant_holds(one, party, visit.now)) for one in given_rights],
        keys=[(key, key_counts(key, party, visit.now)) for key in keys],
        given=_filled_in(party, given),
        date=shown_date(visit.language),
        problem=visit.say(error) if error is not None and place is None else None,
        problems={place: visit.say(error)} if error is not None and place is not None else {},
        kind_names=KIND_NAMES,
        state_names=STATE_NAMES,
        right_names=RIGHT_NAMES,
        scope_options=scope_options(PARTY_KEY_SCOPES & may),
        proposed=party.state is PartyState.PROPOSED,
        may_accept=Permission.PARTY_ADD in may and party.state is PartyState.PROPOSED,
        may_update=Permission.PARTY_UPDATE in may and known,
        may_grant=Permission.PARTY_GRANT in may and known,
        may_issue=Permission.KEY_ISSUE in may and known,
        may_see_keys=Permission.KEY_READ in may,
        may_revoke=Permission.KEY_REVOKE in may,
        may_end=Permission.PARTY_END in may and party.state is not PartyState.ENDED,
    )


def _filled_in(party: Party, given: Mapping[str, object] | None) -> dict[str, object]:
    """What stands in the page's forms: what is recorded, and over it what was just typed."""
    basis = party.legal_basis
    return {
        "name": party.name,
        "contact_name": party.contact_name,
        "contact_email": party.contact_email,
        "base_url": party.base_url,
        "legal_basis": "" if basis is None else basis.text,
        "reference": "" if basis is None else basis.reference,
        "ends_on": "" if basis is None else basis.ends_on.isoformat(),
        "fingerprint": "",
        "right": "",
        "until": "",
        "key_name": "",
        "scopes": [],
        **(given or {}),
    }
