"""The pages of hash lists, as curators and others use them."""

import hashlib
import io
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import httpx2
import pytest
from pictures import photo
from PIL import Image
from running import registry_routes
from running.hash_lists import ANNE, draft, rows
from running.registry_routes import a_dispute, a_list
from running.server import RunningServer
from running.states import wait_until

from vangnet.identity.model import Language
from vangnet.identity.permissions import Permission, Role
from vangnet.registry.formats.reading import Row, Skipped
from vangnet.registry.model.entries import EntryState, HashAlgorithm, ListedHash
from vangnet.registry.service import imports, lists

Visitor = Callable[..., httpx2.Client]


def words_of(page: httpx2.Response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


def test_two_people_activate_a_list_and_one_suspends_it(server: RunningServer, visitor: Visitor) -> None:
    list_id, _ = a_list(server)
    first, second = visitor(Role.CURATOR), visitor(Role.CURATOR)
    page = first.get(first.post(f"/lists/{list_id}/activate").headers["location"])
    assert "You agreed." in page.text
    assert "1 of 2 people agreed" in page.text
    assert "Agree to activate" not in page.text, "the same person is not asked again"
    assert first.post(f"/lists/{list_id}/activate").status_code == 409
    page = second.get(second.post(f"/lists/{list_id}/activate").headers["location"])
    assert "The list decides now" in page.text
    page = first.get(first.post(f"/lists/{list_id}/suspend", data={"reason": "default pictures"}).headers["location"])
    assert re.search(r"suspended .*default pictures", words_of(page))


def test_a_list_that_cannot_decide_yet_says_why_and_has_no_button(server: RunningServer, visitor: Visitor) -> None:
    list_id, _ = a_list(server, mapped=False)
    client = visitor(Role.CURATOR)
    page = client.get(f"/lists/{list_id}")
    assert "none of its categories is mapped" in page.text
    assert "Agree to activate" not in page.text
    assert "1 active" in words_of(page)
    refused = client.post(f"/lists/{list_id}/activate")
    assert (refused.status_code, "None of its categories is mapped" in refused.text) == (409, True)


def test_a_category_is_mapped_from_the_page(server: RunningServer, visitor: Visitor) -> None:
    list_id, _ = a_list(server, mapped=False)
    client = visitor(Role.CURATOR)
    page = client.get(f"/lists/{list_id}")
    assert "The crosswalk proposes" in page.text
    [path] = re.findall(r'action="(/lists/[^"]+/categories/\d+)"', page.text)
    page = client.get(client.post(path, data={"classification": "national"}).headers["location"])
    assert re.search(r'value="national" selected', page.text)
    assert client.post(path, data={"classification": "worst"}).status_code == 409


def test_who_only_reads_sees_no_button(server: RunningServer, visitor: Visitor) -> None:
    list_id, entry_id = a_list(server)
    client = visitor(Role.AUDITOR)
    for path in (f"/lists/{list_id}", f"/entries/{entry_id}", "/lists", "/disputes", "/subscriptions"):
        page = client.get(path)
        assert page.status_code == 200
        assert not re.findall(r'<form method="post" action="/(lists|entries|disputes)', page.text), path


def test_what_was_skipped_is_shown_with_the_reason(server: RunningServer, visitor: Visitor) -> None:
    now = datetime.now(UTC)
    with server.transaction() as conn:
        found = lists.create(conn, ANNE, keys=server.keys, name=f"list {uuid.uuid4().hex[:12]}", now=now)
        batch = imports.start(conn, ANNE, list_id=found.id, format_="csv", source_digest=b"x" * 32, now=now)
        read: list[Row] = [*rows([draft("a word")]), Skipped(position=2, field="md5", problem="must have hex digits only")]
        imports.take(conn, ANNE, keys=server.keys, batch_id=batch.id, after=0, rows=read, done=True, now=now)
    assert re.search(r"2 md5 must have hex digits only", words_of(visitor(Role.CURATOR).get(f"/lists/{found.id}")))


def test_an_entry_is_found_by_its_hash_and_no_hash_is_in_any_address(server: RunningServer, visitor: Visitor) -> None:
    word = uuid.uuid4().hex
    now = datetime.now(UTC)
    with server.transaction() as conn:
        found = lists.create(conn, ANNE, keys=server.keys, name=f"list {word[:12]}", now=now)
        batch = imports.start(conn, ANNE, list_id=found.id, format_="csv", source_digest=bytes.fromhex(word * 2), now=now)
        imports.take(conn, ANNE, keys=server.keys, batch_id=batch.id, after=0, rows=rows([draft(word)]), done=True, now=now)
    digest = hashlib.md5(word.encode(), usedforsecurity=False).hexdigest()
    client = visitor(Role.CURATOR)

    def listed() -> bool:
        return found.name in client.post("/entries", data={"hash": digest.upper()}).text

    wait_until(listed)
    page = client.post("/entries", data={"hash": digest})
    assert re.search(rf"{found.name} in quarantine not mapped md5 0 nothing", words_of(page))
    assert page.headers["cache-control"] == "no-store"
    assert digest not in page.text
    assert "No entry of any list matches." in client.post("/entries", data={"hash": "0" * 32}).text


def test_a_picture_finds_what_looks_like_it_also_turned(server: RunningServer, visitor: Visitor) -> None:
    picture = photo(int(uuid.uuid4()) % 2**31, 320, 240)
    file = io.BytesIO()
    picture.save(file, "PNG")
    outcome = server.gate.hasher.hash_bytes(file.getvalue())
    made = outcome.frames[0].transforms[0].hash()
    listed = ListedHash(algorithm=HashAlgorithm.PDQ, value=made.hash, convention=made.convention, quality=made.quality)
    now = datetime.now(UTC)
    with server.transaction() as conn:
        found = lists.create(conn, ANNE, keys=server.keys, name=f"list {uuid.uuid4().hex[:12]}", now=now)
        batch = imports.start(conn, ANNE, list_id=found.id, format_="csv", source_digest=uuid.uuid4().bytes * 2, now=now)
        one = rows([draft("picture", hashes=[listed])])
        imports.take(conn, ANNE, keys=server.keys, batch_id=batch.id, after=0, rows=one, done=True, now=now)
    turned = io.BytesIO()
    picture.transpose(Image.Transpose.ROTATE_90).save(turned, "PNG")
    client = visitor(Role.CURATOR)

    def finds(data: bytes) -> bool:
        return found.name in client.post("/entries", files={"picture": ("a.png", data)}).text

    for data in (file.getvalue(), turned.getvalue()):
        wait_until(partial(finds, data))
    odd = client.post("/entries", files={"picture": ("a.txt", b"no picture")})
    assert "that nothing is found proves nothing" in odd.text


@pytest.mark.parametrize("text", ["", "xyz", "ab" * 15, "g" * 32])
def test_what_is_no_hash_is_refused_and_not_repeated(visitor: Visitor, text: str) -> None:
    answer = visitor(Role.CURATOR).post("/entries", data={"hash": text})
    assert answer.status_code == 422
    assert 'class="problem"' in answer.text
    assert not text or text not in answer.text


def test_an_entry_is_contested_and_answered_by_somebody_else(server: RunningServer, visitor: Visitor) -> None:
    _, entry_id = a_list(server)
    client = visitor(Role.CURATOR)
    page = client.get(client.post(f"/entries/{entry_id}/dispute", data={"reason": "our logo"}).headers["location"])
    assert "our logo" in page.text
    disputes = client.get("/disputes").text
    [path] = re.findall(rf'/entries/{entry_id}">.*?action="(/disputes/[^"]+/answer)"', disputes, re.DOTALL)
    own = client.post(path, data={"outcome": "withdrawn", "reason": "indeed"})
    assert (own.status_code, "somebody else must" in own.text) == (422, True)
    other = visitor(Role.CURATOR)
    assert other.post(path, data={"outcome": "perhaps", "reason": "x"}).status_code == 422
    page = other.get(other.post(path, data={"outcome": "withdrawn", "reason": "indeed"}).headers["location"])
    assert "The entry is withdrawn" in page.text
    assert "withdrawn" in words_of(client.get(f"/entries/{entry_id}"))


def test_a_stopped_entry_is_kept_or_withdrawn_with_a_reason(server: RunningServer, visitor: Visitor) -> None:
    client = visitor(Role.CURATOR)
    _, entry_id = a_list(server, entry_state=EntryState.SUSPENDED)
    empty = client.post(f"/entries/{entry_id}/keep", data={"reason": " "})
    assert (empty.status_code, "<details open>" in empty.text) == (422, True)
    page = client.get(client.post(f"/entries/{entry_id}/keep", data={"reason": "looked"}).headers["location"])
    assert "The entry is kept" in page.text
    page = client.get(client.post(f"/entries/{entry_id}/withdraw", data={"reason": "a logo"}).headers["location"])
    assert "If it is wrong" not in page.text
    assert client.post(f"/entries/{entry_id}/withdraw", data={"reason": "a logo"}).status_code == 422


def test_a_list_of_a_name_that_is_taken_is_refused_with_the_name_kept(visitor: Visitor) -> None:
    client, name = visitor(Role.CURATOR), f"list {uuid.uuid4().hex[:12]}"
    assert client.post("/lists/add", data={"name": name}).status_code == 303
    again = client.post("/lists/add", data={"name": name.upper()})
    assert (again.status_code, name.upper() in again.text) == (422, True)


def test_the_pages_speak_dutch(server: RunningServer, visitor: Visitor) -> None:
    list_id, entry_id = a_list(server)
    a_dispute(server)
    client = visitor(Role.CURATOR, language=Language.NL)
    for path, says in {
        "/lists": "Welke hashlijsten hier tellen",
        f"/lists/{list_id}": "Akkoord met activeren",
        f"/entries/{entry_id}": "Betwisten",
        "/entries": "Opzoeken",
        "/disputes": "De vermelding blijft staan",
        "/subscriptions": "Diensten van derden",
    }.items():
        assert says in client.get(path).text, path


def test_the_api_lists_looks_up_withdraws_and_suspends(
    server: RunningServer, program: Callable[..., httpx2.Client]
) -> None:
    list_id, entry_id = a_list(server)
    client = program(
        Permission.REGISTRY_READ, Permission.REGISTRY_LOOK_UP, Permission.REGISTRY_SUSPEND, Permission.REGISTRY_WITHDRAW
    )
    [found] = [one for one in client.get("/api/v1/lists").json() if one["id"] == str(list_id)]
    assert (found["state"], found["entries"]["active"], found["not_ready"]) == ("quarantined", 1, None)
    assert found["categories"] == [{"scheme": "ncmec", "name": "A1", "classification": "baseline"}]
    withdrawn = client.post(f"/api/v1/entries/{entry_id}/withdraw", json={"reason": "a logo"})
    assert withdrawn.json() == {"entry_id": entry_id, "state": "withdrawn"}
    again = client.post(f"/api/v1/entries/{entry_id}/withdraw", json={"reason": "a logo"})
    assert (again.status_code, again.json()["code"]) == (409, "invalid_transition")
    suspended = client.post(f"/api/v1/lists/{list_id}/suspend", json={"reason": "wrong"})
    assert suspended.json() == {"list_id": str(list_id), "state": "suspended"}
    wrong = client.post("/api/v1/entries/look-up", json={"md5": "abc"})
    assert (wrong.status_code, wrong.json()["code"], "abc" in wrong.text) == (422, "invalid_input", False)
    assert client.post("/api/v1/entries/look-up", json={}).status_code == 422
    assert client.post("/api/v1/entries/look-up", json={"pdq": "ab" * 32}).json() == []


def test_every_route_of_the_registry_is_in_the_table() -> None:
    assert set(registry_routes.CHANGES) == {route for route in registry_routes.RULES if route.startswith("POST")}
