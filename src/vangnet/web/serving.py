"""The web server of one installation: uvicorn, which ends so that nobody's request fails by it.

Told to stop, it takes what already waits at the port, answers on with the word that each connection is to be closed, and
leaves connections that are quiet open for some seconds: whoever sends in the very moment in which a connection is closed
gets no answer, and cannot know whether the request was taken.
"""

import asyncio
import signal
import socket
import time
from collections.abc import Callable, Iterable

import uvicorn
from fastapi import FastAPI

#: Longer than the proxies' own habit, so that it is they who close a quiet connection (nginx: 60 s).
_KEEP_ALIVE_S = 75
#: So long after the word to stop a connection may be quiet before it is closed.
_LINGER_S = 5.0
_LOOK_S = 0.05


class Server(uvicorn.Server):
    """A server that lets nobody's long question hold up its end."""

    def __init__(
        self, app: FastAPI, *, grace_s: int | None = None, shared: bool = False, started: Callable[[], None] = lambda: None
    ) -> None:
        """`grace_s` is how long requests under way may take to finish when it is told to stop.

        `shared`: other processes go on listening at the same sockets. `started` is called when it takes requests.
        """
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=grace_s,
            )
        )
        self._live = app.state.site.live
        self._shared = shared
        self._started = started

    def stop(self) -> None:
        """From any thread: ends as if SIGTERM had come."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to take requests, and says so."""
        await super().startup(sockets)
        self._started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answers who waits for changes and whatever is under way, then ends as uvicorn does."""
        if self._live is not None:
            self._live.hang_up()
        # Who presses Ctrl-C waits for it.
        patient = signal.SIGINT not in self._captured_signals
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        await self._stop_listening(sockets or [])
        ends = time.monotonic() + (_LINGER_S if patient else 0)
        # uvicorn tells nobody when a connection ends.
        while self.server_state.connections and time.monotonic() < ends and not self.force_exit:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_S)
        await super().shutdown(sockets)

    async def _stop_listening(self, sockets: Iterable[socket.socket]) -> None:
        # Of our own, since closing a server closes those that it was given.
        waiting_at = [] if self._shared else [one.dup() for one in sockets]
        for server in self.servers:
            server.close()
        loop = asyncio.get_running_loop()
        for listener in waiting_at:
            with listener:
                listener.setblocking(False)
                while (connection := _next_waiting(listener)) is not None:
                    await loop.connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> asyncio.Protocol:
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made


def _next_waiting(listener: socket.socket) -> socket.socket | None:
    try:
        return listener.accept()[0]
    except BlockingIOError:
        return None
