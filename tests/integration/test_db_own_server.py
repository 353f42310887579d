"""A server of one's own, as `VANGNET_DATABASE_URL` names it: Debian's PostgreSQL 15, with passwords and TLS."""

import logging
import os
import shutil
import subprocess
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr
from running.programs import free_port

from vangnet.config import Settings
from vangnet.db import Database, backup, defer, migrate, open_database
from vangnet.db.connection import connect
from vangnet.db.embedded import OWNER, RUNTIME
from vangnet.db.programs import without_root
from vangnet.errors import Conflict, DatabaseRefused, DatabaseUnavailable, InvalidSettings
from vangnet.keys import Keys

_BIN = Path("/usr/lib/postgresql/15/bin")
#: Each with what has to be escaped in an address; the test looks for both forms in what is said.
_PASSWORDS = {"postgres": "super/canary@1", OWNER: "owner/canary@2", RUNTIME: "runtime/canary@3"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnServer:
    """A cluster of Debian's PostgreSQL on a loopback port."""

    cluster: Path
    port: int

    def url(self, role: str, database: str = "postgres", *, password: str | None = None, sslmode: str = "disable") -> str:
        secret = quote(_PASSWORDS[role] if password is None else password, safe="")
        return f"postgresql://{role}:{secret}@127.0.0.1:{self.port}/{database}?sslmode={sslmode}"

    def control(self, *arguments: str) -> None:
        subprocess.run(
            [
                *without_root(),
                _BIN / "pg_ctl",
                "-D",
                self.cluster,
                "-w",
                "-l",
                self.cluster.with_suffix(".log"),
                *arguments,
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/",
        )

    def run(self, *statements: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as superuser:
            for statement in statements:
                superuser.execute(statement.encode())

    def settings(self, tmp_path: Path, database: str, *, sslmode: str = "disable") -> Settings:
        return Settings(
            data_dir=tmp_path / "data",
            database_url=SecretStr(self.url(RUNTIME, database, sslmode=sslmode)),
            database_owner_url=SecretStr(self.url(OWNER, database, sslmode=sslmode)),
        )


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    """The server, set up as docs/howto/use-your-own-postgresql.md says."""
    if not _BIN.is_dir():
        if "CI" in os.environ:
            pytest.fail("Debian's PostgreSQL 15 is not installed (package postgresql-15)")
        pytest.skip("Debian's PostgreSQL 15 is not installed (package postgresql-15)")
    folder = tmp_path_factory.mktemp("debian")
    (folder / "password").write_text(_PASSWORDS["postgres"])
    subprocess.run(
        [
            *without_root(), _BIN / "initdb", "-D", folder / "cluster", "--username=postgres", "--encoding=UTF8",
            "--locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile={folder / 'password'}",
        ],
        check=True, stdout=subprocess.DEVNULL, cwd="/",
    )  # fmt: skip
    _make_certificate(folder / "cluster")
    server = OwnServer(cluster=folder / "cluster", port=free_port())
    with (folder / "cluster" / "postgresql.conf").open("a") as file:
        file.write(f"listen_addresses = '127.0.0.1'\nport = {server.port}\nunix_socket_directories = ''\nssl = on\n")
    server.control("start")
    try:
        server.run(*(f"CREATE ROLE {role} LOGIN PASSWORD '{_PASSWORDS[role]}'" for role in (OWNER, RUNTIME)))
        yield server
    finally:
        server.control("stop", "-m", "immediate")


@pytest.fixture
def empty(server: OwnServer) -> Iterator[str]:
    """The name of a database that holds nothing."""
    server.run(f"CREATE DATABASE own OWNER {OWNER}")
    yield "own"
    server.run("DROP DATABASE own WITH (FORCE)")


@pytest.fixture
def settings(server: OwnServer, empty: str, tmp_path: Path) -> Settings:
    """The settings of an installation whose schema is up to date."""
    migrate.upgrade(server.url(OWNER, empty))
    return server.settings(tmp_path, empty)


def _make_certificate(cluster: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (cluster / "server.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (cluster / "server.key").touch(mode=0o600)
    (cluster / "server.key").write_bytes(pem)


def write_something(settings: Settings) -> None:
    with open_database(settings) as database, database.transaction() as conn:
        defer(conn, "written", number=1)
        conn.execute(
            """
            INSERT INTO audit_event (at, actor_kind, actor_id, action, record, record_id, details)
            VALUES ('2026-11-21T13:02:07Z', 'console', '0', 'test', 'test', %s, '{"a":  1}')
            """,
            ["tab\t, backslash \\, newline \n, snowman ☃"],
        )


def contents(conninfo: str) -> dict[str, list[tuple[str]]]:
    """Every row of every table, as text."""
    with psycopg.connect(conninfo) as conn:
        tables = conn.execute(
            "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('public', 'procrastinate')"
        ).fetchall()
        conn.execute("SET timezone TO 'UTC'")
        return {
            name: conn.execute(f"SELECT t::text FROM {name} t ORDER BY 1".encode()).fetchall()  # noqa: S608 (test)
            for (name,) in tables
        }


# --- working with it ----------------------------------------------------------------------------------------------


def test_an_empty_server_is_refused_until_the_owner_migrated_it(server: OwnServer, empty: str, tmp_path: Path) -> None:
    settings = server.settings(tmp_path, empty)
    with pytest.raises(DatabaseRefused, match="older than this version") as caught:
        open_database(settings)
    assert caught.value.advice() == "run `vangnet db migrate` with VANGNET_DATABASE_OWNER_URL set"
    migrate.upgrade(server.url(OWNER, empty))
    write_something(settings)
    found = contents(server.url(OWNER, empty))
    assert len(found["public.audit_event"]) == 1
    assert len(found["procrastinate.procrastinate_jobs"]) == 1
    assert not settings.data_dir.exists()  # No embedded server was started beside it.


def test_a_restart_of_the_server_is_not_noticed(server: OwnServer, settings: Settings) -> None:
    with open_database(settings) as database:
        with database.transaction() as conn:
            defer(conn, "written", number=1)
        server.control("restart", "-m", "immediate")
        with database.transaction() as conn:
            assert conn.execute("SELECT count(*) FROM procrastinate_jobs").fetchone() == (1,)


def test_a_server_that_is_away_is_told_and_used_again_when_it_is_back(server: OwnServer, settings: Settings) -> None:
    with Database(server.url(RUNTIME, "own"), patience_s=0.5) as database:
        with database.transaction():
            pass
        server.control("stop", "-m", "immediate")
        try:
            for _ in range(2):
                with pytest.raises(DatabaseUnavailable, match="nothing listens at that address"), database.transaction():
                    pass
        finally:
            server.control("start")
        with database.transaction() as conn:
            assert conn.execute("SELECT 1").fetchone() == (1,)


# --- an address that does not work --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param({"password": "wrong/canary@4"}, "it refuses the password", id="wrong password"),
        pytest.param({"password": ""}, "it asks for a password", id="no password"),
        pytest.param({"database": "nowhere"}, "it has no such database", id="no such database"),
        pytest.param({"sslmode": "verify-full"}, "certificate|TLS", id="a certificate that nobody vouches for"),
    ],
)
def test_a_refused_connection_is_told_without_the_password(
    server: OwnServer, caplog: pytest.LogCaptureFixture, change: dict[str, str], told: str
) -> None:
    caplog.set_level(logging.DEBUG)
    url = server.url(**({"role": RUNTIME} | change))
    with pytest.raises(DatabaseUnavailable, match=told) as caught:
        open_database(Settings(database_url=SecretStr(url)))
    assert_no_password(caught.value, caplog)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://role:canary@127.0.0.1:1/x", "nothing listens at that address"),
        ("postgresql://role:canary@no-such-host.invalid/x", "there is no machine of that name"),
        # A password that was not escaped makes the driver look for the rest of it as a host.
        ("postgresql://role:can@canary@127.0.0.1:1/x", "there is no machine of that name"),
        ("postgresql://role:can/canary@127.0.0.1:1/x", "there is no machine of that name"),
        ("postgresql://role:can%canary@127.0.0.1:1/x", "its address cannot be read"),
        ("postgresql://role@127.0.0.1:1/x?canary=1", "its address cannot be read"),
    ],
)
def test_an_address_that_leads_nowhere_is_told_without_the_password(
    caplog: pytest.LogCaptureFixture, url: str, told: str
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises((DatabaseUnavailable, DatabaseRefused), match=told) as caught:
        open_database(Settings(database_url=SecretStr(url)))
    assert_no_password(caught.value, caplog)


def assert_no_password(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    told = "".join(traceback.format_exception(error, chain=True)) + caplog.text
    # The lines of the test itself, which show the parametrised address, are no part of what the program says.
    said = [line for line in told.splitlines() if "test_db_own_server" not in line]
    assert "canary" not in "\n".join(said)


def test_a_role_that_is_missing_is_named_with_what_makes_it(server: OwnServer, empty: str) -> None:
    server.run(f"ALTER ROLE {RUNTIME} RENAME TO somebody_else")
    try:
        with pytest.raises(DatabaseRefused, match=f"no role `{RUNTIME}`") as caught:
            migrate.upgrade(server.url(OWNER, empty))
        assert "CREATE ROLE vangnet_runtime LOGIN" in (caught.value.advice() or "")
    finally:
        # Renaming takes a SCRAM password's name with it; PostgreSQL wants it set anew.
        server.run(
            f"ALTER ROLE somebody_else RENAME TO {RUNTIME}", f"ALTER ROLE {RUNTIME} PASSWORD '{_PASSWORDS[RUNTIME]}'"
        )


# --- backup and restore across ------------------------------------------------------------------------------------


def make(settings: Settings, keys: Keys, path: Path) -> Path:
    backup.make(settings, keys, path, backup_id=uuid4(), now=datetime(2026, 11, 21, tzinfo=UTC))
    return path


def test_a_backup_of_it_is_restored_into_the_embedded_server_and_back(
    server: OwnServer, settings: Settings, tmp_path: Path
) -> None:
    write_something(settings)
    before = contents(server.url(OWNER, "own"))
    keys = Keys.open(settings.keys_dir)
    embedded = Settings(data_dir=tmp_path / "embedded", keys_dir=settings.keys_dir)
    backup.restore(embedded, make(settings, keys, tmp_path / "from-15.backup"))
    with open_database(embedded) as database:
        assert database.server is not None
        assert contents(database.server.conninfo(OWNER)) == before

    again = make(embedded, keys, tmp_path / "from-18.backup")
    with pytest.raises(Conflict, match="holds something already"):
        backup.restore(settings, again)
    server.run("DROP DATABASE own WITH (FORCE)", f"CREATE DATABASE own OWNER {OWNER}")
    backup.restore(settings, again)
    assert contents(server.url(OWNER, "own")) == before
    # Owner and program are what they were: the one may all, the other may not rewrite the trail.
    migrate.require_current(server.url(RUNTIME, "own"))
    write_something(settings)


def test_a_backup_over_tls_stays_on_tls(server: OwnServer, settings: Settings, tmp_path: Path) -> None:
    write_something(settings)
    hba = server.cluster / "pg_hba.conf"
    kept = hba.read_text()
    # The server itself refuses everything else: no part of the backup can have gone another way.
    hba.write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
    server.control("reload")
    try:
        with pytest.raises(DatabaseUnavailable, match=r"pg_hba\.conf does not let"):
            connect(server.url(OWNER, "own", sslmode="disable"))
        tls = server.settings(tmp_path, "own", sslmode="prefer")
        path = make(tls, Keys.open(settings.keys_dir), tmp_path / "tls.backup")
    finally:
        hba.write_text(kept)
        server.control("reload")
    embedded = Settings(data_dir=tmp_path / "embedded", keys_dir=settings.keys_dir)
    backup.restore(embedded, path)
    with open_database(embedded) as database:
        assert database.server is not None
        assert contents(database.server.conninfo(OWNER)) == contents(server.url(OWNER, "own"))


def test_without_a_program_that_speaks_tls_a_backup_over_tls_is_refused(
    server: OwnServer, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = Keys.open(settings.keys_dir)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DatabaseUnavailable, match=r"takes the program `pg_dump`.*package postgresql-client"):
        make(server.settings(tmp_path, "own", sslmode="require"), keys, tmp_path / "tls.backup")
    assert list(tmp_path.glob("*.backup*")) == []


def test_a_backup_without_the_owners_address_is_refused(settings: Settings, tmp_path: Path) -> None:
    runtime_only = settings.model_copy(update={"database_owner_url": None})
    with pytest.raises(InvalidSettings, match="VANGNET_DATABASE_OWNER_URL"):
        make(runtime_only, Keys.open(settings.keys_dir), tmp_path / "x.backup")


def test_the_password_is_in_no_argument_of_a_program(server: OwnServer, settings: Settings) -> None:
    from vangnet.db import dumping

    command, environ = dumping._pg_dump(server.url(OWNER, "own"))
    assert "canary" not in " ".join(command)
    assert environ["PGPASSWORD"] == _PASSWORDS[OWNER]
    assert shutil.which("pg_dump", path=environ["PATH"]) is not None
