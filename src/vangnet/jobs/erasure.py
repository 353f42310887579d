"""Tasks that erase what has come to the end of its term."""

from collections.abc import Mapping

from vangnet.audit.model import Actor, ActorKind
from vangnet.identity.permissions import Permission
from vangnet.jobs.workplace import Task, Workplace
from vangnet.retention import service as retention
from vangnet.vault.files import PARTS, VaultFiles
from vangnet.vault.service import erasing, switching

_ERASURE = Actor(
    kind=ActorKind.SYSTEM,
    id="erase_due",
    permissions=frozenset(
        {
            Permission.REPORT_ERASE,
            Permission.REPORT_READ,
            Permission.VAULT_ERASE,
            Permission.VAULT_PUT,
            Permission.VAULT_READ,
        }
    ),
)


def erase_due(work: Workplace) -> None:
    """Erases media and what reports say, as the terms in force have it; without terms, nothing."""
    files = _files(work)
    more = True
    while more:
        with work.database.transaction() as conn:
            step = retention.erase_due(conn, _ERASURE, now=work.now())
        for medium_id in step.erased:
            files.remove(medium_id)
        more = step.more
    more = True
    while more:
        with work.database.transaction() as conn:
            more = retention.erase_reports_due(conn, _ERASURE, now=work.now()).more


def sweep_vault(work: Workplace) -> None:
    """Removes files of the vault that nothing opens any more: of erased media, and what killed processes left."""
    with work.database.transaction() as conn:
        if switching.find_choice(conn) is None:
            return
    files = _files(work)
    for part in range(PARTS):
        with work.database.transaction() as conn:
            erasing.sweep(conn, _ERASURE, files=files, part=part, now=work.now())


def _files(work: Workplace) -> VaultFiles:
    return VaultFiles(work.settings.vault_dir, work.keys, bytes_max=work.settings.vault_bytes_max)


TASKS: Mapping[str, Task] = {"erase_due": erase_due, "sweep_vault": sweep_vault}
SCHEDULE: Mapping[str, str] = {"erase_due": "27 * * * *", "sweep_vault": "37 3 * * *"}
