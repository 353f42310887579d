"""What can be done with the rows of a batch before its transaction: all that takes time and needs no database."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, assert_never
from uuid import UUID

from vangnet.errors import InvalidInput
from vangnet.registry.formats.reading import Packed, Row, Skipped, Taken, Withdrawn
from vangnet.registry.model.entries import require_sound
from vangnet.registry.model.matches import BatchProblem
from vangnet.registry.model.packing import pack
from vangnet.registry.safeguards import Finding, Safeguards
from vangnet.registry.service.sealing import EntryCipher


class Candidate(NamedTuple):
    """A row that may become an entry. Not for logs."""

    row: Packed
    key: bytes
    sealed: bytes

    def __repr__(self) -> str:
        return f"Candidate(position={self.row.position})"


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
        findings = safeguards.check_packed([one.row.packed for one in self.candidates])
        return replace(self, findings=findings, safeguards=safeguards)


def prepare(rows: Sequence[Row], *, list_id: UUID, cipher: EntryCipher, safeguards: Safeguards) -> PreparedRows:
    """Checks, seals and compares rows."""
    sound: list[Packed] = []
    problems: list[BatchProblem] = []
    withdrawn: list[Withdrawn] = []
    for row in rows:
        match row:
            case Packed():
                sound.append(row)
            case Taken():
                try:
                    sound.append(_packed(row))
                except InvalidInput as error:
                    problems.append(BatchProblem(position=row.position, field=error.field, problem=error.problem))
            case Skipped():
                problems.append(BatchProblem(position=row.position, field=row.field, problem=row.problem))
            case Withdrawn():
                withdrawn.append(row)
            case _:
                assert_never(row)
    # Of rows that say the same, the first.
    first: dict[bytes, Packed] = {}
    for key, row in zip(cipher.keys(list_id, [row.packed for row in sound]), sound, strict=True):
        first.setdefault(key, row)
    packed = [row.packed for row in first.values()]
    return PreparedRows(
        list_id=list_id,
        last=rows[-1].position if rows else None,
        candidates=list(map(Candidate, first.values(), first, cipher.seal_many(list_id, packed))),
        findings=safeguards.check_packed(packed),
        problems=problems,
        withdrawn=withdrawn,
        duplicates=len(sound) - len(first),
        safeguards=safeguards,
    )


def _packed(row: Taken) -> Packed:
    """Raises InvalidInput."""
    draft = row.draft
    require_sound(draft)
    return Packed(row.position, draft.media_kind, draft.category, draft.reference, draft.note, pack(draft.hashes))
