"""Our own parsers against mutated input: what decoding processes answer, lists of hashes, index files.

Each target has some whole inputs to begin with. Whatever is answered in a way that was not seen before joins them, so
that mutations go on from there. Every run makes the same inputs in the same order.
"""

import os
import random
import re
import struct
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from vangnet.errors import IndexUnusable, InvalidInput
from vangnet.hashing.hash_lines import read_hash_lines
from vangnet.hashing.index import Index, IndexBuilder
from vangnet.hashing.model import COEFFICIENT_BYTES, Convention, Decoded, Frame, MediaFormat, Reason, Transform
from vangnet.hashing.wire import Job, pack_answer, unpack_answer

pytestmark = pytest.mark.soak

CASES = 100_000 if os.environ.get("SOAK", "long") == "long" else 4_000
PAGE = 4096

#: Numbers at which something changes in a format.
EDGES = (0, 1, 2, 3, 7, 31, 32, 64, 255, 256, 4096, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1)


def fuzz(
    begin: list[bytes], target: Callable[[bytes], str], cases: int, *, whole: Callable[[bytearray], None] | None = None
) -> None:
    """Gives `target` mutated inputs; it answers with what became of each, and raises what must not be."""
    corpus, seen = list(begin), Counter(target(data) for data in begin)
    assert seen, "an input to begin with"
    for number in range(cases):
        rng = random.Random(number)
        data = bytearray(corpus[rng.randrange(len(corpus))])
        for _ in range(rng.choice((1, 1, 2, 4))):
            mutate(data, rng, corpus)
        if whole is not None and rng.random() < 0.9:
            whole(data)
        try:
            answer = target(bytes(data))
        except BaseException:
            print(f"case {number} of {len(corpus)} inputs: {bytes(data[:200])!r} …")
            raise
        if answer not in seen and len(corpus) < 500:
            corpus.append(bytes(data))
        seen[answer] += 1
    print(f"{cases} cases: {dict(seen.most_common(12))}")
    assert len(seen) > 2, "the mutations reach nothing"


def mutate(data: bytearray, rng: random.Random, corpus: list[bytes]) -> None:
    """Changes one thing."""
    at = rng.randrange(len(data) + 1)
    match rng.randrange(8):
        case 0 if data:
            data[at - 1] ^= 1 << rng.randrange(8)
        case 1 if data:
            data[at - 1] = rng.randrange(256)
        case 2:
            del data[at : at + rng.choice((1, 2, 4, 64, PAGE))]
        case 3:
            data[at:at] = rng.randbytes(rng.choice((1, 2, 4, 64)))
        case 4:
            form = rng.choice("BHIQ")
            at -= at % struct.calcsize(form)
            number = rng.choice(EDGES) & (1 << 8 * struct.calcsize(form)) - 1
            data[at : at + struct.calcsize(form)] = struct.pack(f"<{form}", number)
        case 5:
            other = corpus[rng.randrange(len(corpus))]
            start = rng.randrange(len(other) + 1)
            data[at : at + rng.choice((0, 16, 64))] = other[start : start + rng.choice((1, 16, 64, 65))]
        case 6:
            del data[at:]
        case _:
            start = rng.randrange(len(data) + 1)
            piece = data[start : start + rng.choice((4, 64, 65))]
            data[at : at + len(piece)] = piece


def without_numbers(error: Exception) -> str:
    """The kind of refusal."""
    return re.sub(r"\d+", "", str(error))


def test_what_a_decoding_process_answers_is_read_whole_or_refused() -> None:
    conventions = frozenset({Convention.FULL, Convention.FLOOR512})
    job = Job(length=1, format=MediaFormat.GIF, conventions=conventions, pixels=10**6, frames=3, seconds=1)

    def frame(index: int) -> Frame:
        piece = random.Random(index).randbytes(COEFFICIENT_BYTES)
        transforms = [Transform(convention=item, quality=index, coefficients=piece) for item in sorted(conventions)]
        return Frame(index=index, transforms=tuple(transforms))

    answers: list[Decoded | Reason] = [Reason.DAMAGED, Reason.TOO_LARGE]
    for count in (1, 2, 3):
        frames = tuple(map(frame, range(count)))
        answers.append(Decoded(width=9, height=7, frames_total=count + 5, damaged=count == 2, frames=frames))

    def target(data: bytes) -> str:
        try:
            answer = unpack_answer(data, job)
        except ValueError as error:
            return without_numbers(error)
        if isinstance(answer, Reason):
            return answer
        assert pack_answer(answer) == data, "nothing in it was passed over"
        assert 1 <= len(answer.frames) <= job.frames
        assert all(0 <= item.quality <= 100 for frame in answer.frames for item in frame.transforms)
        return f"{len(answer.frames)} frames"

    fuzz([pack_answer(answer) for answer in answers], target, CASES)


def test_a_list_of_hashes_is_read_as_a_plain_reader_reads_it(tmp_path: Path) -> None:
    line = re.compile(rb"[0-9a-fA-F]{64}\r?")

    def plainly(text: bytes) -> bytes | int:
        """The hashes, or the number of the first wrong line."""
        if not text:
            return b""
        lines = text.removesuffix(b"\n").split(b"\n") if text != b"\n" else [b""]
        for number, one in enumerate(lines, start=1):
            if line.fullmatch(one) is None:
                return number
        return b"".join(bytes.fromhex(one.strip().decode()) for one in lines)

    file = tmp_path / "hashes.txt"

    def target(data: bytes) -> str:
        expected = plainly(data)
        file.write_bytes(data)
        try:
            found: bytes | int = read_hash_lines(file)
        except InvalidInput as error:
            found = int(re.search(r"line (\d+)", str(error)).group(1))  # type: ignore[union-attr]
        assert found == expected
        return f"{len(found) // 32} hashes" if isinstance(found, bytes) else f"line {found} is wrong"

    rng = random.Random(5)
    hashes = [rng.randbytes(32).hex().encode() for _ in range(5)]
    texts = [b"", b"\n".join(hashes), b"\r\n".join(hashes) + b"\r\n", hashes[0].upper() + b"\n", hashes[0]]
    fuzz(texts, target, CASES // 2)


def test_an_index_file_is_refused_or_answers_but_never_ends_the_process(tmp_path: Path) -> None:
    rng = random.Random(6)
    hashes = rng.randbytes(32 * 1500)
    begin = []
    for rows in (0, 3, 1500):
        builder = IndexBuilder()
        builder.add_hashes(hashes[: 32 * rows], range(rows))
        builder.add_digests("md5", hashes[: 16 * rows], range(rows))
        builder.write(tmp_path / "index", mark=rows)
        begin.append((tmp_path / "index").read_bytes())
    file = tmp_path / "mutated"

    def target(data: bytes) -> str:
        file.write_bytes(data)
        try:
            index = Index.open(file)
        except IndexUnusable as error:
            return without_numbers(error)
        try:
            index.lookup(hashes[:32], 31)
            index.lookup(hashes[32:64], 64)
            index.find_digest("md5", hashes[:16])
        except IndexUnusable as error:
            return f"found out later: {without_numbers(error)}"
        return f"answers with {[one.entries for one in index.info().lists]}"

    fuzz(begin, target, CASES // 4, whole=mend)


def mend(data: bytearray) -> None:
    """Makes all checksums right, as far as there are places for them, so that what is behind them is reached too."""
    if len(data) < 2 * PAGE:
        return
    data[16:24] = struct.pack("<Q", len(data))
    count = min(struct.unpack_from("<I", data, 12)[0], 200)
    table_end = min(PAGE + -(-count * 64 // PAGE) * PAGE, len(data))
    blocks: dict[int, int] = {}
    for entry in range(PAGE, min(PAGE + count * 64, table_end - 63), 64):
        begin, length, first = struct.unpack_from("<QQQ", data, entry + 40)
        end = begin + -(-length // PAGE) * PAGE
        if end <= len(data) and first < 10_000:
            for number, start in enumerate(range(begin, end, 1 << 20)):
                blocks[first + number] = zlib.crc32(data[start : min(start + (1 << 20), end)])
    checks_end = min(table_end + -(-max(len(blocks), 1) * 4 // PAGE) * PAGE, len(data))
    for number, sum_ in blocks.items():
        if table_end + number * 4 + 4 <= checks_end:
            struct.pack_into("<I", data, table_end + number * 4, sum_)
    struct.pack_into("<II", data, 32, zlib.crc32(data[PAGE:table_end]), zlib.crc32(data[table_end:checks_end]))
    struct.pack_into("<I", data, PAGE - 4, zlib.crc32(data[: PAGE - 4]))


def test_a_mended_file_is_whole_again(tmp_path: Path) -> None:
    builder = IndexBuilder()
    builder.add_hashes(bytes(range(256)) * 8, range(64))
    builder.write(tmp_path / "index")
    data = bytearray((tmp_path / "index").read_bytes())
    whole = bytes(data)
    data[32:40] = bytes(8)
    data[PAGE - 4 : PAGE] = bytes(4)
    mend(data)
    assert data == whole
