"""Lists as a sealed and signed file."""

import io
import os
import tracemalloc
import uuid
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pyrage
import pytest

from vangnet.errors import Conflict, InvalidInput
from vangnet.keys import Keys
from vangnet.registry.formats import bundle, csv
from vangnet.registry.formats.reading import Taken
from vangnet.registry.model.entries import Category, EntryDraft, HashAlgorithm, ListedHash, MediaKind

A1 = Category(scheme="ncmec", name="A1")
LIST = uuid.uuid4()


def entries(count: int) -> Iterator[EntryDraft]:
    for number in range(count):
        listed = ListedHash(algorithm=HashAlgorithm.SHA256, value=number.to_bytes(32, "big"))
        yield EntryDraft(media_kind=MediaKind.IMAGE, hashes=(listed,), category=A1, reference=f"case-{number}")


@pytest.fixture
def identity() -> pyrage.x25519.Identity:
    return pyrage.x25519.Identity.generate()


def write(path: Path, count: int, keys: Keys, identity: pyrage.x25519.Identity, now: datetime) -> bundle.Manifest:
    return bundle.write(
        path, entries(count), recipients=[identity.to_public()], signer=keys, list_id=LIST, list_name="ours", now=now
    )


def test_what_is_sealed_is_read_the_same_by_whom_it_is_for(
    tmp_path: Path, keys: Keys, identity: pyrage.x25519.Identity, now: datetime
) -> None:
    made = write(tmp_path / "list.bundle", 1234, keys, identity, now)
    assert made.entries == 1234
    with bundle.read(tmp_path / "list.bundle", maker=keys.public_key) as opened:
        assert opened.manifest == made
        rows = list(opened.rows([identity]))
        assert [row.draft for row in rows if isinstance(row, Taken)] == list(entries(1234))
        assert list(opened.rows([identity], after=1000)) == rows[1000:]
    assert (tmp_path / "list.bundle").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["list.bundle"]


def test_an_empty_list_can_be_sealed(tmp_path: Path, keys: Keys, identity: pyrage.x25519.Identity, now: datetime) -> None:
    write(tmp_path / "list.bundle", 0, keys, identity, now)
    with bundle.read(tmp_path / "list.bundle") as opened:
        assert list(opened.rows([identity])) == []


def test_nothing_of_an_entry_can_be_read_without_the_key(
    tmp_path: Path, keys: Keys, identity: pyrage.x25519.Identity, now: datetime
) -> None:
    write(tmp_path / "list.bundle", 3, keys, identity, now)
    assert b"case-" not in (tmp_path / "list.bundle").read_bytes()
    with (
        bundle.read(tmp_path / "list.bundle") as opened,
        pytest.raises(InvalidInput, match="not opened by any of the keys"),
    ):
        list(opened.rows([pyrage.x25519.Identity.generate()]))


def test_a_bundle_of_another_maker_is_refused(
    tmp_path: Path, keys: Keys, identity: pyrage.x25519.Identity, now: datetime
) -> None:
    write(tmp_path / "list.bundle", 1, keys, identity, now)
    other = Keys.open(tmp_path / "other")
    with (
        pytest.raises(InvalidInput, match="another installation"),
        bundle.read(tmp_path / "list.bundle", maker=other.public_key),
    ):
        pass


def test_every_changed_byte_is_noticed(tmp_path: Path, keys: Keys, identity: pyrage.x25519.Identity, now: datetime) -> None:
    path = tmp_path / "list.bundle"
    write(path, 2, keys, identity, now)
    whole = path.read_bytes()
    everything = list(entries(2))
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            with bundle.read(path, maker=keys.public_key) as opened:
                # A byte of the archive's own (a time, a version) may differ; what is read may not.
                drafts = [row.draft for row in opened.rows([identity]) if isinstance(row, Taken)]
        except InvalidInput:
            continue
        assert drafts == everything


def test_entries_of_another_cannot_be_slipped_in(
    tmp_path: Path, keys: Keys, identity: pyrage.x25519.Identity, now: datetime
) -> None:
    path, forged = tmp_path / "list.bundle", tmp_path / "forged.bundle"
    write(path, 1, keys, identity, now)
    text = io.BytesIO()
    csv.write(entries(9), text)
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(forged, "w") as new:
        for name in old.namelist():
            sealed = pyrage.encrypt(text.getvalue(), [identity.to_public()])
            new.writestr(name, sealed if name == bundle.ENTRIES else old.read(name))
    with pytest.raises(InvalidInput, match="not what its manifest says"), bundle.read(forged):
        pass


@pytest.mark.parametrize("data", [b"", b"PK", os.urandom(500)])
def test_what_is_no_bundle_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(InvalidInput), bundle.read(tmp_path / "x"):
        pass
    with pytest.raises(InvalidInput), bundle.read(tmp_path / "missing"):
        pass


def test_nothing_is_left_where_the_entries_fail_and_nothing_is_written_over(
    tmp_path: Path, keys: Keys, identity: pyrage.x25519.Identity, now: datetime
) -> None:
    def failing() -> Iterator[EntryDraft]:
        yield from entries(2000)
        raise LookupError("no more")

    path = tmp_path / "list.bundle"
    with pytest.raises(LookupError):
        bundle.write(path, failing(), recipients=[identity.to_public()], signer=keys, list_id=LIST, list_name="x", now=now)
    assert [found.name for found in tmp_path.iterdir() if found.is_file()] == []
    path.write_bytes(b"mine")
    with pytest.raises(Conflict):
        write(path, 1, keys, identity, now)
    assert path.read_bytes() == b"mine"
    with pytest.raises(InvalidInput, match="at least one"):
        bundle.write(path, [], recipients=[], signer=keys, list_id=LIST, list_name="x", now=now)


def test_reading_can_be_left_in_the_middle(
    tmp_path: Path, keys: Keys, identity: pyrage.x25519.Identity, now: datetime
) -> None:
    write(tmp_path / "list.bundle", 60_000, keys, identity, now)
    with bundle.read(tmp_path / "list.bundle") as opened:
        rows = opened.rows([identity])
        assert isinstance(next(rows), Taken)
        rows.close()  # type: ignore[attr-defined]


def test_memory_is_bounded(tmp_path: Path, keys: Keys, identity: pyrage.x25519.Identity, now: datetime) -> None:
    tracemalloc.start()
    try:
        write(tmp_path / "list.bundle", 60_000, keys, identity, now)
        with bundle.read(tmp_path / "list.bundle") as opened:
            assert sum(1 for _ in opened.rows([identity])) == 60_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (tmp_path / "list.bundle").stat().st_size > 5_000_000
    assert peak < 4_000_000
