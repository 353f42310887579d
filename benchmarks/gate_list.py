"""The list that `gate_check.py` measures with: an installation of a provider with one active list of made-up hashes.

The list's hashes are not read in row by row, which takes minutes (`registry_import.py`): a small list is, and beside it an
index file of that list is written with all the hashes, as a gate finds it when it is started again.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from vangnet.audit.model import Actor, ActorKind
from vangnet.config import Settings
from vangnet.db import Database
from vangnet.hashing.index import Index, IndexBuilder
from vangnet.identity.model import InstallationKind, Language
from vangnet.identity.permissions import Permission
from vangnet.identity.service import api_keys, installation
from vangnet.keys import Keys
from vangnet.registry.formats.reading import Taken
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.entries import Category, EntryDraft, HashAlgorithm, ListedHash, MediaKind
from vangnet.registry.model.packing import index_id
from vangnet.registry.model.pages import Cursor
from vangnet.registry.service import categories, imports, lists
from vangnet.registry.service.index_files import IndexFiles

_EVERYTHING = frozenset(Permission)
#: Entries that are really read in; the others are in the index file alone.
_READ_IN = 1000
#: The seed of what is listed. No seed of what is asked is as large, so that nothing asked is listed.
_LISTED = 2**32


def prepared(database: Database, keys: Keys, settings: Settings, rows: int) -> str:
    """An active list with so many files in its index; returns the text of an API key that may check."""
    now = datetime.now(UTC)
    ours, theirs = (Actor(kind=ActorKind.PERSON, id=str(UUID(int=one)), permissions=_EVERYTHING) for one in (1, 2))
    with database.transaction() as conn:
        installation.set_up(
            conn, ours, kind=InstallationKind.PROVIDER, party_name="Benchmark", language=Language.EN, now=now
        )
        issued = api_keys.issue(conn, ours, name="benchmark", scopes=frozenset({Permission.GATE_CHECK}), now=now)
        made = lists.create(conn, ours, keys=keys, name="made up", now=now)
        batch = imports.start(conn, ours, list_id=made.id, format_="made up", source_digest=bytes(32), now=now)
    taken = iter(_drafts(min(rows, _READ_IN)))
    imports.run(database.transaction, ours, keys=keys, batch=batch, rows=taken, clock=lambda: datetime.now(UTC))
    with database.transaction() as conn:
        (category,) = categories.list_categories(conn, ours, made.id)
        categories.map_category(
            conn, ours, keys=keys, category_id=category.id, classification=Classification.BASELINE, now=now
        )
        for person in (ours, theirs):
            lists.approve_activation(conn, person, keys=keys, list_id=made.id, now=now)
    with database.transaction() as conn:
        row = conn.execute("SELECT last_seq, chain FROM registry_commit ORDER BY last_seq DESC LIMIT 1").fetchone()
        assert row is not None
    index = _made_up(settings.data_dir / "index", category.id, rows)
    mark = Cursor(position=row[0], chain=bytes(row[1]))
    assert IndexFiles(settings.data_dir / "registry-index", keys).merge(index, made.id, mark)
    return issued.text


def _made_up(plain: Path, category_id: int, rows: int) -> Index:
    drawn = random.Random(_LISTED)  # noqa: S311
    builder = IndexBuilder()
    step = 1_000_000
    for first in range(0, rows, step):
        ids = [index_id(1 + one, category_id, proposed=False) for one in range(first, min(first + step, rows))]
        builder.add_hashes(drawn.randbytes(32 * len(ids)), ids)
        builder.add_digests("sha256", drawn.randbytes(32 * len(ids)), ids)
    builder.write(plain)
    index = Index.open(plain)
    plain.unlink()
    return index


def _drafts(count: int) -> Iterator[Taken]:
    drawn = random.Random(_LISTED)  # noqa: S311
    category = Category(scheme="ncmec", name="A1")
    for position in range(1, count + 1):
        hashes = (
            ListedHash(algorithm=HashAlgorithm.SHA256, value=drawn.randbytes(32)),
            ListedHash(algorithm=HashAlgorithm.PDQ, value=drawn.randbytes(32)),
        )
        yield Taken(position=position, draft=EntryDraft(media_kind=MediaKind.IMAGE, hashes=hashes, category=category))
