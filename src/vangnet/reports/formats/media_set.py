"""Sets of media that police secured, their own or another force's, as VICS: by their hashes, with where they are from.

A set, or each case in it, becomes reports of at most ITEMS_MAX media. They are read one after the other, so that a set of
many gigabytes is never in memory; a part holds the media of the same positions each time, so that reading again after a
kill gives the same reports.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from vangnet.hashing.model import Convention
from vangnet.registry.formats import vics
from vangnet.registry.formats.reading import FILE, Readable, Skipped, Taken
from vangnet.registry.formats.writing import hash_text
from vangnet.registry.model.entries import EntryDraft, HashAlgorithm, ListedHash, MediaKind
from vangnet.reports.formats.reading import Problems, Values
from vangnet.reports.model.drafts import Classified, Incident, ItemDraft, ItemKind, ReportDraft, Reporter, Source

ITEMS_MAX = 5_000
_COMPARED = frozenset({HashAlgorithm.MD5, HashAlgorithm.SHA1, HashAlgorithm.SHA256, HashAlgorithm.PDQ})


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some media of a set, as a report; None where none of them could be read."""

    draft: ReportDraft | None
    #: Up to which medium of the file it goes, and how many in it could not be read.
    position: int
    skipped: int
    #: Why the file could not be read behind this, where it could not.
    broken: str | None = None


@dataclass(slots=True)
class _Open:
    case: int
    number: int
    items: list[ItemDraft] = field(default_factory=list)
    problems: Problems = field(default_factory=Problems)
    rows: int = 0
    position: int = 0
    broken: str | None = None


def read(
    stream: Readable, *, reporter: Reporter, provenance: str, reference: str, country: str | None, now: datetime
) -> Iterator[Part]:
    """The parts of a set. `reference` is the set's own. Raises InvalidInput where the file is no VICS."""

    def finished(part: _Open) -> Part:
        draft = ReportDraft(
            source=Source.MEDIA_SET,
            reporter=reporter,
            incident=Incident.MATERIAL,
            reference=f"{reference}/{part.case}/{part.number}",
            items=tuple(part.items),
            text=Values(part.problems, now=now).text(f"provenance: {provenance}"),
            problems=part.problems.told(),
        )
        skipped = part.rows - len(part.items)
        return Part(draft=draft if part.items else None, position=part.position, skipped=skipped, broken=part.broken)

    part: _Open | None = None
    for case, row in vics.read_cases(stream, country=country):
        if part is not None and (part.case != case or part.rows == ITEMS_MAX):
            yield finished(part)
            part = _Open(case=case, number=part.number + 1 if part.case == case else 1)
        if part is None:
            part = _Open(case=case, number=1)
        part.rows += 1
        part.position = row.position
        match row:
            case Taken(draft=entry):
                part.items.append(_item(entry))
            case Skipped(field=where, problem=problem) if where == FILE:
                part.rows -= 1
                part.broken = f"the file {problem}"
            case Skipped():
                part.problems.note(f"a medium could not be read: `{row.field}` {row.problem}")
    if part is not None:
        yield finished(part)


def _item(entry: EntryDraft) -> ItemDraft:
    return ItemDraft(
        kind=ItemKind.HASH,
        reference=entry.reference,
        hashes=tuple(_hash(one) for one in entry.hashes),
        media_type="video/*" if entry.media_kind is MediaKind.VIDEO else "image/*",
        classified=Classified(scheme=entry.category.scheme, code=entry.category.name),
    )


def _hash(listed: ListedHash) -> tuple[str, bytes]:
    if listed.algorithm is HashAlgorithm.PDQ and listed.convention not in {None, Convention.FULL}:
        return f"pdq {listed.convention}", listed.value
    return listed.algorithm.value, listed.value if listed.algorithm in _COMPARED else hash_text(listed).encode()
