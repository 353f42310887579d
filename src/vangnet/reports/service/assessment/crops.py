"""Hashing the parts of a picture that is about to be listed, so that crops of it are found.

The picture is in hand here: it lies in the vault. It is opened for a program, which the trail has before a byte is read,
and hashed in isolation; nobody sees it. Three steps as in `looking`, because no transaction spans a file. Where it cannot
be opened or hashed, the picture is listed without its parts.
"""

import io
from collections.abc import Mapping
from datetime import datetime
from itertools import islice

from vangnet.audit.model import Actor, ActorKind
from vangnet.db import Connection, Database
from vangnet.errors import Conflict, InvalidInput, MediumUnusable
from vangnet.hashing.hasher import Hasher
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.registry.model.entries import HashAlgorithm, ListedHash
from vangnet.reports.service.assessment import assessing
from vangnet.vault.files import VaultFiles
from vangnet.vault.model import Opening, OpenReason
from vangnet.vault.service.opening import open_medium

#: So many files of one answer at most: whoever answered waits for it.
_FILES_MAX = 4
_EXAMINER = Actor(kind=ActorKind.SYSTEM, id="hash_parts", permissions=frozenset({Permission.VAULT_OPEN}))

#: By file, the hashes of its parts.
Parts = Mapping[int, tuple[ListedHash, ...]]


class CropHasher:
    """Hashes parts of pictures. Any number of threads may call it."""

    def __init__(self, database: Database, keys: Keys, *, vault: VaultFiles, hasher: Hasher, golden_percent: int) -> None:
        self._database = database
        self._keys = keys
        self._vault = vault
        self._hasher = hasher
        self._golden_percent = golden_percent

    def parts(self, actor: Actor, *, report_id: int, position: int, answers: Mapping[str, str], now: datetime) -> Parts:
        """Those of the files that this answer would have listed, before it is kept; none where it would list nothing.

        Raises as `assessing.save`.
        """
        with self._database.transaction() as conn:
            openings = self._openings(conn, actor, report_id=report_id, position=position, answers=answers, now=now)
        return {file_id: found for file_id, opening in openings.items() if (found := self._of(opening))}

    def _openings(
        self,
        conn: Connection,
        actor: Actor,
        *,
        report_id: int,
        position: int,
        answers: Mapping[str, str],
        now: datetime,
    ) -> dict[int, Opening]:
        files = assessing.would_be_listed(
            conn, actor, keys=self._keys, report_id=report_id, position=position, answers=answers,
            golden_percent=self._golden_percent,
        )  # fmt: skip
        openings = {}
        for file in islice((file for file in files if file.unhashable is None), _FILES_MAX):
            if file.medium_id is None:
                continue
            try:
                with conn.transaction():
                    openings[file.id] = open_medium(
                        conn, _EXAMINER, medium_id=file.medium_id, reason=OpenReason.EXAMINATION,
                        told={"file": file.id, "report": report_id}, now=now,
                    )  # fmt: skip
            except Conflict:
                continue  # It is lost, or out of the work.
        return openings

    def _of(self, opening: Opening) -> tuple[ListedHash, ...]:
        if opening.medium.size_bytes > self._hasher.limits.bytes:
            return ()
        try:
            with self._vault.open(opening) as medium, io.BufferedReader(medium) as whole:
                outcome = self._hasher.hash_bytes(whole.read(), windows=True)
        except (MediumUnusable, InvalidInput):
            return ()
        return tuple(
            ListedHash(algorithm=HashAlgorithm.PDQ_WINDOW, value=window.hash)
            for frame in outcome.frames[:1]
            for window in frame.windows
        )
