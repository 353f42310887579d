"""The keys of one installation: what it signs with, and what it seals secrets with.

They live in `VANGNET_KEYS_DIR`, outside the data folder: a copy of the data, or a backup, opens nothing. Losing them means
that sealed values are gone and that other installations must be introduced anew; so they are backed up too, elsewhere.
"""

import contextlib
import hmac
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pyrage
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from vangnet import _core
from vangnet.errors import DataFolderUnusable

_KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16


class Keys:
    """An installation's keys. Its repr shows nothing of them."""

    def __init__(self, *, signing: bytes, sealing: bytes) -> None:
        self._signing = Ed25519PrivateKey.from_private_bytes(signing)
        self._sealing = sealing

    @classmethod
    def open(cls, folder: Path) -> "Keys":
        """Reads the keys in `folder`; makes those that are missing. Raises DataFolderUnusable."""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return cls(signing=_read_or_make(folder / "signing.key"), sealing=_read_or_make(folder / "sealing.key"))
        except OSError as error:
            reason = error.strerror or str(error)
            raise DataFolderUnusable(folder=str(folder), problem=reason, setting="VANGNET_KEYS_DIR") from error

    @property
    def public_key(self) -> bytes:
        """The 32 bytes by which others recognise our signatures (Ed25519, RFC 8032)."""
        return self._signing.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Our signature of 64 bytes."""
        return self._signing.sign(message)

    def open_sealed(self, sealed: bytes) -> bytes:
        """What another installation sealed to our public key. Raises ValueError for anything else."""
        identity = self._signing.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        try:
            return bytes(pyrage.decrypt(sealed, [pyrage.ssh.Identity.from_buffer(identity)]))
        except pyrage.DecryptError:
            raise ValueError("what was sealed does not open with the key of this installation") from None

    def seal(self, secret: bytes, *, purpose: str) -> bytes:
        """`secret` so that only these keys open it, and only for the same `purpose` (AES-256-GCM)."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(self._derived(purpose)).encrypt(nonce, secret, None)

    def unseal(self, sealed: bytes, *, purpose: str) -> bytes:
        """The secret. Raises ValueError where other keys sealed it, for another purpose, or it was changed."""
        nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return AESGCM(self._derived(purpose)).decrypt(nonce, body, None)
        except (InvalidTag, ValueError):
            raise ValueError(f"a value sealed for {purpose} does not open with the keys of this installation") from None

    def sealer(self, purpose: str) -> "Sealer":
        """For sealing many values with the same purpose: the key is derived once."""
        return Sealer(self._derived(f"sealer {purpose}"), purpose)

    def mac(self, purpose: str) -> "Mac":
        """For recognising values without opening them: equal values have equal codes, which say nothing without the key."""
        return Mac(self._derived(f"mac {purpose}"))

    def _derived(self, purpose: str) -> bytes:
        # One key a purpose (RFC 5869), so that a sealed value cannot be moved to another column.
        return HKDF(algorithm=hashes.SHA256(), length=_KEY_BYTES, salt=None, info=purpose.encode()).derive(self._sealing)


class Sealer:
    """Seals and opens values of one purpose (AES-256-GCM). Safe to share between threads. Its repr shows nothing.

    Nonces are random: one key is good for 2**32 values (NIST SP 800-38D, section 8.3).
    """

    def __init__(self, key: bytes, purpose: str) -> None:
        self._cipher = AESGCM(key)
        self._purpose = purpose

    def seal(self, secret: bytes, associated: bytes) -> bytes:
        """`secret` so that it opens only together with the same `associated` bytes, such as the id of its list."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, associated)

    def seal_many(self, secrets: Sequence[bytes], associated: bytes) -> list[bytes]:
        """Each of `secrets` as `seal` does it; the system is asked for randomness once."""
        nonces = os.urandom(_NONCE_BYTES * len(secrets))
        encrypt = self._cipher.encrypt
        starts = range(0, len(nonces), _NONCE_BYTES)
        return [
            (nonce := nonces[start : start + _NONCE_BYTES]) + encrypt(nonce, secret, associated)
            for start, secret in zip(starts, secrets, strict=True)
        ]

    def unseal(self, sealed: bytes, associated: bytes) -> bytes:
        """The secret. Raises ValueError where other keys sealed it, with other associated bytes, or it was changed."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], associated)
        except (InvalidTag, ValueError):
            raise ValueError(
                f"a value sealed for {self._purpose} does not open with the keys of this installation"
            ) from None

    def unseal_into(self, sealed: memoryview, associated: bytes, room: memoryview) -> int:
        """Opens into the beginning of `room`; returns how many bytes. For much at once, which is to need no fresh memory.

        Raises ValueError as `unseal`, and where there is no room.
        """
        length = len(sealed) - _NONCE_BYTES - _TAG_BYTES
        if not 0 <= length <= len(room):
            raise ValueError(f"a value sealed for {self._purpose} has not the length that it should")
        try:
            return self._cipher.decrypt_into(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], associated, room[:length])
        except (InvalidTag, ValueError):
            raise ValueError(
                f"a value sealed for {self._purpose} does not open with the keys of this installation"
            ) from None


class Mac:
    """HMAC-SHA-256 with a key of one purpose. Safe to share between threads. Its repr shows nothing."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __call__(self, message: bytes) -> bytes:
        """The code of `message`, 32 bytes."""
        return hmac.digest(self._key, message, "sha256")

    def each(self, messages: list[bytes]) -> list[bytes]:
        """The code of each of the messages, ten times as fast."""
        return _core.hmac_sha256(self._key, messages)


def verifies(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether `signature` is that key's signature of exactly this message."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def sealed_to(public_key: bytes, secret: bytes) -> bytes:
    """`secret` so that only whoever signs with that key opens it. Raises ValueError where it is no key.

    It is an age file (age-encryption.org/v1) for a recipient of the type ssh-ed25519, which is made for keys that sign.
    """
    try:
        named = Ed25519PublicKey.from_public_bytes(public_key).public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        return bytes(pyrage.encrypt(secret, [pyrage.ssh.Recipient.from_str(named.decode())]))
    except (pyrage.RecipientError, pyrage.EncryptError):
        raise ValueError("nothing can be sealed to this key") from None


def fingerprint(public_key: bytes) -> str:
    """A public key as people compare it over the telephone: 8 groups of 4 hex digits (128 bits of SHA-256)."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(public_key)
    text = digest.finalize().hex()[:32]
    return " ".join(text[i : i + 4] for i in range(0, 32, 4))


def _read_or_make(path: Path) -> bytes:
    if not path.exists():
        _make(path)
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise OSError(0, f"{path.name} must hold {_KEY_BYTES} bytes, not {len(key)}")
    return key


def _make(path: Path) -> None:
    # Whole or not there at all: written aside, then linked under its name, which fails if somebody else was first.
    descriptor, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(aside, path)
    finally:
        Path(aside).unlink()
