"""How commands of the registry name things: lists and parties by name or id."""

from typing import Annotated
from uuid import UUID

import typer

from vangnet.cli.installation import Installation
from vangnet.db import Connection
from vangnet.errors import Conflict, NotFound
from vangnet.identity.model import Party
from vangnet.identity.service import parties

ListArgument = Annotated[str, typer.Argument(metavar="LIST", help="The list's name or id.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; who is concerned reads it.")]


def party_of(conn: Connection, opened: Installation, which: str | None) -> Party | None:
    """The party of this name or id that has not ended; None where none is named. Raises NotFound, Conflict."""
    if which is None:
        return None
    found = [
        party
        for party in parties.list_parties(conn, opened.actor)
        if which.casefold() in {party.name.casefold(), str(party.id)} and party.ended_at is None
    ]
    if not found:
        raise NotFound(record="party", key=which)
    if len(found) > 1:
        raise Conflict(problem="more than one party has this name: give its id, which `vangnet party list --json` shows")
    return found[0]


def party_names(conn: Connection, opened: Installation) -> dict[UUID, str]:
    """The parties' names."""
    return {party.id: party.name for party in parties.list_parties(conn, opened.actor)}
