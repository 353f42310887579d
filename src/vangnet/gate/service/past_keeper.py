"""Keeps accepted uploads beside the checks, and looks up in them what is newly listed: a thread of each gate.

A check only puts its upload into a buffer; every second the buffer is written. A process that is killed loses the uploads
of that second, and never a match. While the database is away the buffer fills up; beyond its bound the newest are not
kept, which is counted and logged. Any number of gates may run: they take turns at looking up.
"""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Self

import structlog

from vangnet.audit.model import Actor
from vangnet.db import Database
from vangnet.gate.matching import Matcher
from vangnet.gate.model import CheckAnswer, Decision, Outcome, PictureHash
from vangnet.gate.past import AcceptedUpload, keeps, keeps_pictures
from vangnet.gate.service import past, past_following
from vangnet.gate.service.past_following import Followed
from vangnet.gate.service.past_judging import Index
from vangnet.gate.service.past_picture_keeper import PastPictureKeeper
from vangnet.gate.service.policies import ChosenPolicy
from vangnet.gate.service.woken_thread import WokenThread
from vangnet.keys import Keys
from vangnet.registry.model.entries import HashAlgorithm
from vangnet.registry.service.live import LiveIndex

_TEND_EVERY_S = 1.0
#: The index follows a notification within moments; it is looked for so often, and for so long.
_LOOK_EVERY_S = 0.02
_LOOK_FOR_S = 1.0
#: Uploads that wait to be written, at most; about 400 bytes each.
BUFFER_MAX = 200_000

log = structlog.get_logger(__name__)


class PastKeeper:
    """From `start` to `stop`. Any number of threads may `offer`."""

    def __init__(
        self,
        *,
        database: Database,
        keys: Keys,
        live: LiveIndex,
        matcher: Matcher,
        policy: Callable[[], ChosenPolicy],
        actor: Actor,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._keys = keys
        self._live = live
        self._matcher = matcher
        self._policy = policy
        self._actor = actor
        self._clock = clock
        self._keeping = False
        self._keeping_pictures = False
        self._lock = threading.Lock()
        self._buffer: list[AcceptedUpload] = []
        self._dropped = 0
        #: Up to which change it was looked up here; -1: look, whatever the change.
        self._looked_at = -1
        self._thread = WokenThread(
            self._run,
            name="vangnet-past",
            live=live,
            on_problem=lambda problem: log.warning("past_hampered", problem=problem),
        )
        self._pictures = PastPictureKeeper(
            database=database, keys=keys, live=live, index=self._index, policy=policy, actor=actor, clock=clock
        )

    def start(self) -> None:
        """Begins. It is started once."""
        self._thread.start()
        self._pictures.start()

    def stop(self) -> None:
        """Writes what waits, and ends."""
        self._pictures.stop()
        self._thread.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def waiting(self) -> int:
        """How many uploads wait to be written."""
        return len(self._buffer)

    @property
    def keeps_pictures(self) -> bool:
        """Whether perceptual hashes are kept: then an upload that has a name is worth hashing truly, not just screening."""
        return self._keeping_pictures

    def offer(
        self,
        answer: CheckAnswer,
        digests: tuple[tuple[str, bytes], ...],
        *,
        object_id: str | None,
        now: datetime,
        pictures: tuple[PictureHash, ...] = (),
    ) -> None:
        """Keeps the upload, where such are kept, it was let through, and it has a name by which it can be told."""
        accepted = answer.decision is Decision.ALLOW and answer.outcome is not Outcome.MATCH
        pictures = pictures if self._keeping_pictures else ()
        if not self._keeping or not accepted or object_id is None or not (digests or pictures):
            return
        upload = AcceptedUpload(check_id=answer.check_id, object_id=object_id, at=now, digests=digests, pictures=pictures)
        with self._lock:
            if len(self._buffer) < BUFFER_MAX:
                self._buffer.append(upload)
            else:
                self._dropped += 1

    # --- the thread ---

    def _run(self) -> None:
        tended_at = float("-inf")
        eager_until = float("-inf")
        while not self._thread.stopping:
            if time.monotonic() - tended_at >= _TEND_EVERY_S:
                self._thread.guarded(self._tend)
                tended_at = time.monotonic()
            if self._keeping and self._live.sequence != self._looked_at:
                self._thread.guarded(self._follow)
            eager = time.monotonic() < eager_until
            if self._thread.wait(_LOOK_EVERY_S if eager else _TEND_EVERY_S / 4):
                eager_until = time.monotonic() + _LOOK_FOR_S
        self._thread.guarded(self._tend)

    def _tend(self) -> None:
        now = self._clock()
        with self._database.transaction() as conn:
            past.drop_old(conn, now=now)
            choice = past.find_choice(conn)
        self._keeping, self._keeping_pictures = keeps(choice, now), keeps_pictures(choice, now)
        self._write()
        # What was chosen of a list changes without a number in the stream.
        self._looked_at = -1

    def _write(self) -> None:
        with self._lock:
            uploads, self._buffer = self._buffer, []
            dropped, self._dropped = self._dropped, 0
        if dropped:
            log.warning("past_uploads_not_kept", uploads=dropped)
        if not uploads:
            return
        written = False
        try:
            index = self._index()
            with self._database.transaction() as conn:
                written = past.write(
                    conn, self._actor, uploads=uploads, index=index, policy=self._policy(), keys=self._keys,
                    now=self._clock(),
                )  # fmt: skip
        finally:
            if not written:
                self._put_back(uploads)

    def _put_back(self, uploads: Sequence[AcceptedUpload]) -> None:
        with self._lock:
            self._buffer = [*uploads, *self._buffer]

    def _follow(self) -> None:
        followed = Followed.MORE
        while followed is Followed.MORE and not self._thread.stopping:
            index = self._index()
            with self._database.transaction() as conn:
                followed = past_following.follow(
                    conn, self._actor, index=index, policy=self._policy(), keys=self._keys, now=self._clock()
                )
            if followed is not Followed.NOT_NOW:
                self._looked_at = index.sequence

    def _index(self) -> Index:
        # The number first: what is looked up afterwards is at least as new.
        return Index(
            sequence=self._live.sequence,
            choices=self._live.choices,
            radius=self._live.widest_radius,
            examine=self._matcher.examine_hashes,
            examine_pictures=self._matcher.examine_pictures,
            screen=lambda algorithm, values: self._live.screen(HashAlgorithm(algorithm), values),
            screen_pictures=self._matcher.screen_pictures,
        )
