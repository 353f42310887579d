"""What can be done with the rows of a batch before its transaction: all that takes time and needs no database."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple
from uuid import UUID

from vangnet.errors import InvalidInput
from vangnet.registry.formats.reading import Row, Skipped, Taken, Withdrawn
from vangnet.registry.model.entries import EntryDraft, require_sound
from vangnet.registry.model.matches import BatchProblem
from vangnet.registry.model.packing import pack
from vangnet.registry.safeguards import Finding, Safeguards
from vangnet.registry.service.sealing import EntryCipher


class Candidate(NamedTuple):
    """A row that may become an entry. Not for logs."""

    position: int
    draft: EntryDraft
    key: bytes
    packed: bytes
    sealed: bytes

    def __repr__(self) -> str:
        return f"Candidate(position={self.position})"


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedRows:
    """Rows of a batch, sealed and compared with what the safeguards knew when they were."""

    list_id: UUID
    #: The position of the last row, or None where there is none.
    last: int | None
    candidates: Sequence[Candidate]
    findings: Sequence[Finding]
    problems: Sequence[BatchProblem]
    withdrawn: Sequence[Withdrawn]
    #: Rows that say the same as an earlier one.
    duplicates: int
    safeguards: Safeguards

    def checked_by(self, safeguards: Safeguards) -> "PreparedRows":
        """The same, compared anew where known-good pictures came meanwhile."""
        if safeguards is self.safeguards:
            return self
        findings = safeguards.check([one.draft.hashes for one in self.candidates])
        return replace(self, findings=findings, safeguards=safeguards)


def prepare(rows: Sequence[Row], *, list_id: UUID, cipher: EntryCipher, safeguards: Safeguards) -> PreparedRows:
    """Checks, seals and compares rows."""
    taken: dict[bytes, Taken] = {}
    problems: list[BatchProblem] = []
    withdrawn: list[Withdrawn] = []
    duplicates = 0
    for row in rows:
        if isinstance(row, Taken):
            try:
                require_sound(row.draft)
            except InvalidInput as error:
                problems.append(BatchProblem(position=row.position, field=error.field, problem=error.problem))
                continue
            if taken.setdefault(cipher.key(list_id, row.draft.hashes), row) is not row:
                duplicates += 1
        elif isinstance(row, Skipped):
            problems.append(BatchProblem(position=row.position, field=row.field, problem=row.problem))
        else:
            withdrawn.append(row)
    packed = [pack(row.draft.hashes) for row in taken.values()]
    sealed = cipher.seal_many(list_id, packed)
    candidates = [
        Candidate(row.position, row.draft, key, clear, closed)
        for (key, row), clear, closed in zip(taken.items(), packed, sealed, strict=True)
    ]
    return PreparedRows(
        list_id=list_id,
        last=rows[-1].position if rows else None,
        candidates=candidates,
        findings=safeguards.check([one.draft.hashes for one in candidates]),
        problems=problems,
        withdrawn=withdrawn,
        duplicates=duplicates,
        safeguards=safeguards,
    )
