"""Tasks about reports: reading what came in, asking the lists about it, keeping the order."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta

from vangnet.audit.model import Actor, ActorKind
from vangnet.config import Settings
from vangnet.db import Database
from vangnet.hashing.hasher import Hasher
from vangnet.hashing.model import Limits
from vangnet.hashing.sandbox import Sandbox
from vangnet.identity.permissions import Permission
from vangnet.jobs.workplace import Task, TryAgain, Workplace
from vangnet.keys import Keys
from vangnet.registry.service.live import LiveIndex
from vangnet.reports.service.intake import deliveries, intake, registering
from vangnet.reports.service.intake.arriving import FileTaker
from vangnet.reports.service.intake.taking import Taker
from vangnet.reports.service.triage import placing
from vangnet.vault.files import VaultFiles
from vangnet.vault.service import switching

_TAKING = Actor(
    kind=ActorKind.SYSTEM, id="read_delivery", permissions=frozenset({Permission.REPORT_TAKE, Permission.VAULT_PUT})
)
#: The lists are being loaded: they can be asked soon.
_SOON = timedelta(seconds=5)


def read_delivery(work: Workplace, *, delivery_id: int) -> None:
    """Reads what came in, report by report. It may be run again: what was taken in is recognised."""
    with taker(work) as found:
        found.read_delivery(_TAKING, delivery_id)


def recognise_report(work: Workplace, *, report_id: int) -> None:
    """Asks the lists about the files of a report that came in while they could not be asked. Raises TryAgain."""
    if work.live is None:
        return
    with work.database.transaction() as conn:
        asked = registering.recognise_report(
            conn, _TAKING, keys=work.keys, live=work.live, report_id=report_id, now=work.now()
        )
    if not asked:
        raise TryAgain(work.now() + _SOON)


def place_reports(work: Workplace) -> None:
    """Puts reports where they belong whose place time has changed, or another policy."""
    more = True
    while more:
        with work.database.transaction() as conn:
            more = placing.place_anew(conn, now=work.now()) > 0


@contextmanager
def taker(work: Workplace) -> Iterator[Taker]:
    """What takes deliveries in here; media go into the vault where that is enabled."""
    if work.sandbox is not None:
        yield taker_with(work.database, work.keys, work.settings, sandbox=work.sandbox, live=work.live, clock=work.now)
        return
    with Sandbox(limits=Limits(**work.settings.media_limits)) as sandbox:
        yield taker_with(work.database, work.keys, work.settings, sandbox=sandbox, live=work.live, clock=work.now)


def taker_with(
    database: Database,
    keys: Keys,
    settings: Settings,
    *,
    sandbox: Sandbox,
    live: LiveIndex | None,
    clock: Callable[[], datetime],
) -> Taker:
    """The same with a sandbox that is there already, also for whoever has no worker."""
    with database.transaction() as conn:
        choice = switching.find_choice(conn)
    vault = None
    if choice is not None and choice.enabled:
        vault = VaultFiles(settings.vault_dir, keys, bytes_max=settings.vault_bytes_max)
    files = FileTaker(Hasher(sandbox), vault, bytes_max=settings.media_bytes_max)
    return Taker(database, keys, files=files, vault=vault, live=live, clock=clock)


TASKS: Mapping[str, Task] = {
    deliveries.READ: read_delivery,
    intake.RECOGNISE: recognise_report,
    "place_reports": place_reports,
}
SCHEDULE: Mapping[str, str] = {"place_reports": "*/5 * * * *"}
