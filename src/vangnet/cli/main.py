"""The command `vangnet`: puts the nouns together, and turns errors into sentences and exit codes.

Exit codes: 0 done, 1 it failed, 2 the caller can mend it, 3 a third party failed.
"""

import signal
import sys
import uuid
from typing import Annotated

import structlog
import typer

from vangnet.cli import (
    audit,
    backup,
    config,
    db,
    demo,
    doctor,
    handoff,
    index,
    job,
    key,
    party,
    person,
    serve,
    setup,
    worker,
)
from vangnet.cli.hash import hash_files
from vangnet.cli.output import say
from vangnet.cli.version import installed_version
from vangnet.errors import AppError, CallerMistake, PartnerFailed

app = typer.Typer(
    name="vangnet",
    help="Hash lists that can be trusted, a gate at upload, reports in the right order, notices with a clock.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # It would print local variables: people and secrets.
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command()(setup.setup)
app.command()(serve.serve)
app.command()(worker.worker)
app.command()(doctor.doctor)
app.command()(backup.backup)
app.command()(backup.restore)
app.command()(demo.demo)
app.command("hash")(hash_files)
for noun, group in {
    "audit": audit,
    "config": config,
    "db": db,
    "handoff": handoff,
    "index": index,
    "job": job,
    "key": key,
    "party": party,
    "person": person,
}.items():
    app.add_typer(group.app, name=noun)


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
