"""`vangnet registry entry` and `match`: single entries, and what rested on them."""

from datetime import timedelta
from typing import Annotated

import typer

from vangnet.cli.installation import now, open_installation
from vangnet.cli.output import AsJson, print_record, print_records, say
from vangnet.cli.registry.drafts import (
    CategoryOption,
    Md5Option,
    PdqOption,
    PictureOption,
    QualityOption,
    ReferenceOption,
    SchemeOption,
    Sha1Option,
    Sha256Option,
    drafted,
    given_hashes,
)
from vangnet.cli.registry.finding import ListArgument, Reason
from vangnet.registry.model.entries import Entry, EntryState
from vangnet.registry.service import disputes, entries, lists, matches

app = typer.Typer(help="Single entries: propose, agree, withdraw, correct, suspend.", no_args_is_help=True)
match_app = typer.Typer(help="What entries matched, and decisions that no longer stand.", no_args_is_help=True)

_EntryId = Annotated[int, typer.Argument(metavar="ENTRY", help="The entry's number.")]


@app.command("list")
def list_entries(
    which: ListArgument,
    *,
    state: Annotated[EntryState | None, typer.Option(help="In this state only.")] = None,
    after: Annotated[int, typer.Option(help="Behind the entry of this number.")] = 0,
    limit: Annotated[int, typer.Option(help="So many at most.", min=1, max=1000)] = 100,
    as_json: AsJson = False,
) -> None:
    """List entries, in the order in which they were added."""
    with open_installation() as opened, opened.transaction() as conn:
        found = entries.list_entries(
            conn, opened.actor, list_id=lists.find(conn, opened.actor, which).id, state=state, after=after, limit=limit
        )
    print_records([_record(entry) for entry in found], as_json=as_json)


@app.command()
def show(entry_id: _EntryId, as_json: AsJson = False) -> None:
    """Show an entry with what was said about it, without its hashes."""
    with open_installation() as opened, opened.transaction() as conn:
        entry = entries.get(conn, opened.actor, entry_id)
        windows = entries.count_windows(conn, opened.actor, keys=opened.keys, entry_id=entry_id)
        said = entries.list_opinions(conn, opened.actor, entry_id)
        contested = disputes.list_disputes(conn, opened.actor, entry_id=entry_id, still_open=False)
    opinions = [f"{one.by_person} {'agrees' if one.agrees else 'disagrees'}" for one in said]
    more = {"sub_windows": windows, "opinions": opinions, "disputes": [str(one.id) for one in contested]}
    print_record(_record(entry) | more, as_json=as_json)


@app.command()
def hashes(entry_id: _EntryId, as_json: AsJson = False) -> None:
    """Show an entry's hashes, to contest or correct it. They are secrets, and the look is recorded."""
    with open_installation() as opened, opened.transaction() as conn:
        found = entries.open_hashes(conn, opened.actor, keys=opened.keys, entry_id=entry_id, now=now())
    print_records(
        [
            {"algorithm": one.algorithm, "value": one.value.hex(), "convention": one.convention, "quality": one.quality}
            for one in found
        ],
        as_json=as_json,
    )


@app.command()
def propose(
    which: ListArgument,
    *,
    category: CategoryOption,
    scheme: SchemeOption = "supplier",
    reference: ReferenceOption = None,
    picture: PictureOption = None,
    md5: Md5Option = None,
    sha1: Sha1Option = None,
    sha256: Sha256Option = None,
    pdq_: PdqOption = None,
    pdq_quality: QualityOption = None,
    as_json: AsJson = False,
) -> None:
    """Add an entry; it passes the safeguards first."""
    # After the installation was opened: from then on no traceback shows a hash.
    with open_installation() as opened, opened.transaction() as conn:
        given = given_hashes(picture, {"md5": md5, "sha1": sha1, "sha256": sha256}, pdq_, pdq_quality)
        draft = drafted(category, scheme, reference, given)
        found = lists.find(conn, opened.actor, which)
        made = entries.propose(conn, opened.actor, keys=opened.keys, list_id=found.id, draft=draft, now=now())
    print_record(_record(made.entry), as_json=as_json)
    if made.collides is not None:
        say("it is near a known-good picture and waits: `vangnet registry entry stopped` shows it")


@app.command()
def agree(entry_id: _EntryId) -> None:
    """Say that an entry belongs on its list."""
    _say_opinion(entry_id, agrees=True, reason=None)


@app.command()
def disagree(entry_id: _EntryId, reason: Reason) -> None:
    """Say that an entry does not belong on its list."""
    _say_opinion(entry_id, agrees=False, reason=reason)


@app.command()
def withdraw(entry_id: _EntryId, reason: Reason) -> None:
    """Take an entry back for good; what was decided by it is marked, and told."""
    with open_installation() as opened, opened.transaction() as conn:
        entries.withdraw(conn, opened.actor, keys=opened.keys, entry_id=entry_id, reason=reason, now=now())
    say("withdrawn")


@app.command()
def correct(
    entry_id: _EntryId,
    *,
    reason: Reason,
    category: CategoryOption,
    scheme: SchemeOption = "supplier",
    reference: ReferenceOption = None,
    picture: PictureOption = None,
    md5: Md5Option = None,
    sha1: Sha1Option = None,
    sha256: Sha256Option = None,
    pdq_: PdqOption = None,
    pdq_quality: QualityOption = None,
    as_json: AsJson = False,
) -> None:
    """Withdraw an entry and put another in its place, in one step."""
    # After the installation was opened: from then on no traceback shows a hash.
    with open_installation() as opened, opened.transaction() as conn:
        given = given_hashes(picture, {"md5": md5, "sha1": sha1, "sha256": sha256}, pdq_, pdq_quality)
        draft = drafted(category, scheme, reference, given)
        made = entries.correct(
            conn, opened.actor, keys=opened.keys, entry_id=entry_id, draft=draft, reason=reason, now=now()
        )
    print_record(_record(made.entry), as_json=as_json)


@app.command()
def suspend(entry_id: _EntryId, reason: Reason) -> None:
    """Stop an entry at once, and alone."""
    with open_installation() as opened, opened.transaction() as conn:
        entries.suspend(conn, opened.actor, keys=opened.keys, entry_id=entry_id, reason=reason, now=now())
    say("suspended; it matches nothing any more")


@app.command()
def stopped(
    which: Annotated[str | None, typer.Option("--list", help="Of this list only.")] = None, as_json: AsJson = False
) -> None:
    """List entries that a safeguard stopped and on which nobody decided."""
    with open_installation() as opened, opened.transaction() as conn:
        list_id = None if which is None else lists.find(conn, opened.actor, which).id
        found = entries.list_collisions(conn, opened.actor, list_id=list_id, limit=1000)
        names = entries.known_good_names(conn, opened.actor, found)
        list_names = lists.names(conn, opened.actor)
    print_records(
        [
            {
                "entry": one.entry_id,
                "list": list_names[one.list_id],
                "against": one.against,
                "known_good": "" if one.known_good_id is None else ": ".join(names[one.known_good_id]),
                "by": one.algorithm,
                "distance": one.distance,
                "found_at": one.found_at,
            }
            for one in found
        ],
        as_json=as_json,
    )


@app.command()
def keep(entry_id: _EntryId, reason: Reason) -> None:
    """Decide that an entry which was stopped is right."""
    _resolve(entry_id, keep=True, reason=reason)


@app.command()
def drop(entry_id: _EntryId, reason: Reason) -> None:
    """Decide that an entry which was stopped is withdrawn."""
    _resolve(entry_id, keep=False, reason=reason)


# --- matches ---


@match_app.command()
def revised(as_json: AsJson = False) -> None:
    """List decisions that no longer stand because their entry does not."""
    with open_installation() as opened, opened.transaction() as conn:
        found = matches.list_revised(conn, opened.actor, limit=1000)
        names = lists.names(conn, opened.actor)
    print_records(
        [
            {
                "reference": one.reference,
                "list": names[one.list_id],
                "entry": one.entry_id,
                "decided_at": one.at,
                "revised_at": one.revised_at,
                "reason": one.revised_reason,
                "told_at": one.told_at,
            }
            for one in found
        ],
        as_json=as_json,
    )


@match_app.command()
def most(which: ListArgument, as_json: AsJson = False) -> None:
    """List the entries of a list that matched most in the last seven days: how a trial goes."""
    with open_installation() as opened, opened.transaction() as conn:
        found = matches.most_matched(
            conn, opened.actor, list_id=lists.find(conn, opened.actor, which).id, since=now() - timedelta(days=7)
        )
    print_records([{"entry": entry_id, "matches": count} for entry_id, count in found], as_json=as_json)


def _say_opinion(entry_id: int, *, agrees: bool, reason: str | None) -> None:
    with open_installation() as opened, opened.transaction() as conn:
        entry = entries.give_opinion(
            conn, opened.actor, keys=opened.keys, entry_id=entry_id, agrees=agrees, reason=reason, now=now()
        )
    say(f"the entry is {entry.state}")


def _resolve(entry_id: int, *, keep: bool, reason: str) -> None:
    with open_installation() as opened, opened.transaction() as conn:
        entry = entries.resolve(
            conn, opened.actor, keys=opened.keys, entry_id=entry_id, keep=keep, reason=reason, now=now()
        )
    say(f"the entry is {entry.state}")


def _record(entry: Entry) -> dict[str, object]:
    return {
        "entry": entry.id,
        "state": entry.state,
        "media_kind": entry.media_kind,
        "category": entry.category_id,
        "reference": entry.reference,
        "batch": entry.batch_id,
        "added_by": entry.added_by,
        "added_at": entry.added_at,
        "replaces": entry.replaces,
        "withdrawn_at": entry.withdrawn_at,
        "withdrawn_why": entry.withdrawn_why,
    }
