"""The API's own description: the OpenAPI document, the page made from it, and whether the API keeps to it."""

import json
import os
import random
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from running.registry_routes import a_list
from running.routes import job
from running.sender import Sender
from running.server import RunningServer

from vangnet.identity.permissions import KEY_SCOPES, Permission, Role
from vangnet.web.access import PUBLIC, rules_of

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
LONG = os.environ.get("SOAK", "long") == "long"
SEED = random.randrange(2**32)  # noqa: S311 (tests, not secrets)


def test_every_operation_says_who_may_call_it_and_how_it_fails(server: RunningServer, anonymous: httpx2.Client) -> None:
    document = anonymous.get("/api/openapi.json").json()
    for route in rules_of(server.app):
        if not route.path.startswith("/api/v1/"):
            continue
        operation = document["paths"][route.path][route.method.lower()]
        assert operation["operationId"] == route.name
        assert operation["x-needs"] == str(route.rule)
        assert operation["security"] == ([] if route.rule is PUBLIC else [{"key": []}, {"session": []}])
        assert operation["summary"].endswith("."), f"{route.name} has no docstring"
        for status in ("4XX", "5XX"):
            assert "application/problem+json" in operation["responses"][status]["content"]
        assert any(status.startswith("2") for status in operation["responses"])
    assert set(document["paths"]) == {route.path for route in rules_of(server.app) if route.path.startswith("/api/v1/")}


def test_operation_ids_are_unique(anonymous: httpx2.Client) -> None:
    document = anonymous.get("/api/openapi.json").json()
    ids = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(ids) == len(set(ids))


def test_the_page_shows_every_operation_without_foreign_hosts_or_script(anonymous: httpx2.Client) -> None:
    document = anonymous.get("/api/openapi.json").json()
    page = anonymous.get("/api/docs").text
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in page
            assert path in page
    assert set(re.findall(r'(?:src|href)="(https?://[^"]+)"', page)) == set()


def test_the_lines_to_copy_work(server: RunningServer, anonymous: httpx2.Client) -> None:
    page = anonymous.get("/api/docs").text
    lines = re.findall(r"<code>(curl [^<]*/api/v1/(?:installation|jobs))&#34;</code>", page)
    assert len(lines) == 2
    for line in lines:
        command = line.replace("&#34;", '"') + '"'
        done = subprocess.run(
            ["bash", "-c", command.replace("curl ", "curl --silent --fail --show-error ", 1)],
            env={"VANGNET_KEY": server.key(*KEY_SCOPES), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        json.loads(done.stdout)


@contextmanager
def forgetting_guesses(server: RunningServer) -> Iterator[None]:
    """Within the block nobody who shows wrong keys is slowed down: every operation is tried with one."""
    over = threading.Event()

    def forget() -> None:
        while not over.wait(0.02):
            with server.transaction() as conn:
                conn.execute("DELETE FROM attempt")

    thread = threading.Thread(target=forget)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def schemathesis(server: RunningServer, folder: Path, *options: str, records: Mapping[str, object] | None = None) -> None:
    """Sends what the document allows and what it does not, with every check on. Fails on whatever one of them finds.

    `records` are ids, by their names in paths, of records that are there.
    """
    configuration = folder / "schemathesis.toml"
    known = "".join(f'{name} = "{value}"\n' for name, value in (records or {}).items())
    configuration.write_text(f"[parameters]\n{known}{CONFIGURATION.read_text()}")
    with forgetting_guesses(server):
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(configuration), "--no-color"),
                *("run", f"{server.url}/api/openapi.json", "--seed", str(SEED), *options),
            ],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, f"seed {SEED}\n{done.stdout}{done.stderr}"


def full_key(server: RunningServer) -> str:
    """A header with a key for everything but the right to revoke keys: it would find its own in the list, and revoke it."""
    job(server, parked=True)
    server.invite(Role.STAFF)
    return f"Authorization: Bearer {server.key(*KEY_SCOPES - {Permission.KEY_REVOKE})}"


# In two parts, so that they run side by side: whatever is not in the one is in the other.
@pytest.mark.parametrize("part", ["--include-path-regex", "--exclude-path-regex"])
def test_the_api_keeps_to_its_description(new_server: RunningServer, tmp_path: Path, part: str) -> None:
    options = ("--phases", "coverage,fuzzing", "--max-examples", "3", part, "^/api/v1/[a-l]")
    schemathesis(new_server, tmp_path, "--header", full_key(new_server), *options)


def test_the_api_keeps_to_its_description_for_somebody_without_a_key(new_server: RunningServer, tmp_path: Path) -> None:
    schemathesis(new_server, tmp_path, "--phases", "fuzzing", "--max-examples", "2")


@pytest.mark.soak
def test_the_api_keeps_to_its_description_about_records_that_are_there(new_server: RunningServer, tmp_path: Path) -> None:
    list_id, entry_id = a_list(new_server)
    sender = Sender(new_server)
    records = {
        "list_id": list_id,
        "entry_id": entry_id,
        "party_id": sender.party.id,
        "person_id": new_server.invite(Role.STAFF).id,
        "job_id": job(new_server, parked=True),
    }
    options = ("--phases", "fuzzing", "--max-examples", "200" if LONG else "10", "--continue-on-failure")
    schemathesis(new_server, tmp_path, "--header", full_key(new_server), *options, records=records)


@pytest.mark.soak
@pytest.mark.parametrize("with_key", [True, False])
def test_the_api_keeps_to_its_description_for_long(new_server: RunningServer, tmp_path: Path, with_key: bool) -> None:
    header = ("--header", full_key(new_server)) if with_key else ()
    schemathesis(new_server, tmp_path, *header, "--max-examples", "400" if LONG else "10", "--continue-on-failure")
