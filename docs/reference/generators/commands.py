"""Every command, from the command line itself."""

from collections.abc import Iterator

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from generators.tables import code, table
from vangnet.cli.main import app


def page() -> str:
    """A section a command, with its arguments and options."""
    return "\n".join(_section(path, command) for path, command in every_command(app))


def every_command(app: typer.Typer) -> Iterator[tuple[str, TyperCommand]]:
    """Every command that can be called, with its full name, in the order in which help shows them."""
    yield from _below("vangnet", typer.main.get_command(app))


def undocumented(path: str, command: TyperCommand) -> Iterator[str]:
    """What `--help` would show without a word of explanation."""
    if not command.help:
        yield f"`{path}` has no docstring"
    for parameter in parameters(command):
        if not parameter.help:
            yield f"`{path}`: `{parameter.opts[0]}` has no help"


def parameters(command: TyperCommand) -> list[TyperArgument | TyperOption]:
    """What the command takes."""
    return [parameter for parameter in command.params if isinstance(parameter, TyperArgument | TyperOption)]


def _below(path: str, command: object) -> Iterator[tuple[str, TyperCommand]]:
    match command:
        case TyperGroup():
            for name, child in command.commands.items():
                if not child.hidden:
                    yield from _below(f"{path} {name}", child)
        case TyperCommand():
            yield path, command


def _section(path: str, command: TyperCommand) -> str:
    context = typer.Context(command)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    lines = [f"## {path}", "", f"```text\n{usage}\n```", "", " ".join((command.help or "").split()), ""]
    rows = [_row(parameter, context) for parameter in parameters(command)]
    if rows:
        lines.append(table(["argument or option", "what it is"], rows))
    return "\n".join(lines)


def _row(parameter: TyperArgument | TyperOption, context: typer.Context) -> tuple[str, str]:
    name, explanation = parameter.get_help_record(context) or (parameter.opts[0], parameter.help or "")
    return code(name), explanation
