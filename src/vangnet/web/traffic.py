"""Counts, times and logs requests by their route, never by their path: paths hold ids, and some of them one-time tokens.

The line has no address of the client either. Who did what is in the audit trail; this is for finding what is slow or fails.
"""

import time

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vangnet.web.direct import DirectRoute
from vangnet.web.metrics import Metrics

_UNKNOWN = "none"


class Traffic:
    """The outermost middleware (ASGI). It also answers HEAD as GET, whose body the server then leaves out."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics
        self.log = structlog.get_logger("vangnet.web")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        method = scope["method"]
        inner = {**scope, "method": "GET" if method == "HEAD" else method}
        status = 0
        started = time.perf_counter()

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(inner, receive, send_and_note)
        finally:
            seconds = time.perf_counter() - started
            route = getattr(inner.get("route"), "path", _UNKNOWN)
            self.metrics.note_request(method=_method(method), route=route, status=status, seconds=seconds)
            if not _is_usual_check(inner.get("route"), status):
                self.log.info("request", method=_method(method), route=route, status=status, ms=round(seconds * 1000, 1))


def _is_usual_check(route: object, status: int) -> bool:
    # Thousands a second, and counted anyway: a line of each would cost as much as the check, and tell nobody anything.
    return isinstance(route, DirectRoute) and 0 < status < 400


def _method(method: str) -> str:
    """The method, if it is one that exists: anybody can send any word, and each would become a series of its own."""
    return method if method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} else "other"
