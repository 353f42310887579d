"""What every request must pass, and every answer carries, whatever the route: who asks us by which name, from which site,
how much they send, and what a browser may do with the answer.

Cross-site requests are refused by the headers that browsers send themselves, instead of tokens in forms: Filippo Valsorda,
"Cross-Site Request Forgery" (words.filippo.io/csrf, 2025), and CrossOriginProtection of Go 1.25's net/http. All browsers
send Sec-Fetch-Site since March 2023, and Origin with every POST since 2020; a program that sends neither has no cookies to
abuse.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vangnet.config import Settings
from vangnet.errors import RequestRefused, TooLarge

#: Larger requests are refused; nothing that people type, and no envelope of ours, comes near it.
MAX_BODY_BYTES = 1024 * 1024
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
#: What load balancers and monitoring ask for by the machine's address; nothing there depends on the name.
_ANY_HOST = frozenset({"/healthz", "/readyz", "/metrics"})
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def local_path(wanted: str | None) -> str:
    """`wanted` if it is a path on this site, else `/`: where to go after signing in must not be another site's choice."""
    # Browsers read a backslash as a slash, and drop control characters before they look (WHATWG URL, basic URL parser).
    if wanted is None or not wanted.startswith("/") or wanted.startswith("//") or "\\" in wanted:
        return "/"
    return wanted if wanted.isprintable() else "/"


def allowed_hosts(base_url: str) -> frozenset[str]:
    """The values of the Host header that name this installation; on a loopback address also its other names."""
    address = urlsplit(base_url)
    names = {address.netloc.lower()}
    if (address.hostname or "") in {"127.0.0.1", "localhost", "::1"}:
        port = "" if address.port is None else f":{address.port}"
        names |= {name + port for name in _LOOPBACK}
    return frozenset(names)


@dataclass(frozen=True, slots=True)
class RequestChecks:
    """Refuses requests that name another host, come from another site, or are too large (ASGI middleware).

    Raises RequestRefused and TooLarge to the middleware around it, which answers.
    """

    app: ASGIApp
    hosts: frozenset[str]
    #: Paths that take larger bodies than others, with how much; None where the route itself limits it. `*` in a path stands
    #: for one step.
    larger: Mapping[str, int | None] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        _require_our_name(scope["path"], headers, self.hosts)
        _require_same_site(scope["method"], headers, self.hosts)
        most = _most(scope["path"], self.larger)
        await self.app(scope, receive if most is None else _limited(receive, headers, most), send)


def _most(path: str, larger: Mapping[str, int | None]) -> int | None:
    if path in larger:
        return larger[path]
    steps = path.split("/")
    for pattern, most in larger.items():
        wanted = pattern.split("/")
        if "*" in wanted and len(wanted) == len(steps) and all(a in {"*", b} for a, b in zip(wanted, steps, strict=True)):
            return most
    return MAX_BODY_BYTES


def _require_our_name(path: str, headers: Headers, hosts: frozenset[str]) -> None:
    # Another name means DNS rebinding, or links in mails that would lead elsewhere.
    if path not in _ANY_HOST and headers.get("host", "").lower() not in hosts:
        raise RequestRefused(problem="this installation does not answer under that name", status=421)


def _require_same_site(method: str, headers: Headers, hosts: frozenset[str]) -> None:
    if method in _SAFE_METHODS:
        return
    site = headers.get("sec-fetch-site")
    if site is not None:
        same = site in {"same-origin", "none"}
    else:
        origin = headers.get("origin")
        same = origin is None or urlsplit(origin).netloc.lower() in hosts
    if not same:
        raise RequestRefused(problem="the request was sent by a page of another site", status=403)


def _limited(receive: Receive, headers: Headers, most: int) -> Receive:
    """`receive`, until the body is larger than `most` bytes."""
    said = headers.get("content-length", "0")
    if said.isdecimal() and int(said) > most:
        raise TooLarge(limit_bytes=most)
    received_bytes = 0

    async def receive_limited() -> Message:
        nonlocal received_bytes
        message = await receive()
        received_bytes += len(message.get("body", b""))
        if received_bytes > most:
            # Of this kind, because FastAPI turns any other that it meets while it reads a body into "bad request".
            raise HTTPException(413, str(most))
        return message

    return receive_limited


class SecurityHeaders:
    """Adds to every answer what browsers should hold it to (ASGI middleware)."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self.app = app
        self.headers = [(name.lower().encode(), value.encode()) for name, value in _headers(settings).items()]
        self.names = {name for name, _ in self.headers}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [(name, value) for name, value in message["headers"] if name.lower() not in self.names]
                if all(name.lower() != b"cache-control" for name, _ in headers):
                    headers.append((b"cache-control", b"no-store"))
                message["headers"] = headers + self.headers
            await send(message)

        await self.app(scope, receive, send_with_headers)


def _headers(settings: Settings) -> dict[str, str]:
    # A form that starts a sign-in is redirected to the party's identity provider, and form-action covers redirects.
    provider = urlsplit(settings.oidc_issuer) if settings.oidc_issuer else None
    forms = "'self'" if provider is None else f"'self' {provider.scheme}://{provider.netloc}"
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "form-action": forms,
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    headers = {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "X-Robots-Tag": "noindex, nofollow",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Embedder-Policy": "require-corp",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    }
    if settings.base_url.startswith("https:"):
        headers["Strict-Transport-Security"] = "max-age=63072000"
    return headers
