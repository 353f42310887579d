"""How this installation is doing: a closed list of checks, each with since when and what to do.

The same findings answer load balancers (`/readyz`, names only) and people (`/health`). Each look is kept for a moment, so
that asking often costs little; since when something fails is known to this process only.
"""

import os
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from vangnet.audit import service as audit
from vangnet.audit.model import Actor, ActorKind
from vangnet.config import Settings
from vangnet.db import Database, migrate
from vangnet.errors import DatabaseRefused, Unavailable
from vangnet.hashing.sandbox import Features, features
from vangnet.identity.permissions import Permission
from vangnet.jobs import service as jobs
from vangnet.registry.model.subscriptions import SubscriptionState
from vangnet.registry.service import subscriptions
from vangnet.registry.service.live import LiveIndex, LiveStatus
from vangnet.web.help_file import HelpFile, HelpStatus
from vangnet.web.languages import marked

#: Vangnet looking at itself, for the checks and the measures.
WATCHER = Actor(
    kind=ActorKind.SYSTEM,
    id="health",
    permissions=frozenset({Permission.AUDIT_READ, Permission.GATE_READ, Permission.REGISTRY_READ}),
)
#: The index looks twice a second.
_INDEX_AGE_MAX = timedelta(seconds=30)
#: A hub answers at least twice a minute, whether something changed or not.
_HUB_SILENT_MAX = timedelta(minutes=2)
_KEPT_FOR = timedelta(seconds=2)
#: The sealer works every second; a minute's delay means that it does not work.
_SEALING_LAG_MAX = timedelta(minutes=1)
_WORKER_SILENT_MAX = timedelta(minutes=1)
_MIB = 1024 * 1024
_DISK_FAILING_BYTES = 256 * _MIB
_DISK_ATTENTION_BYTES = 2048 * _MIB


class Check(StrEnum):
    DATABASE = "database"  #: The database answers.
    SCHEMA = "schema"  #: The database has the schema of this version.
    SEALER = "sealer"  #: Audit events are chained soon after they were written.
    DISK = "disk"  #: There is room on the disk under the data folder.
    KEYS = "keys"  #: The keys of this installation are where they should be, readable.
    ISOLATION = "isolation"  #: The kernel can take all rights away from the processes that decode pictures.
    INDEX = "index"  #: The listed hashes are in memory, and follow every change.
    FEEDS = "feeds"  #: Other installations' lists arrive, and every page of them counts.
    HELP = "help"  #: Somebody checked the contacts of the public page lately.
    JOBS = "jobs"  #: A worker runs, and no job was parked. Requests are served without that.


class Condition(StrEnum):
    OK = "ok"  #: As it should be.
    ATTENTION = "attention"  #: It works; somebody should look.
    FAILING = "failing"  #: It does not work; requests should go elsewhere.


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found. `told` and `remedy` are English texts of ours, translated where they are shown."""

    check: Check
    condition: Condition
    told: str
    remedy: str | None = None
    values: Mapping[str, object] = field(default_factory=dict)
    #: Since when it is so, as far as this process saw.
    since: datetime | None = None

    @property
    def failing(self) -> bool:
        """Whether requests should go elsewhere."""
        return self.condition is Condition.FAILING


class HealthBoard:
    """Looks at everything, and remembers since when each is as it is. Safe to share between threads."""

    def __init__(
        self, settings: Settings, database: Database, live: LiveIndex | None = None, help_file: HelpFile | None = None
    ) -> None:
        """Without `live`, this process looks no hash up; without `help_file`, it has no public page."""
        self._help_file = help_file
        self._settings = settings
        self._live = live
        self._database = database
        self._lock = threading.Lock()
        self._findings: dict[Check, Finding] = {}
        self._looked_at: datetime | None = None

    def findings(self, now: datetime) -> list[Finding]:
        """All findings, in the order of `Check`; at most two seconds old."""
        with self._lock:
            if self._looked_at is None or now - self._looked_at >= _KEPT_FOR:
                for found in self._look(now):
                    before = self._findings.get(found.check)
                    same = before is not None and before.condition is found.condition
                    self._findings[found.check] = replace(found, since=before.since if same and before else now)
                self._looked_at = now
            return [self._findings[check] for check in Check]

    def _look(self, now: datetime) -> list[Finding]:
        database = _looked(Check.DATABASE, self._database_answers)
        asking: dict[Check, Callable[[], Finding]] = {
            Check.SCHEMA: self._schema_is_current,
            Check.SEALER: lambda: self._sealer_keeps_up(now),
            Check.FEEDS: lambda: self._feeds_arrive(now),
            Check.JOBS: lambda: self._jobs_run(now),
        }
        return [
            database,
            _disk_has_room(self._settings.data_dir),
            _keys_are_readable(self._settings.keys_dir),
            decoders_are_isolated(features()),
            index_follows(None if self._live is None else self._live.status, now),
            help_is_checked(None if self._help_file is None else self._help_file.status(now)),
            # Each of these would wait as long again for a database that does not answer.
            *(
                replace(database, check=check) if database.failing else _looked(check, look)
                for check, look in asking.items()
            ),
        ]

    def _database_answers(self) -> Finding:
        with self._database.transaction():
            pass  # Beginning and ending one asks the database.
        return _fine(Check.DATABASE, marked("It answers."))

    def _schema_is_current(self) -> Finding:
        migrate.require_current(self._database.conninfo)
        return _fine(Check.SCHEMA, marked("It is the one that this version needs."))

    def _sealer_keeps_up(self, now: datetime) -> Finding:
        with self._database.transaction() as conn:
            state = audit.chain_state(conn, WATCHER)
        if state.oldest_waiting_at is not None and now - state.oldest_waiting_at > _SEALING_LAG_MAX:
            return Finding(
                check=Check.SEALER,
                condition=Condition.FAILING,
                told=marked("{waiting} audit events wait to be chained, the oldest for {seconds} seconds."),
                remedy=marked("Start `vangnet worker`, or look in its log for what stops the sealer."),
                values={"waiting": state.waiting, "seconds": int((now - state.oldest_waiting_at).total_seconds())},
            )
        if state.export_failing_since is not None:
            return Finding(
                check=Check.SEALER,
                condition=Condition.ATTENTION,
                told=marked("Audit events are chained, but no signed head can be exported."),
                remedy=marked(
                    "See that the folder `VANGNET_AUDIT_HEADS_DIR` can be written to; the heads follow by themselves."
                ),
            )
        return _fine(Check.SEALER, marked("Every audit event is chained soon after it is written."))

    def _feeds_arrive(self, now: datetime) -> Finding:
        with self._database.transaction() as conn:
            found = [one for one, _ in subscriptions.list_subscriptions(conn, WATCHER)]
        broken = [one for one in found if one.state is SubscriptionState.BROKEN]
        if broken:
            return Finding(
                check=Check.FEEDS,
                condition=Condition.ATTENTION,
                told=marked("Broken subscriptions: {broken}. {problem} ({fault}). Their lists stand as they were before."),
                remedy=marked(
                    "Ask whoever runs that installation what happened, then go on with "
                    "`vangnet registry subscription resume`."
                ),
                values={"broken": len(broken), "problem": broken[0].problem, "fault": broken[0].fault},
            )
        following = [one for one in found if one.state is SubscriptionState.FOLLOWING]
        silent = [one for one in following if now - (one.last_heard_at or one.state_at) > _HUB_SILENT_MAX]
        if silent:
            return Finding(
                check=Check.FEEDS,
                condition=Condition.ATTENTION,
                told=marked("Not heard for minutes: {silent} of the installations that we follow."),
                remedy=marked(
                    "See with `vangnet registry subscription list` why; a worker must run, and theirs must answer."
                ),
                values={"silent": len(silent)},
            )
        return _fine(Check.FEEDS, marked("What other installations share with us arrives, as far as we follow any."))

    def _jobs_run(self, now: datetime) -> Finding:
        with self._database.transaction() as conn:
            queue = jobs.queue_health(conn)
        if queue.last_heartbeat_at is None or now - queue.last_heartbeat_at > _WORKER_SILENT_MAX:
            return Finding(
                check=Check.JOBS,
                condition=Condition.ATTENTION,
                told=marked("No worker runs: nothing is sent and nothing is tidied up."),
                remedy=marked("Start `vangnet worker`, or `vangnet serve`, which runs one."),
            )
        if queue.parked:
            return Finding(
                check=Check.JOBS,
                condition=Condition.ATTENTION,
                told=marked("Parked jobs: {parked}. They failed too often and wait for a person."),
                remedy=marked("Look at them on the page Jobs: run them again, or drop them."),
                values={"parked": queue.parked},
            )
        return _fine(Check.JOBS, marked("A worker runs, and no job is parked."))


def _looked(check: Check, look: Callable[[], Finding]) -> Finding:
    """What `look` found, or that it could not look, which is as bad."""
    values: dict[str, object] = {}
    remedy: str | None
    try:
        return look()
    except DatabaseRefused as error:
        told, remedy, values = marked("It must not be used as it is: {problem}."), error.remedy, {"problem": error.problem}
    except Unavailable as error:
        told, remedy = marked("The database does not answer."), error.hint
    return Finding(check=check, condition=Condition.FAILING, told=told, remedy=remedy, values=values)


def _fine(check: Check, told: str) -> Finding:
    return Finding(check=check, condition=Condition.OK, told=told)


def decoders_are_isolated(found: Features) -> Finding:
    """What it means for the decoding of pictures that this kernel offers `found`."""
    if not found.seccomp:
        return Finding(
            check=Check.ISOLATION,
            condition=Condition.FAILING,
            told=marked("The kernel has no seccomp filters for this processor: no picture is decoded."),
            remedy=marked("Run Vangnet on Linux with seccomp, on an x86-64 or 64-bit ARM processor."),
        )
    if not found.landlock:
        return Finding(
            check=Check.ISOLATION,
            condition=Condition.ATTENTION,
            told=marked("The kernel has no Landlock: what decodes pictures is held by seccomp alone."),
            remedy=marked("Use Linux 5.13 or later, with Landlock switched on."),
        )
    return _fine(Check.ISOLATION, marked("What decodes pictures has no rights: seccomp and Landlock both hold it."))


def help_is_checked(status: HelpStatus | None) -> Finding:
    """What it means that the contacts of the public page stand like this; None where there is no such page."""
    if status is None:
        return _fine(Check.HELP, marked("This installation has no public page."))
    if status.problem is not None:
        return Finding(
            check=Check.HELP,
            condition=Condition.ATTENTION,
            told=marked("The file with the contacts of the public page cannot be used: they {problem}."),
            remedy=marked("Mend it; until then the page shows the contacts of before."),
            values={"problem": status.problem},
        )
    if status.to_be_checked:
        return Finding(
            check=Check.HELP,
            condition=Condition.ATTENTION,
            told=marked("Contacts on the public page that nobody checked for 90 days: {old}."),
            remedy=marked("Call them, and write the new day into the file `VANGNET_HELP_CONTACTS_FILE`."),
            values={"old": status.to_be_checked},
        )
    return _fine(Check.HELP, marked("The contacts on the public page were checked within 90 days."))


def index_follows(status: LiveStatus | None, now: datetime) -> Finding:
    """What it means that the index of listed hashes stands like this; None where this process has none."""
    if status is None:
        return _fine(Check.INDEX, marked("This process looks no hash up."))
    if status.followed_at is not None and now - status.followed_at > _INDEX_AGE_MAX:
        return Finding(
            check=Check.INDEX,
            condition=Condition.FAILING,
            told=marked("It stands at change {sequence} and has not followed for {seconds} seconds."),
            remedy=marked("Look in the log for what stops it; a restart loads it again."),
            values={"sequence": status.sequence, "seconds": int((now - status.followed_at).total_seconds())},
        )
    if not status.loaded and status.problem is not None:
        return Finding(
            check=Check.INDEX,
            condition=Condition.FAILING,
            told=marked("The listed hashes cannot be loaded: {problem}."),
            remedy=marked("See that the keys in the keys folder are those of this installation, then what the log says."),
            values={"problem": status.problem},
        )
    if not status.loaded:
        return Finding(
            check=Check.INDEX,
            condition=Condition.FAILING,
            told=marked("The listed hashes are still being loaded; until then no upload can be checked."),
            remedy=marked("Wait: it takes some seconds for each million, and requests go to other processes meanwhile."),
        )
    return Finding(
        check=Check.INDEX,
        condition=Condition.OK,
        told=marked("It follows, up to change {sequence}, with {hashes} hashes."),
        values={"sequence": status.sequence, "hashes": status.hashes},
    )


def _disk_has_room(folder: Path) -> Finding:
    while not folder.exists():
        folder = folder.parent
    free_bytes = shutil.disk_usage(folder).free
    values = {"free_mib": free_bytes // _MIB}
    if free_bytes >= _DISK_ATTENTION_BYTES:
        return Finding(check=Check.DISK, condition=Condition.OK, told=marked("Free: {free_mib} MiB."), values=values)
    return Finding(
        check=Check.DISK,
        condition=Condition.FAILING if free_bytes < _DISK_FAILING_BYTES else Condition.ATTENTION,
        told=marked("Only {free_mib} MiB are free under the data folder."),
        remedy=marked("Make room: what was acknowledged is kept, but soon nothing new can be."),
        values=values,
    )


def _keys_are_readable(folder: Path) -> Finding:
    missing = [name for name in ("signing.key", "sealing.key") if not os.access(folder / name, os.R_OK)]
    if not missing:
        return _fine(Check.KEYS, marked("They are in their folder and can be read."))
    return Finding(
        check=Check.KEYS,
        condition=Condition.FAILING,
        told=marked("In the folder of the keys this cannot be read: {missing}."),
        remedy=marked("Put the backup of the keys back before anything is restarted: without them nothing sealed opens."),
        values={"missing": ", ".join(missing)},
    )
