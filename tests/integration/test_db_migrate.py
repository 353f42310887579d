"""The schema: it is what the committed dump says, comes about in order or not at all, and the program cannot change it."""

import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from vangnet.db import Connection, dumping, migrate, queue
from vangnet.db.embedded import OWNER, RUNTIME, EmbeddedServer
from vangnet.errors import DatabaseRefused

_COMMITTED = Path(migrate.__file__).with_name("schema.sql")


@pytest.fixture
def empty(postgres: EmbeddedServer) -> Iterator[str]:
    """Where to connect, as the owner, to a database that holds nothing."""
    with psycopg.connect(postgres.conninfo("postgres", "postgres"), autocommit=True) as superuser:
        superuser.execute(f"CREATE DATABASE empty OWNER {OWNER}".encode())
        yield postgres.conninfo(OWNER, "empty")
        superuser.execute("DROP DATABASE empty WITH (FORCE)")


@pytest.fixture
def owner(postgres: EmbeddedServer, database_name: str) -> str:
    """Where to connect, as the owner, to a database at the newest schema."""
    return postgres.conninfo(OWNER, database_name)


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    """A copy of the migrations that a test may change."""
    return Path(shutil.copytree(migrate.MIGRATIONS, tmp_path / "100% of the migrations"))


def add_migration(migrations: Path, statements: str) -> str:
    """Adds the next migration and returns its name."""
    before = migrate.files(migrations)[-1].revision
    revision = f"{int(before) + 1:04}"
    (migrations / f"{revision}_test.sql").write_text(statements)
    (migrations / "versions" / f"{revision}_test.py").write_text(
        f"from vangnet.db.alembic_runner import apply_file\nrevision = {revision!r}\ndown_revision = {before!r}\n"
        "def upgrade() -> None:\n    apply_file(revision)\n"
    )
    return f"{revision}_test.sql"


def change(conninfo: str, statement: str) -> None:
    with psycopg.connect(conninfo) as conn:
        conn.execute(statement.encode())


# --- from nothing to the newest -----------------------------------------------------------------------------------


def test_the_migrations_make_the_committed_schema_from_nothing(empty: str) -> None:
    applied = migrate.upgrade(empty)
    assert applied == [file.name for file in migrate.files()]
    assert dumping.schema_dump(empty) == _COMMITTED.read_text(encoding="utf-8"), (
        "the migrations changed: renew the dump with `vangnet db dump-schema src/vangnet/db/schema.sql` and read its diff"
    )


def test_the_dump_of_the_schema_says_nothing_of_who_dumped_it_when(empty: str) -> None:
    migrate.upgrade(empty)
    dump = dumping.schema_dump(empty)
    assert dump == dumping.schema_dump(empty)
    assert "CREATE TABLE public.audit_event" in dump
    assert f"GRANT SELECT,INSERT ON TABLE public.audit_event TO {RUNTIME};" in dump
    assert not re.search(r"restrict|^SET |pg_dump|OWNER TO", dump, re.MULTILINE)


def test_an_upgrade_of_what_is_up_to_date_does_nothing(owner: str) -> None:
    assert migrate.upgrade(owner) == []


def test_every_migration_can_be_the_last(empty: str, tmp_path: Path) -> None:
    # What an installation goes through that is upgraded with every release.
    for count in range(1, len(migrate.files()) + 1):
        part = tmp_path / f"first {count}"
        (part / "versions").mkdir(parents=True)
        shutil.copy(migrate.MIGRATIONS / "env.py", part)
        for file in migrate.files()[:count]:
            shutil.copy(migrate.MIGRATIONS / file.name, part)
            shutil.copy((migrate.MIGRATIONS / "versions" / file.name).with_suffix(".py"), part / "versions")
        assert migrate.upgrade(empty, migrations=part) == [migrate.files()[count - 1].name]
    migrate.upgrade(empty)
    assert dumping.schema_dump(empty) == _COMMITTED.read_text(encoding="utf-8")


def test_two_upgrades_at_once_apply_everything_once(empty: str) -> None:
    applied: list[list[str]] = []
    upgrades = [threading.Thread(target=lambda: applied.append(migrate.upgrade(empty))) for _ in range(4)]
    for upgrade in upgrades:
        upgrade.start()
    for upgrade in upgrades:
        upgrade.join()
    assert sorted(applied) == [[], [], [], [file.name for file in migrate.files()]]


def test_an_upgrade_waits_for_who_holds_the_schema(empty: str) -> None:
    with psycopg.connect(empty) as backup:
        migrate.hold(backup)
        upgrade = threading.Thread(target=migrate.upgrade, args=(empty,))
        upgrade.start()
        while backup.execute("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").fetchone() is None:
            backup.rollback()
        assert migrate.applied(backup) == []
    upgrade.join()
    with psycopg.connect(empty) as conn:
        assert migrate.missing(conn) == []


# --- all or nothing -----------------------------------------------------------------------------------------------


def test_a_migration_that_fails_half_way_leaves_the_database_as_it_was(owner: str, migrations: Path) -> None:
    before = dumping.schema_dump(owner)
    good = add_migration(migrations, "CREATE TABLE one (a int);")
    bad = add_migration(migrations, "CREATE TABLE two (a int);\nSELECT 'canary'::uuid;")
    with pytest.raises(DatabaseRefused, match=f"`{bad}` failed .22P02., and nothing of it was kept") as caught:
        migrate.upgrade(owner, migrations=migrations)
    assert "canary" not in str(caught.value)
    assert dumping.schema_dump(owner) == before
    with psycopg.connect(owner) as conn:
        assert [file.name for file in migrate.applied(conn)] == [file.name for file in migrate.files()]
    (migrations / bad).write_text("CREATE TABLE two (a int);")
    assert migrate.upgrade(owner, migrations=migrations) == [good, bad]


# --- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["0001_house.sql", "0002_identity.sql"])
def test_a_missing_file_is_refused(empty: str, migrations: Path, name: str) -> None:
    (migrations / name).unlink()
    with pytest.raises(DatabaseRefused, match="without a gap"):
        migrate.upgrade(empty, migrations=migrations)


def test_a_number_that_is_used_twice_is_refused(empty: str, migrations: Path) -> None:
    (migrations / "0002_again.sql").write_text("")
    with pytest.raises(DatabaseRefused, match="without a gap"):
        migrate.upgrade(empty, migrations=migrations)


def test_a_file_that_was_edited_after_it_was_applied_is_refused_and_named(owner: str, migrations: Path) -> None:
    with (migrations / "0001_house.sql").open("a") as file:
        file.write("-- one more word\n")
    with pytest.raises(DatabaseRefused, match=r"`0001_house.sql` was edited"):
        migrate.upgrade(owner, migrations=migrations)


def test_a_database_of_a_newer_vangnet_is_refused_and_named(owner: str) -> None:
    change(owner, "INSERT INTO migration_file (revision, name, sha256) VALUES ('9999', '9999_later.sql', '')")
    with pytest.raises(DatabaseRefused, match="its schema 9999 is newer than this Vangnet") as caught:
        migrate.upgrade(owner)
    assert caught.value.advice() == "install the version of Vangnet that wrote it, or a later one"


def test_a_migration_that_was_left_out_is_refused_and_named(owner: str) -> None:
    change(owner, "DELETE FROM migration_file WHERE revision = '0001'")
    with pytest.raises(DatabaseRefused, match="migration 0001 was never applied"):
        migrate.upgrade(owner)


def test_an_older_schema_is_refused_where_it_cannot_be_brought_up_to_date(
    postgres: EmbeddedServer, database_name: str, owner: str
) -> None:
    migrate.require_current(postgres.conninfo(RUNTIME, database_name))
    last = migrate.files()[-1].revision
    change(owner, "DELETE FROM migration_file WHERE revision = (SELECT max(revision) FROM migration_file)")
    with pytest.raises(DatabaseRefused, match=f"needs {last}") as caught:
        migrate.require_current(postgres.conninfo(RUNTIME, database_name))
    assert caught.value.advice() == "run `vangnet db migrate` with VANGNET_DATABASE_OWNER_URL set"


def test_the_owner_in_the_place_of_the_program_is_refused(owner: str) -> None:
    with pytest.raises(DatabaseRefused, match="may change the audit trail"):
        migrate.require_current(owner)


def test_the_program_in_the_place_of_the_owner_is_refused(postgres: EmbeddedServer, empty: str) -> None:
    with pytest.raises(DatabaseRefused, match=f"`{RUNTIME}` must not own the tables"):
        migrate.upgrade(postgres.conninfo(RUNTIME, "empty"))


def test_a_role_that_may_not_create_tables_is_refused(postgres: EmbeddedServer, empty: str) -> None:
    with psycopg.connect(postgres.conninfo("postgres", "empty"), autocommit=True) as superuser:
        superuser.execute("CREATE ROLE stranger LOGIN")
        try:
            with pytest.raises(DatabaseRefused, match="may not create tables"):
                migrate.upgrade(postgres.conninfo("stranger", "empty"))
        finally:
            superuser.execute("DROP ROLE stranger")


def test_a_database_that_is_not_in_utf8_is_refused(postgres: EmbeddedServer) -> None:
    with psycopg.connect(postgres.conninfo("postgres", "postgres"), autocommit=True) as superuser:
        superuser.execute(f"CREATE DATABASE latin OWNER {OWNER} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0".encode())
        try:
            with pytest.raises(DatabaseRefused, match="UTF-8"):
                migrate.upgrade(postgres.conninfo(OWNER, "latin"))
        finally:
            superuser.execute("DROP DATABASE latin WITH (FORCE)")


# --- the job queue's own tables -----------------------------------------------------------------------------------


def test_an_older_job_queue_is_brought_to_what_a_new_one_is(empty: str, owner: str) -> None:
    with psycopg.connect(empty) as conn:
        conn.execute("CREATE SCHEMA procrastinate")
        conn.execute("SET search_path TO procrastinate")
        for file in queue._migrations():
            if queue._release(file) <= (3, 1, 0):
                conn.execute(file.read_bytes())
        conn.execute("COMMENT ON SCHEMA procrastinate IS '3.1.0'")
    migrate.upgrade(empty)
    assert _functions_and_columns(empty) == _functions_and_columns(owner)


def _functions_and_columns(conninfo: str) -> list[tuple[str, ...]]:
    with psycopg.connect(conninfo) as conn:
        assert queue.is_current(conn)
        return conn.execute(
            """
            SELECT proname, pg_get_function_arguments(oid), prosrc FROM pg_proc
            WHERE pronamespace = 'procrastinate'::regnamespace
            UNION ALL
            SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'procrastinate'
            UNION ALL
            SELECT table_name, grantee, privilege_type FROM information_schema.table_privileges
            WHERE table_schema = 'procrastinate'
            ORDER BY 1, 2, 3
            """
        ).fetchall()


def test_a_newer_job_queue_is_refused(owner: str) -> None:
    change(owner, "COMMENT ON SCHEMA procrastinate IS '99.0.0'")
    with pytest.raises(DatabaseRefused, match=r"procrastinate 99.0.0, newer than this"):
        migrate.upgrade(owner)


# --- what the program may not do ----------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["audit_event", "audit_seal"])
@pytest.mark.parametrize(
    "statement", ["UPDATE {} SET at = at", "DELETE FROM {}", "TRUNCATE {}", "LOCK {} IN EXCLUSIVE MODE"]
)
def test_the_program_cannot_rewrite_the_audit_trail(conn: Connection, table: str, statement: str) -> None:
    wanted = statement.replace("at = at", "event_id = 1") if table == "audit_seal" else statement
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(sql.SQL(wanted).format(sql.Identifier(table)))


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (a int)",
        "CREATE SCHEMA mine",
        "CREATE TABLE procrastinate.mine (a int)",
        "CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL::timestamptz'",
        "ALTER TABLE audit_event DISABLE TRIGGER ALL",
        "ALTER TABLE audit_event OWNER TO vangnet_runtime",
        "DROP TABLE audit_event",
        "CREATE INDEX ON audit_event (id)",
        "CREATE TRIGGER t BEFORE INSERT ON audit_event EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "CREATE RULE r AS ON INSERT TO audit_event DO INSTEAD NOTHING",
        "SET ROLE vangnet_owner",
        "SET session_replication_role TO replica",
        "UPDATE migration_file SET sha256 = ''",
        "DELETE FROM migration_file",
        "CREATE ROLE mine",
        "COPY audit_event TO '/tmp/audit'",
        "COPY audit_event FROM PROGRAM 'true'",
    ],
)
def test_the_program_cannot_change_the_schema_or_its_own_rights(conn: Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(statement.encode())


def test_a_grant_to_itself_gives_the_program_nothing(postgres: EmbeddedServer, database_name: str) -> None:
    # PostgreSQL answers a GRANT of what one does not have with a warning, not an error.
    with psycopg.connect(postgres.conninfo(RUNTIME, database_name)) as conn:
        conn.add_notice_handler(lambda _: None)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("GRANT DELETE ON audit_event TO vangnet_runtime; DELETE FROM audit_event")
