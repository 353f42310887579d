"""`vangnet setup`: says whose installation this is, and of which kind."""

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from vangnet.cli.installation import now, open_installation
from vangnet.cli.output import AsJson, print_record, say
from vangnet.errors import InvalidInput
from vangnet.identity.model import InstallationKind, Language
from vangnet.identity.service import installation

_KINDS = {
    InstallationKind.PROVIDER: "hosts what others upload",
    InstallationKind.HOTLINE: "takes reports from the public and has material removed",
    InstallationKind.POLICE: "investigates, and protects victims",
    InstallationKind.AUTHORITY: "watches over removal, orders it, and can fine",
}


def setup(
    kind: Annotated[InstallationKind | None, typer.Option(help="What kind of party it is.")] = None,
    party: Annotated[str | None, typer.Option(help="The party's name, as others know it.")] = None,
    language: Annotated[Language, typer.Option(help="The language of whoever did not choose one.")] = Language.NL,
    as_json: AsJson = False,
) -> None:
    """Say whose installation this is. Once: another kind needs another installation."""
    if kind is None:
        kind = InstallationKind(_asked("kind", "Which kind of party is it?", {str(k): told for k, told in _KINDS.items()}))
    if party is None:
        party = _asked("party", "What is its name?", {})
    with open_installation() as opened, opened.transaction() as conn:
        made = installation.set_up(conn, opened.actor, kind=kind, party_name=party, language=language, now=now())
    print_record(asdict(made), as_json=as_json)
    say("Next: `vangnet serve`. It prints a link that makes the first administrator.")


def _asked(option: str, question: str, choices: dict[str, str]) -> str:
    if not sys.stdin.isatty():
        raise InvalidInput(field=f"--{option}", problem="must be given where nobody can be asked")
    for name, told in choices.items():
        say(f"  {name:<10} {told}")
    while True:
        answer: str = typer.prompt(question, err=True).strip()
        if answer in choices or not choices:
            return answer
        say(f"One of {', '.join(choices)}, please.")
