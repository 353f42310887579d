"""The cookies that Vangnet gives a browser: one for the session, one each for the language and the look somebody chose.

Browsers keep cookies by host and not by port, so several installations on one machine would overwrite each other's:
without https the port is part of the name. With https the name starts with `__Host-`, which makes a browser refuse it from
another host or without Secure (RFC 6265bis, section 4.1.3.2).
"""

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

_YEAR_S = 365 * 24 * 3600


class Cookies:
    """Sets and reads them, for an installation with this address."""

    def __init__(self, base_url: str) -> None:
        address = urlsplit(base_url)
        self._secure = address.scheme == "https"
        self._prefix = "__Host-vangnet-" if self._secure else f"vangnet-{address.port or 80}-"

    def session(self, request: Request) -> str | None:
        """The token of the session that the browser claims to have."""
        return request.cookies.get(self._prefix + "session")

    def set_session(self, response: Response, token: str) -> None:
        """Kept until the browser closes; how long it counts is decided in the database."""
        self._set(response, "session", token, max_age_s=None)

    def drop_session(self, response: Response) -> None:
        """Takes it back."""
        response.delete_cookie(self._prefix + "session", path="/", secure=self._secure, httponly=True, samesite="lax")

    def choice(self, request: Request, name: str) -> str | None:
        """What was chosen in this browser: `language`, `theme` or `keys`."""
        return request.cookies.get(self._prefix + name)

    def set_choice(self, response: Response, name: str, value: str) -> None:
        """Remembers a choice in this browser for a year."""
        self._set(response, name, value, max_age_s=_YEAR_S)

    def set_passing(self, response: Response, name: str, value: str, *, max_age_s: int) -> None:
        """Remembers something for a moment, such as where a sign-in elsewhere began."""
        self._set(response, name, value, max_age_s=max_age_s)

    def drop_passing(self, response: Response, name: str) -> None:
        """Takes it back."""
        response.delete_cookie(self._prefix + name, path="/", secure=self._secure, httponly=True, samesite="lax")

    def _set(self, response: Response, name: str, value: str, *, max_age_s: int | None) -> None:
        response.set_cookie(
            self._prefix + name,
            value,
            max_age=max_age_s,
            path="/",
            secure=self._secure,
            httponly=True,
            # Lax, not Strict: whoever follows a link from a mail to a page of ours should arrive signed in.
            samesite="lax",
        )
