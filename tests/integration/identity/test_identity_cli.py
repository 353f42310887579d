"""`vangnet setup`, `person`, `party` and `key` as somebody at a terminal uses them, in processes of their own."""

import functools
import json
import os
import pty
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from running.commands import Commands

from vangnet.db.embedded import RUNTIME, EmbeddedServer
from vangnet.keys import fingerprint

Run = subprocess.CompletedProcess[str]
KEY = "11" * 32


@pytest.fixture
def environment(postgres: EmbeddedServer, database_name: str, tmp_path: Path) -> dict[str, str]:
    """The settings of the test's installation."""
    return {
        **os.environ,
        "VANGNET_DATA_DIR": str(tmp_path / "data"),
        "VANGNET_KEYS_DIR": str(tmp_path / "keys"),
        "VANGNET_AUDIT_HEADS_DIR": str(tmp_path / "heads"),
        "VANGNET_BASE_URL": "https://vangnet.meldpunt.example",
        "VANGNET_DATABASE_URL": postgres.conninfo(RUNTIME, database_name),
    }


@pytest.fixture
def vangnet(environment: dict[str, str], commands: Commands) -> Callable[..., Run]:
    """Runs a command that nobody can be asked in."""

    return functools.partial(commands.run, environ=environment)


def data(done: Run) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(done: Run, told: str) -> None:
    assert done.returncode == 2, done.stdout + done.stderr
    assert told in done.stderr
    assert done.stdout == ""


def test_an_installation_is_set_up_once_and_told_what_comes_next(vangnet: Callable[..., Run]) -> None:
    refused(vangnet("setup"), "error: `--kind` must be given where nobody can be asked")
    made = vangnet("setup", "--kind", "hotline", "--party", "Meldpunt Voorbeeld", "--json")
    assert data(made)["kind"] == "hotline"
    assert "vangnet serve" in made.stderr
    refused(vangnet("setup", "--kind", "police", "--party", "x"), "error: this installation was set up already")


def test_on_a_terminal_the_set_up_asks(environment: dict[str, str], commands: Commands) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, b"bakery\npolice\nTeam Noorderlicht\n")
    done = commands.run("setup", "--json", environ=environment, terminal=theirs)
    os.close(theirs)
    os.close(ours)
    made = data(done)
    assert (made["kind"], made["party_name"]) == ("police", "Team Noorderlicht")
    assert "investigates, and protects victims" in done.stderr
    assert "One of provider, hotline, police, authority, please." in done.stderr


def test_people_come_change_and_go(vangnet: Callable[..., Run]) -> None:
    email = "Anna@Meldpunt.example"
    invited = data(vangnet("person", "invite", email, "--name", "Anna Visser", "--role", "staff", "--json"))
    assert re.fullmatch(r"https://vangnet\.meldpunt\.example/invitation/[\w-]{43}", invited["link"])
    again = data(vangnet("person", "invite-again", email, "--json"))
    assert again["link"] != invited["link"]
    changed = data(vangnet("person", "roles", email, "--role", "auditor", "--role", "staff", "--json"))
    assert changed["roles"] == ["auditor", "staff"]
    link = vangnet("person", "link", email, "--uses", "2", "--hours", "1")
    assert re.fullmatch(r"https://vangnet\.meldpunt\.example/sign-in/link/[\w-]{43}\n", link.stdout)
    assert [person["email"] for person in data(vangnet("person", "list", "--json"))] == ["anna@meldpunt.example"]
    assert "Anna Visser" in vangnet("person", "list").stdout
    assert data(vangnet("person", "leave", email, "--json"))["state"] == "left"
    refused(vangnet("person", "leave", email), "person cannot go from `left` to `left`")
    refused(vangnet("person", "reset-second-factor", "nobody@meldpunt.example"), "belongs to nobody here")


def test_parties_are_found_by_name_whatever_its_case(vangnet: Callable[..., Run]) -> None:
    added = data(vangnet("party", "add", "--name", "Wolkenhuis", "--kind", "provider", "--public-key", KEY, "--json"))
    assert added["fingerprint"] == fingerprint(bytes.fromhex(KEY))
    basis = ("--text", "an agreement", "--reference", "of 2026", "--ends-on", "2099-12-31")
    assert data(vangnet("party", "basis", "wolkenhuis", *basis, "--json"))["legal_basis_ends_on"] == "2099-12-31"
    granted = data(vangnet("party", "grant", added["id"], "list_supplier", "--until", "2099-01-01", "--json"))
    assert granted["until"] == "2099-01-01"
    assert data(vangnet("party", "show", "WOLKENHUIS", "--json"))["grants"][0]["id"] == granted["id"]
    assert data(vangnet("party", "grant", "wolkenhuis", "list_supplier", "--withdraw", "--json"))["withdrawn_at"]
    refused(vangnet("party", "accept", "wolkenhuis"), "`--fingerprint` must be given where nobody can be asked")
    assert data(vangnet("party", "end", "wolkenhuis", "--json"))["state"] == "ended"
    data(vangnet("party", "add", "--name", "Wolkenhuis", "--kind", "provider", "--public-key", KEY, "--json"))
    assert data(vangnet("party", "show", "wolkenhuis", "--json"))["state"] == "known"
    data(vangnet("party", "add", "--name", "Wolkenhuis", "--kind", "provider", "--json"))
    refused(vangnet("party", "show", "wolkenhuis"), "more than one party has this name")


def test_a_key_is_printed_once_and_revoked_by_its_text(vangnet: Callable[..., Run]) -> None:
    issued = vangnet("key", "issue", "--name", "monitoring", "--scope", "health:read", "--days", "30", "--json")
    text = data(issued)["text"]
    assert "shown this once" in issued.stderr
    listed = vangnet("key", "list", "--json")
    assert data(listed)[0]["prefix"] == text.split("_")[1]
    assert text.split("_")[2] not in listed.stdout
    assert data(vangnet("key", "revoke", text, "--json"))["revoked_at"]
    refused(vangnet("key", "revoke", "vangnet_aaaaaaaa_x"), "there is no API key `aaaaaaaa`")
    refused(vangnet("key", "issue", "--name", "x", "--scope", "key:issue"), "must hold nothing by which")
    refused(vangnet("key", "issue", "--name", "x", "--scope", "health:read", "--party", "nobody"), "there is no party")


def test_what_the_console_did_is_in_the_sealed_trail(vangnet: Callable[..., Run]) -> None:
    data(vangnet("setup", "--kind", "hotline", "--party", "Meldpunt Voorbeeld", "--json"))
    data(vangnet("key", "issue", "--name", "x", "--scope", "health:read", "--json"))
    assert vangnet("audit", "verify").returncode == 0
    events = data(vangnet("audit", "list", "--json"))
    assert [event["action"] for event in events] == ["key:issue", "installation:set_up"]
