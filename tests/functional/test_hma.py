"""The doors for tools made for Hasher-Matcher-Actioner, by what is known of its API (version 1.1.7)."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx2
import pytest
from pictures import encoded, photo, reference
from running.gate_lists import list_files
from running.origin import serving
from running.programs import free_port
from running.server import RunningServer, own_database, running

from vangnet.config import DoorsNames, FetchFrom
from vangnet.errors import TooManyAttempts
from vangnet.gate.model import CheckAnswer, CheckMatch, Decision, Door, Outcome
from vangnet.identity.model import InstallationKind
from vangnet.identity.permissions import Permission
from vangnet.web.protocols.hma import _available, list_name_there
from vangnet.web.protocols.names import name_of

PICTURE = photo(61, 900, 700)
LISTED = encoded(PICTURE, "PNG")
UNLISTED = encoded(photo(62, 900, 700), "PNG")
HASH = reference(PICTURE)[0].hex()


@pytest.fixture(scope="module")
def server(postgres: Any, logfile: Any, tmp_path_factory: Any) -> Iterator[RunningServer]:
    """A provider with two active lists and one on trial of one generated picture each."""
    with (
        own_database(postgres, "functional_hma") as database,
        running(
            database,
            tmp_path_factory.mktemp("hma"),
            logfile,
            kind=InstallationKind.PROVIDER,
            hma_fetch=FetchFrom.ANYWHERE,
        ) as server,
    ):
        list_files(server, [LISTED], name="GENERATED")
        list_files(server, [LISTED], name="in small letters")
        list_files(server, [LISTED], name="TRIAL", trial=True)
        yield server


@pytest.fixture
def tool(server: RunningServer) -> Iterator[httpx2.Client]:
    with server.program(Permission.GATE_CHECK, Permission.REGISTRY_READ) as client:
        yield client


def near(distance: int) -> str:
    """A hash so many bits from the listed one."""
    return (int(HASH, 16) ^ ((1 << distance) - 1)).to_bytes(32, "big").hex()


@pytest.mark.parametrize("distance", [0, 4, 31])
def test_a_hash_is_looked_up_by_list(tool: httpx2.Client, distance: int) -> None:
    found = tool.get("/m/lookup", params={"signal": near(distance), "signal_type": "pdq"}).json()
    assert len(found) == 2, "a list on trial matches nothing here"
    (content,) = found["GENERATED"]
    assert content["distance"] == str(distance)
    assert isinstance(content["bank_content_id"], int)


def test_a_hash_too_far_away_matches_nothing(tool: httpx2.Client) -> None:
    assert tool.get("/m/lookup", params={"signal": near(32), "signal_type": "pdq"}).json() == {}


def test_only_the_named_lists_are_told(tool: httpx2.Client) -> None:
    asked = {"signal": HASH, "signal_type": "pdq", "banks": "GENERATED,OTHER"}
    assert list(tool.get("/m/lookup", params=asked).json()) == ["GENERATED"]


def test_raw_look_ups_tell_numbers_with_or_without_distance(tool: httpx2.Client) -> None:
    asked = {"signal": near(4), "signal_type": "pdq", "banks": "GENERATED"}
    (number,) = tool.get("/m/raw_lookup", params=asked).json()["matches"]
    (match,) = tool.get("/m/raw_lookup", params=asked | {"include_distance": "true"}).json()["matches"]
    assert match == {"bank_content_id": number, "distance": "4"}


def test_a_file_is_looked_up(tool: httpx2.Client) -> None:
    for file, matches in ((LISTED, True), (encoded(PICTURE, "JPEG", quality=70), True), (UNLISTED, False)):
        found = tool.post("/m/lookup", files={"photo": ("a.png", file, "image/png")}).json()
        assert list(found) == ["pdq"]
        assert ("GENERATED" in found["pdq"]) is matches
    md5 = hashlib.md5(LISTED).hexdigest()  # noqa: S324 (one of its types)
    assert "GENERATED" in tool.get("/m/lookup", params={"signal": md5, "signal_type": "video_md5"}).json()


def test_hashes_are_compared(tool: httpx2.Client) -> None:
    assert tool.post("/m/compare", json={"pdq": [HASH, near(9)]}).json() == {"pdq": [True, {"distance": 9}]}
    assert tool.post("/m/compare", json={"pdq": [HASH, near(32)]}).json() == {"pdq": [False, {"distance": 32}]}


def test_lists_have_names_that_such_tools_take(tool: httpx2.Client) -> None:
    names = {one["name"]: one["matching_enabled_ratio"] for one in tool.get("/c/banks").json()}
    (small,) = set(names) - {"GENERATED", "TRIAL"}
    assert small.startswith("_IN_SMALL_LETTERS_")
    assert names == {"GENERATED": 1.0, small: 1.0, "TRIAL": 0.0}
    assert tool.get(f"/c/bank/{small}").json() == {"name": small, "matching_enabled_ratio": 1.0}
    assert tool.get("/c/bank/NOTHING").status_code == 404
    assert list_name_there("É1", UUID(int=1)) != list_name_there("È1", UUID(int=2 << 96))


def test_the_state_is_told(tool: httpx2.Client, server: RunningServer) -> None:
    with server.client() as nobody:
        assert nobody.get("/status").text == "I-AM-ALIVE"
        assert nobody.get("/status/live").text == "I-AM-ALIVE"
    status = tool.get("/m/index/status").json()["pdq"]
    assert (status["present"], status["built_to"]) == (True, server.live.sequence)
    assert status["size"] >= 3
    assert [one["name"] for one in tool.get("/c/signal_type").json()] == ["pdq", "video_md5"]


@pytest.mark.parametrize(
    "asked",
    [
        {"signal": "00", "signal_type": "pdq"},
        {"signal": "", "signal_type": "pdq"},
        {"signal": "z" * 64, "signal_type": "pdq"},
        {"signal": HASH, "signal_type": "photodna"},
    ],
)
def test_a_bad_hash_is_told_with_a_message(tool: httpx2.Client, asked: dict[str, str]) -> None:
    answer = tool.get("/m/lookup", params=asked)
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_a_look_up_needs_a_key_and_is_kept_as_a_decision(server: RunningServer, tool: httpx2.Client) -> None:
    with server.client() as nobody:
        assert nobody.get("/m/lookup", params={"signal": HASH}).status_code == 401
        assert nobody.post("/m/lookup", files={"photo": ("a", LISTED)}).status_code == 401
    tool.get("/m/lookup", params={"signal": HASH, "signal_type": "pdq"})
    with server.transaction() as conn:
        (kept,) = conn.execute("SELECT count(*) FROM gate_decision WHERE door = %s", [str(Door.HMA)]).fetchone() or (0,)
    assert kept > 0
    assert HASH not in server.logged()


def test_a_key_that_tries_the_lists_out_hears_so_and_never_an_empty_answer() -> None:
    match = CheckMatch(
        list_id=UUID(int=1), list_name="GENERATED", entry_id=4711, classification="baseline", algorithm="pdq", distance=3,
        view="original", shadow=False,
    )  # fmt: skip
    answer = CheckAnswer(
        check_id=UUID(int=2), outcome=Outcome.MATCH, decision=Decision.HOLD, matches=(match,), withheld=True
    )
    with pytest.raises(TooManyAttempts):
        _available(answer)
    blocked = replace(answer, decision=Decision.BLOCK)
    assert name_of(blocked, DoorsNames.ENTRY) == f"Vangnet.Known.{UUID(int=2)}", "no list, no entry"
    assert name_of(replace(blocked, withheld=False), DoorsNames.ENTRY) == "Vangnet.Known.GENERATED.4711"


def test_a_file_is_fetched_hashed_and_looked_up(tool: httpx2.Client) -> None:
    with serving() as origin:
        origin.files.update({"/listed": LISTED, "/unlisted": UNLISTED})
        asked = {"url": f"{origin.url}/listed", "content_type": "photo"}
        assert tool.get("/h/hash", params=asked).json() == {"pdq": HASH}
        assert "GENERATED" in tool.get("/m/lookup", params=asked).json()["pdq"]
        asked["url"] = f"{origin.url}/unlisted"
        assert tool.get("/m/lookup", params=asked).json() == {"pdq": {}}
        assert tool.get("/h/hash", params=asked | {"content_type": "text"}).status_code == 400
        assert tool.get("/h/hash", params=asked | {"url": f"{origin.url}/nothing"}).status_code == 502


@pytest.mark.parametrize("url", ["", "nowhere", "file:///etc/passwd", "http://user:password@127.0.0.1/x"])
def test_what_is_no_address_is_refused_with_a_message(tool: httpx2.Client, url: str) -> None:
    answer = tool.get("/m/lookup", params={"url": url, "content_type": "photo"})
    assert (answer.status_code, "password@" in answer.text) == (400, False)


def test_an_address_that_was_asked_for_is_not_logged(tool: httpx2.Client, server: RunningServer) -> None:
    tool.get("/m/lookup", params={"url": f"http://127.0.0.1:{free_port()}/kanarie-address"})
    assert "kanarie-address" not in server.logged()
