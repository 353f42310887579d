"""The vault's files: what was sealed opens again, and nothing that was changed, cut off or moved about does."""

import io
import os
import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vangnet.errors import DataFolderUnusable, MediumUnusable, TooLarge
from vangnet.keys import Keys
from vangnet.vault.files import CHUNK_BYTES, VaultFiles
from vangnet.vault.model import Medium, MediumState, Opening, SealedFile

HEAD_BYTES = len(b"vangnet sealed medium 1\n") + 16
STEP = CHUNK_BYTES + 28
NOW = datetime(2026, 11, 21, 13, 2, 7, tzinfo=UTC)


class Trickle:
    """A source that gives as much at a time as it likes."""

    def __init__(self, content: bytes, rng: random.Random) -> None:
        self._content = io.BytesIO(content)
        self._rng = rng
        self.asked_max = 0

    def read(self, size: int, /) -> bytes:
        self.asked_max = max(self.asked_max, size)
        return self._content.read(self._rng.randint(1, size))


class Endless:
    """A source that does not end, and remembers how much was taken."""

    taken = 0

    def read(self, size: int, /) -> bytes:
        self.taken += size
        assert self.taken <= 64 * CHUNK_BYTES, "the limit does not hold"
        return bytes(size)


class Breaking:
    """A source that breaks off with an error of its own."""

    def __init__(self) -> None:
        self._pieces = [os.urandom(CHUNK_BYTES), os.urandom(CHUNK_BYTES)]

    def read(self, _size: int, /) -> bytes:
        if not self._pieces:
            raise ConnectionResetError("the sender is gone")
        return self._pieces.pop()


@pytest.fixture
def files(tmp_path: Path, keys: Keys) -> VaultFiles:
    return VaultFiles(tmp_path / "vault", keys, bytes_max=8 * CHUNK_BYTES)


def opening_of(sealed: SealedFile, **other: Any) -> Opening:
    """Leave to open what was just sealed, as the service gives it."""
    values: dict[str, Any] = {
        "id": sealed.medium_id, "state": MediumState.KEPT, "size_bytes": sealed.size_bytes, "media_type": "image/png",
        "put_at": NOW, "hold": None, "held_at": None, "held_by": None, "erased_at": None, "erase_reason": None,
    }  # fmt: skip
    return Opening(medium=Medium(**(values | other)), wrapped_key=sealed.wrapped_key)


def path_of(folder: Path, sealed: SealedFile) -> Path:
    (path,) = folder.rglob(f"{sealed.medium_id}.sealed")
    return path


def everything_on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


SIZES = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES + 17]


@pytest.mark.parametrize("size_bytes", SIZES)
def test_what_was_sealed_opens_as_it_was(files: VaultFiles, size_bytes: int) -> None:
    content = os.urandom(size_bytes)
    sealed = files.seal(io.BytesIO(content))
    assert sealed.size_bytes == size_bytes
    assert files.is_there(sealed.medium_id, size_bytes)
    with files.open(opening_of(sealed)) as opened:
        assert opened.read() == content
        assert opened.read() == b""


def test_a_source_may_give_its_bytes_in_any_pieces(files: VaultFiles, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311
    content = rng.randbytes(2 * CHUNK_BYTES + 12_345)
    source = Trickle(content, rng)
    sealed = files.seal(source)
    assert source.asked_max <= CHUNK_BYTES
    with files.open(opening_of(sealed)) as opened:
        assert opened.read() == content


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_it_is_read_from_any_place(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("vault")
    files = VaultFiles(folder / "vault", Keys.open(folder / "keys"), bytes_max=4 * CHUNK_BYTES)
    content = random.Random(1).randbytes(2 * CHUNK_BYTES + 100)  # noqa: S311
    sealed, plain = files.seal(io.BytesIO(content)), io.BytesIO(content)
    near_a_chunk = st.integers(0, 2).flatmap(lambda n: st.integers(-3, 3).map(lambda by: max(0, n * CHUNK_BYTES + by)))
    with files.open(opening_of(sealed)) as opened:
        for _ in range(data.draw(st.integers(1, 5))):
            at, size = data.draw(near_a_chunk), data.draw(st.integers(0, CHUNK_BYTES + 5))
            assert (opened.seek(at), opened.read(size)) == (plain.seek(at), plain.read(size))
            assert opened.tell() == plain.tell()
        assert opened.seek(-5, os.SEEK_END) == len(content) - 5
        with pytest.raises(ValueError, match="before the start"):
            opened.seek(-1)


def test_nothing_of_a_file_is_on_the_disk_unsealed(files: VaultFiles, tmp_path: Path) -> None:
    content = b"a generated text that stands here many times\n" * 50_000
    sealed = files.seal(io.BytesIO(content))
    with files.open(opening_of(sealed)) as opened:
        opened.read()
    assert b"generated text" not in everything_on_disk(tmp_path)
    assert len(list((tmp_path / "vault").rglob("*.*"))) == 1


def test_only_this_account_reads_what_is_in_the_folder(files: VaultFiles, tmp_path: Path) -> None:
    files.seal(io.BytesIO(b"generated"))
    assert {path.stat().st_mode & 0o077 for path in [tmp_path / "vault", *(tmp_path / "vault").rglob("*")]} == {0}


def test_without_the_keys_folder_nothing_opens(files: VaultFiles, tmp_path: Path) -> None:
    sealed = files.seal(io.BytesIO(b"generated"))
    others = VaultFiles(tmp_path / "vault", Keys.open(tmp_path / "other-keys"), bytes_max=1024)
    with pytest.raises(MediumUnusable, match="its key does not open with the keys of this installation"):
        others.open(opening_of(sealed))


def test_the_key_of_one_medium_opens_no_other(files: VaultFiles, tmp_path: Path) -> None:
    one, other = files.seal(io.BytesIO(b"generated 1")), files.seal(io.BytesIO(b"generated 2"))
    swapped = Opening(medium=opening_of(one).medium, wrapped_key=other.wrapped_key)
    with pytest.raises(MediumUnusable, match="its key does not open"):
        files.open(swapped)
    path_of(tmp_path, other).replace(path_of(tmp_path, one))
    with pytest.raises(MediumUnusable, match="another's"):
        files.open(opening_of(one))


def test_every_file_has_a_key_of_its_own(files: VaultFiles) -> None:
    content = os.urandom(100)
    one, other = files.seal(io.BytesIO(content)), files.seal(io.BytesIO(content))
    assert one.wrapped_key != other.wrapped_key
    assert one.content_mac == other.content_mac


def test_equal_content_is_known_only_with_the_keys(files: VaultFiles, tmp_path: Path) -> None:
    others = VaultFiles(tmp_path / "other", Keys.open(tmp_path / "other-keys"), bytes_max=1024)
    content = os.urandom(100)
    assert files.seal(io.BytesIO(content)).content_mac != others.seal(io.BytesIO(content)).content_mac
    assert files.seal(io.BytesIO(content)).content_mac != files.seal(io.BytesIO(content + b"!")).content_mac


def test_no_repr_shows_a_key_or_a_code(files: VaultFiles) -> None:
    sealed = files.seal(io.BytesIO(b"generated"))
    with files.open(opening_of(sealed)) as opened:
        shown = repr(sealed) + repr(opening_of(sealed)) + repr(opened) + repr(files)
    for secret in (sealed.wrapped_key, sealed.content_mac):
        assert repr(secret) not in shown
        assert secret.hex() not in shown


def test_one_changed_byte_anywhere_is_an_error(files: VaultFiles, tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311
    sealed = files.seal(io.BytesIO(rng.randbytes(2 * CHUNK_BYTES + 50)))
    path = path_of(tmp_path, sealed)
    whole = path.read_bytes()
    places = [0, HEAD_BYTES - 1, HEAD_BYTES, HEAD_BYTES + 11, HEAD_BYTES + STEP - 1, len(whole) - 1]
    for at in places + [rng.randrange(len(whole)) for _ in range(40)]:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << rng.randrange(8))]) + whole[at + 1 :])
        with pytest.raises(MediumUnusable), files.open(opening_of(sealed)) as opened:
            opened.read()
    path.write_bytes(whole)
    with files.open(opening_of(sealed)) as opened:
        assert len(opened.read()) == sealed.size_bytes


def chunks_of(whole: bytes) -> list[bytes]:
    return [whole[at : at + STEP] for at in range(HEAD_BYTES, len(whole), STEP)]


CHANGES: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "swapped": lambda chunks: [chunks[1], chunks[0], *chunks[2:]],
    "the first twice": lambda chunks: [chunks[0], chunks[0], *chunks[2:]],
    "without the last": lambda chunks: chunks[:-1],
    "without the first": lambda chunks: chunks[1:],
    "the last twice": lambda chunks: [*chunks, chunks[-1]],
    "the last one byte short": lambda chunks: [*chunks[:-1], chunks[-1][:-1]],
    "nothing": lambda _: [],
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("told", [True, False])
def test_chunks_that_are_swapped_left_out_or_added_are_an_error(
    files: VaultFiles, tmp_path: Path, change: str, told: bool
) -> None:
    sealed = files.seal(io.BytesIO(os.urandom(3 * CHUNK_BYTES)))
    path = path_of(tmp_path, sealed)
    whole = path.read_bytes()
    changed = CHANGES[change](chunks_of(whole))
    path.write_bytes(whole[:HEAD_BYTES] + b"".join(changed))
    # Also where somebody changed the row to fit the file: the last chunk itself says that it is the last.
    size_bytes = max(0, sum(map(len, changed)) - 28 * len(changed)) if told else sealed.size_bytes
    with pytest.raises(MediumUnusable), files.open(opening_of(sealed, size_bytes=size_bytes)) as opened:
        opened.read()


def test_chunks_of_two_media_are_not_mixed(files: VaultFiles, tmp_path: Path) -> None:
    one, other = (files.seal(io.BytesIO(os.urandom(2 * CHUNK_BYTES))) for _ in range(2))
    whole, foreign = path_of(tmp_path, one).read_bytes(), path_of(tmp_path, other).read_bytes()
    path_of(tmp_path, one).write_bytes(whole[: HEAD_BYTES + STEP] + foreign[HEAD_BYTES + STEP :])
    with pytest.raises(MediumUnusable, match="changed"):
        files.open(opening_of(one))


def test_chunks_of_two_media_are_not_mixed_even_if_they_had_the_same_key(
    files: VaultFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = os.urandom
    monkeypatch.setattr(os, "urandom", lambda size: bytes(size) if size == 32 else really(size))
    one, other = (files.seal(io.BytesIO(bytes(2 * CHUNK_BYTES))) for _ in range(2))
    whole, foreign = path_of(tmp_path, one).read_bytes(), path_of(tmp_path, other).read_bytes()
    path_of(tmp_path, one).write_bytes(whole[: HEAD_BYTES + STEP] + foreign[HEAD_BYTES + STEP :])
    with pytest.raises(MediumUnusable, match="changed"):
        files.open(opening_of(one))


def test_a_file_that_is_gone_or_a_link_is_an_error(files: VaultFiles, tmp_path: Path) -> None:
    sealed = files.seal(io.BytesIO(b"generated"))
    path = path_of(tmp_path, sealed)
    moved = path.rename(tmp_path / "elsewhere")
    path.symlink_to(moved)
    with pytest.raises(MediumUnusable, match="cannot be read"):
        files.open(opening_of(sealed))
    path.unlink()
    with pytest.raises(MediumUnusable, match="not there"):
        files.open(opening_of(sealed))
    assert not files.is_there(sealed.medium_id, sealed.size_bytes)


def test_a_file_over_the_limit_is_refused_early_and_leaves_nothing(tmp_path: Path, keys: Keys) -> None:
    files, source = VaultFiles(tmp_path / "vault", keys, bytes_max=CHUNK_BYTES), Endless()
    with pytest.raises(TooLarge) as raised:
        files.seal(source)
    assert raised.value.limit_bytes == CHUNK_BYTES
    assert source.taken <= 3 * CHUNK_BYTES
    assert [path for path in (tmp_path / "vault").rglob("*") if path.is_file()] == []
    assert files.seal(io.BytesIO(bytes(CHUNK_BYTES))).size_bytes == CHUNK_BYTES


def test_a_source_that_breaks_off_leaves_nothing_and_says_so_itself(files: VaultFiles, tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError):
        files.seal(Breaking())
    assert [path for path in (tmp_path / "vault").rglob("*") if path.is_file()] == []


def test_memory_holds_a_few_chunks_however_large_the_file_is(tmp_path: Path, keys: Keys) -> None:
    import tracemalloc

    files = VaultFiles(tmp_path / "vault", keys, bytes_max=64 * CHUNK_BYTES)
    content = os.urandom(CHUNK_BYTES)

    class Long:
        left = 48

        def read(self, _size: int, /) -> bytes:
            self.left -= 1
            return content if self.left >= 0 else b""

    tracemalloc.start()
    try:
        sealed = files.seal(Long())
        with files.open(opening_of(sealed)) as opened:
            while opened.read(65_536):
                pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sealed.size_bytes == 48 * CHUNK_BYTES
    assert peak < 8 * CHUNK_BYTES


def test_what_a_killed_process_left_is_removed_when_it_is_old(files: VaultFiles, tmp_path: Path) -> None:
    sealed = files.seal(io.BytesIO(b"generated"))
    part = sealed.medium_id.bytes[0]
    left = path_of(tmp_path, sealed).with_name(".new-left")
    left.write_bytes(b"half")
    now = datetime.now(UTC)
    assert files.remove_unfinished(part, before=now - timedelta(hours=1)) == 0
    assert files.remove_unfinished(part, before=now + timedelta(hours=1)) == 1
    assert files.remove_unfinished((part + 1) % 256, before=now + timedelta(hours=1)) == 0
    assert list(files.list_part(part)) == [sealed.medium_id]


def test_a_removed_file_is_gone_and_removing_it_twice_is_no_error(files: VaultFiles) -> None:
    sealed = files.seal(io.BytesIO(b"generated"))
    assert files.remove(sealed.medium_id)
    assert not files.remove(sealed.medium_id)
    assert not files.remove(uuid.uuid4())
    assert files.list_part(sealed.medium_id.bytes[0]) == {}


def test_a_file_in_the_place_of_the_folder_is_told_as_ours(files: VaultFiles, tmp_path: Path) -> None:
    (tmp_path / "vault").write_bytes(b"")
    with pytest.raises(DataFolderUnusable):
        files.seal(io.BytesIO(b"generated"))


def test_a_file_is_durable_before_it_has_its_name_and_its_name_before_it_is_told(
    files: VaultFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, int]] = []
    really = os.fsync

    def fsync(descriptor: int) -> None:
        named = len(list((tmp_path / "vault").rglob("*.sealed")))
        synced.append((Path(f"/proc/self/fd/{descriptor}").readlink().name[:5], named))
        really(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    sealed = files.seal(io.BytesIO(b"generated"))
    part = f"{sealed.medium_id.bytes[0]:02x}"
    # The part's folder is made durable, then the file under another name, then the name.
    assert [name for name, _ in synced] == ["vault", tmp_path.name[:5], ".new-", part]
    assert synced[2:] == [(".new-", 0), (part, 1)]
