"""Fetching files by addresses that others name: what is fetched, and everything that is not."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address

import pytest
from running.states import PATIENCE_S, wait_until
from structlog.testing import capture_logs

from vangnet.errors import AppError, InvalidInput, PartnerRefused, PartnerUnreachable
from vangnet.partners.fetching import AT_ONCE, REDIRECTS_MAX, URL_MAX, Address, Fetcher, FetchesBusy, is_public
from vangnet.partners.transport import Transport

FILE = b"a picture, perhaps" * 1000
LOOPBACK = ip_address("127.0.0.1")
#: What is public by its number; nobody is asked there.
PUBLIC = ip_address("203.0.114.7")


@dataclass
class Server:
    """A server on this machine that says what each path is told to say, and remembers what it was asked."""

    port: int
    #: The answer to each path: all its bytes, or what is called with the connection.
    says: dict[str, bytes | Callable[[socket.socket], None]] = field(default_factory=dict)
    asked: list[bytes] = field(default_factory=list)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


def http(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "Connection: close", "", ""]).encode() + body


def redirect(location: str, status: int = 302) -> bytes:
    return http(b"", f"Location: {location}", "Content-Length: 0", status=f"{status} Elsewhere")


def serve_one(server: Server, connection: socket.socket) -> None:
    with connection:
        connection.settimeout(PATIENCE_S)
        asked = b""
        while b"\r\n\r\n" not in asked and (piece := connection.recv(65536)):
            asked += piece
        server.asked.append(asked)
        said = server.says[asked.split(b" ")[1].decode()]
        try:
            if isinstance(said, bytes):
                connection.sendall(said)
            else:
                said(connection)
        except OSError:
            pass  # Whoever asked had enough.


@contextmanager
def serving() -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(port=listener.getsockname()[1])

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=serve_one, args=(server, connection), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


@pytest.fixture(scope="module")
def transport() -> Transport:
    return Transport(tls=ssl.create_default_context())


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        server.says["/file"] = http(FILE, f"Content-Length: {len(FILE)}", "Content-Type: image/PNG; x=y")
        yield server


@pytest.fixture
def fetcher(transport: Transport) -> Fetcher:
    """One that may go anywhere, as an installation in a closed network may."""
    return Fetcher(transport, anywhere=True)


def fetch(fetcher: Fetcher, url: str, *, max_bytes: int = 1_000_000) -> tuple[str, bytes]:
    pieces: list[bytes] = []
    return fetcher.fetch(url, max_bytes=max_bytes, take=pieces.append), b"".join(pieces)


def test_a_file_is_fetched_with_its_media_type(fetcher: Fetcher, server: Server) -> None:
    assert fetch(fetcher, server.url("/file")) == ("image/png", FILE)
    (asked,) = server.asked
    assert f"host: 127.0.0.1:{server.port}".encode() in asked.lower()
    assert b"accept-encoding: identity" in asked.lower()
    for secret in (b"authorization", b"cookie", b"referer"):
        assert secret not in asked.lower()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "picture.jpg",
        "//example.org/x",
        "/x",
        "ftp://example.org/x",
        "file:///etc/passwd",
        "gopher://example.org/_x",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "http://",
        "http:///x",
        "http://a b/",
        "http://[::1/",
        "http://[fe80::1%25eth0]/",
        "http://user@example.org/",
        "http://user:password@example.org/",
        "http://example.org\\@127.0.0.1/",
        "http://x\r\nHost: y/",
        "http://x\0/",
        "http://example.org:99999/",
        "http://example.org/" + "x" * URL_MAX,
    ],
)
def test_what_is_no_address_of_a_file_is_refused_unasked(transport: Transport, url: str) -> None:
    def never(host: str, port: int) -> list[Address]:
        raise AssertionError("nobody is asked for it")

    with pytest.raises((InvalidInput, PartnerUnreachable)):
        fetch(Fetcher(transport, anywhere=True, look_up=never if "99999" not in url else lambda *_: [LOOPBACK]), url)


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.1", "0.1.2.3", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.170", "192.0.2.1", "198.18.0.1", "198.51.100.1",
        "203.0.113.9", "192.88.99.1", "168.63.129.16", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1",
        "64:ff9b:1::1", "100::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "ff0e::1",
        "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1", "4000::1",
    ],
)  # fmt: skip
def test_an_address_inside_is_not_public_and_nothing_is_fetched_there(transport: Transport, text: str) -> None:
    address = ip_address(text)
    assert not is_public(address)
    for found in ([address], [PUBLIC, address], [address, PUBLIC]):
        with pytest.raises(InvalidInput, match="no public address"):
            fetch(Fetcher(transport, look_up=lambda *_, found=found: found), "http://pictures.example/x")


@pytest.mark.parametrize("text", ["1.1.1.1", "8.8.8.8", "203.0.114.7", "2606:4700::1111", "2a00:1450::1"])
def test_other_addresses_are_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "127.1", "0177.0.0.1"]
)
def test_this_machine_is_not_reached_however_it_is_written(transport: Transport, server: Server, host: str) -> None:
    for port in ("", f":{server.port}"):
        with pytest.raises(InvalidInput):
            fetch(Fetcher(transport), f"http://{host}{port}/file")
    assert server.asked == []


def test_only_the_usual_ports_are_asked(transport: Transport) -> None:
    for url in ("http://pictures.example:22/", "https://pictures.example:80/", "http://pictures.example:443/"):
        with pytest.raises(InvalidInput, match="port"):
            fetch(Fetcher(transport, look_up=lambda *_: [PUBLIC]), url)


def test_the_connection_goes_to_the_address_that_was_checked(
    fetcher: Fetcher, server: Server, transport: Transport
) -> None:
    # A name server that answers another address each time: whoever looked the name up twice would be led astray.
    answers = [[LOOPBACK], [ip_address("127.0.0.99")], [PUBLIC]]

    def changing(host: str, port: int) -> list[Address]:
        return answers.pop(0)

    pinned = Fetcher(transport, anywhere=True, look_up=changing)
    assert fetch(pinned, f"http://pictures.example:{server.port}/file")[1] == FILE
    assert len(answers) == 2, "it was looked up once"
    assert f"host: pictures.example:{server.port}".encode() in server.asked[0].lower()


def test_a_redirect_is_followed_and_checked_like_the_first_address(transport: Transport, server: Server) -> None:
    server.says["/on"] = redirect("/file")
    server.says["/away"] = redirect(f"http://elsewhere.example:{server.port}/file", 307)
    looked_up: list[str] = []

    def known(host: str, port: int) -> list[Address]:
        looked_up.append(host)
        return [LOOPBACK]

    fetcher = Fetcher(transport, anywhere=True, look_up=known)
    assert fetch(fetcher, f"http://pictures.example:{server.port}/on")[1] == FILE
    assert fetch(fetcher, f"http://pictures.example:{server.port}/away")[1] == FILE
    assert looked_up == ["pictures.example"] * 3 + ["elsewhere.example"]


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1/",
        "http://[::1]/",
        "//localhost/",
        "http://inside.example/",
        "file:///etc/passwd",
        "http://user:password@pictures.example/",
        "http://pictures.example:6379/",
    ],
)
def test_a_redirect_leads_nowhere_inside(server: Server, location: str) -> None:
    server.says["/on"] = redirect(location)

    # The first step goes to our server, as if it had a public address; the checks are those of every installation.
    class Led(Fetcher):
        steps = 0

        def _checked(self, url, ends):  # type: ignore[no-untyped-def]
            self.steps += 1
            if self.steps == 1:
                return super()._checked(url, ends)
            self._anywhere = False
            return super()._checked(url, ends)

    def known(host: str, port: int) -> list[Address]:
        return [{"pictures.example": LOOPBACK, "inside.example": ip_address("10.0.0.1")}.get(host) or ip_address(host)]

    led = Led(Transport(), anywhere=True, look_up=known)
    with pytest.raises(InvalidInput):
        fetch(led, f"http://pictures.example:{server.port}/on")
    assert len(server.asked) == 1


def test_redirects_end(fetcher: Fetcher, server: Server) -> None:
    server.says["/round"] = redirect("/round")
    with pytest.raises(PartnerRefused, match=f"more than {REDIRECTS_MAX} times"):
        fetch(fetcher, server.url("/round"))
    assert len(server.asked) == REDIRECTS_MAX + 1


def endless(connection: socket.socket) -> None:
    connection.sendall(http(b"", "Content-Type: image/png"))
    while True:
        connection.sendall(bytes(65536))


def dripping(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1000):
        connection.sendall(b"x")
        time.sleep(0.02)  # The server is the one that is slow.


def silent(connection: socket.socket) -> None:
    connection.recv(1)


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        (endless, "more than 100000 bytes"),
        (http(b"", "Content-Length: 999999999999999"), "more than 100000 bytes"),
        (http(b"x" * 50, "Content-Length: 500"), "broke off"),
        (http(b"", "Content-Encoding: gzip", "Content-Length: 0"), "compressed"),
        (http(b"not here", status="404 Not Found"), "answered 404"),
        (http(b"", "Content-Range: bytes 0-1/9", status="206 Partial Content"), "answered 206"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 500_000, "not HTTP"),
        (dripping, "too long"),
        (silent, "too long|no answer in time"),
    ],
)  # fmt: skip
def test_a_server_that_misbehaves_is_a_clear_error(
    transport: Transport, server: Server, said: bytes | Callable[[socket.socket], None], refusal: str
) -> None:
    server.says["/x"] = said
    fetcher = Fetcher(transport, anywhere=True, within_s=0.5 if said in {dripping, silent} else PATIENCE_S)
    with capture_logs() as logs, pytest.raises((PartnerRefused, PartnerUnreachable), match=refusal) as failed:
        fetch(fetcher, server.url("/x"), max_bytes=100_000)
    assert "127.0.0.1" not in str(failed.value) + str(logs), "addresses stay out of messages and logs"


def test_a_name_server_that_does_not_answer_is_not_waited_for(transport: Transport) -> None:
    answered = threading.Event()

    def slow(host: str, port: int) -> list[Address]:
        answered.wait(PATIENCE_S)
        return [LOOPBACK]

    with pytest.raises(PartnerUnreachable, match="in time"):
        fetch(Fetcher(transport, anywhere=True, look_up=slow, within_s=0.2), "http://pictures.example/")
    answered.set()


def test_a_name_that_is_not_there_reads_like_one_that_is_inside(transport: Transport) -> None:
    def unknown(host: str, port: int) -> list[Address]:
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    said = set()
    for found in (unknown, lambda *_: [ip_address("10.0.0.1")]):
        with pytest.raises(InvalidInput) as refused:
            fetch(Fetcher(transport, look_up=found), "http://database.internal/")
        said.add(str(refused.value))
    assert len(said) == 1


def test_what_takes_the_file_can_stop_it(fetcher: Fetcher, server: Server) -> None:
    class Full(AppError):
        pass

    def take(piece: bytes) -> None:
        raise Full

    with pytest.raises(Full):
        fetcher.fetch(server.url("/file"), max_bytes=1_000_000, take=take)


def test_so_many_files_are_fetched_at_once_and_no_more(transport: Transport, server: Server) -> None:
    turn = threading.Event()

    def waiting(connection: socket.socket) -> None:
        turn.wait(PATIENCE_S)
        connection.sendall(http(FILE, f"Content-Length: {len(FILE)}"))

    server.says["/wait"] = waiting
    fetcher = Fetcher(transport, anywhere=True, within_s=PATIENCE_S)
    threads = [threading.Thread(target=fetch, args=(fetcher, server.url("/wait"))) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(server.asked) == AT_ONCE)
    with pytest.raises(FetchesBusy):
        fetch(fetcher, server.url("/file"))
    turn.set()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert fetch(fetcher, server.url("/file"))[1] == FILE
