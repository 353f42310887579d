"""What the doors for tools made for Hasher-Matcher-Actioner share: its words for kinds of files and hashes, and the file
that a request sends or names by its address.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from fastapi import Query

from vangnet.errors import InvalidInput, RequestRefused, Unavailable
from vangnet.gate.uploads import UnreadableUpload, files_in
from vangnet.hashing.model import Convention, MediaHash, Outcome, Reason, Unhashable
from vangnet.registry.model.entries import MediaKind
from vangnet.web.api.upload import pieces
from vangnet.web.protocols.wire import Body, DoorLimits, NoRoom, Oversized
from vangnet.web.visit import OneVisit

_ONE_FILE = "the body must be a form with one file, named `photo` or `video`"


class NotChecked(Unavailable):
    """The gate could not look it up."""

    message = "it could not be checked now; this is not the same as no match"


class FileKind(StrEnum):
    PHOTO = "photo"  #: A picture.
    VIDEO = "video"  #: Moving pictures.


class HashKind(StrEnum):
    PDQ = "pdq"  #: Of what a picture looks like.
    VIDEO_MD5 = "video_md5"  #: Of a file's bytes.


#: Which of our algorithms each of them is, and how many bytes its values have.
ALGORITHMS = {HashKind.PDQ: ("pdq", 32), HashKind.VIDEO_MD5: ("md5", 16)}
_KINDS_OF_FILE = {FileKind.PHOTO: HashKind.PDQ, FileKind.VIDEO: HashKind.VIDEO_MD5}
MEDIA_KINDS = {FileKind.PHOTO: MediaKind.IMAGE, FileKind.VIDEO: MediaKind.VIDEO}

UrlText = Annotated[str | None, Query(alias="url", description="The address of a file that is to be fetched.")]
ContentType = Annotated[
    str | None, Query(description="`photo` or `video`; without it, what the file's server says that it is.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenFile:
    """A file that was sent, or fetched."""

    kind: FileKind
    data: bytes = field(repr=False)


def refused(problem: str, status: int = 400) -> RequestRefused:
    """The error for a request that such a tool got wrong."""
    return RequestRefused(problem=problem, status=status)


def hash_kind(name: str) -> HashKind:
    """Raises RequestRefused."""
    try:
        return HashKind(name)
    except ValueError:
        raise refused(f"`signal_type` must be one of {', '.join(HashKind)}") from None


def value(kind: HashKind, text: str) -> bytes:
    """A hash from its hexadecimal digits. Raises RequestRefused."""
    digits = 2 * ALGORITHMS[kind][1]
    if len(text) == digits and text.isascii() and text.isalnum():
        try:
            return bytes.fromhex(text)
        except ValueError:
            pass
    raise refused(f"`signal` must be {digits} hexadecimal digits")


@asynccontextmanager
async def sent(visit: OneVisit) -> AsyncIterator[GivenFile]:
    """The one file of the form that is sent. Raises RequestRefused, NotChecked."""
    with _received(visit) as body:
        async for piece in pieces(visit.request):
            body.add(piece)
        try:
            files = files_in(visit.request.headers.get("content-type"), body.data() or b"")
        except UnreadableUpload:
            raise refused("the form cannot be read") from None
        if len(files) != 1 or files[0].field_name not in set(FileKind):
            raise refused(_ONE_FILE)
        yield GivenFile(kind=FileKind(files[0].field_name), data=files[0].data)


@contextmanager
def fetched(visit: OneVisit, url: str, content_type: str | None) -> Iterator[GivenFile]:
    """The file at an address. Raises RequestRefused, NotChecked, PartnerFailed."""
    fetcher = visit.site.fetcher
    if fetcher is None:
        raise refused("files are not fetched here: send the file, or set VANGNET_HMA_FETCH")
    with _received(visit) as body:
        try:
            media_type = fetcher.fetch(url, max_bytes=visit.settings.media_bytes_max, take=body.add)
        except InvalidInput as error:
            raise refused(str(error)) from None
        yield GivenFile(kind=_kind_of(content_type, media_type), data=body.data() or b"")


def outcome_of(visit: OneVisit, file: GivenFile) -> Outcome:
    """What hashing makes of a file. Raises NotChecked."""
    if visit.site.gate is None:
        raise NotChecked
    outcome = visit.site.gate.hasher.hash_bytes(file.data)
    if isinstance(outcome, Unhashable) and outcome.reason is Reason.NOT_ISOLATED:
        raise NotChecked
    return outcome


def picture_hash(outcome: Outcome) -> MediaHash:
    """The PDQ hash of a picture at its own size. Raises RequestRefused where there is none that can be trusted."""
    if isinstance(outcome, Unhashable):
        raise refused(f"the file has no hash that can be trusted: {outcome.reason}", 422)
    return outcome.frames[0].hashes()[Convention.FULL]


def written(kinds: frozenset[HashKind], outcome: Outcome) -> dict[str, str]:
    """The hashes of a file as they go over the wire. Raises RequestRefused."""
    made = {}
    if HashKind.PDQ in kinds:
        made[HashKind.PDQ.value] = picture_hash(outcome).hash.hex()
    if HashKind.VIDEO_MD5 in kinds:
        made[HashKind.VIDEO_MD5.value] = outcome.digests.md5.hex()
    return made


def kinds_wanted(kind: FileKind, names: str | None) -> frozenset[HashKind]:
    """The kinds of hash that a file of this kind gets: all it can have, or those named. Raises RequestRefused."""
    possible = frozenset({_KINDS_OF_FILE[kind]})
    if names is None:
        return possible
    asked = frozenset(hash_kind(name.strip()) for name in names.split(",") if name.strip())
    if not asked or not asked <= possible:
        raise refused(f"`types` must name what a {kind} has: {', '.join(sorted(possible))}")
    return asked


def _kind_of(content_type: str | None, media_type: str) -> FileKind:
    named = content_type or {"image": "photo", "video": "video"}.get(media_type.partition("/")[0], "")
    try:
        return FileKind(named)
    except ValueError:
        raise refused("`content_type` must be `photo` or `video`, where the file's server does not say which") from None


@contextmanager
def _received(visit: OneVisit) -> Iterator[Body]:
    most = visit.settings.media_bytes_max
    try:
        with Body(visit.site.gate_room, DoorLimits(keep_bytes=most, most_bytes=most)) as body:
            yield body
    except Oversized:
        raise refused("the file is larger than any that is taken", 413) from None
    except NoRoom:
        raise NotChecked from None
