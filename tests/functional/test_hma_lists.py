"""What tools made for Hasher-Matcher-Actioner do to lists: they propose, and people decide."""

import hashlib
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import pytest
from pictures import encoded, photo, reference
from PIL import Image
from running.gate_lists import wait_until_followed
from running.hash_lists import ANNE, BRAM
from running.hma_routes import CURATING, a_chosen_list
from running.server import RunningServer, console
from threatexchange.signal_type.pdq.signal import PdqSignal

from vangnet.errors import Conflict
from vangnet.identity.model import GrantedRight, Party, PartyKind
from vangnet.identity.permissions import Permission
from vangnet.identity.service import api_keys, grants, parties
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.entries import EntryState
from vangnet.registry.model.lists import ListState
from vangnet.registry.service import categories, entries, lists, proposers

PICTURE = encoded(photo(71, 700, 500), "PNG")


@pytest.fixture(scope="module")
def tool(server: RunningServer) -> Iterator[httpx2.Client]:
    with server.program(*CURATING) as client:
        yield client


@pytest.fixture
def name(server: RunningServer) -> str:
    """A list for which the tool may propose entries."""
    return a_chosen_list(server)


def form(data: bytes, kind: str = "photo") -> dict[str, Any]:
    return {kind: ("a", data, "application/octet-stream")}


def state_of(server: RunningServer, entry_id: int) -> EntryState:
    with server.transaction() as conn:
        return entries.get(conn, ANNE, entry_id).state


def list_called(server: RunningServer, name: str) -> Any:
    with server.transaction() as conn:
        return lists.find(conn, ANNE, name)


def test_a_proposed_file_is_an_entry_that_waits_for_people(server: RunningServer, tool: httpx2.Client, name: str) -> None:
    answer = tool.post(f"/c/bank/{name}/content", files=form(PICTURE))
    assert answer.status_code == 200, answer.text
    with Image.open(io.BytesIO(PICTURE)) as image:
        assert answer.json()["signals"] == {"pdq": reference(image)[0].hex()}
    number = answer.json()["id"]
    assert state_of(server, number) is EntryState.PROPOSED, "though its list asks for one person's word only"
    with server.transaction() as conn:
        kept = {one.algorithm.value: one.value for one in entries.open_hashes(
            conn, ANNE, keys=server.keys, entry_id=number, now=datetime.now(UTC)
        )}  # fmt: skip
        assert entries.list_opinions(conn, ANNE, number) == [], "a program's word is nobody's"
    assert kept["sha256"] == hashlib.sha256(PICTURE).digest()
    assert set(kept) == {"md5", "sha1", "sha256", "pdq"}
    with server.transaction() as conn:
        entries.give_opinion(conn, BRAM, keys=server.keys, entry_id=number, agrees=True, now=datetime.now(UTC))
    assert state_of(server, number) is EntryState.ACTIVE


def test_a_tool_reads_back_numbers_and_never_hashes(server: RunningServer, tool: httpx2.Client, name: str) -> None:
    made = tool.post(f"/c/bank/{name}/signal", json={"pdq": "a5" * 32, "note": "seen twice"}).json()
    assert made["signals"] == {"pdq": "a5" * 32}
    answer = tool.get(f"/c/bank/{name}/content/{made['id']}", params={"include_signals": "true"})
    assert answer.json() == {
        "id": made["id"],
        "disable_until_ts": 1,
        "collab_metadata": {},
        "original_media_uri": None,
        "bank": {"name": name, "matching_enabled_ratio": 0.0},
        "note": "seen twice",
    }
    assert "a5a5" not in answer.text
    assert tool.get(f"/c/bank/OTHER/content/{made['id']}").status_code == 404
    assert tool.get(f"/c/bank/{a_chosen_list(server)}/content/{made['id']}").status_code == 404


def test_what_is_proposed_holds_and_never_blocks_even_on_an_active_list(
    server: RunningServer, tool: httpx2.Client, name: str
) -> None:
    file, other = encoded(photo(72, 700, 500), "PNG"), encoded(photo(73, 700, 500), "PNG")
    proposed = tool.post(f"/c/bank/{name}/content", files=form(file)).json()["id"]
    agreed = tool.post(f"/c/bank/{name}/content", files=form(other)).json()["id"]
    now, found = datetime.now(UTC), list_called(server, name)
    with server.transaction() as conn:
        entries.give_opinion(conn, BRAM, keys=server.keys, entry_id=agreed, agrees=True, now=now)
        (category,) = categories.list_categories(conn, ANNE, found.id)
    with server.transaction() as conn:
        categories.map_category(
            conn, ANNE, keys=server.keys, category_id=category.id, classification=Classification.BASELINE, now=now
        )
    for curator in (ANNE, BRAM):
        with server.transaction() as conn:
            lists.approve_activation(conn, curator, keys=server.keys, list_id=found.id, now=now)
    wait_until_followed(server)
    decided = {data: tool.post("/api/v1/check", content=data).json()["decision"] for data in (file, other)}
    assert decided == {file: "hold", other: "block"}
    assert tool.get(f"/c/bank/{name}").json()["matching_enabled_ratio"] == 1.0
    (content,) = tool.post("/m/lookup", files=form(file)).json()["pdq"][name]
    assert content == {"bank_content_id": proposed, "distance": "0"}


def test_python_threatexchange_s_hash_is_found(server: RunningServer, tool: httpx2.Client, name: str) -> None:
    # Its command line speaks to exchanges and not to HMA; what it hashes is what such tools look up.
    file = encoded(photo(74, 700, 500), "JPEG", quality=92)
    theirs = PdqSignal.hash_from_bytes(file)
    assert tool.post("/h/hash", files=form(file)).json() == {"pdq": theirs}
    assert tool.post(f"/c/bank/{name}/signal", json={"pdq": theirs}).status_code == 200


def test_files_are_hashed_and_never_answered_with_an_empty_hash(tool: httpx2.Client) -> None:
    file = b"\0\0\0\x18ftypmp42 moving pictures"
    assert tool.post("/h/hash", files=form(file, "video")).json() == {
        "video_md5": hashlib.md5(file).hexdigest()  # noqa: S324 (one of its types)
    }
    flat = encoded(Image.new("L", (300, 300), 128), "PNG")
    for data in (b"", b"no picture", PICTURE[: len(PICTURE) // 2], flat):
        answer = tool.post("/h/hash", files=form(data))
        assert answer.status_code in {400, 422}
        assert answer.json()["message"]
    assert tool.post("/h/hash", files=form(PICTURE), params={"types": "pdq"}).status_code == 200
    assert tool.post("/h/hash", files=form(PICTURE), params={"types": "video_md5"}).status_code == 400


def test_a_file_that_cannot_be_examined_is_not_answered_as_no_match(tool: httpx2.Client) -> None:
    answer = tool.post("/m/lookup", files=form(PICTURE[: len(PICTURE) // 2]))
    assert (answer.status_code, "damaged" in answer.json()["message"]) == (422, True)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"file": ("a", b"x", "image/png")},
        [("photo", ("a", b"x", "image/png")), ("photo", ("b", b"y", "image/png"))],
        [("photo", ("a", b"x", "image/png")), ("video", ("b", b"y", "video/mp4"))],
    ],
)
def test_a_form_with_anything_but_one_photo_or_video_is_refused(tool: httpx2.Client, name: str, files: Any) -> None:
    for path in ("/h/hash", "/m/lookup", f"/c/bank/{name}/content"):
        answer = tool.post(path, files=files) if files else tool.post(path, content=b"")
        assert (answer.status_code, bool(answer.json()["message"])) == (400, True)


def test_a_tool_makes_lists_that_match_nothing(server: RunningServer, tool: httpx2.Client) -> None:
    made = {"name": "MY_TEST_BANK_01", "enabled": True, "enabled_ratio": "1.0"}
    answer = tool.post("/c/banks", json=made)
    assert (answer.status_code, answer.json()) == (201, {"name": "MY_TEST_BANK_01", "matching_enabled_ratio": 0.0})
    assert answer.json() in tool.get("/c/banks").json()
    assert list_called(server, "MY_TEST_BANK_01").state is ListState.QUARANTINED
    assert tool.post("/c/bank/MY_TEST_BANK_01/signal", json={"video_md5": "cd" * 16}).status_code == 200
    assert tool.post("/c/banks", json=made).status_code == 403, "it exists"
    for bad in ("01_TEST_BANK", "my_test_bank", "", "A B", "É"):
        assert tool.post("/c/banks", json={"name": bad}).status_code == 400
    assert tool.put("/c/bank/MY_TEST_BANK_01", json={"name": "RENAMED_01"}).json()["name"] == "RENAMED_01"
    for change, status in (
        ({"enabled": True}, 403), ({"enabled_ratio": 0.5}, 403), ({}, 400), ({"name": "bad"}, 400),
        ({"name": "A", "enabled": False}, 400),
    ):  # fmt: skip
        assert tool.put("/c/bank/RENAMED_01", json=change).status_code == status, change
    assert tool.put("/c/bank/RENAMED_01", json={"enabled": False}).status_code == 200
    assert list_called(server, "RENAMED_01").state is ListState.SUSPENDED
    assert tool.delete("/c/bank/RENAMED_01").status_code == 405, "a list is never deleted"


def test_a_tool_takes_back_what_nobody_agreed_on_and_nothing_else(
    server: RunningServer, tool: httpx2.Client, name: str
) -> None:
    first, second = (
        tool.post(f"/c/bank/{name}/signal", json={"video_md5": digits * 16}).json()["id"] for digits in ("0a", "0b")
    )
    with server.transaction() as conn:
        entries.give_opinion(conn, BRAM, keys=server.keys, entry_id=second, agrees=True, now=datetime.now(UTC))
    assert tool.delete(f"/c/bank/{name}/content/{first}").json() == {"deleted": 1}
    assert state_of(server, first) is EntryState.WITHDRAWN
    assert tool.delete(f"/c/bank/{name}/content/{second}").status_code == 409
    assert state_of(server, second) is EntryState.ACTIVE
    assert tool.put(f"/c/bank/{name}/content/{second}", json={"disable_until_ts": 1}).status_code == 400
    assert tool.put(f"/c/bank/{name}/content/{second}", json={"disable_until_ts": 0}).json()["disable_until_ts"] == 0
    assert state_of(server, second) is EntryState.SUSPENDED


def test_nothing_is_proposed_for_a_list_that_was_not_chosen(server: RunningServer, tool: httpx2.Client, name: str) -> None:
    found = list_called(server, name)
    with server.transaction() as conn:
        proposers.end(conn, ANNE, list_id=found.id, party_id=None, now=datetime.now(UTC))
    for answer in (
        tool.post(f"/c/bank/{name}/signal", json={"video_md5": "ab" * 16}),
        tool.post(f"/c/bank/{name}/content", files=form(PICTURE)),
    ):
        assert answer.status_code == 404
    with server.transaction() as conn:
        assert entries.list_entries(conn, ANNE, list_id=found.id) == []


@pytest.mark.parametrize("given", [{}, {"pdq": ""}, {"pdq": "zz" * 32}, {"pdq": "00"}, {"photodna": "x"}, {"pdq": 5}, []])
def test_hashes_that_are_none_are_refused(tool: httpx2.Client, name: str, given: Any) -> None:
    answer = tool.post(f"/c/bank/{name}/signal", json=given)
    assert answer.status_code in {400, 422}
    assert answer.json()["message"]


def test_the_same_is_not_listed_twice(tool: httpx2.Client, name: str) -> None:
    assert tool.post(f"/c/bank/{name}/signal", json={"video_md5": "ee" * 16}).status_code == 200
    assert tool.post(f"/c/bank/{name}/signal", json={"video_md5": "ee" * 16}).status_code == 409


@pytest.fixture
def party(server: RunningServer) -> Party:
    """Another organisation that may supply lists."""
    now = datetime.now(UTC)
    with server.transaction() as conn:
        found = parties.add(conn, console(), name="Kanarie tools", kind=PartyKind.HOTLINE, now=now)
        parties.record_legal_basis(
            conn, console(), party_id=found.id, text="an agreement", reference="2026/1",
            ends_on=date.today() + timedelta(days=30), now=now,  # noqa: DTZ011
        )  # fmt: skip
        grants.grant(conn, console(), party_id=found.id, right=GrantedRight.LIST_SUPPLIER, now=now)
    return found


def test_a_party_s_tool_proposes_for_the_list_chosen_for_it_and_sees_nothing_else(
    server: RunningServer, party: Party, name: str
) -> None:
    now = datetime.now(UTC)
    with server.transaction() as conn:
        key = api_keys.issue(
            conn, console(), name="their tool", scopes=frozenset({Permission.REGISTRY_PROPOSE}), party_id=party.id, now=now
        )
        theirs = lists.create(conn, ANNE, keys=server.keys, name=f"THEIRS_{name}", now=now)
    with server.transaction() as conn:
        proposers.choose(conn, ANNE, list_id=theirs.id, party_id=party.id, now=now)
        with pytest.raises(Conflict):
            proposers.choose(conn, ANNE, list_id=theirs.id, party_id=party.id, now=now)
    with server.client(auth=("tool", key.text)) as tool:
        answer = tool.post(f"/c/bank/THEIRS_{name}/signal", json={"pdq": "3c" * 32})
        assert answer.status_code == 200, answer.text
        assert state_of(server, answer.json()["id"]) is EntryState.PROPOSED
        assert tool.post(f"/c/bank/{name}/signal", json={"pdq": "3c" * 32}).status_code == 404, "ours is not theirs"
        for path in ("/c/banks", f"/c/bank/THEIRS_{name}", "/m/lookup?signal=00"):
            assert tool.get(path).status_code == 403
        with server.transaction() as conn:
            (given,) = grants.list_grants(conn, console(), party.id)
            grants.withdraw(conn, console(), grant_id=given.id, now=datetime.now(UTC))
        assert tool.post(f"/c/bank/THEIRS_{name}/signal", json={"pdq": "3d" * 32}).status_code == 409


def test_the_kinds_and_the_index_are_told(tool: httpx2.Client) -> None:
    assert [one["name"] for one in tool.get("/c/content_type").json()] == ["photo", "video"]
    status = tool.get("/c/signal_type/index").json()["pdq"]
    assert set(status) == {"db_size", "index_size", "index_out_of_date", "newest_db_item", "index_built_to"}
    assert status["index_out_of_date"] is False


def test_nothing_is_fetched_unless_the_settings_say_so(tool: httpx2.Client, name: str) -> None:
    url = {"url": "http://127.0.0.1/x"}
    for answer in (
        tool.get("/h/hash", params=url),
        tool.get("/m/lookup", params=url),
        tool.post(f"/c/bank/{name}/content", params=url),
    ):
        assert (answer.status_code, "VANGNET_HMA_FETCH" in answer.json()["message"]) == (400, True)
