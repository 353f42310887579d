"""The routes of the registry, said a second time: see `routes.py`."""

import uuid
from datetime import UTC, datetime

from running.changes import Call, Change
from running.hash_lists import ANNE, BRAM, draft, rows
from running.server import RunningServer
from vangnet.identity.permissions import Permission, Role
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.entries import EntryState
from vangnet.registry.service import categories, disputes, entries, imports, lists
from vangnet.web.access import Rule

RULES: dict[str, Permission | Rule] = {
    "GET /disputes": Permission.REGISTRY_READ,
    "POST /disputes/{dispute_id}/answer": Permission.REGISTRY_ANSWER,
    "GET /entries": Permission.REGISTRY_LOOK_UP,
    "POST /entries": Permission.REGISTRY_LOOK_UP,
    "GET /entries/{entry_id}": Permission.REGISTRY_READ,
    "POST /entries/{entry_id}/dispute": Permission.REGISTRY_DISPUTE,
    "POST /entries/{entry_id}/keep": Permission.REGISTRY_RESOLVE,
    "POST /entries/{entry_id}/suspend": Permission.REGISTRY_SUSPEND,
    "POST /entries/{entry_id}/withdraw": Permission.REGISTRY_WITHDRAW,
    "GET /lists": Permission.REGISTRY_READ,
    "GET /lists/add": Permission.REGISTRY_CREATE,
    "POST /lists/add": Permission.REGISTRY_CREATE,
    "GET /lists/{list_id}": Permission.REGISTRY_READ,
    "POST /lists/{list_id}/activate": Permission.REGISTRY_ACTIVATE,
    "POST /lists/{list_id}/categories/{category_id}": Permission.REGISTRY_MAP,
    "POST /lists/{list_id}/choice": Permission.REGISTRY_CHOOSE,
    "POST /lists/{list_id}/suspend": Permission.REGISTRY_SUSPEND,
    "POST /lists/{list_id}/trial": Permission.REGISTRY_ACTIVATE,
    "GET /subscriptions": Permission.REGISTRY_READ,
    "GET /api/v1/lists": Permission.REGISTRY_READ,
    "POST /api/v1/lists/{list_id}/suspend": Permission.REGISTRY_SUSPEND,
    "POST /api/v1/entries/look-up": Permission.REGISTRY_LOOK_UP,
    "POST /api/v1/entries/{entry_id}/withdraw": Permission.REGISTRY_WITHDRAW,
}


def a_list(
    server: RunningServer, *, entry_state: EntryState = EntryState.ACTIVE, mapped: bool = True
) -> tuple[uuid.UUID, int]:
    """A list with one entry of a category that is mapped to baseline, and the number of that entry."""
    now, word = datetime.now(UTC), uuid.uuid4().hex
    with server.transaction() as conn:
        found = lists.create(conn, ANNE, keys=server.keys, name=f"list {word[:12]}", now=now)
        batch = imports.start(conn, ANNE, list_id=found.id, format_="csv", source_digest=bytes.fromhex(word * 2), now=now)
        one = rows([draft(word, reference=f"case-{word[:6]}")])
        imports.take(conn, ANNE, keys=server.keys, batch_id=batch.id, after=0, rows=one, done=True, now=now)
        [entry] = entries.list_entries(conn, ANNE, list_id=found.id)
    if mapped:
        with server.transaction() as conn:
            [category] = categories.list_categories(conn, ANNE, found.id)
            categories.map_category(
                conn, ANNE, keys=server.keys, category_id=category.id, classification=Classification.BASELINE, now=now
            )
    if entry_state is EntryState.SUSPENDED:
        with server.transaction() as conn:
            entries.suspend(conn, ANNE, keys=server.keys, entry_id=entry.id, reason="to look at it", now=now)
    return found.id, entry.id


def a_dispute(server: RunningServer) -> uuid.UUID:
    """A dispute that one curator opened about what another listed."""
    _, entry_id = a_list(server)
    with server.transaction() as conn:
        found = disputes.open_dispute(
            conn, BRAM, keys=server.keys, entry_id=entry_id, reason="it is a logo", now=datetime.now(UTC)
        )
    return found.id


def _category(server: RunningServer) -> str:
    list_id, _ = a_list(server, mapped=False)
    with server.transaction() as conn:
        [category] = categories.list_categories(conn, ANNE, list_id)
    return f"/lists/{list_id}/categories/{category.id}"


def _call(server: RunningServer, path: str, **form: str) -> Call:
    return Call(client=server.signed_in(Role.CURATOR), path=path, form=form)


CHANGES: dict[str, Change] = {
    "POST /disputes/{dispute_id}/answer": Change(
        action=Permission.REGISTRY_ANSWER,
        prepare=lambda server: _call(server, f"/disputes/{a_dispute(server)}/answer", outcome="upheld", reason="it is not"),
    ),
    "POST /entries": Change(
        action=Permission.REGISTRY_LOOK_UP, prepare=lambda server: _call(server, "/entries", hash="ab" * 16)
    ),
    "POST /entries/{entry_id}/dispute": Change(
        action=Permission.REGISTRY_DISPUTE,
        prepare=lambda server: _call(server, f"/entries/{a_list(server)[1]}/dispute", reason="it is a logo"),
    ),
    "POST /entries/{entry_id}/keep": Change(
        action=Permission.REGISTRY_RESOLVE,
        prepare=lambda server: _call(
            server, f"/entries/{a_list(server, entry_state=EntryState.SUSPENDED)[1]}/keep", reason="looked at it"
        ),
    ),
    "POST /entries/{entry_id}/suspend": Change(
        action=Permission.REGISTRY_SUSPEND,
        prepare=lambda server: _call(server, f"/entries/{a_list(server)[1]}/suspend", reason="it is a logo"),
    ),
    "POST /entries/{entry_id}/withdraw": Change(
        action=Permission.REGISTRY_WITHDRAW,
        prepare=lambda server: _call(server, f"/entries/{a_list(server)[1]}/withdraw", reason="it is a logo"),
    ),
    "POST /lists/add": Change(
        action=Permission.REGISTRY_CREATE,
        prepare=lambda server: _call(server, "/lists/add", name=f"list {uuid.uuid4().hex[:12]}"),
    ),
    "POST /lists/{list_id}/activate": Change(
        action=Permission.REGISTRY_ACTIVATE, prepare=lambda server: _call(server, f"/lists/{a_list(server)[0]}/activate")
    ),
    "POST /lists/{list_id}/categories/{category_id}": Change(
        action=Permission.REGISTRY_MAP,
        prepare=lambda server: _call(server, _category(server), classification="baseline"),
    ),
    "POST /lists/{list_id}/choice": Change(
        action=Permission.REGISTRY_CHOOSE,
        prepare=lambda server: _call(server, f"/lists/{a_list(server)[0]}/choice", classifications="baseline", radius="20"),
    ),
    "POST /lists/{list_id}/suspend": Change(
        action=Permission.REGISTRY_SUSPEND,
        prepare=lambda server: _call(server, f"/lists/{a_list(server)[0]}/suspend", reason="too many wrong entries"),
    ),
    "POST /lists/{list_id}/trial": Change(
        action=Permission.REGISTRY_ACTIVATE, prepare=lambda server: _call(server, f"/lists/{a_list(server)[0]}/trial")
    ),
    "POST /api/v1/lists/{list_id}/suspend": Change(
        action=Permission.REGISTRY_SUSPEND,
        prepare=lambda server: Call(
            client=server.program(Permission.REGISTRY_SUSPEND),
            path=f"/api/v1/lists/{a_list(server)[0]}/suspend",
            json={"reason": "too many wrong entries"},
        ),
    ),
    "POST /api/v1/entries/look-up": Change(
        action=Permission.REGISTRY_LOOK_UP,
        prepare=lambda server: Call(
            client=server.program(Permission.REGISTRY_LOOK_UP),
            path="/api/v1/entries/look-up",
            json={"md5": "ab" * 16},
        ),
    ),
    "POST /api/v1/entries/{entry_id}/withdraw": Change(
        action=Permission.REGISTRY_WITHDRAW,
        prepare=lambda server: Call(
            client=server.program(Permission.REGISTRY_WITHDRAW),
            path=f"/api/v1/entries/{a_list(server)[1]}/withdraw",
            json={"reason": "it is a logo"},
        ),
    ),
}
