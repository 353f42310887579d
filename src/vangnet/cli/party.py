"""`vangnet party`: the parties we know, from the console."""

import sys
from datetime import datetime
from typing import Annotated

import typer

from vangnet.cli.installation import Installation, now, open_installation
from vangnet.cli.output import AsJson, print_record, print_records
from vangnet.db import Connection
from vangnet.errors import Conflict, InvalidInput, NotFound
from vangnet.identity.model import Grant, GrantedRight, Party, PartyKind
from vangnet.identity.service import grants, parties
from vangnet.keys import fingerprint as fingerprint_of

app = typer.Typer(help="The parties we know: add, accept, end; their legal basis and grants.", no_args_is_help=True)

_Which = Annotated[str, typer.Argument(metavar="PARTY", help="The party's name or id.")]
_Day = Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The last day on which it holds.")]
_OptionalDay = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last day; without it, for as long as it is known.")
]


@app.command("list")
def list_parties(as_json: AsJson = False) -> None:
    """List all parties: those that wait for an answer first."""
    with open_installation() as opened, opened.transaction() as conn:
        found = parties.list_parties(conn, opened.actor)
    print_records(
        [_record(party) for party in found],
        as_json=as_json,
        columns=["name", "kind", "state", "base_url", "legal_basis_ends_on", "fingerprint"],
    )


@app.command()
def show(which: _Which, as_json: AsJson = False) -> None:
    """Show one party with its grants."""
    with open_installation() as opened, opened.transaction() as conn:
        party = _party(conn, opened, which)
        given = grants.list_grants(conn, opened.actor, party.id)
    shown = [_grant_record(grant) for grant in given] if as_json else [_grant_line(grant) for grant in given]
    print_record({**_record(party), "grants": shown}, as_json=as_json)


@app.command()
def add(
    *,
    name: Annotated[str, typer.Option(help="The party's name.")],
    kind: Annotated[PartyKind, typer.Option(help="What kind of party it is.")],
    contact_name: Annotated[str | None, typer.Option(help="Whom to ask for there.")] = None,
    contact_email: Annotated[str | None, typer.Option(help="Where to write to them.")] = None,
    base_url: Annotated[str | None, typer.Option(help="The address of its own installation, if it has one.")] = None,
    public_key: Annotated[str | None, typer.Option(help="Its installation's public key, 64 hex digits.")] = None,
    as_json: AsJson = False,
) -> None:
    """Add a party for which you vouch."""
    with open_installation() as opened, opened.transaction() as conn:
        party = parties.add(
            conn,
            opened.actor,
            name=name,
            kind=kind,
            contact_name=contact_name,
            contact_email=contact_email,
            base_url=base_url,
            public_key=None if public_key is None else _key_bytes(public_key),
            now=now(),
        )
    print_record(_record(party), as_json=as_json)


@app.command()
def accept(
    which: _Which,
    fingerprint: Annotated[
        str | None, typer.Option(help="The fingerprint as the other side reads it out, over the telephone.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Accept a party that introduced itself, after comparing its key's fingerprint."""
    if fingerprint is None:
        if not sys.stdin.isatty():
            raise InvalidInput(field="--fingerprint", problem="must be given where nobody can be asked")
        fingerprint = str(typer.prompt("The fingerprint, as the other side reads it out", err=True))
    with open_installation() as opened, opened.transaction() as conn:
        party = _party(conn, opened, which)
        party = parties.accept(conn, opened.actor, party_id=party.id, fingerprint=fingerprint, now=now())
    print_record(_record(party), as_json=as_json)


@app.command()
def basis(
    which: _Which,
    text: Annotated[str, typer.Option(help="Why something may be exchanged with the party.")],
    reference: Annotated[str, typer.Option(help="Where that is written: a statute, an agreement.")],
    ends_on: _Day,
    as_json: AsJson = False,
) -> None:
    """Record the legal basis of what is exchanged with a party, with its last day."""
    with open_installation() as opened, opened.transaction() as conn:
        party = _party(conn, opened, which)
        party = parties.record_legal_basis(
            conn,
            opened.actor,
            party_id=party.id,
            text=text,
            reference=reference,
            ends_on=ends_on.date(),
            now=now(),
        )
    print_record(_record(party), as_json=as_json)


@app.command()
def end(which: _Which, as_json: AsJson = False) -> None:
    """End what we have with a party; its keys and grants stop counting at once."""
    with open_installation() as opened, opened.transaction() as conn:
        party = _party(conn, opened, which)
        party = parties.end(conn, opened.actor, party_id=party.id, now=now())
    print_record(_record(party), as_json=as_json)


@app.command()
def grant(
    which: _Which,
    right: Annotated[GrantedRight, typer.Argument(help="What it may do.")],
    until: _OptionalDay = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take the right back instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """Give a party a right, or take it back."""
    with open_installation() as opened, opened.transaction() as conn:
        party = _party(conn, opened, which)
        if not withdraw:
            last_day = None if until is None else until.date()
            given = grants.grant(conn, opened.actor, party_id=party.id, right=right, until=last_day, now=now())
        else:
            given = _open_grant(grants.list_grants(conn, opened.actor, party.id), right)
            given = grants.withdraw(conn, opened.actor, grant_id=given.id, now=now())
    print_record(_grant_record(given), as_json=as_json)


def _party(conn: Connection, opened: Installation, which: str) -> Party:
    found = parties.list_parties(conn, opened.actor)
    named = [party for party in found if which.casefold() in {party.name.casefold(), str(party.id)}]
    # A name that came back after an end means the one that is not over.
    open_ones = [party for party in named if party.ended_at is None] or named
    if not open_ones:
        raise NotFound(record="party", key=which)
    if len(open_ones) > 1:
        raise Conflict(problem="more than one party has this name: give its id, which `vangnet party list --json` shows")
    return open_ones[0]


def _open_grant(given: list[Grant], right: GrantedRight) -> Grant:
    for grant in given:
        if grant.right is right and grant.withdrawn_at is None:
            return grant
    raise NotFound(record="grant", key=right)


def _key_bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise InvalidInput(field="--public-key", problem="must have 64 hex digits") from None


def _record(party: Party) -> dict[str, object]:
    basis = party.legal_basis
    return {
        "id": party.id,
        "name": party.name,
        "kind": party.kind,
        "state": party.state,
        "contact_name": party.contact_name,
        "contact_email": party.contact_email,
        "base_url": party.base_url,
        "fingerprint": None if party.public_key is None else fingerprint_of(party.public_key),
        "public_key": None if party.public_key is None else party.public_key.hex(),
        "introduced_at": party.introduced_at,
        "accepted_at": party.accepted_at,
        "ended_at": party.ended_at,
        "legal_basis": None if basis is None else basis.text,
        "legal_basis_reference": None if basis is None else basis.reference,
        "legal_basis_ends_on": None if basis is None else basis.ends_on.isoformat(),
    }


def _grant_record(grant: Grant) -> dict[str, object]:
    return {
        "id": grant.id,
        "right": grant.right,
        "given_at": grant.given_at,
        "until": None if grant.until is None else grant.until.isoformat(),
        "withdrawn_at": grant.withdrawn_at,
    }


def _grant_line(grant: Grant) -> str:
    end = "withdrawn" if grant.withdrawn_at is not None else f"until {grant.until}" if grant.until else "no end date"
    return f"{grant.right} ({end})"
