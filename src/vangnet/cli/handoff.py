"""`vangnet handoff`: introducing ourselves to another installation, and what was handed over."""

import sys
from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

import typer

from vangnet.cli.installation import Installation, now, open_installation
from vangnet.cli.output import AsJson, print_record, print_records, say
from vangnet.db import Connection
from vangnet.errors import Conflict, InvalidInput, NotFound
from vangnet.handoff.model import Envelope, ReceivedHandoff, SentHandoff
from vangnet.handoff.service import receiving, sending
from vangnet.identity.model import Party, PartyKind, PartyState
from vangnet.identity.service import parties
from vangnet.partners.installation import InstallationFound, fetch_installation
from vangnet.partners.transport import Transport

app = typer.Typer(help="Hand-offs between installations: introduce, send, see what arrived.", no_args_is_help=True)

_Id = Annotated[UUID, typer.Argument(metavar="HAND-OFF", help="Its id, as `vangnet handoff list --json` shows it.")]
_COLUMNS = ["id", "direction", "party", "case_number", "kind", "state", "since", "tries", "next_try_at", "problem"]


@app.command()
def introduce(
    address: Annotated[
        str, typer.Argument(metavar="URL", help="The other installation, like https://vangnet.example.org.")
    ],
    fingerprint: Annotated[
        str | None, typer.Option(help="The fingerprint of its key, as the other side reads it out over the telephone.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add the installation at URL as a party we know, and introduce ourselves to it."""
    with open_installation() as opened:
        found = fetch_installation(Transport.trusting(opened.settings.partner_ca_file), address)
        _require_compared(found, fingerprint)
        with opened.transaction() as conn:
            party = _known(conn, opened, found)
            sent = sending.introduce(
                conn, opened.actor, party_id=party.id, base_url=opened.settings.base_url, keys=opened.keys, now=now()
            )
    say(f"{party.name} is a party we know now. The introduction is on its way; there, somebody has to accept us.")
    print_record(_sent_record(sent, {party.id: party.name}), as_json=as_json)


@app.command("send-test")
def send_test(
    which: Annotated[str, typer.Argument(metavar="PARTY", help="The party's name or id.")],
    text: Annotated[str, typer.Option(help="A few words.")] = "A test. Does this reach you?",
    as_json: AsJson = False,
) -> None:
    """Send a test message to a party we know."""
    with open_installation() as opened, opened.transaction() as conn:
        party = _party(conn, opened, which)
        sent = sending.send_test_message(conn, opened.actor, party_id=party.id, text=text, keys=opened.keys, now=now())
    print_record(_sent_record(sent, {party.id: party.name}), as_json=as_json)


@app.command("list")
def list_handoffs(
    waiting: Annotated[bool, typer.Option("--without-receipt", help="Only what was sent and has no receipt.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many each way.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List what was handed over: what has no receipt first, then the newest."""
    with open_installation() as opened, opened.transaction() as conn:
        names = {party.id: party.name for party in parties.list_parties(conn, opened.actor)}
        open_ones = sending.list_without_receipt(conn, opened.actor, limit=limit)
        records = [_sent_record(sent, names) for sent in open_ones]
        if not waiting:
            known = {sent.id for sent in open_ones}
            others = [
                *(
                    _sent_record(sent, names)
                    for sent in sending.list_sent(conn, opened.actor, limit=limit)
                    if sent.id not in known
                ),
                *(_received_record(taken, names) for taken in receiving.list_received(conn, opened.actor, limit=limit)),
            ]
            records += sorted(others, key=lambda record: str(record["since"]), reverse=True)
    print_records(records, as_json=as_json, columns=_COLUMNS)


@app.command()
def show(handoff: _Id, as_json: AsJson = False) -> None:
    """Show one hand-off, sent or received, with what was in it."""
    with open_installation() as opened, opened.transaction() as conn:
        names = {party.id: party.name for party in parties.list_parties(conn, opened.actor)}
        try:
            sent = sending.get_sent(conn, opened.actor, handoff_id=handoff)
            record = _sent_record(sent, names)
            envelope = sending.get_sent_envelope(conn, opened.actor, handoff_id=handoff)
        except NotFound:
            taken = receiving.get_received(conn, opened.actor, received_id=handoff)
            record = _received_record(taken, names)
            envelope = receiving.get_received_envelope(conn, opened.actor, received_id=handoff)
    print_record(record | _content(envelope), as_json=as_json)


@app.command("try-again")
def try_again(handoff: _Id, as_json: AsJson = False) -> None:
    """Send a hand-off without a receipt again, now."""
    with open_installation() as opened, opened.transaction() as conn:
        names = {party.id: party.name for party in parties.list_parties(conn, opened.actor)}
        sent = sending.try_again(conn, opened.actor, handoff_id=handoff, now=now())
    print_record(_sent_record(sent, names), as_json=as_json)


@app.command("give-up")
def give_up(handoff: _Id, as_json: AsJson = False) -> None:
    """Decide that a hand-off without a receipt is not sent again; `try-again` undoes it."""
    with open_installation() as opened, opened.transaction() as conn:
        names = {party.id: party.name for party in parties.list_parties(conn, opened.actor)}
        sent = sending.give_up(conn, opened.actor, handoff_id=handoff, now=now())
    print_record(_sent_record(sent, names), as_json=as_json)


def _require_compared(found: InstallationFound, fingerprint: str | None) -> None:
    """A person, here or in the script that calls us, compared the fingerprint. Raises InvalidInput, Conflict."""
    if fingerprint is not None:
        if "".join(fingerprint.split()).casefold() != "".join(found.fingerprint.split()):
            raise Conflict(problem="the installation at that address has another key than the fingerprint that was given")
        return
    if not sys.stdin.isatty():
        raise InvalidInput(field="--fingerprint", problem="must be given where nobody can be asked")
    say(f"{found.name} ({found.kind}) has the key\n  {found.fingerprint}")
    say("Call them on a number that you know already, and have it read out.")
    if not typer.confirm("Is it the same?", err=True):
        raise Conflict(problem="nothing was added: the fingerprint is not the same, or was not compared")


def _known(conn: Connection, opened: Installation, found: InstallationFound) -> Party:
    party = parties.find_party_by_public_key(conn, found.public_key)
    match party:
        case None:
            return parties.add(
                conn,
                opened.actor,
                name=found.name,
                kind=PartyKind(found.kind.value),
                base_url=found.base_url,
                public_key=found.public_key,
                now=now(),
            )
        case Party(state=PartyState.PROPOSED):
            return parties.accept(conn, opened.actor, party_id=party.id, fingerprint=found.fingerprint, now=now())
        case _:
            return party


def _party(conn: Connection, opened: Installation, which: str) -> Party:
    found = [
        party
        for party in parties.list_parties(conn, opened.actor)
        if party.state is PartyState.KNOWN and which.casefold() in {party.name.casefold(), str(party.id)}
    ]
    if not found:
        raise NotFound(record="party that we know", key=which)
    if len(found) > 1:
        raise Conflict(problem="more than one party has this name: give its id, which `vangnet party list --json` shows")
    return found[0]


def _sent_record(sent: SentHandoff, names: Mapping[UUID, str]) -> dict[str, object]:
    return {
        "id": sent.id,
        "direction": "sent",
        "party": names.get(sent.party_id),
        "party_id": sent.party_id,
        "case_number": sent.case_number,
        "kind": sent.kind,
        "state": sent.state,
        "since": sent.state_at,
        "sent_at": sent.sent_at,
        "tries": sent.tries,
        "next_try_at": sent.next_try_at,
        "problem": sent.problem,
        "outcome": sent.outcome,
    }


def _received_record(taken: ReceivedHandoff, names: Mapping[UUID, str]) -> dict[str, object]:
    return {
        "id": taken.id,
        "direction": "received",
        "party": names.get(taken.party_id),
        "party_id": taken.party_id,
        "case_number": taken.case_number,
        "kind": taken.kind,
        "state": "received",
        "since": taken.received_at,
        "sent_at": taken.sent_at,
        "tries": None,
        "next_try_at": None,
        "problem": None,
        "outcome": taken.outcome,
    }


def _content(envelope: Envelope) -> dict[str, object]:
    return {"envelope_id": envelope.id, "sha256": envelope.sha256.hex(), "payload": envelope.payload}
