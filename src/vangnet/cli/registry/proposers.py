"""`vangnet registry proposer`: whose programs may propose entries for which list."""

from typing import Annotated

import typer

from vangnet.cli.installation import now, open_installation
from vangnet.cli.output import AsJson, print_records, say
from vangnet.cli.registry.finding import ListArgument, party_names, party_of
from vangnet.registry.service import lists, proposers

app = typer.Typer(help="Whose programs may propose entries, by the interface of HMA.", no_args_is_help=True)

_Party = Annotated[str | None, typer.Option(help="The party whose programs they are; without it, our own.")]


@app.command("all")
def all_proposers(as_json: AsJson = False) -> None:
    """List which lists were chosen for whose programs."""
    with open_installation() as opened, opened.transaction() as conn:
        found = proposers.list_proposers(conn, opened.actor)
        names, parties = lists.names(conn, opened.actor), party_names(conn, opened)
    print_records(
        [
            {
                "list": names[one.list_id],
                "party": None if one.party_id is None else parties[one.party_id],
                "chosen_by": one.chosen_by,
                "chosen_at": one.chosen_at,
            }
            for one in found
        ],
        as_json=as_json,
        columns=["list", "party", "chosen_by", "chosen_at"],
    )


@app.command()
def choose(which: ListArgument, party: _Party = None) -> None:
    """Let programs propose entries for a list. What they propose waits for people."""
    with open_installation() as opened, opened.transaction() as conn:
        found, whose = lists.find(conn, opened.actor, which), party_of(conn, opened, party)
        proposers.choose(conn, opened.actor, list_id=found.id, party_id=None if whose is None else whose.id, now=now())
    say(f"programs may propose entries for {found.name}; nothing that they propose counts before people agreed")


@app.command()
def end(which: ListArgument, party: _Party = None) -> None:
    """Let programs propose no more entries for a list."""
    with open_installation() as opened, opened.transaction() as conn:
        found, whose = lists.find(conn, opened.actor, which), party_of(conn, opened, party)
        proposers.end(conn, opened.actor, list_id=found.id, party_id=None if whose is None else whose.id, now=now())
    say(f"programs propose no more entries for {found.name}")
