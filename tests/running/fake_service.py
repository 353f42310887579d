"""A third party's service on this machine, for tests: it can stop in the middle of a page, or send nonsense."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar


class Fault(StrEnum):
    NONE = "none"  #: It answers as it should.
    STOPS = "stops"  #: It sends half of the page and hangs up.
    BROKEN = "broken"  #: It sends a page that is cut off, and says that it is whole.
    NONSENSE = "nonsense"  #: It sends something else.
    REPEATS = "repeats"  #: It sends the page that it sent before, again.
    OVERLOADED = "overloaded"  #: It says that it cannot now.


class FakeService:
    """What every fake has: faults to come, one a request, and what was asked."""

    media_type: ClassVar[str]

    def __init__(self) -> None:
        self.faults: deque[Fault] = deque()
        self.asked: list[str] = []
        self.base_url = ""
        self._last: tuple[int, bytes] | None = None
        self._lock = threading.Lock()

    def answer(self, method: str, target: str, headers: Any, body: bytes) -> tuple[int, bytes]:
        """The status and body of an answer as it should be."""
        raise NotImplementedError

    @contextmanager
    def running(self, path: str = "") -> Iterator[str]:
        """Answers under `path` until the block ends; gives the address."""
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._serve(b"")

            def do_PUT(self) -> None:
                self._serve(self.rfile.read(int(self.headers.get("content-length", "0"))))

            do_POST = do_PUT  # noqa: N815 (the name that the standard library asks for)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                del format, args

            def _serve(self, body: bytes) -> None:
                assert self.path.startswith(path), self.path
                status, sent, length = service.respond(self.command, self.path.removeprefix(path), self.headers, body)
                self.send_response(status)
                self.send_header("content-type", service.media_type)
                self.send_header("content-length", str(length))
                self.end_headers()
                self.wfile.write(sent)
                self.close_connection = True

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        self.base_url = f"http://127.0.0.1:{server.server_port}{path}"
        try:
            yield self.base_url
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def respond(self, method: str, target: str, headers: Any, body: bytes) -> tuple[int, bytes, int]:
        """Status, what is sent, and how long it is said to be."""
        with self._lock:
            self.asked.append(f"{method} {target}")
            fault = self.faults.popleft() if self.faults else Fault.NONE
            status, whole = self.answer(method, target, headers, body)
            match fault:
                case Fault.STOPS:
                    return status, whole[: len(whole) // 2], len(whole)
                case Fault.BROKEN:
                    return status, whole[: len(whole) // 2], len(whole) // 2
                case Fault.NONSENSE:
                    return 200, b"<html>Be right back</html>", 26
                case Fault.OVERLOADED:
                    return 503, b"", 0
                case Fault.REPEATS if self._last is not None:
                    status, whole = self._last
                case _:
                    self._last = (status, whole)
            return status, whole, len(whole)
