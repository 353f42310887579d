"""An entry of a hash list: one picture or video with its hashes, as a supplier gives it and as it is kept.

An entry's id is the number of its addition in the stream of changes. What it is classified as is told by its category, not
by itself. Its hashes never change: a correction withdraws it and adds another.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from vangnet.errors import InvalidInput, InvalidTransition
from vangnet.hashing.model import Convention

REFERENCE_MAX = 200
NOTE_MAX = 1000
CATEGORY_MAX = 100
#: The largest of the hashes that we do not read ourselves (TMK+PDQF) has 258 kB.
OPAQUE_MAX_BYTES = 512 * 1024
HASHES_MAX = 32
#: Sub-windows are counted apart from the other hashes.
WINDOWS_MAX = 256


class HashAlgorithm(StrEnum):
    MD5 = "md5"  #: Of the file's bytes; can be forged, so that a match by it alone holds.
    SHA1 = "sha1"  #: Of the file's bytes; can be forged, so that a match by it alone holds.
    SHA256 = "sha256"  #: Of the file's bytes.
    PDQ = "pdq"  #: Of what the picture looks like; always with its convention.
    PDQ_WINDOW = "pdq_window"  #: PDQ `full` of a part of the picture, made where it was in hand; a match by it holds.
    PHOTODNA = "photodna"  #: Opaque here: matched by what a licensed party installs.
    TMK_PDQF = "tmk_pdqf"  #: Opaque here: of a video.
    NETCLEAN = "netclean"  #: Opaque here.
    VIDENTIFIER = "videntifier"  #: Opaque here.
    SSVH_PDNA = "ssvh_pdna"  #: Opaque here.
    SSVH_SAFER_HASH = "ssvh_safer_hash"  #: Opaque here.
    OTHER = "other"  #: Opaque here: any other; its value says which.


#: Bytes of the hashes that we make ourselves; all others are opaque.
LENGTHS: Mapping[HashAlgorithm, int] = {
    HashAlgorithm.MD5: 16,
    HashAlgorithm.SHA1: 20,
    HashAlgorithm.SHA256: 32,
    HashAlgorithm.PDQ: 32,
    HashAlgorithm.PDQ_WINDOW: 32,
}
#: Of the file's bytes: found by equality.
DIGESTS = (HashAlgorithm.SHA256, HashAlgorithm.SHA1, HashAlgorithm.MD5)
OPAQUE = frozenset(HashAlgorithm) - frozenset(LENGTHS)


class MediaKind(StrEnum):
    IMAGE = "image"  #: A picture.
    VIDEO = "video"  #: Moving pictures.


class EntryState(StrEnum):
    PROPOSED = "proposed"  #: Waits for others to agree; a match holds and never blocks.
    ACTIVE = "active"  #: Counts as its list and its classification do.
    DISPUTED = "disputed"  #: Somebody contests it and a reviewer has to answer; a match holds.
    SUSPENDED = "suspended"  #: Stopped by a safeguard or a person until somebody decides; matches nothing.
    WITHDRAWN = "withdrawn"  #: Does not stand any more, for good; matches nothing.


TRANSITIONS: Mapping[EntryState, frozenset[EntryState]] = {
    EntryState.PROPOSED: frozenset({
        EntryState.ACTIVE, EntryState.DISPUTED, EntryState.SUSPENDED, EntryState.WITHDRAWN,
    }),
    EntryState.ACTIVE: frozenset({
        EntryState.PROPOSED, EntryState.DISPUTED, EntryState.SUSPENDED, EntryState.WITHDRAWN,
    }),
    EntryState.DISPUTED: frozenset({
        EntryState.PROPOSED, EntryState.ACTIVE, EntryState.SUSPENDED, EntryState.WITHDRAWN,
    }),
    EntryState.SUSPENDED: frozenset({EntryState.PROPOSED, EntryState.ACTIVE, EntryState.WITHDRAWN}),
    EntryState.WITHDRAWN: frozenset(),
}  # fmt: skip

#: What a decision can still rest on.
STANDING = frozenset({EntryState.PROPOSED, EntryState.ACTIVE, EntryState.DISPUTED})


def step(current: EntryState, requested: EntryState) -> EntryState:
    """`requested`, where an entry may go from `current`. Raises InvalidTransition."""
    if requested not in TRANSITIONS[current]:
        raise InvalidTransition(record="entry", current=current, requested=requested)
    return requested


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedHash:
    """One hash of an entry. Its value is shown by no `repr`."""

    algorithm: HashAlgorithm
    value: bytes = field(repr=False)
    #: For PDQ only, where None means `full`, which is what lists that do not say use.
    convention: Convention | None = None
    #: For PDQ only, 0 to 100; None where the supplier does not say.
    quality: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A supplier's own word for what an entry is, such as `A1` in the scheme `ncmec`."""

    scheme: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryDraft:
    """What a supplier gives: what the reader of a format makes of one row or item."""

    media_kind: MediaKind
    hashes: tuple[ListedHash, ...]
    category: Category
    #: The supplier's own name for it.
    reference: str | None = field(default=None, repr=False)
    note: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry as it is kept, without its hashes: those are sealed, and `entries.open_hashes` shows them."""

    id: int
    list_id: UUID
    category_id: int
    media_kind: MediaKind
    state: EntryState
    reference: str | None = field(default=None, repr=False)
    note: str | None = field(default=None, repr=False)
    batch_id: int | None
    added_by: str | None
    added_at: datetime
    origin_id: int | None
    replaces: int | None
    withdrawn_by: str | None
    withdrawn_at: datetime | None
    withdrawn_why: str | None


def require_sound(draft: EntryDraft) -> None:
    """Raises InvalidInput for a draft that cannot be kept; the message names the field, never a value."""
    windows = [hash_ for hash_ in draft.hashes if hash_.algorithm is HashAlgorithm.PDQ_WINDOW]
    if not 1 <= len(draft.hashes) - len(windows) <= HASHES_MAX:
        raise InvalidInput(field="hashes", problem=f"must be 1 to {HASHES_MAX}")
    if windows and (len(windows) > WINDOWS_MAX or not any(hash_.algorithm is HashAlgorithm.PDQ for hash_ in draft.hashes)):
        raise InvalidInput(
            field="pdq_window", problem=f"must be at most {WINDOWS_MAX}, beside the hash of the whole picture"
        )
    for hash_ in draft.hashes:
        require_sound_hash(hash_)
    _require_text(draft.category.scheme, "scheme", 1, CATEGORY_MAX)
    _require_text(draft.category.name, "category", 1, CATEGORY_MAX)
    if draft.reference is not None:
        _require_text(draft.reference, "reference", 0, REFERENCE_MAX)
    if draft.note is not None:
        _require_text(draft.note, "note", 0, NOTE_MAX)


def require_sound_hash(hash_: ListedHash) -> None:
    """Raises InvalidInput for a hash that cannot be one of its kind."""
    algorithm, size = hash_.algorithm, len(hash_.value)
    length = LENGTHS.get(algorithm)
    if length is None:
        if not 1 <= size <= OPAQUE_MAX_BYTES:
            raise InvalidInput(field=algorithm, problem=f"must have 1 to {OPAQUE_MAX_BYTES} bytes, not {size}")
    elif size != length:
        raise InvalidInput(field=algorithm, problem=f"must have {length} bytes, not {size}")
    if algorithm is HashAlgorithm.PDQ:
        if hash_.convention is Convention.SCREEN:
            raise InvalidInput(field="convention", problem="`full~` screens and is never listed")
        if hash_.quality is not None and not 0 <= hash_.quality <= 100:
            raise InvalidInput(field="quality", problem="must be 0 to 100")
    elif hash_.convention is not None or hash_.quality is not None:
        raise InvalidInput(field=algorithm, problem="has neither a convention nor a quality; only pdq does")


def _require_text(text: str, name: str, shortest: int, longest: int) -> None:
    if not shortest <= len(text) <= longest:
        raise InvalidInput(field=name, problem=f"must have {shortest} to {longest} characters")
    # What can be printed is asked first, because nearly all can, and that is quick.
    if not text.isprintable() and any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in text):
        raise InvalidInput(field=name, problem="holds a character that cannot be kept")
