"""`vangnet hash`: digests and perceptual hashes of files, one JSON object a line or one line a file."""

import json
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Literal

import typer

from vangnet import config
from vangnet.cli.output import AsJson, progress_bar, say
from vangnet.hashing.hasher import Hasher
from vangnet.hashing.model import Convention, Frame, Limits, MediaHash, Outcome, Unhashable
from vangnet.hashing.sandbox import Sandbox, features


def hash_files(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE|DIR…", help="Files, and folders to go through.")],
    *,
    as_json: AsJson = False,
    screen: Annotated[
        bool, typer.Option("--screen", help="Give `full~`, nearly the true hash, several times faster.")
    ] = False,
    views: Annotated[
        Literal["dihedral"] | None,
        typer.Option("--views", help="Also the hashes of the picture turned and mirrored (`dihedral`: all eight)."),
    ] = None,
) -> None:
    """Hash files: MD5, SHA-1, SHA-256 and PDQ. JSON is one object a line, in the order of the files."""
    limits = Limits(**config.load().media_limits)
    conventions = frozenset({Convention.SCREEN if screen else Convention.FULL})
    files = list(files_in(paths))
    for sentence in features().missing():
        say(f"warning: {sentence}")
    unread = 0
    with Sandbox(limits=limits) as sandbox, progress_bar() as progress:
        task = progress.add_task("hashing", total=len(files))
        for path, future in _in_parallel(Hasher(sandbox), files, conventions):
            try:
                outcome = future.result()
            except OSError as error:
                unread += 1
                say(f"error: cannot read `{path}`: {error.strerror or error}")
            else:
                typer.echo(_as_json(path, outcome, views=views) if as_json else _as_line(path, outcome))
            progress.advance(task)
    if unread:
        raise typer.Exit(1)


def files_in(paths: Iterable[Path]) -> Iterator[Path]:
    """The files named, and all regular files in the folders named, in a fixed order. Links in folders are not followed."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for folder, subfolders, names in os.walk(path):
            subfolders.sort()
            for name in sorted(names):
                file = Path(folder, name)
                if file.is_file() and not file.is_symlink():
                    yield file


def _in_parallel(
    hasher: Hasher, files: Iterable[Path], conventions: frozenset[Convention]
) -> Iterator[tuple[Path, Future[Outcome]]]:
    """Each file with its outcome to come, in order; only so many ahead as keep all cores busy."""
    cores = os.cpu_count() or 1
    waiting: deque[tuple[Path, Future[Outcome]]] = deque()
    with ThreadPoolExecutor(max_workers=cores + 1) as pool:
        for path in files:
            waiting.append((path, pool.submit(hasher.hash_file, path, conventions)))
            if len(waiting) > 4 * cores:
                yield waiting.popleft()
        yield from waiting


def _as_json(path: Path, outcome: Outcome, *, views: str | None) -> str:
    digests, frames = outcome.digests, outcome.frames
    record: dict[str, object] = {
        "file": str(path),
        "md5": digests.md5.hex(),
        "sha1": digests.sha1.hex(),
        "sha256": digests.sha256.hex(),
        "pdq": _hashes(frames[0]) if frames else {},
        "frames": [{"index": frame.index, "pdq": _hashes(frame)} for frame in frames] if len(frames) > 1 else [],
        "views": _views(frames[0]) if views and frames else [],
        "unhashable": outcome.reason.value if isinstance(outcome, Unhashable) else None,
    }
    return json.dumps(record, ensure_ascii=False)


def _hashes(frame: Frame) -> dict[str, object]:
    return {convention.value: _one(hash_) for convention, hash_ in frame.hashes().items()}


def _views(frame: Frame) -> list[dict[str, object]]:
    by_convention = {transform.convention: transform.views() for transform in frame.transforms}
    views = next(iter(by_convention.values()))
    return [
        {
            "view": view.value,
            "pdq": {convention.value: _one(hashes[view]) for convention, hashes in by_convention.items()},
        }
        for view in views
    ]


def _one(hash_: MediaHash) -> dict[str, object]:
    return {"hash": hash_.hash.hex(), "quality": hash_.quality}


def _as_line(path: Path, outcome: Outcome) -> str:
    """For people: the hash and its quality, or why there is none, then the file."""
    hash_, quality = "-" * 64, "-"
    if outcome.frames:
        first = outcome.frames[0].transforms[0].hash()
        hash_, quality = first.hash.hex(), str(first.quality)
    reason = outcome.reason.value if isinstance(outcome, Unhashable) else ""
    return f"{hash_}  {quality:>3}  {reason:<12}  {path}"
