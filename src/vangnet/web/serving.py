"""The web server of one installation: uvicorn, which tells those who wait for changes when it ends."""

import socket

import uvicorn
from fastapi import FastAPI


class Server(uvicorn.Server):
    """A server that lets nobody's long question hold up its end."""

    def __init__(self, app: FastAPI, *, grace_s: int | None = None) -> None:
        """`grace_s` is how long requests under way may take to finish when it is told to stop."""
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=grace_s,
            )
        )
        self._live = app.state.site.live

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answers who waits for changes, then ends as uvicorn does."""
        if self._live is not None:
            self._live.hang_up()
        await super().shutdown(sockets)
