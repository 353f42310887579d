"""Files checked by a running installation, over HTTP: with a real list, a real index, a real sandbox."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from pictures import encoded, photo
from PIL import Image, ImageOps
from running.gate_lists import add_list, hashes_of, list_files, wait_until_followed, with_windows
from running.server import RunningServer, console, own_database, running
from running.states import wait_until

from vangnet.gate.policy import STARTING, as_document
from vangnet.gate.service import decisions, policies
from vangnet.hashing.hasher import Hasher
from vangnet.hashing.model import Convention
from vangnet.hashing.sandbox import Sandbox
from vangnet.identity.model import InstallationKind
from vangnet.identity.permissions import Permission
from vangnet.registry.model.entries import HashAlgorithm, ListedHash

LISTED = encoded(photo(71, 1600, 1200), "JPEG", quality=90)
#: Another listed one, of which there are copies. Too many matches of one would be a flood, which is stopped.
COPIED = photo(75, 1600, 1200)
UNLISTED = encoded(photo(72, 1600, 1200), "JPEG", quality=90)


@pytest.fixture(scope="module")
def gate_server(postgres: Any, logfile: Any, tmp_path_factory: Any) -> Iterator[RunningServer]:
    """A provider with a list of two generated pictures."""
    with (
        own_database(postgres, "functional_gate") as database,
        running(database, tmp_path_factory.mktemp("gate"), logfile, kind=InstallationKind.PROVIDER) as server,
    ):
        list_files(server, [LISTED, encoded(COPIED, "JPEG", quality=90)], name="generated")
        yield server


@pytest.fixture
def client(gate_server: RunningServer) -> Iterator[httpx2.Client]:
    """A program of the provider's."""
    with gate_server.program(Permission.GATE_CHECK) as made:
        yield made


def check(client: httpx2.Client, file: bytes, **headers: str) -> dict[str, Any]:
    """The answer for a file."""
    answer = client.post("/api/v1/check", content=file, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_listed_file_is_blocked(client: httpx2.Client) -> None:
    answer = check(client, LISTED)
    assert (answer["outcome"], answer["decision"], answer["reason"]) == ("match", "block", None)
    assert answer["checked"] == ["md5", "sha1", "sha256", "pdq"]
    (match,) = answer["matches"]
    assert (match["list"], match["classification"], match["algorithm"]) == ("generated", "baseline", "sha256")
    assert (match["distance"], match["view"], match["shadow"]) == (0, "original", False)


def test_an_unlisted_file_is_allowed_and_leaves_no_row(gate_server: RunningServer, client: httpx2.Client) -> None:
    answer = check(client, UNLISTED)
    assert (answer["outcome"], answer["decision"], answer["matches"]) == ("no_match", "allow", [])
    with gate_server.transaction() as conn:
        assert decisions.find_kept(conn, uuid.UUID(answer["check_id"])) is None


COPIES = {
    "re-compressed": (encoded(COPIED, "JPEG", quality=60), "original"),
    "smaller": (encoded(COPIED.resize((800, 600)), "JPEG", quality=85), "original"),
    "another format": (encoded(COPIED, "PNG"), "original"),
    "mirrored": (encoded(ImageOps.mirror(COPIED), "JPEG", quality=85), "flip_y"),
    "upside down": (encoded(COPIED.rotate(180), "JPEG", quality=85), "rotate180"),
    "turned": (encoded(COPIED.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=85), None),
    "bordered": (encoded(ImageOps.expand(COPIED, 130, "white"), "JPEG", quality=70), "border"),
    "mirrored with bars": (
        encoded(ImageOps.expand(ImageOps.mirror(COPIED), (0, 300), "black"), "JPEG", quality=85),
        "bars+flip_y",
    ),
    "bordered, another format": (encoded(ImageOps.expand(COPIED, 130, "black"), "PNG"), "border"),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_is_held_until_the_provider_lets_pictures_block(client: httpx2.Client, name: str) -> None:
    file, view = COPIES[name]
    answer = check(client, file)
    assert (answer["outcome"], answer["decision"]) == ("match", "hold")
    (match,) = answer["matches"]
    assert match["algorithm"] == "pdq"
    assert match["distance"] <= 31
    assert view is None or match["view"] == view


def test_a_crop_is_held_where_the_original_was_in_hand_and_passes_where_it_was_not(
    gate_server: RunningServer, client: httpx2.Client
) -> None:
    in_hand, alone = (photo(seed, 1600, 1200) for seed in (91, 92))
    listed = encoded(in_hand, "JPEG", quality=90)
    add_list(gate_server.database, gate_server.keys, [listed], name="with sub-windows", made_by=with_windows)
    list_files(gate_server, [encoded(alone, "JPEG", quality=90)], name="without")
    wait_until_followed(gate_server)
    chosen(gate_server, perceptual_blocks=True)
    try:
        found, missed = (
            check(client, encoded(one.crop((90, 20, 1530, 1100)), "JPEG", quality=85)) for one in (in_hand, alone)
        )
        whole = check(client, encoded(in_hand, "JPEG", quality=60))
    finally:
        chosen(gate_server)
    assert (found["outcome"], found["decision"]) == ("match", "hold")
    assert found["matches"][0]["algorithm"] == "pdq_window"
    assert (missed["outcome"], missed["decision"]) == ("no_match", "allow")
    assert (whole["decision"], whole["matches"][0]["algorithm"]) == ("block", "pdq")


def chosen(server: RunningServer, **changes: Any) -> None:
    """A policy that differs so from the starting set, and that the gate follows when this returns."""
    with server.transaction() as conn:
        document = as_document(STARTING) | changes
        version = policies.choose(conn, console(), document=document, now=datetime.now(UTC)).version
    wait_until(lambda: server.gate.policy_version == version)


def test_a_copy_is_blocked_once_pictures_may_block(gate_server: RunningServer, client: httpx2.Client) -> None:
    chosen(gate_server, perceptual_blocks=True)
    try:
        for file, _ in COPIES.values():
            assert check(client, file)["decision"] == "block"
    finally:
        chosen(gate_server)


def test_a_list_in_the_shadow_is_told_and_lets_the_upload_pass(gate_server: RunningServer, client: httpx2.Client) -> None:
    list_id = check(client, LISTED)["matches"][0]["list_id"]
    chosen(gate_server, shadow=[list_id])
    try:
        answer = check(client, LISTED)
    finally:
        chosen(gate_server)
    assert (answer["outcome"], answer["decision"]) == ("no_match", "allow")
    assert [match["shadow"] for match in answer["matches"]] == [True]


@pytest.mark.parametrize("algorithm", [HashAlgorithm.MD5, HashAlgorithm.SHA1])
def test_a_match_by_a_digest_that_can_be_forged_is_held(
    gate_server: RunningServer, client: httpx2.Client, algorithm: HashAlgorithm
) -> None:
    file = f"no picture, listed by its {algorithm} alone".encode()
    list_files(gate_server, [file], name=f"only {algorithm}", algorithms=[algorithm])
    answer = check(client, file)
    assert (answer["outcome"], answer["decision"], answer["reason"]) == ("match", "hold", "not_media")
    assert answer["matches"][0]["algorithm"] == algorithm


def test_a_list_on_trial_lets_the_upload_pass(gate_server: RunningServer, client: httpx2.Client) -> None:
    file = b"listed on trial"
    list_files(gate_server, [file], name="on trial", algorithms=[HashAlgorithm.SHA256], trial=True)
    answer = check(client, file)
    assert (answer["outcome"], answer["decision"]) == ("unhashable", "allow")
    assert [match["shadow"] for match in answer["matches"]] == [True]


BROKEN = {
    "empty": (b"", "not_media", "allow"),
    "text": (b"hello", "not_media", "allow"),
    "cut off": (UNLISTED[: len(UNLISTED) // 2], "damaged", "hold"),
    "head only": (UNLISTED[:30], "damaged", "hold"),
    "video": (b"\x00\x00\x00\x20ftypisom" + bytes(500), "video", "allow"),
    "archive": (b"PK\x03\x04" + bytes(100), "archive", "allow"),
    "flat": (encoded(Image.new("RGB", (300, 300), "grey"), "PNG"), "low_quality", "allow"),
    "tiny": (encoded(Image.new("RGB", (3, 3)), "PNG"), "too_small", "allow"),
    "bomb": (encoded(Image.new("1", (20_000, 20_000)), "PNG"), "too_large", "hold"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_cannot_be_examined_gets_its_reason(client: httpx2.Client, name: str) -> None:
    file, reason, decision = BROKEN[name]
    answer = check(client, file)
    assert (answer["outcome"], answer["reason"], answer["decision"]) == ("unhashable", reason, decision)
    assert answer["checked"][:3] == ["md5", "sha1", "sha256"]


def test_a_listed_file_is_found_by_its_digest_though_it_is_no_picture(
    gate_server: RunningServer, client: httpx2.Client
) -> None:
    video = b"\x00\x00\x00\x20ftypisom" + bytes(range(256)) * 3
    list_files(gate_server, [video], name="videos", algorithms=[HashAlgorithm.SHA256])
    answer = check(client, video)
    assert (answer["outcome"], answer["decision"], answer["reason"]) == ("match", "block", "video")
    assert "pdq" not in answer["checked"]


def test_a_form_with_one_file_is_taken(client: httpx2.Client) -> None:
    answer = client.post("/api/v1/check", files={"file": ("../../x\r\n.jpg", LISTED, "text/html")})
    assert answer.json()["decision"] == "block"


@pytest.mark.parametrize(
    "files",
    [
        [("file", ("a", b"a")), ("file", ("b", b"b"))],
        [("other", ("a", b"a"))],
        [("file", ("a", b"a")), ("other", ("b", b"b"))],
    ],
)
def test_a_form_that_leaves_open_which_file_is_meant_is_refused(client: httpx2.Client, files: Any) -> None:
    answer = client.post("/api/v1/check", files=files)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\ncut off'),
        ("multipart/form-data; boundary=x", b"rubbish"),
    ],
)
def test_a_form_that_is_none_is_refused(client: httpx2.Client, content_type: str, body: bytes) -> None:
    answer = client.post("/api/v1/check", content=body, headers={"Content-Type": content_type})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


def test_the_same_upload_is_kept_once(gate_server: RunningServer, client: httpx2.Client) -> None:
    name = {"Idempotency-Key": f"upload {uuid.uuid4()}"}
    first, second = check(client, LISTED, **name), check(client, LISTED, **name)
    assert first == second
    with gate_server.transaction() as conn:
        kept = decisions.list_decisions(conn, console(), object_id=name["Idempotency-Key"])
    assert [str(one.answer.check_id) for one in kept] == [first["check_id"]]


def test_the_same_name_for_another_file_is_refused(client: httpx2.Client) -> None:
    name = {"Idempotency-Key": f"upload {uuid.uuid4()}"}
    check(client, UNLISTED, **name)
    answer = client.post("/api/v1/check", content=LISTED, headers=name)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


def test_two_programs_may_use_the_same_name(gate_server: RunningServer, client: httpx2.Client) -> None:
    name = {"Idempotency-Key": f"upload {uuid.uuid4()}"}
    check(client, UNLISTED, **name)
    with gate_server.program(Permission.GATE_CHECK) as other:
        assert check(other, LISTED, **name)["decision"] == "block"


def test_hashes_are_checked_many_at_once(gate_server: RunningServer, client: httpx2.Client) -> None:
    # A picture of its own: with all that other tests ask for the listed one, this would be a flood of matches, and stop it.
    file = encoded(photo(74, 800, 600), "JPEG", quality=90)
    list_files(gate_server, [file], name="asked by hashes")
    made = {hash_.algorithm.value: hash_.value.hex() for hash_ in hashes_of(file)}
    asked = [
        made,
        {"md5": made["md5"]},
        {"pdq": made["pdq"]},
        {"pdq": made["pdq"], "quality": 10},
        {"sha256": "0" * 64, "object_id": "x"},
        {"pdq": "f0" * 32, "quality": 10},
    ]
    answer = client.post("/api/v1/check/hashes", json={"checks": asked})
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [(one["outcome"], one["decision"]) for one in results] == [
        ("match", "block"), ("match", "hold"), ("match", "hold"), ("match", "hold"), ("no_match", "allow"),
        ("unhashable", "allow"),
    ]  # fmt: skip
    assert [one["checked"] for one in results[1:3]] == [["md5"], ["pdq"]]
    # A digest that nobody listed is answered in another way where it is asked for alone, and the same.
    alone = [client.post("/api/v1/check/hashes", json={"checks": [one]}).json()["results"] for one in asked]
    for one, together in zip(alone, results, strict=True):
        assert [{**each, "check_id": None} for each in one] == [{**together, "check_id": None}]


@pytest.mark.parametrize(
    "checks",
    [
        [{}],
        [{"md5": "0" * 31}],
        [{"md5": "0 " * 16}],
        [{"sha256": "g" * 64}],
        [{"photodna": "00"}],
        [{"md5": "0" * 32, "quality": 101}],
        [{"md5": "0" * 32}] * 10_001,
    ],
)
def test_hashes_that_are_none_are_refused(client: httpx2.Client, checks: Any) -> None:
    answer = client.post("/api/v1/check/hashes", json={"checks": checks})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


def test_ten_thousand_checks_fit_in_one_request(client: httpx2.Client) -> None:
    one = {"md5": "0" * 32, "sha1": "0" * 40, "sha256": "0" * 64, "pdq": "0f" * 32, "quality": 99, "object_id": "x" * 60}
    answer = client.post("/api/v1/check/hashes", json={"checks": [one] * 10_000})
    assert answer.status_code == 200, answer.text[:300]
    assert {result["outcome"] for result in answer.json()["results"]} == {"no_match"}


def test_without_a_key_nothing_is_checked(gate_server: RunningServer) -> None:
    with gate_server.client() as nobody:
        assert nobody.post("/api/v1/check", content=LISTED).status_code == 401
    with gate_server.program(Permission.HANDOFF_READ) as other:
        assert other.post("/api/v1/check", content=LISTED).status_code == 403


def test_what_was_decided_is_counted(gate_server: RunningServer) -> None:
    with gate_server.program(Permission.GATE_CHECK) as client:
        for _ in range(3):
            check(client, b"a text that is counted")
        check(client, LISTED)

    def counted() -> dict[tuple[str, str], int]:
        with gate_server.transaction() as conn:
            rows = conn.execute(
                "SELECT outcome, decision, sum(checks)::int FROM gate_count GROUP BY outcome, decision"
            ).fetchall()
        return {(outcome, decision): number for outcome, decision, number in rows}

    wait_until(lambda: counted().get(("unhashable", "allow"), 0) >= 3 and counted().get(("match", "block"), 0) >= 1)
    before = counted().get(("no_match", "allow"), 0)
    with gate_server.program(Permission.GATE_CHECK) as client:
        client.post("/api/v1/check/hashes", json={"checks": [{"md5": "12" * 16}, {"sha1": "34" * 20}]})
    wait_until(lambda: counted().get(("no_match", "allow"), 0) >= before + 2)
    with gate_server.transaction() as conn:
        since = datetime.now(UTC) - timedelta(hours=1)
        sums = decisions.sum_counts(conn, console(), since=since)
    assert sum(number for _, _, _, number in sums) >= 4


def test_a_match_is_told_to_the_registry(gate_server: RunningServer, client: httpx2.Client) -> None:
    answer = check(client, LISTED)

    def told() -> list[tuple[int]]:
        with gate_server.transaction() as conn:
            return conn.execute("SELECT entry_id FROM registry_match WHERE reference = %s", [answer["check_id"]]).fetchall()

    wait_until(lambda: bool(told()))
    assert told() == [(answer["matches"][0]["entry_id"],)]


def test_a_picture_is_found_by_a_hash_of_another_convention(gate_server: RunningServer, client: httpx2.Client) -> None:
    file = encoded(photo(73, 1600, 1200), "JPEG", quality=90)

    def floor512(data: bytes) -> tuple[ListedHash, ...]:
        with Sandbox(processes=1) as sandbox:
            outcome = Hasher(sandbox).hash_bytes(data, frozenset({Convention.FLOOR512}))
        made = outcome.frames[0].hashes()[Convention.FLOOR512]
        return (ListedHash(algorithm=HashAlgorithm.PDQ, value=made.hash, convention=Convention.FLOOR512, quality=100),)

    assert check(client, file)["outcome"] == "no_match"
    add_list(gate_server.database, gate_server.keys, [file], name="by another tool", made_by=floor512)
    wait_until_followed(gate_server)
    answer = check(client, file)
    assert (answer["outcome"], answer["matches"][0]["distance"]) == ("match", 0)
    assert check(client, LISTED)["decision"] == "block"
