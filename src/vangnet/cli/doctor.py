"""`vangnet doctor`: what is wrong with the installation that the settings name, and how to mend it.

It goes from the ground up and stops where nothing above can work: settings, folders, database, then everything that the
health page of a running installation shows, then whether one runs.
"""

import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx2
import typer
from rich.console import Console
from rich.markup import escape

from vangnet import config, log
from vangnet.cli.installation import console_actor, now
from vangnet.cli.output import AsJson, print_records
from vangnet.config import Settings
from vangnet.db import Database, open_database
from vangnet.errors import AppError
from vangnet.identity.model import PersonState
from vangnet.identity.permissions import Role
from vangnet.identity.service import installation, people
from vangnet.keys import Keys
from vangnet.web.health import Condition, HealthBoard
from vangnet.web.help_file import HelpFile

_COLOURS = {Condition.OK: "green", Condition.ATTENTION: "yellow", Condition.FAILING: "red"}
_WORDS = {Condition.OK: "ok", Condition.ATTENTION: "look", Condition.FAILING: "fails"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    check: str
    condition: Condition
    told: str
    remedy: str | None = None


def doctor(as_json: AsJson = False) -> None:
    """Say what is wrong with this installation, and how to mend it. Exit code 1 when something fails."""
    lines = list(_examine())
    if as_json:
        print_records([asdict(line) for line in lines], as_json=True)
    else:
        _print(lines)
    if any(line.condition is Condition.FAILING for line in lines):
        raise typer.Exit(1)


def _examine() -> Iterator[_Line]:
    try:
        settings = config.load()
        log.configure(settings)
        yield _Line(check="settings", condition=Condition.OK, told=f"data folder {settings.data_dir}")
        yield _keys_are_apart(settings)
        with open_database(settings) as database:
            yield from _inside(settings, database)
    except AppError as error:
        yield _Line(check=error.code, condition=Condition.FAILING, told=str(error), remedy=error.advice())
        return
    yield _answers(settings)


def _keys_are_apart(settings: Settings) -> _Line:
    Keys.open(settings.keys_dir)
    loose = [path for path in (settings.keys_dir, *settings.keys_dir.iterdir()) if _open_to_others(path)]
    if loose:
        names = " ".join(map(str, loose))
        return _Line(
            check="keys folder",
            condition=Condition.ATTENTION,
            told=f"other accounts of this machine can read {names}",
            remedy=f"chmod go-rwx {names}",
        )
    if settings.keys_dir.stat().st_dev == settings.data_dir.parent.stat().st_dev:
        told, remedy = "on the same disk as the data", "keep a copy of it elsewhere: a backup cannot be opened without it"
        return _Line(check="keys folder", condition=Condition.OK, told=told, remedy=remedy)
    return _Line(check="keys folder", condition=Condition.OK, told="readable by this account alone")


def _open_to_others(path: Path) -> bool:
    return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def _inside(settings: Settings, database: Database) -> Iterator[_Line]:
    for finding in HealthBoard(settings, database, help_file=HelpFile.named_by(settings)).findings(now()):
        values = dict(finding.values)
        remedy = finding.remedy and finding.remedy.format(**values)
        yield _Line(check=finding.check, condition=finding.condition, told=finding.told.format(**values), remedy=remedy)
    with database.transaction() as conn:
        found = installation.find_installation(conn)
        staff = people.list_people(conn, console_actor())
    if found is None:
        told, remedy = "it has no kind and no party yet", "run `vangnet setup`"
        yield _Line(check="installation", condition=Condition.ATTENTION, told=told, remedy=remedy)
    else:
        yield _Line(check="installation", condition=Condition.OK, told=f"{found.kind} of {found.party_name}")
    administrators = sum(p.state is PersonState.ACTIVE and Role.ADMINISTRATOR in p.roles for p in staff)
    if administrators < 2:
        told, remedy = f"{administrators} active administrators", "invite another: one who is ill can let nobody in"
        yield _Line(check="administrators", condition=Condition.ATTENTION, told=told, remedy=remedy)


def _answers(settings: Settings) -> _Line:
    try:
        with httpx2.Client(timeout=3, trust_env=False) as client:
            code = client.get(f"http://{settings.host}:{settings.port}/healthz").status_code
    except httpx2.TransportError:
        told, remedy = f"nothing answers on {settings.host}, port {settings.port}", "run `vangnet serve`"
        return _Line(check="serving", condition=Condition.ATTENTION, told=told, remedy=remedy)
    if code != httpx2.codes.OK:
        told, remedy = f"something answers {code} there, but not Vangnet", "set VANGNET_PORT to a free port"
        return _Line(check="serving", condition=Condition.FAILING, told=told, remedy=remedy)
    return _Line(check="serving", condition=Condition.OK, told=f"it answers on {settings.host}, port {settings.port}")


def _print(lines: list[_Line]) -> None:
    console = Console(highlight=False)
    for line in lines:
        colour, word = _COLOURS[line.condition], _WORDS[line.condition]
        console.print(f"[{colour}]{word:<6}[/{colour}] {escape(line.check)}: {escape(line.told)}", soft_wrap=True)
        if line.remedy:
            console.print(f"       → {escape(line.remedy)}", soft_wrap=True)
