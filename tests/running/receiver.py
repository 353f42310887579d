"""A provider's own system, which takes webhooks on this machine: it answers what it is told to, or nothing at all."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(slots=True)
class Receiver:
    """What it got, and what it answers: a status, or None to hang until it is let go. The last one stays."""

    url: str = ""
    answers: deque[int | None] = field(default_factory=lambda: deque([204]))
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)

    def take(self, headers: dict[str, str], body: bytes) -> int | None:
        """Notes a message and says what to answer."""
        self.got.append((headers, body))
        return self.answers.popleft() if len(self.answers) > 1 else self.answers[0]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Takes messages until the block ends."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            status = receiver.take({name.lower(): value for name, value in self.headers.items()}, body)
            if status is None:
                receiver.let_go.wait()
                self.close_connection = True
                return
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("location", receiver.url + "elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            del format, args

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    web.daemon_threads = True
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{web.server_port}/hooks/vangnet"
    try:
        yield receiver
    finally:
        receiver.let_go.set()
        web.shutdown()
        web.server_close()
        thread.join()
