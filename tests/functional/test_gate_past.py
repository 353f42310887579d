"""Uploads of before, as a provider uses them: chosen on the page, kept by the check, told by the API when listed."""

import json
import os
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pictures import encoded, photo
from running.commands import Commands
from running.forms import submit
from running.gate_lists import list_files
from running.houses import house
from running.server import RunningServer
from running.states import wait_until

from vangnet.db.embedded import EmbeddedServer
from vangnet.gate.store import past_pictures
from vangnet.identity.model import InstallationKind
from vangnet.identity.permissions import Permission, Role
from vangnet.registry.model.entries import HashAlgorithm

Start = Callable[..., AbstractContextManager[RunningServer]]
BASIS = {
    "legal_basis": "consent", "reference": "terms 7", "days": "30",
    "ends_on": (datetime.now(UTC) + timedelta(days=100)).date().isoformat(),
}  # fmt: skip


def decisions_of(server: RunningServer, name: str) -> list[dict[str, Any]]:
    """What the API says of this upload."""
    with server.program(Permission.GATE_READ) as client:
        found: list[dict[str, Any]] = client.get("/api/v1/decisions", params={"object_id": name}).json()
    return found


def test_a_picture_that_was_accepted_is_told_when_one_like_it_is_listed(start_server: Start) -> None:
    picture = photo(501, 640, 480)
    name = f"upload {uuid.uuid4()}"
    with start_server() as server:
        with server.signed_in(Role.ADMINISTRATOR) as browser:
            page = submit(browser, browser.get("/past"), "/past", **BASIS, pictures=["yes"], pictures_reason="opinion 26/3")
            assert page.status_code == 303
            assert "opinion 26/3" in browser.get("/past").text
        wait_until(lambda: server.gate.past.keeps_pictures)
        with server.program(Permission.GATE_CHECK) as client:
            answer = client.post(
                "/api/v1/check", content=encoded(picture.resize((320, 240)), "JPEG", quality=60),
                headers={"Idempotency-Key": name},
            ).json()  # fmt: skip
        assert answer["decision"] == "allow"

        def is_kept() -> bool:
            with server.transaction() as conn:
                return bool(conn.execute("SELECT FROM gate_past_picture WHERE object_id = %s", [name]).fetchall())

        wait_until(is_kept)
        list_files(server, [encoded(picture, "PNG")], name="listed later", algorithms=[HashAlgorithm.PDQ])
        wait_until(lambda: bool(decisions_of(server, name)))
        (found,) = decisions_of(server, name)
        assert (found["decision"], found["door"], found["open"]) == ("hold", "past", True)
        assert found["uploaded_at"] is not None
        # And nothing of it is left once the basis is withdrawn.
        with server.signed_in(Role.ADMINISTRATOR) as browser:
            submit(browser, browser.get("/past"), "/past/off")
        with server.transaction() as conn:
            assert past_pictures.list_days(conn) == []


def test_perceptual_hashes_take_a_tick_and_a_reason(start_server: Start) -> None:
    with start_server() as server, server.signed_in(Role.ADMINISTRATOR) as browser:
        ticked = submit(browser, browser.get("/past"), "/past", **BASIS, pictures=["yes"])
        assert (ticked.status_code, "must not be empty" in ticked.text.lower()) == (422, True)
        reasoned = submit(browser, browser.get("/past"), "/past", **BASIS, pictures_reason="opinion 26/3")
        assert (reasoned.status_code, "or the choice above it ticked" in reasoned.text.lower()) == (422, True)
        assert submit(browser, browser.get("/past"), "/past", **BASIS).status_code == 303
        assert "not kept" in browser.get("/past").text


def test_the_command_keeps_them_with_a_reason_only(postgres: EmbeddedServer, tmp_path: Path, commands: Commands) -> None:
    with house(postgres, tmp_path, "Wolkenhuis Hosting", InstallationKind.PROVIDER) as provider:
        environ = {
            "PATH": os.environ["PATH"],
            "VANGNET_DATABASE_URL": provider.database.conninfo,
            "VANGNET_DATA_DIR": str(provider.settings.data_dir),
            "VANGNET_KEYS_DIR": str(provider.settings.keys_dir),
        }
        on = ["gate", "past", "on", "--legal-basis", "consent", "--reference", "terms 7", "--until", BASIS["ends_on"]]
        assert commands.run(*on, "--pictures", environ=environ).returncode == 2
        assert commands.run(*on, "--pictures-reason", "opinion 26/3", environ=environ).returncode == 2
        told = commands.run(*on, "--pictures", "--pictures-reason", "opinion 26/3", environ=environ)
        assert "Perceptual hashes of their pictures are kept as well." in told.stdout + told.stderr
        shown = json.loads(commands.run("gate", "past", "show", "--json", environ=environ).stdout)
        assert (shown["pictures"], shown["picture_hashes_about"]) == ("opinion 26/3", 0)
