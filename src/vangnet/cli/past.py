"""`vangnet gate past`: accepted uploads that are kept by their hashes, where a legal basis allows it."""

from datetime import datetime
from typing import Annotated

import typer

from vangnet.cli.installation import now, open_installation
from vangnet.cli.output import AsJson, print_record, say
from vangnet.errors import InvalidInput
from vangnet.gate.past import DAYS, DAYS_MAX
from vangnet.gate.service import past

app = typer.Typer(help="Accepted uploads, kept to be found when they are listed later.", no_args_is_help=True)


@app.command("show")
def show(as_json: AsJson = False) -> None:
    """Print whether accepted uploads are kept, on which basis, and how many."""
    with open_installation() as opened, opened.transaction() as conn:
        shown = past.show(conn, opened.actor, now=now())
    choice = shown.choice
    basis = None if choice is None else choice.basis
    print_record(
        {
            "kept": shown.keeps,
            "legal_basis": None if basis is None else basis.text,
            "reference": None if basis is None else basis.reference,
            "until": None if basis is None else basis.ends_on.isoformat(),
            "days": None if choice is None else choice.days,
            "pictures": None if choice is None else choice.pictures,
            "tables": len(shown.days),
            "uploads_about": sum(uploads for _, uploads in shown.days),
            "picture_hashes_about": shown.pictures,
            "lists_looked_up": f"{shown.lists_done} of {shown.lists}",
        },
        as_json=as_json,
    )


@app.command("on")
def switch_on(
    *,
    basis: Annotated[str, typer.Option("--legal-basis", help="Why uploads may be kept.")],
    reference: Annotated[str, typer.Option("--reference", help="Where that is written.")],
    until: Annotated[datetime, typer.Option("--until", formats=["%Y-%m-%d"], help="The last day on which it holds.")],
    days: Annotated[int, typer.Option(min=1, max=DAYS_MAX, help="For how long each upload is kept.")] = DAYS,
    pictures: Annotated[bool, typer.Option("--pictures", help="Keep perceptual hashes of pictures as well.")] = False,
    pictures_reason: Annotated[
        str, typer.Option("--pictures-reason", help="Why the legal basis covers those, too; goes with --pictures.")
    ] = "",
) -> None:
    """Keep keyed digests of accepted uploads from now on, until the legal basis ends.

    With `--pictures`, their perceptual hashes are kept as well: sealed, and only with a reason of their own.
    """
    if pictures_reason and not pictures:
        raise InvalidInput(field="--pictures-reason", problem="goes with --pictures")
    with open_installation() as opened, opened.transaction() as conn:
        past.switch_on(
            conn, opened.actor, basis=basis, reference=reference, ends_on=until.date(), days=days,
            pictures_reason=pictures_reason if pictures else None, now=now(),
        )  # fmt: skip
    say(f"Accepted uploads are kept for {days} days, until {until.date()} at the latest.")
    if pictures:
        say("Perceptual hashes of their pictures are kept as well.")


@app.command("off")
def switch_off() -> None:
    """Keep nothing any more, and erase everything that is kept."""
    with open_installation() as opened, opened.transaction() as conn:
        past.switch_off(conn, opened.actor, now=now())
    say("Nothing is kept of accepted uploads any more; what was kept is erased.")


@app.command("erase")
def erase(names: Annotated[list[str], typer.Argument(metavar="UPLOAD…", help="Your own names for uploads.")]) -> None:
    """Erase what is kept of uploads, by their own names."""
    with open_installation() as opened, opened.transaction() as conn:
        erased = past.erase(conn, opened.actor, object_ids=names, keys=opened.keys, now=now())
    typer.echo(erased)
