"""Who may use which route: every route, tried by every kind of visitor."""

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx2
import pytest
from fastapi import APIRouter, FastAPI
from running.routes import CHANGES, RULES
from running.server import RunningServer

from vangnet.audit.model import ActorKind
from vangnet.identity.permissions import KEY_SCOPES, ROLE_PERMISSIONS, Permission, Role, permissions_of
from vangnet.identity.service.password_hashes import PASSWORD_HASHES
from vangnet.web.access import PUBLIC, SECOND_FACTOR_PENDING, SIGNED_IN, RouteRule, RouteWithoutRule, Rule, rules_of
from vangnet.web.app import create_app

#: Kinds of visitors, beside one for each role.
ANONYMOUS, PENDING, EMPTY_KEY, FULL_KEY = "anonymous", "second factor pending", "key without scopes", "key with all scopes"
VISITORS = [ANONYMOUS, PENDING, *Role, EMPTY_KEY, FULL_KEY]


@pytest.fixture(scope="module")
def visitors(server: RunningServer) -> Iterator[dict[str, httpx2.Client]]:
    """One client for each kind of visitor."""
    with ExitStack() as clients:
        made = {
            ANONYMOUS: server.client(),
            PENDING: server.half_signed_in(),
            EMPTY_KEY: server.program(Permission.HANDOFF_READ),
            FULL_KEY: server.program(*KEY_SCOPES),
        } | {role: server.signed_in(role) for role in Role}
        for client in made.values():
            clients.enter_context(client)
        yield made


def allowed(rule: Permission | Rule, visitor: str, route: RouteRule) -> bool:
    """Whether the visitor may pass, worked out here once more from the roles."""
    for_programs = route.path.startswith(("/api/v1/", "/v1/", "/h/", "/m/", "/c/")) or route.path == "/metrics"
    if rule is PUBLIC:
        return True
    if rule is SECOND_FACTOR_PENDING:
        return visitor == PENDING
    if visitor in set(Role):
        return rule is SIGNED_IN or rule in permissions_of(frozenset({Role(visitor)}))
    if visitor == FULL_KEY:
        return for_programs and rule in KEY_SCOPES
    return visitor == EMPTY_KEY and for_programs and rule is Permission.HANDOFF_READ


def passed(answer: httpx2.Response, rule: Permission | Rule) -> bool:
    """Whether the route itself answered: not a refusal, and not the way to where one signs in."""
    elsewhere = answer.headers.get("location", "")
    behind = rule is SECOND_FACTOR_PENDING and elsewhere == "/"  # A step of signing in that this visitor has done.
    return (
        answer.status_code not in {401, 403}
        and not behind
        and not elsewhere.startswith(("/sign-in?", "/sign-in/code"))
        and elsewhere != "/sign-in"
    )


def filled(path: str) -> str:
    """The path of a record that does not exist."""
    path = path.replace("{job_id}", "999999999")
    return re.sub(r"\{[^}]+\}", str(uuid.UUID(int=0)), path)


def test_every_route_has_the_rule_that_the_table_says(server: RunningServer) -> None:
    assert {f"{route.method} {route.path}": route.rule for route in rules_of(server.app)} == RULES


def test_a_route_without_a_rule_stops_the_start() -> None:
    app, router = FastAPI(openapi_url=None), APIRouter()
    router.add_api_route("/open-to-all", lambda: None)
    app.include_router(router)
    with pytest.raises(RouteWithoutRule, match="/open-to-all"):
        list(rules_of(app))


def test_every_change_has_an_entry_in_the_table(server: RunningServer) -> None:
    changing = {f"{route.method} {route.path}" for route in rules_of(server.app) if route.unsafe}
    assert changing == set(CHANGES)


@pytest.mark.parametrize("visitor", VISITORS)
def test_a_visitor_passes_where_the_rule_says_and_nowhere_else(
    server: RunningServer, visitors: dict[str, httpx2.Client], visitor: str
) -> None:
    wrong = []
    for route in rules_of(server.app):
        if route.rule is PUBLIC:
            continue
        answer = visitors[visitor].request(route.method, filled(route.path))
        if passed(answer, route.rule) != allowed(route.rule, visitor, route):
            wrong.append(f"{route.method} {route.path}: {answer.status_code} {answer.headers.get('location', '')}")
    assert not wrong


def test_public_routes_answer_anybody(server: RunningServer, anonymous: httpx2.Client) -> None:
    for route in rules_of(server.app):
        if route.rule is PUBLIC and not route.unsafe:
            assert passed(anonymous.get(filled(route.path)), PUBLIC), route.path


@pytest.mark.parametrize("route", sorted(CHANGES))
def test_a_change_leaves_exactly_one_event(server: RunningServer, route: str) -> None:
    change = CHANGES[route]
    call = change.prepare(server)
    with call.client:
        before = newest_event(server)
        answer = call.send()
        assert answer.status_code < 400, answer.text
    with server.transaction() as conn:
        # What the gate tells the registry meanwhile, about matches of before, is its own doing.
        events = conn.execute(
            "SELECT action FROM audit_event WHERE id > %s AND actor_kind <> %s", [before, ActorKind.SYSTEM]
        ).fetchall()
    assert events == ([] if change.action is None else [(str(change.action),)])


def test_a_page_asked_for_without_sign_in_is_returned_to_afterwards(anonymous: httpx2.Client) -> None:
    answer = anonymous.get("/jobs?state=parked")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/jobs%3Fstate%3Dparked")


def test_whoever_owes_the_second_factor_is_sent_to_it(server: RunningServer) -> None:
    with server.half_signed_in() as client:
        answer = client.get("/jobs")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in/code")


def test_a_signed_in_person_without_the_permission_gets_a_page_that_says_so(
    visitor: Callable[..., httpx2.Client],
) -> None:
    answer = visitor(Role.STAFF).get("/jobs")
    assert answer.status_code == 403
    assert "job:read" in answer.text
    assert "Kanarievogel Testpersoon" in answer.text  # The shell is theirs: they can go on from here.


def test_a_key_is_no_way_into_the_pages(program: Callable[..., httpx2.Client]) -> None:
    assert program(*KEY_SCOPES).get("/jobs").headers["location"].startswith("/sign-in?")


@pytest.mark.parametrize(
    "header", ["Bearer nothing-that-was-issued", "Basic dXNlcjpwYXNz", "Bearer", "", "Bearer vangnet_~~~_%00"]
)
def test_a_wrong_key_is_refused_even_with_a_good_session(visitor: Callable[..., httpx2.Client], header: str) -> None:
    answer = visitor(Role.ADMINISTRATOR).get("/api/v1/jobs", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_no_role_can_do_what_is_for_the_console() -> None:
    assert not any(Permission.PERSON_LINK in permissions for permissions in ROLE_PERMISSIONS.values())


def newest_event(server: RunningServer) -> int:
    """The number of the newest audit event."""
    with server.transaction() as conn:
        number: int = conn.execute("SELECT coalesce(max(id), 0) FROM audit_event").fetchall()[0][0]
    return number


def test_the_application_is_made_of_every_page_and_api_file(server: RunningServer) -> None:
    app = create_app(server.settings, server.database, server.keys)
    assert list(rules_of(app)) == list(rules_of(server.app))


def test_an_application_keeps_passwords_at_the_whole_cost(server: RunningServer) -> None:
    app = create_app(server.settings, server.database, server.keys)
    assert app.state.site.password_hashes is PASSWORD_HASHES
