"""The keys of one installation: what it signs with, and what it seals secrets with.

They live in `VANGNET_KEYS_DIR`, outside the data folder: a copy of the data, or a backup, opens nothing. Losing them means
that sealed values are gone and that other installations must be introduced anew; so they are backed up too, elsewhere.
"""

import contextlib
import os
import tempfile
from pathlib import Path

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from vangnet.errors import DataFolderUnusable

_KEY_BYTES = 32
_NONCE_BYTES = 12


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

    def _derived(self, purpose: str) -> bytes:
        # One key a purpose (RFC 5869), so that a sealed value cannot be moved to another column.
        return HKDF(algorithm=hashes.SHA256(), length=_KEY_BYTES, salt=None, info=purpose.encode()).derive(self._sealing)


def verifies(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether `signature` is that key's signature of exactly this message."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


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
