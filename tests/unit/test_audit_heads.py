"""Heads as lines of files, and what a file may look like after accidents."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vangnet.audit import heads
from vangnet.audit.chain import Head
from vangnet.audit.problem import Problem, ProblemKind
from vangnet.errors import DataFolderUnusable
from vangnet.keys import Keys

_KEYS = Keys(signing=b"s" * 32, sealing=b"x" * 32)


def head(position: int, day: int = 21) -> Head:
    return Head(position=position, chain=bytes([position % 256]) * 32, sealed_at=datetime(2026, 11, day, 13, tzinfo=UTC))


def positions(folder: Path) -> list[int | None]:
    """The position of each line of each file; None where it is no head."""
    lines = [line for file, size in heads.sizes(folder).items() for line in heads.read_lines(file, size)]
    return [line.signed.head.position if line.signed else None for line in lines]


@given(
    st.integers(1, 2**63 - 1),
    st.binary(min_size=32, max_size=32),
    st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_a_head_comes_back_from_its_line_and_its_signature_fits(position: int, chain: bytes, sealed_at: datetime) -> None:
    signed = heads.sign(Head(position=position, chain=chain, sealed_at=sealed_at), _KEYS)
    line = heads.format_line(signed)
    assert line.count(b"\n") == 1
    assert heads.parse_line(line) == signed
    assert signed.genuine


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_whatever_is_no_head_is_refused_and_nothing_else_happens(line: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        heads.parse_line(line)


@given(st.data())
def test_a_line_with_any_byte_changed_is_no_genuine_head(data: st.DataObject) -> None:
    line = bytearray(heads.format_line(heads.sign(head(5), _KEYS)).rstrip(b"\n"))
    place = data.draw(st.integers(0, len(line) - 1))
    line[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != line[place]))
    try:
        signed = heads.parse_line(bytes(line))
    except ValueError:
        return
    # Upper case and a changed space are the same values; everything else is another head.
    assert not signed.genuine or signed == heads.sign(head(5), _KEYS)


@pytest.mark.parametrize("cut", [1, 30, 200, -1])
def test_a_line_that_was_cut_off_is_ended_and_skipped(tmp_path: Path, cut: int) -> None:
    file = heads.append(tmp_path, heads.sign(head(1), _KEYS))
    file.write_bytes(file.read_bytes() + heads.format_line(heads.sign(head(2), _KEYS)).rstrip(b"\n")[:cut])
    last = heads.find_last(tmp_path, _KEYS.public_key)
    assert last is not None
    assert last.head.position == 1
    heads.append(tmp_path, heads.sign(head(3), _KEYS))
    assert positions(tmp_path) == [1, None, 3]


def test_a_whole_line_without_its_end_counts(tmp_path: Path) -> None:
    file = heads.append(tmp_path, heads.sign(head(1), _KEYS))
    file.write_bytes(file.read_bytes().rstrip(b"\n"))
    assert positions(tmp_path) == [1]
    heads.append(tmp_path, heads.sign(head(2), _KEYS))
    assert positions(tmp_path) == [1, 2]


def test_what_was_written_after_the_files_were_measured_is_not_read(tmp_path: Path) -> None:
    heads.append(tmp_path, heads.sign(head(1), _KEYS))
    ((file, size),) = heads.sizes(tmp_path).items()
    heads.append(tmp_path, heads.sign(head(2), _KEYS))
    assert [line.number for line in heads.read_lines(file, size)] == [1]


def test_files_are_read_in_order_of_day_and_series(tmp_path: Path) -> None:
    for position in range(1, 12):
        heads.append(tmp_path, heads.sign(head(position), _KEYS), apart=position > 1)
    heads.append(tmp_path, heads.sign(head(12, day=22), _KEYS))
    heads.append(tmp_path, heads.sign(head(13, day=20), _KEYS))
    (tmp_path / "notes.txt").write_text("not ours", encoding="utf-8")
    names = [file.name for file in heads.list_files(tmp_path)]
    assert names[0] == "heads-2026-11-21.jsonl"
    assert names[1:11] == [f"heads-2026-11-21.{series}.jsonl" for series in range(2, 12)]
    assert names[11:] == ["heads-2026-11-22.jsonl"]
    assert positions(tmp_path) == list(range(1, 14))


def test_writers_at_once_do_not_mix_their_lines(tmp_path: Path) -> None:
    def write(first: int) -> None:
        for position in range(first, first + 20):
            heads.append(tmp_path, heads.sign(head(position), _KEYS))

    writers = [threading.Thread(target=write, args=[first]) for first in (100, 200, 300)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(positions(tmp_path), key=str) == [*range(100, 120), *range(200, 220), *range(300, 320)]


@pytest.mark.parametrize("work", [heads.list_files, lambda folder: heads.append(folder, heads.sign(head(1), _KEYS))])
def test_a_folder_that_cannot_be_used_is_told_with_its_setting(tmp_path: Path, work: object) -> None:
    folder = tmp_path / "heads"
    folder.write_text("a file", encoding="utf-8")
    with pytest.raises(DataFolderUnusable) as refusal:
        work(folder)  # type: ignore[operator]
    assert refusal.value.setting == "VANGNET_AUDIT_HEADS_DIR"
    assert "VANGNET_AUDIT_HEADS_DIR" in (refusal.value.advice() or "")


def test_a_file_that_cannot_be_read_is_told_with_its_setting(tmp_path: Path) -> None:
    file = tmp_path / "heads-2026-11-21.jsonl"
    file.mkdir()
    for work in (lambda: heads.find_last(tmp_path, _KEYS.public_key), lambda: list(heads.read_lines(file, 100))):
        with pytest.raises(DataFolderUnusable, match="Is a directory"):
            work()


@pytest.mark.parametrize("kind", ProblemKind)
def test_every_kind_of_problem_has_a_sentence(kind: ProblemKind) -> None:
    at = datetime(2026, 11, 21, 13, 2, 7, tzinfo=UTC)
    problem = Problem(kind=kind, position=1, through=2, event_id=3, head="file, line 4", heads=5, since=6, at=at)
    sentence = str(problem)
    assert sentence
    assert "None" not in sentence
    assert not sentence.endswith(".")
