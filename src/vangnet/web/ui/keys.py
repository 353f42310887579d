"""API keys of our own programs; those of a party stand on its own page."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form
from starlette.responses import Response

from vangnet.errors import InvalidInput, PermissionDenied
from vangnet.identity.model import IssuedKey
from vangnet.identity.model.api_keys import counts
from vangnet.identity.permissions import KEY_SCOPES, Permission
from vangnet.identity.service import api_keys, parties
from vangnet.web.access import needs
from vangnet.web.languages import marked
from vangnet.web.security import local_path
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

DONE = {"key-revoked": marked("The key was revoked: it counts no more.")}

_NO_NUMBER = marked("must be a number of days between 1 and 731")
_UNKNOWN_SCOPE = marked("must be permissions that there are")

_Text = Annotated[str, Form(max_length=2000)]
_Scopes = Annotated[list[str], Form()]


@router.get("/keys", dependencies=[needs(Permission.KEY_READ)])
def list_keys(visit: Visit) -> Response:
    """All keys, those of parties included, and the form for a new one of ours."""
    return _page(visit)


@router.post("/keys", dependencies=[needs(Permission.KEY_ISSUE)])
def issue_key(visit: Visit, name: _Text = "", days: _Text = "365", scopes: _Scopes = []) -> Response:  # noqa: B006
    """Issues a key to a program of ours, and shows its text this once."""
    given = {"name": name, "days": days, "scopes": scopes}
    try:
        if not (days.isascii() and days.isdigit() and 1 <= int(days) <= 731):
            raise InvalidInput(field="days", problem=_NO_NUMBER)
        with visit.transaction() as conn:
            issued = api_keys.issue(
                conn,
                visit.actor,
                name=name,
                scopes=as_scopes(scopes),
                expires_at=visit.now + timedelta(days=int(days)),
                now=visit.now,
            )
    except InvalidInput as error:
        return _page(visit, given=given, problems={error.field: visit.say(error)})
    except PermissionDenied as error:
        return _page(visit, given=given, problems={"scopes": visit.say(error)})
    return issued_page(visit, issued, back="/keys")


@router.post("/keys/{key_id}/revoke", dependencies=[needs(Permission.KEY_REVOKE)])
def revoke_key(visit: Visit, key_id: UUID, back: _Text = "/keys") -> Response:
    """The key counts no more."""
    with visit.transaction() as conn:
        api_keys.revoke(conn, visit.actor, key_id=key_id, now=visit.now)
    return visit.redirect(local_path(back), done="key-revoked")


# --- what a party's page uses too ----------------------------------------------------------------------------------


def as_scopes(names: list[str]) -> frozenset[Permission]:
    """What was ticked. Raises InvalidInput."""
    if not set(names) <= set(Permission):
        raise InvalidInput(field="scopes", problem=_UNKNOWN_SCOPE)
    return frozenset(map(Permission, names))


def scope_options(scopes: Iterable[str]) -> list[tuple[str, str]]:
    """What can be ticked."""
    return [(scope, scope) for scope in sorted(scopes)]


def issued_page(visit: OneVisit, issued: IssuedKey, *, back: str) -> Response:
    """The text of a new key, this once."""
    return visit.page("keys/issued.html", issued=issued, onward=back)


def _page(
    visit: OneVisit, *, given: Mapping[str, object] | None = None, problems: dict[str, str] | None = None
) -> Response:
    may = visit.actor.permissions
    with visit.transaction() as conn:
        keys = api_keys.list_keys(conn, visit.actor)
        known = (
            {party.id: party for party in parties.list_parties(conn, visit.actor)} if Permission.PARTY_READ in may else {}
        )
    rows = [(key, known.get(key.party_id) if key.party_id else None) for key in keys]
    return visit.page(
        "keys/list.html",
        status=422 if problems else 200,
        keys=[(key, party, counts(key, party, visit.now)) for key, party in rows],
        given=given or {"name": "", "days": "365", "scopes": []},
        problems=problems or {},
        scope_options=scope_options(KEY_SCOPES & may),
        may_issue=Permission.KEY_ISSUE in may,
        may_revoke=Permission.KEY_REVOKE in may,
    )
