"""What the gate speaks of: a check, its outcome, what was decided, and what it rests on.

An outcome says what was found; a decision says what the provider does with the upload. They are two things on purpose: the
policy (`vangnet.gate.policy`) makes the one from the other, and nothing else does.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from vangnet.hashing.model import Convention, Cut, Reason
from vangnet.registry.model.entries import HashAlgorithm

#: Most checks in one batch of hashes.
BATCH_MAX = 10_000
OBJECT_ID_MAX = 200


class Outcome(StrEnum):
    MATCH = "match"  #: A listed hash was found, within the distance at which it counts.
    NO_MATCH = "no_match"  #: All that `checked` names was looked up, and nothing is listed.
    UNHASHABLE = "unhashable"  #: It could not be examined as it should be; `reason` says why. Its digests are not listed.
    UNAVAILABLE = "unavailable"  #: The gate could not check. Never means that nothing is listed.


class Decision(StrEnum):
    ALLOW = "allow"  #: The upload goes on.
    HOLD = "hold"  #: It is kept back until a person decided; the uploader is told nothing.
    BLOCK = "block"  #: It is refused.


class Door(StrEnum):
    API = "api"  #: `POST /api/v1/check`.
    HASHES = "hashes"  #: `POST /api/v1/check/hashes`.
    CLAMD = "clamd"  #: The protocol of ClamAV's server.
    ICAP = "icap"  #: RFC 3507.
    DUTCH = "dutch"  #: The Dutch hash check: `POST /v1/check/{md5|sha1}`.
    HMA = "hma"  #: The façade for tools made for Hasher-Matcher-Actioner.
    SCAN = "scan"  #: A store of files, by `vangnet scan` or `vangnet gate check`.
    PAST = "past"  #: An upload that was accepted before, looked up when its hash was listed.


class MatchKind(StrEnum):
    """How a match came about: what it proves, and so what may follow from it."""

    SHA256 = "sha256"  #: The same file, by a digest that nobody can forge.
    WEAK_DIGEST = "weak_digest"  #: Equal by MD5 or SHA-1 alone: both can be forged.
    PERCEPTUAL = "perceptual"  #: A picture that looks alike, confirmed on the true hash.


class AtMostHeld(StrEnum):
    """Why a match holds and never blocks, whatever the policy says: by how the picture was seen."""

    PART = "part"  #: A part of the listed picture was found, not the whole: other pictures can have such a part.
    GUESS = "guess"  #: A strip over the upload was painted over: what was under it was never seen.


def at_most_held(algorithm: str, view: str) -> AtMostHeld | None:
    """Why a match by this hash, in this view, holds at most; None where nothing about them says so."""
    if algorithm == HashAlgorithm.PDQ_WINDOW:
        return AtMostHeld.PART
    return AtMostHeld.GUESS if Cut.BANNER in view.split("+") else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckMatch:
    """A listed entry that was found. It has the entry's number and never its hash."""

    list_id: UUID
    list_name: str
    entry_id: int
    #: One of `vangnet.registry.model.classification.Classification`.
    classification: str
    #: `md5`, `sha1`, `sha256`, `pdq`, `pdq_window` …: by which hash it was found.
    algorithm: str
    #: In how many bits the hashes differ; 0 for digests.
    distance: int
    #: How the picture was seen, as `vangnet.hashing.model.view_name` says it.
    view: str
    #: It was counted and decided nothing: the list is on trial, or in the shadow by choice.
    shadow: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckAnswer:
    """The answer to one check."""

    check_id: UUID
    outcome: Outcome
    decision: Decision
    matches: tuple[CheckMatch, ...] = ()
    #: By what it was really looked up. A video has its digests here and nothing else.
    checked: tuple[str, ...] = ()
    #: How far the index followed the lists when it was asked.
    index_version: int = 0
    #: Why it could not be examined as it should be.
    reason: Reason | None = None
    #: Whoever asked seems to try the lists out: `matches` has each list once, without entry, distance and view.
    withheld: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenHash:
    """One hash of somebody's file, made elsewhere."""

    #: `md5`, `sha1`, `sha256` or `pdq`.
    algorithm: str
    value: bytes = field(repr=False)
    #: For pdq: 0 to 100; None where it is not told, which is then distrusted by nobody.
    quality: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureHash:
    """A perceptual hash of somebody's picture, good enough to be trusted."""

    convention: Convention
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HashCheck:
    """The hashes of one file, to be checked together."""

    hashes: tuple[GivenHash, ...]
    object_id: str | None = field(default=None, repr=False)
    #: The provider's pseudonym for whoever uploaded it.
    uploader: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptDecision:
    """A match as it is kept: what was decided about one upload, and on what it rests."""

    answer: CheckAnswer
    door: Door
    #: Whose key asked; None for a door without log-in.
    provider_key: str | None
    #: The provider's own name for the upload.
    object_id: str | None = field(repr=False)
    at: datetime
    #: Digests of the file, as far as they are known: what the report holds.
    digests: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
    #: Which policy decided.
    policy_version: int
    #: When it was uploaded, where that was accepted then and listed later; None for an upload that was checked just now.
    uploaded_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedDecision:
    """A kept decision as it is listed: without digests, with what became of it."""

    answer: CheckAnswer
    door: Door
    provider_key: str | None
    object_id: str | None = field(repr=False)
    at: datetime
    #: Later than `at` where it waited in the spool for the database.
    kept_at: datetime
    policy_version: int
    #: When the reports of it were signed.
    reported_at: datetime | None
    #: When an entry that it rests on ceased to stand.
    revised_at: datetime | None
    #: When it was uploaded, for a later match; None for an upload that was checked just then.
    uploaded_at: datetime | None
    #: When the provider said what became of the upload.
    answered_at: datetime | None

    @property
    def wants_answer(self) -> bool:
        """Whether the provider is to say what it did about it, and has not."""
        later = self.uploaded_at is not None
        return self.answered_at is None and (later or self.answer.decision is not Decision.ALLOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How many checks of one minute came to the same."""

    minute: datetime
    provider_key: str | None
    door: Door
    outcome: Outcome
    decision: Decision
    reason: Reason | None
    checks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedMatch:
    """How many checks of one minute matched a list, by what was decided; those in the shadow apart."""

    minute: datetime
    list_id: UUID
    decision: Decision
    shadow: bool
    matches: int
