"""Where a third party's service answers, and what its statuses mean: what those who share hashes have in common."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from vangnet.errors import InvalidInput, PartnerRefused, PartnerUnreachable
from vangnet.identity.model.text import checked_base_url
from vangnet.partners.transport import Transport

PATH_MAX = 200
#: A page of a thousand entries has well under one MB.
PAGE_MAX_BYTES = 16 * 1024 * 1024
_OK = range(200, 300)
_LATER = frozenset({408, 425, 429})
_SERVER_ERRORS = range(500, 600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A service and how we show it who we are. `partner` is our own name for it."""

    transport: Transport = field(repr=False)
    base_url: str = field(repr=False)
    partner: str
    headers: Mapping[str, str] = field(repr=False)

    def ask(self, path: str) -> bytes:
        """The document at `path`, which begins behind the service's own. Raises PartnerUnreachable, PartnerRefused."""
        return self._send("GET", path, None, {})

    def send(self, method: str, path: str, body: bytes, *, media_type: str) -> bytes:
        """Sends `body`; raises as `ask`. After PartnerUnreachable it may have arrived all the same."""
        return self._send(method, path, body, {"content-type": media_type})

    def refused(self, problem: str) -> PartnerRefused:
        """The error for an answer that is not what was asked for."""
        return PartnerRefused(partner=self.partner, problem=problem)

    def _send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
        origin, own_path = split(self.base_url)
        answer = self.transport.exchange(
            method,
            origin,
            own_path + path,
            headers={**self.headers, **headers},
            partner=self.partner,
            max_bytes=PAGE_MAX_BYTES,
            body=body,
        )
        if answer.status in _OK:
            return answer.body
        if answer.status in {401, 403}:
            raise self.refused("it does not take our credentials")
        if answer.status in _LATER or answer.status in _SERVER_ERRORS:
            raise PartnerUnreachable(partner=self.partner, problem=f"it answered {answer.status}")
        raise self.refused(f"it answered {answer.status}")


def split(base_url: str) -> tuple[str, str]:
    """The address of a service as its origin and the path under which it answers. Raises InvalidInput."""
    try:
        parts = urlsplit(base_url.strip())
        origin = checked_base_url(f"{parts.scheme}://{parts.netloc}")
    except (ValueError, InvalidInput):
        raise _unusable() from None
    path = parts.path.rstrip("/")
    plain = path.isascii() and all(letter.isalnum() or letter in "/-._~" for letter in path) and ".." not in path
    if parts.query or parts.fragment or not plain or len(path) > PATH_MAX:
        raise _unusable()
    return origin, path


def _unusable() -> InvalidInput:
    return InvalidInput(
        field="base_url", problem="must be like https://lists.example.org/path, and https unless it is on this machine"
    )
