"""Looks new entries up in the kept pictures beside the checks: a thread of each gate, of which one at a time has a turn.

That one has the pictures in its memory. It lets go when it stops; of one that is killed another takes over half a minute
later (`vangnet.gate.past.HELD`), and reads them first.
"""

import uuid
from collections.abc import Callable
from datetime import datetime

import structlog

from vangnet.audit.model import Actor
from vangnet.db import Database
from vangnet.gate.service import past_following
from vangnet.gate.service.past_following import Followed
from vangnet.gate.service.past_judging import Index
from vangnet.gate.service.past_pictures import KeptPictures
from vangnet.gate.service.policies import ChosenPolicy
from vangnet.gate.service.woken_thread import WokenThread
from vangnet.keys import Keys
from vangnet.registry.service.live import LiveIndex

_STEP_EVERY_S = 1.0
#: Digests are looked up first, so that a change is looked for again and again for a moment.
_LOOK_EVERY_S, _LOOKS = 0.05, 40

log = structlog.get_logger(__name__)


class PastPictureKeeper:
    """From `start` to `stop`."""

    def __init__(
        self,
        *,
        database: Database,
        keys: Keys,
        live: LiveIndex,
        index: Callable[[], Index],
        policy: Callable[[], ChosenPolicy],
        actor: Actor,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._keys = keys
        self._index = index
        self._policy = policy
        self._actor = actor
        self._clock = clock
        self._id = uuid.uuid4()
        self._held = KeptPictures(keys)
        # What was read in a transaction that failed stays right: a row that is gone does not count.
        self._thread = WokenThread(
            self._run,
            name="vangnet-past-pictures",
            live=live,
            on_problem=lambda problem: log.warning("past_pictures_hampered", problem=problem),
        )

    def start(self) -> None:
        """Begins. It is started once."""
        self._thread.start()

    def stop(self) -> None:
        """Lets the pictures go, and ends."""
        self._thread.stop()

    def _run(self) -> None:
        looks = 0
        while not self._thread.stopping:
            self._thread.guarded(self._follow)
            if self._thread.wait(_LOOK_EVERY_S if looks else _STEP_EVERY_S):
                looks = _LOOKS
            looks = max(0, looks - 1)
        self._thread.guarded(self._let_go)

    def _follow(self) -> None:
        followed = Followed.MORE
        while followed is Followed.MORE and not self._thread.stopping:
            index = self._index()
            with self._database.transaction() as conn:
                followed = past_following.follow_pictures(
                    conn, self._actor, held=self._held, holder=self._id, index=index, policy=self._policy(),
                    keys=self._keys, now=self._clock(),
                )  # fmt: skip

    def _let_go(self) -> None:
        self._held.clear()
        with self._database.transaction() as conn:
            past_following.let_go(conn, holder=self._id, now=self._clock())
