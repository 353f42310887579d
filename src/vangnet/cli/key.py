"""`vangnet key`: API keys of our own programs, and of parties, from the console."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

import typer

from vangnet.cli.installation import Installation, now, open_installation
from vangnet.cli.output import AsJson, print_record, print_records, say
from vangnet.db import Connection
from vangnet.errors import NotFound
from vangnet.identity.model import ApiKey
from vangnet.identity.permissions import Permission
from vangnet.identity.service import api_keys, parties

app = typer.Typer(help="API keys: issue, revoke, see when each was last used.", no_args_is_help=True)


@app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List all keys, the newest first."""
    with open_installation() as opened, opened.transaction() as conn:
        found = api_keys.list_keys(conn, opened.actor)
        names = {party.id: party.name for party in parties.list_parties(conn, opened.actor)}
    print_records(
        [{**_record(key), "party": names.get(key.party_id) if key.party_id else None} for key in found],
        as_json=as_json,
        columns=["prefix", "name", "scopes", "party", "expires_at", "last_used_at", "revoked_at"],
    )


@app.command()
def issue(
    name: Annotated[str, typer.Option(help="What the key is for.")],
    scopes: Annotated[
        list[Permission], typer.Option("--scope", help="A permission; give the option more than once for more.")
    ],
    party: Annotated[str | None, typer.Option(help="The party whose key it is, by name; without it, ours.")] = None,
    days: Annotated[int, typer.Option(min=1, help="How long it counts.")] = 365,
    as_json: AsJson = False,
) -> None:
    """Issue a key. Its text is printed this once."""
    with open_installation() as opened, opened.transaction() as conn:
        at = now()
        issued = api_keys.issue(
            conn,
            opened.actor,
            name=name,
            scopes=frozenset(scopes),
            party_id=None if party is None else _party_id(conn, opened, party),
            expires_at=at + timedelta(days=days),
            now=at,
        )
    print_record({**_record(issued.key), "text": issued.text}, as_json=as_json)
    say("The text is shown this once: put it where the program reads it, and nowhere else.")


@app.command()
def revoke(
    which: Annotated[str, typer.Argument(metavar="KEY", help="The key's prefix or id.")], as_json: AsJson = False
) -> None:
    """Revoke a key: it counts no more, from the next request on."""
    with open_installation() as opened, opened.transaction() as conn:
        # A whole key is understood too: whoever found a leaked one has just that.
        prefix = which.split("_")[1] if which.startswith("vangnet_") and which.count("_") > 1 else which
        found = [key for key in api_keys.list_keys(conn, opened.actor) if prefix in {key.prefix, str(key.id)}]
        if not found:
            raise NotFound(record="API key", key=prefix[:8])
        key = api_keys.revoke(conn, opened.actor, key_id=found[0].id, now=now())
    print_record(_record(key), as_json=as_json)


def _party_id(conn: Connection, opened: Installation, name: str) -> UUID:
    found = [
        party.id
        for party in parties.list_parties(conn, opened.actor)
        if party.ended_at is None and name.casefold() in {party.name.casefold(), str(party.id)}
    ]
    if not found:
        raise NotFound(record="party", key=name)
    return found[0]


def _record(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "prefix": key.prefix,
        "name": key.name,
        "party_id": key.party_id,
        "scopes": sorted(key.scopes),
        "issued_at": key.issued_at,
        "issued_by": key.issued_by,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "revoked_at": key.revoked_at,
    }
