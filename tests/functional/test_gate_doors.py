"""The front doors of a running installation, used with the clients that providers already have."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from pictures import encoded, photo
from running.gate_lists import list_files
from running.programs import program, run
from running.server import RunningServer, console, own_database, running
from running.states import wait_until

from vangnet.errors import InvalidSettings
from vangnet.gate.model import Decision, Door
from vangnet.gate.policy import STARTING, Policy, as_document
from vangnet.gate.service import policies
from vangnet.identity.model import InstallationKind
from vangnet.identity.permissions import Permission
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.entries import HashAlgorithm
from vangnet.web.protocols.doors import open_doors

PICTURE = photo(91, 1200, 900)
LISTED = encoded(PICTURE, "JPEG", quality=90)
COPY = encoded(PICTURE, "JPEG", quality=60)
UNLISTED = encoded(photo(92, 1200, 900), "JPEG", quality=90)
BROKEN = UNLISTED[: len(UNLISTED) // 2]
#: Listed by its MD5 alone, which can be forged.
WEAK = encoded(photo(93, 640, 480), "PNG")
#: What happened in June 2021: a default picture of a CMS, listed by its MD5 in a supplier's category "other", which was
#: switched on by mistake. Here a list decides about that only where the provider chose so.
DEFAULT_PICTURE = encoded(photo(94, 640, 480), "PNG")
FILES = {"listed": LISTED, "copy": COPY, "unlisted": UNLISTED, "broken": BROKEN, "weak": WEAK, "default": DEFAULT_PICTURE}


@pytest.fixture(scope="module")
def server(postgres: Any, logfile: Any, tmp_path_factory: Any) -> Iterator[RunningServer]:
    """A provider with a list of generated pictures."""
    with (
        own_database(postgres, "functional_doors") as database,
        running(
            database,
            tmp_path_factory.mktemp("doors"),
            logfile,
            kind=InstallationKind.PROVIDER,
            clamd_listen="127.0.0.1:0",
            icap_listen="127.0.0.1:0",
        ) as server,
    ):
        list_files(server, [LISTED], name="generated")
        list_files(server, [WEAK], name="weak", algorithms=[HashAlgorithm.MD5])
        other = Classification.OTHER
        list_files(server, [DEFAULT_PICTURE], name="other", algorithms=[HashAlgorithm.MD5], classification=other)
        yield server


@pytest.fixture(scope="module")
def doors(server: RunningServer) -> Iterator[dict[Door, str]]:
    with open_doors(
        server.settings,
        server.gate,
        server.live,
        server.app.state.site.gate_room,
        today=datetime.now(UTC).date(),
        grace_s=5,
    ) as listening:
        yield listening


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    return folder


# --- clamdscan ----------------------------------------------------------------------------------------------------


def clamdscan(doors: dict[Door, str], folder: Path, *arguments: str | Path) -> tuple[int, str]:
    config = folder.parent / "clamd.conf"
    host, _, port = doors[Door.CLAMD].rpartition(":")
    config.write_text(f"TCPSocket {port}\nTCPAddr {host}\nStreamMaxLength 100M\n")
    ended = run([program("clamdscan", "clamdscan"), f"--config-file={config}", "--stream", *map(str, arguments)])
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("listed", 1, "Vangnet.Known."),
        ("copy", 2, "Vangnet.Held."),  # Perceptual matches hold until the provider lets them block.
        ("unlisted", 0, ": OK"),
        ("broken", 2, "Vangnet.Held."),
        ("weak", 2, "Vangnet.Held."),
        ("default", 0, ": OK"),
    ],
)
def test_clamdscan_hears_the_decision(doors: dict[Door, str], files: Path, name: str, status: int, said: str) -> None:
    ended, words = clamdscan(doors, files, files / name)
    assert (ended, said in words) == (status, True), words


def test_a_supplier_s_mistake_removes_no_customers_file(doors: dict[Door, str], files: Path) -> None:
    (files / "listed").unlink()
    before = {path.name: path.read_bytes() for path in files.iterdir()}
    clamdscan(doors, files, "--remove", files)
    assert {path.name: path.read_bytes() for path in files.iterdir()} == before


# --- c-icap-client ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("listed", "403 Forbidden"),
        ("copy", "503 Service Unavailable"),
        ("unlisted", "204 No"),
        ("broken", "503 Service Unavailable"),
        ("weak", "503 Service Unavailable"),
        ("default", "204 No"),
    ],
)
def test_c_icap_client_hears_the_decision(doors: dict[Door, str], files: Path, name: str, said: str) -> None:
    host, _, port = doors[Door.ICAP].rpartition(":")
    ended = run(
        [
            program("c-icap-client", "c-icap"), "-i", host, "-p", port, "-v", "-s", "reqmod", "-req", "http://example.org/x",
            "-f", str(files / name), "-o", str(files.parent / "answer"),
        ]
    )  # fmt: skip
    assert said in ended.stdout + ended.stderr


# --- one digest ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def key(server: RunningServer) -> str:
    return server.key(Permission.GATE_CHECK)


def dutch(server: RunningServer, key: str, algorithm: str, data: bytes) -> tuple[int, str, str | None]:
    digest = hashlib.new(algorithm, data).hexdigest()
    with server.client(auth=("provider", key)) as client:
        answer = client.post(f"/v1/check/{algorithm}", content=digest)
    return answer.status_code, answer.text, answer.headers.get("X-Vangnet-Decision")


def choose(server: RunningServer, policy: Policy) -> None:
    """The gate follows this policy when this returns."""
    with server.transaction() as conn:
        chosen = policies.choose(conn, console(), document=as_document(policy), now=datetime.now(UTC))
    wait_until(lambda: server.gate.policy_version == chosen.version)


@contextmanager
def chosen(server: RunningServer, policy: Policy) -> Iterator[None]:
    """Within the block the gate follows this policy."""
    choose(server, policy)
    try:
        yield
    finally:
        choose(server, STARTING)


BASELINE = STARTING.matches[Classification.BASELINE]
WEAK_BLOCKS = replace(
    STARTING,
    matches={**STARTING.matches, Classification.BASELINE: replace(BASELINE, weak_digest=Decision.BLOCK)},
)


@pytest.mark.parametrize("algorithm", ["md5", "sha1"])
def test_the_dutch_check_says_true_or_false_once_a_digest_may_block(
    server: RunningServer, key: str, algorithm: str
) -> None:
    with chosen(server, WEAK_BLOCKS):
        assert dutch(server, key, algorithm, LISTED) == (200, "true", "block")
        assert dutch(server, key, algorithm, UNLISTED) == (200, "false", "allow")


def test_a_held_match_is_neither_true_nor_false(server: RunningServer, key: str) -> None:
    status, text, _ = dutch(server, key, "md5", LISTED)
    assert (status, "true" in text, "false" in text) == (409, False, False)
    assert dutch(server, key, "md5", UNLISTED) == (200, "false", "allow")


def test_the_dutch_check_never_says_true_of_a_supplier_s_mistake(server: RunningServer, key: str) -> None:
    assert dutch(server, key, "md5", DEFAULT_PICTURE) == (200, "false", "allow")
    with chosen(server, WEAK_BLOCKS):
        assert dutch(server, key, "md5", DEFAULT_PICTURE) == (200, "false", "allow")


def test_the_dutch_check_takes_digits_in_any_case_and_the_bytes_themselves(server: RunningServer, key: str) -> None:
    digest = hashlib.md5(LISTED)  # noqa: S324 (what the protocol asks for)
    with chosen(server, WEAK_BLOCKS), server.client(auth=(key, "")) as client:
        for body in (digest.hexdigest().upper(), f" {digest.hexdigest()}\r\n", f'"{digest.hexdigest()}"', digest.digest()):
            assert client.post("/v1/check/md5", content=body).text == "true"


@pytest.mark.parametrize("body", ["", "zz" * 16, "0" * 31, "0" * 33, "0" * 40, "00 " * 16, b"\xff" * 32, "x" * 5000])
def test_what_is_no_digest_is_an_error_and_never_false(server: RunningServer, key: str, body: str | bytes) -> None:
    with server.client(auth=("provider", key)) as client:
        answer = client.post("/v1/check/md5", content=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


def test_the_dutch_check_needs_a_key(server: RunningServer, key: str) -> None:
    digest = hashlib.md5(LISTED).hexdigest()  # noqa: S324
    with server.client() as client:
        nobody = client.post("/v1/check/md5", content=digest)
        wrong = client.post("/v1/check/md5", content=digest, auth=("provider", "vangnet_wrong"))
        garbled = client.post("/v1/check/md5", content=digest, headers={"Authorization": "Basic %%%"})
    assert [answer.status_code for answer in (nobody, wrong, garbled)] == [401, 401, 401]
    assert nobody.headers["WWW-Authenticate"].startswith("Basic")
    with server.client(auth=("provider", server.key(Permission.JOB_READ))) as client:
        assert client.post("/v1/check/md5", content=digest).status_code == 403


def test_other_algorithms_are_not_there(server: RunningServer, key: str) -> None:
    with server.client(auth=("provider", key)) as client:
        assert client.post("/v1/check/sha256", content="0" * 64).status_code in {404, 422}


def test_the_door_for_proxies_answers_by_its_status(server: RunningServer, key: str) -> None:
    with server.client(auth=("provider", key)) as client:
        for data, status in ((LISTED, 403), (UNLISTED, 204)):
            answer = client.post("/v1/decide/sha256", content=hashlib.sha256(data).hexdigest())
            assert (answer.status_code, answer.content) == (status, b"")


# --- where doors may be -------------------------------------------------------------------------------------------


def test_a_door_whose_legal_basis_ended_does_not_open(server: RunningServer) -> None:
    settings = server.settings.model_copy(
        update={"icap_listen": "0.0.0.0:0", "doors_legal_basis": "art. 1", "doors_legal_basis_until": date(2026, 1, 31)}
    )
    with (
        pytest.raises(InvalidSettings, match="ended on 2026-01-31"),
        open_doors(
            settings,
            server.gate,
            server.live,
            server.app.state.site.gate_room,
            today=date(2026, 2, 1),
            grace_s=1,
        ),
    ):
        pass
