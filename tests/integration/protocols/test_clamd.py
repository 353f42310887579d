"""The clamd door, spoken to byte by byte. What ClamAV's own client makes of it is in test_clamdscan.py."""

import os
import random
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from running.doors import ENTRY_ID, LIST_NAME, DigestGate, connect, converse, open_door, rest
from running.states import PATIENCE_S, wait_until
from structlog.testing import capture_logs

from vangnet.config import DoorsNames
from vangnet.errors import InvalidSettings, PortTaken
from vangnet.gate.model import Decision, Door
from vangnet.hashing.model import Reason
from vangnet.web.protocols.clamd import ClamdDoor
from vangnet.web.protocols.server import DoorServer, Inspector, listen
from vangnet.web.protocols.wire import DoorLimits, Room

LISTED = b"a listed file" * 1000
UNLISTED = b"just a file" * 1000
LIMITS = DoorLimits(connections=8, idle_s=60, keep_bytes=1_000_000, most_bytes=3_000_000, memory_bytes=2_000_000)


@pytest.fixture
def gate() -> DigestGate:
    gate = DigestGate()
    gate.list_file(LISTED)
    return gate


def door(gate: DigestGate, limits: DoorLimits = LIMITS, naming: DoorsNames = DoorsNames.CHECK) -> ClamdDoor:
    return ClamdDoor(inspector=Inspector(gate, Door.CLAMD, limits), naming=naming, version=lambda: "Vangnet 1.2.3/42")


@pytest.fixture
def address(gate: DigestGate) -> Iterator[str]:
    with open_door(door(gate), LIMITS) as server:
        yield server.address


def instream(data: bytes, *, chunk: int = 4096, mark: bytes = b"z") -> bytes:
    end = b"\0" if mark == b"z" else b"\n"
    return mark.strip(b"-") + b"INSTREAM" + end + chunks(data, chunk)


def chunks(data: bytes, chunk: int = 4096) -> bytes:
    pieces = [data[at : at + chunk] for at in range(0, len(data), chunk)]
    return b"".join(len(piece).to_bytes(4, "big") + piece for piece in pieces) + bytes(4)


@pytest.mark.parametrize("mark", [b"z", b"n", b"-"])
def test_a_listed_file_is_found_and_another_is_ok(address: str, mark: bytes) -> None:
    end = b"\0" if mark == b"z" else b"\n"
    found = converse(address, instream(LISTED, mark=mark))
    assert found.startswith(b"stream: Vangnet.Known.")
    assert found.endswith(b" FOUND" + end)
    assert converse(address, instream(UNLISTED, mark=mark)) == b"stream: OK" + end


def test_the_name_leads_to_the_check_and_tells_no_list(address: str) -> None:
    found = converse(address, instream(LISTED)).decode()
    assert "Kanarie" not in found
    assert str(ENTRY_ID) not in found.split(".")


def test_the_name_tells_list_and_entry_where_the_provider_wants_so(gate: DigestGate) -> None:
    with open_door(door(gate, naming=DoorsNames.ENTRY), LIMITS) as server:
        found = converse(server.address, instream(LISTED))
    assert found == f"stream: Vangnet.Known.Kanarie-list-police.{ENTRY_ID} FOUND\0".encode()
    assert LIST_NAME.encode() not in found, "a name has the letters that scanners use"


def test_commands_that_clients_ask_first_are_answered(address: str) -> None:
    assert converse(address, b"zPING\0") == b"PONG\0"
    assert converse(address, b"nPING\n") == b"PONG\n"
    assert converse(address, b"PING\r\n") == b"PONG\n"
    assert converse(address, b"zVERSION\0") == b"Vangnet 1.2.3/42\0"
    answer = converse(address, b"zVERSIONCOMMANDS\0")
    assert answer.startswith(b"Vangnet 1.2.3/42| COMMANDS: ")
    for command in answer.rstrip(b"\0").partition(b": ")[2].split():
        after = b"zEND\0" if command == b"IDSESSION" else bytes(4)  # Otherwise a session lasts until nothing comes.
        assert not converse(address, b"z" + command + b"\0" + after).startswith(b"UNKNOWN"), command


def test_a_session_answers_each_command_by_its_number(address: str) -> None:
    answer = converse(
        address, b"zIDSESSION\0", b"zPING\0" + instream(UNLISTED) + instream(LISTED), b"zVERSION\0", b"zEND\0"
    )
    lines = answer.rstrip(b"\0").split(b"\0")
    assert lines[0] == b"1: PONG"
    assert lines[1] == b"2: stream: OK"
    assert lines[2].startswith(b"3: stream: Vangnet.Known.")
    assert lines[3] == b"4: Vangnet 1.2.3/42"
    assert len(lines) == 4


def test_outside_a_session_one_command_is_served(address: str) -> None:
    assert converse(address, b"zPING\0zPING\0") == b"PONG\0"


@pytest.mark.parametrize("command", [b"SCAN /etc/passwd", b"CONTSCAN /", b"MULTISCAN /", b"ALLMATCHSCAN /", b"RAWSCAN /"])
def test_no_file_is_opened_by_its_path(address: str, command: bytes) -> None:
    answer = converse(address, b"z" + command + b"\0")
    assert answer.endswith(b" ERROR\0")
    assert b"passwd" not in answer


def test_what_is_held_is_an_error_that_tells_nothing(gate: DigestGate, address: str) -> None:
    gate.list_file(LISTED, Decision.HOLD)
    held = converse(address, instream(LISTED))
    assert held.startswith(b"stream: Vangnet.Held.")
    assert held.endswith(b" ERROR\0")


@pytest.mark.parametrize("decision", list(Decision))
def test_unavailable_is_an_error_whatever_the_policy(gate: DigestGate, address: str, decision: Decision) -> None:
    gate.out_of_order = decision
    assert converse(address, instream(UNLISTED)) == b"stream: Vangnet cannot check now, try again later ERROR\0"


def test_a_list_on_trial_lets_pass(gate: DigestGate, address: str) -> None:
    gate.list_file(LISTED, Decision.ALLOW)
    assert converse(address, instream(LISTED)) == b"stream: OK\0"


def test_the_policy_decides_about_what_cannot_be_hashed(gate: DigestGate, address: str) -> None:
    gate.policy = {Reason.ARCHIVE: Decision.BLOCK}
    answer = converse(address, instream(b"\x1f\x8b" + UNLISTED))
    assert answer.startswith(b"stream: Vangnet.Refused.archive.")
    assert answer.endswith(b" FOUND\0")


def test_an_empty_stream_is_checked(address: str, gate: DigestGate) -> None:
    assert converse(address, b"zINSTREAM\0" + bytes(4)) == b"stream: OK\0"
    assert gate.asked == [(Door.CLAMD, 0)]


def test_a_file_beyond_the_limit_is_digested_and_the_policy_decides(gate: DigestGate, address: str) -> None:
    gate.policy = {Reason.TOO_LARGE: Decision.BLOCK}
    large = random.Random(1).randbytes(2_500_000)  # noqa: S311 (it shall be repeatable)
    assert b"Vangnet.Refused.too_large." in converse(address, instream(large, chunk=100_000))
    gate.list_file(large)
    assert b"Vangnet.Known." in converse(address, instream(large, chunk=100_000)), "its digests are looked up"
    assert gate.asked == [], "it was never handed over"


def test_beyond_any_limit_the_stream_ends_with_an_error(address: str) -> None:
    endless = b"zINSTREAM\0" + (1_000_000).to_bytes(4, "big") + bytes(1_000_000)
    answer = converse(address, endless, *[(1_000_000).to_bytes(4, "big") + bytes(1_000_000)] * 3)
    assert answer == b"INSTREAM size limit exceeded. ERROR\0"


def test_a_length_that_was_only_announced_reserves_nothing(address: str) -> None:
    with connect(address) as liar, connect(address) as honest:
        liar.sendall(b"zINSTREAM\0\xff\xff\xff\xffabc")
        honest.sendall(instream(UNLISTED))
        assert rest(honest) == b"stream: OK\0"


def test_files_that_fill_the_memory_are_refused_and_others_go_on(gate: DigestGate) -> None:
    room = Room(2_000_000)
    opens = ClamdDoor(
        inspector=Inspector(gate, Door.CLAMD, LIMITS, room=room), naming=DoorsNames.CHECK, version=lambda: "Vangnet"
    )
    limits = replace(LIMITS, idle_s=60)
    with open_door(opens, limits) as server:
        with connect(server.address) as one, connect(server.address) as other:
            for big in (one, other):
                big.sendall(b"zINSTREAM\0" + (900_000).to_bytes(4, "big") + bytes(900_000))
            wait_until(lambda: room._left == 200_000)
            assert b"overloaded" in converse(server.address, instream(bytes(300_000), chunk=300_000))
            assert converse(server.address, instream(UNLISTED)) == b"stream: OK\0", "a small one fits"
        wait_until(lambda: room._left == 2_000_000)
        assert converse(server.address, instream(bytes(300_000))) == b"stream: OK\0"


@pytest.mark.parametrize(
    "junk",
    [b"zNONSENSE\0", b"z\0", b"\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"z\xff\xfe\x80\0", b"zINSTREAM \0\0\0"],
)
def test_junk_is_never_ok(address: str, junk: bytes) -> None:
    with connect(address) as connection:
        connection.sendall(junk)
        connection.shutdown(socket.SHUT_WR)
        assert b"OK" not in rest(connection)
    assert converse(address, b"zPING\0") == b"PONG\0"


def test_an_endless_command_is_an_error(address: str) -> None:
    answer = converse(address, b"z" + b"A" * 20_000)
    assert answer == b"a line or header is longer than 8192 bytes ERROR\0"


def test_random_bytes_are_never_ok_and_leave_the_door_open(address: str, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 (it shall be repeatable)
    for _ in range(60):
        start = dice.choice([b"z", b"n", b"zINSTREAM\0", b"zIDSESSION\0", b"zIDSESSION\0zINSTREAM\0", b""])
        with connect(address) as connection:
            # An end of the stream within it would make it a file.
            junk = start + dice.randbytes(dice.randrange(1, 3000)).replace(b"\0\0\0\0", b"\0\1\0\0")
            connection.sendall(junk)
            connection.shutdown(socket.SHUT_WR)
            assert b"OK" not in rest(connection), junk.hex()
    assert converse(address, b"zPING\0") == b"PONG\0"


def test_a_connection_that_is_cut_leaves_nothing_behind(gate: DigestGate) -> None:
    limits = replace(LIMITS, connections=2)
    with open_door(door(gate, limits), limits) as server:
        for _ in range(10):
            with connect(server.address) as connection:
                connection.sendall(b"zINSTREAM\0\0\0\xff\xffabc")
        wait_until(lambda: converse(server.address, b"zPING\0") == b"PONG\0")
    assert gate.asked == []


def test_a_slow_client_hears_so_and_loses_its_place(gate: DigestGate) -> None:
    limits = replace(LIMITS, connections=1, idle_s=0.3)
    with open_door(door(gate, limits), limits) as server:
        answer = converse(server.address, b"zINSTREAM\0\0\0\xff\xffabc")
        assert answer == b"stream: the file was sent too slowly ERROR\0"
        wait_until(lambda: converse(server.address, b"zPING\0") == b"PONG\0")


def test_a_client_that_drips_is_ended_by_the_whole_requests_limit(gate: DigestGate) -> None:
    limits = replace(LIMITS, request_s=1)
    with open_door(door(gate, limits), limits) as server, connect(server.address) as dripping:
        dripping.sendall(b"zINSTREAM\0\0\0\xff\xff")
        dripping.settimeout(0.05)
        answer = b""
        ends = time.monotonic() + PATIENCE_S
        while not answer and time.monotonic() < ends:
            try:
                dripping.sendall(b"x")
                answer = dripping.recv(1000)
            except TimeoutError:
                continue
        assert answer == b"stream: the file was sent too slowly ERROR\0"


def test_whoever_comes_when_all_places_are_taken_hears_so_at_once(gate: DigestGate) -> None:
    limits = replace(LIMITS, connections=3)
    with open_door(door(gate, limits), limits) as server, ExitStack() as taken:
        for _ in range(3):
            taken.enter_context(connect(server.address)).sendall(b"zIDSESSION\0")
        answer = converse(server.address, instream(UNLISTED))
        assert answer == b"stream: Vangnet is overloaded, try again later ERROR\0"
        assert b"overloaded" in converse(server.address, b"z" + b"A" * 9_000), "whatever it sends"
        taken.close()
        wait_until(lambda: converse(server.address, instream(UNLISTED)) == b"stream: OK\0")


def test_a_fault_shows_an_incident_and_nothing_else(gate: DigestGate, address: str) -> None:
    gate.broken = True
    with capture_logs() as logs:
        answer = converse(address, instream(UNLISTED)).decode()
        wait_until(lambda: any(line["event"] == "a door failed" for line in logs))
    incident = next(line["incident"] for line in logs if line["event"] == "a door failed")
    assert answer == f"stream: Vangnet failed, incident {incident} ERROR\0"
    gate.broken = False
    assert converse(address, instream(UNLISTED)) == b"stream: OK\0"


def test_a_door_that_closes_finishes_what_is_under_way(gate: DigestGate) -> None:
    gate.turn.clear()
    with open_door(door(gate), LIMITS) as server, connect(server.address) as busy, connect(server.address) as waiting:
        busy.sendall(instream(LISTED))
        # Answered once, so that all it sent was read: a connection with unread bytes is reset by the system.
        waiting.sendall(b"zIDSESSION\0zPING\0")
        assert waiting.recv(100) == b"1: PONG\0"
        wait_until(lambda: bool(gate.asked))
        ending = threading.Thread(target=server.stop)
        ending.start()
        assert rest(waiting) == b"", "who asked nothing is let go at once"
        gate.turn.set()
        assert b" FOUND" in rest(busy)
        ending.join(PATIENCE_S)
        with pytest.raises(ConnectionRefusedError):
            connect(server.address)


def test_a_unix_socket_serves_its_group_and_is_removed(gate: DigestGate, tmp_path: Path) -> None:
    path = tmp_path / "clamd.sock"
    with open_door(door(gate), LIMITS, at=str(path)) as server:
        assert server.address == str(path)
        assert path.stat().st_mode & 0o777 == 0o660
        assert b" FOUND" in converse(str(path), instream(LISTED))
        with pytest.raises(InvalidSettings, match="another program listens there"):
            listen(str(path), setting="VANGNET_CLAMD_LISTEN")
    assert not path.exists()


def test_a_dead_socket_is_replaced_and_a_file_is_not(gate: DigestGate, tmp_path: Path) -> None:
    path = tmp_path / "clamd.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with open_door(door(gate), LIMITS, at=str(path)):
        assert converse(str(path), b"zPING\0") == b"PONG\0"
    path.write_text("precious")
    with pytest.raises(InvalidSettings, match="something else"):
        listen(str(path), setting="VANGNET_CLAMD_LISTEN")
    assert path.read_text() == "precious"


def test_a_path_that_is_too_long_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="path too long"):
        listen(str(tmp_path / ("x" * 200)), setting="VANGNET_CLAMD_LISTEN")


def test_after_the_last_day_of_the_legal_basis_nothing_is_checked(gate: DigestGate) -> None:
    over = Inspector(gate, Door.CLAMD, LIMITS, until=date(2026, 1, 31))
    opens = ClamdDoor(inspector=over, naming=DoorsNames.CHECK, version=lambda: "Vangnet 1.2.3/42")
    with open_door(opens, LIMITS) as server:
        for data in (UNLISTED, bytes(LIMITS.keep_bytes + 1)):
            assert b"cannot check now" in converse(server.address, instream(data))
    assert gate.asked == []


def test_a_taken_port_is_named(address: str) -> None:
    with pytest.raises(PortTaken) as refused:
        listen(address, setting="VANGNET_CLAMD_LISTEN")
    assert refused.value.setting == "VANGNET_CLAMD_LISTEN"


def test_many_clients_side_by_side_get_their_own_answers(gate: DigestGate, seed: int) -> None:
    limits = replace(LIMITS, connections=40, memory_bytes=40_000_000)
    dice = random.Random(seed)  # noqa: S311 (it shall be repeatable)
    files = [(number.to_bytes(4, "big") * dice.randrange(1, 20_000), number % 3 == 0) for number in range(60)]
    for data, listed in files:
        if listed:
            gate.list_file(data)
    wrong: list[int] = []

    def ask(server: DoorServer, part: int) -> None:
        for number in range(part, 60, 6):
            data, listed = files[number]
            if (b" FOUND" in converse(server.address, instream(data, chunk=777))) is not listed:
                wrong.append(number)

    with open_door(door(gate, limits), limits) as server:
        threads = [threading.Thread(target=ask, args=(server, part)) for part in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert not wrong


# --- open files that are handed over ------------------------------------------------------------------------------


@pytest.fixture
def local(gate: DigestGate, tmp_path: Path) -> Iterator[str]:
    """The address of a door on a UNIX socket."""
    with open_door(door(gate), LIMITS, at=str(tmp_path / "clamd.sock")) as server:
        yield server.address


def hand_over(address: str, descriptor: int, *, command: bytes = b"zFILDES\0", also: int = 0) -> bytes:
    with connect(address) as connection:
        connection.sendall(command)
        socket.send_fds(connection, [b"\0"], [descriptor] * (1 + also))
        connection.shutdown(socket.SHUT_WR)
        return rest(connection)


def open_files() -> int:
    """How many this process has."""
    return len(list(Path("/proc/self/fd").iterdir()))


def opened_by(answer: bytes) -> bytes:
    """The answer without the number of the open file, which is whatever was free."""
    return re.sub(rb"^(\d+: )?fd\[\d+\]", rb"\1fd", answer)


def test_a_file_that_is_handed_over_is_read_whole_and_closed(local: str, tmp_path: Path, gate: DigestGate) -> None:
    path = tmp_path / "kanarie; rm -rf ~ \n.png"
    path.write_bytes(LISTED)
    assert converse(local, b"zPING\0") == b"PONG\0"
    before = open_files()
    with path.open("rb") as file:
        file.seek(5000)
        found = opened_by(hand_over(local, file.fileno()))
    assert found.startswith(b"fd: Vangnet.Known.")
    assert found.endswith(b" FOUND\0")
    path.write_bytes(UNLISTED)
    for also in (0, 3, 40):
        with path.open("rb") as file:
            assert opened_by(hand_over(local, file.fileno(), also=also)) == b"fd: OK\0"
    wait_until(lambda: open_files() <= before)
    assert [size for _, size in gate.asked] == [len(LISTED), *[len(UNLISTED)] * 3]


def test_command_and_file_may_come_as_one_and_in_a_session(local: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(UNLISTED)
    with path.open("rb") as file, connect(local) as connection:
        socket.send_fds(connection, [b"nIDSESSION\nnFILDES\n\0"], [file.fileno()])
        connection.sendall(b"nPING\nnFILDES\n")
        socket.send_fds(connection, [b"\0"], [file.fileno()])
        connection.sendall(b"nEND\n")
        lines = rest(connection).split(b"\n")
    assert [opened_by(line) for line in lines] == [b"1: fd: OK", b"2: PONG", b"3: fd: OK", b""]


def test_what_is_no_regular_file_is_an_error(local: str, tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    folder = os.open(tmp_path, os.O_RDONLY)
    written = os.open(tmp_path / "written", os.O_WRONLY | os.O_CREAT)
    for descriptor in (read_end, folder, written):
        assert hand_over(local, descriptor).endswith(b" ERROR\0")
    for descriptor in (read_end, write_end, folder, written):
        os.close(descriptor)
    assert converse(local, b"zPING\0") == b"PONG\0"


def test_a_handed_over_file_beyond_the_limits_is_the_policys_matter(local: str, tmp_path: Path, gate: DigestGate) -> None:
    gate.policy = {Reason.TOO_LARGE: Decision.BLOCK}
    path = tmp_path / "large"
    for size, said in ((2_500_000, b"Vangnet.Refused.too_large."), (3_500_000, b"larger than any file")):
        path.write_bytes(bytes(size))
        with path.open("rb") as file:
            answer = hand_over(local, file.fileno())
        assert said in answer
        assert b"OK" not in answer


def test_no_open_file_or_no_local_socket_is_an_error(local: str, address: str) -> None:
    with connect(local) as connection:
        connection.sendall(b"zFILDES\0\0")
        assert rest(connection) == b"fd: no open file came ERROR\0"
    answer = converse(address, b"zFILDES\0\0")
    assert (answer.endswith(b" ERROR\0"), b"UNIX socket only" in answer) == (True, True)
    assert b"FILDES" in converse(local, b"zVERSIONCOMMANDS\0")
    assert b"FILDES" not in converse(address, b"zVERSIONCOMMANDS\0")


def test_statistics_are_told_as_monitoring_reads_them(address: str) -> None:
    for mark, end in ((b"z", b"\0"), (b"n", b"\n")):
        answer = converse(address, mark + b"STATS" + end)
        assert answer.startswith(b"POOLS: 1\n\nSTATE: VALID PRIMARY\n")
        assert answer.endswith(b"\nEND" + end)
        assert re.search(rb"THREADS: live [1-9]\d*  idle 0 max 8 idle-timeout 60\n", answer)
