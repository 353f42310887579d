"""Lists of generated pictures on a running installation, as two curators make them, for tests of the gate."""

import hashlib
import io
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from uuid import UUID

from pictures import reference
from PIL import Image

from running.hash_lists import ANNE, BRAM, rows
from running.server import RunningServer
from running.states import wait_until
from vangnet.db import Database
from vangnet.hashing.hasher import Hasher
from vangnet.hashing.model import Convention
from vangnet.hashing.sandbox import Sandbox
from vangnet.keys import Keys
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.entries import Category, EntryDraft, HashAlgorithm, ListedHash, MediaKind
from vangnet.registry.service import categories, imports, lists

ALL = (HashAlgorithm.MD5, HashAlgorithm.SHA1, HashAlgorithm.SHA256, HashAlgorithm.PDQ)


def hashes_of(file: bytes, algorithms: Sequence[HashAlgorithm] = ALL) -> tuple[ListedHash, ...]:
    """A file's hashes, made by others' implementations."""
    made = []
    for algorithm in algorithms:
        if algorithm is HashAlgorithm.PDQ:
            with Image.open(io.BytesIO(file)) as image:
                value, quality = reference(image)
            made.append(ListedHash(algorithm=algorithm, value=value, convention=Convention.FULL, quality=quality))
        else:
            made.append(ListedHash(algorithm=algorithm, value=hashlib.new(algorithm.value, file).digest()))
    return tuple(made)


def with_windows(file: bytes) -> tuple[ListedHash, ...]:
    """A file's hashes, with those of its parts as the sandbox makes them."""
    with Sandbox() as sandbox:
        (frame,) = Hasher(sandbox).hash_bytes(file, windows=True).frames
    parts = (ListedHash(algorithm=HashAlgorithm.PDQ_WINDOW, value=window.hash) for window in frame.windows)
    return (*hashes_of(file), *parts)


def list_files(
    server: RunningServer,
    files: Iterable[bytes],
    *,
    name: str,
    algorithms: Sequence[HashAlgorithm] = ALL,
    classification: Classification = Classification.BASELINE,
    trial: bool = False,
) -> UUID:
    """An active list (or one on trial) of these files, which the gate knows when this returns."""
    made = add_list(
        server.database, server.keys, files, name=name, algorithms=algorithms, classification=classification, trial=trial
    )
    wait_until_followed(server)
    return made


def add_list(
    database: Database,
    keys: Keys,
    files: Iterable[bytes],
    *,
    name: str,
    algorithms: Sequence[HashAlgorithm] = ALL,
    classification: Classification = Classification.BASELINE,
    trial: bool = False,
    made_by: Callable[[bytes], tuple[ListedHash, ...]] | None = None,
) -> UUID:
    """The same, in the database of any installation."""
    drafts = [
        EntryDraft(
            media_kind=MediaKind.IMAGE,
            hashes=hashes_of(file, algorithms) if made_by is None else made_by(file),
            category=Category(scheme="ncmec", name="A1"),
        )
        for file in files
    ]
    now = datetime.now(UTC)
    with database.transaction() as conn:
        made = lists.create(conn, ANNE, keys=keys, name=name, now=now)
    with database.transaction() as conn:
        digest = hashlib.sha256(name.encode()).digest()
        batch = imports.start(conn, ANNE, list_id=made.id, format_="test", source_digest=digest, now=now)
    imports.run(
        database.transaction, ANNE, keys=keys, batch=batch, rows=iter(rows(drafts)), clock=lambda: datetime.now(UTC)
    )
    with database.transaction() as conn:
        (category,) = categories.list_categories(conn, ANNE, made.id)
        categories.map_category(conn, ANNE, keys=keys, category_id=category.id, classification=classification, now=now)
    with database.transaction() as conn:
        if trial:
            lists.start_trial(conn, ANNE, keys=keys, list_id=made.id, now=now)
        else:
            for curator in (ANNE, BRAM):
                lists.approve_activation(conn, curator, keys=keys, list_id=made.id, now=now)
    return made.id


def wait_until_followed(server: RunningServer) -> None:
    """Until the gate's index holds everything that the registry has now."""
    with server.transaction() as conn:
        (last,) = conn.execute("SELECT last FROM registry_sequence").fetchone() or (0,)
    wait_until(lambda: server.live.status.loaded and server.live.sequence >= last)
    wait_until(lambda: server.gate.knows_names)
