"""The one HTTP client: its limits, against servers that do not play by the rules, and what it says about them."""

import contextlib
import datetime as dt
import inspect
import ipaddress
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from running.states import PATIENCE_S

from vangnet.errors import InvalidInput, PartnerFailed, PartnerRefused, PartnerUnreachable
from vangnet.handoff.model import Refusal
from vangnet.identity.model import InstallationKind
from vangnet.partners import transport as transport_module
from vangnet.partners.installation import Accepted, Refused, deliver, fetch_installation
from vangnet.partners.transport import Transport

Speak = Callable[[socket.socket], None]
OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\n"


@contextlib.contextmanager
def server(speak: Speak, *, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Somebody who answers each connection by `speak`, at the address that is yielded."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads: list[threading.Thread] = []

        def serve(connection: socket.socket) -> None:
            with contextlib.suppress(OSError), connection:
                connection.settimeout(PATIENCE_S)
                wrapped = tls.wrap_socket(connection, server_side=True) if tls is not None else connection
                with wrapped:
                    speak(wrapped)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threads.append(threading.Thread(target=serve, args=[listener.accept()[0]]))
                    threads[-1].start()

        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield f"{'https' if tls is not None else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for thread in [acceptor, *threads]:
                thread.join(20)


def answering(answer: bytes) -> Speak:
    """Reads what comes and answers the same to everything."""

    def speak(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)

    return speak


def body(text: bytes, head: bytes = OK) -> bytes:
    return head + b"content-length: %d\r\n\r\n" % len(text) + text


def get(url: str, transport: Transport | None = None, max_bytes: int = 1000) -> bytes:
    return (transport or Transport(exchange_s=5)).get(url, "/x", partner="party 7", max_bytes=max_bytes).body


def test_an_answer_comes_back_whole_whatever_its_status() -> None:
    with server(answering(body(b"gone", b"HTTP/1.1 410 Gone\r\ncontent-type: Text/Plain;x=y\r\n"))) as url:
        answer = Transport().get(url, "/x", partner="party 7", max_bytes=4)
    assert (answer.status, answer.media_type, answer.body) == (410, "text/plain", b"gone")


def test_what_is_posted_arrives_with_its_type_and_our_name() -> None:
    seen: list[bytes] = []

    def speak(connection: socket.socket) -> None:
        while b"hallo" not in b"".join(seen):
            seen.append(connection.recv(65536))
        connection.sendall(body(b""))

    with server(speak) as url:
        Transport().post(url, "/x", b"hallo", media_type="application/json", partner="party 7", max_bytes=0)
    request = b"".join(seen).lower()
    assert request.startswith(b"post /x http/1.1\r\n")
    for line in (b"content-type: application/json", b"user-agent: vangnet/", b"accept-encoding: identity"):
        assert b"\r\n" + line in request


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    asked = threading.Event()
    with server(lambda _: asked.set()) as elsewhere:
        head = b"HTTP/1.1 %d Moved\r\nlocation: %s/\r\n" % (status, elsewhere.encode())
        with server(answering(body(b"", head))) as url, pytest.raises(PartnerRefused, match="not followed"):
            get(url)
    assert not asked.is_set()


def test_an_answer_of_exactly_the_limit_is_read_and_a_longer_one_is_not() -> None:
    with server(answering(body(b"x" * 1000))) as url:
        assert get(url, max_bytes=1000) == b"x" * 1000
        with pytest.raises(PartnerRefused, match="more than 999 bytes"):
            get(url, max_bytes=999)


def test_an_answer_without_end_is_cut_at_the_limit() -> None:
    sent_bytes = 0

    def speak(connection: socket.socket) -> None:
        nonlocal sent_bytes
        connection.recv(65536)
        connection.sendall(OK + b"transfer-encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")
            sent_bytes += 4096

    with server(speak) as url, pytest.raises(PartnerRefused, match="more than 1000 bytes"):
        get(url)
    assert sent_bytes < 50_000_000


def test_a_compressed_answer_is_not_unpacked() -> None:
    bomb = b"\x1f\x8b" + b"x" * 100
    with server(answering(body(bomb, OK + b"content-encoding: gzip\r\n"))) as url:
        assert get(url) == bomb


@pytest.mark.parametrize("where", ["head", "body"])
def test_who_drips_a_byte_at_a_time_is_left_when_the_time_is_over(where: str) -> None:
    def speak(connection: socket.socket) -> None:
        connection.recv(65536)
        if where == "body":
            connection.sendall(OK + b"content-length: 100000\r\n\r\n")
        else:
            connection.sendall(b"HTTP/1.1 200 OK\r\nx: ")
        while True:
            connection.sendall(b"x")
            time.sleep(0.05)

    with server(speak) as url, pytest.raises(PartnerUnreachable, match="took too long"):
        get(url, Transport(exchange_s=0.5), max_bytes=10**6)


def test_who_says_nothing_is_left_when_the_time_is_over() -> None:
    def speak(connection: socket.socket) -> None:
        while connection.recv(65536):
            pass

    with server(speak) as url, pytest.raises(PartnerUnreachable):
        get(url, Transport(exchange_s=0.3))


def test_hanging_up_ends_an_exchange_at_once() -> None:
    transport, waiting, released = Transport(exchange_s=60), threading.Event(), threading.Event()

    def speak(connection: socket.socket) -> None:
        connection.recv(65536)
        waiting.set()
        released.wait(PATIENCE_S)

    def hang_up() -> None:
        assert waiting.wait(PATIENCE_S)
        transport.hang_up()

    with server(speak) as url:
        threading.Thread(target=hang_up).start()
        try:
            with pytest.raises(PartnerUnreachable, match="or we are stopping"):
                get(url, transport)
        finally:
            released.set()


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfive!", b"\x00" * 100]
)
def test_an_answer_that_breaks_off_or_is_not_http_is_no_answer(answer: bytes) -> None:
    with server(answering(answer)) as url, pytest.raises(PartnerUnreachable):
        get(url)


def test_a_port_on_which_nobody_listens_is_no_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(PartnerUnreachable, match="party 7 does not answer: no connection"):
        get(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize(
    "url",
    ["http://vangnet.example.org", "ftp://127.0.0.1", "https://a:b@vangnet.example.org", "file:///etc/passwd", "", "https://",
     "http://127.0.0.1.example.org", "http://[::ffff:192.0.2.1]"],
)  # fmt: skip
def test_an_address_without_encryption_or_with_a_password_is_not_used(url: str) -> None:
    with pytest.raises(InvalidInput):
        get(url)


def test_no_address_gets_into_the_log_or_a_message(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with server(answering(body(b""))) as url:
        Transport().get(url, "/kanarievogel", partner="party 7", max_bytes=0)
    with pytest.raises(PartnerUnreachable) as failed:
        Transport(exchange_s=2).get(url, "/kanarievogel", partner="party 7", max_bytes=0)
    for place in (caplog.text, str(failed.value), repr(failed.value)):
        assert "kanarievogel" not in place
        assert "127.0.0.1" not in place


def test_every_error_of_the_library_is_told_as_ours() -> None:
    request = httpx2.Request("GET", "https://kanarievogel.example")
    for name, kind in inspect.getmembers(httpx2, inspect.isclass):
        if not issubclass(kind, Exception):
            continue
        error = _made(kind, request)
        with pytest.raises(PartnerFailed) as told, transport_module._translated("party 7", transport_module._Line()):
            raise error
        assert "kanarievogel" not in str(told.value), name
        assert told.value.__cause__ is error


def _made(kind: type[Exception], request: httpx2.Request) -> Exception:
    text = "https://kanarievogel.example failed"
    for arguments in ({"request": request, "response": httpx2.Response(500)}, {"request": request}, {}):
        for positional in ([text], []):
            with contextlib.suppress(TypeError):
                return kind(*positional, **arguments)
    raise AssertionError(kind)


# --- TLS ----------------------------------------------------------------------------------------------------------


def _certificate(folder: Path, *, name: str = "127.0.0.1") -> tuple[ssl.SSLContext, Path]:
    """A server's context with a self-signed certificate for an address, and the certificate's file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(name))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context, file


def test_a_certificate_of_an_authority_that_the_settings_name_is_trusted(tmp_path: Path) -> None:
    tls, authority = _certificate(tmp_path)
    with server(answering(body(b"hallo")), tls=tls) as url:
        assert get(url, Transport.trusting(authority)) == b"hallo"


def test_a_certificate_of_anybody_else_is_not(tmp_path: Path) -> None:
    tls, _ = _certificate(tmp_path)
    with (
        server(answering(body(b"hallo")), tls=tls) as url,
        pytest.raises(PartnerUnreachable, match="certificate is not trusted"),
    ):
        get(url, Transport.trusting(None))


def test_a_trusted_certificate_for_another_name_is_not(tmp_path: Path) -> None:
    tls, authority = _certificate(tmp_path, name="192.0.2.1")
    with (
        server(answering(body(b"hallo")), tls=tls) as url,
        pytest.raises(PartnerUnreachable, match="certificate is not trusted"),
    ):
        get(url, Transport.trusting(authority))


def test_the_deadline_holds_with_tls_too(tmp_path: Path) -> None:
    tls, authority = _certificate(tmp_path)
    context = ssl.create_default_context(cafile=authority)

    def speak(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(OK + b"content-length: 100000\r\n\r\n")
        while True:
            connection.sendall(b"x")
            time.sleep(0.05)

    with server(speak, tls=tls) as url, pytest.raises(PartnerUnreachable, match="took too long"):
        get(url, Transport(tls=context, exchange_s=0.7), max_bytes=10**6)


# --- another installation -----------------------------------------------------------------------------------------

DOCUMENT = (
    b'{"protocol": 1, "kind": "police", "name": "Team Noorderlicht", "public_key": "%s", "fingerprint": "a lie", "x": []}'
    % (b"ab" * 32)
)


def test_an_installation_says_who_it_is_and_its_fingerprint_is_worked_out_here() -> None:
    with server(answering(body(DOCUMENT))) as url:
        found = fetch_installation(Transport(), url + "/")
    assert (found.name, found.kind, found.base_url) == ("Team Noorderlicht", InstallationKind.POLICE, url)
    assert found.fingerprint != "a lie"


@pytest.mark.parametrize(
    "answer",
    [
        body(b"not found", b"HTTP/1.1 404 Not Found\r\n"),
        body(b"<html>"),
        body(DOCUMENT.replace(b'"protocol": 1', b'"protocol": 2')),
        body(DOCUMENT.replace(b"police", b"bakery")),
        body(DOCUMENT.replace(b"ab" * 32, b"AB" * 32)),
        body(DOCUMENT.replace(b"Team Noorderlicht", b"\\u0007")),
        body(DOCUMENT + b" " * 20_000),
    ],
)
def test_what_is_no_installation_is_refused(answer: bytes) -> None:
    with server(answering(answer)) as url, pytest.raises(PartnerRefused):
        fetch_installation(Transport(), url)


PROBLEM = b"HTTP/1.1 403 Forbidden\r\ncontent-type: application/problem+json\r\n"


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (body(b"{}"), Accepted(receipt=b"{}")),
        (body(b'{"code":"handoff_refused","reason":"unknown_sender"}', PROBLEM), Refused(reason=Refusal.UNKNOWN_SENDER)),
        # The rest may pass, and is tried again.
        (body(b'{"code":"handoff_refused","reason":"a reason of 2031"}', PROBLEM), None),
        (body(b'{"code":"too_many_attempts","reason":"unknown_sender"}', PROBLEM), None),
        (body(b'{"code":"handoff_refused","reason":"unknown_sender"}', b"HTTP/1.1 403 Forbidden\r\n"), None),
        (body(b'{"code":"handoff_refused","reason":"unknown_sender"}', PROBLEM.replace(b"403", b"503")), None),
        (body(b"<html>", b"HTTP/1.1 404 Not Found\r\n"), None),
        (body(b"", b"HTTP/1.1 202 Accepted\r\n"), None),
    ],
)
def test_only_a_receipt_or_a_refusal_in_our_own_words_ends_a_delivery(
    answer: bytes, meaning: Accepted | Refused | None
) -> None:
    with server(answering(answer)) as url:
        if meaning is not None:
            assert deliver(Transport(), url, b"{}", partner="party 7") == meaning
        else:
            with pytest.raises(PartnerUnreachable, match="it answered"):
                deliver(Transport(), url, b"{}", partner="party 7")
