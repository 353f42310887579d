"""A backup holds everything, and a restore brings back all of it or nothing."""

import contextlib
import io
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import IO
from uuid import uuid4

import psycopg
import pyrage
import pytest
from pydantic import SecretStr

from vangnet.config import Settings
from vangnet.db import backup, backup_file, backup_key, defer, dumping, loading, migrate, open_database
from vangnet.db.backup_file import DUMP, HEADS
from vangnet.db.embedded import OWNER, RUNTIME, EmbeddedServer
from vangnet.errors import AppError, Conflict, DatabaseRefused, DatabaseUnavailable, DataFolderUnusable, InvalidInput
from vangnet.keys import Keys

_NOW = datetime(2026, 11, 21, 13, 2, 7, tzinfo=UTC)


@pytest.fixture
def settings(postgres: EmbeddedServer, database_name: str, tmp_path: Path) -> Settings:
    """An installation with something in it."""
    settings = settings_for(postgres, database_name, tmp_path)
    fill(postgres.conninfo(OWNER, database_name))
    settings.audit_heads_dir.mkdir(parents=True)
    (settings.audit_heads_dir / "2026-11.heads").write_text("signed")
    return settings


@pytest.fixture
def empty(postgres: EmbeddedServer, tmp_path: Path) -> Iterator[Settings]:
    """An installation with the same keys whose database holds nothing, on the same server."""
    with psycopg.connect(postgres.conninfo("postgres", "postgres"), autocommit=True) as superuser:
        superuser.execute(f"CREATE DATABASE restored OWNER {OWNER}".encode())
        yield settings_for(postgres, "restored", tmp_path).model_copy(
            update={"data_dir": tmp_path / "new", "audit_heads_dir": tmp_path / "new" / "audit-heads"}
        )
        superuser.execute("DROP DATABASE restored WITH (FORCE)")


@pytest.fixture
def made(settings: Settings, tmp_path: Path) -> Path:
    """A backup of it."""
    return make(settings, tmp_path / "vangnet.backup")


def settings_for(postgres: EmbeddedServer, database: str, tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path / "data",
        keys_dir=tmp_path / "keys",
        database_url=SecretStr(postgres.conninfo(RUNTIME, database)),
        database_owner_url=SecretStr(postgres.conninfo(OWNER, database)),
    )


def owner_of(settings: Settings) -> str:
    assert settings.database_owner_url is not None
    return settings.database_owner_url.get_secret_value()


def fill(conninfo: str) -> None:
    with psycopg.connect(conninfo) as conn:
        conn.execute("SET search_path TO public, procrastinate")
        conn.execute(
            """
            INSERT INTO audit_event (at, actor_kind, actor_id, action, record, record_id, details)
            SELECT timestamptz '2026-11-21T13:02:07.123456Z', 'console', '0', 'test', 'test',
                   E'canary \\t \\\\ \\n \\\\. ☃ ' || n, '{"a":  1, "b": null}'
            FROM generate_series(1, 3000) AS n
            """
        )
        conn.execute("INSERT INTO audit_seal VALUES (1, 1, sha256('a'), sha256('b'), now())")
        defer(conn, "written", number=1)
        defer(conn, "written", lock="one", at=_NOW, number=2)


def make(settings: Settings, path: Path, *, recipients: Sequence[str] = ()) -> Path:
    keys = Keys.open(settings.keys_dir)
    backup.make(settings, keys, path, backup_id=uuid4(), recipients=recipients, now=_NOW)
    return path


def contents(conninfo: str) -> dict[str, list[tuple[str]]]:
    """Every row of every table, and where every sequence stands, as text."""
    with psycopg.connect(conninfo) as conn:
        names = conn.execute(
            """
            SELECT relnamespace::regnamespace || '.' || relname, relkind = 'S' FROM pg_class
            WHERE relnamespace IN ('public'::regnamespace, 'procrastinate'::regnamespace) AND relkind IN ('r', 'S')
            """
        ).fetchall()
        conn.execute("SET timezone TO 'UTC'")
        return {
            name: conn.execute(
                f"SELECT {'ROW(last_value, is_called)' if sequence else 't'}::text FROM {name} t ORDER BY 1".encode()  # noqa: S608
            ).fetchall()
            for name, sequence in names
        }


def holds_nothing(settings: Settings) -> bool:
    with psycopg.connect(owner_of(settings)) as conn:
        found = conn.execute(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace UNION ALL"
            " SELECT count(*) FROM pg_namespace WHERE nspname = 'procrastinate'"
        ).fetchall()
    return found == [(0,), (0,)] and not settings.audit_heads_dir.exists()


def rewritten(settings: Settings, path: Path, dump: bytes, **facts: object) -> Path:
    """A backup that our own key signed, with something else than a dump in it."""
    recipient = backup_key.own_recipient(settings.keys_dir)
    usual = {
        "backup_id": uuid4(),
        "vangnet_version": "0.1.0",
        "made_at": _NOW,
        "installation_kind": None,
        "schema_revision": migrate.files()[-1].revision,
        "postgres_major": 18,
    }
    with backup_file.create(path, [recipient]) as file:
        file.add(HEADS, io.BytesIO(bytes(10240)), lambda _: None)
        file.add(DUMP, io.BytesIO(dump), lambda _: None)
        file.finish(Keys.open(settings.keys_dir), **usual | facts)
    return path


def dump_in(settings: Settings, path: Path) -> bytes:
    target = io.BytesIO()
    with backup_file.read(path) as file:
        file.open(DUMP, backup_key.identities(settings.keys_dir, None), target, lambda _: None)
    return target.getvalue()


# --- round trip ---------------------------------------------------------------------------------------------------


def test_a_restore_brings_back_every_row_right_and_sequence(settings: Settings, empty: Settings, made: Path) -> None:
    before = contents(owner_of(settings))
    restored = backup.restore(empty, made)
    assert contents(owner_of(empty)) == before
    assert len(before["public.audit_event"]) == 3000
    assert dumping.schema_dump(owner_of(empty)) == dumping.schema_dump(owner_of(settings))
    assert (restored.signature_known, restored.applied, restored.heads) == (True, (), 1)
    assert (empty.audit_heads_dir / "2026-11.heads").read_text() == "signed"


def test_after_a_restore_the_program_can_work_and_still_not_rewrite_the_trail(empty: Settings, made: Path) -> None:
    backup.restore(empty, made)
    with open_database(empty) as database:
        with database.transaction() as conn:
            defer(conn, "written", number=3)
            conn.execute(
                "INSERT INTO audit_event (at, actor_kind, actor_id, action, record, record_id, details)"
                " VALUES (now(), '', '', '', '', '', '{}')"
            )
        with pytest.raises(psycopg.errors.InsufficientPrivilege), database.transaction() as conn:
            conn.execute("DELETE FROM audit_event")
    with psycopg.connect(owner_of(empty)) as conn:
        owners = conn.execute(
            """
            SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class
            WHERE relnamespace IN ('public'::regnamespace, 'procrastinate'::regnamespace)
            """
        ).fetchall()
    assert owners == [(OWNER,)]


def test_a_restore_into_a_new_data_folder_makes_the_installation_anew(
    settings: Settings, made: Path, tmp_path: Path
) -> None:
    folder = Settings(data_dir=tmp_path / "new", keys_dir=settings.keys_dir)
    backup.restore(folder, made)
    with open_database(folder) as database:
        assert database.server is not None
        assert contents(database.server.conninfo(OWNER)) == contents(owner_of(settings))


def test_a_backup_from_before_an_upgrade_is_brought_up_to_date(empty: Settings, settings: Settings, tmp_path: Path) -> None:
    part = tmp_path / "first"
    (part / "versions").mkdir(parents=True)
    shutil.copy(migrate.MIGRATIONS / "env.py", part)
    *earlier, last = migrate.files()
    for file in earlier:
        shutil.copy(migrate.MIGRATIONS / file.name, part)
        shutil.copy((migrate.MIGRATIONS / "versions" / file.name).with_suffix(".py"), part / "versions")
    older = Settings(data_dir=tmp_path / "older", keys_dir=settings.keys_dir)
    server = EmbeddedServer(older.data_dir)
    server.acquire()
    try:
        migrate.upgrade(server.conninfo(OWNER), migrations=part)
        fill(server.conninfo(OWNER))
        made = make(older, tmp_path / "older.backup")
    finally:
        server.release()
    assert backup.restore(empty, made).applied == (last.name,)
    assert contents(owner_of(empty))["public.audit_event"] == contents(owner_of(settings))["public.audit_event"]
    assert dumping.schema_dump(owner_of(empty)) == dumping.schema_dump(owner_of(settings))


def test_a_backup_says_what_it_is_of(settings: Settings, made: Path) -> None:
    with psycopg.connect(owner_of(settings)) as conn:
        conn.execute(
            "INSERT INTO installation (id, kind, party_name, language, created_at)"
            " VALUES (gen_random_uuid(), 'hotline', 'Meldpunt', 'nl', now())"
        )
    with backup_file.read(make(settings, made.with_name("second"))) as file:
        assert file.manifest.installation_kind == "hotline"
        assert file.manifest.schema_revision == migrate.files()[-1].revision
        assert file.manifest.postgres_major == 18
    with backup_file.read(made) as file:
        assert file.manifest.installation_kind is None


def test_nothing_of_the_content_is_readable_in_the_file(made: Path) -> None:
    assert b"canary" not in made.read_bytes()


def test_while_a_backup_is_made_the_installation_goes_on(settings: Settings, empty: Settings, tmp_path: Path) -> None:
    before = contents(owner_of(settings))["public.audit_event"]

    def write_meanwhile(step: str, _total_bytes: int | None) -> backup_file.Progress:
        written: list[bool] = []

        def told(_count: int) -> None:
            if step == "database" and not written:
                written.append(True)
                with open_database(settings) as database, database.transaction() as conn:
                    defer(conn, "written", number=99)

        return told

    keys = Keys.open(settings.keys_dir)
    backup.make(settings, keys, tmp_path / "file", backup_id=uuid4(), now=_NOW, watch=write_meanwhile)
    backup.restore(empty, tmp_path / "file")
    assert contents(owner_of(empty))["public.audit_event"] == before
    jobs = [len(contents(owner_of(each))["procrastinate.procrastinate_jobs"]) for each in (settings, empty)]
    assert jobs == [3, 2]


# --- keys ---------------------------------------------------------------------------------------------------------


def test_a_recipient_opens_it_without_the_keys_folder(settings: Settings, empty: Settings, tmp_path: Path) -> None:
    safe = pyrage.x25519.Identity.generate()
    made = make(settings, tmp_path / "file", recipients=[str(safe.to_public())])
    shutil.rmtree(settings.keys_dir)
    with pytest.raises(InvalidInput, match="put the keys folder of the installation back"):
        backup.restore(empty, made)
    (tmp_path / "identity").write_text(str(safe))
    restored = backup.restore(empty, made, identity=tmp_path / "identity")
    # Nobody can know any more who made it, and new keys are not made in the place of those that are lost.
    assert not restored.signature_known
    assert not settings.keys_dir.exists()


def test_the_keys_of_another_installation_are_refused(made: Path, empty: Settings, tmp_path: Path) -> None:
    other = empty.model_copy(update={"keys_dir": tmp_path / "other"})
    Keys.open(other.keys_dir)
    backup_key.own_recipient(other.keys_dir)
    with pytest.raises(InvalidInput, match="made by another installation"):
        backup.restore(other, made)
    assert holds_nothing(empty)


def test_a_key_that_does_not_fit_is_refused_before_anything_is_touched(made: Path, tmp_path: Path) -> None:
    (tmp_path / "identity").write_text(str(pyrage.x25519.Identity.generate()))
    folder = Settings(data_dir=tmp_path / "new", keys_dir=tmp_path / "no keys")
    with pytest.raises(InvalidInput, match="not opened by any of the keys"):
        backup.restore(folder, made, identity=tmp_path / "identity")
    assert not folder.data_dir.exists()


# --- refusals -----------------------------------------------------------------------------------------------------


def test_a_database_that_holds_something_is_left_alone(settings: Settings, made: Path) -> None:
    before = contents(owner_of(settings))
    with pytest.raises(Conflict, match="holds something already"):
        backup.restore(settings, made)
    assert contents(owner_of(settings)) == before


def test_a_data_folder_in_use_is_left_alone(settings: Settings, made: Path, tmp_path: Path) -> None:
    folder = Settings(data_dir=tmp_path / "new", keys_dir=settings.keys_dir)
    with open_database(folder) as database:
        with pytest.raises(Conflict, match="holds something already"):
            backup.restore(folder, made)
        with database.transaction() as conn:
            assert conn.execute("SELECT count(*) FROM audit_event").fetchone() == (0,)


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.999])
def test_a_file_that_is_cut_off_is_refused_and_nothing_is_kept(empty: Settings, made: Path, keep: float) -> None:
    os.truncate(made, int(made.stat().st_size * keep))
    with pytest.raises(InvalidInput, match="cut off"):
        backup.restore(empty, made)
    assert holds_nothing(empty)


def test_a_damaged_file_is_refused_and_nothing_is_kept(empty: Settings, made: Path) -> None:
    held = bytearray(made.read_bytes())
    held[len(held) // 2] ^= 1
    made.write_bytes(held)
    with pytest.raises(InvalidInput, match="is damaged"):
        backup.restore(empty, made)
    assert holds_nothing(empty)


def test_a_backup_of_a_newer_vangnet_is_refused_and_named(settings: Settings, empty: Settings, tmp_path: Path) -> None:
    newer = rewritten(settings, tmp_path / "file", b"", schema_revision="9999", vangnet_version="7.1")
    with pytest.raises(InvalidInput, match=r"made by Vangnet 7\.1, which is newer: its schema is 9999"):
        backup.restore(empty, newer)
    assert holds_nothing(empty)


def test_a_dump_that_breaks_off_anywhere_is_never_taken_for_a_whole_one(settings: Settings, made: Path, seed: int) -> None:
    dump = dump_in(settings, made)
    chosen = random.Random(seed)  # noqa: S311 (a test)
    # Between two tables nothing is cut in half, and only the program's own end tells.
    for cut in (0, len(dump) - 1, *(chosen.randrange(len(dump)) for _ in range(40))):
        with pytest.raises(DatabaseRefused, match="to its end"):
            script_of(dump[:cut])
    assert script_of(dump).count(b"\nCOPY ") > 20


def script_of(dump: bytes) -> bytes:
    def feed(target: IO[bytes]) -> None:
        target.write(dump)

    with loading._as_script(feed) as script:
        return b"".join(script)


def test_a_dump_whose_source_fails_at_its_very_end_is_not_kept(settings: Settings, empty: Settings, made: Path) -> None:
    def feed(target: IO[bytes]) -> None:
        target.write(dump_in(settings, made))
        raise InvalidInput(field="file", problem="is damaged")

    with pytest.raises(InvalidInput, match="is damaged"), psycopg.connect(owner_of(empty)) as conn:
        loading.load(conn, feed)
    assert holds_nothing(empty)


@pytest.mark.parametrize("keep", [0, 100, 0.5, 0.99])
def test_a_dump_that_breaks_off_is_refused_and_nothing_is_kept(
    settings: Settings, empty: Settings, made: Path, keep: float
) -> None:
    # What only a fault of ours can make: whole as a file, signed, and half of a database.
    dump = dump_in(settings, made)
    half = rewritten(settings, made.with_name("half"), dump[: int(keep if keep > 1 else len(dump) * keep)])
    with pytest.raises(DatabaseRefused):
        backup.restore(empty, half)
    assert holds_nothing(empty)
    assert backup.restore(empty, made).heads == 1


def test_a_dump_that_is_not_what_its_manifest_says_is_refused(settings: Settings, empty: Settings, made: Path) -> None:
    earlier = migrate.files()[-2].revision
    lying = rewritten(settings, made.with_name("lying"), dump_in(settings, made), schema_revision=earlier)
    with pytest.raises(DatabaseRefused, match="not what its manifest says"):
        backup.restore(empty, lying)
    assert holds_nothing(empty)


def test_a_database_that_cannot_take_it_says_so_without_a_row(settings: Settings, empty: Settings, made: Path) -> None:
    with psycopg.connect(owner_of(settings).replace(OWNER, "postgres"), autocommit=True) as superuser:
        superuser.execute(f"ALTER ROLE {RUNTIME} RENAME TO somebody_else")
        try:
            with pytest.raises(DatabaseRefused, match=r"does not take what the backup holds \(42704\)"):
                backup.restore(empty, made)
        finally:
            superuser.execute(f"ALTER ROLE somebody_else RENAME TO {RUNTIME}")
    assert holds_nothing(empty)


def test_heads_that_are_there_already_are_not_replaced_by_older_ones(empty: Settings, made: Path) -> None:
    empty.audit_heads_dir.mkdir(parents=True)
    (empty.audit_heads_dir / "2026-11.heads").write_text("signed, and later")
    assert backup.restore(empty, made).heads == 0
    assert (empty.audit_heads_dir / "2026-11.heads").read_text() == "signed, and later"


def test_an_empty_database_is_nothing_to_back_up(empty: Settings, tmp_path: Path) -> None:
    with pytest.raises(Conflict, match="nothing to back up"):
        make(empty, tmp_path / "file")
    assert not (tmp_path / "file").exists()


def test_a_server_that_dies_under_a_backup_leaves_no_file(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "own", keys_dir=tmp_path / "keys")
    with open_database(settings) as database:
        assert database.server is not None
        server = database.server
        with psycopg.connect(server.conninfo(OWNER)) as conn:
            conn.execute("CREATE TABLE long AS SELECT sha512(n::text::bytea) FROM generate_series(1, 300000) n")

        def kill(step: str, _total_bytes: int | None) -> backup_file.Progress:
            def told(_count: int) -> None:
                pid = server.running_pid()
                if step == "database" and pid is not None:
                    os.kill(pid, signal.SIGKILL)

            return told

        keys = Keys.open(settings.keys_dir)
        with pytest.raises(DatabaseUnavailable, match="pg_dump failed"):
            backup.make(settings, keys, tmp_path / "file", backup_id=uuid4(), now=_NOW, watch=kill)
    assert list(tmp_path.glob("*file*")) == []


def test_a_keys_folder_that_cannot_be_written_is_told(settings: Settings, tmp_path: Path) -> None:
    keys = Keys.open(settings.keys_dir)
    elsewhere = settings.model_copy(update={"keys_dir": Path("/proc/vangnet-keys")})
    with pytest.raises(DataFolderUnusable, match="/proc/vangnet-keys"):
        backup.make(elsewhere, keys, tmp_path / "file", backup_id=uuid4(), now=_NOW)


# --- kills --------------------------------------------------------------------------------------------------------

_PROGRAM = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import IO
from uuid import uuid4
from vangnet.config import Settings
from vangnet.db import backup
from vangnet.keys import Keys
verb, data, keys, file = sys.argv[1:]
settings = Settings(data_dir=Path(data), keys_dir=Path(keys))
def watch(step, total):
    def told(count):
        if step == "database":
            print("under way", flush=True)
    return told
if verb == "make":
    backup.make(settings, Keys.open(settings.keys_dir), Path(file), backup_id=uuid4(), now=datetime.now(UTC), watch=watch)
else:
    backup.restore(settings, Path(file), watch=watch)
"""


@contextlib.contextmanager
def killed_under_way(*arguments: object) -> Iterator[None]:
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"under way\n"
        os.killpg(process.pid, signal.SIGKILL)
    yield


def test_a_backup_and_a_restore_that_were_killed_can_be_done_again(settings: Settings, tmp_path: Path) -> None:
    folder = Settings(data_dir=tmp_path / "own", keys_dir=tmp_path / "keys")
    with open_database(folder) as database:
        assert database.server is not None
        with psycopg.connect(database.server.conninfo(OWNER)) as conn:
            conn.execute("CREATE TABLE long AS SELECT sha512(n::text::bytea) FROM generate_series(1, 200000) n")
        before = contents(database.server.conninfo(OWNER))
    file = tmp_path / "file"
    with killed_under_way("make", folder.data_dir, folder.keys_dir, file):
        assert not file.exists()
    make(folder, file)
    assert list(tmp_path.glob(".file*")) == []

    new = Settings(data_dir=tmp_path / "new", keys_dir=folder.keys_dir)
    with killed_under_way("restore", new.data_dir, new.keys_dir, file):
        pass
    backup.restore(new, file)
    with open_database(new) as database:
        assert database.server is not None
        assert contents(database.server.conninfo(OWNER)) == before


def test_two_restores_at_once_end_with_one_of_them(empty: Settings, settings: Settings, made: Path) -> None:
    def attempt(_: int) -> AppError | None:
        try:
            backup.restore(empty, made)
        except AppError as error:
            return error
        return None

    with ThreadPoolExecutor(2) as both:
        outcomes = list(both.map(attempt, range(2)))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "NoneType"]
    assert contents(owner_of(empty)) == contents(owner_of(settings))
