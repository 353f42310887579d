"""Decisions on disk while the database is away: a folder with one sealed file for each, fsynced before the answer leaves.

A file has its name only when it is whole, and is removed only after the database has what it holds. Dying in between means
that it is taken in twice, which the decision's id makes once. Any number of processes may share a folder.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from vangnet.db.folders import make_data_dir, private, rename, told_as_ours
from vangnet.gate.model import CheckAnswer, CheckMatch, Decision, Door, KeptDecision, Outcome
from vangnet.hashing.model import Reason
from vangnet.keys import Keys

_WHOLE = ".decision"
_UNREADABLE = ".unreadable"
_HALF = ".new"
#: What is not whole after so long was left by a process that died while it wrote: its answer never left.
_HALF_FOR = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spooled:
    """A file of the spool; `decision` is None where it cannot be opened with the keys of this installation."""

    path: Path
    decision: KeptDecision | None


class Spool:
    """The folder. Safe to share between threads."""

    def __init__(self, folder: Path, keys: Keys) -> None:
        self._folder = folder
        self._sealer = keys.sealer("gate spool")

    def write(self, decision: KeptDecision) -> None:
        """On disk when it returns. Raises StorageFull, DataFolderUnusable."""
        id_ = decision.answer.check_id
        sealed = self._sealer.seal(json.dumps(_as_record(decision)).encode(), id_.bytes)
        make_data_dir(self._folder)
        with told_as_ours(self._folder):
            aside = self._folder / f"{id_}.{os.getpid()}{_HALF}"
            try:
                with open(aside, "wb", opener=private) as file:
                    file.write(sealed)
                    file.flush()
                    os.fsync(file.fileno())
                rename(aside, self._folder / f"{id_}{_WHOLE}")
            except OSError:
                aside.unlink(missing_ok=True)
                raise

    def waiting(self, *, now: datetime) -> Iterator[Spooled]:
        """What is to be taken in. Removes what a process left half-written."""
        self._clear(before=now - _HALF_FOR)
        for path in self._paths():
            try:
                sealed = path.read_bytes()
            except FileNotFoundError:
                continue  # Another process took it in.
            try:
                id_ = UUID(path.name.removesuffix(_WHOLE))
                record = json.loads(self._sealer.unseal(sealed, id_.bytes))
            except ValueError:
                yield Spooled(path=path, decision=None)
            else:
                yield Spooled(path=path, decision=_from_record(record))

    def count(self) -> int:
        """How many wait."""
        return len(self._paths())

    def done(self, spooled: Spooled) -> None:
        """The database has it."""
        spooled.path.unlink(missing_ok=True)

    def set_aside(self, spooled: Spooled) -> None:
        """Keeps a file that cannot be opened for a person to look at, under another name."""
        with contextlib.suppress(FileNotFoundError):  # Another process did.
            spooled.path.rename(spooled.path.with_suffix(_UNREADABLE))

    def _clear(self, *, before: datetime) -> None:
        for half in self._folder.glob(f"*{_HALF}"):
            with contextlib.suppress(FileNotFoundError):  # It became whole, or another process removed it.
                if half.stat().st_mtime < before.timestamp():
                    half.unlink()

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob(f"*{_WHOLE}"))


def _as_record(decision: KeptDecision) -> dict[str, object]:
    answer = decision.answer
    return {
        "check_id": str(answer.check_id),
        "outcome": answer.outcome,
        "decision": answer.decision,
        "matches": [
            {
                "list_id": str(match.list_id),
                "list_name": match.list_name,
                "entry_id": match.entry_id,
                "classification": match.classification,
                "algorithm": match.algorithm,
                "distance": match.distance,
                "view": match.view,
                "shadow": match.shadow,
            }
            for match in answer.matches
        ],
        "checked": list(answer.checked),
        "index_version": answer.index_version,
        "reason": answer.reason,
        "door": decision.door,
        "provider_key": decision.provider_key,
        "object_id": decision.object_id,
        "at": decision.at.isoformat(),
        "digests": [[name, value.hex()] for name, value in decision.digests],
        "policy_version": decision.policy_version,
    }


def _from_record(record: dict[str, object]) -> KeptDecision:
    # Written by ourselves, and sealed: its form is not in doubt.
    fields: dict[str, object] = dict(record)
    matches: list[dict[str, object]] = fields["matches"]  # type: ignore[assignment]
    digests: list[list[str]] = fields["digests"]  # type: ignore[assignment]
    reason = fields["reason"]
    return KeptDecision(
        answer=CheckAnswer(
            check_id=UUID(str(fields["check_id"])),
            outcome=Outcome(str(fields["outcome"])),
            decision=Decision(str(fields["decision"])),
            matches=tuple(
                CheckMatch(**(match | {"list_id": UUID(str(match["list_id"]))}))  # type: ignore[arg-type]
                for match in matches
            ),
            checked=tuple(fields["checked"]),  # type: ignore[arg-type]
            index_version=int(str(fields["index_version"])),
            reason=None if reason is None else Reason(str(reason)),
        ),
        door=Door(str(fields["door"])),
        provider_key=None if fields["provider_key"] is None else str(fields["provider_key"]),
        object_id=None if fields["object_id"] is None else str(fields["object_id"]),
        at=datetime.fromisoformat(str(fields["at"])),
        digests=tuple((name, bytes.fromhex(value)) for name, value in digests),
        policy_version=int(str(fields["policy_version"])),
    )
