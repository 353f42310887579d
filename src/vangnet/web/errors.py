"""Errors as answers: a problem document for programs, a page for people, in one shape each.

A problem document is `{code, message, hint, incident}` as `application/problem+json`; all four are always there. What
nobody foresaw is caught here and nowhere else in the web edge: it is logged with an incident id, and only that is shown.
"""

import contextlib
import uuid
from dataclasses import dataclass, field
from urllib.parse import quote

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vangnet.errors import (
    AppError,
    CallerMistake,
    Conflict,
    InvalidInput,
    NotFound,
    NotSignedIn,
    PartnerFailed,
    PermissionDenied,
    RequestRefused,
    SignatureRefused,
    TooLarge,
    TooManyAttempts,
    Unavailable,
)
from vangnet.web.access import methods_at
from vangnet.web.languages import marked
from vangnet.web.security import MAX_BODY_BYTES
from vangnet.web.visit import OneVisit
from vangnet.web.visitor import is_for_basic, is_for_programs

#: The nearest class in an error's line of descent decides.
STATUS: dict[type[AppError], int] = {
    AppError: 500,
    CallerMistake: 400,
    InvalidInput: 422,
    NotSignedIn: 401,
    PermissionDenied: 403,
    SignatureRefused: 403,
    NotFound: 404,
    Conflict: 409,
    TooLarge: 413,
    TooManyAttempts: 429,
    Unavailable: 503,
    PartnerFailed: 502,
}
_RETRY_AFTER_S = 5
_SIGN_IN = "/sign-in"
_SECOND_FACTOR = "/sign-in/code"

_HEADINGS = {
    401: marked("Sign in first"),
    403: marked("You may not do this"),
    404: marked("There is nothing here"),
    409: marked("Not possible now"),
    413: marked("Too large"),
    422: marked("Something is not right yet"),
    429: marked("Too many attempts"),
    500: marked("Something failed here"),
    502: marked("Another organisation did not answer"),
    503: marked("Not available now"),
}
_OTHER_HEADING = marked("This request was refused")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An error as it is answered over HTTP."""

    error: AppError
    status: int
    incident: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, str | None]:
        """The problem document."""
        return {
            "code": self.error.code,
            "message": str(self.error),
            "hint": self.error.advice(),
            "incident": self.incident,
        }


def status_of(error: AppError) -> int:
    """The HTTP status that fits an error."""
    if isinstance(error, RequestRefused):
        return error.status
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def answer(request: Request, error: Exception) -> Response:
    """The answer to a request that ended in `error`, as a page or as a problem document."""
    problem = _problem(request, error)
    if is_for_programs(request):
        return JSONResponse(
            problem.document(), problem.status, headers=problem.headers, media_type="application/problem+json"
        )
    visit = _visit(request, problem.error)
    if isinstance(problem.error, NotSignedIn) and request.method == "GET":
        return RedirectResponse(_where_to_sign_in(visit), status_code=303)
    pages = visit.site.pages
    context = {
        "heading": _HEADINGS.get(problem.status, _OTHER_HEADING),
        "sentence": visit.say(problem.error),
        "advice": pages.advice_of(problem.error, visit.language),
        "incident": problem.incident,
        "sign_in": isinstance(problem.error, NotSignedIn),
    }
    response = pages.render(visit, "errors/problem.html", status=problem.status, context=context)
    response.headers.update(problem.headers)
    return response


class ErrorAnswers:
    """Answers what a request ends in when nothing inside did: our own refusals, and every fault (ASGI middleware)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_and_note(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        except Exception as error:
            if started or scope["type"] != "http":
                raise  # Half an answer is out; the server cuts the connection, so that nobody takes it for a whole one.
            response = await run_in_threadpool(answer, Request(scope), error)
            await response(scope, receive, send)


def _visit(request: Request, error: AppError) -> OneVisit:
    """The visit, with its visitor if that can be found out: an error page must not need what failed."""
    visit: OneVisit = getattr(request.state, "visit", None) or OneVisit(request)
    if not isinstance(error, Unavailable):
        with contextlib.suppress(AppError):
            visit.find_visitor()
    return visit


def _problem(request: Request, error: Exception) -> Problem:
    match error:
        case AppError():
            return _foreseen(request, error)
        case RequestValidationError():
            return _malformed(error)
        case HTTPException():
            return _refused_by_router(request, error)
        case _:
            incident = _new_incident()
            structlog.get_logger().error("request failed", incident=incident, route=_route(request), exc_info=error)
            return Problem(error=AppError(), status=500, incident=incident)


def _foreseen(request: Request, error: AppError) -> Problem:
    status = status_of(error)
    headers = {}
    incident = None
    match error:
        case NotSignedIn():
            headers["WWW-Authenticate"] = 'Basic realm="vangnet"' if is_for_basic(request) else "Bearer"
        case TooManyAttempts():
            headers["Retry-After"] = str(error.retry_after_s)
        case Unavailable() | PartnerFailed():
            headers["Retry-After"] = str(_RETRY_AFTER_S)
    if status >= 500:
        incident = _new_incident()
        structlog.get_logger().warning(
            "request not served", incident=incident, route=_route(request), code=error.code, exc_info=error
        )
    return Problem(error=error, status=status, incident=incident, headers=headers)


def _refused_by_router(request: Request, error: HTTPException) -> Problem:
    """What the framework refuses before a handler is reached."""
    refusal: AppError
    headers = {}
    match error.status_code:
        case 413:
            refusal = TooLarge(limit_bytes=int(error.detail) if error.detail.isdecimal() else MAX_BODY_BYTES)
        case 404:
            refusal = NotFound(record="page", key=request.url.path)
        case 405:
            refusal = RequestRefused(problem="this address does not take that method", status=405)
            headers["Allow"] = ", ".join(methods_at(request.app, request.url.path))
        case _:
            refusal = RequestRefused(problem="the request could not be read", status=error.status_code)
    return Problem(error=refusal, status=status_of(refusal), headers=headers)


def _malformed(error: RequestValidationError) -> Problem:
    """What FastAPI found wrong with a request, by its first finding and without the values."""
    found = error.errors()[0]
    if found["type"] == "json_invalid":
        refusal = RequestRefused(problem="the body is not JSON", status=400)
        return Problem(error=refusal, status=400)
    place = ".".join(str(step) for step in found["loc"][1:]) or str(found["loc"][0])
    return Problem(error=InvalidInput(field=place, problem=found["msg"][:1].lower() + found["msg"][1:]), status=422)


def _where_to_sign_in(visit: OneVisit) -> str:
    visitor = visit.visitor_so_far
    if visitor is not None and visitor.second_factor_pending:
        return _SECOND_FACTOR
    if visitor is not None and visitor.person is not None:
        return "/"  # A step of signing in that is behind them.
    url = visit.request.url
    wanted = url.path + ("?" + url.query if url.query else "")
    return _SIGN_IN if wanted == "/" else f"{_SIGN_IN}?next={quote(wanted, safe='/')}"


def _new_incident() -> str:
    return uuid.uuid4().hex[:12]


def _route(request: Request) -> str:
    return getattr(request.scope.get("route"), "path", "none")
