"""Writes JPEG files of kinds that usual encoders seldom write: any factors, any scans, any Huffman tables.

Written from the standard (ITU-T T.81) for tests, plainly and slowly. What it cannot: scans that refine AC.
"""

import random
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

#: The place of each coefficient of the zigzag in a block of 8 x 8 does not matter here: all are made up.
_COEFFICIENTS = 64


@dataclass(frozen=True, kw_only=True)
class Component:
    """One component: `blocks` has a row of blocks a row, 64 whole numbers each in zigzag order, filled up to whole MCUs."""

    id: int
    across: int
    down: int
    blocks: np.ndarray
    table: int = 0


@dataclass(frozen=True, kw_only=True)
class Scan:
    """Which components, by their places, it tells of, which coefficients, and which of their bits."""

    components: tuple[int, ...]
    first: int = 0
    last: int = 63
    high: int = 0
    low: int = 0
    #: MCUs between restart markers; 0 for none.
    restart: int = 0


@dataclass(frozen=True, kw_only=True)
class File:
    """All that a file says. Numbers that contradict each other are written as they are."""

    width: int
    height: int
    components: tuple[Component, ...]
    scans: tuple[Scan, ...]
    #: The frame's marker: 0xC0 baseline, 0xC1 extended, 0xC2 progressive.
    frame: int = 0xC0
    precision: int = 8
    #: By number, what each coefficient is multiplied by.
    steps: dict[int, Sequence[int]] = field(default_factory=lambda: {0: [1] * _COEFFICIENTS})
    #: Whether these numbers have 16 bits.
    wide_steps: bool = False
    #: Whole segments that stand before the frame.
    before: bytes = b""


def written(file: File, rng: random.Random) -> bytes:
    """The file's bytes. Huffman tables are made up by `rng`."""
    parts = [b"\xff\xd8", file.before]
    for number, steps in file.steps.items():
        form = ">64H" if file.wide_steps else ">64B"
        parts.append(segment(0xDB, bytes([file.wide_steps << 4 | number]) + struct.pack(form, *steps)))
    header = struct.pack(">BHHB", file.precision, file.height, file.width, len(file.components))
    for component in file.components:
        header += bytes([component.id, component.across << 4 | component.down, component.table])
    parts.append(segment(file.frame, header))
    for scan in file.scans:
        parts += _scan(file, scan, rng)
    return b"".join([*parts, b"\xff\xd9"])


def segment(marker: int, content: bytes) -> bytes:
    """A marker with its content."""
    return bytes([0xFF, marker]) + struct.pack(">H", 2 + len(content)) + content


def _scan(file: File, scan: Scan, rng: random.Random) -> Iterator[bytes]:
    alphabets: dict[tuple[int, int], set[int]] = {}
    pieces = [list(_symbols(file, scan, mcus)) for mcus in _intervals(list(_mcus(file, scan)), scan.restart)]
    for piece in pieces:
        for table, symbol, _, _ in piece:
            if table is not None:
                alphabets.setdefault(table, set()).add(symbol)
    codes = {}
    for table, symbols in sorted(alphabets.items()):
        content, codes[table] = _table(table, symbols, rng)
        yield segment(0xC4, content)
    yield segment(0xDD, struct.pack(">H", scan.restart))
    header = bytes([len(scan.components)])
    for place in scan.components:
        header += bytes([file.components[place].id, place << 4 | place])
    yield segment(0xDA, header + bytes([scan.first, scan.last, scan.high << 4 | scan.low]))
    for number, piece in enumerate(pieces):
        if number:
            yield bytes([0xFF, 0xD0 + (number - 1) % 8])
        bits = []
        for table, symbol, value, length in piece:
            if table is not None:
                bits.append(codes[table][symbol])
            bits.append(format(value, f"0{length}b") if length else "")
        text = "".join(bits)
        text += "1" * (-len(text) % 8)
        yield bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8)).replace(b"\xff", b"\xff\x00")


# --- the order of blocks ------------------------------------------------------------------------------------------


def _mcus(file: File, scan: Scan) -> Iterator[list[tuple[int, np.ndarray]]]:
    """Each MCU: its blocks with the component that they belong to."""
    most_across = max(component.across for component in file.components)
    most_down = max(component.down for component in file.components)
    if len(scan.components) == 1:
        (place,) = scan.components
        component = file.components[place]
        for row in range(-(-file.height * component.down // (8 * most_down))):
            for column in range(-(-file.width * component.across // (8 * most_across))):
                yield [(place, component.blocks[row, column])]
        return
    for row in range(-(-file.height // (8 * most_down))):
        for column in range(-(-file.width // (8 * most_across))):
            yield [
                (place, component.blocks[row * component.down + down, column * component.across + across])
                for place in scan.components
                for component in (file.components[place],)
                for down in range(component.down)
                for across in range(component.across)
            ]


def _intervals(mcus: list, restart: int) -> Iterator[list]:
    for start in range(0, len(mcus), restart or len(mcus)):
        yield mcus[start : start + (restart or len(mcus))]


# --- symbols ------------------------------------------------------------------------------------------------------

#: The table (0 for DC, 1 for AC; its number), the symbol, then bits that follow: their value and length.
_Symbol = tuple[tuple[int, int] | None, int, int, int]


def _symbols(file: File, scan: Scan, mcus: list) -> Iterator[_Symbol]:
    before = dict.fromkeys(scan.components, 0)
    for place, block in (one for mcu in mcus for one in mcu):
        if scan.first == 0:
            mean = int(block[0]) >> scan.low
            if scan.high:
                yield None, 0, mean & 1, 1
            else:
                yield _valued((0, place), 0, mean - before[place])
                before[place] = mean
        if scan.last > 0:
            yield from _waves(place, [int(value) for value in block], scan)


def _waves(place: int, block: list[int], scan: Scan) -> Iterator[_Symbol]:
    run = 0
    for value in block[max(scan.first, 1) : scan.last + 1]:
        # Unlike DC, these are divided, towards zero.
        scaled = abs(value) >> scan.low
        if not scaled:
            run += 1
            continue
        while run > 15:
            yield (1, place), 0xF0, 0, 0
            run -= 16
        yield _valued((1, place), run << 4, scaled if value > 0 else -scaled)
        run = 0
    if run:
        yield (1, place), 0, 0, 0


def _valued(table: tuple[int, int], upper: int, value: int) -> _Symbol:
    width = abs(value).bit_length()
    return table, upper | width, value if value >= 0 else value + (1 << width) - 1, width


# --- Huffman tables -----------------------------------------------------------------------------------------------


def _table(table: tuple[int, int], used: set[int], rng: random.Random) -> tuple[bytes, dict[int, str]]:
    """A table with these symbols and some others, of any shape: its definition, and the codes."""
    most = 12 if table[0] == 0 else 256
    others = [symbol for symbol in range(most) if symbol not in used]
    symbols = [*used, *rng.sample(others, rng.randrange(min(len(others), 40) + 1))]
    rng.shuffle(symbols)
    # Leaves of a tree that grew at random; the last one, whose code is all ones, is not used.
    depths = [0]
    while len(depths) <= len(symbols):
        growing = [at for at, depth in enumerate(depths) if depth < 16]
        at = rng.choice(growing) if rng.random() < 0.5 else min(growing, key=depths.__getitem__)
        depths[at] += 1
        depths.append(depths[at])
    depths = sorted(depths)[:-1]
    codes, code, length = {}, 0, depths[0]
    for symbol, depth in zip(symbols, depths, strict=True):
        code <<= depth - length
        length = depth
        codes[symbol] = format(code, f"0{length}b")
        code += 1
    counts = bytes(depths.count(length) for length in range(1, 17))
    return bytes([table[0] << 4 | table[1]]) + counts + bytes(symbols), codes
