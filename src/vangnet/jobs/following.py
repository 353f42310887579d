"""Following other installations' lists: a thread for each subscription asks, verifies, writes, and asks again.

It is no job, because it never ends. Any number of processes may run it: a lock of the database lets one at a time follow
each subscription. Whoever is killed leaves the position and what was written at the same change; the next goes on there.
A hub that does not answer is asked again; a page that does not count ends the following until a person says so.
"""

import secrets
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Self
from uuid import UUID

import psycopg
import structlog

from vangnet.audit.model import Actor, ActorKind
from vangnet.config import Settings
from vangnet.db import Database
from vangnet.db.connection import Connection, connect
from vangnet.errors import AppError, FeedRefused, PartnerFailed
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.partners import installation
from vangnet.partners.transport import Transport
from vangnet.registry.model.requests import NONCE_BYTES, sign_request
from vangnet.registry.model.subscriptions import Question
from vangnet.registry.service import subscriptions

#: How long a hub may keep a question until something changes.
WAIT_S = 25
#: Everything together, for a page that takes long to send.
_EXCHANGE_S = 60.0
#: How often it is looked whether there are other subscriptions.
_LOOK_S = 1.0
_BACK_OFF_FIRST_S = 0.2
_BACK_OFF_MAX_S = 10.0

#: It acts for the installation itself, with what it needs and no more. The id is `arrivals.FOLLOWER`.
_ACTOR = Actor(kind=ActorKind.SYSTEM, id="follow_registry", permissions=frozenset({Permission.REGISTRY_FOLLOW}))

log = structlog.get_logger(__name__)


class Followers:
    """Follows every subscription of one installation, from `start` to `stop`."""

    def __init__(self, database: Database, keys: Keys, *, transport: Callable[[], Transport], wait_s: int = WAIT_S) -> None:
        self._database = database
        self._keys = keys
        self._transport = transport
        self._wait_s = wait_s
        self._stopping = threading.Event()
        self._followers: dict[UUID, _Follower] = {}
        self._thread = threading.Thread(target=self._look_until_stopped, name="registry-followers", daemon=True)

    @classmethod
    def trusting(cls, database: Database, keys: Keys, settings: Settings) -> "Followers":
        """Follows with the certificate authorities that the settings name."""
        return cls(
            database,
            keys,
            transport=lambda: Transport.trusting(settings.partner_ca_file, exchange_s=_EXCHANGE_S),
        )

    def start(self) -> None:
        """Starts. It is started once."""
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Hangs up on whom it waits for, and ends."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        followers = list(self._followers.values())
        for follower in followers:
            follower.stop()
        for follower in followers:
            follower.thread.join(timeout_s)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _look_until_stopped(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._database.transaction() as conn:
                    wanted = subscriptions.list_followed(conn, _ACTOR)
            except (AppError, psycopg.Error):
                wanted = []  # Each follower tells its own trouble; what runs goes on.
            self._followers = {id_: one for id_, one in self._followers.items() if one.thread.is_alive()}
            for subscription_id in wanted:
                if subscription_id not in self._followers:
                    self._followers[subscription_id] = self._follow(subscription_id)
            self._stopping.wait(_LOOK_S)

    def _follow(self, subscription_id: UUID) -> "_Follower":
        follower = _Follower(self._database, self._keys, self._transport(), subscription_id, wait_s=self._wait_s)
        follower.thread.start()
        return follower


class _Follower:
    """Follows one subscription until it is stopped, broken, or `stop`."""

    def __init__(self, database: Database, keys: Keys, transport: Transport, subscription_id: UUID, *, wait_s: int) -> None:
        self._database = database
        self._keys = keys
        self._transport = transport
        self._id = subscription_id
        self._wait_s = wait_s
        self._stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, name=f"registry-follow-{subscription_id}", daemon=True)

    def stop(self) -> None:
        """Hangs up and ends soon."""
        self._stopping.set()
        self._transport.hang_up()

    def _run(self) -> None:
        try:
            with connect(self._database.conninfo) as lock:
                lock.autocommit = True
                if subscriptions.try_lock(lock, self._id):
                    self._follow_until_stopped(lock)
                else:
                    self._stopping.wait(_LOOK_S)  # Another process follows it.
        except (AppError, psycopg.Error) as error:
            # The driver's words stay out of the log; whoever looks for subscriptions starts it again.
            log.warning("following_interrupted", subscription=str(self._id), problem=type(error).__name__)
            self._stopping.wait(_LOOK_S)

    def _follow_until_stopped(self, lock: Connection) -> None:
        pause_s = _BACK_OFF_FIRST_S
        while not self._stopping.is_set():
            subscriptions.require_lock(lock)
            try:
                if not self._ask_once():
                    return
                pause_s = _BACK_OFF_FIRST_S
            except PartnerFailed as error:
                self._note_silence(error)
                self._stopping.wait(pause_s * (0.5 + secrets.randbelow(1001) / 1000))
                pause_s = min(_BACK_OFF_MAX_S, 2 * pause_s)

    def _ask_once(self) -> bool:
        """Asks what is to be asked now; whether it is still followed."""
        with self._database.transaction() as conn:
            questions = subscriptions.questions(conn, _ACTOR, subscription_id=self._id)
        for question in questions:
            # While a list is arriving, nobody waits: the two questions take turns.
            wait_s = self._wait_s if len(questions) == 1 else 0
            if self._stopping.is_set() or not self._ask(question, wait_s):
                return False
        return bool(questions)

    def _ask(self, question: Question, wait_s: int) -> bool:
        nonce = secrets.token_bytes(NONCE_BYTES)
        target = installation.changes_target(question, wait_s=wait_s)
        authorization = sign_request(
            self._keys.sign, key=self._keys.public_key, recipient=question.hub, method="GET", target=target, nonce=nonce,
            now=_now(),
        )  # fmt: skip
        page = installation.fetch_changes(
            self._transport, question.base_url, target, authorization=authorization, partner="the hub"
        )
        try:
            with self._database.transaction() as conn:
                subscriptions.take(conn, _ACTOR, self._keys, question=question, nonce=nonce, page=page, now=_now())
        except FeedRefused as refused:
            log.error("feed_refused", subscription=str(self._id), fault=refused.fault, problem=refused.problem)
            with self._database.transaction() as conn:
                subscriptions.break_off(conn, _ACTOR, question=question, refused=refused, now=_now())
            return False
        return True

    def _note_silence(self, error: PartnerFailed) -> None:
        if self._stopping.is_set():
            return
        log.warning("hub_not_heard", subscription=str(self._id), code=error.code, problem=str(error))
        with self._database.transaction() as conn:
            subscriptions.note_silence(conn, _ACTOR, subscription_id=self._id, problem=str(error))


def _now() -> datetime:
    return datetime.now(UTC)
