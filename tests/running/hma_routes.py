"""The routes for tools made for Hasher-Matcher-Actioner, said a second time: see `routes.py`."""

import uuid
from datetime import UTC, datetime

import httpx2
from pictures import encoded, photo

from running.changes import Call, Change
from running.hash_lists import ANNE
from running.server import RunningServer
from vangnet.identity.permissions import Permission
from vangnet.registry.service import lists, proposers
from vangnet.web.access import PUBLIC, Rule

RULES: dict[str, Permission | Rule] = {
    "GET /status": PUBLIC,
    "GET /status/live": PUBLIC,
    "GET /h/hash": Permission.GATE_CHECK,
    "POST /h/hash": Permission.GATE_CHECK,
    "GET /m/index/status": Permission.GATE_CHECK,
    "GET /m/lookup": Permission.GATE_CHECK,
    "GET /m/raw_lookup": Permission.GATE_CHECK,
    "POST /m/compare": Permission.GATE_CHECK,
    "POST /m/lookup": Permission.GATE_CHECK,
    "GET /c/bank/{name}": Permission.REGISTRY_READ,
    "GET /c/bank/{name}/content/{entry_id}": Permission.REGISTRY_READ,
    "GET /c/banks": Permission.REGISTRY_READ,
    "GET /c/content_type": Permission.REGISTRY_READ,
    "GET /c/signal_type": Permission.REGISTRY_READ,
    "GET /c/signal_type/index": Permission.REGISTRY_READ,
    "POST /c/banks": Permission.REGISTRY_CREATE,
    "PUT /c/bank/{name}": Permission.REGISTRY_CREATE,
    "POST /c/bank/{name}/content": Permission.REGISTRY_PROPOSE,
    "POST /c/bank/{name}/signal": Permission.REGISTRY_PROPOSE,
    "PUT /c/bank/{name}/content/{entry_id}": Permission.REGISTRY_SUSPEND,
    "DELETE /c/bank/{name}/content/{entry_id}": Permission.REGISTRY_WITHDRAW,
}

#: What a tool needs that does all of it.
CURATING = (
    Permission.GATE_CHECK,
    Permission.REGISTRY_CREATE,
    Permission.REGISTRY_PROPOSE,
    Permission.REGISTRY_READ,
    Permission.REGISTRY_SUSPEND,
    Permission.REGISTRY_WITHDRAW,
)


def a_chosen_list(server: RunningServer) -> str:
    """The name of a new list for which our own programs may propose entries."""
    name, now = f"LIST_{uuid.uuid4().hex[:12].upper()}", datetime.now(UTC)
    with server.transaction() as conn:
        made = lists.create(conn, ANNE, keys=server.keys, name=name, now=now)
    with server.transaction() as conn:
        proposers.choose(conn, ANNE, list_id=made.id, party_id=None, now=now)
    return name


def _tool(server: RunningServer) -> httpx2.Client:
    return server.program(*CURATING)


def _a_proposed_entry(server: RunningServer) -> str:
    """The path of an entry that a tool proposed."""
    name = a_chosen_list(server)
    with _tool(server) as tool:
        number = tool.post(f"/c/bank/{name}/signal", json={"video_md5": uuid.uuid4().hex}).json()["id"]
    return f"/c/bank/{name}/content/{number}"


def _photo(seed: int) -> dict[str, tuple[str, bytes, str]]:
    return {"photo": ("a.png", encoded(photo(seed, 400, 300), "PNG"), "image/png")}


CHANGES: dict[str, Change] = {
    "POST /h/hash": Change(action=None, prepare=lambda server: Call(client=_tool(server), path="/h/hash", files=_photo(1))),
    "POST /m/compare": Change(
        action=None,
        prepare=lambda server: Call(client=_tool(server), path="/m/compare", json={"pdq": ["0" * 64, "f" * 64]}),
    ),
    "POST /m/lookup": Change(
        action=None, prepare=lambda server: Call(client=_tool(server), path="/m/lookup", files=_photo(2))
    ),
    "POST /c/banks": Change(
        action=Permission.REGISTRY_CREATE,
        prepare=lambda server: Call(
            client=_tool(server), path="/c/banks", json={"name": f"MADE_{uuid.uuid4().hex[:12].upper()}"}
        ),
    ),
    "PUT /c/bank/{name}": Change(
        action=Permission.REGISTRY_SUSPEND,
        prepare=lambda server: Call(
            client=_tool(server), path=f"/c/bank/{a_chosen_list(server)}", json={"enabled": False}, method="PUT"
        ),
    ),
    "POST /c/bank/{name}/content": Change(
        action=Permission.REGISTRY_PROPOSE,
        prepare=lambda server: Call(client=_tool(server), path=f"/c/bank/{a_chosen_list(server)}/content", files=_photo(3)),
    ),
    "POST /c/bank/{name}/signal": Change(
        action=Permission.REGISTRY_PROPOSE,
        prepare=lambda server: Call(
            client=_tool(server), path=f"/c/bank/{a_chosen_list(server)}/signal", json={"video_md5": "ab" * 16}
        ),
    ),
    "PUT /c/bank/{name}/content/{entry_id}": Change(
        action=Permission.REGISTRY_SUSPEND,
        prepare=lambda server: Call(
            client=_tool(server), path=_a_proposed_entry(server), json={"disable_until_ts": 0}, method="PUT"
        ),
    ),
    "DELETE /c/bank/{name}/content/{entry_id}": Change(
        action=Permission.REGISTRY_WITHDRAW,
        prepare=lambda server: Call(client=_tool(server), path=_a_proposed_entry(server), method="DELETE"),
    ),
}
