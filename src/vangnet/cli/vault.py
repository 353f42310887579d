"""`vangnet vault`: the sealed media of a hotline or the police. No command shows one: that takes a person at a page."""

from typing import Annotated
from uuid import UUID

import typer

from vangnet.cli.installation import Installation, now, open_installation
from vangnet.cli.output import AsJson, print_record, print_records, progress_bar, say
from vangnet.vault.files import PARTS, VaultFiles
from vangnet.vault.model import EraseReason, HoldReason, Medium, MediumState
from vangnet.vault.service import erasing, keeping, looking, switching
from vangnet.vault.service.looking import Checked

app = typer.Typer(help="The sealed media of a hotline or the police.", no_args_is_help=True)

_Id = Annotated[UUID, typer.Argument(metavar="ID", help="The medium's id.")]
_Limit = Annotated[int, typer.Option(min=1, max=looking.LIST_MAX, help="How many at most.")]


@app.command("status")
def status(as_json: AsJson = False) -> None:
    """Print whether media are taken in, and how many there are."""
    with open_installation() as opened, opened.transaction() as conn:
        shown = looking.show(conn, opened.actor)
    choice = shown.choice
    print_record(
        {
            "enabled": choice is not None and choice.enabled,
            "legal_basis": None if choice is None else choice.basis,
            "reference": None if choice is None else choice.reference,
            **{state.value: sum(one.media for one in shown.counts if one.state is state) for state in MediumState},
            "held": sum(one.media for one in shown.counts if one.held),
            "bytes": sum(one.size_bytes for one in shown.counts if one.state is not MediumState.ERASED),
        },
        as_json=as_json,
    )


@app.command("enable")
def enable(
    basis: Annotated[str, typer.Option("--legal-basis", help="Why media may be kept here.")],
    reference: Annotated[str, typer.Option("--reference", help="Where that is written.")],
) -> None:
    """Take media in from now on. Only a hotline or the police can."""
    with open_installation() as opened, opened.transaction() as conn:
        switching.enable(conn, opened.actor, basis=basis, reference=reference, now=now())
    say("The vault takes media in. Choose terms with `vangnet retention choose`: until then nothing is erased by age.")


@app.command("disable")
def disable() -> None:
    """Take nothing in any more. What is there stays until it is erased."""
    with open_installation() as opened, opened.transaction() as conn:
        switching.disable(conn, opened.actor, now=now())
    say("The vault takes nothing in any more.")


@app.command("list")
def list_media(
    state: Annotated[list[MediumState] | None, typer.Option("--state", help="Only those; may be given often.")] = None,
    held: Annotated[bool, typer.Option("--held", help="Only those that somebody holds.")] = False,
    after: Annotated[UUID | None, typer.Option("--after", help="Go on after this id.")] = None,
    limit: _Limit = 100,
    as_json: AsJson = False,
) -> None:
    """Print media, in the order of their ids. None is opened."""
    with open_installation() as opened, opened.transaction() as conn:
        found = looking.list_media(
            conn, opened.actor, states=set(state or MediumState), held=held, after=after, limit=limit
        )
    print_records(
        [_record(one) for one in found],
        as_json=as_json,
        columns=["id", "state", "media_type", "size_bytes", "put_at", "hold"],
    )


@app.command("show")
def show(medium_id: _Id, as_json: AsJson = False) -> None:
    """Print a medium and why it is kept. It is not opened."""
    with open_installation() as opened, opened.transaction() as conn:
        medium, keepings = looking.get_medium(conn, opened.actor, medium_id=medium_id)
    needed = [f"{one.record} {one.record_id}: {one.basis} since {one.since:%Y-%m-%d}" for one in keepings]
    print_record({**_record(medium), "needed_by": needed}, as_json=as_json)


@app.command("hold")
def hold(
    medium_id: _Id, reason: Annotated[HoldReason, typer.Option("--reason", help="Why it must not be erased.")]
) -> None:
    """Keep a medium from being erased, whatever its terms say."""
    with open_installation() as opened, opened.transaction() as conn:
        keeping.hold(conn, opened.actor, medium_id=medium_id, reason=reason, now=now())
    say("It is held.")


@app.command("release")
def release(medium_id: _Id) -> None:
    """End that: its terms count again."""
    with open_installation() as opened, opened.transaction() as conn:
        keeping.release(conn, opened.actor, medium_id=medium_id, now=now())
    say("It is not held any more.")


@app.command("erase")
def erase(
    media: Annotated[list[UUID], typer.Argument(metavar="ID…", help="The ids of media.")],
    reason: Annotated[EraseReason, typer.Option("--reason", help="Why they are erased.")],
) -> None:
    """Erase media for good, whoever needs them: their keys first, then their files."""
    with open_installation() as opened:
        files = files_of(opened)
        for medium_id in media:
            with opened.transaction() as conn:
                erasing.erase(conn, opened.actor, medium_id=medium_id, reason=reason, now=now())
            files.remove(medium_id)
            typer.echo(medium_id)


@app.command("check")
def check(
    whole: Annotated[bool, typer.Option("--whole", help="Read every byte of every medium. It can take long.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look whether every medium is there; print those that are not, and mark them as lost. Exit code 1 where one is."""
    steps: list[Checked] = []
    with open_installation() as opened:
        files = files_of(opened)
        while not steps or steps[-1].after is not None:
            with opened.transaction() as conn:
                after = steps[-1].after if steps else None
                steps.append(looking.check(conn, opened.actor, files=files, after=after, whole=whole, now=now()))
    findings = [found for step in steps for found in step.findings]
    print_records([{"id": one.medium_id, "state": one.state, "problem": one.problem} for one in findings], as_json=as_json)
    lost = sum(one.state is MediumState.LOST for one in findings)
    say(f"{sum(step.media for step in steps)} media checked, {lost} lost")
    if lost:
        raise typer.Exit(1)


@app.command("sweep")
def sweep() -> None:
    """Remove files that nothing opens any more: of erased media, and what killed processes left."""
    with open_installation() as opened, progress_bar() as bar:
        files = files_of(opened)
        swept = []
        for part in bar.track(range(PARTS), description="sweeping"):
            with opened.transaction() as conn:
                swept.append(erasing.sweep(conn, opened.actor, files=files, part=part, now=now()))
    erased, unknown, unfinished = (
        sum(counts) for counts in zip(*((one.erased, one.unknown, one.unfinished) for one in swept), strict=True)
    )
    say(f"removed {erased} files of erased media, {unknown} that no row knows, {unfinished} half written")


def files_of(opened: Installation) -> VaultFiles:
    """The vault's files of an installation."""
    return VaultFiles(opened.settings.vault_dir, opened.keys, bytes_max=opened.settings.vault_bytes_max)


def _record(medium: Medium) -> dict[str, object]:
    return {
        "id": medium.id,
        "state": medium.state,
        "media_type": medium.media_type,
        "size_bytes": medium.size_bytes,
        "put_at": medium.put_at,
        "hold": medium.hold,
        "held_at": medium.held_at,
        "held_by": medium.held_by,
        "erased_at": medium.erased_at,
        "erase_reason": medium.erase_reason,
    }
