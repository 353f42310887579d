"""`vangnet intake`: reports that somebody has as files, taken in."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from vangnet.cli.installation import Installation, now, open_installation
from vangnet.cli.intake_shares import opened_taker, run_share, take_bundle
from vangnet.cli.output import AsJson, print_record, print_records, progress_bar, say
from vangnet.cli.registry.finding import party_of
from vangnet.errors import InvalidInput, InvalidSettings
from vangnet.jobs.mailbox import address_of, take_mailbox
from vangnet.reports.formats import media_set as media_sets
from vangnet.reports.formats import scan as scan_format
from vangnet.reports.formats.bundle import Bundled
from vangnet.reports.formats.listing import Listing, list_path
from vangnet.reports.formats.media_set import Part
from vangnet.reports.formats.reading import Unreadable, UnreadableReason
from vangnet.reports.formats.shares import Share
from vangnet.reports.model.deliveries import DELIVERY_MAX, Delivery, DeliveryState
from vangnet.reports.model.drafts import Source
from vangnet.reports.service.intake import deliveries
from vangnet.reports.service.intake.deliveries import Origin
from vangnet.reports.service.intake.taking import Taken, without_files

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
    share: Annotated[
        str | None, typer.Option("--share", hidden=True, help="Of a process that the command starts: its share.")
    ] = None,
    delivery: Annotated[
        int | None, typer.Option("--delivery", hidden=True, help="Of a process that the command starts: the delivery.")
    ] = None,
    line: Annotated[
        int | None,
        typer.Option("--line", hidden=True, help="Of a process that the command starts: where it tells how far it is."),
    ] = None,
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


@app.command("scan")
def scan(file: _File, *, party: _Party = None, as_json: AsJson = False) -> None:
    """Take in what `vangnet scan` found: the report that it wrote, of a store of yours or of another party."""
    listing = list_path(file)
    with open_installation() as opened, file.open("rb") as stream:
        delivery, origin = _begin(opened, Source.SCAN, listing, party)
        if delivery.state is DeliveryState.WAITING:
            found = scan_format.read(stream, reporter=origin.reporter, reference=listing.digest.hex()[:32], now=now())
            with opened_taker(opened, processes=1) as taker:
                taken = taker.take(opened.actor, delivery, without_files(found), origin)
            delivery = _finish(opened, delivery, taken)
        else:
            say(f"`{file.name}` was read before, as delivery {delivery.id}")
            taken = Taken(reports=0, bad=())
    _print([delivery], [(delivery.id, one) for one in taken.bad], as_json=as_json)


@app.command("media-set")
def media_set(
    file: _File,
    *,
    provenance: Annotated[
        str, typer.Option("--provenance", help="Where the set is from: the case, the seizure, the force.")
    ],
    party: _Party = None,
    country: Annotated[
        str | None, typer.Option("--country", help="Whose categories it has, in two letters; else as the file says.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take in a set of media as VICS 1.x or 2.0 (JSON), by their hashes. Broken off, the same command goes on."""
    listing = list_path(file)
    with open_installation() as opened, file.open("rb") as stream, progress_bar() as progress:
        delivery, origin = _begin(opened, Source.MEDIA_SET, listing, party)
        if delivery.state is not DeliveryState.WAITING:
            say(f"`{file.name}` was read before, as delivery {delivery.id}")
            _print([delivery], [], as_json=as_json)
            return
        with opened.transaction() as conn:
            before = deliveries.count_taken(conn, opened.actor, delivery_id=delivery.id)
        if before:
            say(f"going on behind part {before}")
        parts = media_sets.read(
            stream, reporter=origin.reporter, provenance=provenance, reference=listing.digest.hex()[:32],
            country=country, now=now(),
        )  # fmt: skip
        task = progress.add_task("taking in", total=listing.size_bytes)
        taken, media, skipped = _take_parts(
            opened, delivery, origin, parts, before=before,
            tell=lambda: progress.update(task, completed=stream.tell()),
        )  # fmt: skip
        delivery = _finish(opened, delivery, taken)
    _print([delivery], [(delivery.id, one) for one in taken.bad], as_json=as_json)
    say(f"{media:,} media, {skipped:,} skipped: why stands with each report")


def _take_parts(
    opened: Installation,
    delivery: Delivery,
    origin: Origin,
    parts: Iterator[Part],
    *,
    before: int,
    tell: Callable[[], None],
) -> tuple[Taken, int, int]:
    """What was taken, how many media there were, and how many could not be read. The first parts came before."""
    counts = {"reports": 0, "media": 0, "skipped": 0}

    def bundled() -> Iterator[Bundled | Unreadable]:
        for part in parts:
            counts["media"], counts["skipped"] = part.position, counts["skipped"] + part.skipped
            if part.draft is not None:
                counts["reports"] += 1
                if counts["reports"] > before:
                    yield Bundled(draft=part.draft, files={}, where=f"medium {part.position}")
            if part.broken is not None:
                yield Unreadable(reason=UnreadableReason.BROKEN, where=f"medium {part.position}", problem=part.broken)

    with opened_taker(opened, processes=1) as taker:
        taken = taker.take(opened.actor, delivery, bundled(), origin, lambda _: tell())
    return Taken(reports=counts["reports"], bad=taken.bad), counts["media"], counts["skipped"]


@app.command("mailbox")
def mailbox(as_json: AsJson = False) -> None:
    """Look into the mailbox now, as the worker does every minute: to try the settings out."""
    with open_installation() as opened:
        address = address_of(opened.settings)
        if address is None:
            raise InvalidSettings(problems="VANGNET_MAILBOX_HOST: there is no mailbox")
        fetched = take_mailbox(opened.database, opened.keys, address, actor=opened.actor, clock=now)
    print_record({"taken": fetched.taken, "again": fetched.again, "too_large": fetched.too_large}, as_json=as_json)


def _begin(opened: Installation, source: Source, listing: Listing, party: str | None) -> tuple[Delivery, Origin]:
    with opened.transaction() as conn:
        known = party_of(conn, opened, party)
        delivery = deliveries.begin(
            conn, opened.actor, keys=opened.keys, source=source, digest=listing.digest, size_bytes=listing.size_bytes,
            party_id=None if known is None else known.id, now=now(),
        )  # fmt: skip
        return delivery, deliveries.own_origin_of(conn, delivery)


def _finish(opened: Installation, delivery: Delivery, taken: Taken) -> Delivery:
    with opened.transaction() as conn:
        return deliveries.finish(
            conn, opened.actor, keys=opened.keys, delivery_id=delivery.id, reports=taken.reports, bad=taken.bad, now=now()
        )


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
    return _finish(opened, delivery, taken), list(taken.bad)


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
