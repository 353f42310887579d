"""`vangnet demo`: one installation of each kind on this machine, each with its own data folder, database and port.

Everything in it is made up. The installations are real ones, started by `vangnet serve` as anyone would.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import httpx2
import typer

from vangnet import config, log
from vangnet.cli.installation import now
from vangnet.cli.output import say
from vangnet.config import Settings
from vangnet.db import Database, open_database
from vangnet.errors import InstallationStopped
from vangnet.identity.model import InstallationKind
from vangnet.keys import Keys
from vangnet.simulation.desks import fill_hotline, fill_police
from vangnet.simulation.gate import House, list_and_follow
from vangnet.simulation.help_contacts import write_contacts
from vangnet.simulation.installations import CAST, Cast, Prepared, introduce_all, prepare
from vangnet.simulation.pictures import demo_files

#: The ports that the demo asks for first; where one is taken, any free one will do.
_FIRST_PORT = 8801
_START_TIMEOUT_S = 60
#: What the made-up reports are drawn with.
_SEED = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """One installation of the demo, before it runs."""

    cast: Cast
    settings: Settings
    environ: dict[str, str]
    log: Path
    #: The ports of the doors beside HTTP, by name.
    doors: dict[str, int]


def demo(
    folder: Annotated[Path, typer.Option("--dir", help="Where the demo keeps everything.")] = Path("var/demo"),
) -> None:
    """Run one installation of each kind on loopback, with made-up people, until Ctrl-C."""
    started = time.monotonic()
    folder = folder.absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    *ports, clamd, icap = _free_ports(len(CAST) + 2)
    stages = [_stage(folder, cast, port, {"clamd": clamd, "icap": icap}) for cast, port in zip(CAST, ports, strict=True)]
    pictures = _write_pictures(folder / "pictures")
    with ExitStack() as running:
        say("preparing four installations …")
        prepared = _prepare(
            stages, folder, listed=pictures["listed.jpg"].read_bytes(), reported=pictures["unlisted.jpg"].read_bytes()
        )
        say(f"prepared after {time.monotonic() - started:.0f} s; starting them …")
        processes = [running.enter_context(_serving(stage)) for stage in stages]
        for stage, process in zip(stages, processes, strict=True):
            _wait_until_it_answers(stage, process)
        _wait_until_listed(stages[0], prepared[0], pictures["listed.jpg"], processes[0])
        _write_json(folder / "demo.json", stages, prepared)
        _tell(folder, stages, prepared, time.monotonic() - started)
        _tell_what_to_try(stages, prepared, pictures)
        _watch(stages, processes)


def _write_pictures(folder: Path) -> dict[str, Path]:
    """Generated pictures, as files that the reader can send."""
    folder.mkdir(mode=0o700, exist_ok=True)
    paths = {}
    for name, data in demo_files().items():
        paths[name] = folder / name
        paths[name].write_bytes(data)
    return paths


def _stage(folder: Path, cast: Cast, port: int, doors: dict[str, int]) -> _Stage:
    home = folder / cast.kind
    home.mkdir(mode=0o700, exist_ok=True)
    # Uploads are checked at the provider's; the others have no use for the doors.
    if cast.kind is not InstallationKind.PROVIDER:
        doors = {}
    ours = {
        "VANGNET_DATA_DIR": str(home / "data"),
        "VANGNET_KEYS_DIR": str(home / "keys"),
        "VANGNET_PORT": str(port),
    } | {f"VANGNET_{name.upper()}_LISTEN": f"127.0.0.1:{number}" for name, number in doors.items()}
    if cast.kind in {InstallationKind.HOTLINE, InstallationKind.POLICE}:
        # Without contacts for whoever needs help there is no public page.
        ours["VANGNET_HELP_CONTACTS_FILE"] = str(write_contacts(home, checked_on=now().date()))
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(config.PREFIX)}
    return _Stage(cast=cast, settings=config.load(ours), environ=inherited | ours, log=home / "serve.log", doors=doors)


def _prepare(stages: Sequence[_Stage], folder: Path, *, listed: bytes, reported: bytes) -> list[Prepared]:
    """Sets up what is not set up yet, and makes fresh sign-in links and keys."""
    log.configure(stages[0].settings.model_copy(update={"log_level": "warning"}))
    with ExitStack() as opened:
        houses: list[tuple[Database, Keys, str]] = [
            (
                opened.enter_context(open_database(stage.settings)),
                Keys.open(stage.settings.keys_dir),
                stage.settings.base_url,
            )
            for stage in stages
        ]
        prepared = [
            prepare(database, cast=stage.cast, base_url=base_url, now=now())
            for stage, (database, _, base_url) in zip(stages, houses, strict=True)
        ]
        introduce_all(houses, casts=CAST, now=now())
        provider, hotline = (
            House(database=database, keys=keys, cast=cast)
            for (database, keys, _), cast in zip(houses[:2], CAST[:2], strict=True)
        )
        list_and_follow(hotline, provider, listed=listed, now=now())
        say("taking in made-up reports …")
        police = House(database=houses[2][0], keys=houses[2][1], cast=CAST[2])
        fill_hotline(hotline, stages[1].settings, folder / "tips", reported=reported, seed=_SEED, now=now())
        fill_police(police, stages[2].settings, folder / "tips", seed=_SEED, now=now())
        return prepared


@contextmanager
def _serving(stage: _Stage) -> Iterator[subprocess.Popen[bytes]]:
    # Should this process be killed, the kernel tells the installations to stop.
    with_parent = ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []
    with stage.log.open("ab") as output:
        process = subprocess.Popen(
            [*with_parent, sys.executable, "-m", "vangnet", "serve"],
            env=stage.environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C reaches this process alone, which then stops them in order.
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_it_answers(stage: _Stage, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    with httpx2.Client(timeout=2, trust_env=False) as client:
        while True:
            _require_running(stage, process)
            try:
                if client.get(f"{stage.settings.base_url}/readyz").status_code == httpx2.codes.OK:
                    return
            except httpx2.TransportError:
                pass  # It does not listen yet.
            if time.monotonic() > deadline:
                raise InstallationStopped(kind=stage.cast.kind, problem="did not answer in time", log=str(stage.log))
            time.sleep(0.1)


def _wait_until_listed(stage: _Stage, ready: Prepared, listed: Path, process: subprocess.Popen[bytes]) -> None:
    """Until the list arrived at the provider: by then its gate refuses the picture that is on it."""
    deadline = time.monotonic() + _START_TIMEOUT_S
    data = listed.read_bytes()
    headers = {"Authorization": f"Bearer {ready.api_key}", "Idempotency-Key": "the demo itself"}
    with httpx2.Client(timeout=30, trust_env=False) as client:
        while True:
            _require_running(stage, process)
            answer = client.post(f"{stage.settings.base_url}/api/v1/check", content=data, headers=headers)
            if answer.status_code == httpx2.codes.OK and answer.json()["decision"] == "block":
                return
            if time.monotonic() > deadline:
                raise InstallationStopped(
                    kind=stage.cast.kind, problem="did not get the hotline's list in time", log=str(stage.log)
                )
            time.sleep(0.2)


def _require_running(stage: _Stage, process: subprocess.Popen[bytes]) -> None:
    code = process.poll()
    if code is not None:
        raise InstallationStopped(kind=stage.cast.kind, problem=f"stopped with exit code {code}", log=str(stage.log))


def _watch(stages: Sequence[_Stage], processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Returns on Ctrl-C; raises InstallationStopped when one of them stops by itself."""
    try:
        while True:
            for stage, process in zip(stages, processes, strict=True):
                _require_running(stage, process)
            time.sleep(0.5)
    except KeyboardInterrupt:
        say("\nstopping the four installations …")


def _write_json(path: Path, stages: Sequence[_Stage], prepared: Sequence[Prepared]) -> None:
    installations = [
        {
            "kind": stage.cast.kind,
            "base_url": stage.settings.base_url,
            "sign_in_links": list(ready.sign_in_links),
            "api_keys": [ready.api_key],
            "ports": stage.doors,
        }
        for stage, ready in zip(stages, prepared, strict=True)
    ]
    # Whole or not at all: scripts wait for this file.
    aside = path.with_suffix(".new")
    aside.touch(mode=0o600)
    aside.write_text(json.dumps({"installations": installations}, indent=2) + "\n", encoding="utf-8")
    aside.rename(path)


def _tell(folder: Path, stages: Sequence[_Stage], prepared: Sequence[Prepared], seconds: float) -> None:
    say(f"\nFour installations answer, after {seconds:.0f} s. The links sign you in for a day, without a password:\n")
    for stage, ready in zip(stages, prepared, strict=True):
        say(f"{stage.cast.party_name} ({stage.cast.kind}) at {stage.settings.base_url}")
        for colleague, link in zip(stage.cast.colleagues, ready.sign_in_links, strict=True):
            say(f"  {colleague.role:<14} {link}")
    say(f"\nFor scripts: {folder / 'demo.json'}. Logs: {folder}/*/serve.log. Ctrl-C stops everything.")


def _tell_what_to_try(stages: Sequence[_Stage], prepared: Sequence[Prepared], pictures: dict[str, Path]) -> None:
    provider, key = stages[0], prepared[0].api_key
    url = f"{provider.settings.base_url}/api/v1/check"
    say("\nThe hotline listed a generated picture; the provider refuses it, and copies of it. Try it, or your own:\n")
    for path in pictures.values():
        say(f"  curl -s -H 'Authorization: Bearer {key}' --data-binary @{path} {url}")
    hotline, police = stages[1].settings.base_url, stages[2].settings.base_url
    say(
        f"\nWhat was refused is at {provider.settings.base_url}/decisions. The hotline has a report of it: its queue is\n"
        f"at {hotline}/queue, that of the police, with made-up company reports, at {police}/queue. Anybody can report a\n"
        f"link at {hotline}/report."
    )
    say(
        "\nThe whole chain: a platform reported unlisted.jpg to the hotline. One of the staff claims the report, looks\n"
        "(covered, blurred, then sharp) and classifies; a second one answers without seeing that. Then the picture is on\n"
        "the list, and the provider's gate refuses it: ask with the line above."
    )
    if provider.doors:
        say(f"clamd listens on 127.0.0.1:{provider.doors['clamd']}, ICAP on 127.0.0.1:{provider.doors['icap']}.")


def _free_ports(count: int) -> list[int]:
    """`count` free loopback ports: those from 8801 on where nobody has them, else whichever the system gives."""
    with ExitStack() as held:
        ports = []
        for wanted in range(_FIRST_PORT, _FIRST_PORT + count):
            listener = held.enter_context(socket.socket())
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", wanted))
            except OSError:
                listener.bind(("127.0.0.1", 0))
            ports.append(listener.getsockname()[1])
        return ports
