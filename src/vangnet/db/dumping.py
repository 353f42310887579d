"""What a database holds, as pg_dump tells it: whole, for a backup, or its schema alone, to compare with the committed one.

The programs of the wheel speak no TLS. A server of one's own that is reached over TLS is dumped by the pg_dump of the
machine, so that a backup never falls back to an open connection.
"""

import contextlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import psycopg
from psycopg import pq

from vangnet.db import programs
from vangnet.db.connection import connect
from vangnet.errors import DatabaseUnavailable

#: What changes from one release or run of pg_dump to the next and says nothing of the schema.
_NOISE = re.compile(
    r"--.*|\\(un)?restrict .*|SET .*|SELECT pg_catalog\.set_config\(.*|(CREATE|COMMENT ON) SCHEMA public\b.*|"
)
#: Tables of which a backup holds no rows.
_SHORT_LIVED = ("public.gate_past_day_*", "public.gate_past_picture_day_*")


def schema_dump(conninfo: str) -> str:
    """The schema `public`, as statements that any release of PostgreSQL would give in the same form."""
    command, environ = _pg_dump(conninfo, "--schema-only", "--no-owner", "--schema=public")
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    if done.returncode != 0:
        raise programs.failure("pg_dump", done.stderr)
    return "".join(f"{line}\n" for line in done.stdout.splitlines() if not _NOISE.fullmatch(line))


@contextlib.contextmanager
def whole_dump(conninfo: str) -> Iterator[IO[bytes]]:
    """Everything in PostgreSQL's custom format, as a stream. Raises DatabaseUnavailable, StorageFull.

    Accepted uploads of the gate are left out: a backup would keep them for longer than their days.
    """
    left_out = [f"--exclude-table-data={names}" for names in _SHORT_LIVED]
    command, environ = _pg_dump(conninfo, "--format=custom", "--no-owner", *left_out)
    with (
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ
        ) as process,
        ThreadPoolExecutor(1) as listener,
    ):
        assert process.stdout is not None  # noqa: S101 (asked for above)
        assert process.stderr is not None  # noqa: S101
        said = listener.submit(process.stderr.read)
        try:
            yield process.stdout
        except BaseException:
            process.kill()
            raise
        if process.wait() != 0:
            raise programs.failure("pg_dump", said.result().decode(errors="replace"))


def _pg_dump(conninfo: str, *options: str) -> tuple[list[str], dict[str, str]]:
    """The command and its environment, in which the password travels: arguments are seen by every account."""
    with connect(conninfo) as conn:
        server_major = conn.info.server_version // 10_000
        tls = conn.pgconn.ssl_in_use
    environ = programs.environment()
    unnamed = {}
    variables = {option.keyword.decode(): option.envvar for option in pq.Conninfo.get_defaults()}
    for name, value in psycopg.conninfo.conninfo_to_dict(conninfo).items():
        variable = variables.get(name)
        if variable is not None:
            environ[variable.decode()] = str(value)
        else:
            unnamed[name] = value
    if "sslpassword" in unnamed:
        raise DatabaseUnavailable(problem="a backup cannot use a client certificate whose key has a password")
    if tls and environ.get("PGSSLMODE", "prefer") in {"allow", "prefer"}:
        environ["PGSSLMODE"] = "require"
    program = _pg_dump_with_tls(server_major) if tls else programs.binary("pg_dump")
    named = [f"--dbname={psycopg.conninfo.make_conninfo('', **unnamed)}"] if unnamed else []
    return [str(program), "--no-password", "--lock-wait-timeout=60s", *named, *options], environ


def _pg_dump_with_tls(server_major: int) -> Path:
    found = shutil.which("pg_dump")
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout if found else ""
    version = re.search(r" (\d+)", said)
    if found is None or version is None or not server_major <= int(version[1]) <= programs.POSTGRES_MAJOR:
        raise DatabaseUnavailable(
            problem="a backup over TLS takes the program `pg_dump` of this machine,"
            f" from PostgreSQL {server_major} to {programs.POSTGRES_MAJOR} (package postgresql-client)"
        )
    return Path(found)
