"""Sends requests to a server that runs already, and says how long each took: a process of its own for `gate_check.py`.

What to send comes as JSON on standard input, what was seen goes as JSON to standard output. It takes as little of the
machine as it can, because the server that is measured shares it: plain sockets, requests made beforehand, one thread.

Without a rate, each connection sends its next request when it has the answer to the last. With one, requests are due at
even times, whether answers come or not, and the wait for a free connection counts: so a slow server is not asked less.
"""

import json
import selectors
import socket
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path

_PIECE_BYTES = 256 * 1024


@dataclass(slots=True)
class Connection:
    """One connection, and where its request stands."""

    socket: socket.socket
    port: int
    unsent: memoryview = field(default_factory=lambda: memoryview(b""))
    received: bytearray = field(default_factory=bytearray)
    due_at: float = 0.0
    #: The server ends it after this answer.
    ends: bool = False

    def send(self, request: bytes, due_at: float) -> None:
        self.unsent, self.due_at = memoryview(request), due_at
        self.go_on()

    def go_on(self) -> None:
        """Sends what it can now."""
        try:
            while self.unsent:
                self.unsent = self.unsent[self.socket.send(self.unsent) :]
        except BlockingIOError:
            pass

    def status(self) -> int | None:
        """The answer's status, when the whole of it is there."""
        piece = self.socket.recv(_PIECE_BYTES)
        if not piece:
            raise ConnectionError("the server ended the connection")
        self.received += piece
        head_ends = self.received.find(b"\r\n\r\n")
        if head_ends < 0:
            return None
        head = bytes(self.received[:head_ends]).lower()
        at = head.index(b"content-length:") + len(b"content-length:")
        length = int(head[at:].split(b"\r\n", 1)[0])
        if len(self.received) < head_ends + 4 + length:
            return None
        self.received.clear()
        self.ends = b"connection: close" in head
        return int(head[9:12])


def main() -> None:
    """Runs until the time is over."""
    asked = json.load(sys.stdin)
    requests = [_request(asked, Path(body).read_bytes()) for body in asked["bodies"]]
    connections = [_connect(asked["ports"][number % len(asked["ports"])]) for number in range(asked["connections"])]
    json.dump(_run(connections, requests, asked["seconds"], asked["rate"]), sys.stdout)


def _run(connections: list[Connection], requests: list[bytes], seconds: float, rate: float | None) -> dict[str, object]:
    ready = selectors.DefaultSelector()
    for connection in connections:
        ready.register(connection.socket, selectors.EVENT_READ, connection)
    statuses: Counter[int] = Counter()
    took: list[float] = []
    free = deque(connections)
    sent, cpu, began = 0, time.process_time(), time.perf_counter()
    ends = began + seconds
    while (now := time.perf_counter()) < ends or len(free) < len(connections):
        while free and now < ends and (rate is None or began + sent / rate <= now):
            connection = free.popleft()
            connection.send(requests[sent % len(requests)], now if rate is None else began + sent / rate)
            sent += 1
            if connection.unsent:
                ready.modify(connection.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, connection)
        next_due = began + sent / rate - now if rate and free and now < ends else 0.05
        for key, events in ready.select(max(0.0, min(next_due, 0.05))):
            connection = key.data
            if events & selectors.EVENT_WRITE:
                connection.go_on()
                if not connection.unsent:
                    ready.modify(connection.socket, selectors.EVENT_READ, connection)
            if events & selectors.EVENT_READ and (status := connection.status()) is not None:
                statuses[status] += 1
                took.append(time.perf_counter() - connection.due_at)
                if connection.ends:
                    ready.unregister(connection.socket)
                    connection.socket.close()
                    connection = _connect(connection.port)
                    ready.register(connection.socket, selectors.EVENT_READ, connection)
                free.append(connection)
    return {
        "seconds": time.perf_counter() - began,
        "took_s": took,
        "statuses": statuses,
        "cpu_s": time.process_time() - cpu,
    }


def _connect(port: int) -> Connection:
    made = socket.create_connection(("127.0.0.1", port))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made.setblocking(False)
    return Connection(made, port)


def _request(asked: dict[str, str], body: bytes) -> bytes:
    lines = (
        f"POST {asked['path']} HTTP/1.1",
        f"Host: {asked['host']}",
        f"Authorization: Bearer {asked['key']}",
        f"Content-Type: {asked['type']}",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


if __name__ == "__main__":
    main()
