"""The data folder of an older PostgreSQL major, taken into the one that this Vangnet runs.

The new cluster is built beside the old, which is only read, and takes its place by renaming when it is whole. Killed at
any moment it can be run again: what was half done is thrown away, and once the old cluster has moved aside, any command
takes the last step.
"""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from vangnet.db import folders, programs
from vangnet.db.embedded import EmbeddedServer, init_cluster
from vangnet.db.programs import POSTGRES_MAJOR, binary
from vangnet.errors import Conflict, DatabaseRefused, DatabaseUnavailable, StorageFull


def upgrade(server: EmbeddedServer) -> Path | None:
    """Upgrades the cluster and returns where the old one is kept; None where it is of this major version already.

    Raises Conflict while another command uses it, DatabaseRefused where the old major version is not carried any more,
    DatabaseUnavailable, DataFolderUnusable, StorageFull.
    """
    with server.exclusively(unused=True):
        server.finish_upgrade()
        old = server.major_version()
        if old is None:
            raise Conflict(problem="there is no database in the data folder yet")
        if old == POSTGRES_MAJOR:
            return None
        kept = server.data_dir / f"postgres.{old}.old"
        _require_possible(old, kept)
        aside = server.data_dir / "postgres.upgrading"
        # An upgrade that was killed leaves programs running that it had started, and what they had done so far. Such a
        # program may start one more server, then find nobody to write to, and end without stopping it.
        server.stop(server.cluster, aside, orphans=True)
        with server.processes():
            for half in (aside, server.upgraded):
                shutil.rmtree(half, ignore_errors=True)
        _require_room(server.cluster, server.data_dir)
        _shut_down_cleanly(server, old)
        with server.processes() as lock:
            init_cluster(aside, lock)
            _pg_upgrade(server.cluster, aside, old, lock)
        folders.rename(aside, server.upgraded)
        folders.rename(server.cluster, kept)
        server.finish_upgrade()
        return kept


def _require_possible(old: int, kept: Path) -> None:
    try:
        binary("pg_ctl", old)
    except DatabaseUnavailable as error:
        raise DatabaseRefused(
            problem=f"the data folder was written by PostgreSQL {old}, and this Vangnet carries {POSTGRES_MAJOR}"
            " and what it can upgrade from",
            remedy="install the Vangnet that wrote it, run `vangnet backup` with that, and restore into a new data folder",
        ) from error
    if kept.exists():
        raise Conflict(problem=f"`{kept}` is in the way, from an earlier upgrade; move it elsewhere or delete it")


def _require_room(cluster: Path, data_dir: Path) -> None:
    needed = sum(path.lstat().st_size for path in cluster.rglob("*"))
    free = shutil.disk_usage(data_dir).free
    if free < needed:
        raise StorageFull(
            problem=f"the upgrade makes a copy of {needed // 1_000_000} MB, and {free // 1_000_000} MB are free"
        )


def _shut_down_cleanly(server: EmbeddedServer, old: int) -> None:
    """After a crash the old server recovers once more, by itself: pg_upgrade takes none that has still to."""
    said = subprocess.run(
        [binary("pg_controldata", old), server.cluster],
        capture_output=True,
        text=True,
        check=False,
        env=programs.environment(),
    ).stdout
    if not re.search(r"^Database cluster state: +shut down$", said, re.MULTILINE):
        server.ensure_running(old)
        server.stop(server.cluster)


def _pg_upgrade(old_cluster: Path, new_cluster: Path, old: int, lock: int) -> None:
    # Both sockets and the working files: a short path, which a data folder's need not be.
    with tempfile.TemporaryDirectory(prefix="vangnet-") as scratch:
        programs.run(
            binary("pg_upgrade"),
            f"--old-bindir={binary('postgres', old).parent}",
            f"--new-bindir={binary('postgres').parent}",
            f"--old-datadir={old_cluster}",
            f"--new-datadir={new_cluster}",
            "--username=postgres",
            f"--socketdir={scratch}",
            f"--jobs={os.cpu_count() or 1}",
            cwd=Path(scratch),
            holding=lock,
        )
