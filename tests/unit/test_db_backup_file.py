"""The backup file, without a database: what goes in comes out, and nothing that was changed does."""

import errno
import io
import json
import random
import stat
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pyrage
import pytest

from vangnet.db import backup_file, backup_key
from vangnet.db.backup_file import DUMP, HEADS, BackupReader, BackupWriter, Manifest
from vangnet.errors import Conflict, InvalidInput, StorageFull
from vangnet.keys import Keys

_FACTS = {
    "backup_id": UUID(int=7),
    "vangnet_version": "1.2.3",
    "made_at": datetime(2026, 11, 21, 13, 2, 7, tzinfo=UTC),
    "installation_kind": "hotline",
    "schema_revision": "0003",
    "postgres_major": 18,
}
_HELD = {HEADS: b"heads", DUMP: b"canary " * 40_000}


def unwatched(_: int) -> None:
    pass


@pytest.fixture
def identity() -> pyrage.x25519.Identity:
    return pyrage.x25519.Identity.generate()


@pytest.fixture
def path(tmp_path: Path, keys: Keys, identity: pyrage.x25519.Identity) -> Path:
    """A backup file."""
    return write(tmp_path / "vangnet.backup", keys, identity)


def write(path: Path, keys: Keys, *identities: pyrage.x25519.Identity) -> Path:
    with backup_file.create(path, [identity.to_public() for identity in identities]) as file:
        for name, held in _HELD.items():
            file.add(name, io.BytesIO(held), unwatched)
        file.finish(keys, **_FACTS)
    return path


def read(path: Path, known_key: bytes | None, *identities: pyrage.x25519.Identity) -> dict[str, bytes]:
    with backup_file.read(path) as file:
        file.verify(known_key, unwatched)
        return {name: opened(file, name, *identities) for name in _HELD}


def opened(file: BackupReader, name: str, *identities: pyrage.x25519.Identity) -> bytes:
    target = io.BytesIO()
    file.open(name, identities, target, unwatched)
    return target.getvalue()


def rewrite(path: Path, change: Callable[[str, bytes], bytes | None]) -> None:
    """Replaces each member by what `change` makes of it; None leaves it out."""
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, held in members.items():
            changed = change(name, held)
            if changed is not None:
                archive.writestr(name, changed)


def with_manifest(path: Path, keys: Keys, change: Callable[[Manifest], Manifest]) -> None:
    """Changes the manifest and signs it anew: what a later Vangnet, or a faulty one, would have written."""

    def apply(name: str, held: bytes) -> bytes:
        if name == "manifest.json":
            return change(Manifest.decoded(held)).encoded()
        if name == "manifest.sig":
            return keys.sign(b"vangnet backup manifest\n" + manifest).hex().encode()
        return held

    with zipfile.ZipFile(path) as archive:
        manifest = change(Manifest.decoded(archive.read("manifest.json"))).encoded()
    rewrite(path, apply)


# --- what it holds ------------------------------------------------------------------------------------------------


def test_what_is_sealed_comes_out_again(path: Path, keys: Keys, identity: pyrage.x25519.Identity) -> None:
    assert read(path, keys.public_key, identity) == _HELD


def test_any_recipient_can_open_it(tmp_path: Path, keys: Keys) -> None:
    several = [pyrage.x25519.Identity.generate() for _ in range(3)]
    path = write(tmp_path / "several", keys, *several)
    for identity in several:
        assert read(path, keys.public_key, identity) == _HELD


def test_nothing_of_the_content_is_readable(path: Path) -> None:
    assert b"canary" not in path.read_bytes()


def test_the_manifest_is_readable_without_any_key(path: Path, keys: Keys) -> None:
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        sizes = {info.filename: info.file_size for info in archive.infolist()}
    assert manifest["vangnet_version"] == "1.2.3"
    assert manifest["made_at"] == "2026-11-21 13:02:07+00:00"
    assert manifest["installation_kind"] == "hotline"
    assert manifest["public_key"] == keys.public_key.hex()
    assert {member["name"]: member["size_bytes"] for member in manifest["members"]} == {
        name: sizes[name] for name in (HEADS, DUMP)
    }


def test_the_manifest_is_read_as_it_was_written(path: Path) -> None:
    with backup_file.read(path) as file:
        assert {name: getattr(file.manifest, name) for name in _FACTS} == _FACTS


# --- writing ------------------------------------------------------------------------------------------------------


def test_only_this_account_can_read_it(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_there_is_not_written_over(path: Path, keys: Keys) -> None:
    before = path.read_bytes()
    with pytest.raises(Conflict, match="never written over"):
        write(path, keys)
    assert path.read_bytes() == before


def test_a_file_that_appears_meanwhile_is_not_written_over(tmp_path: Path, keys: Keys) -> None:
    path = tmp_path / "vangnet.backup"
    identity = pyrage.x25519.Identity.generate()

    def lose_the_race() -> None:
        with backup_file.create(path, [identity.to_public()]) as file:
            finish(file, keys)
            path.write_text("somebody else's")

    with pytest.raises(Conflict, match="never written over"):
        lose_the_race()
    assert path.read_text() == "somebody else's"
    assert list(tmp_path.glob(".*")) == []


def finish(file: BackupWriter, keys: Keys) -> None:
    for name, held in _HELD.items():
        file.add(name, io.BytesIO(held), unwatched)
    file.finish(keys, **_FACTS)


class _Breaking(io.RawIOBase):
    def __init__(self, error: Exception) -> None:
        self._error = error

    def read(self, _size: int = -1) -> bytes:
        raise self._error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("why"), ValueError),
        (OSError(errno.EIO, "why"), InvalidInput),
        (OSError(errno.ENOSPC, "why"), StorageFull),
    ],
)
def test_a_source_that_fails_leaves_no_file_and_tells_its_reason(
    tmp_path: Path, identity: pyrage.x25519.Identity, error: Exception, told: type[Exception]
) -> None:
    with pytest.raises(told), backup_file.create(tmp_path / "file", [identity.to_public()]) as file:
        file.add(DUMP, _Breaking(error), unwatched)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", ["missing", "file"])
def test_a_place_where_nothing_can_be_written_is_told(tmp_path: Path, keys: Keys, folder: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="cannot be written"):
        write(tmp_path / folder / "vangnet.backup", keys)


# --- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"PK", b"not a backup", b"PK\x05\x06" + bytes(18)])
def test_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(InvalidInput, match="no backup of Vangnet"):
        read(tmp_path / "file", None)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No such file"):
        read(tmp_path / "file", None)


def test_another_key_is_refused(path: Path, keys: Keys) -> None:
    with pytest.raises(InvalidInput, match="not opened by any of the keys"):
        read(path, keys.public_key, pyrage.x25519.Identity.generate())


def test_a_file_cut_off_anywhere_is_refused(path: Path, keys: Keys, identity: pyrage.x25519.Identity, seed: int) -> None:
    whole = path.read_bytes()
    chosen = random.Random(seed)  # noqa: S311 (a test)
    for size in {0, 1, len(whole) - 1, *(chosen.randrange(len(whole)) for _ in range(50))}:
        path.write_bytes(whole[:size])
        with pytest.raises(InvalidInput):
            read(path, keys.public_key, identity)


def test_no_changed_byte_changes_what_comes_out(
    path: Path, keys: Keys, identity: pyrage.x25519.Identity, seed: int
) -> None:
    whole = path.read_bytes()
    chosen = random.Random(seed)  # noqa: S311 (a test)
    # The archive's own words stand at the end; each of their bytes in turn, and some of the many sealed ones.
    places = [*range(len(whole) - 1500, len(whole)), *(chosen.randrange(len(whole)) for _ in range(200))]
    refused = 0
    for place in places:
        changed = bytearray(whole)
        changed[place] ^= 1 << chosen.randrange(8)
        path.write_bytes(changed)
        try:
            assert read(path, keys.public_key, identity) == _HELD, place
        except InvalidInput:
            refused += 1
    # The rest are bytes that say nothing, such as a member's date.
    assert refused > len(places) * 0.8


def test_a_member_that_was_exchanged_is_refused(path: Path, keys: Keys, identity: pyrage.x25519.Identity) -> None:
    other = pyrage.encrypt(b"a database of somebody else's", [identity.to_public()])
    rewrite(path, lambda name, held: other if name == DUMP else held)
    with pytest.raises(InvalidInput, match=r"`database.dump.age` is not what its manifest says"):
        read(path, keys.public_key, identity)


def test_a_manifest_that_was_made_to_fit_is_refused(path: Path, keys: Keys, identity: pyrage.x25519.Identity) -> None:
    rewrite(path, lambda name, held: held.replace(b"hotline", b"police_") if name == "manifest.json" else held)
    with pytest.raises(InvalidInput, match="its signature does not fit"):
        read(path, keys.public_key, identity)
    # It is refused to who knows no key as well: it contradicts itself.
    with pytest.raises(InvalidInput, match="its signature does not fit"):
        read(path, None, identity)


def test_a_backup_of_another_installation_is_refused_and_named(
    path: Path, keys: Keys, identity: pyrage.x25519.Identity, tmp_path: Path
) -> None:
    stranger = Keys.open(tmp_path / "stranger")
    with pytest.raises(InvalidInput, match=r"made by another installation .* its key is [0-9a-f]{4} "):
        read(path, stranger.public_key, identity)


def test_a_later_format_is_refused_and_named(path: Path, keys: Keys, identity: pyrage.x25519.Identity) -> None:
    with_manifest(path, keys, lambda manifest: replace(manifest, format=2))
    with pytest.raises(InvalidInput, match="its format is 2, and 1 is known"):
        read(path, keys.public_key, identity)


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"format": 1}',
        b'{"format": 1, "members": 3}',
        b"\xff",
        b'{"format": 1, "members": [{}]}',
    ],
)
def test_a_manifest_that_is_none_is_refused(path: Path, keys: Keys, manifest: bytes) -> None:
    rewrite(path, lambda name, held: manifest if name == "manifest.json" else held)
    with pytest.raises(InvalidInput, match="manifest cannot be read"):
        read(path, keys.public_key)


@pytest.mark.parametrize("name", [HEADS, DUMP, "manifest.json", "manifest.sig"])
def test_a_member_that_is_missing_is_refused(path: Path, keys: Keys, name: str) -> None:
    rewrite(path, lambda member, held: None if member == name else held)
    with pytest.raises(InvalidInput):
        read(path, keys.public_key)


def test_a_member_too_many_is_refused(path: Path, keys: Keys) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../etc/passwd", b"")
    with pytest.raises(InvalidInput, match="does not hold what its manifest names"):
        read(path, keys.public_key)


def test_a_compressed_archive_is_refused_before_it_is_unpacked(path: Path, keys: Keys) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", bytes(100_000_000))
    with pytest.raises(InvalidInput, match="not made by Vangnet"):
        read(path, keys.public_key)


def test_a_manifest_of_any_length_is_refused_unread(path: Path, keys: Keys) -> None:
    rewrite(path, lambda name, held: bytes(200_000) if name == "manifest.json" else held)
    with pytest.raises(InvalidInput, match="too long"):
        read(path, keys.public_key)


# --- the key ------------------------------------------------------------------------------------------------------


def test_the_key_is_made_once_and_for_this_account_alone(tmp_path: Path) -> None:
    keys_dir = tmp_path / "keys"
    first = str(backup_key.own_recipient(keys_dir))
    assert str(backup_key.own_recipient(keys_dir)) == first
    assert stat.S_IMODE((keys_dir / "backup.agekey").stat().st_mode) == 0o600
    assert [path.name for path in keys_dir.iterdir()] == ["backup.agekey"]
    assert [str(identity.to_public()) for identity in backup_key.identities(keys_dir, None)] == [first]


def test_an_identity_file_as_age_writes_it_is_read(tmp_path: Path) -> None:
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "file").write_text(f"# created: 2026-11-21\n# public key: {identity.to_public()}\n{identity}\n")
    assert [str(found) for found in backup_key.identities(tmp_path, tmp_path / "file")] == [str(identity)]


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "holds no age identity"), ("AGE-SECRET-KEY-CANARY", "no age identity"), ("\xff", "no age identity")],
)
def test_an_identity_file_that_is_none_is_told_without_its_content(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "file").write_text(text, encoding="latin-1")
    with pytest.raises(InvalidInput, match=told) as caught:
        backup_key.identities(tmp_path, tmp_path / "file")
    assert "CANARY" not in str(caught.value)


def test_without_any_key_it_is_said_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="put the keys folder of the installation back, or give --identity"):
        backup_key.identities(tmp_path, None)


@pytest.mark.parametrize("text", ["", "age1", "AGE-SECRET-KEY-1CANARY", "ssh-ed25519 AAAA"])
def test_a_recipient_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="like age1"):
        backup_key.recipient(text)
