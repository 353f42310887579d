"""`vangnet registry`: sharing lists with other installations, following theirs, and looking a hash up."""

import re
from typing import Annotated
from uuid import UUID

import typer

from vangnet.cli.installation import Installation, now, open_installation
from vangnet.cli.output import AsJson, print_record, print_records, say
from vangnet.db import Connection
from vangnet.errors import IndexUnusable, InvalidInput, NotFound
from vangnet.hashing.index import RADIUS, RADIUS_MAX
from vangnet.hashing.model import Convention
from vangnet.identity.model import Party, PartyState
from vangnet.identity.service import parties
from vangnet.registry.model.entries import HashAlgorithm, ListedHash
from vangnet.registry.model.subscriptions import SubscribedList, Subscription
from vangnet.registry.service import feed, lists, lookups, sharing, subscriptions
from vangnet.registry.service.live import LiveIndex

app = typer.Typer(no_args_is_help=True)
subscription = typer.Typer(help="Whose lists we follow, and how that goes.", no_args_is_help=True)
app.add_typer(subscription, name="subscription")

_Party = Annotated[str, typer.Argument(metavar="PARTY", help="The party's name or id.")]
_List = Annotated[str, typer.Argument(metavar="LIST", help="The list's name or id.")]
_LOADED_WITHIN_S = 600
_COLUMNS = ["party", "state", "position", "hub_position", "lists", "arriving", "last_heard_at", "problem"]


@app.command()
def share(which: _List, with_: _Party, as_json: AsJson = False) -> None:
    """Let a party's installation follow a list of ours."""
    with open_installation() as opened, opened.transaction() as conn:
        found, party = lists.find(conn, opened.actor, which), _party(conn, opened, with_)
        given = sharing.share(conn, opened.actor, list_id=found.id, party_id=party.id, now=now())
    say(f"{party.name} may follow {found.name} now; there, somebody subscribes with `vangnet registry subscribe`.")
    print_record({"list": found.name, "party": party.name, "given_at": given.given_at}, as_json=as_json)


@app.command()
def unshare(which: _List, with_: _Party) -> None:
    """End that a party may follow a list of ours; it is suspended there as soon as they hear of it."""
    with open_installation() as opened, opened.transaction() as conn:
        found, party = lists.find(conn, opened.actor, which), _party(conn, opened, with_)
        sharing.unshare(conn, opened.actor, list_id=found.id, party_id=party.id, now=now())
    say(f"{party.name} may not follow {found.name} any more.")


@app.command()
def shares(as_json: AsJson = False) -> None:
    """List who may follow which of our lists."""
    with open_installation() as opened, opened.transaction() as conn:
        names, known = lists.names(conn, opened.actor), _names(conn, opened)
        records = [
            {"list": names[given.list_id], "party": known[given.party_id], "given_at": given.given_at}
            for given in sharing.list_shares(conn, opened.actor)
        ]
    print_records(records, as_json=as_json)


@app.command()
def subscribe(which: _Party, as_json: AsJson = False) -> None:
    """Follow the lists that a party shares with us. A running `vangnet serve` or `vangnet worker` begins at once."""
    with open_installation() as opened, opened.transaction() as conn:
        party = _party(conn, opened, which)
        made = subscriptions.subscribe(conn, opened.actor, party_id=party.id, now=now())
    print_record(_record(made, [], party.name), as_json=as_json)


@app.command()
def unsubscribe(which: _Party, as_json: AsJson = False) -> None:
    """Follow a party's lists no longer; what arrived stays here, suspended."""
    with open_installation() as opened, opened.transaction() as conn:
        party = _party(conn, opened, which)
        ended = subscriptions.stop(conn, opened.actor, opened.keys, party_id=party.id, now=now())
    print_record(_record(ended, [], party.name), as_json=as_json)


@subscription.command("list")
def list_subscriptions(as_json: AsJson = False) -> None:
    """List whose lists we follow, how far, and what is wrong where something is."""
    with open_installation() as opened, opened.transaction() as conn:
        names = _names(conn, opened)
        records = [
            _record(one, followed, names[one.hub_party_id])
            for one, followed in subscriptions.list_subscriptions(conn, opened.actor)
        ]
    print_records(records, as_json=as_json, columns=_COLUMNS)


@subscription.command("resume")
def resume(
    which: _Party,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Follow anew, for a hub that came back from a backup; old lists stay.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Go on with a broken subscription, once you know what happened at the hub."""
    with open_installation() as opened, opened.transaction() as conn:
        party = _party(conn, opened, which)
        resumed = subscriptions.resume(conn, opened.actor, opened.keys, party_id=party.id, from_start=from_start, now=now())
    print_record(_record(resumed, [], party.name), as_json=as_json)


@app.command("lift-suspension")
def lift_suspension(which: _List) -> None:
    """End that somebody here suspended a followed list: it is again what it is where it is kept."""
    with open_installation() as opened, opened.transaction() as conn:
        found = lists.find(conn, opened.actor, which)
        lifted = subscriptions.lift_suspension(conn, opened.actor, opened.keys, list_id=found.id, now=now())
    say(f"{lifted.name} is {lifted.state} here now.")


@app.command("head")
def show_head(as_json: AsJson = False) -> None:
    """Print where our stream of changes ends, to be compared with what a subscriber has."""
    with open_installation() as opened, opened.transaction() as conn:
        end = feed.head(conn)
    print_record({"position": end.position, "chain": end.chain.hex()}, as_json=as_json)


@app.command()
def lookup(
    hash_: Annotated[str, typer.Argument(metavar="HASH", help="md5, sha1, sha256 or pdq, in hexadecimal digits.")],
    radius: Annotated[int, typer.Option(min=0, max=RADIUS_MAX, help="For pdq: within so many bits.")] = RADIUS,
    as_json: AsJson = False,
) -> None:
    """Look a hash up on all lists, those that match nothing included. Loads the lists, so it takes a moment."""
    hashes = _hashes(hash_)
    with open_installation() as opened:
        with LiveIndex(opened.database, opened.keys, opened.settings.data_dir / "registry-index") as live:
            if not live.wait_until_loaded(_LOADED_WITHIN_S):
                raise IndexUnusable(problem=live.status.problem or "the listed hashes are still being loaded")
            with opened.transaction() as conn:
                names = lists.names(conn, opened.actor)
                found = lookups.look_up(conn, opened.actor, live=live, hashes=hashes, radius=radius, now=now())
        records = [
            {
                "list": names[match.list_id],
                "entry": match.entry_id,
                "classification": match.classification,
                "algorithm": match.algorithm,
                "distance": match.distance,
                "list_state": match.list_state,
                "effect": match.effect,
            }
            for match in found
        ]
    print_records(records, as_json=as_json)


def _hashes(text: str) -> list[ListedHash]:
    """What a hash of this length can be; 64 digits are both of two algorithms."""
    if re.fullmatch(r"[0-9a-fA-F]+", text) is None or len(text) not in {32, 40, 64}:
        raise InvalidInput(field="HASH", problem="must have 32 (md5), 40 (sha1) or 64 (sha256, pdq) hexadecimal digits")
    value = bytes.fromhex(text)
    match len(value):
        case 16:
            return [ListedHash(algorithm=HashAlgorithm.MD5, value=value)]
        case 20:
            return [ListedHash(algorithm=HashAlgorithm.SHA1, value=value)]
        case _:
            conventions = (Convention.FULL, Convention.FLOOR512, Convention.THUMBNAIL512)
            return [
                ListedHash(algorithm=HashAlgorithm.SHA256, value=value),
                *(ListedHash(algorithm=HashAlgorithm.PDQ, value=value, convention=one) for one in conventions),
            ]


def _party(conn: Connection, opened: Installation, which: str) -> Party:
    """The party of this name or id that we know. Raises NotFound."""
    known = [one for one in parties.list_parties(conn, opened.actor) if one.state is PartyState.KNOWN]
    found = [one for one in known if which.casefold() in {one.name.casefold(), str(one.id)}]
    if len(found) > 1:
        raise InvalidInput(field="PARTY", problem=f"is the name of {len(found)} parties: give the id")
    if not found:
        raise NotFound(record="party", key=which)
    return found[0]


def _names(conn: Connection, opened: Installation) -> dict[UUID, str]:
    return {party.id: party.name for party in parties.list_parties(conn, opened.actor)}


def _record(one: Subscription, followed: list[SubscribedList], party: str) -> dict[str, object]:
    return {
        "id": one.id,
        "party": party,
        "state": one.state,
        "position": one.position,
        "hub_position": one.hub_position,
        "chain": one.chain.hex(),
        "lists": sum(item.shared for item in followed),
        "arriving": sum(item.shared and item.arriving for item in followed),
        "last_heard_at": one.last_heard_at,
        "fault": one.fault,
        "problem": one.problem,
    }
