"""What of a list counts here, chosen on its page; and why rows were skipped, in the reader's language."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import httpx2
from running.hash_lists import ANNE
from running.registry_routes import a_list
from running.server import RunningServer

from vangnet.identity.model import Language
from vangnet.identity.permissions import Role
from vangnet.registry.formats.reading import Skipped
from vangnet.registry.model.classification import Classification
from vangnet.registry.service import choices, imports, lists

Visitor = Callable[..., httpx2.Client]


def test_what_counts_of_a_list_is_chosen_on_its_page(server: RunningServer, visitor: Visitor) -> None:
    list_id, _ = a_list(server)
    path, client = f"/lists/{list_id}/choice", visitor(Role.CURATOR)
    chosen = {"classifications": ["baseline", "national"], "radius": "20"}
    page = client.get(client.post(path, data=chosen).headers["location"])
    assert "That counts here from now on" in page.text
    assert 'value="20"' in page.text
    with server.transaction() as conn:
        choice = choices.list_choices(conn, ANNE)[list_id]
    assert (choice.enabled, choice.radius) == (True, 20)
    assert choice.classifications == {Classification.BASELINE, Classification.NATIONAL}

    for radius in ("65", "near", "-1", ""):
        refused = client.post(path, data=chosen | {"radius": radius})
        assert (refused.status_code, "Must be 0 to 64 bits" in refused.text) == (422, True)

    client.post(path, data={"radius": "20"})
    with server.transaction() as conn:
        assert not choices.list_choices(conn, ANNE)[list_id].enabled
    assert "the list does not count here" in visitor(Role.AUDITOR).get(f"/lists/{list_id}").text


def test_why_a_row_was_skipped_is_told_in_dutch(server: RunningServer, visitor: Visitor) -> None:
    now = datetime.now(UTC)
    with server.transaction() as conn:
        found = lists.create(conn, ANNE, keys=server.keys, name=f"list {uuid.uuid4().hex[:12]}", now=now)
        batch = imports.start(conn, ANNE, list_id=found.id, format_="csv", source_digest=b"y" * 32, now=now)
        read = [Skipped(position=7, field="md5", problem="must have 32 hex digits, not 31 characters")]
        imports.take(conn, ANNE, keys=server.keys, batch_id=batch.id, after=0, rows=read, done=True, now=now)
    page = visitor(Role.CURATOR, language=Language.NL).get(f"/lists/{found.id}")
    assert "moet 32 hexadecimale cijfers hebben, niet 31 tekens" in page.text
