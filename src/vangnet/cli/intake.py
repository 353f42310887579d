"""`vangnet intake`: reports that somebody has as files, taken in."""

import os
from pathlib import Path
from typing import Annotated

import typer

from vangnet.cli.installation import Installation, now, open_installation
from vangnet.cli.intake_shares import opened_taker, run_share, take_bundle
from vangnet.cli.output import AsJson, print_records, progress_bar, say
from vangnet.cli.registry.finding import party_of
from vangnet.errors import InvalidInput
from vangnet.reports.formats.listing import list_path
from vangnet.reports.formats.reading import Unreadable
from vangnet.reports.formats.shares import Share
from vangnet.reports.model.deliveries import DELIVERY_MAX, Delivery, DeliveryState
from vangnet.reports.model.drafts import Source
from vangnet.reports.service import deliveries

app = typer.Typer(help="Take in reports that lie in files.", no_args_is_help=True)

#: Where so little lies, starting processes takes longer than taking it in.
_FEW = 50

_File = Annotated[Path, typer.Argument(metavar="FILE", help="The file.", exists=True, dir_okay=False)]
_Party = Annotated[str | None, typer.Option("--party", help="Whose reports they are: a party's name or id.")]


@app.command("bundle")
def bundle(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH…", help="Archives, documents or folders, each a delivery.", exists=True)
    ],
    *,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, max=64, help="So many processes; by default one a core.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Read what was read before once more.")] = False,
    as_json: AsJson = False,
    share: Annotated[str | None, typer.Option("--share", hidden=True)] = None,
    delivery: Annotated[int | None, typer.Option("--delivery", hidden=True)] = None,
    line: Annotated[int | None, typer.Option("--line", hidden=True)] = None,
) -> None:
    """Take in CyberTips with their files. Broken off, the same command goes on where it was left.

    Ends with status 1 where something could not be read: it is printed with the reason, and stays listed as a delivery.
    """
    with open_installation() as opened:
        if share is not None and delivery is not None and line is not None:
            number, _, of = share.partition("/")
            run_share(opened, paths[0], delivery, Share(number=int(number), of=int(of)), line)
            return
        jobs = jobs or len(os.sched_getaffinity(0))
        read = [_bundle(opened, path, jobs=jobs, again=again) for path in paths]
    _print([one for one, _ in read], [(one.id, found) for one, bad in read for found in bad], as_json=as_json)


@app.command("csv")
def csv(file: _File, *, party: _Party = None, as_json: AsJson = False) -> None:
    """Take in a table of addresses, as hotlines exchange them."""
    _one(file, Source.CSV, party, as_json=as_json)


@app.command("xarf")
def xarf(file: _File, *, party: _Party = None, as_json: AsJson = False) -> None:
    """Take in XARF, version 4: one report or an array of them."""
    _one(file, Source.XARF, party, as_json=as_json)


@app.command("mail")
def mail(file: _File, *, party: _Party = None, as_json: AsJson = False) -> None:
    """Take in a mail as its program saved it (RFC 5322): a plain one, a feedback report, or one that carries XARF."""
    _one(file, Source.MAIL, party, as_json=as_json)


def _bundle(opened: Installation, path: Path, *, jobs: int, again: bool) -> tuple[Delivery, list[Unreadable]]:
    listing = list_path(path)
    with opened.transaction() as conn:
        delivery = deliveries.begin(
            conn, opened.actor, keys=opened.keys, source=Source.CYBERTIP, digest=listing.digest,
            size_bytes=listing.size_bytes, now=now(),
        )  # fmt: skip
        if again and delivery.state in {DeliveryState.PARTLY, DeliveryState.UNREADABLE}:
            delivery = deliveries.read_again(conn, opened.actor, delivery_id=delivery.id, now=now())
    if delivery.state is not DeliveryState.WAITING:
        say(f"`{path.name}` was read before, as delivery {delivery.id}; with --again what could not be read is tried again")
        return delivery, []
    with progress_bar() as progress:
        task = progress.add_task("taking in", total=listing.reports)
        taken = take_bundle(
            opened, path, delivery.id, jobs=jobs if listing.reports > _FEW else 1,
            tell=lambda more: progress.advance(task, more),
        )  # fmt: skip
    with opened.transaction() as conn:
        delivery = deliveries.finish(
            conn, opened.actor, keys=opened.keys, delivery_id=delivery.id, reports=taken.reports, bad=taken.bad, now=now()
        )
    return delivery, list(taken.bad)


def _one(file: Path, source: Source, party: str | None, *, as_json: bool) -> None:
    """Keeps a file and reads it at once."""
    if file.stat().st_size > DELIVERY_MAX:
        raise InvalidInput(field="FILE", problem=f"has more than {DELIVERY_MAX // 2**20} MiB: split it")
    with open_installation() as opened:
        with opened.transaction() as conn:
            known = party_of(conn, opened, party)
            delivery = deliveries.accept(
                conn, opened.actor, keys=opened.keys, source=source, content=file.read_bytes(),
                party_id=None if known is None else known.id, now=now(),
            )  # fmt: skip
        if delivery.state is DeliveryState.AGAIN:
            say("the same file came before, and was read then")
        else:
            with opened_taker(opened, processes=1) as taker:
                delivery = taker.read_delivery(opened.actor, delivery.id)
        with opened.transaction() as conn:
            shown = deliveries.show(conn, opened.actor, keys=opened.keys, delivery_id=delivery.id)
    bad = [Unreadable(reason=one.reason, where=one.where, problem=one.problem) for one in shown.problems]
    _print([shown.delivery], [(delivery.id, one) for one in bad], as_json=as_json)


def _print(read: list[Delivery], bad: list[tuple[int, Unreadable]], *, as_json: bool) -> None:
    records = [{"delivery": one.id, "state": one.state, "reports": one.reports, "bad": one.bad} for one in read]
    problems = [
        {"delivery": id_, "where": one.where, "reason": one.reason, "problem": one.problem} for id_, one in bad
    ]  # fmt: skip
    if as_json:
        print_records([*records, *problems], as_json=True)
    else:
        print_records(records, as_json=False)
        if problems:
            print_records(problems, as_json=False)
    if any(one.bad for one in read):
        raise typer.Exit(1)
