"""Who may use a route: every route says so itself, with `dependencies=[needs(…)]`, or the application does not start.

A rule is a permission, or one of the few cases that no role decides (`Rule`). Whether this reader may see one certain
record is the service's matter (NotFound); this is about the route as a whole.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fastapi import FastAPI, params
from fastapi.routing import APIRoute, iter_route_contexts

from vangnet.errors import NotSignedIn
from vangnet.identity.permissions import Permission
from vangnet.web.visit import Visit


class Rule(StrEnum):
    PUBLIC = "public"  #: Anybody, signed in or not.
    SIGNED_IN = "signed-in"  #: Any of our own people, their sign-in complete; for what concerns only themselves.
    SECOND_FACTOR_PENDING = "second-factor-pending"  #: Somebody whose password was right, the second factor still owed.


PUBLIC = Rule.PUBLIC
SIGNED_IN = Rule.SIGNED_IN
SECOND_FACTOR_PENDING = Rule.SECOND_FACTOR_PENDING


class Needs:
    """The dependency that lets a visit through, or raises NotSignedIn or PermissionDenied."""

    def __init__(self, rule: Permission | Rule) -> None:
        self.rule = rule

    # Plain, so that it runs in a thread: finding out who visits asks the database.
    def __call__(self, visit: Visit) -> None:
        match self.rule:
            case Rule.PUBLIC:
                allowed = True
            case Rule.SECOND_FACTOR_PENDING:
                allowed = visit.second_factor_pending
            case Rule.SIGNED_IN:
                allowed = visit.person is not None and not visit.second_factor_pending
            case Permission():
                allowed = visit.known and not visit.second_factor_pending
        if not allowed:
            raise NotSignedIn
        if isinstance(self.rule, Permission):
            visit.actor.require(self.rule)


def needs(rule: Permission | Rule) -> Any:
    """For a route's `dependencies`: who may use it."""
    return params.Depends(Needs(rule))


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteRule:
    """One route as the tests and the API reference see it."""

    method: str
    path: str
    name: str
    rule: Permission | Rule

    @property
    def unsafe(self) -> bool:
        """Whether the method is one that may change something (RFC 9110, section 9.2.1)."""
        return self.method not in {"GET", "HEAD"}


class RouteWithoutRule(Exception):
    """A mistake in the code: a route does not say who may use it. Nobody catches this."""


def rules_of(app: FastAPI) -> Iterator[RouteRule]:
    """Every route of the application. Raises RouteWithoutRule."""
    for route in iter_route_contexts(app.routes):
        rule = _rule(route.dependencies) if isinstance(route.original_route, APIRoute) else None
        if rule is None:
            raise RouteWithoutRule(f"`{route.path}` does not say who may use it: add `dependencies=[needs(…)]`")
        for method in sorted((route.methods or set()) - {"HEAD"}):
            yield RouteRule(method=method, path=route.path or "", name=route.name or "", rule=rule)


def methods_at(app: FastAPI, path: str) -> list[str]:
    """The methods that some route takes at this path; the framework's own answer names those of one route only."""
    found: set[str] = set()
    for route in iter_route_contexts(app.routes):
        if route.path_regex.match(path):
            found |= route.methods or set()
    return sorted(found | ({"HEAD"} if "GET" in found else set()))


def needs_of(route: APIRoute) -> Needs | None:
    """What lets a visit through to this route; None where it does not say."""
    return _needs(route.dependencies)


def _rule(dependencies: Sequence[params.Depends]) -> Permission | Rule | None:
    found = _needs(dependencies)
    return None if found is None else found.rule


def _needs(dependencies: Sequence[params.Depends]) -> Needs | None:
    for dependency in dependencies:
        if isinstance(dependency.dependency, Needs):
            return dependency.dependency
    return None
