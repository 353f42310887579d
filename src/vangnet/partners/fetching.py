"""Fetching a file whose address somebody else names: there, and nowhere else, a stranger says where we connect to.

Such an address can lead into our own network (CWE-918, server-side request forgery). So its host is looked up once, every
address that it has is checked, and the connection goes to an address that was checked: another answer of the name server a
moment later (DNS rebinding) changes nothing. Where a server sends us on, that is an address anew. Schemes, ports, time,
redirects and size have limits, and so has the number of such exchanges at once. No address gets into a message or the log.
"""

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import httpx2

from vangnet.errors import InvalidInput, PartnerRefused, PartnerUnreachable, Unavailable
from vangnet.partners.transport import Received, Transport

#: Everything together: the look-up of names, all redirects, the file.
WITHIN_S = 15.0
REDIRECTS_MAX = 3
AT_ONCE = 8
URL_MAX = 2_000
_PORTS = {"http": 80, "https": 443}
_PARTNER = "the server that was named"
#: Addresses that count as public and are not meant for anybody's files: the ways to a wrapped IPv4 address (6to4 and its
#: relays), documentation, and the host services of one big provider.
_NOT_PUBLIC = [ip_network(text) for text in ("2002::/16", "3fff::/20", "192.88.99.0/24", "168.63.129.16/32")]
#: What is given out of IPv6 for use by everybody (RFC 4291, section 2.4): no mapped, translated or local address is in it.
_PUBLIC_IPV6 = ip_network("2000::/3")

Address = IPv4Address | IPv6Address
#: The addresses of a host. Raises OSError.
LookUp = Callable[[str, int], list[Address]]


class FetchesBusy(Unavailable):
    """As many files are being fetched as may be at once."""

    message = "too many files are being fetched now; try again"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """Where an exchange goes: what is asked for, and of which machine."""

    url: httpx2.URL
    address: Address


def look_up(host: str, port: int) -> list[Address]:
    """The addresses of a host, IPv4 first. Raises OSError."""
    found = {answer[4][0] for answer in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    # One with a scope (`fe80::1%eth0`) is nobody's but this network's, and is read as it stands.
    addresses = [ip_address(str(text)) for text in found]
    return sorted(addresses, key=lambda address: (address.version, int(address)))


def is_public(address: Address) -> bool:
    """Whether an address is one that anybody on the internet could ask."""
    if isinstance(address, IPv6Address) and address not in _PUBLIC_IPV6:
        return False
    special = address.is_multicast or address.is_reserved or any(address in network for network in _NOT_PUBLIC)
    return address.is_global and not special


class Fetcher:
    """Fetches files by their addresses. Safe to share between threads."""

    def __init__(
        self,
        transport: Transport,
        *,
        anywhere: bool = False,
        look_up: LookUp = look_up,
        within_s: float = WITHIN_S,
    ) -> None:
        """`anywhere` lets it reach private addresses and any port, too: for tests and closed networks."""
        self._transport = transport
        self._anywhere = anywhere
        self._look_up = look_up
        self._within_s = within_s
        self._places = threading.BoundedSemaphore(AT_ONCE)

    def fetch(self, url: str, *, max_bytes: int, take: Callable[[bytes], None]) -> str:
        """Hands the file at `url` to `take`, piece by piece, and returns the media type that its server gives it.

        Raises InvalidInput for an address that is not one, or leads where nothing is fetched; PartnerUnreachable,
        PartnerRefused, FetchesBusy; and whatever `take` raises.
        """
        if not self._places.acquire(blocking=False):
            raise FetchesBusy
        try:
            return self._fetch(url, max_bytes, take)
        finally:
            self._places.release()

    def _fetch(self, url: str, max_bytes: int, take: Callable[[bytes], None]) -> str:
        ends = time.monotonic() + self._within_s
        wanted = _read(url)
        for _ in range(REDIRECTS_MAX + 1):
            target = self._checked(wanted, ends)
            received = self._transport.receive(
                target.url,
                address=target.address,
                partner=_PARTNER,
                max_bytes=max_bytes,
                within_s=_left(ends),
                take=take,
            )
            if received.location is None:
                return _file_of(received)
            wanted = _next(wanted, received.location)
        raise PartnerRefused(partner=_PARTNER, problem=f"it sent us on more than {REDIRECTS_MAX} times")

    def _checked(self, url: httpx2.URL, ends: float) -> _Target:
        port = url.port or _PORTS[url.scheme]
        if not self._anywhere and port != _PORTS[url.scheme]:
            raise _not_taken("must have no port of its own")
        addresses = self._addresses(url.raw_host.decode("ascii"), port, ends)
        # One that is private among public ones is no accident either.
        if not addresses or not (self._anywhere or all(map(is_public, addresses))):
            raise _not_taken("leads to no public address")
        return _Target(url=url, address=addresses[0])

    def _addresses(self, host: str, port: int, ends: float) -> list[Address]:
        # The system's look-up has no time limit that we could set, so it is left behind where it takes too long.
        answer: Future[list[Address]] = Future()

        def ask() -> None:
            try:
                answer.set_result(self._look_up(host, port))
            except (OSError, ValueError) as error:
                answer.set_exception(error)

        threading.Thread(target=ask, name="look-up", daemon=True).start()
        try:
            return answer.result(_left(ends))
        except NotInTime as error:
            raise PartnerUnreachable(partner=_PARTNER, problem="its name was not found in time") from error
        except (OSError, ValueError):
            # The same words as for a private address: which names there are inside is nobody's business outside.
            return []


def _read(text: str) -> httpx2.URL:
    try:
        url = httpx2.URL(text)
    except (httpx2.InvalidURL, ValueError):
        raise _not_taken("must be like https://example.org/picture.jpg") from None
    if len(text) > URL_MAX or url.scheme not in _PORTS or not url.host or "\\" in text or "%" in url.host:
        raise _not_taken("must be like https://example.org/picture.jpg")
    if url.userinfo:
        raise _not_taken("must hold no name and no password")
    return url


def _next(url: httpx2.URL, location: str) -> httpx2.URL:
    try:
        following = url.join(location)
    except (httpx2.InvalidURL, ValueError):
        raise PartnerRefused(partner=_PARTNER, problem="it sent us on to something that is no address") from None
    if url.scheme == "https" and following.scheme != "https":
        raise PartnerRefused(partner=_PARTNER, problem="it sent us on to an address without encryption")
    return _read(str(following))


def _file_of(received: Received) -> str:
    if received.status != 200:
        raise PartnerRefused(partner=_PARTNER, problem=f"it answered {received.status}")
    return received.media_type


def _left(ends: float) -> float:
    left = ends - time.monotonic()
    if left <= 0:
        raise PartnerUnreachable(partner=_PARTNER, problem="it took too long")
    return left


def _not_taken(problem: str) -> InvalidInput:
    return InvalidInput(field="url", problem=problem)
