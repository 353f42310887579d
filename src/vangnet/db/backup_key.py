"""The key that opens this installation's backups: an age identity in the keys folder, made when it is first needed.

It is a text file as `age-keygen` writes it, so that `age --decrypt --identity backup.agekey` opens a member without
Vangnet.
"""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

import pyrage

from vangnet.db import folders
from vangnet.errors import DataFolderUnusable, InvalidInput

_FILE = "backup.agekey"
_SECRET_START = "AGE-SECRET-KEY-"  # noqa: S105 (how every such key starts)


def own_recipient(keys_dir: Path) -> pyrage.x25519.Recipient:
    """To whom this installation seals: itself. Makes the key where there is none. Raises DataFolderUnusable."""
    path = keys_dir / _FILE
    try:
        if not path.exists():
            _make(path)
        return _identities(path)[0].to_public()
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataFolderUnusable(folder=str(keys_dir), problem=reason, setting="VANGNET_KEYS_DIR") from error


def recipient(text: str) -> pyrage.x25519.Recipient:
    """Somebody to whom a backup is sealed besides, as `age-keygen` prints it. Raises InvalidInput."""
    try:
        return pyrage.x25519.Recipient.from_str(text.strip())
    except pyrage.RecipientError:
        raise InvalidInput(field="--recipient", problem="must be the public key of an age identity, like age1…") from None


def identities(keys_dir: Path, file: Path | None) -> Sequence[pyrage.x25519.Identity]:
    """What a backup is opened with: our own key where it is there, and those in `file`. Raises InvalidInput."""
    found = _identities(file) if file is not None else []
    if (keys_dir / _FILE).exists():
        found += _identities(keys_dir / _FILE)
    if not found:
        raise InvalidInput(
            field="VANGNET_KEYS_DIR",
            problem=f"holds no `{_FILE}`: put the keys folder of the installation back, or give --identity",
        )
    return found


def _identities(file: Path) -> list[pyrage.x25519.Identity]:
    try:
        lines = [line.strip() for line in file.read_text(encoding="ascii").splitlines()]
        found = [pyrage.x25519.Identity.from_str(line) for line in lines if line.startswith(_SECRET_START)]
    except (OSError, UnicodeDecodeError, pyrage.IdentityError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no age identity"
        raise InvalidInput(field=str(file), problem=f"cannot be read: {reason}") from None
    if not found:
        raise InvalidInput(field=str(file), problem=f"holds no age identity, a line that starts with {_SECRET_START}")
    return found


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    identity = pyrage.x25519.Identity.generate()
    # Whole or not there at all: written aside, then linked under its name, which fails if another process was first.
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with open(aside, "x", encoding="ascii", opener=folders.private) as file:
        file.write(f"# public key: {identity.to_public()}\n{identity}\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        with contextlib.suppress(FileExistsError):
            os.link(aside, path)
    finally:
        aside.unlink()
