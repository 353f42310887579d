"""The routes of what follows a match, said a second time: see `routes.py`."""

import uuid
from datetime import UTC, datetime, timedelta

from running import registry_routes
from running.changes import Call, Change, administrator
from running.kept_decisions import keep, kept_decision
from running.server import RunningServer, console
from vangnet.gate.service import past, webhooks
from vangnet.identity.permissions import Permission, Role
from vangnet.web.access import Rule

RULES: dict[str, Permission | Rule] = {
    "GET /api/v1/decisions": Permission.GATE_READ,
    "GET /api/v1/decisions/{check_id}": Permission.GATE_READ,
    "GET /api/v1/decisions/{check_id}/actions": Permission.GATE_READ,
    "POST /api/v1/decisions/{check_id}/actions": Permission.GATE_ANSWER,
    "POST /decisions/{check_id}/actions": Permission.GATE_ANSWER,
    "POST /decisions/{check_id}/dispute": Permission.REGISTRY_DISPUTE,
    "GET /past": Permission.GATE_READ,
    "POST /past": Permission.GATE_CHOOSE,
    "POST /past/off": Permission.GATE_CHOOSE,
    "POST /api/v1/past/erase": Permission.GATE_ERASE,
    "GET /webhook": Permission.GATE_READ,
    "POST /webhook": Permission.GATE_CHOOSE,
    "POST /webhook/rotate": Permission.GATE_CHOOSE,
    "POST /webhook/off": Permission.GATE_CHOOSE,
    "POST /webhook/test": Permission.GATE_TELL,
    "GET /webhook/deliveries/{delivery_id}": Permission.GATE_READ,
    "POST /webhook/deliveries/{delivery_id}/resend": Permission.GATE_TELL,
}


def a_decision(server: RunningServer) -> tuple[uuid.UUID, int]:
    """A block that rests on a listed entry, and the entry's number."""
    list_id, entry_id = registry_routes.a_list(server)
    return keep(server.database, server.keys, kept_decision(list_id=list_id, entry_id=entry_id)), entry_id


def a_delivery(server: RunningServer) -> uuid.UUID:
    """A message to the webhook, which nothing sends."""
    with server.transaction() as conn:
        now = datetime.now(UTC)
        webhooks.choose(
            conn, console(), url=f"https://{uuid.uuid4().hex}.example/v", local=False, keys=server.keys, now=now
        )
        return webhooks.test(conn, console(), now=now)


def keep_past(server: RunningServer) -> None:
    """Accepted uploads are kept, on a basis that ends tomorrow."""
    now = datetime.now(UTC)
    with server.transaction() as conn:
        past.switch_on(
            conn, console(), basis="art. 1", reference="a law", ends_on=(now + timedelta(days=1)).date(), now=now
        )


def _past_off(server: RunningServer) -> Call:
    keep_past(server)
    return Call(client=administrator(server), path="/past/off")


def _dispute(server: RunningServer) -> Call:
    check_id, entry_id = a_decision(server)
    form = {"entry": str(entry_id), "contest_reason": "harmless", "note": "a default picture"}
    return Call(client=server.signed_in(Role.STAFF), path=f"/decisions/{check_id}/dispute", form=form)


def _of_webhook(server: RunningServer, what: str) -> Call:
    a_delivery(server)
    return Call(client=administrator(server), path=f"/webhook/{what}")


CHANGES: dict[str, Change] = {
    "POST /past": Change(
        action=Permission.GATE_CHOOSE,
        prepare=lambda server: Call(
            client=administrator(server),
            path="/past",
            form={"legal_basis": "art. 1", "reference": "a law", "ends_on": "2099-01-31", "days": "30"},
        ),
    ),
    "POST /past/off": Change(action=Permission.GATE_CHOOSE, prepare=_past_off),
    "POST /api/v1/past/erase": Change(
        action=Permission.GATE_ERASE,
        prepare=lambda server: Call(
            client=server.program(Permission.GATE_ERASE), path="/api/v1/past/erase", json={"object_ids": ["upload ab12"]}
        ),
    ),
    "POST /api/v1/decisions/{check_id}/actions": Change(
        action=Permission.GATE_ANSWER,
        prepare=lambda server: Call(
            client=server.program(Permission.GATE_ANSWER),
            path=f"/api/v1/decisions/{a_decision(server)[0]}/actions",
            json={"action": "removed"},
        ),
    ),
    "POST /decisions/{check_id}/actions": Change(
        action=Permission.GATE_ANSWER,
        prepare=lambda server: Call(
            client=server.signed_in(Role.STAFF),
            path=f"/decisions/{a_decision(server)[0]}/actions",
            form={"action": "not_published"},
        ),
    ),
    "POST /decisions/{check_id}/dispute": Change(action=Permission.REGISTRY_DISPUTE, prepare=_dispute),
    "POST /webhook": Change(
        action=Permission.GATE_CHOOSE,
        prepare=lambda server: Call(
            client=administrator(server),
            path="/webhook",
            form={"url": f"https://{uuid.uuid4().hex}.example/v", "events": "match.later"},
        ),
    ),
    "POST /webhook/rotate": Change(action=Permission.GATE_CHOOSE, prepare=lambda server: _of_webhook(server, "rotate")),
    "POST /webhook/off": Change(action=Permission.GATE_CHOOSE, prepare=lambda server: _of_webhook(server, "off")),
    "POST /webhook/test": Change(action=Permission.GATE_TELL, prepare=lambda server: _of_webhook(server, "test")),
    "POST /webhook/deliveries/{delivery_id}/resend": Change(
        action=Permission.GATE_TELL,
        prepare=lambda server: Call(client=administrator(server), path=f"/webhook/deliveries/{a_delivery(server)}/resend"),
    ),
}
