"""`vangnet registry dispute`: entries that somebody contests, and the answers."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

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
from vangnet.cli.registry.finding import Reason
from vangnet.registry.model.disputes import Dispute, DisputeState
from vangnet.registry.service import disputes

app = typer.Typer(help="Entries that somebody contests.", no_args_is_help=True)

_EntryId = Annotated[int, typer.Argument(metavar="ENTRY", help="The entry's number.")]
_DisputeId = Annotated[UUID, typer.Argument(metavar="DISPUTE", help="The dispute's id.")]


@app.command("list")
def list_disputes(
    every: Annotated[bool, typer.Option("--all", help="Those that were answered, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List disputes, those that are due first first."""
    at = now()
    with open_installation() as opened, opened.transaction() as conn:
        found = disputes.list_disputes(conn, opened.actor, still_open=not every, limit=1000)
    print_records([_dispute_record(one, at) for one in found], as_json=as_json)


@app.command("open")
def open_dispute(entry_id: _EntryId, reason: Reason, as_json: AsJson = False) -> None:
    """Contest an entry."""
    with open_installation() as opened, opened.transaction() as conn:
        made = disputes.open_dispute(conn, opened.actor, keys=opened.keys, entry_id=entry_id, reason=reason, now=now())
    print_record(_dispute_record(made, now()), as_json=as_json)


@app.command()
def uphold(dispute_id: _DisputeId, reason: Reason) -> None:
    """Answer that the listing stands."""
    _answer(dispute_id, DisputeState.UPHELD, reason)


@app.command()
def concede(dispute_id: _DisputeId, reason: Reason) -> None:
    """Answer by withdrawing the entry."""
    _answer(dispute_id, DisputeState.WITHDRAWN, reason)


@app.command("correct")
def correct_disputed(
    dispute_id: _DisputeId,
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
) -> None:
    """Answer by withdrawing the entry and putting another in its place."""
    # After the installation was opened: from then on no traceback shows a hash.
    with open_installation() as opened, opened.transaction() as conn:
        given = given_hashes(picture, {"md5": md5, "sha1": sha1, "sha256": sha256}, pdq_, pdq_quality)
        draft = drafted(category, scheme, reference, given)
        outcome = DisputeState.CORRECTED
        disputes.answer(
            conn, opened.actor, keys=opened.keys, dispute_id=dispute_id, outcome=outcome, reason=reason, draft=draft,
            now=now(),
        )  # fmt: skip
    say(f"answered: {outcome}")


def _answer(dispute_id: UUID, outcome: DisputeState, reason: str) -> None:
    with open_installation() as opened, opened.transaction() as conn:
        disputes.answer(
            conn, opened.actor, keys=opened.keys, dispute_id=dispute_id, outcome=outcome, reason=reason, now=now()
        )
    say(f"answered: {outcome}")


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
