"""The command `vangnet`: puts the nouns together, and turns errors into sentences and exit codes.

Exit codes: 0 done, 1 it failed, 2 the caller can mend it, 3 a third party failed.
"""

import importlib
import signal
import sys
import uuid
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, cast

import typer
from typer.core import TyperCommand, TyperGroup

from vangnet.cli.output import say
from vangnet.cli.version import installed_version
from vangnet.errors import AppError, CallerMistake, PartnerFailed

#: Where each command is: a function, or a noun's own `typer.Typer`. In the order in which help shows them.
_PLACES: Mapping[str, tuple[str, str]] = {
    "setup": ("setup", "setup"),
    "serve": ("serve", "serve"),
    "worker": ("worker", "worker"),
    "doctor": ("doctor", "doctor"),
    "backup": ("backup", "backup"),
    "restore": ("backup", "restore"),
    "demo": ("demo", "demo"),
    "hash": ("hash", "hash_files"),
    "scan": ("scan", "scan"),
    "audit": ("audit", "app"),
    "config": ("config", "app"),
    "db": ("db", "app"),
    "gate": ("gate", "app"),
    "handoff": ("handoff", "app"),
    "index": ("index", "app"),
    "intake": ("intake", "app"),
    "job": ("job", "app"),
    "key": ("key", "app"),
    "party": ("party", "app"),
    "person": ("person", "app"),
    "registry": ("registry", "app"),
    "report": ("report", "app"),
    "retention": ("retention", "app"),
    "simulate": ("simulate", "app"),
    "vault": ("vault", "app"),
}


class _OnDemand(Mapping[str, TyperCommand]):
    """The commands by name. A module is imported when its command is asked for: none waits for the libraries of all."""

    def __getitem__(self, name: str) -> TyperCommand:
        module, attribute = _PLACES[name]
        found = getattr(importlib.import_module(f"vangnet.cli.{module}"), attribute)
        if not isinstance(found, typer.Typer):
            function, found = found, typer.Typer(add_completion=False)
            found.command(name)(function)
            return cast("TyperCommand", typer.main.get_command(found))
        group = typer.main.get_group(found)
        group.name = name
        return cast("TyperCommand", group)

    def __iter__(self) -> Iterator[str]:
        return iter(_PLACES)

    def __len__(self) -> int:
        return len(_PLACES)


class _Vangnet(TyperGroup):
    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = cast("Any", _OnDemand())


app = typer.Typer(
    name="vangnet",
    cls=_Vangnet,
    help="Hash lists that can be trusted, a gate at upload, reports in the right order, notices with a clock.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # It would print local variables: people and secrets.
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vangnet {installed_version()}")
        raise typer.Exit


@app.callback()
def _vangnet(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Runs the command line; every error ends here."""
    # Being told to stop is like Ctrl-C: what was opened is closed, the embedded database server with it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app()
    except AppError as error:
        say(f"error: {error}")
        if advice := error.advice():
            say(f"hint: {advice}")
        sys.exit(_exit_code(error))
    except Exception:  # noqa: BLE001 (the last stop: a fault of ours, told without its values)
        import structlog  # noqa: PLC0415 (most commands never need it)

        from vangnet import log  # noqa: PLC0415
        from vangnet.config import Settings  # noqa: PLC0415

        if not structlog.is_configured():
            # Left alone, structlog prints local variables: people, hashes, secrets.
            log.configure(Settings())
        incident = uuid.uuid4().hex[:12]
        structlog.get_logger().exception("command failed", incident=incident)
        say(f"error: a fault of Vangnet itself, incident {incident}; the log line above has its place in the code")
        sys.exit(1)


def _exit_code(error: AppError) -> int:
    match error:
        case CallerMistake():
            return 2
        case PartnerFailed():
            return 3
        case _:
            return 1
