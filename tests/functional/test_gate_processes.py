"""A gate in processes of its own: several at one port or behind nginx, replaced under load without a failed request."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

import httpx2
import pytest
from running.programs import answers, free_port, open_folder, program
from running.programs import running as running_program
from running.server import console, every_turn_taken, own_database
from running.states import PATIENCE_S, wait_until

from vangnet import config
from vangnet.cli.installation import now
from vangnet.db import Database
from vangnet.db.embedded import RUNTIME, EmbeddedServer
from vangnet.identity.model import InstallationKind, Language
from vangnet.identity.permissions import Permission
from vangnet.identity.service import api_keys, installation

#: The one name of all of them, whatever their ports are.
NAME = "vangnet.test"
HASHES = json.dumps({"checks": [{"sha256": "0" * 64}]}).encode()


class Gates:
    """One installation, and gates of it at ports of this machine."""

    def __init__(self, folder: Path, conninfo: str, key: str) -> None:
        self.key = key
        self._folder = folder
        self._environ = {name: value for name, value in os.environ.items() if not name.startswith(config.PREFIX)} | {
            "VANGNET_DATA_DIR": str(folder / "data"),
            "VANGNET_KEYS_DIR": str(folder / "keys"),
            "VANGNET_DATABASE_URL": conninfo,
            "VANGNET_BASE_URL": f"http://{NAME}",
            "VANGNET_LOG_FORMAT": "json",
        }

    @contextmanager
    def running(self, port: int, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """A gate at that port until the block ends, by SIGTERM unless it ended before."""
        log = self._folder / f"{port}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "vangnet", "serve", "--only", "gate", *arguments],
                env=self._environ | {"VANGNET_PORT": str(port)},
                stdin=subprocess.DEVNULL,
                stderr=output,
            )
        try:
            wait_until(lambda: _is_ready(port))
            yield process
        finally:
            process.terminate()
            assert process.wait(PATIENCE_S) == 0, log.read_text(encoding="utf-8")[-3000:]


@pytest.fixture(scope="module")
def gates(postgres: EmbeddedServer, tmp_path_factory: Any) -> Iterator[Gates]:
    """A provider that is set up, and of which no process runs yet."""
    folder = tmp_path_factory.mktemp("gates")
    (folder / "data").mkdir()
    with own_database(postgres, "functional_gates") as database:
        yield Gates(folder, postgres.conninfo(RUNTIME, "functional_gates"), _set_up(database))


def _set_up(database: Database) -> str:
    with database.transaction() as conn:
        installation.set_up(
            conn, console(), kind=InstallationKind.PROVIDER, party_name="Gates", language=Language.EN, now=now()
        )
        scopes = frozenset({Permission.GATE_CHECK})
        return api_keys.issue(conn, console(), name="uploads", scopes=scopes, now=now()).text


class Hammer:
    """Programs that ask one request after the other: on connections that stay, and on a new one each time."""

    def __init__(self, port: int, key: str) -> None:
        self.answers: Counter[str] = Counter()
        self._port = port
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Host": NAME}
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(stays,)) for stays in (True, True, False)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for_more(self) -> None:
        """Until it was answered some more."""
        before = self.answers.total()
        wait_until(lambda: self.answers.total() >= before + 60)

    def _ask(self, stays: bool) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_S)
        while not self._stop.is_set():
            try:
                connection.request("POST", "/api/v1/check/hashes", HASHES, self._headers)
                answer = connection.getresponse()
                answer.read()
                self.answers[str(answer.status)] += 1
            except (OSError, http.client.HTTPException) as error:
                self.answers[repr(error)] += 1
                connection.close()
            if not stays:
                connection.close()
        connection.close()


def test_workers_are_replaced_under_load_and_no_request_fails(gates: Gates) -> None:
    port = free_port()
    with gates.running(port, "--workers", "1") as parent:
        (first,) = _children(parent.pid)
        with Hammer(port, gates.key) as hammer:
            hammer.wait_for_more()
            parent.send_signal(signal.SIGHUP)
            wait_until(lambda: first not in _children(parent.pid))
            (second,) = _children(parent.pid)
            hammer.wait_for_more()
            assert set(hammer.answers) == {"200"}, hammer.answers
        os.kill(second, signal.SIGKILL)
        wait_until(lambda: bool(_children(parent.pid) - {first, second}))
        wait_until(lambda: _is_ready(port))  # One that dies is started again.


def test_gates_behind_nginx_are_replaced_under_load_and_no_request_fails(gates: Gates) -> None:
    ports = [free_port(), free_port()]
    with ExitStack() as running:
        first, _ = [running.enter_context(gates.running(port)) for port in ports]
        front = running.enter_context(nginx(ports))
        with Hammer(front, gates.key) as hammer:
            hammer.wait_for_more()
            first.terminate()
            assert first.wait(PATIENCE_S) == 0
            hammer.wait_for_more()
            running.enter_context(gates.running(ports[0]))
            hammer.wait_for_more()
        assert set(hammer.answers) == {"200"}, hammer.answers
        page = httpx2.get(
            f"http://127.0.0.1:{ports[1]}/sign-in", headers={"Host": NAME}, timeout=PATIENCE_S, trust_env=False
        )
        assert (page.status_code, page.json()["code"]) == (404, "not_found"), "a gate has no pages"


def test_a_gate_whose_turns_are_all_taken_says_so_at_once(start_server: Callable[..., Any]) -> None:
    body = {"checks": [{"sha256": "0" * 64}] * 10_000}
    with start_server(gate_checks_at_once=1) as server, server.program(Permission.GATE_CHECK) as client:
        with every_turn_taken(server, lambda: client.post("/api/v1/check/hashes", json=body)) as first:
            turned_away = client.post("/api/v1/check/hashes", json=body)
        answered = first.result()
    assert turned_away.status_code == httpx2.codes.SERVICE_UNAVAILABLE
    assert int(turned_away.headers["Retry-After"]) >= 1
    assert "not the same as not listed" in turned_away.json()["message"]
    assert answered.status_code == httpx2.codes.OK, "the one that had the turn"


@contextmanager
def nginx(ports: list[int]) -> Iterator[int]:
    """nginx in front of gates at these ports, as docs/howto/several-gates.md has it: its own port."""
    with open_folder() as folder:
        port, log, file = free_port(), folder / "nginx.log", folder / "nginx.conf"
        servers = " ".join(f"server 127.0.0.1:{one};" for one in ports)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        folders = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
        file.write_text(
            f"daemon off; pid {folder}/nginx.pid; error_log {log};\nevents {{}}\n"
            f"http {{ access_log off; {folders}\n upstream gates {{ {servers} keepalive 16; }}\n"
            f" server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://gates; proxy_http_version 1.1;\n"
            f' proxy_set_header Connection ""; proxy_set_header Host {NAME}; }} }} }}\n',
            encoding="utf-8",
        )
        command = [program("nginx", "nginx-light"), "-c", str(file), "-e", str(log)]
        with running_program(command, ready=lambda: answers(port), log=log):
            yield port


def _is_ready(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=20, trust_env=False).status_code == httpx2.codes.OK
    except httpx2.TransportError:
        return False


def _children(pid: int) -> set[int]:
    found = " ".join(path.read_text(encoding="ascii") for path in Path(f"/proc/{pid}/task").glob("*/children"))
    return {int(child) for child in found.split()}
