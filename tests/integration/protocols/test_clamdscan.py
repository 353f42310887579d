"""The clamd door as ClamAV's own client sees it: `clamdscan` of Debian."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from running.doors import ENTRY_ID, DigestGate, open_door
from running.programs import program, run

from vangnet.config import DoorsNames
from vangnet.gate.model import Decision, Door
from vangnet.hashing.model import Reason
from vangnet.web.protocols.clamd import ClamdDoor
from vangnet.web.protocols.server import Inspector
from vangnet.web.protocols.wire import DoorLimits

LISTED = b"a listed file" * 10_000
LIMITS = DoorLimits(connections=16, idle_s=60, keep_bytes=20_000_000, memory_bytes=100_000_000)


class Clamdscan:
    """`clamdscan` with a configuration that leads to our door."""

    def __init__(self, folder: Path, address: str) -> None:
        self._program = program("clamdscan", "clamdscan")
        self._config = folder / "clamd.conf"
        host, _, port = address.rpartition(":")
        self.where = f"LocalSocket {address}" if address.startswith("/") else f"TCPSocket {port}\nTCPAddr {host}"
        self._config.write_text(f"{self.where}\nStreamMaxLength 100M\n")

    def __call__(self, *arguments: str | Path) -> tuple[int, str]:
        """The exit status (0 clean, 1 found, 2 error) and all that was said."""
        ended = run([self._program, f"--config-file={self._config}", *map(str, arguments)])
        return ended.returncode, ended.stdout + ended.stderr


@pytest.fixture
def gate() -> DigestGate:
    gate = DigestGate()
    gate.list_file(LISTED)
    return gate


@pytest.fixture(params=["tcp", "unix"])
def clamdscan(request: pytest.FixtureRequest, gate: DigestGate, tmp_path: Path) -> Iterator[Clamdscan]:
    opens = ClamdDoor(
        inspector=Inspector(gate, Door.CLAMD, LIMITS), naming=DoorsNames.ENTRY, version=lambda: "Vangnet 1.2.3/42"
    )
    at = "127.0.0.1:0" if request.param == "tcp" else str(tmp_path / "clamd.sock")
    with open_door(opens, LIMITS, at=at) as server:
        yield Clamdscan(tmp_path, server.address)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "listed.bin").write_bytes(LISTED)
    for number in range(12):
        (folder / f"other {number} \u00e9.bin").write_bytes(bytes([number]) * 300_000)
    return folder


def test_a_listed_file_is_found(clamdscan: Clamdscan, files: Path) -> None:
    status, said = clamdscan("--stream", files / "listed.bin")
    assert (status, f"Vangnet.Known.Kanarie-list-police.{ENTRY_ID} FOUND" in said) == (1, True), said


def test_another_file_is_clean(clamdscan: Clamdscan, files: Path) -> None:
    status, said = clamdscan("--stream", files / "other 3 \u00e9.bin")
    assert (status, "Infected files: 0" in said) == (0, True), said


@pytest.mark.parametrize("many", [[], ["--multiscan"]])
def test_a_folder_is_checked_file_by_file(clamdscan: Clamdscan, files: Path, gate: DigestGate, many: list[str]) -> None:
    status, said = clamdscan("--stream", *many, files)
    assert status == 1, said
    assert said.count(" FOUND") == 1
    assert "listed.bin: Vangnet.Known." in said
    assert len(gate.asked) == 13


def test_only_what_is_refused_is_removed_by_a_client_that_removes(
    clamdscan: Clamdscan, files: Path, gate: DigestGate
) -> None:
    held = files / "other 0 \u00e9.bin"
    gate.list_file(held.read_bytes(), Decision.HOLD)
    status, said = clamdscan("--stream", "--remove", files)
    assert not (files / "listed.bin").exists(), said
    assert len(list(files.iterdir())) == 12, "what is held stays where it is"
    assert status != 0


def test_a_held_file_is_an_error_and_not_clean(clamdscan: Clamdscan, files: Path, gate: DigestGate) -> None:
    gate.list_file(LISTED, Decision.HOLD)
    status, said = clamdscan("--stream", files / "listed.bin")
    assert status == 2, said
    assert " FOUND" not in said
    assert " OK" not in said


def test_unavailable_is_an_error_and_not_clean(clamdscan: Clamdscan, files: Path, gate: DigestGate) -> None:
    gate.out_of_order = Decision.ALLOW
    status, said = clamdscan("--stream", files / "other 3 \u00e9.bin")
    assert (status, " OK" in said) == (2, False), said


def test_a_path_is_an_error_and_not_clean(clamdscan: Clamdscan, files: Path, gate: DigestGate) -> None:
    # Without --stream clamdscan sends the path to a server that it takes to be on the same machine.
    gate.out_of_order = Decision.HOLD
    status, said = clamdscan(files / "other 3 \u00e9.bin")
    assert (status, " OK" in said) == (2, False), said


def test_open_files_are_handed_over_on_a_local_socket(clamdscan: Clamdscan, files: Path, gate: DigestGate) -> None:
    if "LocalSocket" not in clamdscan.where:
        status, said = clamdscan("--fdpass", files / "other 3 \u00e9.bin")
        assert (status, " OK" in said) == (2, False), said
        return
    for how in ([], ["--multiscan"]):
        gate.asked.clear()
        status, said = clamdscan("--fdpass", *how, files)
        assert (status, said.count(" FOUND"), len(gate.asked)) == (1, 1, 13), said
    assert clamdscan("--fdpass", files / "other 3 \u00e9.bin")[0] == 0
    gate.list_file(LISTED, Decision.HOLD)
    status, said = clamdscan("--fdpass", files / "listed.bin")
    assert (status, " FOUND" in said, " OK" in said) == (2, False, False), said


def test_ping_and_version(clamdscan: Clamdscan) -> None:
    assert clamdscan("--ping", "3:1")[0] == 0
    status, said = clamdscan("--version")
    assert (status, "Vangnet 1.2.3/42" in said) == (0, True), said


def test_an_empty_and_a_large_file(clamdscan: Clamdscan, tmp_path: Path, gate: DigestGate) -> None:
    (tmp_path / "empty").touch()
    assert clamdscan("--stream", tmp_path / "empty")[0] == 0
    large = b"0123456789abcdef" * 2_000_000
    (tmp_path / "large").write_bytes(large)
    gate.policy = {Reason.TOO_LARGE: Decision.BLOCK}
    status, said = clamdscan("--stream", tmp_path / "large")
    assert (status, "Vangnet.Refused.too_large." in said) == (1, True), said
