"""The gate while something that it needs is away: no match is lost or doubled, nothing is allowed by mistake."""

import os
import signal
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pictures import encoded, photo
from running.gate_lists import list_files
from running.server import RunningServer, console, every_turn_taken, running
from running.states import wait_until

from vangnet.db import Database, migrate
from vangnet.db.embedded import OWNER, RUNTIME, EmbeddedServer
from vangnet.gate.service import decisions
from vangnet.identity.model import InstallationKind
from vangnet.identity.permissions import Permission
from vangnet.registry.model.entries import HashAlgorithm

LISTED = encoded(photo(81, 800, 600), "JPEG", quality=90)
UNLISTED = encoded(photo(82, 800, 600), "JPEG", quality=90)


class Postgres:
    """A server that stays away after it was killed, until it is started again: as one on another machine would."""

    def __init__(self, folder: Path) -> None:
        self._server = EmbeddedServer(folder)

    def start(self) -> None:
        self._server.acquire()

    def kill(self) -> None:
        pid = self._server.running_pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not self._server._alive())

    def conninfo(self, role: str) -> str:
        return self._server.conninfo(role)

    def stop(self) -> None:
        self._server.release()


@pytest.fixture
def away_and_back(tmp_path: Path) -> Iterator[Postgres]:
    """A PostgreSQL server of the test's own."""
    postgres = Postgres(tmp_path / "postgres")
    postgres.start()
    yield postgres
    postgres.stop()


@contextmanager
def provider(postgres: Postgres, folder: Path, logfile: Path) -> Iterator[RunningServer]:
    """A provider that uses it, with a list of one picture."""
    migrate.upgrade(postgres.conninfo(OWNER))
    with (
        Database(postgres.conninfo(RUNTIME), patience_s=0.5) as database,
        running(database, folder, logfile, kind=InstallationKind.PROVIDER, seal=False) as server,
    ):
        list_files(server, [LISTED], name="generated")
        yield server


def check(client: httpx2.Client, file: bytes, **headers: str) -> httpx2.Response:
    return client.post("/api/v1/check", content=file, headers=headers)


def test_a_match_is_kept_once_though_the_database_is_away(away_and_back: Postgres, tmp_path: Path, logfile: Path) -> None:
    with (
        provider(away_and_back, tmp_path, logfile) as server,
        server.program(Permission.GATE_CHECK) as client,
        server.program(Permission.GATE_CHECK) as stranger,
    ):
        assert check(client, UNLISTED).json()["decision"] == "allow"  # The key is known now.
        away_and_back.kill()
        name = {"Idempotency-Key": f"upload {uuid.uuid4()}"}
        named = [check(client, LISTED, **name) for _ in range(3)]
        nameless = [check(client, LISTED) for _ in range(2)]
        answers = [answer.json() for answer in named + nameless]
        assert {(answer["outcome"], answer["decision"]) for answer in answers} == {("match", "block")}
        ids = {answer["check_id"] for answer in answers}
        assert len(ids) == 3
        assert server.gate.spooled == 3
        assert check(client, UNLISTED).json()["decision"] == "allow"
        assert check(stranger, LISTED).status_code == 503  # Nobody can say whose key that is.
        spooled = b"".join(path.read_bytes() for path in (server.settings.data_dir / "gate-spool").iterdir())
        assert name["Idempotency-Key"].encode() not in spooled

        away_and_back.start()
        wait_until(lambda: server.gate.spooled == 0 and not server.gate.database_away)
        assert check(client, LISTED, **name).json()["check_id"] == answers[0]["check_id"]
        with server.transaction() as conn:
            kept = decisions.list_decisions(conn, console())
            assert {str(one.answer.check_id) for one in kept} == ids
            assert all(one.kept_at > one.at for one in kept)
            events = conn.execute("SELECT record_id FROM audit_event WHERE action = 'gate:check'").fetchall()
            assert sorted(record_id for (record_id,) in events) == sorted(ids)

        def told() -> list[str]:
            with server.transaction() as conn:
                return [row[0] for row in conn.execute("SELECT reference FROM registry_match").fetchall()]

        wait_until(lambda: len(told()) >= 3)
        assert sorted(told()) == sorted(ids)


def test_a_match_that_can_be_kept_nowhere_is_unavailable_and_never_allowed(
    away_and_back: Postgres, tmp_path: Path, logfile: Path
) -> None:
    with provider(away_and_back, tmp_path, logfile) as server, server.program(Permission.GATE_CHECK) as client:
        check(client, UNLISTED)
        (server.settings.data_dir / "gate-spool").write_bytes(b"in the way of the folder")
        away_and_back.kill()
        answer = check(client, LISTED)
        assert answer.status_code == 503
        assert (answer.json()["outcome"], answer.json()["decision"]) == ("unavailable", "block")
        assert "retry-after" in answer.headers
        away_and_back.start()


def test_a_spooled_file_that_cannot_be_read_is_set_aside_and_the_others_are_taken_in(
    away_and_back: Postgres, tmp_path: Path, logfile: Path
) -> None:
    with provider(away_and_back, tmp_path, logfile) as server, server.program(Permission.GATE_CHECK) as client:
        check(client, UNLISTED)
        away_and_back.kill()
        answer = check(client, LISTED).json()
        folder = server.settings.data_dir / "gate-spool"
        (folder / f"{uuid.UUID(int=0)}.decision").write_bytes(b"rubbish")
        away_and_back.start()
        wait_until(lambda: server.gate.spooled == 0)
        assert [path.name for path in folder.iterdir()] == [f"{uuid.UUID(int=0)}.unreadable"]
        with server.transaction() as conn:
            assert decisions.find_kept(conn, uuid.UUID(answer["check_id"])) is not None


def test_more_checks_than_have_room_are_unavailable_at_once(
    start_server: Any,
) -> None:
    file = encoded(photo(83, 400, 300), "JPEG")
    with start_server(gate_checks_at_once=1) as server, server.program(Permission.GATE_CHECK) as client:
        with every_turn_taken(server, lambda: check(client, file)) as first:
            turned_away = check(client, file)
        answered = first.result()
    assert (turned_away.status_code, turned_away.json()["decision"]) == (503, "hold")
    assert (answered.status_code, answered.json()["decision"]) == (200, "allow")


def test_a_file_over_the_limit_is_looked_up_by_its_digests(start_server: Any) -> None:
    listed, other = os.urandom(200_000), os.urandom(200_000)
    with start_server(media_bytes_max=100_000) as server, server.program(Permission.GATE_CHECK) as client:
        list_files(server, [listed], name="large", algorithms=[HashAlgorithm.SHA256])
        answer = check(client, listed).json()
        assert (answer["outcome"], answer["decision"], answer["reason"]) == ("match", "block", "too_large")
        answer = check(client, other).json()
        assert (answer["outcome"], answer["decision"], answer["reason"]) == ("unhashable", "hold", "too_large")
        assert answer["checked"] == ["md5", "sha1", "sha256"]


def test_files_beyond_the_memory_set_aside_are_unavailable(start_server: Any) -> None:
    with start_server(gate_bytes_at_once=1024 * 1024) as server, server.program(Permission.GATE_CHECK) as client:
        wait_until(lambda: server.live.status.loaded)
        answer = check(client, os.urandom(1024 * 1024 + 1))
        assert (answer.status_code, answer.json()["outcome"], answer.json()["decision"]) == (503, "unavailable", "hold")
        assert check(client, os.urandom(1024 * 1024)).status_code == 200
