"""`vangnet registry import`, `batch` and `known-good`: what comes in, and what must not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from vangnet import config
from vangnet.cli.hash import files_in
from vangnet.cli.installation import Installation, now, open_installation
from vangnet.cli.output import AsJson, print_record, print_records, progress_bar, say
from vangnet.cli.registry.finding import party_of
from vangnet.errors import InvalidInput, NotFound
from vangnet.hashing.hasher import Hasher
from vangnet.hashing.model import Convention, Limits, Outcome
from vangnet.hashing.sandbox import Sandbox
from vangnet.registry.formats import READERS, ListFormat, by_suffix
from vangnet.registry.model.entries import HashAlgorithm, ListedHash
from vangnet.registry.model.matches import Batch
from vangnet.registry.service import imports, known_good, lists
from vangnet.registry.service.known_good import GoodPicture

batch_app = typer.Typer(help="What was read into lists, and what of it was not taken.", no_args_is_help=True)
known_good_app = typer.Typer(help="Harmless pictures that must never be listed.", no_args_is_help=True)

_CHUNK_BYTES = 1024 * 1024
_PICTURES_AT_ONCE = 500
_LISTED = frozenset(convention for convention in Convention if convention is not Convention.SCREEN)
_BatchId = Annotated[int, typer.Argument(metavar="BATCH", help="The batch's number.")]


def import_file(
    file: Annotated[Path, typer.Argument(help="The file.", exists=True, dir_okay=False)],
    *,
    into: Annotated[str, typer.Option("--list", help="The list's name or id.")],
    format_: Annotated[
        ListFormat | None, typer.Option("--format", help="Its format; without it, what its name says.")
    ] = None,
    party: Annotated[str | None, typer.Option(help="On behalf of which party; without it, the list's supplier.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read a file into a list. One that was broken off is read on where it stopped."""
    format_ = format_ or by_suffix(file.name)
    if format_ is None:
        raise InvalidInput(field="--format", problem="must be given, because the file's name says nothing of it")
    with open_installation() as opened, file.open("rb") as stream:
        batch = _start(opened, stream, into, format_, party)
        if batch.position:
            say(f"read on behind row {batch.position:,}")
        batch = _run(opened, stream, format_, batch, file.stat().st_size)
    print_record(_record(batch), as_json=as_json)
    if batch.skipped:
        say(f"{batch.skipped:,} rows were not taken: `vangnet registry batch problems {batch.id}` says which and why")
    if batch.collided:
        say(
            f"{batch.collided:,} entries are near known-good pictures and wait: `vangnet registry entry stopped` shows them"
        )


def _start(opened: Installation, stream: BinaryIO, into: str, format_: ListFormat, party: str | None) -> Batch:
    digest = imports.digest_of(iter(lambda: stream.read(_CHUNK_BYTES), b""))
    stream.seek(0)
    with opened.transaction() as conn:
        found = lists.find(conn, opened.actor, into)
        known = party_of(conn, opened, party)
        return imports.start(
            conn, opened.actor, list_id=found.id, format_=format_.value, source_digest=digest,
            party_id=None if known is None else known.id, now=now(),
        )  # fmt: skip


def _run(opened: Installation, stream: BinaryIO, format_: ListFormat, batch: Batch, size: int) -> Batch:
    with progress_bar() as progress:
        task = progress.add_task("reading", total=size)
        rows = READERS[format_](stream, after=batch.position)
        return imports.run(
            opened.transaction, opened.actor, keys=opened.keys, batch=batch, rows=rows, clock=now,
            progress=lambda done: progress.update(task, completed=stream.tell(), description=f"{done.taken:,} taken"),
        )  # fmt: skip


# --- batches ---


@batch_app.command("list")
def list_batches(
    which: Annotated[str | None, typer.Option("--list", help="Of this list only.")] = None, as_json: AsJson = False
) -> None:
    """List what was read, the newest first."""
    with open_installation() as opened, opened.transaction() as conn:
        list_id = None if which is None else lists.find(conn, opened.actor, which).id
        found = imports.list_batches(conn, opened.actor, list_id=list_id)
    print_records([_record(batch) for batch in found], as_json=as_json)


@batch_app.command()
def problems(batch_id: _BatchId, as_json: AsJson = False) -> None:
    """List the first rows of a batch that were not taken, and why."""
    with open_installation() as opened, opened.transaction() as conn:
        batch = imports.get(conn, opened.actor, batch_id)
        found = imports.list_problems(conn, opened.actor, batch_id=batch_id, limit=1000)
    print_records(
        [{"position": one.position, "field": one.field, "problem": one.problem} for one in found], as_json=as_json
    )
    if batch.skipped > len(found):
        say(f"these are the first {len(found):,} of {batch.skipped:,}")


@batch_app.command()
def abandon(batch_id: _BatchId) -> None:
    """Decide that a source is not read on. What was taken stays."""
    with open_installation() as opened, opened.transaction() as conn:
        imports.abandon(conn, opened.actor, batch_id=batch_id, now=now())
    say("abandoned")


# --- known-good ---


@known_good_app.command("add")
def add_known_good(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE|DIR…", help="Pictures, and folders of pictures.")],
    *,
    set_name: Annotated[str, typer.Option("--set", help="What they belong to, such as `wordpress 6.7`.")],
    as_json: AsJson = False,
) -> None:
    """Add harmless pictures, and stop what is listed and near one of them."""
    files = list(files_in(paths))
    if not files:
        raise NotFound(record="picture", key="in these folders")
    done = {"added": 0, "known": 0, "no_picture": 0, "stopped": 0}
    with open_installation() as opened, progress_bar() as progress:
        task = progress.add_task("hashing", total=len(files))
        since = None
        for pictures, passed in _hashed(files, paths):
            with opened.transaction() as conn:
                added = known_good.add(
                    conn, opened.actor, keys=opened.keys, set_name=set_name, pictures=pictures, now=now()
                )
            since = added.since if since is None else since
            done["added"] += added.added
            done["known"] += added.known
            done["no_picture"] += passed - len(pictures)
            progress.advance(task, passed)
        if done["added"] and since is not None:
            done["stopped"] = _recheck(opened, since)
    print_record(done, as_json=as_json)
    if done["stopped"]:
        say(f"{done['stopped']} entries are near these and wait: `vangnet registry entry stopped` shows them")


@known_good_app.command("list")
def list_known_good(as_json: AsJson = False) -> None:
    """List the sets of known-good pictures."""
    with open_installation() as opened, opened.transaction() as conn:
        sets = known_good.list_sets(conn, opened.actor)
    print_records(
        [{"set": name, "pictures": pictures, "last_added_at": at} for name, pictures, at in sets], as_json=as_json
    )


def _hashed(files: list[Path], roots: list[Path]) -> Iterator[tuple[list[GoodPicture], int]]:
    """The pictures among the files, some hundred at a time, each time with how many files that were."""
    with Sandbox(limits=Limits(**config.load().media_limits)) as sandbox:
        hasher = Hasher(sandbox)
        for start in range(0, len(files), _PICTURES_AT_ONCE):
            some = files[start : start + _PICTURES_AT_ONCE]
            outcomes = [(path, hasher.hash_file(path, _LISTED)) for path in some]
            yield [picture for path, outcome in outcomes if (picture := _picture(path, outcome, roots))], len(some)


def _picture(path: Path, outcome: Outcome, roots: list[Path]) -> GoodPicture | None:
    """The picture with the hashes of its first frame; None for a file that is none."""
    if not outcome.frames:
        return None
    root = next((root for root in roots if path.is_relative_to(root)), path.parent)
    digests = outcome.digests
    hashes = [
        ListedHash(algorithm=HashAlgorithm.MD5, value=digests.md5),
        ListedHash(algorithm=HashAlgorithm.SHA1, value=digests.sha1),
        ListedHash(algorithm=HashAlgorithm.SHA256, value=digests.sha256),
    ]
    seen = [
        ListedHash(algorithm=HashAlgorithm.PDQ, value=hash_.hash, convention=convention, quality=min(hash_.quality, 100))
        for convention, hash_ in outcome.frames[0].hashes().items()
    ]
    return GoodPicture(name=str(path.relative_to(root)), hashes=(*hashes, *seen))


def _recheck(opened: Installation, since: int) -> int:
    # The job does the same; somebody who waits at the terminal should see what came of it.
    after, stopped, done = 0, 0, False
    while not done:
        with opened.transaction() as conn:
            step = known_good.recheck(conn, opened.actor, keys=opened.keys, since=since, after=after, now=now())
        after, stopped, done = step.after, stopped + step.stopped, step.done
    return stopped


def _record(batch: Batch) -> dict[str, object]:
    return {
        "batch": batch.id,
        "state": batch.state,
        "position": batch.position,
        "taken": batch.taken,
        "duplicates": batch.duplicates,
        "skipped": batch.skipped,
        "collided": batch.collided,
        "withdrawn": batch.withdrawn,
        "started_at": batch.started_at,
        "finished_at": batch.finished_at,
    }
