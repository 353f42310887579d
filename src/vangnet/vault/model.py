"""What the vault keeps, why it is kept, and for what it may be opened or erased: types and pure rules.

A medium is one file, whatever it shows; the vault knows its size and its type, and nothing of its content. It is kept once,
however many records need it: each has a keeping of its own with its basis, and when the last keeping ends, the medium is
erased.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from vangnet.errors import Conflict, InvalidInput, InvalidTransition
from vangnet.identity.model.installation import InstallationKind

#: Whose task includes keeping such media. A provider preserves what it must in its own systems, an authority needs none.
MAY_ENABLE = frozenset({InstallationKind.HOTLINE, InstallationKind.POLICE})
#: A media type as it is declared (RFC 6838, section 4.2), without parameters.
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}")
_RECORD = re.compile(r"[a-z][a-z_]{0,39}")
RECORD_ID_MAX = 64


class MediumState(StrEnum):
    KEPT = "kept"  #: It is in the vault.
    LOST = "lost"  #: Its file is gone or damaged; a copy of the file brings it back.
    ERASED = "erased"  #: Its key is destroyed. For good.


TRANSITIONS: Mapping[MediumState, frozenset[MediumState]] = {
    MediumState.KEPT: frozenset({MediumState.LOST, MediumState.ERASED}),
    MediumState.LOST: frozenset({MediumState.KEPT, MediumState.ERASED}),
    MediumState.ERASED: frozenset(),
}


class Basis(StrEnum):
    """Why a record keeps a medium. How long each lasts is a matter of `vangnet.retention`."""

    INTAKE = "intake"  #: It came in, and nobody assessed it yet.
    NOT_ILLEGAL = "not_illegal"  #: It was assessed, and is not punishable.
    REMOVAL = "removal"  #: Its removal elsewhere is being followed.
    REFERRED = "referred"  #: It was handed to another party, who has receipted it.
    INVESTIGATION = "investigation"  #: An investigation needs it.
    INVESTIGATION_ENDED = "investigation_ended"  #: The investigation that needed it has ended.
    ACCOUNTABILITY = "accountability"  #: Out of the work; kept only to answer for what was done with it.


class OpenReason(StrEnum):
    """Why a medium is opened. One of these is in the audit trail, beside who and when."""

    ASSESSMENT = "assessment"  #: To assess it.
    SECOND_ASSESSMENT = "second_assessment"  #: To assess it without seeing the first answer, or because two differ.
    DISPUTE = "dispute"  #: Because a listing or an assessment is contested.
    INVESTIGATION = "investigation"  #: To identify a victim or a suspect.
    REFERRAL = "referral"  #: To hand it to another party.
    EXAMINATION = "examination"  #: For a program that computes something, such as a hash. No person sees it.
    COMPLAINT = "complaint"  #: To answer a complaint.
    COURT = "court"  #: By order of a court or a prosecutor.
    CONTROL = "control"  #: To check whether the work was done rightly.


#: For what a medium that is out of the work may still be opened (Wpg, art. 14).
ACCOUNTABILITY_REASONS = frozenset({OpenReason.COMPLAINT, OpenReason.COURT, OpenReason.CONTROL})


class EraseReason(StrEnum):
    """Why a keeping ends, or a medium is erased."""

    TERM_ENDED = "term_ended"  #: The term of its basis ended.
    NOT_NEEDED = "not_needed"  #: Nobody needs it any more.
    MISTAKE = "mistake"  #: It should never have come here.
    ORDER = "order"  #: A court, a prosecutor or the supervisory authority ordered it.
    RESTORED = "restored"  #: It was erased before; a backup brought it back.


class HoldReason(StrEnum):
    """Why a medium is not erased, whatever its terms say."""

    COURT = "court"  #: A case is before a court, or an appeal can still come.
    PRESERVATION = "preservation"  #: Another authority asked to have it preserved.
    DISPUTE = "dispute"  #: It is contested.
    COMPLAINT = "complaint"  #: A complaint waits for an answer.


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultChoice:
    """Whether the vault takes anything in, and on what that rests. The last one holds."""

    version: int
    enabled: bool
    #: There while it is enabled.
    basis: str | None
    reference: str | None
    chosen_by: str
    chosen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedFile:
    """A file that was sealed to the disk and is durable there. No row knows of it yet: without one, nobody can open it."""

    medium_id: UUID
    size_bytes: int
    #: By what equal content is known: a code under a key that is not in the database.
    content_mac: bytes = field(repr=False)
    #: The file's own key, sealed to this installation.
    wrapped_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Medium:
    """A file in the vault. After it was erased, what figures need stays: size, type, times, reason."""

    id: UUID
    state: MediumState
    size_bytes: int
    media_type: str
    put_at: datetime
    hold: HoldReason | None
    held_at: datetime | None
    held_by: str | None
    erased_at: datetime | None
    erase_reason: EraseReason | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """One record's reason to keep a medium."""

    id: int
    medium_id: UUID
    #: Whose reason it is: a kind of record, such as `report_item`, and its id.
    record: str
    record_id: str
    basis: Basis
    #: Since when it rests on this basis: the term runs from here.
    since: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Leave to open one medium, with its key. It is used after its transaction was committed, and not kept."""

    medium: Medium
    wrapped_key: bytes = field(repr=False)


def moved(current: MediumState, requested: MediumState) -> MediumState:
    """The requested state. Raises InvalidTransition where the table has no such step."""
    if requested not in TRANSITIONS[current]:
        raise InvalidTransition(record="medium", current=current, requested=requested)
    return requested


def require_may_enable(kind: InstallationKind) -> None:
    """Raises Conflict for a kind of installation that keeps no media."""
    if kind not in MAY_ENABLE:
        raise Conflict(problem=f"an installation of the kind `{kind}` keeps no media: only a hotline or the police does")


def require_enabled(choice: VaultChoice | None) -> None:
    """Raises Conflict where the vault takes nothing in."""
    if choice is None or not choice.enabled:
        raise Conflict(problem="the vault is not enabled, so that no medium can be put into it")


def require_openable(medium: Medium, bases: Iterable[Basis], reason: OpenReason, *, by_person: bool) -> None:
    """Raises Conflict where the medium is not there, or where this reason does not fit its bases or who opens it."""
    if medium.state is not MediumState.KEPT:
        raise Conflict(problem=f"the medium is {medium.state}, so that it cannot be opened")
    # What somebody saw must not be written down as what nobody saw.
    if by_person and reason is OpenReason.EXAMINATION:
        raise Conflict(problem=f"`{reason}` is for programs: a person gives another reason")
    # Kept for an answer to a complaint alone, it is out of everybody's work.
    if set(bases) <= {Basis.ACCOUNTABILITY} and reason not in ACCOUNTABILITY_REASONS:
        allowed = ", ".join(sorted(ACCOUNTABILITY_REASONS))
        raise Conflict(problem=f"the medium is out of the work, and is opened only for one of: {allowed}")


def require_not_held(medium: Medium) -> None:
    """Raises Conflict where somebody holds the medium."""
    if medium.hold is not None:
        raise Conflict(problem=f"the medium is held ({medium.hold}): release it before it is erased")


def checked_media_type(text: str) -> str:
    """A media type as it is kept: in small letters, without parameters. Raises InvalidInput."""
    tidy = text.partition(";")[0].strip().lower()
    if not _MEDIA_TYPE.fullmatch(tidy):
        raise InvalidInput(field="media_type", problem="must be a media type, like `image/png`")
    return tidy


def checked_record(record: str, record_id: str) -> tuple[str, str]:
    """Whose reason a keeping is. Raises InvalidInput."""
    if not _RECORD.fullmatch(record):
        raise InvalidInput(field="record", problem="must be a kind of record, like `report_item`")
    if not 1 <= len(record_id) <= RECORD_ID_MAX or not (record_id.isascii() and record_id.isprintable()):
        raise InvalidInput(field="record_id", problem=f"must have 1 to {RECORD_ID_MAX} characters, all of them ASCII")
    return record, record_id
