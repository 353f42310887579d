"""Every route, said a second time: who may use it, and for each that changes something, how, and what the trail says after.

Written by hand on purpose. A rule that is loosened in the code by mistake differs from this table, and a new route that is
not in it fails the tests.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from running.server import RunningServer
from vangnet.db import defer
from vangnet.identity.permissions import Permission, Role
from vangnet.web.access import PUBLIC, SIGNED_IN, Rule

RULES: dict[str, Permission | Rule] = {
    "GET /": SIGNED_IN,
    "GET /api/docs": PUBLIC,
    "GET /api/openapi.json": PUBLIC,
    "GET /api/v1/installation": PUBLIC,
    "GET /api/v1/jobs": Permission.JOB_READ,
    "GET /api/v1/jobs/{job_id}": Permission.JOB_READ,
    "POST /api/v1/jobs/{job_id}/drop": Permission.JOB_RETRY,
    "POST /api/v1/jobs/{job_id}/retry": Permission.JOB_RETRY,
    "GET /health": Permission.HEALTH_READ,
    "GET /healthz": PUBLIC,
    "GET /jobs": Permission.JOB_READ,
    "POST /jobs/{job_id}/drop": Permission.JOB_RETRY,
    "POST /jobs/{job_id}/retry": Permission.JOB_RETRY,
    "GET /metrics": Permission.HEALTH_READ,
    "POST /preferences": PUBLIC,
    "GET /readyz": PUBLIC,
    "GET /static/{version}/{name:path}": PUBLIC,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that succeeds: who sends it, where to, and with what."""

    client: httpx2.Client
    path: str
    form: Mapping[str, Any] = field(default_factory=dict)
    json: object = None

    def send(self) -> httpx2.Response:
        """Sends it with POST."""
        if self.json is not None:
            return self.client.post(self.path, json=self.json)
        return self.client.post(self.path, data=self.form)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How to use a route that changes something, and the one event that it leaves."""

    action: Permission
    prepare: Callable[[RunningServer], Call]


def administrator(server: RunningServer) -> httpx2.Client:
    """The browser of an administrator."""
    return server.signed_in(Role.ADMINISTRATOR)


def job(server: RunningServer, *, parked: bool) -> int:
    """A job of a queue that no worker looks at, and its number."""
    with server.transaction() as conn:
        defer(conn, "a-test-task", queue="nobodys")
        number: int = conn.execute("SELECT max(id) FROM procrastinate_jobs").fetchall()[0][0]
        if parked:
            conn.execute("UPDATE procrastinate_jobs SET status = 'doing' WHERE id = %s", [number])
            conn.execute("SELECT procrastinate_finish_job_v1(%s, 'failed', false)", [number])
    return number


CHANGES: dict[str, Change] = {
    "POST /api/v1/jobs/{job_id}/drop": Change(
        action=Permission.JOB_RETRY,
        prepare=lambda server: Call(
            client=server.program(Permission.JOB_RETRY), path=f"/api/v1/jobs/{job(server, parked=False)}/drop"
        ),
    ),
    "POST /api/v1/jobs/{job_id}/retry": Change(
        action=Permission.JOB_RETRY,
        prepare=lambda server: Call(
            client=server.program(Permission.JOB_RETRY), path=f"/api/v1/jobs/{job(server, parked=True)}/retry"
        ),
    ),
    "POST /jobs/{job_id}/drop": Change(
        action=Permission.JOB_RETRY,
        prepare=lambda server: Call(client=administrator(server), path=f"/jobs/{job(server, parked=True)}/drop"),
    ),
    "POST /jobs/{job_id}/retry": Change(
        action=Permission.JOB_RETRY,
        prepare=lambda server: Call(client=administrator(server), path=f"/jobs/{job(server, parked=True)}/retry"),
    ),
    "POST /preferences": Change(
        action=Permission.ME_UPDATE,
        prepare=lambda server: Call(client=administrator(server), path="/preferences", form={"language": "nl"}),
    ),
}
