"""`vangnet registry entry`, `dispute` and `match`: single entries, who contests them, and what rested on them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from vangnet import config
from vangnet.cli.installation import now, open_installation
from vangnet.cli.output import AsJson, print_record, print_records, say
from vangnet.cli.registry.finding import ListArgument, Reason
from vangnet.errors import InvalidInput
from vangnet.hashing.hasher import Hasher
from vangnet.hashing.model import Hashed, Limits
from vangnet.hashing.sandbox import Sandbox
from vangnet.registry.formats.reading import Refused, listed, pdq
from vangnet.registry.model.disputes import Dispute, DisputeState
from vangnet.registry.model.entries import Category, Entry, EntryDraft, EntryState, HashAlgorithm, ListedHash, MediaKind
from vangnet.registry.service import disputes, entries, lists, matches

app = typer.Typer(help="Single entries: propose, agree, withdraw, correct, suspend.", no_args_is_help=True)
dispute_app = typer.Typer(help="Entries that somebody contests.", no_args_is_help=True)
match_app = typer.Typer(help="What entries matched, and decisions that no longer stand.", no_args_is_help=True)

_EntryId = Annotated[int, typer.Argument(metavar="ENTRY", help="The entry's number.")]
_DisputeId = Annotated[UUID, typer.Argument(metavar="DISPUTE", help="The dispute's id.")]
_Category = Annotated[str, typer.Option("--category", help="The supplier's category.")]
_Scheme = Annotated[str, typer.Option("--scheme", help="The scheme of the category.")]
_Reference = Annotated[str | None, typer.Option("--reference", help="The supplier's own name for it.")]
_Picture = Annotated[
    Path | None, typer.Option("--picture", help="Hash this file, in the sandbox; it is not kept.", exists=True)
]
_Md5 = Annotated[str | None, typer.Option("--md5", help="32 hex digits.")]
_Sha1 = Annotated[str | None, typer.Option("--sha1", help="40 hex digits.")]
_Sha256 = Annotated[str | None, typer.Option("--sha256", help="64 hex digits.")]
_Pdq = Annotated[str | None, typer.Option("--pdq", help="64 hex digits.")]
_Quality = Annotated[int | None, typer.Option("--pdq-quality", help="0 to 100.")]


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
    category: _Category,
    scheme: _Scheme = "supplier",
    reference: _Reference = None,
    picture: _Picture = None,
    md5: _Md5 = None,
    sha1: _Sha1 = None,
    sha256: _Sha256 = None,
    pdq_: _Pdq = None,
    pdq_quality: _Quality = None,
    as_json: AsJson = False,
) -> None:
    """Add an entry; it passes the safeguards first."""
    # After the installation was opened: from then on no traceback shows a hash.
    with open_installation() as opened, opened.transaction() as conn:
        given = _hashes(picture, {"md5": md5, "sha1": sha1, "sha256": sha256}, pdq_, pdq_quality)
        draft = _draft(category, scheme, reference, given)
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
    category: _Category,
    scheme: _Scheme = "supplier",
    reference: _Reference = None,
    picture: _Picture = None,
    md5: _Md5 = None,
    sha1: _Sha1 = None,
    sha256: _Sha256 = None,
    pdq_: _Pdq = None,
    pdq_quality: _Quality = None,
    as_json: AsJson = False,
) -> None:
    """Withdraw an entry and put another in its place, in one step."""
    # After the installation was opened: from then on no traceback shows a hash.
    with open_installation() as opened, opened.transaction() as conn:
        given = _hashes(picture, {"md5": md5, "sha1": sha1, "sha256": sha256}, pdq_, pdq_quality)
        draft = _draft(category, scheme, reference, given)
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


# --- disputes ---


@dispute_app.command("list")
def list_disputes(
    every: Annotated[bool, typer.Option("--all", help="Those that were answered, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List disputes, those that are due first first."""
    at = now()
    with open_installation() as opened, opened.transaction() as conn:
        found = disputes.list_disputes(conn, opened.actor, still_open=not every, limit=1000)
    print_records([_dispute_record(one, at) for one in found], as_json=as_json)


@dispute_app.command("open")
def open_dispute(entry_id: _EntryId, reason: Reason, as_json: AsJson = False) -> None:
    """Contest an entry."""
    with open_installation() as opened, opened.transaction() as conn:
        made = disputes.open_dispute(conn, opened.actor, keys=opened.keys, entry_id=entry_id, reason=reason, now=now())
    print_record(_dispute_record(made, now()), as_json=as_json)


@dispute_app.command()
def uphold(dispute_id: _DisputeId, reason: Reason) -> None:
    """Answer that the listing stands."""
    _answer(dispute_id, DisputeState.UPHELD, reason)


@dispute_app.command()
def concede(dispute_id: _DisputeId, reason: Reason) -> None:
    """Answer by withdrawing the entry."""
    _answer(dispute_id, DisputeState.WITHDRAWN, reason)


@dispute_app.command("correct")
def correct_disputed(
    dispute_id: _DisputeId,
    *,
    reason: Reason,
    category: _Category,
    scheme: _Scheme = "supplier",
    reference: _Reference = None,
    picture: _Picture = None,
    md5: _Md5 = None,
    sha1: _Sha1 = None,
    sha256: _Sha256 = None,
    pdq_: _Pdq = None,
    pdq_quality: _Quality = None,
) -> None:
    """Answer by withdrawing the entry and putting another in its place."""
    # After the installation was opened: from then on no traceback shows a hash.
    with open_installation() as opened, opened.transaction() as conn:
        given = _hashes(picture, {"md5": md5, "sha1": sha1, "sha256": sha256}, pdq_, pdq_quality)
        draft = _draft(category, scheme, reference, given)
        outcome = DisputeState.CORRECTED
        disputes.answer(
            conn, opened.actor, keys=opened.keys, dispute_id=dispute_id, outcome=outcome, reason=reason, draft=draft,
            now=now(),
        )  # fmt: skip
    say(f"answered: {outcome}")


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


def _answer(dispute_id: UUID, outcome: DisputeState, reason: str) -> None:
    with open_installation() as opened, opened.transaction() as conn:
        disputes.answer(
            conn, opened.actor, keys=opened.keys, dispute_id=dispute_id, outcome=outcome, reason=reason, now=now()
        )
    say(f"answered: {outcome}")


def _hashes(
    picture: Path | None, digests: Mapping[str, str | None], pdq_: str | None, quality: int | None
) -> tuple[ListedHash, ...]:
    try:
        found = [
            listed(HashAlgorithm(name), text.lower(), field=f"--{name}")
            for name, text in digests.items()
            if text is not None
        ]
        if pdq_ is not None:
            found.append(pdq(pdq_.lower(), convention="", quality="" if quality is None else str(quality), field="--pdq"))
    except Refused as refused:
        raise InvalidInput(field=refused.field, problem=refused.problem) from None
    if picture is not None:
        found += _hashes_of(picture)
    return tuple(found)


def _hashes_of(picture: Path) -> list[ListedHash]:
    with Sandbox(limits=Limits(**config.load().media_limits)) as sandbox:
        outcome = Hasher(sandbox).hash_file(picture, windows=True)
    if not isinstance(outcome, Hashed):
        raise InvalidInput(field="--picture", problem=f"cannot be hashed: {outcome.reason}")
    digests, seen = outcome.digests, outcome.frames[0].transforms[0].hash()
    return [
        ListedHash(algorithm=HashAlgorithm.MD5, value=digests.md5),
        ListedHash(algorithm=HashAlgorithm.SHA1, value=digests.sha1),
        ListedHash(algorithm=HashAlgorithm.SHA256, value=digests.sha256),
        ListedHash(
            algorithm=HashAlgorithm.PDQ, value=seen.hash, convention=seen.convention, quality=min(seen.quality, 100)
        ),
        # The picture is in hand: crops of it are found, too.
        *(ListedHash(algorithm=HashAlgorithm.PDQ_WINDOW, value=window.hash) for window in outcome.frames[0].windows),
    ]


def _draft(category: str, scheme: str, reference: str | None, hashes: Sequence[ListedHash]) -> EntryDraft:
    return EntryDraft(
        media_kind=MediaKind.IMAGE,
        hashes=tuple(hashes),
        category=Category(scheme=scheme, name=category),
        reference=reference,
    )


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


def _dispute_record(one: Dispute, at: datetime) -> dict[str, object]:
    return {
        "dispute": one.id,
        "entry": one.entry_id,
        "state": one.state,
        "opened_at": one.opened_at,
        "due_at": one.due_at,
        "late": one.is_late(at),
        "reason": one.reason,
        "answer": one.answer,
    }
