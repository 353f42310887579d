"""How a test uses a route that changes something, and what the trail says after."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from running.server import RunningServer
from vangnet.identity.permissions import Permission, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that succeeds: who sends it, where to, and with what."""

    client: httpx2.Client
    path: str
    form: Mapping[str, Any] = field(default_factory=dict)
    json: object = None
    files: Mapping[str, Any] | None = None
    method: str = "POST"

    def send(self) -> httpx2.Response:
        """Sends it."""
        if self.json is not None:
            return self.client.request(self.method, self.path, json=self.json)
        return self.client.request(self.method, self.path, data=self.form, files=self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How to use a route that changes something, and the one event that it leaves; None for one that only asks."""

    action: Permission | None
    prepare: Callable[[RunningServer], Call]


def administrator(server: RunningServer) -> httpx2.Client:
    """The browser of an administrator."""
    return server.signed_in(Role.ADMINISTRATOR)
