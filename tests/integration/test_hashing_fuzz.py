"""Mutated files through the sandbox: each is answered, and nothing of ours dies of them."""

import io
import os
import random
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pillow_heif
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import encoded, photo
from PIL import Image

from vangnet.hashing.hasher import Hasher
from vangnet.hashing.kinds import recognise
from vangnet.hashing.model import (
    COEFFICIENT_BYTES,
    Convention,
    Decoded,
    Frame,
    Hashed,
    Limits,
    MediaFormat,
    Reason,
    Transform,
    Unhashable,
)
from vangnet.hashing.sandbox import Sandbox
from vangnet.hashing.wire import Job, most_answer_bytes, pack_answer, unpack_answer

LIMITS = Limits(pixels=4_000_000, frames=3, seconds=5, memory_bytes=512 * 1024 * 1024)


def seeds() -> dict[str, bytes]:
    """One small valid file of each format and kind."""
    image = photo(11, 96, 80)
    files = {name: encoded(image, name) for name in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF")}
    files["progressive JPEG"] = encoded(image, "JPEG", progressive=True)
    files["CMYK JPEG"] = encoded(image.convert("CMYK"), "JPEG")
    files["palette PNG"] = encoded(image.quantize(16), "PNG")
    files["16-bit TIFF"] = encoded(Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257), "TIFF")
    files["LZW TIFF"] = encoded(image, "TIFF", compression="tiff_lzw")
    files["JPEG in TIFF"] = encoded(image, "TIFF", compression="jpeg")
    scenes = [photo(seed, 64, 48) for seed in range(4)]
    for name in ("GIF", "WEBP", "PNG"):
        files[f"moving {name}"] = encoded(scenes[0], name, save_all=True, append_images=scenes[1:], duration=50)
    heic = io.BytesIO()
    pillow_heif.from_pillow(image).save(heic, quality=60)
    files["HEIC"] = heic.getvalue()
    return files


MUTATIONS: list[Callable[[bytearray, random.Random], None]] = []


def mutation(change: Callable[[bytearray, random.Random], None]) -> Callable[[bytearray, random.Random], None]:
    MUTATIONS.append(change)
    return change


@mutation
def flip_bits(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 3, 20, 200))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


@mutation
def cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(1, len(data)) :]


@mutation
def remove_inside(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    del data[start : start + rng.randrange(1, 300)]


@mutation
def repeat_inside(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    data[start:start] = data[start : start + rng.randrange(1, 300)] * rng.choice((1, 2, 50))


@mutation
def write_extremes(data: bytearray, rng: random.Random) -> None:
    # Where lengths, sides and offsets lie; mostly in the header.
    for _ in range(rng.choice((1, 2, 5))):
        at = rng.randrange(min(len(data), rng.choice((64, 512, len(data)))))
        form = rng.choice(("<I", ">I", "<H", ">H"))
        value = rng.choice((0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF))
        size = struct.calcsize(form)
        data[at : at + size] = struct.pack(form, value % (1 << 8 * size))


@mutation
def fill_with_noise(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    length = rng.randrange(1, 500)
    data[start : start + length] = rng.randbytes(len(data[start : start + length]))


def mutated(files: list[bytes], number: int) -> bytes:
    rng = random.Random(number)  # noqa: S311 (a test's random numbers must come again)
    data = bytearray(files[number % len(files)])
    for _ in range(rng.choice((1, 1, 2, 3))):
        if len(data) > 2:
            rng.choice(MUTATIONS)(data, rng)
    return bytes(data)


def fuzz(count: int, first: int = 0) -> Counter[str]:
    """Hashes `count` mutated files; what became of them."""
    files = list(seeds().values())
    with Sandbox(limits=LIMITS) as sandbox, ThreadPoolExecutor(4) as pool:
        hasher = Hasher(sandbox)

        def outcome(number: int) -> str:
            answer = hasher.hash_bytes(mutated(files, number))
            match answer:
                case Hashed():
                    assert answer.frames
                    return "hashed"
                case Unhashable():
                    return answer.reason.value

        outcomes = Counter(pool.map(outcome, range(first, first + count)))
        # It still works, and as before.
        assert all(isinstance(hasher.hash_bytes(data), Hashed) for data in files)
    print(f"mutated files from {first} on: {dict(outcomes)}")  # noqa: T201 (the count)
    assert outcomes.total() == count
    assert not outcomes[Reason.NOT_ISOLATED.value]
    return outcomes


def test_every_seed_is_hashed_as_it_is() -> None:
    with Sandbox(limits=LIMITS) as sandbox:
        for name, data in seeds().items():
            assert isinstance(Hasher(sandbox).hash_bytes(data), Hashed), name


def test_hundreds_of_mutated_files_are_each_answered() -> None:
    outcomes = fuzz(340)
    assert outcomes["hashed"]
    assert outcomes["damaged"]


@pytest.mark.soak
def test_ten_thousand_mutated_files_are_each_answered() -> None:
    fuzz(1_020 if os.environ.get("SOAK") == "short" else 10_200, first=1_000_000)


# --- our own parsers ----------------------------------------------------------------------------------------------


@given(st.binary(max_size=600))
def test_any_bytes_are_recognised_as_something(head: bytes) -> None:
    assert isinstance(recognise(head), MediaFormat | Reason)


@given(st.sampled_from(sorted(seeds().values())), st.integers(0, 512))
def test_a_file_s_start_is_enough_or_it_is_not_media(data: bytes, length: int) -> None:
    assert recognise(data[:length]) in {recognise(data), Reason.NOT_MEDIA, Reason.VIDEO, MediaFormat.HEIF}


JOBS = st.builds(
    Job,
    length=st.integers(0, 2**64 - 1),
    format=st.sampled_from(MediaFormat),
    conventions=st.frozensets(st.sampled_from(Convention), min_size=1),
    pixels=st.integers(0, 2**64 - 1),
    frames=st.integers(1, 50),
    seconds=st.floats(0, 1000, width=32),
)


@given(JOBS)
def test_a_job_arrives_as_it_was_sent(job: Job) -> None:
    assert Job.unpack(job.pack()) == job


@given(JOBS, st.data())
def test_an_answer_arrives_as_it_was_sent(job: Job, data: st.DataObject) -> None:
    answer = data.draw(answers(job))
    packed = pack_answer(answer)
    assert len(packed) <= most_answer_bytes(job)
    assert unpack_answer(packed, job) == answer


@given(JOBS, st.data(), st.integers(0), st.binary(min_size=1, max_size=8))
def test_a_changed_answer_is_refused_or_read_as_another_of_the_same_form(
    job: Job, data: st.DataObject, at: int, piece: bytes
) -> None:
    packed = bytearray(pack_answer(data.draw(answers(job))))
    start = at % (len(packed) + 1)
    packed[start : start + data.draw(st.integers(0, 8))] = piece
    try:
        answer = unpack_answer(bytes(packed), job)
    except ValueError:
        return
    if isinstance(answer, Decoded):
        assert 1 <= len(answer.frames) <= job.frames
        assert all({item.convention for item in frame.transforms} == job.conventions for frame in answer.frames)


@given(JOBS, st.binary(max_size=3000))
def test_noise_is_no_answer(job: Job, noise: bytes) -> None:
    with pytest.raises(ValueError, match="an answer must"):
        unpack_answer(noise, job)


def answers(job: Job) -> st.SearchStrategy[Decoded | Reason]:
    reasons = st.sampled_from([Reason.DAMAGED, Reason.TOO_LARGE, Reason.TOO_SMALL, Reason.TIMED_OUT, Reason.UNSUPPORTED])
    coefficients = st.integers(0, 255).map(lambda byte: bytes([byte]) * COEFFICIENT_BYTES)

    @st.composite
    def decoded(draw: st.DrawFn) -> Decoded:
        indexes = draw(st.lists(st.integers(0, 1000), min_size=1, max_size=min(job.frames, 4), unique=True).map(sorted))
        frames = tuple(
            Frame(
                index=index,
                transforms=tuple(
                    Transform(convention=item, quality=draw(st.integers(0, 100)), coefficients=draw(coefficients))
                    for item in sorted(job.conventions)
                ),
            )
            for index in indexes
        )
        return Decoded(
            width=draw(st.integers(5, 2**20)),
            height=draw(st.integers(5, 2**20)),
            frames_total=indexes[-1] + draw(st.integers(1, 9)),
            damaged=draw(st.booleans()),
            frames=frames,
        )

    return reasons | decoded()


@pytest.fixture(autouse=True)
def _a_folder_of_its_own(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # Decoders that write where they should not would write here; they cannot, and nothing appears.
    monkeypatch.chdir(str(tmp_path))
    yield
    assert os.listdir(str(tmp_path)) == []  # noqa: PTH208
