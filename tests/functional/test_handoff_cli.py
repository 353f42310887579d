"""`vangnet handoff`, `vangnet job` and `vangnet worker`, as somebody with a shell uses them."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from running.commands import Commands
from running.houses import ACTOR, House, house
from running.states import PATIENCE_S, wait_until

from vangnet.db import defer
from vangnet.db.embedded import EmbeddedServer
from vangnet.handoff.model import SentState
from vangnet.identity.model import InstallationKind, PartyKind, PartyState
from vangnet.identity.service import parties
from vangnet.jobs import service as jobs
from vangnet.keys import fingerprint

#: Names come from outside: what looks like an instruction to the terminal must not be one.
THEIR_NAME = "Team [/Noorderlicht]"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def hotline(postgres: EmbeddedServer, tmp_path: Path) -> Iterator[House]:
    """The installation on whose machine the commands are given."""
    with house(postgres, tmp_path, "Meldpunt Voorbeeld") as made:
        yield made


@pytest.fixture
def police(postgres: EmbeddedServer, tmp_path: Path) -> Iterator[House]:
    """Another installation, which answers."""
    with house(postgres, tmp_path, THEIR_NAME, InstallationKind.POLICE) as made, made.serving():
        yield made


@pytest.fixture
def vangnet(hotline: House, commands: Commands) -> Run:
    """Gives a command on the hotline's machine."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return commands.run(*arguments, environ=environ(hotline))

    return run


def environ(made: House) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "VANGNET_DATABASE_URL": made.database.conninfo,
        "VANGNET_DATA_DIR": str(made.settings.data_dir),
        "VANGNET_KEYS_DIR": str(made.settings.keys_dir),
        "VANGNET_PORT": str(made.settings.port),
    }


def read(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_introducing_adds_the_party_and_sends_an_introduction(hotline: House, police: House, vangnet: Run) -> None:
    compared = fingerprint(police.keys.public_key)
    sent = read(vangnet("handoff", "introduce", police.url, "--fingerprint", compared.upper(), "--json"))
    assert (sent["kind"], sent["state"], sent["party"]) == ("introduction", "waiting", THEIR_NAME)
    with hotline.database.transaction() as conn:
        party = parties.find_party_by_public_key(conn, police.keys.public_key)
    assert party is not None
    assert (party.state, party.base_url, party.kind) == (PartyState.KNOWN, police.url, "police")
    with hotline.working():
        wait_until(lambda: hotline.sent(sent["id"]).state is SentState.ACKNOWLEDGED)
    with police.database.transaction() as conn:
        proposed = parties.find_party_by_public_key(conn, hotline.keys.public_key)
    assert proposed is not None
    assert (proposed.state, proposed.name) == (PartyState.PROPOSED, "Meldpunt Voorbeeld")


def test_introducing_with_another_fingerprint_adds_nothing(hotline: House, police: House, vangnet: Run) -> None:
    wrong = fingerprint(hotline.keys.public_key)
    done = vangnet("handoff", "introduce", police.url, "--fingerprint", wrong)
    assert done.returncode == 2
    assert done.stderr.startswith("error: the installation at that address has another key")
    assert read(vangnet("party", "list", "--json")) == []


def test_introducing_where_nobody_can_be_asked_needs_the_fingerprint(police: House, vangnet: Run) -> None:
    done = vangnet("handoff", "introduce", police.url)
    assert (done.returncode, done.stdout) == (2, "")
    assert "`--fingerprint` must be given where nobody can be asked" in done.stderr


@pytest.mark.parametrize(("answer", "known"), [("y", True), ("n", False), ("", False)])
def test_whoever_sits_at_a_terminal_is_shown_the_fingerprint_and_asked(
    hotline: House, police: House, commands: Commands, answer: str, known: bool
) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, answer.encode() + b"\n")
    done = commands.run("handoff", "introduce", police.url, environ=environ(hotline), terminal=theirs)
    os.close(theirs)
    os.close(ours)
    assert fingerprint(police.keys.public_key) in done.stderr
    with hotline.database.transaction() as conn:
        assert (parties.find_party_by_public_key(conn, police.keys.public_key) is not None) is known
    assert done.returncode == (0 if known else 2)


@pytest.mark.parametrize(
    ("address", "code"), [("http://127.0.0.1:9", 3), ("http://vangnet.example.org", 2), ("vangnet.example.org", 2)]
)
def test_an_address_that_does_not_answer_or_may_not_be_used_says_so(vangnet: Run, address: str, code: int) -> None:
    done = vangnet("handoff", "introduce", address, "--fingerprint", "0000")
    assert done.returncode == code
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def test_a_party_that_introduced_itself_is_accepted_by_introducing_back(
    hotline: House, police: House, vangnet: Run
) -> None:
    with hotline.database.transaction() as conn:
        parties.introduce(
            conn, ACTOR, name=police.name, kind=PartyKind.POLICE, base_url=police.url,
            public_key=police.keys.public_key, now=datetime.now(UTC),
        )  # fmt: skip
    read(vangnet("handoff", "introduce", police.url, "--fingerprint", fingerprint(police.keys.public_key), "--json"))
    [party] = read(vangnet("party", "list", "--json"))
    assert party["state"] == "known"


def test_a_test_message_is_sent_listed_shown_and_sent_again(hotline: House, police: House, vangnet: Run) -> None:
    hotline.knows(police)
    sent = read(vangnet("handoff", "send-test", THEIR_NAME.lower(), "--text", "hallo", "--json"))
    assert read(vangnet("handoff", "list", "--without-receipt", "--json")) == [sent]
    shown = read(vangnet("handoff", "show", sent["id"], "--json"))
    assert (shown["payload"], shown["envelope_id"]) == ({"text": "hallo"}, sent["id"])
    assert read(vangnet("handoff", "try-again", sent["id"], "--json"))["state"] == "waiting"
    table = vangnet("handoff", "list")
    assert sent["case_number"] in table.stdout
    assert THEIR_NAME in table.stdout


def test_what_was_received_is_listed_and_shown_too(hotline: House, police: House, vangnet: Run) -> None:
    hotline.knows(police)
    party = police.knows(hotline)
    with hotline.serving(), police.working():
        one = police.send(party, "goedendag")
        wait_until(lambda: police.sent(one).state is SentState.ACKNOWLEDGED)
    [taken] = read(vangnet("handoff", "list", "--json"))
    assert (taken["direction"], taken["outcome"], taken["party"]) == ("received", "taken", THEIR_NAME)
    assert read(vangnet("handoff", "show", taken["id"], "--json"))["payload"] == {"text": "goedendag"}


def test_what_is_not_there_is_said_in_a_sentence(vangnet: Run) -> None:
    for arguments in (
        ("handoff", "show", "00000000-0000-0000-0000-000000000000"),
        ("handoff", "send-test", "nobody"),
        ("job", "show", 999),
        ("job", "retry", 999),
    ):
        done = vangnet(*arguments)
        assert (done.returncode, done.stdout) == (2, ""), arguments
        assert done.stderr.startswith("error: there is no "), done.stderr
    assert "nothing to show" in vangnet("handoff", "list").stderr


def test_jobs_are_listed_retried_and_dropped(hotline: House, vangnet: Run) -> None:
    with hotline.database.transaction() as conn:
        defer(conn, "note", number=7)
        conn.execute("UPDATE procrastinate_jobs SET status = 'doing'")
        jobs.take_back_stalled(conn, stalled_after_s=1, attempts=1, now=datetime.now(UTC))
    [parked] = read(vangnet("job", "list", "--state", "parked", "--json"))
    assert (parked["task"], parked["args"], parked["problem"]) == ("note", {"number": 7}, "its worker died")
    assert read(vangnet("job", "retry", parked["id"], "--json"))["state"] == "waiting"
    assert read(vangnet("job", "drop", parked["id"], "--json"))["state"] == "dropped"
    again = vangnet("job", "retry", parked["id"])
    assert (again.returncode, again.stderr) == (2, "error: job cannot go from `dropped` to `waiting`\n")
    assert "note" in vangnet("job", "list").stdout


def test_the_worker_runs_jobs_and_stops_when_it_is_told(hotline: House, police: House) -> None:
    party = hotline.knows(police)
    police.knows(hotline)
    one = hotline.send(party)
    command = [sys.executable, "-m", "vangnet", "worker"]
    with subprocess.Popen(command, env=environ(hotline), stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_until(lambda: hotline.sent(one).state is SentState.ACKNOWLEDGED)
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    assert process.returncode == 0, said
    assert "The worker runs jobs until Ctrl-C." in said
    assert "Traceback" not in said
