"""The keys of an installation: made once, told to nobody, and of use for one purpose each."""

import stat
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from vangnet.errors import DataFolderUnusable
from vangnet.keys import Keys, fingerprint, verifies


def test_the_same_folder_gives_the_same_keys(tmp_path: Path) -> None:
    sealed = Keys.open(tmp_path / "keys").seal(b"secret", purpose="test")
    again = Keys.open(tmp_path / "keys")
    assert again.unseal(sealed, purpose="test") == b"secret"
    assert again.public_key == Keys.open(tmp_path / "keys").public_key


def test_many_at_once_agree_on_the_keys(tmp_path: Path) -> None:
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(Keys.open(tmp_path / "keys").public_key)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert len(set(found)) == 1
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == ["sealing.key", "signing.key"]


def test_nobody_else_can_read_them(tmp_path: Path) -> None:
    Keys.open(tmp_path / "keys")
    for path in (tmp_path / "keys", *(tmp_path / "keys").iterdir()):
        assert not path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)


def test_a_sealed_value_opens_for_its_purpose_and_with_its_keys_only(tmp_path: Path) -> None:
    keys = Keys.open(tmp_path / "keys")
    sealed = keys.seal(b"secret", purpose="totp")
    with pytest.raises(ValueError, match="sealed for hashes"):
        keys.unseal(sealed, purpose="hashes")
    with pytest.raises(ValueError, match="sealed for totp"):
        Keys.open(tmp_path / "others").unseal(sealed, purpose="totp")
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(ValueError, match="sealed for totp"):
            keys.unseal(bytes(changed), purpose="totp")


@pytest.mark.parametrize("length", [0, 1, 11, 12, 27])
def test_a_value_too_short_to_be_sealed_is_refused(keys: Keys, length: int) -> None:
    with pytest.raises(ValueError, match="sealed for totp"):
        keys.unseal(bytes(length), purpose="totp")


def test_sealing_twice_gives_different_bytes(keys: Keys) -> None:
    assert keys.seal(b"same", purpose="p") != keys.seal(b"same", purpose="p")


def test_a_signature_is_an_ordinary_ed25519_one(keys: Keys) -> None:
    signature = keys.sign(b"message")
    Ed25519PublicKey.from_public_bytes(keys.public_key).verify(signature, b"message")
    assert verifies(keys.public_key, signature, b"message")
    assert not verifies(keys.public_key, signature, b"messagf")
    assert not verifies(keys.public_key, signature[:-1], b"message")
    assert not verifies(b"short", signature, b"message")


def test_a_fingerprint_is_eight_groups_of_four(keys: Keys) -> None:
    groups = fingerprint(keys.public_key).split(" ")
    assert [len(group) for group in groups] == [4] * 8
    assert fingerprint(keys.public_key) != fingerprint(bytes(32))


def test_a_damaged_key_file_is_named(tmp_path: Path) -> None:
    Keys.open(tmp_path)
    (tmp_path / "signing.key").write_bytes(b"short")
    with pytest.raises(DataFolderUnusable, match=r"signing\.key must hold 32 bytes, not 5"):
        Keys.open(tmp_path)


def test_a_keys_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "keys").write_bytes(b"")
    with pytest.raises(DataFolderUnusable, match="keys/deeper"):
        Keys.open(tmp_path / "keys" / "deeper")


def test_keys_show_nothing_of_themselves(tmp_path: Path) -> None:
    keys = Keys.open(tmp_path)
    secret = (tmp_path / "sealing.key").read_bytes()
    assert secret.hex() not in repr(keys)
    assert repr(secret) not in repr(keys)


def test_many_values_are_sealed_as_one_is_and_no_two_alike(keys: Keys) -> None:
    sealer = keys.sealer("entries")
    sealed = sealer.seal_many([b"one", b"two", b"one"], b"list")
    assert [sealer.unseal(one, b"list") for one in sealed] == [b"one", b"two", b"one"]
    assert len(set(sealed)) == 3
    assert sealer.seal_many([], b"list") == []
    with pytest.raises(ValueError, match="does not open"):
        sealer.unseal(sealed[0], b"another list")


def test_much_is_opened_into_room_that_is_there(keys: Keys) -> None:
    sealer = keys.sealer("one")
    sealed = memoryview(sealer.seal(b"ten bytes!", b"place"))
    room = bytearray(12)
    assert sealer.unseal_into(sealed, b"place", memoryview(room)) == 10
    assert room == b"ten bytes!\0\0"
    for wrong in (sealed[:-1], sealed[:5], memoryview(bytes(len(sealed)))):
        with pytest.raises(ValueError, match="sealed for one"):
            sealer.unseal_into(wrong, b"place", memoryview(room))
    with pytest.raises(ValueError, match="sealed for one"):
        sealer.unseal_into(sealed, b"another place", memoryview(room))
    with pytest.raises(ValueError, match="length"):
        sealer.unseal_into(sealed, b"place", memoryview(room)[:9])
