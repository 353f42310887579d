"""Routes that are answered directly: those that are asked thousands of times a second.

FastAPI describes such a route like any other, and knows who may use it. But its own way to a handler (every route tried in
turn, dependencies, two changes of thread) costs several times what a check of hashes does. So what it describes is found
here by its path, inside the same middleware as all others, and called with the visit alone; it reads what was sent itself.
"""

from collections.abc import Mapping

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from vangnet.web.access import RouteWithoutRule, needs_of
from vangnet.web.visit import OneVisit


class DirectRoute(APIRoute):
    """A route whose handler is `async`, takes the visit and nothing else, and returns a response."""


class DirectAnswers:
    """Answers the direct routes and passes everything else on (ASGI middleware, the innermost)."""

    def __init__(self, app: ASGIApp, *, routes: Mapping[tuple[str, str], APIRoute]) -> None:
        """`routes` by method and path; it is filled when all routes are known."""
        self.app = app
        self.routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self.routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None:
            await self.app(scope, receive, send)
            return
        scope["route"] = route
        visit = OneVisit(Request(scope, receive))
        needed = needs_of(route)
        if needed is None:
            raise RouteWithoutRule(f"`{route.path}` does not say who may use it")
        if not visit.is_remembered():
            await run_in_threadpool(visit.find_visitor)  # It asks the database.
        needed(visit)
        response: Response = await route.endpoint(visit)
        await response(scope, receive, send)


def direct_routes(app: FastAPI) -> dict[tuple[str, str], APIRoute]:
    """Those of the application, by method and path."""
    return {
        (method, route.path): route
        for context in iter_route_contexts(app.routes)
        if isinstance(route := context.original_route, DirectRoute)
        for method in route.methods or ()
    }
