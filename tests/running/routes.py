"""Every route, said a second time: who may use it, and for each that changes something, how, and what the trail says after.

Written by hand on purpose. A rule that is loosened in the code by mistake differs from this table, and a new route that is
not in it fails the tests.
"""

import json

from running import (
    assess_routes,
    desk_routes,
    door_routes,
    follow_up_routes,
    gate_routes,
    hma_routes,
    identity_routes,
    link_routes,
    registry_routes,
    report_follow_up_routes,
)
from running.changes import Call, Change, administrator
from running.sender import Sender
from running.server import RunningServer
from vangnet.db import defer
from vangnet.identity.permissions import Permission
from vangnet.web.access import PUBLIC, SIGNED_IN, Rule

RULES: dict[str, Permission | Rule] = {
    "GET /": SIGNED_IN,
    "GET /api/docs": PUBLIC,
    "GET /api/openapi.json": PUBLIC,
    "GET /decisions": Permission.GATE_READ,
    "GET /decisions/{check_id}": Permission.GATE_READ,
    "POST /api/v1/check": Permission.GATE_CHECK,
    "POST /api/v1/check/hashes": Permission.GATE_CHECK,
    "POST /v1/check/{algorithm}": Permission.GATE_CHECK,
    "POST /v1/decide/{algorithm}": Permission.GATE_CHECK,
    "POST /api/v1/hand-offs": PUBLIC,  # The signature is the credential.
    "GET /api/v1/hand-offs/received": Permission.HANDOFF_READ,
    "GET /api/v1/hand-offs/sent": Permission.HANDOFF_READ,
    "GET /api/v1/audit/chain": Permission.AUDIT_READ,
    "GET /api/v1/audit/events": Permission.AUDIT_READ,
    "GET /api/v1/changes": PUBLIC,  # The signature is the credential.
    "GET /api/v1/installation": PUBLIC,
    "GET /api/v1/jobs": Permission.JOB_READ,
    "GET /api/v1/jobs/{job_id}": Permission.JOB_READ,
    "POST /api/v1/jobs/{job_id}/drop": Permission.JOB_RETRY,
    "POST /api/v1/jobs/{job_id}/retry": Permission.JOB_RETRY,
    "GET /hand-offs": Permission.HANDOFF_READ,
    "GET /hand-offs/received/{received_id}": Permission.HANDOFF_READ,
    "GET /hand-offs/sent/{handoff_id}": Permission.HANDOFF_READ,
    "POST /hand-offs/sent/{handoff_id}/give-up": Permission.HANDOFF_SEND,
    "POST /hand-offs/sent/{handoff_id}/try-again": Permission.HANDOFF_SEND,
    "GET /hand-offs/test-message": Permission.HANDOFF_SEND,
    "POST /hand-offs/test-message": Permission.HANDOFF_SEND,
    "GET /audit": Permission.AUDIT_READ,
    "GET /audit/events.csv": Permission.AUDIT_READ,
    "GET /audit/verify": Permission.AUDIT_READ,
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
RULES |= gate_routes.RULES | identity_routes.RULES | registry_routes.RULES | hma_routes.RULES | follow_up_routes.RULES
RULES |= door_routes.RULES | desk_routes.RULES | link_routes.RULES
RULES |= report_follow_up_routes.RULES
RULES |= assess_routes.RULES


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
    # What matches nothing is counted: no event. What a match leaves is in test_gate_check.py.
    "POST /api/v1/check": Change(
        action=None,
        prepare=lambda server: Call(client=server.program(Permission.GATE_CHECK), path="/api/v1/check", form={"x": "y"}),
    ),
    "POST /api/v1/check/hashes": Change(
        action=None,
        prepare=lambda server: Call(
            client=server.program(Permission.GATE_CHECK),
            path="/api/v1/check/hashes",
            json={"checks": [{"md5": "0" * 32}]},
        ),
    ),
    "POST /v1/check/{algorithm}": Change(
        action=None,
        prepare=lambda server: Call(client=server.program(Permission.GATE_CHECK), path="/v1/check/md5", json="0" * 32),
    ),
    "POST /v1/decide/{algorithm}": Change(
        action=None,
        prepare=lambda server: Call(client=server.program(Permission.GATE_CHECK), path="/v1/decide/md5", json="0" * 32),
    ),
    "POST /api/v1/hand-offs": Change(
        action=Permission.HANDOFF_RECEIVE,
        prepare=lambda server: Call(
            client=server.client(), path="/api/v1/hand-offs", json=json.loads(Sender(server).message().to_bytes())
        ),
    ),
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
    "POST /hand-offs/sent/{handoff_id}/give-up": Change(
        action=Permission.HANDOFF_SEND,
        prepare=lambda server: Call(
            client=administrator(server), path=f"/hand-offs/sent/{Sender(server).is_sent_a_message().id}/give-up"
        ),
    ),
    "POST /hand-offs/sent/{handoff_id}/try-again": Change(
        action=Permission.HANDOFF_SEND,
        prepare=lambda server: Call(
            client=administrator(server), path=f"/hand-offs/sent/{Sender(server).is_sent_a_message().id}/try-again"
        ),
    ),
    "POST /hand-offs/test-message": Change(
        action=Permission.HANDOFF_SEND,
        prepare=lambda server: Call(
            client=administrator(server),
            path="/hand-offs/test-message",
            form={"party": str(Sender(server).party.id), "text": "hallo"},
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
CHANGES |= gate_routes.CHANGES | identity_routes.CHANGES | registry_routes.CHANGES | hma_routes.CHANGES
CHANGES |= report_follow_up_routes.CHANGES
CHANGES |= follow_up_routes.CHANGES | door_routes.CHANGES | desk_routes.CHANGES | link_routes.CHANGES
CHANGES |= assess_routes.CHANGES
