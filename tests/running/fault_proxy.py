"""A proxy that breaks connections, in the ways in which networks, proxies and crashing servers do.

It speaks just enough HTTP/1.1 to know where a request and an answer end, and passes everything else on as it is.
"""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Self

from running.states import PATIENCE_S


class Fault(StrEnum):
    NONE = "none"  #: The request and the answer pass.
    REFUSED = "refused"  #: The connection is reset before anything passes.
    CUT_IN_REQUEST = "cut_in_request"  #: Half of the request passes.
    CUT_BEFORE_ANSWER = "cut_before_answer"  #: The request passes, it is done, and the answer is lost.
    CUT_IN_ANSWER = "cut_in_answer"  #: Half of the answer passes.
    TWICE = "twice"  #: The request is sent on twice, one after the other; the second answer passes.
    AT_ONCE = "at_once"  #: The request is sent on twice at the same time; one of the answers passes.
    BAD_GATEWAY = "bad_gateway"  #: The proxy answers itself, with a page of its own.


_BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\ncontent-length: 16\r\n\r\n<html>502</html>"


class FaultProxy:
    """Listens on a port of its own and passes requests on to `upstream_port`, as `choose` says for each connection."""

    def __init__(self, upstream_port: int, choose: Callable[[], Fault]) -> None:
        self.upstream_port = upstream_port
        self.choose = choose
        self.chosen: list[Fault] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, name="fault-proxy")

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join(20)
        self._listener.close()
        for thread in self._threads:
            thread.join(20)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=[client], name="fault-proxy-connection")
            self._threads = [other for other in self._threads if other.is_alive()] + [thread]
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.settimeout(PATIENCE_S)
            fault = self.choose()
            self.chosen.append(fault)
            answer = b"" if fault is Fault.REFUSED else self._answer(fault, self._addressed(_message(client)))
            client.sendall(answer)
            if fault in {Fault.REFUSED, Fault.CUT_IN_REQUEST, Fault.CUT_BEFORE_ANSWER, Fault.CUT_IN_ANSWER}:
                _reset(client)

    def _answer(self, fault: Fault, request: bytes) -> bytes:
        """What the client gets to see, after the request did upstream what this fault lets it do."""
        match fault:
            case Fault.BAD_GATEWAY:
                return _BAD_GATEWAY
            case Fault.CUT_IN_REQUEST:
                self._send_half(request)
                return b""
            case Fault.CUT_BEFORE_ANSWER:
                self._asked(request)
                return b""
            case Fault.CUT_IN_ANSWER:
                return self._asked(request)[:-20]
            case Fault.TWICE:
                self._asked(request)
            case Fault.AT_ONCE:
                second = threading.Thread(target=self._asked_in_vain, args=[request])
                second.start()
                answer = self._asked(request)
                second.join(20)
                return answer
        return self._asked(request)

    def _addressed(self, request: bytes) -> bytes:
        """The request with the upstream's name in place of ours, as a reverse proxy sends it on."""
        ours, theirs = f"127.0.0.1:{self.port}".encode(), f"127.0.0.1:{self.upstream_port}".encode()
        return request.replace(b"Host: " + ours, b"Host: " + theirs, 1)

    def _asked(self, request: bytes) -> bytes:
        with self._upstream() as upstream:
            upstream.sendall(request)
            return _message(upstream)

    def _asked_in_vain(self, request: bytes) -> None:
        with contextlib.suppress(OSError):
            self._asked(request)

    def _send_half(self, request: bytes) -> None:
        with self._upstream() as upstream:
            upstream.sendall(request[: len(request) // 2])
            _reset(upstream)

    @contextlib.contextmanager
    def _upstream(self) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.upstream_port), timeout=PATIENCE_S) as upstream:
            yield upstream


def _message(connection: socket.socket) -> bytes:
    """One HTTP message with a content-length, or none."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _some(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        body += _some(connection)
    return head + b"\r\n\r\n" + body


def _some(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionError("it ended")
    return data


def _reset(connection: socket.socket) -> None:
    """Ends the connection as a crash does: with RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
