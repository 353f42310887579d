"""The one HTTP client. Every request to a third party goes through it, so that none can be without its limits.

It follows no redirect by itself, asks no proxy of the environment, keeps no connection, reads at most as many bytes as the
caller allows, and gives up when the time for the whole exchange is over, however slowly the other side drips. It tries
once: trying again is the jobs' work. No address gets into a message or the log; messages name the third party by our own
id.
"""

import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

import httpx2

from vangnet.errors import PartnerRefused, PartnerUnreachable
from vangnet.identity.model.text import checked_base_url

#: A host that does not even accept a connection is not waited for.
CONNECT_S = 3.0
#: Everything together, from the name look-up to the last byte.
EXCHANGE_S = 10.0
#: Statuses that send us on (RFC 9110, section 15.4).
_SENT_ON = frozenset({301, 302, 303, 307, 308})

# The library writes the address of every request to its log, one level lower.
for _name in ("httpx2", "httpcore2"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back, whatever its status. The body is at most as long as was allowed."""

    status: int
    media_type: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """How an exchange ended whose body went elsewhere. `location` is there where it sends us on; then no body was read."""

    status: int
    media_type: str
    location: str | None = field(default=None, repr=False)


class Transport:
    """Speaks HTTP to third parties. Safe to share between threads."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, exchange_s: float = EXCHANGE_S) -> None:
        self._tls = tls if tls is not None else ssl.create_default_context()
        self._exchange_s = exchange_s
        self._lines: set[_Line] = set()

    @classmethod
    def trusting(cls, authorities: Path | None, *, exchange_s: float = EXCHANGE_S) -> "Transport":
        """Trusts the system's certificate authorities, and those in the PEM file `authorities`."""
        tls = ssl.create_default_context()
        if authorities is not None:
            tls.load_verify_locations(cafile=authorities)
        return cls(tls=tls, exchange_s=exchange_s)

    def get(self, base_url: str, path: str, *, partner: str, max_bytes: int, authorization: str | None = None) -> Answer:
        """Asks for a document. `partner` is our own id or words for whoever answers at `base_url`.

        Raises PartnerUnreachable, PartnerRefused, InvalidInput where it is neither https nor on this machine.
        """
        headers = {} if authorization is None else {"authorization": authorization}
        return self._exchange("GET", base_url, path, partner=partner, max_bytes=max_bytes, body=None, headers=headers)

    def post(
        self,
        base_url: str,
        path: str,
        body: bytes,
        *,
        media_type: str,
        partner: str,
        max_bytes: int,
        authorization: str | None = None,
    ) -> Answer:
        """Sends `body`. Raises as `get`.

        After PartnerUnreachable it may have arrived all the same: send only what can be sent twice.
        """
        headers = {"content-type": media_type} | ({} if authorization is None else {"authorization": authorization})
        return self._exchange("POST", base_url, path, partner=partner, max_bytes=max_bytes, body=body, headers=headers)

    def exchange(
        self,
        method: str,
        base_url: str,
        path: str,
        *,
        headers: Mapping[str, str],
        partner: str,
        max_bytes: int,
        body: bytes | None = None,
    ) -> Answer:
        """Any other request, with the headers that a third party's own interface asks for. Raises as `get`, `post`."""
        return self._exchange(method, base_url, path, partner=partner, max_bytes=max_bytes, body=body, headers=headers)

    def receive(
        self,
        url: httpx2.URL,
        *,
        address: IPv4Address | IPv6Address,
        partner: str,
        max_bytes: int,
        within_s: float,
        take: Callable[[bytes], None],
    ) -> Received:
        """Asks the machine at `address`, and no other, for `url`; what comes goes to `take`, piece by piece.

        For `partners.fetching`, which says what may be asked of whom. The certificate must be that of the url's host.
        Raises as `get`, and whatever `take` raises.
        """
        host = url.raw_host.decode("ascii")
        with (
            self._line(within_s) as line,
            _translated(partner, line),
            self._client(within_s) as client,
            client.stream(
                "GET",
                url.copy_with(host=str(address), fragment=None),
                headers={"host": url.netloc.decode("ascii"), "accept": "*/*"},
                extensions={"trace": line.follow, "sni_hostname": host},
            ) as response,
        ):
            media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if response.status_code in _SENT_ON and "location" in response.headers:
                return Received(status=response.status_code, media_type="", location=response.headers["location"])
            if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
                raise PartnerRefused(partner=partner, problem="its answer is compressed, which was not asked for")
            if response.status_code == 200:
                _hand_on(response, partner=partner, max_bytes=max_bytes, take=take)
            return Received(status=response.status_code, media_type=media_type)

    def hang_up(self) -> None:
        """Ends the exchanges under way; whoever waits for one gets PartnerUnreachable. For a process that stops."""
        for line in list(self._lines):
            line.cut()

    def _exchange(
        self,
        method: str,
        base_url: str,
        path: str,
        *,
        partner: str,
        max_bytes: int,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> Answer:
        url = checked_base_url(base_url) + path
        with (
            self._line() as line,
            _translated(partner, line),
            self._client() as client,
            client.stream(method, url, content=body, headers=headers, extensions={"trace": line.follow}) as response,
        ):
            if 300 <= response.status_code < 400:
                raise PartnerRefused(partner=partner, problem="it sent us on to another address, which is not followed")
            return Answer(
                status=response.status_code,
                media_type=response.headers.get("content-type", "").partition(";")[0].strip().lower(),
                body=_read(response, partner=partner, max_bytes=max_bytes),
            )

    def _client(self, within_s: float | None = None) -> httpx2.Client:
        limit_s = self._exchange_s if within_s is None else within_s
        return httpx2.Client(
            verify=self._tls,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx2.Timeout(limit_s, connect=min(CONNECT_S, limit_s)),
            limits=httpx2.Limits(max_connections=1, max_keepalive_connections=0),
            headers={
                "user-agent": f"vangnet/{version('vangnet')}",
                "accept": "application/json",
                # A compressed answer could be small on the line and huge here.
                "accept-encoding": "identity",
            },
        )

    @contextlib.contextmanager
    def _line(self, within_s: float | None = None) -> Iterator["_Line"]:
        line = _Line()
        self._lines.add(line)
        deadline = threading.Timer(self._exchange_s if within_s is None else within_s, line.cut)
        deadline.daemon = True
        deadline.start()
        try:
            yield line
        finally:
            deadline.cancel()
            self._lines.discard(line)


class _Line:
    """The connection of one exchange, so that another thread can cut it while this one waits for an answer.

    The library's own time limits are for one read each; somebody who sends a byte a second would hold us for hours.
    """

    def __init__(self) -> None:
        self.was_cut = False
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    def follow(self, event: str, info: Mapping[str, Any]) -> None:
        """The library's trace hook: learns the socket when it is connected, and again when TLS took it over."""
        if event in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            with self._lock:
                self._socket = info["return_value"].get_extra_info("socket")
            if self.was_cut:
                self.cut()

    def cut(self) -> None:
        """Ends the connection; a thread that reads from it wakes."""
        self.was_cut = True
        with self._lock, contextlib.suppress(OSError):
            if self._socket is not None:
                # Not SSLSocket's own, which changes it under the thread that reads.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def _read(response: httpx2.Response, *, partner: str, max_bytes: int) -> bytes:
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > max_bytes:
            raise PartnerRefused(partner=partner, problem=f"its answer has more than {max_bytes} bytes")
    return bytes(body)


def _hand_on(response: httpx2.Response, *, partner: str, max_bytes: int, take: Callable[[bytes], None]) -> None:
    refused = PartnerRefused(partner=partner, problem=f"its answer has more than {max_bytes} bytes")
    said = response.headers.get("content-length", "")
    if said.isdecimal() and int(said) > max_bytes:
        raise refused
    received = 0
    for chunk in response.iter_raw():
        received += len(chunk)
        if received > max_bytes:
            raise refused
        take(chunk)


@contextlib.contextmanager
def _translated(partner: str, line: _Line) -> Iterator[None]:
    try:
        yield
    except (httpx2.HTTPError, httpx2.StreamError) as error:
        problem = "it took too long, or we are stopping" if line.was_cut else _problem(error)
        raise PartnerUnreachable(partner=partner, problem=problem) from error
    except (httpx2.InvalidURL, httpx2.CookieConflict) as error:
        raise PartnerRefused(partner=partner, problem="its address or its answer cannot be used") from error


def _problem(error: Exception) -> str:
    """What went wrong, in words that hold no address; the library's own can."""
    match error:
        case httpx2.ConnectTimeout():
            return "no connection in time"
        case httpx2.TimeoutException():
            return "no answer in time"
        case httpx2.ConnectError():
            return "its certificate is not trusted" if _by_certificate(error) else "no connection"
        case httpx2.ProtocolError() | httpx2.DecodingError():
            return "the answer broke off or is not HTTP"
        case _:
            return "the connection broke off"


def _by_certificate(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
