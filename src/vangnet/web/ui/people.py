"""Our own people: who works here, inviting a colleague, changing roles, letting somebody go."""

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form
from starlette.responses import Response

from vangnet.errors import Conflict, InvalidInput
from vangnet.identity.model import Invited, Language, PersonState
from vangnet.identity.permissions import Permission, Role
from vangnet.identity.service import factors, people
from vangnet.web.access import needs
from vangnet.web.languages import marked
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

DONE = {
    "roles-changed": marked("The roles were changed; they count from the next click on."),
    "factor-reset": marked("The second step was reset. With the password a new one can be set up within a week."),
    "person-left": marked("This person has left: every session is ended, and nothing signs them in any more."),
}
STATE_NAMES = {
    PersonState.ACTIVE: marked("works here"),
    PersonState.INVITED: marked("invited"),
    PersonState.LEFT: marked("has left"),
}
ROLE_NAMES = {
    Role.ADMINISTRATOR: marked("administrator"),
    Role.AUDITOR: marked("auditor"),
    Role.CURATOR: marked("curator"),
    Role.LEAD: marked("lead"),
    Role.STAFF: marked("staff"),
}
ROLE_HINTS = {
    Role.ADMINISTRATOR: marked("Runs the installation: people, parties, keys, jobs, backups."),
    Role.AUDITOR: marked("Checks what others did; reads, changes nothing."),
    Role.CURATOR: marked("Keeps the hash lists: reads them in, maps, activates, corrects, answers disputes."),
    Role.LEAD: marked("Leads a desk: the order of reports, who works on what, what is missed; and does the daily work."),
    Role.STAFF: marked("Does the daily work."),
}

_UNKNOWN_ROLE = marked("must be one of the roles that there are")

_Text = Annotated[str, Form(max_length=2000)]
_Roles = Annotated[list[str], Form()]


@router.get("/people", dependencies=[needs(Permission.PERSON_READ)])
def list_people(visit: Visit) -> Response:
    """Everybody: who works here first."""
    with visit.transaction() as conn:
        everybody = people.list_people(conn, visit.actor)
    return visit.page(
        "people/list.html",
        people=everybody,
        counts={state: sum(person.state is state for person in everybody) for state in PersonState},
        state_names=STATE_NAMES,
        role_names=ROLE_NAMES,
        may_invite=Permission.PERSON_INVITE in visit.actor.permissions,
    )


@router.get("/people/invite", dependencies=[needs(Permission.PERSON_INVITE)])
def show_invite(visit: Visit) -> Response:
    """The form for an invitation."""
    return _invite_page(visit)


@router.post("/people/invite", dependencies=[needs(Permission.PERSON_INVITE)])
def invite(visit: Visit, name: _Text = "", email: _Text = "", language: _Text = "", roles: _Roles = []) -> Response:  # noqa: B006
    """Invites a colleague, and shows the link this once."""
    given = {"name": name, "email": email, "language": language, "roles": roles}
    try:
        with visit.transaction() as conn:
            invited = people.invite(
                conn,
                visit.actor,
                name=name,
                email=email,
                roles=_as_roles(roles),
                language=Language(language) if language in set(Language) else visit.language,
                base_url=visit.settings.base_url,
                now=visit.now,
            )
    except InvalidInput as error:
        return _invite_page(visit, given=given, problems={error.field: visit.say(error)})
    except Conflict as error:
        return _invite_page(visit, given=given, problems={"email": visit.say(error)})
    return _link_page(visit, invited)


@router.get("/people/{person_id}", dependencies=[needs(Permission.PERSON_READ)])
def show_person(visit: Visit, person_id: UUID) -> Response:
    """One person, and what can be done about their account."""
    return _person_page(visit, person_id)


@router.post("/people/{person_id}/roles", dependencies=[needs(Permission.PERSON_UPDATE)])
def change_roles(visit: Visit, person_id: UUID, roles: _Roles = []) -> Response:  # noqa: B006
    """Gives a colleague these roles in place of the others."""
    try:
        with visit.transaction() as conn:
            people.change_roles(conn, visit.actor, person_id=person_id, roles=_as_roles(roles), now=visit.now)
    except (InvalidInput, Conflict) as error:
        return _person_page(visit, person_id, roles=roles, role_problem=visit.say(error))
    return visit.redirect(f"/people/{person_id}", done="roles-changed")


@router.post("/people/{person_id}/invitation", dependencies=[needs(Permission.PERSON_INVITE)])
def invite_again(visit: Visit, person_id: UUID) -> Response:
    """A new invitation in place of the last, shown this once."""
    with visit.transaction() as conn:
        invited = people.invite_again(
            conn, visit.actor, person_id=person_id, base_url=visit.settings.base_url, now=visit.now
        )
    return _link_page(visit, invited)


@router.post("/people/{person_id}/second-factor/reset", dependencies=[needs(Permission.PERSON_UPDATE)])
def reset_second_factor(visit: Visit, person_id: UUID) -> Response:
    """Takes a lost second factor away."""
    with visit.transaction() as conn:
        people.reset_second_factor(conn, visit.actor, person_id=person_id, now=visit.now)
    return visit.redirect(f"/people/{person_id}", done="factor-reset")


@router.post("/people/{person_id}/leave", dependencies=[needs(Permission.PERSON_LEAVE)])
def leave(visit: Visit, person_id: UUID) -> Response:
    """Lets a colleague go."""
    try:
        with visit.transaction() as conn:
            people.leave(conn, visit.actor, person_id=person_id, now=visit.now)
    except Conflict as error:
        return _person_page(visit, person_id, problem=visit.say(error))
    return visit.redirect(f"/people/{person_id}", done="person-left")


def _as_roles(names: list[str]) -> frozenset[Role]:
    if not set(names) <= set(Role):
        raise InvalidInput(field="roles", problem=_UNKNOWN_ROLE)
    return frozenset(map(Role, names))


def _invite_page(
    visit: OneVisit, *, given: Mapping[str, object] | None = None, problems: dict[str, str] | None = None
) -> Response:
    installation = visit.installation
    language = Language.NL if installation is None else installation.language
    return visit.page(
        "people/invite.html",
        status=422 if problems else 200,
        given=given or {"name": "", "email": "", "language": language, "roles": [Role.STAFF]},
        problems=problems or {},
        role_names=ROLE_NAMES,
        role_hints=ROLE_HINTS,
    )


def _link_page(visit: OneVisit, invited: Invited) -> Response:
    return visit.page("people/invited.html", invited=invited)


def _person_page(
    visit: OneVisit,
    person_id: UUID,
    *,
    roles: list[str] | None = None,
    role_problem: str | None = None,
    problem: str | None = None,
) -> Response:
    may = visit.actor.permissions
    with visit.transaction() as conn:
        person = people.get_person(conn, visit.actor, person_id)
        own = factors.factors_of(conn, visit.actor, person_id)
        invitation_ends_at = people.invitation_expiry(conn, visit.actor, person_id)
    return visit.page(
        "people/person.html",
        status=409 if problem else 422 if role_problem else 200,
        person=person,
        factors=own,
        invitation_ends_at=invitation_ends_at,
        invitation_counts=invitation_ends_at is not None and visit.now < invitation_ends_at,
        roles=roles if roles is not None else sorted(person.roles),
        role_problem=role_problem,
        problem=problem,
        state_names=STATE_NAMES,
        role_names=ROLE_NAMES,
        role_hints=ROLE_HINTS,
        may_update=Permission.PERSON_UPDATE in may and person.state is not PersonState.LEFT,
        may_invite=Permission.PERSON_INVITE in may and person.state is PersonState.INVITED,
        may_let_go=Permission.PERSON_LEAVE in may and person.state is not PersonState.LEFT,
        may_reset=Permission.PERSON_UPDATE in may and person.state is PersonState.ACTIVE,
    )
