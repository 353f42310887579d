"""What triage is to know of a report, made of what the report says and of what was found. Pure."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from vangnet.registry.model.classification import Classification
from vangnet.reports.model.drafts import IdentifierKind, ItemKind, ReportDraft, Trace
from vangnet.reports.model.facts import AgeClass, CannotOpen, Claim, Facts, Part, sayer_of

#: By these somebody can be looked for; a name or a date of birth alone finds too many.
_SUBJECT = frozenset(IdentifierKind) - {IdentifierKind.NAME, IdentifierKind.BIRTH_DATE}


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundOut:
    """What we found out about a report ourselves."""

    unseen: int = 0
    known: int = 0
    #: Files that came, and not only their names.
    files_here: int = 0
    classification: Classification | None = None
    age: AgeClass | None = None
    same_subject: int = 0
    evidence_expires_at: datetime | None = None
    #: What our own people say.
    claims: frozenset[Claim] = frozenset()
    no_danger: bool = False
    drawn: bool = False


def facts_of(report_id: int, draft: ReportDraft, found: FoundOut, *, received_at: datetime) -> Facts:
    """The facts of a report."""
    sayer = sayer_of(draft.reporter.kind)
    signs = draft.signs.union(*(item.signs for item in draft.items))
    return Facts(
        report_id=report_id,
        received_at=received_at,
        source=draft.source,
        incident=draft.incident,
        said_by=sayer,
        claims=frozenset(Claim(sign, sayer) for sign in signs) | found.claims,
        unseen_items=found.unseen,
        known_items=found.known,
        classification=found.classification,
        age=found.age,
        same_subject=found.same_subject,
        evidence_expires_at=found.evidence_expires_at,
        parts=frozenset(_parts(draft, found)),
        cannot_open=_cannot_open(draft, found),
        no_danger=found.no_danger,
        drawn=found.drawn,
    )


def _parts(draft: ReportDraft, found: FoundOut) -> Iterator[Part]:
    if any(one.kind in _SUBJECT for person in draft.people for one in person.identifiers):
        yield Part.SUBJECT
    if any(trace.at is not None for trace in traces_of(draft)):
        yield Part.TRACE
    if draft.places:
        yield Part.PLACE
    if found.files_here or any(item.kind is ItemKind.ADDRESS for item in draft.items):
        yield Part.MATERIAL


def traces_of(draft: ReportDraft) -> Iterator[Trace]:
    """Every address on the network in a report."""
    yield from draft.traces
    for person in draft.people:
        yield from person.traces
    for item in draft.items:
        yield from item.traces


def _cannot_open(draft: ReportDraft, found: FoundOut) -> CannotOpen | None:
    """A report without its files can be worked on as long as it has anything else: only then is it put aside."""
    named = [item for item in draft.items if item.kind is ItemKind.FILE]
    if not named or found.files_here or any(item.hashes for item in named):
        return None
    has_more = draft.text or draft.people or draft.traces or draft.signs or len(named) < len(draft.items)
    return None if has_more else CannotOpen.FILES_MISSING


def gravest(classifications: Collection[Classification]) -> Classification | None:
    """The gravest of them: they are declared in that order."""
    return next((one for one in Classification if one in classifications), None)
