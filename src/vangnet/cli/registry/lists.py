"""`vangnet registry list` and `category`: hash lists, whether they count, and what their categories mean."""

from collections.abc import Mapping
from typing import Annotated, Literal
from uuid import UUID

import typer

from vangnet.cli.installation import Installation, now, open_installation
from vangnet.cli.output import AsJson, print_record, print_records, say
from vangnet.cli.registry.finding import ListArgument, Reason, party_names, party_of
from vangnet.db import Connection
from vangnet.errors import NotFound
from vangnet.registry.model.classification import Classification, proposed
from vangnet.registry.model.entries import EntryState
from vangnet.registry.model.lists import ListedCategory, ListState, QuorumOf
from vangnet.registry.service import categories, choices, disputes, exports, lists
from vangnet.registry.service.lists import ListOverview

app = typer.Typer(help="Hash lists: make, try, activate, suspend.", no_args_is_help=True)
category_app = typer.Typer(help="What suppliers' categories mean.", no_args_is_help=True)

_Classification = Literal["baseline", "national", "investigative", "other", "none"]
_COLUMNS = ["name", "supplier", "state", "entries", "active", "withdrawn", "stopped", "unmapped"]


@app.command("all")
def all_lists(as_json: AsJson = False) -> None:
    """List all hash lists with their states and counts."""
    with open_installation() as opened, opened.transaction() as conn:
        found = lists.overviews(conn, opened.actor, now=now())
        names = party_names(conn, opened)
    print_records([_record(one, names) for one in found], as_json=as_json, columns=_COLUMNS)


@app.command()
def show(which: ListArgument, as_json: AsJson = False) -> None:
    """Show one list: its categories, and what stands between it and being active."""
    with open_installation() as opened, opened.transaction() as conn:
        found = lists.overview(conn, opened.actor, lists.find(conn, opened.actor, which).id, now=now())
        names = party_names(conn, opened)
    record = _record(found, names)
    record["categories"] = [
        _category_record(found, one) if as_json else _category_line(found, one) for one in found.categories
    ]
    record["not_ready"] = found.not_ready
    print_record(record, as_json=as_json)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="The list's name.")],
    *,
    supplier: Annotated[str | None, typer.Option(help="The party that supplies it; without it, ourselves.")] = None,
    quorum: Annotated[int, typer.Option(help="How many must agree before an entry is active.")] = 1,
    quorum_of: Annotated[QuorumOf, typer.Option(help="Of what there must be so many.")] = QuorumOf.PEOPLE,
    as_json: AsJson = False,
) -> None:
    """Make a list, in quarantine."""
    with open_installation() as opened, opened.transaction() as conn:
        party = party_of(conn, opened, supplier)
        made = lists.create(
            conn, opened.actor, keys=opened.keys, name=name, supplier_party_id=None if party is None else party.id,
            quorum=quorum, quorum_of=quorum_of, now=now(),
        )  # fmt: skip
    print_record({"id": made.id, "name": made.name, "state": made.state}, as_json=as_json)


@app.command()
def rename(which: ListArgument, name: Annotated[str, typer.Argument(help="The new name.")]) -> None:
    """Give a list another name."""
    with open_installation() as opened, opened.transaction() as conn:
        found = lists.find(conn, opened.actor, which)
        lists.rename(conn, opened.actor, keys=opened.keys, list_id=found.id, name=name, now=now())
    say("renamed")


@app.command()
def trial(which: ListArgument) -> None:
    """Let a list match and be counted, and decide nothing."""
    with open_installation() as opened, opened.transaction() as conn:
        found = lists.find(conn, opened.actor, which)
        lists.start_trial(conn, opened.actor, keys=opened.keys, list_id=found.id, now=now())
    say(f"{found.name} matches and is counted; it decides nothing")


@app.command()
def activate(which: ListArgument) -> None:
    """Agree that a list is to decide; it does when a second person agreed, too."""
    with open_installation() as opened, opened.transaction() as conn:
        found = lists.find(conn, opened.actor, which)
        moved = lists.approve_activation(conn, opened.actor, keys=opened.keys, list_id=found.id, now=now())
    if moved.state is ListState.ACTIVE:
        say(f"{found.name} is active")
    else:
        say(f"you agreed that {found.name} is activated; it takes a second person")


@app.command()
def suspend(which: ListArgument, reason: Reason) -> None:
    """Stop a list at once, and alone."""
    with open_installation() as opened, opened.transaction() as conn:
        found = lists.find(conn, opened.actor, which)
        lists.suspend(conn, opened.actor, keys=opened.keys, list_id=found.id, reason=reason, now=now())
    say(f"{found.name} is suspended and matches nothing any more")


@app.command()
def quarantine(which: ListArgument, reason: Reason) -> None:
    """Put a list back into quarantine."""
    with open_installation() as opened, opened.transaction() as conn:
        found = lists.find(conn, opened.actor, which)
        lists.quarantine(conn, opened.actor, keys=opened.keys, list_id=found.id, reason=reason, now=now())
    say(f"{found.name} is in quarantine and matches nothing any more")


@app.command()
def choose(
    which: ListArgument,
    *,
    off: Annotated[bool, typer.Option("--off", help="Let nothing of it count here.")] = False,
    classification: Annotated[
        list[Classification] | None, typer.Option(help="What counts; give it more than once for more.")
    ] = None,
    radius: Annotated[int, typer.Option(help="Bits within which a perceptual hash matches.")] = 31,
) -> None:
    """Choose what of a list counts in this installation."""
    with open_installation() as opened, opened.transaction() as conn:
        found = lists.find(conn, opened.actor, which)
        wanted = classification or [Classification.BASELINE, Classification.NATIONAL]
        choices.choose(
            conn, opened.actor, list_id=found.id, enabled=not off, classifications=wanted, radius=radius, now=now()
        )
    say(f"nothing of {found.name} counts here" if off else f"of {found.name} counts here: {', '.join(sorted(wanted))}")


@app.command()
def agree_export(which: ListArgument) -> None:
    """Agree that a list is written out with its hashes in clear; it takes two people."""
    with open_installation() as opened, opened.transaction() as conn:
        found = lists.find(conn, opened.actor, which)
        people = exports.agree(conn, opened.actor, list_id=found.id, now=now())
    say("two people agreed; one of you may export it now" if people > 1 else "you agreed; it takes a second person")


@app.command()
def suppliers(as_json: AsJson = False) -> None:
    """Show what became of each supplier's entries."""
    with open_installation() as opened, opened.transaction() as conn:
        names = party_names(conn, opened)
        records = [
            {
                "supplier": "ourselves" if one.party_id is None else names[one.party_id],
                "lists": one.lists,
                "entries": one.entries,
                "withdrawn": one.withdrawn,
                "withdrawn_percent": round(100 * one.withdrawn_share, 2),
                "stopped": one.stopped,
                "disputed": one.disputed,
                "conceded": one.conceded,
            }
            for one in disputes.supplier_records(conn, opened.actor)
        ]
    print_records(records, as_json=as_json)


# --- categories ---


@category_app.command("list")
def list_categories(which: ListArgument, as_json: AsJson = False) -> None:
    """List a list's categories, and what each means here."""
    with open_installation() as opened, opened.transaction() as conn:
        found = lists.overview(conn, opened.actor, lists.find(conn, opened.actor, which).id, now=now())
    print_records([_category_record(found, one) for one in found.categories], as_json=as_json)


@category_app.command("map")
def map_category(
    which: ListArgument,
    scheme: Annotated[str, typer.Argument(help="The category's scheme, such as `ncmec` or `supplier`.")],
    name: Annotated[str, typer.Argument(help="The category's name.")],
    classification: Annotated[_Classification, typer.Argument(help="What it means; `none` takes that back.")],
) -> None:
    """Say what a supplier's category means, for all its entries at once."""
    with open_installation() as opened, opened.transaction() as conn:
        category = _category(conn, opened, which, scheme, name)
        wanted = None if classification == "none" else Classification(classification)
        categories.map_category(
            conn, opened.actor, keys=opened.keys, category_id=category.id, classification=wanted, now=now()
        )
    say(f"{scheme} {name} is {classification} from now on")


def _category(conn: Connection, opened: Installation, which: str, scheme: str, name: str) -> ListedCategory:
    found = lists.find(conn, opened.actor, which)
    for category in categories.list_categories(conn, opened.actor, found.id):
        if (category.scheme, category.name) == (scheme, name):
            return category
    raise NotFound(record="category", key=f"{scheme} {name}")


def _record(found: ListOverview, names: Mapping[UUID, str]) -> dict[str, object]:
    one = found.list
    return {
        "id": one.id,
        "name": one.name,
        "supplier": "ourselves" if one.supplier_party_id is None else names[one.supplier_party_id],
        "followed_at": None if one.origin_party_id is None else names[one.origin_party_id],
        "state": one.state,
        "state_at": one.state_at,
        "state_reason": one.state_reason,
        "entries": found.entries(),
        **{state.value: found.entries(state) for state in EntryState},
        "stopped": found.open_collisions,
        "unmapped": len(found.unmapped),
        "quorum": one.quorum,
        "quorum_of": one.quorum_of,
        "approved_by": sorted(found.approved_by),
    }


def _category_record(found: ListOverview, one: ListedCategory) -> dict[str, object]:
    reading = proposed(one.scheme, one.name)
    return {
        "scheme": one.scheme,
        "name": one.name,
        "classification": one.classification,
        "proposed": None if reading is None else reading.classification,
        "entries": sum(count.entries for count in found.counts if count.category_id == one.id),
        "mapped_by": one.mapped_by,
        "mapped_at": one.mapped_at,
    }


def _category_line(found: ListOverview, one: ListedCategory) -> str:
    entries = sum(count.entries for count in found.counts if count.category_id == one.id)
    return f"{one.scheme} {one.name}: {one.classification or 'unmapped'} ({entries:,} entries)"
