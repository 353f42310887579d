"""Sealed index files: what is sealed opens again, and nothing that was cut off or moved about does."""

import os
import uuid
from pathlib import Path

import pytest

from vangnet.hashing.index import IndexBuilder
from vangnet.keys import Keys
from vangnet.registry.model.pages import Cursor
from vangnet.registry.service.index_files import IndexFiles

ENTRIES = 130_000  # So that the file has several chunks.
LIST_ID = uuid.UUID(int=1)
MARK = Cursor(position=7, chain=bytes(range(32)))
CHUNK_BYTES = 4 * 1024 * 1024 + 28


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Keys, bytes]:
    """The folder with the sealed index of LIST_ID, its keys, and one digest that is in it."""
    folder = tmp_path_factory.mktemp("index-files")
    keys = Keys.open(folder / "keys")
    digests = os.urandom(32 * ENTRIES)
    builder = IndexBuilder()
    builder.add_digests("sha256", digests, range(ENTRIES))
    builder.write(folder / "plain")
    files = IndexFiles(folder / "sealed", keys)
    with (folder / "plain").open("rb") as plain:
        files._seal(plain, LIST_ID, MARK)
    return folder / "sealed", keys, digests[-32:]


def test_what_was_sealed_opens_with_its_place_in_the_stream(sealed: tuple[Path, Keys, bytes]) -> None:
    folder, keys, last = sealed
    found = IndexFiles(folder, keys).find(LIST_ID)
    assert found is not None
    index, mark = found
    assert mark == MARK
    assert index.find_digest("sha256", last) == [ENTRIES - 1]


def test_a_file_that_lacks_its_end_or_has_chunks_in_another_order_is_not_opened(
    sealed: tuple[Path, Keys, bytes], tmp_path: Path
) -> None:
    folder, keys, _ = sealed
    whole = (folder / f"{LIST_ID}.sealed").read_bytes()
    head = len(b"vangnet sealed index 1\n") + 16 + 16 + 8 + 32
    chunks = [whole[at : at + CHUNK_BYTES] for at in range(head, len(whole), CHUNK_BYTES)]
    assert len(chunks) >= 2
    for changed in (chunks[:-1], [chunks[1], chunks[0], *chunks[2:]], [*chunks, chunks[-1]]):
        (tmp_path / f"{LIST_ID}.sealed").write_bytes(whole[:head] + b"".join(changed))
        assert IndexFiles(tmp_path, keys).find(LIST_ID) is None
