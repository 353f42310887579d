"""An entry as somebody gives it at the console: by its hashes or by its file. The options, and what is made of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from vangnet import config
from vangnet.errors import InvalidInput
from vangnet.hashing.hasher import Hasher
from vangnet.hashing.model import Hashed, Limits
from vangnet.hashing.sandbox import Sandbox
from vangnet.registry.formats.reading import Refused, listed, pdq
from vangnet.registry.model.entries import Category, EntryDraft, HashAlgorithm, ListedHash, MediaKind

CategoryOption = Annotated[str, typer.Option("--category", help="The supplier's category.")]
SchemeOption = Annotated[str, typer.Option("--scheme", help="The scheme of the category.")]
ReferenceOption = Annotated[str | None, typer.Option("--reference", help="The supplier's own name for it.")]
PictureOption = Annotated[
    Path | None, typer.Option("--picture", help="Hash this file, in the sandbox; it is not kept.", exists=True)
]
Md5Option = Annotated[str | None, typer.Option("--md5", help="32 hex digits.")]
Sha1Option = Annotated[str | None, typer.Option("--sha1", help="40 hex digits.")]
Sha256Option = Annotated[str | None, typer.Option("--sha256", help="64 hex digits.")]
PdqOption = Annotated[str | None, typer.Option("--pdq", help="64 hex digits.")]
QualityOption = Annotated[int | None, typer.Option("--pdq-quality", help="0 to 100.")]


def given_hashes(
    picture: Path | None, digests: Mapping[str, str | None], pdq_: str | None, quality: int | None
) -> tuple[ListedHash, ...]:
    """The hashes that were given, and those of the file that was. Raises InvalidInput."""
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


def drafted(category: str, scheme: str, reference: str | None, hashes: Sequence[ListedHash]) -> EntryDraft:
    """A picture's entry."""
    return EntryDraft(
        media_kind=MediaKind.IMAGE,
        hashes=tuple(hashes),
        category=Category(scheme=scheme, name=category),
        reference=reference,
    )
